/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * env.h - what each world (host tool, torture harness, kernel, bare metal)
 * supplies to the core: the integer types, the four mem* functions, and what
 * comes with the media in its table of operations (media.h).
 *
 * The core includes nothing else from outside; a check in the test run
 * compiles it with -ffreestanding -nostdlib and allows no undefined symbol
 * beyond these four.
 */
#ifndef NVM_BASE_ENV_H
#define NVM_BASE_ENV_H

#ifdef __KERNEL__
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/types.h>

#define UINT32_MAX	U32_MAX
#define UINT64_MAX	U64_MAX
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
#endif

#define NVM_PAGE 4096u		/* metadata page, and the page cache's */
#define NVM_LINE 64u		/* cache line */

#endif
