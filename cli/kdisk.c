/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kdisk.c - reading the attributes of the kernel's virtual disks (kdisk.h).
 * What they say is not trusted to be what this program knows: the module may
 * be older or newer.
 */
#include "cli/kdisk.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/disk.h"
#include "hosted/in_kernel.h"

#define PREFIX		"nvmvd"
#define TEXT_BYTES	8192u	/* more than an attribute can have */

/* ---- one attribute after the other ----------------------------------------- */

/* After the first one that is wrong, all read as 0 and "". */
struct reader {
	const char *sys, *name;
	struct failure *failure;
	int err;
};

static const char *attribute_path(const char *sys, const char *name,
				  const char *attribute, char *buf)
{
	snprintf(buf, PATH_MAX, "%s/block/%s/%s", sys, name, attribute);
	return buf;
}

/* Without the line's end. */
static int text_read(const char *path, char text[TEXT_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = 1;

	if (fd < 0)
		return -errno;
	while (got > 0 && used < TEXT_BYTES - 1) {
		got = read(fd, text + used, TEXT_BYTES - 1 - used);
		used += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		got = -errno;
		close(fd);
		return (int)got;
	}
	close(fd);
	if (used && text[used - 1] == '\n')
		used--;
	text[used] = '\0';
	return strlen(text) == used ? 0 : -EPROTO;
}

static void attribute_wrong(struct reader *r, const char *attribute,
			    const char *why)
{
	char path[PATH_MAX];

	if (!r->err)
		r->err = failure_set(r->failure, -EPROTO, "cannot make sense of "
			"'%s': %s; is the module of another version?",
			attribute_path(r->sys, r->name, attribute, path), why);
}

static const char *attribute_text(struct reader *r, const char *attribute,
				  char text[TEXT_BYTES])
{
	char path[PATH_MAX];
	int err;

	*text = '\0';
	if (r->err)
		return text;
	err = text_read(attribute_path(r->sys, r->name, attribute, path), text);
	if (err == -ENOENT)
		attribute_wrong(r, attribute, "it is not there");
	else if (err == -EPROTO)
		attribute_wrong(r, attribute, "not text");
	else if (err)
		r->err = failure_errno(r->failure, err, "cannot read '%s'",
				       path);
	if (r->err)
		*text = '\0';
	return text;
}

/* Digits only, or 0x and such ones; the end of it, or NULL. */
static const char *number_parse(const char *text, uint64_t *ret_number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return NULL;
	errno = 0;
	*ret_number = strtoull(text, &end, strncmp(text, "0x", 2) ? 10 : 16);
	return errno ? NULL : end;
}

static uint64_t attribute_number(struct reader *r, const char *attribute,
				 uint64_t least, uint64_t most)
{
	char text[TEXT_BYTES];
	uint64_t number = 0;
	const char *end = number_parse(attribute_text(r, attribute, text),
				       &number);

	if (r->err)
		return 0;
	if (!end || *end)
		attribute_wrong(r, attribute, "not a number");
	else if (number < least || number > most)
		attribute_wrong(r, attribute, "a number that cannot be");
	return r->err ? 0 : number;
}

static uint64_t attribute_count(struct reader *r, const char *attribute)
{
	return attribute_number(r, attribute, 0, UINT64_MAX);
}

/* One of two words. */
static bool attribute_is(struct reader *r, const char *attribute,
			 const char *yes, const char *no)
{
	char text[TEXT_BYTES];
	bool is = !strcmp(attribute_text(r, attribute, text), yes);

	if (!is && strcmp(text, no) != 0)
		attribute_wrong(r, attribute, "an unknown word");
	return is;
}

static void attribute_copy(struct reader *r, const char *attribute, char *buf,
			   size_t buf_bytes)
{
	char text[TEXT_BYTES];

	attribute_text(r, attribute, text);
	if (strlen(text) >= buf_bytes)
		attribute_wrong(r, attribute, "too long");
	else
		memcpy(buf, text, strlen(text) + 1);
}

/* ---- a disk ------------------------------------------------------------------- */

bool kdisk_uuid_parse(const char *text, uint8_t ret_uuid[VD_UUID_LEN])
{
	uint8_t uuid[VD_UUID_LEN];
	const char *at = text;

	if (strlen(text) != 36)
		return false;
	for (size_t i = 0; i < VD_UUID_LEN; i++) {
		unsigned byte;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *at++ != '-')
			return false;
		if (!isxdigit((unsigned char)at[0]) ||
		    !isxdigit((unsigned char)at[1]))
			return false;
		sscanf(at, "%2x", &byte);
		uuid[i] = (uint8_t)byte;
		at += 2;
	}
	memcpy(ret_uuid, uuid, sizeof(uuid));
	return true;
}

