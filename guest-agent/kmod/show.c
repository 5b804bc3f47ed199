// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * show.c - attributes: /sys/block/nvmvdN/nvmvd/ of each disk, and attach and
 * detach of the driver in /sys/bus/nd/drivers/nvmvd/.
 *
 * They go before the disk is closed, so while one is read the disk is there.
 */
#include <linux/blkdev.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "nvmvd.h"

static const char *const policies[] = {
	[WEAR_NONE] = "none", [WEAR_MBSA] = "mbsa", [WEAR_ADAPTIVE] = "adaptive",
};

static struct nvmvd *disk_of(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

/* ---- what does not change, and counters ------------------------------------------- */

#define SHOW(name, format, value)					\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	struct nvmvd *disk = disk_of(dev);				\
									\
	return sysfs_emit(buf, format "\n", value);			\
}									\
static DEVICE_ATTR_RO(name)

SHOW(uuid, "%pUb", &disk->uuid);
SHOW(label, "%s", disk->label);
SHOW(durability, "%s", disk->sync ? "sync" : "bus");
SHOW(recovered, "%d", !disk->was_clean);
SHOW(lanes, "%u", disk->lane_count);
SHOW(logical_blocks, "%u", disk->geometry.logical_count);
SHOW(physical_blocks, "%u", disk->geometry.block_count);
SHOW(scrub_block, "%llu", READ_ONCE(disk->scrub_block));
SHOW(scrub_rounds, "%llu", READ_ONCE(disk->scrub_rounds));
SHOW(scrub_errors, "%llu", READ_ONCE(disk->scrub_errors));

static ssize_t checksum_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%s\n", nvmvd_crc()->name);
}
static DEVICE_ATTR_RO(checksum);

/* A line for each: its device on the nd bus, address, bytes. */
static ssize_t extents_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct nvmvd *disk = disk_of(dev);
	int at = 0;
	u32 i;

	for (i = 0; i < disk->extent_count; i++) {
		const struct nvmvd_place *place = disk->place[i];
		u64 start = place->start + place->data_off;

		at += sysfs_emit_at(buf, at, "%s %s 0x%llx %llu\n",
				    dev_name(place->dev), place->name, start,
				    place->media.size_bytes);
	}
	return at;
}
static DEVICE_ATTR_RO(extents);

#define SHOW_INFO(field)						\
static ssize_t field##_show(struct device *dev,				\
			    struct device_attribute *attr, char *buf)	\
{									\
	struct vd_info info;						\
									\
	vd_info(disk_of(dev)->vd, &info);				\
	return sysfs_emit(buf, "%llu\n", info.field);			\
}									\
static DEVICE_ATTR_RO(field)

SHOW_INFO(created_s);
SHOW_INFO(mapped_count);
SHOW_INFO(free_count);
SHOW_INFO(retired_count);
SHOW_INFO(log_count);
SHOW_INFO(seq);
SHOW_INFO(watermark);
SHOW_INFO(user_writes);
SHOW_INFO(moves);
SHOW_INFO(trim_lines);
SHOW_INFO(wear_total);
SHOW_INFO(rolled_back);
SHOW_INFO(lost_lines);
SHOW_INFO(data_errors);

/* ---- what can be set ----------------------------------------------------------------- */

static ssize_t policy_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct vd_info info;

	vd_info(disk_of(dev)->vd, &info);
	return sysfs_emit(buf, "%s\n", policies[info.wear.policy]);
}

/* With the disk to ourselves for a moment; kept on the media at the close. */
static int wear_set(struct nvmvd *disk,
		    void (*change)(struct wear_config *wear, u64 value),
		    u64 value)
{
	struct vd_info info;
	int err;

	if (disk->read_only)
		return -EROFS;
	nvmvd_lanes_take_all(disk);
	vd_info(disk->vd, &info);
	change(&info.wear, value);
	err = vd_policy(disk->vd, &info.wear);
	nvmvd_lanes_drop_all(disk);
	return err;
}

static void change_policy(struct wear_config *wear, u64 value)
{
	wear->policy = value;
}

static ssize_t policy_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t len)
{
	int policy = sysfs_match_string(policies, buf);
	int err = policy < 0 ? policy :
		  wear_set(disk_of(dev), change_policy, policy);

	return err ? err : len;
}
static DEVICE_ATTR_RW(policy);

#define SHOW_WEAR(field, most)						\
static ssize_t field##_show(struct device *dev,				\
			    struct device_attribute *attr, char *buf)	\
{									\
	struct vd_info info;						\
									\
	vd_info(disk_of(dev)->vd, &info);				\
	return sysfs_emit(buf, "%llu\n", (u64)info.wear.field);		\
}									\
static void change_##field(struct wear_config *wear, u64 value)		\
{									\
	wear->field = value;						\
}									\
static ssize_t field##_store(struct device *dev,			\
			     struct device_attribute *attr,		\
			     const char *buf, size_t len)		\
{									\
	u64 value;							\
	int err = kstrtou64(buf, 0, &value);				\
									\
	if (!err && value > (most))					\
		err = -ERANGE;						\
	if (!err)							\
		err = wear_set(disk_of(dev), change_##field, value);	\
	return err ? err : len;						\
}									\
static DEVICE_ATTR_RW(field)

SHOW_WEAR(threshold, U32_MAX);
SHOW_WEAR(budget, U32_MAX);
SHOW_WEAR(endurance, U64_MAX);

static ssize_t scrub_kib_s_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(disk_of(dev)->scrub_kib_s));
}

