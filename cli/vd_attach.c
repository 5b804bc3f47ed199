/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_attach.c - `nvmvd attach`: have the kernel's module open a disk, which
 * then is a block device.  The kernel finds and checks it; here its answer is
 * put into words.
 */
#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/kernel.h"
#include "cli/talk.h"
#include "cli/vd_commands.h"

struct attach_opts {
	bool all;
};

static const struct opt opts[] = {
	OPT_FLAG('a', "all", struct attach_opts, all,
		 "all that is whole, unused, and was not detached by hand"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "UUID|DEVICE", .complete = COMPLETE_FILE, .optional = true,
	  .many = true },
	{ .name = NULL }
};

/* What is to be attached, as the kernel wants to be told. */
struct wish {
	struct cli *cli;
	uint8_t uuid[VD_UUID_LEN];
	bool by_uuid;
	char device[VD_EXTENTS_MAX][KDISK_NAME_BYTES];
	size_t device_count;
};

/* ---- words ------------------------------------------------------------------ */

static int already(struct cli *cli, const char *word, const struct kdisk *disk)
{
	return cli_fail(cli, EXIT_EXISTS, "cannot attach '%s': it is attached "
			"already, as /dev/%s", word, disk->name);
}

/* EXIT_EXISTS, told, where a disk of the kernel lies on that device. */
static int device_taken(struct cli *cli, const char *word, const char *device)
{
	struct kdisk *disks;
	size_t count;
	int status = kernel_disks(cli, &disks, &count);
	const struct kdisk *on;

	if (status)
		return status;
	on = kdisk_on(disks, count, device);
	if (on)
		status = already(cli, word, on);
	free(disks);
	return status;
}

/* A path of the device's node becomes its name. */
static int device_resolve(struct cli *cli, const char *word,
			  char path[PATH_MAX], const char **ret_device)
{
	char name[KDISK_NAME_BYTES];
	struct stat st;

	*ret_device = word;
	if (!stat(word, &st) && S_ISREG(st.st_mode))
		return cli_fail(cli, EXIT_USAGE, "cannot attach '%s': it is a "
				"file, and the kernel attaches memory devices; "
				"'nvmvd serve' serves files", word);
	if (kernel_is(word, name))
		return cli_fail(cli, EXIT_EXISTS, "cannot attach '%s': it is "
				"the kernel's disk %s already", word, name);
	if (!strchr(word, '/'))
		return 0;
	if (realpath(word, path))
		*ret_device = path;
	if (strncmp(*ret_device, "/dev/", 5) != 0)
		return cli_fail(cli, *ret_device == path ? EXIT_USAGE :
				EXIT_NOT_FOUND, "cannot attach '%s': no device "
				"(as /dev/dax0.0 or /dev/pmem0 is)", word);
	*ret_device += 5;
	return 0;
}

static int device_add(struct wish *wish, const char *word)
{
	char path[PATH_MAX];
	const char *device;
	int status = device_resolve(wish->cli, word, path, &device);

	if (!status)
		status = device_taken(wish->cli, word, device);
	if (status)
		return status;
	/* the kernel parts its words at blanks */
	for (const char *at = device; *at; at++)
		if (!g_ascii_isgraph(*at))
			device = "";
	if (!*device || strlen(device) >= KDISK_NAME_BYTES)
		return cli_fail(wish->cli, EXIT_USAGE, "bad device '%s': the "
				"kernel has none of such a name", word);
	if (wish->device_count == VD_EXTENTS_MAX)
		return cli_fail(wish->cli, EXIT_USAGE, "too many devices: a "
				"disk lies on %u at most", VD_EXTENTS_MAX);
	strcpy(wish->device[wish->device_count++], device);
	return 0;
}

static int wish_read(struct wish *wish)
{
	struct cli *cli = wish->cli;
	int status = 0;

	for (int i = 0; i < cli->arg_count; i++)
		wish->by_uuid |= kdisk_uuid_parse(cli->arg[i], wish->uuid);
	if (wish->by_uuid)
		return cli->arg_count == 1 ? 0 : cli_fail(cli, EXIT_USAGE,
			"one disk at a time: its uuid alone, or the devices "
			"that it lies on");
	for (int i = 0; i < cli->arg_count && !status; i++)
		status = device_add(wish, cli->arg[i]);
	return status;
}

/* ---- what the kernel says ------------------------------------------------------ */

static int busy_tell(const struct wish *wish, const char *what)
{
	char path[KDISK_NAME_BYTES + 8], users[256];

	for (size_t i = 0; i < wish->device_count; i++) {
		snprintf(path, sizeof(path), "/dev/%s", wish->device[i]);
		if (kernel_users(path, users, sizeof(users)))
			return cli_fail(wish->cli, EXIT_BUSY, "cannot attach "
					"%s: '%s' is in use: %s", what, path,
					users);
	}
	return cli_fail(wish->cli, EXIT_BUSY, "cannot attach %s: a device of it "
			"is in use (mounted, mapped, open, or another "
			"driver's); the kernel's log says which ('dmesg')",
			what);
}

