// SPDX-License-Identifier: BSD-3-Clause
/*
 * vbase.c - build disks in many states.
 *
 * What a building process stored counts as durable afterwards: its trace is
 * forgotten, and with it what was in flight.
 */
#include "tests/torture/vbase.h"

#include <stdlib.h>
#include <string.h>

#define VBASE_LARGE	(8ull << 20)
#define ROOM_BYTES	VBASE_LARGE		/* to grow into, too */

const char *vstate_name(enum vstate state)
{
	static const char *const name[] = {
		"blank", "foreign", "fresh", "clean", "dirty", "logs", "full",
		"torn",
	};

	return name[state];
}

/* Each block several times, some trimmed, some in groups, some in parts. */
static const struct vstep aging[] = {
	{ VSTEP_WRITE, 0, 16 }, { VSTEP_WRITE, 0, 8 }, { VSTEP_ATOMIC, 2, 3 },
	{ VSTEP_WRITE, 3, 1 }, { VSTEP_TRIM, 5, 2 }, { VSTEP_WRITE, 6, 1 },
	{ VSTEP_PART, 8 * 8 + 2, 3 }, { VSTEP_TRIM, 9, 1 },
	{ VSTEP_WRITE, 9, 1 }, { VSTEP_FLUSH, 0, 0 }, { VSTEP_MOVE, 0, 3 },
	{ VSTEP_ATOMIC, 10, 4 }, { VSTEP_TRIM, 12, 1 }, { VSTEP_WRITE, 0, 2 },
	{ VSTEP_ZERO, 14 * 8 + 4, 8 }, { VSTEP_WRITE, 1, 1 },
	{ VSTEP_FLUSH, 0, 0 }, { VSTEP_END, 0, 0 },
};

/*
 * Write and trim in turn, until the next trim but one opens a log and copies
 * what counts of an old one.
 */
static bool build_logs(struct vplay *play)
{
	bool good = true;

	for (unsigned i = 0; good; i++) {
		const struct vstep turn[] = {
			{ VSTEP_WRITE, i % 7, 1 }, { VSTEP_TRIM, i % 7, 1 } };
		struct vd_info info;

		vd_info(play->yard->disk, &info);
		if (info.log_count >= 4 &&
		    info.trim_lines % VD_TRIM_LINES == VD_TRIM_LINES - 1)
			break;
		if (i == 2000)
			return deny(play->verdict, "logs do not grow in number");
		good = vplay_steps(play, turn, 2);
	}
	return good;
}

/* All blocks, then some again until all spares have been used. */
static bool build_full(struct vplay *play)
{
	uint32_t all = play->yard->geometry.logical_count;
	uint32_t spares = play->yard->geometry.block_count - all;
	struct vstep step = { VSTEP_WRITE, 0, all };
	bool good = vplay_steps(play, &step, 1);

	for (uint32_t i = 0; good && i < spares + 20; i++) {
		step = (struct vstep){ VSTEP_WRITE, i % 40, 1 };
		good = vplay_steps(play, &step, 1);
	}
	step = (struct vstep){ VSTEP_FLUSH, 0, 0 };
	return good && vplay_steps(play, &step, 1);
}

/* Of the stores from event @first on some are lost. */
static void lose_stores(struct vbase *base, size_t first, unsigned lost_bits)
{
	struct domain *domain = base->yard.domain;
	unsigned store = 0;

	for (size_t i = first; i < base->trace.count; i++)
		if (base->trace.event[i].type == DOMAIN_STORE &&
		    !(lost_bits >> store++ & 1))
			domain_apply(domain, &base->trace, i, 1);
}

