/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * discover.h - what libndctl knows about the NVDIMM namespace below a
 * /dev/pmemN or /dev/daxX.Y, and changing its mode.
 */
#ifndef NVM_HOSTED_DISCOVER_H
#define NVM_HOSTED_DISCOVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hosted/failure.h"
#include "pool/pool.h"

enum namespace_mode {
	NAMESPACE_RAW,
	NAMESPACE_FSDAX,
	NAMESPACE_DEVDAX,
	NAMESPACE_SECTOR,
	NAMESPACE_UNKNOWN,
};

/* How far the platform carries a store when the power fails. */
enum namespace_domain {
	DOMAIN_UNKNOWN,
	DOMAIN_NONE,		/* needs a flush of the device (virtio-pmem) */
	DOMAIN_MEMORY,		/* memory controller: clwb and sfence do */
	DOMAIN_CACHE,		/* eADR: sfence does */
};

struct namespace_info {
	char name[32];			/* "namespace0.0" */
	char region[32];		/* "region0" */
	char device[32];		/* "pmem0" or "dax0.0"; may be "" */
	enum namespace_mode mode;
	enum namespace_domain domain;
	int numa_node;			/* -1: none */
	uint64_t size_bytes;		/* of the namespace */
	uint64_t align_bytes;		/* of its pages; 0: not known */
	bool read_only;			/* of its region */
};

/*
 * The namespace below the device of this kernel name ("pmem0", "dax0.0").
 * -ENOENT: none; -EACCES.  @ret_bad (malloc, may be NULL with its count) are
 * the poisoned ranges in bytes of the device.
 */
int namespace_find(const char *device, struct namespace_info *ret_info,
		   struct pool_range **ret_bad, size_t *ret_bad_count,
		   struct failure *failure);

/*
 * Turn a namespace (by name) into devdax mode; what is on it is lost.  On
 * success the new device's path is in @ret_path.  -EBUSY: in use; -EOPNOTSUPP:
 * its kind cannot.
 */
int namespace_to_devdax(const char *name, char *ret_path,
			size_t ret_path_len, struct failure *failure);

const char *namespace_mode_name(enum namespace_mode mode);
const char *namespace_domain_name(enum namespace_domain domain);

#endif
