/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pool_extend.c - growing a child that a VM maps: what it maps stays
 * where and as long as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/yard.h"

#define UNIT (pool_geometry(yard->pool)->unit_bytes)

static int yard_setup(void **state)
{
	struct yard *yard = malloc(sizeof(*yard));

	yard_begin(yard, YARD_FRESH, NVM_BUS);
	*state = yard;
	return 0;
}

static int yard_teardown(void **state)
{
	yard_end(*state);
	free(*state);
	return 0;
}

static void a_child_with_room_behind_it_still_gets_a_new_extent(void **state)
{
	struct yard *yard = *state;
	struct pool_range before[POOL_EXTENTS_MAX], after[POOL_EXTENTS_MAX];
	uint32_t slot = yard_carve(yard, "g", 2 * UNIT, POOL_MODE_RAW, NULL);
	size_t count;

	assert_int_equal(pool_child_extents(yard->pool, slot, before, &count,
					    NULL), 0);
	assert_int_equal(count, 1);
	assert_int_equal(pool_extend(yard->pool, slot, 6 * UNIT, NULL, NULL),
			 0);
	assert_int_equal(pool_child_extents(yard->pool, slot, after, &count,
					    NULL), 0);
	assert_int_equal(count, 2);
	assert_memory_equal(before, after, sizeof(before[0]));
	assert_int_equal(after[1].size_bytes, 4 * UNIT);
	assert_true(yard_holds(yard, slot, 0, 2));
	assert_true(yard_blank(yard, slot, 2, 4));
}

static void nothing_is_taken_away_and_the_same_size_is_no_change(void **state)
{
	struct yard *yard = *state;
	uint32_t slot = yard_carve(yard, "g", 2 * UNIT, POOL_MODE_RAW, NULL);
	struct pool_child child;

	assert_int_equal(pool_extend(yard->pool, slot, UNIT, NULL, NULL),
			 -NVM_EINVAL);
	assert_int_equal(pool_extend(yard->pool, slot, 2 * UNIT, NULL, NULL),
			 0);
	assert_int_equal(pool_child_find(yard->pool, "g", &child), 0);
	assert_int_equal(child.size_bytes, 2 * UNIT);
}

static void a_vms_small_child_is_not_cut_into_pieces(void **state)
{
	struct yard *yard = *state;
	uint32_t slot = yard_carve(yard, "g", 4 << 20, POOL_MODE_FSDAX, "vm1");

	assert_int_equal(pool_extend(yard->pool, slot, 6 << 20, NULL, NULL),
			 -NVM_EFRAG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_child_with_room_behind_it_still_gets_a_new_extent,
			yard_setup, yard_teardown),
		cmocka_unit_test_setup_teardown(
			nothing_is_taken_away_and_the_same_size_is_no_change,
			yard_setup, yard_teardown),
		cmocka_unit_test_setup_teardown(
			a_vms_small_child_is_not_cut_into_pieces,
			yard_setup, yard_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
