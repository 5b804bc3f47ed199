/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_show.c - `nvmwear show`: how a disk's memory has worn so far.
 */
#include "cli/out.h"
#include "cli/wear_commands.h"
#include "cli/wear_counts.h"
#include "cli/wear_stats.h"

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = NULL }
};

/* The share of an ideal life: what is worn as the most worn block is. */
static double life_share(const struct wear_stats *stats)
{
	return stats->most ? 100 * stats->mean / stats->most : 100;
}

static void spread_tell(struct cli *cli, const struct wear_stats *stats)
{
	out_number(cli, "least", "least worn block", stats->least);
	out_number(cli, "median", "median", stats->median);
	out_real(cli, "mean", "mean", stats->mean, 2, "");
	out_number(cli, "p999", "99.9 % have at most", stats->p999);
	out_number(cli, "most", "most worn block", stats->most);
	out_real(cli, "variation", "variation", stats->variation, 4, "");
	out_real(cli, "gini", "Gini", stats->gini, 4, "");
	out_real(cli, "life_share_percent", "share of an ideal life",
		 life_share(stats), 1, " %");
}

static void show_tell(struct disk *disk, struct wear_counts *counts)
{
	struct cli *cli = disk->cli;
	struct wear_stats stats;
	struct vd_info info;
	double extra;

	cli_disk_info(disk, &info);
	wear_stats_make(counts->count, counts->number, &stats);
	extra = info.user_writes ? 100.0 * (double)info.moves /
				   (double)info.user_writes : 0;
	out_text(cli, "target", "disk", disk->name);
	out_text(cli, "policy", "levelling",
		 cli_disk_policies[info.wear.policy]);
	out_number(cli, "endurance", info.wear.endurance ? "rated writes" :
		   NULL, info.wear.endurance);
	out_number(cli, "blocks", "blocks", disk->geometry.block_count);
	out_number(cli, "user_writes", "written by its user",
		   info.user_writes);
	out_number(cli, "moves", "moved by levelling", info.moves);
	out_real(cli, "extra_percent", "extra writes", extra, 2, " %");
	spread_tell(cli, &stats);
	if (info.wear.endurance)
		out_real(cli, "used_percent", "of the most worn block's life",
			 100.0 * stats.most / (double)info.wear.endurance, 2,
			 " % used");
	out_number(cli, "retired", "retired blocks", info.retired_count);
	if (counts->unreadable || cli->json)
		out_number(cli, "unreadable", "records that cannot be read",
			   counts->unreadable);
}

static int show_run(struct cli *cli)
{
	struct wear_counts counts;
	struct disk disk;
	int status = cli_disk_open(cli, DISK_READ | DISK_KERNEL, 0, &disk);

	if (!status)
		status = cli_disk_start(&disk);
	if (!status)
		status = wear_counts_read(&disk, &counts);
	if (!status) {
		show_tell(&disk, &counts);
		wear_counts_free(&counts);
	}
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmwear show disk.img", "a disk in a file" },
	{ "nvmwear show /dev/nvmvd0", "a disk of this machine's kernel" },
	{ NULL, NULL }
};

const struct command wear_cmd_show = {
	.name = "show",
	.summary = "tell how evenly a disk's memory has worn",
	.description = "Counts are of block writes: each wears the block's 64 "
		"lines and the line of its record once. The share of an ideal "
		"life is the mean count over the largest: at that ratio the "
		"first line is worn out when so much of all that the memory "
		"could bear has been written. The disk is opened for reading.",
	.args = args,
	.examples = examples,
	.flags = COMMAND_DISK,
	.run = show_run,
};
