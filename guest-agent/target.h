/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target.h - the area of a disk that is to be served: found, locked, and
 * nobody else's.
 *
 * The rules are those of nvmvd (cli/disk.h): files and devices are locked like
 * pools (flock), of a child the bytes are leased, and what a VM or another
 * process maps is refused.
 */
#ifndef NVM_GUEST_AGENT_TARGET_H
#define NVM_GUEST_AGENT_TARGET_H

#include "hosted/area.h"

struct target_name {
	const char *path[VD_EXTENTS_MAX];	/* files and devices, */
	size_t path_count;
	const char *pool;			/* or, by its path, the pool */
	const char *child;			/* of this child */
	enum stray_guard guard;
	unsigned wait_s;			/* for whoever has it */
	bool read_only;
};

/* What messages call it. */
const char *target_text(const struct target_name *name);

struct target;

/*
 * -EBUSY: it is in use; errors of backing_open() and area_open().  The strings
 * are not copied.
 */
int target_open(const struct target_name *name, struct target **ret_target,
		struct failure *failure);
void target_close(struct target *target);

/* Valid until target_close(). */
const struct vd_area *target_area(const struct target *target);

#endif
