/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pool_layout.c - the geometry of pools from 64 MiB to 64 TiB: what
 * pool_layout() lays down, what pool_format() puts there, what pool_probe()
 * says of good, foreign, newer and damaged media.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/yard.h"

#define GIB	(1024 * MIB)
#define TIB	(1024 * GIB)

/* All that format.h promises of a geometry. */
static void assert_geometry(const struct pool_geometry *g)
{
	uint64_t nat_end = g->nat_off + 2 * g->nat_pages * NVM_PAGE;
	uint64_t umap_end = g->umap_off + 2 * g->umap_pages * NVM_PAGE;

	assert_true(g->size_bytes % NVM_PAGE == 0);
	assert_true(g->journal_off >= 2 * NVM_PAGE);
	assert_true(g->journal_off + 2 * g->journal_slot_bytes <= g->nat_off);
	assert_true(nat_end <= g->umap_off);
	assert_true(umap_end <= g->data_off);
	assert_int_equal(g->data_off % g->unit_bytes, 0);
	assert_true(g->data_off + g->unit_count * g->unit_bytes <=
		    g->size_bytes - NVM_PAGE);
	assert_true(g->nat_pages * NAT_ENTRIES_A_PAGE >= g->children_max);
	assert_true(g->umap_pages * UMAP_UNITS_A_PAGE >= g->unit_count);
	assert_true(g->children_max >= 1);
	assert_true(g->children_max <= POOL_CHILDREN_MAX);
	assert_true(g->unit_count <= POOL_UNITS_MAX);
	/* A transaction may touch all of the UMAP. */
	assert_true(g->journal_slot_bytes >= (2 + g->umap_pages) * NVM_PAGE);
}

static void test_every_size_and_unit_has_a_sound_geometry(void **state)
{
	unsigned good = 0;

	(void)state;
	for (uint64_t size = 64 * MIB; size <= 64 * TIB; size = size * 3 / 2 +
	     12345) {
		for (uint64_t unit = 64 * KIB; unit <= GIB; unit *= 2) {
			struct pool_geometry g;
			int err = pool_layout(size, unit, 0, &g, NULL);

			if (err) {
				assert_int_equal(err, -NVM_ERANGE);
				assert_true(size / unit > POOL_UNITS_MAX ||
					    size < 4 * unit + 64 * MIB);
				continue;
			}
			assert_geometry(&g);
			/* Not one unit is given away. */
			assert_true(g.data_off + (g.unit_count + 1) * unit >
				    g.size_bytes - NVM_PAGE);
			assert_int_equal(g.unit_bytes, unit);
			assert_true(g.size_bytes <= size);
			good++;
		}
	}
	assert_true(good > 200);
}

static void test_sizes_out_of_range_are_refused(void **state)
{
	struct pool_geometry g = { .size_bytes = 77 };
	struct nvm_fault fault;

	(void)state;
	assert_int_equal(pool_layout(64 * MIB - 1, 0, 0, &g, &fault),
			 -NVM_ERANGE);
	assert_int_equal(fault.expected, POOL_SIZE_MIN);
	assert_int_equal(pool_layout(0, 0, 0, &g, NULL), -NVM_ERANGE);
	assert_int_equal(pool_layout(64 * TIB + 1, 0, 0, &g, &fault),
			 -NVM_ERANGE);
	assert_int_equal(fault.expected, POOL_SIZE_MAX);
	assert_int_equal(pool_layout(UINT64_MAX, 0, 0, &g, NULL), -NVM_ERANGE);
	assert_int_equal(pool_layout(64 * TIB, 512 * KIB, 0, &g, &fault),
			 -NVM_ERANGE);	/* 2^27 units */
	assert_int_equal(g.size_bytes, 77);
}

static void test_units_must_be_powers_of_two_in_range(void **state)
{
	static const uint64_t bad[] = { 1, 4096, 32 * KIB, 96 * KIB, 3 * MIB,
		2 * GIB, UINT64_MAX };
	struct pool_geometry g;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(pool_layout(16 * GIB, bad[i], 0, &g, NULL),
				 -NVM_EINVAL);
	assert_int_equal(pool_layout(16 * GIB, 64 * KIB, 0, &g, NULL), 0);
	assert_int_equal(pool_layout(16 * GIB, GIB, 0, &g, NULL), 0);
}

