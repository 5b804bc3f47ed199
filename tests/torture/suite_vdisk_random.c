// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_vdisk_random.c - random operations of one, two or three writers of a
 * virtual disk, in a random order of their events, the same each time.  A case
 * is some of these scenes; a failing one is made shorter as long as it fails.
 *
 * As part of a token a scene is "r17/write.3.2,trim.4.1|part.9.3": its order,
 * then the steps of each writer.
 */
#include <inttypes.h>
#include <string.h>

#include "tests/torture/suites.h"
#include "tests/torture/vscene.h"

#define CASES_A_STATE	4u
#define BLOCKS		8u		/* few, so that they meet */

static const enum vstate states[] = {
	VSTATE_FRESH, VSTATE_CLEAN, VSTATE_DIRTY, VSTATE_LOGS, VSTATE_TORN,
};
#define STATE_COUNT	(sizeof(states) / sizeof(*states))

struct search {
	struct vbase *base;
	struct lanes lanes;
	struct act act;
	struct vcrash crash;
	char what[TORTURE_WHAT_MAX];
	uint64_t scenes;
};

/* ---- scenes as text -------------------------------------------------------------- */

static void scene_print(const struct scene *scene, const struct lanes_plan *plan,
			char *ret_text, size_t room)
{
	size_t used;

	plan_print(plan, ret_text, room);
	for (uint32_t lane = 0; lane < scene->lanes; lane++) {
		const struct vstep *step = scene->part[lane].step;

		for (unsigned i = 0; i < VSCENE_STEPS_MAX && step[i].kind; i++) {
			used = strlen(ret_text);
			snprintf(ret_text + used, room - used, "%s%s.%u.%u",
				 i ? "," : lane ? "|" : "/",
				 vstep_name(step[i].kind), step[i].first,
				 step[i].count);
		}
	}
}

/* A step up to the next ',' or '|'; false: it is none. */
static bool step_parse(const char *text, struct vstep *ret_step)
{
	size_t len = strcspn(text, ".");
	uint32_t first, count;

	if (sscanf(text + len, ".%" SCNu32 ".%" SCNu32, &first, &count) != 2)
		return false;
	for (int kind = VSTEP_END + 1; kind <= VSTEP_OPEN; kind++) {
		const char *name = vstep_name((enum vstep_kind)kind);

		if (strlen(name) != len || strncmp(name, text, len))
			continue;
		*ret_step = (struct vstep){ (enum vstep_kind)kind, first,
					    count };
		return true;
	}
	return false;
}

static bool scene_parse(const char *text, struct scene *ret_scene,
			struct lanes_plan *ret_plan)
{
	const char *slash = strchr(text, '/');
	unsigned i = 0;

	*ret_scene = (struct scene){ .lanes = 1 };
	*ret_plan = (struct lanes_plan){ .slot_count = 0 };
	if (!slash || (slash != text &&
		       sscanf(text, "r%" SCNu64, &ret_plan->random) != 1))
		return false;
	for (text = slash + 1; *text;) {
		struct part *part = &ret_scene->part[ret_scene->lanes - 1];

		if (i == VSCENE_STEPS_MAX || !step_parse(text, &part->step[i++]))
			return false;
		part->times = 1;
		text += strcspn(text, ",|");
		if (*text == '|') {
			if (ret_scene->lanes++ == VSCENE_LANES_MAX)
				return false;
			i = 0;
		}
		text += *text != 0;
	}
	return ret_scene->part[ret_scene->lanes - 1].times;
}

/* ---- one scene --------------------------------------------------------------------- */

static bool scene_try(struct search *search, const struct scene *scene,
		      const struct lanes_plan *plan)
{
	struct vcrash *crash = &search->crash;
	struct domain *domain = search->base->yard.domain;
	bool good;

	scene_print(scene, plan, search->what, sizeof(search->what));
	search->act = (struct act){ .scene = scene, .lanes = &search->lanes,
				    .plan = *plan };
	search->base->yard.lane_count = scene->lanes;
	search->scenes++;
	crash->depth = 0;
	domain_mark(domain);
	good = vcrash_record(crash, act_run, &(struct act *){ &search->act });
	domain_back(domain);
	return good && vcrash_explore(crash, &crash->trace);
}

