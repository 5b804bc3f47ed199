/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guard.h - copying into or out of a mapping that may not be there any more.
 *
 * A truncated file, a poisoned line or a full disk under a hole answer a load
 * or store with SIGBUS.  The guard turns that into a return value for the
 * thread that made the access; a SIGBUS that is not ours goes on to whoever
 * handled it before.
 */
#ifndef NVM_HOSTED_GUARD_H
#define NVM_HOSTED_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The addresses where a SIGBUS is ours to answer. */
struct guard_window {
	const uint8_t *base;
	size_t len;
};

struct guard_fault {
	const uint8_t *address;
	bool poison;		/* the hardware said so, not the kernel's fs */
};

/* What to do under the guard: memcpy() or one of libpmem2's. */
typedef void *(*guard_copy_fn)(void *dst, const void *src, size_t len,
			       unsigned flags);

/*
 * Install the handler of this process, or install it again where something
 * else took its place; whatever was there gets the signals that are not ours.
 * Each backing_open() calls it.
 */
void guard_install(void);

/*
 * Run copy(dst, src, len, flags).  False if the window answered with SIGBUS:
 * then any part of the copy may have been made.
 */
bool guard_copy(const struct guard_window *window, guard_copy_fn copy,
		void *dst, const void *src, size_t len, unsigned flags,
		struct guard_fault *ret_fault);

/* memcpy() with guard_copy_fn's arguments. */
void *guard_memcpy(void *dst, const void *src, size_t len, unsigned flags);

#endif
