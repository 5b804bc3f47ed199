/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdisk_rig.h - a virtual disk on simulated media, for unit tests: one or more
 * extents, opened and closed at will, with blocks whose bytes tell who they are.
 */
#ifndef TESTS_VDISK_RIG_H
#define TESTS_VDISK_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/domain.h"
#include "vdisk/vdisk.h"

#define RIG_EXTENTS	4u

struct rig {
	struct domain *domain[RIG_EXTENTS];
	struct nvm_media *extent[RIG_EXTENTS];
	struct vd_area area;
	struct vd_geometry geometry;
	struct vdisk *disk;
	void *mem;
	uint32_t lanes;
};

static const uint8_t rig_uuid[VD_UUID_LEN] = "a virtual disk.";

/* The bytes of version @version of block @block: no two are the same. */
static inline void rig_fill(uint8_t bytes[VD_BLOCK], uint64_t block,
			    uint64_t version)
{
	for (size_t i = 0; i < VD_BLOCK / 8; i++) {
		uint64_t word = (block << 32 ^ version) * 0x9e3779b97f4a7c15u +
				i * 0xbf58476d1ce4e5b9u;

		memcpy(bytes + i * 8, &word, 8);
	}
}

static inline int rig_write(struct rig *rig, uint64_t block, uint64_t version)
{
	uint8_t bytes[VD_BLOCK];

	rig_fill(bytes, block, version);
	return vd_write(rig->disk, 0, block, 1, bytes, 0);
}

/* Version 0: zeros. */
static inline void rig_expect(struct rig *rig, uint64_t block,
			      uint64_t version)
{
	uint8_t expected[VD_BLOCK] = { 0 }, found[VD_BLOCK];

	if (version)
		rig_fill(expected, block, version);
	assert_int_equal(vd_read(rig->disk, 0, block, 1, found), 0);
	assert_memory_equal(expected, found, VD_BLOCK);
}

static inline int rig_try_open(struct rig *rig, unsigned flags)
{
	struct vd_open_args args = { .flags = flags,
		.lane_count = rig->lanes };
	struct nvm_fault fault = { 0 };
	int err = vd_probe(&rig->area, &rig->geometry, NULL, &fault);

	free(rig->mem);
	rig->mem = NULL;
	rig->disk = NULL;
	if (err)
		return err;
	rig->mem = aligned_alloc(64, vd_memory_bytes(&rig->geometry,
						     rig->lanes));
	assert_non_null(rig->mem);
	args.mem = rig->mem;
	args.mem_bytes = vd_memory_bytes(&rig->geometry, rig->lanes);
	return vd_open(&rig->area, &args, &rig->disk, &fault);
}

static inline void rig_open(struct rig *rig)
{
	assert_int_equal(rig_try_open(rig, 0), 0);
}

static inline void rig_close(struct rig *rig)
{
	assert_int_equal(vd_close(rig->disk, NULL), 0);
	rig->disk = NULL;
}

static inline void rig_create(struct rig *rig, const uint64_t *extent_bytes,
			      uint32_t extent_count, uint32_t logical_count,
			      enum nvm_durability durability,
			      enum wear_policy policy)
{
	struct vd_create_args args = { .logical_count = logical_count,
		.uuid = rig_uuid, .secret = 0x5ec4e7, .policy = policy,
		.clean = true, .label = "rig" };

	*rig = (struct rig){ .lanes = 2 };
	for (uint32_t e = 0; e < extent_count; e++) {
		rig->domain[e] = domain_new(extent_bytes[e], durability);
		assert_non_null(rig->domain[e]);
		rig->extent[e] = &rig->domain[e]->media;
	}
	rig->area = (struct vd_area){ rig->extent, extent_count };
	assert_int_equal(vd_create(&rig->area, &args, NULL), 0);
}

static inline void rig_end(struct rig *rig)
{
	free(rig->mem);
	for (uint32_t e = 0; e < RIG_EXTENTS; e++)
		domain_free(rig->domain[e]);
}

/* How many problems a check finds; and the last of them. */
struct rig_problems {
	unsigned count;
	struct vd_problem last;
};

static inline void rig_report(void *ctx, const struct vd_problem *problem)
{
	struct rig_problems *problems = ctx;

	problems->count++;
	problems->last = *problem;
}

static inline struct rig_problems rig_check(struct rig *rig, bool repair)
{
	struct rig_problems problems = { 0 };
	struct vd_check_args args = { .repair = repair, .data = true,
		.report = rig_report, .ctx = &problems };

	assert_int_equal(vd_check(rig->disk, &args, NULL), 0);
	return problems;
}

#endif
