/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_policy.c - `nvmwear policy`: how a disk levels, told or changed.  It
 * lies in the super block and is written when the disk is closed.
 */
#include <string.h>

#include "cli/disk.h"
#include "cli/out.h"
#include "cli/wear_commands.h"
#include "cli/wear_life.h"

struct policy_opts {
	uint64_t threshold, budget;
	const char *endurance;
};

static const struct opt opts[] = {
	OPT_NUMBER(0, "threshold", "WRITES", struct policy_opts, threshold,
		   "how far a block must lag behind to be moved (adaptive: at "
		   "the least)"),
	OPT_NUMBER(0, "budget", "WRITES", struct policy_opts, budget,
		   "adaptive: one move in so many writes"),
	OPT_TEXT('E', "endurance", "WRITES", COMPLETE_NONE, struct policy_opts,
		 endurance, "how many writes a line bears: a number (1e8) or a "
		 "kind of memory, as 'nvmwear forecast' has it"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = "POLICY", .complete = COMPLETE_WORDS,
	  .words = cli_disk_policies, .optional = true },
	{ .name = NULL }
};

static void policy_tell(struct cli *cli, const struct wear_config *wear)
{
	out_text(cli, "policy", "policy", cli_disk_policies[wear->policy]);
	out_number(cli, "threshold", "threshold", wear->threshold);
	out_number(cli, "budget", "budget", wear->budget);
	out_number(cli, "endurance", "rated writes", wear->endurance);
	if (!wear->threshold || !wear->budget || !wear->endurance)
		out_line(cli, "(0: the policy's own; of the rated writes: not "
			 "known)");
}

/* False: a word or number is wrong, and told. */
static bool policy_wanted(struct cli *cli, const struct policy_opts *o,
			  struct wear_config *wear)
{
	const char *word = cli->arg[1];
	struct wear_class class;

	for (int i = 0; word && cli_disk_policies[i]; i++)
		if (!strcmp(word, cli_disk_policies[i])) {
			wear->policy = (enum wear_policy)i;
			word = NULL;
		}
	if (word) {
		cli_fail(cli, EXIT_USAGE, "no policy '%s': none, mbsa or "
			 "adaptive", word);
		return false;
	}
	if (o->threshold > UINT32_MAX || o->budget > UINT32_MAX) {
		cli_fail(cli, EXIT_USAGE, "bad number for --%s: more than %u",
			 o->budget > UINT32_MAX ? "budget" : "threshold",
			 UINT32_MAX);
		return false;
	}
	if (o->endurance && !wear_class_parse(o->endurance, &class)) {
		cli_fail(cli, EXIT_USAGE, "bad endurance '%s'", o->endurance);
		return false;
	}
	if (o->threshold)
		wear->threshold = (uint32_t)o->threshold;
	if (o->budget)
		wear->budget = (uint32_t)o->budget;
	if (o->endurance)
		wear->endurance = (uint64_t)class.endurance;
	return true;
}

static int policy_change(struct disk *disk, const struct policy_opts *o,
			 bool change)
{
	struct vd_info info;
	int status;

	cli_disk_info(disk, &info);
	if (!policy_wanted(disk->cli, o, &info.wear))
		return EXIT_USAGE;
	status = change ? cli_disk_policy(disk, &info.wear) : 0;
	if (status)
		return status;
	out_text(disk->cli, "target", NULL, disk->name);
	policy_tell(disk->cli, &info.wear);
	return 0;
}

static int policy_run(struct cli *cli)
{
	const struct policy_opts *o = cli->opts;
	bool change = cli->arg[1] || o->threshold || o->budget || o->endurance;
	struct wear_config tried = { 0 };
	struct disk disk;
	int status;

	/* What is wrong with the words is told before the disk is touched. */
	if (!policy_wanted(cli, o, &tried))
		return EXIT_USAGE;
	status = cli_disk_open(cli, (change ? DISK_WRITE : DISK_READ) |
			       DISK_KERNEL, 0, &disk);
	if (!status)
		status = cli_disk_start(&disk);
	if (!status)
		status = policy_change(&disk, o, change);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmwear policy disk.img", "tell how it levels" },
	{ "nvmwear policy disk.img adaptive --endurance optane",
	  "let the threshold grow, knowing the memory" },
	{ NULL, NULL }
};

const struct command wear_cmd_policy = {
	.name = "policy",
	.summary = "tell or change how a disk levels wear",
	.description = "none uses free blocks in turn; mbsa moves cold data at "
		"a fixed threshold (a reconstruction of the published "
		"algorithm); adaptive lets the threshold grow, within a budget "
		"of moves. 'nvmwear simulate' tells what each comes to.\n\nA "
		"disk of this machine's kernel (/dev/nvmvd0) changes at once, "
		"and keeps it when it is detached.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct policy_opts),
	.examples = examples,
	.flags = COMMAND_DISK | COMMAND_CHANGES,
	.run = policy_run,
};
