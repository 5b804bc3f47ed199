/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_trim.c - `nvmvd trim`: bytes of a disk read as zeros from now on, and
 * their blocks are free.
 *
 * Crash story: that of vd_trim(); a range that was cut off is trimmed in part.
 */
#include "cli/disk.h"
#include "cli/disk_io.h"
#include "cli/vd_commands.h"

struct trim_opts {
	int guard;
};

static const struct opt opts[] = {
	DISK_OPT_GUARD(struct trim_opts, guard),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = "OFFSET", .complete = COMPLETE_SIZE },
	{ .name = "LENGTH", .complete = COMPLETE_SIZE },
	{ .name = NULL }
};

static int trim_disk(struct disk *disk)
{
	uint64_t at = 0, len = 0, size = cli_disk_bytes(disk);
	struct cli *cli = disk->cli;
	struct vd_info before, after;
	int err, status = cli_disk_number(disk, "offset", cli->arg[1],
					  VD_SECTOR, size, &at);

	if (!status)
		status = cli_disk_number(disk, "length", cli->arg[2], VD_SECTOR,
					 size - at, &len);
	if (!status)
		status = cli_disk_start(disk);
	if (status)
		return status;
	vd_info(disk->vd, &before);
	err = cli_disk_zero(disk, at, len);
	if (err)
		status = cli_disk_fail(disk, err, NULL, "cannot trim all of "
				       "the range on disk '%s'", disk->name);
	err = cli_disk_flush(disk);
	status = status ? status : err;
	vd_info(disk->vd, &after);
	out_text(cli, "target", NULL, disk->name);
	out_size(cli, "offset_bytes", NULL, at);
	out_size(cli, "length_bytes", NULL, len);
	out_size(cli, "freed_bytes", NULL, (before.mapped_count -
		 after.mapped_count) * VD_BLOCK);
	return status;
}

static int trim_run(struct cli *cli)
{
	const struct trim_opts *o = cli->opts;
	struct disk disk;
	int status = cli_disk_open(cli, DISK_WRITE, o->guard, &disk);

	if (!status)
		status = trim_disk(&disk);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmvd trim disk.img 1G 512M", "512 MiB from 1 GiB on" },
	{ NULL, NULL }
};

const struct command vd_cmd_trim = {
	.name = "trim",
	.summary = "make bytes of a disk read as zeros, and free their blocks",
	.description = "OFFSET and LENGTH are bytes of the disk, in multiples "
		"of 512; parts of blocks are written as zeros. What was there "
		"is lost.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct trim_opts),
	.examples = examples,
	.flags = COMMAND_DISK | COMMAND_CHANGES,
	.run = trim_run,
};
