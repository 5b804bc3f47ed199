// SPDX-License-Identifier: BSD-3-Clause
/*
 * vops.c - the table of what is done to virtual disks and crashed.
 *
 * Blocks 0 to 15 exist in all states.  In the aged ones 5 and 12 are trimmed,
 * 2 to 4 and 10 to 13 were written as groups, 8 and 14 have parts of their own.
 */
#include "tests/torture/vops.h"

#include <stdlib.h>
#include <string.h>

/* ---- create --------------------------------------------------------------------- */

static bool run_create(struct vcrash *crash, struct vplay *play,
		       const struct vop *op)
{
	static const struct vstep then[] = {
		{ VSTEP_OPEN, 0, 0 }, { VSTEP_WRITE, 1, 2 },
		{ VSTEP_TRIM, 2, 1 }, { VSTEP_END, 0, 0 } };
	int err;

	vhistory_end(play->history);
	vhistory_begin(play->history, op->number);
	err = vyard_create(play->yard, op->number, 1,
			   crash->base->state == VSTATE_BLANK);
	crash->created = play->trace->count;
	domain_note(play->yard->domain, DOMAIN_ACK);
	if (err)
		return deny(play->verdict, "create: error %d", -err);
	return vplay_steps(play, then, 99);
}

/* ---- resizing ---------------------------------------------------------------------- */

#define LONGER		1u	/* an extent grows, or shrinks */
#define MORE		2u	/* there is one more of them, or less */
#define BLOCKS		4u	/* logical blocks change, too */

#define GROWN_BYTES	(VYARD_AREA + (2ull << 20))

static void area_large(struct vyard *yard, uint32_t how)
{
	const uint64_t bytes[2][2] = {
		{ GROWN_BYTES, 0 }, { VYARD_AREA, GROWN_BYTES - VYARD_AREA } };
	bool more = how & MORE;

	vyard_area(yard, bytes[more], 1u + more);
}

static void prepare_grow(struct vcrash *crash, const struct vop *op)
{
	crash->blocks_after = VBASE_BLOCKS + (op->number & BLOCKS ? 8 : 0);
	area_large(&crash->base->yard, op->number);
}

static bool run_grow(struct vcrash *crash, struct vplay *play,
		     const struct vop *op)
{
	static const struct vstep then[] = {
		{ VSTEP_OPEN, 0, 0 }, { VSTEP_WRITE, 1, 2 },
		{ VSTEP_CLOSE, 0, 0 }, { VSTEP_OPEN, 0, 0 },
		{ VSTEP_END, 0, 0 } };
	uint32_t blocks = (uint32_t)crash->blocks_after;
	struct vhistory *history = play->history, more;
	struct vd_geometry geometry;
	int err;

	(void)op;
	/* The blocks that there will be are zeros. */
	vhistory_begin(&more, blocks);
	for (uint32_t b = 0; b < history->block_count; b++)
		more.change[more.newest[b] - 1].content =
			history->change[history->newest[b] - 1].content;
	vhistory_end(history);
	*history = more;
	err = vd_grow(&play->yard->area, blocks, &geometry, NULL);
	crash->created = play->trace->count;
	domain_note(play->yard->domain, DOMAIN_ACK);
	if (err)
		return deny(play->verdict, "grow: error %d", -err);
	if (geometry.logical_count != blocks || geometry.segment_count != 2)
		return deny(play->verdict, "grown to %u blocks, %u segments",
			    geometry.logical_count, geometry.segment_count);
	return vplay_steps(play, then, 99);
}

/* Does the block lie in what has been added? */
static bool in_second(const struct vyard *yard, uint32_t block)
{
	struct vd_place place;

	return !vd_place(yard->disk, block, &place) && place.mapped &&
	       (place.extent || place.off_bytes >= VYARD_AREA);
}

