// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_pool_random.c - random sequences of operations of a pool, longer than
 * what can be tried one by one, on pools of all kinds.  A case is some of
 * them; a failing one is made shorter as long as it fails.
 */
#include <string.h>

#include "tests/torture/psequence.h"
#include "tests/torture/suites.h"

#define CASES_A_STATE	4u
#define LENGTH_MIN	4u
#define TRIES_MAX	1000u

static const enum yard_state states[] = {
	YARD_FRESH, YARD_AGED, YARD_FRAGMENTED, YARD_FULL,
};
#define STATE_COUNT	(sizeof(states) / sizeof(*states))

static void list_cases(const struct suite *suite, struct case_list *list)
{
	static const enum explore_model models[] = { MODEL_PARANOID,
						     MODEL_PAGECACHE };
	unsigned group = 0;

	for (unsigned n = 0; n < CASES_A_STATE; n++) {
		for (unsigned s = 0; s < STATE_COUNT; s++) {
			for (unsigned m = 0; m < 2; m++) {
				struct torture_case *c = case_add(list, suite,
					group++, models[m], "%u:%s:%s", n + 1,
					yard_name(states[s]),
					model_name(models[m]));

				c->number[0] = n;
				c->number[1] = s;
			}
		}
	}
}

/* Leave out one operation after the other, as long as it fails. */
static void shorten(struct sequence *q, unsigned *which, unsigned length)
{
	for (unsigned i = 0; i + 1 < length;) {
		unsigned less[SEQUENCE_LENGTH_MAX], n = 0;
		uint64_t had = q->sequences;

		for (unsigned k = 0; k < length; k++)
			if (k != i)
				less[n++] = which[k];
		if (sequence_try(q, less, n) || q->sequences == had) {
			i++;
			continue;
		}
		memcpy(which, less, sizeof(less));
		length = n;
	}
	/* Once more, for its token. */
	sequence_try(q, which, length);
}

/* Some cannot be on this pool: with few to try, until there was one that can. */
static bool try_random(struct sequence *q, uint64_t *random, uint32_t count)
{
	for (uint32_t n = 0; n < count || (!q->sequences && n < TRIES_MAX); n++) {
		unsigned which[SEQUENCE_LENGTH_MAX];
		unsigned length = LENGTH_MIN + (unsigned)(random_next(random) %
			(SEQUENCE_LENGTH_MAX - LENGTH_MIN + 1));

		for (unsigned i = 0; i < length; i++)
			which[i] = (unsigned)(random_next(random) %
					      SEQUENCE_STEPS);
		if (!sequence_try(q, which, length)) {
			shorten(q, which, length);
			return false;
		}
	}
	return true;
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	uint64_t random = how->seed * 1000003 + c->number[0] * 101 +
			  c->number[1];
	unsigned which[SEQUENCE_LENGTH_MAX], length;
	struct sequence q;
	bool good = true;

	sequence_begin(&q, states[c->number[1]], c->model, how);
	q.lenient = true;
	if (!how->what)
		good = try_random(&q, &random, (how->effort + 1) / 2);
	else if (sequence_parse(how->what, which, &length))
		good = sequence_try(&q, which, length);
	sequence_end(&q, good, memory, ret_result);
	return ret_result->good;
}

const struct suite suite_pool_random = {
	.name = "pool-random",
	.summary = "random sequences of operations of a pool",
	.random = true,
	.list = list_cases,
	.run = run_case,
};
