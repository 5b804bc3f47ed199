/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pool_child.c - children of a pool: carve, find, resize, update,
 * release, clean, move, compact, mark bad; every error that pool.h names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/oracle.h"

#define UNIT	(64 * KIB)

static int setup(void **state, enum yard_state how)
{
	struct yard *yard = malloc(sizeof(*yard));

	yard_begin(yard, how, NVM_SYNC);
	*state = yard;
	return 0;
}

static int setup_fresh(void **state)
{
	return setup(state, YARD_FRESH);
}

static int setup_aged(void **state)
{
	return setup(state, YARD_AGED);
}

static int setup_fragmented(void **state)
{
	return setup(state, YARD_FRAGMENTED);
}

static int setup_full(void **state)
{
	return setup(state, YARD_FULL);
}

static int setup_wide(void **state)
{
	return setup(state, YARD_WIDE);
}

static int teardown(void **state)
{
	struct yard *yard = *state;
	struct snapshot before, after;
	struct verdict verdict = { "" };
	bool good;

	/* Whatever a test did: the pool is sound, and the same when reopened. */
	good = oracle_snapshot(yard, &before, &verdict) &&
	       oracle_units(yard, &verdict) &&
	       oracle_check(yard, false, &verdict);
	if (!good)
		print_message("%s\n", verdict.why);
	assert_true(good);
	assert_int_equal(yard_open(yard, 0, NULL), 0);
	assert_true(oracle_snapshot(yard, &after, &verdict));
	assert_int_equal(before.strict, after.strict);
	assert_int_equal(yard->domain->violations, 0);
	yard_end(yard);
	free(yard);
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

static struct pool_space space_of(struct yard *yard)
{
	struct pool_space space;

	pool_space(yard->pool, &space);
	return space;
}

/* An error must leave the pool as it was, to the last byte of the media. */
#define assert_refused(yard, call, wanted)				\
	do {								\
		uint64_t hash_ = (yard)->domain->hash;			\
		struct snapshot a_, b_;					\
		struct verdict v_;					\
		assert_true(oracle_snapshot(yard, &a_, &v_));		\
		assert_int_equal(call, wanted);				\
		assert_int_equal((yard)->domain->hash, hash_);		\
		assert_true(oracle_snapshot(yard, &b_, &v_));		\
		assert_int_equal(a_.strict, b_.strict);			\
	} while (0)

/* ---- names --------------------------------------------------------------------- */

static void test_names(void **state)
{
	static const char *const good[] = { "a", "0", "vm1", "A.b_c-d",
		"123456789012345678901234567890123456789012345678901234567890123"
	};
	static const char *const bad[] = { "", ".", "-a", "_a", ".a", "a/b",
		"a b", "a\n", "\xc3\xa4", "a:b", "a,b", "a=b", "a\"", "a'", "$a",
		"1234567890123456789012345678901234567890123456789012345678901234"
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(pool_name_valid(good[i]));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(pool_name_valid(bad[i]));
	assert_false(pool_name_valid(NULL));
}

/* ---- carve ------------------------------------------------------------------------ */

static void test_carve_keeps_all_particulars(void **state)
{
	struct yard *yard = *state;
	uint8_t uuid[POOL_UUID_LEN];
	struct pool_child made, found;
	struct pool_carve_args args = {
		.name = "all", .vm = "vm.1", .uuid = uuid,
		.size_bytes = 6 * MIB, .grow_to_bytes = 64 * MIB,
		.created_s = 1234567890123, .flags = POOL_CHILD_READ_ONLY,
		.mode = POOL_MODE_FSDAX, .device = POOL_DEVICE_VIRTIO_PMEM,
		.for_vm = true,
	};

	memset(uuid, 0xee, sizeof(uuid));
	assert_int_equal(pool_carve(yard->pool, &args, NULL, &made, NULL), 0);
	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
	assert_int_equal(pool_child_find(yard->pool, "all", &found), 0);
	assert_memory_equal(&made, &found, sizeof(made));
	assert_string_equal(found.name, "all");
	assert_string_equal(found.vm, "vm.1");
	assert_int_equal(found.size_bytes, 6 * MIB);
	assert_int_equal(found.grow_to_bytes, 64 * MIB);
	assert_int_equal(found.created_s, 1234567890123);
	assert_int_equal(found.flags, POOL_CHILD_READ_ONLY);
	assert_int_equal(found.mode, POOL_MODE_FSDAX);
	assert_int_equal(found.device, POOL_DEVICE_VIRTIO_PMEM);
	assert_memory_equal(found.uuid, uuid, 14);
	assert_int_equal(found.uuid[14] | found.uuid[15], 0);
}

static void test_carve_refuses_bad_arguments(void **state)
{
	struct yard *yard = *state;
	const uint8_t uuid[POOL_UUID_LEN] = { 1 };
	const struct pool_carve_args good = { .name = "x", .uuid = uuid,
		.size_bytes = UNIT };
	struct pool_carve_args args;
	struct nvm_fault fault;

#define REFUSED(field, value, err)					\
	do {								\
		args = good;						\
		args.field = value;					\
		assert_refused(yard, pool_carve(yard->pool, &args, NULL, NULL, \
						&fault), err);		\
	} while (0)
	REFUSED(name, "", -NVM_EINVAL);
	REFUSED(name, "a/b", -NVM_EINVAL);
	REFUSED(name, NULL, -NVM_EINVAL);
	REFUSED(vm, "a b", -NVM_EINVAL);
	REFUSED(uuid, NULL, -NVM_EINVAL);
	REFUSED(size_bytes, 0, -NVM_EINVAL);
	REFUSED(size_bytes, UNIT + 1, -NVM_EINVAL);
	REFUSED(size_bytes, UNIT - 4096, -NVM_EINVAL);
	assert_int_equal(fault.expected, UNIT);
	REFUSED(flags, 4, -NVM_EINVAL);
	REFUSED(mode, 3, -NVM_EINVAL);
	REFUSED(device, 3, -NVM_EINVAL);
	REFUSED(for_vm, true, -NVM_EINVAL);	/* 64 KiB is not of 2 MiB */
	REFUSED(size_bytes, 64 * MIB, -NVM_ENOSPC);
	assert_int_equal(fault.expected, 64 * MIB);
	assert_int_equal(fault.found % UNIT, 0);
	REFUSED(size_bytes, UINT64_MAX / UNIT * UNIT, -NVM_ENOSPC);
	/* A stamp would take half of it and more. */
	args = good;
	args.mode = POOL_MODE_DEVDAX;
	args.size_bytes = 2 * MIB;
	assert_refused(yard, pool_carve(yard->pool, &args, NULL, NULL, NULL),
		       -NVM_ERANGE);
	args.size_bytes = 5 * MIB;
	assert_refused(yard, pool_carve(yard->pool, &args, NULL, NULL, NULL),
		       -NVM_EINVAL);
}

static void test_a_name_is_taken_once(void **state)
{
	struct yard *yard = *state;

	assert_refused(yard, yard_try_carve(yard, "a", UNIT, POOL_MODE_RAW,
					    NULL, NULL), -NVM_EEXIST);
	yard_release(yard, "a");
	assert_int_equal(yard_try_carve(yard, "a", UNIT, POOL_MODE_RAW, NULL,
					NULL), 0);
}

static void test_best_fit_takes_the_smallest_hole_that_holds_it(void **state)
{
	struct yard *yard = *state;
	struct pool_range before[POOL_EXTENTS_MAX], after[POOL_EXTENTS_MAX];

	yard_carve(yard, "w1", 5 * UNIT, POOL_MODE_RAW, NULL);
	yard_carve(yard, "s1", UNIT, POOL_MODE_RAW, NULL);
	yard_carve(yard, "w2", 3 * UNIT, POOL_MODE_RAW, NULL);
	yard_carve(yard, "s2", UNIT, POOL_MODE_RAW, NULL);
	extents_of(yard, "w2", before);
	yard_release(yard, "w1");
	yard_release(yard, "w2");
	yard_carve(yard, "fits", 3 * UNIT, POOL_MODE_RAW, NULL);
	assert_int_equal(extents_of(yard, "fits", after), 1);
	assert_int_equal(after[0].off_bytes, before[0].off_bytes);
}

static void test_former_bytes_are_gone_when_carved_again(void **state)
{
	struct yard *yard = *state;
	struct pool_space space = space_of(yard);
	uint64_t units = space.free_bytes / UNIT;

	assert_true(space.unit_count[UNIT_DIRTY] > 0);
	assert_int_equal(yard_try_carve(yard, "all", units * UNIT,
					POOL_MODE_RAW, NULL, NULL), 0);
	assert_true(yard_blank(yard, yard_slot(yard, "all"), 0, units));
	assert_int_equal(space_of(yard).free_bytes, 0);
}

static void test_a_fragmented_pool_gives_extents_or_says_so(void **state)
{
	struct yard *yard = *state;
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint64_t free = space_of(yard).free_bytes;
	struct nvm_fault fault;

	assert_int_equal(yard_try_carve(yard, "rest", free, POOL_MODE_RAW, NULL,
					NULL), 0);
	assert_true(extents_of(yard, "rest", extent) > 4);
	for (size_t i = 1; i < extents_of(yard, "rest", extent); i++)
		assert_true(extent[i].off_bytes > extent[i - 1].off_bytes);
	yard_release(yard, "rest");
	/* A VM gets it in one piece, or in pieces of 64 MiB. */
	yard_release(yard, "f2");
	yard_release(yard, "f8");
	assert_true(space_of(yard).free_bytes >= 2 * MIB);
	assert_refused(yard, yard_try_carve(yard, "vm", 2 * MIB, POOL_MODE_RAW,
					    "vm", &fault), -NVM_EFRAG);
}

static void test_a_full_pool_says_how_much_is_missing(void **state)
{
	struct yard *yard = *state;
	struct nvm_fault fault;

	assert_refused(yard, yard_try_carve(yard, "x", 3 * UNIT, POOL_MODE_RAW,
					    NULL, &fault), -NVM_ENOSPC);
	assert_int_equal(fault.expected, 3 * UNIT);
	assert_int_equal(fault.found, 0);
}

static void test_the_nat_has_so_many_slots(void **state)
{
	struct yard *yard = *state;
	struct nvm_fault fault;
	char name[8];

	for (unsigned i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		yard_carve(yard, name, UNIT, POOL_MODE_RAW, NULL);
	}
	assert_refused(yard, yard_try_carve(yard, "x", UNIT, POOL_MODE_RAW,
					    NULL, &fault), -NVM_ENOSPC);
	assert_string_equal(fault.what, "NAT");
	/* Two groups of 8 slots: two units for AMTs. */
	assert_int_equal(space_of(yard).amt_units, 2);
	assert_int_equal(space_of(yard).unit_count[UNIT_USED], 17);
	yard_release(yard, "c7");
	yard_carve(yard, "again", UNIT, POOL_MODE_RAW, NULL);
	assert_int_equal(yard_slot(yard, "again"), 7);
}

static void test_extents_of_a_vm_are_large_and_aligned(void **state)
{
	struct yard *yard = *state;
	struct pool_range extent[POOL_EXTENTS_MAX];
	size_t count;

	yard_carve(yard, "vm", 180 * MIB, POOL_MODE_DEVDAX, "vm");
	count = extents_of(yard, "vm", extent);
	assert_true(count >= 2 && count <= VM_EXTENTS_MAX);
	for (size_t i = 0; i < count; i++) {
		assert_true(extent[i].size_bytes >= VM_EXTENT_MIN);
		assert_int_equal(extent[i].size_bytes % VM_ALIGN, 0);
		assert_int_equal(extent[i].off_bytes % VM_ALIGN, 0);
	}
	/* Of raw memory the guest could not tell one extent from the other. */
	yard_release(yard, "vm");
	assert_refused(yard, yard_try_carve(yard, "vm", 180 * MIB,
					    POOL_MODE_RAW, "vm", NULL),
		       -NVM_EFRAG);
}

/* @count holes of @hole_bytes with walls of one unit between them. */
static void make_holes(struct yard *yard, unsigned count, uint64_t hole_bytes,
		       uint64_t unit_bytes, enum pool_mode mode)
{
	struct pool_space space;
	char name[16];

	yard_begin_plain(yard, (count + 3) * (hole_bytes + unit_bytes) + 64 * MIB,
			 NVM_BUS);
	assert_int_equal(yard_format(yard, unit_bytes, 2 * count + 16, true),
			 0);
	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "hole%u", i);
		yard_carve(yard, name, hole_bytes, mode, NULL);
		snprintf(name, sizeof(name), "wall%u", i);
		yard_carve(yard, name, unit_bytes, POOL_MODE_RAW, NULL);
	}
	pool_space(yard->pool, &space);
	while (space.free_bytes) {
		snprintf(name, sizeof(name), "rest%u", (unsigned)space.children);
		if (yard_try_carve(yard, name, space.largest_run_bytes,
				   POOL_MODE_RAW, NULL, NULL))
			break;		/* the last unit went for AMTs */
		pool_space(yard->pool, &space);
	}
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "hole%u", i);
		yard_release(yard, name);
	}
}

