/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * results_private.h - rows found or made, for results.c and results_json.c.
 */
#ifndef TORTURE_RESULTS_PRIVATE_H
#define TORTURE_RESULTS_PRIVATE_H

#include "tests/torture/results.h"

struct tally *tally_find(struct results *results, const char *suite,
			 const char *model);
struct site_row *site_find(struct results *results, const char *suite,
			   const char *site, const char *role,
			   const char *mutation);
struct failure_row *failure_add(struct results *results);

#endif
