/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_check.c - `nvmpool check`: the pool's metadata against itself, and
 * against the bad blocks that the machine knows of; with --repair, mend what
 * can be mended.
 *
 * Crash story: see pool/check.c; a repair may be cut off at any point and be
 * done again.
 */
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "hosted/backing.h"

struct check_opts {
	bool repair;
	bool deep;
};

static const struct opt opts[] = {
	OPT_FLAG(0, "repair", struct check_opts, repair,
		 "mend what can be mended"),
	OPT_FLAG(0, "deep", struct check_opts, deep,
		 "also read all free units that should be zeros"),
	OPT_END
};

static const struct out_column columns[] = {
	{ "problem", "PROBLEM", OUT_TEXT },
	{ "what", "WHERE", OUT_TEXT },
	{ "index", "NUMBER", OUT_NUMBER },
	{ "offset_bytes", "OFFSET", OUT_OFFSET },
	{ "count", "COUNT", OUT_NUMBER },
	{ "child", "CHILD", OUT_TEXT },
	{ "outcome", "OUTCOME", OUT_TEXT },
	{ NULL, NULL, OUT_TEXT },
};

/* More rows help nobody; the rest is counted. */
#define CHECK_ROWS_MAX	1000u

struct checking {
	struct session *s;
	struct out_table *table;
	bool repair;
	uint64_t found, repaired, repairable;
};

static const char *finding_name(enum pool_finding finding)
{
	switch (finding) {
	case FIND_COPY_DAMAGED:
		return "damaged copy";
	case FIND_PAGE_LOST:
		return "lost page";
	case FIND_JOURNAL_DAMAGED:
		return "damaged journal";
	case FIND_ENTRY_BAD:
		return "bad entry";
	case FIND_EXTENT_BAD:
		return "bad extents";
	case FIND_UNIT_TWICE:
		return "owned twice";
	case FIND_UNIT_LOST:
		return "used by nobody";
	case FIND_UNIT_UNMARKED:
		return "not marked as used";
	case FIND_UNIT_UNCLEAN:
		return "not clean";
	}
	return "problem";
}

static void check_row(struct checking *run, const char *problem,
		      const struct nvm_fault *where, const char *child,
		      bool repairable, bool repaired)
{
	run->found++;
	run->repaired += repaired;
	run->repairable += repairable;
	if (run->found > CHECK_ROWS_MAX)
		return;
	out_row(run->table);
	out_cell_text(run->table, problem);
	out_cell_text(run->table, where->what ? where->what : "metadata");
	out_cell_number(run->table, where->index);
	out_cell_number(run->table, where->offset);
	out_cell_number(run->table, where->found);
	out_cell_text(run->table, child);
	out_cell_text(run->table, repaired ? run->s->cli->dry_run ?
		      "would be repaired" : "repaired" :
		      repairable ? "can be repaired" : "cannot be repaired");
}

static void check_report(void *ctx, const struct pool_problem *problem)
{
	check_row(ctx, finding_name(problem->finding), &problem->where, NULL,
		  problem->repairable, problem->repaired);
}

/* ---- bad blocks ---------------------------------------------------------------- */

static bool overlap(const struct pool_range *a, const struct pool_range *b)
{
	return a->off_bytes < b->off_bytes + b->size_bytes &&
	       b->off_bytes < a->off_bytes + a->size_bytes;
}

/* Children with a bad block: their data is hit, which nobody can mend. */
static void check_bad_in_children(struct checking *run)
{
	const struct backing_info *info = backing_info(run->s->backing);
	struct pool_range range[POOL_EXTENTS_MAX];
	struct pool_child child;
	size_t count;

	for (uint32_t cursor = 0;
	     pool_child_next(run->s->pool, &cursor, &child);) {
		if (pool_child_extents(run->s->pool, child.slot, range, &count,
				       NULL))
			continue;
		for (size_t i = 0; i < info->bad_count * count; i++) {
			const struct pool_range *bad = &info->bad[i / count];
			struct nvm_fault where = {
				"child's extent", i % count, bad->off_bytes, 0,
				bad->size_bytes / 512,
			};

			if (overlap(bad, &range[i % count]))
				check_row(run, "bad block", &where, child.name,
					  false, false);
		}
	}
}

