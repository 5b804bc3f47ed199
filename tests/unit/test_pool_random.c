/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pool_random.c - thousands of random operations on pools, against a
 * model of plain arrays that knows nothing of tables and journals: what
 * children there are, how large, and whose bytes are where.  Invariants after
 * every step; reopened every few steps.  The seed is printed.
 *
 *	NVM_SEED=N NVM_STEPS=N	other runs
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/explore.h"
#include "tests/torture/oracle.h"

#define CHILDREN	24u

struct model_child {
	bool there;
	char name[8];
	uint64_t size_bytes, filled_units;
	enum pool_mode mode;
};

struct model {
	struct yard yard;
	struct model_child child[CHILDREN];
	uint64_t seed, bad_units;
	unsigned done[8], refused[8];
};

static uint64_t pick(struct model *m, uint64_t below)
{
	return random_next(&m->seed) % below;
}

static uint64_t unit_of(struct model *m)
{
	return pool_geometry(m->yard.pool)->unit_bytes;
}

/* ---- one step of each kind ----------------------------------------------------- */

static int step_carve(struct model *m, struct model_child *child, unsigned n)
{
	uint64_t unit = unit_of(m);
	int err;

	if (child->there)
		return -NVM_EEXIST;
	snprintf(child->name, sizeof(child->name), "c%u", n);
	child->mode = pick(m, 4) ? POOL_MODE_RAW
		    : pick(m, 2) ? POOL_MODE_DEVDAX : POOL_MODE_FSDAX;
	child->size_bytes = child->mode == POOL_MODE_RAW
			  ? (1 + pick(m, 1 + pick(m, 60))) * unit
			  : (2 + pick(m, 4)) * 2 * MIB;
	err = yard_try_carve(&m->yard, child->name, child->size_bytes,
			     child->mode, child->mode ? "vm" : NULL, NULL);
	if (err)
		return err;
	assert_true(yard_blank(&m->yard, yard_slot(&m->yard, child->name), 0,
			       child->size_bytes / unit));
	assert_true(yard_stamped(&m->yard, yard_slot(&m->yard, child->name)));
	yard_fill(&m->yard, yard_slot(&m->yard, child->name));
	child->filled_units = child->size_bytes / unit;
	child->there = true;
	return 0;
}

static int step_resize(struct model *m, struct model_child *child)
{
	uint64_t unit = unit_of(m), size, units;
	uint32_t slot;
	int err;

	if (!child->there)
		return -NVM_ENOENT;
	slot = yard_slot(&m->yard, child->name);
	size = child->mode == POOL_MODE_RAW ? (1 + pick(m, 80)) * unit
					    : (2 + pick(m, 6)) * 2 * MIB;
	err = pool_resize(m->yard.pool, slot, size, NULL, NULL);
	if (err)
		return err;
	child->size_bytes = size;
	units = size / unit;
	if (units < child->filled_units)
		child->filled_units = units;
	/* What was added is blank; fill again so that all of it is known. */
	assert_true(yard_blank(&m->yard, slot, child->filled_units,
			       units - child->filled_units));
	assert_true(yard_stamped(&m->yard, slot));
	assert_true(yard_holds(&m->yard, slot, 0, child->filled_units));
	yard_fill(&m->yard, slot);
	child->filled_units = units;
	return 0;
}

static int step_release(struct model *m, struct model_child *child)
{
	if (!child->there)
		return -NVM_ENOENT;
	yard_release(&m->yard, child->name);
	child->there = false;
	return 0;
}

static int step_move(struct model *m, struct model_child *child)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	size_t count = 0;
	uint32_t slot;

	if (!child->there)
		return -NVM_ENOENT;
	slot = yard_slot(&m->yard, child->name);
	assert_int_equal(pool_child_extents(m->yard.pool, slot, extent, &count,
					    NULL), 0);
	return pool_move(m->yard.pool, slot, (uint32_t)pick(m, count),
			 pick(m, pool_geometry(m->yard.pool)->unit_count), NULL,
			 NULL);
}

static bool movable(void *ctx, uint32_t slot)
{
	(void)ctx;
	return slot % 3 != 0;
}

static int step_compact(struct model *m)
{
	struct pool_move_plan plan;

	if (!pool_compact_next(m->yard.pool, movable, NULL, &plan))
		return -NVM_ENOENT;
	assert_true(movable(NULL, plan.slot));
	assert_int_equal(pool_move(m->yard.pool, plan.slot, plan.extent,
				   plan.to_unit, NULL, NULL), 0);
	return 0;
}

static int step_bad(struct model *m)
{
	const struct pool_geometry *g = pool_geometry(m->yard.pool);
	uint64_t unit = pick(m, g->unit_count);
	const struct pool_range bad = { g->data_off + unit * g->unit_bytes +
		pick(m, g->unit_bytes), 1 };
	enum pool_unit_state was = pool_unit_state(m->yard.pool, unit);

	if (m->bad_units > g->unit_count / 20)
		return -NVM_ENOSPC;
	assert_int_equal(pool_mark_bad(m->yard.pool, &bad, 1, NULL), 0);
	if (was == UNIT_USED) {
		assert_int_equal(pool_unit_state(m->yard.pool, unit), was);
		return -NVM_EBUSY;
	}
	assert_int_equal(pool_unit_state(m->yard.pool, unit), UNIT_BAD);
	m->bad_units += was != UNIT_BAD;
	return 0;
}

