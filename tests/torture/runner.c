// SPDX-License-Identifier: BSD-3-Clause
/*
 * runner.c - see runner.h.
 *
 * Processes are forked and not executed, so that addresses (of names, of call
 * sites) mean the same in all of them, and what they send are plain structs.
 */
#include "tests/torture/runner.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX	64u
#define TICK_MS		200

struct message {
	enum { SAYS_BEGUN, SAYS_MUTANT, SAYS_RESULT } says;
	size_t index;
	double seconds;
	struct torture_result result;
	struct torture_mutant mutant;
	char killed_by[240];
};
_Static_assert(sizeof(struct message) <= PIPE_BUF, "messages do not mix");

struct worker {
	pid_t pid;			/* 0: none */
	int fd;
	size_t index;			/* the case it is at */
	bool in_case;
};

double runner_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t states_of(const struct torture_result *result)
{
	return result->stats.distinct + result->nested.distinct;
}

static bool same_group(const struct torture_case *a,
		       const struct torture_case *b)
{
	return a->suite == b->suite && a->group == b->group;
}

/* ---- in the worker ----------------------------------------------------------- */

struct teller {
	int fd;
	size_t index;
};

static void tell(const struct teller *teller, struct message *message)
{
	message->index = teller->index;
	if (write(teller->fd, message, sizeof(*message)) !=
	    (ssize_t)sizeof(*message))
		_exit(1);
}

static void tell_mutant(void *ctx, const struct torture_case *c,
			const struct torture_mutant *mutant)
{
	struct message message = { .says = SAYS_MUTANT, .mutant = *mutant };

	(void)c;
	if (mutant->killed_by)
		snprintf(message.killed_by, sizeof(message.killed_by), "%s",
			 mutant->killed_by);
	tell(ctx, &message);
}

/* The group that begins with @first; never returns. */
static void work(const struct runner *runner, size_t first, double deadline,
		 int fd)
{
	struct teller teller = { .fd = fd, .index = first };
	struct suite_memory memory = { .mutant = tell_mutant,
				       .mutant_ctx = &teller };
	uint64_t states = runner->states;

	for (; teller.index < runner->count &&
	     same_group(runner->item[teller.index], runner->item[first]);
	     teller.index++) {
		const struct torture_case *c = runner->item[teller.index];
		struct message message = { .says = SAYS_BEGUN };
		double start = runner_clock();

		if ((deadline > 0 && start >= deadline) ||
		    (runner->states_max && states >= runner->states_max))
			break;
		tell(&teller, &message);
		message.says = SAYS_RESULT;
		message.result.good = c->suite->run(c, &runner->how, &memory,
						    &message.result);
		message.seconds = runner_clock() - start;
		states += states_of(&message.result);
		tell(&teller, &message);
	}
	suite_forget(&memory);
	/* A sanitizer looks for leaks in exit(); what stdio holds is not ours. */
	fclose(stdout);
	exit(0);
}

/* ---- in the parent ------------------------------------------------------------ */

static bool worker_begin(struct runner *runner, struct worker *worker,
			 const struct worker *all, size_t first, double deadline)
{
	int fd[2];

	fflush(NULL);
	if (pipe(fd))
		return false;
	*worker = (struct worker){ .pid = fork(), .fd = fd[0], .index = first };
	if (!worker->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		for (unsigned i = 0; i < runner->jobs; i++)
			if (all[i].pid && &all[i] != worker)
				close(all[i].fd);
		close(fd[0]);
		work(runner, first, deadline, fd[1]);
	}
	close(fd[1]);
	if (worker->pid > 0)
		return true;
	close(fd[0]);
	worker->pid = 0;
	return false;
}

static void case_done(struct runner *runner, size_t index,
		      const struct torture_result *result, double seconds)
{
	runner->done++;
	runner->failed += !result->good;
	runner->states += states_of(result);
	runner->result(runner->ctx, runner->item[index], result, seconds);
}

