// SPDX-License-Identifier: BSD-3-Clause
/*
 * core_write.c - figures of one thread that writes or reads.
 */
#include "bench/core_figures.h"

#define NS	"%.0f ns, %s %.0f ns"
/* Enough to fill the pool of free blocks again, after a change of policy. */
#define WARM_WRITES	20000u

/*
 * Raw copies into both files: 1 is as it should be.  Where it is not, one has
 * the better memory, and all figures against raw are off by as much.
 */
int figures_places(struct core_bench *bench)
{
	struct raw_worker other = bench->raw[1];
	struct contestant c[] = {
		{ .run = raw_write_random, .ctx = &bench->raw[0] },
		{ .run = raw_write_random, .ctx = &other },
	};
	struct contest contest = { 0 };

	other.file = &bench->disk_file;
	if (bench_contest(bench, &contest, c, 2))
		return -1;
	figure_say(bench, "places", contest_ratio(&contest, &c[1], &c[0]),
		   "raw copies to the disk's file against raw's own: " NS,
		   contest_ns(&contest, &c[1]), "raw", contest_ns(&contest, &c[0]));
	return 0;
}

/*
 * From here on the disk is one that has been in use: its blocks lie anywhere,
 * and none has the place any more that it was given first.
 */
static int age(struct core_bench *bench)
{
	uint64_t blocks = bench->disk.geometry.logical_count;

	if (bench->aged)
		return 0;
	bench->aged = true;
	return disk_write_random(&bench->disk.worker[0], 2 * blocks) ||
	       (bench->pmemblk && peer_pmemblk_write(bench->pmemblk, blocks)) ?
	       -1 : 0;
}

int figures_write(struct core_bench *bench)
{
	struct contestant c[] = {
		{ .run = raw_write_random, .ctx = &bench->raw[0] },
		{ .run = disk_write_random, .ctx = &bench->disk.worker[0] },
		{ .run = peer_pmemblk_write, .ctx = bench->pmemblk },
	};
	struct contest contest = { 0 };
	double ns;

	if (age(bench) ||
	    bench_contest(bench, &contest, c, bench->pmemblk ? 3 : 2))
		return -1;
	ns = contest_ns(&contest, &c[1]);
	figure_say(bench, "rw4k_vs_raw", contest_ratio(&contest, &c[1], &c[0]),
		   NS, ns, "raw", contest_ns(&contest, &c[0]));
	if (bench->pmemblk)
		figure_say(bench, "rw4k_vs_libpmemblk",
			   contest_ratio(&contest, &c[1], &c[2]), NS, ns,
			   "libpmemblk", contest_ns(&contest, &c[2]));
	else
		figure_none("rw4k_vs_libpmemblk", bench->pmemblk_why);
	return 0;
}

static int verify_on(void *ctx)
{
	vd_verify(((struct disk_worker *)ctx)->disk->disk, true);
	return 0;
}

static int verify_off(void *ctx)
{
	vd_verify(((struct disk_worker *)ctx)->disk->disk, false);
	return 0;
}

/*
 * A loop of copies has the processor fetch the next block while the last one is
 * on its way: memcpy_alone is what one copy takes that waits for the one before,
 * as whoever looks at what was read does.
 */
int figures_read(struct core_bench *bench)
{
	struct disk_worker *worker = &bench->disk.worker[0];
	struct contestant c[] = {
		{ .run = disk_copy_random, .ctx = worker },
		{ .prepare = verify_on, .run = disk_read_random, .ctx = worker },
		{ .prepare = verify_off, .run = disk_read_random, .ctx = worker },
		{ .run = disk_copy_alone, .ctx = worker },
	};
	static const char *const name[] = {
		NULL, "rr4k_verified_vs_memcpy", "rr4k_vs_memcpy",
		"memcpy_alone_vs_memcpy",
	};
	struct contest contest = { 0 };
	int err = age(bench) || bench_contest(bench, &contest, c, 4) ? -1 : 0;

	vd_verify(bench->disk.disk, true);
	for (unsigned i = 1; i < 4 && !err; i++)
		figure_say(bench, name[i], contest_ratio(&contest, &c[i], &c[0]),
			   NS, contest_ns(&contest, &c[i]), "memcpy",
			   contest_ns(&contest, &c[0]));
	return err;
}

