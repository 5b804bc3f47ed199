/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdisk.h - a virtual disk on byte-addressable memory: 4 KiB blocks whose
 * writes are atomic, checked and levelled.
 *
 * Freestanding: the caller supplies the area (base/media.h, one media an
 * extent), all memory, and the threads.  vdisk/format.h tells what lies on the
 * media and what a power loss can leave.
 *
 * Threads: read, write, trim, flush, pin, unpin, level and place may be called by
 * any number of threads at once, each with a lane of its own: a number below
 * lane_count that no other thread uses at that moment.  Readers take no lock.
 * Everything else (open, close, check, resize) wants the disk to itself.
 *
 * Blocks are logical blocks of VD_BLOCK (4096) bytes; sizes and offsets named
 * _bytes are bytes.  Functions return 0 or a negative enum nvm_err; ret_
 * parameters are untouched on failure; a fault pointer may be NULL.
 *
 * Durability: on BUS media what was acknowledged is durable; on SYNC media it
 * is after the next vd_flush().
 *
 * Source: MBSA's guest side (super block, mapping table, data area), with the
 * block records of the design notes in place of a table updated in place.
 */
#ifndef NVM_VDISK_VDISK_H
#define NVM_VDISK_VDISK_H

#include "base/media.h"
#include "vdisk/format.h"
#include "wear/wear.h"

struct vdisk;

/* The extents, in their order; the disk keeps the pointer while open. */
struct vd_area {
	struct nvm_media *const *extent;
	uint32_t extent_count;
};

/* What an area holds, or would hold. */
struct vd_geometry {
	uint64_t area_bytes;		/* all extents */
	uint32_t logical_count;		/* blocks of the disk */
	uint32_t block_count;		/* physical blocks */
	uint32_t extent_count;
	uint32_t segment_count;
};

/* ---- create and open ------------------------------------------------------ */

struct vd_create_args {
	uint32_t logical_count;		/* 0: as many as leave sensible spares */
	const uint8_t *uuid;		/* VD_UUID_LEN random bytes */
	uint64_t secret;		/* random */
	uint64_t created_s;
	const char *label;		/* may be NULL */
	enum wear_policy policy;
	uint32_t threshold, budget;	/* 0: the policy's default */
	uint64_t endurance;		/* 0: not known */
	bool clean;			/* the area is known to read as zeros */
};

/* Least physical blocks beyond the logical ones. */
uint32_t vd_spares_min(uint64_t block_count);

/*
 * What vd_create() would make of extents of these sizes.  -NVM_ERANGE: too
 * small, too large, too many; or logical_count leaves too few spares.
 */
int vd_layout(const uint64_t *extent_bytes, uint32_t extent_count,
	      uint32_t logical_count, struct vd_geometry *ret_geometry,
	      struct nvm_fault *fault);

/*
 * Lay down an empty disk.  Any disk that was there is invalidated first: a
 * power loss in the middle leaves none.
 */
int vd_create(const struct vd_area *area, const struct vd_create_args *args,
	      struct nvm_fault *fault);

/*
 * What disk is here?  -NVM_EMEDIUM: none, or an extent is not of this disk.
 * -NVM_ENOENT: an extent is missing.  -NVM_EPROTO: a newer format.
 * -NVM_EBADMSG: its SBs are damaged.  -NVM_ERANGE: the area is smaller than
 * the disk.  Extents may be given in any order; ret_order, if not NULL, takes
 * for each place in the disk the number of the extent that belongs there.
 */
int vd_probe(const struct vd_area *area, struct vd_geometry *ret_geometry,
	     uint32_t ret_order[VD_EXTENTS_MAX], struct nvm_fault *fault);

/* vd_probe() for a small stack: @mem has VD_PROBE_BYTES, 8-aligned. */
#define VD_PROBE_BYTES	20480u
int vd_probe_with(const struct vd_area *area, void *mem,
		  struct vd_geometry *ret_geometry,
		  uint32_t ret_order[VD_EXTENTS_MAX], struct nvm_fault *fault);

#define VD_LANES_MAX	64u

#define VD_OPEN_READ_ONLY	0x1u	/* recovers in memory, stores nothing */
#define VD_OPEN_NO_VERIFY	0x2u	/* reads do not check data (vd_verify) */

struct vd_open_args {
	unsigned flags;			/* VD_OPEN_* */
	uint32_t lane_count;		/* 1 to VD_LANES_MAX; small areas have
					   spares for a few only: vd_lanes_max() */
	void *mem;			/* 64-aligned */
	size_t mem_bytes;		/* vd_memory_bytes(); checked, as the SB
					   may have changed since vd_probe() */
	/* Called while waiting for another thread; NULL: just spin. */
	void (*relax)(void *ctx);
	void *ctx;
};

