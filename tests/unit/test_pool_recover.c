/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pool_recover.c - the recovery table of format.h, row by row.  Each
 * test makes the state of its row from the recorded stores of one carve of a
 * stamped child, opens the pool, and looks at what was done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/oracle.h"

struct row {
	struct yard yard;
	struct domain_trace trace;	/* of the carve */
	struct domain_trace recovery;
	struct snapshot before, after;
	struct pool_geometry geom;
};

static int row_setup(void **state)
{
	struct row *row = calloc(1, sizeof(*row));
	struct verdict verdict;

	yard_begin(&row->yard, YARD_AGED, NVM_BUS);
	row->geom = *pool_geometry(row->yard.pool);
	assert_true(oracle_snapshot(&row->yard, &row->before, &verdict));
	domain_mark(row->yard.domain);
	domain_record(row->yard.domain, &row->trace);
	assert_int_equal(yard_try_carve(&row->yard, "new", 4 * MIB,
					POOL_MODE_DEVDAX, "vm9", NULL), 0);
	domain_record(row->yard.domain, NULL);
	assert_true(oracle_snapshot(&row->yard, &row->after, &verdict));
	domain_back(row->yard.domain);
	*state = row;
	return 0;
}

static int row_teardown(void **state)
{
	struct row *row = *state;

	yard_end(&row->yard);
	trace_free(&row->trace);
	trace_free(&row->recovery);
	free(row);
	return 0;
}

enum part { JOURNAL, STAMP, TABLE_A, TABLE_B, OTHER };

static enum part part_of(const struct row *row, const struct domain_event *event)
{
	const struct pool_geometry *g = &row->geom;
	const uint8_t *bytes = row->trace.bytes + event->bytes;

	if (event->type != DOMAIN_STORE)
		return OTHER;
	if (event->off < g->nat_off)
		return JOURNAL;
	if (event->off < g->umap_off)
		return event->off < g->nat_off + g->nat_pages * NVM_PAGE
			? TABLE_A : TABLE_B;
	if (event->off < g->data_off)
		return event->off < g->umap_off + g->umap_pages * NVM_PAGE
			? TABLE_A : TABLE_B;
	if (!memcmp(bytes, POOL_MAGIC_AMT, 8))
		return event->off % AMT_SLOT_BYTES ? TABLE_B : TABLE_A;
	return STAMP;
}

/* Let the stores of these parts (bits) arrive; from the n-th of a part on. */
static void arrive(struct row *row, unsigned parts, unsigned skip)
{
	for (size_t i = 0; i < row->trace.count; i++) {
		if (!(parts >> part_of(row, &row->trace.event[i]) & 1))
			continue;
		if (skip) {
			skip--;
			continue;
		}
		domain_apply(row->yard.domain, &row->trace, i, 1);
	}
}

#define BIT(part) (1u << (part))

static void open_and_expect(struct row *row, const struct snapshot *expected)
{
	struct verdict verdict;
	struct snapshot now;

	domain_record(row->yard.domain, &row->recovery);
	assert_int_equal(yard_open(&row->yard, POOL_OPEN_WRITE, NULL), 0);
	domain_record(row->yard.domain, NULL);
	assert_true(oracle_snapshot(&row->yard, &now, &verdict));
	assert_int_equal(now.strict, expected->strict);
	assert_true(oracle_units(&row->yard, &verdict));
	assert_true(oracle_check(&row->yard, false, &verdict));
}

static unsigned stored(const struct row *row, enum part part)
{
	unsigned n = 0;

	for (size_t i = 0; i < row->recovery.count; i++) {
		const struct domain_event *event = &row->recovery.event[i];

		if (event->type != DOMAIN_STORE)
			continue;
		/* By place: a part of the carve's own stores. */
		for (size_t k = 0; k < row->trace.count; k++)
			if (row->trace.event[k].type == DOMAIN_STORE &&
			    row->trace.event[k].off == event->off &&
			    part_of(row, &row->trace.event[k]) == part) {
				n++;
				break;
			}
	}
	return n;
}

/* ---- rows -------------------------------------------------------------------- */

