/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pool_check.c - pool_check(): each finding is found, called by its
 * name, mended where it says so, and nothing else is touched; and no damage
 * to any page of metadata goes by unseen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/explore.h"
#include "tests/torture/oracle.h"

struct findings {
	unsigned count[FIND_UNIT_UNCLEAN + 1];
	unsigned repairable, repaired, total;
	struct pool_problem last;
};

static void find(void *ctx, const struct pool_problem *problem)
{
	struct findings *f = ctx;

	assert_non_null(problem->where.what);
	assert_true(problem->finding <= FIND_UNIT_UNCLEAN);
	f->count[problem->finding]++;
	f->repairable += problem->repairable;
	f->repaired += problem->repaired;
	f->total++;
	f->last = *problem;
}

static struct findings check(struct yard *yard, bool repair)
{
	struct findings f = { 0 };
	const struct pool_check_args args = { .repair = repair,
		.read_clean_units = true, .report = find, .ctx = &f,
		.mem = yard->check_mem };

	assert_int_equal(yard_open(yard, POOL_OPEN_SALVAGE |
				   (repair ? POOL_OPEN_WRITE : 0), NULL), 0);
	assert_int_equal(pool_check(yard->pool, &args, NULL, NULL), 0);
	return f;
}

static int setup(void **state)
{
	struct yard *yard = malloc(sizeof(*yard));

	yard_begin(yard, YARD_AGED, NVM_BUS);
	*state = yard;
	return 0;
}

static int teardown(void **state)
{
	yard_end(*state);
	free(*state);
	return 0;
}

static struct snapshot look(struct yard *yard)
{
	struct snapshot snapshot = { 0 };
	struct verdict verdict = { "" };

	assert_int_equal(yard_open(yard, 0, NULL), 0);
	assert_true(oracle_snapshot(yard, &snapshot, &verdict));
	return snapshot;
}

static void ruin(struct yard *yard, uint64_t off)
{
	const uint64_t junk = 0x6e756a6b6e756a6b;

	domain_poke(yard->domain, off + 256, &junk, 8);
}

/* Where the AMT of a child lies: its slot's number times two pages. */
static uint64_t amt_of(struct yard *yard, const char *name)
{
	const struct pool_geometry *g = pool_geometry(yard->pool);
	uint32_t slot = yard_slot(yard, name);

	for (uint64_t off = g->data_off + slot % 8 * AMT_SLOT_BYTES;;
	     off += g->unit_bytes) {
		struct pool_amt amt;

		memcpy(&amt, yard->domain->image + off, NVM_PAGE);
		if (!memcmp(amt.page.magic, POOL_MAGIC_AMT, 8) &&
		    !memcmp(amt.child_uuid, yard->domain->image + g->nat_off +
			    256 + slot * 256 + 16, POOL_UUID_LEN))
			return off;
	}
}

/* Mended by one repair: nothing is found after it, no child has changed. */
static void assert_mended(struct yard *yard, const struct snapshot *before)
{
	struct findings f = check(yard, true);
	struct snapshot after;
	struct verdict verdict = { "" };

	assert_true(f.total > 0);
	assert_int_equal(f.repaired, f.total);
	f = check(yard, false);
	assert_int_equal(f.total, 0);
	after = look(yard);
	assert_int_equal(after.loose, before->loose);
	assert_true(oracle_units(yard, &verdict));
}

/* ---- findings ---------------------------------------------------------------- */

static void test_a_sound_pool_has_no_findings(void **state)
{
	for (enum yard_state s = YARD_FRESH; s < YARD_COUNT; s++) {
		struct yard yard;
		uint64_t hash;

		/* Opening it for the repair recovers it first. */
		if (s == YARD_TORN)
			continue;

		(void)state;
		yard_begin(&yard, s, NVM_BUS);
		hash = yard.domain->hash;
		assert_int_equal(check(&yard, false).total, 0);
		assert_int_equal(check(&yard, true).total, 0);
		assert_int_equal(yard.domain->hash, hash);
		yard_end(&yard);
	}
}