uint32_t vd_lanes_max(const struct vd_geometry *geometry);

/* 8 bytes a logical block, 1 a physical block, and a fixed part. */
size_t vd_memory_bytes(const struct vd_geometry *geometry,
		       uint32_t lane_count);

/*
 * Open, recovering if it was not closed.  Extents must be in the disk's order
 * (vd_probe).  Errors as vd_probe(); -NVM_ENOMEM; -NVM_EROFS: read-only media
 * without VD_OPEN_READ_ONLY.
 */
int vd_open(const struct vd_area *area, const struct vd_open_args *args,
	    struct vdisk **ret_disk, struct nvm_fault *fault);

/*
 * Write the map and mark the disk clean.  On failure it stays unclean, which
 * the next open recovers from; in any case the memory is the caller's again.
 */
int vd_close(struct vdisk *disk, struct nvm_fault *fault);

/* ---- use -------------------------------------------------------------------- */

#define VD_WRITE_ATOMIC	0x1u	/* all or none after a crash; count at most
				   VD_GROUP_MAX, else -NVM_EINVAL; -NVM_ENOSPC
				   where the area has not the spares for it */
#define VD_WRITE_FUA	0x2u	/* durable on return on SYNC media too */
#define VD_WRITE_COPY	0x4u	/* the source may change meanwhile: it is read
				   once, through a buffer (not with ATOMIC of
				   several blocks).  Without this flag the
				   caller holds it still until the return. */

/*
 * Write @count blocks from @first on.  Each block is atomic.  One drain for
 * each VD_GROUP_MAX blocks.  -NVM_ENOSPC: no free block (or no room in the
 * backing); -NVM_EIO; -NVM_EROFS; -NVM_EINVAL: beyond the end.  After an error
 * each block holds its old bytes or its new ones.
 */
int vd_write(struct vdisk *disk, uint32_t lane, uint64_t first,
	     uint32_t count, const void *src, unsigned flags);

/*
 * Read @count blocks.  What was never written or was trimmed reads as zeros.
 * -NVM_EIO: a block is damaged or cannot be read (the others may have been
 * read; vd_read() of one block tells which).
 */
int vd_read(struct vdisk *disk, uint32_t lane, uint64_t first,
	    uint32_t count, void *dst);

/*
 * The same by bytes, in multiples of VD_SECTOR (512).  A part of a block is
 * written by an atomic read-modify-write of the block.
 */
int vd_pwrite(struct vdisk *disk, uint32_t lane, uint64_t off_bytes,
	      uint64_t len_bytes, const void *src, unsigned flags);
int vd_pread(struct vdisk *disk, uint32_t lane, uint64_t off_bytes,
	     uint64_t len_bytes, void *dst);

/*
 * The blocks read as zeros from now on and their space is free.  Serves
 * discard and write-zeroes alike: it is as durable as a write.
 */
int vd_trim(struct vdisk *disk, uint32_t lane, uint64_t first,
	    uint64_t count);
/* By bytes, in multiples of VD_SECTOR: parts of blocks are written zeros. */
int vd_zero(struct vdisk *disk, uint32_t lane, uint64_t off_bytes,
	    uint64_t len_bytes);

/* All that was acknowledged before is durable.  Free on BUS media. */
int vd_flush(struct vdisk *disk, uint32_t lane);

/*
 * Zero-copy read: the address of a block's bytes, which stay as they are until
 * vd_unpin(), whatever is written meanwhile.  NULL in *ret for a block that
 * reads as zeros (then there is nothing to unpin).  -NVM_EBUSY: too many pins,
 * or they would take the free blocks that writers need; -NVM_EINVAL: the media
 * has no address.  The caller answers for SIGBUS.
 */
#define VD_PINS_MAX	256u
int vd_pin(struct vdisk *disk, uint32_t lane, uint64_t block,
	   const void **ret_bytes);
void vd_unpin(struct vdisk *disk, uint32_t lane, const void *bytes);

/* Switch verification on read (on by default). */
void vd_verify(struct vdisk *disk, bool on);

/* ---- levelling ------------------------------------------------------------------ */

/*
 * Look at @look mapped blocks, from where the last call ended, and move at
 * most @moves_max of them where the policy wants it (within its budget unless
 * @force).  Writers do a little of this by themselves; with nothing else to do
 * a background thread may call it too.  *ret_moves may be NULL.
 */