static void test_default_unit_grows_with_the_pool_where_it_must(void **state)
{
	struct pool_geometry g;

	(void)state;
	assert_int_equal(pool_layout(64 * MIB, 0, 0, &g, NULL), 0);
	assert_int_equal(g.unit_bytes, POOL_UNIT_DEFAULT);
	assert_int_equal(pool_layout(64 * TIB, 0, 0, &g, NULL), 0);
	assert_int_equal(g.unit_bytes, POOL_UNIT_DEFAULT);
	assert_true(g.unit_count <= POOL_UNITS_MAX);
	assert_int_equal(pool_layout(64 * TIB, MIB, 0, &g, NULL), 0);
	assert_true(g.unit_count > POOL_UNITS_MAX - 1024);
}

static void test_children_max_is_bounded(void **state)
{
	struct pool_geometry g;

	(void)state;
	assert_int_equal(pool_layout(TIB, 0, 100000, &g, NULL), 0);
	assert_int_equal(g.children_max, 100000);
	assert_int_equal(pool_layout(TIB, 0, 100001, &g, NULL), -NVM_EINVAL);
	assert_int_equal(pool_layout(64 * MIB, 0, 1, &g, NULL), 0);
	assert_int_equal(g.children_max, 1);
}

static void test_a_tiny_pool_of_large_units_is_refused(void **state)
{
	struct pool_geometry g;
	struct nvm_fault fault;

	(void)state;
	assert_int_equal(pool_layout(2 * GIB, GIB, 0, &g, &fault),
			 -NVM_ERANGE);
	/* What it says would be enough is enough. */
	assert_int_equal(pool_layout(fault.expected, GIB, 0, &g, NULL), 0);
	assert_int_equal(pool_layout(fault.expected - NVM_PAGE, GIB, 0, &g,
				     NULL), -NVM_ERANGE);
}

/* ---- on media -------------------------------------------------------------- */

static void format_and_use(uint64_t size, uint64_t unit, uint32_t children_max)
{
	struct yard yard;
	struct pool_geometry laid, probed;
	struct pool_space space;

	yard_begin_plain(&yard, size, NVM_BUS);
	assert_int_equal(yard_format(&yard, unit, children_max, true), 0);
	assert_int_equal(pool_layout(size, unit, children_max, &laid, NULL), 0);
	assert_int_equal(pool_probe(&yard.domain->media, &probed, NULL), 0);
	assert_geometry(&probed);
	assert_int_equal(probed.unit_count, laid.unit_count);
	assert_int_equal(probed.data_off, laid.data_off);
	assert_memory_equal(probed.uuid, yard.format.uuid, POOL_UUID_LEN);
	assert_string_equal(probed.label, "yard");
	assert_int_equal(probed.created_s, yard.format.created_s);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	pool_space(yard.pool, &space);
	assert_int_equal(space.unit_count[UNIT_CLEAN], laid.unit_count);
	assert_int_equal(space.largest_run_bytes,
			 laid.unit_count * laid.unit_bytes);
	yard_carve(&yard, "first", unit, POOL_MODE_RAW, NULL);
	pool_space(yard.pool, &space);
	assert_int_equal(yard_try_carve(&yard, "rest", space.largest_run_bytes,
					POOL_MODE_RAW, NULL, NULL), 0);
	pool_space(yard.pool, &space);
	assert_int_equal(space.children, 2);
	yard_release(&yard, "rest");
	yard_release(&yard, "first");
	pool_space(yard.pool, &space);
	assert_int_equal(space.unit_count[UNIT_USED], 0);
	yard_end(&yard);
}

static void test_smallest_and_largest_pools_work(void **state)
{
	(void)state;
	format_and_use(64 * MIB, 64 * KIB, 0);
	format_and_use(64 * MIB, 2 * MIB, 0);
	format_and_use(64 * MIB + 4095, 64 * KIB, 15);
	format_and_use(5 * GIB, GIB, 0);
	format_and_use(64 * TIB, MIB, 100);	/* 2^26 units less metadata */
	format_and_use(64 * TIB, GIB, 0);
}

