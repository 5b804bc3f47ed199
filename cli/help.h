/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * help.h - --help of the tool and of each command, from the tables.
 */
#ifndef NVM_CLI_HELP_H
#define NVM_CLI_HELP_H

#include <stdio.h>

#include "cli/opt.h"

/* One line a command. */
void help_tool(const struct tool *tool, FILE *stream);
void help_command(const struct tool *tool, const struct command *command,
		  FILE *stream);

/*
 * An option's help with its words or suffixes: "mode of the child (one of
 * raw, devdax, fsdax)", for --help and the manual page.
 */
void help_opt_text(const struct opt *opt, char *buf, size_t buf_bytes);

#endif
