// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_pool.c - every operation of the pool, crashed by power loss at every
 * store and drain, under every model; its recovery crashed again, and the
 * recovery from that.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/torture/crash.h"
#include "tests/torture/suites.h"

static void list_cases(const struct suite *suite, struct case_list *list)
{
	unsigned group = 0;

	for (unsigned o = 0; o < torture_op_count; o++) {
		for (unsigned s = 0; s < YARD_COUNT; s++, group++) {
			if (!(torture_ops[o].states >> s & 1))
				continue;
			for (unsigned m = 0; m < MODEL_COUNT; m++) {
				struct torture_case *c = case_add(list, suite,
					group, m, "%s:%s:%s",
					torture_ops[o].name, yard_name(s),
					model_name(m));

				c->extra = c->model == MODEL_EADR;
				c->number[0] = o;
				c->number[1] = s;
			}
		}
	}
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	struct crash crash;
	bool good = crash_begin(&crash, &torture_ops[c->number[0]],
				c->number[1], c->model, how);

	/* Whatever the intel model allows, the paranoid one does as well. */
	if (c->model != MODEL_PARANOID)
		seen_free(&memory->seen);
	crash.seen = memory->seen;
	crash.life_every = 61;
	crash.nested_every = how->effort < 64 ? 211 : 97;
	crash.deep_every = 211;
	good = good && crash_explore(&crash, &crash.trace);
	crash_tell(&crash, good, ret_result);
	memory->seen = crash.seen;
	crash.seen = (struct seen){ 0 };
	trace_keep(memory, &crash.trace);
	crash_end(&crash);
	return good;
}

const struct suite suite_pool = {
	.name = "pool",
	.summary = "each operation of a pool, on pools in nine states",
	.list = list_cases,
	.run = run_case,
};
