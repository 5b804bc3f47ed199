/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * enrol.c - names for the registry.  The registry says whether a name is
 * free, under its lock; here is only the choice of what to ask for.
 */
#include "cli/enrol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/out.h"

/* "pool.img" -> "pool"; what cannot stand in a name becomes '-'. */
static void name_from_path(const char *path, char name[POOL_NAME_MAX + 1])
{
	const char *base = strrchr(path, '/');
	size_t len;

	base = base ? base + 1 : path;
	len = strcspn(base, ".") ? strcspn(base, ".") : strlen(base);
	/* "dax0.0" is no file name with a suffix */
	if (strncmp(path, "/dev/", 5) == 0)
		len = strlen(base);
	if (len > POOL_NAME_MAX - 4)
		len = POOL_NAME_MAX - 4;
	memcpy(name, base, len);
	name[len] = '\0';
	for (char *p = name; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') &&
		    !(*p >= '0' && *p <= '9') && !strchr("._-", *p))
			*p = '-';
	if (!pool_name_valid(name))
		strcpy(name, "pool");
}

int enrol_pool(const char *path, const struct pool_geometry *geometry,
	       const char *name, struct registry_entry *ret_entry,
	       struct failure *failure)
{
	struct registry_entry entry = { 0 };
	char stem[POOL_NAME_MAX + 1];
	int err;

	if (name)
		snprintf(stem, sizeof(stem), "%s", name);
	else if (pool_name_valid(geometry->label) &&
		 strlen(geometry->label) <= POOL_NAME_MAX - 4)
		snprintf(stem, sizeof(stem), "%s", geometry->label);
	else
		name_from_path(path, stem);
	snprintf(entry.path, sizeof(entry.path), "%s", path);
	out_uuid_text(geometry->uuid, entry.uuid);
	memcpy(entry.name, stem, sizeof(stem));
	err = registry_add(&entry, failure);
	for (unsigned i = 2; err == -EEXIST && !name && i < 1000; i++) {
		snprintf(entry.name, sizeof(entry.name), "%.59s-%u", stem, i);
		err = registry_add(&entry, failure);
	}
	if (!err)
		*ret_entry = entry;
	return err;
}
