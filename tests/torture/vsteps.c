// SPDX-License-Identifier: BSD-3-Clause
/*
 * vsteps.c - play operations on a virtual disk and keep its history.
 *
 * An operation begins at the event that comes next, and its caller is told by
 * the ACK that is recorded behind it.
 */
#include "tests/torture/vsteps.h"

#include <stdlib.h>
#include <string.h>

int64_t vplay_now(const struct vplay *play)
{
	return (int64_t)play->trace->count;
}

static bool on_bus(const struct vplay *play)
{
	return play->yard->domain->media.durability == NVM_BUS;
}

/* The changes of sectors [first, first + count), by the blocks they are in. */
static size_t add_sectors(struct vplay *play, uint64_t first, uint64_t count,
			  uint64_t tag, int64_t start)
{
	size_t had = play->history->count;
	uint64_t end = first + count;

	while (first < end) {
		uint32_t block = (uint32_t)(first / VYARD_SECTORS);
		uint8_t sectors = 0;

		for (; first < end && first / VYARD_SECTORS == block; first++)
			sectors |= (uint8_t)(1u << first % VYARD_SECTORS);
		vhistory_add(play->history, block, sectors, tag, 0, start);
	}
	return play->history->count - had;
}

static size_t add_blocks(struct vplay *play, const struct vstep *step,
			 uint64_t tag, int64_t start)
{
	uint32_t group = step->kind == VSTEP_ATOMIC && step->count > 1
		? vhistory_group(play->history) : 0;

	for (uint32_t b = step->first; b < step->first + step->count; b++)
		vhistory_add(play->history, b, 0xff, tag, group, start);
	return step->count;
}

/* The bytes of sectors [first, first + count) as one write makes them. */
static uint8_t *bytes_of(uint64_t first, uint64_t count, uint64_t tag)
{
	struct vcontent content;
	uint64_t from = first / VYARD_SECTORS;
	uint64_t blocks = (first + count + VYARD_SECTORS - 1) / VYARD_SECTORS -
			  from;
	uint8_t *bytes = malloc(blocks * VD_BLOCK);

	vyard_must(bytes, "memory");
	for (unsigned s = 0; s < VYARD_SECTORS; s++)
		content.tag[s] = tag;
	for (uint64_t b = 0; b < blocks; b++)
		vcontent_bytes((uint32_t)(from + b), &content,
			       bytes + b * VD_BLOCK);
	memmove(bytes, bytes + first % VYARD_SECTORS * VD_SECTOR,
		count * VD_SECTOR);
	return bytes;
}

static int call(struct vplay *play, uint32_t lane, const struct vstep *step,
		const uint8_t *bytes)
{
	struct vdisk *disk = play->yard->disk;
	uint64_t off = (uint64_t)step->first * VD_SECTOR;
	uint64_t len = (uint64_t)step->count * VD_SECTOR;

	switch (step->kind) {
	case VSTEP_WRITE:
		return vd_write(disk, lane, step->first, step->count, bytes, 0);
	case VSTEP_ATOMIC:
		return vd_write(disk, lane, step->first, step->count, bytes,
				VD_WRITE_ATOMIC);
	case VSTEP_FUA:
		return vd_write(disk, lane, step->first, step->count, bytes,
				VD_WRITE_FUA);
	case VSTEP_PART:
		return vd_pwrite(disk, lane, off, len, bytes, 0);
	case VSTEP_TRIM:
		return vd_trim(disk, lane, step->first, step->count);
	case VSTEP_ZERO:
		return vd_zero(disk, lane, off, len);
	case VSTEP_MOVE:
		return vd_level(disk, lane, play->yard->geometry.block_count,
				step->count, true, NULL);
	case VSTEP_FLUSH:
		return vd_flush(disk, lane);
	case VSTEP_CLOSE:
		play->yard->disk = NULL;
		return vd_close(disk, NULL);
	case VSTEP_OPEN:
		return vyard_open(play->yard, 0);
	case VSTEP_END:
		break;
	}
	return -NVM_EINVAL;
}

