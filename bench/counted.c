// SPDX-License-Identifier: BSD-3-Clause
/*
 * counted.c - see counted.h.
 */
#include "bench/counted.h"

static struct counted *counted_of(struct nvm_media *media)
{
	return (struct counted *)media;
}

static struct nvm_media *under_of(struct nvm_media *media)
{
	return counted_of(media)->under;
}

static int counted_load(struct nvm_media *media, uint64_t off, void *dst,
			size_t len)
{
	counted_of(media)->load_bytes += len;
	return under_of(media)->ops->load(under_of(media), off, dst, len);
}

static int counted_store(struct nvm_media *media, uint64_t off,
			 const void *src, size_t len)
{
	counted_of(media)->store_bytes += len;
	return under_of(media)->ops->store(under_of(media), off, src, len);
}

static int counted_drain(struct nvm_media *media)
{
	return under_of(media)->ops->drain(under_of(media));
}

static int counted_flush(struct nvm_media *media, uint64_t off, uint64_t len)
{
	return under_of(media)->ops->flush(under_of(media), off, len);
}

static int counted_discard(struct nvm_media *media, uint64_t off,
			   uint64_t len)
{
	return under_of(media)->ops->discard(under_of(media), off, len);
}

static int counted_reserve(struct nvm_media *media, uint64_t off,
			   uint64_t len)
{
	return under_of(media)->ops->reserve(under_of(media), off, len);
}

static int counted_sync(struct nvm_media *media)
{
	return under_of(media)->ops->sync(under_of(media));
}

void counted_init(struct counted *counted, struct nvm_media *under)
{
	*counted = (struct counted){
		.media = *under,
		.ops = {
			.load = counted_load,
			.store = counted_store,
			.drain = counted_drain,
			.flush = counted_flush,
			.discard = counted_discard,
			.reserve = counted_reserve,
			.sync = counted_sync,
			/* Has no context to count with: handed on as it is. */
			.crc32c = under->ops->crc32c,
		},
		.under = under,
	};
	counted->media.ops = &counted->ops;
}
