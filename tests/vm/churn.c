/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * churn.c - hard ways to write to a block device, for tests' guests.
 *
 *	churn race DEVICE SECONDS	write a buffer that another thread changes
 *					all the while; what was written can be read
 *	churn units DEVICE COUNT BYTES	write units of so many bytes in random
 *					places, for ever, each in one request: with
 *					RWF_ATOMIC if they are more than a block
 *	churn whole DEVICE COUNT BYTES	is each of these units the whole of one
 *					write (or was never written)?
 *
 * All of it by O_DIRECT.  A unit holds the number of its write, over and over.
 * Exit status: 0 yes, 1 no, 2 trouble.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BLOCK		4096u
#define RACE_BYTES	65536u
#define ATOMIC		0x40		/* RWF_ATOMIC: newer than this libc */

static _Noreturn void trouble(const char *what)
{
	fprintf(stderr, "churn: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t *buffer_new(size_t bytes)
{
	void *buffer = NULL;

	errno = posix_memalign(&buffer, BLOCK, bytes);
	if (errno)
		trouble("memory");
	memset(buffer, 0, bytes);
	return buffer;
}

/* ---- a buffer that does not hold still ------------------------------------------ */

struct race {
	uint64_t *words;
	atomic_bool done;
};

static void *change(void *ctx)
{
	struct race *race = ctx;
	uint64_t n = 0;

	while (!atomic_load_explicit(&race->done, memory_order_relaxed)) {
		n += 0x9e3779b97f4a7c15ull;
		__atomic_store_n(&race->words[n % (RACE_BYTES / 8)], n,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

/* A checksum of other bytes than those stored shows when they are read. */
static int race(int fd, long seconds)
{
	uint64_t *back = buffer_new(RACE_BYTES);
	struct race race = { .words = buffer_new(RACE_BYTES) };
	time_t end = time(NULL) + seconds;
	unsigned writes = 0, bad = 0;
	pthread_t thread;

	errno = pthread_create(&thread, NULL, change, &race);
	if (errno)
		trouble("thread");
	for (; time(NULL) < end && !bad; writes++) {
		off_t at = (off_t)(writes % 64) * RACE_BYTES;

		if (pwrite(fd, race.words, RACE_BYTES, at) != RACE_BYTES)
			trouble("write");
		if (pread(fd, back, RACE_BYTES, at) != RACE_BYTES) {
			printf("churn: read after write %u: %s\n", writes,
			       strerror(errno));
			bad++;
		}
	}
	atomic_store(&race.done, true);
	pthread_join(thread, NULL);
	printf("churn: %u writes, %u could not be read\n", writes, bad);
	return bad ? 1 : 0;
}

/* ---- units ------------------------------------------------------------------------ */

static _Noreturn void units_write(int fd, uint64_t count, size_t bytes)
{
	uint64_t *unit = buffer_new(bytes);
	struct iovec iov = { unit, bytes };
	uint64_t number, seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		trouble("random");
	for (number = 1;; number++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		for (size_t i = 0; i < bytes / 8; i++)
			unit[i] = seed ^ number;
		if (pwritev2(fd, &iov, 1, (off_t)((seed >> 33) % count * bytes),
			     bytes > BLOCK ? ATOMIC : 0) != (ssize_t)bytes)
			trouble("write");
	}
}

static int units_whole(int fd, uint64_t count, size_t bytes)
{
	uint64_t *unit = buffer_new(bytes);
	uint64_t torn = 0, written = 0;

	for (uint64_t n = 0; n < count; n++) {
		size_t i = 1;

		if (pread(fd, unit, bytes, (off_t)(n * bytes)) != (ssize_t)bytes)
			trouble("read");
		while (i < bytes / 8 && unit[i] == unit[0])
			i++;
		written += unit[0] != 0;
		if (i == bytes / 8)
			continue;
		printf("churn: unit %" PRIu64 " is of one write up to byte %zu\n",
		       n, i * 8);
		torn++;
	}
	printf("churn: %" PRIu64 " units, %" PRIu64 " of them written, %" PRIu64
	       " torn\n", count, written, torn);
	return torn ? 1 : 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	uint64_t number = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	uint64_t bytes = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
	int fd = argc > 2 ? open(argv[2], O_RDWR | O_DIRECT) : -1;

	if (argc > 2 && fd < 0)
		trouble(argv[2]);
	if (argc == 4 && !strcmp(verb, "race"))
		return race(fd, (long)number);
	if (argc == 5 && number && bytes >= 8 && !strcmp(verb, "units"))
		units_write(fd, number, bytes);
	if (argc == 5 && number && bytes >= 8 && !strcmp(verb, "whole"))
		return units_whole(fd, number, bytes);
	fprintf(stderr, "usage: churn race DEVICE SECONDS\n"
		"       churn units|whole DEVICE COUNT BYTES\n");
	return 2;
}
