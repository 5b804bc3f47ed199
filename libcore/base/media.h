/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * media.h - the seam between the core and the bytes that survive.
 *
 * The core never writes media through a pointer: what it sees is const, and
 * every byte it changes goes through these operations.  So no store can
 * escape the simulated persistence domain of the torture harness, and a wild
 * pointer in the core cannot compile into a write of the media.
 *
 * Offsets and lengths are bytes from the start of the media.  The core checks
 * them before it calls; an implementation checks again and returns -NVM_EIO.
 * All operations return 0 or a negative enum nvm_err.
 *
 * Crash story: what a power loss may leave behind is stated per operation;
 * docs/design.md explains the models (px86 for BUS, page cache for SYNC).
 */
#ifndef NVM_BASE_MEDIA_H
#define NVM_BASE_MEDIA_H

#include "base/env.h"
#include "base/error.h"

enum nvm_durability {
	NVM_BUS,	/* durable at drain: the memory bus is the domain */
	NVM_SYNC,	/* durable only at sync: the host's page cache */
};

struct nvm_media;

struct nvm_media_ops {
	/*
	 * Copy @len bytes out of the media.  Poison and truncation come back
	 * as -NVM_EIO, never as a signal.
	 */
	int (*load)(struct nvm_media *media, uint64_t off, void *dst,
		    size_t len);
	/*
	 * load() of NVM_PAGE bytes, which also gives their CRC32C, in one
	 * pass over the bytes.  NULL where there is nothing to be won by it.
	 */
	int (*load_crc)(struct nvm_media *media, uint64_t off, void *dst,
			uint32_t *ret_crc);
	/*
	 * Visible at once; durable by the next drain (BUS) or sync (SYNC).
	 * The flush is folded in, so it cannot be forgotten.  A power loss
	 * before that keeps any subset of the aligned 8-byte words.
	 */
	int (*store)(struct nvm_media *media, uint64_t off, const void *src,
		     size_t len);
	/*
	 * store() of NVM_PAGE bytes, which also gives the CRC32C of what was
	 * stored: each byte of @src is read once, so it may change meanwhile.
	 * NULL where there is nothing to be won by it.
	 */
	int (*store_crc)(struct nvm_media *media, uint64_t off,
			 const void *src, uint32_t *ret_crc);
	/* Every earlier store of this thread is durable, on BUS media. */
	int (*drain)(struct nvm_media *media);
	/*
	 * What somebody else stored (a killed process) in this range is
	 * durable by the next drain.  For recovery only.
	 */
	int (*flush)(struct nvm_media *media, uint64_t off, uint64_t len);
	/*
	 * The range reads as zeros afterwards (hole punch or zero stores).
	 * Crashes like a store of zeros.
	 */
	int (*discard)(struct nvm_media *media, uint64_t off, uint64_t len);
	/*
	 * Later stores to the range will not fail for want of space in the
	 * backing.  Contents are unchanged; nothing to crash.
	 */
	int (*reserve)(struct nvm_media *media, uint64_t off, uint64_t len);
	/*
	 * Everything drained is durable even where the backing is the page
	 * cache (msync, fsync).  Nearly free on BUS media.
	 */
	int (*sync)(struct nvm_media *media);
	/* CRC32C (Castagnoli), continued from @crc; 0 to begin. */
	uint32_t (*crc32c)(uint32_t crc, const void *src, size_t len);
};

/*
 * An implementation embeds this as its first member and fills it before the
 * core sees it; the core only reads it.
 */
struct nvm_media {
	const struct nvm_media_ops *ops;
	const uint8_t *base;	/* for direct reads; NULL where there is none */
	uint64_t size_bytes;
	enum nvm_durability durability;
	bool read_only;
};

/*
 * The barrier between two steps of a protocol: what was stored before it is
 * durable before anything after it, whichever class the media is of.
 */
static inline int media_barrier(struct nvm_media *media)
{
	int err = media->ops->drain(media);

	if (!err && media->durability == NVM_SYNC)
		err = media->ops->sync(media);
	return err;
}

/* True if [off, off + len) lies inside the media; never overflows. */
static inline bool media_contains(const struct nvm_media *media, uint64_t off,
				  uint64_t len)
{
	return off <= media->size_bytes && len <= media->size_bytes - off;
}

#endif
