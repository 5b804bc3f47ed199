/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * complete.h - what is generated from a tool's tables: completion for three
 * shells and the manual page's part about commands and options.
 *
 * The scripts know everything in the tables; only the names of children, VMs,
 * pools and the kernel's disks are asked of the tool, by its hidden command __names.
 */
#ifndef NVM_CLI_COMPLETE_H
#define NVM_CLI_COMPLETE_H

#include <stdio.h>

#include "cli/opt.h"

void complete_bash(const struct tool *tool, FILE *stream);
void complete_zsh(const struct tool *tool, FILE *stream);
void complete_fish(const struct tool *tool, FILE *stream);

/* mdoc(7): a .Ss for each command. */
void man_commands(const struct tool *tool, FILE *stream);

/* Print @text with every TOOL in it replaced by the tool's name. */
void complete_emit(const struct tool *tool, FILE *stream, const char *text);
/* Print @text as one word of a shell. */
void complete_quoted(FILE *stream, const char *text);

/* The next command that is not hidden; NULL at the end. */
const struct command *complete_command(const struct tool *tool, size_t *cursor);

#endif
