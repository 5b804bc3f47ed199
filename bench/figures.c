// SPDX-License-Identifier: BSD-3-Clause
/*
 * figures.c - see figures.h.
 */
#include "bench/figures.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/size.h"

#define KIB	1024.0
#define MIB	(1024.0 * 1024.0)
#define NS_A_MS	1e6

bool figure_exceeds(const struct figure *f)
{
	return f->limit_ns && f->sample.cpu_ns > f->limit_ns;
}

/* Commands are not counted: their media is in another process. */
static bool figure_counted(const struct figure *f)
{
	return f->sample.load_bytes || f->sample.store_bytes;
}

/* The figure to watch: it must not grow with the pool. */
static double figure_rate(const struct figure *f)
{
	return (double)f->sample.cpu_ns / ((double)f->metadata_bytes / KIB);
}

static void figure_lines(const struct figure *f)
{
	char size[SIZE_TEXT_BYTES], name[128];

	snprintf(name, sizeof(name), "pool.%s.%s.%" PRIu32, f->operation,
		 size_exact(f->size_bytes, size), f->children);
	printf("%s.cpu %.3f ms\n", name, (double)f->sample.cpu_ns / NS_A_MS);
	if (f->limit_ns)
		printf("%s.cpu_limit %.0f ms\n", name,
		       (double)f->limit_ns / NS_A_MS);
	printf("%s.peak_rss %.1f MiB\n", name,
	       (double)f->sample.rss_bytes / MIB);
	printf("%s.metadata %.0f KiB\n", name, (double)f->metadata_bytes / KIB);
	if (figure_counted(f)) {
		printf("%s.loaded %.0f KiB\n", name,
		       (double)f->sample.load_bytes / KIB);
		printf("%s.stored %.0f KiB\n", name,
		       (double)f->sample.store_bytes / KIB);
	}
	printf("%s.rate %.0f ns/KiB\n", name, figure_rate(f));
	fflush(stdout);
}

void figures_add(struct figures *figures, const struct figure *figure,
		 bool lines)
{
	if (figures->count == figures->room) {
		figures->room = figures->room ? 2 * figures->room : 64;
		figures->figure = reallocarray(figures->figure, figures->room,
					       sizeof(*figure));
		if (!figures->figure)
			abort();
	}
	figures->figure[figures->count++] = *figure;
	if (lines)
		figure_lines(figure);
}

void figures_free(struct figures *figures)
{
	free(figures->figure);
}

/* ---- the table ------------------------------------------------------------- */

static const char *const titles[] = {
	"OPERATION", "POOL", "CHILDREN", "CPU ms", "LIMIT ms", "PEAK MiB",
	"METADATA KiB", "LOADED KiB", "STORED KiB", "ns/KiB", NULL
};

__attribute__((format(printf, 3, 4)))
static void cell(struct libscols_line *line, size_t column, const char *format,
		 ...)
{
	char text[64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	scols_line_set_data(line, column, text);
}

static void table_line(struct libscols_table *table, const struct figure *f)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char size[SIZE_TEXT_BYTES];

	if (!line)
		abort();
	cell(line, 0, "%s", f->operation);
	cell(line, 1, "%s", size_text(f->size_bytes, size));
	cell(line, 2, "%" PRIu32, f->children);
	cell(line, 3, "%.2f%s", (double)f->sample.cpu_ns / NS_A_MS,
	     figure_exceeds(f) ? " !" : "");
	if (f->limit_ns)
		cell(line, 4, "%.0f", (double)f->limit_ns / NS_A_MS);
	cell(line, 5, "%.1f", (double)f->sample.rss_bytes / MIB);
	cell(line, 6, "%.0f", (double)f->metadata_bytes / KIB);
	if (figure_counted(f)) {
		cell(line, 7, "%.0f", (double)f->sample.load_bytes / KIB);
		cell(line, 8, "%.0f", (double)f->sample.store_bytes / KIB);
	}
	cell(line, 9, "%.0f", figure_rate(f));
}

void figures_table(const struct figures *figures)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		abort();
	for (size_t i = 0; titles[i]; i++)
		scols_table_new_column(table, titles[i], 0,
				       i ? SCOLS_FL_RIGHT : 0);
	for (size_t i = 0; i < figures->count; i++)
		table_line(table, &figures->figure[i]);
	putchar('\n');
	scols_print_table(table);
	scols_unref_table(table);
}

/* ---- JSON -------------------------------------------------------------------- */

static void member(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

void figures_json(const struct figures *figures, unsigned repeats)
{
	struct json_object *all = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < figures->count; i++) {
		const struct figure *f = &figures->figure[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "operation",
				       json_object_new_string(f->operation));
		member(o, "pool_bytes", f->size_bytes);
		member(o, "children", f->children);
		member(o, "cpu_ns", f->sample.cpu_ns);
		if (f->limit_ns) {
			member(o, "cpu_limit_ns", f->limit_ns);
			json_object_object_add(o, "within_limit",
				json_object_new_boolean(!figure_exceeds(f)));
		}
		member(o, "peak_rss_bytes", f->sample.rss_bytes);
		member(o, "metadata_bytes", f->metadata_bytes);
		if (figure_counted(f)) {
			member(o, "loaded_bytes", f->sample.load_bytes);
			member(o, "stored_bytes", f->sample.store_bytes);
		}
		json_object_array_add(list, o);
	}
	json_object_object_add(all, "schema", json_object_new_int(1));
	json_object_object_add(all, "bench", json_object_new_string("pool"));
	member(all, "repeats", repeats);
	json_object_object_add(all, "figures", list);
	puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN));
	json_object_put(all);
}
