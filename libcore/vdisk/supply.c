// SPDX-License-Identifier: BSD-3-Clause
/*
 * supply.c - where free blocks come from and go to.
 *
 *   idle  <-->  pool  -->  lane's cache  -->  written, mapped
 *                 ^                                |
 *                 +---- lane's freed blocks <------+   (BUS)
 *                 +---- ring, until a sync  <------+   (SYNC)
 *
 * The pool (wear.h) holds all free blocks of a small area and a window of
 * those of a large one; the others are idle, found again by a hand that walks
 * over the states.  A block is in one of these places only, and a freed block
 * gets here after what superseded it is durable, or for SYNC media waits in
 * the ring until it is.
 *
 * Counts come from the block's own record, so no table of them is needed.
 */
#include "vdisk/impl.h"

#define SWEEP_BLOCKS	64u	/* most records read under the lock at once */

static uint32_t chunk_of(const struct vdisk *disk, uint32_t block)
{
	return block >> disk->chunk_shift;
}

/* Under the pool lock, or with the disk to ourselves. */
void supply_state(struct vdisk *disk, uint32_t block, uint8_t state)
{
	uint8_t old = state_load(disk, block);
	uint8_t was = old & VD_STATE_MASK;

	if (was == VD_BLOCK_IDLE && state != VD_BLOCK_IDLE) {
		disk->chunk_idle[chunk_of(disk, block)]--;
		disk->idle_count--;
	} else if (was != VD_BLOCK_IDLE && state == VD_BLOCK_IDLE) {
		disk->chunk_idle[chunk_of(disk, block)]++;
		disk->idle_count++;
	}
	if (state == VD_BLOCK_BAD && was != VD_BLOCK_BAD)
		disk->bad_count++;
	if (was == VD_BLOCK_BAD && state != VD_BLOCK_BAD)
		disk->bad_count--;
	__atomic_store_n(&disk->state[block],
			 state | (old & VD_STATE_FLAGS), __ATOMIC_RELAXED);
}

/* Of a freed block that is no good: to be retired where others are reused. */
#define TAG_RETIRE	2u
/* Of a trim log that was evacuated: its record is to say so then. */
#define TAG_VOID	3u

/* The block is of no use any more.  Its record says so, if it can. */
static void block_retire(struct vdisk *disk, uint32_t block)
{
	uint64_t seq = __atomic_add_fetch(&disk->seq, 1, __ATOMIC_ACQ_REL);
	struct vd_rec rec = { 0 };

	supply_state(disk, block, VD_BLOCK_BAD);
	if (!rec_load(disk, block, &rec))
		rec_store_void(disk, block, &rec, seq, 0, VD_RECORD_BAD);
}

void supply_retire(struct vdisk *disk, uint32_t block)
{
	pool_lock_take(disk);
	block_retire(disk, block);
	pool_lock_drop(disk);
}

/*
 * An evacuated trim log says VOID, lest the next recovery read it.  Of no
 * other use: all that it holds is superseded, or copied and durable.
 */
static bool log_void(struct vdisk *disk, struct wear_block *block)
{
	struct vd_rec rec;
	uint64_t seq;

	if (rec_load(disk, block->block, &rec))
		return false;
	seq = __atomic_add_fetch(&disk->seq, 1, __ATOMIC_ACQ_REL);
	if (rec_store_void(disk, block->block, &rec, seq, 0, VD_RECORD_VOID))
		return false;
	block->count = rec.count + (rec.count != UINT32_MAX);
	block->tag = rec.half;
	return true;
}

/* Under the pool lock. */
static void pool_put(struct vdisk *disk, struct wear_block block)
{
	struct wear_block worn;

	if (block.tag == TAG_RETIRE ||
	    (block.tag == TAG_VOID && !log_void(disk, &block))) {
		block_retire(disk, block.block);
		return;
	}

	/* Shrinking: what lies beyond the new end is not used again. */
	if (disk->shrink_to && !block_stays(disk, block.block)) {
		supply_state(disk, block.block, VD_BLOCK_BAD);
		return;
	}
	if (!wear_pool_room(disk->wear) && wear_take_most(disk->wear, &worn))
		supply_state(disk, worn.block, VD_BLOCK_IDLE);
	if (wear_pool_room(disk->wear))
		wear_put(disk->wear, block);
	else
		supply_state(disk, block.block, VD_BLOCK_IDLE);
}

