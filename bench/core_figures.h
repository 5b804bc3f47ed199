/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * core_figures.h - the figures of the virtual disk's core, one function for each
 * contest.  Each prints its lines, "name value" and a remark, and returns 0, or
 * -1 having said why on standard error.
 */
#ifndef NVM_BENCH_CORE_FIGURES_H
#define NVM_BENCH_CORE_FIGURES_H

#include "bench/core_contest.h"
#include "bench/core_disk.h"
#include "bench/core_peer.h"
#include "bench/core_raw.h"

struct core_plan {
	size_t file_bytes;		/* of the area, on the memory bus */
	size_t sync_bytes;		/* of the one on a disk */
	unsigned rounds;
	uint64_t slice_ns, warm_ns;
};

struct core_bench {
	const struct core_plan *plan;
	const char *sync_dir;
	struct raw_file raw_file, disk_file;
	struct raw_worker raw[DISK_LANES];
	struct core_disk disk;
	struct peer_pmemblk *pmemblk;	/* NULL: none, and why */
	const char *pmemblk_why;
	bool aged;			/* random writes have been all over */
	bool busy;			/* others disturbed the last contest */
	unsigned slices, disturbed, missed;
};

int figures_places(struct core_bench *bench);	/* before the disk is made */
int figures_write(struct core_bench *bench);
int figures_read(struct core_bench *bench);
int figures_run(struct core_bench *bench);	/* before all others */
int figures_run_aged(struct core_bench *bench);
int figures_guard(struct core_bench *bench);
int figures_level(struct core_bench *bench);
int figures_recover(struct core_bench *bench);
int figures_threads(struct core_bench *bench);
int figures_sync(struct core_bench *bench);

/* A contest as the plan wants it, run and counted. */
int bench_contest(struct core_bench *bench, struct contest *contest,
		  struct contestant *contestant, unsigned count);
__attribute__((format(printf, 4, 5)))
void figure_say(struct core_bench *bench, const char *name, double value,
		const char *remark, ...);
/* It cannot be measured here. */
void figure_none(const char *name, const char *why);

#endif