static int step_rename(struct model *m, struct model_child *child)
{
	struct pool_child entry;

	if (!child->there)
		return -NVM_ENOENT;
	assert_int_equal(pool_child_find(m->yard.pool, child->name, &entry), 0);
	snprintf(entry.name, sizeof(entry.name), "%c%s",
		 'a' + (int)pick(m, 26), child->name + 1);
	if (!strcmp(entry.name, child->name))
		return -NVM_EEXIST;
	assert_int_equal(pool_update(m->yard.pool, &entry, NULL), 0);
	memcpy(child->name, entry.name, sizeof(child->name));
	return 0;
}

/* ---- what must hold ------------------------------------------------------------- */

static void compare(struct model *m, bool contents)
{
	struct pool_child entry;
	struct pool_space space;
	unsigned there = 0, found = 0;
	uint64_t units = 0;

	for (unsigned i = 0; i < CHILDREN; i++) {
		const struct model_child *child = &m->child[i];

		if (!child->there)
			continue;
		there++;
		assert_int_equal(pool_child_find(m->yard.pool, child->name,
						 &entry), 0);
		assert_int_equal(entry.size_bytes, child->size_bytes);
		assert_int_equal(entry.mode, child->mode);
		units += entry.size_bytes / unit_of(m);
		if (contents)
			assert_true(yard_holds(&m->yard, entry.slot, 0,
					       child->filled_units));
	}
	for (uint32_t cursor = 0; pool_child_next(m->yard.pool, &cursor,
						  &entry);)
		found++;
	pool_space(m->yard.pool, &space);
	assert_int_equal(found, there);
	assert_int_equal(space.children, there);
	assert_int_equal(space.unit_count[UNIT_USED], units + space.amt_units);
	assert_int_equal(space.unit_count[UNIT_BAD], m->bad_units);
}

static void invariants(struct model *m, unsigned step)
{
	struct verdict verdict = { "" };
	struct snapshot snapshot;
	bool good = oracle_snapshot(&m->yard, &snapshot, &verdict) &&
		    oracle_units(&m->yard, &verdict) &&
		    (step % 8 || oracle_check(&m->yard, false, &verdict));

	if (!good)
		print_message("step %u: %s\n", step, verdict.why);
	assert_true(good);
	compare(m, step % 4 == 0);
	if (step % 16 == 0) {
		struct snapshot again;

		assert_int_equal(yard_open(&m->yard, POOL_OPEN_WRITE, NULL), 0);
		assert_true(oracle_snapshot(&m->yard, &again, &verdict));
		assert_int_equal(again.strict, snapshot.strict);
	}
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void run(uint64_t unit_bytes, uint64_t size_bytes, uint64_t steps,
		enum nvm_durability durability)
{
	static const char *const kind[] = { "carve", "resize", "release",
		"move", "compact", "bad", "rename", "clean" };
	struct model *m = calloc(1, sizeof(*m));
	uint64_t seed = setting("NVM_SEED", 20261122 + unit_bytes);

	m->seed = seed;
	print_message("seed %llu\n", (unsigned long long)seed);
	yard_begin_plain(&m->yard, size_bytes, durability);
	assert_int_equal(yard_format(&m->yard, unit_bytes, CHILDREN, false), 0);
	assert_int_equal(yard_open(&m->yard, POOL_OPEN_WRITE, NULL), 0);
	for (unsigned step = 1; step <= steps; step++) {
		/* Carve and resize often, clean seldom. */
		static const uint8_t odds[] = { 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3,
			4, 4, 5, 6, 7 };
		unsigned what = odds[pick(m, sizeof(odds))];
		unsigned n = (unsigned)pick(m, CHILDREN);
		struct model_child *child = &m->child[n];
		int err = 0;

		switch (what) {
		case 0: err = step_carve(m, child, n); break;
		case 1: err = step_resize(m, child); break;
		case 2: err = step_release(m, child); break;
		case 3: err = step_move(m, child); break;
		case 4: err = step_compact(m); break;
		case 5: err = pick(m, 8) ? -NVM_ENOENT : step_bad(m); break;
		case 6: err = step_rename(m, child); break;
		default: err = pool_clean(m->yard.pool, NULL, NULL); break;
		}
		m->refused[what] += err != 0;
		m->done[what] += !err;
		assert_true(!err || err == -NVM_ENOSPC || err == -NVM_EFRAG ||
			    err == -NVM_EINVAL || err == -NVM_ENOENT ||
			    err == -NVM_EEXIST || err == -NVM_EBUSY ||
			    err == -NVM_ERANGE);
		invariants(m, step);
	}
	for (unsigned i = 0; i < 8; i++) {
		print_message("%s: %u done, %u refused\n", kind[i], m->done[i],
			      m->refused[i]);
		assert_true(m->done[i] > 0 || steps < 3000);
	}
	for (unsigned i = 0; i < CHILDREN; i++)
		step_release(m, &m->child[i]);
	compare(m, false);
	assert_int_equal(m->yard.domain->violations, 0);
	yard_end(&m->yard);
	free(m);
}

static void test_random_operations_on_small_units(void **state)
{
	(void)state;
	run(64 * KIB, 64 * MIB, setting("NVM_STEPS", 3000), NVM_BUS);
}

static void test_random_operations_on_large_units(void **state)
{
	(void)state;
	run(2 * MIB, 256 * MIB, setting("NVM_STEPS", 3000), NVM_SYNC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations_on_small_units),
		cmocka_unit_test(test_random_operations_on_large_units),
	};

	return cmocka_run_group_tests_name("pool_random", tests, NULL, NULL);
}
