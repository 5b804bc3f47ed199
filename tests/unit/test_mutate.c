// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_mutate.c - the operators that weaken a recorded protocol, on one of two
 * stores; what is no mutant; and that a judge who sees nothing lets all of them
 * survive, which the results tell.
 *
 * The protocol: two lines of data at 0x40, a barrier, a flag of one word at
 * 0x200, a barrier.  The flag says that the data are there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/mutants.h"
#include "tests/torture/results.h"

#define SIZE	(64u << 10)
#define DATA	0x40u
#define FLAG	0x200u
#define WRITTEN	0x1111222233334444u

enum { AT_DATA, AT_BARRIER, AT_FLAG, AT_LAST, AT_ACK };

struct rig {
	struct domain *domain;
	struct domain_trace trace;
	struct suite_memory memory;
	struct torture_case item;
	struct verdict verdict;
	struct explore_where path;
	struct results results;
	bool blind;
};

static const struct suite toy = { .name = "toy" };

static int rig_begin(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	uint64_t flag = WRITTEN;
	struct nvm_media *media;
	uint8_t data[128];

	assert_non_null(rig);
	rig->domain = domain_new(SIZE, NVM_BUS);
	media = &rig->domain->media;
	memset(data, 0x55, sizeof(data));
	domain_mark(rig->domain);
	domain_record(rig->domain, &rig->trace);
	media->ops->store(media, DATA, data, sizeof(data));
	media->ops->drain(media);
	media->ops->store(media, FLAG, &flag, sizeof(flag));
	media->ops->drain(media);
	domain_note(rig->domain, DOMAIN_ACK);
	domain_record(rig->domain, NULL);
	domain_back(rig->domain);
	rig->item = (struct torture_case){ .suite = &toy, .name = "toy",
					   .model = MODEL_PARANOID };
	*state = rig;
	return 0;
}

static int rig_end(void **state)
{
	struct rig *rig = *state;

	trace_free(&rig->trace);
	domain_free(rig->domain);
	marks_free(&rig->memory.killed);
	marks_free(&rig->memory.looked);
	results_free(&rig->results);
	free(rig);
	return 0;
}

/* ---- the operators ------------------------------------------------------------ */

static bool make(struct rig *rig, struct mutant *mutant, size_t at,
		 enum mutation mutation)
{
	mutant->size_bytes = SIZE;
	return mutant_make(mutant, &rig->trace, at, mutation, 1,
			   MODEL_PARANOID);
}

static void test_operators_change_one_event(void **state)
{
	struct rig *rig = *state;
	struct mutant mutant = { .size_bytes = SIZE };
	const struct domain_event *event;

	assert_true(make(rig, &mutant, AT_DATA, MUTATE_DROP));
	assert_int_equal(mutant.trace.event[AT_DATA].type, DOMAIN_RESERVE);
	assert_int_equal(mutant.trace.count, rig->trace.count);

	assert_true(make(rig, &mutant, AT_DATA, MUTATE_DELAY));
	assert_int_equal(mutant.trace.event[AT_BARRIER + 1].off, DATA);
	assert_int_equal(mutant.shift_from, AT_BARRIER + 1);

	assert_true(make(rig, &mutant, AT_BARRIER, MUTATE_LATE));
	assert_int_equal(mutant.trace.event[AT_FLAG + 1].type, DOMAIN_DRAIN);

	assert_true(make(rig, &mutant, AT_DATA, MUTATE_SWAP));
	event = mutant.trace.event;
	assert_int_equal(event[AT_DATA].off, FLAG);
	assert_int_equal(event[AT_FLAG].off, DATA);
	assert_int_equal(mutant.trace.bytes[event[AT_FLAG].bytes], 0x55);
	assert_int_equal(mutant.trace.bytes[event[AT_DATA].bytes], 0x44);

	assert_true(make(rig, &mutant, AT_DATA, MUTATE_ASIDE));
	assert_int_equal(mutant.trace.event[AT_DATA].off, DATA + NVM_LINE);

	assert_true(make(rig, &mutant, AT_DATA, MUTATE_SHORT));
	assert_int_equal(mutant.trace.event[AT_DATA].len, NVM_LINE);

	assert_true(make(rig, &mutant, AT_FLAG, MUTATE_TEAR));
	event = mutant.trace.event + AT_FLAG;
	assert_int_equal(event[0].len, 4);
	assert_int_equal(event[1].off, FLAG + 4);
	assert_int_equal(mutant.trace.bytes[event[1].bytes], 0x22);
	mutant_free(&mutant);
}

