// SPDX-License-Identifier: BSD-3-Clause
/*
 * torture_kill.c - `nvmtorture kill`: real processes, killed on a real
 * backing (kill.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/kill.h"
#include "cli/out.h"
#include "cli/talk.h"
#include "cli/torture_commands.h"

#define SECONDS_DEFAULT	30u

struct kill_opts {
	uint64_t seconds, rounds;
	const char *seed;
	bool keep;
};

static const struct opt opts[] = {
	OPT_NUMBER('t', "time", "SECONDS", struct kill_opts, seconds,
		   "begin no round after that time; 30 by default, without "
		   "--rounds"),
	OPT_NUMBER('r', "rounds", "N", struct kill_opts, rounds,
		   "end after so many rounds"),
	OPT_TEXT('s', "seed", "N", COMPLETE_NONE, struct kill_opts, seed,
		 "of all that is random but the moments, which no seed gives "
		 "again; 1 by default"),
	OPT_FLAG('k', "keep", struct kill_opts, keep,
		 "leave the scratch pool and disks there at the end"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "DIR", .complete = COMPLETE_FILE },
	{ .name = NULL }
};

struct failed {
	enum kill_target target;
	uint64_t round;
	char why[KILL_WHY_MAX];
};

struct run {
	struct cli *cli;
	const struct kill_opts *o;
	struct kill_session session;
	double began;
	uint64_t rounds;
	struct failed failed[KILL_TARGETS];	/* each fails once */
	size_t failed_count;
	bool drawn;
};

/* ---- what came of it ---------------------------------------------------------------- */

static void tell_targets(struct run *run)
{
	static const struct out_column columns[] = {
		{ "target", "TARGET", OUT_TEXT },
		{ "rounds", "ROUNDS", OUT_NUMBER },
		{ "kills", "KILLS", OUT_NUMBER },
		{ "in_operation", "IN AN OPERATION", OUT_NUMBER },
		{ "in_opening", "WHILE OPENING", OUT_NUMBER },
		{ "idle", "IDLE", OUT_NUMBER },
		{ "acknowledged", "ACKNOWLEDGED", OUT_NUMBER },
		{ "failed", "FAILED", OUT_NUMBER },
		{ NULL, NULL, OUT_TEXT }
	};
	struct out_table *table = out_table_begin(run->cli, "targets", columns);

	for (int t = 0; t < KILL_TARGETS; t++) {
		const struct kill_count *count = &run->session.count[t];

		out_row(table);
		out_cell_text(table, kill_target_name((enum kill_target)t));
		out_cell_number(table, count->rounds);
		out_cell_number(table, count->kills);
		out_cell_number(table, count->in_operation);
		out_cell_number(table, count->in_opening);
		out_cell_number(table, count->idle);
		out_cell_number(table, count->acknowledged);
		out_cell_number(table, count->failed);
	}
	out_table_end(table, NULL);
}

static void tell_failures(struct run *run)
{
	static const struct out_column columns[] = {
		{ "target", "FAILED", OUT_TEXT },
		{ "round", "ROUND", OUT_NUMBER },
		{ "why", "WHY", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT }
	};
	struct out_table *table;

	if (!run->failed_count && !run->cli->json)
		return;
	table = out_table_begin(run->cli, "failures", columns);
	for (size_t i = 0; i < run->failed_count; i++) {
		out_row(table);
		out_cell_text(table, kill_target_name(run->failed[i].target));
		out_cell_number(table, run->failed[i].round);
		out_cell_text(table, run->failed[i].why);
	}
	out_table_end(table, NULL);
}

static int tell_backing(struct run *run)
{
	struct cli *cli = run->cli;
	const struct backing_info *info;
	struct backing *backing;
	struct failure failure;
	char kind[80];
	int err = backing_open(run->session.scratch.pool, BACKING_READ,
			       &backing, &failure);

	if (err)
		return fail_hosted(cli, err, &failure);
	info = backing_info(backing);
	snprintf(kind, sizeof(kind), "%s%s%s", backing_kind_name(info->kind),
		 *info->fs_type ? " on " : "", info->fs_type);
	out_text(cli, "directory", "directory", cli->arg[0]);
	out_text(cli, "kind", "kind", kind);
	out_text(cli, "durable", "durable",
		 backing_durable_name(info->durable));
	out_text(cli, "reason", "because", info->reason);
	backing_close(backing);
	return 0;
}

static void tell(struct run *run)
{
	struct cli *cli = run->cli;
	uint64_t kills = 0, acknowledged = 0;

	for (int t = 0; t < KILL_TARGETS; t++) {
		kills += run->session.count[t].kills;
		acknowledged += run->session.count[t].acknowledged;
	}
	out_number(cli, "rounds", NULL, run->rounds);
	out_number(cli, "kills", NULL, kills);
	out_number(cli, "acknowledged", NULL, acknowledged);
	out_line(cli, "%s", "");
	tell_targets(run);
	tell_failures(run);
	out_line(cli, "%s", "");
	out_line(cli, "%ju processes were killed in %.1f s. What a process "
		 "stored stays in the", (uintmax_t)kills,
		 kill_clock() - run->began);
	out_line(cli, "%s", "kernel or in the memory when it dies, so kills say "
		 "nothing about missing flushes,");
	out_line(cli, "%s", "and nothing about a loss of power.");
}

