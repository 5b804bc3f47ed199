// SPDX-License-Identifier: BSD-3-Clause
/*
 * vjudge.c - judge an image of a virtual disk, by opening it in every way.
 *
 * A reader (who stores nothing) must see what the history allows, a writer
 * (who recovers) the same, and a second recovery the same again, storing
 * nothing but SBs.  No block is unreadable, no check finds a problem, no
 * physical block is mapped twice or lost, no write count has gone back; and
 * the disk serves: every block is written, trimmed and written again.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/vcrash.h"

static bool no_disk(int err)
{
	return err == -NVM_EMEDIUM || err == -NVM_EBADMSG;
}

static void read_only(struct vyard *yard, bool on)
{
	yard->domain->media.read_only = on;
	for (uint32_t e = 0; e < yard->area.extent_count; e++)
		yard->extent[e]->read_only = on;
}

static int open_disk(struct vcrash *crash, bool write)
{
	struct vyard *yard = &crash->base->yard;
	uint64_t violations = yard->domain->violations;
	int err;

	read_only(yard, !write);
	err = vyard_open(yard, write ? 0 : VD_OPEN_READ_ONLY);
	read_only(yard, false);
	if (yard->domain->violations == violations)
		return err;
	deny(&crash->verdict, "opening for %s stores where it must not",
	     write ? "writing" : "reading");
	return -NVM_EPERM;
}

static void look(struct vcrash *crash, const struct vjudge *how,
		 struct vshown *ret_shown)
{
	bool sparse = crash->flags & VCRASH_SPARSE;

	vplay_look(&crash->base->yard, &crash->history, sparse ? 64 : 1,
		   how->salt, ret_shown);
}

/* ---- what it shows ----------------------------------------------------------- */

/* Before the ACK of creating a disk, the former one may be there. */
static bool former(const struct vcrash *crash, const struct vjudge *how)
{
	return (crash->flags & VCRASH_CREATE) &&
	       how->at <= (int64_t)crash->created &&
	       crash->base->history.block_count &&
	       vyard_is_kind(&crash->base->yard, 0);
}

static bool size_right(struct vcrash *crash, const struct vjudge *how,
		       const struct vshown *shown)
{
	bool done = how->at > (int64_t)crash->created;

	if (!(crash->flags & VCRASH_RESIZE) ||
	    shown->block_count == crash->blocks_after)
		return true;
	return (!done && shown->block_count ==
			 crash->base->history.block_count) ||
	       deny(&crash->verdict, "a disk of %u blocks", shown->block_count);
}

/*
 * Until a new size is told, either is right, and recoveries that are crashed
 * may find the one SB with it torn, or make a torn one whole.
 */
static bool other_size(const struct vcrash *crash, const struct vjudge *how,
		       const struct vshown *shown)
{
	return (crash->flags & VCRASH_RESIZE) &&
	       how->at <= (int64_t)crash->created &&
	       shown->block_count != how->expect->block_count;
}

static bool shows_right(struct vcrash *crash, const struct vjudge *how,
			const struct vshown *shown)
{
	struct vhistory *history = &crash->history;
	int64_t at = how->at;

	if (how->expect && !other_size(crash, how, shown))
		return vshown_equal(how->expect, shown, &crash->verdict);
	if (former(crash, how)) {
		history = &crash->base->history;
		at = 0;
	}
	vhistory_at(history, at, false);
	return size_right(crash, how, shown) &&
	       vhistory_allows(history, shown, &crash->verdict);
}

/* ---- invariants of the open disk ----------------------------------------------- */

/* Each physical block is mapped once, free, a log or retired. */
static bool blocks_add_up(struct vcrash *crash)
{
	struct vyard *yard = &crash->base->yard;
	uint8_t *used = calloc(yard->geometry.block_count + 1u, 1);
	struct vd_info info;
	uint64_t mapped = 0;
	bool good = true;

	vyard_must(used, "memory");
	for (uint32_t b = 0; b < yard->geometry.logical_count && good; b++) {
		struct vd_place place;

		if (vd_place(yard->disk, b, &place))
			good = deny(&crash->verdict, "block %u has no place", b);
		else if (!place.mapped)
			continue;
		else if (place.block >= yard->geometry.block_count ||
			 used[place.block]++)
			good = deny(&crash->verdict, "physical block %u is "
				    "mapped twice", place.block);
		mapped++;
	}
	free(used);
	if (!good)
		return false;
	vd_info(yard->disk, &info);
	if (info.mapped_count != mapped ||
	    mapped + info.free_count + info.log_count + info.retired_count !=
	    yard->geometry.block_count)
		return deny(&crash->verdict, "%" PRIu64 " mapped (said: %"
			    PRIu64 "), %" PRIu64 " free, %" PRIu64 " logs, %"
			    PRIu64 " retired of %u blocks", mapped,
			    info.mapped_count, info.free_count, info.log_count,
			    info.retired_count, yard->geometry.block_count);
	return true;
}