/* "dax0.1 dax0.0 0x240000000 1073741824"; the next line, or NULL. */
static const char *extent_parse(const char *line, struct kdisk_extent *extent)
{
	int used = 0;

	if (sscanf(line, "%31[^ \n] %31[^ \n] %n", extent->bus_device,
		   extent->device, &used) != 2 || !used)
		return NULL;
	line = number_parse(line + used, &extent->start);
	if (!line || *line != ' ')
		return NULL;
	line = number_parse(line + 1, &extent->size_bytes);
	if (!line || (*line && *line != '\n'))
		return NULL;
	return *line ? line + 1 : line;
}

static void extents_read(struct reader *r, struct kdisk *disk)
{
	struct vd_geometry *geometry = &disk->info.geometry;
	char text[TEXT_BYTES];
	const char *line = attribute_text(r, "nvmvd/extents", text);

	if (!r->err && !*line)
		attribute_wrong(r, "nvmvd/extents", "there is none");
	while (!r->err && *line) {
		struct kdisk_extent *extent =
			&disk->extent[geometry->extent_count];

		if (geometry->extent_count == VD_EXTENTS_MAX)
			attribute_wrong(r, "nvmvd/extents", "too many");
		else if (!(line = extent_parse(line, extent)))
			attribute_wrong(r, "nvmvd/extents",
					"not lines of extents");
		else if (extent->size_bytes > VD_AREA_MAX -
			 geometry->area_bytes)
			attribute_wrong(r, "nvmvd/extents",
					"larger than a disk can be");
		if (r->err)
			return;
		geometry->extent_count++;
		geometry->area_bytes += extent->size_bytes;
	}
}

static void geometry_read(struct reader *r, struct vd_geometry *geometry)
{
	/* each block has its bytes somewhere in the area */
	uint64_t most = geometry->area_bytes / VD_BLOCK;

	if (most > UINT32_MAX)
		most = UINT32_MAX;
	geometry->block_count = (uint32_t)attribute_number(r,
				"nvmvd/physical_blocks", 1, most);
	geometry->logical_count = (uint32_t)attribute_number(r,
				  "nvmvd/logical_blocks", 1,
				  geometry->block_count);
}

static void wear_read(struct reader *r, struct wear_config *wear)
{
	char text[TEXT_BYTES];
	int policy = 0;

	attribute_text(r, "nvmvd/policy", text);
	while (cli_disk_policies[policy] &&
	       strcmp(text, cli_disk_policies[policy]) != 0)
		policy++;
	if (cli_disk_policies[policy])
		wear->policy = (enum wear_policy)policy;
	else
		attribute_wrong(r, "nvmvd/policy", "an unknown word");
	wear->threshold = (uint32_t)attribute_number(r, "nvmvd/threshold", 0,
						     UINT32_MAX);
	wear->budget = (uint32_t)attribute_number(r, "nvmvd/budget", 0,
						  UINT32_MAX);
	wear->endurance = attribute_count(r, "nvmvd/endurance");
}

static void info_read(struct reader *r, struct vd_info *info)
{
	char text[TEXT_BYTES];

	if (!kdisk_uuid_parse(attribute_text(r, "nvmvd/uuid", text),
			      info->uuid))
		attribute_wrong(r, "nvmvd/uuid", "not a uuid");
	attribute_copy(r, "nvmvd/label", info->label, sizeof(info->label));
	info->read_only = attribute_is(r, "ro", "1", "0");
	info->was_clean = attribute_is(r, "nvmvd/recovered", "0", "1");
	info->created_s = attribute_count(r, "nvmvd/created_s");
	info->mapped_count = attribute_count(r, "nvmvd/mapped_count");
	info->free_count = attribute_count(r, "nvmvd/free_count");
	info->retired_count = attribute_count(r, "nvmvd/retired_count");
	info->log_count = attribute_count(r, "nvmvd/log_count");
	info->seq = attribute_count(r, "nvmvd/seq");
	info->watermark = attribute_count(r, "nvmvd/watermark");
	info->user_writes = attribute_count(r, "nvmvd/user_writes");
	info->moves = attribute_count(r, "nvmvd/moves");
	info->trim_lines = attribute_count(r, "nvmvd/trim_lines");
	info->wear_total = attribute_count(r, "nvmvd/wear_total");
	info->rolled_back = attribute_count(r, "nvmvd/rolled_back");
	info->lost_lines = attribute_count(r, "nvmvd/lost_lines");
	info->data_errors = attribute_count(r, "nvmvd/data_errors");
	wear_read(r, &info->wear);
}

