/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suite_pool_kill.c - kills and power losses mixed.  A process is killed in the
 * middle of an operation: all that it stored stays visible, nothing more
 * becomes durable.  The next process opens the pool, is told that it may rely
 * on it, works on; then the power goes.  What the second process relied on
 * must be there, though the first one never made it durable.
 *
 * The kill comes before every event of the operation, and (every few kills)
 * a second one before every event of the opening that follows.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/torture/crash.h"
#include "tests/torture/suites.h"

struct kill {
	struct crash crash;
	struct domain_trace first;	/* cut off by the kills */
	struct domain_trace second;	/* open, ACK, transaction, ACK */
	struct domain_trace whole;
	size_t opened, done;		/* the ACKs in @whole */
	uint64_t phase[2];		/* strict states after each */
	uint64_t kills;
	char what[TORTURE_WHAT_MAX];	/* before which events */
	const char *only;		/* replay: these */
	bool no_pool;			/* after the last kill */
	bool weak;			/* mutant: opening does not flush */
};

static bool check_image(void *ctx, const struct explore_where *where)
{
	static struct domain_trace recovery;	/* only for its memory */
	struct kill *kill = ctx;
	struct crash *crash = &kill->crash;
	struct crash_may may = { crash->allowed, crash->allowed_count,
		.none = crash->op->flags & OP_FORMAT,
		.fresh = crash->after.strict };
	bool done = !(crash->op->flags & (OP_DAMAGED | OP_FORMAT));
	struct snapshot snapshot;

	if (where->event > kill->opened)
		may = (struct crash_may){ kill->phase, 2, .done = done,
			.fresh = crash->after.strict };
	if (where->event > kill->done)
		may = (struct crash_may){ kill->phase + 1, 1, .done = done,
			.fresh = crash->after.strict };
	crash->path[0] = *where;
	crash->depth = 1;
	return crash_judge(crash, &may, false, &recovery, &snapshot);
}

/* The second process's transaction: another child, or another size. */
static bool work_on(struct kill *kill)
{
	struct yard *yard = &kill->crash.yard;
	struct pool_child child;
	uint32_t cursor = 0;
	int err;

	yard->carved += 100;
	err = yard_try_carve(yard, "second",
			     pool_geometry(yard->pool)->unit_bytes,
			     POOL_MODE_RAW, NULL, NULL);
	yard->carved -= 101;
	if (!err)
		return true;
	if (!pool_child_next(yard->pool, &cursor, &child))
		return false;
	child.grow_to_bytes += MIB;
	return !pool_update(yard->pool, &child, NULL);
}

/*
 * The second process, on what the killed one left visible.  Its states are
 * noted; false where something is wrong with them already.  Where there is
 * no pool (format), it has no more to do.
 */
static bool second_process(struct kill *kill)
{
	struct crash *crash = &kill->crash;
	struct domain *domain = crash->yard.domain;
	struct snapshot opened, done;
	bool good;
	int err;

	trace_reset(&kill->second);
	domain_mark(domain);
	domain_apply(domain, &kill->first, 0, kill->first.count);
	domain_record(domain, &kill->second);
	err = yard_open(&crash->yard, POOL_OPEN_WRITE, NULL);
	kill->no_pool = err && crash->op->flags & OP_FORMAT;
	if (kill->no_pool) {
		domain_record(domain, NULL);
		domain_back(domain);
		return true;
	}
	good = !err || deny(&crash->verdict, "does not open after the kill");
	kill->opened = kill->first.count + kill->second.count;
	domain_note(domain, DOMAIN_ACK);
	good = good && oracle_snapshot(&crash->yard, &opened, &crash->verdict);
	if (good) {
		good = work_on(kill) ||
		       deny(&crash->verdict, "does not work after the kill");
		kill->done = kill->first.count + kill->second.count;
		domain_note(domain, DOMAIN_ACK);
		good = good && oracle_snapshot(&crash->yard, &done,
					       &crash->verdict);
	}
	domain_record(domain, NULL);
	domain_back(domain);
	if (good) {
		kill->phase[0] = opened.strict;
		kill->phase[1] = done.strict;
	}
	return good;
}

/* Without flushes, and the barrier that waits for them. */
static void weaken(struct domain_trace *trace, size_t first)
{
	size_t n = first;

	for (size_t i = first; i < trace->count; i++)
		if (trace->event[i].type != DOMAIN_FLUSH)
			trace->event[n++] = trace->event[i];
		else
			trace->event[n++] = (struct domain_event){
				.type = DOMAIN_RESERVE };
	trace->count = n;
}