/* Its changes begin; how many. */
static size_t enter(struct vplay *play, const struct vstep *step, uint64_t tag,
		    uint8_t **ret_bytes)
{
	int64_t start = vplay_now(play);

	switch (step->kind) {
	case VSTEP_WRITE:
	case VSTEP_ATOMIC:
	case VSTEP_FUA:
		*ret_bytes = bytes_of((uint64_t)step->first * VYARD_SECTORS,
				      (uint64_t)step->count * VYARD_SECTORS,
				      tag);
		return add_blocks(play, step, tag, start);
	case VSTEP_PART:
		*ret_bytes = bytes_of(step->first, step->count, tag);
		return add_sectors(play, step->first, step->count, tag, start);
	case VSTEP_TRIM:
		return add_blocks(play, step, 0, start);
	case VSTEP_ZERO:
		return add_sectors(play, step->first, step->count, 0, start);
	default:
		return 0;
	}
}

bool vplay_step(struct vplay *play, uint32_t lane, const struct vstep *step,
		uint64_t tag)
{
	struct vhistory *history = play->history;
	int64_t start = vplay_now(play), end;
	bool flushes = step->kind == VSTEP_FUA || step->kind == VSTEP_FLUSH ||
		       step->kind == VSTEP_CLOSE;
	uint8_t *bytes = NULL;
	size_t first = history->count;
	size_t count = enter(play, step, tag, &bytes);
	int err = call(play, lane, step, bytes);
	char text[48];

	free(bytes);
	end = vplay_now(play);
	domain_note(play->yard->domain, DOMAIN_ACK);
	if (flushes && !err)
		vhistory_flushed(history, start, end);
	if (err)
		vhistory_failed(history, first, count, end);
	else
		vhistory_told(history, first, count, end,
			      on_bus(play) || step->kind == VSTEP_FUA);
	if (!err || play->may_fail)
		return true;
	vstep_print(step, text, sizeof(text));
	return deny(play->verdict, "%s fails: error %d", text, -err);
}

bool vplay_steps(struct vplay *play, const struct vstep *step, size_t count)
{
	for (; count && step->kind != VSTEP_END; step++, count--)
		if (!vplay_step(play, 0, step, ++play->tag))
			return false;
	return true;
}

const char *vstep_name(enum vstep_kind kind)
{
	static const char *const name[] = {
		"end", "write", "atomic", "fua", "part", "trim", "zero",
		"move", "flush", "close", "open",
	};

	return name[kind];
}

void vstep_print(const struct vstep *step, char *ret_text, size_t room)
{
	if (step->count)
		snprintf(ret_text, room, "%s %u+%u", vstep_name(step->kind),
			 step->first, step->count);
	else
		snprintf(ret_text, room, "%s", vstep_name(step->kind));
}

/* ---- looking -------------------------------------------------------------------- */

static void look_block(struct vyard *yard, uint32_t b, struct vshown *shown)
{
	uint8_t bytes[VD_BLOCK];

	shown->look[b] = VLOOK_READ;
	if (vd_read(yard->disk, 0, b, 1, bytes)) {
		shown->look[b] = VLOOK_ERROR;
		memset(&shown->content[b], 0, sizeof(shown->content[b]));
	} else if (!vcontent_parse(b, bytes, &shown->content[b])) {
		/* Tags that no write has. */
		for (unsigned s = 0; s < VYARD_SECTORS; s++)
			shown->content[b].tag[s] = UINT64_MAX - s;
	}
}

void vplay_look(struct vyard *yard, const struct vhistory *history,
		uint32_t every, uint32_t salt, struct vshown *ret_shown)
{
	uint32_t count = yard->geometry.logical_count;

	if (ret_shown->block_count != count) {
		vshown_end(ret_shown);
		vshown_begin(ret_shown, count);
	}
	for (uint32_t b = 0; b < count; b++) {
		if (every > 1 && (b + salt) % every &&
		    !(b < history->block_count &&
		      vhistory_touched(history, b)))
			ret_shown->look[b] = VLOOK_NOT;
		else
			look_block(yard, b, ret_shown);
	}
}

bool vplay_live(struct vplay *play)
{
	struct vshown shown = { 0 };
	struct verdict inner;
	bool good;

	vplay_look(play->yard, play->history, 1, 0, &shown);
	vhistory_at(play->history, vplay_now(play), true);
	good = vhistory_allows(play->history, &shown, &inner) ||
	       deny(play->verdict, "without a crash: %.200s", inner.why);
	vshown_end(&shown);
	return good;
}
