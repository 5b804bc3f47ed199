// SPDX-License-Identifier: BSD-3-Clause
/*
 * media.c - the operations of base/media.h over a mapped range of persistent
 * memory.
 *
 * Crash story, as hosted/backing_media.c: whole lines are stored around the
 * cache, parts of a line into it and written back; either is durable after the
 * sfence of drain().
 */
#include "base/crc.h"
#include "guest-agent/libos/machine.h"

static struct libos_media *media_of(struct nvm_media *media)
{
	return (struct libos_media *)media;
}

static void line_flush(const void *line)
{
	__asm__ volatile("clwb %0" : : "m"(*(const char *)line) : "memory");
}

static void range_flush(const uint8_t *at, uint64_t len)
{
	uint64_t back = (uintptr_t)at % NVM_LINE;

	at -= back;
	for (len += back; len; len -= len < NVM_LINE ? len : NVM_LINE) {
		line_flush(at);
		at += NVM_LINE;
	}
}

static void word_stream(uint8_t *to, uint64_t word)
{
	__asm__ volatile("movnti %1, %0" : "=m"(*(uint64_t *)(void *)to) :
			 "r"(word));
}

/* @src NULL: zeros. */
static void part_store(uint8_t *to, const uint8_t *src, size_t len)
{
	if (src)
		memcpy(to, src, len);
	else
		memset(to, 0, len);
	range_flush(to, len);
}

static void bytes_store(uint8_t *to, const uint8_t *src, size_t len)
{
	size_t head = -(uintptr_t)to % NVM_LINE;
	size_t lines = len < head ? 0 : (len - head) / NVM_LINE * NVM_LINE;

	if (!lines) {
		part_store(to, src, len);
		return;
	}
	part_store(to, src, head);
	for (size_t i = head; i < head + lines; i += 8) {
		uint64_t word = 0;

		if (src)
			memcpy(&word, src + i, sizeof(word));
		word_stream(to + i, word);
	}
	part_store(to + head + lines, src ? src + head + lines : NULL,
		   len - head - lines);
}

static int media_load(struct nvm_media *media, uint64_t off, void *dst,
		      size_t len)
{
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	memcpy(dst, media_of(media)->bytes + off, len);
	return 0;
}

static int media_store(struct nvm_media *media, uint64_t off, const void *src,
		       size_t len)
{
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	bytes_store(media_of(media)->bytes + off, src, len);
	return 0;
}

static int media_drain(struct nvm_media *media)
{
	(void)media;
	__asm__ volatile("sfence" : : : "memory");
	return 0;
}

static int media_flush(struct nvm_media *media, uint64_t off, uint64_t len)
{
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	range_flush(media_of(media)->bytes + off, len);
	return 0;
}

static int media_discard(struct nvm_media *media, uint64_t off, uint64_t len)
{
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	bytes_store(media_of(media)->bytes + off, NULL, len);
	return 0;
}

/* The host has reserved the space, or stops this VM: nothing for us to do. */
static int media_reserve(struct nvm_media *media, uint64_t off, uint64_t len)
{
	return media_contains(media, off, len) ? 0 : -NVM_EIO;
}

static uint32_t media_crc32c(uint32_t crc, const void *src, size_t len)
{
	const uint8_t *at = src;
	uint64_t sum = (uint32_t)~crc, word;
	uint32_t last;

	for (; len >= sizeof(word); len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		__asm__("crc32q %1, %0" : "+r"(sum) : "rm"(word));
		at += sizeof(word);
	}
	last = (uint32_t)sum;
	while (len--)
		__asm__("crc32b %1, %0" : "+r"(last) : "rm"(*at++));
	return ~last;
}

static const struct nvm_media_ops media_ops = {
	.load = media_load,
	.store = media_store,
	.drain = media_drain,
	.flush = media_flush,
	.discard = media_discard,
	.reserve = media_reserve,
	.sync = media_drain,
	.crc32c = media_crc32c,
};

static bool cpu_has_clwb(void)
{
	uint32_t a = 7, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return b >> 24 & 1;
}

int libos_media_init(struct libos_media *media, struct libos_range range)
{
	if (!crc_has_instruction() || !cpu_has_clwb())
		return -NVM_EINVAL;
	*media = (struct libos_media){
		.media = {
			.ops = &media_ops,
			.base = at_physical(range.base),
			.size_bytes = range.size_bytes,
			.durability = NVM_BUS,
		},
		.bytes = at_physical(range.base),
	};
	return 0;
}