static const char *reason_text(const struct wish *wish, int err, char *buf,
			       size_t buf_bytes)
{
	switch (-err) {
	case ENODEV:
		return wish->by_uuid ? "no memory device here has a part of "
		       "such a disk" : "no memory device of that name with a "
		       "part of a disk; 'nvmvd create' makes one";
	case ENOENT:
		return wish->by_uuid ? "a part of it is missing: it lies on "
		       "more devices than are here" : "a part of the disk is "
		       "missing: name all devices that it lies on";
	case ENOTUNIQ:
		return "a part of it is there more than once, so one is a "
		       "copy: name the devices of the disk ('dmesg' has them)";
	case NVM_ERANGE:
		return "these are smaller than the disk on them: name all "
		       "devices that it lies on";
	case NVM_EMEDIUM:
		return "these are not the parts of one disk, all of them and "
		       "no other";
	case NVM_EPROTO:
		return "its format is newer than the kernel's module knows";
	case NVM_EBADMSG:
		return "its super blocks are damaged; 'nvmvd check' tells what "
		       "is left";
	case EACCES:
	case EPERM:
		return "permission denied (root may)";
	case EROFS:
		return "sysfs is read-only here (in a container?)";
	case ESHUTDOWN:
		return "the kernel's module is being unloaded";
	}
	return failure_strerror(err, buf, buf_bytes);
}

static const struct kdisk *attached_find(const struct wish *wish,
					 const struct kdisk *disks,
					 size_t count)
{
	if (!wish->by_uuid)
		return kdisk_on(disks, count, wish->device[0]);
	for (size_t i = 0; i < count; i++)
		if (!memcmp(disks[i].info.uuid, wish->uuid, VD_UUID_LEN))
			return &disks[i];
	return NULL;
}

/* Tell of the disk that is there now: since now, or before (-EEXIST). */
static int result_tell(const struct wish *wish, int err, const char *word)
{
	const struct kdisk *disk;
	struct kdisk *disks;
	size_t count;
	int status = kernel_disks(wish->cli, &disks, &count);

	if (status)
		return status;
	disk = attached_find(wish, disks, count);
	if (!disk)
		status = cli_fail(wish->cli, EXIT_FAILED, "'%s' was attached, "
				  "and detached by somebody else just now",
				  word);
	else if (err)
		status = already(wish->cli, word, disk);
	else
		kernel_tell(wish->cli, disk);
	free(disks);
	return status;
}

static int wish_fulfil(const struct wish *wish)
{
	const char *first = wish->cli->arg[0];
	char reason[128], what[300];
	GString *words = g_string_new(wish->by_uuid ? first : NULL);
	int err;

	for (size_t i = 0; i < wish->device_count; i++)
		g_string_append_printf(words, "%s%s", i ? " " : "",
				       wish->device[i]);
	err = kdisk_order(KDISK_SYS, "attach", words->str);
	g_string_free(words, TRUE);
	if (!err || err == -EEXIST)
		return result_tell(wish, err, first);
	snprintf(what, sizeof(what), wish->device_count > 1 ?
		 "'%.200s' and the others" : "'%.200s'", first);
	if (err == -EBUSY)
		return busy_tell(wish, what);
	return cli_fail(wish->cli, fail_status(err), "cannot attach %s: %s",
			what, reason_text(wish, err, reason, sizeof(reason)));
}

/* ---- all -------------------------------------------------------------------------- */

static int attach_all(struct cli *cli)
{
	const struct wish none = { .cli = cli };
	struct kdisk *before, *now;
	size_t before_count, count, fresh = 0;
	char reason[128];
	int status = kernel_disks(cli, &before, &before_count), err;

	if (status)
		return status;
	err = kdisk_order(KDISK_SYS, "scan", "1");
	if (err)
		status = cli_fail(cli, fail_status(err), "cannot look for "
				  "disks: %s", reason_text(&none, err, reason,
							   sizeof(reason)));
	if (!status)
		status = kernel_disks(cli, &now, &count);
	if (status) {
		free(before);
		return status;
	}
	for (size_t i = 0; i < count; i++) {
		size_t old = 0;

		while (old < before_count && memcmp(before[old].info.uuid,
						    now[i].info.uuid,
						    VD_UUID_LEN) != 0)
			old++;
		if (old == before_count)
			now[fresh++] = now[i];
	}
	kernel_table(cli, now, fresh, "nothing new is there to be attached");
	free(before);
	free(now);
	return 0;
}

static int attach_run(struct cli *cli)
{
	const struct attach_opts *o = cli->opts;
	struct wish wish = { .cli = cli };
	int status;

	if (o->all && cli->arg_count)
		return cli_fail(cli, EXIT_USAGE, "'%s' and --all: say one of "
				"them", cli->arg[0]);
	if (!o->all && !cli->arg_count)
		return cli_fail(cli, EXIT_USAGE, "missing UUID or DEVICE: the "
				"disk's uuid, or all memory devices that it "
				"lies on (/dev/dax0.0 or /dev/pmem0), or --all");
	status = kernel_ready(cli);
	if (status)
		return status;
	if (o->all)
		return attach_all(cli);
	status = wish_read(&wish);
	return status ? status : wish_fulfil(&wish);
}

static const struct example examples[] = {
	{ "nvmvd attach /dev/dax0.0", "the disk on an NVDIMM" },
	{ "nvmvd attach a56ddcae-b257-4c0e-9f5e-2d1f7a6b3c48",
	  "the disk of that uuid, wherever its parts are" },
	{ NULL, NULL }
};

const struct command vd_cmd_attach = {
	.name = "attach",
	.summary = "make a disk a block device of this machine's kernel",
	.description = "For the guest of a virtual machine, or a host with "
		"NVDIMMs: the kernel's module nvmvd opens the disk on its "
		"memory devices, which are gone from /dev meanwhile. The module "
		"attaches what is whole when it is loaded and when memory is "
		"added; this is for what was detached, or with "
		"autoattach=0.\n\nThe disk is /dev/nvmvdN, and with its udev "
		"rule /dev/disk/by-id/nvmvd-UUID.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct attach_opts),
	.examples = examples,
	.run = attach_run,
};
