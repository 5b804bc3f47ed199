/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run.c - run a program for a bounded time (run.h).
 *
 * One loop polls its three pipes and a pidfd; so neither a program that does
 * not read, nor one that does not write, nor one that leaves a grandchild
 * with our pipes behind keeps us longer than the time it was given.  It dies
 * with us (PR_SET_PDEATHSIG): a killed tool leaves no VM behind.
 */
#include "qemu-glue/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_MAX	(16u << 20)

enum { IN, OUT, ERR, EXEC, PIPES };

struct sink {
	char *text;
	size_t len;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* In the child: never returns.  What execvp() says goes through @fd_exec. */
static void run_child(const char *const argv[], int pipes[PIPES][2],
		      pid_t parent)
{
	sigset_t none;
	int err;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (dup2(pipes[IN][0], 0) >= 0 && dup2(pipes[OUT][1], 1) >= 0 &&
	    dup2(pipes[ERR][1], 2) >= 0)
		execvp(argv[0], (char *const *)(uintptr_t)argv);
	err = errno;
	if (write(pipes[EXEC][1], &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

/* Read what is there; false at the end or on an error. */
static bool sink_read(struct sink *sink, int fd)
{
	char buffer[4096], *text;
	ssize_t len = read(fd, buffer, sizeof(buffer));

	if (len < 0)
		return errno == EINTR || errno == EAGAIN;
	if (len == 0 || sink->len + (size_t)len > OUTPUT_MAX)
		return false;
	text = realloc(sink->text, sink->len + (size_t)len + 1);
	if (!text)
		return false;
	memcpy(text + sink->len, buffer, (size_t)len);
	sink->text = text;
	sink->len += (size_t)len;
	text[sink->len] = 0;
	return true;
}

/* Write what the pipe takes; false when all is written or nobody reads. */
static bool input_write(const char **input, int fd)
{
	size_t len = strlen(*input);
	ssize_t done = len ? write(fd, *input, len) : 0;

	if (done < 0)
		return errno == EINTR || errno == EAGAIN;
	*input += done;
	return **input != 0;
}

static void fd_close(struct pollfd *slot)
{
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
}

/*
 * Serve the pipes until the program has ended and they are empty, or the time
 * is up.  @fds: input, output, errors, pidfd.
 */
static bool run_serve(struct pollfd fds[4], const char *input,
		      struct sink sinks[2], uint64_t deadline)
{
	bool ended = false;

	for (;;) {
		uint64_t now = now_ms();
		int ready;

		/* What it wrote before it ended is in the pipes already. */
		ready = poll(fds, 4, ended ? 0 : now < deadline ?
				     (int)(deadline - now) : 0);
		if (ready < 0 && errno != EINTR)
			return false;
		if (ready == 0)
			return ended;
		if (ready < 0)
			continue;
		if (fds[0].revents && !input_write(&input, fds[0].fd))
			fd_close(&fds[0]);
		for (int i = 0; i < 2; i++)
			if (fds[1 + i].revents &&
			    !sink_read(&sinks[i], fds[1 + i].fd))
				fd_close(&fds[1 + i]);
		if (fds[3].revents) {
			ended = true;
			fd_close(&fds[0]);
			fd_close(&fds[3]);
		}
	}
}

static void pipes_close(int pipes[PIPES][2])
{
	for (int i = 0; i < PIPES; i++)
		for (int k = 0; k < 2; k++)
			if (pipes[i][k] >= 0)
				close(pipes[i][k]);
}

static int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

int run_program(const char *const argv[], const char *input,
		unsigned timeout_ms, struct run_result *ret_result,
		struct failure *failure)
{
	int pipes[PIPES][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	struct sink sinks[2] = { 0 };
	struct run_result result = { 0 };
	struct pollfd fds[4];
	pid_t parent = getpid(), pid = -1;
	int err = 0, exec_err = 0, wait_status;
	ssize_t len;

	for (int i = 0; i < PIPES && !err; i++)
		if (pipe2(pipes[i], O_CLOEXEC))
			err = -errno;
	if (!err) {
		pid = fork();
		if (pid == 0)
			run_child(argv, pipes, parent);
		if (pid < 0)
			err = -errno;
	}
	if (err) {
		pipes_close(pipes);
		return failure_errno(failure, err, "cannot run '%s'", argv[0]);
	}
	close(take_fd(&pipes[EXEC][1]));
	do
		len = read(pipes[EXEC][0], &exec_err, sizeof(exec_err));
	while (len < 0 && errno == EINTR);
	if (len > 0) {
		waitpid(pid, &wait_status, 0);
		pipes_close(pipes);
		return failure_errno(failure, -exec_err, "cannot run '%s'",
				     argv[0]);
	}
	fds[0] = (struct pollfd){ take_fd(&pipes[IN][1]), POLLOUT, 0 };
	fds[1] = (struct pollfd){ take_fd(&pipes[OUT][0]), POLLIN, 0 };
	fds[2] = (struct pollfd){ take_fd(&pipes[ERR][0]), POLLIN, 0 };
	fds[3] = (struct pollfd){ (int)syscall(SYS_pidfd_open, pid, 0),
				  POLLIN, 0 };
	pipes_close(pipes);
	for (int i = 0; i < 3; i++)
		fcntl(fds[i].fd, F_SETFL, O_NONBLOCK);
	if (!input)
		fd_close(&fds[0]);

	sigaction(SIGPIPE, &ignore, &before);
	result.timed_out = !run_serve(fds, input ? input : "", sinks,
				      now_ms() + timeout_ms);
	sigaction(SIGPIPE, &before, NULL);
	if (result.timed_out)
		kill(pid, SIGKILL);
	for (int i = 0; i < 4; i++)
		fd_close(&fds[i]);
	while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	result.status = WIFSIGNALED(wait_status) ?
			128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
	result.output = sinks[0].text ? sinks[0].text : calloc(1, 1);
	result.errors = sinks[1].text ? sinks[1].text : calloc(1, 1);
	if (!result.output || !result.errors) {
		run_result_free(&result);
		return failure_set(failure, -ENOMEM, "out of memory");
	}
	*ret_result = result;
	return 0;
}

void run_result_free(struct run_result *result)
{
	free(result->output);
	free(result->errors);
	*result = (struct run_result){ 0 };
}
