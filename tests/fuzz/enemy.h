/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * enemy.h - virtual disks as an enemy would write them: a sound disk to begin
 * with, and edits of its metadata that get past the checksums.
 *
 * An edit is 16 bytes, of which each value means something:
 *
 *	0 kind	1 flags	2 a	4 b	6 c	8 d	10 e	11 f	12 g (32 bits)
 *
 * enemy.c says for each kind what they are.  A number of a sequence (c) is
 * mostly not itself but near one that matters: the disk's last, the watermark,
 * the largest there can be.
 */
#ifndef FUZZ_ENEMY_H
#define FUZZ_ENEMY_H

#include "tests/fuzz/scratch.h"
#include "vdisk/impl.h"

#define ENEMY_EXTENTS	2u
#define ENEMY_ROOM	(24ull << 20)	/* of an extent */
#define EDIT_BYTES	16u

enum enemy_base {
	BASE_EMPTY,		/* created, never opened */
	BASE_CLEAN,		/* written, trimmed, closed */
	BASE_KILLED,		/* the same, not closed */
	BASE_FULL,		/* every logical block written, killed */
	BASE_LOGS,		/* many trim logs, closed */
	BASE_PARTS,		/* two extents, three segments, killed */
	BASE_WIDE,		/* more blocks than may be in flight; empty */
	BASE_RAW,		/* zeros, for bytes as they come */
	BASE_COUNT,
};

enum edit_kind {
	EDIT_BYTES_RAW, EDIT_SB, EDIT_RECORDS, EDIT_LOGS, EDIT_MAP,
	EDIT_STATES, EDIT_CLEAN, EDIT_HEAD, EDIT_DATA, EDIT_POISON,
	EDIT_LATER, EDIT_COUNT,
};

struct enemy {
	struct scratch *extent[ENEMY_EXTENTS];
	struct nvm_media *media[ENEMY_EXTENTS];
	struct vd_area area;
	uint64_t size_bytes[ENEMY_EXTENTS];
	struct vd_layout original;
	struct vd_layout view;	/* what SB 0 says, where it makes sense */
};

/* Makes the disk of this base; once. */
void enemy_begin(struct enemy *enemy, enum enemy_base base);

/* The sound disk again, on media of this class. */
void enemy_reset(struct enemy *enemy, enum nvm_durability durability);

/* Not for EDIT_LATER, which is the harness's to understand. */
void enemy_edit(struct enemy *enemy, const uint8_t edit[EDIT_BYTES]);

#endif
