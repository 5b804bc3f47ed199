/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trial.h - what a backing gives, found out by trying it.
 *
 * Files are tried on a scratch file without a name in the same directory,
 * which is gone with its descriptor.  Devices are only read.  A pool's bytes
 * never change.
 */
#ifndef NVM_GLUE_TRIAL_H
#define NVM_GLUE_TRIAL_H

#include "hosted/backing.h"
#include "hosted/failure.h"

enum trial_result {
	TRIAL_YES,
	TRIAL_NO,
	TRIAL_UNTRIED,
};

enum trial_what {
	TRIAL_MAP_SYNC,		/* DAX: no page cache between guest and media */
	TRIAL_HUGE,		/* 2 MiB come with one page fault */
	TRIAL_FSYNC,		/* msync and fsync make stores durable */
	TRIAL_PUNCH,		/* a punched hole reads as zeros, takes no room */
	TRIAL_COUNT,
};

struct trial_answer {
	enum trial_result result;
	char text[192];		/* what was seen, or why it was not tried */
};

struct trial {
	struct backing_info info;	/* without its list of bad blocks */
	bool directory;			/* nothing is there yet */
	uint64_t bad_count;
	struct trial_answer answer[TRIAL_COUNT];
};

/*
 * Try what is at @path: a pool, any other file or device, or a directory that
 * a pool could be made in.  Errors as of backing_open().
 */
int trial_run(const char *path, struct trial *ret_trial,
	      struct failure *failure);

const char *trial_what_name(enum trial_what what);	/* "huge pages" */
const char *trial_what_key(enum trial_what what);	/* "huge_pages" */
const char *trial_result_name(enum trial_result result); /* "yes" */

#endif