/* Free units with a bad block must never be handed out. */
static int check_bad_in_free(struct checking *run)
{
	const struct backing_info *info = backing_info(run->s->backing);
	const struct pool_geometry *g = run->s->geometry;
	struct nvm_fault fault = { 0 };
	bool found = false;
	int err = 0;

	for (uint64_t u = 0; info->bad_count && u < g->unit_count; u++) {
		struct pool_range unit = { g->data_off + u * g->unit_bytes,
					   g->unit_bytes };
		struct nvm_fault where = { "unit", u, unit.off_bytes, 0, 1 };
		enum pool_unit_state state = pool_unit_state(run->s->pool, u);

		if (state != UNIT_CLEAN && state != UNIT_DIRTY)
			continue;
		for (size_t i = 0; i < info->bad_count; i++) {
			if (!overlap(&info->bad[i], &unit))
				continue;
			check_row(run, "bad block", &where, NULL, true,
				  run->repair);
			found = true;
			break;
		}
	}
	if (found && run->repair)
		err = pool_mark_bad(run->s->pool, info->bad, info->bad_count,
				    &fault);
	if (err)
		return session_fail(run->s, err, &fault,
				    "cannot mark the bad blocks");
	return 0;
}

/* ---- the command ----------------------------------------------------------------- */

static int check_verdict(struct checking *run)
{
	struct cli *cli = run->s->cli;
	uint64_t remain = run->found - run->repaired;

	out_number(cli, "problems", NULL, run->found);
	out_number(cli, "repaired", NULL, run->repaired);
	out_number(cli, "remaining", NULL, remain);
	if (run->found > CHECK_ROWS_MAX)
		cli_note(cli, "%llu more problems are not listed",
			 (unsigned long long)(run->found - CHECK_ROWS_MAX));
	if (!remain)
		return 0;
	if (!run->repair && run->repairable)
		return cli_fail(cli, EXIT_DAMAGED, "%llu problem%s found in "
				"pool '%s'; 'nvmpool check --repair' mends "
				"%llu of them", (unsigned long long)run->found,
				run->found == 1 ? "" : "s", run->s->path,
				(unsigned long long)run->repairable);
	return cli_fail(cli, EXIT_DAMAGED, "%llu problem%s in pool '%s' cannot "
			"be repaired: save what can be read with 'nvmpool "
			"export'", (unsigned long long)remain,
			remain == 1 ? "" : "s", run->s->path);
}

static int check_pool(struct session *s, const struct check_opts *o)
{
	struct checking run = {
		.s = s, .repair = o->repair,
		.table = out_table_begin(s->cli, "findings", columns),
	};
	struct pool_check_args check = {
		.repair = o->repair, .read_clean_units = o->deep,
		.report = check_report, .ctx = &run,
		.mem = out_must(malloc(pool_check_memory_bytes(s->geometry))),
	};
	struct nvm_fault fault = { 0 };
	int err, status = 0;

	err = pool_check(s->pool, &check, session_progress(s, "checking"),
			 &fault);
	free(check.mem);
	if (err)
		status = session_fail(s, err, &fault, "cannot check pool '%s'",
				      s->path);
	if (!status)
		status = check_bad_in_free(&run);
	if (!status)
		check_bad_in_children(&run);
	out_table_end(run.table, status ? NULL : "no problems");
	if (!status)
		status = check_verdict(&run);
	describe_pool(s);
	return status;
}

static int check_run(struct cli *cli)
{
	const struct check_opts *o = cli->opts;
	struct session s;
	unsigned flags = SESSION_SALVAGE | SESSION_QUIET |
			 (o->repair ? SESSION_WRITE : SESSION_READ);
	int status = session_open(cli, flags, &s);

	if (status)
		return status;
	status = check_pool(&s, o);
	session_close(&s);
	return status;
}

static const struct example examples[] = {
	{ "nvmpool check", "look, and change nothing" },
	{ "nvmpool check --repair --dry-run", "what a repair would do" },
	{ "nvmpool check --repair", "mend what can be mended" },
	{ NULL, NULL }
};

const struct command cmd_check = {
	.name = "check",
	.summary = "check the pool's metadata, and mend it",
	.description = "Looks at every copy of every metadata page, at every "
		"child's extents and every unit's owner, and at the bad blocks "
		"that the kernel knows of. A copy is mended from a good one; "
		"units that nobody owns become free; free units with a bad "
		"block are never handed out again. With --deep the free units "
		"that should read as zeros are read, which takes as long as "
		"reading them takes. A child's own data is not looked at.\n\n"
		"Ends with 0 where all is well (or well again), with 7 where "
		"problems remain.",
	.opts = opts,
	.opts_size = sizeof(struct check_opts),
	.examples = examples,
	.flags = COMMAND_POOL | COMMAND_CHANGES,
	.run = check_run,
};
