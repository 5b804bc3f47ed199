// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_pool_sequence.c - all sequences of two and of three operations of a
 * pool.  What one leaves in flight, the next one finds.
 *
 * The pool is small: two children, some units DIRTY.  A case is all sequences
 * with one last operation; images that two of them share are judged once.
 */
#include "tests/torture/psequence.h"
#include "tests/torture/suites.h"

/* All sequences of two and three that end with this operation. */
static bool run_all(struct sequence *q, unsigned last)
{
	bool good = true;

	for (unsigned first = 0; first < SEQUENCE_STEPS && good; first++) {
		const unsigned two[] = { first, last };

		good = sequence_try(q, two, 2);
		for (unsigned second = 0; second < SEQUENCE_STEPS && good;
		     second++) {
			const unsigned three[] = { first, second, last };

			good = sequence_try(q, three, 3);
		}
	}
	return good;
}

static void list_cases(const struct suite *suite, struct case_list *list)
{
	/* A core that stores whole pages: intel allows what paranoid does. */
	static const enum explore_model models[] = { MODEL_PARANOID,
						     MODEL_PAGECACHE };
	unsigned group = 0;

	for (unsigned last = 0; last < SEQUENCE_STEPS; last++)
		for (unsigned k = 0; k < 2; k++)
			case_add(list, suite, group++, models[k], "%s:%s",
				 sequence_step_name(last),
				 model_name(models[k]))->number[0] = last;
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	struct sequence q;
	struct yard *yard = &q.crash.yard;

	sequence_begin(&q, YARD_FRESH, c->model, how);
	q.only = how->what;
	yard_carve(yard, "a", 192 * KIB, POOL_MODE_RAW, NULL);
	yard_carve(yard, "x", 128 * KIB, POOL_MODE_RAW, NULL);
	yard_carve(yard, "b", 64 * KIB, POOL_MODE_RAW, NULL);
	yard_release(yard, "x");
	sequence_end(&q, run_all(&q, c->number[0]), memory, ret_result);
	return ret_result->good;
}

const struct suite suite_pool_sequence = {
	.name = "pool-sequence",
	.summary = "all sequences of two and of three operations of a pool",
	.list = list_cases,
	.run = run_case,
};