static void test_some_events_are_put_off_further(void **state)
{
	struct rig *rig = *state;
	struct mutant mutant = { .size_bytes = SIZE };

	assert_true(mutant_make(&mutant, &rig->trace, AT_DATA, MUTATE_DELAY, 2,
				MODEL_PARANOID));
	assert_int_equal(mutant.trace.event[AT_LAST + 1].off, DATA);
	assert_false(mutant_make(&mutant, &rig->trace, AT_DATA, MUTATE_DELAY, 3,
				 MODEL_PARANOID));
	assert_true(mutant_make(&mutant, &rig->trace, AT_DATA, MUTATE_LATE, 1,
				MODEL_PARANOID));
	assert_int_equal(mutant.trace.event[AT_FLAG + 1].off, DATA);
	assert_false(mutant_make(&mutant, &rig->trace, AT_DATA, MUTATE_LATE, 2,
				 MODEL_PARANOID));
	mutant_free(&mutant);
}

static void test_what_an_event_cannot(void **state)
{
	struct rig *rig = *state;
	struct mutant mutant = { .size_bytes = SIZE };

	assert_false(make(rig, &mutant, AT_FLAG, MUTATE_SHORT));
	assert_false(make(rig, &mutant, AT_DATA, MUTATE_TEAR));
	assert_false(make(rig, &mutant, AT_LAST, MUTATE_LATE));
	assert_false(make(rig, &mutant, AT_BARRIER, MUTATE_ASIDE));
	for (unsigned k = 0; k < MUTATION_COUNT; k++)
		assert_false(make(rig, &mutant, AT_ACK, k));
	mutant_free(&mutant);
}

/* ---- what is no mutant ---------------------------------------------------------- */

/* Is swapping stores of a word to @first and to @second a mutant? */
static bool swap_tells(enum explore_model model, uint64_t first, uint64_t second)
{
	struct domain *domain = domain_new(SIZE, model_durability(model));
	struct nvm_media *media = &domain->media;
	struct mutant mutant = { .size_bytes = SIZE };
	struct domain_trace trace = { 0 };
	struct marks outlook = { 0 };
	uint64_t one = 1, two = 2;
	bool tells;

	domain_mark(domain);
	domain_record(domain, &trace);
	media->ops->store(media, first, &one, 8);
	media->ops->store(media, second, &two, 8);
	media->ops->drain(media);
	domain_record(domain, NULL);
	domain_back(domain);
	outlook_make(&outlook, domain, model, &trace);
	assert_true(mutant_make(&mutant, &trace, 0, MUTATE_SWAP, 1,
				model));
	tells = mutant_tells(&mutant, &outlook, domain, model);
	mutant_free(&mutant);
	marks_free(&outlook);
	trace_free(&trace);
	domain_free(domain);
	return tells;
}

static void test_stores_without_order_are_not_swapped(void **state)
{
	(void)state;
	assert_false(swap_tells(MODEL_PARANOID, 0, 8));
	assert_true(swap_tells(MODEL_PARANOID, 0, 0));
	assert_true(swap_tells(MODEL_PAGECACHE, 0, 8));
	assert_false(swap_tells(MODEL_PAGECACHE, 0, NVM_PAGE));
}

