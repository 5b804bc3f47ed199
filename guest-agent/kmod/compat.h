/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * compat.h - what differs between the kernels that the module is built for.
 * Nothing else of it asks for a version.
 */
#ifndef NVMVD_COMPAT_H
#define NVMVD_COMPAT_H

#include <linux/badblocks.h>
#include <linux/blkdev.h>
#include <linux/range.h>
#include <linux/version.h>

struct nd_region;

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define NVMVD_MODE_WRITE	FMODE_WRITE
#define NVMVD_OPEN(name, disk_arg)					\
	name(struct block_device *bdev_arg, fmode_t mode)
#define NVMVD_OPEN_DISK(disk_arg)	(bdev_arg->bd_disk)
#else
#define NVMVD_MODE_WRITE	BLK_OPEN_WRITE
#define NVMVD_OPEN(name, disk_arg)					\
	name(struct gendisk *disk_arg, blk_mode_t mode)
#define NVMVD_OPEN_DISK(disk_arg)	(disk_arg)
#endif

/* Atomic writes came with limits that are given when a disk is made. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define NVMVD_ATOMIC	REQ_ATOMIC
#else
#define NVMVD_ATOMIC	((__force blk_opf_t)0)
#endif

/* What a disk of ours can do, whichever way the kernel is told. */
struct nvmvd_limits {
	bool write_cache;	/* something is durable at a flush only */
	unsigned int atomic_bytes;
};

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static inline struct gendisk *
nvmvd_gendisk_alloc(const struct nvmvd_limits *limits)
{
	struct queue_limits lim = {
		.features = BLK_FEAT_IO_STAT | BLK_FEAT_NOWAIT |
			    BLK_FEAT_SYNCHRONOUS |
			    (limits->write_cache ?
			     BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA : 0),
		.logical_block_size = 512,
		.physical_block_size = 4096,
		.io_min = 4096,
		.max_hw_sectors = UINT_MAX,
		.max_segments = USHRT_MAX,
		.max_hw_discard_sectors = UINT_MAX,
		.max_write_zeroes_sectors = UINT_MAX,
		.discard_granularity = 4096,
		.atomic_write_hw_max = limits->atomic_bytes,
		.atomic_write_hw_unit_min = limits->atomic_bytes ? 4096 : 0,
		.atomic_write_hw_unit_max = limits->atomic_bytes,
	};

	return blk_alloc_disk(&lim, NUMA_NO_NODE);
}
#else
static inline struct gendisk *
nvmvd_gendisk_alloc(const struct nvmvd_limits *limits)
{
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);
	struct request_queue *q;

	if (!disk)
		return ERR_PTR(-ENOMEM);
	q = disk->queue;
	blk_queue_logical_block_size(q, 512);
	blk_queue_physical_block_size(q, 4096);
	blk_queue_io_min(q, 4096);
	blk_queue_max_hw_sectors(q, UINT_MAX);
	blk_queue_max_segments(q, USHRT_MAX);
	blk_queue_max_discard_sectors(q, UINT_MAX);
	blk_queue_max_write_zeroes_sectors(q, UINT_MAX);
	q->limits.discard_granularity = 4096;
	blk_queue_write_cache(q, limits->write_cache, limits->write_cache);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	blk_queue_flag_set(QUEUE_FLAG_IO_STAT, q);
	blk_queue_flag_set(QUEUE_FLAG_NOWAIT, q);
	return disk;
}
#endif

/*
 * Exported for drivers of the nd bus, but declared in drivers/nvdimm/nd.h only;
 * the kernel's symbol versions see to it that it is still this function.
 */
void nvdimm_badblocks_populate(struct nd_region *nd_region,
			       struct badblocks *bb, const struct range *range);

#endif
