// SPDX-License-Identifier: BSD-3-Clause
/*
 * torture_document.c - see torture_document.h.  The new text is made in memory
 * and the file is replaced as a whole.
 */
#include "cli/torture_document.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "cli/talk.h"

#define MARK	"<!-- nvmtorture report: "
#define MARK_END	"<!-- end -->"

static void workloads_write(GString *text, const struct results *results)
{
	uint64_t states = 0;
	double seconds = 0;

	g_string_append(text, "| Workload | Model | Cases | Failed | Crash points "
			"| Images | Distinct | In recoveries |\n"
			"|---|---|---:|---:|---:|---:|---:|---:|\n");
	for (size_t i = 0; i < results->tally_count; i++) {
		const struct tally *tally = &results->tally[i];

		g_string_append_printf(text, "| `%s` | `%s` | %" PRIu64 " | %"
			PRIu64 " | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | %"
			PRIu64 " |\n", tally->suite, tally->model, tally->cases,
			tally->failed, tally->stats.points, tally->stats.images,
			tally->stats.distinct, tally->nested.distinct);
		states += tally_states(tally);
		seconds += tally->seconds;
	}
	g_string_append_printf(text, "\n%" PRIu64 " distinct images, %.0f a "
			       "second and process; effort %" PRIu64
			       ", recoveries crashed to depth %" PRIu64 ".\n",
			       states, seconds > 0 ? (double)states / seconds : 0,
			       results->effort, results->depth);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 100.0;
}

static void bounds_write(GString *text, const struct results *results)
{
	g_string_append(text, "| Workload | Model | Crash points | All images "
			"| All that differ in what is read | Most of these at "
			"one point | Bounded | Most words in flight |\n"
			"|---|---|---:|---:|---:|---:|---:|---:|\n");
	for (size_t i = 0; i < results->tally_count; i++) {
		const struct tally *tally = &results->tally[i];
		const struct explore_stats *stats = &tally->stats;

		g_string_append_printf(text, "| `%s` | `%s` | %" PRIu64
			" | %.1f %% | %.1f %% | %" PRIu64 " | %.1f %% | %"
			PRIu64 " |\n",
			tally->suite, tally->model, stats->points,
			percent(stats->exhaustive, stats->points),
			percent(stats->lazy, stats->points), stats->lazy_max,
			percent(stats_bounded(stats), stats->points),
			stats->words_max);
	}
}

/* A cell of a table has no line of its own. */
static void cell_append(GString *text, const char *cell)
{
	for (; *cell; cell++) {
		if (*cell == '|')
			g_string_append_c(text, '\\');
		g_string_append_c(text, *cell);
	}
}

static void points_write(GString *text, const struct results *results)
{
	g_string_append(text, "| Call site | Stores | Mutant | Killed | Survived "
			"| Killed by, first |\n"
			"|---|---|---|---:|---:|---|\n");
	for (size_t i = 0; i < results->site_count; i++) {
		const struct site_row *row = &results->site[i];

		g_string_append_printf(text, "| `%s` | %s | %s | %" PRIu64
			" | %" PRIu64 " | ", row->site, row->role,
			row->mutation, row->killed,
			row->survived);
		cell_append(text, row->by);
		g_string_append(text, " |\n");
	}
}

static const struct {
	const char *name;
	void (*write)(GString *text, const struct results *results);
} blocks[] = {
	{ "workloads", workloads_write },
	{ "bounds", bounds_write },
	{ "persist-points", points_write },
};

/* The block that this line begins; NULL. */
static void (*block_at(const char *line))(GString *, const struct results *)
{
	size_t mark = strlen(MARK);

	if (strncmp(line, MARK, mark))
		return NULL;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		size_t len = strlen(blocks[i].name);

		if (!strncmp(line + mark, blocks[i].name, len) &&
		    !strcmp(line + mark + len, " -->"))
			return blocks[i].write;
	}
	return NULL;
}

/* How many blocks were written; -1: one does not end. */
static int blocks_fill(const char *from, GString *text,
		       const struct results *results)
{
	gchar **line = g_strsplit(from, "\n", -1);
	bool inside = false;
	int count = 0;

	for (gchar **l = line; *l; l++) {
		void (*write)(GString *, const struct results *) = block_at(*l);

		if (inside && strcmp(*l, MARK_END))
			continue;
		inside = false;
		g_string_append(text, *l);
		if (l[1])
			g_string_append_c(text, '\n');
		if (!write)
			continue;
		write(text, results);
		inside = true;
		count++;
	}
	g_strfreev(line);
	return inside ? -1 : count;
}

int torture_document_write(struct cli *cli, const char *path,
			   const struct results *results)
{
	GError *error = NULL;
	GString *text;
	gchar *from;
	int count, status = 0;

	if (!g_file_get_contents(path, &from, NULL, &error)) {
		status = cli_fail(cli, error->code == G_FILE_ERROR_NOENT
				  ? EXIT_NOT_FOUND : EXIT_FAILED,
				  "cannot read '%s': %s", path, error->message);
		g_error_free(error);
		return status;
	}
	text = g_string_new(NULL);
	count = blocks_fill(from, text, results);
	if (count <= 0)
		status = cli_fail(cli, EXIT_FAILED, count < 0
				  ? "'%s' has a block without a line '%s'"
				  : "'%s' has no line '%sNAME -->'", path,
				  count < 0 ? MARK_END : MARK);
	else if (!g_file_set_contents(path, text->str, (gssize)text->len,
				      &error))
		status = cli_fail(cli, EXIT_FAILED, "cannot write '%s': %s",
				  path, error->message);
	g_clear_error(&error);
	g_string_free(text, TRUE);
	g_free(from);
	return status;
}