static void test_a_vm_gets_at_most_sixteen_extents(void **state)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct yard yard;

	(void)state;
	make_holes(&yard, 18, 64 * MIB, 2 * MIB, POOL_MODE_RAW);
	assert_refused(&yard, yard_try_carve(&yard, "vm", 17 * 64 * MIB,
					     POOL_MODE_DEVDAX, "vm", NULL),
		       -NVM_EFRAG);
	assert_int_equal(yard_try_carve(&yard, "vm", 16 * 64 * MIB,
					POOL_MODE_DEVDAX, "vm", NULL), 0);
	assert_int_equal(extents_of(&yard, "vm", extent), VM_EXTENTS_MAX);
	assert_true(yard_stamped(&yard, yard_slot(&yard, "vm")));
	assert_refused(&yard, pool_resize(yard.pool, yard_slot(&yard, "vm"),
					  17 * 64 * MIB, NULL, NULL),
		       -NVM_EFRAG);
	yard_end(&yard);
}

static void test_an_amt_holds_so_many_extents(void **state)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct yard yard;
	uint32_t slot;

	(void)state;
	make_holes(&yard, 255, UNIT, UNIT, POOL_MODE_RAW);
	assert_true(space_of(&yard).free_bytes >= 255 * UNIT);
	assert_refused(&yard, yard_try_carve(&yard, "x", 253 * UNIT,
					     POOL_MODE_RAW, NULL, NULL),
		       -NVM_EFRAG);
	assert_int_equal(yard_try_carve(&yard, "x", 240 * UNIT, POOL_MODE_RAW,
					NULL, NULL), 0);
	slot = yard_slot(&yard, "x");
	assert_int_equal(pool_resize(yard.pool, slot, 247 * UNIT, NULL, NULL),
			 0);
	assert_int_equal(pool_resize(yard.pool, slot, 248 * UNIT, NULL, NULL),
			 0);
	assert_true(extents_of(&yard, "x", extent) <= POOL_EXTENTS_MAX);
	assert_true(yard_blank(&yard, slot, 0, 248));
	yard_end(&yard);
}

