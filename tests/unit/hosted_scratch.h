/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hosted_scratch.h - what the tests of the hosted layer share: a directory on
 * tmpfs and one below TMPDIR, files in them, and children that do one thing.
 */
#ifndef NVM_TESTS_HOSTED_SCRATCH_H
#define NVM_TESTS_HOSTED_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hosted/backing.h"

#define MIB	(1ull << 20)

struct scratch {
	char shm[64];		/* a directory on tmpfs */
	char dir[PATH_MAX];	/* one below TMPDIR, on whatever is there */
};

static inline int scratch_setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));
	const char *tmp = getenv("TMPDIR");

	if (!scratch)
		return -1;
	snprintf(scratch->shm, sizeof(scratch->shm),
		 "/dev/shm/nvmpool-unit-XXXXXX");
	snprintf(scratch->dir, sizeof(scratch->dir), "%s/nvmpool-unit-XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	*state = scratch;
	return mkdtemp(scratch->shm) && mkdtemp(scratch->dir) ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *st,
				     int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline int scratch_teardown(void **state)
{
	struct scratch *scratch = *state;
	int err = nftw(scratch->shm, scratch_remove_one, 8,
		       FTW_DEPTH | FTW_PHYS);

	err |= nftw(scratch->dir, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(scratch);
	return err;
}

/* "DIR/NAME" in a buffer that the next four calls leave alone. */
static inline const char *scratch_path(const char *dir, const char *name)
{
	static char paths[4][PATH_MAX + 64];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static inline struct backing *scratch_create(const char *path, uint64_t size)
{
	struct backing *backing = NULL;
	struct failure failure = { "" };

	if (backing_create(path, size, &backing, &failure))
		fail_msg("%s", failure.text);
	return backing;
}

static inline struct backing *scratch_open(const char *path,
					   enum backing_access access)
{
	struct backing *backing = NULL;
	struct failure failure = { "" };

	if (backing_open(path, access, &backing, &failure))
		fail_msg("%s", failure.text);
	return backing;
}

/* The byte of a file at an offset, read as anybody else would. */
static inline int scratch_byte(const char *path, uint64_t off)
{
	uint8_t byte = 0;
	int fd = open(path, O_RDONLY);
	ssize_t got = pread(fd, &byte, 1, (off_t)off);

	close(fd);
	return got == 1 ? byte : -1;
}

/* Run @work in a child; its exit status, or 128 + the signal it died of. */
static inline int scratch_child(int (*work)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		alarm(30);
		_exit(work(arg));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

/* A child that does its work, says so, and then waits to be ended. */
struct scratch_helper {
	pid_t pid;
	int stop;		/* closing it ends the child */
};

static inline struct scratch_helper
scratch_helper_start(int (*work)(void *arg), void *arg)
{
	int ready[2], stop[2];
	struct scratch_helper helper = { 0 };
	char byte = 0;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
	helper.pid = fork();
	if (!helper.pid) {
		close(stop[1]);
		close(ready[0]);
		byte = (char)work(arg);
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		if (read(stop[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(stop[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 0);
	close(ready[0]);
	helper.stop = stop[1];
	return helper;
}

static inline void scratch_helper_stop(struct scratch_helper *helper)
{
	close(helper->stop);
	assert_int_equal(waitpid(helper->pid, NULL, 0), helper->pid);
}

#endif