static void test_format_stores_only_in_the_metadata(void **state)
{
	struct domain_trace trace = { 0 };
	struct pool_geometry g;
	struct yard yard;

	(void)state;
	yard_begin_plain(&yard, 64 * MIB, NVM_SYNC);
	domain_record(yard.domain, &trace);
	assert_int_equal(yard_format(&yard, 2 * MIB, 0, false), 0);
	assert_int_equal(pool_probe(&yard.domain->media, &g, NULL), 0);
	for (size_t i = 0; i < trace.count; i++) {
		const struct domain_event *e = &trace.event[i];

		if (e->type == DOMAIN_STORE || e->type == DOMAIN_DISCARD)
			assert_true(e->off + e->len <= g.data_off ||
				    e->off == g.size_bytes - NVM_PAGE);
	}
	assert_true(yard.domain->event_count[DOMAIN_SYNC] > 0);
	trace_free(&trace);
	yard_end(&yard);
}

static void test_format_leaves_no_foreign_bytes_in_the_metadata(void **state)
{
	struct pool_geometry g;
	struct yard yard, blank;

	(void)state;
	yard_begin(&yard, YARD_FOREIGN, NVM_BUS);
	yard_begin(&blank, YARD_BLANK, NVM_BUS);
	assert_int_equal(pool_format(&yard.domain->media, &yard.format, NULL),
			 0);
	assert_int_equal(pool_format(&blank.domain->media, &blank.format, NULL),
			 0);
	assert_int_equal(pool_probe(&yard.domain->media, &g, NULL), 0);
	assert_memory_equal(yard.domain->image, blank.domain->image,
			    g.data_off);
	assert_memory_equal(yard.domain->image + g.size_bytes - NVM_PAGE,
			    blank.domain->image + g.size_bytes - NVM_PAGE,
			    NVM_PAGE);
	yard_end(&yard);
	yard_end(&blank);
}

static void test_media_not_clean_begins_dirty(void **state)
{
	struct pool_space space;
	struct yard yard;

	(void)state;
	yard_begin_plain(&yard, 64 * MIB, NVM_BUS);
	assert_int_equal(yard_format(&yard, 64 * KIB, 15, false), 0);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	pool_space(yard.pool, &space);
	assert_int_equal(space.unit_count[UNIT_CLEAN], 0);
	assert_int_equal(space.unit_count[UNIT_DIRTY],
			 pool_geometry(yard.pool)->unit_count);
	yard_end(&yard);
}

static void test_poison_is_never_allocated(void **state)
{
	struct pool_format_args args;
	struct pool_range bad[2];
	struct pool_geometry g;
	struct pool_space space;
	struct yard yard;

	(void)state;
	yard_begin(&yard, YARD_BLANK, NVM_BUS);
	args = yard.format;
	args.clean = true;
	assert_int_equal(pool_layout(64 * MIB, args.unit_bytes,
				     args.children_max, &g, NULL), 0);
	/* One byte, and a range across a border of units. */
	bad[0] = (struct pool_range){ g.data_off + 5 * g.unit_bytes - 1, 1 };
	bad[1] = (struct pool_range){ g.data_off + 9 * g.unit_bytes - 1, 2 };
	args.bad = bad;
	args.bad_count = 2;
	assert_int_equal(pool_format(&yard.domain->media, &args, NULL), 0);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	pool_space(yard.pool, &space);
	assert_int_equal(space.unit_count[UNIT_BAD], 3);
	assert_int_equal(pool_unit_state(yard.pool, 3), UNIT_CLEAN);
	assert_int_equal(pool_unit_state(yard.pool, 4), UNIT_BAD);
	assert_int_equal(pool_unit_state(yard.pool, 8), UNIT_BAD);
	assert_int_equal(pool_unit_state(yard.pool, 9), UNIT_BAD);
	assert_int_equal(pool_unit_state(yard.pool, 10), UNIT_CLEAN);
	/* In the metadata it cannot be borne. */
	bad[0].off_bytes = g.nat_off;
	assert_int_equal(pool_format(&yard.domain->media, &args, NULL),
			 -NVM_EIO);
	yard_end(&yard);
}

