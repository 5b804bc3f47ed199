// SPDX-License-Identifier: BSD-3-Clause
/*
 * create.c - laying down an empty disk; and what needs more stack than a kernel
 * has, so that this file is not part of the module.
 *
 * Crash story: SBs of a former disk go first; tables and records are made to
 * read as zeros; a barrier; then the SBs.  A power loss before them leaves no
 * disk.  The SBs say DIRTY: the map is not written, and a scan of empty records
 * makes an empty one.
 */
#include "vdisk/impl.h"

int segment_head_write(const struct vd_area *area,
		       const struct vd_layout *layout, uint32_t segment)
{
	const struct vd_segment *from = &layout->segment[segment];
	struct nvm_media *media = area->extent[from->extent];
	struct vd_segment_head head;

	memset(&head, 0, sizeof(head));
	memcpy(head.magic, VD_MAGIC_SEGMENT, sizeof(head.magic));
	memcpy(head.uuid, layout->uuid, VD_UUID_LEN);
	head.segment = put_le32(segment);
	head.extent = put_le32(from->extent);
	head.generation = put_le32(from->generation);
	head.table_count = put_le32(from->table_count);
	head.csum = put_le32(page_csum(media, &head,
				       offsetof(struct vd_segment_head, csum),
				       0));
	return media->ops->store(media, from->head_off, &head, sizeof(head));
}

/* Header and records; the map and states count only after a clean close. */
static int segment_create(const struct vd_area *area,
			  const struct vd_layout *layout, uint32_t s,
			  bool clean)
{
	const struct vd_segment *segment = &layout->segment[s];
	struct nvm_media *media = area->extent[segment->extent];
	uint64_t len = segment->data_off - segment->head_off;
	int err = media->ops->reserve(media, segment->head_off, len);

	if (!err && !clean)
		err = media->ops->discard(media, segment->head_off, len);
	return err ? err : segment_head_write(area, layout, s);
}

/* Segments from @first on, and a barrier. */
int segments_create(const struct vd_area *area, const struct vd_layout *layout,
		    uint32_t first, bool clean)
{
	for (uint32_t s = first; s < layout->segment_count; s++) {
		int err = segment_create(area, layout, s, clean);

		if (err)
			return err;
	}
	return area_barrier(area);
}

void area_sizes(const struct vd_area *area,
		uint64_t ret_bytes[VD_EXTENTS_MAX])
{
	for (uint32_t e = 0; e < area->extent_count && e < VD_EXTENTS_MAX; e++)
		ret_bytes[e] = area->extent[e]->size_bytes;
}

/* Before an area is laid out anew: no copy of a former disk stays. */
int super_invalidate(const struct vd_area *area)
{
	static const uint8_t zero[NVM_PAGE];
	bool any = false;

	for (uint32_t e = 0; e < area->extent_count; e++) {
		struct nvm_media *media = area->extent[e];
		uint64_t end = media->size_bytes & ~(uint64_t)(NVM_PAGE - 1);
		const uint64_t place[] = { 0, NVM_PAGE, end - NVM_PAGE };

		for (uint32_t i = 0; i < 3; i++) {
			uint8_t magic[8];
			int err;

			if (!media_contains(media, place[i], NVM_PAGE) ||
			    media->ops->load(media, place[i], magic, 8) ||
			    memcmp(magic, VD_MAGIC_SB, 8))
				continue;
			err = media->ops->store(media, place[i], zero,
						sizeof(zero));
			if (err)
				return err;
			any = true;
		}
	}
	return any ? area_barrier(area) : 0;
}

int vd_create(const struct vd_area *area, const struct vd_create_args *args,
	      struct nvm_fault *fault)
{
	struct vd_layout layout;
	struct vd_work work;
	uint64_t extent_bytes[VD_EXTENTS_MAX];
	int err;

	memset(&layout, 0, sizeof(layout));
	memcpy(layout.uuid, args->uuid, VD_UUID_LEN);
	layout.secret = args->secret;
	layout.created_s = args->created_s;
	layout.policy = args->policy;
	layout.threshold = args->threshold;
	layout.budget = args->budget;
	layout.endurance = args->endurance;
	for (size_t i = 0; args->label && args->label[i]; i++) {
		if (i == VD_LABEL_MAX)
			return nvm_fault_set(fault, -NVM_EINVAL, "label", 0, 0,
					     VD_LABEL_MAX, i + 1);
		layout.label[i] = args->label[i];
	}
	area_sizes(area, extent_bytes);
	err = layout_make(&layout, extent_bytes, area->extent_count,
			  args->logical_count, fault);
	for (uint32_t e = 0; e < area->extent_count && !err; e++)
		if (area->extent[e]->read_only)
			err = -NVM_EROFS;
	if (!err)
		err = super_invalidate(area);
	if (!err)
		err = segments_create(area, &layout, 0, args->clean);
	if (!err)
		err = super_write(area, &work, &layout, VD_SB_DIRTY);
	return err;
}

int vd_layout(const uint64_t *extent_bytes, uint32_t extent_count,
	      uint32_t logical_count, struct vd_geometry *ret_geometry,
	      struct nvm_fault *fault)
{
	struct vd_layout layout;
	int err;

	layout.segment_generation = 0;
	err = layout_make(&layout, extent_bytes, extent_count, logical_count,
			  fault);
	if (!err)
		layout_geometry(&layout, ret_geometry);
	return err;
}

int vd_probe(const struct vd_area *area, struct vd_geometry *ret_geometry,
	     uint32_t ret_order[VD_EXTENTS_MAX], struct nvm_fault *fault)
{
	uint64_t mem[VD_PROBE_BYTES / sizeof(uint64_t)];

	return vd_probe_with(area, mem, ret_geometry, ret_order, fault);
}
