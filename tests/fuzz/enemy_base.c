/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * enemy_base.c - the sound disks that edits begin with, made by the core itself.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/enemy.h"

#define MIB	(1ull << 20)

struct maker {
	struct vdisk *disk;
	void *mem;
	uint32_t logical;
	uint32_t version;
};

static void maker_open(struct maker *maker, const struct enemy *enemy)
{
	struct vd_open_args args = { .lane_count = 2 };
	struct vd_geometry geometry;

	must(!vd_probe(&enemy->area, &geometry, NULL, NULL), "no base");
	maker->mem = aligned_alloc(64, vd_memory_bytes(&geometry, 2));
	maker->logical = geometry.logical_count;
	args.mem = maker->mem;
	args.mem_bytes = vd_memory_bytes(&geometry, 2);
	must(!vd_open(&enemy->area, &args, &maker->disk, NULL), "no base");
}

static void maker_leave(struct maker *maker, bool closed)
{
	if (closed)
		must(!vd_close(maker->disk, NULL), "a base does not close");
	free(maker->mem);
}

static void maker_write(struct maker *maker, uint32_t first, uint32_t count,
			unsigned flags)
{
	static uint8_t bytes[VD_GROUP_MAX * VD_BLOCK];

	for (uint32_t i = 0; i < count; i++) {
		memset(bytes + i * VD_BLOCK, (int)(first + i), VD_BLOCK);
		memcpy(bytes + i * VD_BLOCK, &maker->version, 4);
		maker->version++;
	}
	must(!vd_write(maker->disk, 0, first, count, bytes, flags),
	     "a base is not written");
}

/* A bit of everything, in the first 230 blocks. */
static void maker_use(struct maker *maker)
{
	static const uint8_t sectors[3 * VD_SECTOR] = "a part of a block";

	for (uint32_t i = 0; i < 40; i++)
		maker_write(maker, i * 37 % 100, 1, 0);
	maker_write(maker, 110, 64, 0);
	maker_write(maker, 180, 16, VD_WRITE_ATOMIC);
	maker_write(maker, 184, 5, VD_WRITE_ATOMIC);
	must(!vd_trim(maker->disk, 1, 30, 100) &&
	     !vd_trim(maker->disk, 0, 186, 1) &&
	     !vd_pwrite(maker->disk, 1, 190 * VD_BLOCK + VD_SECTOR,
			sizeof(sectors), sectors, 0) &&
	     !vd_level(maker->disk, 1, 200, 4, true, NULL),
	     "a base is not made");
	maker_write(maker, 185, 4, VD_WRITE_ATOMIC);
}

static void maker_fill(struct maker *maker)
{
	for (uint32_t i = 0; i < maker->logical; i++)
		maker_write(maker, i, 1, 0);
}

static void maker_trim(struct maker *maker)
{
	for (uint32_t i = 0; i < 600; i++) {
		maker_write(maker, i * 31 % 220, 4, 0);
		must(!vd_trim(maker->disk, 0, i * 31 % 220, 3),
		     "a base is not trimmed");
	}
}

/* ---- their areas ------------------------------------------------------------- */

static void sizes_set(struct enemy *enemy, uint64_t first, uint64_t second)
{
	enemy->size_bytes[0] = enemy->media[0]->size_bytes = first;
	enemy->size_bytes[1] = enemy->media[1]->size_bytes = second;
	enemy->area.extent_count = second ? 2 : 1;
}

static void area_make(struct enemy *enemy, enum enemy_base base)
{
	for (uint32_t e = 0; e < ENEMY_EXTENTS; e++) {
		enemy->extent[e] = scratch_new(0, ENEMY_ROOM);
		enemy->media[e] = &enemy->extent[e]->media;
	}
	enemy->area.extent = enemy->media;
	if (base == BASE_PARTS)
		sizes_set(enemy, 5 * MIB, 4 * MIB);
	else if (base == BASE_WIDE)
		sizes_set(enemy, 20 * MIB, 20 * MIB);
	else
		sizes_set(enemy, 8 * MIB, 0);
}

/*
 * No area is so small, but an SB may say so (a disk that was shrunk); what is
 * tried is as much, in a tenth of the time.
 */
static void disk_make_small(struct enemy *enemy)
{
	struct vd_supers supers;
	struct vd_layout layout;
	struct vd_work work;

	must(!super_read(&enemy->area, &work, &layout, &supers, NULL), "no base");
	layout.segment[0].block_count = 320;
	layout.logical_count = 240;
	must(!super_write(&enemy->area, &work, &layout, VD_SB_DIRTY), "no base");
}

static void disk_make(struct enemy *enemy, enum enemy_base base)
{
	static const uint8_t uuid[VD_UUID_LEN] = "an enemy's disk";
	const struct vd_create_args args = { .uuid = uuid, .clean = true,
		.secret = 0x5ec4e7, .policy = WEAR_ADAPTIVE, .label = "fuzz" };
	struct vd_geometry geometry;
	struct maker maker = { 0 };

	must(!vd_create(&enemy->area, &args, NULL), "no base");
	if (base != BASE_PARTS && base != BASE_WIDE)
		disk_make_small(enemy);
	if (base == BASE_EMPTY || base == BASE_WIDE)
		return;
	maker_open(&maker, enemy);
	if (base != BASE_FULL)
		maker_use(&maker);
	maker_leave(&maker, true);
	if (base == BASE_PARTS) {
		sizes_set(enemy, 5 * MIB, 6 * MIB);
		must(!vd_grow(&enemy->area, 0, &geometry, NULL),
		     "a base does not grow");
	}
	if (base == BASE_CLEAN)
		return;
	maker_open(&maker, enemy);
	if (base == BASE_FULL)
		maker_fill(&maker);
	else if (base == BASE_LOGS)
		maker_trim(&maker);
	else
		maker_use(&maker);
	maker_leave(&maker, base == BASE_LOGS);
}

void enemy_begin(struct enemy *enemy, enum enemy_base base)
{
	struct vd_work work;
	struct vd_supers supers;

	area_make(enemy, base);
	if (base != BASE_RAW)
		disk_make(enemy, base);
	/* For edits, a disk of zeros looks like any other one. */
	if (base == BASE_RAW) {
		layout_make(&enemy->original, enemy->size_bytes, 1, 0, NULL);
		enemy->original.seq = 1;
	} else {
		must(!super_read(&enemy->area, &work, &enemy->original,
				 &supers, NULL), "no base");
	}
	layout_seed(&enemy->original, enemy->media[0]->ops->crc32c);
	for (uint32_t e = 0; e < ENEMY_EXTENTS; e++)
		scratch_keep(enemy->extent[e]);
}

void enemy_reset(struct enemy *enemy, enum nvm_durability durability)
{
	for (uint32_t e = 0; e < ENEMY_EXTENTS; e++) {
		scratch_reset(enemy->extent[e], enemy->size_bytes[e]);
		enemy->media[e]->durability = durability;
	}
	enemy->view = enemy->original;
}