static void worker_end(struct runner *runner, struct worker *worker)
{
	struct torture_result result = { 0 };
	int status = 0;

	close(worker->fd);
	waitpid(worker->pid, &status, 0);
	worker->pid = 0;
	if (!worker->in_case && (status == 0 || runner->cut))
		return;
	if (runner->cut)
		return;
	if (WIFSIGNALED(status))
		snprintf(result.why, sizeof(result.why), "died by signal %d "
			 "(%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(result.why, sizeof(result.why), "ended with status %d",
			 WEXITSTATUS(status));
	case_done(runner, worker->index, &result, 0);
}

/* False: it has ended. */
static bool worker_hear(struct runner *runner, struct worker *worker)
{
	struct message message;
	ssize_t n;

	do
		n = read(worker->fd, &message, sizeof(message));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(message))
		return false;
	worker->index = message.index;
	worker->in_case = message.says != SAYS_RESULT;
	if (message.says == SAYS_RESULT) {
		case_done(runner, message.index, &message.result,
			  message.seconds);
	} else if (message.says == SAYS_MUTANT && runner->mutant) {
		if (message.mutant.killed_by)
			message.mutant.killed_by = message.killed_by;
		runner->mutant(runner->ctx, runner->item[message.index],
			       &message.mutant);
	}
	return true;
}

/* Hear what there is to hear within a tick. */
static void workers_hear(struct runner *runner, struct worker *worker)
{
	struct pollfd polled[JOBS_MAX];
	unsigned which[JOBS_MAX], count = 0;

	for (unsigned i = 0; i < runner->jobs; i++) {
		if (!worker[i].pid)
			continue;
		polled[count] = (struct pollfd){ .fd = worker[i].fd,
						 .events = POLLIN };
		which[count++] = i;
	}
	if (poll(polled, count, TICK_MS) <= 0)
		return;
	for (unsigned i = 0; i < count; i++)
		if (polled[i].revents && !worker_hear(runner, &worker[which[i]]))
			worker_end(runner, &worker[which[i]]);
}

static void workers_kill(struct runner *runner, struct worker *worker)
{
	for (unsigned i = 0; i < runner->jobs; i++)
		if (worker[i].pid)
			kill(worker[i].pid, SIGKILL);
}

/* Hand out groups to whoever is free.  False: no process could be had. */
static bool workers_feed(struct runner *runner, struct worker *worker,
			 size_t *next, double deadline)
{
	for (unsigned i = 0; i < runner->jobs && *next < runner->count; i++) {
		size_t first = *next;

		if (worker[i].pid)
			continue;
		if ((deadline > 0 && runner_clock() >= deadline) ||
		    (runner->states_max && runner->states >= runner->states_max)) {
			*next = runner->count;
			break;
		}
		if (!worker_begin(runner, &worker[i], worker, first, deadline))
			return false;
		while (*next < runner->count &&
		       same_group(runner->item[*next], runner->item[first]))
			++*next;
	}
	return true;
}

static const struct torture_case *case_at(const struct runner *runner,
					  const struct worker *worker)
{
	for (unsigned i = 0; i < runner->jobs; i++)
		if (worker[i].pid)
			return runner->item[worker[i].index];
	return NULL;
}

bool runner_run(struct runner *runner)
{
	struct worker worker[JOBS_MAX] = { { 0 } };
	double start = runner_clock();
	double deadline = runner->seconds_max > 0
			  ? start + runner->seconds_max : 0;
	size_t next = 0, done = runner->done;
	bool good = true;

	if (runner->jobs > JOBS_MAX)
		runner->jobs = JOBS_MAX;
	do {
		if (good)
			good = workers_feed(runner, worker, &next, deadline);
		workers_hear(runner, worker);
		if (runner->tick && !runner->cut &&
		    runner->tick(runner->ctx, case_at(runner, worker))) {
			runner->cut = true;
			next = runner->count;
			workers_kill(runner, worker);
		}
	} while (case_at(runner, worker) || (good && next < runner->count));
	if (runner->done - done < runner->count)
		runner->cut = true;
	return good;
}
