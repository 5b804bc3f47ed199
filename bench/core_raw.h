/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * core_raw.h - what the memory itself can do, as the limit that the virtual
 * disk is held against: the widest non-temporal stores, loads and cache
 * flushes that this CPU has, and a file whose pages are all there.
 */
#ifndef NVM_BENCH_CORE_RAW_H
#define NVM_BENCH_CORE_RAW_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of whole aligned lines; raw_fence() makes it durable on a memory bus. */
typedef void (*raw_copy_fn)(void *dst, const void *src, size_t len);
raw_copy_fn raw_copy(void);
const char *raw_copy_name(void);	/* "AVX-512" */
void raw_fence(void);
/* What comes next begins only when all before it is done. */
void raw_wait(void);

/* Read all of it by the widest loads: the sum of its 64-bit words. */
uint64_t raw_sum(const void *src, size_t len);

/* Out of all caches: what is read next comes from memory. */
void raw_evict(const void *src, size_t len);

/* A file, mapped, which belongs to a measurement and is gone afterwards. */
struct raw_file {
	char path[PATH_MAX];
	int fd;
	uint8_t *map;
	size_t size_bytes;
};

/*
 * Make @count files of the same size and give them their pages in turn, so
 * that none has the better part of the memory.  -1, having said why.
 */
int raw_files_make(struct raw_file *file, unsigned count, const char *dir,
		   size_t size_bytes);
void raw_file_remove(struct raw_file *file);

/* Page tables for all of a mapping that is writable.  Best effort. */
void raw_populate(const void *map, size_t len);

/* Uniform in [0, below); the same numbers for all who begin alike. */
static inline uint64_t raw_random(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 32) * below >> 32;
}
#define RAW_RANDOM_SEED	88172645463325252u

/* What is written differs each time, and stays in the cache. */
static inline void raw_touch(void *src, uint64_t number)
{
	*(volatile uint64_t *)src = number;
}

/* A thread that writes to such a file, as a slice of a contest. */
struct raw_worker {
	const struct raw_file *file;
	uint64_t random;
	uint64_t next;
	uint8_t *buffer;
};
int raw_write_random(void *ctx, uint64_t ops);	/* 4 KiB and a fence */
int raw_write_run(void *ctx, uint64_t ops);	/* 64 KiB and a fence */

#endif