int vd_level(struct vdisk *disk, uint32_t lane, uint32_t look,
	     uint32_t moves_max, bool force, uint32_t *ret_moves);

/* Another policy from now on; kept on the media at the next close. */
int vd_policy(struct vdisk *disk, const struct wear_config *config);

/* ---- looking -------------------------------------------------------------------- */

struct vd_info {
	struct vd_geometry geometry;
	uint8_t uuid[VD_UUID_LEN];
	char label[VD_LABEL_MAX + 1];
	uint64_t created_s;
	struct wear_config wear;
	bool read_only;
	bool was_clean;			/* closed cleanly before this open */
	uint64_t mapped_count;		/* logical blocks that hold something */
	uint64_t free_count;		/* physical blocks */
	uint64_t retired_count;
	uint64_t log_count;		/* trim logs */
	uint64_t seq, watermark;
	/* since creation */
	uint64_t user_writes, moves, trim_lines, wear_total;
	uint64_t rolled_back;		/* blocks that recoveries took back */
	uint64_t lost_lines;		/* records torn or unreadable, found by
					   recoveries */
	uint64_t data_errors;		/* reads of damaged blocks */
};
void vd_info(struct vdisk *disk, struct vd_info *ret_info);

/* Where a logical block lies. */
struct vd_place {
	bool mapped;
	uint32_t block;			/* physical */
	uint32_t extent;		/* and its place there */
	uint64_t off_bytes;
	uint64_t seq;			/* of the write, or of the trim */
	uint32_t count;			/* writes of the physical block */
	uint32_t data_csum;
};
int vd_place(struct vdisk *disk, uint64_t block, struct vd_place *ret_place);

/* A physical block, from its record. */
struct vd_physical {
	enum vd_block_state state;	/* without VD_BLOCK_POISONED */
	bool mapped;
	uint32_t logical;		/* if mapped */
	uint32_t count;
	bool readable;			/* its record could be read */
	uint32_t extent;
	uint64_t off_bytes;		/* of its data */
	uint64_t record_bytes;		/* where its record line lies there */
};
int vd_physical(struct vdisk *disk, uint32_t block,
		struct vd_physical *ret_physical);

/* ---- checking --------------------------------------------------------------------- */

enum vd_finding {
	VD_FIND_SB,		/* a copy of the SB is damaged or stale */
	VD_FIND_SEGMENT,	/* a segment's header */
	VD_FIND_TABLE,		/* a page of a clean disk's map or states */
	VD_FIND_RECORD,		/* a record line cannot be read or is damaged */
	VD_FIND_MAP,		/* map and record disagree */
	VD_FIND_DATA,		/* data does not match its checksum: EIO */
	VD_FIND_POISON,		/* data cannot be read: EIO */
	VD_FIND_TRIM,		/* a trim log's line that must be there is not */
};

struct vd_problem {
	enum vd_finding finding;
	uint32_t logical;	/* UINT32_MAX: none in particular */
	uint32_t block;		/* physical; UINT32_MAX: none */
	uint32_t extent;
	uint64_t off_bytes;	/* where, in that extent */
	bool repairable;
	bool repaired;
};

struct vd_check_args {
	bool repair;			/* the disk is open for writing */
	bool data;			/* read and check all data, too */
	void (*report)(void *ctx, const struct vd_problem *problem);
	/* Returning false stops with -NVM_EINTR; may be NULL. */
	bool (*step)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};
int vd_check(struct vdisk *disk, const struct vd_check_args *args,
	     struct nvm_fault *fault);

/* ---- resizing ----------------------------------------------------------------------- */

/*
 * Grow a disk that is not open onto the larger area: extents longer than the
 * disk knows, or more of them.  The next open scans.  @logical_count 0: as
 * many as sensible.  -NVM_EBUSY: not closed cleanly: open and close it first.
 * -NVM_ERANGE: not larger, or by too little to be of use.
 */
int vd_grow(const struct vd_area *area, uint32_t logical_count,
	    struct vd_geometry *ret_geometry, struct nvm_fault *fault);

/*
 * Shrink an open disk to what extents of these sizes hold; blocks from the
 * new logical_count on (0: as many as sensible) are given up, the others moved
 * out of the way.  Ends with the disk closed; the caller then cuts the extents.
 * After an error it is still open.
 * -NVM_ENOSPC: what is to stay does not fit; nothing is lost.  After any other
 * error the disk is still the old one, but for the blocks given up.
 */
int vd_shrink(struct vdisk *disk, const uint64_t *extent_bytes,
	      uint32_t extent_count, uint32_t logical_count,
	      struct vd_geometry *ret_geometry, struct nvm_fault *fault);

#endif
