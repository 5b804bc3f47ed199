// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * bio.c - requests, done in the caller's context: there is no queue.
 *
 * What is written is read once, even where its owner changes it meanwhile
 * (direct I/O; no stable pages are asked for): whole blocks go straight to the
 * media and are summed up on the way (store_crc), all else by the lane's buffer.
 * A block whose pieces lie apart in memory is one write of it, too.
 *
 * What is read goes straight to its place.  Where that is changed meanwhile it
 * may look damaged, so damage is believed after a second look by way of the
 * buffer.
 *
 * Durability is the core's: on BUS media what is done is durable and the kernel
 * sends us no flush; on SYNC media PREFLUSH and FUA end in the host's sync.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/sched.h>

#include "compat.h"
#include "nvmvd.h"

#ifdef CONFIG_HIGHMEM
#error "bvecs are taken by their address"
#endif

static u64 bio_pos(const struct bio *bio)
{
	return (u64)bio->bi_iter.bi_sector << SECTOR_SHIFT;
}

/* ---- reading ------------------------------------------------------------------ */

static int read_again(struct nvmvd *disk, u32 lane, u64 pos, u32 len, u8 *to)
{
	u8 *bounce = disk->lane[lane].bounce;
	int err = 0;

	while (len && !err) {
		u32 step = min_t(u32, len, VD_BLOCK - pos % VD_BLOCK);

		err = vd_pread(disk->vd, lane, pos, step, bounce);
		if (!err)
			memcpy(to, bounce, step);
		pos += step;
		to += step;
		len -= step;
	}
	return err;
}

static int bio_read(struct nvmvd *disk, u32 lane, struct bio *bio)
{
	u64 pos = bio_pos(bio);
	struct bvec_iter iter;
	struct bio_vec bv;

	bio_for_each_bvec(bv, bio, iter) {
		int err = vd_pread(disk->vd, lane, pos, bv.bv_len,
				   bvec_virt(&bv));

		if (err == -NVM_EIO)
			err = read_again(disk, lane, pos, bv.bv_len,
					 bvec_virt(&bv));
		if (err)
			return err;
		pos += bv.bv_len;
		cond_resched();
	}
	return 0;
}

/* ---- writing ------------------------------------------------------------------ */

/* The next @len bytes of it. */
static void bio_gather(struct bio *bio, struct bvec_iter *iter, u8 *to, u32 len)
{
	while (len) {
		struct bio_vec bv = mp_bvec_iter_bvec(bio->bi_io_vec, *iter);
		u32 step = min(bv.bv_len, len);

		memcpy(to, bvec_virt(&bv), step);
		bio_advance_iter_single(bio, iter, step);
		to += step;
		len -= step;
	}
}

static int bio_write(struct nvmvd *disk, u32 lane, struct bio *bio)
{
	struct bvec_iter iter = bio->bi_iter;
	u8 *bounce = disk->lane[lane].bounce;
	u64 pos = bio_pos(bio);
	int err = 0;

	while (iter.bi_size && !err) {
		struct bio_vec bv = mp_bvec_iter_bvec(bio->bi_io_vec, iter);
		u32 step = min_t(u32, iter.bi_size, VD_BLOCK - pos % VD_BLOCK);

		if (bv.bv_len >= VD_BLOCK && step == VD_BLOCK) {
			step = rounddown(bv.bv_len, VD_BLOCK);
			err = vd_write(disk->vd, lane, pos / VD_BLOCK,
				       step / VD_BLOCK, bvec_virt(&bv), 0);
			bio_advance_iter_single(bio, &iter, step);
		} else {
			bio_gather(bio, &iter, bounce, step);
			err = vd_pwrite(disk->vd, lane, pos, step, bounce, 0);
		}
		pos += step;
		cond_resched();
	}
	return err;
}

/* All or nothing, after a crash too: one group of the core. */
static int bio_write_atomic(struct nvmvd *disk, u32 lane, struct bio *bio)
{
	u32 len = bio->bi_iter.bi_size;
	struct bvec_iter iter = bio->bi_iter;
	u8 *from = len <= NVMVD_BOUNCE ? disk->lane[lane].bounce : disk->group;

	if (!from || len > VD_GROUP_MAX * VD_BLOCK)
		return -NVM_EINVAL;
	bio_gather(bio, &iter, from, len);
	return vd_pwrite(disk->vd, lane, bio_pos(bio), len, from,
			 VD_WRITE_ATOMIC);
}

