// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * find.c - looking at all places that there are for extents of disks, and
 * putting those of one disk together.  Takes nothing from anybody, so what it
 * says is a guess until the places have been claimed and are looked at again.
 */
#include <linux/slab.h>

#include "nvmvd.h"

/* Does this page say whose extent it is?  Unchecked: see above. */
static bool page_says(const u8 *page, struct nvmvd_found *found)
{
	const struct vd_sb *sb = (const void *)page;
	const struct vd_segment_head *head = (const void *)page;

	if (!memcmp(sb->magic, VD_MAGIC_SB, sizeof(sb->magic))) {
		import_uuid(&found->uuid, sb->uuid);
		found->extent = 0;
		return true;
	}
	if (memcmp(head->magic, VD_MAGIC_SEGMENT, sizeof(head->magic)))
		return false;
	import_uuid(&found->uuid, head->uuid);
	found->extent = get_le32(head->extent);
	return true;
}

/* The first page, or the second where the first is lost. */
static bool place_look(struct nvmvd_place *place, struct nvmvd_found *found)
{
	u8 *page = kmalloc(2 * NVM_PAGE, GFP_KERNEL);
	bool says = false;
	u32 i;

	found->place = place;
	for (i = 0; page && i < 2 && !says; i++)
		says = !place->media.ops->load(&place->media, i * NVM_PAGE,
					       page, NVM_PAGE) &&
		       page_says(page, found);
	kfree(page);
	return says;
}

/* Its lock keeps it, its parent and what its driver made of it alive. */
static struct nvmvd_place *device_place(struct device *dev)
{
	struct nvmvd_place *place = ERR_PTR(-ENXIO);

	device_lock(dev);
	if (device_is_registered(dev) &&
	    dev->driver != &nvmvd_nd_driver.drv)
		place = nvmvd_place_new(dev);
	device_unlock(dev);
	return place;
}

static int device_look(struct device *dev, void *ctx)
{
	struct nvmvd_finds *finds = ctx;
	struct nvmvd_place *place = device_place(dev);

	if (IS_ERR(place))
		return PTR_ERR(place) == -ENOMEM ? -ENOMEM : 0;
	if (finds->count == finds->room) {
		u32 room = finds->room ? 2 * finds->room : 16;
		void *more = krealloc(finds->found,
				      room * sizeof(*finds->found), GFP_KERNEL);

		if (!more) {
			nvmvd_place_free(place);
			return -ENOMEM;
		}
		finds->found = more;
		finds->room = room;
	}
	if (!place_look(place, &finds->found[finds->count])) {
		nvmvd_place_free(place);
		return 0;
	}
	finds->count++;
	return 0;
}

int nvmvd_find_all(struct nvmvd_finds *finds)
{
	*finds = (struct nvmvd_finds){ 0 };
	return bus_for_each_dev(nvmvd_nd_driver.drv.bus, NULL, finds,
				device_look);
}

/* But for those that a disk has now. */
void nvmvd_finds_free(struct nvmvd_finds *finds)
{
	u32 i;

	for (i = 0; i < finds->count; i++)
		if (!finds->found[i].place->taken)
			nvmvd_place_free(finds->found[i].place);
	kfree(finds->found);
}

/*
 * The places of one disk, the one with the SBs first; how many.  Extents that
 * the disk has given up (it was shrunk) still say that they are of it and come
 * last.  -ENOTUNIQ: two say that they are the same extent, so one is a copy, and
 * nobody but the user knows which.
 */
int nvmvd_find_disk(const struct nvmvd_finds *finds, const uuid_t *uuid,
		    struct nvmvd_place *place[VD_EXTENTS_MAX])
{
	u32 count = 0, extent, i;

	for (extent = 0; extent < VD_EXTENTS_MAX; extent++) {
		u32 before = count;

		for (i = 0; i < finds->count; i++) {
			if (finds->found[i].extent != extent ||
			    !uuid_equal(&finds->found[i].uuid, uuid))
				continue;
			if (count > before) {
				pr_warn("%pUb: %s and %s both are extent %u; name its devices\n",
					uuid, place[before]->name,
					finds->found[i].place->name, extent);
				return -ENOTUNIQ;
			}
			place[count++] = finds->found[i].place;
		}
	}
	return count;
}

/* Are these places a whole disk, and how many of them does it have? */
int nvmvd_find_whole(struct nvmvd_place **place, u32 count, u32 *ret_count)
{
	struct nvm_media *extent[VD_EXTENTS_MAX];
	struct vd_area area = { extent, count };
	void *mem = kvmalloc(VD_PROBE_BYTES, GFP_KERNEL);
	struct vd_geometry geometry;
	u32 i;
	int err;

	if (!mem)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		extent[i] = &place[i]->media;
	err = vd_probe_with(&area, mem, &geometry, NULL, NULL);
	if (!err)
		*ret_count = geometry.extent_count;
	kvfree(mem);
	return err;
}
