/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * nvmvd.h - what the files of the module share.
 *
 *   main.c	coming and going; parameters
 *   place.c	one piece of memory: where it lies, its driver on the nd bus
 *   claim.c	taking it from the driver that has it, and giving it back
 *   media.c	base/media.h over it; crc.c: the checksum, chosen by measuring
 *   find.c	which places make a disk; attach.c: attach and detach, when told;
 *		watch.c: by itself
 *   disk.c	the disk and its gendisk; bio.c: requests; lane.c: lanes
 *   tend.c	a thread that levels and scrubs
 *   show.c	attributes
 *
 * Locks: nvmvd_attach_lock is held while disks come and go and is taken before
 * any lock of a device; nvmvd_disk_lock is taken inside of a device's lock, by
 * who takes a disk down.
 */
#ifndef NVMVD_H
#define NVMVD_H

#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/libnvdimm.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nd.h>
#include <linux/uuid.h>
#include <linux/wait.h>

#include "vdisk/vdisk.h"

#ifndef CONFIG_X86_64
#error "nvmvd is written for x86-64"
#endif

#undef pr_fmt
#define pr_fmt(fmt)	"nvmvd: " fmt

/* ---- places ---------------------------------------------------------------- */

struct nvmvd;

struct nvmvd_place {
	struct nvm_media media;		/* first: the core's view */
	struct device *dev;		/* on the nd bus; we hold a reference */
	struct nd_region *region;
	phys_addr_t start;		/* of the namespace */
	u64 bytes;
	u64 data_off;			/* behind the info block */
	void *map;			/* of [start, start + bytes) */
	u8 *data;
	struct badblocks bad;		/* sectors from start, known to be lost */
	bool claimed;			/* our driver is bound to dev */
	struct nvmvd *owner;		/* under nvmvd_disk_lock */
	bool taken;			/* by a disk, or given to one */
	char name[32];			/* what the users know: pmem0, dax0.0 */
};

extern struct nd_device_driver nvmvd_nd_driver;

struct nvmvd_place *nvmvd_place_new(struct device *dev);
void nvmvd_place_free(struct nvmvd_place *place);
int nvmvd_place_claim(struct nvmvd_place *place);
void nvmvd_place_release(struct nvmvd_place *place);
bool nvmvd_place_ours(void);
void nvmvd_place_bad(struct nvmvd_place *place);
bool nvmvd_place_named(const struct nvmvd_place *place, const char *word);
struct gendisk *nvmvd_place_gendisk(struct device *dev);
struct device *nvmvd_place_dax(struct device *dev);

/* ---- media and checksum ------------------------------------------------------ */

struct nvmvd_crc {
	const char *name;
	/* as crc32c of base/media.h */
	uint32_t (*sum)(uint32_t begin, const void *src, size_t len);
	/* Stream NVM_PAGE bytes to @to, 8-aligned, reading each once. */
	u32 (*store)(u8 *to, const u8 *src);
};

int nvmvd_crc_choose(const char *wanted);
const struct nvmvd_crc *nvmvd_crc(void);

void nvmvd_media_start(void);
void nvmvd_media_init(struct nvmvd_place *place);
bool nvmvd_media_lost(struct nvmvd_place *place, u64 off, u64 len);

/* ---- disks ------------------------------------------------------------------- */

#define NVMVD_BOUNCE	(64u << 10)	/* of each lane: bytes written at once */

struct nvmvd_lane {
	u8 *bounce;
};

struct nvmvd {
	struct list_head list;		/* under nvmvd_attach_lock */
	struct gendisk *gd;
	int index;
	char name[DISK_NAME_LEN];
	struct vdisk *vd;
	void *mem;
	struct vd_geometry geometry;
	uuid_t uuid;
	char label[VD_LABEL_MAX + 1];
	bool sync;			/* durable at a flush only */
	bool read_only, was_clean;
	bool verify;			/* reads are checked */
	bool going;			/* no more opens */
	bool down;			/* under nvmvd_disk_lock */
	int close_err;

	u32 extent_count;
	struct nvmvd_place *place[VD_EXTENTS_MAX];
	struct nvm_media *extent[VD_EXTENTS_MAX];
	struct vd_area area;

	u32 lane_count;
	struct nvmvd_lane lane[VD_LANES_MAX];
	unsigned long lanes[BITS_TO_LONGS(VD_LANES_MAX)] ____cacheline_aligned;
	wait_queue_head_t lane_wait;
	struct mutex all_lanes;		/* whoever wants them all */
	struct mutex group_lock;	/* taken before a lane */
	u8 *group;			/* VD_GROUP_MAX blocks */

	/* tend.c */
	struct task_struct *tender;
	bool wrote;
	u64 level_left;			/* blocks to be looked at yet */
	u32 scrub_kib_s;
	u64 scrub_block, scrub_rounds, scrub_errors;
};

extern struct mutex nvmvd_attach_lock, nvmvd_disk_lock;

struct nvmvd *nvmvd_disk_new(struct nvmvd_place **place, u32 count);
int nvmvd_disk_hold(struct nvmvd *disk);
void nvmvd_disk_down(struct nvmvd *disk);
void nvmvd_disk_put(struct nvmvd *disk);
void nvmvd_disks_wait(void);
u64 nvmvd_disk_bytes(const struct nvmvd *disk);

void nvmvd_submit_bio(struct bio *bio);

int nvmvd_lanes_make(struct nvmvd *disk, u32 count);
void nvmvd_lanes_free(struct nvmvd *disk);
int nvmvd_lane_try(struct nvmvd *disk);
u32 nvmvd_lane_take(struct nvmvd *disk);
void nvmvd_lane_drop(struct nvmvd *disk, u32 lane);
void nvmvd_lanes_take_all(struct nvmvd *disk);
void nvmvd_lanes_drop_all(struct nvmvd *disk);
void nvmvd_relax(void *ctx);

int nvmvd_tend_start(struct nvmvd *disk);
void nvmvd_tend_stop(struct nvmvd *disk);

extern const struct attribute_group *nvmvd_disk_groups[];
const struct attribute_group **nvmvd_driver_groups(void);

/* Places that have been looked at, as a list that owns them. */
struct nvmvd_found {
	struct nvmvd_place *place;
	uuid_t uuid;			/* of the disk that it is part of */
	u32 extent;			/* which one; 0: it has the SBs */
};

struct nvmvd_finds {
	struct nvmvd_found *found;
	u32 count, room;
};

int nvmvd_find_all(struct nvmvd_finds *finds);
void nvmvd_finds_free(struct nvmvd_finds *finds);
int nvmvd_find_disk(const struct nvmvd_finds *finds, const uuid_t *uuid,
		    struct nvmvd_place *place[VD_EXTENTS_MAX]);
int nvmvd_find_whole(struct nvmvd_place **place, u32 count, u32 *ret_count);

/* ---- coming and going ---------------------------------------------------------- */

int nvmvd_attach(const char *words);
int nvmvd_detach(const char *word);
void nvmvd_detach_last(void);
void nvmvd_reap_flush(void);
void nvmvd_scan(void);
void nvmvd_disk_lost(struct nvmvd *disk);
int nvmvd_watch_start(void);
void nvmvd_watch_stop(void);

#endif
