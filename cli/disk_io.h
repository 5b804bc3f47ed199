/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_io.h - the bytes of an open disk in long runs, for read, export, import
 * and trim: what holds something, and what is damaged.
 */
#ifndef NVM_CLI_DISK_IO_H
#define NVM_CLI_DISK_IO_H

#include "cli/disk.h"

/*
 * The next run of blocks from byte @at on, below @end, that hold something; at
 * most @most bytes.  False: there is none.
 */
bool cli_disk_data_next(struct disk *disk, uint64_t at, uint64_t end,
			uint64_t most, uint64_t *ret_at, uint64_t *ret_len);

/*
 * Read; 0 or a negative enum nvm_err.  On -NVM_EIO *ret_good is how much of it
 * lies before the first damaged block.
 */
int cli_disk_read(struct disk *disk, uint64_t at, uint8_t *dst, size_t len,
		  size_t *ret_good);

/*
 * The bytes read as zeros from now on.  Only blocks that hold something are
 * trimmed: a trim costs a line of a trim log.  May be stopped by a signal.
 */
int cli_disk_zero(struct disk *disk, uint64_t at, uint64_t len);

/* "block 3 (byte 0x3000) is damaged ...; <hint>": EXIT_DAMAGED, told. */
int cli_disk_damaged(struct disk *disk, uint64_t at, const char *hint);

#endif
