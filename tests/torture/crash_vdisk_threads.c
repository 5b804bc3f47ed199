// SPDX-License-Identifier: BSD-3-Clause
/*
 * crash_vdisk_threads.c - two and three writers of one virtual disk at once,
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

#include "tests/torture/lanes.h"
#include "tests/torture/vops.h"

#define STEPS_MAX	4u

/* What a lane does, so many times. */
struct part {
	struct vstep step[STEPS_MAX];	/* up to VSTEP_END */
	uint32_t times;			/* 0: once */
};

enum order {
	ORDER_EACH,	/* every order of events, or a sample of them */
	ORDER_HELD,	/* lane 0 is held before each of its events, while the
			   others come to their end */
};

struct scene {
	const char *name;
	unsigned states;
	enum order order;
	uint32_t lanes;
	struct part part[3];
};

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

/* ---- one history ----------------------------------------------------------------- */

struct act {
	const struct scene *scene;
	struct lanes *lanes;
	struct lanes_plan plan;
	struct vplay play[3];		/* a copy for each lane */
	struct verdict verdict[3];
	bool failed[3];
	size_t resumed;			/* HELD: lane 0 goes on at this event */
};

static void lane_play(void *ctx, uint32_t lane)
{
	struct act *act = ctx;
	const struct part *part = &act->scene->part[lane];
	struct vplay *play = &act->play[lane];

	for (uint32_t n = 0; n < part->times && !act->failed[lane]; n++)
		for (unsigned i = 0; i < STEPS_MAX && part->step[i].kind &&
		     !act->failed[lane]; i++)
			act->failed[lane] = !vplay_step(play, lane,
							&part->step[i],
							++play->tag);
	if (lane)
		act->resumed = play->trace->count;
}

/* All lanes; then what they left is what everybody relies on. */
static bool act_run(struct vcrash *crash, struct vplay *play, const void *arg)
{
	static const struct vstep flush = { VSTEP_FLUSH, 0, 0 };
	struct act *act = *(struct act *const *)arg;
	struct vyard *yard = play->yard;
	struct vshown shown = { 0 };

	for (uint32_t i = 0; i < act->scene->lanes; i++) {
		act->play[i] = *play;
		act->play[i].tag += 1000 * (i + 1);
		act->play[i].verdict = &act->verdict[i];
		act->failed[i] = false;
	}
	act->resumed = play->trace->count;
	lanes_run(act->lanes, yard->domain, act->scene->lanes, lane_play, act,
		  &act->plan);
	for (uint32_t i = 0; i < act->scene->lanes; i++)
		if (act->failed[i])
			return deny(play->verdict, "lane %u: %.200s", i,
				    act->verdict[i].why);
	crash->first_event = act->scene->order == ORDER_HELD
			     ? act->resumed : crash->op_first;
	if (!vplay_live(play) || !vplay_step(play, 0, &flush, 0))
		return false;
	vplay_look(yard, play->history, 1, 0, &shown);
	vhistory_settle(play->history, &shown, vplay_now(play) - 1);
	vshown_end(&shown);
	return true;
}

/* ---- orders ------------------------------------------------------------------------ */

struct suite {
	const struct crash_options *options;
	struct vbase *base;
	struct seen seen;
	struct lanes lanes;
	unsigned count, failed;
	uint64_t histories, orders, images, distinct;	/* of a scene; of all */
	struct act act;
	struct vcrash crash;
	const char *only;		/* replay: the plan in the token */
	char order[160];
};

/* "0.3-1.5-0.2" or "r17": the plan, as a part of the token. */
static void plan_print(const struct lanes_plan *plan, char *ret_text,
		       size_t room)
{
	size_t used = 0;

	ret_text[0] = 0;
	if (plan->random)
		snprintf(ret_text, room, "r%" PRIu64, plan->random);
	for (uint32_t i = 0; i < plan->slot_count && used < room; i++)
		used += (size_t)snprintf(ret_text + used, room - used,
					 "%s%u.%u", i ? "-" : "",
					 plan->slot[i].lane,
					 plan->slot[i].events);
}

