// SPDX-License-Identifier: BSD-3-Clause
/*
 * wear.c - the pool of free blocks and the decisions of the policies.
 *
 * Free blocks stand in WINDOW buckets by write count, a circular window: count
 * c belongs to bucket c >> shift, which lies at that number modulo WINDOW, and
 * none is outside [base, base + WINDOW).  A count that does not fit raises the
 * base or lowers it, and where counts spread too far for that, buckets become
 * wider.  They become narrower again when the spread has gone, looked for once
 * in as many puts as there are blocks, so that sorting anew costs O(1) a put.
 * Counts come from media and may be anything: then buckets are wide, which
 * makes choices coarse and nothing worse.
 *
 * A list is taken from at its head only, so it needs no links backwards.
 */
#include "wear/wear.h"

#define WINDOW		1024u		/* buckets; a power of two */
#define WORDS		(WINDOW / 64)
#define THRESHOLD_LEAST	2u
#define SAVED_MOVES_MAX	64u		/* what an idle time may save up */
#define NO_BUCKET	UINT64_MAX

struct entry {
	struct wear_block block;
	uint32_t next;
};

struct bucket {
	uint32_t head, tail;
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

/* ---- buckets ---------------------------------------------------------------- */

/* Policy none does not look at counts: one bucket is one queue. */
static uint64_t bucket_of(const struct wear *wear, uint32_t count)
{
	return wear->config.policy == WEAR_NONE ? 0 : count >> wear->shift;
}

/* The first that is not empty. */
static uint64_t bucket_lowest(const struct wear *wear)
{
	uint64_t at = wear->base % WINDOW, word_at = at / 64;
	uint64_t word = wear->filled[word_at] & ~0ull << at % 64;

	/* As many steps as words: the first is looked at in two parts. */
	for (uint32_t i = 0; !word && i < WORDS; i++) {
		word_at = (word_at + 1) % WORDS;
		word = wear->filled[word_at];
	}
	if (!word)
		return NO_BUCKET;
	return wear->base + (word_at * 64 + (uint32_t)__builtin_ctzll(word) - at) % WINDOW;
}

/* The last that is not empty, up to @number (in the window). */
static uint64_t bucket_highest(const struct wear *wear, uint64_t number)
{
	uint64_t at = number % WINDOW, word_at = at / 64;
	uint64_t word = wear->filled[word_at] & ~0ull >> (63 - at % 64);

	for (uint32_t i = 0; !word && i < WORDS; i++) {
		word_at = (word_at - 1) % WORDS;
		word = wear->filled[word_at];
	}
	if (!word)
		return NO_BUCKET;

	uint64_t back = (at - word_at * 64 - 63 +
			 (uint32_t)__builtin_clzll(word)) % WINDOW;

	/* Before the window's first bucket its last ones come round. */
	return back > number - wear->base ? NO_BUCKET : number - back;
}

static uint32_t head_count(const struct wear *wear, uint64_t number)
{
	return wear->entry[wear->bucket[number % WINDOW].head].block.count;
}

static void bucket_append(struct wear *wear, uint32_t index)
{
	uint64_t at = bucket_of(wear, wear->entry[index].block.count) % WINDOW;
	uint64_t bit = 1ull << at % 64;

	if (wear->filled[at / 64] & bit)
		wear->entry[wear->bucket[at].tail].next = index;
	else
		wear->bucket[at].head = index;
	wear->bucket[at].tail = index;
	wear->filled[at / 64] |= bit;
}

static struct wear_block bucket_pop(struct wear *wear, uint64_t number)
{
	uint64_t at = number % WINDOW;
	uint32_t index = wear->bucket[at].head;
	struct entry *entry = &wear->entry[index];

