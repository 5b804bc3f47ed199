/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhistory.h - what was done to each block of a disk, and what a block may
 * hold after a crash.
 *
 * Time is counted in events of the trace: a change begins before event
 * `start`, its caller was told at event `end`, and from event `durable` on it
 * must outlive a power loss (BUS media: when it was told; SYNC media: at the
 * end of the first flush that began after it).  A crash before event E may
 * show a change that had begun, unless another of the same block, begun after
 * this one's end, was durable by then.  Changes that overlap in time may come
 * in either order.
 */
#ifndef TORTURE_VHISTORY_H
#define TORTURE_VHISTORY_H

#include "tests/torture/oracle.h"
#include "tests/torture/vyard.h"

#define VTIME_NEVER	INT64_MAX

struct vchange {
	uint32_t block;
	uint32_t group;			/* atomic with others; 0: alone */
	int64_t start, end, durable;
	uint8_t sectors;		/* bits: which it writes */
	bool unreadable;		/* its bytes were lost: -EIO is right */
	bool failed;			/* it may be there, or not */
	bool allowed;			/* at the moment looked at */
	uint32_t older;			/* of the same block: number + 1 */
	struct vcontent content;
};

/* Changes [first, first + count) are all there or none. */
struct vgroup {
	size_t first, count;
	int64_t settled;		/* what it left was shown to somebody */
};

struct vhistory {
	uint32_t block_count;
	struct vchange *change;
	size_t count, room;
	uint32_t *newest;		/* by block: number + 1 */
	struct vgroup *group;		/* by number - 1 */
	uint32_t group_count, group_room;
	int64_t at;			/* the moment looked at */
	bool live;
};

enum vlook { VLOOK_NOT, VLOOK_READ, VLOOK_ERROR };

/* What a disk showed. */
struct vshown {
	uint32_t block_count;
	struct vcontent *content;	/* by block */
	uint8_t *look;			/* by block: enum vlook */
};

void vhistory_begin(struct vhistory *history, uint32_t block_count);
void vhistory_end(struct vhistory *history);
void vhistory_copy(struct vhistory *to, const struct vhistory *from);

/* A change begins; its number.  Those of a group follow each other. */
size_t vhistory_add(struct vhistory *history, uint32_t block, uint8_t sectors,
		    uint64_t tag, uint32_t group, int64_t start);
uint32_t vhistory_group(struct vhistory *history);
/* Changes [first, first + count): their caller was told. */
void vhistory_told(struct vhistory *history, size_t first, size_t count,
		   int64_t end, bool durable);
/* The same, but that it failed. */
void vhistory_failed(struct vhistory *history, size_t first, size_t count,
		     int64_t end);
/* All that was told before event @begun is durable. */
void vhistory_flushed(struct vhistory *history, int64_t begun, int64_t end);
/* As it was before event @at, when nothing later had happened yet. */
void vhistory_cut(struct vhistory *history, int64_t at);
/* Everything under way has ended, untold. */
void vhistory_killed(struct vhistory *history, int64_t at);
/* Somebody was shown this and relies on it from now on, durably. */
void vhistory_settle(struct vhistory *history, const struct vshown *shown,
		     int64_t at);
/* The last change of each block is what everything begins with. */
void vhistory_collapse(struct vhistory *history);
/* Was the block changed since the beginning? */
bool vhistory_touched(const struct vhistory *history, uint32_t block);

/*
 * Look at a crash before event @at; with @live at no crash, but at what a
 * reader may see then.  The digest is the same for moments that allow the
 * same.
 */
void vhistory_at(struct vhistory *history, int64_t at, bool live);
uint64_t vhistory_digest(const struct vhistory *history);
/* May the disk show this at that moment? */
bool vhistory_allows(const struct vhistory *history,
		     const struct vshown *shown, struct verdict *verdict);

void vshown_begin(struct vshown *shown, uint32_t block_count);
void vshown_end(struct vshown *shown);
bool vshown_equal(const struct vshown *a, const struct vshown *b,
		  struct verdict *verdict);

#endif
