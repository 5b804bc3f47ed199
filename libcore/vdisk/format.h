/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * format.h - the virtual disk on the media.  This header is the
 * specification; docs/format.md tells the same story for somebody who writes
 * a reader.
 *
 * An area is one or more extents (each a media of its own); an extent holds
 * one or more segments, one behind the other.
 *
 *   first extent                                              last extent
 *   +------+------+-----------+-----------+---   ---+-----------+---------+
 *   | SB 0 | SB 1 | segment 0 | segment 1 |   ...   | segment n |   SB 2  |
 *   +------+------+-----------+-----------+---   ---+-----------+---------+
 *   0      4096   8192        an extent other than the first     the last
 *                             begins with a segment              4096 bytes
 *   segment
 *   +--------+----------+------------+---------------+--------------------+
 *   | header | map      | states     | block records | data blocks        |
 *   | 4 KiB  | (VDMT)   |            | 64 B a block  | 4 KiB a block      |
 *   +--------+----------+------------+---------------+--------------------+
 *
 * Physical blocks (VDPA) are numbered through all segments, in the order of
 * the SB; logical blocks (VDLA) from 0.  All integers are little-endian.
 *
 * The truth is in the block records and in the trim logs.  The map and the
 * states are a copy of what follows from them, written at a clean close so
 * that the next open need not scan; they count only while all three SBs say
 * CLEAN.
 *
 * A block record is a 64-byte line of two 32-byte halves, written in turn, so
 * the one before (with its count) outlives a torn write.
 *
 *   RULE 1  The newest half of a line (the larger seq whose csum is right)
 *           says what its block holds.  The other half says nothing.
 *   RULE 2  Of all DATA records of a logical block, and all trims of it, the
 *           one with the largest seq counts.
 *   RULE 3  Everything up to the durable watermark is durable or was never
 *           acknowledged.  The watermark is the largest (seq - lag) of any
 *           record, trim line or SB.  Up to it a record is believed; above
 *           it, it counts only if the data's checksum is right and, of a
 *           group, if all the other members count too or their logical
 *           blocks have something newer that counts.
 *
 * A write of n blocks (up to VD_GROUP_MAX, one drain):
 *
 *   1. take free blocks; publish the logical blocks and a lower bound of the
 *      seq; take n consecutive seqs
 *   2. store the data; compute its checksum while the stores drain
 *   3. store the records, each into the older half of its line
 *   4. drain                     <- the blocks are written: acknowledged
 *   5. switch the map entries in memory; the old blocks are free (SYNC: after
 *      the next sync)
 *
 * A trim stores one line into the open trim log, drains, and switches the map
 * entries to the trim's seq.  A trim log is an ordinary block whose 64 lines
 * are written one after the other: its lines wear as evenly as data.  When
 * there are many, what still counts in the oldest is copied into the open one.
 *
 * A relocation is a write of the same bytes, with the same checksum and a new
 * seq, of a block whose seq is at or below the watermark, while no write of
 * that logical block is in flight.
 *
 * Recovery table (state found -> what is done):
 *
 *   three SBs CLEAN and equal, map and        believe map and states
 *     states whole
 *   anything else                             scan all records
 *     (SYNC: a sync first)
 *   a line whose larger half is not valid     one wrong bit: corrected.  Else
 *                                             torn (or rotten: counted); the
 *                                             other half says what is there
 *   a valid record above the watermark,       flushed with its data, for a
 *     its data and its group whole            killed process may have left
 *                                             it visible and not durable
 *   above it, data or group not whole         VOID (keeps the count)
 *   a line that cannot be read                its block is BAD
 *   a line lost in either way, its block      EIO for that logical block: its
 *     mapped at the last clean close and        newest version was there
 *     nothing newer found
 *   (at the end: barrier, then the SBs say DIRTY with a watermark of all
 *   that was found; only then is anything new written)
 *
 * SB copies are written one by one, a barrier after each, those first that are
 * not valid; the valid one with the largest generation counts.
 */
#ifndef NVM_VDISK_FORMAT_H
#define NVM_VDISK_FORMAT_H

#include "base/env.h"
#include "base/le.h"

#define VD_VERSION		1u
#define VD_BLOCK		4096u
#define VD_SECTOR		512u
#define VD_AREA_MIN		(1ull << 20)
#define VD_AREA_MAX		(16ull << 40)
#define VD_EXTENTS_MAX		64u
#define VD_SEGMENTS_MAX		96u
#define VD_SEGMENT_MIN		(512ull << 10)
#define VD_GROUP_MAX		64u		/* blocks: 256 KiB */
#define VD_SEQ_MAX		(1ull << 62)
#define VD_UUID_LEN		16u
#define VD_LABEL_MAX		63u

