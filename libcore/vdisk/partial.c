// SPDX-License-Identifier: BSD-3-Clause
/*
 * partial.c - reading and writing by bytes, in multiples of a sector.
 *
 * A part of a block is written by writing the whole block again.  Two such
 * writes of one block exclude each other by a striped lock, held from the read
 * to the switch of the map.  Whole writes take no lock: after this write has
 * its number it waits for those of the block that have smaller ones, so that it
 * reads what they wrote; those that take larger ones win over it as a whole,
 * as if they came after it.
 */
#include "vdisk/impl.h"

/* The block as it is, with @len bytes at @at replaced, into the scratch. */
static int merge(struct vdisk *disk, uint32_t lane, uint32_t block,
		 uint32_t at, uint32_t len, const uint8_t *src)
{
	uint8_t *whole = disk->lane[lane].scratch;

	for (;;) {
		uint64_t entry = map_load(disk, block);
		struct vd_rec rec;
		int err;

		if (word_is_mapped(entry)) {
			err = read_verified(disk, lane, block, entry, whole,
					    &rec);
			if (err > 0)
				continue;
			if (err)
				return err;
		} else {
			memset(whole, 0, VD_BLOCK);
		}
		if (src)
			memcpy(whole + at, src, len);
		else
			memset(whole + at, 0, len);
		return 0;
	}
}

/* Piece 0 of the lane has a free block. */
static int partial_locked(struct vdisk *disk, uint32_t lane, uint32_t block,
			  uint32_t at, uint32_t len, const uint8_t *src)
{
	struct vd_lane *l = &disk->lane[lane];
	uint64_t seq = lane_begin(disk, lane, block, 1, 1);
	struct vd_rec rec = {
		.seq = seq, .block = block, .type = VD_RECORD_DATA,
		.lag = rec_lag(seq, lane_watermark(disk, lane, seq)),
		.group_count = 1,
	};
	uint32_t to;
	int err;

	lane_wait_older(disk, lane, block, seq);
	err = merge(disk, lane, block, at, len, src);
	if (!err)
		err = piece_store(disk, lane, &l->piece[0], l->scratch, 0,
				  false, &rec);
	if (err) {
		supply_return(disk, lane, l->piece[0].to);
		return err;
	}
	err = disk_drain(disk);
	if (err) {
		disk_fail(disk, err);
		return err;
	}
	to = l->piece[0].to.block;
	if (!map_switch(disk, lane, block, seq, word_mapped(to, seq)))
		supply_free(disk, lane, to);
	l->written++;
	count_add(&l->user_writes, 1);
	return 0;
}

/* @src NULL: zeros. */
static int partial_write(struct vdisk *disk, uint32_t lane, uint32_t block,
			 uint32_t at, uint32_t len, const uint8_t *src)
{
	uint32_t *stripe = &disk->stripe[block % VD_STRIPES], got;
	int err = lane_room(disk, lane);

	if (!err)
		err = disk_failed(disk);
	if (!err)
		err = supply_take(disk, lane, 1, &got);
	if (err)
		return err;
	lock_take(disk, stripe);
	err = partial_locked(disk, lane, block, at, len, src);
	lane_end(disk, lane);
	lock_drop(stripe);
	return err;
}

static bool range_valid(const struct vdisk *disk, uint32_t lane,
			uint64_t off_bytes, uint64_t len_bytes)
{
	uint64_t end = (uint64_t)disk->layout.logical_count * VD_BLOCK;

	return off_bytes % VD_SECTOR == 0 && len_bytes % VD_SECTOR == 0 &&
	       off_bytes <= end && len_bytes <= end - off_bytes &&
	       lane < disk->lane_count;
}

/*
 * The next step of a range: a part of one block, or as many whole ones as
 * there are (at most VD_GROUP_MAX).
 */
