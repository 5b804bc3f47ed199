/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmvd.c - the tool for virtual disks: its table of commands, in the order in
 * which the help and the manual page list them.
 */
#include "cli/commands.h"
#include "cli/vd_commands.h"

static const struct command *const commands[] = {
	&vd_cmd_create,
	&vd_cmd_info,
	&vd_cmd_check,
	&vd_cmd_read,
	&vd_cmd_write,
	&vd_cmd_trim,
	&vd_cmd_map,
	&vd_cmd_resize,
	&vd_cmd_export,
	&vd_cmd_import,
	&vd_cmd_serve,
	&vd_cmd_attach,
	&vd_cmd_detach,
	&vd_cmd_list,
	&cmd_generate,
	&cmd_names,
	NULL
};

static const struct tool nvmvd = {
	.name = "nvmvd",
	.summary = "Virtual disks on memory: blocks whose writes are atomic, "
		   "checked and levelled.",
	.commands = commands,
};

int main(int argc, char **argv)
{
	return tool_main(&nvmvd, argc, argv);
}
