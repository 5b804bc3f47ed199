// SPDX-License-Identifier: BSD-3-Clause
/*
 * level.c - static levelling: moving the data of a cold block onto a worn one,
 * so that the cold one takes its share of the writes.
 *
 * A hand walks over the block records, which have the counts; wear.h decides.
 * A move is a write of the same bytes under a new number.  It gives way to
 * whoever else touches the block:
 *
 *   - it takes its number, then looks whether a write of the logical block is
 *     in flight: such a write has a smaller number and newer data;
 *   - it moves only what is at or below the watermark: of an atomic group all
 *     members are judged together until then;
 *   - the source is verified and its checksum carried over: rot stays rot;
 *   - the map is switched only if the whole entry is unchanged.
 *
 * Crash story: as a write (write.c).
 */
#include "vdisk/impl.h"

/* One record is looked at for so many blocks written. */
#define WRITES_A_LOOK	2u

/* The block at the hand, if it is mapped: its entry and record. */
static bool mapped_at(struct vdisk *disk, uint32_t block, struct vd_rec *ret_rec,
		      uint64_t *ret_entry)
{
	if (rec_load(disk, block, ret_rec) ||
	    ret_rec->type != VD_RECORD_DATA ||
	    ret_rec->block >= disk->layout.logical_count)
		return false;
	*ret_entry = map_load(disk, ret_rec->block);
	return word_is_mapped(*ret_entry) && word_block(*ret_entry) == block &&
	       word_seq_low(*ret_entry) == (ret_rec->seq & 0x7fffffff);
}

/*
 * After our number is taken, and with the target in piece 0: copy and switch.
 * 0: moved, or somebody else was faster.
 */