/* ---- discard -------------------------------------------------------------------- */

/* Whole blocks only; in pieces, as there may be very many. */
static int bio_discard(struct nvmvd *disk, u32 lane, struct bio *bio)
{
	u64 first = DIV_ROUND_UP_ULL(bio_pos(bio), VD_BLOCK);
	u64 end = (bio_pos(bio) + bio->bi_iter.bi_size) / VD_BLOCK;
	int err = 0;

	while (first < end && !err) {
		u64 step = min_t(u64, end - first, VD_TRIM_MAX);

		err = vd_trim(disk->vd, lane, first, step);
		first += step;
		cond_resched();
	}
	return err;
}

static int bio_zero(struct nvmvd *disk, u32 lane, struct bio *bio)
{
	u64 pos = bio_pos(bio), left = bio->bi_iter.bi_size;
	int err = 0;

	while (left && !err) {
		u64 step = min_t(u64, left,
				 (u64)VD_TRIM_MAX * VD_BLOCK - pos % VD_BLOCK);

		err = vd_zero(disk->vd, lane, pos, step);
		pos += step;
		left -= step;
		cond_resched();
	}
	return err;
}

/* ---- one request ------------------------------------------------------------------ */

static int bio_do(struct nvmvd *disk, u32 lane, struct bio *bio)
{
	int err = 0;

	if (bio->bi_opf & REQ_PREFLUSH)
		err = vd_flush(disk->vd, lane);
	if (err)
		return err;
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		return bio_read(disk, lane, bio);
	case REQ_OP_WRITE:
		err = bio->bi_opf & NVMVD_ATOMIC ?
		      bio_write_atomic(disk, lane, bio) :
		      bio_write(disk, lane, bio);
		break;
	case REQ_OP_DISCARD:
		err = bio_discard(disk, lane, bio);
		break;
	case REQ_OP_WRITE_ZEROES:
		err = bio_zero(disk, lane, bio);
		break;
	case REQ_OP_FLUSH:
		return vd_flush(disk->vd, lane);
	default:
		return -EOPNOTSUPP;
	}
	if (!READ_ONCE(disk->wrote))
		WRITE_ONCE(disk->wrote, true);
	if (!err && bio->bi_opf & REQ_FUA)
		err = vd_flush(disk->vd, lane);
	return err;
}

/* A write of memory does not wait for more than memory; one that syncs may. */
static bool may_wait(const struct nvmvd *disk, const struct bio *bio)
{
	if (bio_op(bio) == REQ_OP_READ)
		return false;
	return bio_op(bio) != REQ_OP_WRITE || disk->sync ||
	       bio->bi_opf & NVMVD_ATOMIC;
}

static int lane_for(struct nvmvd *disk, const struct bio *bio)
{
	if (!(bio->bi_opf & REQ_NOWAIT))
		return nvmvd_lane_take(disk);
	return may_wait(disk, bio) ? -EAGAIN : nvmvd_lane_try(disk);
}

void nvmvd_submit_bio(struct bio *bio)
{
	struct gendisk *gd = bio->bi_bdev->bd_disk;
	struct nvmvd *disk = gd->private_data;
	bool group = bio->bi_opf & NVMVD_ATOMIC &&
		     bio->bi_iter.bi_size > NVMVD_BOUNCE;
	bool counted = blk_queue_io_stat(gd->queue) && bio_sectors(bio);
	unsigned long begun;
	int lane, err;

	if (group && !(bio->bi_opf & REQ_NOWAIT))
		mutex_lock(&disk->group_lock);
	lane = lane_for(disk, bio);
	if (lane < 0) {
		bio_wouldblock_error(bio);
		return;
	}
	if (counted)
		begun = bio_start_io_acct(bio);
	err = bio_do(disk, lane, bio);
	if (counted)
		bio_end_io_acct(bio, begun);
	nvmvd_lane_drop(disk, lane);
	if (group)
		mutex_unlock(&disk->group_lock);
	if (err)
		bio->bi_status = errno_to_blk_status(err);
	bio_endio(bio);
}