/* ---- progress ----------------------------------------------------------------------- */

struct steps {
	uint64_t last, total, calls, stop_at;
};

static bool step(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
	struct steps *steps = ctx;

	assert_true(done_bytes >= steps->last && done_bytes <= total_bytes);
	steps->last = done_bytes;
	steps->total = total_bytes;
	return ++steps->calls != steps->stop_at;
}

static void test_work_can_be_stopped_and_loses_nothing(void **state)
{
	struct yard *yard = *state;
	struct steps steps = { .stop_at = 1 };
	const struct pool_progress progress = { step, &steps };
	struct snapshot before, after;
	struct verdict verdict;

	assert_true(oracle_snapshot(yard, &before, &verdict));
	assert_int_equal(pool_clean(yard->pool, &progress, NULL), -NVM_EINTR);
	steps = (struct steps){ .stop_at = 1 };
	assert_int_equal(pool_move(yard->pool, yard_slot(yard, "b"), 0,
				   pool_geometry(yard->pool)->unit_count - 20,
				   &progress, NULL), -NVM_EINTR);
	assert_true(oracle_snapshot(yard, &after, &verdict));
	assert_int_equal(before.loose, after.loose);
	assert_true(yard_holds(yard, yard_slot(yard, "b"), 0, 8));
	steps = (struct steps){ 0 };
	assert_int_equal(pool_clean(yard->pool, &progress, NULL), 0);
	assert_true(steps.calls > 0 && steps.last == steps.total);
	assert_int_equal(space_of(yard).unit_count[UNIT_DIRTY], 0);
}

