// SPDX-License-Identifier: BSD-3-Clause
/*
 * doctor_selftest.c - see doctor_selftest.h.
 *
 * nvmtorture is a program of its own, as large as all tests; what it found is
 * read from its JSON.  It is run twice: first `kill`, which is the one that
 * can find that there is no room for it, then `run`.
 */
#include "cli/doctor_selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/out.h"
#include "cli/talk.h"

#define SECONDS_DEFAULT	60u
#define SHARDS		16u	/* so that half a minute sees every workload */
#define EFFORT		"8"
#define PROGRAM		"nvmtorture"

struct selftest {
	struct cli *cli;
	const char *dir;
	char program[PATH_MAX + sizeof(PROGRAM)];	/* "" in PATH only */
	struct json_object *killed, *simulated;		/* their envelopes */
	bool drawn;
};

/* ---- running it --------------------------------------------------------------------- */

/* Beside the program that runs: so that both are of one version. */
static void program_find(struct selftest *test)
{
	ssize_t len = readlink("/proc/self/exe", test->program, PATH_MAX);
	char *slash;

	test->program[len > 0 ? len : 0] = '\0';
	slash = strrchr(test->program, '/');
	if (slash)
		memcpy(slash + 1, PROGRAM, sizeof(PROGRAM));
	if (!slash || access(test->program, X_OK))
		test->program[0] = '\0';
}

static int program_begin(struct selftest *test, char *const argv[], int out,
			 pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	int err;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null",
					 O_WRONLY, 0);
	err = test->program[0]
	      ? posix_spawn(ret_pid, test->program, &files, NULL, argv, environ)
	      : posix_spawnp(ret_pid, PROGRAM, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (!err)
		return 0;
	if (err == ENOENT)
		return cli_fail(test->cli, EXIT_NOT_FOUND, "cannot run the self-"
				"test: there is no '%s' beside this program or "
				"in PATH", PROGRAM);
	return cli_fail(test->cli, EXIT_FAILED, "cannot run '%s': %s", PROGRAM,
			strerror(err));
}

static void progress(struct selftest *test, const char *what, time_t began)
{
	if (what ? !isatty(STDERR_FILENO) : !test->drawn)
		return;
	fputs("\r\033[K", stderr);
	test->drawn = what;
	if (what)
		fprintf(stderr, "%s, %.0f s", what, difftime(time(NULL), began));
	fflush(stderr);
}

/*
 * All that it prints.  A signal is handed on, once, as SIGTERM: at a terminal
 * it has got the same one already, and a second SIGINT would end it before it
 * has cleaned up.
 */
static void program_hear(struct selftest *test, int fd, pid_t pid,
			 const char *what, GString *text)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	time_t began = time(NULL);
	bool handed_on = false;
	char bytes[4096];

	for (;;) {
		ssize_t n;

		if (signals_caught() && !handed_on) {
			kill(pid, SIGTERM);
			handed_on = true;
		}
		progress(test, what, began);
		if (poll(&poll_fd, 1, 200) <= 0)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n <= 0)
			break;
		g_string_append_len(text, bytes, n);
	}
	progress(test, NULL, began);
}

/* Its envelope; an exit status where it has none, or was interrupted. */
static int program_run(struct selftest *test, char *const argv[],
		       const char *what, struct json_object **ret_envelope)
{
	GString *text;
	int fd[2], status, end = 0;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC))
		return cli_fail(test->cli, EXIT_FAILED, "cannot make a pipe: %s",
				strerror(errno));
	status = program_begin(test, argv, fd[1], &pid);
	close(fd[1]);
	if (status) {
		close(fd[0]);
		return status;
	}
	text = g_string_new(NULL);
	program_hear(test, fd[0], pid, what, text);
	close(fd[0]);
	while (waitpid(pid, &end, 0) < 0 && errno == EINTR)
		;
	*ret_envelope = json_tokener_parse(text->str);
	g_string_free(text, TRUE);
	if (signals_caught())
		return cli_fail(test->cli, EXIT_SIGNAL + signals_caught(),
				"the self-test was interrupted");
	if (json_object_is_type(*ret_envelope, json_type_object))
		return 0;
	return cli_fail(test->cli, EXIT_FAILED, "'%s %s' told nothing, and ended "
			"with %s %d", PROGRAM, argv[1], WIFSIGNALED(end) ?
			"signal" : "status", WIFSIGNALED(end) ? WTERMSIG(end) :
			WEXITSTATUS(end));
}

