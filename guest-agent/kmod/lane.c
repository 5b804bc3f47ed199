// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * lane.c - who works on a disk: the core asks for a number that no other thread
 * uses at that moment.  A bit says that a lane is free; each processor begins
 * to look at its own.  With the lane comes a buffer.
 */
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "nvmvd.h"

/* Of waits in the core: mostly for a moment, at times for a host's disk. */
#define SPINS_A_REST	64

static DEFINE_PER_CPU(unsigned int, spins);

int nvmvd_lanes_make(struct nvmvd *disk, u32 count)
{
	u32 i;

	init_waitqueue_head(&disk->lane_wait);
	mutex_init(&disk->all_lanes);
	disk->lane_count = count;
	for (i = 0; i < count; i++) {
		disk->lane[i].bounce = kvmalloc(NVMVD_BOUNCE, GFP_KERNEL);
		if (!disk->lane[i].bounce)
			return -ENOMEM;
		set_bit(i, disk->lanes);
	}
	return 0;
}

void nvmvd_lanes_free(struct nvmvd *disk)
{
	u32 i;

	for (i = 0; i < disk->lane_count; i++)
		kvfree(disk->lane[i].bounce);
}

/* -EAGAIN: none is free. */
int nvmvd_lane_try(struct nvmvd *disk)
{
	u32 first = raw_smp_processor_id() % disk->lane_count, i;

	for (i = 0; i < disk->lane_count; i++) {
		u32 lane = first + i < disk->lane_count ? first + i :
			   first + i - disk->lane_count;

		if (test_bit(lane, disk->lanes) &&
		    test_and_clear_bit(lane, disk->lanes))
			return lane;
	}
	return -EAGAIN;
}

u32 nvmvd_lane_take(struct nvmvd *disk)
{
	int lane = nvmvd_lane_try(disk);

	if (lane < 0)
		wait_event(disk->lane_wait,
			   (lane = nvmvd_lane_try(disk)) >= 0);
	return lane;
}

void nvmvd_lane_drop(struct nvmvd *disk, u32 lane)
{
	/* What was done on it is done before it is free, */
	smp_mb__before_atomic();
	set_bit(lane, disk->lanes);
	/* and it is free before we look who waits (wait_event's other half). */
	smp_mb__after_atomic();
	if (waitqueue_active(&disk->lane_wait))
		wake_up(&disk->lane_wait);
}

/* The disk to oneself, as the core asks it of some of its functions. */
void nvmvd_lanes_take_all(struct nvmvd *disk)
{
	u32 i;

	mutex_lock(&disk->all_lanes);
	for (i = 0; i < disk->lane_count; i++)
		wait_event(disk->lane_wait,
			   test_and_clear_bit(i, disk->lanes));
}

void nvmvd_lanes_drop_all(struct nvmvd *disk)
{
	u32 i;

	for (i = 0; i < disk->lane_count; i++)
		set_bit(i, disk->lanes);
	wake_up_all(&disk->lane_wait);
	mutex_unlock(&disk->all_lanes);
}

/*
 * A thread of the core waits for another one, which may need our processor and
 * be of lower priority: so at times sleep, and not only yield.
 */
void nvmvd_relax(void *ctx)
{
	if (this_cpu_inc_return(spins) % SPINS_A_REST) {
		cpu_relax();
		cond_resched();
	} else {
		usleep_range(20, 100);
	}
}
