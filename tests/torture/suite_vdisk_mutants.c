// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_vdisk_mutants.c - is the suite able to see a weak protocol?  Each
 * store, barrier and flush of an operation of the virtual disk is weakened on
 * the record (mutate.h), and some image of the weaker protocol must be judged
 * to be wrong.
 *
 * Each record goes on with writes, trims, a close and another opening: what is
 * stored for those to come is missed only by them.  Where recovery flushes, it
 * is weakened after a kill: the operation is cut off at a barrier, with what it
 * stored visible and not durable.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/torture/mutants.h"
#include "tests/torture/suites.h"
#include "tests/torture/vops.h"
#include "vdisk/format.h"

struct wanted {
	const char *op;
	enum vstate state;
	unsigned cut;		/* killed at the n-th last barrier, then
				   opened; 0: not */
	unsigned again;		/* and that opening as well */
};

/* Where each step of the protocol matters at least once, by state. */
static const struct wanted wanted[] = {
	/* In the SBs: a copy that is not durable, and then another one. */
	{ "close", VSTATE_DIRTY, 1, 0 }, { "close", VSTATE_DIRTY, 1, 3 },
	{ "create", VSTATE_BLANK, 0, 0 }, { "write", VSTATE_CLEAN, 0, 0 },
	{ "part", VSTATE_CLEAN, 0, 0 }, { "trim", VSTATE_CLEAN, 0, 0 },
	{ "close-open", VSTATE_CLEAN, 0, 0 },
	{ "grow-blocks", VSTATE_CLEAN, 0, 0 },
	{ "grow-extent", VSTATE_CLEAN, 0, 0 },
	{ "shrink-blocks", VSTATE_CLEAN, 0, 0 },
	{ "retire", VSTATE_CLEAN, 0, 0 }, { "write", VSTATE_CLEAN, 1, 0 },
	{ "trim", VSTATE_CLEAN, 1, 0 }, { "trim", VSTATE_CLEAN, 2, 0 },
	{ "create", VSTATE_DIRTY, 0, 0 }, { "atomic-two", VSTATE_DIRTY, 0, 0 },
	{ "atomic-many", VSTATE_DIRTY, 0, 0 },
	{ "part-two", VSTATE_DIRTY, 0, 0 }, { "zero", VSTATE_DIRTY, 0, 0 },
	{ "move", VSTATE_DIRTY, 0, 0 }, { "flush", VSTATE_DIRTY, 0, 0 },
	{ "fua", VSTATE_DIRTY, 0, 0 }, { "close", VSTATE_DIRTY, 0, 0 },
	{ "atomic-two", VSTATE_DIRTY, 1, 0 },
	{ "trim-roll", VSTATE_LOGS, 0, 0 }, { "trim-roll", VSTATE_LOGS, 3, 0 },
	{ "write-three", VSTATE_FULL, 0, 0 }, { "move", VSTATE_FULL, 0, 0 },
	{ "open", VSTATE_TORN, 0, 0 }, { "write-three", VSTATE_TORN, 1, 0 },
};

struct vmutants {
	struct vcrash crash;		/* first: found again from it */
	struct mutants mutants;
	const struct wanted *wanted;
	const struct vop *op;
	struct seen seen;		/* the protocol's own images */
	size_t begin, end;		/* events to be weakened */
	uint64_t records_off;
};

static const struct vstep later[] = {
	{ VSTEP_WRITE, 9, 1 }, { VSTEP_FLUSH, 0, 0 }, { VSTEP_WRITE, 10, 2 },
	{ VSTEP_TRIM, 8, 1 }, { VSTEP_FLUSH, 0, 0 }, { VSTEP_WRITE, 9, 1 },
	{ VSTEP_CLOSE, 0, 0 }, { VSTEP_OPEN, 0, 0 }, { VSTEP_WRITE, 9, 1 },
	{ VSTEP_END, 0, 0 },
};

/* On a full disk: more than there are spares, so what was freed is used. */
static const struct vstep later_full[] = {
	{ VSTEP_WRITE, 40, 64 }, { VSTEP_FLUSH, 0, 0 }, { VSTEP_WRITE, 40, 64 },
	{ VSTEP_FLUSH, 0, 0 }, { VSTEP_OPEN, 0, 0 }, { VSTEP_END, 0, 0 },
};

