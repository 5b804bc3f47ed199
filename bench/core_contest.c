// SPDX-License-Identifier: BSD-3-Clause
/*
 * core_contest.c - see core_contest.h.
 */
#include "bench/core_contest.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES		12u
#define CPU_SHARE_LEAST	0.98

struct timing {
	double wall_ns, cpu_ns;
};

static double clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int slice_run(struct contestant *c, uint64_t ops,
		     struct timing *ret_timing)
{
	double wall, cpu;
	int err = c->prepare ? c->prepare(c->ctx) : 0;

	if (!err && c->warm_ops)
		err = c->run(c->ctx, c->warm_ops);
	if (err)
		return err;
	/* Begin with a whole turn of the scheduler's before us. */
	sched_yield();
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	wall = clock_ns(CLOCK_MONOTONIC);
	err = c->run(c->ctx, ops);
	ret_timing->wall_ns = clock_ns(CLOCK_MONOTONIC) - wall;
	ret_timing->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	return err;
}

/* How many make a slice. */
static int slice_size(const struct contest *contest, struct contestant *c)
{
	struct timing timing = { 0 };
	uint64_t ops = 1;

	if (c->ops)
		return slice_run(c, c->ops, &timing);
	for (;;) {
		int err = slice_run(c, ops, &timing);

		if (err)
			return err;
		if (timing.wall_ns * 4 >= (double)contest->slice_ns)
			break;
		ops *= 2;
	}
	c->ops = (uint64_t)((double)ops * (double)contest->slice_ns /
			    timing.wall_ns);
	if (!c->ops)
		c->ops = 1;
	c->warm_ops = c->ops * contest->warm_ns / contest->slice_ns;
	return 0;
}

static bool timing_disturbed(const struct contest *contest,
			     const struct contestant *c,
			     const struct timing *timing)
{
	unsigned threads = c->threads ? c->threads : 1;

	return !contest->may_sleep &&
	       timing->cpu_ns < timing->wall_ns * threads * CPU_SHARE_LEAST;
}

/* The first slice that was not disturbed, else the one that was least. */
static int slice_time(struct contest *contest, struct contestant *c,
		      unsigned round)
{
	struct timing best = { 0 };
	bool disturbed = true;

	for (unsigned tries = 0; tries < TRIES && disturbed; tries++) {
		struct timing timing;
		int err = slice_run(c, c->ops, &timing);

		if (err)
			return err;
		disturbed = timing_disturbed(contest, c, &timing);
		if (!disturbed || !tries || timing.cpu_ns / timing.wall_ns >
					    best.cpu_ns / best.wall_ns)
			best = timing;
	}
	contest->slices++;
	contest->disturbed += disturbed;
	c->ns[round] = best.wall_ns / (double)c->ops;
	return 0;
}

int contest_run(struct contest *contest, struct contestant *contestant,
		unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (slice_size(contest, &contestant[i]))
			return -1;
	for (unsigned round = 0; round < contest->rounds; round++)
		for (unsigned i = 0; i < count; i++) {
			/* Forth and back: what drifts cancels out. */
			unsigned at = round % 2 ? count - 1 - i : i;

			if (slice_time(contest, &contestant[at], round))
				return -1;
		}
	return 0;
}

static int double_compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *value, unsigned count)
{
	qsort(value, count, sizeof(*value), double_compare);
	return count % 2 ? value[count / 2] :
			   (value[count / 2 - 1] + value[count / 2]) / 2;
}

double contest_ratio(const struct contest *contest, const struct contestant *a,
		     const struct contestant *b)
{
	double ratio[CONTEST_ROUNDS_MAX];

	for (unsigned i = 0; i < contest->rounds; i++)
		ratio[i] = b->ns[i] / a->ns[i];
	return median(ratio, contest->rounds);
}

double contest_ns(const struct contest *contest, const struct contestant *a)
{
	double ns[CONTEST_ROUNDS_MAX];

	memcpy(ns, a->ns, sizeof(ns));
	return median(ns, contest->rounds);
}
