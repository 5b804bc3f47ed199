// SPDX-License-Identifier: BSD-3-Clause
/*
 * create.c - laying down an empty disk, and finding out what is there.
 *
 * Crash story: SBs of a former disk go first; tables and records are made to
 * read as zeros; a barrier; then the SBs.  A power loss before them leaves no
 * disk.  The SBs say DIRTY: the map is not written, and a scan of empty records
 * makes an empty one.
 */
#include "vdisk/impl.h"

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

int vd_create(const struct vd_area *area, const struct vd_create_args *args,
	      struct nvm_fault *fault)
{
	struct vd_layout layout;
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
		err = super_write(area, &layout, VD_SB_DIRTY);
	return err;
}

/* ---- probing ------------------------------------------------------------------- */

/*
 * Which of the extents given is which of the disk's.  The first has the SBs;
 * each other one begins with a segment header that says it.
 */
static int extents_order(const struct vd_area *area,
			 struct nvm_media *ordered[VD_EXTENTS_MAX],
			 uint32_t ret_order[VD_EXTENTS_MAX],
			 const struct vd_layout *layout, uint32_t first,
			 struct nvm_fault *fault)
{
	bool have[VD_EXTENTS_MAX] = { false };

	ret_order[0] = first;
	have[0] = true;
	for (uint32_t e = 0; e < area->extent_count; e++) {
		uint32_t place;

		if (e == first)
			continue;
		if (segment_head_read(area->extent[e], 0, layout->uuid,
				      &place) ||
		    place >= layout->extent_count || have[place])
			return nvm_fault_set(fault, -NVM_EMEDIUM, "extent", e,
					     0, 0, 0);
		ret_order[place] = e;
		have[place] = true;
	}
	for (uint32_t e = 0; e < layout->extent_count; e++) {
		if (!have[e])
			return nvm_fault_set(fault, -NVM_ENOENT, "extent", e,
					     0, layout->extent_count,
					     area->extent_count);
		ordered[e] = area->extent[ret_order[e]];
	}
	return 0;
}

/* Each extent is as long as the disk says, or longer. */
int area_fits(const struct vd_area *area, const struct vd_layout *layout,
	      struct nvm_fault *fault)
{
	if (area->extent_count < layout->extent_count)
		return nvm_fault_set(fault, -NVM_ERANGE, "number of extents",
				     0, 0, layout->extent_count,
				     area->extent_count);
	for (uint32_t e = 0; e < layout->extent_count; e++)
		if (area->extent[e]->size_bytes < layout->extent_bytes[e])
			return nvm_fault_set(fault, -NVM_ERANGE, "extent", e, 0,
					     layout->extent_bytes[e],
					     area->extent[e]->size_bytes);
	return 0;
}

/* The extent with a valid SB at its begin; the first one if there is none. */
static uint32_t first_extent(const struct vd_area *area)
{
	struct vd_layout layout;

	for (uint32_t e = 0; e < area->extent_count; e++)
		if (!super_read_copy(area->extent[e], 0, &layout, NULL) ||
		    !super_read_copy(area->extent[e], NVM_PAGE, &layout, NULL))
			return e;
	return 0;
}

int vd_probe(const struct vd_area *area, struct vd_geometry *ret_geometry,
	     uint32_t ret_order[VD_EXTENTS_MAX], struct nvm_fault *fault)
{
	struct nvm_media *ordered[VD_EXTENTS_MAX];
	struct vd_area sorted = { ordered, area->extent_count };
	uint32_t order[VD_EXTENTS_MAX] = { 0 }, first;
	struct vd_layout layout;
	struct vd_supers supers;
	int err;

	if (!area->extent_count || area->extent_count > VD_EXTENTS_MAX)
		return nvm_fault_set(fault, -NVM_ERANGE, "number of extents",
				     0, 0, VD_EXTENTS_MAX, area->extent_count);
	/* To find the SBs at all, the extent with them goes first. */
	first = first_extent(area);
	for (uint32_t e = 0; e < area->extent_count; e++)
		ordered[e] = area->extent[e];
	ordered[0] = area->extent[first];
	ordered[first] = area->extent[0];
	err = super_read(&sorted, &layout, &supers, fault);
	if (err)
		return err;
	/* One extent more than the disk knows may be for growing. */
	if (area->extent_count <= layout.extent_count) {
		err = extents_order(area, ordered, order, &layout, first,
				    fault);
		if (!err)
			err = area_fits(&sorted, &layout, fault);
	} else {
		for (uint32_t e = 0; e < area->extent_count; e++)
			order[e] = e;
		err = area_fits(area, &layout, fault);
	}
	if (err)
		return err;
	if (ret_order)
		memcpy(ret_order, order, sizeof(order));
	layout_geometry(&layout, ret_geometry);
	return 0;
}