#define VD_MAGIC_SB		"NVMVDSB"
#define VD_MAGIC_SEGMENT	"NVMVDSG"

#define VD_COMPAT_KNOWN		0u
#define VD_RO_COMPAT_KNOWN	0u
#define VD_INCOMPAT_KNOWN	0u

enum vd_sb_state {
	VD_SB_CLEAN = 1,
	VD_SB_DIRTY = 2,
};

struct vd_sb_segment {
/*00*/	le64_t	off;			/* in its extent, of the header */
/*08*/	le32_t	extent;
/*0c*/	le32_t	block_count;		/* blocks in use */
/*10*/	le32_t	table_count;		/* what its tables were made for */
/*14*/	le32_t	generation;		/* seeds the checksums */
};
_Static_assert(sizeof(struct vd_sb_segment) == 24, "vd_sb_segment");

struct vd_sb {
/*000*/	char	magic[8];		/* VD_MAGIC_SB with its NUL */
/*008*/	le32_t	csum;			/* CRC32C of all, taken with csum = 0 */
/*00c*/	le32_t	version;		/* VD_VERSION */
/*010*/	le64_t	generation;		/* of this copy; the largest counts */
/*018*/	uint8_t	uuid[VD_UUID_LEN];
/*028*/	le32_t	compat;
/*02c*/	le32_t	ro_compat;
/*030*/	le32_t	incompat;
/*034*/	le32_t	state;			/* enum vd_sb_state */
/*038*/	le64_t	logical_count;
/*040*/	le64_t	seq;			/* the largest taken so far */
/*048*/	le64_t	watermark;
/*050*/	le64_t	secret;			/* random; seeds trim lines, so that no
					   user data passes for one */
/*058*/	le64_t	created_s;		/* seconds since 1970, UTC */
/*060*/	le32_t	policy;			/* enum wear_policy */
/*064*/	le32_t	threshold;
/*068*/	le32_t	budget;
/*06c*/	le32_t	extent_count;
/*070*/	le32_t	segment_count;
/*074*/	le32_t	segment_generation;	/* the largest given so far */
/*078*/	le64_t	endurance;
/* Sums since creation, as of this copy. */
/*080*/	le64_t	user_writes;		/* blocks */
/*088*/	le64_t	moves;			/* blocks, by levelling and resizing */
/*090*/	le64_t	trim_lines;
/*098*/	le64_t	wear_total;		/* all blocks' counts, as of close */
/*0a0*/	le64_t	rolled_back;		/* blocks, by recoveries */
/*0a8*/	le64_t	lost_lines;		/* records torn or not readable */
/*0b0*/	le64_t	data_errors;		/* reads that failed */
/*0b8*/	le64_t	retired;		/* blocks that are BAD, as of close */
/*0c0*/	char	label[64];		/* NUL-padded */
/*100*/	le64_t	extent_bytes[VD_EXTENTS_MAX];
/*300*/	struct vd_sb_segment segment[VD_SEGMENTS_MAX];
/* The last clean close: what the tables still say, and of when. */
/*c00*/	le64_t	table_generation;	/* of their pages; 0: not valid */
/*c08*/	le64_t	table_seq;
/*c10*/	uint8_t	zero[0x3f0];
};
FIELD_AT(vd_sb, csum, 0x008, 4);
FIELD_AT(vd_sb, generation, 0x010, 8);
FIELD_AT(vd_sb, uuid, 0x018, 16);
FIELD_AT(vd_sb, logical_count, 0x038, 8);
FIELD_AT(vd_sb, secret, 0x050, 8);
FIELD_AT(vd_sb, policy, 0x060, 4);
FIELD_AT(vd_sb, endurance, 0x078, 8);
FIELD_AT(vd_sb, retired, 0x0b8, 8);
FIELD_AT(vd_sb, label, 0x0c0, 64);
FIELD_AT(vd_sb, extent_bytes, 0x100, 0x200);
FIELD_AT(vd_sb, segment, 0x300, 0x900);
FIELD_AT(vd_sb, table_seq, 0xc08, 8);
_Static_assert(sizeof(struct vd_sb) == NVM_PAGE, "vd_sb");

/* First page of a segment: which one of which disk it is. */
struct vd_segment_head {
/*000*/	char	magic[8];		/* VD_MAGIC_SEGMENT with its NUL */
/*008*/	le32_t	csum;
/*00c*/	le32_t	segment;		/* its number when it was made */
/*010*/	uint8_t	uuid[VD_UUID_LEN];	/* of the disk */
/*020*/	le32_t	extent;
/*024*/	le32_t	generation;
/*028*/	le32_t	table_count;
/*02c*/	uint8_t	zero[0xfd4];
};
FIELD_AT(vd_segment_head, uuid, 0x010, 16);
FIELD_AT(vd_segment_head, table_count, 0x028, 4);
_Static_assert(sizeof(struct vd_segment_head) == NVM_PAGE, "vd_segment_head");