/* The next idle block from the hand on; VD_NONE if there is none. */
static uint32_t idle_next(struct vdisk *disk)
{
	uint32_t count = disk->layout.block_count;
	uint32_t block = disk->idle_hand;

	if (!disk->idle_count)
		return VD_NONE;
	for (;;) {
		if (block >= count)
			block = 0;
		if (!disk->chunk_idle[chunk_of(disk, block)]) {
			block = (chunk_of(disk, block) + 1)
				<< disk->chunk_shift;
			/* Behind the last chunk, or round the corner of 32 bits. */
			if (!block)
				block = count;
			continue;
		}
		if (state_of(disk, block) ==
		    VD_BLOCK_IDLE)
			break;
		block++;
	}
	disk->idle_hand = block + 1;
	return block;
}

static struct wear_block free_of(uint32_t block, const struct vd_rec *rec)
{
	return (struct wear_block){ .block = block, .count = rec->count,
		.tag = rec->type ? !rec->half : 0 };
}

/* Under the pool lock: idle blocks into the pool, while there is room. */
static void pool_fill(struct vdisk *disk)
{
	uint32_t found[SWEEP_BLOCKS], count = 0;
	uint32_t room = wear_pool_room(disk->wear);

	while (count < room && count < SWEEP_BLOCKS) {
		uint32_t block = idle_next(disk);

		if (block == VD_NONE)
			break;
		supply_state(disk, block, VD_BLOCK_TAKEN);
		record_prefetch(disk, block);
		found[count++] = block;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct vd_rec rec;

		/* Newer than all: what we write there would not count. */
		if (rec_load(disk, found[i], &rec) ||
		    rec.type == VD_RECORD_BAD ||
		    rec.seq > __atomic_load_n(&disk->seq, __ATOMIC_RELAXED))
			supply_state(disk, found[i], VD_BLOCK_BAD);
		else
			wear_put(disk->wear, free_of(found[i], &rec));
	}
}

/* Under the pool lock: SYNC media keep what was freed until a sync. */
static void freed_put(struct vdisk *disk, struct wear_block block)
{
	if (!disk->ring_room) {
		pool_put(disk, block);
		return;
	}
	/* Only after a failed sync: the next open finds it. */
	if (disk->ring_count == disk->ring_room)
		return;
	disk->ring[(disk->ring_first + disk->ring_count) % disk->ring_room] =
		block;
	disk->ring_count++;
}

/* Is there no room for what all lanes may still free? */
static bool ring_is_full(struct vdisk *disk)
{
	bool full;

	if (!disk->ring_room)
		return false;
	pool_lock_take(disk);
	full = disk->ring_count + VD_LANES_MAX * VD_LANE_BATCH >
	       disk->ring_room;
	pool_lock_drop(disk);
	return full;
}

/* A freed block, from its record; its tag says if it is not for the pool. */
static struct wear_block freed_look(const struct vdisk *disk, uint32_t block)
{
	struct vd_rec rec;

	if ((state_load(disk, block) & VD_BLOCK_POISONED) ||
	    rec_load(disk, block, &rec) ||
	    rec.seq > __atomic_load_n(&disk->seq, __ATOMIC_RELAXED))
		return (struct wear_block){ .block = block,
					    .tag = TAG_RETIRE };
	if (rec.type == VD_RECORD_LOG)
		return (struct wear_block){ .block = block, .tag = TAG_VOID };
	return free_of(block, &rec);
}

/* Takes the pool lock, and leaves it to the caller to drop. */
static void freed_hand_in(struct vdisk *disk, uint32_t lane)
{
	struct vd_lane *l = &disk->lane[lane];
	struct wear_block freed[VD_LANE_BATCH];
	uint32_t count = l->freed_count;

	for (uint32_t i = 0; i < count; i++)
		freed[i] = freed_look(disk, l->freed[i]);
	l->freed_count = 0;
	pool_lock_take(disk);
	for (uint32_t i = 0; i < count; i++)
		freed_put(disk, freed[i]);
	wear_wrote(disk->wear, l->written);
	l->written = 0;
}

void supply_freed_flush(struct vdisk *disk, uint32_t lane)
{
	freed_hand_in(disk, lane);
	pool_lock_drop(disk);
}

