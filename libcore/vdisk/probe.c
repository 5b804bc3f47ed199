// SPDX-License-Identifier: BSD-3-Clause
/*
 * probe.c - finding out what disk is here, and the order of its extents.
 * Stores nothing.
 */
#include "vdisk/impl.h"

struct probe {
	struct vd_layout layout;
	struct vd_supers supers;
	struct vd_work work;
};
_Static_assert(sizeof(struct probe) <= VD_PROBE_BYTES, "probe");

/*
 * Which of the extents given is which of the disk's.  The first has the SBs;
 * each other one begins with a segment header that says it.
 */
static int extents_order(const struct vd_area *area,
			 struct nvm_media *ordered[VD_EXTENTS_MAX],
			 uint32_t ret_order[VD_EXTENTS_MAX],
			 union vd_page *page, const struct vd_layout *layout,
			 uint32_t first, struct nvm_fault *fault)
{
	bool have[VD_EXTENTS_MAX] = { false };

	ret_order[0] = first;
	have[0] = true;
	for (uint32_t e = 0; e < area->extent_count; e++) {
		uint32_t place;

		if (e == first)
			continue;
		if (segment_head_read(area->extent[e], 0, page, layout->uuid,
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
static uint32_t first_extent(const struct vd_area *area, struct vd_work *work)
{
	for (uint32_t e = 0; e < area->extent_count; e++)
		if (!super_read_copy(area->extent[e], 0, &work->page,
				     &work->other, NULL) ||
		    !super_read_copy(area->extent[e], NVM_PAGE, &work->page,
				     &work->other, NULL))
			return e;
	return 0;
}

int vd_probe_with(const struct vd_area *area, void *mem,
		  struct vd_geometry *ret_geometry,
		  uint32_t ret_order[VD_EXTENTS_MAX], struct nvm_fault *fault)
{
	struct probe *probe = mem;
	struct vd_layout *layout = &probe->layout;
	struct nvm_media *ordered[VD_EXTENTS_MAX];
	struct vd_area sorted = { ordered, area->extent_count };
	uint32_t order[VD_EXTENTS_MAX] = { 0 }, first;
	int err;

	if (!area->extent_count || area->extent_count > VD_EXTENTS_MAX)
		return nvm_fault_set(fault, -NVM_ERANGE, "number of extents",
				     0, 0, VD_EXTENTS_MAX, area->extent_count);
	/* To find the SBs at all, the extent with them goes first. */
	first = first_extent(area, &probe->work);
	for (uint32_t e = 0; e < area->extent_count; e++)
		ordered[e] = area->extent[e];
	ordered[0] = area->extent[first];
	ordered[first] = area->extent[0];
	err = super_read(&sorted, &probe->work, layout, &probe->supers,
			 fault);
	if (err)
		return err;
	/* One extent more than the disk knows may be for growing. */
	if (area->extent_count <= layout->extent_count) {
		err = extents_order(area, ordered, order, &probe->work.page,
				    layout, first, fault);
		if (!err)
			err = area_fits(&sorted, layout, fault);
	} else {
		for (uint32_t e = 0; e < area->extent_count; e++)
			order[e] = e;
		err = area_fits(area, layout, fault);
	}
	if (err)
		return err;
	if (ret_order)
		memcpy(ret_order, order, sizeof(order));
	layout_geometry(layout, ret_geometry);
	return 0;
}
