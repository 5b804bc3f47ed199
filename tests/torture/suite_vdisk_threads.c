// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_vdisk_threads.c - two and three writers of one virtual disk at once,
 * their events in every order (or in many, where there are too many); each
 * history crashed by power loss.  A drain of one writer makes nothing of
 * another one's durable.
 *
 * After a crash each block shows its last acknowledged write or one that was
 * in flight, a group is there or not; and when all are done, a crash shows what
 * the readers saw before it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/suites.h"
#include "tests/torture/vscene.h"

#define ON(state)	(1u << VSTATE_##state)
#define WRITE(first, count)	{ VSTEP_WRITE, first, count }
#define ATOMIC(first, count)	{ VSTEP_ATOMIC, first, count }
#define PART(block, sector, count) { VSTEP_PART, block * VYARD_SECTORS + sector, count }
#define TRIM(first, count)	{ VSTEP_TRIM, first, count }
#define MOVE(count)		{ VSTEP_MOVE, 0, count }
#define FLUSH			{ VSTEP_FLUSH, 0, 0 }
#define ONCE(...)		{ { __VA_ARGS__ }, 1 }

static const struct scene scenes[] = {
	{ "write|write", ON(DIRTY), ORDER_EACH, 2,
	  { ONCE(WRITE(3, 1)), ONCE(WRITE(7, 1)) } },
	{ "write|same", ON(DIRTY) | ON(FULL), ORDER_EACH, 2,
	  { ONCE(WRITE(3, 1)), ONCE(WRITE(3, 1)) } },
	{ "write|same-twice", ON(CLEAN), ORDER_EACH, 2,
	  { ONCE(WRITE(3, 1)), ONCE(WRITE(3, 1), WRITE(3, 1)) } },
	{ "atomic|write", ON(DIRTY), ORDER_EACH, 2,
	  { ONCE(ATOMIC(3, 2)), ONCE(WRITE(4, 1)) } },
	{ "atomic|atomic", ON(DIRTY), ORDER_EACH, 2,
	  { ONCE(ATOMIC(3, 2)), ONCE(ATOMIC(4, 2)) } },
	{ "write|trim", ON(DIRTY), ORDER_EACH, 2,
	  { ONCE(WRITE(3, 1)), ONCE(TRIM(3, 1)) } },
	{ "atomic|trim", ON(DIRTY), ORDER_EACH, 2,
	  { ONCE(ATOMIC(3, 2)), ONCE(TRIM(4, 2)) } },
	{ "trim|trim", ON(DIRTY) | ON(LOGS), ORDER_EACH, 2,
	  { ONCE(TRIM(10, 2)), ONCE(TRIM(11, 3)) } },
	{ "trim|trim-write", ON(LOGS), ORDER_EACH, 2,
	  { ONCE(TRIM(10, 1)), ONCE(TRIM(10, 2), WRITE(10, 1)) } },
	{ "part|part", ON(DIRTY), ORDER_EACH, 2,
	  { ONCE(PART(3, 0, 3)), ONCE(PART(3, 2, 3)) } },
	{ "part|write", ON(DIRTY), ORDER_EACH, 2,
	  { ONCE(PART(3, 0, 3)), ONCE(WRITE(3, 1)) } },
	{ "part|trim", ON(DIRTY), ORDER_EACH, 2,
	  { ONCE(PART(3, 0, 3)), ONCE(TRIM(3, 1)) } },
	{ "move|write", ON(DIRTY), ORDER_EACH, 2,
	  { ONCE(MOVE(2)), ONCE(WRITE(0, 2)) } },
	{ "move|writes", ON(CLEAN) | ON(DIRTY), ORDER_HELD, 2,
	  { ONCE(MOVE(16)), ONCE(WRITE(0, 16)) } },
	{ "move|atomic", ON(DIRTY), ORDER_HELD, 2,
	  { ONCE(MOVE(16)), ONCE(ATOMIC(0, 6)) } },
	{ "move|trims", ON(DIRTY), ORDER_HELD, 2,
	  { ONCE(MOVE(16)), ONCE(TRIM(0, 16)) } },
	{ "move|parts", ON(DIRTY), ORDER_HELD, 2,
	  { ONCE(MOVE(8)), ONCE(PART(0, 4, 64)) } },
	{ "move|move", ON(DIRTY), ORDER_HELD, 2,
	  { ONCE(MOVE(4)), ONCE(MOVE(4), WRITE(3, 1)) } },
	{ "write|flush", ON(DIRTY), ORDER_EACH, 2,
	  { ONCE(WRITE(3, 1), WRITE(3, 1)), ONCE(FLUSH, WRITE(3, 1)) } },
	{ "trim|flush", ON(DIRTY), ORDER_EACH, 2,
	  { ONCE(TRIM(3, 1)), ONCE(FLUSH, WRITE(3, 1), FLUSH) } },
	{ "slow-write", ON(DIRTY) | ON(FULL), ORDER_HELD, 2,
	  { ONCE(WRITE(3, 1)), { { WRITE(3, 1), WRITE(5, 1) }, 60 } } },
	/* So many blocks freed at once that the other lane gets them. */
	{ "slow-many", ON(FULL), ORDER_HELD, 2,
	  { ONCE(WRITE(0, 12)), { { WRITE(13, 1), WRITE(14, 1) }, 30 } } },
	{ "slow-atomic", ON(DIRTY) | ON(FULL), ORDER_HELD, 2,
	  { ONCE(ATOMIC(3, 3)), { { ATOMIC(3, 2), WRITE(4, 1), WRITE(6, 1) }, 25 } } },
	{ "slow-trim", ON(DIRTY) | ON(LOGS), ORDER_HELD, 2,
	  { ONCE(TRIM(10, 1)), { { WRITE(6, 1), TRIM(6, 1) }, 400 } } },
	{ "slow-part", ON(DIRTY), ORDER_HELD, 2,
	  { ONCE(PART(3, 0, 3)), { { WRITE(4, 1), TRIM(4, 1) }, 20 } } },
	{ "slow-move", ON(DIRTY) | ON(FULL), ORDER_HELD, 2,
	  { ONCE(MOVE(2)), { { WRITE(0, 3) }, 40 } } },
	{ "three", ON(DIRTY) | ON(LOGS), ORDER_EACH, 3,
	  { ONCE(ATOMIC(3, 2)), ONCE(TRIM(4, 1), WRITE(4, 1)), ONCE(WRITE(3, 1), FLUSH) } },
	{ "three-parts", ON(DIRTY), ORDER_EACH, 3,
	  { ONCE(PART(3, 0, 3)), ONCE(PART(3, 4, 2)), ONCE(WRITE(3, 1), TRIM(3, 1)) } },
	{ "three-move", ON(DIRTY), ORDER_EACH, 3,
	  { ONCE(MOVE(6)), ONCE(WRITE(0, 6)), ONCE(TRIM(2, 2), ATOMIC(2, 2)) } },
};

