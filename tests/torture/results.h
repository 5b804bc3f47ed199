/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * results.h - what runs have found, added up: by suite and model, by call site
 * of mutants, and failures with their tokens.  As a file it is one JSON object,
 * so that the parts of a campaign can be merged.
 */
#ifndef TORTURE_RESULTS_H
#define TORTURE_RESULTS_H

#include "tests/torture/suite.h"

struct json_object;

/* Of one suite under one model. */
struct tally {
	char suite[32], model[16], tried[16];
	uint64_t cases, failed, tries, lives;
	struct explore_stats stats, nested;
	double seconds;			/* of the processes */
};

/* Of one call site, what it stores, and one way to weaken it. */
struct site_row {
	char suite[32], site[120], role[32], mutation[32];
	uint64_t killed, survived;
	char by[320];			/* what showed it first */
};

struct failure_row {
	char token[TORTURE_TOKEN_MAX], why[240], crash[240];
};

struct results {
	struct tally *tally;
	struct site_row *site;
	struct failure_row *failure;
	size_t tally_count, site_count, failure_count;
	double seconds;			/* by the clock; of several: their sum */
	uint64_t runs, cut;		/* merged; of these, not run to the end */
	uint64_t effort, depth;		/* the least of them */
};

void results_case(struct results *results, const struct torture_case *c,
		  const struct torture_how *how,
		  const struct torture_result *result, double seconds);
void results_mutant(struct results *results, const struct torture_case *c,
		    const struct torture_mutant *mutant);
void results_free(struct results *results);

/* Of mutants: no case showed it, nor is there a reason for that. */
bool row_survives(const struct site_row *row);
size_t results_survivors(const struct results *results);

uint64_t tally_states(const struct tally *tally);
/* Points at which neither all images were tried nor all that can differ. */
uint64_t stats_bounded(const struct explore_stats *stats);

/* To JSON and back; false: not ours, or damaged. */
struct json_object *results_encode(const struct results *results);
bool results_merge(struct results *results, struct json_object *from);

#endif