	if (wear->bucket[at].tail == index)
		wear->filled[at / 64] &= ~(1ull << at % 64);
	else
		wear->bucket[at].head = entry->next;
	entry->next = wear->unused;
	wear->unused = index;
	wear->room++;
	wear->count--;
	return entry->block;
}

/* ---- the width of buckets ------------------------------------------------------ */

/* All buckets' lists in one, the lowest first; the pool is not empty. */
static uint32_t buckets_join(struct wear *wear, uint64_t lowest, uint64_t top)
{
	uint32_t first = wear->bucket[lowest % WINDOW].head;
	uint32_t last = wear->bucket[lowest % WINDOW].tail;

	for (uint64_t number = lowest + 1; number <= top; number++) {
		uint64_t at = number % WINDOW;

		if (!(wear->filled[at / 64] >> at % 64 & 1))
			continue;
		wear->entry[last].next = wear->bucket[at].head;
		last = wear->bucket[at].tail;
	}
	memset(wear->filled, 0, sizeof(wear->filled));
	return first;
}

/* Sort anew, with buckets that leave room for half as much spread again. */
static void buckets_sort(struct wear *wear, uint32_t index, uint32_t least,
			 uint32_t most)
{
	uint32_t left = wear->count;

	for (uint32_t i = index, n = left; n; n--) {
		uint32_t count = wear->entry[i].block.count;

		if (count < least)
			least = count;
		if (count > most)
			most = count;
		i = wear->entry[i].next;
	}
	wear->shift = 0;
	while ((most - least) >> wear->shift >= WINDOW / 2)
		wear->shift++;
	wear->base = bucket_of(wear, least);
	wear->age = 0;
	for (; left; left--) {
		uint32_t next = wear->entry[index].next;

		bucket_append(wear, index);
		index = next;
	}
}

/* Make @count fit into the window, whatever it takes. */
static void window_admit(struct wear *wear, uint32_t count)
{
	uint64_t number = bucket_of(wear, count);
	uint64_t lowest = bucket_lowest(wear), top;

	if (lowest == NO_BUCKET) {
		wear->base = number;
		return;
	}
	top = bucket_highest(wear, wear->base + WINDOW - 1);
	if (number < lowest && top - number < WINDOW)
		wear->base = number;
	else if (number > lowest && number - lowest < WINDOW)
		wear->base = lowest;
	else
		buckets_sort(wear, buckets_join(wear, lowest, top), count, count);
}

/* Wide buckets for a spread that has gone? */
static void window_refine(struct wear *wear)
{
	uint64_t lowest = bucket_lowest(wear);
	uint64_t top = bucket_highest(wear, wear->base + WINDOW - 1);
	uint32_t any;

	wear->age = 0;
	if (!wear->shift || top - lowest >= WINDOW / 8)
		return;
	any = head_count(wear, lowest);
	buckets_sort(wear, buckets_join(wear, lowest, top), any, any);
}

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
 * Moves cost about 1/threshold of the writes, and the most worn block is about
 * a threshold above the mean: growing with the root of the mean, both come to
 * the same small share of what the device has lived through.
 */
static void threshold_update(struct wear *wear)
{
	uint32_t threshold = wear->config.threshold;

	if (wear->config.policy == WEAR_ADAPTIVE) {
		uint32_t grown = root(wear->mean);

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

static uint32_t entry_count(uint64_t block_count)
{
	if (block_count > WEAR_POOL_MAX)
		return WEAR_POOL_MAX;
	return block_count ? (uint32_t)block_count : 1;
}

size_t wear_memory_bytes(uint64_t block_count)
{
	return sizeof(struct wear) +
	       entry_count(block_count) * sizeof(struct entry);
}

static void config_set(struct wear *wear, const struct wear_config *config)
{
	wear->config = *config;
	if (!wear->config.threshold)
		wear->config.threshold = THRESHOLD_LEAST;
	if (!wear->config.budget)
		wear->config.budget = WEAR_BUDGET_DEFAULT;
	if (!wear->config.block_count)
		wear->config.block_count = 1;
	mean_update(wear);
}

struct wear *wear_init(const struct wear_config *config, uint64_t write_count,
		       void *mem)
{
	struct wear *wear = mem;
	uint32_t entries = entry_count(config->block_count);

	memset(wear, 0, sizeof(*wear));
	for (uint32_t i = 0; i < entries; i++)
		wear->entry[i].next = i + 1;
	wear->room = entries;
	wear->write_count = write_count;
	config_set(wear, config);
	return wear;
}

void wear_configure(struct wear *wear, const struct wear_config *config)
{
	uint64_t lowest = bucket_lowest(wear);
	uint32_t index = 0;

	/* Whether counts make buckets may change with the policy. */
	if (lowest != NO_BUCKET)
		index = buckets_join(wear, lowest,
				     bucket_highest(wear, wear->base + WINDOW - 1));
	config_set(wear, config);
	if (lowest != NO_BUCKET)
		buckets_sort(wear, index, wear->entry[index].block.count,
			     wear->entry[index].block.count);
}

/* ---- the pool -------------------------------------------------------------------- */

uint32_t wear_pool_count(const struct wear *wear)
{
	return wear->count;
}

uint32_t wear_pool_room(const struct wear *wear)
{
	return wear->room;
}

void wear_put(struct wear *wear, struct wear_block block)
{
	uint32_t index = wear->unused;

	if (!wear->room)
		return;		/* the caller's error: better a block than memory */
	/* Below the base the difference is huge. */
	if (bucket_of(wear, block.count) - wear->base >= WINDOW || !wear->count)
		window_admit(wear, block.count);
	wear->unused = wear->entry[index].next;
	wear->entry[index].block = block;
	bucket_append(wear, index);
	wear->room--;
	wear->count++;
	if (++wear->age > wear->count + WINDOW)
		window_refine(wear);
}

bool wear_take(struct wear *wear, struct wear_block *ret_block)
{
	uint64_t lowest = bucket_lowest(wear);

	if (lowest == NO_BUCKET)
		return false;
	wear->base = lowest;
	*ret_block = bucket_pop(wear, lowest);
	return true;
}

bool wear_take_most(struct wear *wear, struct wear_block *ret_block)
{
	uint64_t top = bucket_highest(wear, wear->base + WINDOW - 1);

	if (top == NO_BUCKET)
		return false;
	*ret_block = bucket_pop(wear, top);
	return true;
}

/* The bucket whose head is the most worn of at most @limit writes. */
static uint64_t bucket_below(const struct wear *wear, uint64_t limit)
{
	uint64_t last = wear->base + WINDOW - 1;
	uint64_t number = limit > UINT32_MAX ? last : limit >> wear->shift;

	if (number > last)
		number = last;
	if (number < wear->base)
		return NO_BUCKET;
	number = bucket_highest(wear, number);
	/* A wide bucket may hold both sides of the limit; the next does not. */
	if (number != NO_BUCKET && head_count(wear, number) > limit)
		number = number == wear->base ? NO_BUCKET :
			 bucket_highest(wear, number - 1);
	return number;
}

static uint64_t limit_of(const struct wear *wear, uint32_t cold_count)
{
	return cold_count + 2 * (uint64_t)wear->threshold;
}

bool wear_take_worn(struct wear *wear, uint32_t cold_count,
		    struct wear_block *ret_block)
{
	uint64_t number;

	if (wear->config.policy == WEAR_NONE)
		return wear_take(wear, ret_block);
	number = bucket_below(wear, limit_of(wear, cold_count));
	if (number == NO_BUCKET)
		return wear_take(wear, ret_block);
	*ret_block = bucket_pop(wear, number);
	return true;
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
 * The least worn free block tells how far ahead the hot data is.  Where a load
 * keeps changing its hot blocks it tells nothing, as cold blocks are freed all
 * the time; there the mean does.
 */
bool wear_lags(const struct wear *wear, uint32_t count)
{
	uint64_t enough = (uint64_t)count + wear->threshold, worn;

	if (wear->config.policy == WEAR_NONE || !wear->count)
		return false;
	if (head_count(wear, bucket_lowest(wear)) > enough)
		return true;
	if (wear->config.policy != WEAR_ADAPTIVE || wear->mean <= enough)
		return false;
	/* Nothing is won by a place that is hardly more worn. */
	worn = bucket_below(wear, limit_of(wear, count));
	return worn != NO_BUCKET && head_count(wear, worn) > enough;
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