/* ---- the record --------------------------------------------------------------- */

/*
 * Take back all from the n-th last barrier on; there the process is killed.
 * What it stored stays visible, and is not durable.
 */
static bool kill_at(struct vmutants *m, struct vplay *play, size_t from,
		    unsigned cut)
{
	struct domain *domain = play->yard->domain;
	struct domain_trace *trace = play->trace;
	size_t at = trace->count;

	while (cut && at > from)
		cut -= trace->event[--at].type == DOMAIN_DRAIN;
	if (cut)
		return deny(play->verdict, "no such barrier");
	trace->count = at;
	vhistory_cut(play->history, (int64_t)at);
	play->yard->disk = NULL;
	domain_back(domain);
	domain_mark(domain);
	domain_apply(domain, trace, 0, at);
	domain_note(domain, DOMAIN_KILL);
	vhistory_killed(play->history, vplay_now(play) - 1);
	m->begin = trace->count;
	return true;
}

/* The next process opens what is visible, and relies on what it is shown. */
static bool open_next(struct vmutants *m, struct vplay *play)
{
	struct vshown shown = { 0 };
	struct verdict inner;
	bool good;
	int err = vyard_open(play->yard, 0);

	m->end = play->trace->count;
	domain_note(play->yard->domain, DOMAIN_ACK);
	if (err)
		return deny(play->verdict, "after the kill: error %d", -err);
	vplay_look(play->yard, play->history, 1, 0, &shown);
	vhistory_at(play->history, (int64_t)m->begin, true);
	good = vhistory_allows(play->history, &shown, &inner) ||
	       deny(play->verdict, "after the kill: %.200s", inner.why);
	vhistory_settle(play->history, &shown, (int64_t)m->end);
	vshown_end(&shown);
	return good;
}

static bool run_cut(struct vmutants *m, struct vplay *play)
{
	const struct wanted *w = m->wanted;

	return vop_run(&m->crash, play, m->op) &&
	       kill_at(m, play, m->crash.op_first, w->cut) &&
	       (!w->again ||
		(!vyard_open(play->yard, 0) &&
		 kill_at(m, play, m->begin, w->again))) &&
	       open_next(m, play);
}

static bool run_whole(struct vmutants *m, struct vplay *play)
{
	static const struct vstep open = { VSTEP_OPEN, 0, 0 };
	bool opens = !strcmp(m->op->name, "open");

	if (!vop_run(&m->crash, play, m->op))
		return false;
	m->begin = opens ? 0 : m->crash.op_first;
	m->end = m->op->flags & (VCRASH_CREATE | VCRASH_RESIZE)
		 ? m->crash.created : play->trace->count;
	return play->yard->disk || vplay_steps(play, &open, 1);
}

static bool run_then_later(struct vcrash *crash, struct vplay *play,
			   const struct vop *op)
{
	struct vmutants *m = (struct vmutants *)crash;

	(void)op;
	return (m->wanted->cut ? run_cut(m, play) : run_whole(m, play)) &&
	       vplay_steps(play, m->wanted->state == VSTATE_FULL ? later_full
							 : later, 99);
}

static bool is_zeros(const uint8_t *bytes, uint64_t len)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, len - 1);
}

/* By its size and first bytes: where it lies changes as the disk does. */
static const char *place(const struct vmutants *m,
			 const struct domain_event *event)
{
	const uint8_t *bytes = m->crash.trace.bytes + event->bytes;

	if (event->type == DOMAIN_DISCARD)
		return "zeros";
	if (event->type == DOMAIN_FLUSH)
		return event->len == VD_RECORD_LINE ? "visible record"
						    : "visible data";
	if (event->len == sizeof(struct vd_record))
		return "record";
	if (event->len == VD_RECORD_LINE)
		return "trim line";
	if (!memcmp(bytes, VD_MAGIC_SB, 8))
		return "SB";
	if (!memcmp(bytes, VD_MAGIC_SEGMENT, 8))
		return "header";
	if (is_zeros(bytes, event->len))
		return "no SB";
	return event->off < m->records_off ? "table" : "data";
}

