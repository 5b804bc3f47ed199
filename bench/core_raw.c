// SPDX-License-Identifier: BSD-3-Clause
/*
 * core_raw.c - see core_raw.h.
 */
#include "bench/core_raw.h"

#include <errno.h>
#include <fcntl.h>
#include <immintrin.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINE		64u
#define BLOCK_BYTES	((size_t)4096)
#define RUN_BYTES	(16 * BLOCK_BYTES)
#define CHUNK_BYTES	((size_t)2 << 20)

/* ---- stores ------------------------------------------------------------------ */

__attribute__((target("avx512f")))
static void copy_avx512(void *dst, const void *src, size_t len)
{
	for (size_t i = 0; i < len; i += 64)
		_mm512_stream_si512((void *)((char *)dst + i),
			_mm512_loadu_si512((const char *)src + i));
}

__attribute__((target("avx")))
static void copy_avx(void *dst, const void *src, size_t len)
{
	for (size_t i = 0; i < len; i += 32)
		_mm256_stream_si256((__m256i *)(void *)((char *)dst + i),
			_mm256_loadu_si256((const __m256i *)(const void *)
					   ((const char *)src + i)));
}

static void copy_sse2(void *dst, const void *src, size_t len)
{
	for (size_t i = 0; i < len; i += 16)
		_mm_stream_si128((__m128i *)(void *)((char *)dst + i),
			_mm_loadu_si128((const __m128i *)(const void *)
					((const char *)src + i)));
}

raw_copy_fn raw_copy(void)
{
	if (__builtin_cpu_supports("avx512f"))
		return copy_avx512;
	return __builtin_cpu_supports("avx") ? copy_avx : copy_sse2;
}

const char *raw_copy_name(void)
{
	if (__builtin_cpu_supports("avx512f"))
		return "AVX-512";
	return __builtin_cpu_supports("avx") ? "AVX" : "SSE2";
}

void raw_fence(void)
{
	_mm_sfence();
}

void raw_wait(void)
{
	_mm_lfence();
}

/* ---- loads -------------------------------------------------------------------- */

__attribute__((target("avx512f")))
static uint64_t sum_avx512(const void *src, size_t len)
{
	__m512i sum[4] = { _mm512_setzero_si512() };
	uint64_t word[8];

	for (size_t i = 0; i < len; i += 256)
		for (unsigned k = 0; k < 4; k++)
			sum[k] = _mm512_add_epi64(sum[k], _mm512_loadu_si512(
				(const char *)src + i + 64 * k));
	sum[0] = _mm512_add_epi64(_mm512_add_epi64(sum[0], sum[1]),
				  _mm512_add_epi64(sum[2], sum[3]));
	_mm512_storeu_si512(word, sum[0]);
	for (unsigned k = 1; k < 8; k++)
		word[0] += word[k];
	return word[0];
}

static uint64_t sum_words(const void *src, size_t len)
{
	const uint64_t *word = src;
	uint64_t sum[4] = { 0 };

	for (size_t i = 0; i < len / 8; i += 4)
		for (unsigned k = 0; k < 4; k++)
			sum[k] += word[i + k];
	return sum[0] + sum[1] + sum[2] + sum[3];
}

uint64_t raw_sum(const void *src, size_t len)
{
	return __builtin_cpu_supports("avx512f") ? sum_avx512(src, len)
						 : sum_words(src, len);
}

__attribute__((target("clflushopt")))
static void evict_opt(const char *src, size_t len)
{
	for (size_t i = 0; i < len; i += LINE)
		_mm_clflushopt((void *)(uintptr_t)(src + i));
}

void raw_evict(const void *src, size_t len)
{
	unsigned eax = 7, ebx, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if (ebx >> 23 & 1)
		evict_opt(src, len);
	else
		for (size_t i = 0; i < len; i += LINE)
			_mm_clflush((const char *)src + i);
	_mm_mfence();
}

/* ---- files -------------------------------------------------------------------- */

static int file_failed(const char *what, const char *path)
{
	fprintf(stderr, "bench: cannot %s '%s': %s\n", what, path,
		strerror(errno));
	return -1;
}

static int file_make(struct raw_file *file, unsigned number, const char *dir,
		     size_t size_bytes)
{
	*file = (struct raw_file){ .size_bytes = size_bytes };
	snprintf(file->path, sizeof(file->path), "%s/area%u", dir, number);
	file->fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file->fd < 0)
		return file_failed("create", file->path);
	if (ftruncate(file->fd, (off_t)size_bytes))
		return file_failed("create", file->path);
	file->map = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			 file->fd, 0);
	if (file->map == MAP_FAILED) {
		file->map = NULL;
		return file_failed("map", file->path);
	}
	return 0;
}

int raw_files_make(struct raw_file *file, unsigned count, const char *dir,
		   size_t size_bytes)
{
	for (unsigned f = 0; f < count; f++)
		file[f] = (struct raw_file){ .fd = -1 };
	for (unsigned f = 0; f < count; f++)
		if (file_make(&file[f], f, dir, size_bytes))
			return -1;
	for (size_t off = 0; off < size_bytes; off += CHUNK_BYTES)
		for (unsigned f = 0; f < count; f++)
			if (fallocate(file[f].fd, 0, (off_t)off, CHUNK_BYTES))
				return file_failed("find room for",
						   file[f].path);
	for (unsigned f = 0; f < count; f++)
		raw_populate(file[f].map, size_bytes);
	return 0;
}

void raw_file_remove(struct raw_file *file)
{
	if (file->map)
		munmap(file->map, file->size_bytes);
	if (file->fd >= 0) {
		close(file->fd);
		unlink(file->path);
	}
	file->map = NULL;
	file->fd = -1;
}

void raw_populate(const void *map, size_t len)
{
	madvise((void *)(uintptr_t)map, len, MADV_POPULATE_WRITE);
}

/* ---- slices -------------------------------------------------------------------- */

int raw_write_random(void *ctx, uint64_t ops)
{
	struct raw_worker *worker = ctx;
	uint64_t blocks = worker->file->size_bytes / BLOCK_BYTES;
	raw_copy_fn copy = raw_copy();

	for (uint64_t i = 0; i < ops; i++) {
		raw_touch(worker->buffer, i);
		copy(worker->file->map + BLOCK_BYTES *
		     raw_random(&worker->random, blocks), worker->buffer,
		     BLOCK_BYTES);
		raw_fence();
	}
	return 0;
}

int raw_write_run(void *ctx, uint64_t ops)
{
	struct raw_worker *worker = ctx;
	raw_copy_fn copy = raw_copy();

	for (uint64_t i = 0; i < ops; i++) {
		if (worker->next + RUN_BYTES > worker->file->size_bytes)
			worker->next = 0;
		raw_touch(worker->buffer, i);
		copy(worker->file->map + worker->next, worker->buffer,
		     RUN_BYTES);
		raw_fence();
		worker->next += RUN_BYTES;
	}
	return 0;
}
