// SPDX-License-Identifier: BSD-3-Clause
/*
 * core_recover.c - what an open costs after a kill, against reading as many
 * bytes from memory.
 *
 * Neither finds what it reads in a cache: some processors have more of it than
 * all records together.  The memory that the disk is opened into has its pages;
 * with pages yet to be had (as in a process that just started) it is a figure
 * of its own, for they are the kernel's work.
 */
#include <stdlib.h>

#include "bench/core_figures.h"

#define LARGE_BYTES_MAX	((size_t)512 << 20)

struct recovery {
	struct core_disk *disk;
	void *mem, *fresh;
	const uint8_t *records;
	size_t records_bytes, large_bytes;
	volatile uint64_t sum;
};

static int open_prepare(void *ctx)
{
	struct recovery *recovery = ctx;

	raw_evict(recovery->records, recovery->records_bytes);
	return 0;
}

static int open_run(void *ctx, uint64_t ops)
{
	struct recovery *recovery = ctx;

	(void)ops;
	return disk_open_into(recovery->disk, 1, recovery->mem);
}

static int fresh_prepare(void *ctx)
{
	struct recovery *recovery = ctx;

	free(recovery->fresh);
	recovery->fresh = disk_memory(recovery->disk, 1);
	return recovery->fresh ? open_prepare(ctx) : -1;
}

static int fresh_run(void *ctx, uint64_t ops)
{
	struct recovery *recovery = ctx;

	(void)ops;
	return disk_open_into(recovery->disk, 1, recovery->fresh);
}

static int read_run(void *ctx, uint64_t ops)
{
	struct recovery *recovery = ctx;

	(void)ops;
	recovery->sum = raw_sum(recovery->records, recovery->records_bytes);
	return 0;
}

static int large_prepare(void *ctx)
{
	struct recovery *recovery = ctx;

	raw_evict(recovery->disk->extent->base, recovery->large_bytes);
	return 0;
}

static int large_run(void *ctx, uint64_t ops)
{
	struct recovery *recovery = ctx;

	(void)ops;
	recovery->sum = raw_sum(recovery->disk->extent->base,
				recovery->large_bytes);
	return 0;
}

int figures_recover(struct core_bench *bench)
{
	struct core_disk *disk = &bench->disk;
	struct recovery recovery = { .disk = disk, .mem = disk->mem };
	struct contestant c[] = {
		{ .prepare = open_prepare, .run = open_run, .ops = 1 },
		{ .prepare = fresh_prepare, .run = fresh_run, .ops = 1 },
		{ .prepare = open_prepare, .run = read_run, .ops = 1 },
		{ .prepare = large_prepare, .run = large_run, .ops = 1 },
	};
	struct contest contest = { 0 };
	double same, large, bytes;
	bool larger;
	int err;

	recovery.records = disk_records(disk, &recovery.records_bytes);
	recovery.large_bytes = (size_t)disk->extent->size_bytes;
	if (recovery.large_bytes > LARGE_BYTES_MAX)
		recovery.large_bytes = LARGE_BYTES_MAX;
	for (unsigned i = 0; i < 4; i++)
		c[i].ctx = &recovery;
	err = !recovery.records || bench_contest(bench, &contest, c, 4) ? -1 : 0;
	/* The last open may have been the one into the other memory. */
	if (!err)
		err = disk_open_into(disk, 1, disk->mem);
	free(recovery.fresh);
	if (err)
		return err;
	bytes = (double)recovery.records_bytes;
	same = bytes / contest_ns(&contest, &c[2]);
	large = (double)recovery.large_bytes / contest_ns(&contest, &c[3]);
	larger = large > same;
	for (unsigned i = 0; i < 2; i++) {
		double ratio = larger ?
			contest_ratio(&contest, &c[i], &c[3]) * bytes /
			(double)recovery.large_bytes :
			contest_ratio(&contest, &c[i], &c[2]);

		figure_say(bench, i ? "recover_fresh_vs_memread" :
			   "recover_vs_memread", ratio,
			   "%.1f MiB of records in %.2f ms: %.2f GB/s; memory "
			   "%.2f GB/s, reading %.0f MiB (%.2f reading %.0f)",
			   bytes / (1 << 20), contest_ns(&contest, &c[i]) / 1e6,
			   bytes / contest_ns(&contest, &c[i]),
			   larger ? large : same,
			   (larger ? (double)recovery.large_bytes : bytes) / (1 << 20),
			   larger ? same : large,
			   (larger ? bytes : (double)recovery.large_bytes) / (1 << 20));
	}
	return 0;
}
