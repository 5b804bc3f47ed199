// SPDX-License-Identifier: BSD-3-Clause
/*
 * core_disk.c - see core_disk.h.
 */
#include "bench/core_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core_raw.h"
#include "hosted/arena.h"
#include "hosted/backing.h"

static int disk_failed(const char *what, int err, const struct nvm_fault *fault)
{
	fprintf(stderr, "bench: cannot %s the disk: %s%s%s\n", what,
		nvm_strerror(err), fault && fault->what ? ": " : "",
		fault && fault->what ? fault->what : "");
	return -1;
}

/* ---- opening --------------------------------------------------------------------- */

/*
 * A backing of our own and not an area of hosted/area.h, which guards it once
 * and for all: here the guard is switched between slices.
 */
static int disk_backing(struct core_disk *disk, const char *path,
			bool assume_bus)
{
	struct failure failure;

	if (backing_open(path, BACKING_WRITE, &disk->backing, &failure) ||
	    stray_set(disk->backing, STRAY_AUTO, &failure)) {
		fprintf(stderr, "bench: %s\n", failure.text);
		return -1;
	}
	disk->extent = backing_media(disk->backing);
	if (assume_bus)
		disk->extent->durability = NVM_BUS;
	disk->area = (struct vd_area){ &disk->extent, 1 };
	raw_populate(disk->extent->base, (size_t)disk->extent->size_bytes);
	return 0;
}

static int workers_make(struct core_disk *disk)
{
	for (uint32_t i = 0; i < DISK_LANES; i++) {
		struct disk_worker *worker = &disk->worker[i];
		size_t bytes = DISK_RUN_BLOCKS * VD_BLOCK;

		*worker = (struct disk_worker){ .disk = disk, .lane = i };
		worker->buffer = aligned_alloc(VD_BLOCK, bytes);
		if (!worker->buffer)
			return disk_failed("write to", -NVM_ENOMEM, NULL);
		memset(worker->buffer, 0x5a + (int)i, bytes);
	}
	disk_rewind(disk);
	return 0;
}

static int disk_fill(struct core_disk *disk)
{
	uint64_t runs = disk->geometry.logical_count / DISK_RUN_BLOCKS;
	uint64_t rest = disk->geometry.logical_count % DISK_RUN_BLOCKS;
	struct disk_worker *worker = &disk->worker[0];
	int err = disk_write_run(worker, runs);

	if (!err && rest)
		err = vd_write(disk->disk, 0, runs * DISK_RUN_BLOCKS,
			       (uint32_t)rest, worker->buffer, 0);
	return err ? disk_failed("fill", err, NULL) : 0;
}

int disk_make(struct core_disk *disk, const char *path, bool assume_bus)
{
	static const uint8_t uuid[VD_UUID_LEN] = "a measured disk";
	const struct vd_create_args args = {
		.uuid = uuid, .secret = 1, .policy = WEAR_ADAPTIVE,
	};
	struct nvm_fault fault = { 0 };
	int err;

	*disk = (struct core_disk){ 0 };
	if (disk_backing(disk, path, assume_bus) || workers_make(disk))
		return -1;
	err = vd_create(&disk->area, &args, &fault);
	if (err)
		return disk_failed("create", err, &fault);
	if (disk_open(disk, 1))
		return -1;
	return disk_fill(disk);
}

void *disk_memory(struct core_disk *disk, uint32_t lane_count)
{
	struct nvm_fault fault = { 0 };
	int err = vd_probe(&disk->area, &disk->geometry, NULL, &fault);
	void *mem = err ? NULL :
		    arena_alloc(vd_memory_bytes(&disk->geometry, lane_count));

	if (!mem)
		disk_failed("open", err ? err : -NVM_ENOMEM, &fault);
	return mem;
}

int disk_open_into(struct core_disk *disk, uint32_t lane_count, void *mem)
{
	const struct vd_open_args args = { .lane_count = lane_count,
		.mem = mem,
		.mem_bytes = vd_memory_bytes(&disk->geometry, lane_count) };
	struct nvm_fault fault = { 0 };
	int err = vd_open(&disk->area, &args, &disk->disk, &fault);

	return err ? disk_failed("open", err, &fault) : 0;
}

