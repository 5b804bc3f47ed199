/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry_private.h - what registry.c (finding, changing) needs of
 * registry_file.c (the file and its lock) besides registry.h.
 */
#ifndef NVM_HOSTED_REGISTRY_PRIVATE_H
#define NVM_HOSTED_REGISTRY_PRIVATE_H

#include "hosted/registry.h"

/* The lock that a change holds; a descriptor to close, or negative. */
int registry_lock(struct failure *failure);

/* Write all of it, whole or not at all; the caller holds the lock. */
int registry_store(const struct registry *registry, struct failure *failure);

#endif
