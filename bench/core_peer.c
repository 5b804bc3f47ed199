// SPDX-License-Identifier: BSD-3-Clause
/*
 * core_peer.c - see core_peer.h.
 *
 * libpmemblk is loaded at run time: PMDK 2 has dropped it, so there are systems
 * that have all the rest and not this.  And it looks at its environment when
 * it is loaded: PMEM_IS_PMEM_FORCE=1 makes it take the file for persistent
 * memory, as we do ours, and use non-temporal stores.  Without it each write
 * would make several msync() calls, which is no contest.
 */
#include "bench/core_peer.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "bench/core_raw.h"

#define BLOCK_BYTES	4096u

struct peer_pmemblk {
	void *library, *pool;
	void (*close)(void *pool);
	size_t (*nblock)(void *pool);
	int (*write)(void *pool, const void *bytes, long long block);
	const char *(*errormsg)(void);
	void *(*create)(const char *path, size_t block_bytes, size_t pool_bytes,
			mode_t mode);
	uint64_t blocks, random;
	_Alignas(BLOCK_BYTES) uint8_t buffer[BLOCK_BYTES];
};

/* A function of the library into a pointer of its own type. */
static bool function_get(void *library, const char *name, void *ret_function)
{
	void *function = dlsym(library, name);

	memcpy(ret_function, &function, sizeof(function));
	return function;
}

static bool pmemblk_load(struct peer_pmemblk *peer)
{
	setenv("PMEM_IS_PMEM_FORCE", "1", 1);
	peer->library = dlopen("libpmemblk.so.1", RTLD_NOW | RTLD_LOCAL);
	return peer->library &&
	       function_get(peer->library, "pmemblk_close", &peer->close) &&
	       function_get(peer->library, "pmemblk_nblock", &peer->nblock) &&
	       function_get(peer->library, "pmemblk_write", &peer->write) &&
	       function_get(peer->library, "pmemblk_errormsg",
			    &peer->errormsg) &&
	       function_get(peer->library, "pmemblk_create", &peer->create);
}

void peer_pmemblk_close(struct peer_pmemblk *peer)
{
	if (!peer)
		return;
	if (peer->pool)
		peer->close(peer->pool);
	if (peer->library)
		dlclose(peer->library);
	free(peer);
}

struct peer_pmemblk *peer_pmemblk_open(const char *path, const char **ret_why)
{
	struct peer_pmemblk *peer = aligned_alloc(BLOCK_BYTES, sizeof(*peer));

	*ret_why = "there is no libpmemblk here";
	if (!peer)
		return NULL;
	memset(peer, 0, sizeof(*peer));
	if (!pmemblk_load(peer)) {
		peer_pmemblk_close(peer);
		return NULL;
	}
	*ret_why = "libpmemblk made no pool";
	/* 0: the file is there, with its size and its pages. */
	peer->pool = peer->create(path, BLOCK_BYTES, 0, 0600);
	if (!peer->pool) {
		fprintf(stderr, "bench: libpmemblk: %s\n", peer->errormsg());
		peer_pmemblk_close(peer);
		return NULL;
	}
	peer->blocks = peer->nblock(peer->pool);
	peer->random = RAW_RANDOM_SEED;
	for (uint64_t i = 0; i < peer->blocks; i++)
		if (peer->write(peer->pool, peer->buffer, (long long)i)) {
			fprintf(stderr, "bench: libpmemblk: %s\n",
				peer->errormsg());
			peer_pmemblk_close(peer);
			return NULL;
		}
	return peer;
}

int peer_pmemblk_write(void *ctx, uint64_t ops)
{
	struct peer_pmemblk *peer = ctx;

	for (uint64_t i = 0; i < ops; i++) {
		raw_touch(peer->buffer, i);
		if (peer->write(peer->pool, peer->buffer, (long long)
				raw_random(&peer->random, peer->blocks))) {
			fprintf(stderr, "bench: libpmemblk: %s\n",
				peer->errormsg());
			return -1;
		}
	}
	return 0;
}

int peer_file_write(void *ctx, uint64_t ops)
{
	struct peer_file *peer = ctx;
	uint64_t left = peer->flush_every;

	for (uint64_t i = 0; i < ops; i++) {
		raw_touch(peer->buffer, i);
		if (pwrite(peer->fd, peer->buffer, BLOCK_BYTES, (off_t)
			   (raw_random(&peer->random, peer->blocks) *
			    BLOCK_BYTES)) != BLOCK_BYTES ||
		    (!--left && fdatasync(peer->fd))) {
			fprintf(stderr, "bench: cannot write: %s\n",
				strerror(errno));
			return -1;
		}
		if (!left)
			left = peer->flush_every;
	}
	return 0;
}
