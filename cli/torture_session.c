// SPDX-License-Identifier: BSD-3-Clause
/*
 * torture_session.c - see torture_session.h.
 */
#include "cli/torture_session.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/out.h"
#include "cli/talk.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

uint32_t torture_effort_default(void)
{
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
	return 16;
#else
	return 128;
#endif
}

/* ---- as cases end ------------------------------------------------------------- */

static void progress_clear(struct torture_session *session)
{
	if (session->drawn)
		fputs("\r\033[K", stderr);
	session->drawn = false;
}

static void tap_print(struct torture_session *session,
		      const struct torture_case *c,
		      const struct torture_result *result, double seconds)
{
	const struct explore_stats *stats = &result->stats;
	char token[TORTURE_TOKEN_MAX];

	printf("%s %zu - %s/%s # %" PRIu64 " points (%" PRIu64 " exhaustively, "
	       "%" PRIu64 " by what is read), %" PRIu64 " images, %" PRIu64
	       " new, %" PRIu64 " of crashed recoveries",
	       result->good ? "ok" : "not ok", ++session->told,
	       c->suite->name, c->name, stats->points, stats->exhaustive,
	       stats->lazy, stats->images, stats->distinct, result->nested.distinct);
	if (result->tried)
		printf(", %" PRIu64 " %s", result->tries, result->tried);
	printf(", %.1f s\n", seconds);
	if (!result->good) {
		token_print(c, &session->runner.how, result, token,
			    sizeof(token));
		printf("# %s\n# %s\n# nvmtorture replay '%s'\n", result->why,
		       result->crash, token);
	}
	fflush(stdout);
}

static void case_ended(void *ctx, const struct torture_case *c,
		       const struct torture_result *result, double seconds)
{
	struct torture_session *session = ctx;
	char token[TORTURE_TOKEN_MAX];

	results_case(&session->results, c, &session->runner.how, result,
		     seconds);
	if (session->opts->tap) {
		tap_print(session, c, result, seconds);
	} else if (!result->good) {
		token_print(c, &session->runner.how, result, token,
			    sizeof(token));
		progress_clear(session);
		cli_note(session->cli, "%s/%s: %s; 'nvmtorture replay %s'",
			 c->suite->name, c->name, result->why, token);
	}
}

static void mutant_ended(void *ctx, const struct torture_case *c,
			 const struct torture_mutant *mutant)
{
	struct torture_session *session = ctx;

	results_mutant(&session->results, c, mutant);
}

static bool tick(void *ctx, const struct torture_case *now)
{
	struct torture_session *session = ctx;
	const struct runner *runner = &session->runner;
	double seconds = runner_clock() - session->began;

	if (now && !session->opts->tap && isatty(STDERR_FILENO)) {
		fprintf(stderr, "\r\033[K%zu of %zu cases, %" PRIu64 " images, "
			"%.0f/s  %s/%.60s", runner->done, runner->count,
			runner->states, (double)runner->states / seconds,
			now->suite->name, now->name);
		fflush(stderr);
		session->drawn = true;
	}
	return signals_caught();
}

/* ---- beginning and end ----------------------------------------------------------- */

static bool number_parse(const char *text, uint64_t *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno;
}

static int how_fill(struct torture_session *session)
{
	const struct torture_opts *o = session->opts;
	struct torture_how *how = &session->runner.how;
	struct cli *cli = session->cli;
	uint64_t effort = torture_effort_default();

	*how = (struct torture_how){ .seed = 1 };
	if (o->seed && !number_parse(o->seed, &how->seed))
		return cli_fail(cli, EXIT_USAGE, "bad seed '%s': a number",
				o->seed);
	if (o->effort && (!number_parse(o->effort, &effort) || !effort ||
			  effort > 1u << 20))
		return cli_fail(cli, EXIT_USAGE, "bad effort '%s': 1 to 1048576",
				o->effort);
	if (o->depth > TORTURE_DEPTH_MAX)
		return cli_fail(cli, EXIT_USAGE, "bad depth: 1, 2 or 3");
	how->effort = (uint32_t)effort;
	how->depth = o->depth ? (unsigned)o->depth : TORTURE_DEPTH_MAX;
	return 0;
}

/*
 * With time or images left, random workloads go on with other seeds.  False:
 * nothing is left to do.
 */