/*
 * A page of the map or of the states.  Entry i of a table lies in the segment
 * of physical block i.  csum is seeded with the disk's uuid and the number of
 * the page's first entry.
 *
 * A map word: bit 63 set: mapped; bits 0-31 the physical block, bits 32-62 the
 * low bits of its record's seq.  Bit 63 clear: not mapped; the seq of the trim
 * that made it so, or 0.
 */
#define VD_WORD_MAPPED		(1ull << 63)
#define VD_PAGE_HEAD		16u
#define VD_MAP_WORDS_A_PAGE	((NVM_PAGE - VD_PAGE_HEAD) / 8u)	/* 510 */
#define VD_STATES_A_PAGE	(NVM_PAGE - VD_PAGE_HEAD)		/* 4080 */

struct vd_table_page {
/*000*/	le32_t	csum;			/* of the page, taken with csum = 0 */
/*004*/	le32_t	kind;			/* enum vd_table */
/*008*/	le64_t	generation;		/* of the CLEAN SBs it goes with */
/*010*/	union {
		le64_t word[VD_MAP_WORDS_A_PAGE];
		uint8_t state[VD_STATES_A_PAGE];
	};
};
FIELD_AT(vd_table_page, word, 0x010, 4080);
_Static_assert(sizeof(struct vd_table_page) == NVM_PAGE, "vd_table_page");

enum vd_table { VD_TABLE_MAP = 1, VD_TABLE_STATES = 2 };

/* A state, in memory and in the table. */
enum vd_block_state {
	VD_BLOCK_IDLE = 0,	/* free, and not in the pool of free blocks */
	VD_BLOCK_TAKEN = 1,	/* mapped, in the pool, or being written */
	VD_BLOCK_LOG = 2,	/* a trim log */
	VD_BLOCK_BAD = 3,	/* retired */
	VD_BLOCK_POISONED = 0x80, /* flag: to be retired when it is freed */
	VD_BLOCK_SUSPECT = 0x40, /* flag, in memory: its record was lost */
};

/*
 * One half of a line.  csum is the CRC32C of the bytes before it, begun with
 * a seed made of the disk's uuid, the segment's generation and the physical
 * block number, so that former and misplaced records are not valid.
 */
enum vd_record_type {
	VD_RECORD_DATA = 1,
	VD_RECORD_VOID = 2,	/* nothing; keeps the count */
	VD_RECORD_LOG = 3,	/* a trim log; data_csum is the lines' salt */
	VD_RECORD_BAD = 4,	/* retired */
};

struct vd_record {
/*00*/	le64_t	seq;
/*08*/	le32_t	block;			/* logical; says nothing unless DATA */
/*0c*/	le32_t	count;			/* writes of this line, this included */
/*10*/	le32_t	data_csum;		/* CRC32C of the 4096 bytes */
/*14*/	le32_t	lag;			/* seq - watermark; VD_LAG_NONE */
/*18*/	uint8_t	type;			/* enum vd_record_type */
/*19*/	uint8_t	group_index;		/* place in its group, from 0 */
/*1a*/	uint8_t	group_count;		/* members; 1: none but itself */
/*1b*/	uint8_t	zero;
/*1c*/	le32_t	csum;
};
FIELD_AT(vd_record, block, 0x08, 4);
FIELD_AT(vd_record, lag, 0x14, 4);
FIELD_AT(vd_record, type, 0x18, 1);
FIELD_AT(vd_record, csum, 0x1c, 4);
_Static_assert(sizeof(struct vd_record) == 32, "vd_record");

#define VD_LAG_NONE		0xffffffffu	/* says nothing of it */
#define VD_RECORD_LINE		64u

/* A line of a trim log.  csum: seeded with block, secret, log's seq, line. */
struct vd_trim_range {
/*00*/	le64_t	seq;
/*08*/	le32_t	first;
/*0c*/	le32_t	count;			/* 1 to VD_TRIM_MAX */
};
#define VD_TRIM_RANGES		3u
#define VD_TRIM_MAX		65536u
#define VD_TRIM_LINES		(VD_BLOCK / VD_RECORD_LINE)

struct vd_trim_line {
/*00*/	le32_t	csum;
/*04*/	le32_t	lag;			/* of range[0]; VD_LAG_NONE in copies */
/*08*/	uint8_t	range_count;		/* 1 to VD_TRIM_RANGES */
/*09*/	uint8_t	zero[7];
/*10*/	struct vd_trim_range range[VD_TRIM_RANGES];
};
_Static_assert(sizeof(struct vd_trim_line) == VD_RECORD_LINE, "vd_trim_line");

#endif