/* ---- orders ------------------------------------------------------------------------ */

struct search {
	struct vbase *base;
	struct lanes lanes;
	uint64_t seed, orders;
	struct act act;
	struct vcrash crash;
	const char *only;		/* replay: the plan in the token */
	char order[TORTURE_WHAT_MAX];
};

/* One order of events: record, explore. */
static bool order_try(struct search *search, const struct lanes_plan *plan)
{
	struct act *act = &search->act;
	struct vcrash *crash = &search->crash;
	struct domain *domain = search->base->yard.domain;
	bool good;

	plan_print(plan, search->order, sizeof(search->order));
	if (search->only && strcmp(search->only, search->order))
		return true;
	act->plan = *plan;
	search->orders++;
	domain_mark(domain);
	good = vcrash_record(crash, act_run, &(struct act *){ act });
	domain_back(domain);
	return good && vcrash_explore(crash, &crash->trace);
}

/* The events that each lane makes when they come one after the other. */
static bool events_count(struct search *search, uint32_t ret_events[3])
{
	const struct lanes_plan plan = { .slot_count = 0 };
	const char *only = search->only;
	struct vcrash *crash = &search->crash;
	bool good;

	search->only = NULL;
	search->act.plan = plan;
	good = vcrash_record(crash, act_run, &(struct act *){ &search->act });
	search->only = only;
	memcpy(ret_events, search->lanes.events, 3 * sizeof(*ret_events));
	return good;
}

static uint64_t choose(uint64_t n, uint64_t k)
{
	uint64_t ways = 1;

	for (uint64_t i = 1; i <= k && ways < 1u << 20; i++)
		ways = ways * (n - k + i) / i;
	return ways;
}

