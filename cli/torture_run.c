// SPDX-License-Identifier: BSD-3-Clause
/*
 * torture_run.c - `nvmtorture run` and `nvmtorture mutants`.
 */
#include "cli/torture_commands.h"
#include "cli/torture_session.h"

static const struct opt opts[] = { TORTURE_OPTS, OPT_END };

static const struct arg args[] = {
	{ .name = "WORKLOAD", .complete = COMPLETE_WORDS,
	  .words = torture_workloads, .optional = true, .many = true },
	{ .name = NULL }
};

static int run(struct cli *cli, enum torture_kind kind)
{
	struct torture_session session;
	int status = torture_session_run(&session, cli, kind), ended;

	if (!status && !session.opts->tap) {
		if (kind == TORTURE_MUTANTS)
			torture_mutants_print(cli, &session.results);
		else
			torture_results_print(cli, &session.results);
	}
	ended = session.runner.count ? torture_session_end(&session) : 0;
	return status ? status : ended;
}

static int run_run(struct cli *cli)
{
	return run(cli, TORTURE_RUN);
}

static const struct example run_examples[] = {
	{ "nvmtorture run", "everything but the mutants" },
	{ "nvmtorture run pool/carve 'vdisk/*:torn:*'", "some cases" },
	{ "nvmtorture run --time 3600 --effort 512", "look harder, then for other "
	  "random operations until the hour is over" },
	{ "nvmtorture run --shard 2/8 --results 2.json", "a part of a campaign" },
	{ NULL, NULL }
};

const struct command torture_cmd_run = {
	.name = "run",
	.summary = "lose power everywhere, and judge what is left",
	.description = "Each case is an operation, or several, on a pool or a "
		"virtual disk in memory. Its stores and drains are recorded; the "
		"images that a power loss can leave at each point are made, and "
		"each is recovered and judged, and the recovery itself crashed "
		"again.\n\n"
		"No file and no device is touched. A failure is told with a "
		"token from which 'replay' shows it again. A point is bounded "
		"where not all of its images were tried.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct torture_opts),
	.examples = run_examples,
	.run = run_run,
};

static int mutants_run(struct cli *cli)
{
	return run(cli, TORTURE_MUTANTS);
}

const struct command torture_cmd_mutants = {
	.name = "mutants",
	.summary = "leave out each store and drain, and see that it is noticed",
	.description = "The recorded operations are weakened, one store or "
		"barrier at a time: left out, late, in the wrong place, or cut "
		"short. Some image of each weaker one must be judged to be "
		"wrong. A row for each call site tells what showed it first. A "
		"row of which no case shows any is a step that is not needed, or "
		"a test that is missing, and a failure: run all of a workload, "
		"as its cases are for each other's rows.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct torture_opts),
	.run = mutants_run,
};
