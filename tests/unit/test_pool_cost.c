// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_pool_cost.c - what an operation reads and stores, counted in bytes at
 * the media seam: open reads the metadata once, carve reads nothing more, and
 * neither depends on how many children there are.  No clock is looked at;
 * `make bench-pool` has the times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "bench/counted.h"
#include "bench/fill.h"
#include "tests/torture/domain.h"

#define MIB		(1ull << 20)
#define GIB		(1ull << 30)
#define TIB		(1ull << 40)
#define CHILD_UNITS	32u	/* of 2 MiB */

/* GMB copies, both journal slots' heads, the one small transaction in them. */
#define OPEN_EXTRA	(16u * NVM_PAGE)

struct world {
	struct domain *domain;
	struct counted counted;
	struct pool_geometry geometry;
	void *mem;
	struct pool *pool;
	uint64_t tables_bytes;		/* one copy of NAT and UMAP */
};

static void world_open(struct world *world, uint64_t size_bytes,
		       uint32_t children)
{
	size_t bytes;

	*world = (struct world){
		.domain = domain_new(size_bytes, NVM_BUS),
	};
	assert_non_null(world->domain);
	assert_int_equal(fill_pool(&world->domain->media, children,
				   CHILD_UNITS, &world->geometry), 0);
	world->tables_bytes = (world->geometry.nat_pages +
			       world->geometry.umap_pages) * NVM_PAGE;
	bytes = (pool_memory_bytes(&world->geometry) + 63) / 64 * 64;
	world->mem = aligned_alloc(64, bytes);
	assert_non_null(world->mem);
	counted_init(&world->counted, &world->domain->media);
	assert_int_equal(pool_open(&world->counted.media, POOL_OPEN_WRITE,
				   world->mem, bytes, &world->pool, NULL), 0);
}

static void world_close(struct world *world)
{
	free(world->mem);
	domain_free(world->domain);
}

static void carve_one(struct world *world)
{
	const uint8_t uuid[POOL_UUID_LEN] = { 'o', 'n', 'e', ' ', 'm', 'o',
					      'r', 'e' };
	const struct pool_carve_args args = {
		.name = "one-more", .vm = "one-more", .uuid = uuid,
		.size_bytes = 64 * MIB, .mode = POOL_MODE_FSDAX, .for_vm = true,
	};

	world->counted.load_bytes = world->counted.store_bytes = 0;
	assert_int_equal(pool_carve(world->pool, &args, NULL, NULL, NULL), 0);
}

