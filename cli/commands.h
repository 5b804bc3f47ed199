/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * commands.h - the subcommands of nvmpool, one per file cmd_<name>.c; the
 * table that makes them known to the tool is in nvmpool.c.
 */
#ifndef NVM_CLI_COMMANDS_H
#define NVM_CLI_COMMANDS_H

#include "cli/opt.h"

extern const struct command cmd_args;
extern const struct command cmd_assign;
extern const struct command cmd_carve;
extern const struct command cmd_check;
extern const struct command cmd_compact;
extern const struct command cmd_doctor;
extern const struct command cmd_export;
extern const struct command cmd_format;
extern const struct command cmd_generate;	/* in complete.c */
extern const struct command cmd_import;
extern const struct command cmd_list;
extern const struct command cmd_map;
extern const struct command cmd_names;		/* in complete.c */
extern const struct command cmd_pools;
extern const struct command cmd_release;
extern const struct command cmd_rename;
extern const struct command cmd_resize;
extern const struct command cmd_show;

#endif