/* ---- rounds ---------------------------------------------------------------------------- */

static void progress(struct run *run, bool end)
{
	if (end ? !run->drawn : !isatty(STDERR_FILENO))
		return;
	fputs("\r\033[K", stderr);
	run->drawn = !end;
	if (!end)
		fprintf(stderr, "%" PRIu64 " kills, %.0f s", run->rounds,
			kill_clock() - run->began);
	fflush(stderr);
}

/* In turn, but those that failed; false: there is none left. */
static bool target_next(struct run *run, enum kill_target *target)
{
	for (int i = 1; i <= KILL_TARGETS; i++) {
		enum kill_target t = (enum kill_target)
				     (((int)*target + i) % KILL_TARGETS);

		if (!run->session.dead[t]) {
			*target = t;
			return true;
		}
	}
	return false;
}

static void rounds_run(struct run *run)
{
	enum kill_target target = KILL_CHILD;
	char why[KILL_WHY_MAX] = "";

	while (!signals_caught() && !run->session.full &&
	       kill_clock() < run->session.until_s &&
	       (!run->o->rounds || run->rounds < run->o->rounds) &&
	       target_next(run, &target)) {
		struct failed *failed = &run->failed[run->failed_count];

		run->rounds++;
		if (!kill_round(&run->session, target, why) &&
		    !run->session.full) {
			run->failed_count++;
			failed->target = target;
			failed->round = run->rounds;
			memcpy(failed->why, why, sizeof(failed->why));
		}
		progress(run, false);
	}
	progress(run, true);
}

static int run_end(struct run *run)
{
	struct cli *cli = run->cli;

	if (run->session.full)
		return cli_fail(cli, EXIT_NO_SPACE, "no space left in '%s' "
				"after %" PRIu64 " rounds", cli->arg[0],
				run->rounds);
	if (run->failed_count)
		return cli_fail(cli, EXIT_FAILED, "%zu of %d targets are not "
				"right after a kill, first %s: %s",
				run->failed_count, KILL_TARGETS,
				kill_target_name(run->failed[0].target),
				run->failed[0].why);
	if (signals_caught())
		return cli_fail(cli, EXIT_SIGNAL + signals_caught(),
				"interrupted after %" PRIu64 " rounds",
				run->rounds);
	return 0;
}

static int opts_take(struct run *run)
{
	struct kill_session *session = &run->session;
	const char *seed = run->o->seed;
	char *end = NULL;

	session->seed = seed ? strtoull(seed, &end, 10) : 1;
	if (seed && (seed[0] < '0' || seed[0] > '9' || *end))
		return cli_fail(run->cli, EXIT_USAGE, "bad seed '%s': a number",
				seed);
	session->tag = 1;
	session->until_s = run->o->seconds ? run->began +
					     (double)run->o->seconds :
			   run->o->rounds ? (double)INT64_MAX :
			   run->began + SECONDS_DEFAULT;
	return 0;
}

static int kill_run(struct cli *cli)
{
	struct run *run = out_must(calloc(1, sizeof(*run)));
	struct kill_scratch *scratch = &run->session.scratch;
	struct failure failure;
	int err, status;

	run->cli = cli;
	run->o = cli->opts;
	run->began = kill_clock();
	status = opts_take(run);
	if (!status) {
		err = kill_scratch_make(scratch, cli->arg[0],
					run->session.state, &failure);
		if (err)
			status = fail_hosted(cli, err, &failure);
	}
	if (!status)
		status = tell_backing(run);
	if (!status) {
		rounds_run(run);
		tell(run);
		status = run_end(run);
	}
	if (!run->o->keep)
		kill_scratch_remove(scratch);
	else if (scratch->dir[0])
		cli_note(cli, "left in '%s'", scratch->dir);
	free(run);
	return status;
}

static const struct example examples[] = {
	{ "nvmtorture kill /mnt/pmem", "half a minute, on what is there" },
	{ "nvmtorture kill . --time 3600 --seed 7", "longer, and otherwise" },
	{ NULL, NULL }
};

const struct command torture_cmd_kill = {
	.name = "kill",
	.summary = "kill processes that work on a pool and disks in a directory",
	.description = "Makes a scratch directory in DIR, with a pool, a virtual "
		"disk, and one more in a child of the pool, and removes it at "
		"the end. In each round a process works on one of them and is "
		"killed at some moment: within an operation, while it opens or "
		"recovers, or between. What is left is opened by another "
		"process: its check finds nothing, what was acknowledged is "
		"there, and what was under way is there or not, each block "
		"whole, a group as a whole.\n\n"
		"A kill is no loss of power. What was stored stays in the page "
		"cache or the memory when its process dies, so this says "
		"nothing about missing flushes, nor what the backing keeps when "
		"the power goes: 'run' tries the former, in memory.\n\n"
		"Takes 20 MiB in DIR, more or less.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct kill_opts),
	.examples = examples,
	.run = kill_run,
};
