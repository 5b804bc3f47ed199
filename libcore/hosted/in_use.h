/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * in_use.h - which processes (and mounts) use a backing or some of its bytes.
 *
 * Looks through /proc/PID/{maps,fd,fdinfo} by device and inode, through
 * /proc/self/mountinfo, /proc/swaps and sysfs.  What it could not look at
 * (processes of other users) it counts, so that the caller can say so.
 * Our own process is left out, and so are the mappings of our tools, which
 * take leases on what they work on.
 */
#ifndef NVM_HOSTED_IN_USE_H
#define NVM_HOSTED_IN_USE_H

#include "hosted/backing.h"

enum use_kind {
	USE_MAP,		/* a process maps these bytes */
	USE_LEASE_READ,		/* a host tool reads them (lock.h) */
	USE_LEASE_WRITE,	/* a host tool writes them */
	USE_OPEN,		/* a process has the whole backing open */
	USE_MOUNT,		/* a file system on it is mounted */
	USE_SWAP,		/* it is swap space */
	USE_HOLDER,		/* another block device is built on it */
};

#define USE_WANT_MAP	0x1u
#define USE_WANT_LEASE	0x2u
#define USE_WANT_OPEN	0x4u
#define USE_WANT_MOUNT	0x8u	/* and swap, and holders */

struct use {
	enum use_kind kind;
	pid_t pid;			/* 0 for mounts, swap and holders */
	char command[64];		/* or mount point, or device */
	struct pool_range range;	/* bytes of the backing; 0, 0: all */
};

struct use_list {
	struct use *use;
	size_t count;
	unsigned unseen;	/* processes we were not allowed to look at */
};

/*
 * All uses of the wanted kinds that overlap one of the ranges (range_count
 * 0: anywhere).  0 even when there are none; free with use_list_free().
 */
int use_find(const struct backing *backing, unsigned want,
	     const struct pool_range *range, size_t range_count,
	     struct use_list *ret_list, struct failure *failure);
void use_list_free(struct use_list *list);

/*
 * One use in words: "mapped by pid 1234 (qemu-system-x86_64), bytes
 * 0x4000000-0x7ffffff", "mounted on '/mnt'".  Returns @buffer.
 */
const char *use_describe(const struct use *use, char *buffer,
			 size_t buffer_len);

/* The command of a process, for messages; "?" if it is not to be had. */
void use_command(pid_t pid, char *buffer, size_t buffer_len);

#endif
