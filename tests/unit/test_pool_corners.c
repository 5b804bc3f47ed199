/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pool_corners.c - corners that neither ordinary use nor the crash
 * suites come by: more holes than extents, poison in odd places, tables that
 * disagree, media that fail while the pool is opened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/oracle.h"

#define UNIT	(64 * KIB)

static int setup(void **state)
{
	struct yard *yard = malloc(sizeof(*yard));

	yard_begin(yard, YARD_AGED, NVM_SYNC);
	*state = yard;
	return 0;
}

static int teardown(void **state)
{
	yard_end(*state);
	free(*state);
	return 0;
}

static size_t extents_of(struct yard *yard, const char *name,
			 struct pool_range *ret_extent)
{
	size_t count = 0;

	assert_int_equal(pool_child_extents(yard->pool, yard_slot(yard, name),
					    ret_extent, &count, NULL), 0);
	return count;
}

static void assert_sound(struct yard *yard)
{
	struct verdict verdict = { "" };
	struct snapshot snapshot;
	bool good = oracle_snapshot(yard, &snapshot, &verdict) &&
		    oracle_units(yard, &verdict) &&
		    oracle_check(yard, false, &verdict);

	if (!good)
		fail_msg("%s", verdict.why);
}

/* ---- choosing units ------------------------------------------------------------- */

/* 20 holes of 64, 66, ... 102 MiB, in an order that is none. */
static void test_the_largest_holes_are_taken_when_there_are_too_many(void **state)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct pool_space space;
	struct yard yard;
	uint64_t most = 0;
	char name[16];

	(void)state;
	yard_begin_plain(&yard, 2048 * MIB, NVM_BUS);
	assert_int_equal(yard_format(&yard, 2 * MIB, 60, true), 0);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "hole%u", i);
		yard_carve(&yard, name, (64 + 2 * (i * 7 % 20)) * MIB,
			   POOL_MODE_RAW, NULL);
		snprintf(name, sizeof(name), "wall%u", i);
		yard_carve(&yard, name, 2 * MIB, POOL_MODE_RAW, NULL);
	}
	pool_space(yard.pool, &space);
	yard_carve(&yard, "rest", space.free_bytes, POOL_MODE_RAW, NULL);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "hole%u", i);
		yard_release(&yard, name);
	}
	for (unsigned k = 4; k < 20; k++)
		most += (64 + 2 * k) * MIB;
	assert_int_equal(yard_try_carve(&yard, "vm", most + 2 * MIB,
					POOL_MODE_DEVDAX, "vm", NULL),
			 -NVM_EFRAG);
	assert_int_equal(yard_try_carve(&yard, "vm", most, POOL_MODE_DEVDAX,
					"vm", NULL), 0);
	assert_int_equal(extents_of(&yard, "vm", extent), VM_EXTENTS_MAX);
	assert_sound(&yard);
	yard_end(&yard);
}

static void test_raw_extents_that_come_together_are_joined(void **state)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct yard yard;
	uint64_t second, units;
	uint32_t slot;

	(void)state;
	yard_begin(&yard, YARD_FRAGMENTED, NVM_BUS);
	slot = yard_slot(&yard, "many");
	assert_true(extents_of(&yard, "many", extent) > 1);
	second = extent[1].off_bytes;
	units = extent[0].size_bytes / UNIT;
	/* Free what lies before the second extent, and move the first there. */
	for (unsigned i = 0; i < 40; i += 2) {
		char name[16];

		snprintf(name, sizeof(name), "f%u", i);
		yard_release(&yard, name);
	}
	assert_int_equal(pool_move(yard.pool, slot, 0, (second -
			 pool_geometry(yard.pool)->data_off) / UNIT - units,
			 NULL, NULL), 0);
	assert_true(yard_holds(&yard, slot, 0, 9));
	assert_true(extents_of(&yard, "many", extent) > 0);
	assert_true(extent[0].size_bytes > units * UNIT);
	assert_sound(&yard);
	yard_end(&yard);
}

/* ---- poison ------------------------------------------------------------------------ */

