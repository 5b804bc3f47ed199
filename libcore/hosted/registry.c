/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry.c - finding and changing registered pools (registry.h).
 *
 * A change holds the registry's lock from reading to renaming, so two changes
 * at once are two changes.
 */
#include "hosted/registry.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hosted/registry_private.h"
#include "pool/pool.h"

/* ---- looking up ---------------------------------------------------------- */

static size_t registry_index(const struct registry *registry, const char *what)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < registry->count; i++)
		if (!strcmp(registry->entry[i].name, what))
			return i;
	for (size_t i = 0; i < registry->count; i++)
		if (!strcmp(registry->entry[i].path, what))
			return i;
	if (realpath(what, path))
		for (size_t i = 0; i < registry->count; i++)
			if (!strcmp(registry->entry[i].path, path))
				return i;
	return registry->count;
}

const struct registry_entry *registry_find(const struct registry *registry,
					   const char *name_or_path)
{
	size_t i = registry_index(registry, name_or_path);

	return i < registry->count ? &registry->entry[i] : NULL;
}

const struct registry_entry *registry_default(const struct registry *registry)
{
	if (*registry->default_name)
		for (size_t i = 0; i < registry->count; i++)
			if (!strcmp(registry->entry[i].name,
				    registry->default_name))
				return &registry->entry[i];
	return registry->count == 1 ? &registry->entry[0] : NULL;
}

/* ---- changing ---------------------------------------------------------- */

/* Lock, load, change, store: @change returns 0 or what to fail with. */
static int registry_change(int (*change)(struct registry *registry,
					 const void *arg,
					 struct failure *failure),
			   const void *arg, struct failure *failure)
{
	struct registry registry;
	int lock = registry_lock(failure);
	int err;

	if (lock < 0)
		return lock;
	err = registry_load(&registry, failure);
	if (!err) {
		err = change(&registry, arg, failure);
		if (!err)
			err = registry_store(&registry, failure);
		registry_free(&registry);
	}
	close(lock);
	return err;
}

static int registry_change_add(struct registry *registry, const void *arg,
			       struct failure *failure)
{
	const struct registry_entry *new_entry = arg;
	struct registry_entry *entries, *place = NULL;

	for (size_t i = 0; i < registry->count; i++) {
		struct registry_entry *entry = &registry->entry[i];

		if (!strcmp(entry->path, new_entry->path))
			place = entry;
		else if (!strcmp(entry->name, new_entry->name))
			return failure_set(failure, -EEXIST,
				"a pool named '%s' is registered already, at "
				"'%s': choose another name", entry->name,
				entry->path);
	}
	if (place) {
		if (!strcmp(registry->default_name, place->name))
			memcpy(registry->default_name, new_entry->name,
			       sizeof(registry->default_name));
		*place = *new_entry;
		return 0;
	}
	entries = realloc(registry->entry,
			  (registry->count + 1) * sizeof(*entries));
	if (!entries)
		return failure_errno(failure, -ENOMEM,
				     "cannot register '%s'", new_entry->path);
	registry->entry = entries;
	registry->entry[registry->count++] = *new_entry;
	return 0;
}

static int registry_change_forget(struct registry *registry, const void *arg,
				  struct failure *failure)
{
	size_t i = registry_index(registry, arg);

	if (i == registry->count)
		return failure_set(failure, -ENOENT,
				   "no pool '%s' is registered",
				   (const char *)arg);
	if (!strcmp(registry->default_name, registry->entry[i].name))
		registry->default_name[0] = '\0';
	registry->count--;
	memmove(&registry->entry[i], &registry->entry[i + 1],
		(registry->count - i) * sizeof(registry->entry[0]));
	return 0;
}

static int registry_change_default(struct registry *registry, const void *arg,
				   struct failure *failure)
{
	size_t i;

	registry->default_name[0] = '\0';
	if (!arg)
		return 0;
	i = registry_index(registry, arg);
	if (i == registry->count)
		return failure_set(failure, -ENOENT,
				   "no pool '%s' is registered",
				   (const char *)arg);
	memcpy(registry->default_name, registry->entry[i].name,
	       sizeof(registry->default_name));
	return 0;
}

int registry_add(const struct registry_entry *entry, struct failure *failure)
{
	if (!pool_name_valid(entry->name))
		return failure_set(failure, -EINVAL,
				   "'%s' is not a valid pool name",
				   entry->name);
	if (entry->path[0] != '/')
		return failure_set(failure, -EINVAL,
				   "'%s' is not an absolute path",
				   entry->path);
	return registry_change(registry_change_add, entry, failure);
}

int registry_forget(const char *name_or_path, struct failure *failure)
{
	return registry_change(registry_change_forget, name_or_path, failure);
}

int registry_set_default(const char *name_or_path, struct failure *failure)
{
	return registry_change(registry_change_default, name_or_path, failure);
}