/* A disk over two segments, with blocks and the open trim log in the second. */
static void prepare_shrink(struct vcrash *crash, const struct vop *op)
{
	static const struct vstep spread[] = {
		{ VSTEP_OPEN, 0, 0 }, { VSTEP_WRITE, 0, 16 },
		{ VSTEP_TRIM, 3, 1 } };
	struct vbase *base = crash->base;
	struct vplay play = { .yard = &base->yard, .history = &base->history,
		.trace = &base->trace, .tag = base->tag,
		.verdict = &crash->verdict };
	struct vd_geometry geometry;
	bool good;

	area_large(&base->yard, op->number);
	vyard_must(!vd_grow(&base->yard.area, VBASE_BLOCKS, &geometry, NULL),
		   "grow");
	domain_record(base->yard.domain, &base->trace);
	good = vplay_steps(&play, spread, 2);
	/* The least worn blocks come first: on into the second segment. */
	for (uint32_t i = 0; good && !in_second(&base->yard, 0) &&
	     i < geometry.block_count; i += 16)
		good = vplay_steps(&play, spread + 1, 1);
	good = good && in_second(&base->yard, 0) &&
	       in_second(&base->yard, 15) && vplay_steps(&play, spread + 2, 1);
	domain_record(base->yard.domain, NULL);
	vyard_must(good, "blocks in two segments");
	vhistory_collapse(&base->history);
	trace_reset(&base->trace);
	crash->blocks_after = VBASE_BLOCKS - (op->number & BLOCKS ? 4 : 0);
}

static bool run_shrink(struct vcrash *crash, struct vplay *play,
		       const struct vop *op)
{
	static const struct vstep then[] = {
		{ VSTEP_OPEN, 0, 0 }, { VSTEP_WRITE, 1, 2 },
		{ VSTEP_END, 0, 0 } };
	const uint64_t bytes[] = { VYARD_AREA };
	uint32_t blocks = (uint32_t)crash->blocks_after;
	size_t first = play->history->count;
	struct vd_geometry geometry;
	int err = vyard_open(play->yard, 0);

	(void)op;
	if (err)
		return deny(play->verdict, "open: error %d", -err);
	domain_note(play->yard->domain, DOMAIN_ACK);
	/* What is given up may be gone at once. */
	for (uint32_t b = blocks; b < VBASE_BLOCKS; b++)
		vhistory_add(play->history, b, 0xff, 0, 0, vplay_now(play));
	err = vd_shrink(play->yard->disk, bytes, 1, blocks, &geometry, NULL);
	play->yard->disk = NULL;
	crash->created = play->trace->count;
	domain_note(play->yard->domain, DOMAIN_ACK);
	vhistory_told(play->history, first, VBASE_BLOCKS - blocks,
		      (int64_t)crash->created, true);
	if (err)
		return deny(play->verdict, "shrink: error %d", -err);
	if (geometry.segment_count != 1 || geometry.logical_count != blocks)
		return deny(play->verdict, "shrunk to %u blocks, %u segments",
			    geometry.logical_count, geometry.segment_count);
	return vplay_steps(play, then, 99);
}

/* ---- faults ------------------------------------------------------------------------- */

/*
 * Block 7's bytes cannot be read; then it is written.  (Above the watermark it
 * would count as a write that power loss tore.)
 */
static void prepare_poison(struct vcrash *crash, const struct vop *op)
{
	struct vyard *yard = &crash->base->yard;
	struct vhistory *history = &crash->base->history;
	struct vd_place place;

	(void)op;
	vyard_must(!vyard_open(yard, VD_OPEN_READ_ONLY) &&
		   !vd_place(yard->disk, 7, &place) && place.mapped, "place");
	yard->domain->poison[0].off = place.off_bytes + 512;
	yard->domain->poison[0].len = 64;
	yard->domain->poison_count = 1;
	history->change[history->newest[7] - 1].unreadable = true;
}

static bool run_poison(struct vcrash *crash, struct vplay *play,
		       const struct vop *op)
{
	struct vd_info info;

	(void)crash;
	/* Reading has found it: vcrash_record() looks at all blocks. */
	if (!vplay_steps(play, op->step, VOP_STEPS_MAX))
		return false;
	vd_info(play->yard->disk, &info);
	return info.retired_count ||
	       deny(play->verdict, "a block that cannot be read is not retired");
}

#define REFUSED(type, n)	(DOMAIN_##type * 100 + (n))
#define NO_ROOM			10000u	/* not the block: no block would do */

/* The op's steps, where the n-th store (drain, sync) after opening is refused. */
static bool run_refused(struct vcrash *crash, struct vplay *play,
			const struct vop *op)
{
	struct domain *domain = crash->base->yard.domain;
	enum domain_event_type type = op->number % NO_ROOM / 100;
	bool good;

	domain->fail_err = op->number < NO_ROOM ? NVM_EIO : NVM_ENOSPC;
	domain->fail_once = true;
	domain->fail_after[type] = domain->event_count[type] + op->number % 100;
	play->may_fail = true;
	good = vplay_steps(play, op->step, VOP_STEPS_MAX);
	domain->fail_after[type] = 0;
	return good;
}

