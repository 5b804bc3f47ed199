/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * arena.h - the memory that pool_open() wants, from the host.
 */
#ifndef NVM_HOSTED_ARENA_H
#define NVM_HOSTED_ARENA_H

#include <stddef.h>

/*
 * At least @bytes (pool_memory_bytes()), aligned as the core asks; NULL if
 * there is no memory.  To be given back with free().
 */
void *arena_alloc(size_t bytes);

#endif
