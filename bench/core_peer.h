/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * core_peer.h - whom the virtual disk is measured against: libpmemblk, and
 * pwrite() with fdatasync().
 */
#ifndef NVM_BENCH_CORE_PEER_H
#define NVM_BENCH_CORE_PEER_H

#include <stdint.h>

struct peer_pmemblk;

/*
 * A libpmemblk pool of 4096-byte blocks in a file that reads as zeros, every
 * block written once.  NULL: *ret_why says why there is none.
 */
struct peer_pmemblk *peer_pmemblk_open(const char *path, const char **ret_why);
void peer_pmemblk_close(struct peer_pmemblk *peer);
int peer_pmemblk_write(void *ctx, uint64_t ops);	/* a slice: random */

struct peer_file {
	int fd;
	uint64_t blocks;
	uint64_t random;
	uint64_t flush_every;		/* writes */
	uint8_t *buffer;
};
int peer_file_write(void *ctx, uint64_t ops);		/* a slice: random */

#endif