static int kills_run(struct selftest *test, const char *seconds)
{
	char *const argv[] = { (char[]){ PROGRAM }, (char[]){ "kill" },
		(char[]){ "--time" }, (char *)(uintptr_t)seconds,
		(char[]){ "--json" }, (char[]){ "--" },
		(char *)(uintptr_t)test->dir, NULL };

	return program_run(test, argv, "killing processes that work in the "
			   "directory", &test->killed);
}

/* Another part of all cases, and other random ones, each time. */
static int losses_run(struct selftest *test, const char *seconds)
{
	char shard[32], seed[32];
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return cli_fail(test->cli, EXIT_FAILED, "cannot get random bytes "
				"from the kernel: %s", strerror(errno));
	snprintf(shard, sizeof(shard), "%u/%u", 1 + random % SHARDS, SHARDS);
	snprintf(seed, sizeof(seed), "%u", random / SHARDS);

	char *const argv[] = { (char[]){ PROGRAM }, (char[]){ "run" },
		(char[]){ "--time" }, (char *)(uintptr_t)seconds,
		(char[]){ "--shard" }, shard, (char[]){ "--seed" }, seed,
		(char[]){ "--effort" }, (char[]){ EFFORT },
		(char[]){ "--json" }, NULL };

	return program_run(test, argv, "simulating power losses, in memory",
			   &test->simulated);
}

/* ---- what it says ------------------------------------------------------------------------ */

static struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, name, &value);
	return value;
}

static uint64_t number(struct json_object *object, const char *name)
{
	return json_object_get_uint64(member(object, name));
}

static const char *text(struct json_object *object, const char *name)
{
	const char *value = json_object_get_string(member(object, name));

	return value ? value : "";
}

/* The sum of a member over a list of rows. */
static uint64_t sum(struct json_object *rows, const char *name)
{
	uint64_t total = 0;

	if (!json_object_is_type(rows, json_type_array))
		return 0;
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		total += number(json_object_array_get_idx(rows, i), name);
	return total;
}

static uint64_t images(struct json_object *workloads)
{
	uint64_t total = sum(workloads, "distinct");

	if (!json_object_is_type(workloads, json_type_array))
		return 0;
	for (size_t i = 0; i < json_object_array_length(workloads); i++)
		total += number(member(json_object_array_get_idx(workloads, i),
				       "recoveries"), "distinct");
	return total;
}

/* It could not do it at all: what it says of that is ours. */
static int refused(struct selftest *test, struct json_object *envelope,
		   bool did_it)
{
	struct json_object *error = member(envelope, "error");
	int status = (int)number(error, "status");

	if (json_object_get_boolean(member(envelope, "ok")) ||
	    (did_it && status == EXIT_FAILED))
		return 0;
	return cli_fail(test->cli, status ? status : EXIT_FAILED, "%s: %s",
			PROGRAM, text(error, "message"));
}

/* ---- the verdict ------------------------------------------------------------------------- */

static void row(struct out_table *table, const char *key, const char *what,
		uint64_t tried, uint64_t wrong, const char *result)
{
	out_row(table);
	out_cell_text(table, key);
	out_cell_text(table, what);
	out_cell_number(table, tried);
	out_cell_number(table, wrong);
	out_cell_text(table, result);
}

static void wrong_text(uint64_t wrong, const char *of, char *buf, size_t bytes)
{
	if (wrong)
		snprintf(buf, bytes, "%" PRIu64 " %s WRONG", wrong, of);
	else
		snprintf(buf, bytes, "none wrong");
}

static void tell_verdict(struct selftest *test, uint64_t lost, uint64_t wrong)
{
	static const struct out_column columns[] = {
		{ "tried", NULL, OUT_TEXT },
		{ NULL, "TRIED", OUT_TEXT },
		{ "count", NULL, OUT_NUMBER },
		{ "wrong", NULL, OUT_NUMBER },
		{ NULL, "RESULT", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT },
	};
	struct json_object *killed = member(test->killed, "data");
	struct json_object *workloads = member(member(member(test->simulated,
			"data"), "results"), "workloads");
	struct out_table *table = out_table_begin(test->cli, "selftest",
						  columns);
	char what[PATH_MAX + 128], result[256], judged[64];

	wrong_text(lost, "cases", judged, sizeof(judged));
	snprintf(result, sizeof(result), "%" PRIu64 " images of %" PRIu64
		 " cases, %s", images(workloads), sum(workloads, "cases"),
		 judged);
	row(table, "power_losses", "simulated power losses, in memory",
	    images(workloads), lost, result);
	snprintf(what, sizeof(what), "killed processes, on %s (%s)", test->dir,
		 text(killed, "kind"));
	wrong_text(wrong, "targets", judged, sizeof(judged));
	snprintf(result, sizeof(result), "%" PRIu64 " kills, %" PRIu64 " of them "
		 "in an operation, %s", number(killed, "kills"),
		 sum(member(killed, "targets"), "in_operation"), judged);
	row(table, "kills", what, number(killed, "kills"), wrong, result);
	out_table_end(table, NULL);
}

