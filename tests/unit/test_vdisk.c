// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_vdisk.c - what a virtual disk does on sound media, without crashes.
 */
#include "tests/unit/vdisk_rig.h"

#define AREA	(8ull << 20)

static struct rig rig;

static int end(void **state)
{
	(void)state;
	rig_end(&rig);
	return 0;
}

static void begin(enum nvm_durability durability)
{
	const uint64_t bytes[] = { AREA };

	rig_create(&rig, bytes, 1, 0, durability, WEAR_ADAPTIVE);
	rig_open(&rig);
}

static void a_fresh_disk_reads_as_zeros(void **state)
{
	(void)state;
	begin(NVM_BUS);
	rig_expect(&rig, 0, 0);
	rig_expect(&rig, rig.geometry.logical_count - 1, 0);
	assert_int_equal(rig_check(&rig, false).count, 0);
	rig_close(&rig);
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	begin(NVM_BUS);
	for (unsigned v = 1; v < 5; v++)
		for (unsigned b = 0; b < 100; b++)
			assert_int_equal(rig_write(&rig, b, v + b), 0);
	for (unsigned b = 0; b < 100; b++)
		rig_expect(&rig, b, 4 + b);
	rig_close(&rig);
	rig_open(&rig);
	for (unsigned b = 0; b < 100; b++)
		rig_expect(&rig, b, 4 + b);
	assert_int_equal(rig_check(&rig, false).count, 0);
	rig_close(&rig);
}

/* Not closed: everything is found again by the scan. */
static void an_unclosed_disk_is_recovered(void **state)
{
	struct vd_info info;

	(void)state;
	begin(NVM_BUS);
	for (unsigned round = 1; round < 8; round++)
		for (unsigned b = 0; b < rig.geometry.logical_count; b++)
			assert_int_equal(rig_write(&rig, b, round), 0);
	assert_int_equal(vd_trim(rig.disk, 0, 10, 5), 0);
	assert_int_equal(rig_write(&rig, 12, 99), 0);
	rig_open(&rig);
	vd_info(rig.disk, &info);
	assert_false(info.was_clean);
	assert_int_equal(info.rolled_back, 0);
	assert_int_equal(info.lost_lines, 0);
	assert_int_equal(info.mapped_count, rig.geometry.logical_count - 4);
	for (unsigned b = 0; b < rig.geometry.logical_count; b++)
		rig_expect(&rig, b, b < 10 || b >= 15 ? 7 : b == 12 ? 99 : 0);
	assert_int_equal(rig_check(&rig, false).count, 0);
	rig_close(&rig);
	rig_open(&rig);
	vd_info(rig.disk, &info);
	assert_true(info.was_clean);
	rig_expect(&rig, 11, 0);
	rig_close(&rig);
}

static void sync_media_reuse_blocks_only_after_a_sync(void **state)
{
	(void)state;
	begin(NVM_SYNC);
	for (unsigned round = 1; round < 8; round++)
		for (unsigned b = 0; b < rig.geometry.logical_count; b++)
			assert_int_equal(rig_write(&rig, b, round), 0);
	assert_int_equal(vd_flush(rig.disk, 0), 0);
	for (unsigned b = 0; b < rig.geometry.logical_count; b++)
		rig_expect(&rig, b, 7);
	rig_open(&rig);
	for (unsigned b = 0; b < rig.geometry.logical_count; b++)
		rig_expect(&rig, b, 7);
	rig_close(&rig);
}

static void parts_of_blocks_are_merged(void **state)
{
	uint8_t whole[2 * VD_BLOCK], found[2 * VD_BLOCK], part[1536];

	(void)state;
	begin(NVM_BUS);
	rig_fill(whole, 0, 5);
	rig_fill(whole + VD_BLOCK, 1, 5);
	assert_int_equal(vd_write(rig.disk, 0, 0, 2, whole, 0), 0);
	memset(part, 0xa5, sizeof(part));
	memcpy(whole + 3584, part, sizeof(part));
	assert_int_equal(vd_pwrite(rig.disk, 0, 3584, sizeof(part), part, 0),
			 0);
	assert_int_equal(vd_read(rig.disk, 0, 0, 2, found), 0);
	assert_memory_equal(found, whole, sizeof(whole));
	assert_int_equal(vd_zero(rig.disk, 0, 512, 4096), 0);
	memset(whole + 512, 0, 4096);
	assert_int_equal(vd_pread(rig.disk, 0, 0, sizeof(found), found), 0);
	assert_memory_equal(found, whole, sizeof(whole));
	assert_int_equal(vd_pwrite(rig.disk, 0, 100, 512, part, 0),
			 -NVM_EINVAL);
	rig_close(&rig);
}