static bool is_place(const struct domain_event *event)
{
	return event->type == DOMAIN_STORE || event->type == DOMAIN_DISCARD ||
	       event->type == DOMAIN_FLUSH;
}

/*
 * What an event is to the protocol.  All drains have one call site: what they
 * wait for tells them apart.
 */
static const char *role(void *ctx, const struct domain_event *event)
{
	static const char *const waits[][3] = {
		{ "zeros", "barrier: zeros", "sync: zeros" },
		{ "visible record", "barrier: visible", "sync: visible" },
		{ "visible data", "barrier: visible", "sync: visible" },
		{ "record", "barrier: record", "sync: record" },
		{ "trim line", "barrier: trim line", "sync: trim line" },
		{ "SB", "barrier: SB", "sync: SB" },
		{ "header", "barrier: header", "sync: header" },
		{ "no SB", "barrier: no SB", "sync: no SB" },
		{ "table", "barrier: table", "sync: table" },
		{ "data", "barrier: data", "sync: data" },
	};
	const struct vmutants *m = ctx;
	const struct domain_event *before = event;
	bool sync = event->type == DOMAIN_SYNC;

	if (is_place(event))
		return place(m, event);
	while (before > m->crash.trace.event && !is_place(before))
		before--;
	for (unsigned i = 0; is_place(before) &&
	     i < sizeof(waits) / sizeof(*waits); i++)
		if (!strcmp(waits[i][0], place(m, before)))
			return waits[i][1 + sync];
	return sync ? "sync" : "barrier";
}

/* ---- judging mutants -------------------------------------------------------------- */

struct finding {
	struct verdict *verdict;
	bool good;
};

static void report(void *ctx, const struct vd_problem *problem)
{
	struct finding *finding = ctx;

	if (finding->good)
		finding->good = deny(finding->verdict, "all is durable, and "
				     "check finds %d at %#jx", problem->finding,
				     (uintmax_t)problem->off_bytes);
}

/*
 * When the operation was told and all is durable, nothing is left to be
 * mended: also not what a recovery could mend, as one copy of three.
 */
static bool all_is_well(struct vmutants *m, const struct domain_trace *trace)
{
	struct vyard *yard = &m->crash.base->yard;
	struct verdict *verdict = &m->crash.verdict;
	struct finding finding = { verdict, true };
	const struct vd_check_args args = { .data = true, .report = report,
					    .ctx = &finding };
	struct vd_info info;
	int err;

	domain_mark(yard->domain);
	domain_apply(yard->domain, trace, 0, m->end);
	err = vyard_open(yard, VD_OPEN_READ_ONLY);
	if (err) {
		finding.good = deny(verdict, "all is durable, and it opens "
				    "with error %d", -err);
	} else {
		vd_info(yard->disk, &info);
		err = vd_check(yard->disk, &args, NULL);
		if (err && finding.good)
			finding.good = deny(verdict, "check: error %d", -err);
		if (!info.was_clean && !m->wanted->cut &&
		    !strcmp(m->op->name, "close"))
			finding.good = deny(verdict, "closed, it opens as not "
					    "clean");
	}
	domain_back(yard->domain);
	yard->disk = NULL;
	return finding.good;
}

static bool explore_from(struct vmutants *m, const struct domain_trace *trace,
			 struct seen *seen, size_t first)
{
	m->crash.seen = seen;
	m->crash.first_event = first;
	m->crash.depth = 0;
	return vcrash_explore(&m->crash, trace);
}

/* Images that the protocol leaves, too, were judged; not so those of mutants. */
static struct seen seen_copy(const struct seen *from)
{
	struct seen copy = *from;

	copy.key = malloc((from->room + 1) * sizeof(*copy.key));
	vyard_must(copy.key, "memory");
	if (from->room)
		memcpy(copy.key, from->key, from->room * sizeof(*copy.key));
	return copy;
}

