/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * signature.c - what lies on a backing already (signature.h).
 *
 * libblkid reads a descriptor.  A devdax device cannot be read(2), so there it
 * gets a sparse copy in memory with the device's first and last megabytes,
 * where all signatures are.
 */
#include "hosted/signature.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vdisk/format.h"

#define COPY_BYTES	(4ull << 20)
#define INFO_BLOCK_OFF	4096u

struct signature_list {
	struct signature *signature;
	size_t count;
};

static void list_add(struct signature_list *list, enum signature_kind kind,
		     const char *name, uint64_t offset)
{
	struct signature *place = &list->signature[list->count];

	if (list->count == SIGNATURES_MAX)
		return;
	*place = (struct signature){ .kind = kind, .offset = offset };
	snprintf(place->name, sizeof(place->name), "%s", name);
	list->count++;
}

/* Our own, and the NVDIMM info blocks: libblkid knows neither. */
static int find_own(struct nvm_media *media, struct signature_list *list)
{
	const uint64_t own_at[] = { 0, NVM_PAGE,
				    media->size_bytes - NVM_PAGE };
	static const struct {
		const char *magic;
		enum signature_kind kind;
	} own[] = {
		{ POOL_MAGIC_GMB, SIGNATURE_POOL },
		{ VD_MAGIC_SB, SIGNATURE_DISK },
	};
	bool found = false;
	static const struct {
		const char *magic, *name;
	} info_blocks[] = {
		{ "NVDIMM_PFN_INFO", "fsdax" },
		{ "NVDIMM_DAX_INFO", "devdax" },
		{ "BTT_ARENA_INFO", "btt" },
	};
	size_t unread = 0;
	char magic[16];
	int err;

	for (size_t i = 0; i < sizeof(own_at) / sizeof(own_at[0]) && !found;
	     i++) {
		err = media->ops->load(media, own_at[i], magic, 8);
		/* A poisoned page has no magic; if all are, we cannot tell. */
		if (err && (err != -NVM_EIO || ++unread == 3))
			return err;
		for (size_t k = 0; !err && k < 2; k++) {
			if (memcmp(magic, own[k].magic, sizeof(POOL_MAGIC_GMB)))
				continue;
			list_add(list, own[k].kind, own[k].magic, own_at[i]);
			found = true;
		}
	}
	if (media->size_bytes < INFO_BLOCK_OFF + sizeof(magic) ||
	    media->ops->load(media, INFO_BLOCK_OFF, magic, sizeof(magic)))
		return 0;
	for (size_t i = 0; i < sizeof(info_blocks) / sizeof(info_blocks[0]);
	     i++)
		if (!memcmp(magic, info_blocks[i].magic,
			    strlen(info_blocks[i].magic)))
			list_add(list, SIGNATURE_INFO_BLOCK,
				 info_blocks[i].name, INFO_BLOCK_OFF);
	return 0;
}

/* What libblkid's probe has just found. */
static void list_add_blkid(struct signature_list *list, blkid_probe probe)
{
	const char *name, *usage = "", *text;
	enum signature_kind kind = SIGNATURE_OTHER;
	uint64_t offset = 0;

	if (!blkid_probe_lookup_value(probe, "PTTYPE", &name, NULL)) {
		kind = SIGNATURE_PARTITIONS;
		if (!blkid_probe_lookup_value(probe, "PTMAGIC_OFFSET", &text,
					      NULL))
			offset = strtoull(text, NULL, 10);
	} else if (!blkid_probe_lookup_value(probe, "TYPE", &name, NULL)) {
		blkid_probe_lookup_value(probe, "USAGE", &usage, NULL);
		if (!strcmp(usage, "filesystem"))
			kind = SIGNATURE_FILE_SYSTEM;
		if (!blkid_probe_lookup_value(probe, "SBMAGIC_OFFSET", &text,
					      NULL))
			offset = strtoull(text, NULL, 10);
	} else {
		return;
	}
	list_add(list, kind, name, offset);
}

