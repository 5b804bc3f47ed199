/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * torture_select.h - which cases a command of nvmtorture is about.
 */
#ifndef NVM_CLI_TORTURE_SELECT_H
#define NVM_CLI_TORTURE_SELECT_H

#include "cli/opt.h"
#include "tests/torture/suite.h"

/* The names of all workloads, for completion; a test compares. */
extern const char *const torture_workloads[];
extern const char *const torture_models[];

struct torture_selection {
	struct case_list all;
	const struct torture_case **item;	/* of those, in their order */
	size_t count;
};

enum torture_kind {
	TORTURE_ANY,
	TORTURE_RUN,		/* mutants only where a word asks for them */
	TORTURE_MUTANTS,	/* nothing else */
};

/*
 * What the words select: a workload, a pattern (?, *, [...]) of the names of
 * cases, or what such a name begins with up to a ':'.  No words: all.
 * @model: 0 for each case's own, else 1 + a model.  @shard: "I/N" or NULL.
 * An exit status; what is wrong has been told.
 */
int torture_select(struct cli *cli, enum torture_kind kind, int model,
		   const char *shard, struct torture_selection *ret_selection);
void torture_selection_free(struct torture_selection *selection);

#endif
