/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * impl.h - what pool.c (free blocks in buckets) and wear.c (the policies) share.
 */
#ifndef NVM_WEAR_IMPL_H
#define NVM_WEAR_IMPL_H

#include "wear/wear.h"

#define WINDOW		1024u		/* buckets; a power of two */
#define WORDS		(WINDOW / 64)
#define NO_BUCKET	UINT64_MAX

struct entry {
	struct wear_block block;
	uint32_t next;
};

struct bucket {
	uint32_t head, tail, count;
};

struct wear {
	struct wear_config config;
	uint64_t write_count;
	uint64_t mean, mean_until;	/* holds below so many writes */
	uint64_t credit;		/* writes not yet spent on moves */
	uint32_t threshold;

	uint32_t count, room;
	uint32_t unused;		/* head of the entries in no bucket */
	uint32_t age;			/* puts since the width was looked at */
	uint32_t shift;
	uint64_t base;			/* the window's first bucket */
	uint64_t filled[WORDS];		/* which buckets are not empty */
	struct bucket bucket[WINDOW];
	struct entry entry[];
};

/* The first bucket from @number (in the window) on that is not empty. */
uint64_t bucket_from(const struct wear *wear, uint64_t number);
/* The last one up to @number. */
uint64_t bucket_highest(const struct wear *wear, uint64_t number);
/* The least worn of more than @enough writes. */
uint64_t bucket_above(const struct wear *wear, uint64_t enough);
struct wear_block bucket_pop(struct wear *wear, uint64_t number);

void pool_begin(struct wear *wear, uint64_t block_count);
/* Put @config in place and sort the free blocks for it. */
void pool_configure(struct wear *wear, const struct wear_config *config);

static inline uint64_t bucket_lowest(const struct wear *wear)
{
	return bucket_from(wear, wear->base);
}

static inline uint64_t bucket_next(const struct wear *wear, uint64_t number)
{
	return number + 1 - wear->base < WINDOW ?
	       bucket_from(wear, number + 1) : NO_BUCKET;
}

static inline uint32_t head_count(const struct wear *wear, uint64_t number)
{
	return wear->entry[wear->bucket[number % WINDOW].head].block.count;
}

#endif
