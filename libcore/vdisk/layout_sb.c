// SPDX-License-Identifier: BSD-3-Clause
/*
 * layout_sb.c - the SB's bytes to a struct vd_layout, checked, and back.
 */
#include "vdisk/impl.h"

void layout_encode(const struct vd_layout *layout, struct vd_sb *ret_sb)
{
	struct vd_sb *sb = ret_sb;

	memset(sb, 0, sizeof(*sb));
	memcpy(sb->magic, VD_MAGIC_SB, sizeof(sb->magic));
	sb->version = put_le32(VD_VERSION);
	sb->generation = put_le64(layout->generation);
	memcpy(sb->uuid, layout->uuid, VD_UUID_LEN);
	sb->compat = put_le32(layout->compat);
	sb->ro_compat = put_le32(layout->ro_compat);
	sb->state = put_le32(layout->state);
	sb->logical_count = put_le64(layout->logical_count);
	sb->seq = put_le64(layout->seq);
	sb->watermark = put_le64(layout->watermark);
	sb->secret = put_le64(layout->secret);
	sb->created_s = put_le64(layout->created_s);
	sb->policy = put_le32(layout->policy);
	sb->threshold = put_le32(layout->threshold);
	sb->budget = put_le32(layout->budget);
	sb->extent_count = put_le32(layout->extent_count);
	sb->segment_count = put_le32(layout->segment_count);
	sb->segment_generation = put_le32(layout->segment_generation);
	sb->endurance = put_le64(layout->endurance);
	sb->user_writes = put_le64(layout->user_writes);
	sb->moves = put_le64(layout->moves);
	sb->trim_lines = put_le64(layout->trim_lines);
	sb->wear_total = put_le64(layout->wear_total);
	sb->rolled_back = put_le64(layout->rolled_back);
	sb->lost_lines = put_le64(layout->lost_lines);
	sb->data_errors = put_le64(layout->data_errors);
	sb->retired = put_le64(layout->retired);
	sb->table_generation = put_le64(layout->table_generation);
	sb->table_seq = put_le64(layout->table_seq);
	memcpy(sb->label, layout->label, VD_LABEL_MAX);
	for (uint32_t e = 0; e < layout->extent_count; e++)
		sb->extent_bytes[e] = put_le64(layout->extent_bytes[e]);
	for (uint32_t s = 0; s < layout->segment_count; s++) {
		const struct vd_segment *segment = &layout->segment[s];

		sb->segment[s] = (struct vd_sb_segment){
			.off = put_le64(segment->head_off),
			.extent = put_le32(segment->extent),
			.block_count = put_le32(segment->block_count),
			.table_count = put_le32(segment->table_count),
			.generation = put_le32(segment->generation),
		};
	}
}

static int bad(struct nvm_fault *fault, const char *what, uint64_t index,
	       uint64_t found)
{
	return nvm_fault_set(fault, -NVM_EBADMSG, what, index, 0, 0, found);
}

/* Segments in order, each inside its extent and behind the one before. */
static int decode_segments(const struct vd_sb *sb, struct vd_layout *layout,
			   struct nvm_fault *fault)
{
	uint64_t blocks = 0, free_from = 2 * NVM_PAGE;
	uint32_t extent = 0;

	for (uint32_t s = 0; s < layout->segment_count; s++) {
		const struct vd_sb_segment *from = &sb->segment[s];
		struct vd_segment *segment = &layout->segment[s];
		uint64_t end;

		*segment = (struct vd_segment){
			.head_off = get_le64(from->off),
			.extent = get_le32(from->extent),
			.block_count = get_le32(from->block_count),
			.table_count = get_le32(from->table_count),
			.generation = get_le32(from->generation),
		};
		if (segment->extent >= layout->extent_count ||
		    segment->extent < extent)
			return bad(fault, "segment", s, segment->extent);
		if (segment->extent != extent)
			free_from = 0;
		extent = segment->extent;
		end = layout->extent_bytes[extent];
		if (extent == layout->extent_count - 1)
			end -= NVM_PAGE;
		if (segment->head_off % NVM_PAGE ||
		    segment->head_off < free_from || segment->head_off > end)
			return bad(fault, "segment", s, segment->head_off);
		if (!segment->block_count ||
		    segment->block_count > segment->table_count ||
		    segment->table_count >= VD_NONE)
			return bad(fault, "segment", s, segment->block_count);
		segment_places(segment);
		if (segment->data_off > end ||
		    segment->block_count > (end - segment->data_off) / VD_BLOCK)
			return bad(fault, "segment", s, segment->table_count);
		free_from = segment_end(segment);
		blocks += segment->block_count;
	}
	if (blocks >= VD_NONE)
		return bad(fault, "blocks", 0, blocks);
	layout_number(layout);
	return 0;
}

