/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proc.h - the part of /proc that tells who uses a file: the descriptors of
 * all processes, with their locks, and their mappings.  lock.c and in_use.c
 * are its users.
 */
#ifndef NVM_HOSTED_PROC_H
#define NVM_HOSTED_PROC_H

#include "hosted/backing.h"
#include "hosted/lock.h"

/* What was found of the backing in one process. */
enum proc_kind {
	PROC_OPEN,		/* a descriptor */
	PROC_FLOCK,		/* flock(2) held through it */
	PROC_LEASE_READ,	/* OFD lock held through it */
	PROC_LEASE_WRITE,
	PROC_MAP,		/* a mapping */
};

struct proc_entry {
	pid_t pid;
	enum proc_kind kind;
	struct pool_range range;	/* of leases and mappings; else 0, 0 */
};

/* Called for each; false stops the walk. */
typedef bool (*proc_visit_fn)(void *ctx, const struct proc_entry *entry);

/*
 * Walk all processes but our own.  @ret_unseen counts those that we were not
 * allowed to look at and root would be.  -errno if there is no /proc at all.
 */
int proc_walk(const struct backing *backing, bool want_maps, bool want_fds,
	      proc_visit_fn visit, void *ctx, unsigned *ret_unseen);

/* Somebody who holds the pool lock; pid 0 if none is found. */
void proc_lock_holder(const struct backing *backing,
		      struct lock_holder *ret_holder);

#endif
