// SPDX-License-Identifier: BSD-3-Clause
/*
 * core_threads.c - two threads against one, and whether it is the memory that
 * sets the limit: then raw copies do no better.
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/core_figures.h"

/* A write takes about so long, and a slice is long beside starting threads. */
#define WRITE_NS	1000u
#define SLICES		4u

struct crew {
	int (*run)(void *ctx, uint64_t ops);
	void *ctx[DISK_LANES];
	unsigned threads;
};

struct hand {
	const struct crew *crew;
	unsigned number;
	uint64_t ops;
	int err;
};

static void *hand_run(void *arg)
{
	struct hand *hand = arg;

	hand->err = hand->crew->run(hand->crew->ctx[hand->number], hand->ops);
	return NULL;
}

/* Each thread does @ops of them. */
static int crew_run(void *ctx, uint64_t ops)
{
	const struct crew *crew = ctx;
	pthread_t thread[DISK_LANES];
	struct hand hand[DISK_LANES];
	unsigned started = 0;
	int err = 0;

	while (started < crew->threads && !err) {
		hand[started] = (struct hand){ crew, started, ops, 0 };
		err = pthread_create(&thread[started], NULL, hand_run,
				     &hand[started]);
		started += !err;
	}
	for (unsigned i = 0; i < started; i++) {
		pthread_join(thread[i], NULL);
		if (hand[i].err)
			err = -1;
	}
	return err;
}

int figures_threads(struct core_bench *bench)
{
	struct disk_worker *worker = bench->disk.worker;
	struct crew raw1 = { raw_write_random,
			     { &bench->raw[0], &bench->raw[1] }, 1 };
	struct crew disk1 = { disk_write_random,
			      { &worker[0], &worker[1] }, 1 };
	struct crew raw2 = raw1, disk2 = disk1;
	struct contestant c[] = {
		{ .run = crew_run, .ctx = &raw1, .threads = 1 },
		{ .run = crew_run, .ctx = &raw2, .threads = 2 },
		{ .run = crew_run, .ctx = &disk1, .threads = 1 },
		{ .run = crew_run, .ctx = &disk2, .threads = 2 },
	};
	struct contest contest = { 0 };
	double raw, disk;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		figure_none("threads2_vs_1", "one processor only");
		return 0;
	}
	raw2.threads = disk2.threads = 2;
	for (unsigned i = 0; i < 4; i++)
		c[i].ops = SLICES * bench->plan->slice_ns / WRITE_NS;
	disk_abandon(&bench->disk);
	if (disk_open(&bench->disk, 2) || bench_contest(bench, &contest, c, 4))
		return -1;
	raw = 2 * contest_ratio(&contest, &c[1], &c[0]);
	disk = 2 * contest_ratio(&contest, &c[3], &c[2]);
	figure_say(bench, "threads2_vs_1", disk,
		   "%.0f ns each, one alone %.0f ns; %s",
		   contest_ns(&contest, &c[3]), contest_ns(&contest, &c[2]),
		   disk >= 1.8 ? "no limit" : disk >= 0.95 * raw ?
		   "the memory's limit" : "the disk's limit");
	figure_say(bench, "threads2_raw_vs_1", raw,
		   "%.0f ns each, one alone %.0f ns",
		   contest_ns(&contest, &c[1]), contest_ns(&contest, &c[0]));
	return 0;
}
