/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_stamp.c - the info blocks that a guest's stock kernel reads: against
 * an independent computation, and one page spelled out byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/yard.h"

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

static const uint8_t *stamp_of(struct yard *yard, uint32_t slot, size_t index)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	size_t count = 0;

	assert_int_equal(pool_child_extents(yard->pool, slot, extent, &count,
					    NULL), 0);
	assert_true(index < count);
	return yard->domain->image + extent[index].off_bytes + STAMP_OFF;
}

/* What Linux's fs: nd_pfn_validate() asks for, in numbers by hand. */
static void test_devdax_stamp_byte_by_byte(void **state)
{
	static const uint8_t head[] = {
		'N', 'V', 'D', 'I', 'M', 'M', '_', 'D',
		'A', 'X', '_', 'I', 'N', 'F', 'O', 0,
		'c', 'h', 'i', 'l', 'd', 0, 1, 0,		/* uuid */
		7, 0, 0, 0, 0, 0, 0 /* extent */, 1 /* of */,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,	/* parent */
		0, 0, 0, 0,		/* flags */
		1, 0, 4, 0,		/* version 1.4 */
		0, 0, 0x20, 0, 0, 0, 0, 0,	/* data at 2 MiB */
		0, 6, 0, 0, 0, 0, 0, 0,	/* 6 MiB in pages: 0x600 */
		1, 0, 0, 0,		/* page structs in RAM */
		0, 0, 0, 0, 0, 0, 0, 0,	/* pads */
		0, 0, 0x20, 0,		/* alignment 2 MiB */
		0, 0x10, 0, 0,		/* pages of 4 KiB */
		64, 0,			/* sizeof(struct page) */
	};
	struct yard *yard = *state;
	const uint8_t *stamp;
	uint64_t lo = 0, hi = 0, sum;

	assert_int_equal(yard_try_carve(yard, "d", 8 * MIB, POOL_MODE_DEVDAX,
					"vm", NULL), 0);
	stamp = stamp_of(yard, yard_slot(yard, "d"), 0);
	assert_memory_equal(stamp, head, sizeof(head));
	for (size_t i = sizeof(head); i < NVM_PAGE - 8; i++)
		assert_int_equal(stamp[i], 0);
	memcpy(&sum, stamp + NVM_PAGE - 8, 8);
	for (size_t i = 0; i < NVM_PAGE - 8; i += 4) {
		uint32_t word;

		memcpy(&word, stamp + i, 4);
		lo = (lo + word) & 0xffffffff;
		hi += lo;
	}
	hi += 2 * lo;		/* the checksum's own two words count as 0 */
	assert_int_equal(sum & 0xffffffff, lo);
	assert_int_equal(sum >> 32, hi & 0xffffffff);
}

static void test_each_mode_has_its_stamp_and_raw_has_none(void **state)
{
	struct yard *yard = *state;

	assert_int_equal(yard_try_carve(yard, "r", 4 * MIB, POOL_MODE_RAW,
					"vm", NULL), 0);
	assert_true(yard_blank(yard, yard_slot(yard, "r"), 0,
			       4 * MIB / (64 * KIB)));
	assert_int_equal(yard_try_carve(yard, "f", 4 * MIB, POOL_MODE_FSDAX,
					"vm", NULL), 0);
	assert_true(yard_stamped(yard, yard_slot(yard, "f")));
	assert_memory_equal(stamp_of(yard, yard_slot(yard, "f"), 0),
			    "NVDIMM_PFN_INFO", 16);
	assert_int_equal(yard_try_carve(yard, "d", 4 * MIB, POOL_MODE_DEVDAX,
					"vm", NULL), 0);
	assert_true(yard_stamped(yard, yard_slot(yard, "d")));
}

static void test_stamp_follows_the_size(void **state)
{
	struct yard *yard = *state;
	uint32_t slot;

	assert_int_equal(yard_try_carve(yard, "d", 8 * MIB, POOL_MODE_DEVDAX,
					"vm", NULL), 0);
	slot = yard_slot(yard, "d");
	assert_int_equal(pool_resize(yard->pool, slot, 16 * MIB, NULL, NULL),
			 0);
	assert_true(yard_stamped(yard, slot));
	assert_int_equal(pool_resize(yard->pool, slot, 4 * MIB, NULL, NULL), 0);
	assert_true(yard_stamped(yard, slot));
}

static void test_a_stamp_that_the_guest_changed_is_left_alone(void **state)
{
	struct yard *yard = *state;
	struct pool_range extent[POOL_EXTENTS_MAX];
	const uint64_t word = 0x1234;
	uint8_t before[NVM_PAGE];
	uint32_t slot;
	size_t count;

	assert_int_equal(yard_try_carve(yard, "d", 8 * MIB, POOL_MODE_DEVDAX,
					"vm", NULL), 0);
	slot = yard_slot(yard, "d");
	assert_int_equal(pool_child_extents(yard->pool, slot, extent, &count,
					    NULL), 0);
	domain_poke(yard->domain, extent[0].off_bytes + STAMP_OFF + 0x40, &word,
		    8);
	memcpy(before, stamp_of(yard, slot, 0), NVM_PAGE);
	assert_int_equal(pool_resize(yard->pool, slot, 16 * MIB, NULL, NULL),
			 0);
	assert_memory_equal(stamp_of(yard, slot, 0), before, NVM_PAGE);
}

static void test_extents_are_numbered_and_counted(void **state)
{
	struct yard yard;
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint32_t slot;
	size_t count;

	(void)state;
	yard_begin(&yard, YARD_WIDE, NVM_BUS);
	assert_int_equal(yard_try_carve(&yard, "d", 180 * MIB,
					POOL_MODE_DEVDAX, "vm", NULL), 0);
	slot = yard_slot(&yard, "d");
	assert_int_equal(pool_child_extents(yard.pool, slot, extent, &count,
					    NULL), 0);
	assert_true(count > 1);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(stamp_of(&yard, slot, i)[30], i);
		assert_int_equal(stamp_of(&yard, slot, i)[31], count);
	}
	assert_true(yard_stamped(&yard, slot));
	yard_end(&yard);
}

static void test_usable_size_is_less_the_stamps(void **state)
{
	struct pool_child child = { .size_bytes = 128 * MIB };

	(void)state;
	assert_int_equal(pool_child_usable(&child, 2), 128 * MIB);
	child.mode = POOL_MODE_DEVDAX;
	assert_int_equal(pool_child_usable(&child, 1), 126 * MIB);
	assert_int_equal(pool_child_usable(&child, 2), 124 * MIB);
	child.mode = POOL_MODE_FSDAX;
	assert_int_equal(pool_child_usable(&child, 2), 124 * MIB);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, yard_setup, yard_teardown)
	const struct CMUnitTest tests[] = {
		T(test_devdax_stamp_byte_by_byte),
		T(test_each_mode_has_its_stamp_and_raw_has_none),
		T(test_stamp_follows_the_size),
		T(test_a_stamp_that_the_guest_changed_is_left_alone),
		cmocka_unit_test(test_extents_are_numbered_and_counted),
		cmocka_unit_test(test_usable_size_is_less_the_stamps),
	};

	return cmocka_run_group_tests_name("stamp", tests, NULL, NULL);
}
