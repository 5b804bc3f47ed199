// SPDX-License-Identifier: BSD-3-Clause
/*
 * pool.c - the free blocks, sorted by write count.
 *
 * They stand in WINDOW buckets, a circular window: count c belongs to bucket
 * c >> shift, which lies at that number modulo WINDOW, and none is outside
 * [base, base + WINDOW).  A count that does not fit raises the base or lowers
 * it, and where counts spread too far for that, buckets become wider.  They
 * become narrower again when the spread has gone, looked for once in as many
 * puts as there are blocks, so that sorting anew costs O(1) a put.  Counts come
 * from media and may be anything: then buckets are wide, which makes choices
 * coarse and nothing worse.
 *
 * A list is taken from at its head only, so it needs no links backwards.
 */
#include "wear/impl.h"

/* ---- buckets ---------------------------------------------------------------- */

/* Policy none does not look at counts: one bucket is one queue. */
static uint64_t bucket_of(const struct wear *wear, uint32_t count)
{
	return wear->config.policy == WEAR_NONE ? 0 : count >> wear->shift;
}

uint64_t bucket_from(const struct wear *wear, uint64_t number)
{
	uint64_t at = number % WINDOW, word_at = at / 64;
	uint64_t word = wear->filled[word_at] & ~0ull << at % 64;

	/* As many steps as words: the first is looked at in two parts. */
	for (uint32_t i = 0; !word && i < WORDS; i++) {
		word_at = (word_at + 1) % WORDS;
		word = wear->filled[word_at];
	}
	if (!word)
		return NO_BUCKET;

	uint64_t on = (word_at * 64 + (uint32_t)__builtin_ctzll(word) - at) % WINDOW;

	/* Behind the window's last bucket its first ones come round. */
	return on > wear->base + WINDOW - 1 - number ? NO_BUCKET : number + on;
}

uint64_t bucket_highest(const struct wear *wear, uint64_t number)
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

uint64_t bucket_above(const struct wear *wear, uint64_t enough)
{
	uint64_t number = enough >> wear->shift;

	if (number < wear->base)
		return bucket_lowest(wear);
	if (number - wear->base >= WINDOW)
		return NO_BUCKET;
	number = bucket_from(wear, number);
	/* A wide bucket may hold both sides of the limit; the next does not. */
	if (number != NO_BUCKET && head_count(wear, number) <= enough)
		number = bucket_next(wear, number);
	return number;
}

static uint64_t bucket_top(const struct wear *wear)
{
	return bucket_highest(wear, wear->base + WINDOW - 1);
}

static void bucket_append(struct wear *wear, uint32_t index)
{
	uint64_t at = bucket_of(wear, wear->entry[index].block.count) % WINDOW;
	uint64_t bit = 1ull << at % 64;

	if (wear->filled[at / 64] & bit)
		wear->entry[wear->bucket[at].tail].next = index;
	else
		wear->bucket[at] = (struct bucket){ .head = index };
	wear->bucket[at].tail = index;
	wear->bucket[at].count++;
	wear->filled[at / 64] |= bit;
}

struct wear_block bucket_pop(struct wear *wear, uint64_t number)
{
	uint64_t at = number % WINDOW;
	uint32_t index = wear->bucket[at].head;
	struct entry *entry = &wear->entry[index];

	if (!--wear->bucket[at].count)
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

/* Sort anew; half of the window is left for what comes. */
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
	top = bucket_top(wear);
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
	uint64_t top = bucket_top(wear);
	uint32_t any;

	wear->age = 0;
	if (!wear->shift || top - lowest >= WINDOW / 8)
		return;
	any = head_count(wear, lowest);
	buckets_sort(wear, buckets_join(wear, lowest, top), any, any);
}

/* Whether counts make buckets may change with the policy. */
void pool_configure(struct wear *wear, const struct wear_config *config)
{
	uint64_t lowest = bucket_lowest(wear);
	uint32_t index, any;

	if (lowest == NO_BUCKET) {
		wear->config = *config;
		return;
	}
	any = head_count(wear, lowest);
	index = buckets_join(wear, lowest, bucket_top(wear));
	wear->config = *config;
	buckets_sort(wear, index, any, any);
}

/* ---- the pool -------------------------------------------------------------------- */

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

void pool_begin(struct wear *wear, uint64_t block_count)
{
	uint32_t entries = entry_count(block_count);

	memset(wear, 0, sizeof(*wear));
	for (uint32_t i = 0; i < entries; i++)
		wear->entry[i].next = i + 1;
	wear->room = entries;
}

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
	uint64_t top = bucket_top(wear);

	if (top == NO_BUCKET)
		return false;
	*ret_block = bucket_pop(wear, top);
	return true;
}