static void slot_add(struct lanes_plan *plan, uint32_t lane, uint32_t events)
{
	if (plan->slot_count && plan->slot[plan->slot_count - 1].lane == lane)
		plan->slot[plan->slot_count - 1].events += events;
	else if (plan->slot_count < LANES_SLOTS_MAX)
		plan->slot[plan->slot_count++] =
			(struct lanes_slot){ lane, events };
}

/* One order of events: record, explore. */
static bool order_try(struct suite *suite, const struct lanes_plan *plan)
{
	struct act *act = &suite->act;
	struct vcrash *crash = &suite->crash;
	struct domain *domain = suite->base->yard.domain;
	bool good;

	plan_print(plan, suite->order, sizeof(suite->order));
	if (suite->only && strcmp(suite->only, suite->order))
		return true;
	act->plan = *plan;
	suite->histories++;
	domain_mark(domain);
	good = vcrash_record(crash, act_run, &(struct act *){ act });
	domain_back(domain);
	return good && vcrash_explore(crash, &crash->trace);
}

/* The events that each lane makes when they come one after the other. */
static bool events_count(struct suite *suite, uint32_t ret_events[3])
{
	const struct lanes_plan plan = { .slot_count = 0 };
	const char *only = suite->only;
	struct vcrash *crash = &suite->crash;
	bool good;

	suite->only = NULL;
	suite->act.plan = plan;
	good = vcrash_record(crash, act_run, &(struct act *){ &suite->act });
	suite->only = only;
	memcpy(ret_events, suite->lanes.events, 3 * sizeof(*ret_events));
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
static bool orders_each(struct suite *suite, uint32_t a, uint32_t b,
			uint32_t most)
{
	bool all = a + b < 32 && choose(a + b, b) <= most;
	uint64_t seed = suite->options->seed;
	bool good = true;

	for (uint32_t ways = 0; good && (all ? ways < 1u << (a + b)
					     : ways < most); ways++) {
		struct lanes_plan plan = { .slot_count = 0 };

		if (all && (uint32_t)__builtin_popcount(ways) != b)
			continue;
		if (all)
			for (uint32_t i = 0; i < a + b; i++)
				slot_add(&plan, ways >> i & 1, 1);
		else
			plan.random = seed * 1000 + ways + 1;
		good = order_try(suite, &plan);
	}
	return good;
}

static bool orders_random(struct suite *suite, uint32_t count)
{
	bool good = true;

	for (uint32_t i = 0; i < count && good; i++) {
		struct lanes_plan plan = {
			.random = suite->options->seed * 100000 + i + 1 };

		good = order_try(suite, &plan);
	}
	return good;
}

/* Lane 0 stops before each of its events, the first one included. */
static bool orders_held(struct suite *suite, uint32_t events)
{
	bool good = true;

	for (uint32_t n = 1; n <= events && good; n++) {
		struct lanes_plan plan = { .slot_count = 0 };

		slot_add(&plan, 0, n);
		slot_add(&plan, 1, UINT32_MAX);
		good = order_try(suite, &plan);
	}
	return good;
}

static bool run_scene(struct suite *suite, const struct scene *scene,
		      enum explore_model model, const char *name,
		      unsigned number)
{
	uint32_t effort = suite->options->effort, events[3];
	struct vyard *yard = &suite->base->yard;
	double start = vcrash_clock();
	char token[160];
	bool good;

	suite->act = (struct act){ .scene = scene, .lanes = &suite->lanes };
	suite->histories = 0;
	vcrash_begin(&suite->crash, suite->base, model, suite->options);
	snprintf(suite->crash.name, sizeof(suite->crash.name), "%s", name);
	suite->crash.seen = &suite->seen;
	suite->crash.effort = effort / 8 < 8 ? 8 : effort / 8;
	suite->crash.life_every = suite->crash.nested_every = 211;
	suite->crash.check_every = suite->only ? 1 : 7;
	suite->crash.deep_every = 0;
	yard->lane_count = scene->lanes;
	yard->relax = lanes_relax;
	yard->relax_ctx = &suite->lanes;
	good = events_count(suite, events);
	if (good && scene->order == ORDER_HELD)
		good = orders_held(suite, events[0]);
	else if (good && scene->lanes == 2)
		good = orders_each(suite, events[0], events[1], effort * 2) &&
		       orders_random(suite, effort / 4);
	else if (good)
		good = orders_random(suite, effort * 2);
	printf("%s %u - %s # %" PRIu64 " orders, %" PRIu64 " points, %" PRIu64
	       " images, %" PRIu64 " new, %.1f s\n", good ? "ok" : "not ok",
	       number, name, suite->histories, suite->crash.stats.points,
	       suite->crash.stats.images, suite->crash.stats.distinct,
	       vcrash_clock() - start);
	if (!good) {
		vcrash_token(&suite->crash, token, sizeof(token));
		printf("# %s\n# replay: --seed=%" PRIu64
		       " --effort=%u --replay=%s+%s%s\n",
		       suite->crash.verdict.why,
		       suite->options->seed, effort, name, suite->order,
		       token + strlen(name));
		if (suite->only)
			trace_print(stdout, &suite->crash.trace);
	}
	fflush(stdout);
	suite->orders += suite->histories;
	suite->images += suite->crash.stats.images;
	suite->distinct += suite->crash.stats.distinct;
	vcrash_end(&suite->crash);
	return good;
}

/* All scenes on one state of a disk. */
static void run_state(struct suite *suite, enum vstate state,
		      enum explore_model model)
{
	struct verdict verdict = { "" };
	struct vbase base;
	bool begun = false;

	suite->base = &base;
	for (unsigned i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		char name[96];

		if (!(scenes[i].states >> state & 1))
			continue;
		snprintf(name, sizeof(name), "%s:%s:%s", scenes[i].name,
			 vstate_name(state), model_name(model));
		if (!crash_selected(suite->options, name))
			continue;
		suite->count++;
		if (suite->options->list) {
			puts(name);
			continue;
		}
		if (!begun && !vbase_begin(&base, state, model_durability(model),
					   &verdict)) {
			printf("not ok %u - %s # %s\n", suite->count, name,
			       verdict.why);
			suite->failed++;
			vbase_end(&base);
			break;
		}
		begun = true;
		suite->failed += !run_scene(suite, &scenes[i], model, name,
					    suite->count);
	}
	if (begun)
		vbase_end(&base);
	seen_free(&suite->seen);
}

int main(int argc, char **argv)
{
	/* A core that stores no line in parts and whole: as in the others. */
	static const enum explore_model models[] = { MODEL_PARANOID,
						     MODEL_PAGECACHE };
	struct crash_options options;
	struct suite suite = { .options = &options };
	char rest[256], order[256];

	if (crash_options(&options, argc, argv))
		return 2;
	if (options.replay) {
		vcrash_token_split(options.replay, rest, sizeof(rest), order,
				   sizeof(order));
		options.replay = rest;
		suite.only = order;
	}
	for (unsigned s = 0; s < VSTATE_COUNT; s++)
		for (unsigned m = 0; m < 2; m++)
			run_state(&suite, s, models[m]);
	if (options.list)
		return 0;
	printf("1..%u\n# seed %" PRIu64 "; %" PRIu64 " orders of events, %"
	       PRIu64 " images, %" PRIu64 " distinct\n", suite.count,
	       options.seed, suite.orders, suite.images, suite.distinct);
	if (!suite.count)
		fputs("crash_vdisk_threads: no such case\n", stderr);
	return suite.failed || !suite.count;
}
