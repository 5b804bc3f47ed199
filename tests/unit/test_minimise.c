// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_minimise.c - an image that fails is made simpler, and what is told of it
 * makes it again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#include "tests/torture/explore.h"

#define LINES	40u

struct shot {
	struct domain *domain;
	uint64_t lost, kept;		/* fails without the one, with the other */
	uint64_t judged;
	struct explore_where last;	/* that failed */
};

/* Words are numbered from 1 on, as they were stored. */
static bool check(void *ctx, const struct explore_where *where)
{
	struct shot *shot = ctx;
	bool lost = !shot->lost || !domain_word(shot->domain, shot->lost);
	bool kept = !shot->kept || domain_word(shot->domain, shot->kept);

	shot->judged++;
	if (!lost || !kept)
		return true;
	shot->last = *where;
	return false;
}

static void store(struct domain *domain, uint64_t word)
{
	uint64_t value = word + 1;

	domain->media.ops->store(&domain->media, word * 8, &value, 8);
}

static void explore_it(struct explore *explore, struct shot *shot,
		       enum explore_model model,
		       const struct domain_trace *trace)
{
	explore_init(explore, model, 1);
	explore->exhaustive_max = 16;
	explore->lazy_max = 0;		/* families: images far from simple */
	explore->minimise = true;
	explore->check = check;
	explore->ctx = shot;
	explore_trace(explore, shot->domain, trace);
}

/* How many versions and ranges the text has. */
static unsigned parts(const char *text)
{
	unsigned count = text[1] != 0;

	for (; *text; text++)
		count += *text == ',';
	return count;
}

static void shoot(enum explore_model model, uint64_t lost, uint64_t kept,
		  unsigned parts_max)
{
	struct shot shot = { .lost = lost, .kept = kept,
		.domain = domain_new(1 << 20, model == MODEL_PAGECACHE
				     ? NVM_SYNC : NVM_BUS) };
	struct domain_trace trace = { 0 };
	struct explore explore;
	struct explore_where only;

	domain_mark(shot.domain);
	domain_record(shot.domain, &trace);
	/* A word in each line, each in a page of its own. */
	for (uint64_t i = 1; i <= LINES; i++)
		store(shot.domain, i * NVM_PAGE / 8);
	domain_record(shot.domain, NULL);
	domain_back(shot.domain);
	explore_it(&explore, &shot, model, &trace);
	assert_int_equal(explore.stats.failures, 1);
	assert_true(shot.last.picks[0] == 'a' || shot.last.picks[0] == 'n');
	/* "n", "a" alone: it is enough that nothing arrived, or all. */
	assert_in_range(parts(shot.last.picks), lost && kept, parts_max);
	assert_true(!parts(shot.last.picks) || shot.last.guilty);

	/* And again, from what was told alone. */
	only = (struct explore_where){ .point = shot.last.point,
				       .image = shot.last.image };
	memcpy(only.picks, shot.last.picks, sizeof(only.picks));
	shot.judged = 0;
	explore_init(&explore, model, 1);
	explore.only = &only;
	explore.check = check;
	explore.ctx = &shot;
	explore_trace(&explore, shot.domain, &trace);
	assert_int_equal(explore.stats.failures, 1);
	assert_int_equal(shot.judged, 1);
	trace_free(&trace);
	domain_free(shot.domain);
}

static void test_one_word_too_few_or_too_many(void **state)
{
	(void)state;
	for (unsigned m = 0; m < MODEL_COUNT; m++) {
		/* Under eadr stores arrive in their order. */
		if (m == MODEL_EADR)
			continue;
		shoot(m, 17 * NVM_PAGE / 8, 0, 1);
		shoot(m, 0, 23 * NVM_PAGE / 8, 1);
	}
}

static void test_a_word_without_another(void **state)
{
	(void)state;
	shoot(MODEL_INTEL, 3 * NVM_PAGE / 8, 31 * NVM_PAGE / 8, 1);
	shoot(MODEL_PARANOID, 31 * NVM_PAGE / 8, 3 * NVM_PAGE / 8, 1);
	shoot(MODEL_PAGECACHE, 12 * NVM_PAGE / 8, 2 * NVM_PAGE / 8, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_word_too_few_or_too_many),
		cmocka_unit_test(test_a_word_without_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