static void test_slot_not_valid_yet_leaves_the_old_state(void **state)
{
	struct row *row = *state;
	unsigned pages = 0;

	for (size_t i = 0; i < row->trace.count; i++)
		pages += part_of(row, &row->trace.event[i]) == JOURNAL;
	assert_true(pages > 4);
	/* All but the last, and all but the first of its stores. */
	for (unsigned skip = 1; skip < pages; skip++) {
		domain_mark(row->yard.domain);
		arrive(row, BIT(JOURNAL), skip);
		open_and_expect(row, &row->before);
		assert_int_equal(stored(row, JOURNAL), 0);
		domain_back(row->yard.domain);
	}
}

static void test_all_home_does_nothing(void **state)
{
	struct row *row = *state;

	arrive(row, BIT(JOURNAL) | BIT(STAMP) | BIT(TABLE_A) | BIT(TABLE_B), 0);
	open_and_expect(row, &row->after);
	for (size_t i = 0; i < row->recovery.count; i++)
		assert_true(row->recovery.event[i].type != DOMAIN_STORE);
}

static void test_nothing_home_stores_all_of_it_stamps_first(void **state)
{
	struct row *row = *state;
	size_t stamp = 0, table = 0, barrier = 0;

	arrive(row, BIT(JOURNAL), 0);
	open_and_expect(row, &row->after);
	assert_int_equal(stored(row, STAMP), 1);
	assert_int_equal(stored(row, TABLE_A), 3);	/* NAT, UMAP, AMT */
	assert_int_equal(stored(row, TABLE_B), 3);
	assert_true(yard_stamped(&row->yard, yard_slot(&row->yard, "new")));
	for (size_t i = 0; i < row->recovery.count; i++) {
		const struct domain_event *event = &row->recovery.event[i];

		if (event->type == DOMAIN_DRAIN && stamp && !table)
			barrier = i;
		if (event->type == DOMAIN_STORE && event->off % (64 * KIB) ==
		    STAMP_OFF && event->off >= row->geom.data_off + 4 * MIB &&
		    !stamp)
			stamp = i + 1;
		else if (event->type == DOMAIN_STORE)
			table = table ? table : i;
	}
	assert_true(stamp && barrier >= stamp && table > barrier);
}

/* The guest has its stamp page from the first table page on. */
static void test_one_copy_home_stores_the_others_but_no_stamp(void **state)
{
	struct row *row = *state;

	for (unsigned keep = 0; keep < 6; keep++) {
		unsigned n = 0;

		domain_mark(row->yard.domain);
		trace_reset(&row->recovery);
		arrive(row, BIT(JOURNAL) | BIT(STAMP), 0);
		for (size_t i = 0; i < row->trace.count; i++) {
			enum part part = part_of(row, &row->trace.event[i]);

			if ((part == TABLE_A || part == TABLE_B) &&
			    n++ == keep)
				domain_apply(row->yard.domain, &row->trace, i,
					     1);
		}
		assert_int_equal(n, 6);
		open_and_expect(row, &row->after);
		assert_int_equal(stored(row, STAMP), 0);
		assert_int_equal(stored(row, TABLE_A) + stored(row, TABLE_B),
				 5);
		domain_back(row->yard.domain);
	}
}

static void test_a_damaged_copy_is_stored_from_the_slot(void **state)
{
	struct row *row = *state;
	const uint64_t junk = 0xbad;

	arrive(row, BIT(JOURNAL) | BIT(STAMP) | BIT(TABLE_A) | BIT(TABLE_B), 0);
	domain_poke(row->yard.domain, row->geom.nat_off + 512, &junk, 8);
	domain_poke(row->yard.domain, row->geom.umap_off + NVM_PAGE + 512,
		    &junk, 8);
	open_and_expect(row, &row->after);
	assert_int_equal(stored(row, TABLE_A), 1);
	assert_int_equal(stored(row, TABLE_B), 1);
	assert_int_equal(stored(row, STAMP), 0);
}

/* Bring the pool to where its journal is damaged. */
static void expect_journal_damaged(struct row *row,
				   const struct snapshot *expected)
{
	const struct pool_check_args args = { .repair = true,
		.mem = row->yard.check_mem };
	struct verdict verdict;
	struct snapshot now;

	assert_int_equal(yard_open(&row->yard, 0, NULL), 0);
	assert_true(pool_health(row->yard.pool)->journal_damaged);
	assert_true(oracle_snapshot(&row->yard, &now, &verdict));
	assert_int_equal(now.strict, expected->strict);
	assert_int_equal(yard_open(&row->yard, POOL_OPEN_WRITE, NULL),
			 -NVM_EBADMSG);
	assert_int_equal(yard_open(&row->yard, POOL_OPEN_WRITE |
				   POOL_OPEN_SALVAGE, NULL), 0);
	assert_int_equal(pool_check(row->yard.pool, &args, NULL, NULL), 0);
	open_and_expect(row, expected);
	assert_false(pool_health(row->yard.pool)->journal_damaged);
}

