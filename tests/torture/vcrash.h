/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vcrash.h - one case of a crash suite of the virtual disk: something done to
 * a disk, recorded once; and the judgement of an image that a crash left.
 */
#ifndef TORTURE_VCRASH_H
#define TORTURE_VCRASH_H

#include "tests/torture/crash.h"
#include "tests/torture/vbase.h"

#define VCRASH_CREATE	0x1u		/* there may be no disk, or the former */
#define VCRASH_RESIZE	0x2u		/* of former or new size */
#define VCRASH_SPARSE	0x4u		/* of untouched blocks look at some */
#define VCRASH_EVERY	0x8u		/* crash each recovery, not some */

struct vcrash {
	struct vbase *base;
	enum explore_model model;
	unsigned flags;
	struct vhistory history;
	struct domain_trace trace;	/* opening, ACK, the rest */
	size_t op_first;		/* event that it begins with */
	size_t created;			/* CREATE, RESIZE: the ACK of that */
	uint64_t blocks_after;		/* RESIZE: logical ones, when done */
	int64_t shift_from;		/* mutants: events behind this one came
					   one earlier in the history's trace */

	/* How hard to look. */
	unsigned life_every;		/* every n-th image must serve */
	unsigned check_every;		/* every n-th is looked at from all sides */
	unsigned nested_every;		/* crash in every n-th recovery */
	unsigned deep_every;		/* and in every n-th recovery of those */
	uint32_t effort;
	size_t first_event;		/* explore from here on */
	uint64_t seed;

	struct explore_stats stats, nested;
	uint64_t lives;
	struct seen *seen;		/* may be shared; or NULL */
	struct explore_where path[TORTURE_DEPTH_MAX];
	unsigned depth;
	struct explore_where replay[TORTURE_DEPTH_MAX];
	unsigned replay_depth;		/* 0: do not replay */
	unsigned depth_max;		/* 1: no crashes in recoveries */
	bool quick;			/* that it fails is all one wants to know */

	struct verdict verdict;

	/* Only for their memory. */
	struct domain_trace scratch[2];
	struct domain_trace recovery[TORTURE_DEPTH_MAX];
	struct vshown shown[TORTURE_DEPTH_MAX];	/* by recovery at each depth */
	struct vshown again;
};

/* On @base, which may be shared; effort and all from @how. */
void vcrash_begin(struct vcrash *crash, struct vbase *base,
		  enum explore_model model, const struct torture_how *how);
void vcrash_end(struct vcrash *crash);

/*
 * Record: open (unless CREATE or RESIZE), then what @run does with the disk;
 * take all of it back.  False: not as it must be, without any crash.
 */
bool vcrash_record(struct vcrash *crash,
		   bool (*run)(struct vcrash *crash, struct vplay *play,
			       const void *arg), const void *arg);

/* How to judge an image. */
struct vjudge {
	int64_t at;			/* the moment of the crash */
	const struct vshown *expect;	/* if not NULL: shows just this */
	bool check, life;
	uint32_t salt;			/* which untouched blocks to look at */
};

/*
 * The image on the domain, in place: to be put under a mark.  @ret_shown is
 * what it shows (no blocks: no disk), @recovery what opening it for writing
 * stored.
 */
bool vcrash_judge(struct vcrash *crash, const struct vjudge *how,
		  struct vshown *ret_shown, struct domain_trace *recovery);

/* All images of a trace, recoveries crashed again (crash->stats). */
bool vcrash_explore(struct vcrash *crash, const struct domain_trace *trace);

/* What a case of a suite tells of it. */
void vcrash_tell(const struct vcrash *crash, bool good,
		 struct torture_result *ret_result);

#endif
