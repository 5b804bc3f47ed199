/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stray.h - how stores reach the mapping of a backing, so that a wild pointer
 * of this process cannot change it.
 *
 *   none      the mapping is writable all the time
 *   pkey      writable only for the thread that stores, while it stores
 *             (memory protection keys; MBSA's CR0.WP, in user space)
 *   mprotect  the page's protection is switched around each store (PTE); the
 *             stores of all threads wait for each other
 *   map       a page is mapped writable only while it is stored to, and
 *             elsewhere (PMAP)
 *
 * "Page" is what the backing can be mapped by: a large one on devdax.
 *
 * What remains: a copy itself may go wrong, and under mprotect and map the
 * other threads can write to a page while it is stored to.  The kernel writes
 * for the process (read(2) into the mapping) where the process may.
 */
#ifndef NVM_HOSTED_STRAY_H
#define NVM_HOSTED_STRAY_H

#include <stdbool.h>

#include "hosted/failure.h"

struct backing;

enum stray_guard {
	STRAY_AUTO,		/* pkey where the CPU has it, else none */
	STRAY_NONE,
	STRAY_PKEY,
	STRAY_MPROTECT,
	STRAY_MAP,
};

/* "auto", "none", "pkey", "mprotect", "map"; NULL ends: for option tables. */
extern const char *const stray_guard_names[];

/* Does this CPU (and kernel) have memory protection keys? */
bool stray_pkey_here(void);

/*
 * Let the calling thread read mappings under pkey; cheap, any number of times.
 * Loads and stores through the media do it by themselves.  Who reads through
 * media->base calls it once in each thread (a thread inherits it from the one
 * that makes it), and in a signal handler each time.
 */
void stray_thread(void);

/*
 * Guard an open backing from now on; none is what backing_open() leaves.  No
 * store may be under way.  -EOPNOTSUPP: not to be had here (pkey without the
 * CPU's help; any but none with BACKING_PRIVATE, where AUTO means none).
 * The process takes one of its 15 protection keys at the first pkey, for all
 * backings, and keeps it.
 */
int stray_set(struct backing *backing, enum stray_guard guard,
	      struct failure *failure);

/* Never AUTO. */
enum stray_guard stray_get(const struct backing *backing);

#endif
