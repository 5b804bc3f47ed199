// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_pool_sequence.c - all sequences of two and of three operations of a
 * pool.  What one leaves in flight, the next one finds.
 *
 * A case is all sequences with one last operation, on a pool in one state;
 * images that two of them share are judged once.  "few" is a pool of two
 * children with some units DIRTY, where most operations have something to do.
 * On the others sequences of three are for an effort of EFFORT_ALL and more.
 */
#include "tests/torture/psequence.h"
#include "tests/torture/suites.h"

#define EFFORT_ALL	512u

static const struct {
	const char *name;
	enum yard_state state;
} bases[] = {
	{ "few", YARD_FRESH }, { "fresh", YARD_FRESH }, { "aged", YARD_AGED },
	{ "fragmented", YARD_FRAGMENTED }, { "full", YARD_FULL },
};
#define BASES		((unsigned)(sizeof(bases) / sizeof(*bases)))

/* All sequences of two and three that end with this operation. */
static bool run_all(struct sequence *q, unsigned last, bool three_too)
{
	bool good = true;

	for (unsigned first = 0; first < SEQUENCE_STEPS && good; first++) {
		const unsigned two[] = { first, last };

		good = sequence_try(q, two, 2);
		for (unsigned second = 0; second < SEQUENCE_STEPS && good &&
		     three_too; second++) {
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

	for (unsigned b = 0; b < BASES; b++) {
		for (unsigned last = 0; last < SEQUENCE_STEPS; last++) {
			for (unsigned k = 0; k < 2; k++) {
				struct torture_case *c = case_add(list, suite,
					group++, models[k], "%s:%s:%s",
					sequence_step_name(last), bases[b].name,
					model_name(models[k]));

				c->number[0] = last;
				c->number[1] = b;
			}
		}
	}
}

static void few_children(struct yard *yard)
{
	yard_carve(yard, "a", 192 * KIB, POOL_MODE_RAW, NULL);
	yard_carve(yard, "x", 128 * KIB, POOL_MODE_RAW, NULL);
	yard_carve(yard, "b", 64 * KIB, POOL_MODE_RAW, NULL);
	yard_release(yard, "x");
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	bool is_few = !c->number[1];
	struct sequence q;

	sequence_begin(&q, bases[c->number[1]].state, c->model, how);
	q.only = how->what;
	q.optional = !is_few;
	if (is_few)
		few_children(&q.crash.yard);
	sequence_end(&q, run_all(&q, c->number[0],
				 is_few || how->replay ||
				 how->effort >= EFFORT_ALL),
		     memory, ret_result);
	return ret_result->good;
}

const struct suite suite_pool_sequence = {
	.name = "pool-sequence",
	.summary = "all sequences of two and of three operations of a pool",
	.list = list_cases,
	.run = run_case,
};
