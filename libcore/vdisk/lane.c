// SPDX-License-Identifier: BSD-3-Clause
/*
 * lane.c - sequence numbers, what is in flight, and the durable watermark.
 *
 * A lane publishes which logical blocks it is about to change (range) and a
 * lower bound of its sequence number (low), then takes the number with an
 * acquire-release add.  So whoever reads the counter and then the lanes sees
 * every number up to the counter's value that is still in flight, and whoever
 * takes a number sees the range of every lane that took a smaller one.
 *
 * On BUS media the watermark is the lowest number in flight minus one; on SYNC
 * media it is what that was when the last completed sync began.
 */
#include "vdisk/impl.h"

/* Lanes look at each other's lines only now and then: a lag is no harm. */
#define WATERMARK_AGE_MAX	16u

static bool is_sync(const struct vdisk *disk)
{
	return disk->area.extent[0]->durability == NVM_SYNC;
}

/* The counter first, then the lanes. */
static uint64_t lowest_in_flight(struct vdisk *disk)
{
	uint64_t low = __atomic_load_n(&disk->seq, __ATOMIC_ACQUIRE) + 1;

	for (uint32_t i = 0; i < disk->lane_count; i++) {
		uint64_t other = __atomic_load_n(&disk->lane[i].low,
						 __ATOMIC_ACQUIRE);

		if (other < low)
			low = other;
	}
	return low;
}

uint64_t disk_watermark(struct vdisk *disk)
{
	if (is_sync(disk))
		return __atomic_load_n(&disk->watermark, __ATOMIC_ACQUIRE);
	return lowest_in_flight(disk) - 1;
}

/* For a record of the operation that began with @first_seq; may be old. */
uint64_t lane_watermark(struct vdisk *disk, uint32_t lane, uint64_t first_seq)
{
	struct vd_lane *l = &disk->lane[lane];

	if (disk->lane_count == 1 && !is_sync(disk))
		return first_seq - 1;
	if (!l->watermark_age--) {
		l->watermark_age = WATERMARK_AGE_MAX;
		l->watermark = disk_watermark(disk);
	}
	return l->watermark;
}

/* Take @seq_count numbers for an operation on these blocks: the first. */
uint64_t lane_begin(struct vdisk *disk, uint32_t lane, uint32_t first,
		    uint32_t count, uint32_t seq_count)
{
	struct vd_lane *l = &disk->lane[lane];

	if (one_thread(disk)) {
		l->low = disk->seq + 1;
		disk->seq += seq_count;
		return l->low;
	}
	__atomic_store_n(&l->range, first | (uint64_t)count << 32,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&l->low, __atomic_load_n(&disk->seq,
						  __ATOMIC_RELAXED) + 1,
			 __ATOMIC_RELEASE);
	return __atomic_fetch_add(&disk->seq, seq_count, __ATOMIC_ACQ_REL) + 1;
}

void lane_end(struct vdisk *disk, uint32_t lane)
{
	struct vd_lane *l = &disk->lane[lane];

	__atomic_store_n(&l->range, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&l->low, VD_SEQ_IDLE, __ATOMIC_RELEASE);
}

static bool range_has(uint64_t range, uint32_t block)
{
	return block - (uint32_t)range < (uint32_t)(range >> 32);
}

/*
 * Does another lane change this block?  To be asked after taking a number:
 * then a no means that all that have smaller numbers are in the map.
 */
bool lane_meets(struct vdisk *disk, uint32_t lane, uint32_t block)
{
	for (uint32_t i = 0; i < disk->lane_count; i++)
		if (i != lane &&
		    range_has(__atomic_load_n(&disk->lane[i].range,
					      __ATOMIC_ACQUIRE), block))
			return true;
	return false;
}

/* Wait until all that change this block and came before @seq are done. */
void lane_wait_older(struct vdisk *disk, uint32_t lane, uint32_t block,
		     uint64_t seq)
{
	for (uint32_t i = 0; i < disk->lane_count; i++) {
		struct vd_lane *other = &disk->lane[i];

		while (i != lane &&
		       range_has(__atomic_load_n(&other->range,
						 __ATOMIC_ACQUIRE), block) &&
		       __atomic_load_n(&other->low, __ATOMIC_ACQUIRE) <= seq)
			disk_relax(disk);
	}
}

/*
 * Before a number is taken: never more than a window above the watermark, so
 * that recovery has to judge that many records at most.  On SYNC media this
 * makes a sync now and then; on BUS media it waits for a lane that was put to
 * sleep in the middle of a write.
 */
int lane_room(struct vdisk *disk, uint32_t lane)
{
	struct vd_lane *l = &disk->lane[lane];
	uint64_t now = __atomic_load_n(&disk->seq, __ATOMIC_RELAXED);

	if (now - l->watermark <= disk->window / 2)
		return 0;
	l->watermark = disk_watermark(disk);
	l->watermark_age = WATERMARK_AGE_MAX;
	if (is_sync(disk)) {
		int err = now - l->watermark <= disk->window / 2 ? 0 :
			  disk_sync(disk, lane);

		l->watermark = disk_watermark(disk);
		return err;
	}
	while (__atomic_load_n(&disk->seq, __ATOMIC_RELAXED) - l->watermark >
	       disk->window) {
		disk_relax(disk);
		l->watermark = disk_watermark(disk);
	}
	return 0;
}

int disk_drain(struct vdisk *disk)
{
	for (uint32_t e = 0; e < disk->area.extent_count; e++) {
		struct nvm_media *media = disk->area.extent[e];
		int err = media->ops->drain(media);

		if (err)
			return err;
	}
	return 0;
}

static int sync_extents(struct vdisk *disk)
{
	for (uint32_t e = 0; e < disk->area.extent_count; e++) {
		struct nvm_media *media = disk->area.extent[e];
		int err = media->ops->sync(media);

		if (err)
			return err;
	}
	return 0;
}

/*
 * SYNC media: all that was acknowledged is durable, and the blocks freed
 * before may be used again.  What the new watermark will be, and which blocks,
 * is fixed before the sync begins.  After a failure nobody knows what the
 * media holds (Linux may call lost pages clean), so there are no more writes.
 */
int disk_sync(struct vdisk *disk, uint32_t lane)
{
	uint64_t begun = __atomic_load_n(&disk->sync_begun, __ATOMIC_ACQUIRE);
	uint64_t watermark;
	uint32_t freed;
	int err;

	if (!is_sync(disk))
		return 0;
	supply_freed_flush(disk, lane);
	lock_take(disk, &disk->sync_lock);
	/* One that began after we came has done our work. */
	if (disk->sync_done > begun) {
		lock_drop(&disk->sync_lock);
		return disk_failed(disk);
	}
	__atomic_store_n(&disk->sync_begun, disk->sync_begun + 1,
			 __ATOMIC_RELEASE);
	pool_lock_take(disk);
	freed = disk->ring_count;
	pool_lock_drop(disk);
	watermark = lowest_in_flight(disk) - 1;
	err = disk_failed(disk);
	if (!err)
		err = sync_extents(disk);
	if (err) {
		disk_fail(disk, err);
	} else {
		__atomic_store_n(&disk->watermark, watermark,
				 __ATOMIC_RELEASE);
		supply_release_ring(disk, freed);
		disk->sync_done = disk->sync_begun;
	}
	lock_drop(&disk->sync_lock);
	return err;
}

int vd_flush(struct vdisk *disk, uint32_t lane)
{
	if (disk->read_only)
		return 0;
	return disk_sync(disk, lane);
}
