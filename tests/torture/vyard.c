// SPDX-License-Identifier: BSD-3-Clause
/*
 * vyard.c - make and open the disks of the torture; the bytes of a block.
 */
#include "tests/torture/vyard.h"

#include <stdlib.h>
#include <string.h>

void vyard_must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "torture: cannot build the disk: %s\n", what);
	abort();
}

void vyard_begin(struct vyard *yard, uint64_t room_bytes,
		 enum nvm_durability durability)
{
	*yard = (struct vyard){
		.domain = domain_new(room_bytes, durability),
		.lane_count = 1,
	};
	vyard_must(yard->domain, "memory");
	vyard_area(yard, &room_bytes, 1);
}

void vyard_end(struct vyard *yard)
{
	domain_free(yard->domain);
	free(yard->mem);
}

void vyard_area(struct vyard *yard, const uint64_t *bytes, uint32_t count)
{
	struct nvm_media *media = &yard->domain->media;
	uint64_t off = 0;

	for (uint32_t e = 0; e < count; e++) {
		window_init(&yard->window[e], media, off, bytes[e]);
		yard->extent[e] = &yard->window[e].media;
		off += bytes[e];
	}
	/* Without a window the events carry the core's own call sites. */
	if (count == 1 && off == media->size_bytes)
		yard->extent[0] = media;
	yard->area = (struct vd_area){ yard->extent, count };
}

static void uuid_of(uint8_t kind, uint8_t ret_uuid[VD_UUID_LEN])
{
	for (unsigned i = 0; i < VD_UUID_LEN; i++)
		ret_uuid[i] = (uint8_t)(kind * 16 + i + 1);
}

int vyard_create(struct vyard *yard, uint32_t logical_count, uint8_t kind,
		 bool clean)
{
	uint8_t uuid[VD_UUID_LEN];
	struct vd_create_args args = {
		.logical_count = logical_count, .uuid = uuid,
		.secret = 0x5ec2e7ull * (kind + 1u),
		.created_s = 1763800000, .label = "vyard",
		.policy = WEAR_ADAPTIVE, .clean = clean,
	};

	uuid_of(kind, uuid);
	return vd_create(&yard->area, &args, NULL);
}

bool vyard_is_kind(const struct vyard *yard, uint8_t kind)
{
	uint8_t uuid[VD_UUID_LEN];
	struct vd_info info;

	uuid_of(kind, uuid);
	vd_info(yard->disk, &info);
	return !memcmp(uuid, info.uuid, sizeof(uuid));
}

int vyard_open(struct vyard *yard, unsigned flags)
{
	struct vd_open_args args = {
		.flags = flags, .lane_count = yard->lane_count,
		.relax = yard->relax, .ctx = yard->relax_ctx,
	};
	int err = vd_probe(&yard->area, &yard->geometry, NULL, NULL);
	size_t need;

	yard->disk = NULL;
	if (err)
		return err;
	if (args.lane_count > vd_lanes_max(&yard->geometry))
		args.lane_count = vd_lanes_max(&yard->geometry);
	need = (vd_memory_bytes(&yard->geometry, args.lane_count) + 63) / 64 *
	       64;
	if (need > yard->mem_bytes) {
		free(yard->mem);
		yard->mem = aligned_alloc(64, need);
		vyard_must(yard->mem, "memory");
		/* What the core must not take for zeros. */
		memset(yard->mem, 0xa5, need);
		yard->mem_bytes = need;
	}
	args.mem = yard->mem;
	args.mem_bytes = need;
	return vd_open(&yard->area, &args, &yard->disk, NULL);
}

/* ---- bytes ------------------------------------------------------------------ */

#define WORDS	(VD_SECTOR / 8)

#define STEP	0xc2b2ae3d27d4eb4fu

/* The first word's place; each one behind it has STEP more. */
static uint64_t word_first(uint64_t tag, uint64_t block, unsigned sector)
{
	return tag * 0x9e3779b97f4a7c15u +
	       (block * VYARD_SECTORS + sector) * WORDS * STEP;
}

void vcontent_bytes(uint32_t block, const struct vcontent *content,
		    uint8_t ret_bytes[VD_BLOCK])
{
	for (unsigned s = 0; s < VYARD_SECTORS; s++) {
		uint64_t word[WORDS] = { content->tag[s] };

		for (unsigned i = 1; content->tag[s] && i < WORDS; i++)
			word[i] = word_first(word[0], block, s) + i * STEP;
		memcpy(ret_bytes + s * VD_SECTOR, word, VD_SECTOR);
	}
}

bool vcontent_parse(uint32_t block, const uint8_t bytes[VD_BLOCK],
		    struct vcontent *ret_content)
{
	for (unsigned s = 0; s < VYARD_SECTORS; s++) {
		uint64_t word[WORDS], differ = 0, want, step;

		memcpy(word, bytes + s * VD_SECTOR, VD_SECTOR);
		want = word[0] ? word_first(word[0], block, s) : 0;
		step = word[0] ? STEP : 0;
		for (unsigned i = 1; i < WORDS; i++)
			differ |= word[i] ^ (want += step);
		if (differ)
			return false;
		ret_content->tag[s] = word[0];
	}
	return true;
}
