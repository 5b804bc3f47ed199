/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_claim.c - does an area belong to somebody else already?  The rules are
 * those of `nvmpool format`.
 */
#include "cli/disk.h"
#include "cli/image.h"
#include "hosted/signature.h"

/* Of a file or child, looked at for anything but zeros. */
#define HEAD_BYTES	(1ull << 20)

static int claimed(struct disk *disk, const char *path, const char *what)
{
	return cli_fail(disk->cli, EXIT_EXISTS, "cannot make '%s' part of a "
			"disk: it holds %s; --force overwrites it", path,
			what);
}

static int signature_refuse(struct disk *disk, uint32_t extent)
{
	struct backing *backing = cli_disk_locked(disk, extent);
	struct signature found[SIGNATURES_MAX];
	struct failure failure;
	char text[128];
	size_t count;
	int err = signature_find(backing, found, &count, &failure);

	if (err)
		return fail_hosted(disk->cli, err, &failure);
	if (!count)
		return 0;
	return claimed(disk, backing_info(backing)->path,
		       signature_describe(&found[0], text, sizeof(text)));
}

static int data_refuse(struct disk *disk, uint32_t extent)
{
	struct nvm_media *media = disk->vd_area->extent[extent];
	const char *path = cli_disk_is_child(disk) ? disk->name :
			   backing_info(area_backing(disk->area, extent))->path;
	uint8_t head[NVM_PAGE];

	for (uint64_t at = 0; at < HEAD_BYTES && at + sizeof(head) <=
	     media->size_bytes; at += sizeof(head)) {
		int err = media->ops->load(media, at, head, sizeof(head));

		if (err)
			return cli_disk_fail(disk, err, NULL, "cannot read "
					     "'%s'", path);
		if (!bytes_are_zero(head, sizeof(head)))
			return claimed(disk, path, "data");
	}
	return 0;
}

int cli_disk_unclaimed(struct disk *disk, uint32_t first)
{
	int status = 0;

	for (uint32_t e = first; e < disk->vd_area->extent_count && !status;
	     e++) {
		const struct backing_info *info =
			backing_info(area_backing(disk->area, e));

		if (!cli_disk_is_child(disk))
			status = signature_refuse(disk, e);
		if (!status && (cli_disk_is_child(disk) ||
				info->kind == BACKING_FILE))
			status = data_refuse(disk, e);
	}
	return status;
}
