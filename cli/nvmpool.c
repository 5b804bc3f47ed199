/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmpool.c - the tool for pools: its table of commands, in the order in
 * which the help and the manual page list them.
 */
#include "cli/commands.h"

static const struct command *const commands[] = {
	&cmd_format,
	&cmd_list,
	&cmd_show,
	&cmd_carve,
	&cmd_assign,
	&cmd_args,
	&cmd_resize,
	&cmd_rename,
	&cmd_release,
	&cmd_compact,
	&cmd_check,
	&cmd_export,
	&cmd_import,
	&cmd_map,
	&cmd_doctor,
	&cmd_pools,
	&cmd_generate,
	&cmd_names,
	NULL
};

static const struct tool nvmpool = {
	.name = "nvmpool",
	.summary = "Turn memory that keeps its bytes, or a file, into storage "
		   "for virtual machines.",
	.commands = commands,
};

int main(int argc, char **argv)
{
	return tool_main(&nvmpool, argc, argv);
}
