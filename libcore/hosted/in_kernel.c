// SPDX-License-Identifier: BSD-3-Clause
/*
 * in_kernel.c - asking the module (in_kernel.h).  What it says of each disk's
 * extents is a line each: device of the nd bus, device as it was known, address,
 * bytes.
 */
#include "hosted/in_kernel.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

bool in_kernel_is(const char *bus, const char *known, const char *device)
{
	unsigned region, number;
	char pmem[32];

	if (!strcmp(device, known) || !strcmp(device, bus))
		return true;
	if (sscanf(bus, "namespace%u.%u", &region, &number) != 2 &&
	    sscanf(bus, "pfn%u.%u", &region, &number) != 2)
		return false;
	snprintf(pmem, sizeof(pmem), number ? "pmem%u.%u" : "pmem%u", region,
		 number);
	return !strcmp(device, pmem);
}

static bool extents_have(const char *file, const char *device)
{
	char bus[64], known[64];
	FILE *extents = fopen(file, "re");
	bool have = false;

	if (!extents)
		return false;
	while (!have && fscanf(extents, "%63s %63s %*s %*s", bus, known) == 2)
		have = in_kernel_is(bus, known, device);
	fclose(extents);
	return have;
}

bool in_kernel_has(const char *path, char *ret_disk, size_t disk_len)
{
	glob_t disks;
	bool has = false;

	if (strncmp(path, "/dev/", 5) ||
	    glob("/sys/block/nvmvd*/nvmvd/extents", 0, NULL, &disks))
		return false;
	for (size_t i = 0; i < disks.gl_pathc && !has; i++) {
		const char *name = disks.gl_pathv[i] + strlen("/sys/block/");

		has = extents_have(disks.gl_pathv[i], path + 5);
		if (has)
			snprintf(ret_disk, disk_len, "/dev/%.*s",
				 (int)strcspn(name, "/"), name);
	}
	globfree(&disks);
	return has;
}
