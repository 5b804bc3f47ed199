// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_pool_review_faults.c - the pool on media that fail in the middle of an
 * operation: what cannot be read back is never written out again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/yard.h"

/* All events of @type fail from the next but @after on; 0 ends that. */
static void fail_from(struct yard *yard, enum domain_event_type type,
		      uint64_t after)
{
	struct domain *d = yard->domain;

	d->fail_err = NVM_EIO;
	d->fail_after[type] = after ? d->event_count[type] + after : 0;
}

static void test_check_writes_no_gmb_that_it_could_not_read(void **state)
{
	struct yard yard;
	struct pool_check_args args = { .repair = true };

	(void)state;
	yard_begin(&yard, YARD_AGED, NVM_BUS);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	args.mem = yard.check_mem;
	fail_from(&yard, DOMAIN_LOAD, 1);
	pool_check(yard.pool, &args, NULL, NULL);
	fail_from(&yard, DOMAIN_LOAD, 0);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	yard_end(&yard);
}

static void count_problem(void *ctx, const struct pool_problem *problem)
{
	(void)problem;
	++*(unsigned *)ctx;
}

static unsigned problems(struct yard *yard)
{
	unsigned count = 0;
	struct pool_check_args args = { .report = count_problem,
		.ctx = &count, .mem = yard->check_mem };

	assert_int_equal(pool_check(yard->pool, &args, NULL, NULL), 0);
	return count;
}

/*
 * Growing marks the 4 MiB behind the child, looks for the rest elsewhere, and
 * takes the mark back by reading the bitmap again: where that fails, no bitmap
 * with the mark is committed.
 */
static void test_growing_commits_no_bitmap_that_it_could_not_read(void **state)
{
	const struct pool_geometry *g;
	struct yard yard;
	uint32_t slot;

	(void)state;
	yard_begin_plain(&yard, 256 * MIB, NVM_BUS);
	assert_int_equal(yard_format(&yard, 64 * KIB, 8, true), 0);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	slot = yard_carve(&yard, "a", 64 * MIB, POOL_MODE_DEVDAX, "vm");
	yard_carve(&yard, "hole", 4 * MIB, POOL_MODE_RAW, "vm");
	yard_carve(&yard, "b", 2 * MIB, POOL_MODE_RAW, "vm");
	yard_release(&yard, "hole");

	g = pool_geometry(yard.pool);
	yard.domain->poison[0].off = g->umap_off;
	yard.domain->poison[0].len = 2 * g->umap_pages * NVM_PAGE;
	yard.domain->poison_count = 1;
	assert_int_equal(pool_resize(yard.pool, slot, 136 * MIB, NULL, NULL),
			 -NVM_EIO);
	assert_int_equal(pool_release(yard.pool, slot, NULL), -NVM_EIO);
	yard.domain->poison_count = 0;
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	assert_int_equal(problems(&yard), 0);
	yard_end(&yard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_check_writes_no_gmb_that_it_could_not_read),
		cmocka_unit_test(
			test_growing_commits_no_bitmap_that_it_could_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
