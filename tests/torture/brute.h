/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * brute.h - the models of explore.h told a second time, by brute force: of
 * small programs every assignment of contents to words is tried, and a
 * predicate for each model says whether a power loss can leave it.  Shares no
 * code with flight.c and explore.c, and must agree with them.
 */
#ifndef TORTURE_BRUTE_H
#define TORTURE_BRUTE_H

#include "tests/torture/explore.h"

/* A set of numbers: what images looked like. */
struct keys {
	uint64_t *key;
	size_t count, room;
};
void keys_add(struct keys *keys, uint64_t key);
void keys_sort(struct keys *keys);
bool keys_equal(const struct keys *a, const struct keys *b);	/* sorted */
/* All of @a are among @b, which is sorted. */
bool keys_among(const struct keys *a, const struct keys *b);
void keys_free(struct keys *keys);

#define BRUTE_BYTES	(64u << 10)	/* of the media of a program */
#define BRUTE_STORES	12u		/* in a program, at most */
#define BRUTE_EVENTS	20u

/*
 * Record a random program in a few words of @domain, which is zeros then and
 * has its contents after it.  Threads, flushes and kills among its events.
 */
void brute_program(struct domain *domain, struct domain_trace *trace,
		   uint64_t *seed);
/* What those words look like now; notes that they were read. */
uint64_t brute_key(const struct domain *domain);

/*
 * All that a power loss at the crash point before event @end can leave, where
 * the point before it was at event @begin - 1 (0: there was none).  False:
 * too many assignments for brute force.
 */
bool brute_point(const struct domain_trace *trace, enum explore_model model,
		 unsigned begin, unsigned end, struct keys *ret_keys);

struct brute_stats {
	unsigned compared[MODEL_COUNT], skipped[MODEL_COUNT];
	unsigned points[MODEL_COUNT];
	uint64_t images[MODEL_COUNT];
};

/* False: they differ; the program is printed. */
bool brute_compare(FILE *out, unsigned runs, uint64_t seed,
		   struct brute_stats *ret_stats);

#endif
