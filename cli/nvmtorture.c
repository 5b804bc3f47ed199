// SPDX-License-Identifier: BSD-3-Clause
/*
 * nvmtorture.c - the tool for torture: its table of commands, in the order in
 * which the help and the manual page list them.  The engine is tests/torture.
 */
#include "cli/commands.h"
#include "cli/torture_commands.h"

static const struct command *const commands[] = {
	&torture_cmd_list,
	&torture_cmd_run,
	&torture_cmd_replay,
	&torture_cmd_mutants,
	&torture_cmd_litmus,
	&torture_cmd_kill,
	&torture_cmd_report,
	&cmd_generate,
	&cmd_names,
	NULL
};

static const struct tool nvmtorture = {
	.name = "nvmtorture",
	.summary = "Power losses in pools and virtual disks, simulated in "
		   "memory; kills, real ones.",
	.commands = commands,
};

int main(int argc, char **argv)
{
	return tool_main(&nvmtorture, argc, argv);
}