/* Of a group of three the data of the second are lost, all else arrived. */
static bool build_torn(struct vbase *base, struct vplay *play)
{
	static const struct vstep group = { VSTEP_ATOMIC, 6, 3 };
	struct domain *domain = base->yard.domain;
	struct vhistory kept = { 0 };
	size_t first = base->trace.count;
	bool good;

	vhistory_copy(&kept, &base->history);
	domain_mark(domain);
	good = vplay_steps(play, &group, 1);
	domain_back(domain);
	lose_stores(base, first, 1u << 2);
	vhistory_end(&base->history);
	base->history = kept;
	return good;
}

static bool build(struct vbase *base, struct vplay *play)
{
	static const struct vstep close = { VSTEP_CLOSE, 0, 0 };

	switch (base->state) {
	case VSTATE_CLEAN:
		return vplay_steps(play, aging, 99) &&
		       vplay_steps(play, &close, 1);
	case VSTATE_DIRTY:
		return vplay_steps(play, aging, 99);
	case VSTATE_LOGS:
		return vplay_steps(play, aging, 99) && build_logs(play);
	case VSTATE_FULL:
		return build_full(play);
	case VSTATE_TORN:
		return vplay_steps(play, aging, 99) && build_torn(base, play);
	default:
		return true;
	}
}

static void build_foreign(struct domain *domain)
{
	uint64_t seed = 1, word;

	for (uint64_t off = 0; off < domain->media.size_bytes; off += 8 * 61) {
		word = seed = seed * 6364136223846793005u +
			      1442695040888963407u;
		domain_poke(domain, off, &word, 8);
	}
}

/* Closed or not: a reader finds what the history says, and the counts. */
static bool look_at_it(struct vbase *base, struct vplay *play)
{
	struct vyard *yard = &base->yard;
	int err = vyard_open(yard, VD_OPEN_READ_ONLY);

	if (err)
		return deny(play->verdict, "the built disk does not open: "
			    "error %d", -err);
	base->block_count = yard->geometry.block_count;
	base->write_count = calloc(base->block_count,
				   sizeof(*base->write_count));
	vyard_must(base->write_count, "memory");
	for (uint32_t b = 0; b < base->block_count; b++) {
		struct vd_physical physical;

		vyard_must(!vd_physical(yard->disk, b, &physical), "counts");
		base->write_count[b] = physical.count;
	}
	return vplay_live(play);
}

bool vbase_begin(struct vbase *base, enum vstate state,
		 enum nvm_durability durability, struct verdict *verdict)
{
	struct vplay play = { .yard = &base->yard, .history = &base->history,
		.trace = &base->trace, .verdict = verdict };
	bool good;
	int err;

	*base = (struct vbase){ .state = state, .area_bytes = VYARD_AREA };
	/* A trim in flight keeps what is freed; the others go on for long. */
	if (state == VSTATE_LOGS)
		base->area_bytes = VBASE_LARGE;
	vyard_begin(&base->yard, ROOM_BYTES, durability);
	vyard_area(&base->yard, &base->area_bytes, 1);
	if (state == VSTATE_FOREIGN)
		build_foreign(base->yard.domain);
	if (state <= VSTATE_FOREIGN) {
		vhistory_begin(&base->history, 0);
		return true;
	}
	err = vyard_create(&base->yard, state == VSTATE_FULL ? 0 : VBASE_BLOCKS,
			   0, true);
	if (!err)
		err = vyard_open(&base->yard, state == VSTATE_FRESH
				 ? VD_OPEN_READ_ONLY : 0);
	if (err)
		return deny(verdict, "create and open: error %d", -err);
	vhistory_begin(&base->history, base->yard.geometry.logical_count);
	domain_record(base->yard.domain, &base->trace);
	good = build(base, &play);
	domain_record(base->yard.domain, NULL);
	base->tag = play.tag;
	vhistory_collapse(&base->history);
	good = good && look_at_it(base, &play);
	trace_reset(&base->trace);
	return good;
}

void vbase_end(struct vbase *base)
{
	vyard_end(&base->yard);
	vhistory_end(&base->history);
	trace_free(&base->trace);
	free(base->write_count);
}
