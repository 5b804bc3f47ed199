/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kernel.h - what commands say of the kernel's virtual disks (kdisk.h).
 */
#ifndef NVM_CLI_KERNEL_H
#define NVM_CLI_KERNEL_H

#include "cli/kdisk.h"
#include "cli/opt.h"

/* EXIT_UNSUPPORTED, told, where the kernel's module is not loaded. */
int kernel_ready(struct cli *cli);

/* All disks, to be freed; an exit status, told. */
int kernel_disks(struct cli *cli, struct kdisk **ret_disks, size_t *ret_count);

/*
 * @path is not there: EXIT_NOT_FOUND, told, where it should be a disk of the
 * kernel's; else 0.
 */
int kernel_missing(struct cli *cli, const char *path);

/* Is it a disk of the kernel's, and which one?  Any path of its node. */
bool kernel_is(const char *path, char ret_name[KDISK_NAME_BYTES]);

/* Who has the device open, mapped or mounted, in words; false: not known. */
bool kernel_users(const char *path, char *buf, size_t buf_bytes);

/* A disk, value by value. */
void kernel_tell(struct cli *cli, const struct kdisk *disk);

/* A table of disks, "disks" in JSON. */
void kernel_table(struct cli *cli, const struct kdisk *disks, size_t count,
		  const char *if_empty);

/* The member "extents". */
void kernel_extents(struct cli *cli, const struct kdisk *disk);

/* When what was written is durable, in the words of backing.h, and why. */
const char *kernel_durable(const struct kdisk *disk);
const char *kernel_durable_reason(const struct kdisk *disk);

static inline uint64_t kernel_bytes(const struct kdisk *disk)
{
	return (uint64_t)disk->info.geometry.logical_count * VD_BLOCK;
}

#endif
