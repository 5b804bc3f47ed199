/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ops.h - the operations on a pool that the suites crash: what to do, on
 * which pools, and what must hold of the result besides the invariants.
 */
#ifndef TORTURE_OPS_H
#define TORTURE_OPS_H

#include "tests/torture/oracle.h"

#define OP_MULTI	0x1u	/* several transactions */
#define OP_FORMAT	0x2u	/* in the middle there may be no pool */
#define OP_DAMAGED	0x4u	/* the pool has damage until it is done */
#define OP_SALVAGE	0x8u	/* before, it opens for salvage only */

struct torture_op {
	const char *name;
	unsigned states;	/* bits by enum yard_state */
	unsigned flags;
	/* On the pool opened for writing (FORMAT: on the media). */
	void (*prepare)(struct yard *yard);
	int (*run)(struct yard *yard);
	bool (*verify)(struct yard *yard, bool is_new,
		       struct verdict *verdict);
	/* The child into whose units it stores, or NULL. */
	const char *target;
};

extern const struct torture_op torture_ops[];
extern const unsigned torture_op_count;

/* ops_guest.c: what guests leave in their units. */
void prepare_all_dirty(struct yard *yard);
void prepare_forged(struct yard *yard);
void prepare_guests_stamp(struct yard *yard);
bool verify_guests_stamp(struct yard *yard, bool is_new,
			 struct verdict *verdict);

#endif
