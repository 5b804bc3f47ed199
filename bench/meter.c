// SPDX-License-Identifier: BSD-3-Clause
/*
 * meter.c - see meter.h.
 *
 * A process inherits its parent's peak memory, so whoever measures here must
 * itself stay small: pools are filled in forked processes too.
 */
#include "bench/meter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t cpu_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void meter_start(struct meter_clock *clock)
{
	clock->began_ns = cpu_now_ns();
}

void meter_stop(const struct meter_clock *clock, struct sample *ret_sample)
{
	struct rusage usage;

	ret_sample->cpu_ns = cpu_now_ns() - clock->began_ns;
	getrusage(RUSAGE_SELF, &usage);
	ret_sample->rss_bytes = (uint64_t)usage.ru_maxrss << 10;
}

static int reap(pid_t pid, const char *what, struct rusage *ret_usage)
{
	int status;

	while (wait4(pid, &status, 0, ret_usage) < 0)
		if (errno != EINTR)
			return -1;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFSIGNALED(status))
		fprintf(stderr, "bench: %s was killed by signal %d\n", what,
			WTERMSIG(status));
	else
		fprintf(stderr, "bench: %s ended with exit status %d\n", what,
			WEXITSTATUS(status));
	return -1;
}

int meter_work(meter_work_fn work, void *ctx, struct sample *ret_sample)
{
	struct sample *shared = mmap(NULL, sizeof(*shared),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct rusage usage;
	pid_t pid;
	int err;

	if (shared == MAP_FAILED)
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(work(ctx, shared) ? EXIT_FAILURE : EXIT_SUCCESS);
	err = pid < 0 ? -1 : reap(pid, "the measured work", &usage);
	if (!err)
		*ret_sample = *shared;
	munmap(shared, sizeof(*shared));
	return err;
}

/* What a command said that failed. */
static void show(int fd)
{
	char text[4096];
	ssize_t got;

	lseek(fd, 0, SEEK_SET);
	while ((got = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)got, stderr);
}

int meter_command(const char *const *argv, struct sample *ret_sample)
{
	int talk = memfd_create("talk", MFD_CLOEXEC);
	struct rusage usage;
	pid_t pid;
	int err;

	if (talk < 0)
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
		    dup2(talk, STDERR_FILENO) >= 0)
			execv(argv[0], (char *const *)(uintptr_t)argv);
		fprintf(stderr, "bench: cannot run '%s': %s\n", argv[0],
			strerror(errno));
		_exit(EXIT_FAILURE);
	}
	err = pid < 0 ? -1 : reap(pid, argv[1], &usage);
	if (err)
		show(talk);
	close(talk);
	if (err)
		return err;
	*ret_sample = (struct sample){
		.cpu_ns = ((uint64_t)usage.ru_utime.tv_sec +
			   (uint64_t)usage.ru_stime.tv_sec) * 1000000000u +
			  ((uint64_t)usage.ru_utime.tv_usec +
			   (uint64_t)usage.ru_stime.tv_usec) * 1000u,
		.rss_bytes = (uint64_t)usage.ru_maxrss << 10,
	};
	return 0;
}

struct sample meter_least(const struct sample *sample, unsigned count)
{
	unsigned least = 0;

	for (unsigned i = 1; i < count; i++)
		if (sample[i].cpu_ns < sample[least].cpu_ns)
			least = i;
	return sample[least];
}
