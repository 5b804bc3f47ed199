/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * signature.h - what lies on a backing already: one of our pools, a file
 * system, swap, RAID or LVM member, a partition table (libblkid), or an NVDIMM
 * info block.  `format` asks before it overwrites any of them.
 */
#ifndef NVM_HOSTED_SIGNATURE_H
#define NVM_HOSTED_SIGNATURE_H

#include "hosted/backing.h"

enum signature_kind {
	SIGNATURE_POOL,
	SIGNATURE_DISK,		/* a virtual disk of ours */
	SIGNATURE_FILE_SYSTEM,
	SIGNATURE_PARTITIONS,
	SIGNATURE_INFO_BLOCK,	/* fsdax, devdax or btt, as raw bytes */
	SIGNATURE_OTHER,	/* swap, RAID, LVM, LUKS ... */
};

struct signature {
	enum signature_kind kind;
	char name[32];		/* "ext4", "gpt", "NVMPOOL", "devdax" */
	uint64_t offset;	/* of the magic bytes, where known */
};

#define SIGNATURES_MAX	8

/* At most SIGNATURES_MAX of them; 0 with *ret_count = 0 if it looks blank. */
int signature_find(struct backing *backing,
		   struct signature ret_signature[SIGNATURES_MAX],
		   size_t *ret_count, struct failure *failure);

/* "an ext4 file system", "an nvmpool pool".  Returns @buffer. */
const char *signature_describe(const struct signature *signature,
			       char *buffer, size_t buffer_len);

#endif
