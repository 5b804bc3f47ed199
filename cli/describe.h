/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * describe.h - the words for what lies in a pool, and the members that
 * several commands have in their answers.
 */
#ifndef NVM_CLI_DESCRIBE_H
#define NVM_CLI_DESCRIBE_H

#include "cli/session.h"

/* In the order of enum pool_mode and enum pool_device; end with NULL. */
extern const char *const describe_modes[];
extern const char *const describe_devices[];

const char *describe_mode(enum pool_mode mode);
const char *describe_device(enum pool_device device);
/* "clean", "used", "dirty", "bad" */
const char *describe_unit_state(enum pool_unit_state state);
/* "read-only", "shared" (which implies it), or NULL: private, writable. */
const char *describe_access(uint32_t flags);

/* "pool": {path, uuid, size, free, ...}; JSON only. */
void describe_pool(struct session *session);

/*
 * All of a child with its extents, as values and the table "extents".
 * Returns an exit status.
 */
int describe_child(struct session *session, const struct pool_child *child);

#endif
