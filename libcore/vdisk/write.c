// SPDX-License-Identifier: BSD-3-Clause
/*
 * write.c - writing blocks: the one path that everything with data takes.
 *
 * Order (format.h): data, checksum while the stores drain, record, one drain,
 * map.
 *
 *   Crash before the drain: of each block, record and data survive whole or
 *   the record does not count; the old block stays mapped, its bytes untouched.
 *   After it: the new one is; the old block becomes free.
 */
#include "vdisk/impl.h"

#define BAD_BLOCKS_TRIED	16u

static int data_store(struct vdisk *disk, uint32_t block, const uint8_t *src,
		      uint32_t *ret_csum)
{
	const struct vd_segment *segment = segment_of(disk, block);
	struct nvm_media *media = segment_media(disk, segment);
	int err;

	if (ret_csum && media->ops->store_crc)
		return media->ops->store_crc(media, data_off(segment, block),
					     src, ret_csum);
	err = media->ops->store(media, data_off(segment, block), src, VD_BLOCK);
	if (!err && ret_csum)
		*ret_csum = media->ops->crc32c(0, src, VD_BLOCK);
	return err;
}

/*
 * Store one block and its record, on another block where the media refuses.
 * @rec has all but the count and, unless @csum_known, the checksum.
 */
int piece_store(struct vdisk *disk, uint32_t lane, struct vd_piece *piece,
		const uint8_t *src, uint32_t csum, bool csum_known,
		struct vd_rec *rec)
{
	struct vd_lane *l = &disk->lane[lane];

	for (unsigned tries = 0; ; tries++) {
		struct wear_block to = piece->to;
		uint32_t got;
		int err;

		rec->data_csum = csum;
		rec->count = to.count + (to.count != UINT32_MAX);
		err = data_store(disk, to.block, src,
				 csum_known ? NULL : &rec->data_csum);
		if (!err)
			err = rec_store(disk, to.block, to.tag, rec);
		if (!err || err != -NVM_EIO || tries == BAD_BLOCKS_TRIED)
			return err;
		/* supply_take() uses piece 0. */
		struct vd_piece first = l->piece[0];

		/* First another: what is retired must not be given back. */
		err = supply_take(disk, lane, 1, &got);
		to = l->piece[0].to;
		l->piece[0] = first;
		if (err)
			return err;
		supply_retire(disk, piece->to.block);
		piece->to = to;
	}
}

/*
 * A write that failed in the middle: what was stored of an atomic group (and
 * of the piece that failed, perhaps) must never count.  The records say VOID
 * from now on, durably.
 */
static void group_undo(struct vdisk *disk, uint32_t lane, uint32_t count,
		       uint64_t first_seq)
{
	struct vd_lane *l = &disk->lane[lane];
	int err = 0;

	for (uint32_t i = 0; i < count && !err; i++) {
		uint64_t seq = __atomic_add_fetch(&disk->seq, 1,
						  __ATOMIC_ACQ_REL);
		struct vd_rec rec;

		err = rec_load(disk, l->piece[i].to.block, &rec);
		if (!err && rec.seq == first_seq + i)
			err = rec_store_void(disk, l->piece[i].to.block, &rec,
					     seq, 0, VD_RECORD_VOID);
	}
	if (!err)
		err = disk_drain(disk);
	if (err)
		disk_fail(disk, err);
}

/* Nothing was stored on these. */
static void pieces_return(struct vdisk *disk, uint32_t lane, uint32_t from,
			  uint32_t count)
{
	for (uint32_t i = from; i < count; i++)
		supply_return(disk, lane, disk->lane[lane].piece[i].to);
}

/* Pieces are stored and durable: they are the blocks' content now. */
static void pieces_switch(struct vdisk *disk, uint32_t lane, uint32_t first,
			  uint32_t count, uint64_t seq)
{
	struct vd_lane *l = &disk->lane[lane];

	for (uint32_t i = 0; i < count; i++) {
		struct vd_piece *piece = &l->piece[i];
		uint32_t block = piece->to.block;

		if (!map_switch(disk, lane, first + i, seq + i,
				word_mapped(block, seq + i)))
			supply_free(disk, lane, block);
	}
}

/*
 * Write the lane's first @count pieces, whose blocks are taken.  With
 * @group they are one atomic group.
 */
