/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * area.h - where a virtual disk lies, as a struct vd_area for the core: files
 * and devices named by path, or a child of a pool.
 *
 * Each path is a backing of its own (backing.h).  A child is ranges of its
 * pool's backing, each seen through a window (base/window.h); of a stamped
 * extent the guest sees what follows the stamp, and so do we.
 *
 * The stray-write guard of an area is that of its backings (stray.h).
 */
#ifndef NVM_HOSTED_AREA_H
#define NVM_HOSTED_AREA_H

#include "hosted/backing.h"
#include "hosted/stray.h"
#include "vdisk/vdisk.h"

struct area;

/*
 * Open the backings of a disk, one a path, in any order: where a disk is on
 * them they are put into its order.  -EINVAL: no path, too many, or two
 * that lead to the same file or device.  Other errors as of backing_open() and
 * stray_set().
 */
int area_open(const char *const *path, size_t path_count,
	      enum backing_access access, enum stray_guard guard,
	      struct area **ret_area, struct failure *failure);

/*
 * The area of a child, in its pool's backing, which the caller has opened
 * (with the access that is wanted) and keeps open until area_close().  What
 * the guard protects is then all of the pool, until area_close().
 * -ENOENT: no such child; -ERANGE: none of it is left for a disk, or it is in
 * more pieces than a disk can have; errors of pool_open() and stray_set().
 */
int area_of_child(struct backing *backing, const struct pool_child *child,
		  enum stray_guard guard, struct area **ret_area,
		  struct failure *failure);

void area_close(struct area *area);

/* Valid until area_close(); in the disk's order. */
const struct vd_area *area_extents(const struct area *area);
enum stray_guard area_guard(const struct area *area);	/* never AUTO */

/* The backing of an extent, to name it in messages. */
const struct backing *area_backing(const struct area *area, uint32_t extent);

/*
 * Treat the area as BUS class whatever its backing is: for measurements on
 * /dev/shm only, where nothing survives a power loss anyway.
 */
void area_assume_bus(struct area *area);

#endif
