// SPDX-License-Identifier: BSD-3-Clause
/*
 * crash_vdisk_kill.c - kills and power losses mixed.  A process is killed in
 * the middle of an operation: all that it stored stays visible, nothing more
 * becomes durable.  The next process opens the disk, which recovers, is shown
 * its blocks, works on; then the power goes.  What either process was told is
 * there, and what the second one was shown.
 *
 * The kill comes before every event of the operation, opening included, and
 * (every few kills) a second one before every event of the opening that
 * follows.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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
	bool good = true;

	trace_append(&opening, &kill->crash.trace, 0, end);
	vhistory_copy(&history, &kill->history);
	for (size_t at = from + 1; at < end && good; at++) {
		trace_reset(&kill->first);
		trace_append(&kill->first, &opening, 0, at);
		vhistory_copy(&kill->history, &history);
		append_kill(kill);
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
		good = power_loss_after(kill);
		if (good && !kill->weak && at % 5 == 0)
			good = second_kills(kill);
	}
	return good;
}

static bool run_case(const struct vop *op, enum vstate state,
		     enum explore_model model, bool weak,
		     const struct crash_options *options, unsigned number)
{
	struct kill kill = { .weak = weak };
	struct vcrash *crash = &kill.crash;
	struct seen seen = { 0 };
	struct vbase base;
	double start = vcrash_clock();
	struct verdict verdict = { "" };
	bool good = vbase_begin(&base, state, model_durability(model), &verdict);

	base.yard.lane_count = 2;
	vcrash_begin(crash, &base, model, options);
	snprintf(crash->name, sizeof(crash->name), "%s:%s:%s", op->name,
		 vstate_name(state), model_name(model));
	crash->seen = &seen;
	crash->effort = options->effort < 64 ? 4 : options->effort / 16;
	crash->check_every = 7;
	crash->life_every = 211;
	crash->nested_every = weak ? 0 : 211;
	crash->deep_every = 0;
	if (!good)
		crash->verdict = verdict;
	good = good && vop_crash(crash, op, explore_kills, &kill);
	if (weak) {
		good = !good;
		printf("%s %u - %s without flushes is seen to be weak # %s\n",
		       good ? "ok" : "not ok", number, crash->name,
		       crash->verdict.why);
	} else {
		printf("%s %u - %s # %" PRIu64 " kills, %" PRIu64 " points, %"
		       PRIu64 " images, %" PRIu64 " new, %.1f s\n",
		       good ? "ok" : "not ok", number, crash->name, kill.kills,
		       crash->stats.points, crash->stats.images,
		       crash->stats.distinct, vcrash_clock() - start);
		if (!good) {
			printf("# %s\n# again: --seed=%" PRIu64 " --effort=%u "
			       "--only=%s; the trace, with its kills:\n",
			       crash->verdict.why, options->seed,
			       options->effort, crash->name);
			trace_print(stdout, &crash->trace);
			if (crash->depth)
				printf("# crash before event %zu, %s\n",
				       crash->path[0].event,
				       crash->path[0].family);
		}
	}
	fflush(stdout);
	trace_free(&kill.op);
	trace_free(&kill.first);
	vhistory_end(&kill.op_history);
	vhistory_end(&kill.history);
	vcrash_end(crash);
	vbase_end(&base);
	seen_free(&seen);
	return good;
}

int main(int argc, char **argv)
{
	/* What the intel model allows, the paranoid one does as well. */
	static const enum explore_model models[] = { MODEL_PARANOID,
						     MODEL_PAGECACHE };
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
	struct crash_options options;
	unsigned count = 0, failed = 0;

	if (crash_options(&options, argc, argv))
		return 2;
	for (unsigned w = 0; w < sizeof(wanted) / sizeof(*wanted); w++) {
		const struct vop *op = vops;

		while (strcmp(op->name, wanted[w].op))
			op++;
		/* On a page cache a flush is nothing: the sync does it all. */
		for (unsigned k = 0; k < 2u + wanted[w].weak; k++) {
			enum explore_model model = models[k == 1];
			char name[96];

			snprintf(name, sizeof(name), "%s:%s:%s", op->name,
				 vstate_name(wanted[w].state),
				 model_name(model));
			if (!crash_selected(&options, name))
				continue;
			count++;
			if (options.list)
				puts(name);
			else if (!run_case(op, wanted[w].state, model, k == 2,
					   &options, count))
				failed++;
		}
	}
	if (!options.list)
		printf("1..%u\n# seed %" PRIu64 "\n", count, options.seed);
	return failed || !count;
}
