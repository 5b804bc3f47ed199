// SPDX-License-Identifier: BSD-3-Clause
/*
 * lanes.c - the baton and who gets it.
 *
 * Invariant: of all lanes only `current` runs, and all that the lanes share
 * is touched by it alone; the lock is for handing on.  A grant is one event:
 * whoever hands on the baton grants one, so a lane that has not begun yet runs
 * to its first event and makes it.
 */
#include "tests/torture/lanes.h"

#include <stdlib.h>

#include "tests/torture/explore.h"

#define NOBODY		UINT32_MAX
#define WAITS_MAX	100000u

struct runner {
	struct lanes *lanes;
	uint32_t lane;
};

static void stuck(const char *why)
{
	fprintf(stderr, "torture: %s\n", why);
	abort();
}

static bool is_alive(const struct lanes *lanes, uint32_t lane)
{
	return lane < lanes->count && lanes->alive >> lane & 1;
}

/* The next alive one behind @lane, perhaps itself. */
static uint32_t after(const struct lanes *lanes, uint32_t lane)
{
	do
		lane = (lane + 1) % lanes->count;
	while (!is_alive(lanes, lane));
	return lane;
}

/* Whose event is the next, as the plan has it. */
static uint32_t planned(struct lanes *lanes)
{
	struct lanes_plan *plan = &lanes->plan;
	uint32_t current = lanes->current;

	if (plan->random) {
		uint64_t x = random_next(&plan->random);
		uint32_t steps = x % 3 ? 0 : (uint32_t)(x >> 32) % lanes->count;

		if (!is_alive(lanes, current))
			current = after(lanes, current);
		for (; steps; steps--)
			current = after(lanes, current);
		return current;
	}
	for (; lanes->slot < plan->slot_count; lanes->slot++) {
		struct lanes_slot *slot = &plan->slot[lanes->slot];

		if (slot->events && slot->lane < lanes->count &&
		    is_alive(lanes, slot->lane)) {
			slot->events--;
			return slot->lane;
		}
	}
	return is_alive(lanes, current) ? current
					: after(lanes, lanes->count - 1);
}

/* Hand on the baton, and wait for it unless @me has ended.  @to NOBODY: all. */
static void hand_on(struct lanes *lanes, uint32_t me, uint32_t to, bool wait)
{

	pthread_mutex_lock(&lanes->lock);
	if (to != NOBODY)
		lanes->granted[to] = true;
	lanes->current = to;
	pthread_cond_broadcast(&lanes->moved);
	while (wait && lanes->current != me)
		pthread_cond_wait(&lanes->moved, &lanes->lock);
	pthread_mutex_unlock(&lanes->lock);
	if (wait)
		lanes->domain->thread = lanes->domain->op = me;
}

static void turn(void *ctx, enum domain_event_type type)
{
	struct lanes *lanes = ctx;
	uint32_t me = lanes->current;

	if (type == DOMAIN_RESERVE ||
	    (type == DOMAIN_LOAD && !lanes->plan.random))
		return;
	if (!lanes->granted[me]) {
		uint32_t next = planned(lanes);

		if (next != me)
			hand_on(lanes, me, next, true);
	}
	lanes->granted[me] = false;
	lanes->waits = 0;
	lanes->events[me] += type != DOMAIN_LOAD;
}

void lanes_relax(void *ctx)
{
	struct lanes *lanes = ctx;
	uint32_t me = lanes->current, next;

	if (!lanes->alive)
		stuck("the disk waits for a thread, and there is none");
	next = after(lanes, me);
	if (next == me || ++lanes->waits > WAITS_MAX)
		stuck("threads wait for each other for ever");
	/* What was granted for an event goes with the baton. */
	lanes->granted[me] = false;
	hand_on(lanes, me, next, true);
	/* It was handed on in order to look again, not for an event. */
	if (lanes->waits)
		lanes->granted[me] = false;
}

static void *runner_main(void *arg)
{
	struct runner *runner = arg;
	struct lanes *lanes = runner->lanes;

	pthread_mutex_lock(&lanes->lock);
	while (lanes->current != runner->lane)
		pthread_cond_wait(&lanes->moved, &lanes->lock);
	pthread_mutex_unlock(&lanes->lock);
	lanes->domain->thread = lanes->domain->op = runner->lane;
	lanes->play(lanes->ctx, runner->lane);
	lanes->alive &= ~(1u << runner->lane);
	hand_on(lanes, runner->lane,
		lanes->alive ? planned(lanes) : NOBODY, false);
	return NULL;
}

void lanes_run(struct lanes *lanes, struct domain *domain, uint32_t count,
	       void (*play)(void *ctx, uint32_t lane), void *ctx,
	       const struct lanes_plan *plan)
{
	struct runner runner[LANES_MAX];
	pthread_t thread[LANES_MAX];

	*lanes = (struct lanes){ .domain = domain, .play = play, .ctx = ctx,
		.plan = *plan, .count = count, .alive = (1u << count) - 1,
		.current = NOBODY };
	pthread_mutex_init(&lanes->lock, NULL);
	pthread_cond_init(&lanes->moved, NULL);
	for (uint32_t i = 0; i < count; i++) {
		runner[i] = (struct runner){ lanes, i };
		if (pthread_create(&thread[i], NULL, runner_main, &runner[i]))
			stuck("no threads");
	}
	domain->turn = turn;
	domain->turn_ctx = lanes;
	hand_on(lanes, NOBODY, planned(lanes), false);
	for (uint32_t i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
	domain->turn = NULL;
	domain->thread = domain->op = 0;
	pthread_mutex_destroy(&lanes->lock);
	pthread_cond_destroy(&lanes->moved);
}
