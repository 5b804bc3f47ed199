/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * torture_commands.h - the subcommands of nvmtorture, one per file
 * torture_<name>.c; the table that makes them known to the tool is in
 * nvmtorture.c.
 */
#ifndef NVM_CLI_TORTURE_COMMANDS_H
#define NVM_CLI_TORTURE_COMMANDS_H

#include "cli/opt.h"

extern const struct command torture_cmd_kill;
extern const struct command torture_cmd_list;
extern const struct command torture_cmd_litmus;
extern const struct command torture_cmd_mutants;
extern const struct command torture_cmd_replay;
extern const struct command torture_cmd_report;
extern const struct command torture_cmd_run;

#endif
