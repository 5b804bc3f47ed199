/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kdisk_set.c - what is more than reading the attributes of one disk: which
 * one a block device is, the counts of its blocks, and what can be written
 * (kdisk.h).
 */
#include "cli/kdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/le.h"

/* ---- which one -------------------------------------------------------------- */

bool kdisk_loaded(const char *sys)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" KDISK_DRIVER, sys);
	return access(path, F_OK) == 0;
}

int kdisk_of_node(const char *sys, dev_t rdev,
		  char ret_name[KDISK_NAME_BYTES])
{
	char path[PATH_MAX], target[PATH_MAX];

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u", sys, major(rdev),
		 minor(rdev));
	if (!realpath(path, target))
		return -ENODEV;
	/* .../nvmvd0, or .../nvmvd0/nvmvd0p1 */
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(target, '/');

		snprintf(path, sizeof(path), "%.*s/nvmvd/uuid", PATH_MAX - 16,
			 target);
		if (access(path, F_OK) == 0 &&
		    strlen(slash + 1) < KDISK_NAME_BYTES) {
			strcpy(ret_name, slash + 1);
			return 0;
		}
		*slash = '\0';
		if (!strchr(target, '/'))
			break;
	}
	return -ENODEV;
}

/* ---- counts -------------------------------------------------------------------- */

int kdisk_counts(const char *sys, const struct kdisk *disk, uint32_t *count)
{
	size_t bytes = (size_t)disk->info.geometry.block_count *
		       sizeof(le32_t), used = 0;
	uint8_t *raw = (uint8_t *)count;
	char path[PATH_MAX];
	ssize_t got = 1;
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/block/%s/nvmvd/counts", sys,
		 disk->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* the kernel gives a page at a time, of whole numbers */
	while (got > 0 && used < bytes) {
		got = read(fd, raw + used, bytes - used);
		used += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		err = -errno;
	else if (used < bytes)
		err = -EPROTO;
	close(fd);
	for (size_t i = 0; i < used / sizeof(le32_t); i++) {
		le32_t one;

		memcpy(&one, raw + i * sizeof(one), sizeof(one));
		count[i] = get_le32(one);
	}
	return err;
}

/* ---- writing ------------------------------------------------------------------- */

/* All at once: the kernel takes each write for itself. */
static int text_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(text), put;
	int err = 0;

	if (fd < 0)
		return -errno;
	put = write(fd, text, (size_t)len);
	if (put < 0)
		err = -errno;
	else if (put < len)
		err = -E2BIG;
	close(fd);
	return err;
}

int kdisk_set(const char *sys, const struct kdisk *disk, const char *attribute,
	      const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/block/%s/nvmvd/%s", sys, disk->name,
		 attribute);
	return text_write(path, value);
}

int kdisk_order(const char *sys, const char *attribute, const char *words)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" KDISK_DRIVER "/%s", sys, attribute);
	return text_write(path, words);
}
