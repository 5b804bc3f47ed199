/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * torture_session.h - what `run` and `mutants` have in common: options, a run
 * of the selected cases with progress, and its results.
 */
#ifndef NVM_CLI_TORTURE_SESSION_H
#define NVM_CLI_TORTURE_SESSION_H

#include "cli/torture_select.h"
#include "tests/torture/results.h"
#include "tests/torture/runner.h"

struct torture_opts {
	int model;
	uint64_t depth, states, seconds, jobs;
	const char *seed, *effort;
	const char *shard, *results;
	bool tap;
};

#define TORTURE_OPTS							\
	OPT_WORD('m', "model", "MODEL", torture_models, struct torture_opts, \
		 model, "only cases of this model of what a power loss leaves"), \
	OPT_TEXT('s', "seed", "N", COMPLETE_NONE, struct torture_opts, seed, \
		 "of all that is random; 1 by default"),		\
	OPT_TEXT('e', "effort", "N", COMPLETE_NONE, struct torture_opts, effort, \
		 "how many images are tried where not all can be; 128 by " \
		 "default"),						\
	OPT_NUMBER('d', "depth", "N", struct torture_opts, depth,	\
		   "1: no crashes in recoveries; 2; 3 (the default): also in " \
		   "the recoveries from those"),			\
	OPT_NUMBER(0, "states", "N", struct torture_opts, states,	\
		   "begin no case after so many images"),		\
	OPT_NUMBER('t', "time", "SECONDS", struct torture_opts, seconds, \
		   "begin no case after that time"),			\
	OPT_TEXT(0, "shard", "I/N", COMPLETE_NONE, struct torture_opts, shard, \
		 "only part I of N equal ones"),			\
	OPT_NUMBER(0, "jobs", "N", struct torture_opts, jobs,		\
		   "cases at a time; as many as processors by default"), \
	OPT_TEXT('r', "results", "FILE", COMPLETE_FILE, struct torture_opts, \
		 results, "leave the results there, for 'report'"),	\
	OPT_FLAG(0, "tap", struct torture_opts, tap,			\
		 "print TAP, a line for each case as it ends")

struct torture_session {
	struct cli *cli;
	const struct torture_opts *opts;
	struct torture_selection selection;
	struct runner runner;
	struct results results;
	size_t told;			/* lines of TAP */
	size_t asked;			/* cases, of all rounds */
	bool drawn;			/* a line of progress is there */
	double began;
};

/*
 * Run what is selected.  0: all ran, whatever came of it (results); else an
 * exit status, told.  To be ended in any case.
 */
int torture_session_run(struct torture_session *session, struct cli *cli,
			enum torture_kind kind);
/* What was found as tables, or data; the exit status. */
int torture_session_end(struct torture_session *session);

/* Sanitizers look for other faults, at a fifth of the speed. */
uint32_t torture_effort_default(void);

/* The results as tables; into "data" too. */
void torture_results_print(struct cli *cli, const struct results *results);
void torture_mutants_print(struct cli *cli, const struct results *results);

#endif
