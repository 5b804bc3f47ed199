// SPDX-License-Identifier: BSD-3-Clause
/*
 * torture_list.c - `nvmtorture list`: the workloads, or the cases of some.
 */
#include "cli/out.h"
#include "cli/torture_commands.h"
#include "cli/torture_select.h"

static const struct arg args[] = {
	{ .name = "WORKLOAD", .complete = COMPLETE_WORDS,
	  .words = torture_workloads, .optional = true, .many = true },
	{ .name = NULL }
};

static int list_workloads(struct cli *cli)
{
	static const struct out_column columns[] = {
		{ "workload", "WORKLOAD", OUT_TEXT },
		{ "cases", "CASES", OUT_NUMBER },
		{ "summary", "WHAT", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT }
	};
	struct out_table *table = out_table_begin(cli, "workloads", columns);

	for (const struct suite *const *s = suites; *s; s++) {
		struct case_list list = { 0 };

		(*s)->list(*s, &list);
		out_row(table);
		out_cell_text(table, (*s)->name);
		out_cell_number(table, list.count);
		out_cell_text(table, (*s)->summary);
		case_list_free(&list);
	}
	out_table_end(table, NULL);
	return 0;
}

static void list_selection(const struct torture_selection *selection,
			   struct out_table *table)
{
	char name[160];

	for (size_t i = 0; i < selection->count; i++) {
		const struct torture_case *c = selection->item[i];

		snprintf(name, sizeof(name), "%s/%s", c->suite->name, c->name);
		out_row(table);
		out_cell_text(table, name);
		out_cell_text(table, model_name(c->model));
	}
}

static int list_run(struct cli *cli)
{
	static const struct out_column columns[] = {
		{ "case", "CASE", OUT_TEXT },
		{ "model", "MODEL", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT }
	};
	struct torture_selection selection;
	struct out_table *table;
	int status;

	if (!cli->arg_count)
		return list_workloads(cli);
	status = torture_select(cli, TORTURE_ANY, 0, NULL,
				&selection);
	if (status)
		return status;
	table = out_table_begin(cli, "cases", columns);
	list_selection(&selection, table);
	out_table_end(table, NULL);
	torture_selection_free(&selection);
	return 0;
}

static const struct example examples[] = {
	{ "nvmtorture list", "all workloads" },
	{ "nvmtorture list vdisk", "the cases of one" },
	{ NULL, NULL }
};

const struct command torture_cmd_list = {
	.name = "list",
	.summary = "list the workloads, or the cases of some",
	.description = "A case is something that is done to a pool or a virtual "
		"disk in some state, crashed under one model. Its name can be "
		"given to 'run', whole, up to a ':', or as a pattern.",
	.args = args,
	.examples = examples,
	.run = list_run,
};
