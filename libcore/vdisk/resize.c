// SPDX-License-Identifier: BSD-3-Clause
/*
 * resize.c - growing a closed disk, shrinking an open one.
 *
 * Growing adds segments.  Crash story: their records are made to read as zeros
 * and their headers are stored, a barrier, and then the SBs know them.  A power
 * loss before leaves the smaller disk, clean; in the middle of the SBs the
 * newest whole copy counts, and both disks are right.  The SBs say DIRTY,
 * because the map was not written for the larger one.
 *
 * Shrinking first makes every record of the blocks given up VOID, older ones
 * before newest, so that growing again later cannot bring them back; then
 * moves what is mapped beyond the new end; then the SBs.  A power loss before
 * the SBs leaves the disk in its old size, with some blocks of the part that
 * was to go reading as zeros.
 */
#include "vdisk/impl.h"

int vd_grow(const struct vd_area *area, uint32_t logical_count,
	    struct vd_geometry *ret_geometry, struct nvm_fault *fault)
{
	uint64_t extent_bytes[VD_EXTENTS_MAX];
	struct vd_layout layout;
	struct vd_work work;
	uint32_t had, logical;
	struct vd_supers supers;
	int err = super_read(area, &work, &layout, &supers, fault);

	if (err)
		return err;
	if (!supers.all_equal || layout.state != VD_SB_CLEAN)
		return nvm_fault_set(fault, -NVM_EBUSY, "super block", 0, 0,
				     VD_SB_CLEAN, layout.state);
	had = layout.segment_count;
	logical = layout.logical_count;
	area_sizes(area, extent_bytes);
	err = layout_extend(&layout, extent_bytes, area->extent_count, fault);
	if (err)
		return err;
	if (layout.segment_count == had)
		return nvm_fault_set(fault, -NVM_ERANGE, "growth", 0, 0,
				     VD_SEGMENT_MIN, 0);
	layout.logical_count = logical_count ? logical_count :
			       vd_sane_logical(layout.block_count);
	if (layout.logical_count < logical ||
	    layout.block_count - layout.logical_count <
	    vd_spares_min(layout.block_count) ||
	    layout.logical_count > layout.block_count)
		return nvm_fault_set(fault, -NVM_ERANGE, "logical blocks", 0,
				     0, layout.block_count, logical_count);
	layout.table_generation = 0;
	err = segments_create(area, &layout, had, false);
	if (!err)
		err = super_write(area, &work, &layout, VD_SB_DIRTY);
	if (!err)
		layout_geometry(&layout, ret_geometry);
	return err;
}

/* ---- shrinking ----------------------------------------------------------------- */

/* All records of blocks given up: first those that are not mapped. */
static int records_void(struct vdisk *disk, bool mapped)
{
	for (uint32_t block = 0; block < disk->layout.block_count; block++) {
		uint64_t seq, entry;
		struct vd_rec rec;
		int err;

		if (rec_load(disk, block, &rec) ||
		    rec.type != VD_RECORD_DATA ||
		    rec.block < disk->shrink_to->logical_count)
			continue;
		entry = rec.block < disk->layout.logical_count
			? disk->map[rec.block] : 0;
		if ((word_is_mapped(entry) && word_block(entry) == block) !=
		    mapped)
			continue;
		seq = __atomic_add_fetch(&disk->seq, 1, __ATOMIC_ACQ_REL);
		err = rec_store_void(disk, block, &rec, seq, 0,
				     VD_RECORD_VOID);
		if (err)
			return err;
	}
	return area_barrier(&disk->area);
}

/* The blocks given up are gone from the map; their space is free. */
static void tail_forget(struct vdisk *disk)
{
	for (uint32_t i = disk->shrink_to->logical_count;
	     i < disk->layout.logical_count; i++) {
		uint64_t entry = disk->map[i];

		disk->map[i] = 0;
		if (word_is_mapped(entry))
			supply_free(disk, 0, word_block(entry));
	}
}

