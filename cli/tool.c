/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tool.c - the frame in which every command of every tool runs: standard
 * descriptors, locale, signals, the table look-up, and the end, where output
 * is flushed and a caught signal becomes our own death by it.
 */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/opt.h"
#include "cli/out.h"
#include "cli/talk.h"

/*
 * With a standard descriptor closed, the pool itself would be opened under
 * its number and a message could land in it.  What is put there instead
 * fails when it is used the way it should be.
 */
static void descriptors_fill(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(EXIT_FAILED);
}

const struct command *command_find(const struct tool *tool, const char *name)
{
	for (const struct command *const *c = tool->commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

static int command_unknown(struct cli *cli, const char *name)
{
	const char *names[64], *near;
	size_t count = 0;

	for (const struct command *const *c = cli->tool->commands;
	     *c && count < 63; c++)
		if (!((*c)->flags & COMMAND_HIDDEN))
			names[count++] = (*c)->name;
	names[count] = NULL;
	near = opt_suggest(name, names);
	if (near)
		return cli_fail(cli, EXIT_USAGE,
				"unknown command '%s', did you mean '%s'?",
				name, near);
	return cli_fail(cli, EXIT_USAGE, "unknown command '%s'; see '%s --help'",
			name, cli->tool->name);
}

static int command_run(struct cli *cli, int argc, char **argv)
{
	int status;

	if (cli->command->flags & COMMAND_RAW) {
		cli->argc = argc;
		cli->argv = argv;
		return cli->command->run(cli);
	}
	if (cli->command->opts_size) {
		cli->opts = calloc(1, cli->command->opts_size);
		if (!cli->opts)
			return cli_fail(cli, EXIT_FAILED, "out of memory");
	}
	status = opt_parse(cli, argc, argv);
	if (!status && cli->help) {
		cli->json = false;
		help_command(cli->tool, cli->command, out_stream(cli));
	} else if (!status) {
		status = cli->command->run(cli);
		if (!status && cli->dry_run) {
			out_bool(cli, "dry_run", NULL, true);
			cli_note(cli, "dry run: nothing was changed");
		}
	}
	free(cli->opts);
	return status;
}

/* "nvmpool", "nvmpool --help", "nvmpool help carve", "nvmpool carve ...". */
static int tool_run(struct cli *cli, int argc, char **argv)
{
	static char help_word[] = "--help";
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		help_tool(cli->tool, stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		out_line(cli, "%s %s", cli->tool->name, NVMPOOL_VERSION);
		return EXIT_OK;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h") ||
	    (!strcmp(name, "help") && argc == 2)) {
		help_tool(cli->tool, out_stream(cli));
		return EXIT_OK;
	}
	if (!strcmp(name, "help")) {
		name = argv[2];
		argv[2] = help_word;
		argc = 3;
	}
	if (name[0] == '-')
		return cli_fail(cli, EXIT_USAGE, "unknown option '%s'; options "
				"follow the command, see '%s --help'", name,
				cli->tool->name);
	cli->command = command_find(cli->tool, name);
	if (!cli->command)
		return command_unknown(cli, name);
	return command_run(cli, argc - 2, argv + 2);
}

int tool_main(const struct tool *tool, int argc, char **argv)
{
	struct cli cli = { .tool = tool, .wait_s = CLI_WAIT_DEFAULT };
	int status;

	descriptors_fill();
	setlocale(LC_CTYPE, "");
	signals_catch();
	out_new(&cli);
	status = tool_run(&cli, argc, argv);
	status = out_finish(&cli, status);
	if (status > EXIT_SIGNAL) {
		signal(status - EXIT_SIGNAL, SIG_DFL);
		raise(status - EXIT_SIGNAL);
	}
	return status;
}
