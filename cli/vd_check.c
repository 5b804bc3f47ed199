/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_check.c - `nvmvd check`: super blocks, segments, records and trims against
 * each other, and all data against their checksums; with --repair, mend what
 * can be mended.
 *
 * Crash story: see vdisk/check.c; a repair may be cut off at any point and be
 * done again.
 */
#include "cli/disk.h"
#include "cli/vd_commands.h"

struct check_opts {
	bool repair;
	bool quick;
	int guard;
};

static const struct opt opts[] = {
	OPT_FLAG(0, "repair", struct check_opts, repair,
		 "mend what can be mended"),
	OPT_FLAG('q', "quick", struct check_opts, quick,
		 "do not read the data"),
	DISK_OPT_GUARD(struct check_opts, guard),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = NULL }
};

static const struct out_column columns[] = {
	{ "problem", "PROBLEM", OUT_TEXT },
	{ "logical_block", "LOGICAL", OUT_NUMBER },
	{ "physical_block", "PHYSICAL", OUT_NUMBER },
	{ "extent", "EXTENT", OUT_NUMBER },
	{ "offset_bytes", "OFFSET", OUT_OFFSET },
	{ "outcome", "OUTCOME", OUT_TEXT },
	{ NULL, NULL, OUT_TEXT },
};

/* More rows help nobody; the rest is counted. */
#define CHECK_ROWS_MAX	1000u

struct checking {
	struct disk *disk;
	struct out_table *table;
	bool repair;
	uint64_t found, repaired, repairable;
};

static const char *finding_name(enum vd_finding finding)
{
	switch (finding) {
	case VD_FIND_SB:
		return "damaged super block";
	case VD_FIND_SEGMENT:
		return "damaged segment header";
	case VD_FIND_TABLE:
		return "damaged page of the map";
	case VD_FIND_RECORD:
		return "damaged record";
	case VD_FIND_MAP:
		return "map and record disagree";
	case VD_FIND_DATA:
		return "damaged data";
	case VD_FIND_POISON:
		return "data cannot be read";
	case VD_FIND_TRIM:
		return "lost trim";
	}
	return "problem";
}

static void number_or_none(struct out_table *table, uint32_t number)
{
	if (number == UINT32_MAX)
		out_cell_none(table);
	else
		out_cell_number(table, number);
}

static void check_report(void *ctx, const struct vd_problem *problem)
{
	struct checking *run = ctx;

	run->found++;
	run->repaired += problem->repaired;
	run->repairable += problem->repairable;
	if (run->found > CHECK_ROWS_MAX)
		return;
	out_row(run->table);
	out_cell_text(run->table, finding_name(problem->finding));
	number_or_none(run->table, problem->logical);
	number_or_none(run->table, problem->block);
	out_cell_number(run->table, problem->extent);
	out_cell_number(run->table, problem->off_bytes);
	out_cell_text(run->table, problem->repaired ?
		      run->disk->cli->dry_run ? "would be repaired" :
		      "repaired" : problem->repairable ? "can be repaired" :
		      "cannot be repaired");
}

static bool check_step(void *ctx, uint64_t done, uint64_t total)
{
	struct checking *run = ctx;

	return run->disk->step.step(run->disk->step.ctx, done, total);
}

static int check_verdict(struct checking *run)
{
	struct cli *cli = run->disk->cli;
	uint64_t remain = run->found - run->repaired;

	out_number(cli, "problems", NULL, run->found);
	out_number(cli, "repaired", NULL, run->repaired);
	out_number(cli, "remaining", NULL, remain);
	if (run->found > CHECK_ROWS_MAX)
		cli_note(cli, "%llu more problems are not listed",
			 (unsigned long long)(run->found - CHECK_ROWS_MAX));
	if (!remain)
		return 0;
	if (!run->repair && run->repairable)
		return cli_fail(cli, EXIT_DAMAGED, "%llu problem%s found on "
				"disk '%s'; 'nvmvd check --repair' mends %llu "
				"of them", (unsigned long long)run->found,
				run->found == 1 ? "" : "s", run->disk->name,
				(unsigned long long)run->repairable);
	return cli_fail(cli, EXIT_DAMAGED, "%llu problem%s on disk '%s' cannot "
			"be repaired: save what can be read with 'nvmvd export "
			"--skip-damaged'", (unsigned long long)remain,
			remain == 1 ? "" : "s", run->disk->name);
}

static int check_disk(struct disk *disk, const struct check_opts *o)
{
	struct checking run = {
		.disk = disk, .repair = o->repair,
		.table = out_table_begin(disk->cli, "findings", columns),
	};
	struct vd_check_args check = {
		.repair = o->repair, .data = !o->quick,
		.report = check_report, .step = check_step, .ctx = &run,
	};
	struct nvm_fault fault = { 0 };
	int err, status = 0;

	out_text(disk->cli, "target", NULL, disk->name);
	cli_disk_progress(disk, "checking");
	err = vd_check(disk->vd, &check, &fault);
	progress_end(&disk->progress);
	if (err)
		status = cli_disk_fail(disk, err, &fault, "cannot check disk "
				       "'%s'", disk->name);
	out_table_end(run.table, status ? NULL : "no problems");
	return status ? status : check_verdict(&run);
}

static int check_run(struct cli *cli)
{
	const struct check_opts *o = cli->opts;
	struct disk disk;
	int status = cli_disk_open(cli, o->repair ? DISK_WRITE : DISK_READ,
				   o->guard, &disk);

	if (!status)
		status = cli_disk_start(&disk);
	if (!status)
		status = check_disk(&disk, o);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmvd check disk.img", "look, and change nothing" },
	{ "nvmvd check disk.img --repair --dry-run", "what a repair would do" },
	{ "nvmvd check vm1 --repair", "mend what can be mended" },
	{ NULL, NULL }
};

const struct command vd_cmd_check = {
	.name = "check",
	.summary = "check a disk, and mend it",
	.description = "Looks at every copy of the super block, at every "
		"segment's header, record and trim, at the map of a disk that "
		"was closed cleanly, and reads all data to compare them with "
		"their checksums. With --quick the data are not read.\n\n"
		"What there is twice is mended from the good one. A block "
		"whose data are damaged has no second copy: it is an error to "
		"read it until it is written or trimmed.\n\n"
		"Ends with 0 where all is well (or well again), with 7 where "
		"problems remain.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct check_opts),
	.examples = examples,
	.flags = COMMAND_DISK | COMMAND_CHANGES,
	.run = check_run,
};