static void test_damaged_copies_are_found_and_mended(void **state)
{
	struct yard *yard = *state;
	const struct pool_geometry g = *pool_geometry(yard->pool);
	const uint64_t amt = amt_of(yard, "a");
	const uint64_t copy[] = { 0, NVM_PAGE, g.size_bytes - NVM_PAGE,
		g.nat_off, g.nat_off + g.nat_pages * NVM_PAGE, g.umap_off,
		g.umap_off + g.umap_pages * NVM_PAGE, amt, amt + NVM_PAGE };
	struct snapshot before = look(yard);

	for (unsigned i = 0; i < sizeof(copy) / sizeof(*copy); i++) {
		struct findings f;

		domain_mark(yard->domain);
		ruin(yard, copy[i]);
		f = check(yard, false);
		assert_int_equal(f.total, 1);
		assert_int_equal(f.last.finding, FIND_COPY_DAMAGED);
		assert_int_equal(f.last.where.offset, copy[i]);
		assert_true(f.last.repairable);
		assert_int_equal(look(yard).strict, before.strict);
		/* Opening for writing may mend it before check looks. */
		f = check(yard, true);
		assert_int_equal(f.repaired, f.total);
		assert_int_equal(check(yard, false).total, 0);
		assert_int_equal(look(yard).strict, before.strict);
		domain_back(yard->domain);
	}
}

static void test_a_lost_umap_page_is_built_again(void **state)
{
	struct yard *yard = *state;
	const struct pool_geometry g = *pool_geometry(yard->pool);
	struct snapshot before = look(yard), after;
	struct findings f;

	ruin(yard, g.umap_off);
	ruin(yard, g.umap_off + g.umap_pages * NVM_PAGE);
	ruin(yard, g.journal_off);
	ruin(yard, g.journal_off + g.journal_slot_bytes);
	assert_int_equal(yard_open(yard, 0, NULL), -NVM_EBADMSG);
	f = check(yard, false);
	assert_int_equal(f.count[FIND_PAGE_LOST], 1);
	assert_int_equal(f.count[FIND_JOURNAL_DAMAGED], 1);
	assert_mended(yard, &before);
	after = look(yard);
	/* All that is free has to be cleaned again. */
	assert_int_equal(after.unit_count[UNIT_CLEAN], 0);
}

static void test_a_lost_nat_page_costs_its_children_and_no_other(void **state)
{
	struct yard yard;
	struct pool_geometry g;
	struct pool_child child;
	struct findings f;
	unsigned left = 0;

	(void)state;
	yard_begin(&yard, YARD_FRAGMENTED, NVM_BUS);
	g = *pool_geometry(yard.pool);
	ruin(&yard, g.nat_off);
	ruin(&yard, g.nat_off + g.nat_pages * NVM_PAGE);
	ruin(&yard, g.journal_off);
	ruin(&yard, g.journal_off + g.journal_slot_bytes);
	assert_int_equal(yard_open(&yard, 0, NULL), -NVM_EBADMSG);
	f = check(&yard, true);
	assert_true(f.count[FIND_PAGE_LOST] > 0);
	assert_false(f.repaired == f.total);
	assert_int_equal(yard_open(&yard, POOL_OPEN_SALVAGE, NULL), 0);
	for (uint32_t cursor = 0; pool_child_next(yard.pool, &cursor, &child);
	     left++) {
		assert_true(child.slot >= NAT_ENTRIES_A_PAGE);
		assert_true(yard_holds(&yard, child.slot, 0,
				       child.size_bytes / g.unit_bytes));
	}
	assert_true(left > 0);
	yard_end(&yard);
}

static void test_a_lost_amt_is_told(void **state)
{
	struct yard *yard = *state;
	const struct pool_geometry g = *pool_geometry(yard->pool);
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint32_t slot = yard_slot(yard, "a"), b = yard_slot(yard, "b");
	uint64_t amt = amt_of(yard, "a");
	struct nvm_fault fault;
	struct findings f;
	size_t count;

	ruin(yard, amt);
	ruin(yard, amt + NVM_PAGE);
	f = check(yard, true);
	assert_int_equal(f.count[FIND_EXTENT_BAD], 1);
	assert_int_equal(f.repaired, 0);
	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
	assert_int_equal(pool_child_extents(yard->pool, slot, extent, &count,
					    &fault), -NVM_EBADMSG);
	assert_int_equal(fault.offset, amt);
	assert_int_equal(pool_release(yard->pool, slot, NULL), -NVM_EBADMSG);
	assert_int_equal(pool_resize(yard->pool, slot, g.unit_bytes, NULL,
				     NULL), -NVM_EBADMSG);
	assert_int_equal(pool_move(yard->pool, slot, 0, 900, NULL, NULL),
			 -NVM_EBADMSG);
	/* The others go on. */
	assert_true(yard_holds(yard, b, 0, 8));
	assert_int_equal(pool_release(yard->pool, b, NULL), 0);
}

