// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_vdisk_kill.c - kills and power losses mixed.  A process is killed in
 * the middle of an operation: all that it stored stays visible, nothing more
 * becomes durable.  The next process opens the disk, which recovers, is shown
 * its blocks, works on; then the power goes.  What either process was told is
 * there, and what the second one was shown.
 *
 * The kill comes before every event of the operation, opening included, and
 * (every few kills) a second one before every event of the opening that
 * follows.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/torture/suites.h"
#include "tests/torture/vops.h"

struct kill {
	struct vcrash crash;
	struct domain_trace op;		/* the operation, uncut */
	struct vhistory op_history;
	size_t op_created;
	struct domain_trace first;	/* cut off by the kills */
	struct vhistory history;	/* of that */
	size_t opened;			/* the ACK of the process after them */
	uint64_t kills;
	char what[TORTURE_WHAT_MAX];	/* before which events */
	const char *only;		/* replay: these */
	bool weak;			/* mutant: opening does not flush */
};

static void append_kill(struct kill *kill)
{
	struct domain *domain = kill->crash.base->yard.domain;

	domain_record(domain, &kill->first);
	domain_note(domain, DOMAIN_KILL);
	domain_record(domain, NULL);
	vhistory_killed(&kill->history, (int64_t)kill->first.count - 1);
}

/* After a kill all is visible that was told; the rest is, or is not. */
static bool opened_right(struct kill *kill, struct vplay *play)
{
	struct vhistory *history = &kill->crash.history;
	struct vshown shown = { 0 };
	struct verdict inner;
	bool good;

	vplay_look(play->yard, history, 1, 0, &shown);
	vhistory_at(history, (int64_t)kill->first.count, true);
	good = vhistory_allows(history, &shown, &inner) ||
	       deny(play->verdict, "after the kill: %.200s", inner.why);
	vhistory_settle(history, &shown, (int64_t)kill->opened);
	vshown_end(&shown);
	return good;
}

/* The next process, on what the killed one left visible; into crash->trace. */
static bool next_process(struct kill *kill)
{
	static const struct vstep work[] = {
		{ VSTEP_WRITE, 3, 2 }, { VSTEP_TRIM, 9, 1 },
		{ VSTEP_ATOMIC, 4, 2 }, { VSTEP_FLUSH, 0, 0 },
		{ VSTEP_WRITE, 4, 1 }, { VSTEP_END, 0, 0 } };
	struct vcrash *crash = &kill->crash;
	struct vyard *yard = &crash->base->yard;
	struct domain *domain = yard->domain;
	struct vplay play = { .yard = yard, .history = &crash->history,
		.trace = &crash->trace, .tag = crash->base->tag + 5000,
		.verdict = &crash->verdict };
	bool good;
	int err;

	trace_reset(&crash->trace);
	trace_append(&crash->trace, &kill->first, 0, kill->first.count);
	vhistory_copy(&crash->history, &kill->history);
	domain_mark(domain);
	domain_apply(domain, &kill->first, 0, kill->first.count);
	domain_record(domain, &crash->trace);
	err = vyard_open(yard, 0);
	kill->opened = crash->trace.count;
	domain_note(domain, DOMAIN_ACK);
	good = (!err || deny(&crash->verdict, "after the kill: error %d",
			     -err)) &&
	       opened_right(kill, &play) && vplay_steps(&play, work, 99) &&
	       vplay_live(&play);
	domain_record(domain, NULL);
	domain_back(domain);
	yard->disk = NULL;
	return good;
}

/* Without flushes of records, data and logs: those are only visible. */
static void weaken(struct domain_trace *trace, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (trace->event[i].type == DOMAIN_FLUSH &&
		    trace->event[i].off >= 2 * NVM_PAGE &&
		    trace->event[i].off < VYARD_AREA - NVM_PAGE)
			trace->event[i].type = DOMAIN_RESERVE;
}

/* kill->first ends with the last kill: run the next process, explore. */
static bool power_loss_after(struct kill *kill)
{
	struct vcrash *crash = &kill->crash;

	if (kill->only && strcmp(kill->only, kill->what))
		return true;
	kill->kills++;
	crash->depth = 0;
	if (!next_process(kill))
		return false;
	if (kill->weak)
		weaken(&crash->trace, kill->first.count, kill->opened);
	/* A resizing that was cut off may come to either size. */
	crash->created = kill->op_created < kill->first.count
			 ? kill->op_created : SIZE_MAX >> 1;
	crash->first_event = kill->first.count;
	return vcrash_explore(crash, &crash->trace);
}

