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

/* Holes are not looked into: on tmpfs that would fill them. */
static int data_refuse(struct disk *disk, uint32_t extent)
{
	struct pool_range head = cli_disk_range(disk, extent), data;
	const struct backing *backing = area_backing(disk->area, extent);
	struct nvm_media *media = disk->vd_area->extent[extent];
	const char *path = cli_disk_is_child(disk) ? disk->name :
			   backing_info(backing)->path;
	uint64_t at = head.off_bytes, end = at + (head.size_bytes < HEAD_BYTES ?
						  head.size_bytes : HEAD_BYTES);
	uint8_t page[NVM_PAGE];

	while (at < end && backing_data_next(backing, at, end - at, &data)) {
		int err;

		at = data.off_bytes - data.off_bytes % NVM_PAGE;
		err = media->ops->load(media, at - head.off_bytes, page,
				       sizeof(page));
		if (err)
			return cli_disk_fail(disk, err, NULL, "cannot read "
					     "'%s'", path);
		if (!bytes_are_zero(page, sizeof(page)))
			return claimed(disk, path, "data");
		at += sizeof(page);
	}
	return 0;
}

bool cli_disk_blank(struct disk *disk)
{
	struct pool_range data;

	for (uint32_t e = 0; e < disk->vd_area->extent_count; e++) {
		const struct backing *backing = area_backing(disk->area, e);
		struct pool_range range = cli_disk_range(disk, e);

		if (backing_info(backing)->kind != BACKING_FILE ||
		    backing_data_next(backing, range.off_bytes,
				      range.size_bytes, &data))
			return false;
	}
	return true;
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