static void test_poison_across_pages_of_the_umap(void **state)
{
	struct pool_format_args args;
	struct pool_range bad[2];
	struct pool_geometry g;
	struct yard yard;

	(void)state;
	yard_begin_plain(&yard, 1200 * MIB, NVM_BUS);
	assert_int_equal(yard_format(&yard, UNIT, 15, true), 0);
	assert_int_equal(pool_probe(&yard.domain->media, &g, NULL), 0);
	assert_int_equal(g.umap_pages, 2);
	args = yard.format;
	/* Around the last unit of the first page, and one of the second. */
	bad[0] = (struct pool_range){ g.data_off + (UMAP_UNITS_A_PAGE - 2) *
				      UNIT, 4 * UNIT };
	bad[1] = (struct pool_range){ g.data_off + (UMAP_UNITS_A_PAGE + 9) *
				      UNIT, 1 };
	args.bad = bad;
	args.bad_count = 2;
	assert_int_equal(pool_format(&yard.domain->media, &args, NULL), 0);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	for (uint64_t u = UMAP_UNITS_A_PAGE - 4; u < UMAP_UNITS_A_PAGE + 12;
	     u++) {
		bool wanted = (u >= UMAP_UNITS_A_PAGE - 2 &&
			       u < UMAP_UNITS_A_PAGE + 2) ||
			      u == UMAP_UNITS_A_PAGE + 9;

		assert_int_equal(pool_unit_state(yard.pool, u),
				 wanted ? UNIT_BAD : UNIT_CLEAN);
	}
	assert_int_equal(pool_unit_state(yard.pool, g.unit_count), UNIT_BAD);
	assert_sound(&yard);
	yard_end(&yard);
}

static void test_poisoned_metadata_is_read_from_its_copies(void **state)
{
	struct yard *yard = *state;
	const struct pool_geometry g = *pool_geometry(yard->pool);
	const uint64_t page[] = { 0, g.nat_off, g.umap_off,
		g.nat_off + NVM_PAGE, g.journal_off };
	struct snapshot before, now;
	struct verdict verdict;

	assert_true(oracle_snapshot(yard, &before, &verdict));
	for (unsigned i = 0; i < sizeof(page) / sizeof(*page); i++) {
		yard->domain->poison[0].off = page[i];
		yard->domain->poison[0].len = NVM_PAGE;
		yard->domain->poison_count = 1;
		assert_int_equal(yard_open(yard, 0, NULL), 0);
		assert_true(oracle_snapshot(yard, &now, &verdict));
		assert_int_equal(now.strict, before.strict);
	}
	/* All copies: it is said that reading failed, not "not a pool". */
	yard->domain->poison[0].off = 0;
	yard->domain->poison[0].len = 2 * NVM_PAGE;
	yard->domain->poison[1].off = g.size_bytes - NVM_PAGE;
	yard->domain->poison[1].len = NVM_PAGE;
	yard->domain->poison_count = 2;
	assert_int_equal(yard_open(yard, 0, NULL), -NVM_EIO);
}

/* ---- opening an unfinished transaction on failing media ------------------------------ */

static void pend(struct yard *yard)
{
	const struct pool_geometry g = *pool_geometry(yard->pool);
	struct domain_trace trace = { 0 };

	domain_mark(yard->domain);
	domain_record(yard->domain, &trace);
	assert_int_equal(yard_try_carve(yard, "pending", 4 * MIB,
					POOL_MODE_DEVDAX, "vm9", NULL), 0);
	domain_record(yard->domain, NULL);
	domain_back(yard->domain);
	for (size_t i = 0; i < trace.count; i++)
		if (trace.event[i].type == DOMAIN_STORE &&
		    trace.event[i].off < g.nat_off)
			domain_apply(yard->domain, &trace, i, 1);
	trace_free(&trace);
}

static void test_recovery_on_failing_media_can_be_done_again(void **state)
{
	static const enum domain_event_type types[] = { DOMAIN_LOAD,
		DOMAIN_STORE, DOMAIN_DRAIN, DOMAIN_SYNC, DOMAIN_FLUSH };
	struct yard *yard = *state;
	struct domain *domain = yard->domain;
	struct pool_child child;
	unsigned failed = 0;

	pend(yard);
	for (unsigned t = 0; t < sizeof(types) / sizeof(*types); t++) {
		for (uint64_t n = 1;; n++) {
			uint64_t first = domain->event_count[types[t]];
			int err;

			domain_mark(domain);
			domain->fail_err = NVM_EIO;
			domain->fail_after[types[t]] = first + n;
			err = yard_open(yard, POOL_OPEN_WRITE, NULL);
			domain->fail_after[types[t]] = 0;
			failed += err != 0;
			if (types[t] != DOMAIN_LOAD &&
			    domain->event_count[types[t]] >= first + n)
				assert_int_equal(err, -NVM_EIO);
			assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL),
					 0);
			assert_int_equal(pool_child_find(yard->pool, "pending",
							 &child), 0);
			assert_true(yard_stamped(yard, child.slot));
			assert_sound(yard);
			domain_back(domain);
			if (domain->event_count[types[t]] < first + n)
				break;
		}
	}
	assert_true(failed > 20);
}

/* ---- tables that disagree --------------------------------------------------------------- */

