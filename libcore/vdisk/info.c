// SPDX-License-Identifier: BSD-3-Clause
/*
 * info.c - looking at an open disk: sums, places, physical blocks.
 */
#include "vdisk/impl.h"

static uint64_t mapped_count(const struct vdisk *disk)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < disk->layout.logical_count; i++)
		count += word_is_mapped(map_load(disk, i));
	return count;
}

void vd_info(struct vdisk *disk, struct vd_info *ret_info)
{
	const struct vd_layout *layout = &disk->layout;

	*ret_info = (struct vd_info){
		.created_s = layout->created_s,
		.wear = { .policy = layout->policy,
			  .threshold = layout->threshold,
			  .budget = layout->budget,
			  .endurance = layout->endurance,
			  .block_count = layout->block_count },
		.read_only = disk->read_only,
		.was_clean = disk->was_clean,
		.mapped_count = mapped_count(disk),
		.free_count = supply_free_count(disk),
		.retired_count = disk->bad_count,
		.log_count = disk->log_count,
		.seq = __atomic_load_n(&disk->seq, __ATOMIC_ACQUIRE),
		.watermark = disk_watermark(disk),
		.user_writes = layout->user_writes,
		.moves = layout->moves,
		.trim_lines = layout->trim_lines,
		.wear_total = wear_write_count(disk->wear),
		.rolled_back = layout->rolled_back,
		.lost_lines = layout->lost_lines,
		.data_errors = layout->data_errors,
	};
	layout_geometry(layout, &ret_info->geometry);
	memcpy(ret_info->uuid, layout->uuid, VD_UUID_LEN);
	memcpy(ret_info->label, layout->label, sizeof(ret_info->label));
	for (uint32_t i = 0; i < disk->lane_count; i++) {
		struct vd_lane *l = &disk->lane[i];

		ret_info->user_writes += count_load(&l->user_writes);
		ret_info->moves += count_load(&l->moves);
		ret_info->trim_lines += count_load(&l->trim_lines);
		ret_info->data_errors += count_load(&l->data_errors);
	}
}

int vd_place(struct vdisk *disk, uint64_t block, struct vd_place *ret_place)
{
	struct vd_place place = { 0 };
	const struct vd_segment *segment;
	struct vd_rec rec;
	uint64_t entry;
	int err;

	if (block >= disk->layout.logical_count)
		return -NVM_EINVAL;
	entry = map_load(disk, block);
	if (!word_is_mapped(entry)) {
		place.seq = entry;
		*ret_place = place;
		return 0;
	}
	segment = segment_of(disk, word_block(entry));
	err = rec_load(disk, word_block(entry), &rec);
	if (err)
		return err;
	place = (struct vd_place){ .mapped = true, .block = word_block(entry),
		.extent = segment->extent,
		.off_bytes = data_off(segment, word_block(entry)),
		.seq = rec.seq, .count = rec.count,
		.data_csum = rec.data_csum };
	*ret_place = place;
	return 0;
}

int vd_physical(struct vdisk *disk, uint32_t block,
		struct vd_physical *ret_physical)
{
	const struct vd_segment *segment;
	struct vd_physical physical = { 0 };
	struct vd_rec rec;

	if (block >= disk->layout.block_count)
		return -NVM_EINVAL;
	segment = segment_of(disk, block);
	physical.state = state_of(disk, block);
	physical.extent = segment->extent;
	physical.off_bytes = data_off(segment, block);
	physical.record_bytes = record_off(segment, block);
	physical.readable = !rec_load(disk, block, &rec);
	if (physical.readable) {
		uint64_t entry = rec.type == VD_RECORD_DATA &&
				 rec.block < disk->layout.logical_count
				 ? map_load(disk, rec.block) : 0;

		physical.count = rec.count;
		physical.mapped = word_is_mapped(entry) &&
				  word_block(entry) == block;
		physical.logical = physical.mapped ? rec.block : 0;
	}
	*ret_physical = physical;
	return 0;
}
