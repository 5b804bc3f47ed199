// SPDX-License-Identifier: BSD-3-Clause
/*
 * vscene.c - see vscene.h.
 */
#include "tests/torture/vscene.h"

#include <inttypes.h>

static void lane_play(void *ctx, uint32_t lane)
{
	struct act *act = ctx;
	const struct part *part = &act->scene->part[lane];
	struct vplay *play = &act->play[lane];

	for (uint32_t n = 0; n < part->times && !act->failed[lane]; n++)
		for (unsigned i = 0; i < VSCENE_STEPS_MAX && part->step[i].kind &&
		     !act->failed[lane]; i++)
			act->failed[lane] = !vplay_step(play, lane,
							&part->step[i],
							++play->tag);
	if (lane)
		act->resumed = play->trace->count;
}

bool act_run(struct vcrash *crash, struct vplay *play, const void *arg)
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

void plan_print(const struct lanes_plan *plan, char *ret_text,
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

void plan_add(struct lanes_plan *plan, uint32_t lane, uint32_t events)
{
	if (plan->slot_count && plan->slot[plan->slot_count - 1].lane == lane)
		plan->slot[plan->slot_count - 1].events += events;
	else if (plan->slot_count < LANES_SLOTS_MAX)
		plan->slot[plan->slot_count++] =
			(struct lanes_slot){ lane, events };
}
