// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * claim.c - taking a place, and giving it back.
 *
 * The module is a driver of the nd bus, as nd_pmem (which makes /dev/pmemN) and
 * dax_pmem (which makes /dev/daxN.M) are, and a device has one driver at a
 * time.  While a place is ours there is no /dev/pmemN or /dev/daxN.M by which
 * somebody else could come to its bytes; while that is open or mapped, it is
 * not taken.  This is what `ndctl disable-namespace` does, less the force.
 *
 * The driver binds to no device by itself: only to the one being claimed.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "nvmvd.h"

/* udev and its like open what is new, for a moment. */
#define BUSY_TRIES	20
#define BUSY_REST_MS	50

static struct nvmvd_place *claiming;	/* under nvmvd_attach_lock */
static struct task_struct *busy_with;	/* who moves drivers about now */

/* ---- the driver ------------------------------------------------------------- */

static int claim_probe(struct device *dev)
{
	struct nvmvd_place *place = READ_ONCE(claiming);

	if (!place || place->dev != dev)
		return -ENODEV;
	if (!request_mem_region(place->start, place->bytes, "nvmvd"))
		return -EBUSY;
	dev_set_drvdata(dev, place);
	place->claimed = true;
	return 0;
}

/* Given back, or torn from us: what is on it goes down first. */
static void claim_remove(struct device *dev)
{
	struct nvmvd_place *place = dev_get_drvdata(dev);

	mutex_lock(&nvmvd_disk_lock);
	if (place->owner)
		nvmvd_disk_lost(place->owner);
	mutex_unlock(&nvmvd_disk_lock);
	release_mem_region(place->start, place->bytes);
	dev_set_drvdata(dev, NULL);
	place->claimed = false;
}

/* Called with the lock of the device, so it is ours as long. */
static void claim_notify(struct device *dev, enum nvdimm_event event)
{
	struct nvmvd_place *place = dev_get_drvdata(dev);

	if (event == NVDIMM_REVALIDATE_POISON && place)
		nvmvd_place_bad(place);
}

struct nd_device_driver nvmvd_nd_driver = {
	.drv = {
		.name = "nvmvd",
		.suppress_bind_attrs = true,
	},
	.type = ND_DRIVER_NAMESPACE_IO | ND_DRIVER_NAMESPACE_PMEM |
		ND_DRIVER_DAX_PMEM,
	.probe = claim_probe,
	.remove = claim_remove,
	.notify = claim_notify,
};

/* ---- who has it --------------------------------------------------------------- */

/* Somebody has the character device mapped; opening it alone does nothing. */
static bool dax_mapped(struct device *dax)
{
	char path[64];
	struct file *file;
	bool mapped;

	snprintf(path, sizeof(path), "/dev/%s", dev_name(dax));
	file = filp_open(path, O_RDONLY, 0);
	/* Where there is no node yet (an initramfs), nobody has come by it. */
	if (IS_ERR(file))
		return PTR_ERR(file) != -ENOENT && PTR_ERR(file) != -ENXIO;
	mapped = !S_ISCHR(file_inode(file)->i_mode) ||
		 file_inode(file)->i_rdev != dax->devt ||
		 mapping_mapped(file->f_mapping);
	fput(file);
	return mapped;
}

static bool place_busy(struct nvmvd_place *place)
{
	struct gendisk *disk;
	struct device *dax;
	bool busy;

	/* What its driver made of it stays as long. */
	device_lock(place->dev);
	disk = nvmvd_place_gendisk(place->dev);
	busy = disk && disk_openers(disk);
	dax = nvmvd_place_dax(place->dev);
	if (dax) {
		/* As ordinary memory (kmem), it cannot be had back. */
		busy |= dax->driver && strcmp(dax->driver->name, "device_dax");
		busy = busy || dax_mapped(dax);
		put_device(dax);
	}
	device_unlock(place->dev);
	return busy;
}

static bool driver_yields(const struct device_driver *driver)
{
	return !driver || !strcmp(driver->name, "nd_pmem") ||
	       !strcmp(driver->name, "dax_pmem");
}

/* ---- to and fro ----------------------------------------------------------------- */

/* To the driver that makes a device of it for everybody. */
static void place_give_back(struct nvmvd_place *place)
{
	if (device_attach(place->dev) < 0)
		pr_warn("%s: no driver takes it back\n", place->name);
}

/* -EBUSY: it is open, mapped or mounted, or another driver's. */
int nvmvd_place_claim(struct nvmvd_place *place)
{
	unsigned int i;
	int err;

	lockdep_assert_held(&nvmvd_attach_lock);
	if (!driver_yields(place->dev->driver))
		return -EBUSY;
	for (i = 0; place_busy(place); i++) {
		if (i == BUSY_TRIES)
			return -EBUSY;
		msleep(BUSY_REST_MS);
	}
	WRITE_ONCE(busy_with, current);
	device_release_driver(place->dev);
	WRITE_ONCE(claiming, place);
	err = device_driver_attach(&nvmvd_nd_driver.drv, place->dev);
	WRITE_ONCE(claiming, NULL);
	if (!err && !place->claimed)
		err = -EBUSY;
	if (err)
		place_give_back(place);
	WRITE_ONCE(busy_with, NULL);
	return err;
}

void nvmvd_place_release(struct nvmvd_place *place)
{
	bool claimed;

	lockdep_assert_held(&nvmvd_attach_lock);
	/* It may be on its way from us just now. */
	device_lock(place->dev);
	claimed = place->claimed;
	device_unlock(place->dev);
	if (!claimed)
		return;
	WRITE_ONCE(busy_with, current);
	device_release_driver(place->dev);
	place_give_back(place);
	WRITE_ONCE(busy_with, NULL);
}

/* Is it this thread that has just made a driver take a device? */
bool nvmvd_place_ours(void)
{
	return READ_ONCE(busy_with) == current;
}