static void open_reads_each_table_page_once(void **state)
{
	static const struct {
		uint64_t size_bytes;
		uint32_t children;
	} pools[] = {
		{ GIB, 10 }, { TIB, 10 }, { TIB, 10000 }, { 16 * TIB, 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		struct world world;

		world_open(&world, pools[i].size_bytes, pools[i].children);
		assert_in_range(world.counted.load_bytes, world.tables_bytes,
				world.tables_bytes + OPEN_EXTRA);
		world_close(&world);
	}
}

static void open_reads_as_much_for_10_children_as_for_10000(void **state)
{
	struct world few, many;

	(void)state;
	world_open(&few, TIB, 10);
	world_open(&many, TIB, 10000);
	assert_int_equal(few.counted.load_bytes, many.counted.load_bytes);
	assert_int_equal(few.counted.store_bytes, 0);
	assert_int_equal(many.counted.store_bytes, 0);
	world_close(&few);
	world_close(&many);
}

static void carve_costs_the_same_among_10_children_as_among_10000(void **state)
{
	struct world few, many;

	(void)state;
	world_open(&few, TIB, 10);
	world_open(&many, TIB, 10000);
	carve_one(&few);
	carve_one(&many);
	assert_int_equal(few.counted.load_bytes, 0);
	assert_int_equal(many.counted.load_bytes, 0);
	/* A journal slot of its head, a table and four pages; these, twice. */
	assert_in_range(few.counted.store_bytes, 1, 16 * NVM_PAGE);
	assert_int_equal(few.counted.store_bytes, many.counted.store_bytes);
	world_close(&few);
	world_close(&many);
}

static void problem_fail(void *ctx, const struct pool_problem *problem)
{
	(void)ctx;
	fail_msg("check found a problem with %s %llu", problem->where.what,
		 (unsigned long long)problem->where.index);
}

static void check_reads_each_copy_and_each_amt_once_more(void **state)
{
	const uint32_t children = 10000;
	struct pool_check_args args = { .report = problem_fail };
	struct world world;
	uint64_t copies;

	(void)state;
	world_open(&world, TIB, children);
	args.mem = malloc(pool_check_memory_bytes(&world.geometry));
	assert_non_null(args.mem);
	world.counted.load_bytes = 0;
	assert_int_equal(pool_check(world.pool, &args, NULL, NULL), 0);
	copies = 2 * (world.tables_bytes + children * (uint64_t)NVM_PAGE);
	assert_in_range(world.counted.load_bytes, copies,
			copies / 2 * 3 + OPEN_EXTRA);
	free(args.mem);
	world_close(&world);
}

static void a_filled_pool_is_what_carving_would_have_made(void **state)
{
	struct world world;
	struct pool_child child;
	struct pool_range extent[POOL_EXTENTS_MAX], next[POOL_EXTENTS_MAX];
	size_t count = 0;

	(void)state;
	world_open(&world, TIB, 1000);
	assert_int_equal(pool_child_find(world.pool, "vm-000999", &child), 0);
	assert_int_equal(child.size_bytes, 64 * MIB);
	assert_int_equal(pool_child_extents(world.pool, child.slot, extent,
					    &count, NULL), 0);
	assert_int_equal(count, 1);
	carve_one(&world);
	assert_int_equal(pool_child_find(world.pool, "one-more", &child), 0);
	assert_int_equal(child.slot, 1000);
	assert_int_equal(pool_child_extents(world.pool, child.slot, next,
					    &count, NULL), 0);
	assert_int_equal(count, 1);
	assert_int_equal(next[0].off_bytes,
			 extent[0].off_bytes + extent[0].size_bytes);
	world_close(&world);
}

static void a_pool_holds_100000_children_and_not_one_more(void **state)
{
	const uint8_t uuid[POOL_UUID_LEN] = { 'l', 'a', 's', 't' };
	struct pool_carve_args carve = {
		.name = "last", .uuid = uuid, .size_bytes = 2 * MIB,
	};
	struct pool_check_args args = { .report = problem_fail };
	struct nvm_fault fault = { 0 };
	struct pool_child child;
	struct world world;

	(void)state;
	world_open(&world, 8 * TIB, POOL_CHILDREN_MAX - 1);
	assert_int_equal(pool_carve(world.pool, &carve, NULL, NULL, NULL), 0);
	carve.name = "too-many";
	assert_int_equal(pool_carve(world.pool, &carve, NULL, NULL, &fault),
			 -NVM_ENOSPC);
	assert_string_equal(fault.what, "NAT");
	assert_int_equal(pool_child_find(world.pool, "last", &child), 0);
	assert_int_equal(child.slot, POOL_CHILDREN_MAX - 1);
	args.mem = malloc(pool_check_memory_bytes(&world.geometry));
	assert_non_null(args.mem);
	assert_int_equal(pool_check(world.pool, &args, NULL, NULL), 0);
	free(args.mem);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_reads_each_table_page_once),
		cmocka_unit_test(
			open_reads_as_much_for_10_children_as_for_10000),
		cmocka_unit_test(
			carve_costs_the_same_among_10_children_as_among_10000),
		cmocka_unit_test(
			check_reads_each_copy_and_each_amt_once_more),
		cmocka_unit_test(a_filled_pool_is_what_carving_would_have_made),
		cmocka_unit_test(a_pool_holds_100000_children_and_not_one_more),
	};

	return cmocka_run_group_tests_name("what a pool costs", tests, NULL,
					   NULL);
}
