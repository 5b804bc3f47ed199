/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear.h - which free block to write next, and when a cold block must move:
 * the decisions of wear levelling, apart from any media.
 *
 * The virtual disk asks these questions with the write counts that its block
 * records hold; the simulator of nvmwear asks the same ones with counts in an
 * array, so what is simulated is what runs.
 *
 * Freestanding: no media, no locks (one caller at a time), memory from the
 * caller.  A pool holds at most WEAR_POOL_MAX free blocks, in buckets by write
 * count, oldest first within a bucket: all that there are on a small area, a
 * window of them on a large one.
 *
 * Source: design notes 03.4 and 07; MBSA's threshold as reconstructed.
 */
#ifndef NVM_WEAR_WEAR_H
#define NVM_WEAR_WEAR_H

#include "base/env.h"

#define WEAR_POOL_MAX		65536u
#define WEAR_MBSA_THRESHOLD	2u	/* all of the paper's experiments */
#define WEAR_BUDGET_DEFAULT	32u	/* adaptive: writes a move */

enum wear_policy {
	WEAR_NONE = 0,		/* free blocks in turn, no moves */
	WEAR_MBSA = 1,		/* a fixed threshold: reconstructed */
	WEAR_ADAPTIVE = 2,	/* a threshold that grows with the mean */
};

struct wear_config {
	enum wear_policy policy;
	uint32_t threshold;	/* writes; 0: WEAR_MBSA_THRESHOLD.  adaptive:
				   the least one, as is the budget */
	uint32_t budget;	/* adaptive: at most one move in so many
				   writes; 0: WEAR_BUDGET_DEFAULT */
	uint64_t endurance;	/* rated writes of a line; 0: not known.  For
				   forecasts: no policy asks for it */
	uint64_t block_count;	/* of the area: what the mean is taken over */
};

/* A free block, as the pool keeps it. */
struct wear_block {
	uint32_t block;		/* physical block number */
	uint32_t count;		/* how often it has been written */
	uint32_t tag;		/* the caller's own */
};

struct wear;

/* Bytes of memory for wear_init(), 8-byte aligned. */
size_t wear_memory_bytes(uint64_t block_count);

/*
 * @write_count: writes of all blocks so far (the mean is that over
 * block_count).  @mem is wear_memory_bytes() large and outlives the result.
 */
struct wear *wear_init(const struct wear_config *config, uint64_t write_count,
		       void *mem);

/* Another policy from now on; the pool stays.  block_count as before. */
void wear_configure(struct wear *wear, const struct wear_config *config);

/* ---- the pool of free blocks, O(1) each ---------------------------------- */

uint32_t wear_pool_count(const struct wear *wear);
uint32_t wear_pool_room(const struct wear *wear);	/* how many more */
void wear_put(struct wear *wear, struct wear_block block);	/* has room */

/* The one to write next: least worn (policy none: the oldest). */
bool wear_take(struct wear *wear, struct wear_block *ret_block);

/*
 * The one for the bytes of a block with @cold_count writes: more than the
 * threshold ahead of it, and as little more as may be beyond a margin (at most
 * 32 writes more than the threshold: the most worn); else the least worn.
 */
bool wear_take_worn(struct wear *wear, uint32_t cold_count,
		    struct wear_block *ret_block);

/* The most worn, to make room in a full pool. */
bool wear_take_most(struct wear *wear, struct wear_block *ret_block);

/* ---- when to move --------------------------------------------------------- */

/* @count blocks were written (moves too): raises the mean, fills the bucket. */
void wear_wrote(struct wear *wear, uint32_t count);

/* Should a mapped block with @count writes give its place to hotter data? */
bool wear_wants_move(const struct wear *wear, uint32_t count);

/* The same whatever the budget, for who moves on demand. */
bool wear_lags(const struct wear *wear, uint32_t count);

/* A move was made: takes from the budget. */
void wear_moved(struct wear *wear);

uint64_t wear_mean(const struct wear *wear);		/* rounded down */
uint64_t wear_write_count(const struct wear *wear);
uint32_t wear_threshold(const struct wear *wear);	/* as of now */

#endif
