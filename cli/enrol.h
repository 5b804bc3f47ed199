/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * enrol.h - put a pool into the registry under a name that is still free.
 */
#ifndef NVM_CLI_ENROL_H
#define NVM_CLI_ENROL_H

#include "hosted/registry.h"
#include "pool/pool.h"

/*
 * @path is absolute; @name may be NULL: the label, else the file's name
 * without its suffix, and a number behind it where that is taken.  Returns
 * 0 or a negative errno value with @failure set.
 */
int enrol_pool(const char *path, const struct pool_geometry *geometry,
	       const char *name, struct registry_entry *ret_entry,
	       struct failure *failure);

#endif
