// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_vdisk_pairs.c - two writers of a virtual disk, each with one or two
 * operations on the same four blocks: all pairs of such sequences, each pair in
 * some orders of their events.  A case is all that begin with one sequence of
 * the first writer.
 *
 * Below an effort of EFFORT_ALL each case takes a share of the other writer's
 * sequences, another one for each seed.
 */
#include <string.h>

#include "tests/torture/suites.h"
#include "tests/torture/vscene.h"

#define EFFORT_ALL	512u

static const struct {
	const char *name;
	struct vstep step;
} words[] = {
	{ "write", { VSTEP_WRITE, 3, 1 } },
	{ "write-next", { VSTEP_WRITE, 4, 1 } },
	{ "atomic", { VSTEP_ATOMIC, 3, 2 } },
	{ "atomic-next", { VSTEP_ATOMIC, 4, 2 } },
	{ "part", { VSTEP_PART, 3 * VYARD_SECTORS + 2, 3 } },
	{ "trim", { VSTEP_TRIM, 3, 2 } },
	{ "move", { VSTEP_MOVE, 0, 2 } },
	{ "flush", { VSTEP_FLUSH, 0, 0 } },
};
#define WORDS		((unsigned)(sizeof(words) / sizeof(*words)))
/* Sequences of one word, then those of two. */
#define SEQUENCES	(WORDS + WORDS * WORDS)

static void part_make(unsigned sequence, struct part *ret_part)
{
	*ret_part = (struct part){ .times = 1 };
	if (sequence < WORDS) {
		ret_part->step[0] = words[sequence].step;
		return;
	}
	sequence -= WORDS;
	ret_part->step[0] = words[sequence / WORDS].step;
	ret_part->step[1] = words[sequence % WORDS].step;
}

static void list_cases(const struct suite *suite, struct case_list *list)
{
	static const enum explore_model models[] = { MODEL_PARANOID,
						     MODEL_PAGECACHE };

	for (unsigned m = 0; m < 2; m++) {
		for (unsigned first = 0; first < SEQUENCES; first++) {
			unsigned a = first < WORDS ? first
						   : (first - WORDS) / WORDS;
			bool two = first >= WORDS;

			case_add(list, suite, m * SEQUENCES + first, models[m],
				 "%s%s%s:%s", words[a].name, two ? "," : "",
				 two ? words[(first - WORDS) % WORDS].name : "",
				 model_name(models[m]))->number[0] = first;
		}
	}
}

struct search {
	struct vbase *base;
	struct lanes lanes;
	struct scene scene;
	struct act act;
	struct vcrash crash;
	const char *only;
	char what[TORTURE_WHAT_MAX];
	uint64_t scenes;
};

/* @order: 0 is one after the other, else the seed of a random one. */
static bool pair_try(struct search *search, unsigned second, uint64_t order)
{
	struct domain *domain = search->base->yard.domain;
	struct vcrash *crash = &search->crash;
	bool good;

	snprintf(search->what, sizeof(search->what), "%u.%ju", second,
		 (uintmax_t)order);
	if (search->only && strcmp(search->only, search->what))
		return true;
	search->scenes++;
	part_make(second, &search->scene.part[1]);
	search->act = (struct act){ .scene = &search->scene,
		.lanes = &search->lanes, .plan.random = order };
	crash->depth = 0;
	domain_mark(domain);
	good = vcrash_record(crash, act_run, &(struct act *){ &search->act });
	domain_back(domain);
	return good && vcrash_explore(crash, &crash->trace);
}

static bool pairs_try(struct search *search, unsigned first,
		      const struct torture_how *how)
{
	unsigned step = how->effort >= EFFORT_ALL ? 1
			: EFFORT_ALL / how->effort * 4;
	unsigned orders = how->effort >= EFFORT_ALL ? 8 : 1;
	/* With the smallest share, too, there is one. */
	unsigned from = (unsigned)((how->seed + first) %
				   (step < SEQUENCES ? step : SEQUENCES));
	bool good = true;

	for (unsigned second = from; second < SEQUENCES && good; second += step)
		for (unsigned n = 0; n < orders && good; n++)
			good = pair_try(search, second, how->seed * 1000 +
					(first * SEQUENCES + second) * 8 + n);
	return good;
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	struct search search = { .only = how->what };
	struct vcrash *crash = &search.crash;
	bool good;

	search.base = suite_vbase(memory, VSTATE_DIRTY,
				  model_durability(c->model), ret_result);
	if (!search.base)
		return false;
	search.scene = (struct scene){ .lanes = 2 };
	part_make(c->number[0], &search.scene.part[0]);
	vcrash_begin(crash, search.base, c->model, how);
	crash->seen = &memory->seen;
	crash->effort = how->effort / 8 < 8 ? 8 : how->effort / 8;
	crash->life_every = crash->nested_every = 211;
	crash->check_every = how->replay ? 1 : 7;
	crash->deep_every = 0;
	search.base->yard.lane_count = 2;
	search.base->yard.relax = lanes_relax;
	search.base->yard.relax_ctx = &search.lanes;
	good = pairs_try(&search, c->number[0], how);
	if (good && !search.scenes)
		good = deny(&crash->verdict, "no such pair");
	vcrash_tell(crash, good, ret_result);
	ret_result->tries = search.scenes;
	ret_result->tried = "pairs";
	snprintf(ret_result->what, sizeof(ret_result->what), "%s", search.what);
	trace_keep(memory, &crash->trace);
	vcrash_end(crash);
	return good;
}

const struct suite suite_vdisk_pairs = {
	.name = "vdisk-pairs",
	.summary = "two writers of a disk, with one or two operations each",
	.random = true,
	.list = list_cases,
	.run = run_case,
};