static bool disk_is_there(const char *sys, const char *name)
{
	char path[PATH_MAX];

	return access(attribute_path(sys, name, "nvmvd", path), F_OK) == 0;
}

int kdisk_read(const char *sys, const char *name, struct kdisk *ret_disk,
	       struct failure *failure)
{
	struct reader r = { .sys = sys, .name = name, .failure = failure };
	struct kdisk disk = { 0 };
	size_t len = strlen(name);

	if (!len || len >= sizeof(disk.name) || strchr(name, '/') ||
	    name[0] == '.' || !disk_is_there(sys, name))
		return failure_set(failure, -ENODEV, "the kernel has no "
				   "virtual disk '%s'", name);
	memcpy(disk.name, name, len + 1);
	extents_read(&r, &disk);
	geometry_read(&r, &disk.info.geometry);
	info_read(&r, &disk.info);
	disk.sync = attribute_is(&r, "nvmvd/durability", "sync", "bus");
	attribute_copy(&r, "nvmvd/checksum", disk.checksum,
		       sizeof(disk.checksum));
	disk.verify = attribute_is(&r, "nvmvd/verify", "1", "0");
	disk.lanes = attribute_count(&r, "nvmvd/lanes");
	disk.scrub_kib_s = attribute_count(&r, "nvmvd/scrub_kib_s");
	disk.scrub_rounds = attribute_count(&r, "nvmvd/scrub_rounds");
	disk.scrub_errors = attribute_count(&r, "nvmvd/scrub_errors");
	if (r.err && !disk_is_there(sys, name))
		return failure_set(failure, -ENODEV, "disk '%s' was detached "
				   "from the kernel just now", name);
	if (!r.err)
		*ret_disk = disk;
	return r.err;
}

/* ---- all of them ----------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const struct kdisk *x = a, *y = b;
	unsigned long m = strtoul(x->name + strlen(PREFIX), NULL, 10);
	unsigned long n = strtoul(y->name + strlen(PREFIX), NULL, 10);

	return m < n ? -1 : m > n;
}

int kdisk_read_all(const char *sys, struct kdisk **ret_disks,
		   size_t *ret_count, struct failure *failure)
{
	struct kdisk *disks = NULL;
	char path[PATH_MAX];
	struct dirent *item;
	size_t count = 0;
	DIR *folder;
	int err = 0;

	snprintf(path, sizeof(path), "%s/block", sys);
	folder = opendir(path);
	while (folder && !err && (item = readdir(folder))) {
		struct kdisk *more;

		if (strncmp(item->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		more = realloc(disks, (count + 1) * sizeof(*disks));
		if (!more) {
			err = failure_errno(failure, -ENOMEM, "cannot list the "
					    "kernel's disks");
			break;
		}
		disks = more;
		err = kdisk_read(sys, item->d_name, &disks[count], failure);
		count += !err;
		if (err == -ENODEV)
			err = 0;
	}
	if (folder)
		closedir(folder);
	if (err) {
		free(disks);
		return err;
	}
	if (count)
		qsort(disks, count, sizeof(*disks), by_number);
	*ret_disks = disks;
	*ret_count = count;
	return 0;
}

const struct kdisk *kdisk_on(const struct kdisk *disks, size_t count,
			     const char *device)
{
	for (size_t i = 0; i < count; i++)
		for (uint32_t e = 0; e < disks[i].info.geometry.extent_count;
		     e++)
			if (in_kernel_is(disks[i].extent[e].bus_device,
					 disks[i].extent[e].device, device))
				return &disks[i];
	return NULL;
}