static int decode_extents(const struct vd_sb *sb, struct vd_layout *layout,
			  struct nvm_fault *fault)
{
	uint64_t total = 0;

	layout->extent_count = get_le32(sb->extent_count);
	layout->segment_count = get_le32(sb->segment_count);
	if (!layout->extent_count || layout->extent_count > VD_EXTENTS_MAX)
		return bad(fault, "number of extents", 0, layout->extent_count);
	if (!layout->segment_count || layout->segment_count > VD_SEGMENTS_MAX)
		return bad(fault, "number of segments", 0,
			   layout->segment_count);
	for (uint32_t e = 0; e < layout->extent_count; e++) {
		uint64_t bytes = get_le64(sb->extent_bytes[e]);

		if (bytes % NVM_PAGE || bytes < 3 * NVM_PAGE ||
		    bytes > VD_AREA_MAX)
			return bad(fault, "extent", e, bytes);
		layout->extent_bytes[e] = bytes;
		total += bytes;
	}
	return total > VD_AREA_MAX ? bad(fault, "area", 0, total) : 0;
}

static int decode_numbers(const struct vd_sb *sb, struct vd_layout *layout,
			  struct nvm_fault *fault)
{
	uint64_t logical = get_le64(sb->logical_count);

	layout->generation = get_le64(sb->generation);
	layout->state = get_le32(sb->state);
	layout->seq = get_le64(sb->seq);
	layout->watermark = get_le64(sb->watermark);
	layout->secret = get_le64(sb->secret);
	layout->created_s = get_le64(sb->created_s);
	layout->policy = get_le32(sb->policy);
	layout->threshold = get_le32(sb->threshold);
	layout->budget = get_le32(sb->budget);
	layout->endurance = get_le64(sb->endurance);
	layout->segment_generation = get_le32(sb->segment_generation);
	layout->user_writes = get_le64(sb->user_writes);
	layout->moves = get_le64(sb->moves);
	layout->trim_lines = get_le64(sb->trim_lines);
	layout->wear_total = get_le64(sb->wear_total);
	layout->rolled_back = get_le64(sb->rolled_back);
	layout->lost_lines = get_le64(sb->lost_lines);
	layout->data_errors = get_le64(sb->data_errors);
	layout->retired = get_le64(sb->retired);
	layout->table_generation = get_le64(sb->table_generation);
	layout->table_seq = get_le64(sb->table_seq);
	layout->compat = get_le32(sb->compat);
	layout->ro_compat = get_le32(sb->ro_compat);
	memcpy(layout->uuid, sb->uuid, VD_UUID_LEN);
	memcpy(layout->label, sb->label, VD_LABEL_MAX);
	layout->label[VD_LABEL_MAX] = 0;
	if (layout->state != VD_SB_CLEAN && layout->state != VD_SB_DIRTY)
		return bad(fault, "state", 0, layout->state);
	if (layout->policy > WEAR_ADAPTIVE)
		return bad(fault, "policy", 0, layout->policy);
	if (layout->seq > VD_SEQ_MAX || layout->watermark > layout->seq)
		return bad(fault, "sequence number", 0, layout->seq);
	if (layout->generation > VD_SEQ_MAX)
		return bad(fault, "generation", 0, layout->generation);
	if (!logical || logical > layout->block_count ||
	    layout->block_count - logical < vd_spares_min(layout->block_count))
		return bad(fault, "logical blocks", 0, logical);
	layout->logical_count = (uint32_t)logical;
	return 0;
}

int layout_decode(const struct vd_sb *sb, struct vd_layout *ret_layout,
		  struct nvm_fault *fault)
{
	int err;

	if (get_le32(sb->version) != VD_VERSION)
		return nvm_fault_set(fault, -NVM_EPROTO, "version", 0, 0,
				     VD_VERSION, get_le32(sb->version));
	if (get_le32(sb->incompat) & ~VD_INCOMPAT_KNOWN)
		return nvm_fault_set(fault, -NVM_EPROTO, "incompat features",
				     0, 0, VD_INCOMPAT_KNOWN,
				     get_le32(sb->incompat));
	err = decode_extents(sb, ret_layout, fault);
	if (!err)
		err = decode_segments(sb, ret_layout, fault);
	if (!err)
		err = decode_numbers(sb, ret_layout, fault);
	return err;
}
