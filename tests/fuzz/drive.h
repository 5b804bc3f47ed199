/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drive.h - a disk that fuzz_vdisk.c has opened: what is done with it, and what
 * its blocks must read as then.
 */
#ifndef FUZZ_DRIVE_H
#define FUZZ_DRIVE_H

#include "tests/fuzz/enemy.h"

enum how {
	HOW_SYNC = 1, HOW_REPAIR = 2, HOW_NO_VERIFY = 4, HOW_CUT = 8,
	HOW_ONE_LANE = 16, HOW_OPS_FIRST = 32,
};

enum end { END_CLOSE, END_KILL, END_SHRINK, END_GROW, END_COUNT };

#define BLOCKS_MAX	(ENEMY_EXTENTS * ENEMY_ROOM / VD_BLOCK)

/* What a logical block must read as. */
struct block {
	uint32_t csum;
	enum { BLOCK_ANY, BLOCK_FOUND, BLOCK_WRITTEN } known;
};

struct run {
	struct enemy *enemy;
	uint8_t how, end;
	uint16_t number;
	struct vdisk *disk;
	void *mem;
	struct vd_geometry geometry;
	uint32_t lanes;
	bool edited;
	bool sound;			/* vd_check() found nothing */
	bool believed;			/* opened by the map of an edited disk */
	bool restless;			/* the media changes meanwhile */
	uint64_t loads;			/* until it does */
	const uint8_t *later;		/* edits */
	uint32_t later_count;
	uint32_t version;		/* of what is written */
	struct block *block;		/* by logical block */
};

bool has_poison(const struct run *run);

/* Probe and open with VD_OPEN_* @flags, in memory of just the size it needs. */
int enter(struct run *run, unsigned flags);
void leave(struct run *run);

/* How many problems vd_check() has; an error of it is one. */
uint32_t check(struct run *run);

/* A repair, after which what it repaired must not be found again. */
void repair(struct run *run);

/* All that can be asked. */
void look_around(struct run *run);

/* What there is now is what has to stay. */
void blocks_find(struct run *run);

/* @least: what need not be so is only found, not written. */
void blocks_compare(struct run *run, int least, const char *when);

/* One operation: what, where (16 bits), how. */
void operate(struct run *run, const uint8_t op[4]);

#endif
