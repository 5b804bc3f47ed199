// SPDX-License-Identifier: BSD-3-Clause
/*
 * torture_litmus.c - `nvmtorture litmus`: the models of what a power loss leaves,
 * tested themselves.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/torture/litmus.h"

#include "cli/out.h"
#include "cli/talk.h"
#include "cli/torture_commands.h"

static int litmus_cmd_run(struct cli *cli)
{
	char *rows = NULL;
	size_t bytes;
	FILE *out = out_must(open_memstream(&rows, &bytes));
	bool good = litmus_run(out, 1, false);

	fclose(out);
	out_must(rows);
	if (out_stream(cli))
		fputs(rows, out_stream(cli));
	out_bool(cli, "good", NULL, good);
	free(rows);
	return good ? 0 : cli_fail(cli, EXIT_FAILED, "a model allows too much, "
				   "or too little");
}

const struct command torture_cmd_litmus = {
	.name = "litmus",
	.summary = "test the models: small programs with known outcomes",
	.description = "Each program is a few stores, drains and flushes, for "
		"which the set of all images that a power loss may leave is "
		"known. The explorer must find just these, under each model. A "
		"second telling of the models, by brute force and without the "
		"explorer's code, must agree with it on random programs.",
	.run = litmus_cmd_run,
};