static bool counts_kept(struct vcrash *crash)
{
	const struct vbase *base = crash->base;

	if (crash->flags & (VCRASH_CREATE | VCRASH_RESIZE))
		return true;
	for (uint32_t b = 0; b < base->block_count; b++) {
		struct vd_physical physical;

		if (vd_physical(base->yard.disk, b, &physical))
			return deny(&crash->verdict, "block %u has no record",
				    b);
		if (physical.readable && physical.count < base->write_count[b])
			return deny(&crash->verdict, "physical block %u was "
				    "written %u times, then %u", b,
				    base->write_count[b], physical.count);
	}
	return true;
}

struct finding {
	struct vcrash *crash;
	const struct vshown *shown;
	bool written;			/* a writer has recovered it */
	bool good;
};

static void report(void *ctx, const struct vd_problem *problem)
{
	struct finding *finding = ctx;
	const struct vshown *shown = finding->shown;
	enum vd_finding what = problem->finding;

	/* What a power loss tore is a writer's to put right. */
	if (!finding->written && (what == VD_FIND_SB || what == VD_FIND_RECORD ||
				  (what == VD_FIND_TRIM && problem->repairable)))
		return;
	/* The place of a new SB copy may be a header of the former size. */
	if (what == VD_FIND_SEGMENT && problem->repairable &&
	    (finding->crash->flags & VCRASH_RESIZE))
		return;
	if ((what == VD_FIND_POISON || what == VD_FIND_DATA) &&
	    problem->logical < shown->block_count &&
	    shown->look[problem->logical] == VLOOK_ERROR)
		return;
	if (finding->good)
		finding->good = deny(&finding->crash->verdict, "check finds "
				     "%d of block %u, at %#jx%s", what,
				     problem->logical,
				     (uintmax_t)problem->off_bytes,
				     finding->written ? "" : ", reading only");
}

static bool check_passes(struct vcrash *crash, const struct vshown *shown,
			 bool written)
{
	struct finding finding = { crash, shown, written, true };
	const struct vd_check_args args = {
		.data = !(crash->flags & VCRASH_SPARSE), .report = report,
		.ctx = &finding };
	int err = vd_check(crash->base->yard.disk, &args, NULL);

	if (err && finding.good)
		return deny(&crash->verdict, "check fails: error %d", -err);
	return finding.good;
}

/* ---- life ----------------------------------------------------------------------- */

/* Steps that use every block, and what must hold after each. */
static bool live_steps(struct vcrash *crash, struct vplay *play)
{
	static const struct vstep reopen[] = { { VSTEP_CLOSE, 0, 0 },
					       { VSTEP_OPEN, 0, 0 } };
	struct vyard *yard = play->yard;
	uint32_t all = yard->geometry.logical_count;
	uint32_t some = all < 32 ? all : 32;
	const struct vstep steps[] = {
		{ VSTEP_WRITE, 0, all }, { VSTEP_TRIM, 0, all },
		{ VSTEP_ATOMIC, 0, some }, { VSTEP_WRITE, 0, all },
		{ VSTEP_TRIM, some / 2, 2 }, { VSTEP_FLUSH, 0, 0 },
	};
	struct vd_info info;

	for (unsigned i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		if (!vplay_step(play, 0, &steps[i], ++play->tag) ||
		    !vplay_live(play) || !blocks_add_up(crash))
			return false;
		vd_info(yard->disk, &info);
		if (i == 1 && info.mapped_count)
			return deny(play->verdict, "life: all is trimmed, %"
				    PRIu64 " are mapped", info.mapped_count);
	}
	if (!vplay_steps(play, reopen, 2))
		return false;
	vd_info(yard->disk, &info);
	return (info.was_clean ||
		deny(play->verdict, "life: closed, it opens as not clean")) &&
	       vplay_live(play) && blocks_add_up(crash);
}