static void trims_roll_through_many_logs(void **state)
{
	struct vd_info info;

	(void)state;
	begin(NVM_BUS);
	for (unsigned i = 0; i < 5000; i++) {
		assert_int_equal(rig_write(&rig, i % 7, i + 1), 0);
		if (i % 7 != 3)
			assert_int_equal(vd_trim(rig.disk, 0, i % 7, 1), 0);
	}
	for (unsigned reopened = 0; reopened < 2; reopened++) {
		/* A recovery finds no logs that were given up. */
		vd_info(rig.disk, &info);
		assert_in_range(info.log_count, 1, 8);
		for (unsigned b = 0; b < 7; b++)
			rig_expect(&rig, b, b == 3 ? 4995 : 0);
		assert_int_equal(rig_check(&rig, false).count, 0);
		rig_open(&rig);
	}
	rig_close(&rig);
}

static void growing_and_shrinking_keep_what_stays(void **state)
{
	uint64_t large = 16ull << 20, small = 9ull << 20;
	struct vd_geometry geometry;
	uint32_t logical, kept;

	(void)state;
	begin(NVM_BUS);
	logical = rig.geometry.logical_count;
	for (unsigned b = 0; b < logical; b++)
		assert_int_equal(rig_write(&rig, b, 3), 0);
	assert_int_equal(vd_trim(rig.disk, 0, 5, 1), 0);
	rig_close(&rig);
	/* The same bytes on a larger media. */
	rig.domain[1] = domain_new(large, NVM_BUS);
	domain_poke(rig.domain[1], 0, rig.domain[0]->image, AREA);
	rig.extent[0] = &rig.domain[1]->media;
	assert_int_equal(vd_grow(&rig.area, 0, &geometry, NULL), 0);
	assert_true(geometry.logical_count > logical * 19 / 10);
	rig_open(&rig);
	for (unsigned b = 0; b < geometry.logical_count; b++)
		rig_expect(&rig, b, b < logical && b != 5 ? 3 : 0);
	for (unsigned b = 0; b < geometry.logical_count; b++)
		assert_int_equal(rig_write(&rig, b, 4), 0);
	assert_int_equal(vd_trim(rig.disk, 0, 6, 1), 0);
	assert_int_equal(rig_check(&rig, false).count, 0);
	assert_int_equal(vd_shrink(rig.disk, &small, 1, 0, &geometry, NULL),
			 0);
	rig.domain[1]->media.size_bytes = small;
	rig_open(&rig);
	assert_int_equal(rig.geometry.logical_count, geometry.logical_count);
	for (unsigned b = 0; b < geometry.logical_count; b++)
		rig_expect(&rig, b, b == 6 ? 0 : 4);
	assert_int_equal(rig_check(&rig, false).count, 0);
	rig_close(&rig);
	/* Nothing of what was given up comes back. */
	kept = geometry.logical_count;
	rig.domain[1]->media.size_bytes = large;
	assert_int_equal(vd_grow(&rig.area, 0, &geometry, NULL), 0);
	rig_open(&rig);
	for (unsigned b = 0; b < geometry.logical_count; b++)
		rig_expect(&rig, b, b != 6 && b < kept ? 4 : 0);
	rig_close(&rig);
}

/* Blocks beyond the new end, and the free ones at hand there, too. */
static void a_shrink_moves_blocks_to_where_they_stay(void **state)
{
	const uint64_t bytes[] = { 16ull << 20 };
	const uint64_t small = 9ull << 20;
	struct vd_geometry geometry;

	(void)state;
	rig_create(&rig, bytes, 1, 64, NVM_BUS, WEAR_NONE);
	rig_open(&rig);
	for (unsigned i = 0; i < 3400; i++)
		assert_int_equal(rig_write(&rig, i % 64, 1 + i / 64), 0);
	assert_int_equal(vd_shrink(rig.disk, &small, 1, 64, &geometry, NULL),
			 0);
	rig.domain[0]->media.size_bytes = small;
	rig_open(&rig);
	for (unsigned b = 0; b < 64; b++)
		rig_expect(&rig, b, 1 + (3399 - b) / 64);
	assert_int_equal(rig_check(&rig, false).count, 0);
	rig_close(&rig);
}

