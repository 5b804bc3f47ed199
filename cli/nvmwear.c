/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmwear.c - the tool for wear: its table of commands, in the order in which
 * the help and the manual page list them.
 */
#include "cli/commands.h"
#include "cli/wear_commands.h"

static const struct command *const commands[] = {
	&wear_cmd_show,
	&wear_cmd_map,
	&wear_cmd_level,
	&wear_cmd_policy,
	&wear_cmd_simulate,
	&wear_cmd_forecast,
	&cmd_generate,
	&cmd_names,
	NULL
};

static const struct tool nvmwear = {
	.name = "nvmwear",
	.summary = "How memory wears under writes, and how long it lives.",
	.commands = commands,
};

int main(int argc, char **argv)
{
	return tool_main(&nvmwear, argc, argv);
}