static uint64_t amt_of(struct yard *yard, const char *name)
{
	const struct pool_geometry *g = pool_geometry(yard->pool);
	uint32_t slot = yard_slot(yard, name);
	le64_t off;

	memcpy(&off, yard->domain->image + g->nat_off + 256 + slot * 256 + 8,
	       8);
	return get_le64(off);
}

static void test_an_amt_that_does_not_fit_its_entry_is_damage(void **state)
{
	struct yard *yard = *state;
	struct pool_range extent[POOL_EXTENTS_MAX];
	const uint32_t counts[] = { 0, 249, 1u << 31 };
	uint32_t slot = yard_slot(yard, "a");
	uint64_t amt = amt_of(yard, "a");
	const uint8_t other[16] = { 1 };
	le64_t units = put_le64(1);
	size_t count = 0;

#define REFUSED(at, bytes, len)						\
	do {								\
		domain_mark(yard->domain);				\
		yard_edit_both(yard, amt, at, bytes, len);		\
		assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0); \
		assert_int_equal(pool_child_extents(yard->pool, slot, extent, \
						    &count, NULL),	\
				 -NVM_EBADMSG);				\
		assert_int_equal(pool_release(yard->pool, slot, NULL),	\
				 -NVM_EBADMSG);				\
		domain_back(yard->domain);				\
	} while (0)
	for (unsigned i = 0; i < 3; i++) {
		const le32_t value = put_le32(counts[i]);

		REFUSED(0x50, &value, 4);
	}
	REFUSED(0x40, other, 16);	/* another child's */
	REFUSED(0x88, &units, 8);	/* fewer units than the entry says */
	assert_int_equal(count, 0);
}

static void test_units_not_marked_used_stop_whoever_would_free_them(void **state)
{
	struct yard *yard = *state;
	const struct pool_geometry g = *pool_geometry(yard->pool);
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint32_t slot = yard_slot(yard, "b");
	const uint8_t clean = 0;
	uint64_t unit, last;
	uint64_t hash;

	extents_of(yard, "b", extent);
	unit = (extent[0].off_bytes - g.data_off) / UNIT;
	last = unit + extent[0].size_bytes / UNIT - 1;
	yard_edit_both(yard, g.umap_off, 64 + last / 4, &clean, 1);
	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
	hash = yard->domain->hash;
	assert_int_equal(pool_release(yard->pool, slot, NULL), -NVM_EBADMSG);
	assert_int_equal(pool_resize(yard->pool, slot, UNIT, NULL, NULL),
			 -NVM_EBADMSG);
	assert_int_equal(pool_move(yard->pool, slot, 0, 900, NULL, NULL),
			 -NVM_EBADMSG);
	assert_int_equal(yard->domain->hash, hash);
}

static void count_twice(void *ctx, const struct pool_problem *problem)
{
	unsigned *twice = ctx;

	*twice += problem->finding == FIND_UNIT_TWICE;
}

/* Every child owns everything: check says so, and in no time. */
static void test_many_owners_of_everything_are_told(void **state)
{
	struct yard yard;
	const struct pool_geometry *g;
	unsigned twice = 0;
	struct pool_check_args args = { .repair = true, .report = count_twice,
		.ctx = &twice };
	struct pool_child child;
	le64_t zero = put_le64(0), units;

	(void)state;
	yard_begin(&yard, YARD_FRAGMENTED, NVM_BUS);
	g = pool_geometry(yard.pool);
	units = put_le64(g->unit_count);
	for (uint32_t cursor = 0; pool_child_next(yard.pool, &cursor,
						  &child);) {
		const le32_t one = put_le32(1);
		uint64_t amt = 0;
		le64_t off;

		memcpy(&off, yard.domain->image + g->nat_off + child.slot / 15 *
		       NVM_PAGE + 256 + child.slot % 15 * 256 + 8, 8);
		amt = get_le64(off);
		yard_edit_both(&yard, amt, 0x50, &one, 4);
		yard_edit_both(&yard, amt, 0x80, &zero, 8);
		yard_edit_both(&yard, amt, 0x88, &units, 8);
		yard_edit_both(&yard, g->nat_off + child.slot / 15 * NVM_PAGE,
			       256 + child.slot % 15 * 256, &units, 8);
	}
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	args.mem = yard.check_mem;
	assert_int_equal(pool_check(yard.pool, &args, NULL, NULL), 0);
	assert_true(twice > 10);
	yard_end(&yard);
}

static bool stop(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
	(void)ctx;
	(void)total_bytes;
	return done_bytes < 8 * MIB;
}

