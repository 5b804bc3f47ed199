/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor_selftest.h - `nvmpool doctor --selftest`: nvmtorture, run for a while
 * in memory and on the user's own backing, and which of them showed what.
 */
#ifndef NVM_CLI_DOCTOR_SELFTEST_H
#define NVM_CLI_DOCTOR_SELFTEST_H

#include <stdint.h>

#include "cli/opt.h"

/* In @dir, for some @seconds (0: a minute); an exit status, told. */
int doctor_selftest(struct cli *cli, const char *dir, uint64_t seconds);

#endif
