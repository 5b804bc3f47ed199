// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * disk.c - a virtual disk that is open in the kernel, and its gendisk.
 *
 * Its life: made of places that are claimed, in one go; open to the world;
 * then, once nobody has it open, taken down: no more requests, closed, and the
 * places given back.  A place that is torn from us takes it down at once.  The
 * memory lives on until the last reference to the gendisk has gone.
 */
#include <linux/atomic.h>
#include <linux/idr.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "nvmvd.h"

#define LANES_A_CPU	2

/* A disk goes up or down; taken inside of a device's lock. */
DEFINE_MUTEX(nvmvd_disk_lock);
static DEFINE_IDA(numbers);
static atomic_t added = ATOMIC_INIT(0);	/* gendisks that are not freed yet */
static DECLARE_WAIT_QUEUE_HEAD(freed);

/* ---- what the kernel calls ------------------------------------------------------ */

static int NVMVD_OPEN(disk_open, gd)
{
	struct nvmvd *disk = NVMVD_OPEN_DISK(gd)->private_data;

	if (disk->going)
		return -ENXIO;
	return mode & NVMVD_MODE_WRITE && disk->read_only ? -EROFS : 0;
}

/* The last reference has gone, or the disk was never added. */
static void disk_free(struct nvmvd *disk)
{
	nvmvd_lanes_free(disk);
	kvfree(disk->group);
	vfree(disk->mem);
	if (disk->index >= 0)
		ida_free(&numbers, disk->index);
	kvfree(disk);
}

static void gendisk_free(struct gendisk *gd)
{
	disk_free(gd->private_data);
	if (atomic_dec_and_test(&added))
		wake_up_all(&freed);
}

/* A gendisk asks for our functions until its very end, whoever still holds it. */
void nvmvd_disks_wait(void)
{
	wait_event(freed, !atomic_read(&added));
}

static const struct block_device_operations disk_fops = {
	.owner = THIS_MODULE,
	.submit_bio = nvmvd_submit_bio,
	.open = disk_open,
	.free_disk = gendisk_free,
};

u64 nvmvd_disk_bytes(const struct nvmvd *disk)
{
	return (u64)disk->geometry.logical_count * VD_BLOCK;
}

/* ---- making one ------------------------------------------------------------------ */

static int fault_print(int err, const struct nvm_fault *fault, const char *name)
{
	if (fault->what)
		pr_err("%s: cannot open the disk: %s %llu at byte %llu: %s\n",
		       name, fault->what, fault->index, fault->offset,
		       nvm_strerror(err));
	else
		pr_err("%s: cannot open the disk: %s\n", name,
		       nvm_strerror(err));
	return err;
}

/* In the order of the disk. */
static int extents_set(struct nvmvd *disk, struct nvmvd_place **place,
		       u32 count, struct nvm_fault *fault)
{
	void *mem = kvmalloc(VD_PROBE_BYTES, GFP_KERNEL);
	u32 order[VD_EXTENTS_MAX], i;
	int err;

	if (!mem)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		disk->extent[i] = &place[i]->media;
	disk->area = (struct vd_area){ disk->extent, count };
	err = vd_probe_with(&disk->area, mem, &disk->geometry, order, fault);
	kvfree(mem);
	if (err)
		return err;
	if (disk->geometry.extent_count != count)
		return -NVM_EMEDIUM;
	disk->extent_count = count;
	for (i = 0; i < count; i++) {
		disk->place[i] = place[order[i]];
		disk->extent[i] = &place[order[i]]->media;
		disk->sync |= disk->extent[i]->durability == NVM_SYNC;
		disk->read_only |= disk->extent[i]->read_only;
	}
	/* The core asks the first one how durable all of them are. */
	for (i = 0; i < count; i++)
		disk->extent[i]->durability = disk->sync ? NVM_SYNC : NVM_BUS;
	return 0;
}

static int disk_memory(struct nvmvd *disk, size_t *ret_bytes)
{
	u32 lanes = min_t(u32, LANES_A_CPU * num_online_cpus() + 1,
			  vd_lanes_max(&disk->geometry));
	int err = nvmvd_lanes_make(disk, lanes);

	if (err)
		return err;
	disk->group = kvmalloc(VD_GROUP_MAX * VD_BLOCK, GFP_KERNEL);
	*ret_bytes = vd_memory_bytes(&disk->geometry, lanes);
	disk->mem = vmalloc(*ret_bytes);
	return disk->group && disk->mem ? 0 : -ENOMEM;
}

static u64 generation(struct nvmvd *disk)
{
	struct nvm_media *first = disk->extent[0];
	le64_t now = { 0 };

	first->ops->load(first, offsetof(struct vd_sb, generation), &now,
			 sizeof(now));
	return get_le64(now);
}

/*
 * Nobody tells a driver of a dax device that its memory takes no stores, and
 * they are lost in silence.  Opening for writing stores new SBs: are they there?
 */
static int vdisk_try(struct nvmvd *disk, struct vd_open_args *args,
		     struct nvm_fault *fault)
{
	u64 before = generation(disk);
	int err;

	args->flags = disk->read_only ? VD_OPEN_READ_ONLY : 0;
	err = vd_open(&disk->area, args, &disk->vd, fault);
	if (err || disk->read_only || generation(disk) != before)
		return err;
	pr_info("%s: takes no stores: read-only\n", disk->place[0]->name);
	disk->read_only = true;
	args->flags = VD_OPEN_READ_ONLY;
	return vd_open(&disk->area, args, &disk->vd, fault);
}