static void test_format_checks_its_arguments(void **state)
{
	struct pool_format_args args;
	uint64_t hash;
	struct yard yard;

	(void)state;
	yard_begin(&yard, YARD_FOREIGN, NVM_BUS);
	args = yard.format;
	hash = yard.domain->hash;
	args.label = "a label of 64 bytes is one byte longer than there is room for it";
	assert_int_equal(strlen(args.label), 64);
	assert_int_equal(pool_format(&yard.domain->media, &args, NULL),
			 -NVM_EINVAL);
	args = yard.format;
	args.unit_bytes = 12345;
	assert_int_equal(pool_format(&yard.domain->media, &args, NULL),
			 -NVM_EINVAL);
	yard.domain->media.read_only = true;
	assert_int_equal(pool_format(&yard.domain->media, &yard.format, NULL),
			 -NVM_EROFS);
	assert_int_equal(yard.domain->hash, hash);
	assert_int_equal(yard.domain->violations, 0);
	yard_end(&yard);
}

/* ---- probe ------------------------------------------------------------------- */

/* Change a field of all copies of the GMB and seal them again. */
static void gmb_edit(struct yard *yard, size_t at, const void *bytes, size_t len)
{
	const struct nvm_media *media = &yard->domain->media;
	struct pool_gmb gmb;

	memcpy(&gmb, yard->domain->image, NVM_PAGE);
	memcpy((uint8_t *)&gmb + at, bytes, len);
	gmb.page.csum = put_le32(0);
	gmb.page.csum = put_le32(media->ops->crc32c(0, &gmb, NVM_PAGE));
	domain_poke(yard->domain, 0, &gmb, NVM_PAGE);
	domain_poke(yard->domain, NVM_PAGE, &gmb, NVM_PAGE);
	domain_poke(yard->domain, media->size_bytes - NVM_PAGE, &gmb, NVM_PAGE);
}

static void test_probe_tells_what_is_no_pool(void **state)
{
	struct pool_geometry g;
	struct yard yard;

	(void)state;
	yard_begin(&yard, YARD_BLANK, NVM_BUS);
	assert_int_equal(pool_probe(&yard.domain->media, &g, NULL),
			 -NVM_EMEDIUM);
	yard_end(&yard);
	yard_begin(&yard, YARD_FOREIGN, NVM_BUS);
	assert_int_equal(pool_probe(&yard.domain->media, &g, NULL),
			 -NVM_EMEDIUM);
	yard_end(&yard);
	for (uint64_t size = 0; size < 4 * NVM_PAGE; size += 1000) {
		yard_begin_plain(&yard, size + 1, NVM_BUS);
		assert_int_equal(pool_probe(&yard.domain->media, &g, NULL),
				 -NVM_EMEDIUM);
		yard_end(&yard);
	}
}

static void test_any_copy_of_the_gmb_is_enough(void **state)
{
	static const uint64_t copy[] = { 0, NVM_PAGE, 64 * MIB - NVM_PAGE };
	const uint64_t junk = 0x6a756e6b;
	struct pool_geometry g;
	struct yard yard;

	(void)state;
	yard_begin(&yard, YARD_AGED, NVM_BUS);
	for (unsigned mask = 0; mask < 8; mask++) {
		domain_mark(yard.domain);
		for (unsigned i = 0; i < 3; i++)
			if (mask >> i & 1)
				domain_poke(yard.domain, copy[i] + 0x58, &junk,
					    8);
		assert_int_equal(pool_probe(&yard.domain->media, &g, NULL),
				 mask == 7 ? -NVM_EBADMSG : 0);
		if (mask != 7) {
			assert_int_equal(yard_open(&yard, 0, NULL), 0);
			assert_int_equal(pool_health(yard.pool)->damaged_copies,
					 __builtin_popcount(mask));
		}
		domain_back(yard.domain);
	}
	yard_end(&yard);
}

