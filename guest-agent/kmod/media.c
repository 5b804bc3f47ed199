// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * media.c - the operations of base/media.h over the kernel's mapping of a
 * place.
 *
 * Crash story, as hosted/backing_media.c: whole lines are stored around the
 * cache (movnti), parts of a line into it by words of 8 bytes and written back;
 * either is durable after the fence of drain().  On memory whose domain is the
 * host's page cache (virtio-pmem) it is durable when the host says so: sync().
 */
#include <linux/init.h>
#include <linux/libnvdimm.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "nvmvd.h"

static struct nvmvd_place *place_of(struct nvm_media *media)
{
	return container_of(media, struct nvmvd_place, media);
}

/* By words, as the crash model has it; the bytes of a word are never torn. */
static void words_store(u8 *to, const u8 *src, size_t len)
{
	u8 *begin = to;
	size_t left = len;

	while (left) {
		if (left >= 8 && IS_ALIGNED((unsigned long)to, 8)) {
			u64 word;

			__builtin_memcpy(&word, src, 8);
			WRITE_ONCE(*(u64 *)to, word);
			to += 8;
			src += 8;
			left -= 8;
		} else {
			WRITE_ONCE(*to++, *src++);
			left--;
		}
	}
	arch_wb_cache_pmem(begin, len);
}

static void bytes_store(u8 *to, const u8 *src, size_t len)
{
	size_t head = -(unsigned long)to % NVM_LINE;
	size_t lines;

	if (len < head)
		head = len;
	lines = (len - head) / NVM_LINE * NVM_LINE;
	if (head)
		words_store(to, src, head);
	if (lines)
		memcpy_flushcache(to + head, src + head, lines);
	if (len - head - lines)
		words_store(to + head + lines, src + head + lines,
			    len - head - lines);
}

/* Is it known that these bytes, from the start of the place, are lost? */
bool nvmvd_media_lost(struct nvmvd_place *place, u64 off, u64 len)
{
	sector_t first = off >> SECTOR_SHIFT, bad;
	int count;

	return READ_ONCE(place->bad.count) &&
	       badblocks_check(&place->bad, first,
			       DIV_ROUND_UP_ULL(off + len, SECTOR_SIZE) - first,
			       &bad, &count);
}

static int media_load(struct nvm_media *media, uint64_t off, void *dst,
		      size_t len)
{
	struct nvmvd_place *place = place_of(media);

	if (!media_contains(media, off, len) ||
	    nvmvd_media_lost(place, place->data_off + off, len))
		return -NVM_EIO;
	return copy_mc_to_kernel(dst, place->data + off, len) ? -NVM_EIO : 0;
}

static int media_store(struct nvm_media *media, uint64_t off, const void *src,
		       size_t len)
{
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	bytes_store(place_of(media)->data + off, src, len);
	return 0;
}

static int media_store_crc(struct nvm_media *media, uint64_t off,
			   const void *src, uint32_t *ret_crc)
{
	if (!media_contains(media, off, NVM_PAGE))
		return -NVM_EIO;
	*ret_crc = nvmvd_crc()->store(place_of(media)->data + off, src);
	return 0;
}

static int media_drain(struct nvm_media *media)
{
	/* Streamed and written-back lines are in the domain behind it. */
	wmb();
	return 0;
}

static int media_flush(struct nvm_media *media, uint64_t off, uint64_t len)
{
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	arch_wb_cache_pmem(place_of(media)->data + off, len);
	return 0;
}

static int media_discard(struct nvm_media *media, uint64_t off, uint64_t len)
{
	const u8 *zeros = page_address(ZERO_PAGE(0));
	u8 *to = place_of(media)->data + off;

	if (!media_contains(media, off, len))
		return -NVM_EIO;
	while (len) {
		size_t step = min_t(u64, len, PAGE_SIZE);

		bytes_store(to, zeros, step);
		to += step;
		len -= step;
	}
	return 0;
}

/* The host has reserved the space, or stops this machine: nothing to do. */
static int media_reserve(struct nvm_media *media, uint64_t off, uint64_t len)
{
	return media_contains(media, off, len) ? 0 : -NVM_EIO;
}

/* On virtio-pmem the host's answer, which may be that it failed. */
static int media_sync(struct nvm_media *media)
{
	unsigned int noio = memalloc_noio_save();
	int err;

	/* The host is asked after all our stores; for that, memory is needed. */
	wmb();
	err = nvdimm_flush(place_of(media)->region, NULL);
	memalloc_noio_restore(noio);
	return err ? -NVM_EIO : 0;
}

static struct nvm_media_ops media_ops __ro_after_init = {
	.load = media_load,
	.store = media_store,
	.store_crc = media_store_crc,
	.drain = media_drain,
	.flush = media_flush,
	.discard = media_discard,
	.reserve = media_reserve,
	.sync = media_sync,
};

void __init nvmvd_media_start(void)
{
	media_ops.crc32c = nvmvd_crc()->sum;
}

void nvmvd_media_init(struct nvmvd_place *place)
{
	place->media.ops = &media_ops;
	place->media.base = place->data;
	place->media.size_bytes = place->bytes - place->data_off;
	place->media.durability = is_nvdimm_sync(place->region) ? NVM_BUS :
								  NVM_SYNC;
}
