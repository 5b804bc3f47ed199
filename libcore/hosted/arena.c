// SPDX-License-Identifier: BSD-3-Clause
/*
 * arena.c - see arena.h.
 *
 * A pool of 64 TiB wants 36 MiB, each page of which is written once: nine
 * thousand page faults take three times as long as reading and checking the
 * metadata that goes there.  Large pages, where they can be had, take most of
 * that away; a small arena would only waste them.
 */
#include "hosted/arena.h"

#include <stdlib.h>
#include <sys/mman.h>

#define CORE_ALIGN	64u
#define LARGE_PAGE	((size_t)2 << 20)

void *arena_alloc(size_t bytes)
{
	size_t align = bytes < 2 * LARGE_PAGE ? CORE_ALIGN : LARGE_PAGE;
	void *arena = aligned_alloc(align, (bytes + align - 1) / align * align);

	/* Only a wish: without large pages it is as good, and slower. */
	if (arena && align == LARGE_PAGE)
		madvise(arena, bytes, MADV_HUGEPAGE);
	return arena;
}
