// SPDX-License-Identifier: BSD-3-Clause
/*
 * map.c - switching the map, in memory, to what is durable on the media.
 *
 * An entry has a block and the low 31 bits of its record's sequence number.
 * They tell whether an entry is still the same.  They tell which of two is
 * newer, too, as long as neither is very old: numbers in flight are never more
 * than a window apart (lane_room), so an entry whose bits are not just above
 * those of a write in flight is older.  Where they are just above, the block is
 * newer or has been untouched for 2^31 writes: its record tells.
 */
#include "vdisk/impl.h"

/*
 * The whole sequence number of an entry; 0 where its record is lost: then
 * anything is newer.  1: the entry changed meanwhile, look again.
 */
int entry_seq(struct vdisk *disk, uint64_t block, uint64_t entry,
	      uint64_t *ret_seq)
{
	struct vd_rec rec;
	int err;

	if (!word_is_mapped(entry)) {
		*ret_seq = entry;
		return 0;
	}
	err = rec_load(disk, word_block(entry), &rec);
	fence_acquire();
	if (map_load(disk, block) != entry)
		return 1;
	*ret_seq = !err && rec.type == VD_RECORD_DATA && rec.block == block &&
		   rec.seq <= __atomic_load_n(&disk->seq, __ATOMIC_RELAXED) &&
		   (rec.seq & 0x7fffffff) == word_seq_low(entry) ? rec.seq : 0;
	return 0;
}

/* Is the entry certainly older than @seq, which is in flight? */
static bool entry_is_older(uint64_t entry, uint64_t seq)
{
	if (!word_is_mapped(entry))
		return entry < seq;
	return ((word_seq_low(entry) - (uint32_t)seq) & 0x7fffffff) >
	       8 * VD_WINDOW_MAX;
}

/* A locked instruction would have the next write wait for this one's drain. */
static bool entry_exchange(struct vdisk *disk, uint64_t block,
			   uint64_t *expected, uint64_t new_entry)
{
	if (!one_thread(disk))
		return __atomic_compare_exchange_n(&disk->map[block], expected,
						   new_entry, false,
						   __ATOMIC_ACQ_REL,
						   __ATOMIC_ACQUIRE);
	__atomic_store_n(&disk->map[block], new_entry, __ATOMIC_RELEASE);
	return true;
}

/* How many blocks are trimmed: for the trim logs' sake. */
static void tombs_count(struct vd_lane *l, uint64_t old, uint64_t new_entry)
{
	if (!word_is_mapped(new_entry) && word_is_mapped(old))
		count_add(&l->tombs, 1);
	else if (word_is_mapped(new_entry) && !word_is_mapped(old) && old)
		count_add(&l->tombs, UINT64_MAX);
}

/*
 * Put @new_entry, of number @seq, into the map, and free what was there.
 * False: something newer is there.
 *
 * Only to be called when @new_entry is durable (SYNC: visible): a reader or a
 * later writer who sees it takes the former block for free.
 */
bool map_switch(struct vdisk *disk, uint32_t lane, uint64_t block,
		uint64_t seq, uint64_t new_entry)
{
	uint64_t entry = map_load(disk, block);

	for (;;) {
		uint64_t there = 0;

		if (!entry_is_older(entry, seq) &&
		    entry_seq(disk, block, entry, &there)) {
			entry = map_load(disk, block);
			continue;
		}
		if (there > seq)
			return false;
		if (entry_exchange(disk, block, &entry, new_entry))
			break;
	}
	if (word_is_mapped(entry))
		supply_free(disk, lane, word_block(entry));
	tombs_count(&disk->lane[lane], entry, new_entry);
	return true;
}
