/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_vdisk.c - a virtual disk written by an enemy, against everything that
 * reads one.
 *
 * An input is a sound disk, edits of it that get past the checksums (enemy.h),
 * and what is done then:
 *
 *	byte 0		the disk: enum enemy_base
 *	byte 1		bits of enum how
 *	byte 2		number of edits
 *	byte 3		how it ends: close, kill, shrink, grow
 *	byte 4, 5	sizes for that, or where the media is cut off
 *	byte 6, 7	number of loads before edits behind an EDIT_LATER
 *	then		edits, 16 bytes each (a BASE_RAW: bytes of the media)
 *	then		operations, 4 bytes each
 *
 * Beyond crashes and undefined behaviour (ASan, UBSan), and what the media of
 * scratch.h does not forgive, it is a failure if
 *
 *  - a disk wants more memory than its area allows;
 *  - a disk that was opened for writing and closed opens no more;
 *  - what was written, and acknowledged, is not what is read, now or after
 *    a close, whatever the disk was before;
 *  - a disk that vd_check() calls sound does not keep every other block, too,
 *    or loses any of it when it is not closed;
 *  - a repair leaves what it said that it repaired.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD_BYTES	8u
#define EDITS_MAX	32u
#define OPS_MAX		24u

static struct enemy enemies[BASE_COUNT];
static struct block blocks[BLOCKS_MAX];

/* ---- ends -------------------------------------------------------------------- */

/*
 * Of a sound disk all stays; of another one what was written here, if its map
 * stays: a scan finds what an enemy's map left out.
 */
static void reopen(struct run *run, const char *when, bool closed)
{
	uint32_t logical = run->geometry.logical_count;
	int err = enter(run, 0);

	if (run->restless || (err && !closed && !run->sound)) {
		if (!err)
			leave(run);
		return;
	}
	if (err)
		fprintf(stderr, "fuzz: %s: %s\n", when, nvm_strerror(err));
	/* A larger disk may see more of an enemy's trims. */
	must(!err || (run->end == END_GROW && run->edited), "opens no more");
	if (err)
		return;
	if (run->geometry.logical_count > logical)
		run->geometry.logical_count = logical;
	/* What an enemy's map said, and not the records, is not found again. */
	if (closed || run->sound)
		blocks_compare(run, run->sound && (closed || !run->believed)
			       ? BLOCK_FOUND : BLOCK_WRITTEN, when);
	leave(run);
}

static void end_shrink(struct run *run)
{
	const struct vd_area *area = &run->enemy->area;
	uint64_t size[ENEMY_EXTENTS];
	uint32_t last = area->extent_count - 1;
	struct vd_geometry smaller;
	int err;

	for (uint32_t e = 0; e < area->extent_count; e++)
		size[e] = area->extent[e]->size_bytes;
	/* 64 KiB a step, of the last extent; logical blocks, or as many as go */
	size[last] -= (uint64_t)(run->number & 0xff) << 16;
	if (size[last] > area->extent[last]->size_bytes)
		return;
	err = vd_shrink(run->disk, size, area->extent_count,
			run->number >> 8 == 0xff ? 0 : (uint32_t)
			(run->number >> 8) * run->geometry.logical_count / 255,
			&smaller, NULL);
	if (err == -NVM_ENOSPC)
		blocks_compare(run, run->sound ? BLOCK_FOUND : BLOCK_WRITTEN,
			       "after shrinking too far");
	if (err)
		vd_close(run->disk, NULL);
	leave(run);
	if (err)
		return;
	run->geometry.logical_count = smaller.logical_count;
	if (has_poison(run))
		return;
	reopen(run, "after shrinking", false);
	area->extent[last]->size_bytes = size[last];
	reopen(run, "after shrinking and cutting", false);
}

static void end_grow(struct run *run)
{
	const struct vd_area *area = &run->enemy->area;
	uint32_t last = area->extent_count - 1;
	uint64_t size = area->extent[last]->size_bytes +
			((uint64_t)(run->number & 0xff) << 16);
	struct vd_geometry larger;
	bool grown;

	if (size > ENEMY_ROOM)
		return;
	area->extent[last]->size_bytes = size;
	grown = !vd_grow(area, 0, &larger, NULL);
	if (grown && !run->restless) {
		run->how &= (uint8_t)~HOW_ONE_LANE;
		reopen(run, "after growing", false);
	}
}

