/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vops.h - what the suites do to a virtual disk and crash.
 */
#ifndef TORTURE_VOPS_H
#define TORTURE_VOPS_H

#include "tests/torture/vcrash.h"

#define VOP_STEPS_MAX	8u

struct vop {
	const char *name;
	unsigned states;		/* bits by enum vstate */
	unsigned flags;			/* VCRASH_* */
	struct vstep step[VOP_STEPS_MAX];	/* up to VSTEP_END; or */
	bool (*run)(struct vcrash *crash, struct vplay *play,
		    const struct vop *op);
	/* Before recording, on the base, under a mark. */
	void (*prepare)(struct vcrash *crash, const struct vop *op);
	uint32_t number;		/* of the two functions */
};

extern const struct vop vops[];
extern const unsigned vop_count;
/* The operation of that name; there must be one. */
const struct vop *vop_find(const char *name);

/* For vcrash_record(): @arg is a struct vop. */
bool vop_run(struct vcrash *crash, struct vplay *play, const void *arg);

/*
 * Record the operation on the crash's base and hand it to @use, with all that
 * it needs of its own in place meanwhile.
 */
bool vop_crash(struct vcrash *crash, const struct vop *op,
	       bool (*use)(struct vcrash *crash, void *ctx), void *ctx);

#endif