int disk_open(struct core_disk *disk, uint32_t lane_count)
{
	disk->mem = disk_memory(disk, lane_count);
	return disk->mem ? disk_open_into(disk, lane_count, disk->mem) : -1;
}

void disk_abandon(struct core_disk *disk)
{
	free(disk->mem);
	disk->mem = NULL;
	disk->disk = NULL;
}

void disk_remove(struct core_disk *disk)
{
	disk_abandon(disk);
	for (uint32_t i = 0; i < DISK_LANES; i++)
		free(disk->worker[i].buffer);
	backing_close(disk->backing);
	*disk = (struct core_disk){ 0 };
}

/* ---- switches -------------------------------------------------------------------- */

void disk_rewind(struct core_disk *disk)
{
	for (uint32_t i = 0; i < DISK_LANES; i++) {
		disk->worker[i].random = RAW_RANDOM_SEED + i;
		disk->worker[i].next = 0;
	}
}

int disk_guard(struct core_disk *disk, enum stray_guard guard)
{
	struct failure failure;

	if (!stray_set(disk->backing, guard, &failure))
		return 0;
	fprintf(stderr, "bench: %s\n", failure.text);
	return -1;
}

int disk_policy(struct core_disk *disk, enum wear_policy policy)
{
	const struct wear_config config = { .policy = policy };
	int err = vd_policy(disk->disk, &config);

	return err ? disk_failed("level", err, NULL) : 0;
}

const uint8_t *disk_records(struct core_disk *disk, size_t *ret_bytes)
{
	struct vd_physical first;

	if (vd_physical(disk->disk, 0, &first))
		return NULL;
	*ret_bytes = (size_t)disk->geometry.block_count * VD_RECORD_LINE;
	return disk->extent->base + first.record_bytes;
}

/* ---- slices ------------------------------------------------------------------------ */

int disk_write_random(void *ctx, uint64_t ops)
{
	struct disk_worker *worker = ctx;
	struct vdisk *disk = worker->disk->disk;
	uint64_t blocks = worker->disk->geometry.logical_count;
	uint64_t every = worker->flush_every, left = every;
	int err = 0;

	for (uint64_t i = 0; i < ops && !err; i++) {
		raw_touch(worker->buffer, i);
		err = vd_write(disk, worker->lane,
			       raw_random(&worker->random, blocks), 1,
			       worker->buffer, 0);
		if (every && !--left && !err) {
			err = vd_flush(disk, worker->lane);
			left = every;
		}
	}
	return err ? disk_failed("write to", err, NULL) : 0;
}

int disk_write_run(void *ctx, uint64_t ops)
{
	struct disk_worker *worker = ctx;
	uint64_t blocks = worker->disk->geometry.logical_count;
	int err = 0;

	for (uint64_t i = 0; i < ops && !err; i++) {
		if (worker->next + DISK_RUN_BLOCKS > blocks)
			worker->next = 0;
		raw_touch(worker->buffer, i);
		err = vd_write(worker->disk->disk, worker->lane, worker->next,
			       DISK_RUN_BLOCKS, worker->buffer, 0);
		worker->next += DISK_RUN_BLOCKS;
	}
	return err ? disk_failed("write to", err, NULL) : 0;
}

int disk_read_random(void *ctx, uint64_t ops)
{
	struct disk_worker *worker = ctx;
	uint64_t blocks = worker->disk->geometry.logical_count;
	int err = 0;

	for (uint64_t i = 0; i < ops && !err; i++)
		err = vd_read(worker->disk->disk, worker->lane,
			      raw_random(&worker->random, blocks), 1,
			      worker->buffer);
	return err ? disk_failed("read", err, NULL) : 0;
}

static void block_copy(struct disk_worker *worker)
{
	uint64_t blocks = worker->disk->extent->size_bytes / VD_BLOCK;

	memcpy(worker->buffer, worker->disk->extent->base + VD_BLOCK *
	       raw_random(&worker->random, blocks), VD_BLOCK);
	__asm__ volatile("" : : "r"(worker->buffer) : "memory");
}

int disk_copy_random(void *ctx, uint64_t ops)
{
	for (uint64_t i = 0; i < ops; i++)
		block_copy(ctx);
	return 0;
}

int disk_copy_alone(void *ctx, uint64_t ops)
{
	for (uint64_t i = 0; i < ops; i++) {
		block_copy(ctx);
		raw_wait();
	}
	return 0;
}
