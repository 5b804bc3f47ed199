/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poke.c - stores and loads on a piece of memory, for tests' guests and hosts.
 *
 *	poke fill FILE OFFSET LENGTH SEED	store a pattern, make it durable
 *	poke look FILE OFFSET LENGTH SEED	is the pattern there?
 *	poke zero FILE OFFSET LENGTH		are they all zeros?
 *	poke try FILE OFFSET			store one byte; says if it could
 *
 * FILE is a devdax (which only knows mmap), a block device or a file; every
 * access is a load or store through a shared mapping.  The pattern depends on
 * SEED and on the distance from OFFSET alone, so the host can look for it in
 * the pool's file at another offset.  Exit status: 0 yes, 1 no, 2 trouble.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <emmintrin.h>

#define ALIGN	(2ull << 20)	/* what a devdax can be mapped at */

struct piece {
	uint8_t *bytes;
	uint64_t len;
	void *map;
	size_t map_len;
	bool dax;
};

static _Noreturn void trouble(const char *what)
{
	fprintf(stderr, "poke: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void piece_map(struct piece *p, const char *path, uint64_t off,
		      uint64_t len, bool writable)
{
	uint64_t begin = off & ~(ALIGN - 1);
	uint64_t end = (off + len + ALIGN - 1) & ~(ALIGN - 1);
	int fd = open(path, writable ? O_RDWR : O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		trouble(path);
	p->map_len = end - begin;
	p->map = mmap(NULL, p->map_len, PROT_READ | (writable ? PROT_WRITE : 0),
		      MAP_SHARED, fd, (off_t)begin);
	if (p->map == MAP_FAILED)
		trouble("mmap");
	close(fd);
	p->bytes = (uint8_t *)p->map + (off - begin);
	p->len = len;
	p->dax = S_ISCHR(st.st_mode);
}

/* Durable: a devdax by its cache lines, everything else by msync. */
static void piece_persist(const struct piece *p)
{
	if (p->dax) {
		for (uint64_t i = 0; i < p->len; i += 64)
			_mm_clflush(p->bytes + i);
		_mm_clflush(p->bytes + p->len - 1);
		_mm_sfence();
	} else if (msync(p->map, p->map_len, MS_SYNC) != 0) {
		trouble("msync");
	}
}

static uint8_t pattern(uint64_t seed, uint64_t i)
{
	uint64_t x = (i / 8 + 1) * 0x9e3779b97f4a7c15ull + seed;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ull;
	return (uint8_t)(x >> (8 * (i % 8)));
}

static int piece_look(const struct piece *p, bool zero, uint64_t seed)
{
	for (uint64_t i = 0; i < p->len; i++) {
		uint8_t want = zero ? 0 : pattern(seed, i);

		if (p->bytes[i] != want) {
			printf("poke: byte %" PRIu64 " is 0x%02x, not 0x%02x\n",
			       i, p->bytes[i], want);
			return 1;
		}
	}
	return 0;
}

static sigjmp_buf refused;

static void on_fault(int signal)
{
	(void)signal;
	siglongjmp(refused, 1);
}

/* What a guest sees of a read-only child: no mapping, or a fault. */
static int try_store(const char *path, uint64_t off)
{
	struct piece p;

	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	piece_map(&p, path, off, 1, true);
	if (sigsetjmp(refused, 1)) {
		puts("poke: the store was refused");
		return 1;
	}
	*(volatile uint8_t *)p.bytes ^= 0xff;
	piece_persist(&p);
	puts("poke: stored");
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	uint64_t off = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	uint64_t len = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
	uint64_t seed = argc > 5 ? strtoull(argv[5], NULL, 0) : 0;
	struct piece p;

	if (argc == 4 && strcmp(verb, "try") == 0)
		return try_store(argv[2], off);
	if (argc == 6 && strcmp(verb, "fill") == 0 && len) {
		piece_map(&p, argv[2], off, len, true);
		for (uint64_t i = 0; i < len; i++)
			p.bytes[i] = pattern(seed, i);
		piece_persist(&p);
		return 0;
	}
	if (len && ((argc == 6 && strcmp(verb, "look") == 0) ||
		    (argc == 5 && strcmp(verb, "zero") == 0))) {
		piece_map(&p, argv[2], off, len, false);
		return piece_look(&p, argc == 5, seed);
	}
	fprintf(stderr, "usage: poke fill|look FILE OFFSET LENGTH SEED\n"
		"       poke zero FILE OFFSET LENGTH\n"
		"       poke try FILE OFFSET\n");
	return 2;
}
