/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_info.c - `nvmvd info`: what a disk is and how it is.  It is opened for
 * reading, so one that was not closed is recovered in memory only.
 */
#include <inttypes.h>

#include "cli/disk.h"
#include "cli/kernel.h"
#include "cli/vd_commands.h"

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = NULL }
};

static void extents_table(struct disk *disk)
{
	static const struct out_column columns[] = {
		{ "extent", "EXTENT", OUT_NUMBER },
		{ "size_bytes", "SIZE", OUT_SIZE },
		{ "path", "IN", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT },
	};
	struct out_table *table = out_table_begin(disk->cli, "extents",
						  columns);

	for (uint32_t i = 0; i < disk->vd_area->extent_count; i++) {
		out_row(table);
		out_cell_number(table, i);
		out_cell_number(table, disk->vd_area->extent[i]->size_bytes);
		out_cell_text(table, backing_info(area_backing(disk->area, i))
				     ->path);
	}
	out_table_end(table, NULL);
}

static void levelling_tell(struct cli *cli, const struct vd_info *info)
{
	char text[64];

	out_text(cli, "policy", "levelling",
		 (unsigned)info->wear.policy <= WEAR_ADAPTIVE ?
		 cli_disk_policies[info->wear.policy] : "?");
	if (info->wear.threshold || cli->json)
		out_number(cli, "threshold", "threshold", info->wear.threshold);
	if (info->wear.budget || cli->json)
		out_number(cli, "budget", "budget", info->wear.budget);
	if (info->wear.endurance || cli->json)
		out_number(cli, "endurance", "rated writes",
			   info->wear.endurance);
	out_size(cli, "written_bytes", "written",
		 info->user_writes * VD_BLOCK);
	out_size(cli, "moved_bytes", "moved", info->moves * VD_BLOCK);
	out_number(cli, "trim_lines", NULL, info->trim_lines);
	out_number(cli, "wear_total", NULL, info->wear_total);
	snprintf(text, sizeof(text), "%.2f", (double)info->wear_total /
		 (double)(info->geometry.block_count ?
			  info->geometry.block_count : 1));
	out_text(cli, NULL, "writes of a block", text);
}

static const char *state_text(const struct vd_info *info, bool in_kernel)
{
	if (in_kernel)
		return info->read_only ? "in use by the kernel, read-only" :
		       info->was_clean || !info->seq ? "in use by the kernel" :
		       "in use by the kernel, which has recovered it";
	return info->was_clean ? "clean" : !info->seq ? "new" :
	       "not closed cleanly: this is what the next command recovers";
}

static void state_tell(struct cli *cli, const struct vd_info *info,
		       bool in_kernel)
{
	const struct {
		const char *key, *label;
		uint64_t number;
		bool always;
	} counts[] = {
		{ "physical_blocks", "blocks", info->geometry.block_count,
		  true },
		{ "logical_blocks", NULL, info->geometry.logical_count, true },
		{ "mapped_blocks", "mapped", info->mapped_count, true },
		{ "free_blocks", "free", info->free_count, true },
		{ "trim_logs", "trim logs", info->log_count, false },
		{ "retired_blocks", "retired", info->retired_count, false },
		{ "rolled_back_blocks", "rolled back by recoveries",
		  info->rolled_back, false },
		{ "lost_records", "records lost, found by recoveries",
		  info->lost_lines, false },
		{ "data_errors", "reads of damaged blocks", info->data_errors,
		  false },
	};

	out_bool(cli, "clean", NULL, info->was_clean);
	out_text(cli, NULL, "state", state_text(info, in_kernel));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i].always || counts[i].number || cli->json)
			out_number(cli, counts[i].key, counts[i].label,
				   counts[i].number);
}

static void durable_tell(struct disk *disk)
{
	const struct backing_info *backing;
	const char *durable, *reason;

	if (disk->kernel) {
		durable = kernel_durable(disk->kernel);
		reason = kernel_durable_reason(disk->kernel);
	} else {
		backing = backing_info(area_backing(disk->area, 0));
		durable = backing_durable_name(backing->durable);
		reason = backing->reason;
	}
	out_text(disk->cli, "durable", "durable", durable);
	out_text(disk->cli, "durable_reason", "because", reason);
}

/* What only the kernel's disks have. */
static void kernel_part_tell(struct cli *cli, const struct kdisk *disk)
{
	out_text(cli, "kernel_device", NULL, disk->name);
	out_bool(cli, "read_only", NULL, disk->info.read_only);
	out_text(cli, "checksum", "checksum", disk->checksum);
	out_bool(cli, "verify", "reads are checked", disk->verify);
	out_number(cli, "lanes", "lanes", disk->lanes);
	out_size(cli, "scrub_bytes_s", "scrubbed a second",
		 disk->scrub_kib_s << 10);
	out_number(cli, "scrub_rounds", "scrub rounds", disk->scrub_rounds);
	if (disk->scrub_errors || cli->json)
		out_number(cli, "scrub_errors", "damage found by it",
			   disk->scrub_errors);
}

static void info_tell(struct disk *disk)
{
	struct cli *cli = disk->cli;
	struct vd_info info;

	cli_disk_info(disk, &info);
	out_text(cli, "target", "disk", disk->name);
	out_text(cli, "pool", cli_disk_is_child(disk) ? "child of" : NULL,
		 cli_disk_is_child(disk) ? disk->pool.path : NULL);
	out_uuid(cli, "uuid", "uuid", info.uuid);
	if (*info.label || cli->json)
		out_text(cli, "label", "label", info.label);
	out_time(cli, "created_s", "created", info.created_s);
	out_size(cli, "size_bytes", "size", cli_disk_bytes(disk));
	out_size(cli, "area_bytes", "area", info.geometry.area_bytes);
	out_size(cli, "mapped_bytes", "in use", info.mapped_count * VD_BLOCK);
	durable_tell(disk);
	state_tell(cli, &info, disk->kernel);
	levelling_tell(cli, &info);
	if (disk->kernel) {
		kernel_part_tell(cli, disk->kernel);
		kernel_extents(cli, disk->kernel);
	} else if (cli->json || info.geometry.extent_count > 1) {
		extents_table(disk);
	}
}

static int info_run(struct cli *cli)
{
	struct disk disk;
	int status = cli_disk_open(cli, DISK_READ | DISK_KERNEL, 0, &disk);

	if (!status)
		status = cli_disk_start(&disk);
	if (!status)
		info_tell(&disk);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmvd info disk.img", "a disk in a file" },
	{ "nvmvd info vm1", "the disk in a pool's child vm1" },
	{ "nvmvd info /dev/nvmvd0", "a disk of this machine's kernel" },
	{ NULL, NULL }
};

const struct command vd_cmd_info = {
	.name = "info",
	.summary = "tell what a disk is and how it is",
	.description = "The disk is opened for reading and not changed. One "
		"that was not closed cleanly is shown as the next command "
		"that writes would recover it: blocks whose write a loss of "
		"power had cut off count as rolled back. Of a disk of this "
		"machine's kernel (/dev/nvmvd0) it is what the kernel says.",
	.args = args,
	.examples = examples,
	.flags = COMMAND_DISK,
	.run = info_run,
};
