// SPDX-License-Identifier: BSD-3-Clause
/*
 * core_sync.c - a disk on a file in the page cache (SYNC class), flushed after
 * each so many writes, against pwrite() and fdatasync() on the same kind of
 * file.  It is the drive below that is measured here, so there is no target.
 */
#include <stdio.h>

#include "bench/core_figures.h"

static const unsigned flush_every[] = { 1, 32, 1024 };

static int sync_contest(struct core_bench *bench, struct core_disk *disk,
			struct peer_file *peer, unsigned every)
{
	struct contestant c[] = {
		{ .run = disk_write_random, .ctx = &disk->worker[0] },
		{ .run = peer_file_write, .ctx = peer },
	};
	struct contest contest = { .may_sleep = true };
	char name[64];

	disk->worker[0].flush_every = peer->flush_every = every;
	for (unsigned i = 0; i < 2; i++)
		c[i].ops = every < 32 ? 32 : 2 * every;
	if (bench_contest(bench, &contest, c, 2))
		return -1;
	snprintf(name, sizeof(name), "sync_rw4k_iops_flush%u", every);
	figure_say(bench, name, 1e9 / contest_ns(&contest, &c[0]),
		   "writes a second, a flush after %u", every);
	snprintf(name, sizeof(name), "sync_rw4k_vs_pwrite_flush%u", every);
	figure_say(bench, name, contest_ratio(&contest, &c[0], &c[1]),
		   "pwrite and fdatasync: %.0f writes a second",
		   1e9 / contest_ns(&contest, &c[1]));
	return 0;
}

int figures_sync(struct core_bench *bench)
{
	struct raw_file file[2];
	struct core_disk disk = { 0 };
	struct peer_file peer = { .random = RAW_RANDOM_SEED };
	int err = raw_files_make(file, 2, bench->sync_dir,
				 bench->plan->sync_bytes);

	if (!err)
		err = disk_make(&disk, file[0].path, false);
	if (!err) {
		peer.fd = file[1].fd;
		peer.blocks = file[1].size_bytes / VD_BLOCK;
		peer.buffer = disk.worker[0].buffer;
	}
	for (size_t i = 0; i < sizeof(flush_every) / sizeof(*flush_every) && !err; i++)
		err = sync_contest(bench, &disk, &peer, flush_every[i]);
	if (disk.backing)
		disk_remove(&disk);
	for (unsigned i = 0; i < 2; i++)
		raw_file_remove(&file[i]);
	return err;
}