/* ---- resize --------------------------------------------------------------------------- */

static void test_growth_takes_the_units_behind_first(void **state)
{
	struct yard *yard = *state;
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint32_t slot = yard_carve(yard, "g", 2 * UNIT, POOL_MODE_RAW, NULL);

	assert_int_equal(pool_resize(yard->pool, slot, 20 * UNIT, NULL, NULL),
			 0);
	assert_int_equal(extents_of(yard, "g", extent), 1);
	assert_true(yard_holds(yard, slot, 0, 2));
	assert_true(yard_blank(yard, slot, 2, 18));
	assert_int_equal(pool_resize(yard->pool, slot, 20 * UNIT, NULL, NULL),
			 0);
	assert_int_equal(pool_resize(yard->pool, slot, UNIT, NULL, NULL), 0);
	assert_true(yard_holds(yard, slot, 0, 1));
	assert_int_equal(space_of(yard).unit_count[UNIT_DIRTY], 19);
}

static void test_growth_goes_elsewhere_where_it_must(void **state)
{
	struct yard *yard = *state;
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint64_t free = space_of(yard).free_bytes;
	uint32_t slot = yard_slot(yard, "f0");

	assert_int_equal(pool_resize(yard->pool, slot, UNIT + free, NULL, NULL),
			 0);
	assert_true(extents_of(yard, "f0", extent) > 1);
	assert_true(yard_holds(yard, slot, 0, 1));
	assert_int_equal(space_of(yard).free_bytes, 0);
	assert_int_equal(pool_resize(yard->pool, slot, UNIT, NULL, NULL), 0);
	assert_int_equal(extents_of(yard, "f0", extent), 1);
	assert_int_equal(space_of(yard).free_bytes, free);
}

