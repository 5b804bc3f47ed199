/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * torture_document.h - results in a document: between two lines
 *
 *	<!-- nvmtorture report: NAME -->
 *	<!-- end -->
 *
 * stands what `report --write` puts there, and nobody else.  NAME is
 * workloads, bounds or persist-points.
 */
#ifndef NVM_CLI_TORTURE_DOCUMENT_H
#define NVM_CLI_TORTURE_DOCUMENT_H

#include "cli/opt.h"
#include "tests/torture/results.h"

/* An exit status; what is wrong has been told, and the file is as it was. */
int torture_document_write(struct cli *cli, const char *path,
			   const struct results *results);

#endif