static int vdisk_open(struct nvmvd *disk, struct nvm_fault *fault)
{
	struct vd_open_args args = { .relax = nvmvd_relax };
	struct vd_info info;
	int err = disk_memory(disk, &args.mem_bytes);

	if (err)
		return err;
	args.lane_count = disk->lane_count;
	args.mem = disk->mem;
	err = vdisk_try(disk, &args, fault);
	if (err)
		return err;
	vd_info(disk->vd, &info);
	import_uuid(&disk->uuid, info.uuid);
	strscpy(disk->label, info.label, sizeof(disk->label));
	/* A disk that nobody has written yet had nothing to recover. */
	disk->was_clean = info.was_clean || !info.seq;
	disk->verify = true;
	return 0;
}

/* The largest group that finds its free blocks, whatever the other lanes hold. */
static u32 group_bytes(const struct nvmvd *disk)
{
	u32 spares = disk->geometry.block_count - disk->geometry.logical_count;

	return rounddown_pow_of_two(clamp(spares / 4, 1u, VD_GROUP_MAX)) *
	       VD_BLOCK;
}

/* Once it is added it is the gendisk's, and freed with it. */
static int gendisk_add(struct nvmvd *disk)
{
	const struct nvmvd_limits limits = {
		.write_cache = disk->sync && !disk->read_only,
		.atomic_bytes = disk->read_only ? 0 : group_bytes(disk),
	};
	struct gendisk *gd = nvmvd_gendisk_alloc(&limits);
	int err;

	if (IS_ERR(gd))
		return PTR_ERR(gd);
	gd->fops = &disk_fops;
	gd->private_data = disk;
	strscpy(gd->disk_name, disk->name, sizeof(gd->disk_name));
	set_capacity(gd, nvmvd_disk_bytes(disk) >> SECTOR_SHIFT);
	set_disk_ro(gd, disk->read_only);
	disk->gd = gd;
	err = device_add_disk(NULL, gd, nvmvd_disk_groups);
	if (err) {
		disk->gd = NULL;
		put_disk(gd);
	}
	return err;
}

static void owner_set(struct nvmvd *disk, struct nvmvd *owner)
{
	u32 i;

	for (i = 0; i < disk->extent_count; i++)
		disk->place[i]->owner = owner;
}

static int disk_make(struct nvmvd *disk, struct nvmvd_place **place, u32 count)
{
	struct nvm_fault fault = { 0 };
	int err = extents_set(disk, place, count, &fault);

	if (!err)
		err = vdisk_open(disk, &fault);
	if (err)
		return fault_print(err, &fault, place[0]->name);
	disk->index = ida_alloc(&numbers, GFP_KERNEL);
	err = min(disk->index, 0);
	snprintf(disk->name, sizeof(disk->name), "nvmvd%d", disk->index);
	if (!err && !disk->read_only)
		err = nvmvd_tend_start(disk);
	if (!err)
		err = gendisk_add(disk);
	if (err) {
		nvmvd_tend_stop(disk);
		vd_close(disk->vd, NULL);
	}
	return err;
}

/* Of places that are claimed; they stay the caller's on failure. */
struct nvmvd *nvmvd_disk_new(struct nvmvd_place **place, u32 count)
{
	struct nvmvd *disk = kvzalloc(sizeof(*disk), GFP_KERNEL);
	int err;

	lockdep_assert_held(&nvmvd_attach_lock);
	if (!disk)
		return ERR_PTR(-ENOMEM);
	disk->index = -1;
	mutex_init(&disk->group_lock);
	mutex_lock(&nvmvd_disk_lock);
	err = disk_make(disk, place, count);
	if (!err) {
		owner_set(disk, disk);
		atomic_inc(&added);
	}
	mutex_unlock(&nvmvd_disk_lock);
	if (err) {
		disk_free(disk);
		return ERR_PTR(err);
	}
	pr_info("%s: %pUb, %llu MiB on %u %s%s%s%s\n", disk->name,
		&disk->uuid, nvmvd_disk_bytes(disk) >> 20, count,
		count == 1 ? "extent" : "extents",
		disk->read_only ? ", read-only" : "",
		disk->sync ? ", durable at a flush" : "",
		disk->was_clean ? "" : ", recovered");
	return disk;
}

/* ---- taking it down -------------------------------------------------------------- */

/* From now on nobody opens it.  -EBUSY: somebody has it open. */
int nvmvd_disk_hold(struct nvmvd *disk)
{
	int err = 0;

	mutex_lock(&disk->gd->open_mutex);
	if (disk_openers(disk->gd))
		err = -EBUSY;
	else
		disk->going = true;
	mutex_unlock(&disk->gd->open_mutex);
	return err;
}

void nvmvd_disk_down(struct nvmvd *disk)
{
	lockdep_assert_held(&nvmvd_disk_lock);
	if (disk->down)
		return;
	disk->going = true;
	nvmvd_tend_stop(disk);
	del_gendisk(disk->gd);
	disk->close_err = vd_close(disk->vd, NULL);
	if (disk->close_err)
		pr_err("%s: not closed cleanly: %s\n", disk->name,
		       nvm_strerror(disk->close_err));
	owner_set(disk, NULL);
	disk->down = true;
}

void nvmvd_disk_put(struct nvmvd *disk)
{
	put_disk(disk->gd);
}
