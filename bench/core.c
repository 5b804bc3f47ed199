// SPDX-License-Identifier: BSD-3-Clause
/*
 * core.c - how near the virtual disk comes to the memory below it, and how far
 * it gets ahead of who does the same: contests (core_contest.h) on files in
 * /dev/shm that are treated as BUS class, and on a file on a disk as SYNC class.
 *
 *	core [--quick|--smoke] [--dir DIR] [--sync-dir DIR] [FIGURES...]
 *	core --count WORK [--dir DIR] N
 *
 * A line is "name value" and a remark: what must be reached, and what the value
 * was made of.  FIGURES names some of the contests.  --count does N times the
 * WORK (write, verified, read) in count_work(), for who counts instructions.
 *
 * The exit status tells whether everything was measured.  It says nothing of
 * targets: the machine may be busy, or not be the one they were set for.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/core_figures.h"

#define MIB		((size_t)1 << 20)
#define COUNT_BYTES	(64 * MIB)

static const struct core_plan plan_full = {
	.file_bytes = 1024 * MIB, .sync_bytes = 256 * MIB, .rounds = 51,
	.slice_ns = 5000000, .warm_ns = 30000000,
};
static const struct core_plan plan_quick = {
	.file_bytes = 256 * MIB, .sync_bytes = 64 * MIB, .rounds = 15,
	.slice_ns = 2000000, .warm_ns = 8000000,
};
/* Does it all run?  Its figures mean nothing. */
static const struct core_plan plan_smoke = {
	.file_bytes = 32 * MIB, .sync_bytes = 16 * MIB, .rounds = 1,
	.slice_ns = 500000, .warm_ns = 500000,
};

static const struct target {
	const char *name;
	double must, aim;		/* aim 0: none */
} targets[] = {
	{ "rw4k_vs_raw", 0.90, 0.95 },
	{ "rw4k_vs_libpmemblk", 5, 0 },
	{ "rr4k_verified_vs_memcpy", 0.75, 0.80 },
	{ "rr4k_vs_memcpy", 0.95, 0 },
	{ "sw64k_vs_raw", 0.93, 0 },
	{ "pkey_vs_none", 0.97, 0 },
	{ "adaptive_vs_none", 0.97, 0.99 },
	{ "recover_vs_memread", 0.70, 0 },
	{ "threads2_vs_1", 1.8, 0 },
};

static const struct contest_kind {
	const char *name;
	int (*figures)(struct core_bench *bench);
} kinds[] = {
	{ "run", figures_run },
	{ "write", figures_write },
	{ "read", figures_read },
	{ "run-aged", figures_run_aged },
	{ "guard", figures_guard },
	{ "level", figures_level },
	{ "recover", figures_recover },
	{ "threads", figures_threads },
	{ "sync", figures_sync },
};

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = signal;
}

/* ---- what the figures call --------------------------------------------------- */

int bench_contest(struct core_bench *bench, struct contest *contest,
		  struct contestant *contestant, unsigned count)
{
	bool may_sleep = contest->may_sleep;
	int err;

	*contest = (struct contest){
		.rounds = bench->plan->rounds,
		.slice_ns = bench->plan->slice_ns,
		.warm_ns = bench->plan->warm_ns,
		.may_sleep = may_sleep,
	};
	err = contest_run(contest, contestant, count);
	bench->slices += contest->slices;
	bench->disturbed += contest->disturbed;
	bench->busy = contest->disturbed * 4 > contest->slices;
	return stopped ? -1 : err;
}

static const struct target *target_of(const char *name)
{
	for (size_t i = 0; i < COUNT(targets); i++)
		if (!strcmp(targets[i].name, name))
			return &targets[i];
	return NULL;
}

void figure_say(struct core_bench *bench, const char *name, double value,
		const char *remark, ...)
{
	const struct target *target = target_of(name);
	va_list args;

	printf("%s %.*f  (", name, value < 100 ? 3 : 0, value);
	if (target) {
		printf("must %.2f", target->must);
		if (value < target->must)
			printf(", missed by %.3f", target->must - value);
		if (target->aim > 0)
			printf(", aim %.2f", target->aim);
		printf("; ");
		bench->missed += value < target->must;
	}
	va_start(args, remark);
	vprintf(remark, args);
	va_end(args);
	puts(bench->busy ? "; the machine is busy)" : ")");
	fflush(stdout);
}

void figure_none(const char *name, const char *why)
{
	printf("%s -  (%s)\n", name, why);
	fflush(stdout);
}

/* ---- the bench ------------------------------------------------------------------ */

static int bench_start(struct core_bench *bench, const char *dir)
{
	struct raw_file file[3];
	int err = raw_files_make(file, 3, dir, bench->plan->file_bytes);

	bench->raw_file = file[0];
	bench->disk_file = file[1];
	for (unsigned i = 0; i < DISK_LANES; i++) {
		bench->raw[i] = (struct raw_worker){
			.file = &bench->raw_file, .random = RAW_RANDOM_SEED + i,
			.buffer = aligned_alloc(VD_BLOCK, DISK_RUN_BLOCKS *
						VD_BLOCK),
		};
		if (!bench->raw[i].buffer)
			abort();
		memset(bench->raw[i].buffer, 0x5a, DISK_RUN_BLOCKS * VD_BLOCK);
	}
	if (!err)
		err = figures_places(bench);
	if (!err) {
		bench->pmemblk = peer_pmemblk_open(file[2].path,
						   &bench->pmemblk_why);
		err = disk_make(&bench->disk, bench->disk_file.path, true);
	}
	raw_file_remove(&file[2]);
	/* From here on they live as long as this process, whatever ends it. */
	unlink(bench->raw_file.path);
	unlink(bench->disk_file.path);
	return err;
}

