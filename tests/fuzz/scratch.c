/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scratch.c - the media of scratch.h.
 */
#include <isa-l/crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/fuzz/scratch.h"

/* A run makes a few 10,000; a small disk's recovery a few for each block. */
#define CALLS_MAX	8000000u

void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static struct scratch *scratch_of(struct nvm_media *media)
{
	return (struct scratch *)media;
}

static void call_check(struct scratch *scratch, uint64_t off, uint64_t len)
{
	must(media_contains(&scratch->media, off, len),
	     "the media is called out of its bounds");
	must(++scratch->calls < CALLS_MAX, "there is no end of calls");
}

static bool is_poisoned(const struct scratch *scratch, uint64_t off,
			uint64_t len)
{
	for (uint32_t i = 0; i < scratch->poison_count; i++)
		if (scratch->poison[i].len &&
		    off < scratch->poison[i].off + scratch->poison[i].len &&
		    scratch->poison[i].off < off + len)
			return true;
	return false;
}

static void touch(struct scratch *scratch, uint64_t off, uint64_t len)
{
	for (uint64_t page = off / NVM_PAGE; page * NVM_PAGE < off + len; page++)
		scratch->touched[page] = 1;
}

static int scratch_load(struct nvm_media *media, uint64_t off, void *dst,
			size_t len)
{
	struct scratch *scratch = scratch_of(media);

	call_check(scratch, off, len);
	if (scratch->load_count && *scratch->load_count &&
	    !--*scratch->load_count)
		scratch->meanwhile(scratch->ctx);
	if (is_poisoned(scratch, off, len))
		return -NVM_EIO;
	memcpy(dst, scratch->image + off, len);
	return 0;
}

static void change_check(struct scratch *scratch, uint64_t off, uint64_t len)
{
	call_check(scratch, off, len);
	must(!scratch->media.read_only, "reading stores");
}

/* Lines stored as a whole are good again; what is behind them in a range, too. */
static void poison_clear(struct scratch *scratch, uint64_t off, uint64_t len)
{
	uint64_t first = (off + NVM_LINE - 1) & ~(uint64_t)(NVM_LINE - 1);
	uint64_t end = (off + len) & ~(uint64_t)(NVM_LINE - 1);

	for (uint32_t i = 0; i < scratch->poison_count; i++) {
		uint64_t from = scratch->poison[i].off;
		uint64_t to = from + scratch->poison[i].len;

		if (first >= end || from >= end || to <= first)
			continue;
		if (from < first)
			scratch->poison[i].len = first - from;
		else {
			from = end < to ? end : to;
			scratch->poison[i].off = from;
			scratch->poison[i].len = to - from;
		}
	}
}

static int scratch_store(struct nvm_media *media, uint64_t off,
			 const void *src, size_t len)
{
	struct scratch *scratch = scratch_of(media);

	change_check(scratch, off, len);
	if (scratch->refuse && is_poisoned(scratch, off, len))
		return -NVM_EIO;
	poison_clear(scratch, off, len);
	touch(scratch, off, len);
	memcpy(scratch->image + off, src, len);
	return 0;
}

static int scratch_discard(struct nvm_media *media, uint64_t off,
			   uint64_t len)
{
	struct scratch *scratch = scratch_of(media);

	change_check(scratch, off, len);
	touch(scratch, off, len);
	memset(scratch->image + off, 0, len);
	return 0;
}

/* Nothing to do, if it may be asked at all. */
static int scratch_range(struct nvm_media *media, uint64_t off, uint64_t len)
{
	change_check(scratch_of(media), off, len);
	return 0;
}

static int scratch_barrier(struct nvm_media *media)
{
	must(!media->read_only, "reading drains");
	return 0;
}

static uint32_t scratch_crc32c(uint32_t crc, const void *src, size_t len)
{
	union {
		const void *in;
		unsigned char *out;	/* the library only reads it */
	} bytes = { .in = src };

	return ~crc32_iscsi(bytes.out, (int)len, ~crc);
}

static const struct nvm_media_ops scratch_ops = {
	.load = scratch_load,
	.store = scratch_store,
	.drain = scratch_barrier,
	.flush = scratch_range,
	.discard = scratch_discard,
	.reserve = scratch_range,
	.sync = scratch_barrier,
	.crc32c = scratch_crc32c,
};

static uint8_t *zeros(uint64_t len)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			 MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(mem != MAP_FAILED, "no memory");
	return mem;
}

struct scratch *scratch_new(uint64_t size_bytes, uint64_t room_bytes)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	must(scratch, "no memory");
	scratch->image = zeros(room_bytes);
	scratch->original = zeros(room_bytes);
	scratch->touched = zeros(room_bytes / NVM_PAGE + 1);
	scratch->room_bytes = room_bytes;
	scratch->media = (struct nvm_media){ .ops = &scratch_ops,
		.base = scratch->image, .size_bytes = size_bytes };
	return scratch;
}

static void pages_copy(struct scratch *scratch, uint8_t *to,
		       const uint8_t *from)
{
	uint64_t pages = scratch->room_bytes / NVM_PAGE;

	for (uint64_t page = 0; page < pages; page++)
		if (scratch->touched[page])
			memcpy(to + page * NVM_PAGE, from + page * NVM_PAGE,
			       NVM_PAGE);
	memset(scratch->touched, 0, pages);
}

void scratch_keep(struct scratch *scratch)
{
	pages_copy(scratch, scratch->original, scratch->image);
}

void scratch_reset(struct scratch *scratch, uint64_t size_bytes)
{
	pages_copy(scratch, scratch->image, scratch->original);
	scratch->media.size_bytes = size_bytes;
	scratch->media.read_only = false;
	scratch->poison_count = 0;
	scratch->refuse = false;
	scratch->calls = 0;
	scratch->load_count = NULL;
}

void scratch_poke(struct scratch *scratch, uint64_t off, const void *src,
		  uint64_t len)
{
	if (off >= scratch->room_bytes)
		return;
	if (len > scratch->room_bytes - off)
		len = scratch->room_bytes - off;
	touch(scratch, off, len);
	memcpy(scratch->image + off, src, len);
}