static void finish(struct run *run)
{
	int err;

	if (run->end == END_SHRINK) {
		end_shrink(run);
		return;
	}
	err = run->end == END_KILL ? 0 : vd_close(run->disk, NULL);
	leave(run);
	if (err || has_poison(run))
		return;
	if (run->end == END_GROW)
		end_grow(run);
	else
		reopen(run, run->end == END_KILL ? "after a kill"
			    : "after a close", run->end != END_KILL);
}

/* ---- one input --------------------------------------------------------------- */

static void media_read_only(struct run *run, bool read_only)
{
	for (uint32_t e = 0; e < ENEMY_EXTENTS; e++)
		run->enemy->media[e]->read_only = read_only;
}

static void read_only(struct run *run)
{
	static const uint8_t zero[VD_BLOCK];

	media_read_only(run, true);
	must(enter(run, 0), "what is read-only opens for writing");
	if (!enter(run, VD_OPEN_READ_ONLY)) {
		look_around(run);
		check(run);
		must(vd_write(run->disk, 0, 0, 1, zero, 0) == -NVM_EROFS &&
		     !vd_close(run->disk, NULL), "read-only is not");
		leave(run);
	}
	media_read_only(run, false);
}

static void read_write(struct run *run, const uint8_t *ops, size_t op_count)
{
	struct vd_info info;

	if (enter(run, 0))
		return;
	if ((run->how & HOW_REPAIR) && !(run->how & HOW_OPS_FIRST))
		repair(run);
	run->sound = !check(run);
	vd_info(run->disk, &info);
	run->believed = run->edited && info.was_clean;
	blocks_find(run);
	for (size_t i = 0; i < op_count; i++)
		operate(run, ops + 4 * i);
	blocks_compare(run, run->sound ? BLOCK_FOUND : BLOCK_WRITTEN,
		       "after operations");
	if ((run->how & HOW_REPAIR) && (run->how & HOW_OPS_FIRST))
		repair(run);
	if (run->sound && !has_poison(run) && !run->restless)
		must(!check(run), "operations leave a problem");
	look_around(run);
	finish(run);
}

static void meanwhile(void *ctx)
{
	struct run *run = ctx;

	for (uint32_t i = 0; i < run->later_count; i++) {
		const uint8_t *edit = run->later + i * EDIT_BYTES;

		enemy_edit(run->enemy, edit);
	}
	run->later_count = 0;
}

/* Returns how many bytes of the input they are. */
static size_t edits_apply(struct run *run, const uint8_t *edits, size_t size,
			  uint32_t count)
{
	if (count > size / EDIT_BYTES)
		count = (uint32_t)(size / EDIT_BYTES);
	run->edited = count;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *edit = edits + i * EDIT_BYTES;

		if (edit[0] % EDIT_COUNT == EDIT_LATER) {
			run->later = edit + EDIT_BYTES;
			run->later_count = count - i - 1;
			break;
		}
		enemy_edit(run->enemy, edit);
	}
	return count * EDIT_BYTES;
}

static void later_begin(struct run *run)
{
	run->restless = run->later_count;
	for (uint32_t e = 0; e < ENEMY_EXTENTS && run->restless; e++) {
		run->enemy->extent[e]->load_count = &run->loads;
		run->enemy->extent[e]->meanwhile = meanwhile;
		run->enemy->extent[e]->ctx = run;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .block = blocks };
	enum enemy_base base;
	size_t used;

	if (size < HEAD_BYTES)
		return -1;
	base = data[0] % BASE_COUNT;
	run.enemy = &enemies[base];
	run.how = data[1];
	run.end = data[3] % END_COUNT;
	run.number = (uint16_t)(data[4] | data[5] << 8);
	run.loads = 1 + (data[6] | (uint64_t)data[7] << 8) % 20000;
	if (!run.enemy->extent[0])
		enemy_begin(run.enemy, base);
	enemy_reset(run.enemy, run.how & HOW_SYNC ? NVM_SYNC : NVM_BUS);
	if (base == BASE_RAW) {
		used = size - HEAD_BYTES;
		scratch_poke(run.enemy->extent[0], 0, data + HEAD_BYTES, used);
	} else {
		used = edits_apply(&run, data + HEAD_BYTES, size - HEAD_BYTES,
				   data[2] % (EDITS_MAX + 1));
	}
	if (run.how & HOW_CUT) {
		struct nvm_media *last = run.enemy->media[run.enemy->area
						.extent_count - 1];

		last->size_bytes = last->size_bytes * run.number / 0xffff;
	}
	later_begin(&run);
	data += HEAD_BYTES + used;
	size -= HEAD_BYTES + used;
	read_only(&run);
	read_write(&run, data, size / 4 < OPS_MAX ? size / 4 : OPS_MAX);
	leave(&run);
	return 0;
}
