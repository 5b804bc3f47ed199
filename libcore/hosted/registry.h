/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry.h - the pools this host (or user) knows by name, and which of them
 * is meant when none is named.
 *
 * One JSON file, pools.json, in $NVMPOOL_STATE_DIR, else /var/lib/nvmpool for
 * root, else ${XDG_STATE_HOME:-~/.local/state}/nvmpool.  Changes are made
 * under a lock to a new file that is synced and renamed over the old one: a
 * crash leaves the one or the other.  The pool itself does not depend on it.
 */
#ifndef NVM_HOSTED_REGISTRY_H
#define NVM_HOSTED_REGISTRY_H

#include <limits.h>
#include <stdbool.h>

#include "hosted/failure.h"
#include "pool/format.h"

struct registry_entry {
	char name[POOL_NAME_MAX + 1];	/* obeys pool_name_valid() */
	char path[PATH_MAX];		/* absolute */
	char uuid[37];			/* text, lower case; "" if not known */
};

struct registry {
	struct registry_entry *entry;
	size_t count;
	char default_name[POOL_NAME_MAX + 1];	/* "" if none was chosen */
};

/* No file is an empty registry.  -EBADMSG: the file is not what we write. */
int registry_load(struct registry *ret_registry, struct failure *failure);
void registry_free(struct registry *registry);

/* By name, else by path (also a relative one or a link); NULL if unknown. */
const struct registry_entry *registry_find(const struct registry *registry,
					   const char *name_or_path);

/*
 * The one meant when none is named: the default, else the only one.  NULL if
 * there is none or several.
 */
const struct registry_entry *registry_default(const struct registry *registry);

/*
 * Add, or replace the entry of the same path.  -EEXIST: another path has this
 * name.
 */
int registry_add(const struct registry_entry *entry, struct failure *failure);
/* -ENOENT: no such pool. */
int registry_forget(const char *name_or_path, struct failure *failure);
/* NULL: no default any more. */
int registry_set_default(const char *name_or_path, struct failure *failure);

/* Where the registry is; -ENOENT: no home directory is known. */
int registry_path(char *ret_path, size_t ret_path_len,
		  struct failure *failure);

#endif
