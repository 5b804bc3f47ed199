/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run.h - run a program for a bounded time and collect what it says.
 */
#ifndef NVM_GLUE_RUN_H
#define NVM_GLUE_RUN_H

#include <stdbool.h>

#include "hosted/failure.h"

struct run_result {
	char *output;		/* standard output, then NUL; for free() */
	char *errors;		/* standard error, the same */
	int status;		/* exit status; 128 + signal if killed by one */
	bool timed_out;		/* it was killed by us */
};

/*
 * Run @argv[0] (looked up in PATH) with @input (may be NULL) on its standard
 * input, at most @timeout_ms long, then kill it.  -ENOENT: no such program;
 * else a negative errno value where it could not be run at all.
 */
int run_program(const char *const argv[], const char *input,
		unsigned timeout_ms, struct run_result *ret_result,
		struct failure *failure);
void run_result_free(struct run_result *result);

#endif
