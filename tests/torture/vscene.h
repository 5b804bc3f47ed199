/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vscene.h - several writers of one virtual disk at once, each with a part of
 * its own, in an order of events that a plan gives.
 */
#ifndef TORTURE_VSCENE_H
#define TORTURE_VSCENE_H

#include "tests/torture/lanes.h"
#include "tests/torture/vcrash.h"

#define VSCENE_STEPS_MAX	4u
#define VSCENE_LANES_MAX	3u

/* What a lane does, so many times. */
struct part {
	struct vstep step[VSCENE_STEPS_MAX];	/* up to VSTEP_END */
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
	struct part part[VSCENE_LANES_MAX];
};

struct act {
	const struct scene *scene;
	struct lanes *lanes;
	struct lanes_plan plan;
	struct vplay play[VSCENE_LANES_MAX];		/* a copy for each lane */
	struct verdict verdict[VSCENE_LANES_MAX];
	bool failed[VSCENE_LANES_MAX];
	size_t resumed;			/* HELD: lane 0 goes on at this event */
};

/*
 * For vcrash_record(), @arg is a struct act **: all lanes; then what they left
 * is what everybody relies on.
 */
bool act_run(struct vcrash *crash, struct vplay *play, const void *arg);

/* "0.3-1.5-0.2" or "r17", as a part of a token; "" is one after the other. */
void plan_print(const struct lanes_plan *plan, char *ret_text, size_t room);
void plan_add(struct lanes_plan *plan, uint32_t lane, uint32_t events);

#endif
