// SPDX-License-Identifier: BSD-3-Clause
/*
 * pool.c - what a pool costs as it grows: processor time and peak memory of
 * open, carve and check (in process, through a counting media) and of the
 * real command lines, next to the metadata that each of them must read.
 *
 *	pool [--quick] [--json] [--dir DIR] NVMPOOL
 *
 * Each figure is the least of five runs.  Open and assign may grow with the
 * metadata and no faster: ns/KiB falls, or stays.  Pools are sparse files in
 * DIR (/dev/shm) and gone afterwards.  Exit status 1 if something failed or a
 * limit is exceeded.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/counted.h"
#include "bench/fill.h"
#include "bench/figures.h"
#include "bench/meter.h"
#include "hosted/arena.h"
#include "hosted/backing.h"
#include "pool/pool.h"

#define GIB		(1ull << 30)
#define TIB		(1ull << 40)
#define CHILD_BYTES	(64ull << 20)
#define REPEATS		5u
/* So that what is carved and taken out again is the hundred-thousandth. */
#define CHILDREN_MOST	(POOL_CHILDREN_MAX - 1)

/* What the project promises: assign, on a pool of this many children. */
#define ASSIGN_CHILDREN	10000u
#define ASSIGN_LIMIT_NS	50000000u

/* Pools of one size, with so many children each. */
struct plan {
	uint64_t size_bytes;
	uint32_t children[8];		/* ends with 0 */
};

static const struct plan plan_full[] = {
	{ GIB, { 1 } },
	{ 16 * GIB, { 1, 100 } },
	{ 256 * GIB, { 1, 1000 } },
	{ TIB, { 1, 10000 } },
	{ 4 * TIB, { 1, 10000 } },
	{ 16 * TIB, { 1, 10000, CHILDREN_MOST } },
	{ 64 * TIB, { 1, 10, 100, 1000, 10000, CHILDREN_MOST } },
	{ 0 }
};

static const struct plan plan_quick[] = {
	{ GIB, { 1 } },
	{ TIB, { 1, 10000 } },
	{ 64 * TIB, { 1, 100 } },
	{ 0 }
};

struct bench {
	const char *nvmpool;		/* the tool */
	char path[PATH_MAX];		/* of the pool that is being measured */
	uint64_t size_bytes;
	uint32_t children;
	struct pool_geometry geometry;
	struct figures figures;
	bool json;
	bool failed;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = signal;
}

/* ---- a pool in process ------------------------------------------------------ */

struct opened {
	struct backing *backing;
	struct counted counted;
	void *mem;
	struct pool *pool;
};

static int core_failed(const char *what, int err, const struct nvm_fault *fault)
{
	fprintf(stderr, "bench: cannot %s: %s%s%s\n", what, nvm_strerror(err),
		fault->what ? ": " : "", fault->what ? fault->what : "");
	return -1;
}

static int backing_get(const struct bench *bench, bool create,
		       enum backing_access access, struct opened *opened)
{
	struct failure failure;
	int err = create ? backing_create(bench->path, bench->size_bytes,
					  &opened->backing, &failure) :
			   backing_open(bench->path, access, &opened->backing,
					&failure);

	if (err) {
		fprintf(stderr, "bench: %s\n", failure.text);
		return -1;
	}
	counted_init(&opened->counted, backing_media(opened->backing));
	return 0;
}

static int pool_get(struct opened *opened, bool write)
{
	struct pool_geometry geometry;
	struct nvm_fault fault = { 0 };
	size_t bytes;
	int err = pool_probe(&opened->counted.media, &geometry, &fault);

	if (err)
		return core_failed("open the pool", err, &fault);
	bytes = pool_memory_bytes(&geometry);
	opened->mem = arena_alloc(bytes);
	if (!opened->mem)
		return core_failed("open the pool", -NVM_ENOMEM, &fault);
	err = pool_open(&opened->counted.media, write ? POOL_OPEN_WRITE : 0,
			opened->mem, bytes, &opened->pool, &fault);
	return err ? core_failed("open the pool", err, &fault) : 0;
}

static void pool_put(struct opened *opened)
{
	backing_close(opened->backing);
	free(opened->mem);
}

/* ---- making a pool (in a forked process, not measured) ------------------------ */

static int pool_make(void *ctx, struct sample *ret_sample)
{
	const struct bench *bench = ctx;
	struct pool_geometry geometry;
	struct nvm_fault fault = { 0 };
	struct opened opened = { 0 };
	int err;

	(void)ret_sample;
	if (backing_get(bench, true, BACKING_WRITE, &opened))
		return -1;
	err = fill_pool(backing_media(opened.backing), bench->children,
			CHILD_BYTES / POOL_UNIT_DEFAULT, &geometry);
	pool_put(&opened);
	return err ? core_failed("make the pool", err, &fault) : 0;
}