/* Two lanes: every way of @b events among @a; or some of them. */
static bool orders_each(struct search *search, uint32_t a, uint32_t b,
			uint32_t most)
{
	bool all = a + b < 32 && choose(a + b, b) <= most;
	uint64_t seed = search->seed;
	bool good = true;

	for (uint32_t ways = 0; good && (all ? ways < 1u << (a + b)
					     : ways < most); ways++) {
		struct lanes_plan plan = { .slot_count = 0 };

		if (all && (uint32_t)__builtin_popcount(ways) != b)
			continue;
		if (all)
			for (uint32_t i = 0; i < a + b; i++)
				plan_add(&plan, ways >> i & 1, 1);
		else
			plan.random = seed * 1000 + ways + 1;
		good = order_try(search, &plan);
	}
	return good;
}

static bool orders_random(struct search *search, uint32_t count)
{
	bool good = true;

	for (uint32_t i = 0; i < count && good; i++) {
		struct lanes_plan plan = {
			.random = search->seed * 100000 + i + 1 };

		good = order_try(search, &plan);
	}
	return good;
}

/* Lane 0 stops before each of its events, the first one included. */
static bool orders_held(struct search *search, uint32_t events)
{
	bool good = true;

	for (uint32_t n = 1; n <= events && good; n++) {
		struct lanes_plan plan = { .slot_count = 0 };

		plan_add(&plan, 0, n);
		plan_add(&plan, 1, UINT32_MAX);
		good = order_try(search, &plan);
	}
	return good;
}

static bool orders_try(struct search *search, uint32_t effort)
{
	const struct scene *scene = search->act.scene;
	uint32_t events[3];

	if (!events_count(search, events))
		return false;
	if (scene->order == ORDER_HELD)
		return orders_held(search, events[0]);
	if (scene->lanes == 2)
		return orders_each(search, events[0], events[1], effort * 2) &&
		       orders_random(search, effort / 4);
	return orders_random(search, effort * 2);
}

/* ---- the suite --------------------------------------------------------------------- */

#define SCENE_COUNT	(sizeof(scenes) / sizeof(*scenes))

static void list_cases(const struct suite *suite, struct case_list *list)
{
	/* A core that stores no line in parts and whole: as in the others. */
	static const enum explore_model models[] = { MODEL_PARANOID,
						     MODEL_PAGECACHE };

	for (unsigned s = 0; s < VSTATE_COUNT; s++) {
		for (unsigned m = 0; m < 2; m++) {
			for (unsigned i = 0; i < SCENE_COUNT; i++) {
				struct torture_case *c;

				if (!(scenes[i].states >> s & 1))
					continue;
				c = case_add(list, suite, s * 2 + m, models[m],
					     "%s:%s:%s", scenes[i].name,
					     vstate_name(s),
					     model_name(models[m]));
				c->number[0] = i;
				c->number[1] = s;
			}
		}
	}
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	const struct scene *scene = &scenes[c->number[0]];
	struct search search = { .only = how->what, .seed = how->seed };
	struct vcrash *crash = &search.crash;
	bool good;

	search.base = suite_vbase(memory, c->number[1],
				  model_durability(c->model), ret_result);
	if (!search.base)
		return false;
	search.act = (struct act){ .scene = scene, .lanes = &search.lanes };
	vcrash_begin(crash, search.base, c->model, how);
	crash->seen = &memory->seen;
	crash->effort = how->effort / 8 < 8 ? 8 : how->effort / 8;
	crash->life_every = crash->nested_every = 211;
	crash->check_every = how->replay ? 1 : 7;
	crash->deep_every = 0;
	search.base->yard.lane_count = scene->lanes;
	search.base->yard.relax = lanes_relax;
	search.base->yard.relax_ctx = &search.lanes;
	good = orders_try(&search, how->effort);
	if (good && !search.orders)
		good = deny(&crash->verdict, "no such order");
	vcrash_tell(crash, good, ret_result);
	ret_result->tries = search.orders;
	ret_result->tried = "orders";
	snprintf(ret_result->what, sizeof(ret_result->what), "%s",
		 search.order);
	trace_keep(memory, &crash->trace);
	vcrash_end(crash);
	return good;
}

const struct suite suite_vdisk_threads = {
	.name = "vdisk-threads",
	.summary = "two and three writers of a disk, in every order of events",
	.list = list_cases,
	.run = run_case,
};
