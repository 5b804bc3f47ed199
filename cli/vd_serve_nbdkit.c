/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_serve_nbdkit.c - nbdkit as a child process: start it, tell when it
 * serves, hand signals on, and judge how it ended.
 *
 * The plugin and we talk by letters (hosted/served.h) over a pair of sockets,
 * whose end is the end of the other one.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/vd_serve.h"
#include "hosted/served.h"

extern char **environ;

struct running {
	struct serving *s;
	pid_t pid;
	int control;		/* our end */
	sigset_t unblocked;	/* the signals as they were */
	bool ready, closed, unclean;
	bool stopping;		/* nbdkit was told to */
	int status;		/* of ours, if something fails beside */
};

/* ---- start ----------------------------------------------------------------------- */

static int spawn_fail(const struct serving *s, int err)
{
	if (err == ENOENT)
		return cli_fail(s->cli, EXIT_UNSUPPORTED, "cannot serve '%s': "
				"nbdkit is not installed (Debian: apt install "
				"nbdkit)", s->target);
	return cli_fail(s->cli, EXIT_FAILED, "cannot run nbdkit: %s",
			strerror(err));
}

/*
 * Its standard output is our standard error, so that nobody waits for more
 * behind the URI; but that of a captive server is for its command.
 */
static int nbdkit_spawn(struct running *r, int control)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int err;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, control, SERVE_CONTROL_FD);
	if (!r->s->captive)
		posix_spawn_file_actions_adddup2(&files, STDERR_FILENO,
						 STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF |
				 POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setsigmask(&attr, &r->unblocked);
	err = posix_spawnp(&r->pid, "nbdkit", &files, &attr,
			   (char **)r->s->words->pdata, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

static int nbdkit_start(struct running *r)
{
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return cli_fail(r->s->cli, EXIT_FAILED, "cannot make a pair of "
				"sockets: %s", strerror(errno));
	err = nbdkit_spawn(r, pair[1]);
	close(pair[1]);
	r->control = pair[0];
	if (!err)
		return 0;
	close(pair[0]);
	return spawn_fail(r->s, err);
}

/* ---- while it runs ------------------------------------------------------------------ */

/*
 * The plugin hears us as soon as it serves.  Before, nbdkit is sent a signal;
 * not after, which confuses one that has a --run (1.32).
 */
static void nbdkit_stop(struct running *r)
{
	char letter = SERVED_STOP;

	if (r->stopping)
		return;
	r->stopping = true;
	if (!r->ready)
		kill(r->pid, SIGTERM);
	if (send(r->control, &letter, 1, MSG_NOSIGNAL) != 1)
		kill(r->pid, SIGTERM);
}

static void ready_tell(struct running *r)
{
	const struct serving *s = r->s;
	char size[SIZE_TEXT_BYTES];

	r->ready = true;
	if (s->captive)
		return;
	out_line(s->cli, "%s", s->uri);
	out_text(s->cli, "target", NULL, s->target);
	out_text(s->cli, "uri", NULL, s->uri);
	out_text(s->cli, "socket", NULL, s->socket);
	out_size(s->cli, "size_bytes", NULL, s->size_bytes);
	out_number(s->cli, "pid", NULL, (uint64_t)getpid());
	out_number(s->cli, "nbdkit_pid", NULL, (uint64_t)r->pid);
	r->status = out_now(s->cli);
	if (r->status)
		nbdkit_stop(r);
	else
		cli_note(s->cli, "serving '%s' (%s) until SIGINT (Ctrl-C) or "
			 "SIGTERM", s->target, size_text(s->size_bytes, size));
}

static void report_heed(struct running *r, char letter)
{
	switch (letter) {
	case SERVED_READY:
		ready_tell(r);
		break;
	case SERVED_CLOSED:
		r->closed = true;
		break;
	case SERVED_UNCLEAN:
		r->unclean = true;
		break;
	}
}

/* Until the plugin ends.  The signals are let in only while we wait. */
static void nbdkit_attend(struct running *r)
{
	struct pollfd from = { .fd = r->control, .events = POLLIN };
	char letter;

	for (;;) {
		if (signals_caught())
			nbdkit_stop(r);
		if (ppoll(&from, 1, NULL, &r->unblocked) < 0)
			continue;
		if (read(r->control, &letter, 1) != 1)
			return;
		report_heed(r, letter);
	}
}

/* ---- the end --------------------------------------------------------------------------- */

static int end_judge(const struct running *r, int ended)
{
	const struct serving *s = r->s;
	char how[64] = "";

	if (WIFSIGNALED(ended))
		snprintf(how, sizeof(how), ", killed by signal %d (%s)",
			 WTERMSIG(ended), sigdescr_np(WTERMSIG(ended)));
	if (r->unclean)
		return cli_fail(s->cli, EXIT_FAILED, "disk '%s' could not be "
				"closed cleanly; the next command recovers it",
				s->target);
	if (r->ready && !r->closed)
		return cli_fail(s->cli, EXIT_FAILED, "nbdkit has ended without "
				"closing disk '%s'%s; the next command recovers "
				"it", s->target, how);
	if (!r->ready && signals_caught())
		return cli_fail(s->cli, EXIT_SIGNAL + signals_caught(),
				"interrupted before '%s' was served",
				s->target);
	if (!r->ready)
		return cli_fail(s->cli, EXIT_FAILED, "nbdkit has ended before "
				"it served '%s'%s", s->target, how);
	if (s->captive && WIFEXITED(ended) && WEXITSTATUS(ended))
		return cli_fail(s->cli, EXIT_FAILED, "the command of --run has "
				"ended with status %d", WEXITSTATUS(ended));
	return r->status;
}

int serve_nbdkit(struct serving *s)
{
	struct running r = { .s = s };
	sigset_t blocked;
	int ended = 0, status;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, &r.unblocked);
	status = nbdkit_start(&r);
	if (!status) {
		nbdkit_attend(&r);
		close(r.control);
		while (waitpid(r.pid, &ended, 0) < 0 && errno == EINTR)
			;
		if (r.ready && s->socket)
			unlink(s->socket);
		status = end_judge(&r, ended);
	}
	sigprocmask(SIG_SETMASK, &r.unblocked, NULL);
	return status;
}