static void test_a_child_whose_amt_is_lost_can_be_forgotten(void **state)
{
	struct yard *yard = *state;
	uint32_t slot = yard_slot(yard, "a");
	uint64_t amt = amt_of(yard, "a");
	struct pool_child child;
	struct findings f;
	struct verdict verdict = { "" };

	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
	assert_int_equal(pool_forget(yard->pool, slot, NULL), -NVM_EINVAL);
	assert_int_equal(pool_forget(yard->pool, 14, NULL), -NVM_ENOENT);
	ruin(yard, amt);
	ruin(yard, amt + NVM_PAGE);
	/* A newer transaction, so that no slot has the AMT any more. */
	assert_int_equal(pool_release(yard->pool, yard_slot(yard, "e"), NULL),
			 0);
	assert_int_equal(pool_forget(yard->pool, slot, NULL), 0);
	assert_int_equal(pool_child_find(yard->pool, "a", &child),
			 -NVM_ENOENT);
	f = check(yard, false);
	assert_true(f.count[FIND_UNIT_LOST] > 0);
	assert_int_equal(f.count[FIND_EXTENT_BAD], 0);
	f = check(yard, true);
	assert_int_equal(f.repaired, f.total);
	assert_int_equal(check(yard, false).total, 0);
	look(yard);
	assert_true(oracle_units(yard, &verdict));
}

/* The state of one unit, in both copies of the UMAP and in the journal. */
static void set_state(struct yard *yard, uint64_t unit, unsigned value)
{
	const struct pool_geometry g = *pool_geometry(yard->pool);
	const struct pool_range one = { g.data_off, 1 };
	size_t at = 64 + unit / 4;
	uint8_t byte;

	(void)one;
	byte = yard->domain->image[g.umap_off + at];
	byte = (uint8_t)((byte & ~(3u << unit % 4 * 2)) |
			 value << unit % 4 * 2);
	yard_edit_both(yard, g.umap_off, at, &byte, 1);
}

static uint64_t first_unit(struct yard *yard, const char *name)
{
	const struct pool_geometry *g = pool_geometry(yard->pool);
	struct pool_range extent[POOL_EXTENTS_MAX];
	size_t count;

	assert_int_equal(pool_child_extents(yard->pool, yard_slot(yard, name),
					    extent, &count, NULL), 0);
	return (extent[0].off_bytes - g->data_off) / g->unit_bytes;
}

static void test_lost_units_become_dirty(void **state)
{
	struct yard *yard = *state;
	uint64_t last = pool_geometry(yard->pool)->unit_count - 1;
	struct snapshot before = look(yard);
	struct findings f;

	set_state(yard, last, UNIT_USED);
	set_state(yard, last - 1, UNIT_USED);
	set_state(yard, last - 5, UNIT_USED);
	f = check(yard, false);
	assert_int_equal(f.count[FIND_UNIT_LOST], 2);	/* runs */
	assert_mended(yard, &before);
	assert_int_equal(pool_unit_state(yard->pool, last), UNIT_DIRTY);
}

static void test_owned_units_become_used(void **state)
{
	struct yard *yard = *state;
	uint64_t unit = first_unit(yard, "b");
	struct snapshot before = look(yard);

	for (unsigned value = 0; value < 4; value++) {
		struct findings f;

		if (value == UNIT_USED)
			continue;
		domain_mark(yard->domain);
		set_state(yard, unit, value);
		f = check(yard, false);
		assert_int_equal(f.count[FIND_UNIT_UNMARKED], 1);
		assert_mended(yard, &before);
		domain_back(yard->domain);
	}
}

static void test_unclean_units_become_dirty(void **state)
{
	struct yard *yard = *state;
	const struct pool_geometry g = *pool_geometry(yard->pool);
	uint64_t last = g.unit_count - 1;
	struct snapshot before = look(yard);
	struct findings f;

	ruin(yard, g.data_off + last * g.unit_bytes + g.unit_bytes - 4096);
	f = check(yard, false);
	assert_int_equal(f.total, 1);
	assert_int_equal(f.count[FIND_UNIT_UNCLEAN], 1);
	assert_mended(yard, &before);
	assert_int_equal(pool_unit_state(yard->pool, last), UNIT_DIRTY);
}

/* Point an extent of @name at @unit. */
static void steal(struct yard *yard, const char *name, uint64_t unit)
{
	const le64_t start = put_le64(unit);

	yard_edit_both(yard, amt_of(yard, name), 0x80, &start, 8);
}

static void test_a_unit_of_two_owners_is_told(void **state)
{
	struct yard *yard = *state;
	struct findings f;

	steal(yard, "a", first_unit(yard, "b"));
	f = check(yard, false);
	assert_true(f.count[FIND_UNIT_TWICE] > 0);
	f = check(yard, true);
	assert_true(f.count[FIND_UNIT_TWICE] > 0);
	/* Neither loses what it holds. */
	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
	assert_true(yard_holds(yard, yard_slot(yard, "b"), 0, 8));
}

