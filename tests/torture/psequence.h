/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * psequence.h - operations on a pool one after the other, with nothing between
 * them but what they do themselves; the last one crashed, from the moment on
 * when the one before was acknowledged.
 */
#ifndef TORTURE_PSEQUENCE_H
#define TORTURE_PSEQUENCE_H

#include "tests/torture/crash.h"

#define SEQUENCE_STEPS		9u	/* that there are */
#define SEQUENCE_LENGTH_MAX	10u

struct sequence {
	struct crash crash;		/* for its judge */
	struct torture_op last;
	char target[3];
	struct domain_trace trace;
	size_t begun;			/* the last operation's first event */
	const char *only;		/* try no other one */
	bool optional;			/* there may be none */
	bool lenient;			/* only the last operation must work */
	char what[TORTURE_WHAT_MAX];	/* the names of its operations */
	uint64_t sequences;
};

const char *sequence_step_name(unsigned step);
/* "carve,grow": false: not names, or too many. */
bool sequence_parse(const char *what, unsigned *ret_which, unsigned *ret_length);

void sequence_begin(struct sequence *q, enum yard_state state,
		    enum explore_model model, const struct torture_how *how);
/* True also where one of its operations has nothing to do: it is not counted. */
bool sequence_try(struct sequence *q, const unsigned *which, unsigned length);
void sequence_end(struct sequence *q, bool good, struct suite_memory *memory,
		  struct torture_result *ret_result);

#endif