/* ---- what is measured in process ------------------------------------------------ */

/* From a path to a pool that can be used. */
static int measure_open(void *ctx, struct sample *ret_sample)
{
	struct opened opened = { 0 };
	struct meter_clock clock;
	int err;

	meter_start(&clock);
	err = backing_get(ctx, false, BACKING_READ, &opened);
	if (!err)
		err = pool_get(&opened, false);
	meter_stop(&clock, ret_sample);
	if (err)
		return err;
	ret_sample->load_bytes = opened.counted.load_bytes;
	ret_sample->store_bytes = opened.counted.store_bytes;
	pool_put(&opened);
	return 0;
}

/* One child in a pool that is open; then it is taken out again. */
static int measure_carve(void *ctx, struct sample *ret_sample)
{
	static const uint8_t uuid[POOL_UUID_LEN] = "measured";
	const struct pool_carve_args args = {
		.name = "measured", .vm = "measured", .uuid = uuid,
		.size_bytes = CHILD_BYTES, .mode = POOL_MODE_FSDAX,
		.for_vm = true,
	};
	struct opened opened = { 0 };
	struct nvm_fault fault = { 0 };
	struct pool_child child;
	struct meter_clock clock;
	int err = backing_get(ctx, false, BACKING_WRITE, &opened);

	if (!err)
		err = pool_get(&opened, true);
	if (err)
		return err;
	opened.counted.load_bytes = opened.counted.store_bytes = 0;
	meter_start(&clock);
	err = pool_carve(opened.pool, &args, NULL, &child, &fault);
	meter_stop(&clock, ret_sample);
	if (err)
		return core_failed("carve", err, &fault);
	ret_sample->load_bytes = opened.counted.load_bytes;
	ret_sample->store_bytes = opened.counted.store_bytes;
	err = pool_release(opened.pool, child.slot, &fault);
	if (!err)
		err = pool_clean(opened.pool, NULL, &fault);
	pool_put(&opened);
	return err ? core_failed("release", err, &fault) : 0;
}

static void problem_count(void *ctx, const struct pool_problem *problem)
{
	(void)problem;
	++*(unsigned *)ctx;
}

/* All metadata of an open pool against itself. */
static int measure_check(void *ctx, struct sample *ret_sample)
{
	struct opened opened = { 0 };
	struct nvm_fault fault = { 0 };
	unsigned problems = 0;
	struct pool_check_args args = {
		.report = problem_count, .ctx = &problems,
	};
	struct meter_clock clock;
	int err = backing_get(ctx, false, BACKING_READ, &opened);

	if (!err)
		err = pool_get(&opened, false);
	if (err)
		return err;
	opened.counted.load_bytes = 0;
	meter_start(&clock);
	args.mem = malloc(pool_check_memory_bytes(pool_geometry(opened.pool)));
	if (!args.mem)
		return core_failed("check", -NVM_ENOMEM, &fault);
	err = pool_check(opened.pool, &args, NULL, &fault);
	meter_stop(&clock, ret_sample);
	ret_sample->load_bytes = opened.counted.load_bytes;
	free(args.mem);
	pool_put(&opened);
	if (err)
		return core_failed("check", err, &fault);
	if (problems)
		fprintf(stderr, "bench: check found %u problems\n", problems);
	return problems ? -1 : 0;
}

/* ---- the figures ---------------------------------------------------------------- */

/* One copy of each page that an open pool is made of. */
static uint64_t metadata_open(const struct bench *bench)
{
	return (1 + bench->geometry.nat_pages + bench->geometry.umap_pages) *
	       NVM_PAGE;
}

/* Every copy, and the AMTs. */
static uint64_t metadata_check(const struct bench *bench)
{
	return 2 * (metadata_open(bench) + bench->children * (uint64_t)NVM_PAGE);
}

static void figure_add(struct bench *bench, const char *operation,
		       uint64_t metadata_bytes, struct sample *samples)
{
	struct figure figure = {
		.operation = operation,
		.size_bytes = bench->size_bytes,
		.children = bench->children,
		.metadata_bytes = metadata_bytes,
		.sample = meter_least(samples, REPEATS),
	};

	if (!strcmp(operation, "nvmpool-assign") &&
	    bench->children <= ASSIGN_CHILDREN)
		figure.limit_ns = ASSIGN_LIMIT_NS;
	figures_add(&bench->figures, &figure, !bench->json);
	if (!figure_exceeds(&figure))
		return;
	fprintf(stderr, "bench: %s on %" PRIu32 " children takes %.1f ms of "
		"processor time, the limit is %.0f ms\n", operation,
		bench->children, (double)figure.sample.cpu_ns / 1e6,
		(double)figure.limit_ns / 1e6);
	bench->failed = true;
}