/* A trim across the new end, in a log that stays: what it trimmed stays so. */
static void a_shrink_keeps_trims_that_cross_the_new_end(void **state)
{
	const uint64_t bytes[] = { 16ull << 20 };
	const uint64_t small = 9ull << 20;
	struct vd_geometry geometry;
	uint32_t logical;

	(void)state;
	rig_create(&rig, bytes, 1, 0, NVM_BUS, WEAR_NONE);
	rig_open(&rig);
	/* So that the open log lies low. */
	assert_int_equal(rig_write(&rig, 5, 1), 0);
	assert_int_equal(vd_trim(rig.disk, 0, 5, 1), 0);
	logical = rig.geometry.logical_count;
	for (unsigned b = 0; b < logical; b++)
		assert_int_equal(rig_write(&rig, b, 2), 0);
	assert_int_equal(vd_trim(rig.disk, 0, 1000, logical - 1000), 0);
	assert_int_equal(vd_shrink(rig.disk, &small, 1, 0, &geometry, NULL),
			 0);
	rig.domain[0]->media.size_bytes = small;
	rig_open(&rig);
	assert_true(geometry.logical_count > 1000);
	for (unsigned b = 0; b < geometry.logical_count; b++)
		rig_expect(&rig, b, b < 1000 ? 2 : 0);
	rig_close(&rig);
}

static void other_extents_than_its_own_are_refused(void **state)
{
	const uint64_t bytes[] = { 4ull << 20, 5ull << 20 };
	struct vd_open_args args = { .lane_count = 1 };
	struct domain *foreign;

	(void)state;
	rig_create(&rig, bytes, 2, 0, NVM_BUS, WEAR_NONE);
	rig_open(&rig);
	rig_close(&rig);
	foreign = domain_new(bytes[1], NVM_BUS);
	rig.extent[1] = &foreign->media;
	assert_int_equal(rig_try_open(&rig, 0), -NVM_EMEDIUM);
	rig.mem = aligned_alloc(64, vd_memory_bytes(&rig.geometry, 1));
	args.mem = rig.mem;
	args.mem_bytes = vd_memory_bytes(&rig.geometry, 1);
	assert_int_equal(vd_open(&rig.area, &args, &rig.disk, NULL),
			 -NVM_EMEDIUM);
	domain_free(foreign);
}

static void several_extents_make_one_disk(void **state)
{
	const uint64_t bytes[] = { 4ull << 20, 3ull << 20, 5ull << 20 };
	struct nvm_media *first;
	uint32_t order[VD_EXTENTS_MAX];

	(void)state;
	rig_create(&rig, bytes, 3, 0, NVM_BUS, WEAR_MBSA);
	rig_open(&rig);
	for (unsigned round = 1; round < 4; round++)
		for (unsigned b = 0; b < rig.geometry.logical_count; b++)
			assert_int_equal(rig_write(&rig, b, round), 0);
	assert_int_equal(vd_trim(rig.disk, 0, 0, 3), 0);
	for (unsigned reopened = 0; reopened < 2; reopened++) {
		rig_open(&rig);
		for (unsigned b = 0; b < rig.geometry.logical_count; b++)
			rig_expect(&rig, b, b < 3 ? 0 : 3);
		assert_int_equal(rig_check(&rig, false).count, 0);
		rig_close(&rig);
	}
	first = rig.extent[0];
	rig.extent[0] = rig.extent[2];
	rig.extent[2] = first;
	assert_int_equal(vd_probe(&rig.area, &rig.geometry, order, NULL), 0);
	assert_int_equal(order[0], 2);
	assert_int_equal(order[1], 1);
	assert_int_equal(order[2], 0);
}

static void moves_change_nothing_that_is_read(void **state)
{
	uint32_t moves;

	(void)state;
	begin(NVM_BUS);
	for (unsigned b = 0; b < rig.geometry.logical_count; b++)
		assert_int_equal(rig_write(&rig, b, 1), 0);
	assert_int_equal(vd_level(rig.disk, 0, rig.geometry.block_count,
				  1000, true, &moves), 0);
	assert_int_equal(moves, 1000);
	for (unsigned reopened = 0; reopened < 2; reopened++) {
		for (unsigned b = 0; b < rig.geometry.logical_count; b++)
			rig_expect(&rig, b, 1);
		rig_open(&rig);
	}
	rig_close(&rig);
}

/* One drain for a write, however many blocks; data before records. */
static void a_write_has_one_drain(void **state)
{
	static uint8_t bytes[VD_GROUP_MAX * VD_BLOCK];
	static const uint32_t counts[] = { 1, 2, 16, 40 };

	(void)state;
	begin(NVM_BUS);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t before = rig.domain[0]->event_count[DOMAIN_DRAIN];
		uint64_t stores = rig.domain[0]->event_count[DOMAIN_STORE];

		assert_int_equal(vd_write(rig.disk, 0, 100, counts[i], bytes,
					  i % 2 ? VD_WRITE_ATOMIC : 0), 0);
		assert_int_equal(rig.domain[0]->event_count[DOMAIN_DRAIN],
				 before + 1);
		assert_int_equal(rig.domain[0]->event_count[DOMAIN_STORE],
				 stores + 2 * counts[i]);
	}
	rig_close(&rig);
}