static int pieces_write(struct vdisk *disk, uint32_t lane, uint32_t first,
			uint32_t count, const uint8_t *src, bool group)
{
	struct vd_lane *l = &disk->lane[lane];
	uint64_t seq, watermark;
	uint32_t stored = 0;
	int err = 0, drained;

	seq = lane_begin(disk, lane, first, count, count);
	watermark = lane_watermark(disk, lane, seq);
	while (stored < count && !err) {
		struct vd_rec rec = {
			.seq = seq + stored, .block = first + stored,
			.lag = rec_lag(seq + stored, watermark),
			.type = VD_RECORD_DATA,
			.group_index = group ? (uint8_t)stored : 0,
			.group_count = group ? (uint8_t)count : 1,
		};

		err = piece_store(disk, lane, &l->piece[stored],
				  src + (size_t)stored * VD_BLOCK, 0, false,
				  &rec);
		stored += !err;
		supply_ahead(disk, lane);
		level_ahead(disk, lane);
	}
	if (err && group) {
		group_undo(disk, lane, stored + 1, seq);
		for (uint32_t i = 0; i < stored; i++)
			supply_free(disk, lane, l->piece[i].to.block);
		pieces_return(disk, lane, stored, count);
	} else {
		drained = disk_drain(disk);
		if (drained) {
			disk_fail(disk, drained);
			err = drained;
		} else {
			pieces_switch(disk, lane, first, stored, seq);
			l->written += stored;
			count_add(&l->user_writes, stored);
		}
		pieces_return(disk, lane, stored, count);
	}
	lane_end(disk, lane);
	return err;
}

/* At most VD_GROUP_MAX blocks. */
int write_blocks(struct vdisk *disk, uint32_t lane, uint32_t first,
		 uint32_t count, const uint8_t *src, unsigned flags)
{
	bool group = (flags & VD_WRITE_ATOMIC) && count > 1;

	/* Taking a number would wait for them if they were loaded before it. */
	for (uint32_t i = 0; i < count; i++)
		map_prefetch(disk, first + i);
	while (count) {
		uint32_t got;
		int err = lane_room(disk, lane);

		if (!err)
			err = disk_failed(disk);
		if (!err)
			err = supply_take(disk, lane, count, &got);
		if (!err && group && got < count) {
			pieces_return(disk, lane, 0, got);
			err = -NVM_ENOSPC;
		}
		if (!err)
			err = pieces_write(disk, lane, first, got, src, group);
		if (err)
			return err;
		first += got;
		src += (size_t)got * VD_BLOCK;
		count -= got;
	}
	return 0;
}

/* The source may change under us: read it once, into the lane's buffer. */
static int write_copied(struct vdisk *disk, uint32_t lane, uint32_t first,
			uint32_t count, const uint8_t *src, unsigned flags)
{
	for (uint32_t i = 0; i < count; i++) {
		int err;

		memcpy(disk->lane[lane].scratch, src + (size_t)i * VD_BLOCK,
		       VD_BLOCK);
		err = write_blocks(disk, lane, first + i, 1,
				   disk->lane[lane].scratch, flags);
		if (err)
			return err;
	}
	return 0;
}

int vd_write(struct vdisk *disk, uint32_t lane, uint64_t first,
	     uint32_t count, const void *src, unsigned flags)
{
	const uint8_t *bytes = src;
	uint64_t end = disk->layout.logical_count;
	int err = 0;

	if (disk->read_only)
		return -NVM_EROFS;
	if (first > end || count > end - first || lane >= disk->lane_count ||
	    ((flags & VD_WRITE_ATOMIC) &&
	     (count > VD_GROUP_MAX || (flags & VD_WRITE_COPY && count > 1))))
		return -NVM_EINVAL;
	while (count && !err) {
		uint32_t part = count < VD_GROUP_MAX ? count : VD_GROUP_MAX;

		err = flags & VD_WRITE_COPY
			? write_copied(disk, lane, (uint32_t)first, part,
				       bytes, flags)
			: write_blocks(disk, lane, (uint32_t)first, part,
				       bytes, flags);
		first += part;
		count -= part;
		bytes += (size_t)part * VD_BLOCK;
		level_some(disk, lane, part);
	}
	if (!err && (flags & VD_WRITE_FUA))
		err = disk_sync(disk, lane);
	return err;
}