static void bench_end(struct core_bench *bench)
{
	peer_pmemblk_close(bench->pmemblk);
	if (bench->disk.backing)
		disk_remove(&bench->disk);
	raw_file_remove(&bench->raw_file);
	raw_file_remove(&bench->disk_file);
	for (unsigned i = 0; i < DISK_LANES; i++)
		free(bench->raw[i].buffer);
}

static bool chosen(const char *name, char **choice)
{
	if (!*choice)
		return true;
	while (*choice && strcmp(*choice, name))
		choice++;
	return *choice;
}

static int bench_run(const struct core_plan *plan, const char *dir,
		     const char *sync_dir, char **choice)
{
	struct core_bench bench = { .plan = plan, .sync_dir = sync_dir };
	int err;

	double load = -1;

	bench.raw_file.fd = bench.disk_file.fd = -1;
	getloadavg(&load, 1);
	printf("# areas of %zu MiB, BUS class; %s non-temporal copies; medians "
	       "of %u rounds; load average %.1f\n", plan->file_bytes / MIB,
	       raw_copy_name(), plan->rounds, load);
	err = bench_start(&bench, dir);
	for (size_t i = 0; i < COUNT(kinds) && !err && !stopped; i++)
		if (chosen(kinds[i].name, choice))
			err = kinds[i].figures(&bench);
	bench_end(&bench);
	printf("# %u of %u slices were disturbed by others; targets missed: "
	       "%u\n", bench.disturbed, bench.slices, bench.missed);
	return err;
}

/* ---- for counting instructions ----------------------------------------------------- */

/* Not static, so that it can be named; callgrind counts what it calls. */
int count_work(int (*work)(void *ctx, uint64_t ops), void *ctx, uint64_t ops);

__attribute__((noinline))
int count_work(int (*work)(void *ctx, uint64_t ops), void *ctx, uint64_t ops)
{
	return work(ctx, ops);
}

static int count_run(const char *what, const char *dir, uint64_t ops)
{
	struct raw_file file;
	struct core_disk disk = { 0 };
	bool write = !strcmp(what, "write");
	int err = raw_files_make(&file, 1, dir, COUNT_BYTES);

	if (!err)
		err = disk_make(&disk, file.path, true);
	unlink(file.path);
	if (!err) {
		vd_verify(disk.disk, strcmp(what, "read"));
		err = count_work(write ? disk_write_random : disk_read_random,
				 &disk.worker[0], ops);
	}
	if (disk.backing)
		disk_remove(&disk);
	raw_file_remove(&file);
	return err;
}

/* ---- command line --------------------------------------------------------------------- */

static int usage(void)
{
	fputs("usage: core [--quick|--smoke] [--dir DIR] [--sync-dir DIR] "
	      "[FIGURES...]\n"
	      "       core --count write|verified|read [--dir DIR] N\n", stderr);
	return 2;
}

/* A directory of our own below @parent, into @dir. */
static int dir_make(const char *parent, char dir[PATH_MAX - 16])
{
	if (snprintf(dir, PATH_MAX - 16, "%s/nvmpool-bench-XXXXXX", parent) <
	    PATH_MAX - 16 && mkdtemp(dir))
		return 0;
	fprintf(stderr, "bench: cannot make a directory in '%s': %s\n", parent,
		strerror(errno));
	return -1;
}

static const struct option options[] = {
	{ "quick", no_argument, NULL, 'q' },
	{ "smoke", no_argument, NULL, 's' },
	{ "dir", required_argument, NULL, 'd' },
	{ "sync-dir", required_argument, NULL, 'y' },
	{ "count", required_argument, NULL, 'c' },
	{ NULL, 0, NULL, 0 }
};

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = stop };
	const struct core_plan *plan = &plan_full;
	const char *parent = "/dev/shm", *count = NULL;
	const char *sync_parent = getenv("TMPDIR");
	char dir[PATH_MAX - 16], sync_dir[PATH_MAX - 16] = "";
	int option, err;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'q')
			plan = &plan_quick;
		else if (option == 's')
			plan = &plan_smoke;
		else if (option == 'd')
			parent = optarg;
		else if (option == 'y')
			sync_parent = optarg;
		else if (option == 'c')
			count = optarg;
		else
			return usage();
	}
	if (count && optind + 1 != argc)
		return usage();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	err = dir_make(parent, dir);
	if (!err && count) {
		err = count_run(count, dir, strtoull(argv[optind], NULL, 10));
	} else if (!err) {
		err = dir_make(sync_parent ? sync_parent : "/tmp", sync_dir);
		if (!err)
			err = bench_run(plan, dir, sync_dir, argv + optind);
		rmdir(sync_dir);
	}
	rmdir(dir);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "bench: cannot write the figures: %s\n",
			strerror(errno));
		err = -1;
	}
	return stopped ? 128 + stopped : !!err;
}
