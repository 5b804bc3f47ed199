/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kdisk.h - the virtual disks of this machine's kernel, as its module nvmvd
 * shows them in sysfs (guest-agent/kmod/show.c).
 *
 * What is read comes in the structures that the core fills for a disk of our
 * own, so whoever prints one prints the other.  Each attribute is read by
 * itself: of a disk in use the counters are not of one moment.
 *
 * @sys is where sysfs is mounted: KDISK_SYS, or what a test has built.
 * Functions return 0 or a negative errno value; ret_ parameters are untouched
 * on failure; a failure pointer may be NULL.
 */
#ifndef NVM_CLI_KDISK_H
#define NVM_CLI_KDISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hosted/failure.h"
#include "vdisk/vdisk.h"

#define KDISK_SYS		"/sys"
#define KDISK_DRIVER		"bus/nd/drivers/nvmvd"	/* below it */
#define KDISK_NAME_BYTES	32	/* as the kernel has them */

struct kdisk_extent {
	char bus_device[KDISK_NAME_BYTES];	/* "dax0.1" on the nd bus */
	char device[KDISK_NAME_BYTES];	/* "dax0.0", gone while it is ours */
	uint64_t start;			/* physical address */
	uint64_t size_bytes;
};

struct kdisk {
	char name[KDISK_NAME_BYTES];	/* "nvmvd0" */
	struct vd_info info;		/* segment_count is not told: 0 */
	bool sync;			/* durable at a flush only */
	char checksum[KDISK_NAME_BYTES];
	bool verify;			/* reads are checked */
	uint64_t lanes;
	uint64_t scrub_kib_s, scrub_rounds, scrub_errors;
	struct kdisk_extent extent[VD_EXTENTS_MAX];
};

/* Is the module there? */
bool kdisk_loaded(const char *sys);

/* -ENODEV: no such disk.  -EPROTO: an attribute is missing or makes no sense. */
int kdisk_read(const char *sys, const char *name, struct kdisk *ret_disk,
	       struct failure *failure);

/*
 * All of them in the order of their numbers; free() them.  What is detached
 * meanwhile is left out.
 */
int kdisk_read_all(const char *sys, struct kdisk **ret_disks,
		   size_t *ret_count, struct failure *failure);

/* The disk that this block device is, or is a partition of.  -ENODEV: none. */
int kdisk_of_node(const char *sys, dev_t rdev,
		  char ret_name[KDISK_NAME_BYTES]);

/* The one with an extent on a device of that name (either one), or NULL. */
const struct kdisk *kdisk_on(const struct kdisk *disks, size_t count,
			     const char *device);

/*
 * Fill @count, which has room for geometry.block_count of them, with the write
 * count of each physical block; UINT32_MAX: its record cannot be read.
 * -EPROTO: the kernel has fewer.
 */
int kdisk_counts(const char *sys, const struct kdisk *disk, uint32_t *count);

/* What is to be set of a disk: "policy", "threshold". */
int kdisk_set(const char *sys, const struct kdisk *disk, const char *attribute,
	      const char *value);

/* "attach", "detach", "scan" of the driver; what the kernel says of it. */
int kdisk_order(const char *sys, const char *attribute, const char *words);

/* "a56ddcae-b257-..." and nothing behind it. */
bool kdisk_uuid_parse(const char *text, uint8_t ret_uuid[VD_UUID_LEN]);

#endif
