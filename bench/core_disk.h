/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * core_disk.h - a virtual disk to be measured: on one file, opened as the tools
 * open it, written and read by loops that are slices of a contest.
 */
#ifndef NVM_BENCH_CORE_DISK_H
#define NVM_BENCH_CORE_DISK_H

#include "bench/core_contest.h"
#include "hosted/stray.h"
#include "vdisk/vdisk.h"

#define DISK_LANES	2u
#define DISK_RUN_BLOCKS	16u		/* 64 KiB: of sequential writes */

struct backing;

/* One thread's place in its work; a lane of the disk. */
struct disk_worker {
	struct core_disk *disk;
	uint32_t lane;
	uint64_t random;
	uint64_t next;			/* of sequential writes */
	uint64_t flush_every;		/* writes; 0: never */
	uint8_t *buffer;		/* DISK_RUN_BLOCKS blocks */
};

struct core_disk {
	struct backing *backing;
	struct nvm_media *extent;
	struct vd_area area;
	struct vd_geometry geometry;
	struct vdisk *disk;
	void *mem;
	struct disk_worker worker[DISK_LANES];
};

/*
 * Make a disk with all defaults on the file, as BUS class or as what it is,
 * write every block of it once, and leave it open.  -1, having said why.
 */
int disk_make(struct core_disk *disk, const char *path, bool assume_bus);
/* What a killed process does: the disk stays as it is, not closed. */
void disk_abandon(struct core_disk *disk);
/* With as many lanes; on an abandoned one, it recovers. */
int disk_open(struct core_disk *disk, uint32_t lane_count);
/* The same into memory that is there, for who times it. */
int disk_open_into(struct core_disk *disk, uint32_t lane_count, void *mem);
void *disk_memory(struct core_disk *disk, uint32_t lane_count);
void disk_remove(struct core_disk *disk);

/* Random numbers begin anew, so that contestants do the same. */
void disk_rewind(struct core_disk *disk);

int disk_guard(struct core_disk *disk, enum stray_guard guard);
int disk_policy(struct core_disk *disk, enum wear_policy policy);
/* Where the records of its blocks lie: one segment only. */
const uint8_t *disk_records(struct core_disk *disk, size_t *ret_bytes);

/* Slices; ctx is a struct disk_worker. */
int disk_write_random(void *ctx, uint64_t ops);
int disk_write_run(void *ctx, uint64_t ops);
int disk_read_random(void *ctx, uint64_t ops);
int disk_copy_random(void *ctx, uint64_t ops);	/* memcpy, same mapping */
int disk_copy_alone(void *ctx, uint64_t ops);	/* none begins before another ends */

#endif