static uint32_t step_bytes(uint64_t off_bytes, uint64_t len_bytes)
{
	uint32_t at = (uint32_t)(off_bytes % VD_BLOCK);
	uint64_t whole = len_bytes & ~(uint64_t)(VD_BLOCK - 1);

	if (at || !whole)
		return len_bytes < VD_BLOCK - at ? (uint32_t)len_bytes
						 : VD_BLOCK - at;
	return whole < VD_GROUP_MAX * VD_BLOCK ? (uint32_t)whole
					       : VD_GROUP_MAX * VD_BLOCK;
}

int vd_pwrite(struct vdisk *disk, uint32_t lane, uint64_t off_bytes,
	      uint64_t len_bytes, const void *src, unsigned flags)
{
	const uint8_t *bytes = src;
	int err = 0;

	if (disk->read_only)
		return -NVM_EROFS;
	if (!range_valid(disk, lane, off_bytes, len_bytes) ||
	    ((flags & VD_WRITE_ATOMIC) && (off_bytes | len_bytes) % VD_BLOCK &&
	     off_bytes % VD_BLOCK + len_bytes > VD_BLOCK))
		return -NVM_EINVAL;
	if ((flags & VD_WRITE_ATOMIC) && len_bytes > VD_GROUP_MAX * VD_BLOCK)
		return -NVM_EINVAL;
	while (len_bytes && !err) {
		uint32_t step = step_bytes(off_bytes, len_bytes);
		uint32_t at = (uint32_t)(off_bytes % VD_BLOCK);
		uint32_t block = (uint32_t)(off_bytes / VD_BLOCK);

		if (step % VD_BLOCK)
			err = partial_write(disk, lane, block, at, step,
					    bytes);
		else
			err = vd_write(disk, lane, block, step / VD_BLOCK,
				       bytes, flags & ~VD_WRITE_FUA);
		off_bytes += step;
		len_bytes -= step;
		bytes += step;
	}
	if (!err && (flags & VD_WRITE_FUA))
		err = disk_sync(disk, lane);
	return err;
}

int vd_pread(struct vdisk *disk, uint32_t lane, uint64_t off_bytes,
	     uint64_t len_bytes, void *dst)
{
	uint8_t *bytes = dst;
	int err = 0;

	if (!range_valid(disk, lane, off_bytes, len_bytes))
		return -NVM_EINVAL;
	while (len_bytes) {
		uint32_t step = step_bytes(off_bytes, len_bytes);
		uint32_t at = (uint32_t)(off_bytes % VD_BLOCK);
		uint32_t block = (uint32_t)(off_bytes / VD_BLOCK);
		int one;

		if (step % VD_BLOCK) {
			uint8_t *whole = disk->lane[lane].scratch;

			one = vd_read(disk, lane, block, 1, whole);
			memcpy(bytes, whole + at, step);
		} else {
			one = vd_read(disk, lane, block, step / VD_BLOCK,
				      bytes);
		}
		if (one)
			err = one;
		off_bytes += step;
		len_bytes -= step;
		bytes += step;
	}
	return err;
}

int vd_zero(struct vdisk *disk, uint32_t lane, uint64_t off_bytes,
	    uint64_t len_bytes)
{
	int err = 0;

	if (disk->read_only)
		return -NVM_EROFS;
	if (!range_valid(disk, lane, off_bytes, len_bytes))
		return -NVM_EINVAL;
	while (len_bytes && !err) {
		uint32_t at = (uint32_t)(off_bytes % VD_BLOCK);
		uint32_t block = (uint32_t)(off_bytes / VD_BLOCK);
		uint64_t step = len_bytes & ~(uint64_t)(VD_BLOCK - 1);

		if (at || !step) {
			step = step_bytes(off_bytes, len_bytes);
			err = partial_write(disk, lane, block, at,
					    (uint32_t)step, NULL);
		} else {
			err = vd_trim(disk, lane, block, step / VD_BLOCK);
		}
		off_bytes += step;
		len_bytes -= step;
	}
	return err;
}
