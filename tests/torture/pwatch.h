/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pwatch.h - a pool before and after faults of its media: the same, or told to
 * be damaged; never another pool without a word.
 *
 * "Told" is an error, or pool_health(): lost pages (SALVAGE), or a damaged
 * journal, which forbids writing.  Where a fault hits the journal in a crash, a
 * transaction whose pages were not home may be as if it had not been
 * (docs/design.md, section 8).
 */
#ifndef TORTURE_PWATCH_H
#define TORTURE_PWATCH_H

#include "tests/torture/faults.h"
#include "tests/torture/oracle.h"

struct pwatch_child {
	struct pool_child child;
	struct pool_range extent[POOL_EXTENTS_MAX];
	size_t extent_count;
};

#define PWATCH_PAGES_MAX	1024u
#define PWATCH_MORE_MAX		10u

/* A page of metadata, and where its other copy lies (or 0). */
struct pwatch_page {
	uint64_t off, other;
};

struct pwatch {
	struct yard *yard;
	struct pool_geometry geometry;
	struct snapshot before;
	struct pwatch_child *child;
	uint32_t child_count, child_room;
	uint8_t *unit;			/* states; and whether owned by a child */
	uint64_t unit_room;
	struct pwatch_page page[PWATCH_PAGES_MAX];
	unsigned page_count;
	uint64_t more[PWATCH_MORE_MAX];	/* states that a crash allows, too */
	unsigned more_count;
	unsigned problems, open;	/* of a check; and not repaired */
	struct pool_problem first;
	struct verdict verdict;
};

void pwatch_begin(struct pwatch *watch, struct yard *yard);
void pwatch_end(struct pwatch *watch);

/* What is there now; to be called before any fault. */
bool pwatch_before(struct pwatch *watch);
/* Apply the faults and judge; to be put under a mark. */
bool pwatch_judge(struct pwatch *watch, const struct faults *faults, bool full);
/* For faults_apply(): the page there is another pool's. */
void pwatch_alien(void *ctx, uint64_t off, uint64_t len);

#endif
