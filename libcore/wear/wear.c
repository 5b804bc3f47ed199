// SPDX-License-Identifier: BSD-3-Clause
/*
 * wear.c - the policies: what a mapped block must lag behind to be moved, when
 * a move is due, and onto which free block.
 *
 * A block whose data is cold is not worn, and its share of the writes is borne
 * by the free ones.  So cold data is moved onto a worn block, and the block it
 * leaves is written instead, until it is as worn as the others.
 */
#include "wear/impl.h"

#define SAVED_MOVES_MAX	64u		/* what an idle time may save up */
#define RESERVE		32u		/* free blocks that are as good as taken */
#define AHEAD_MAX	32u		/* beyond the threshold, of a place */

/* ---- the mean and what follows from it ------------------------------------------- */

static uint32_t root(uint64_t n)
{
	uint64_t result = 0;

	for (uint64_t bit = 1ull << 31; bit; bit >>= 1)
		if ((result + bit) * (result + bit) <= n)
			result += bit;
	return (uint32_t)result;
}

/*
 * Adaptive: moves are about 1/threshold of the writes, and the most worn block
 * is about half a threshold above the mean.  With the root of the mean, both
 * come to the same share of a life, and to 1 % of a life of 10,000 writes.  A
 * threshold that asks for more moves than the budget allows would make blocks
 * hot that are never relieved.
 */
static void threshold_update(struct wear *wear)
{
	uint32_t threshold = wear->config.threshold;

	if (wear->config.policy == WEAR_ADAPTIVE) {
		uint32_t grown = root(wear->mean);

		if (threshold < wear->config.budget)
			threshold = wear->config.budget;
		if (threshold < grown)
			threshold = grown;
	}
	wear->threshold = threshold;
}

static void mean_update(struct wear *wear)
{
	uint64_t blocks = wear->config.block_count;

	wear->mean = wear->write_count / blocks;
	if (__builtin_mul_overflow(wear->mean + 1, blocks, &wear->mean_until))
		wear->mean_until = UINT64_MAX;
	threshold_update(wear);
}

uint64_t wear_mean(const struct wear *wear)
{
	return wear->mean;
}

uint64_t wear_write_count(const struct wear *wear)
{
	return wear->write_count;
}

uint32_t wear_threshold(const struct wear *wear)
{
	return wear->threshold;
}

/* ---- making one ---------------------------------------------------------------- */

static void config_fill(struct wear_config *config)
{
	if (!config->threshold)
		config->threshold = WEAR_MBSA_THRESHOLD;
	if (!config->budget)
		config->budget = WEAR_BUDGET_DEFAULT;
	if (!config->block_count)
		config->block_count = 1;
}

struct wear *wear_init(const struct wear_config *config, uint64_t write_count,
		       void *mem)
{
	struct wear *wear = mem;

	pool_begin(wear, config->block_count);
	wear->write_count = write_count;
	wear->config = *config;
	config_fill(&wear->config);
	mean_update(wear);
	return wear;
}

void wear_configure(struct wear *wear, const struct wear_config *config)
{
	struct wear_config filled = *config;

	config_fill(&filled);
	pool_configure(wear, &filled);
	mean_update(wear);
}

/* ---- when to move ---------------------------------------------------------------- */

void wear_wrote(struct wear *wear, uint32_t count)
{
	uint64_t credit_max = (uint64_t)SAVED_MOVES_MAX * wear->config.budget;

	wear->credit += count;
	if (wear->credit > credit_max)
		wear->credit = credit_max;
	if (__builtin_add_overflow(wear->write_count, count, &wear->write_count))
		wear->write_count = UINT64_MAX;
	if (wear->write_count >= wear->mean_until)
		mean_update(wear);
}

/*
 * Do free blocks run out that are worn at most @enough?  The last few do not
 * count: writers have them in their hands soon, and then it is too late.
 */
static bool pool_is_hot(const struct wear *wear, uint64_t enough)
{
	uint64_t number = bucket_lowest(wear);
	uint32_t left = wear->count / 4;

	if (left > RESERVE)
		left = RESERVE;
	while (number != NO_BUCKET && head_count(wear, number) <= enough) {
		uint32_t blocks = wear->bucket[number % WINDOW].count;

		if (blocks > left)
			return false;
		left -= blocks;
		number = bucket_next(wear, number);
	}
	return true;
}

/*
 * The least worn free blocks tell how far ahead the hot data is.  Where a load
 * keeps changing its hot blocks they tell nothing, as cold blocks are freed all
 * the time; there the mean does.
 */
bool wear_lags(const struct wear *wear, uint32_t count)
{
	uint64_t enough = (uint64_t)count + wear->threshold;

	if (wear->config.policy == WEAR_NONE || !wear->count)
		return false;
	return (pool_is_hot(wear, enough) ||
		(wear->config.policy == WEAR_ADAPTIVE && wear->mean > enough)) &&
	       bucket_above(wear, enough) != NO_BUCKET;
}

bool wear_wants_move(const struct wear *wear, uint32_t count)
{
	if (wear->config.policy == WEAR_ADAPTIVE &&
	    wear->credit < wear->config.budget)
		return false;
	return wear_lags(wear, count);
}

void wear_moved(struct wear *wear)
{
	uint64_t cost = wear->config.budget;

	wear->credit -= wear->credit < cost ? wear->credit : cost;
}

/* ---- where to ------------------------------------------------------------------- */

/* The most worn of at most @limit writes, or of the bucket it falls into. */
static uint64_t bucket_below(const struct wear *wear, uint64_t limit)
{
	uint64_t last = wear->base + WINDOW - 1;
	uint64_t number = limit >> wear->shift;

	if (number > last)
		number = last;
	return number < wear->base ? NO_BUCKET : bucket_highest(wear, number);
}

/*
 * Worn enough to be worth a write.  Taking the most worn of all instead would
 * wear out a few: where bytes that seemed cold are written again, the same
 * places would be offered each time.
 */
bool wear_take_worn(struct wear *wear, uint32_t cold_count,
		    struct wear_block *ret_block)
{
	uint64_t enough = (uint64_t)cold_count + wear->threshold;
	uint64_t number;

	if (wear->config.policy == WEAR_NONE)
		return wear_take(wear, ret_block);
	number = bucket_below(wear, enough + AHEAD_MAX);
	if (number == NO_BUCKET || head_count(wear, number) <= enough)
		number = bucket_above(wear, enough);
	if (number == NO_BUCKET)
		return wear_take(wear, ret_block);
	*ret_block = bucket_pop(wear, number);
	return true;
}
