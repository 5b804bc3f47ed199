/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_commands.h - the subcommands of nvmvd, one per file vd_<name>.c; the
 * table that makes them known to the tool is in nvmvd.c.
 */
#ifndef NVM_CLI_VD_COMMANDS_H
#define NVM_CLI_VD_COMMANDS_H

#include "cli/opt.h"

extern const struct command vd_cmd_attach;
extern const struct command vd_cmd_check;
extern const struct command vd_cmd_create;
extern const struct command vd_cmd_detach;
extern const struct command vd_cmd_export;
extern const struct command vd_cmd_import;
extern const struct command vd_cmd_info;
extern const struct command vd_cmd_list;
extern const struct command vd_cmd_map;
extern const struct command vd_cmd_read;
extern const struct command vd_cmd_resize;
extern const struct command vd_cmd_serve;
extern const struct command vd_cmd_trim;
extern const struct command vd_cmd_write;

#endif
