// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * place.c - one piece of persistent memory, as the kernel's nd bus shows it:
 * a namespace as it is (raw), or the pfn or dax device that an info block has
 * made of one.  Looking at a place takes it from nobody; claim.c does that.
 *
 * Only what linux/nd.h and linux/libnvdimm.h declare is used.  A pfn or dax
 * device says nothing of its range there, so it is worked out: its namespace
 * is the one that it has claimed, and the info block in that namespace's
 * memory has been checked by the kernel when it made the device.
 */
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "nvmvd.h"

/* An info block, as drivers/nvdimm/pfn.h has it: see also libcore/pool/stamp.c. */
#define INFO_OFF	4096u

struct info {
/*00*/	u8	before[0x38];
/*38*/	le64_t	dataoff;	/* from the start, behind the padding */
/*40*/	u8	between[0xc];
/*4c*/	le32_t	start_pad;
/*50*/	le32_t	end_trunc;
};
FIELD_AT(info, dataoff, 0x38, 8);
FIELD_AT(info, start_pad, 0x4c, 4);
FIELD_AT(info, end_trunc, 0x50, 4);

static bool name_begins(const struct device *dev, const char *with)
{
	return !strncmp(dev_name(dev), with, strlen(with));
}

static int namespace_match(struct device *dev, void *claimer)
{
	return name_begins(dev, "namespace") &&
	       to_ndns(dev)->claim == (struct device *)claimer;
}

/* The namespace behind a device of the nd bus, with a reference, or NULL. */
static struct device *namespace_of(struct device *dev)
{
	if (name_begins(dev, "namespace"))
		return to_ndns(dev)->claim ? NULL : get_device(dev);
	if (!name_begins(dev, "pfn") && !name_begins(dev, "dax"))
		return NULL;
	return dev->parent ? device_find_child(dev->parent, dev,
					       namespace_match) : NULL;
}

static int block_child(struct device *dev, void *ret)
{
	if (!dev->class || strcmp(dev->class->name, "block"))
		return 0;
	*(struct gendisk **)ret = dev_to_disk(dev);
	return 1;
}

/* The pmem disk that nd_pmem has made of it; NULL: none. */
struct gendisk *nvmvd_place_gendisk(struct device *dev)
{
	struct gendisk *disk = NULL;

	device_for_each_child(dev, &disk, block_child);
	return disk;
}

static int dax_match(struct device *dev, void *unused)
{
	return dev->bus && !strcmp(dev->bus->name, "dax");
}

/* The device on the dax bus, with a reference; NULL: none. */
struct device *nvmvd_place_dax(struct device *dev)
{
	return device_find_child(dev, NULL, dax_match);
}

/* As its users know it; else as the bus does. */
static void place_name(struct nvmvd_place *place)
{
	struct gendisk *disk = nvmvd_place_gendisk(place->dev);
	struct device *dax = nvmvd_place_dax(place->dev);

	strscpy(place->name, disk ? disk->disk_name : dax ? dev_name(dax) :
		dev_name(place->dev), sizeof(place->name));
	place->media.read_only = disk && get_disk_ro(disk);
	if (dax)
		put_device(dax);
}

/* By either name, with or without /dev/. */
bool nvmvd_place_named(const struct nvmvd_place *place, const char *word)
{
	if (!strncmp(word, "/dev/", 5))
		word += 5;
	return !strcmp(word, place->name) ||
	       !strcmp(word, dev_name(place->dev));
}

static int info_read(struct nvmvd_place *place)
{
	struct info info;
	u64 pad, trunc, off;

	if (name_begins(place->dev, "namespace"))
		return 0;
	if (nvmvd_media_lost(place, INFO_OFF, sizeof(info)) ||
	    copy_mc_to_kernel(&info, (u8 *)place->map + INFO_OFF, sizeof(info)))
		return -EIO;
	off = get_le64(info.dataoff);
	pad = get_le32(info.start_pad);
	trunc = get_le32(info.end_trunc);
	if (pad > place->bytes || trunc > place->bytes - pad ||
	    off >= place->bytes - pad - trunc || off % NVM_PAGE)
		return -EINVAL;
	place->data_off = pad + off;
	place->bytes -= trunc;
	return 0;
}

static int place_map(struct nvmvd_place *place, struct device *ns)
{
	struct nd_namespace_io *nsio =
		container_of(to_ndns(ns), struct nd_namespace_io, common);

	place->start = nsio->res.start;
	place->bytes = resource_size(&nsio->res);
	if (!nsio->res.flags || place->bytes < VD_AREA_MIN)
		return -ENXIO;
	/* Memory that the kernel uses as its own is not for us. */
	if (region_intersects(place->start, place->bytes, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT)
		return -EBUSY;
	place->map = memremap(place->start, place->bytes, MEMREMAP_WB);
	return place->map ? 0 : -ENOMEM;
}

/* Reading what is known to be lost could stop the machine, so we ask first. */
void nvmvd_place_bad(struct nvmvd_place *place)
{
	const struct range range = {
		.start = place->start, .end = place->start + place->bytes - 1,
	};

	nvdimm_badblocks_populate(place->region, &place->bad, &range);
}

/* With the device's lock.  ERR_PTR: there is no memory behind it that could hold an extent. */
struct nvmvd_place *nvmvd_place_new(struct device *dev)
{
	struct device *ns = namespace_of(dev);
	struct nvmvd_place *place;
	int err;

	if (!ns)
		return ERR_PTR(-ENXIO);
	place = kzalloc(sizeof(*place), GFP_KERNEL);
	if (!place) {
		put_device(ns);
		return ERR_PTR(-ENOMEM);
	}
	place->dev = get_device(dev);
	place->region = to_nd_region(dev->parent);
	err = place_map(place, ns);
	put_device(ns);
	if (!err)
		err = badblocks_init(&place->bad, 1);
	if (!err) {
		nvmvd_place_bad(place);
		err = info_read(place);
	}
	if (err) {
		nvmvd_place_free(place);
		return ERR_PTR(err);
	}
	place->data = (u8 *)place->map + place->data_off;
	place_name(place);
	nvmvd_media_init(place);
	return place;
}

/* Not claimed any more. */
void nvmvd_place_free(struct nvmvd_place *place)
{
	if (place->bad.page)
		badblocks_exit(&place->bad);
	if (place->map)
		memunmap(place->map);
	put_device(place->dev);
	kfree(place);
}
