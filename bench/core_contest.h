/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * core_contest.h - several ways of doing something, timed in turn: in each round
 * every contestant runs for one slice of time, so whatever else the machine
 * does in between hits them all.  Figures are medians over the rounds, of
 * ratios within a round.
 *
 * Each slice begins with a run that is not timed: the one before has left the
 * caches full of what it needs, and a slice is too short to make up for that.
 *
 * A slice in which the kernel gave the processor to somebody else is run again
 * (a few times at most): whom it hits is chance.
 */
#ifndef NVM_BENCH_CORE_CONTEST_H
#define NVM_BENCH_CORE_CONTEST_H

#include <stdbool.h>
#include <stdint.h>

#define CONTEST_ROUNDS_MAX	63u

struct contestant {
	const char *name;
	/* Before each slice, not timed; may be NULL. */
	int (*prepare)(void *ctx);
	/* Do it @ops times; 0, or anything else having said why. */
	int (*run)(void *ctx, uint64_t ops);
	void *ctx;
	unsigned threads;		/* that run() keeps busy; 0: one */
	uint64_t ops;			/* a slice; 0: as many as it takes */
	uint64_t warm_ops;		/* before it; 0: none */
	double ns[CONTEST_ROUNDS_MAX];	/* of one op, by round */
};

struct contest {
	unsigned rounds;
	uint64_t slice_ns, warm_ns;
	bool may_sleep;			/* waiting is part of the work */
	unsigned slices, disturbed;	/* out: accepted though disturbed */
};

int contest_run(struct contest *contest, struct contestant *contestant,
		unsigned count);

/* How often @a does what @b does once: the median of all rounds. */
double contest_ratio(const struct contest *contest, const struct contestant *a,
		     const struct contestant *b);
double contest_ns(const struct contest *contest, const struct contestant *a);

#endif
