// SPDX-License-Identifier: BSD-3-Clause
/*
 * umap.c - the state of every unit, two bits each, and how a DIRTY unit comes
 * to read as zeros.
 *
 * Scans go by words of 32 units.  In the encoding of enum pool_unit_state the
 * low bit says "not free" and the high bit "not to be read as zeros", so each
 * class is one expression.
 */
#include "pool/impl.h"

#define WORD_UNITS	32u
#define LOW_BITS	0x5555555555555555ull
#define ZERO_STEP_BYTES	(64ull << 20)	/* between two calls of progress */

static uint64_t umap_word(const struct pool *pool, uint64_t unit)
{
	uint64_t page = unit / UMAP_UNITS_A_PAGE;
	uint64_t byte = unit % UMAP_UNITS_A_PAGE / WORD_UNITS * 8;
	le64_t raw;

	memcpy(&raw, pool->umap[page].state + byte, sizeof(raw));
	return get_le64(raw);
}

/* The low bit of each pair set where the unit is in the class. */
static uint64_t class_mask(uint64_t word, enum umap_class class)
{
	uint64_t low = word & LOW_BITS, high = word >> 1 & LOW_BITS;

	switch (class) {
	case UMAP_FREE:		return ~low & LOW_BITS;
	case UMAP_NOT_FREE:	return low;
	case UMAP_DIRTY:	return high & ~low;
	case UMAP_NOT_DIRTY:	return (~high | low) & LOW_BITS;
	case UMAP_CLEAN:	return ~(high | low) & LOW_BITS;
	case UMAP_NOT_CLEAN:	return high | low;
	case UMAP_USED:		return low & ~high;
	case UMAP_NOT_USED:	return (~low | high) & LOW_BITS;
	}
	return 0;
}

/*
 * The class is a constant here, so the loop over the words of a page is a few
 * instructions: a pool has millions of them, and carve looks at them all.
 */
static inline __attribute__((always_inline)) uint64_t
scan(const struct pool *pool, uint64_t unit, enum umap_class class)
{
	uint64_t count = pool->geom.unit_count;
	uint64_t page = unit / UMAP_UNITS_A_PAGE;
	uint64_t at = unit % UMAP_UNITS_A_PAGE / WORD_UNITS;
	uint64_t keep = ~0ull << 2 * (unit % WORD_UNITS);

	for (; page < pool->geom.umap_pages; page++, at = 0) {
		const uint8_t *state = pool->umap[page].state;

		for (; at < UMAP_UNITS_A_PAGE / WORD_UNITS; at++) {
			uint64_t mask;
			le64_t raw;

			memcpy(&raw, state + at * sizeof(raw), sizeof(raw));
			mask = class_mask(get_le64(raw), class) & keep;
			keep = ~0ull;
			if (!mask)
				continue;
			unit = page * UMAP_UNITS_A_PAGE + at * WORD_UNITS +
			       (uint64_t)__builtin_ctzll(mask) / 2;
			return unit < count ? unit : count;
		}
	}
	return count;
}

uint64_t umap_next(const struct pool *pool, uint64_t unit,
		   enum umap_class class)
{
	switch (class) {
	case UMAP_FREE:		return scan(pool, unit, UMAP_FREE);
	case UMAP_NOT_FREE:	return scan(pool, unit, UMAP_NOT_FREE);
	case UMAP_DIRTY:	return scan(pool, unit, UMAP_DIRTY);
	case UMAP_NOT_DIRTY:	return scan(pool, unit, UMAP_NOT_DIRTY);
	case UMAP_CLEAN:	return scan(pool, unit, UMAP_CLEAN);
	case UMAP_NOT_CLEAN:	return scan(pool, unit, UMAP_NOT_CLEAN);
	case UMAP_USED:		return scan(pool, unit, UMAP_USED);
	case UMAP_NOT_USED:	return scan(pool, unit, UMAP_NOT_USED);
	}
	return pool->geom.unit_count;
}