/* ---- many ---------------------------------------------------------------------------- */

/* The step's blocks written again and again: all spares come round. */
static bool run_churn(struct vcrash *crash, struct vplay *play,
		      const struct vop *op)
{
	bool good = true;

	for (uint32_t i = 0; i < op->number && good; i++) {
		const struct vstep step = { VSTEP_WRITE, i % op->step[0].count,
					    1 };

		if (i + op->step[0].count == op->number)
			crash->first_event = play->trace->count;
		good = vplay_steps(play, &step, 1);
	}
	return good;
}

/* ---- the table ------------------------------------------------------------------------- */

#define ON(state)	(1u << VSTATE_##state)
#define USED		(ON(CLEAN) | ON(DIRTY))

#define WRITE(first, count)	{ VSTEP_WRITE, first, count }
#define ATOMIC(first, count)	{ VSTEP_ATOMIC, first, count }
#define FUA(first, count)	{ VSTEP_FUA, first, count }
#define PART(block, sector, count) { VSTEP_PART, block * VYARD_SECTORS + sector, count }
#define ZERO(block, sector, count) { VSTEP_ZERO, block * VYARD_SECTORS + sector, count }
#define TRIM(first, count)	{ VSTEP_TRIM, first, count }
#define MOVE(count)		{ VSTEP_MOVE, 0, count }
#define FLUSH			{ VSTEP_FLUSH, 0, 0 }
#define CLOSE			{ VSTEP_CLOSE, 0, 0 }
#define OPEN			{ VSTEP_OPEN, 0, 0 }

#define STEPS(name, states, ...) \
	{ name, states, 0, { __VA_ARGS__ }, NULL, NULL, 0 }
#define REFUSE(name, what, ...) \
	{ name, ON(DIRTY), 0, { __VA_ARGS__ }, run_refused, NULL, what }
#define CREATE(name, states, blocks) \
	{ name, states, VCRASH_CREATE, { { 0 } }, run_create, NULL, blocks }
#define GROW(name, how) \
	{ name, ON(CLEAN), VCRASH_RESIZE, { { 0 } }, run_grow, prepare_grow, how }
#define SHRINK(name, how) \
	{ name, ON(CLEAN), VCRASH_RESIZE, { { 0 } }, run_shrink, prepare_shrink, how }
#define CHURN(name, states, flags, blocks, times) \
	{ name, states, flags, { WRITE(0, blocks) }, run_churn, NULL, times }