static void test_resize_refuses_bad_sizes(void **state)
{
	struct yard *yard = *state;
	uint32_t a = yard_slot(yard, "a"), c = yard_slot(yard, "c");

	assert_refused(yard, pool_resize(yard->pool, a, 0, NULL, NULL),
		       -NVM_EINVAL);
	assert_refused(yard, pool_resize(yard->pool, a, UNIT + 1, NULL, NULL),
		       -NVM_EINVAL);
	assert_refused(yard, pool_resize(yard->pool, c, 5 * MIB, NULL, NULL),
		       -NVM_EINVAL);
	assert_refused(yard, pool_resize(yard->pool, c, 2 * MIB, NULL, NULL),
		       -NVM_ERANGE);
	assert_refused(yard, pool_resize(yard->pool, a, 64 * MIB, NULL, NULL),
		       -NVM_ENOSPC);
	assert_refused(yard, pool_resize(yard->pool, a, UINT64_MAX / UNIT *
					 UNIT, NULL, NULL), -NVM_ENOSPC);
	assert_refused(yard, pool_resize(yard->pool, 14, UNIT, NULL, NULL),
		       -NVM_ENOENT);
	assert_refused(yard, pool_resize(yard->pool, 15, UNIT, NULL, NULL),
		       -NVM_ENOENT);
	assert_refused(yard, pool_resize(yard->pool, UINT32_MAX, UNIT, NULL,
					 NULL), -NVM_ENOENT);
}