static int figure_work(struct bench *bench, const char *operation,
		       meter_work_fn work, uint64_t metadata_bytes)
{
	struct sample samples[REPEATS];

	for (unsigned i = 0; i < REPEATS; i++)
		if (stopped || meter_work(work, bench, &samples[i]))
			return -1;
	figure_add(bench, operation, metadata_bytes, samples);
	return 0;
}

/* @undo, where there is one, follows each run and is not measured. */
static int figure_command(struct bench *bench, const char *operation,
			  const char *const *argv, const char *const *undo,
			  uint64_t metadata_bytes)
{
	struct sample samples[REPEATS], ignored;

	for (unsigned i = 0; i < REPEATS; i++)
		if (stopped || meter_command(argv, &samples[i]) ||
		    (undo && meter_command(undo, &ignored)))
			return -1;
	figure_add(bench, operation, metadata_bytes, samples);
	return 0;
}

static int figures_commands(struct bench *bench)
{
	const char *const list[] = {
		bench->nvmpool, "list", "--pool", bench->path, NULL
	};
	const char *const check[] = {
		bench->nvmpool, "check", "--pool", bench->path, NULL
	};
	const char *const assign[] = {
		bench->nvmpool, "assign", "measured", "64M", "--pool",
		bench->path, NULL
	};
	const char *const again[] = {
		bench->nvmpool, "assign", "vm-000000", "64M", "--pool",
		bench->path, NULL
	};
	const char *const release[] = {
		bench->nvmpool, "release", "measured", "--yes", "--pool",
		bench->path, NULL
	};
	uint64_t open = metadata_open(bench);

	return figure_command(bench, "nvmpool-assign", assign, release, open) ||
	       figure_command(bench, "nvmpool-assign-again", again, NULL,
			      open) ||
	       figure_command(bench, "nvmpool-list", list, NULL, open) ||
	       figure_command(bench, "nvmpool-check", check, NULL,
			      open + metadata_check(bench));
}

static int measure(struct bench *bench)
{
	uint64_t open = metadata_open(bench);

	return figure_work(bench, "open", measure_open, open) ||
	       figure_work(bench, "carve", measure_carve, open) ||
	       figure_work(bench, "check", measure_check,
			   metadata_check(bench)) ||
	       figures_commands(bench);
}

static int plan_run(struct bench *bench, const struct plan *plan)
{
	struct nvm_fault fault = { 0 };
	struct sample ignored;
	int err;

	bench->size_bytes = plan->size_bytes;
	err = pool_layout(plan->size_bytes, 0, 0, &bench->geometry, &fault);
	if (err)
		return core_failed("lay out the pool", err, &fault);
	for (unsigned i = 0; plan->children[i] && !err; i++) {
		bench->children = plan->children[i];
		err = meter_work(pool_make, bench, &ignored);
		if (!err)
			err = measure(bench);
		unlink(bench->path);
	}
	return err;
}

static int usage(void)
{
	fputs("usage: pool [--quick] [--json] [--dir DIR] NVMPOOL\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "json", no_argument, NULL, 'j' },
		{ "dir", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 }
	};
	const struct sigaction action = { .sa_handler = stop };
	const struct plan *plan = plan_full;
	const char *parent = "/dev/shm";
	struct bench bench = { 0 };
	char dir[PATH_MAX - 8];
	int option;

	while ((option = getopt_long(argc, argv, "qjd:", options, NULL)) >= 0) {
		if (option == 'q')
			plan = plan_quick;
		else if (option == 'j')
			bench.json = true;
		else if (option == 'd')
			parent = optarg;
		else
			return usage();
	}
	if (optind + 1 != argc)
		return usage();
	bench.nvmpool = argv[optind];
	if (snprintf(dir, sizeof(dir), "%s/nvmpool-bench-XXXXXX", parent) >=
	    (int)sizeof(dir) || !mkdtemp(dir)) {
		fprintf(stderr, "bench: cannot make a directory in '%s': %s\n",
			parent, strerror(errno));
		return 1;
	}
	snprintf(bench.path, sizeof(bench.path), "%s/pool", dir);
	/* No registry of this machine's, no leftovers. */
	setenv("NVMPOOL_STATE_DIR", dir, 1);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);

	for (; plan->size_bytes && !stopped; plan++)
		if (plan_run(&bench, plan)) {
			bench.failed = true;
			break;
		}
	if (bench.json)
		figures_json(&bench.figures, REPEATS);
	else
		figures_table(&bench.figures);
	figures_free(&bench.figures);
	rmdir(dir);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "bench: cannot write the figures: %s\n",
			strerror(errno));
		bench.failed = true;
	}
	return stopped ? 128 + stopped : bench.failed;
}
