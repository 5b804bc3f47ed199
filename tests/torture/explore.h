/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * explore.h - which images a power loss can leave behind, given a trace.
 *
 * The models, as rules about what was stored since it was last made durable
 * (docs/design.md gives the sources):
 *
 *   intel      A 64-byte line that a store covers whole is written around the
 *              cache: each of its aligned 8-byte words survives on its own.
 *              Other stores go through the cache: of a line, the media has
 *              the stores before some point and any words of the one at it.
 *              A line stored in both ways: each word on its own.
 *   paranoid   Each aligned 8-byte word survives on its own, always.
 *   pagecache  Each 4 KiB page has, on its own, any contents that it had
 *              since the last sync; also those when half of a store was done.
 *   eadr       Caches survive: the media has all stores before some moment and
 *              any words of the one at it; but of the whole lines written
 *              around the cache each word may be missing.
 *
 * In the first two a drain makes durable what its thread stored before it, in
 * pagecache a sync does, for what was drained before it, and in eadr only what
 * went around the cache waits for the drain.  Stores to the same word keep
 * their order in all of them, whichever threads made them; a discard is a
 * store of zeros.  Whatever intel or eadr allow, paranoid allows.
 *
 * What was stored by a process before it was killed (DOMAIN_KILL) stays
 * visible, but a drain of a later process makes it durable only where a flush
 * covered it or the later process stored the same word again.  A sync covers
 * all of it: the page cache outlives processes.
 *
 * A crash point is the moment before an event that makes something durable,
 * and the end of the trace: the images of a crash at any store between two
 * such events are among those of the later one (all later stores lost).  In
 * eadr, where each store is durable at once, points are taken to be before
 * drains, acknowledgements and kills, and have the images since the last one.
 * At each point all images are tried where they are at most exhaustive_max;
 * else, up to lazy_max, all that differ in what their judgement reads (lazy.c);
 * else bounded families of them, and the statistics tell of it.
 */
#ifndef TORTURE_EXPLORE_H
#define TORTURE_EXPLORE_H

#include "tests/torture/domain.h"

enum explore_model {
	MODEL_INTEL,
	MODEL_PARANOID,
	MODEL_PAGECACHE,
	MODEL_EADR,
};
#define MODEL_COUNT 4

/* What a trace was made durable by, in this model. */
static inline enum nvm_durability model_durability(enum explore_model model)
{
	return model == MODEL_PAGECACHE ? NVM_SYNC : NVM_BUS;
}
const char *model_name(enum explore_model model);

/* A set of images that were looked at already. */
struct seen {
	uint64_t *key;
	size_t room, count;
};
bool seen_add(struct seen *seen, uint64_t key);	/* false: was there */
bool seen_has(const struct seen *seen, uint64_t key);
void seen_free(struct seen *seen);

struct explore_stats {
	uint64_t points;	/* crash points with something in flight */
	uint64_t exhaustive;	/* of them: every image was tried */
	uint64_t lazy;		/* of the rest: every image that differs in what
				   its judgement reads */
	uint64_t lazy_lines;	/* of them: with lines as a whole */
	uint64_t lazy_max;	/* most images at one of these */
	uint64_t tears;		/* regions of which not every word was lost
				   alone */
	uint64_t thinned;	/* of the rest: every image but for the bulk */
	uint64_t thirds;	/* of the rest: every way of its stores to be
				   lost, torn in the middle, or kept */
	uint64_t images;	/* tried */
	uint64_t distinct;	/* of them: not seen before, so checked */
	uint64_t words_max;	/* most words in flight at a point */
	uint64_t failures;
};

/*
 * Names one image; printed as POINT.IMAGE, given back to replay it.  Where
 * picks is not "", it is the image that they tell (minimise.c), and IMAGE is
 * the one that it was made of.
 */
#define EXPLORE_PICKS_MAX	80u
struct explore_where {
	uint32_t point, image;
	size_t event;		/* the crash is before this event */
	bool acked;		/* after a DOMAIN_ACK */
	uint32_t op;		/* the operation of the event before */
	const char *family;
	bool probe;		/* judged before, or not to be replayed: only
				   to learn what is read */
	char picks[EXPLORE_PICKS_MAX];
	const void *guilty;	/* call site of a store that matters in it */
};

struct explore {
	enum explore_model model;
	uint64_t seed;
	uint32_t exhaustive_max;
	uint32_t lazy_max;	/* images up to which those that differ in what
				   is read are tried; 0: not that way */
	uint32_t tear_max;	/* words of a region that are lost alone, spread
				   evenly; up to 16 are kept alone, and up to
				   16 mixtures made */
	uint32_t random_count;	/* random images at each bounded point */
	uint32_t store_max;	/* stores, or pages, tried one by one, spread
				   evenly */
	uint32_t pair_max;	/* stores up to which pairs are tried */
	uint32_t thirds_max;	/* images up to which 3^stores are tried: all
				   there is where each store is of one page and
				   a torn page is told by its checksum */
	uint32_t thinned_max;	/* images up to which every way of the words of
				   small stores is tried, with each store of
				   more than EXPLORE_SMALL words lost, kept, or
				   torn at its first, a middle or its last */
	uint32_t word_max;	/* words tried one by one, spread evenly */
	size_t first_event;	/* no crash before this one */
	uint64_t salt;		/* of the keys in @seen */
	/* Of what is allowed at a point, if that is not all the same. */
	uint64_t (*salt_at)(void *ctx, const struct explore_where *where);
	struct seen *seen;	/* may be NULL: nothing is a duplicate */
	const struct explore_where *only;	/* replay this image alone */
	bool minimise;		/* of an image that fails, make a simpler one */
	/* The domain holds the image, under a mark.  False: stop. */
	bool (*check)(void *ctx, const struct explore_where *where);
	void *ctx;
	struct explore_stats stats;
};

#define EXPLORE_SMALL	8u	/* words: one line */

/* Bounds that are a sound start; none by thirds and thinned. */
void explore_init(struct explore *explore, enum explore_model model,
		  uint64_t seed);

/*
 * @domain holds the image on which the trace began, all of it durable; it is
 * the same afterwards.  Nests: a check may record and explore on its own.
 */
void explore_trace(struct explore *explore, struct domain *domain,
		   const struct domain_trace *trace);

/* Add up what several explorers looked at. */
void explore_stats_add(struct explore_stats *sum,
		       const struct explore_stats *stats);

/* splitmix64: small, and the same everywhere. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

#endif