static bool another_round(struct torture_session *session)
{
	const struct torture_opts *o = session->opts;
	struct torture_selection *selection = &session->selection;
	struct runner *runner = &session->runner;
	double left = (double)o->seconds - (runner_clock() - session->began);
	size_t count = 0;

	if ((!o->seconds && !o->states) || runner->cut || runner->failed ||
	    (o->seconds && left <= 0))
		return false;
	for (size_t i = 0; i < selection->count; i++)
		if (selection->item[i]->suite->random)
			selection->item[count++] = selection->item[i];
	runner->count = selection->count = count;
	runner->how.seed++;
	runner->seconds_max = o->seconds ? left : 0;
	return count;
}

static int rounds_run(struct torture_session *session)
{
	do {
		session->asked += session->runner.count;
		if (!runner_run(&session->runner))
			return cli_fail(session->cli, EXIT_FAILED,
					"cannot begin a process: %s",
					strerror(errno));
	} while (another_round(session));
	return 0;
}

int torture_session_run(struct torture_session *session, struct cli *cli,
			enum torture_kind kind)
{
	const struct torture_opts *o = cli->opts;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int status;

	*session = (struct torture_session){ .cli = cli, .opts = o,
					     .began = runner_clock() };
	status = how_fill(session);
	if (!status)
		status = torture_select(cli, kind, o->model, o->shard,
					&session->selection);
	if (status)
		return status;
	session->runner.item = session->selection.item;
	session->runner.count = session->selection.count;
	session->runner.jobs = o->jobs ? (unsigned)o->jobs
			       : processors > 0 ? (unsigned)processors : 1;
	session->runner.seconds_max = (double)o->seconds;
	session->runner.states_max = o->states;
	session->runner.result = case_ended;
	session->runner.mutant = mutant_ended;
	session->runner.tick = tick;
	session->runner.ctx = session;
	status = rounds_run(session);
	progress_clear(session);
	session->results.runs = 1;
	session->results.cut = session->runner.cut;
	session->results.seconds = runner_clock() - session->began;
	session->results.effort = session->runner.how.effort;
	session->results.depth = session->runner.how.depth;
	return status;
}

static int results_leave(struct torture_session *session)
{
	const char *path = session->opts->results;
	struct json_object *object;
	int status = 0;

	if (!path)
		return 0;
	object = results_encode(&session->results);
	if (json_object_to_file_ext(path, object, JSON_C_TO_STRING_PRETTY))
		status = cli_fail(session->cli, EXIT_FAILED,
				  "cannot write '%s': %s", path,
				  strerror(errno));
	json_object_put(object);
	return status;
}

/* Rows of mutants that no case showed; in a run to its end that is a failure. */
static int survivors_tell(struct torture_session *session)
{
	const struct results *results = &session->results;
	size_t count = results_survivors(results);

	if (!count || session->runner.cut)
		return 0;
	for (size_t i = 0; i < results->site_count; i++) {
		const struct site_row *row = &results->site[i];

		if (row_survives(row) && session->opts->tap)
			printf("not ok %zu - %s: %s, %s, %s: nothing shows it\n",
			       ++session->told, row->suite, row->site,
			       row->role, row->mutation);
	}
	return cli_fail(session->cli, EXIT_FAILED, "%zu mutants survive", count);
}

int torture_session_end(struct torture_session *session)
{
	struct cli *cli = session->cli;
	int status = results_leave(session);

	if (!status)
		status = survivors_tell(session);
	if (session->opts->tap)
		printf("1..%zu\n# seed %" PRIu64 "\n", session->told,
		       session->runner.how.seed);
	if (!status && session->runner.failed)
		status = cli_fail(cli, EXIT_FAILED, "%zu of %zu cases failed",
				  session->runner.failed, session->runner.done);
	if (!status && signals_caught())
		status = cli_fail(cli, EXIT_SIGNAL + signals_caught(),
				  "interrupted; %zu of %zu cases were run",
				  session->runner.done, session->asked);
	else if (session->runner.cut)
		cli_note(cli, "%zu of %zu cases were run before the limit",
			 session->runner.done, session->asked);
	torture_selection_free(&session->selection);
	results_free(&session->results);
	return status;
}
