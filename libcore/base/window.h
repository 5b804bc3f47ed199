/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * window.h - a part of a media as a media of its own.  Operations are handed
 * on with the window's place added; drain and sync are the whole media's.
 */
#ifndef NVM_BASE_WINDOW_H
#define NVM_BASE_WINDOW_H

#include "base/media.h"

struct window {
	struct nvm_media media;		/* first: the core's view */
	struct nvm_media_ops ops;	/* ours, with the checksum of @under */
	struct nvm_media *under;
	uint64_t off_bytes;		/* of the window's first byte */
};

/* [off, off + size) must lie inside @under, which outlives the window. */
void window_init(struct window *window, struct nvm_media *under,
		 uint64_t off_bytes, uint64_t size_bytes);

#endif