static void test_check_of_clean_units_can_be_stopped(void **state)
{
	struct yard *yard = *state;
	const struct pool_progress progress = { stop, NULL };
	struct pool_check_args args = { .read_clean_units = true,
		.mem = yard->check_mem };

	assert_int_equal(pool_check(yard->pool, &args, &progress, NULL),
			 -NVM_EINTR);
	assert_sound(yard);
}

/* ---- words --------------------------------------------------------------------------------- */

static void test_every_error_has_words_of_its_own(void **state)
{
	static const int errs[] = { NVM_EPERM, NVM_ENOENT, NVM_EINTR, NVM_EIO,
		NVM_ENOMEM, NVM_EBUSY, NVM_EEXIST, NVM_EINVAL, NVM_ENOSPC,
		NVM_EROFS, NVM_ERANGE, NVM_EPROTO, NVM_EBADMSG, NVM_EMEDIUM,
		NVM_EFRAG };
	const unsigned count = sizeof(errs) / sizeof(*errs);

	(void)state;
	for (unsigned i = 0; i < count; i++) {
		const char *text = nvm_strerror(-errs[i]);

		assert_true(text[0] >= 'a' && text[0] <= 'z');
		assert_string_equal(text, nvm_strerror(errs[i]));
		assert_string_not_equal(text, nvm_strerror(-9999));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(text, nvm_strerror(-errs[k]));
	}
}

/* One page of the UMAP in both places of another: their copies agree. */
static void test_a_page_in_another_ones_place_is_damage(void **state)
{
	struct pool_geometry geom;
	struct yard yard;
	uint8_t page[NVM_PAGE];

	(void)state;
	yard_begin(&yard, YARD_WIDE, NVM_BUS);
	geom = *pool_geometry(yard.pool);
	assert_true(geom.umap_pages > 1);
	memcpy(page, yard.domain->image + geom.umap_off, NVM_PAGE);
	domain_poke(yard.domain, geom.umap_off + NVM_PAGE, page, NVM_PAGE);
	domain_poke(yard.domain, geom.umap_off +
		    (geom.umap_pages + 1) * NVM_PAGE, page, NVM_PAGE);
	/* The journal might have it, too. */
	domain_poke_zero(yard.domain, geom.journal_off,
			 2 * geom.journal_slot_bytes);
	assert_int_equal(yard_open(&yard, 0, NULL), -NVM_EBADMSG);
	yard_end(&yard);
}

/* The media lost the last store of copy A: copy B is newer, and whole. */
static void test_mending_stores_nothing_over_a_newer_copy(void **state)
{
	struct yard *yard = *state;
	const struct pool_geometry geom = *pool_geometry(yard->pool);
	const struct pool_check_args args = { .repair = true,
		.mem = yard->check_mem };
	const struct pool_range bad = { geom.data_off + (geom.unit_count - 1) *
					UNIT, 64 };
	const uint64_t copy_b = geom.nat_off + geom.nat_pages * NVM_PAGE;
	uint8_t old[NVM_PAGE], newer[NVM_PAGE];

	memcpy(old, yard->domain->image + geom.nat_off, NVM_PAGE);
	yard_carve(yard, "late", UNIT, POOL_MODE_RAW, NULL);
	memcpy(newer, yard->domain->image + copy_b, NVM_PAGE);
	/* Two transactions without the NAT: the journal has it no more. */
	assert_int_equal(pool_clean(yard->pool, NULL, NULL), 0);
	assert_int_equal(pool_mark_bad(yard->pool, &bad, 1, NULL), 0);
	domain_poke(yard->domain, geom.nat_off, old, NVM_PAGE);
	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
	assert_int_equal(pool_check(yard->pool, &args, NULL, NULL), 0);
	assert_memory_equal(yard->domain->image + copy_b, newer, NVM_PAGE);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_largest_holes_are_taken_when_there_are_too_many),
		cmocka_unit_test(test_raw_extents_that_come_together_are_joined),
		cmocka_unit_test(test_poison_across_pages_of_the_umap),
		T(test_poisoned_metadata_is_read_from_its_copies),
		T(test_recovery_on_failing_media_can_be_done_again),
		T(test_an_amt_that_does_not_fit_its_entry_is_damage),
		T(test_units_not_marked_used_stop_whoever_would_free_them),
		cmocka_unit_test(test_many_owners_of_everything_are_told),
		cmocka_unit_test(test_a_page_in_another_ones_place_is_damage),
		T(test_mending_stores_nothing_over_a_newer_copy),
		T(test_check_of_clean_units_can_be_stopped),
		cmocka_unit_test(test_every_error_has_words_of_its_own),
	};

	return cmocka_run_group_tests_name("pool_corners", tests, NULL, NULL);
}
