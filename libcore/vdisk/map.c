// SPDX-License-Identifier: BSD-3-Clause
/*
 * map.c - switching the map, in memory, to what is durable on the media.
 *
 * An entry has a block and the low bits of its record's sequence number.  The
 * bits tell whether an entry is still the same; which of two is newer is told
 * by the whole numbers alone, the mapped one's from its record.
 */
#include "vdisk/impl.h"

/*
 * The whole sequence number of an entry.  1: the entry changed meanwhile, look
 * again.
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
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (map_load(disk, block) != entry)
		return 1;
	/* Its record rotted: then anything is newer. */
	if (err || rec.type != VD_RECORD_DATA || rec.block != block ||
	    (rec.seq & 0x7fffffff) != word_seq_low(entry))
		*ret_seq = 0;
	else
		*ret_seq = rec.seq;
	return 0;
}

/*
 * Put @new_entry, of number @seq, into the map, and free what was there.
 * False: something newer is there.  @old is what was there before @seq was
 * taken, so if it is still there it is older.
 *
 * Only to be called when @new_entry is durable (SYNC: visible): a reader or a
 * later writer who sees it takes the former block for free.
 */
bool map_switch(struct vdisk *disk, uint32_t lane, uint64_t block,
		uint64_t old, uint64_t seq, uint64_t new_entry)
{
	struct vd_lane *l = &disk->lane[lane];
	uint64_t entry = map_load(disk, block);

	for (;;) {
		if (entry != old) {
			uint64_t there;

			if (entry_seq(disk, block, entry, &there)) {
				entry = map_load(disk, block);
				continue;
			}
			if (there > seq)
				return false;
		}
		if (__atomic_compare_exchange_n(&disk->map[block], &entry,
						new_entry, false,
						__ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			break;
	}
	if (word_is_mapped(entry))
		supply_free(disk, lane, word_block(entry));
	/* How many blocks a trim holds: for the trim logs' sake. */
	if (!word_is_mapped(new_entry) && word_is_mapped(entry))
		count_add(&l->tombs, 1);
	else if (word_is_mapped(new_entry) && !word_is_mapped(entry) && entry)
		count_add(&l->tombs, UINT64_MAX);
	return true;
}
