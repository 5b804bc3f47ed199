// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * tend.c - a thread for each disk: it levels after writes, and reads all blocks
 * over and over (scrubbing) so that damage is known while there is still
 * another copy of the data somewhere.
 *
 * Budgets: moves are the wear policy's to allow; scrubbing reads scrub_kib_s
 * KiB a second (0: none).  It works in steps of STEP_MS and holds a lane for one
 * small piece of work at a time.
 */
#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "nvmvd.h"

#define STEP_MS		20u
#define REST_MS		1000u
#define LEVEL_LOOK	2048u
#define LEVEL_MOVES	32u
#define SCRUB_DEFAULT	1024u

/* Once round all blocks after writes, and on while there is something to move. */
static void level_step(struct nvmvd *disk)
{
	u32 moves = 0, lane;
	int err;

	if (xchg(&disk->wrote, false) && !disk->level_left)
		disk->level_left = disk->geometry.block_count;
	if (!disk->level_left)
		return;
	lane = nvmvd_lane_take(disk);
	err = vd_level(disk->vd, lane, LEVEL_LOOK, LEVEL_MOVES, false, &moves);
	nvmvd_lane_drop(disk, lane);
	if (err)
		disk->level_left = 0;
	else if (!moves)
		disk->level_left -= min_t(u64, disk->level_left, LEVEL_LOOK);
}

static void scrub_one(struct nvmvd *disk)
{
	u32 lane = nvmvd_lane_take(disk);
	int err = vd_read(disk->vd, lane, disk->scrub_block, 1,
			  disk->lane[lane].bounce);

	nvmvd_lane_drop(disk, lane);
	if (err) {
		WRITE_ONCE(disk->scrub_errors, disk->scrub_errors + 1);
		pr_err_ratelimited("%s: block %llu is damaged\n",
				   disk->name, disk->scrub_block);
	}
	WRITE_ONCE(disk->scrub_block, disk->scrub_block + 1);
	if (disk->scrub_block < disk->geometry.logical_count)
		return;
	WRITE_ONCE(disk->scrub_block, 0);
	WRITE_ONCE(disk->scrub_rounds, disk->scrub_rounds + 1);
}

/* What @ms milliseconds allow; returns what is left over, in 1/1000 KiB. */
static u64 scrub_step(struct nvmvd *disk, u64 credit, unsigned int ms)
{
	u64 rate = READ_ONCE(disk->scrub_kib_s);
	const u64 block = VD_BLOCK / 1024 * 1000;

	if (!rate)
		return 0;
	credit = min(credit + rate * ms, rate * REST_MS + block);
	while (credit >= block && !kthread_should_stop()) {
		scrub_one(disk);
		credit -= block;
		cond_resched();
	}
	return credit;
}

static void rest(unsigned int ms)
{
	set_current_state(TASK_INTERRUPTIBLE);
	if (!kthread_should_stop())
		schedule_timeout(msecs_to_jiffies(ms));
	__set_current_state(TASK_RUNNING);
}

static int tend(void *ctx)
{
	struct nvmvd *disk = ctx;
	u64 credit = 0;

	set_freezable();
	while (!kthread_freezable_should_stop(NULL)) {
		unsigned int ms = disk->level_left ? STEP_MS : REST_MS;

		rest(ms);
		if (kthread_should_stop())
			break;
		level_step(disk);
		credit = scrub_step(disk, credit, ms);
	}
	return 0;
}

int nvmvd_tend_start(struct nvmvd *disk)
{
	struct task_struct *task = kthread_create(tend, disk, "%s-tend",
						  disk->name);

	if (IS_ERR(task))
		return PTR_ERR(task);
	disk->scrub_kib_s = SCRUB_DEFAULT;
	set_user_nice(task, 10);
	disk->tender = task;
	wake_up_process(task);
	return 0;
}

void nvmvd_tend_stop(struct nvmvd *disk)
{
	if (disk->tender)
		kthread_stop(disk->tender);
	disk->tender = NULL;
}