static int move_begun(struct vdisk *disk, uint32_t lane, uint64_t seq,
		      uint32_t logical, bool *ret_moved)
{
	struct vd_lane *l = &disk->lane[lane];
	uint64_t entry, expected;
	struct vd_rec source, rec;
	int err;

	if (lane_meets(disk, lane, logical))
		return 0;
	entry = map_load(disk, logical);
	if (!word_is_mapped(entry))
		return 0;
	err = read_verified(disk, lane, logical, entry, l->scratch, &source);
	if (err || source.seq > disk_watermark(disk))
		return err < 0 ? err : 0;
	rec = (struct vd_rec){ .seq = seq, .block = logical,
		.type = VD_RECORD_DATA, .group_count = 1,
		.lag = rec_lag(seq, lane_watermark(disk, lane, seq)) };
	err = piece_store(disk, lane, &l->piece[0], l->scratch,
			  source.data_csum, true, &rec);
	if (err)
		return err;
	err = disk_drain(disk);
	if (err) {
		disk_fail(disk, err);
		return err;
	}
	expected = entry;
	*ret_moved = true;
	l->written++;
	if (__atomic_compare_exchange_n(&disk->map[logical], &expected,
					word_mapped(l->piece[0].to.block, seq),
					false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		supply_free(disk, lane, word_block(entry));
	else
		supply_free(disk, lane, l->piece[0].to.block);
	return 0;
}

/* Move a logical block onto @to, which was taken.  *ret_moved: @to was written. */
int level_move(struct vdisk *disk, uint32_t lane, uint32_t logical,
	       struct wear_block to, bool *ret_moved)
{
	struct vd_lane *l = &disk->lane[lane];
	uint64_t seq;
	int err = lane_room(disk, lane);

	*ret_moved = false;
	l->piece[0].to = to;
	if (!err) {
		seq = lane_begin(disk, lane, logical, 1, 1);
		err = move_begun(disk, lane, seq, logical, ret_moved);
		lane_end(disk, lane);
	}
	if (!*ret_moved)
		supply_return(disk, lane, l->piece[0].to);
	else
		count_add(&l->moves, 1);
	return err;
}

/* The policy wants it.  1: moved. */
static int level_one(struct vdisk *disk, uint32_t lane, uint32_t block)
{
	struct wear_block to;
	struct vd_rec rec;
	uint64_t entry;
	bool moved;
	int err;

	if (!mapped_at(disk, block, &rec, &entry) ||
	    rec.seq > disk_watermark(disk) ||
	    supply_take_worn(disk, lane, rec.count, &to))
		return 0;
	err = level_move(disk, lane, rec.block, to, &moved);
	if (moved) {
		pool_lock_take(disk);
		wear_moved(disk->wear);
		pool_lock_drop(disk);
	}
	return err ? err : moved;
}

/* What the newer half says, right or not: enough to look closer. */
static uint32_t line_count(const struct vd_record half[2])
{
	return get_le32(half[get_le64(half[1].seq) > get_le64(half[0].seq)]
			.count);
}

/*
 * Which of the @count blocks from @first on, all of one segment, the policy
 * wants moved: a bit each.
 */
static uint32_t blocks_wanted(struct vdisk *disk, uint32_t first,
			      uint32_t count, bool force)
{
	const struct vd_segment *segment = segment_of(disk, first);
	struct nvm_media *media = segment_media(disk, segment);
	struct vd_record line[VD_LANE_BATCH][2];
	uint32_t wanted = 0;

	if (force || media->ops->load(media, record_off(segment, first), line,
				      count * sizeof(line[0])))
		return force ? (1u << count) - 1 : 0;
	pool_lock_take(disk);
	for (uint32_t i = 0; i < count; i++)
		if (wear_wants_move(disk->wear, line_count(line[i])))
			wanted |= 1u << i;
	pool_lock_drop(disk);
	return wanted;
}

/* The hand goes @count blocks further, not beyond the end of a segment. */
static uint32_t hand_step(struct vdisk *disk, uint32_t count)
{
	const struct vd_segment *segment = segment_of(disk, disk->level_hand);
	uint32_t left = segment->first + segment->block_count -
			disk->level_hand;

	if (count > left)
		count = left;
	disk->level_hand += count;
	if (disk->level_hand == disk->layout.block_count)
		disk->level_hand = 0;
	return count;
}

/* A damaged block is for its reader to find: levelling goes on. */
static uint32_t level_walk(struct vdisk *disk, uint32_t lane, uint32_t look,
			   uint32_t moves_max, bool force)
{
	uint32_t moves = 0;

	while (look && moves < moves_max) {
		uint32_t first = disk->level_hand;
		uint32_t count = hand_step(disk, look < VD_LANE_BATCH ? look :
					   VD_LANE_BATCH);
		uint32_t wanted = blocks_wanted(disk, first, count, force);

		for (uint32_t i = 0; i < count && moves < moves_max; i++)
			if (wanted & 1u << i &&
			    level_one(disk, lane, first + i) > 0)
				moves++;
		look -= count;
	}
	/* They will be asked for soon. */
	for (uint32_t i = 0; i < VD_LANE_BATCH; i++)
		if (disk->level_hand + i < disk->layout.block_count)
			record_prefetch(disk, disk->level_hand + i);
	return moves;
}

int vd_level(struct vdisk *disk, uint32_t lane, uint32_t look,
	     uint32_t moves_max, bool force, uint32_t *ret_moves)
{
	uint32_t moves;

	if (disk->read_only)
		return -NVM_EROFS;
	if (lane >= disk->lane_count)
		return -NVM_EINVAL;
	if (disk_failed(disk))
		return disk_failed(disk);
	lock_take(disk, &disk->level_lock);
	moves = level_walk(disk, lane, look, moves_max, force);
	lock_drop(&disk->level_lock);
	if (ret_moves)
		*ret_moves = moves;
	return disk_failed(disk);
}

/*
 * A disk of one lane looks while stores drain, one block at a time; what is to
 * be moved is moved after the write (level_some).
 */
void level_ahead(struct vdisk *disk, uint32_t lane)
{
	struct vd_lane *l = &disk->lane[lane];

	if (!one_thread(disk) || disk->policy == WEAR_NONE ||
	    ++l->unlooked < WRITES_A_LOOK)
		return;
	l->unlooked = 0;
	if (blocks_wanted(disk, disk->level_hand, 1, false))
		l->wanted = disk->level_hand;
	hand_step(disk, 1);
	if (disk->level_hand + VD_LANE_BATCH < disk->layout.block_count)
		record_prefetch(disk, disk->level_hand + VD_LANE_BATCH);
}

/* What a writer does of it, after its own @written blocks: one move at most. */
void level_some(struct vdisk *disk, uint32_t lane, uint32_t written)
{
	struct vd_lane *l = &disk->lane[lane];

	if (one_thread(disk)) {
		if (l->wanted != VD_NONE)
			level_one(disk, lane, l->wanted);
		l->wanted = VD_NONE;
		return;
	}
	l->unlooked += written;
	if (l->unlooked < VD_LANE_BATCH * WRITES_A_LOOK ||
	    disk->policy == WEAR_NONE)
		return;
	/* Somebody is at it already: ours will do the next time. */
	if (!lock_try(&disk->level_lock)) {
		l->unlooked = VD_LANE_BATCH;
		return;
	}
	level_walk(disk, lane, VD_LANE_BATCH, 1, false);
	l->unlooked = 0;
	lock_drop(&disk->level_lock);
}

int vd_policy(struct vdisk *disk, const struct wear_config *config)
{
	struct wear_config now = *config;
	uint32_t lane = 0;
	struct wear_block block;

	if (config->policy > WEAR_ADAPTIVE)
		return -NVM_EINVAL;
	disk->layout.policy = disk->policy = config->policy;
	disk->layout.threshold = config->threshold;
	disk->layout.budget = config->budget;
	disk->layout.endurance = config->endurance;
	now.block_count = disk->layout.block_count;
	supply_freed_flush(disk, lane);
	/* The pool starts afresh; its blocks are found again as idle ones. */
	pool_lock_take(disk);
	while (wear_take(disk->wear, &block))
		supply_state(disk, block.block, VD_BLOCK_IDLE);
	disk->wear = wear_init(&now, wear_write_count(disk->wear),
			       disk->overlay);
	pool_lock_drop(disk);
	return 0;
}