static void scene_random(struct scene *scene, struct lanes_plan *plan,
			 uint64_t *random)
{
	static const enum vstep_kind kinds[] = {
		VSTEP_WRITE, VSTEP_WRITE, VSTEP_ATOMIC, VSTEP_FUA, VSTEP_PART,
		VSTEP_TRIM, VSTEP_ZERO, VSTEP_MOVE, VSTEP_FLUSH,
	};

	*scene = (struct scene){ .lanes = 1 + (uint32_t)(random_next(random) %
							 VSCENE_LANES_MAX) };
	*plan = (struct lanes_plan){ .random = 1 + random_next(random) % 10000 };
	for (uint32_t lane = 0; lane < scene->lanes; lane++) {
		struct part *part = &scene->part[lane];
		uint64_t count = 1 + random_next(random) % VSCENE_STEPS_MAX;

		part->times = 1;
		for (uint64_t i = 0; i < count; i++) {
			struct vstep *step = &part->step[i];
			bool sectors;

			step->kind = kinds[random_next(random) %
					   (sizeof(kinds) / sizeof(*kinds))];
			if (step->kind == VSTEP_FLUSH)
				continue;
			sectors = step->kind == VSTEP_PART ||
				  step->kind == VSTEP_ZERO;
			if (step->kind != VSTEP_MOVE)
				step->first = (uint32_t)(random_next(random) %
					(sectors ? BLOCKS * VYARD_SECTORS
						 : BLOCKS));
			step->count = 1 + (uint32_t)(random_next(random) %
						     (sectors ? 12 : 3));
		}
	}
}

static bool step_drop(const struct scene *scene, uint32_t lane, unsigned at,
		      struct scene *ret_scene)
{
	struct vstep *step = ret_scene->part[lane].step;

	*ret_scene = *scene;
	if (!step[at].kind)
		return false;
	memmove(&step[at], &step[at + 1],
		(VSCENE_STEPS_MAX - 1 - at) * sizeof(*step));
	step[VSCENE_STEPS_MAX - 1].kind = VSTEP_END;
	if (step[0].kind)
		return true;
	/* The last writer goes; one in the middle stays, with nothing to do. */
	ret_scene->lanes -= lane + 1 == scene->lanes;
	return ret_scene->lanes && lane + 1 == scene->lanes;
}

/* Leave out one step after the other, then the order, as long as it fails. */
static void shorten(struct search *search, struct scene *scene,
		    struct lanes_plan *plan)
{
	const struct lanes_plan in_turn = { .slot_count = 0 };
	struct scene less;
	bool shorter;

	do {
		shorter = false;
		for (uint32_t lane = 0; lane < scene->lanes; lane++) {
			for (unsigned i = 0; i < VSCENE_STEPS_MAX; i++) {
				if (!step_drop(scene, lane, i, &less) ||
				    scene_try(search, &less, plan))
					continue;
				*scene = less;
				shorter = true;
			}
		}
	} while (shorter);
	if (!scene_try(search, scene, &in_turn))
		*plan = in_turn;
	/* Once more, for its token. */
	scene_try(search, scene, plan);
}

/* ---- the suite ----------------------------------------------------------------------- */

static void list_cases(const struct suite *suite, struct case_list *list)
{
	static const enum explore_model models[] = { MODEL_PARANOID,
						     MODEL_PAGECACHE };

	for (unsigned s = 0; s < STATE_COUNT; s++) {
		for (unsigned m = 0; m < 2; m++) {
			for (unsigned n = 0; n < CASES_A_STATE; n++) {
				struct torture_case *c = case_add(list, suite,
					s * 2 + m, models[m], "%u:%s:%s", n + 1,
					vstate_name(states[s]),
					model_name(models[m]));

				c->number[0] = n;
				c->number[1] = s;
			}
		}
	}
}

static bool try_random(struct search *search, uint64_t *random, uint32_t count)
{
	for (uint32_t n = 0; n < count; n++) {
		struct lanes_plan plan;
		struct scene scene;

		scene_random(&scene, &plan, random);
		if (!scene_try(search, &scene, &plan)) {
			shorten(search, &scene, &plan);
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
			  c->number[1] * 7 + c->model;
	struct search search = { .scenes = 0 };
	struct vcrash *crash = &search.crash;
	struct lanes_plan plan;
	struct scene scene;
	bool good;

	search.base = suite_vbase(memory, states[c->number[1]],
				  model_durability(c->model), ret_result);
	if (!search.base)
		return false;
	vcrash_begin(crash, search.base, c->model, how);
	crash->seen = &memory->seen;
	crash->effort = how->effort / 16 < 4 ? 4 : how->effort / 16;
	crash->life_every = crash->nested_every = 211;
	crash->check_every = how->replay ? 1 : 7;
	crash->deep_every = 0;
	search.base->yard.relax = lanes_relax;
	search.base->yard.relax_ctx = &search.lanes;
	if (!how->what)
		good = try_random(&search, &random, (how->effort + 3) / 4);
	else if (scene_parse(how->what, &scene, &plan))
		good = scene_try(&search, &scene, &plan);
	else
		good = deny(&crash->verdict, "no such scene");
	vcrash_tell(crash, good, ret_result);
	ret_result->tries = search.scenes;
	ret_result->tried = "scenes";
	snprintf(ret_result->what, sizeof(ret_result->what), "%s", search.what);
	trace_keep(memory, &crash->trace);
	vcrash_end(crash);
	return good;
}

const struct suite suite_vdisk_random = {
	.name = "vdisk-random",
	.summary = "random operations of up to three writers of a disk",
	.random = true,
	.list = list_cases,
	.run = run_case,
};
