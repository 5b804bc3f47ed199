/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_level.c - `nvmwear level`: one pass of static levelling over a disk.
 *
 * Crash story: that of vd_level(): each move is a write of the same bytes.
 */
#include "cli/out.h"
#include "cli/wear_commands.h"
#include "cli/wear_counts.h"
#include "cli/wear_stats.h"

#define LOOK_STEP	1024u	/* blocks between two looks at signals */

struct level_opts {
	uint64_t moves;
	int guard;
};

static const struct opt opts[] = {
	OPT_NUMBER('m', "moves", "COUNT", struct level_opts, moves,
		   "move so many blocks at most (default: 1 % of them)"),
	DISK_OPT_GUARD(struct level_opts, guard),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = NULL }
};

static int spread_get(struct disk *disk, struct wear_stats *ret_stats)
{
	struct wear_counts counts;
	int status = wear_counts_read(disk, &counts);

	if (!status) {
		wear_stats_make(counts.count, counts.number, ret_stats);
		wear_counts_free(&counts);
	}
	return status;
}

/* Once round the area, within the budget. */
static int pass(struct disk *disk, uint64_t budget, uint64_t *ret_moves)
{
	const struct pool_progress *step = cli_disk_progress(disk, "levelling");
	uint32_t blocks = disk->geometry.block_count;

	for (uint64_t at = 0; at < blocks && *ret_moves < budget;
	     at += LOOK_STEP) {
		uint64_t left = budget - *ret_moves;
		uint32_t moves = 0;
		int err = vd_level(disk->vd, 0, LOOK_STEP, left < LOOK_STEP ?
				   (uint32_t)left : LOOK_STEP, false, &moves);

		if (err)
			return cli_disk_fail(disk, err, NULL, "cannot level "
					     "disk '%s'", disk->name);
		*ret_moves += moves;
		if (!step->step(step->ctx, at * VD_BLOCK, (uint64_t)blocks *
				VD_BLOCK))
			return EXIT_SIGNAL + signals_caught();
	}
	return 0;
}

static int level_disk(struct disk *disk, const struct level_opts *o)
{
	uint64_t budget = o->moves ? o->moves :
			  disk->geometry.block_count / 100 + 1, moves = 0;
	struct wear_stats before, after;
	struct cli *cli = disk->cli;
	int status = spread_get(disk, &before);

	if (status)
		return status;
	status = pass(disk, budget, &moves);
	if (!status)
		status = cli_disk_flush(disk);
	if (status)
		return status;
	status = spread_get(disk, &after);
	if (status)
		return status;
	out_text(cli, "target", NULL, disk->name);
	out_number(cli, "moves", "moved", moves);
	out_number(cli, "budget", "of at most", budget);
	out_real(cli, "variation_before", "variation before",
		 before.variation, 4, "");
	out_real(cli, "variation", "variation now", after.variation, 4, "");
	return 0;
}

static int level_run(struct cli *cli)
{
	const struct level_opts *o = cli->opts;
	struct disk disk;
	int status = cli_disk_open(cli, DISK_WRITE | DISK_KERNEL, o->guard,
				   &disk);

	if (!status && disk.kernel)
		status = cli_fail(cli, EXIT_UNSUPPORTED, "cannot level '%s': "
				  "the kernel levels its disks by itself; "
				  "'nvmwear policy %s' tells and changes how",
				  disk.name, disk.name);
	if (!status)
		status = cli_disk_start(&disk);
	if (!status)
		status = level_disk(&disk, o);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmwear level disk.img --moves 1000", "move at most 1000 blocks" },
	{ NULL, NULL }
};

const struct command wear_cmd_level = {
	.name = "level",
	.summary = "level a disk's wear in one pass",
	.description = "Looks at each block once and moves what the disk's "
		"policy wants moved: data that do not change leave little worn "
		"blocks to those that do. Writers do this by themselves, a "
		"little with each write; a pass is for a disk whose policy was "
		"changed, or that has just grown.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct level_opts),
	.examples = examples,
	.flags = COMMAND_DISK | COMMAND_CHANGES,
	.run = level_run,
};