static void test_tables_newer_than_the_journal_need_repair(void **state)
{
	struct row *row = *state;

	arrive(row, BIT(STAMP) | BIT(TABLE_A) | BIT(TABLE_B), 0);
	expect_journal_damaged(row, &row->after);
}

static void test_no_valid_slot_needs_repair(void **state)
{
	struct row *row = *state;
	const uint64_t junk = 0xbad;

	domain_poke(row->yard.domain, row->geom.journal_off, &junk, 8);
	domain_poke(row->yard.domain, row->geom.journal_off +
		    row->geom.journal_slot_bytes, &junk, 8);
	expect_journal_damaged(row, &row->before);
}

static void test_a_reader_sees_the_new_state_without_storing(void **state)
{
	struct row *row = *state;
	struct verdict verdict;
	struct snapshot now;
	uint64_t hash;

	arrive(row, BIT(JOURNAL), 0);
	hash = row->yard.domain->hash;
	row->yard.domain->media.read_only = true;
	assert_int_equal(yard_open(&row->yard, 0, NULL), 0);
	assert_true(oracle_snapshot(&row->yard, &now, &verdict));
	assert_int_equal(now.strict, row->after.strict);
	assert_int_equal(row->yard.domain->hash, hash);
	assert_int_equal(row->yard.domain->violations, 0);
}

/* The journal of a former pool in the same place says nothing. */
static void test_a_former_pools_slot_does_not_count(void **state)
{
	static const uint8_t other[POOL_UUID_LEN] = { 1, 2, 3 };
	struct row *row = *state;

	arrive(row, BIT(JOURNAL), 0);
	yard_edit(&row->yard, row->geom.journal_off, 0x20, other,
		  POOL_UUID_LEN);
	yard_edit(&row->yard, row->geom.journal_off +
		  row->geom.journal_slot_bytes, 0x20, other, POOL_UUID_LEN);
	expect_journal_damaged(row, &row->before);
}

/* Whole, but of another transaction than the slot: no row of the table. */
static void test_an_image_of_another_transaction_spoils_its_slot(void **state)
{
	struct row *row = *state;
	struct domain *domain = row->yard.domain;
	uint64_t slot, seq, other;
	le32_t csum;
	uint32_t count;

	arrive(row, BIT(JOURNAL), 0);
	/* The newer one is the one just stored. */
	slot = row->geom.journal_off;
	memcpy(&seq, domain->image + slot + 0x10, 8);
	memcpy(&other, domain->image + slot +
	       row->geom.journal_slot_bytes + 0x10, 8);
	if (other > seq) {
		slot += row->geom.journal_slot_bytes;
		seq = other;
	}
	seq -= 2;
	memcpy(&count, domain->image + slot + 0x40, 4);
	/* The first image is of a table: stamps come behind. */
	yard_edit(&row->yard, slot + 2 * NVM_PAGE, 0x10, &seq, 8);
	csum = put_le32(domain->media.ops->crc32c(0, domain->image + slot +
						  NVM_PAGE, (1 + count) *
						  NVM_PAGE));
	yard_edit(&row->yard, slot, 0x44, &csum, 4);
	open_and_expect(row, &row->before);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, row_setup, row_teardown)
	const struct CMUnitTest tests[] = {
		T(test_slot_not_valid_yet_leaves_the_old_state),
		T(test_all_home_does_nothing),
		T(test_nothing_home_stores_all_of_it_stamps_first),
		T(test_one_copy_home_stores_the_others_but_no_stamp),
		T(test_a_damaged_copy_is_stored_from_the_slot),
		T(test_tables_newer_than_the_journal_need_repair),
		T(test_no_valid_slot_needs_repair),
		T(test_a_reader_sees_the_new_state_without_storing),
		T(test_a_former_pools_slot_does_not_count),
		T(test_an_image_of_another_transaction_spoils_its_slot),
	};

	return cmocka_run_group_tests_name("pool_recover", tests, NULL, NULL);
}