static void test_an_extent_over_a_shared_amt_unit_is_told(void **state)
{
	struct yard *yard = *state;
	const struct pool_geometry *g = pool_geometry(yard->pool);
	uint64_t amt_unit = (amt_of(yard, "a") - g->data_off) / g->unit_bytes;

	steal(yard, "e", amt_unit);
	assert_true(check(yard, false).count[FIND_UNIT_TWICE] > 0);
}

/* Of two groups: the extents of a low slot, the AMT unit of a later group. */
static void test_an_extent_over_a_later_groups_amt_unit_is_told(void **state)
{
	struct yard yard;
	const struct pool_geometry *g;
	uint64_t amt_unit;

	(void)state;
	yard_begin(&yard, YARD_FRAGMENTED, NVM_BUS);
	g = pool_geometry(yard.pool);
	amt_unit = (amt_of(&yard, "f8") - g->data_off) / g->unit_bytes;
	steal(&yard, "f0", amt_unit);
	assert_true(check(&yard, false).count[FIND_UNIT_TWICE] > 0);
	yard_end(&yard);
}

static void test_extents_beyond_the_pool_are_told(void **state)
{
	struct yard *yard = *state;
	static const uint64_t starts[] = { 1ull << 20, UINT64_MAX,
		UINT64_MAX - 3, 1ull << 63 };

	for (unsigned i = 0; i < 4; i++) {
		domain_mark(yard->domain);
		steal(yard, "a", starts[i]);
		assert_int_equal(check(yard, false).count[FIND_EXTENT_BAD], 1);
		domain_back(yard->domain);
	}
	steal(yard, "a", pool_geometry(yard->pool)->unit_count - 1);
	assert_int_equal(check(yard, false).count[FIND_EXTENT_BAD], 1);
}

/* One field of a NAT entry, in both copies. */
static struct findings check_entry(struct yard *yard, const char *name,
				   size_t at, const void *bytes, size_t len)
{
	const struct pool_geometry g = *pool_geometry(yard->pool);
	uint32_t slot = yard_slot(yard, name);
	struct findings f;

	domain_mark(yard->domain);
	yard_edit_both(yard, g.nat_off, 256 + slot * 256 + at, bytes, len);
	f = check(yard, false);
	/* To work on it is refused, or harmless. */
	if (!yard_open(yard, POOL_OPEN_WRITE, NULL)) {
		struct pool_range extent[POOL_EXTENTS_MAX];
		size_t count;

		pool_child_extents(yard->pool, slot, extent, &count, NULL);
	}
	domain_back(yard->domain);
	assert_int_equal(yard_open(yard, 0, NULL), 0);
	return f;
}

static void test_entries_that_say_nonsense_are_told(void **state)
{
	struct yard *yard = *state;
	const le64_t huge = put_le64(UINT64_MAX), odd = put_le64(4097);
	const uint8_t bytes[64] = { 'a', '/', 0 }, nine = 9, one = 1;
	uint8_t full[64];

	memset(full, 'x', sizeof(full));
	assert_int_equal(check_entry(yard, "b", 0x00, &huge, 8)
			 .count[FIND_ENTRY_BAD], 1);
	assert_int_equal(check_entry(yard, "b", 0x08, &huge, 8)
			 .count[FIND_ENTRY_BAD], 1);
	assert_int_equal(check_entry(yard, "b", 0x08, &odd, 8)
			 .count[FIND_ENTRY_BAD], 1);
	assert_int_equal(check_entry(yard, "b", 0x28, &huge, 8)
			 .count[FIND_ENTRY_BAD], 1);
	assert_int_equal(check_entry(yard, "b", 0x31, &one, 1)
			 .count[FIND_ENTRY_BAD], 1);	/* unknown flag */
	assert_int_equal(check_entry(yard, "b", 0x34, &nine, 1)
			 .count[FIND_ENTRY_BAD], 1);
	assert_int_equal(check_entry(yard, "b", 0x35, &nine, 1)
			 .count[FIND_ENTRY_BAD], 1);
	assert_int_equal(check_entry(yard, "b", 0x40, bytes, 64)
			 .count[FIND_ENTRY_BAD], 1);
	assert_int_equal(check_entry(yard, "b", 0x40, full, 64)
			 .count[FIND_ENTRY_BAD], 1);
	assert_int_equal(check_entry(yard, "b", 0x80, full, 64)
			 .count[FIND_ENTRY_BAD], 1);
	assert_int_equal(check_entry(yard, "b", 0x1f, &one, 1)
			 .count[FIND_ENTRY_BAD], 1);	/* byte 15 of the uuid */
}

