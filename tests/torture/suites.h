/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suites.h - the suites by name, for the list in suite.c.
 */
#ifndef TORTURE_SUITES_H
#define TORTURE_SUITES_H

#include "tests/torture/suite.h"

extern const struct suite suite_pool, suite_pool_sequence, suite_pool_random,
	suite_pool_kill, suite_pool_mutants, suite_pool_faults, suite_vdisk,
	suite_vdisk_sequence, suite_vdisk_threads, suite_vdisk_pairs,
	suite_vdisk_random, suite_vdisk_kill, suite_vdisk_mutants,
	suite_vdisk_faults;

#endif
