/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_detach.c - `nvmvd detach`: have the kernel's module close a disk and give
 * its memory devices back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/kernel.h"
#include "cli/out.h"
#include "cli/talk.h"
#include "cli/vd_commands.h"

/* udev and its like look at a device that was just written, for a moment. */
#define BUSY_TRIES	20
#define BUSY_REST_MS	50

struct detach_opts {
	bool all;
};

static const struct opt opts[] = {
	OPT_FLAG('a', "all", struct detach_opts, all,
		 "all that nobody has open"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "DISK", .complete = COMPLETE_KERNEL, .optional = true },
	{ .name = NULL }
};

/* By name, uuid, or any path of its node. */
static const struct kdisk *disk_find(const struct kdisk *disks, size_t count,
				     const char *word)
{
	uint8_t uuid[VD_UUID_LEN];
	bool by_uuid = kdisk_uuid_parse(word, uuid);
	char name[KDISK_NAME_BYTES];

	if (strchr(word, '/') && kernel_is(word, name))
		word = name;
	for (size_t i = 0; i < count; i++)
		if (by_uuid ? !memcmp(disks[i].info.uuid, uuid, sizeof(uuid)) :
		    !strcmp(disks[i].name, word))
			return &disks[i];
	return NULL;
}

/* What the kernel says of it; -EBUSY after a while only. */
static int detach_order(const struct kdisk *disk)
{
	const struct timespec rest = { .tv_nsec = BUSY_REST_MS * 1000000l };
	int err = kdisk_order(KDISK_SYS, "detach", disk->name);

	for (int i = 0; err == -EBUSY && i < BUSY_TRIES && !signals_caught();
	     i++) {
		nanosleep(&rest, NULL);
		err = kdisk_order(KDISK_SYS, "detach", disk->name);
	}
	return err;
}

/* Who has it, in brackets behind a message. */
static const char *users_text(const struct kdisk *disk, char *buf,
			      size_t buf_bytes)
{
	char path[KDISK_NAME_BYTES + 8];

	snprintf(path, sizeof(path), "/dev/%s", disk->name);
	if (!kernel_users(path, buf, buf_bytes))
		snprintf(buf, buf_bytes, "open, by whom cannot be seen");
	return buf;
}

/* What is not told here is -EBUSY. */
static int detach_fail(struct cli *cli, const struct kdisk *disk, int err)
{
	char reason[256];

	switch (-err) {
	case ENODEV:
		return cli_fail(cli, EXIT_NOT_FOUND, "disk %s was detached by "
				"somebody else just now", disk->name);
	case EACCES:
	case EPERM:
		return cli_fail(cli, EXIT_DENIED, "cannot detach %s: permission "
				"denied (root may)", disk->name);
	case EROFS:
		return cli_fail(cli, EXIT_DENIED, "cannot detach %s: sysfs is "
				"read-only here (in a container?)", disk->name);
	case EBUSY:
		return cli_fail(cli, EXIT_BUSY, "cannot detach %s while it is "
				"in use: %s", disk->name,
				users_text(disk, reason, sizeof(reason)));
	}
	/* the kernel has let it go in any case */
	return cli_fail(cli, fail_status(err), "%s is detached, but could not "
			"be closed: %s; whoever opens it next recovers it",
			disk->name,
			failure_strerror(err, reason, sizeof(reason)));
}

static int detach_one(struct cli *cli, const struct kdisk *disks, size_t count)
{
	const struct kdisk *disk = disk_find(disks, count, cli->arg[0]);
	int err;

	if (!disk)
		return cli_fail(cli, EXIT_NOT_FOUND, "the kernel has no disk "
				"'%s'; 'nvmvd list' tells which it has",
				cli->arg[0]);
	err = detach_order(disk);
	if (err)
		return detach_fail(cli, disk, err);
	out_text(cli, "detached", "detached", disk->name);
	out_uuid(cli, "uuid", "uuid", disk->info.uuid);
	kernel_extents(cli, disk);
	return 0;
}

static int detach_all(struct cli *cli, struct kdisk *disks, size_t count)
{
	size_t gone = 0;
	int status = 0;

	for (size_t i = 0; i < count; i++) {
		int err = detach_order(&disks[i]);
		char users[256];

		if (!err)
			disks[gone++] = disks[i];
		else if (err == -EBUSY)
			cli_warn(cli, "%s stays attached: %s", disks[i].name,
				 users_text(&disks[i], users, sizeof(users)));
		else if (err != -ENODEV && !status)
			status = detach_fail(cli, &disks[i], err);
	}
	if (!status)
		kernel_table(cli, disks, gone, "no disk was detached");
	return status;
}

static int detach_run(struct cli *cli)
{
	const struct detach_opts *o = cli->opts;
	struct kdisk *disks;
	size_t count;
	int status;

	if (o->all == (cli->arg_count > 0))
		return o->all ? cli_fail(cli, EXIT_USAGE, "'%s' and --all: say "
					 "one of them", cli->arg[0]) :
				cli_fail(cli, EXIT_USAGE, "missing DISK: "
					 "nvmvd0, its path or uuid, or --all; "
					 "'nvmvd list' tells which there are");
	status = kernel_ready(cli);
	if (!status)
		status = kernel_disks(cli, &disks, &count);
	if (status)
		return status;
	status = o->all ? detach_all(cli, disks, count) :
			  detach_one(cli, disks, count);
	free(disks);
	return status;
}

static const struct example examples[] = {
	{ "nvmvd detach nvmvd0", "close it and give its memory back" },
	{ NULL, NULL }
};

const struct command vd_cmd_detach = {
	.name = "detach",
	.summary = "take a disk from this machine's kernel",
	.description = "DISK is nvmvd0 or the like, a path of that device, or "
		"the disk's uuid. It is refused while somebody has the disk "
		"open or mounted. Afterwards the memory devices that it lies "
		"on are there again (/dev/dax0.0, /dev/pmem0), and all "
		"commands work on the disk there.\n\nWhat was detached stays "
		"so until 'nvmvd attach' names it, or the module is loaded "
		"anew.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct detach_opts),
	.examples = examples,
	.run = detach_run,
};