/* kill->first ends with the last kill: run the second process, explore. */
static bool power_loss_after(struct kill *kill)
{
	struct crash *crash = &kill->crash;
	struct explore explore;

	if (kill->only && strcmp(kill->only, kill->what))
		return true;
	kill->kills++;
	crash->depth = 0;
	if (!second_process(kill))
		return false;
	if (kill->no_pool)
		return true;
	trace_reset(&kill->whole);
	trace_append(&kill->whole, &kill->first, 0, kill->first.count);
	trace_append(&kill->whole, &kill->second, 0, kill->second.count);
	if (kill->weak)
		weaken(&kill->whole, kill->first.count);
	explore_init(&explore, crash->model, crash->seed + kill->kills);
	explore.exhaustive_max = 2 * crash->effort;
	explore.lazy_max = 8 * crash->effort;
	explore.tear_max = crash->effort / 32;
	explore.random_count = crash->effort / 8;
	explore.pair_max = 6;
	explore.word_max = crash->effort / 4;
	explore.first_event = kill->first.count;
	explore.seen = &crash->seen;
	explore.salt = kill->phase[0] ^ kill->phase[1] * 3;
	explore.minimise = !kill->weak;
	explore.check = check_image;
	explore.ctx = kill;
	if (crash->replay_depth)
		explore.only = &crash->replay[0];
	explore_trace(&explore, crash->yard.domain, &kill->whole);
	explore_stats_add(&crash->stats, &explore.stats);
	return !explore.stats.failures;
}

/* The first @count events, then the kill. */
static void kill_at(struct kill *kill, const struct domain_trace *trace,
		    size_t first, size_t count)
{
	static struct domain_trace note;	/* only for its memory */
	struct domain *domain = kill->crash.yard.domain;

	trace_append(&kill->first, trace, first, count);
	trace_reset(&note);
	domain_record(domain, &note);
	domain_note(domain, DOMAIN_KILL);
	domain_record(domain, NULL);
	trace_append(&kill->first, &note, 0, 1);
}

/* Kills before each event of the opening that follows a kill at @at. */
static bool second_kills(struct kill *kill, size_t at)
{
	struct domain_trace opening = { 0 };
	bool good = true;
	size_t count;

	trace_append(&opening, &kill->second, 0, kill->second.count);
	for (count = 0; opening.event[count].type != DOMAIN_ACK; count++)
		;
	for (size_t i = 1; i <= count && good; i++) {
		trace_reset(&kill->first);
		kill_at(kill, &kill->crash.trace, 0, at);
		kill_at(kill, &opening, 0, i);
		snprintf(kill->what, sizeof(kill->what), "%zu,%zu", at, i);
		good = power_loss_after(kill);
	}
	trace_free(&opening);
	return good;
}

static bool explore_kills(struct kill *kill)
{
	const struct domain_trace *trace = &kill->crash.trace;
	bool good = true;

	for (size_t at = kill->crash.op_first; at < trace->count && good;
	     at++) {
		trace_reset(&kill->first);
		kill_at(kill, trace, 0, at);
		snprintf(kill->what, sizeof(kill->what), "%zu", at);
		good = power_loss_after(kill);
		if (good && kill->only)
			good = second_process(kill);
		if (good && !kill->weak && !kill->no_pool && at % 4 == 0)
			good = second_kills(kill, at);
	}
	return good;
}

/* Where each step of the protocol matters at least once. */
static const struct {
	const char *op;
	enum yard_state state;
} wanted[] = {
	{ "format", YARD_AGED }, { "carve", YARD_AGED }, { "carve-devdax", YARD_FRESH },
	{ "grow", YARD_FRESH }, { "shrink-devdax", YARD_FRESH },
	{ "update", YARD_AGED }, { "release", YARD_AGED },
	{ "clean", YARD_AGED }, { "move", YARD_AGED },
	{ "repair-copies", YARD_AGED },
};

static void list_cases(const struct suite *suite, struct case_list *list)
{
	unsigned group = 0;

	for (unsigned w = 0; w < sizeof(wanted) / sizeof(*wanted); w++) {
		const struct torture_op *op = torture_op_find(wanted[w].op);

		/*
		 * A core that stores whole pages: intel allows what paranoid
		 * does.  On a page cache a flush is nothing, so that only
		 * paranoid can show what a core without them is worth.
		 */
		for (unsigned k = 0; k < (op->flags ? 2 : 3); k++) {
			enum explore_model model = k == 1 ? MODEL_PAGECACHE
							  : MODEL_PARANOID;
			struct torture_case *c = case_add(list, suite, group++,
				model, "%s%s:%s:%s", k == 2 ? "weak-" : "",
				op->name, yard_name(wanted[w].state),
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
	const struct torture_op *op = torture_op_find(wanted[c->number[0]].op);
	bool good = crash_begin(&kill.crash, op, wanted[c->number[0]].state,
				c->model, how) && explore_kills(&kill);

	if (good && !kill.kills)
		good = deny(&kill.crash.verdict, "no such kill");
	if (kill.weak) {
		good = !good;
		if (!good)
			deny(&kill.crash.verdict, "opening without flushes is "
			     "not seen to be weak");
	}
	crash_tell(&kill.crash, good, ret_result);
	ret_result->tries = kill.kills;
	ret_result->tried = "kills";
	snprintf(ret_result->what, sizeof(ret_result->what), "%s", kill.what);
	trace_keep(memory, &kill.whole);
	trace_free(&kill.first);
	trace_free(&kill.second);
	trace_free(&kill.whole);
	crash_end(&kill.crash);
	return good;
}

const struct suite suite_pool_kill = {
	.name = "pool-kill",
	.summary = "processes killed in operations of a pool, then power lost",
	.list = list_cases,
	.run = run_case,
};