/* Kills before each event of the opening that followed the last kill. */
static bool second_kills(struct kill *kill)
{
	struct domain_trace opening = { 0 };
	struct vhistory history = { 0 };
	size_t from = kill->first.count, end = kill->opened;
	char first_what[sizeof(kill->what) / 2];
	bool good = true;

	snprintf(first_what, sizeof(first_what), "%.99s", kill->what);

	trace_append(&opening, &kill->crash.trace, 0, end);
	vhistory_copy(&history, &kill->history);
	for (size_t at = from + 1; at < end && good; at++) {
		trace_reset(&kill->first);
		trace_append(&kill->first, &opening, 0, at);
		vhistory_copy(&kill->history, &history);
		append_kill(kill);
		snprintf(kill->what, sizeof(kill->what), "%s,%zu", first_what,
			 at);
		good = power_loss_after(kill);
	}
	trace_free(&opening);
	vhistory_end(&history);
	return good;
}

/* For vop_crash(): the operation was recorded; kill it everywhere. */
static bool explore_kills(struct vcrash *crash, void *ctx)
{
	struct kill *kill = ctx;
	bool good = true;

	trace_append(&kill->op, &crash->trace, 0, crash->trace.count);
	vhistory_copy(&kill->op_history, &crash->history);
	kill->op_created = crash->created;
	for (size_t at = 1; at < kill->op.count && good; at++) {
		trace_reset(&kill->first);
		trace_append(&kill->first, &kill->op, 0, at);
		vhistory_copy(&kill->history, &kill->op_history);
		vhistory_cut(&kill->history, (int64_t)at);
		append_kill(kill);
		snprintf(kill->what, sizeof(kill->what), "%zu", at);
		good = power_loss_after(kill);
		if (good && kill->only && at % 5 == 0)
			good = next_process(kill);
		if (good && !kill->weak && at % 5 == 0)
			good = second_kills(kill);
	}
	return good;
}

static const struct {
	const char *op;
	enum vstate state;
	bool weak;		/* its recovery has to flush */
} wanted[] = {
	{ "write", VSTATE_CLEAN, true }, { "write-again", VSTATE_DIRTY, true },
	{ "write-three", VSTATE_TORN, true }, { "atomic-over", VSTATE_DIRTY, true },
	{ "part", VSTATE_FRESH, true }, { "zero", VSTATE_DIRTY, false },
	{ "trim", VSTATE_CLEAN, true }, { "trim-write", VSTATE_DIRTY, true },
	{ "trim-roll", VSTATE_LOGS, true }, { "write-move", VSTATE_DIRTY, true },
	{ "flush", VSTATE_CLEAN, false }, { "close-open", VSTATE_CLEAN, false },
	{ "retire", VSTATE_CLEAN, false }, { "atomic-refused-4", VSTATE_DIRTY, false },
	{ "grow-extent", VSTATE_CLEAN, false },
};

static void list_cases(const struct suite *suite, struct case_list *list)
{
	unsigned group = 0;

	for (unsigned w = 0; w < sizeof(wanted) / sizeof(*wanted); w++) {
		/*
		 * What the intel model allows, the paranoid one does as well.
		 * On a page cache a flush is nothing: the sync does it all.
		 */
		for (unsigned k = 0; k < 2u + wanted[w].weak; k++) {
			enum explore_model model = k == 1 ? MODEL_PAGECACHE
							  : MODEL_PARANOID;
			struct torture_case *c = case_add(list, suite, group++,
				model, "%s%s:%s:%s", k == 2 ? "weak-" : "",
				wanted[w].op, vstate_name(wanted[w].state),
				model_name(model));

			c->number[0] = w;
			c->number[1] = k == 2;
		}
	}
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	struct kill kill = { .weak = c->number[1], .only = how->what };
	const struct vop *op = vop_find(wanted[c->number[0]].op);
	struct vcrash *crash = &kill.crash;
	struct vbase *base = suite_vbase(memory, wanted[c->number[0]].state,
					 model_durability(c->model), ret_result);
	bool good;

	if (!base)
		return false;
	base->yard.lane_count = 2;
	vcrash_begin(crash, base, c->model, how);
	crash->seen = &memory->seen;
	crash->effort = how->effort < 64 ? 4 : how->effort / 16;
	crash->check_every = how->replay ? 1 : 7;
	crash->life_every = 211;
	crash->nested_every = kill.weak ? 0 : 211;
	crash->deep_every = 0;
	crash->quick = kill.weak;
	good = vop_crash(crash, op, explore_kills, &kill);
	if (good && !kill.kills)
		good = deny(&crash->verdict, "no such kill");
	if (kill.weak) {
		good = !good;
		if (!good)
			deny(&crash->verdict, "opening without flushes is not "
			     "seen to be weak");
	}
	vcrash_tell(crash, good, ret_result);
	ret_result->tries = kill.kills;
	ret_result->tried = "kills";
	snprintf(ret_result->what, sizeof(ret_result->what), "%s", kill.what);
	trace_keep(memory, &crash->trace);
	trace_free(&kill.op);
	trace_free(&kill.first);
	vhistory_end(&kill.op_history);
	vhistory_end(&kill.history);
	vcrash_end(crash);
	return good;
}

const struct suite suite_vdisk_kill = {
	.name = "vdisk-kill",
	.summary = "processes killed in operations of a disk, then power lost",
	.list = list_cases,
	.run = run_case,
};