/* A sparse copy of head and tail in a memory file; a descriptor or -errno. */
static int copy_ends(struct nvm_media *media)
{
	uint64_t size = media->size_bytes, step = 64 << 10;
	uint8_t *chunk = malloc((size_t)step);
	int fd = memfd_create("signature", MFD_CLOEXEC);
	int err = 0;

	if (fd < 0 || !chunk || ftruncate(fd, (off_t)size))
		err = fd < 0 || chunk ? -errno : -ENOMEM;
	for (uint64_t at = 0; !err && at < size; at += step) {
		size_t len = (size_t)(size - at < step ? size - at : step);

		if (at == COPY_BYTES && size > 2 * COPY_BYTES)
			at = (size - COPY_BYTES) / step * step;
		if (len > size - at)
			len = (size_t)(size - at);
		/* A poisoned part holds no signature that could be read. */
		if (media->ops->load(media, at, chunk, len))
			continue;
		if (pwrite(fd, chunk, len, (off_t)at) != (ssize_t)len)
			err = errno ? -errno : -EIO;
	}
	free(chunk);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

static int find_blkid(struct backing *backing, int fd,
		      struct signature_list *list, struct failure *failure)
{
	blkid_probe probe = blkid_new_probe();
	int got;

	if (!probe || blkid_probe_set_device(probe, fd, 0, 0)) {
		blkid_free_probe(probe);
		return failure_set(failure, -EIO,
			"cannot look for file systems on '%s'",
			backing_info(backing)->path);
	}
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE |
		BLKID_SUBLKS_USAGE | BLKID_SUBLKS_MAGIC |
		BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(probe, 1);
	blkid_probe_set_partitions_flags(probe, BLKID_PARTS_MAGIC);
	while ((got = blkid_do_probe(probe)) == 0 &&
	       list->count < SIGNATURES_MAX)
		list_add_blkid(list, probe);
	blkid_free_probe(probe);
	if (got < 0)
		return failure_set(failure, -EIO,
			"cannot read '%s' to look for file systems",
			backing_info(backing)->path);
	return 0;
}

int signature_find(struct backing *backing,
		   struct signature ret_signature[SIGNATURES_MAX],
		   size_t *ret_count, struct failure *failure)
{
	struct nvm_media *media = backing_media(backing);
	struct signature_list list = { ret_signature, 0 };
	int fd = backing_fd(backing);
	int err;

	err = find_own(media, &list);
	if (err)
		return failure_errno(failure, err, "cannot read '%s'",
				     backing_info(backing)->path);
	if (backing_info(backing)->kind == BACKING_DEVDAX) {
		fd = copy_ends(media);
		if (fd < 0)
			return failure_errno(failure, fd, "cannot read '%s'",
					     backing_info(backing)->path);
	}
	err = find_blkid(backing, fd, &list, failure);
	if (fd != backing_fd(backing))
		close(fd);
	if (!err)
		*ret_count = list.count;
	return err;
}

const char *signature_describe(const struct signature *signature,
			       char *buffer, size_t buffer_len)
{
	const char *name = signature->name;

	switch (signature->kind) {
	case SIGNATURE_POOL:
		snprintf(buffer, buffer_len, "an nvmpool pool");
		break;
	case SIGNATURE_DISK:
		snprintf(buffer, buffer_len, "an nvmpool virtual disk");
		break;
	case SIGNATURE_FILE_SYSTEM:
		snprintf(buffer, buffer_len, "a file system (%s)", name);
		break;
	case SIGNATURE_PARTITIONS:
		snprintf(buffer, buffer_len, "a partition table (%s)", name);
		break;
	case SIGNATURE_INFO_BLOCK:
		snprintf(buffer, buffer_len, "an NVDIMM info block (%s)",
			 name);
		break;
	case SIGNATURE_OTHER:
		snprintf(buffer, buffer_len, "a signature of %s", name);
		break;
	}
	return buffer;
}
