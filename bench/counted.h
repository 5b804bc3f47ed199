/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * counted.h - a media that hands every call on to another one and counts the
 * bytes: what an operation really read and stored, not what it should have.
 */
#ifndef NVM_BENCH_COUNTED_H
#define NVM_BENCH_COUNTED_H

#include "base/media.h"

struct counted {
	struct nvm_media media;		/* first: the core's view */
	struct nvm_media_ops ops;
	struct nvm_media *under;
	uint64_t load_bytes, store_bytes;
};

void counted_init(struct counted *counted, struct nvm_media *under);

#endif