/* Before a shrink: free blocks that will not stay are out of reach. */
void supply_restrict(struct vdisk *disk)
{
	uint32_t blocks = disk->layout.block_count;
	struct wear_block block;

	pool_lock_take(disk);
	for (uint32_t i = 0; i < disk->lane_count; i++) {
		struct vd_lane *l = &disk->lane[i];

		while (l->free_count)
			supply_state(disk, l->free[(l->free_first +
					   --l->free_count) %
					   VD_LANE_BATCH].block,
				     VD_BLOCK_IDLE);
	}
	while (wear_take(disk->wear, &block))
		supply_state(disk, block.block, VD_BLOCK_IDLE);
	for (uint32_t i = 0; i < blocks; i++)
		if (state_of(disk, i) ==
		    VD_BLOCK_IDLE && !block_stays(disk, i))
			supply_state(disk, i, VD_BLOCK_BAD);
	pool_lock_drop(disk);
}

/* The shrink failed: those that are not really bad are free again. */
void supply_unrestrict(struct vdisk *disk)
{
	pool_lock_take(disk);
	for (uint32_t i = 0; i < disk->layout.block_count; i++) {
		struct vd_rec rec;

		if (state_of(disk, i) ==
		    VD_BLOCK_BAD && !rec_load(disk, i, &rec) &&
		    rec.type != VD_RECORD_BAD)
			supply_state(disk, i, VD_BLOCK_IDLE);
	}
	pool_lock_drop(disk);
}

/* After a sync: the first @count of the ring may be used again. */
void supply_release_ring(struct vdisk *disk, uint32_t count)
{
	pool_lock_take(disk);
	while (count--) {
		pool_put(disk, disk->ring[disk->ring_first]);
		disk->ring_first = (disk->ring_first + 1) % disk->ring_room;
		disk->ring_count--;
	}
	pool_lock_drop(disk);
}

uint32_t supply_free_count(struct vdisk *disk)
{
	uint32_t count;

	pool_lock_take(disk);
	count = disk->idle_count + wear_pool_count(disk->wear) +
		disk->ring_count;
	pool_lock_drop(disk);
	for (uint32_t i = 0; i < disk->lane_count; i++)
		count += disk->lane[i].free_count + disk->lane[i].freed_count;
	return count;
}

/* ---- taking ------------------------------------------------------------------- */

/* Into @to, at most @count; also what a lane still has to hand in. */
static uint32_t pool_take(struct vdisk *disk, uint32_t lane,
			  struct wear_block *to, uint32_t count)
{
	uint32_t got = 0;

	freed_hand_in(disk, lane);
	if (disk->idle_count && wear_pool_room(disk->wear))
		pool_fill(disk);
	while (got < count && wear_take(disk->wear, &to[got]))
		got++;
	pool_lock_drop(disk);
	return got;
}

/* SYNC: is it time for a sync, before there are no free blocks at all? */
static bool ring_is_heavy(struct vdisk *disk)
{
	uint32_t free_count, ring;

	if (!disk->ring_room)
		return false;
	pool_lock_take(disk);
	ring = disk->ring_count;
	free_count = disk->idle_count + wear_pool_count(disk->wear);
	pool_lock_drop(disk);
	return ring > free_count || ring > disk->ring_room / 2;
}

static int lane_refill(struct vdisk *disk, uint32_t lane)
{
	struct vd_lane *l = &disk->lane[lane];

	for (unsigned tries = 0; ; tries++) {
		int err = ring_is_heavy(disk) ? disk_sync(disk, lane) : 0;

		if (err)
			return err;
		l->free_count = pool_take(disk, lane, l->free, disk->batch);
		l->free_first = 0;
		if (l->free_count)
			break;
		if (!disk->ring_room || tries)
			return -NVM_ENOSPC;
		err = disk_sync(disk, lane);
		if (err)
			return err;
	}
	for (uint32_t i = 0; i < l->free_count; i++)
		record_prefetch(disk, l->free[i].block);
	return 0;
}

/*
 * Free blocks for the lane's pieces, up to @count.  Fewer than that, but at
 * least one, where there are no more; -NVM_ENOSPC: none.
 */
