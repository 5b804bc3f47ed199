/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vbase.h - virtual disks in the states that disks get into, for the suites to
 * begin with: built through the core itself, then left as a process that was
 * killed leaves them (but all of it durable), or closed.
 */
#ifndef TORTURE_VBASE_H
#define TORTURE_VBASE_H

#include "tests/torture/vsteps.h"

enum vstate {
	VSTATE_BLANK,	/* all zeros */
	VSTATE_FOREIGN,	/* somebody's file system */
	VSTATE_FRESH,	/* created, never opened */
	VSTATE_CLEAN,	/* used, and closed */
	VSTATE_DIRTY,	/* used, not closed */
	VSTATE_LOGS,	/* many trims: a log full but for a line, not closed */
	VSTATE_FULL,	/* all blocks written, spares used again, not closed */
	VSTATE_TORN,	/* power was lost in the write of a group */
};
#define VSTATE_COUNT 8
const char *vstate_name(enum vstate state);

#define VBASE_BLOCKS	16u	/* logical ones; FULL has all there can be */

struct vbase {
	enum vstate state;
	uint64_t area_bytes;
	struct vyard yard;
	struct vhistory history;	/* of what is there */
	struct domain_trace trace;	/* scratch of the building */
	uint32_t *write_count;		/* by physical block */
	uint32_t block_count;
	uint64_t tag;			/* the last one given */
};

/* False: building it showed something wrong (verdict). */
bool vbase_begin(struct vbase *base, enum vstate state,
		 enum nvm_durability durability, struct verdict *verdict);
void vbase_end(struct vbase *base);

#endif