static void test_shrinking_leaves_no_short_extent_to_a_vm(void **state)
{
	struct yard *yard = *state;
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint32_t slot = yard_carve(yard, "vm", 180 * MIB, POOL_MODE_DEVDAX,
				   "vm");
	size_t count = extents_of(yard, "vm", extent);
	uint64_t whole = 180 * MIB - extent[count - 1].size_bytes;

	assert_true(count > 1);
	assert_refused(yard, pool_resize(yard->pool, slot, whole + 2 * MIB,
					 NULL, NULL), -NVM_ERANGE);
	assert_int_equal(pool_resize(yard->pool, slot, whole, NULL, NULL), 0);
	assert_int_equal(extents_of(yard, "vm", extent), count - 1);
	assert_true(yard_stamped(yard, slot));
}

/* ---- update, release ------------------------------------------------------------------- */

static void test_update_stores_names_and_flags(void **state)
{
	struct yard *yard = *state;
	struct pool_child child, again;

	assert_int_equal(pool_child_find(yard->pool, "a", &child), 0);
	strcpy(child.name, "renamed");
	strcpy(child.vm, "vm9");
	child.flags = POOL_CHILD_SHARED | POOL_CHILD_READ_ONLY;
	child.device = POOL_DEVICE_NVDIMM;
	child.grow_to_bytes = 64 * MIB;
	assert_int_equal(pool_update(yard->pool, &child, NULL), 0);
	assert_int_equal(pool_child_find(yard->pool, "a", &again),
			 -NVM_ENOENT);
	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
	assert_int_equal(pool_child_find(yard->pool, "renamed", &again), 0);
	assert_memory_equal(&child, &again, sizeof(child));
	strcpy(child.name, "b");
	assert_refused(yard, pool_update(yard->pool, &child, NULL),
		       -NVM_EEXIST);
	strcpy(child.name, "a b");
	assert_refused(yard, pool_update(yard->pool, &child, NULL),
		       -NVM_EINVAL);
	strcpy(child.name, "good");
	child.uuid[0] ^= 1;
	assert_refused(yard, pool_update(yard->pool, &child, NULL),
		       -NVM_ENOENT);
	child.uuid[0] ^= 1;
	child.flags = 8;
	assert_refused(yard, pool_update(yard->pool, &child, NULL),
		       -NVM_EINVAL);
}

static void test_release_gives_everything_back(void **state)
{
	struct yard *yard = *state;
	struct pool_child child;
	uint32_t cursor = 0;

	while (pool_child_next(yard->pool, &cursor, &child))
		assert_int_equal(pool_release(yard->pool, child.slot, NULL), 0);
	assert_int_equal(space_of(yard).unit_count[UNIT_USED], 0);
	assert_int_equal(space_of(yard).children, 0);
	assert_refused(yard, pool_release(yard->pool, 0, NULL), -NVM_ENOENT);
	assert_refused(yard, pool_release(yard->pool, 12345, NULL),
		       -NVM_ENOENT);
	assert_int_equal(pool_clean(yard->pool, NULL, NULL), 0);
	assert_int_equal(space_of(yard).unit_count[UNIT_DIRTY], 0);
	assert_int_equal(space_of(yard).free_runs, 1);
}

