/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stray_private.h - what backing_media.c calls around its accesses.
 */
#ifndef NVM_HOSTED_STRAY_PRIVATE_H
#define NVM_HOSTED_STRAY_PRIVATE_H

#include "hosted/backing_private.h"
#include "hosted/guard.h"

/* Before each load of the mapping. */
static inline void stray_before_load(const struct backing *backing)
{
	if (backing->stray == STRAY_PKEY)
		stray_thread();
}

/*
 * A store of a backing under another guard than none: libpmem2's memcpy with
 * @flags.  -NVM_EIO: SIGBUS, and *ret_fault says where in backing->map;
 * -NVM_ENOMEM: the guard could not be opened, and nothing was stored.
 */
int stray_store(struct backing *backing, uint64_t off, const void *src,
		size_t len, unsigned flags, struct guard_fault *ret_fault);

#endif