static bool noticed(void *ctx, const struct mutant *mutant, bool hard)
{
	struct vmutants *m = ctx;
	struct seen seen = seen_copy(&m->seen);
	uint32_t effort = m->crash.effort;
	bool good = all_is_well(m, &mutant->trace);

	if (!good)
		m->crash.path[0].point = m->crash.path[0].image = 0;
	m->crash.effort = hard ? effort / 2 + 1 : effort / 8 + 1;
	m->crash.shift_from = mutant->shift_from;
	good = good && explore_from(m, &mutant->trace, &seen,
				    mutant->first_news);
	m->crash.shift_from = VTIME_NEVER;
	m->crash.effort = effort;
	seen_free(&seen);
	return !good;
}

/* For vop_crash(): the protocol passes what its mutants are to fail. */
static bool weaken(struct vcrash *crash, void *ctx)
{
	struct vmutants *m = ctx;
	struct vyard *yard = &crash->base->yard;
	uint32_t effort = crash->effort;
	struct vd_physical first;
	bool good;

	if (!vyard_open(yard, VD_OPEN_READ_ONLY) &&
	    !vd_physical(yard->disk, 0, &first))
		m->records_off = first.record_bytes;
	yard->disk = NULL;
	crash->effort = effort / 8 + 1;
	good = explore_from(m, &crash->trace, &m->seen, 0) &&
	       all_is_well(m, &crash->trace);
	crash->effort = effort;
	if (!good)
		return false;
	m->mutants.trace = &crash->trace;
	m->mutants.domain = yard->domain;
	m->mutants.begin = m->begin;
	m->mutants.end = m->end;
	mutants_try(&m->mutants);
	return true;
}

/* ---- cases --------------------------------------------------------------------------- */

static void wanted_add(struct case_list *list, const struct suite *suite,
		       unsigned group, enum explore_model model, unsigned w)
{
	char killed[40] = "";

	if (wanted[w].again)
		snprintf(killed, sizeof(killed), "-killed-%u-%u",
			 wanted[w].cut, wanted[w].again);
	else if (wanted[w].cut)
		snprintf(killed, sizeof(killed), "-killed-%u", wanted[w].cut);
	case_add(list, suite, group, model, "%s%s:%s:%s", wanted[w].op, killed,
		 vstate_name(wanted[w].state), model_name(model))->number[0] = w;
}

static void list_cases(const struct suite *suite, struct case_list *list)
{
	static const enum explore_model models[] = { MODEL_PARANOID,
						     MODEL_PAGECACHE };

	for (unsigned k = 0; k < 2; k++)
		for (unsigned w = 0; w < sizeof(wanted) / sizeof(*wanted); w++)
			wanted_add(list, suite, k, models[k], w);
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	struct vmutants m = { .wanted = &wanted[c->number[0]] };
	struct vbase *base;
	struct vop own;
	bool good;

	/* A group is of all states, one after the other. */
	if (memory->has_vbase && memory->vbase.state != m.wanted->state)
		suite_forget_disk(memory);
	base = suite_vbase(memory, m.wanted->state, model_durability(c->model),
			   ret_result);
	if (!base)
		return false;
	m.op = vop_find(m.wanted->op);
	own = *m.op;
	own.run = run_then_later;
	vcrash_begin(&m.crash, base, c->model, how);
	m.crash.check_every = 1;
	/* With less than this some rows need more than is tried. */
	if (m.crash.effort < 64)
		m.crash.effort = 64;
	m.crash.quick = true;
	m.crash.life_every = m.crash.nested_every = 0;
	m.mutants = (struct mutants){ .item = c, .memory = memory,
		.deep = how->effort > MUTANTS_DEEP, .role = role,
		.noticed = noticed,
		.verdict = &m.crash.verdict, .path = m.crash.path, .ctx = &m };
	good = vop_crash(&m.crash, &own, weaken, &m);
	m.crash.depth = good ? 0 : m.crash.depth;
	vcrash_tell(&m.crash, good, ret_result);
	ret_result->tries = m.mutants.made;
	ret_result->tried = "mutants";
	trace_keep(memory, &m.crash.trace);
	vcrash_end(&m.crash);
	seen_free(&m.seen);
	return good;
}

const struct suite suite_vdisk_mutants = {
	.name = "vdisk-mutants",
	.summary = "each store, barrier and flush of a disk's operations weakened",
	.mutants = true,
	.list = list_cases,
	.run = run_case,
};