static bool live(struct vcrash *crash)
{
	struct vyard *yard = &crash->base->yard;
	struct vhistory history;
	struct vplay play = { .yard = yard, .history = &history,
		.trace = &crash->scratch[0], .tag = 1u << 30,
		.verdict = &crash->verdict };
	bool good;

	crash->lives++;
	vhistory_begin(&history, yard->geometry.logical_count);
	trace_reset(&crash->scratch[0]);
	domain_record(yard->domain, &crash->scratch[0]);
	good = live_steps(crash, &play);
	domain_record(yard->domain, NULL);
	vhistory_end(&history);
	return good;
}

/* ---- one image -------------------------------------------------------------------- */

static bool is_sb(const struct vcrash *crash, const struct domain_event *event)
{
	uint64_t area = crash->base->yard.geometry.area_bytes;

	return event->off + event->len <= 2 * NVM_PAGE ||
	       (event->off >= area - NVM_PAGE &&
		event->off + event->len <= area);
}

/* Once more: the same contents, and nothing left to store but SBs. */
static bool same_again(struct vcrash *crash, const struct vjudge *how,
		       const struct vshown *shown)
{
	struct domain *domain = crash->base->yard.domain;
	struct domain_trace *trace = &crash->scratch[1];
	int err;

	trace_reset(trace);
	domain_record(domain, trace);
	err = open_disk(crash, true);
	domain_record(domain, NULL);
	if (err)
		return deny(&crash->verdict, "does not open a second time: "
			    "error %d", -err);
	for (size_t i = 0; i < trace->count; i++)
		if ((trace->event[i].type == DOMAIN_STORE ||
		     trace->event[i].type == DOMAIN_DISCARD) &&
		    !is_sb(crash, &trace->event[i]))
			return deny(&crash->verdict, "a second recovery stores "
				    "at %#jx", (uintmax_t)trace->event[i].off);
	look(crash, how, &crash->again);
	return vshown_equal(shown, &crash->again, &crash->verdict);
}

/* Open it for reading; false: it is not right.  *ret_none: there is no disk. */
static bool judge_reading(struct vcrash *crash, const struct vjudge *how,
			  bool *ret_none)
{
	struct domain *domain = crash->base->yard.domain;
	int err = open_disk(crash, false);
	struct domain_watch *watch;
	bool good;

	*ret_none = no_disk(err) && (crash->flags & VCRASH_CREATE) &&
		    !how->expect && how->at <= (int64_t)crash->created;
	if (*ret_none)
		return true;
	if (err)
		return err == -NVM_EPERM ? false
			: deny(&crash->verdict, "does not open for reading: "
			       "error %d", -err);
	look(crash, how, &crash->again);
	if (!shows_right(crash, how, &crash->again))
		return false;
	/* What only some images are asked is nothing to enumerate by. */
	watch = domain_watch(domain, NULL);
	good = !how->check || (check_passes(crash, &crash->again, false) &&
			       blocks_add_up(crash));
	domain_watch(domain, watch);
	return good;
}

bool vcrash_judge(struct vcrash *crash, const struct vjudge *how,
		  struct vshown *ret_shown, struct domain_trace *recovery)
{
	struct domain *domain = crash->base->yard.domain;
	struct domain_watch *watch;
	bool none, good;
	int err;

	ret_shown->block_count = 0;
	trace_reset(recovery);
	if (!judge_reading(crash, how, &none))
		return false;
	if (none)
		return true;
	domain_record(domain, recovery);
	err = open_disk(crash, true);
	domain_record(domain, NULL);
	if (err)
		return err == -NVM_EPERM ? false
			: deny(&crash->verdict, "does not open for writing: "
			       "error %d", -err);
	look(crash, how, ret_shown);
	if (!vshown_equal(&crash->again, ret_shown, &crash->verdict))
		return false;
	watch = domain_watch(domain, NULL);
	good = (!how->check || (same_again(crash, how, ret_shown) &&
				check_passes(crash, ret_shown, true) &&
				blocks_add_up(crash) && counts_kept(crash))) &&
	       (!how->life || live(crash));
	domain_watch(domain, watch);
	return good;
}