static ssize_t scrub_kib_s_store(struct device *dev,
				 struct device_attribute *attr,
				 const char *buf, size_t len)
{
	u32 value;
	int err = kstrtou32(buf, 0, &value);

	if (!err)
		WRITE_ONCE(disk_of(dev)->scrub_kib_s, value);
	return err ? err : len;
}
static DEVICE_ATTR_RW(scrub_kib_s);

static ssize_t verify_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(disk_of(dev)->verify));
}

static ssize_t verify_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t len)
{
	struct nvmvd *disk = disk_of(dev);
	bool value;
	int err = kstrtobool(buf, &value);

	if (err)
		return err;
	WRITE_ONCE(disk->verify, value);
	vd_verify(disk->vd, value);
	return len;
}
static DEVICE_ATTR_RW(verify);

/* ---- wear ------------------------------------------------------------------------------ */

/* Least, mean and most writes of a physical block, and how many cannot be read. */
static ssize_t wear_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct nvmvd *disk = disk_of(dev);
	u32 count = disk->geometry.block_count, least = U32_MAX, most = 0;
	u64 sum = 0, unreadable = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		struct vd_physical physical;

		if (vd_physical(disk->vd, i, &physical) || !physical.readable) {
			unreadable++;
			continue;
		}
		sum += physical.count;
		least = min(least, physical.count);
		most = max(most, physical.count);
		if (i % 1024 == 0)
			cond_resched();
	}
	return sysfs_emit(buf, "least %u\nmean %llu\nmost %u\nunreadable %llu\n",
			  unreadable < count ? least : 0,
			  unreadable < count ?
			  div64_u64(sum, count - unreadable) : 0,
			  most, unreadable);
}
static DEVICE_ATTR_RO(wear);

/* The write count of each physical block, 4 bytes, little-endian. */
static ssize_t counts_read(struct file *file, struct kobject *kobj,
			   struct bin_attribute *attr, char *buf, loff_t off,
			   size_t len)
{
	struct nvmvd *disk = disk_of(kobj_to_dev(kobj));
	u64 block = (u64)off / 4;
	size_t done = 0;

	if (off % 4 || len % 4)
		return -EINVAL;
	for (; done < len && block < disk->geometry.block_count; block++) {
		struct vd_physical physical = { 0 };
		le32_t count;

		vd_physical(disk->vd, block, &physical);
		count = put_le32(physical.readable ? physical.count : U32_MAX);
		memcpy(buf + done, &count, sizeof(count));
		done += sizeof(count);
	}
	return done;
}
static BIN_ATTR_RO(counts, 0);

static struct attribute *disk_attrs[] = {
	&dev_attr_uuid.attr, &dev_attr_label.attr, &dev_attr_durability.attr,
	&dev_attr_recovered.attr, &dev_attr_lanes.attr,
	&dev_attr_logical_blocks.attr, &dev_attr_physical_blocks.attr,
	&dev_attr_checksum.attr, &dev_attr_extents.attr,
	&dev_attr_created_s.attr, &dev_attr_mapped_count.attr,
	&dev_attr_free_count.attr, &dev_attr_retired_count.attr,
	&dev_attr_log_count.attr, &dev_attr_seq.attr, &dev_attr_watermark.attr,
	&dev_attr_user_writes.attr, &dev_attr_moves.attr,
	&dev_attr_trim_lines.attr, &dev_attr_wear_total.attr,
	&dev_attr_rolled_back.attr, &dev_attr_lost_lines.attr,
	&dev_attr_data_errors.attr,
	&dev_attr_policy.attr, &dev_attr_threshold.attr, &dev_attr_budget.attr,
	&dev_attr_endurance.attr, &dev_attr_verify.attr, &dev_attr_wear.attr,
	&dev_attr_scrub_kib_s.attr, &dev_attr_scrub_block.attr,
	&dev_attr_scrub_rounds.attr, &dev_attr_scrub_errors.attr,
	NULL
};

static struct bin_attribute *disk_bin_attrs[] = { &bin_attr_counts, NULL };

static const struct attribute_group disk_group = {
	.name = "nvmvd",
	.attrs = disk_attrs,
	.bin_attrs = disk_bin_attrs,
};

const struct attribute_group *nvmvd_disk_groups[] = { &disk_group, NULL };

/* ---- of the driver ------------------------------------------------------------------- */

static ssize_t attach_store(struct device_driver *driver, const char *buf,
			    size_t len)
{
	int err = nvmvd_attach(buf);

	return err ? err : len;
}
static DRIVER_ATTR_WO(attach);

static ssize_t detach_store(struct device_driver *driver, const char *buf,
			    size_t len)
{
	int err = nvmvd_detach(buf);

	return err ? err : len;
}
static DRIVER_ATTR_WO(detach);

static ssize_t scan_store(struct device_driver *driver, const char *buf,
			  size_t len)
{
	nvmvd_scan();
	return len;
}
static DRIVER_ATTR_WO(scan);

static struct attribute *driver_attrs[] = {
	&driver_attr_attach.attr, &driver_attr_detach.attr,
	&driver_attr_scan.attr, NULL
};
ATTRIBUTE_GROUPS(driver);

const struct attribute_group **nvmvd_driver_groups(void)
{
	return driver_groups;
}
