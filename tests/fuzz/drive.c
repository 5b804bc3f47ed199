/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drive.c - opening, checking, looking, operations (drive.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/drive.h"

#define WRITE_MAX	(VD_GROUP_MAX + 6u)

static uint8_t bytes[WRITE_MAX * VD_BLOCK];

static uint32_t csum_of(const struct run *run, const uint8_t *block)
{
	return run->enemy->media[0]->ops->crc32c(0, block, VD_BLOCK);
}

bool has_poison(const struct run *run)
{
	return run->enemy->extent[0]->poison_count ||
	       run->enemy->extent[1]->poison_count;
}

/* ---- opening and closing ----------------------------------------------------- */

void leave(struct run *run)
{
	free(run->mem);
	run->mem = NULL;
	run->disk = NULL;
}

int enter(struct run *run, unsigned flags)
{
	struct vd_open_args args = { .flags = flags |
		(run->how & HOW_NO_VERIFY ? VD_OPEN_NO_VERIFY : 0) };
	const struct vd_area *area = &run->enemy->area;
	uint32_t order[VD_EXTENTS_MAX];
	struct nvm_fault fault = { 0 };
	int err = vd_probe(area, &run->geometry, order, &fault);
	const struct vd_geometry *g = &run->geometry;
	uint64_t total = 0;
	size_t mem_bytes;

	if (err)
		return err;
	for (uint32_t e = 0; e < area->extent_count; e++) {
		total += area->extent[e]->size_bytes;
		must(order[e] < area->extent_count, "no such extent");
	}
	run->lanes = run->how & HOW_ONE_LANE ? 1 : vd_lanes_max(g);
	if (run->lanes > 4)
		run->lanes = 4;
	must(g->block_count <= total / VD_BLOCK && g->logical_count &&
	     g->logical_count <= g->block_count && g->area_bytes <= total,
	     "a disk larger than its area");
	mem_bytes = vd_memory_bytes(g, run->lanes);
	must(mem_bytes <= (1u << 18) + 64ull * g->block_count,
	     "too much memory");
	run->mem = aligned_alloc(64, mem_bytes);
	must(run->mem, "no memory");
	memset(run->mem, 0xa5, mem_bytes);
	args.lane_count = run->lanes;
	args.mem = run->mem;
	args.mem_bytes = mem_bytes;
	err = vd_open(area, &args, &run->disk, &fault);
	if (err)
		leave(run);
	return err;
}

/* ---- checking ---------------------------------------------------------------- */

struct tally {
	uint32_t problems, repairable, not_repaired;
};

static void tally_problem(void *ctx, const struct vd_problem *problem)
{
	struct tally *tally = ctx;

	tally->problems++;
	/* SBs are mended by opening for writing, and told of all the same. */
	if (problem->finding == VD_FIND_SB)
		return;
	tally->repairable += problem->repairable;
	tally->not_repaired += problem->repairable && !problem->repaired;
}

static struct tally check_tally(struct run *run, bool mend)
{
	struct tally tally = { 0 };
	const struct vd_check_args args = { .repair = mend, .data = true,
		.report = tally_problem, .ctx = &tally };
	int err = vd_check(run->disk, &args, NULL);

	if (err)
		tally.problems++;
	return tally;
}

uint32_t check(struct run *run)
{
	return check_tally(run, false).problems;
}

void repair(struct run *run)
{
	struct tally first = check_tally(run, true);
	struct tally second = check_tally(run, false);

	must(second.repairable <= first.not_repaired || run->restless,
	     "a repair leaves what it repaired");
}

/* ---- looking ----------------------------------------------------------------- */

void look_around(struct run *run)
{
	struct vd_physical physical;
	struct vd_place place;
	struct vd_info info;
	const void *pinned;

	vd_info(run->disk, &info);
	must(info.mapped_count <= info.geometry.logical_count &&
	     info.free_count <= info.geometry.block_count, "wrong sums");
	for (uint32_t i = 0; i < info.geometry.block_count; i++)
		must(!vd_physical(run->disk, i, &physical) &&
		     physical.off_bytes + VD_BLOCK <=
		     run->enemy->media[physical.extent]->size_bytes,
		     "a block outside its extent");
	for (uint32_t i = 0; i < info.geometry.logical_count; i += 7)
		if (!vd_place(run->disk, i, &place) && place.mapped)
			must(place.block < info.geometry.block_count,
			     "a block that is none");
	for (uint32_t i = 0; i + VD_GROUP_MAX <= info.geometry.logical_count;
	     i += VD_GROUP_MAX)
		vd_read(run->disk, 0, i, VD_GROUP_MAX, bytes);
	if (!vd_pin(run->disk, 0, 0, &pinned) && pinned) {
		csum_of(run, pinned);
		vd_unpin(run->disk, 0, pinned);
	}
}

void blocks_find(struct run *run)
{
	for (uint32_t i = 0; i < run->geometry.logical_count; i++) {
		int err = vd_read(run->disk, 0, i, 1, bytes);

		run->block[i].known = err ? BLOCK_ANY : BLOCK_FOUND;
		run->block[i].csum = csum_of(run, bytes);
	}
}

void blocks_compare(struct run *run, int least, const char *when)
{
	if (run->restless)
		return;
	for (uint32_t i = 0; i < run->geometry.logical_count; i++) {
		int err;

		if (!run->block[i].known || (int)run->block[i].known < least)
			continue;
		err = vd_read(run->disk, 0, i, 1, bytes);
		if (err ? has_poison(run)
			: csum_of(run, bytes) == run->block[i].csum)
			continue;
		fprintf(stderr, "fuzz: block %u (%s, %s disk): %s, %s\n", i,
			run->block[i].known == BLOCK_WRITTEN ? "written"
							     : "found",
			run->sound ? "sound" : "damaged",
			err ? nvm_strerror(err) : "other bytes", when);
		abort();
	}
}

/* ---- operations -------------------------------------------------------------- */

static void known_set(struct run *run, uint64_t first, uint64_t count, int err,
		      const uint8_t *content)
{
	for (uint64_t i = 0; i < count; i++) {
		struct block *block = &run->block[first + i];

		block->known = err ? BLOCK_ANY : BLOCK_WRITTEN;
		if (!err)
			block->csum = csum_of(run, content + i * VD_BLOCK);
	}
}

static void op_write(struct run *run, uint32_t lane, uint64_t first,
		     uint32_t count, unsigned flags)
{
	int err;

	for (uint32_t i = 0; i < count; i++) {
		memset(bytes + (size_t)i * VD_BLOCK, (int)run->version,
		       VD_BLOCK);
		run->version++;
		memcpy(bytes + (size_t)i * VD_BLOCK, &run->version, 4);
	}
	err = vd_write(run->disk, lane, first, count, bytes, flags);
	if (err != -NVM_EINVAL)
		known_set(run, first, count, err, bytes);
}

/* Parts of two blocks: what they are then is asked for. */
static void op_part(struct run *run, uint32_t lane, uint64_t first,
		    uint8_t how, bool zero)
{
	uint64_t off = first * VD_BLOCK + how % 8 * VD_SECTOR;
	uint64_t len = (1 + how / 8) * VD_SECTOR, count;
	uint8_t old[2 * VD_BLOCK];
	int err;

	if (len > VD_BLOCK)
		len = VD_BLOCK;
	if (first + 2 > run->geometry.logical_count)
		return;
	count = (off + len - 1) / VD_BLOCK - first + 1;
	err = vd_read(run->disk, lane, first, 2, old);
	memset(bytes, zero ? 0 : (int)++run->version, len);
	if (zero && vd_zero(run->disk, lane, off, len))
		err = -1;
	else if (!zero && vd_pwrite(run->disk, lane, off, len, bytes, 0))
		err = -1;
	memcpy(old + (off - first * VD_BLOCK), bytes, len);
	known_set(run, first, count, err, old);
}

static void op_trim(struct run *run, uint32_t lane, uint64_t first,
		    uint64_t count)
{
	static const uint8_t zero[VD_BLOCK];
	int err;

	if (count > run->geometry.logical_count - first)
		count = run->geometry.logical_count - first;
	err = vd_trim(run->disk, lane, first, count);
	for (uint64_t i = 0; i < count; i++)
		known_set(run, first + i, 1, err, zero);
}

/* A pinned block keeps its bytes, whatever is written. */
static void op_pin(struct run *run, uint32_t lane, uint64_t first)
{
	const void *pinned;
	uint32_t csum;

	if (vd_pin(run->disk, lane, first, &pinned) || !pinned)
		return;
	csum = csum_of(run, pinned);
	for (uint32_t i = 0; i < 3; i++)
		op_write(run, lane, first, 1, VD_WRITE_FUA);
	must(csum == csum_of(run, pinned) || run->restless,
	     "a pinned block changes");
	vd_unpin(run->disk, lane, pinned);
}

void operate(struct run *run, const uint8_t op[4])
{
	uint32_t logical = run->geometry.logical_count;
	uint64_t first = ((uint64_t)op[1] | (uint64_t)op[2] << 8) % logical;
	uint32_t lane = (op[0] >> 4) % run->lanes;
	struct wear_config config = { .policy = op[3] % 3,
		.threshold = op[1], .budget = op[2] };

	switch (op[0] % 10) {
	case 0:
		op_write(run, lane, first, 1, op[3] & 7);
		break;
	case 1:
		op_write(run, lane, first, op[3] % WRITE_MAX,
			 op[3] & 128 ? VD_WRITE_ATOMIC : 0);
		break;
	case 2:
		op_trim(run, lane, first, op[3] == 255 ? logical : op[3]);
		break;
	case 3:
		op_part(run, lane, first, op[3], false);
		break;
	case 4:
		op_part(run, lane, first, op[3], true);
		break;
	case 5:
		vd_flush(run->disk, lane);
		break;
	case 6:
		vd_level(run->disk, lane, op[3] * 16, op[2], op[1] & 1, NULL);
		break;
	case 7:
		op_pin(run, lane, first);
		break;
	case 8:
		vd_policy(run->disk, &config);
		break;
	default:
		for (uint32_t i = 0; i < op[3]; i++)
			op_write(run, lane, (first + i * 5) % logical, 1, 0);
		break;
	}
}
