/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * error.h - how the core reports that something went wrong.
 *
 * Functions return 0 or a negative enum nvm_err; the values are Linux errno
 * values, spelled out here because the core has no libc.  Where it helps, a
 * function also fills a struct nvm_fault: what was being read, at which byte
 * of the media, and what was expected and found there.
 */
#ifndef NVM_BASE_ERROR_H
#define NVM_BASE_ERROR_H

#include "base/env.h"

enum nvm_err {
	NVM_EPERM = 1,		/* not allowed in this state (read-only open) */
	NVM_ENOENT = 2,		/* no such child */
	NVM_EINTR = 4,		/* the caller's progress function said stop */
	NVM_EIO = 5,		/* the media could not be read or written */
	NVM_ENOMEM = 12,	/* the memory handed in is too small */
	NVM_EBUSY = 16,		/* in use */
	NVM_EEXIST = 17,	/* name taken */
	NVM_EINVAL = 22,	/* an argument is out of its range */
	NVM_ENOSPC = 28,	/* not enough free units, slots or backing */
	NVM_EROFS = 30,		/* the media is read-only */
	NVM_ERANGE = 34,	/* a size the pool cannot have */
	NVM_EPROTO = 71,	/* a newer format than this code knows */
	NVM_EBADMSG = 74,	/* the media's bytes are damaged */
	NVM_EMEDIUM = 124,	/* no pool, no virtual disk */
	NVM_EFRAG = 133,	/* free space is there, in too many pieces */
};

/* One line of an explanation, in the order of a sentence. */
struct nvm_fault {
	const char *what;	/* static text: "NAT page", or NULL: no fault */
	uint64_t index;		/* which of them */
	uint64_t offset;	/* byte on the media */
	uint64_t expected;
	uint64_t found;
};

/* A short lower-case text for a negative return value; never NULL. */
const char *nvm_strerror(int err);

static inline int nvm_fault_set(struct nvm_fault *fault, int err,
				const char *what, uint64_t index,
				uint64_t offset, uint64_t expected,
				uint64_t found)
{
	if (fault)
		*fault = (struct nvm_fault){ what, index, offset, expected,
					     found };
	return err;
}

#endif
