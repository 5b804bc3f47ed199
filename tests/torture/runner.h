/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runner.h - run cases in processes of their own, several at a time.  The
 * cases of a group go to one process, one after the other; a process that dies
 * is the failure of the case that it was at, and no other's.
 */
#ifndef TORTURE_RUNNER_H
#define TORTURE_RUNNER_H

#include "tests/torture/suite.h"

struct runner {
	const struct torture_case *const *item;	/* in their order */
	size_t count;
	struct torture_how how;
	unsigned jobs;
	double seconds_max;		/* begin no case after them; 0: no limit */
	uint64_t states_max;		/* nor when so many were judged; 0 */
	/* In this process, as cases end. */
	void (*result)(void *ctx, const struct torture_case *c,
		       const struct torture_result *result, double seconds);
	void (*mutant)(void *ctx, const struct torture_case *c,
		       const struct torture_mutant *mutant);
	/* A few times a second; true: stop. */
	bool (*tick)(void *ctx, const struct torture_case *now);
	void *ctx;

	/* What came of it; of all calls. */
	size_t done, failed;
	uint64_t states;
	bool cut;			/* a limit, or tick() */
};

/* False: no process could be had (errno). */
bool runner_run(struct runner *runner);

double runner_clock(void);

#endif
