/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_counts.h - the write counts of a disk's blocks, from their records.
 */
#ifndef NVM_CLI_WEAR_COUNTS_H
#define NVM_CLI_WEAR_COUNTS_H

#include "cli/disk.h"

struct wear_counts {
	uint32_t *count;		/* of those that can be read */
	uint32_t *block;		/* which they are */
	uint64_t number;
	uint64_t unreadable;
};

/* Of an open disk.  An exit status, told. */
int wear_counts_read(struct disk *disk, struct wear_counts *ret_counts);
void wear_counts_free(struct wear_counts *counts);

#endif
