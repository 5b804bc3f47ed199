/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lanes.h - several threads on one domain, of which one runs at a time: who is
 * next is decided before each event, by a plan.  So what they do together is
 * the same each time, and any order can be had.
 *
 * They are real threads that hand on a baton; where the core waits for another
 * thread (its relax function), the baton goes on.
 */
#ifndef TORTURE_LANES_H
#define TORTURE_LANES_H

#include <pthread.h>

#include "tests/torture/domain.h"

#define LANES_MAX	4u
#define LANES_SLOTS_MAX	64u

/* A lane makes so many events, then it is the next slot's turn. */
struct lanes_slot {
	uint32_t lane, events;
};

struct lanes_plan {
	struct lanes_slot slot[LANES_SLOTS_MAX];
	uint32_t slot_count;	/* after them: one lane after the other */
	uint64_t random;	/* not 0: no slots, but chance, also at loads */
};

struct lanes {
	struct domain *domain;
	void (*play)(void *ctx, uint32_t lane);
	void *ctx;
	struct lanes_plan plan;
	uint32_t slot;			/* of the plan, the one that runs */
	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint32_t count, current;
	uint32_t alive;			/* bits */
	bool granted[LANES_MAX];	/* the lane may make an event */
	uint32_t events[LANES_MAX];	/* made, but for loads */
	uint32_t waits;			/* since the last event */
};

/* Let @count lanes play, and return when all have. */
void lanes_run(struct lanes *lanes, struct domain *domain, uint32_t count,
	       void (*play)(void *ctx, uint32_t lane), void *ctx,
	       const struct lanes_plan *plan);

/* For struct vd_open_args: @ctx is a struct lanes. */
void lanes_relax(void *ctx);

#endif
