/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * out_table.c - tables of out.h: each cell is said once, and becomes a cell
 * of a libsmartcols table or a member of a JSON object.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "cli/out.h"
#include "cli/out_private.h"
#include "cli/size.h"

struct out_table {
	struct cli *cli;
	const struct out_column *columns;
	const char *key;
	struct json_object *rows;	/* JSON: array and current object */
	struct json_object *row;
	struct libscols_table *scols;	/* text: table and current line */
	struct libscols_line *line;
	size_t column;			/* the next cell's */
	size_t scols_column;		/* the same, in text */
	size_t count;
};

struct libscols_table *out_scols_new(void)
{
	return out_must(scols_new_table());
}

void out_scols_print(struct out *out, struct libscols_table *table)
{
	char *text = NULL;

	if (scols_print_table_to_string(table, &text) == 0 && text) {
		size_t len = strlen(text);

		fputs(text, out->stream);
		if (len && text[len - 1] != '\n')
			fputc('\n', out->stream);
	}
	free(text);
	scols_unref_table(table);
}

static bool column_is_end(const struct out_column *column)
{
	return !column->key && !column->title;
}

struct out_table *out_table_begin(struct cli *cli, const char *key,
				  const struct out_column *columns)
{
	struct out_table *table = out_must(calloc(1, sizeof(*table)));

	table->cli = cli;
	table->columns = columns;
	table->key = key;
	if (cli->json) {
		table->rows = out_must(json_object_new_array());
		return table;
	}
	out_values_end(cli->out);
	table->scols = out_scols_new();
	for (const struct out_column *c = columns; !column_is_end(c); c++) {
		int flags = c->kind == OUT_SIZE || c->kind == OUT_NUMBER ||
			    c->kind == OUT_OFFSET ? SCOLS_FL_RIGHT : 0;

		if (c->title)
			out_must(scols_table_new_column(table->scols, c->title,
							0, flags));
	}
	return table;
}

void out_row(struct out_table *table)
{
	table->column = 0;
	table->scols_column = 0;
	table->count++;
	if (table->scols) {
		table->line = out_must(scols_table_new_line(table->scols,
							    NULL));
		return;
	}
	table->row = out_must(json_object_new_object());
	json_object_array_add(table->rows, table->row);
}

/* Takes over @json, which may be NULL. */
static void cell_add(struct out_table *table, struct json_object *json,
		     const char *text)
{
	const struct out_column *column = &table->columns[table->column++];

	if (table->scols) {
		json_object_put(json);
		if (column->title)
			scols_line_set_data(table->line, table->scols_column++,
					    text);
	} else if (column->key) {
		json_object_object_add(table->row, column->key, json);
	} else {
		json_object_put(json);
	}
}

void out_cell_text(struct out_table *table, const char *text)
{
	cell_add(table, text ? out_json_text(text) : NULL, text ? text : "-");
}

void out_cell_real(struct out_table *table, double value, unsigned decimals)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*f", (int)decimals, value);
	cell_add(table, out_must(json_object_new_double_s(value, text)), text);
}

void out_cell_none(struct out_table *table)
{
	cell_add(table, NULL, "-");
}

void out_cell_number(struct out_table *table, uint64_t number)
{
	const struct out_column *column = &table->columns[table->column];
	struct json_object *json;
	char text[64];

	if (column->kind == OUT_BOOL)
		json = json_object_new_boolean(number != 0);
	else
		json = json_object_new_uint64(number);
	switch (column->kind) {
	case OUT_SIZE:
		size_text(number, text);
		break;
	case OUT_OFFSET:
		snprintf(text, sizeof(text), "0x%" PRIx64, number);
		break;
	case OUT_BOOL:
		snprintf(text, sizeof(text), "%s", number ? "yes" : "");
		break;
	case OUT_TIME:
		out_time_text(number, text);
		break;
	case OUT_TEXT:
	case OUT_NUMBER:
		snprintf(text, sizeof(text), "%" PRIu64, number);
		break;
	}
	cell_add(table, json, text);
}

void out_table_end(struct out_table *table, const char *if_empty)
{
	struct out *out = table->cli->out;

	if (table->rows) {
		json_object_object_add(out->data, table->key, table->rows);
	} else if (table->count) {
		out_scols_print(out, table->scols);
	} else {
		if (if_empty)
			fprintf(out->stream, "%s\n", if_empty);
		scols_unref_table(table->scols);
	}
	free(table);
}
