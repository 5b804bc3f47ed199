// SPDX-License-Identifier: BSD-3-Clause
/*
 * torture_report.c - `nvmtorture report`: results of runs, merged.
 */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "cli/out.h"
#include "cli/talk.h"
#include "cli/torture_commands.h"
#include "cli/torture_document.h"
#include "cli/torture_session.h"

struct report_opts {
	const char *write;
};

static const struct opt opts[] = {
	OPT_TEXT('w', "write", "FILE", COMPLETE_FILE, struct report_opts, write,
		 "put the tables into this document, between its marks"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "FILE", .complete = COMPLETE_FILE, .many = true },
	{ .name = NULL }
};

static int file_merge(struct cli *cli, const char *path,
		      struct results *results)
{
	struct json_object *object = json_object_from_file(path);
	int status = 0;

	if (!object)
		return cli_fail(cli, errno == ENOENT ? EXIT_NOT_FOUND
						     : EXIT_FAILED,
				"cannot read '%s': %s", path, errno
				? strerror(errno) : "not JSON");
	if (!results_merge(results, object))
		status = cli_fail(cli, EXIT_FAILED, "'%s' is not a file of "
				  "results; 'run --results' makes one", path);
	json_object_put(object);
	return status;
}

static void failures_print(struct cli *cli, const struct results *results)
{
	for (size_t i = 0; i < results->failure_count; i++)
		out_line(cli, "%s: %s", results->failure[i].token,
			 results->failure[i].why);
}

static int report_run(struct cli *cli)
{
	const struct report_opts *o = cli->opts;
	struct results results = { 0 };
	int status = 0;

	for (int i = 0; i < cli->arg_count && !status; i++) {
		errno = 0;
		status = file_merge(cli, cli->arg[i], &results);
	}
	if (!status && o->write)
		status = torture_document_write(cli, o->write, &results);
	if (!status) {
		torture_results_print(cli, &results);
		if (results.site_count && out_stream(cli))
			torture_mutants_print(cli, &results);
		failures_print(cli, &results);
		if (results.cut)
			out_line(cli, "%ju of %ju runs came to their limit "
				 "before their end", (uintmax_t)results.cut,
				 (uintmax_t)results.runs);
		if (results_survivors(&results) && !results.cut)
			status = cli_fail(cli, EXIT_FAILED, "%zu mutants "
					  "survive", results_survivors(&results));
		if (results.failure_count)
			status = cli_fail(cli, EXIT_FAILED, "%zu cases failed",
					  results.failure_count);
	}
	results_free(&results);
	return status;
}

static const struct example examples[] = {
	{ "nvmtorture report 1.json 2.json 3.json", "a campaign of three parts" },
	{ "nvmtorture report all.json mutants.json -w docs/crash-consistency.md",
	  "bring the document's figures up to date" },
	{ NULL, NULL }
};

const struct command torture_cmd_report = {
	.name = "report",
	.summary = "merge the results of runs, and tell them",
	.description = "With --write the tables go into a document as well: "
		"between a line '<!-- nvmtorture report: NAME -->' and the next "
		"'<!-- end -->', where NAME is workloads, bounds or "
		"persist-points.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct report_opts),
	.examples = examples,
	.run = report_run,
};
