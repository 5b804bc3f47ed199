/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_commands.h - the subcommands of nvmwear, one per file wear_<name>.c; the
 * table that makes them known to the tool is in nvmwear.c.
 */
#ifndef NVM_CLI_WEAR_COMMANDS_H
#define NVM_CLI_WEAR_COMMANDS_H

#include "cli/opt.h"

extern const struct command wear_cmd_forecast;
extern const struct command wear_cmd_level;
extern const struct command wear_cmd_map;
extern const struct command wear_cmd_policy;
extern const struct command wear_cmd_show;
extern const struct command wear_cmd_simulate;

#endif
