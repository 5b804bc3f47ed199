// SPDX-License-Identifier: BSD-3-Clause
/*
 * window.c - hand each operation on, moved (window.h).
 */
#include "base/window.h"

static struct window *window_of(struct nvm_media *media)
{
	return (struct window *)media;
}

static int window_load(struct nvm_media *media, uint64_t off, void *dst,
		       size_t len)
{
	struct window *window = window_of(media);

	if (!media_contains(media, off, len))
		return -NVM_EIO;
	return window->under->ops->load(window->under, window->off_bytes + off,
					dst, len);
}

static int window_load_crc(struct nvm_media *media, uint64_t off, void *dst,
			   uint32_t *ret_crc)
{
	struct window *window = window_of(media);

	if (!media_contains(media, off, NVM_PAGE))
		return -NVM_EIO;
	return window->under->ops->load_crc(window->under,
					    window->off_bytes + off, dst,
					    ret_crc);
}

static int window_store(struct nvm_media *media, uint64_t off,
			const void *src, size_t len)
{
	struct window *window = window_of(media);

	if (!media_contains(media, off, len))
		return -NVM_EIO;
	return window->under->ops->store(window->under,
					 window->off_bytes + off, src, len);
}

static int window_drain(struct nvm_media *media)
{
	struct nvm_media *under = window_of(media)->under;

	return under->ops->drain(under);
}

static int window_sync(struct nvm_media *media)
{
	struct nvm_media *under = window_of(media)->under;

	return under->ops->sync(under);
}

/* flush, discard and reserve take the same arguments. */
#define WINDOW_RANGE(name)						\
static int window_##name(struct nvm_media *media, uint64_t off,	\
			 uint64_t len)					\
{									\
	struct window *window = window_of(media);			\
									\
	if (!media_contains(media, off, len))				\
		return -NVM_EIO;					\
	return window->under->ops->name(window->under,			\
					window->off_bytes + off, len);	\
}
WINDOW_RANGE(flush)
WINDOW_RANGE(discard)
WINDOW_RANGE(reserve)

/* The operations are the window's, the checksum the media's below. */
static const struct nvm_media_ops window_ops = {
	.load = window_load,
	.store = window_store,
	.drain = window_drain,
	.flush = window_flush,
	.discard = window_discard,
	.reserve = window_reserve,
	.sync = window_sync,
};

void window_init(struct window *window, struct nvm_media *under,
		 uint64_t off_bytes, uint64_t size_bytes)
{
	*window = (struct window){
		.media = {
			.base = under->base ? under->base + off_bytes : NULL,
			.size_bytes = size_bytes,
			.durability = under->durability,
			.read_only = under->read_only,
		},
		.ops = window_ops,
		.under = under,
		.off_bytes = off_bytes,
	};
	window->ops.crc32c = under->ops->crc32c;
	if (under->ops->load_crc)
		window->ops.load_crc = window_load_crc;
	window->media.ops = &window->ops;
}