/* 8 bytes a logical block, 1 a physical one, and a part that stays the same. */
static void memory_is_as_promised(void **state)
{
	uint64_t bytes = 1ull << 30, most = 0;

	(void)state;
	for (; bytes <= VD_AREA_MAX; bytes *= 4) {
		struct vd_geometry g;
		uint64_t fixed;

		assert_int_equal(vd_layout(&bytes, 1, 0, &g, NULL), 0);
		fixed = vd_memory_bytes(&g, 1) - 8ull * g.logical_count -
			g.block_count;
		if (fixed > most)
			most = fixed;
	}
	assert_in_range(most, 0, 8 << 20);
	bytes = VD_AREA_MAX + 4096;
	assert_int_equal(vd_layout(&bytes, 1, 0, &(struct vd_geometry){ 0 },
				   NULL), -NVM_ERANGE);
	bytes = VD_AREA_MIN - 4096;
	assert_int_equal(vd_layout(&bytes, 1, 0, &(struct vd_geometry){ 0 },
				   NULL), -NVM_ERANGE);
}

/* 64 GiB: several chunks of idle blocks, a pool that is a window only. */
static void a_large_disk_works_like_a_small_one(void **state)
{
	const uint64_t bytes[] = { 64ull << 30 };
	uint32_t last;

	(void)state;
	rig_create(&rig, bytes, 1, 0, NVM_BUS, WEAR_ADAPTIVE);
	rig_open(&rig);
	last = rig.geometry.logical_count - 1;
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(rig_write(&rig, i % 2 ? last - i : i, 7), 0);
	assert_int_equal(vd_trim(rig.disk, 0, last - 1, 1), 0);
	assert_int_equal(vd_trim(rig.disk, 0, 1000, last - 2000), 0);
	for (unsigned reopened = 0; reopened < 2; reopened++) {
		rig_expect(&rig, 0, 7);
		rig_expect(&rig, last, 0);
		rig_expect(&rig, last - 1, 0);
		rig_expect(&rig, last - 3, 7);
		rig_open(&rig);
	}
	rig_close(&rig);
}

static void a_pinned_block_stays_as_it_is(void **state)
{
	const void *pinned;
	uint8_t expected[VD_BLOCK];

	(void)state;
	begin(NVM_BUS);
	/* The simulated media has no address; give it one. */
	rig_close(&rig);
	rig.domain[0]->media.base = rig.domain[0]->image;
	rig_open(&rig);
	assert_int_equal(rig_write(&rig, 3, 1), 0);
	assert_int_equal(vd_pin(rig.disk, 0, 3, &pinned), 0);
	for (unsigned i = 0; i < 3 * rig.geometry.block_count; i++)
		assert_int_equal(rig_write(&rig, 3, i + 2), 0);
	rig_fill(expected, 3, 1);
	assert_memory_equal(pinned, expected, VD_BLOCK);
	vd_unpin(rig.disk, 0, pinned);
	assert_int_equal(vd_pin(rig.disk, 0, 4, &pinned), 0);
	assert_null(pinned);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_fresh_disk_reads_as_zeros, end),
		cmocka_unit_test_teardown(what_was_written_is_read, end),
		cmocka_unit_test_teardown(an_unclosed_disk_is_recovered, end),
		cmocka_unit_test_teardown(
			sync_media_reuse_blocks_only_after_a_sync, end),
		cmocka_unit_test_teardown(parts_of_blocks_are_merged, end),
		cmocka_unit_test_teardown(trims_roll_through_many_logs, end),
		cmocka_unit_test_teardown(growing_and_shrinking_keep_what_stays,
					  end),
		cmocka_unit_test_teardown(
			a_shrink_moves_blocks_to_where_they_stay, end),
		cmocka_unit_test_teardown(
			a_shrink_keeps_trims_that_cross_the_new_end, end),
		cmocka_unit_test_teardown(
			other_extents_than_its_own_are_refused, end),
		cmocka_unit_test_teardown(several_extents_make_one_disk, end),
		cmocka_unit_test_teardown(moves_change_nothing_that_is_read,
					  end),
		cmocka_unit_test_teardown(a_write_has_one_drain, end),
		cmocka_unit_test(memory_is_as_promised),
		cmocka_unit_test_teardown(a_large_disk_works_like_a_small_one,
					  end),
		cmocka_unit_test_teardown(a_pinned_block_stays_as_it_is, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
