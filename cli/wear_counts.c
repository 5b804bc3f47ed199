/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_counts.c - read the record of each block (wear_counts.h).
 */
#include <stdlib.h>

#include "cli/kdisk.h"
#include "cli/out.h"
#include "cli/wear_counts.h"

/* All at once, into their places; then those that cannot be read go. */
static int kernel_counts(struct disk *disk, struct wear_counts *counts)
{
	uint32_t blocks = disk->geometry.block_count;
	char reason[128];
	int err = kdisk_counts(KDISK_SYS, disk->kernel, counts->count);

	if (err) {
		wear_counts_free(counts);
		return cli_fail(disk->cli, fail_status(err), "cannot read the "
				"counts of the kernel's disk %s: %s",
				disk->kernel->name,
				failure_strerror(err, reason, sizeof(reason)));
	}
	for (uint32_t i = 0; i < blocks; i++) {
		if (counts->count[i] == UINT32_MAX) {
			counts->unreadable++;
			continue;
		}
		counts->block[counts->number] = i;
		counts->count[counts->number++] = counts->count[i];
	}
	return 0;
}

int wear_counts_read(struct disk *disk, struct wear_counts *ret_counts)
{
	uint32_t blocks = disk->geometry.block_count;
	struct wear_counts counts = {
		.count = calloc(blocks, sizeof(*counts.count)),
		.block = calloc(blocks, sizeof(*counts.block)),
	};

	if (!counts.count || !counts.block) {
		wear_counts_free(&counts);
		return cli_fail(disk->cli, EXIT_FAILED, "out of memory");
	}
	if (disk->kernel) {
		*ret_counts = counts;
		return kernel_counts(disk, ret_counts);
	}
	for (uint32_t i = 0; i < blocks; i++) {
		struct vd_physical physical;

		if (vd_physical(disk->vd, i, &physical) ||
		    !physical.readable) {
			counts.unreadable++;
			continue;
		}
		counts.block[counts.number] = i;
		counts.count[counts.number++] = physical.count;
	}
	*ret_counts = counts;
	return 0;
}

void wear_counts_free(struct wear_counts *counts)
{
	free(counts->count);
	free(counts->block);
}
