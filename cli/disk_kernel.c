/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_kernel.c - where a command's disk is one of the kernel's (disk.h): few
 * commands can work on such a one, through sysfs; the others say what to do.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cli/disk.h"
#include "cli/kernel.h"

static int kernel_refuse(struct disk *disk, const char *path,
			 const struct kdisk *kdisk)
{
	char more[32] = "";

	if (kdisk->info.geometry.extent_count > 1)
		snprintf(more, sizeof(more), " and %u more",
			 kdisk->info.geometry.extent_count - 1);
	return cli_fail(disk->cli, EXIT_BUSY, "cannot open '%s': it is the "
			"kernel's disk %s; read and write the device itself "
			"(dd, blkdiscard), or 'nvmvd detach %s' first, which "
			"makes it %s%s again", path, kdisk->name, kdisk->name,
			kdisk->extent[0].device, more);
}

static int path_look(struct disk *disk, const char *path, bool first)
{
	char name[KDISK_NAME_BYTES];
	struct failure failure;
	int err, status;

	if (!kernel_is(path, name))
		return 0;
	disk->kernel = malloc(sizeof(*disk->kernel));
	if (!disk->kernel)
		return cli_fail(disk->cli, EXIT_FAILED, "out of memory");
	err = kdisk_read(KDISK_SYS, name, disk->kernel, &failure);
	if (err)
		status = fail_hosted(disk->cli, err, &failure);
	else if (!first || !(disk->flags & DISK_KERNEL))
		status = kernel_refuse(disk, path, disk->kernel);
	else if (disk->cli->extent.count)
		status = cli_fail(disk->cli, EXIT_USAGE, "--extent is not for "
				  "'%s': the kernel knows the disk's extents",
				  path);
	else
		status = 0;
	if (!status) {
		disk->geometry = disk->kernel->info.geometry;
		return 0;
	}
	free(disk->kernel);
	disk->kernel = NULL;
	return status;
}

int cli_disk_kernel(struct disk *disk)
{
	const struct opt_list *more = &disk->cli->extent;
	int status = path_look(disk, disk->name, true);

	for (size_t i = 0; i < more->count && !status; i++)
		status = path_look(disk, more->word[i], false);
	return status;
}

void cli_disk_info(const struct disk *disk, struct vd_info *ret_info)
{
	if (disk->kernel)
		*ret_info = disk->kernel->info;
	else
		vd_info(disk->vd, ret_info);
}

/* ---- the policy ----------------------------------------------------------------- */

static int attribute_set(struct disk *disk, const char *attribute,
			 const char *value)
{
	char reason[128];
	int err = disk->cli->dry_run ? 0 :
		  kdisk_set(KDISK_SYS, disk->kernel, attribute, value);

	if (!err)
		return 0;
	return cli_fail(disk->cli, fail_status(err), "cannot change the %s of "
			"the kernel's disk %s: %s", attribute,
			disk->kernel->name, err != -EROFS ?
			failure_strerror(err, reason, sizeof(reason)) :
			disk->kernel->info.read_only ? "the disk is read-only" :
			"sysfs is read-only here (in a container?)");
}

static int number_set(struct disk *disk, const char *attribute, uint64_t is,
		      uint64_t wanted)
{
	char value[24];

	snprintf(value, sizeof(value), "%" PRIu64, wanted);
	return is == wanted ? 0 : attribute_set(disk, attribute, value);
}

static int kernel_policy(struct disk *disk, const struct wear_config *wear)
{
	const struct wear_config *is = &disk->kernel->info.wear;
	int status = number_set(disk, "threshold", is->threshold,
				wear->threshold);

	if (!status)
		status = number_set(disk, "budget", is->budget, wear->budget);
	if (!status)
		status = number_set(disk, "endurance", is->endurance,
				    wear->endurance);
	if (!status && is->policy != wear->policy)
		status = attribute_set(disk, "policy",
				       cli_disk_policies[wear->policy]);
	return status;
}

int cli_disk_policy(struct disk *disk, const struct wear_config *wear)
{
	int err;

	if (disk->kernel)
		return kernel_policy(disk, wear);
	err = vd_policy(disk->vd, wear);
	return err ? cli_disk_fail(disk, err, NULL, "cannot change the policy "
				   "of disk '%s'", disk->name) : 0;
}
