/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_io.c - runs of a disk's blocks, and which of them is damaged
 * (disk_io.h).
 */
#include "cli/disk_io.h"

static bool block_is_mapped(struct disk *disk, uint64_t block)
{
	struct vd_place place;

	/* what cannot be looked up is to be read, which tells why */
	return vd_place(disk->vd, block, &place) || place.mapped;
}

bool cli_disk_data_next(struct disk *disk, uint64_t at, uint64_t end,
			uint64_t most, uint64_t *ret_at, uint64_t *ret_len)
{
	uint64_t block = at / VD_BLOCK, first;
	uint64_t behind = (end + VD_BLOCK - 1) / VD_BLOCK;

	while (block < behind && !block_is_mapped(disk, block))
		block++;
	if (at >= end || block >= behind)
		return false;
	first = block++;
	while (block < behind && (block + 1 - first) * VD_BLOCK <= most &&
	       block_is_mapped(disk, block))
		block++;
	*ret_at = first * VD_BLOCK > at ? first * VD_BLOCK : at;
	*ret_len = (block * VD_BLOCK < end ? block * VD_BLOCK : end) - *ret_at;
	return true;
}

int cli_disk_read(struct disk *disk, uint64_t at, uint8_t *dst, size_t len,
		  size_t *ret_good)
{
	int err = vd_pread(disk->vd, 0, at, len, dst);

	*ret_good = err ? 0 : len;
	if (err != -NVM_EIO)
		return err;
	/* one block after the other, up to the bad one */
	while (*ret_good < len) {
		uint64_t here = at + *ret_good;
		size_t part = VD_BLOCK - (size_t)(here % VD_BLOCK);

		if (part > len - *ret_good)
			part = len - *ret_good;
		err = vd_pread(disk->vd, 0, here, part, dst + *ret_good);
		if (err)
			return err;
		*ret_good += part;
	}
	return 0;
}

int cli_disk_zero(struct disk *disk, uint64_t at, uint64_t len)
{
	uint64_t end = at + len, first, count;
	int err = 0;

	/* a step is short enough for a signal to be heeded */
	while (!err && cli_disk_data_next(disk, at, end, 64u << 20, &first,
					  &count)) {
		if (signals_caught())
			return -NVM_EINTR;
		err = vd_zero(disk->vd, 0, first, count);
		at = first + count;
	}
	return err;
}

int cli_disk_damaged(struct disk *disk, uint64_t at, const char *hint)
{
	progress_end(&disk->progress);
	return cli_fail(disk->cli, EXIT_DAMAGED, "block %llu (byte 0x%llx) of "
			"disk '%s' is damaged: it cannot be read, or does not "
			"match its checksum; %s",
			(unsigned long long)(at / VD_BLOCK),
			(unsigned long long)at, disk->name, hint);
}