static void failures_add(struct out_table *table, struct json_object *rows,
			 const char *name)
{
	if (!json_object_is_type(rows, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *failure = json_object_array_get_idx(rows, i);

		out_row(table);
		out_cell_text(table, text(failure, name));
		out_cell_text(table, text(failure, "why"));
	}
}

static void tell_failures(struct selftest *test)
{
	static const struct out_column columns[] = {
		{ "failed", "FAILED", OUT_TEXT },
		{ "why", "WHY", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT },
	};
	struct out_table *table = out_table_begin(test->cli, "failures",
						  columns);

	failures_add(table, member(member(member(test->simulated, "data"),
					  "results"), "failures"), "token");
	failures_add(table, member(member(test->killed, "data"), "failures"),
		     "target");
	out_table_end(table, NULL);
}

/* What the backing itself does is not the code's, and nobody can try it here. */
static void tell_limits(struct selftest *test)
{
	struct json_object *killed = member(test->killed, "data");
	struct cli *cli = test->cli;

	out_text(cli, "directory", NULL, test->dir);
	out_text(cli, "kind", NULL, text(killed, "kind"));
	out_text(cli, "durable", NULL, text(killed, "durable"));
	out_text(cli, "not_shown", NULL, "what the backing keeps when the power "
		 "goes");
	out_line(cli, "%s", "");
	out_line(cli, "The first is of the code, on any memory; the second of the "
		 "code on this backing,");
	out_line(cli, "where all that was stored outlives its process, flushed or "
		 "not.");
	out_line(cli, "Neither shows what this backing keeps when the power goes. "
		 "It says of itself:");
	out_line(cli, "durable %s, because %s", text(killed, "durable"),
		 text(killed, "reason"));
}

static int tell(struct selftest *test)
{
	struct json_object *workloads = member(member(member(test->simulated,
			"data"), "results"), "workloads");
	uint64_t lost = sum(workloads, "failed");
	uint64_t wrong = sum(member(member(test->killed, "data"), "targets"),
			     "failed");

	tell_verdict(test, lost, wrong);
	if (lost || wrong || test->cli->json)
		tell_failures(test);
	tell_limits(test);
	if (!lost && !wrong)
		return 0;
	return cli_fail(test->cli, EXIT_FAILED, "the self-test found what is "
			"wrong: %" PRIu64 " cases of a simulated power loss, %"
			PRIu64 " targets of kills", lost, wrong);
}

/* ---- the command --------------------------------------------------------------------------- */

static int directory_check(struct selftest *test)
{
	struct failure failure;
	struct stat st;
	int err = 0;

	if (stat(test->dir, &st))
		err = -errno;
	else if (!S_ISDIR(st.st_mode))
		err = -ENOTDIR;
	else if (access(test->dir, W_OK | X_OK))
		err = -errno;
	if (!err)
		return 0;
	failure_errno(&failure, err, "cannot make a scratch pool in '%s'",
		      test->dir);
	return fail_hosted(test->cli, err, &failure);
}

int doctor_selftest(struct cli *cli, const char *dir, uint64_t seconds)
{
	struct selftest test = { .cli = cli, .dir = dir };
	char each[32];
	int status = directory_check(&test);

	if (status)
		return status;
	if (!seconds)
		seconds = SECONDS_DEFAULT;
	snprintf(each, sizeof(each), "%" PRIu64, (seconds + 1) / 2);
	program_find(&test);
	status = kills_run(&test, each);
	if (!status)
		status = refused(&test, test.killed,
				 number(member(test.killed, "data"), "kills"));
	if (!status)
		status = losses_run(&test, each);
	if (!status)
		status = refused(&test, test.simulated,
				 member(member(test.simulated, "data"),
					"results"));
	if (!status)
		status = tell(&test);
	json_object_put(test.killed);
	json_object_put(test.simulated);
	return status;
}
