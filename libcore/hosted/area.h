/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * area.h - where a virtual disk lies, as a struct vd_area for the core: files
 * and devices named by path, or a child of a pool.
 *
 * Each path is a backing of its own (backing.h).  A child is ranges of its
 * pool's backing, each seen through a window (base/window.h); of a stamped
 * extent the guest sees what follows the stamp, and so do we.
 *
 * The stray-write guard decides how stores reach the mapping, so that a wild
 * pointer of this process cannot change the area:
 *
 *   none      the mapping is writable all the time
 *   pkey      writable only for the thread that stores, while it stores
 *             (memory protection keys; MBSA's CR0.WP, in user space)
 *   mprotect  the page's protection is switched around each store (PTE)
 *   map       a page is mapped writable only while it is stored to (PMAP)
 *
 * A zero-copy reader (vd_pin) under pkey must have called stray_thread() once
 * in its thread; loads and stores through the media do it by themselves.
 */
#ifndef NVM_HOSTED_AREA_H
#define NVM_HOSTED_AREA_H

#include "hosted/backing.h"
#include "vdisk/vdisk.h"

enum stray_guard {
	STRAY_AUTO,		/* pkey where the CPU has it, else none */
	STRAY_NONE,
	STRAY_PKEY,
	STRAY_MPROTECT,
	STRAY_MAP,
};

/* "auto", "none", "pkey", "mprotect", "map"; NULL ends: for option tables. */
extern const char *const stray_guard_names[];

/* Does this CPU (and kernel) have memory protection keys? */
bool stray_pkey_here(void);

/* Let the calling thread read mappings under pkey; cheap, any number of times. */
void stray_thread(void);

struct area;

/*
 * Open the backings of a disk, one a path, in any order: where a disk is on
 * them they are put into its order.  -EOPNOTSUPP: the guard is not to be had
 * here (pkey without the CPU's help; any but none with BACKING_PRIVATE, where
 * STRAY_AUTO means none).  Other errors as backing_open().
 */
int area_open(const char *const *path, size_t path_count,
	      enum backing_access access, enum stray_guard guard,
	      struct area **ret_area, struct failure *failure);

/*
 * The area of a child, in its pool's backing, which the caller has opened
 * (with the access that is wanted) and keeps open until area_close().
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