int supply_take(struct vdisk *disk, uint32_t lane, uint32_t count,
		uint32_t *ret_count)
{
	struct vd_lane *l = &disk->lane[lane];
	uint32_t got = 0;

	while (got < count) {
		int err = l->free_count ? 0 : lane_refill(disk, lane);

		if (err == -NVM_ENOSPC && got)
			break;
		if (err) {
			while (got)
				supply_return(disk, lane,
					      l->piece[--got].to);
			return err;
		}
		/* The pool gave the least worn first: keep that order. */
		l->piece[got++].to = l->free[l->free_first++ % VD_LANE_BATCH];
		l->free_count--;
	}
	*ret_count = got;
	return 0;
}

/* Its record, and the translation of its data's address. */
static void block_prefetch(const struct vdisk *disk, uint32_t block)
{
	const struct vd_segment *segment = segment_of(disk, block);
	const uint8_t *base = segment_media(disk, segment)->base;

	record_prefetch(disk, block);
	if (base)
		__builtin_prefetch(base + data_off(segment, block));
}

/*
 * What has to be done sooner or later is done while stores drain, when the
 * processor has nothing else to do: one freed block goes back, one free block
 * is fetched.  Only where no lock is needed, for a locked instruction waits for
 * the drain.
 */
void supply_ahead(struct vdisk *disk, uint32_t lane)
{
	struct vd_lane *l = &disk->lane[lane];

	if (!one_thread(disk) || disk->ring_room)
		return;
	if (l->freed_count)
		pool_put(disk, freed_look(disk, l->freed[--l->freed_count]));
	if (l->free_count < disk->batch) {
		struct wear_block *to = &l->free[(l->free_first +
						  l->free_count) %
						 VD_LANE_BATCH];

		if (disk->idle_count && wear_pool_room(disk->wear))
			pool_fill(disk);
		if (wear_take(disk->wear, to)) {
			block_prefetch(disk, to->block);
			l->free_count++;
		}
	}
	wear_wrote(disk->wear, l->written);
	l->written = 0;
}

/* For a move, unless writers need what is left. */
int supply_take_worn(struct vdisk *disk, uint32_t lane, uint32_t cold_count,
		     struct wear_block *ret_block)
{
	bool taken = false;

	freed_hand_in(disk, lane);
	if (disk->idle_count && wear_pool_room(disk->wear))
		pool_fill(disk);
	if (wear_pool_count(disk->wear) > disk->batch)
		taken = wear_take_worn(disk->wear, cold_count, ret_block);
	pool_lock_drop(disk);
	return taken ? 0 : -NVM_ENOSPC;
}

/* A block that was taken and not written. */
void supply_return(struct vdisk *disk, uint32_t lane, struct wear_block block)
{
	(void)lane;
	pool_lock_take(disk);
	pool_put(disk, block);
	pool_lock_drop(disk);
}

/* ---- freeing -------------------------------------------------------------------- */

/* A pinned block waits for its last reader. */
static bool pin_keeps(struct vdisk *disk, uint32_t block)
{
	bool keeps = false;

	if (!__atomic_load_n(&disk->pin_count, __ATOMIC_ACQUIRE))
		return false;
	pool_lock_take(disk);
	for (uint32_t i = 0; i < VD_PINS_MAX && !keeps; i++)
		if (disk->pin[i].count && disk->pin[i].block == block)
			keeps = disk->pin[i].freed = true;
	pool_lock_drop(disk);
	return keeps;
}

/*
 * The block's last content is superseded, durably (SYNC: visibly).  Its record
 * is read later, when the lane hands in a batch: it is in the cache by then.
 */
void supply_free(struct vdisk *disk, uint32_t lane, uint32_t block)
{
	struct vd_lane *l = &disk->lane[lane];

	if (pin_keeps(disk, block))
		return;
	/* Not sooner on SYNC media: its record may be the newest durable one. */
	if ((state_load(disk, block) & VD_BLOCK_POISONED) &&
	    !disk->ring_room) {
		supply_retire(disk, block);
		return;
	}
	record_prefetch(disk, block);
	if (l->freed_count == VD_LANE_BATCH) {
		if (ring_is_full(disk))
			disk_sync(disk, lane);	/* a failure is kept */
		supply_freed_flush(disk, lane);
	}
	l->freed[l->freed_count++] = block;
}
