/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mutants.h - try all mutants of a recorded operation, and tell of each.
 *
 * Mutants come in rows: one call site, what is stored there, one operator.  A
 * row that was killed once is done (all are tried where one looks harder than
 * usual).  Where no event of a row is missed on its own - one copy of three -
 * all of them are weakened at once, as a change of that line would.  Where
 * nothing is missed that is late by one step, it is put off further: a step that
 * may be as late as one likes is not needed.
 */
#ifndef TORTURE_MUTANTS_H
#define TORTURE_MUTANTS_H

#include "tests/torture/mutate.h"
#include "tests/torture/oracle.h"
#include "tests/torture/suite.h"

struct mutants {
	const struct torture_case *item;
	struct suite_memory *memory;
	struct domain *domain;		/* as the trace began */
	const struct domain_trace *trace;
	size_t begin, end;		/* events to be weakened */
	bool deep;			/* every one of a row */

	/* What an event stores, or is, to the protocol. */
	const char *(*role)(void *ctx, const struct domain_event *event);
	/*
	 * True, and verdict and path: some image of the mutant is judged to be
	 * wrong.  Asked again to look @hard where nothing was.
	 */
	bool (*noticed)(void *ctx, const struct mutant *mutant, bool hard);
	const struct verdict *verdict;
	const struct explore_where *path;
	void *ctx;

	uint64_t made, killed;
};

void mutants_try(struct mutants *m);

/* Effort up to which a row is done when it was killed once. */
#define MUTANTS_DEEP	128u

#endif
