/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * out_private.h - what out.c and out_table.c share: the growing answer of a
 * command, as text or as JSON, never both.
 */
#ifndef NVM_CLI_OUT_PRIVATE_H
#define NVM_CLI_OUT_PRIVATE_H

#include <stdio.h>

#include "cli/out.h"

struct libscols_table;

struct out {
	struct json_object *data;	/* with -j */
	struct json_object *warnings;
	struct json_object *error;
	FILE *stream;			/* text: writes into .text */
	char *text;
	size_t text_bytes;
	struct libscols_table *values;	/* "label:  value" lines being added */
};

/* End the block of values, so that what comes next stands below it. */
void out_values_end(struct out *out);

/* A smartcols table; does not return without one (out of memory). */
struct libscols_table *out_scols_new(void);
/* Print @table into the text and free it. */
void out_scols_print(struct out *out, struct libscols_table *table);

#endif