/* Every other bit of the mask, pushed together. */
uint32_t umap_used32(const struct pool *pool, uint64_t unit)
{
	uint64_t bits = class_mask(umap_word(pool, unit), UMAP_USED);

	bits = (bits | bits >> 1) & 0x3333333333333333ull;
	bits = (bits | bits >> 2) & 0x0f0f0f0f0f0f0f0full;
	bits = (bits | bits >> 4) & 0x00ff00ff00ff00ffull;
	bits = (bits | bits >> 8) & 0x0000ffff0000ffffull;
	return (uint32_t)(bits | bits >> 16);
}

struct unit_run umap_run(const struct pool *pool, uint64_t unit,
			 enum umap_class yes)
{
	/* Each class is followed by its opposite. */
	enum umap_class no = (enum umap_class)(yes + 1);
	uint64_t start = umap_next(pool, unit, yes);

	return (struct unit_run){ start, umap_next(pool, start, no) - start };
}

bool umap_all(const struct pool *pool, struct unit_run run,
	      enum umap_class yes)
{
	enum umap_class no = (enum umap_class)(yes + 1);

	return umap_next(pool, run.start, no) - run.start >= run.count;
}

enum pool_unit_state pool_unit_state(const struct pool *pool, uint64_t unit)
{
	if (unit >= pool->geom.unit_count)
		return UNIT_BAD;
	return (enum pool_unit_state)(umap_word(pool, unit) >>
				      2 * (unit % WORD_UNITS) & 3);
}

static void set_one(struct pool_umap_page *page, uint64_t at, unsigned state)
{
	unsigned shift = at % 4 * 2;
	unsigned byte = page->state[at / 4];

	page->state[at / 4] = (uint8_t)((byte & ~(3u << shift)) |
					state << shift);
}

void umap_set(struct pool *pool, struct unit_run run,
	      enum pool_unit_state state)
{
	while (run.count) {
		uint64_t at = run.start % UMAP_UNITS_A_PAGE;
		uint64_t n = UMAP_UNITS_A_PAGE - at;
		struct pool_umap_page *page =
			txn_umap(pool, run.start / UMAP_UNITS_A_PAGE);

		if (n > run.count)
			n = run.count;
		run.start += n;
		run.count -= n;
		for (; n && at % 4; n--, at++)
			set_one(page, at, state);
		memset(page->state + at / 4, (int)(state * 0x55u), n / 4);
		at += n / 4 * 4;
		for (n %= 4; n; n--, at++)
			set_one(page, at, state);
	}
}

/* One stretch of DIRTY units, in steps that leave room for an interrupt. */
static int zero_run(struct pool *pool, struct unit_run run, uint64_t *done,
		    uint64_t total, const struct pool_progress *progress)
{
	uint64_t off = unit_off(pool, run.start);
	uint64_t left = run.count * pool->geom.unit_bytes;

	while (left) {
		uint64_t len = left < ZERO_STEP_BYTES ? left : ZERO_STEP_BYTES;
		int err;

		if (progress && !progress->step(progress->ctx, *done, total))
			return -NVM_EINTR;
		err = pool->media->ops->discard(pool->media, off, len);
		if (err)
			return err;
		off += len;
		left -= len;
		*done += len;
	}
	return 0;
}

/*
 * The barrier at the end: the transaction that follows says CLEAN or USED of
 * these units, and must not become durable before their zeros (RULE 2).
 */
int umap_zero(struct pool *pool, const struct unit_run *run, size_t count,
	      const struct pool_progress *progress)
{
	uint64_t total = 0, done = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < count; i++) {
			uint64_t end = run[i].start + run[i].count;
			struct unit_run part = { run[i].start, 0 };

			for (;;) {
				part = umap_run(pool, part.start + part.count,
						UMAP_DIRTY);
				if (part.start >= end)
					break;
				if (part.count > end - part.start)
					part.count = end - part.start;
				if (!pass) {
					total += part.count *
						 pool->geom.unit_bytes;
					continue;
				}
				int err = zero_run(pool, part, &done, total,
						   progress);
				if (err)
					return err;
			}
		}
		if (!total)
			return 0;
	}
	if (progress)
		progress->step(progress->ctx, total, total);
	return pool_barrier(pool);
}