/* Move what is mapped beyond the new end. */
static int blocks_evacuate(struct vdisk *disk)
{
	for (uint32_t i = 0; i < disk->shrink_to->logical_count; i++) {
		uint64_t entry = disk->map[i];
		uint32_t got;
		bool moved;
		int err;

		if (!word_is_mapped(entry) ||
		    block_stays(disk, word_block(entry)))
			continue;
		err = supply_take(disk, 0, 1, &got);
		if (!err)
			err = level_move(disk, 0, i,
					 disk->lane[0].piece[0].to, &moved);
		if (!err && !moved)
			err = -NVM_EIO;
		if (err)
			return err;
	}
	return 0;
}

/* The trims of logs beyond the new end go into one that stays. */
static int logs_evacuate(struct vdisk *disk)
{
	int err = 0;

	lock_take(disk, &disk->log_lock);
	disk->log_block = VD_NONE;
	disk->log_ring_count = 0;
	for (uint32_t block = 0; block < disk->layout.block_count && !err;
	     block++)
		if (state_of(disk, block) ==
		    VD_BLOCK_LOG && !block_stays(disk, block))
			err = log_evacuate(disk, 0, block);
	lock_drop(&disk->log_lock);
	return err;
}

/* Is there room for what stays, with the spares that a disk needs? */
static int room_check(const struct vdisk *disk, const struct vd_layout *to,
		      struct nvm_fault *fault)
{
	uint32_t least = vd_spares_min(to->block_count) + disk->bad_count;

	if (to->block_count < least ||
	    to->logical_count > to->block_count - least)
		return nvm_fault_set(fault, -NVM_ENOSPC, "logical blocks", 0,
				     0, to->block_count > least ?
				     to->block_count - least : 0,
				     to->logical_count);
	return 0;
}

static int shrink_steps(struct vdisk *disk)
{
	int err = records_void(disk, false);

	if (!err)
		err = records_void(disk, true);
	if (err)
		return err;
	supply_restrict(disk);
	tail_forget(disk);
	/* More than once: on SYNC media a block is free after the next sync. */
	err = disk_sync(disk, 0);
	if (!err)
		err = blocks_evacuate(disk);
	if (!err)
		err = logs_evacuate(disk);
	return err ? err : disk_sync(disk, 0);
}

int vd_shrink(struct vdisk *disk, const uint64_t *extent_bytes,
	      uint32_t extent_count, uint32_t logical_count,
	      struct vd_geometry *ret_geometry, struct nvm_fault *fault)
{
	struct vd_layout to = disk->layout;
	uint32_t sane;
	int err;

	if (disk->read_only)
		return -NVM_EROFS;
	if (disk_failed(disk))
		return disk_failed(disk);
	err = layout_cut(&to, extent_bytes, extent_count, fault);
	if (err)
		return err;
	sane = vd_sane_logical(to.block_count);
	to.logical_count = logical_count ? logical_count :
			   sane < to.logical_count ? sane : to.logical_count;
	if (to.logical_count > disk->layout.logical_count)
		return nvm_fault_set(fault, -NVM_ERANGE, "logical blocks", 0,
				     0, disk->layout.logical_count,
				     logical_count);
	err = room_check(disk, &to, fault);
	if (err)
		return err;
	disk->shrink_to = &to;
	err = shrink_steps(disk);
	disk->shrink_to = NULL;
	if (err) {
		supply_unrestrict(disk);
		return err;
	}
	disk_tally(disk);
	to.seq = to.watermark = disk->seq;
	to.table_generation = 0;
	to.user_writes = disk->layout.user_writes;
	to.moves = disk->layout.moves;
	to.trim_lines = disk->layout.trim_lines;
	to.data_errors = disk->layout.data_errors;
	err = super_write(&disk->area, &disk->work, &to, VD_SB_DIRTY);
	if (!err)
		layout_geometry(&to, ret_geometry);
	return err;
}
