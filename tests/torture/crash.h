/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crash.h - one case of a crash suite: an operation on a pool in some state,
 * recorded once; and the judgement of an image that a crash left of it.
 */
#ifndef TORTURE_CRASH_H
#define TORTURE_CRASH_H

#include "tests/torture/explore.h"
#include "tests/torture/ops.h"
#include "tests/torture/suite.h"

#define CRASH_STATES_MAX	8u	/* committed on the way */

struct crash {
	const struct torture_op *op;
	enum yard_state state;
	enum explore_model model;
	struct yard yard;		/* holds the image before */
	struct domain_trace trace;	/* of the operation, ends with ACK */
	size_t op_first;		/* before: opening the pool */
	uint32_t carved;		/* yard.carved before it: to run it again */
	bool old_opens;			/* before: for reading, not salvage */
	struct snapshot before, after;
	uint64_t allowed[CRASH_STATES_MAX];	/* strict, in their order */
	unsigned allowed_count;
	uint32_t target_before, target_after;	/* slots; UINT32_MAX: none */
	/* Before a format: the first bytes, journal slot 0, and NAT page 0. */
	uint8_t front[NVM_LINE], slot_head[NVM_LINE], table[NVM_LINE];
	uint64_t table_off;	/* 0: not to be asked */

	/* How hard to look. */
	unsigned life_every;		/* every n-th image must serve */
	unsigned nested_every;		/* crash in every n-th recovery */
	unsigned deep_every;		/* and in every n-th recovery of those */
	uint32_t effort;		/* random images at a point */
	size_t first_event;		/* explore from here on */
	uint64_t seed;

	struct explore_stats stats, nested;
	struct seen seen;
	struct explore_where path[TORTURE_DEPTH_MAX];
	unsigned depth;
	struct explore_where replay[TORTURE_DEPTH_MAX];
	unsigned replay_depth;		/* 0: do not replay */
	unsigned depth_max;		/* 1: no crashes in recoveries */
	bool quick;			/* that it fails is all one wants to know */
	struct domain_trace recovery[TORTURE_DEPTH_MAX];	/* at each depth */
	struct verdict verdict;
};

/*
 * Build the pool, run the operation, take back its stores.  False: the
 * operation or the pool before or after it is not as it must be (verdict).
 */
bool crash_begin(struct crash *crash, const struct torture_op *op,
		 enum yard_state state, enum explore_model model,
		 const struct torture_how *how);
void crash_end(struct crash *crash);
/* The operation of that name; there must be one. */
const struct torture_op *torture_op_find(const char *name);

/* Which states an image may show. */
struct crash_may {
	const uint64_t *strict;
	unsigned count;
	bool none;		/* or no pool at all (format) */
	bool done;		/* it was acknowledged: all is mended */
	uint64_t fresh;		/* what the operation made is there from this
				   state on; 0: the last of them */
};

/*
 * Judge the image on the domain, by opening it in every way; it is changed
 * (so put a mark).  @recovery takes what opening for writing stored.
 */
bool crash_judge(struct crash *crash, const struct crash_may *may, bool life,
		 struct domain_trace *recovery, struct snapshot *ret_snapshot);

/* All images of the trace, recoveries crashed again (crash->stats). */
bool crash_explore(struct crash *crash, const struct domain_trace *trace);

/* What a case of a suite tells of it. */
void crash_tell(const struct crash *crash, bool good,
		struct torture_result *ret_result);

#endif