static void test_newer_formats_are_told_apart(void **state)
{
	const le32_t two = put_le32(2), bit = put_le32(1u << 31);
	struct pool_geometry g;
	struct nvm_fault fault;
	struct yard yard;

	(void)state;
	yard_begin(&yard, YARD_AGED, NVM_BUS);
	domain_mark(yard.domain);
	gmb_edit(&yard, 0x40, &two, 4);		/* version */
	assert_int_equal(pool_probe(&yard.domain->media, &g, &fault),
			 -NVM_EPROTO);
	assert_int_equal(fault.found, 2);
	domain_back(yard.domain);
	domain_mark(yard.domain);
	gmb_edit(&yard, 0x4c, &bit, 4);		/* incompat */
	assert_int_equal(pool_probe(&yard.domain->media, &g, NULL),
			 -NVM_EPROTO);
	domain_back(yard.domain);
	domain_mark(yard.domain);
	gmb_edit(&yard, 0x48, &bit, 4);		/* ro_compat */
	assert_int_equal(yard_open(&yard, 0, NULL), 0);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), -NVM_EPROTO);
	domain_back(yard.domain);
	gmb_edit(&yard, 0x44, &bit, 4);		/* compat */
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	yard_end(&yard);
}

static void test_a_nonsense_geometry_is_damage(void **state)
{
	/* Offsets of the le64 fields size_bytes ... umap_pages. */
	static const uint64_t values[] = { 0, 1, 4095, 1ull << 20, 1ull << 40,
		1ull << 63, UINT64_MAX, UINT64_MAX - 4095 };
	struct pool_geometry g;
	unsigned accepted = 0;
	struct yard yard;

	(void)state;
	yard_begin(&yard, YARD_AGED, NVM_BUS);
	for (size_t at = 0x50; at <= 0x98; at += 8) {
		for (unsigned i = 0; i < sizeof(values) / sizeof(*values);
		     i++) {
			const le64_t value = put_le64(values[i]);
			int err;

			domain_mark(yard.domain);
			gmb_edit(&yard, at, &value, 8);
			err = pool_probe(&yard.domain->media, &g, NULL);
			if (!err)	/* fewer units, say: it fits */
				assert_geometry(&g);
			else
				assert_true(err == -NVM_EBADMSG ||
					    err == -NVM_ERANGE);
			accepted += !err;
			domain_back(yard.domain);
		}
	}
	/* One unit alone, and one page of NAT and UMAP, as it was. */
	assert_int_equal(accepted, 3);
	yard_end(&yard);
}

static void test_a_pool_larger_than_its_media_is_refused(void **state)
{
	struct pool_geometry g;
	struct nvm_fault fault;
	struct yard yard;

	(void)state;
	yard_begin(&yard, YARD_AGED, NVM_BUS);
	yard.domain->media.size_bytes -= NVM_PAGE;
	assert_int_equal(pool_probe(&yard.domain->media, &g, &fault),
			 -NVM_ERANGE);
	assert_int_equal(fault.expected, 64 * MIB);
	yard_end(&yard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size_and_unit_has_a_sound_geometry),
		cmocka_unit_test(test_sizes_out_of_range_are_refused),
		cmocka_unit_test(test_units_must_be_powers_of_two_in_range),
		cmocka_unit_test(test_default_unit_grows_with_the_pool_where_it_must),
		cmocka_unit_test(test_children_max_is_bounded),
		cmocka_unit_test(test_a_tiny_pool_of_large_units_is_refused),
		cmocka_unit_test(test_smallest_and_largest_pools_work),
		cmocka_unit_test(test_format_stores_only_in_the_metadata),
		cmocka_unit_test(test_format_leaves_no_foreign_bytes_in_the_metadata),
		cmocka_unit_test(test_media_not_clean_begins_dirty),
		cmocka_unit_test(test_poison_is_never_allocated),
		cmocka_unit_test(test_format_checks_its_arguments),
		cmocka_unit_test(test_probe_tells_what_is_no_pool),
		cmocka_unit_test(test_any_copy_of_the_gmb_is_enough),
		cmocka_unit_test(test_newer_formats_are_told_apart),
		cmocka_unit_test(test_a_nonsense_geometry_is_damage),
		cmocka_unit_test(test_a_pool_larger_than_its_media_is_refused),
	};

	return cmocka_run_group_tests_name("pool_layout", tests, NULL, NULL);
}
