/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lock.h - who may change the pool's metadata, and who works on a child.
 *
 * The pool lock is flock(2) on the backing's descriptor: shared for looking,
 * exclusive for changing.  The kernel drops it with the descriptor, so a
 * killed tool never leaves one behind.
 *
 * A lease is an open-file-description lock (fcntl(2), F_OFD_SETLK) on the
 * bytes of a child's extents, held by a host tool that reads or writes those
 * bytes for long without the pool lock: export, import, a server of a virtual
 * disk.  Whoever wants to move, shrink or release a child holds the exclusive
 * pool lock and looks for leases (in_use.h) first; a lease is taken under the
 * pool lock (shared is enough), so none can appear in between.
 */
#ifndef NVM_HOSTED_LOCK_H
#define NVM_HOSTED_LOCK_H

#include <stdbool.h>

#include "hosted/backing.h"

enum lock_kind {
	LOCK_SHARED,
	LOCK_EXCLUSIVE,
};

struct lock_holder {
	pid_t pid;			/* 0: not found */
	char command[64];
};

struct lock_wait {
	unsigned timeout_ms;		/* 0: do not wait */
	/*
	 * Called once, before waiting begins, and then some ten times a
	 * second; false gives up with -EINTR.  May be NULL.
	 */
	bool (*step)(void *ctx, const struct lock_holder *holder,
		     unsigned waited_ms);
	void *ctx;
};

/*
 * Take the pool lock, or change the kind of it (which is not atomic).
 * -EBUSY: still held by others at the end; @failure names one of them.
 * @wait may be NULL: do not wait.
 */
int lock_pool(struct backing *backing, enum lock_kind kind,
	      const struct lock_wait *wait, struct failure *failure);
void unlock_pool(struct backing *backing);

enum lease_kind {
	LEASE_READ,
	LEASE_WRITE,
};

/*
 * Lease every one of the ranges, or none.  -EBUSY: a lease of somebody else
 * is in the way; @failure names the holder.  A write lease needs a backing
 * opened for writing.
 */
int lease_take(struct backing *backing, enum lease_kind kind,
	       const struct pool_range *range, size_t range_count,
	       struct failure *failure);
void lease_drop(struct backing *backing, const struct pool_range *range,
		size_t range_count);

#endif
