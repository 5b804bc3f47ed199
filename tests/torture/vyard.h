/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vyard.h - virtual disks to be tortured: a small disk on a simulated domain,
 * and blocks whose bytes tell which write they are of.
 */
#ifndef TORTURE_VYARD_H
#define TORTURE_VYARD_H

#include "base/window.h"
#include "tests/torture/domain.h"
#include "vdisk/vdisk.h"

#define VYARD_EXTENTS_MAX	3u
#define VYARD_SECTORS		(VD_BLOCK / VD_SECTOR)
#define VYARD_AREA		VD_AREA_MIN

/* What a block holds: the tag of each sector's write; 0: zeros. */
struct vcontent {
	uint64_t tag[VYARD_SECTORS];
};

struct vyard {
	struct domain *domain;
	struct window window[VYARD_EXTENTS_MAX];
	struct nvm_media *extent[VYARD_EXTENTS_MAX];
	struct vd_area area;		/* as it is opened next */
	struct vd_geometry geometry;	/* of the disk as opened last */
	struct vdisk *disk;
	void *mem;
	size_t mem_bytes;
	uint32_t lane_count;		/* for opening; cut to what there is */
	void (*relax)(void *ctx);
	void *relax_ctx;
};

void vyard_begin(struct vyard *yard, uint64_t room_bytes,
		 enum nvm_durability durability);
void vyard_end(struct vyard *yard);

/* The area is extents of these sizes, one behind the other in the domain. */
void vyard_area(struct vyard *yard, const uint64_t *bytes, uint32_t count);

/* Kinds of disks differ in uuid and secret. */
int vyard_create(struct vyard *yard, uint32_t logical_count, uint8_t kind,
		 bool clean);
bool vyard_is_kind(const struct vyard *yard, uint8_t kind);

/* Open, taking the memory that it needs; flags as of vd_open(). */
int vyard_open(struct vyard *yard, unsigned flags);

/* The bytes of sectors of a block, and back. */
void vcontent_bytes(uint32_t block, const struct vcontent *content,
		    uint8_t ret_bytes[VD_BLOCK]);
/* False: not bytes of this block, or of two writes in one sector. */
bool vcontent_parse(uint32_t block, const uint8_t bytes[VD_BLOCK],
		    struct vcontent *ret_content);
static inline bool vcontent_equal(const struct vcontent *a,
				  const struct vcontent *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* For what cannot go on: abort(). */
void vyard_must(bool good, const char *what);

#endif
