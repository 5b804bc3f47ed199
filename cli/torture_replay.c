// SPDX-License-Identifier: BSD-3-Clause
/*
 * torture_replay.c - `nvmtorture replay`: one image of one case, again, with
 * the trace of what was crashed.
 */
#include <stdio.h>
#include <string.h>

#include "cli/out.h"
#include "cli/talk.h"
#include "cli/torture_commands.h"
#include "cli/torture_session.h"

static const struct arg args[] = {
	{ .name = "TOKEN", .complete = COMPLETE_NONE },
	{ .name = NULL }
};

/* The case of that name among all; NULL. */
static const struct torture_case *case_find(const struct case_list *all,
					    const char *name)
{
	char full[160];

	for (size_t i = 0; i < all->count; i++) {
		snprintf(full, sizeof(full), "%s/%s", all->item[i].suite->name,
			 all->item[i].name);
		if (!strcmp(full, name))
			return &all->item[i];
	}
	return NULL;
}

static void told(struct cli *cli, const struct torture_result *result,
		 const struct domain_trace *trace)
{
	FILE *out = out_stream(cli);

	out_bool(cli, "good", NULL, result->good);
	if (!result->good) {
		out_text(cli, "why", NULL, result->why);
		out_text(cli, "crash", NULL, result->crash);
	}
	if (!out)
		return;
	out_line(cli, "%s", result->good ? "nothing is wrong with it"
					 : result->why);
	if (result->crash[0])
		out_line(cli, "%s", result->crash);
	trace_print(out, trace);
}

static int replay(struct cli *cli, const struct torture_case *c,
		  const struct torture_token *token)
{
	const struct torture_how how = { .seed = token->seed,
		.effort = token->effort, .depth = TORTURE_DEPTH_MAX, .replay = true,
		.what = token->what[0] ? token->what : NULL,
		.image = token->image[0] ? token->image : NULL };
	struct domain_trace trace = { 0 };
	struct suite_memory memory = { .trace = &trace };
	struct torture_result result = { 0 };
	int status = 0;

	result.good = c->suite->run(c, &how, &memory, &result);
	told(cli, &result, &trace);
	if (!result.good)
		status = cli_fail(cli, EXIT_FAILED, "%s", result.why);
	suite_forget(&memory);
	trace_free(&trace);
	return status;
}

static int replay_run(struct cli *cli)
{
	const struct torture_case *c;
	struct torture_token token;
	struct case_list all;
	int status;

	if (!token_parse(cli->arg[0], &token))
		return cli_fail(cli, EXIT_USAGE, "bad token '%s': 'run' prints "
				"what is meant", cli->arg[0]);
	case_list_all(&all);
	c = case_find(&all, token.name);
	status = c ? replay(cli, c, &token)
		   : cli_fail(cli, EXIT_NOT_FOUND, "no case is called '%s'; see "
			      "'%s list'", token.name, cli->tool->name);
	case_list_free(&all);
	return status;
}

static const struct example examples[] = {
	{ "nvmtorture replay 'vdisk/write:clean:intel@4.17/2.3,s1,e128'",
	  "an image of a crash in the recovery from another" },
	{ NULL, NULL }
};

const struct command torture_cmd_replay = {
	.name = "replay",
	.summary = "judge one image again, from its token",
	.description = "A token names a case, an image and whatever else it "
		"takes to make that image again: the same one each time, on any "
		"machine, of the same version. The trace that was crashed is "
		"printed.",
	.args = args,
	.examples = examples,
	.run = replay_run,
};
