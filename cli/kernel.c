/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kernel.c - telling of the kernel's virtual disks, and who is in the way
 * (kernel.h).
 */
#include "cli/kernel.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/out.h"
#include "cli/talk.h"
#include "hosted/backing.h"
#include "hosted/in_use.h"

int kernel_ready(struct cli *cli)
{
	if (kdisk_loaded(KDISK_SYS))
		return 0;
	return cli_fail(cli, EXIT_UNSUPPORTED, "the kernel's module nvmvd is "
			"not loaded; 'modprobe nvmvd' loads it");
}

int kernel_disks(struct cli *cli, struct kdisk **ret_disks, size_t *ret_count)
{
	struct failure failure;
	int err = kdisk_read_all(KDISK_SYS, ret_disks, ret_count, &failure);

	return err ? fail_hosted(cli, err, &failure) : 0;
}

int kernel_missing(struct cli *cli, const char *path)
{
	if (strncmp(path, "/dev/nvmvd", 10) != 0 ||
	    !isdigit((unsigned char)path[10]))
		return 0;
	if (kdisk_loaded(KDISK_SYS))
		return cli_fail(cli, EXIT_NOT_FOUND, "cannot open '%s': the "
				"kernel has no such disk; 'nvmvd list' tells "
				"which it has", path);
	return cli_fail(cli, EXIT_NOT_FOUND, "cannot open '%s': the kernel's "
			"module nvmvd is not loaded; 'modprobe nvmvd' loads "
			"it", path);
}

bool kernel_is(const char *path, char ret_name[KDISK_NAME_BYTES])
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode) &&
	       !kdisk_of_node(KDISK_SYS, st.st_rdev, ret_name);
}

bool kernel_users(const char *path, char *buf, size_t buf_bytes)
{
	struct use_list list = { 0 };
	struct backing *backing;
	bool found = false;

	if (backing_open(path, BACKING_READ, &backing, NULL))
		return false;
	if (!use_find(backing, USE_WANT_MAP | USE_WANT_OPEN | USE_WANT_MOUNT,
		      NULL, 0, &list, NULL) && list.count) {
		/* a mount comes last, and says more than who has it open */
		use_describe(&list.use[list.count - 1], buf, buf_bytes);
		found = true;
	}
	use_list_free(&list);
	backing_close(backing);
	return found;
}

/* ---- telling ---------------------------------------------------------------- */

const char *kernel_durable(const struct kdisk *disk)
{
	return backing_durable_name(disk->sync ? BACKING_DURABLE_SYNC :
						 BACKING_DURABLE_BUS);
}

const char *kernel_durable_reason(const struct kdisk *disk)
{
	return disk->sync ? "the host keeps what was written at a flush of the "
			    "device (fsync, FUA)" :
			    "each write is durable when it ends, as far as the "
			    "memory's host keeps stores";
}

static const char *state_word(const struct kdisk *disk)
{
	if (disk->info.data_errors || disk->scrub_errors)
		return "errors";
	if (disk->info.read_only)
		return "read-only";
	return disk->info.was_clean || !disk->info.seq ? "clean" : "recovered";
}

static const char *device_path(const struct kdisk *disk, char buf[64])
{
	snprintf(buf, 64, "/dev/%s", disk->name);
	return buf;
}

void kernel_extents(struct cli *cli, const struct kdisk *disk)
{
	static const struct out_column columns[] = {
		{ "extent", "EXTENT", OUT_NUMBER },
		{ "size_bytes", "SIZE", OUT_SIZE },
		{ "address", "ADDRESS", OUT_OFFSET },
		{ "device", "ON", OUT_TEXT },
		{ "bus_device", NULL, OUT_TEXT },
		{ NULL, NULL, OUT_TEXT },
	};
	struct out_table *table = out_table_begin(cli, "extents", columns);

	for (uint32_t i = 0; i < disk->info.geometry.extent_count; i++) {
		out_row(table);
		out_cell_number(table, i);
		out_cell_number(table, disk->extent[i].size_bytes);
		out_cell_number(table, disk->extent[i].start);
		out_cell_text(table, disk->extent[i].device);
		out_cell_text(table, disk->extent[i].bus_device);
	}
	out_table_end(table, NULL);
}

void kernel_tell(struct cli *cli, const struct kdisk *disk)
{
	char device[64];

	out_text(cli, "device", "device", device_path(disk, device));
	out_uuid(cli, "uuid", "uuid", disk->info.uuid);
	if (*disk->info.label || cli->json)
		out_text(cli, "label", "label", disk->info.label);
	out_size(cli, "size_bytes", "size", kernel_bytes(disk));
	out_text(cli, "state", "state", state_word(disk));
	out_text(cli, "durable", "durable", kernel_durable(disk));
	kernel_extents(cli, disk);
}

void kernel_table(struct cli *cli, const struct kdisk *disks, size_t count,
		  const char *if_empty)
{
	static const struct out_column columns[] = {
		{ "device", "DEVICE", OUT_TEXT },
		{ "size_bytes", "SIZE", OUT_SIZE },
		{ "state", "STATE", OUT_TEXT },
		{ "durable", "DURABLE", OUT_TEXT },
		{ "extents", "EXTENTS", OUT_NUMBER },
		{ "label", "LABEL", OUT_TEXT },
		{ "uuid", "UUID", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT },
	};
	struct out_table *table = out_table_begin(cli, "disks", columns);

	for (size_t i = 0; i < count; i++) {
		char device[64], uuid[OUT_UUID_BYTES];
		const struct vd_info *info = &disks[i].info;

		out_row(table);
		out_cell_text(table, device_path(&disks[i], device));
		out_cell_number(table, kernel_bytes(&disks[i]));
		out_cell_text(table, state_word(&disks[i]));
		out_cell_text(table, kernel_durable(&disks[i]));
		out_cell_number(table, info->geometry.extent_count);
		out_cell_text(table, *info->label ? info->label : NULL);
		out_cell_text(table, out_uuid_text(info->uuid, uuid));
	}
	out_table_end(table, if_empty);
}
