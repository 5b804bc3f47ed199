/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_resize.h - what `nvmvd resize` is to do, worked out before it does it.
 */
#ifndef NVM_CLI_VD_RESIZE_H
#define NVM_CLI_VD_RESIZE_H

#include "cli/disk.h"

struct resize_opts {
	uint64_t logical;
	bool force;
	int guard;
};

struct resize {
	struct disk *disk;
	const struct resize_opts *o;
	uint64_t whole[VD_EXTENTS_MAX];	/* of an extent, with its stamp */
	uint64_t head[VD_EXTENTS_MAX];	/* of it, the stamp */
	uint32_t extent_count;		/* there are */
	uint64_t there;			/* sum of whole */
	uint64_t taken;			/* by the disk, stamps included */
	uint64_t target;		/* what it shall take */
	/* what becomes of it */
	uint64_t bytes[VD_EXTENTS_MAX];	/* of each extent, without stamps */
	uint32_t kept;
	uint32_t logical;
};

/*
 * Look at what is there and at the command line; fills all but .logical.  An
 * exit status; what cannot be was told.
 */
int resize_plan(struct resize *r);

/*
 * For shrinking an open disk: how many blocks of it stay, fills .logical.  An
 * exit status.
 */
int resize_plan_logical(struct resize *r);

#endif
