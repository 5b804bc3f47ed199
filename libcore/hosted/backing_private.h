/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * backing_private.h - what backing.c (open, close), backing_look.c (what it
 * is, what it promises), backing_media.c (the operations) and stray.c (the
 * guards around its stores) share.
 */
#ifndef NVM_HOSTED_BACKING_PRIVATE_H
#define NVM_HOSTED_BACKING_PRIVATE_H

#include <libpmem2.h>
#include <pthread.h>

#include "hosted/backing.h"
#include "hosted/guard.h"
#include "hosted/stray.h"

struct backing {
	struct nvm_media media;		/* first: the core's pointer is ours */
	int fd;
	enum backing_access access;
	struct backing_info info;
	uint8_t *map;			/* all of the media; writable by us
					   unless BACKING_READ, or guarded */
	struct guard_window window;	/* the same */
	pmem2_memcpy_fn pmem2_memcpy;
	pmem2_flush_fn pmem2_flush;
	pmem2_drain_fn pmem2_drain;
	/*
	 * BACKING_PRIVATE on devdax, which knows no private mappings: one bit
	 * for each PRIVATE_CHUNK of the mapping that was replaced by a copy in
	 * anonymous memory.  NULL elsewhere.
	 */
	uint8_t *private_chunk;
	struct pool_range hollow[BACKING_HOLLOW_MAX];
	size_t hollow_count;
	enum stray_guard stray;		/* never AUTO */
	pthread_mutex_t stray_lock;	/* STRAY_MPROTECT: of the protection */
};

#define PRIVATE_CHUNK	(2ull << 20)	/* or the device's align, if larger */

/* The operations, as this CPU has them. */
const struct nvm_media_ops *backing_ops(void);

/*
 * A shared mapping of a part, in the strongest form that the backing gives;
 * MAP_FAILED and errno.
 */
void *backing_map_shared(const struct backing *backing, uint64_t off,
			 size_t len, int prot);

/* The bytes of one chunk of private_chunk. */
uint64_t backing_chunk_bytes(const struct backing *backing);

/*
 * Fill info (kind, size, align, durability, namespace, bad blocks) of an
 * opened descriptor.
 */
int backing_look(struct backing *backing, struct failure *failure);

#endif