static void test_two_children_of_one_name_are_told(void **state)
{
	struct yard *yard = *state;
	const char name[64] = "a";

	assert_int_equal(check_entry(yard, "b", 0x40, name, 64)
			 .count[FIND_ENTRY_BAD], 1);
}

/* ---- any damage ---------------------------------------------------------------- */

/*
 * One flipped bit in one copy of any metadata page: the state is the same,
 * check tells of it or it was in the journal, repair mends it.
 */
static void test_any_flipped_bit_is_seen_or_harmless(void **state)
{
	struct yard *yard = *state;
	struct domain *domain = yard->domain;
	const struct pool_geometry g = *pool_geometry(yard->pool);
	const uint64_t end = g.umap_off + 2 * g.umap_pages * NVM_PAGE;
	struct snapshot before = look(yard);
	uint64_t seed = 7, harmless = 0, seen = 0;

	for (uint64_t off = 0; off < end; off += NVM_PAGE) {
		bool journal = off >= g.journal_off && off < g.nat_off;

		for (unsigned n = 0; n < (domain->page_words[off / NVM_PAGE]
					  ? 12 : 1); n++) {
			uint64_t at = off + random_next(&seed) % NVM_PAGE;
			uint8_t byte = (uint8_t)(domain->image[at] ^
						 1u << random_next(&seed) % 8);
			struct findings f;

			domain_mark(domain);
			domain_poke(domain, at, &byte, 1);
			f = check(yard, false);
			assert_true(f.total || journal);
			assert_int_equal(f.repairable, f.total);
			seen += f.total > 0;
			harmless += !f.total;
			assert_int_equal(look(yard).strict, before.strict);
			check(yard, true);
			assert_int_equal(check(yard, false).total, 0);
			assert_int_equal(look(yard).strict, before.strict);
			domain_back(domain);
		}
	}
	print_message("%u seen, %u harmless\n", (unsigned)seen,
		      (unsigned)harmless);
	assert_true(seen > 40);
}

/* Two damaged pages: never a wrong state that passes for a right one. */
static void test_two_damaged_pages_are_never_taken_for_another_state(void **state)
{
	struct yard *yard = *state;
	struct domain *domain = yard->domain;
	const struct pool_geometry g = *pool_geometry(yard->pool);
	struct snapshot before = look(yard);
	uint64_t page[64], pages = 0, amt = amt_of(yard, "a");

	for (uint64_t off = 0; off < g.data_off; off += NVM_PAGE)
		if (domain->page_words[off / NVM_PAGE])
			page[pages++] = off;
	page[pages++] = amt;
	page[pages++] = amt + NVM_PAGE;
	page[pages++] = g.size_bytes - NVM_PAGE;
	for (uint64_t i = 0; i < pages; i++) {
		for (uint64_t k = i + 1; k < pages; k++) {
			struct snapshot now;
			struct verdict verdict;

			domain_mark(domain);
			ruin(yard, page[i]);
			ruin(yard, page[k]);
			if (!yard_open(yard, 0, NULL) &&
			    oracle_snapshot(yard, &now, &verdict))
				assert_int_equal(now.strict, before.strict);
			if (!yard_open(yard, POOL_OPEN_WRITE, NULL) &&
			    oracle_snapshot(yard, &now, &verdict))
				assert_int_equal(now.strict, before.strict);
			domain_back(domain);
		}
	}
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sound_pool_has_no_findings),
		T(test_damaged_copies_are_found_and_mended),
		T(test_a_lost_umap_page_is_built_again),
		cmocka_unit_test(test_a_lost_nat_page_costs_its_children_and_no_other),
		T(test_a_lost_amt_is_told),
		T(test_a_child_whose_amt_is_lost_can_be_forgotten),
		T(test_lost_units_become_dirty),
		T(test_owned_units_become_used),
		T(test_unclean_units_become_dirty),
		T(test_a_unit_of_two_owners_is_told),
		T(test_an_extent_over_a_shared_amt_unit_is_told),
		cmocka_unit_test(test_an_extent_over_a_later_groups_amt_unit_is_told),
		T(test_extents_beyond_the_pool_are_told),
		T(test_entries_that_say_nonsense_are_told),
		T(test_two_children_of_one_name_are_told),
		T(test_any_flipped_bit_is_seen_or_harmless),
		T(test_two_damaged_pages_are_never_taken_for_another_state),
	};

	return cmocka_run_group_tests_name("pool_check", tests, NULL, NULL);
}
