/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vsteps.h - single operations on a virtual disk, played on it and entered in
 * its history: the words of which the suites make their sentences.
 */
#ifndef TORTURE_VSTEPS_H
#define TORTURE_VSTEPS_H

#include "tests/torture/vhistory.h"

enum vstep_kind {
	VSTEP_END,
	VSTEP_WRITE,	/* blocks */
	VSTEP_ATOMIC,	/* blocks, all or none */
	VSTEP_FUA,	/* blocks, durable on return */
	VSTEP_PART,	/* sectors */
	VSTEP_TRIM,	/* blocks */
	VSTEP_ZERO,	/* sectors */
	VSTEP_MOVE,	/* count relocations */
	VSTEP_FLUSH,
	VSTEP_CLOSE,
	VSTEP_OPEN,
};

struct vstep {
	enum vstep_kind kind;
	uint32_t first, count;
};

/* Who plays: time is the number of events in the trace. */
struct vplay {
	struct vyard *yard;
	struct vhistory *history;
	struct domain_trace *trace;
	uint64_t tag;		/* the last one given */
	bool may_fail;		/* an error is no fault of the disk's */
	struct verdict *verdict;
};

/* Play it.  False: it failed and must not (verdict). */
bool vplay_step(struct vplay *play, uint32_t lane, const struct vstep *step,
		uint64_t tag);
/* Up to VSTEP_END or @count, with tags of their own, on lane 0. */
bool vplay_steps(struct vplay *play, const struct vstep *step, size_t count);
const char *vstep_name(enum vstep_kind kind);
void vstep_print(const struct vstep *step, char *ret_text, size_t room);

int64_t vplay_now(const struct vplay *play);

/*
 * Read the open disk's blocks: all; or those that history has touched, and
 * every @every-th of the others.
 */
void vplay_look(struct vyard *yard, const struct vhistory *history,
		uint32_t every, uint32_t salt, struct vshown *ret_shown);
/* What a reader sees now is right. */
bool vplay_live(struct vplay *play);

#endif