/* ---- move, compact, poison --------------------------------------------------------------- */

static void test_move_checks_its_target(void **state)
{
	struct yard *yard = *state;
	const struct pool_geometry *g = pool_geometry(yard->pool);
	uint32_t b = yard_slot(yard, "b"), c = yard_slot(yard, "c");

	assert_refused(yard, pool_move(yard->pool, b, 0, g->unit_count - 2,
				       NULL, NULL), -NVM_EINVAL);
	assert_refused(yard, pool_move(yard->pool, b, 0, UINT64_MAX - 3, NULL,
				       NULL), -NVM_EINVAL);
	assert_refused(yard, pool_move(yard->pool, b, 0, 0, NULL, NULL),
		       -NVM_EINVAL);	/* not free */
	assert_refused(yard, pool_move(yard->pool, b, 1, g->unit_count - 20,
				       NULL, NULL), -NVM_EINVAL);
	assert_refused(yard, pool_move(yard->pool, 14, 0, g->unit_count - 20,
				       NULL, NULL), -NVM_ENOENT);
	/* A guest's extent stays aligned. */
	for (uint64_t u = 600; u < 632; u++) {
		uint64_t off = g->data_off + u * UNIT;
		int err;

		if (off % VM_ALIGN == 0)
			continue;
		err = pool_move(yard->pool, c, 0, u, NULL, NULL);
		assert_int_equal(err, -NVM_EINVAL);
	}
	assert_int_equal(pool_move(yard->pool, b, 0, g->unit_count - 20, NULL,
				   NULL), 0);
	assert_true(yard_holds(yard, b, 0, 8));
}

static bool always(void *ctx, uint32_t slot)
{
	(void)ctx;
	(void)slot;
	return true;
}

static bool never(void *ctx, uint32_t slot)
{
	(void)ctx;
	(void)slot;
	return false;
}

static void test_compaction_ends_with_one_hole_and_all_bytes(void **state)
{
	struct yard *yard = *state;
	struct pool_move_plan plan;
	struct pool_child child;
	unsigned moves = 0;

	assert_false(pool_compact_next(yard->pool, never, NULL, &plan));
	while (pool_compact_next(yard->pool, always, NULL, &plan)) {
		assert_true(++moves < 500);
		assert_int_equal(pool_move(yard->pool, plan.slot, plan.extent,
					   plan.to_unit, NULL, NULL), 0);
	}
	assert_true(moves > 0);
	for (uint32_t cursor = 0; pool_child_next(yard->pool, &cursor,
						  &child);)
		assert_true(yard_holds(yard, child.slot, 0,
				       child.size_bytes / UNIT));
	/* AMT units do not move; what is left between them is little. */
	assert_true(space_of(yard).largest_run_bytes * 2 >
		    space_of(yard).free_bytes);
}

static void test_poison_takes_free_units_only(void **state)
{
	struct yard *yard = *state;
	const struct pool_geometry *g = pool_geometry(yard->pool);
	const struct pool_range bad[] = {
		{ 0, UINT64_MAX },		/* all of it */
	}, outside[] = {
		{ 0, 4096 }, { UINT64_MAX, 1 }, { g->size_bytes, UINT64_MAX },
		{ g->data_off + 20 * UNIT, 0 },
	};
	struct pool_space space = space_of(yard), after;

	assert_refused(yard, pool_mark_bad(yard->pool, outside, 4, NULL), 0);
	assert_int_equal(pool_mark_bad(yard->pool, bad, 1, NULL), 0);
	after = space_of(yard);
	assert_int_equal(after.unit_count[UNIT_USED],
			 space.unit_count[UNIT_USED]);
	assert_int_equal(after.free_bytes, 0);
	assert_int_equal(after.unit_count[UNIT_BAD],
			 space.unit_count[UNIT_CLEAN] +
			 space.unit_count[UNIT_DIRTY]);
	assert_refused(yard, yard_try_carve(yard, "x", UNIT, POOL_MODE_RAW,
					    NULL, NULL), -NVM_ENOSPC);
}

