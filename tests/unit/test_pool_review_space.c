// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_pool_review_space.c - choosing units and counting them: nothing is
 * refused that is possible, and no scan is repeated for each piece.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/torture/yard.h"

static void open_plain(struct yard *yard, uint64_t size_bytes,
		       uint32_t children_max)
{
	yard_begin_plain(yard, size_bytes, NVM_BUS);
	assert_int_equal(yard_format(yard, 2 * MIB, children_max, true), 0);
	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
}

/* Four holes of 66 MiB hold 258 MiB in pieces of 66, 64, 64 and 64. */
static void test_a_rest_that_is_too_short_takes_from_all_before_it(void **state)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct pool_space space;
	struct yard yard;
	uint32_t slot;
	size_t count;

	(void)state;
	open_plain(&yard, 1024 * MIB, 20);
	for (char name[] = "h1", wall[] = "w1"; name[1] < '5';
	     name[1]++, wall[1]++) {
		yard_carve(&yard, name, 66 * MIB, POOL_MODE_RAW, NULL);
		yard_carve(&yard, wall, 2 * MIB, POOL_MODE_RAW, NULL);
	}
	pool_space(yard.pool, &space);
	yard_carve(&yard, "rest", space.free_bytes, POOL_MODE_RAW, NULL);
	for (char name[] = "h1"; name[1] < '5'; name[1]++)
		yard_release(&yard, name);

	slot = yard_carve(&yard, "vm", 258 * MIB, POOL_MODE_DEVDAX, "vm");
	assert_int_equal(pool_child_extents(yard.pool, slot, extent, &count,
					    NULL), 0);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++)
		assert_true(extent[i].size_bytes >= VM_EXTENT_MIN);
	yard_end(&yard);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* 40,000 free pieces and not one DIRTY unit behind them. */
static void test_counting_space_is_one_pass_however_many_pieces(void **state)
{
	struct pool_range *bad = calloc(40000, sizeof(*bad));
	struct pool_geometry geom;
	struct pool_space space;
	struct yard yard;
	double start;

	(void)state;
	assert_non_null(bad);
	yard_begin_plain(&yard, 2ull << 40, NVM_BUS);
	assert_int_equal(pool_layout(2ull << 40, 2 * MIB, 8, &geom, NULL), 0);
	for (size_t i = 0; i < 40000; i++)
		bad[i] = (struct pool_range){ geom.data_off + (2 * i + 1) *
					      geom.unit_bytes, 64 };
	assert_int_equal(yard_format(&yard, 2 * MIB, 8, true), 0);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	assert_int_equal(pool_mark_bad(yard.pool, bad, 40000, NULL), 0);
	start = seconds();
	for (int i = 0; i < 10; i++)
		pool_space(yard.pool, &space);
	assert_true(seconds() - start < 2);
	assert_int_equal(space.free_runs, 40001);
	assert_int_equal(space.unit_count[UNIT_BAD], 40000);
	assert_int_equal(space.unit_count[UNIT_CLEAN],
			 geom.unit_count - 40000);
	free(bad);
	yard_end(&yard);
}

static bool stop_at(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
	(void)total_bytes;
	return done_bytes < *(const uint64_t *)ctx;
}

/* Somebody opens the child while it is copied, seen after the last byte. */
static void test_a_move_can_be_stopped_until_its_last_byte(void **state)
{
	uint64_t stop_bytes = 4 * MIB;
	struct pool_progress progress = { stop_at, &stop_bytes };
	struct pool_range before, after;
	struct yard yard;
	uint32_t slot;
	size_t count;

	(void)state;
	open_plain(&yard, 128 * MIB, 8);
	slot = yard_carve(&yard, "a", 4 * MIB, POOL_MODE_RAW, NULL);
	assert_int_equal(pool_child_extents(yard.pool, slot, &before, &count,
					    NULL), 0);
	assert_int_equal(pool_move(yard.pool, slot, 0, 20, &progress, NULL),
			 -NVM_EINTR);
	assert_int_equal(pool_child_extents(yard.pool, slot, &after, &count,
					    NULL), 0);
	assert_int_equal(before.off_bytes, after.off_bytes);
	stop_bytes = 5 * MIB;
	assert_int_equal(pool_move(yard.pool, slot, 0, 20, &progress, NULL),
			 0);
	assert_true(yard_holds(&yard, slot, 0, 2));
	yard_end(&yard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_move_can_be_stopped_until_its_last_byte),
		cmocka_unit_test(
			test_a_rest_that_is_too_short_takes_from_all_before_it),
		cmocka_unit_test(
			test_counting_space_is_one_pass_however_many_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