static void test_storing_what_is_there_is_not_missed(void **state)
{
	struct rig *rig = *state;
	struct mutant mutant = { .size_bytes = SIZE };
	struct marks outlook = { 0 };

	outlook_make(&outlook, rig->domain, MODEL_PARANOID, &rig->trace);
	assert_true(make(rig, &mutant, AT_DATA, MUTATE_DROP));
	assert_true(mutant_tells(&mutant, &outlook, rig->domain,
				 MODEL_PARANOID));
	domain_apply(rig->domain, &rig->trace, AT_DATA, 1);
	outlook_make(&outlook, rig->domain, MODEL_PARANOID, &rig->trace);
	assert_false(mutant_tells(&mutant, &outlook, rig->domain,
				  MODEL_PARANOID));
	mutant_free(&mutant);
	marks_free(&outlook);
}

/* ---- judging --------------------------------------------------------------------- */

/* The flag is old or new; with it the data are there; told, it is there. */
static bool check(void *ctx, const struct explore_where *where)
{
	struct rig *rig = ctx;
	uint64_t flag = domain_word(rig->domain, FLAG / 8);
	bool whole = true;

	rig->path = *where;
	for (unsigned i = 0; i < 128; i++)
		whole &= rig->domain->image[DATA + i] == 0x55;
	if (flag && flag != WRITTEN)
		return deny(&rig->verdict, "half a flag");
	if (flag && !whole)
		return deny(&rig->verdict, "a flag, and no data");
	return flag || !where->acked || deny(&rig->verdict, "no flag");
}

static bool noticed(void *ctx, const struct mutant *mutant, bool hard)
{
	struct rig *rig = ctx;
	struct explore explore;

	(void)hard;
	if (rig->blind)
		return false;
	explore_init(&explore, MODEL_PARANOID, 1);
	explore.check = check;
	explore.ctx = rig;
	explore.first_event = mutant->first_news;
	explore_trace(&explore, rig->domain, &mutant->trace);
	return explore.stats.failures;
}

static const char *role(void *ctx, const struct domain_event *event)
{
	(void)ctx;
	return event->type == DOMAIN_DRAIN ? "barrier" :
	       event->off == DATA ? "data" : "flag";
}

static void told(void *ctx, const struct torture_case *c,
		 const struct torture_mutant *mutant)
{
	results_mutant(ctx, c, mutant);
}

static struct mutants try_all(struct rig *rig, bool blind)
{
	struct mutants m = { .item = &rig->item, .memory = &rig->memory,
		.domain = rig->domain, .trace = &rig->trace,
		.end = rig->trace.count, .deep = true, .role = role,
		.noticed = noticed, .verdict = &rig->verdict,
		.path = &rig->path, .ctx = rig };

	rig->blind = blind;
	rig->memory.mutant = told;
	rig->memory.mutant_ctx = &rig->results;
	mutants_try(&m);
	return m;
}

static void test_a_good_judge_kills_them_all(void **state)
{
	struct rig *rig = *state;
	struct mutants m = try_all(rig, false);

	assert_true(m.made >= 10);
	assert_int_equal(m.killed, m.made);
	assert_int_equal(results_survivors(&rig->results), 0);
}

static void test_under_a_blind_judge_they_survive(void **state)
{
	struct rig *rig = *state;
	struct mutants m = try_all(rig, true);

	assert_true(m.made >= 10);
	assert_int_equal(m.killed, 0);
	assert_int_equal(results_survivors(&rig->results),
			 rig->results.site_count);
	assert_int_equal(rig->memory.killed.count, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)
	static const struct CMUnitTest tests[] = {
		CASE(test_operators_change_one_event),
		CASE(test_some_events_are_put_off_further),
		CASE(test_what_an_event_cannot),
		CASE(test_stores_without_order_are_not_swapped),
		CASE(test_storing_what_is_there_is_not_missed),
		CASE(test_a_good_judge_kills_them_all),
		CASE(test_under_a_blind_judge_they_survive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