static void test_a_pool_open_for_reading_changes_nothing(void **state)
{
	struct yard *yard = *state;
	struct pool_child child;
	const struct pool_range bad = { 40 * MIB, 1 };

	assert_int_equal(yard_open(yard, 0, NULL), 0);
	assert_int_equal(pool_child_find(yard->pool, "a", &child), 0);
	assert_refused(yard, yard_try_carve(yard, "x", UNIT, POOL_MODE_RAW,
					    NULL, NULL), -NVM_EPERM);
	assert_refused(yard, pool_release(yard->pool, child.slot, NULL),
		       -NVM_EPERM);
	assert_refused(yard, pool_update(yard->pool, &child, NULL),
		       -NVM_EPERM);
	assert_refused(yard, pool_resize(yard->pool, child.slot, UNIT, NULL,
					 NULL), -NVM_EPERM);
	assert_refused(yard, pool_clean(yard->pool, NULL, NULL), -NVM_EPERM);
	assert_refused(yard, pool_mark_bad(yard->pool, &bad, 1, NULL),
		       -NVM_EPERM);
	assert_refused(yard, pool_move(yard->pool, child.slot, 0, 900, NULL,
				       NULL), -NVM_EPERM);
}

static void test_open_checks_memory_and_media(void **state)
{
	struct yard *yard = *state;
	const struct pool_geometry g = *pool_geometry(yard->pool);
	struct nvm_fault fault;
	struct pool *pool = NULL;

	assert_int_equal(pool_open(&yard->domain->media, 0, yard->mem,
				   pool_memory_bytes(&g) - 1, &pool, &fault),
			 -NVM_ENOMEM);
	assert_int_equal(fault.expected, pool_memory_bytes(&g));
	assert_null(pool);
	yard->domain->media.read_only = true;
	assert_int_equal(pool_open(&yard->domain->media, POOL_OPEN_WRITE,
				   yard->mem, yard->mem_bytes, &pool, NULL),
			 -NVM_EROFS);
	yard->domain->media.read_only = false;
	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
}

int main(void)
{
#define T(test, how) cmocka_unit_test_setup_teardown(test, setup_##how, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		T(test_carve_keeps_all_particulars, fresh),
		T(test_carve_refuses_bad_arguments, fresh),
		T(test_a_name_is_taken_once, aged),
		T(test_best_fit_takes_the_smallest_hole_that_holds_it, fresh),
		T(test_former_bytes_are_gone_when_carved_again, aged),
		T(test_a_fragmented_pool_gives_extents_or_says_so, fragmented),
		T(test_a_full_pool_says_how_much_is_missing, full),
		T(test_the_nat_has_so_many_slots, fresh),
		T(test_extents_of_a_vm_are_large_and_aligned, wide),
		cmocka_unit_test(test_a_vm_gets_at_most_sixteen_extents),
		cmocka_unit_test(test_an_amt_holds_so_many_extents),
		T(test_work_can_be_stopped_and_loses_nothing, aged),
		T(test_growth_takes_the_units_behind_first, fresh),
		T(test_growth_goes_elsewhere_where_it_must, fragmented),
		T(test_resize_refuses_bad_sizes, aged),
		T(test_shrinking_leaves_no_short_extent_to_a_vm, wide),
		T(test_update_stores_names_and_flags, aged),
		T(test_release_gives_everything_back, aged),
		T(test_move_checks_its_target, aged),
		T(test_compaction_ends_with_one_hole_and_all_bytes, fragmented),
		T(test_poison_takes_free_units_only, aged),
		T(test_a_pool_open_for_reading_changes_nothing, aged),
		T(test_open_checks_memory_and_media, aged),
	};

	return cmocka_run_group_tests_name("pool_child", tests, NULL, NULL);
}
