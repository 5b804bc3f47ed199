// SPDX-License-Identifier: BSD-3-Clause
/*
 * torture_print.c - results as tables, and in "data" as they are in a file of
 * results.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "cli/out.h"
#include "cli/torture_session.h"

static void data_put(struct cli *cli, const struct results *results)
{
	if (out_data(cli))
		json_object_object_add(out_data(cli), "results",
				       results_encode(results));
}

void torture_results_print(struct cli *cli, const struct results *results)
{
	static const struct out_column columns[] = {
		{ NULL, "WORKLOAD", OUT_TEXT },
		{ NULL, "MODEL", OUT_TEXT },
		{ NULL, "CASES", OUT_NUMBER },
		{ NULL, "FAILED", OUT_NUMBER },
		{ NULL, "POINTS", OUT_NUMBER },
		{ NULL, "BOUNDED", OUT_NUMBER },
		{ NULL, "IMAGES", OUT_NUMBER },
		{ NULL, "DISTINCT", OUT_NUMBER },
		{ NULL, "IN RECOVERY", OUT_NUMBER },
		{ NULL, "SECONDS", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT }
	};
	struct out_table *table;
	uint64_t states = 0;
	double seconds = 0;

	data_put(cli, results);
	if (!out_stream(cli))
		return;
	table = out_table_begin(cli, "workloads", columns);
	for (size_t i = 0; i < results->tally_count; i++) {
		const struct tally *tally = &results->tally[i];

		out_row(table);
		out_cell_text(table, tally->suite);
		out_cell_text(table, tally->model);
		out_cell_number(table, tally->cases);
		out_cell_number(table, tally->failed);
		out_cell_number(table, tally->stats.points);
		out_cell_number(table, stats_bounded(&tally->stats));
		out_cell_number(table, tally->stats.images);
		out_cell_number(table, tally->stats.distinct);
		out_cell_number(table, tally->nested.distinct);
		out_cell_real(table, tally->seconds, 1);
		states += tally_states(tally);
		seconds += tally->seconds;
	}
	out_table_end(table, NULL);
	out_line(cli, "%ju distinct images judged in %.1f s, %.0f a second and "
		 "process", (uintmax_t)states, results->seconds,
		 seconds > 0 ? (double)states / seconds : 0.0);
}

void torture_mutants_print(struct cli *cli, const struct results *results)
{
	static const struct out_column columns[] = {
		{ NULL, "CALL SITE", OUT_TEXT },
		{ NULL, "STORES", OUT_TEXT },
		{ NULL, "MUTANT", OUT_TEXT },
		{ NULL, "KILLED", OUT_NUMBER },
		{ NULL, "SURVIVED", OUT_NUMBER },
		{ NULL, "BY", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT }
	};
	struct out_table *table;

	data_put(cli, results);
	if (!out_stream(cli))
		return;
	table = out_table_begin(cli, "mutants", columns);
	for (size_t i = 0; i < results->site_count; i++) {
		const struct site_row *row = &results->site[i];

		out_row(table);
		out_cell_text(table, row->site);
		out_cell_text(table, row->role);
		out_cell_text(table, row->mutation);
		out_cell_number(table, row->killed);
		out_cell_number(table, row->survived);
		out_cell_text(table, row->by);
	}
	out_table_end(table, "no mutants");
}