const struct vop vops[] = {
	STEPS("open", USED | ON(FRESH) | ON(LOGS) | ON(TORN) | ON(FULL), { 0 }),
	STEPS("write", USED | ON(FRESH) | ON(TORN) | ON(FULL), WRITE(3, 1)),
	/* Into a line of zeros, where words that recovery stores complete most. */
	{ "write-first", ON(FRESH), VCRASH_EVERY, { WRITE(0, 1) }, NULL, NULL, 0 },
	STEPS("write-again", USED | ON(FULL), WRITE(3, 1), WRITE(3, 1), WRITE(3, 1),
	      WRITE(3, 1)),
	STEPS("write-three", USED | ON(TORN), WRITE(4, 3)),
	STEPS("write-many", ON(DIRTY) | ON(FULL), WRITE(0, 16)),
	STEPS("atomic-two", USED | ON(TORN) | ON(FULL), ATOMIC(3, 2)),
	STEPS("atomic-many", USED | ON(FULL), ATOMIC(4, 9)),
	STEPS("atomic-over", USED | ON(TORN), ATOMIC(3, 2), WRITE(4, 1), ATOMIC(3, 3),
	      TRIM(3, 1)),
	STEPS("part", USED | ON(FRESH), PART(3, 2, 3), PART(3, 0, 1)),
	STEPS("part-two", USED, PART(3, 5, 6)),
	STEPS("zero", USED, ZERO(3, 5, 14)),
	STEPS("trim", USED | ON(TORN) | ON(LOGS) | ON(FULL), TRIM(3, 1)),
	STEPS("trim-range", USED | ON(FULL), TRIM(1, 12)),
	STEPS("trim-write", USED | ON(TORN), TRIM(3, 1), WRITE(3, 1), TRIM(3, 2),
	      WRITE(4, 1)),
	STEPS("trim-roll", ON(LOGS), TRIM(10, 1), TRIM(11, 1), WRITE(10, 1), TRIM(13, 1),
	      FLUSH, TRIM(14, 1), WRITE(14, 1)),
	STEPS("move", USED | ON(TORN) | ON(FULL), MOVE(1)),
	STEPS("move-all", ON(DIRTY), FLUSH, MOVE(16), WRITE(3, 1)),
	STEPS("write-move", USED, ATOMIC(3, 2), MOVE(4), FLUSH, MOVE(4), WRITE(3, 1)),
	STEPS("flush", USED, WRITE(3, 1), WRITE(4, 2), FLUSH, WRITE(3, 1), TRIM(4, 1), FLUSH,
	      WRITE(4, 1)),
	STEPS("fua", USED, WRITE(3, 1), FUA(4, 1), WRITE(4, 1)),
	STEPS("close", USED | ON(FRESH) | ON(LOGS) | ON(TORN) | ON(FULL), CLOSE),
	STEPS("close-open", USED | ON(FULL), WRITE(3, 1), TRIM(4, 1), CLOSE, OPEN, WRITE(3, 1),
	      CLOSE, OPEN),
	CHURN("churn", ON(FULL), 0, 3, 90),
	CHURN("churn-long", ON(DIRTY) | ON(FULL), 0, 3, 600),
	/* Each block comes back as what it was before. */
	CHURN("churn-one", ON(FULL), VCRASH_EVERY, 1, 150),
	CREATE("create", ON(BLANK) | ON(FOREIGN) | ON(CLEAN) | ON(DIRTY) | ON(FULL),
	       VBASE_BLOCKS),
	CREATE("create-other", ON(DIRTY), 40),
	GROW("grow", LONGER),
	GROW("grow-extent", MORE),
	GROW("grow-blocks", LONGER | BLOCKS),
	SHRINK("shrink", LONGER),
	SHRINK("shrink-extent", MORE),
	SHRINK("shrink-blocks", MORE | BLOCKS),
	{ "retire", USED, 0, { WRITE(7, 1), FLUSH, WRITE(6, 2) }, run_poison, prepare_poison,
	  0 },
	REFUSE("write-refused-1", REFUSED(STORE, 1), WRITE(3, 2), WRITE(3, 1)),
	REFUSE("write-refused-2", REFUSED(STORE, 2), WRITE(3, 2), WRITE(3, 1)),
	REFUSE("atomic-refused-4", REFUSED(STORE, 4), ATOMIC(3, 2), WRITE(3, 1)),
	REFUSE("atomic-no-room", NO_ROOM + REFUSED(STORE, 4), ATOMIC(3, 2), WRITE(7, 1),
	       WRITE(8, 1)),
	REFUSE("trim-refused-1", REFUSED(STORE, 1), TRIM(3, 2), WRITE(3, 1)),
	REFUSE("drain-refused", REFUSED(DRAIN, 2), WRITE(3, 2), ATOMIC(3, 2), WRITE(3, 1)),
	REFUSE("flush-refused", REFUSED(SYNC, 1), WRITE(3, 2), FLUSH, WRITE(3, 1), FLUSH),
};

const unsigned vop_count = sizeof(vops) / sizeof(*vops);

bool vop_run(struct vcrash *crash, struct vplay *play, const void *arg)
{
	const struct vop *op = arg;

	return op->run ? op->run(crash, play, op)
		       : vplay_steps(play, op->step, VOP_STEPS_MAX);
}

bool vop_crash(struct vcrash *crash, const struct vop *op,
	       bool (*use)(struct vcrash *crash, void *ctx), void *ctx)
{
	struct vbase *base = crash->base;
	struct vhistory history = { 0 };
	bool good;

	crash->flags |= op->flags;
	if (op->flags & VCRASH_EVERY) {
		crash->nested_every = 1;
		crash->effort = crash->effort < 32 ? crash->effort : 32;
	}
	vhistory_copy(&history, &base->history);
	domain_mark(base->yard.domain);
	if (op->prepare)
		op->prepare(crash, op);
	good = vcrash_record(crash, vop_run, op) && use(crash, ctx);
	domain_back(base->yard.domain);
	base->yard.domain->poison_count = 0;
	vhistory_end(&base->history);
	base->history = history;
	vyard_area(&base->yard, &base->area_bytes, 1);
	return good;
}

const struct vop *vop_find(const char *name)
{
	for (unsigned i = 0; i < vop_count; i++)
		if (!strcmp(vops[i].name, name))
			return &vops[i];
	abort();
}