static int run_contest(struct core_bench *bench, const char *name)
{
	struct contestant c[] = {
		{ .run = raw_write_run, .ctx = &bench->raw[0] },
		{ .run = disk_write_run, .ctx = &bench->disk.worker[0] },
	};
	struct contest contest = { 0 };

	if (bench_contest(bench, &contest, c, 2))
		return -1;
	figure_say(bench, name, contest_ratio(&contest, &c[1], &c[0]), NS,
		   contest_ns(&contest, &c[1]), "raw", contest_ns(&contest, &c[0]));
	return 0;
}

/* A disk that was written from its begin to its end. */
int figures_run(struct core_bench *bench)
{
	return run_contest(bench, "sw64k_vs_raw");
}

int figures_run_aged(struct core_bench *bench)
{
	return age(bench) ? -1 : run_contest(bench, "sw64k_aged_vs_raw");
}

/* ---- with and without ----------------------------------------------------------- */

static int guard_off(void *ctx)
{
	return disk_guard(((struct disk_worker *)ctx)->disk, STRAY_NONE);
}

static int guard_pkey(void *ctx)
{
	return disk_guard(((struct disk_worker *)ctx)->disk, STRAY_PKEY);
}

int figures_guard(struct core_bench *bench)
{
	struct disk_worker *worker = &bench->disk.worker[0];
	struct contestant c[] = {
		{ .prepare = guard_off, .run = disk_write_random, .ctx = worker },
		{ .prepare = guard_pkey, .run = disk_write_random, .ctx = worker },
	};
	struct contest contest = { 0 };

	if (!stray_pkey_here()) {
		figure_none("pkey_vs_none",
			    "no memory protection keys on this CPU");
		return 0;
	}
	if (age(bench) || bench_contest(bench, &contest, c, 2) ||
	    disk_guard(&bench->disk, STRAY_AUTO))
		return -1;
	figure_say(bench, "pkey_vs_none", contest_ratio(&contest, &c[1], &c[0]),
		   NS, contest_ns(&contest, &c[1]), "none", contest_ns(&contest, &c[0]));
	return 0;
}

static int level_prepare(struct disk_worker *worker, enum wear_policy policy)
{
	return disk_policy(worker->disk, policy) ||
	       disk_write_random(worker, WARM_WRITES) ? -1 : 0;
}

static int level_off(void *ctx)
{
	return level_prepare(ctx, WEAR_NONE);
}

static int level_adaptive(void *ctx)
{
	return level_prepare(ctx, WEAR_ADAPTIVE);
}

int figures_level(struct core_bench *bench)
{
	struct disk_worker *worker = &bench->disk.worker[0];
	struct contestant c[] = {
		{ .prepare = level_off, .run = disk_write_random, .ctx = worker },
		{ .prepare = level_adaptive, .run = disk_write_random,
		  .ctx = worker },
	};
	struct vd_info before, after;
	struct contest contest = { 0 };

	if (age(bench))
		return -1;
	vd_info(bench->disk.disk, &before);
	if (bench_contest(bench, &contest, c, 2) ||
	    disk_policy(&bench->disk, WEAR_ADAPTIVE))
		return -1;
	vd_info(bench->disk.disk, &after);
	figure_say(bench, "adaptive_vs_none",
		   contest_ratio(&contest, &c[1], &c[0]),
		   NS "; blocks moved: %.4f of those written",
		   contest_ns(&contest, &c[1]), "none", contest_ns(&contest, &c[0]),
		   (double)(after.moves - before.moves) /
		   (double)(after.user_writes - before.user_writes));
	return 0;
}
