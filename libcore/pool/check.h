/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check.h - what check.c (copies, and the order of it all) and check_owners.c
 * (children, units) share.
 */
#ifndef NVM_POOL_CHECK_H
#define NVM_POOL_CHECK_H

#include "pool/impl.h"

struct check {
	struct pool *pool;
	const struct pool_check_args *args;
	const struct pool_progress *progress;
	uint8_t *owned;		/* a bit per unit */
	uint32_t *order;	/* slots, to be sorted */
	uint32_t order_count;
	uint32_t group, group_first;	/* see child_check() */
	uint64_t owned_sum;	/* units, with those owned twice */
	bool owners_unknown;
};

/* Returns whether the caller is to mend it. */
bool check_report(const struct check *c, enum pool_finding finding,
		  const char *what, uint64_t index, uint64_t offset,
		  uint64_t count, bool repairable);
/* Both copies of a page against the image that counts. */
int check_page_copies(struct check *c, const char *what, uint64_t index,
		      uint64_t target, const void *image);
/* Was this table page found in no copy? */
bool check_image_lost(const struct check *c, const void *image,
		      const char *magic, uint64_t index);

/* Every entry and its AMT; who owns which unit. */
int check_children(struct check *c);
/* Two of one name, or of one uuid. */
void check_twins(struct check *c, bool by_uuid);
/* The UMAP against the owners, and against what the units hold. */
int check_states(struct check *c);

#endif
