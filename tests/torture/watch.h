/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch.h - which of some words of a domain were read, in the order in which
 * they were: how the explorer learns on what the judgement of an image rests.
 * Pages without such words cost a look into a small table.
 */
#ifndef TORTURE_WATCH_H
#define TORTURE_WATCH_H

#include "base/media.h"

#define WATCH_PAGE_WORDS	(NVM_PAGE / 8)

struct watch_page {
	uint64_t page;
	uint64_t wanted[WATCH_PAGE_WORDS / 64];	/* not read yet */
	uint32_t cell[WATCH_PAGE_WORDS];	/* by word */
};

struct domain_watch {
	struct watch_page *page;
	uint32_t page_count, page_room;
	uint32_t *slot;			/* hash from page number to index + 1 */
	uint32_t slot_count;		/* a power of two */
	uint64_t first, end;		/* the pages lie between */
	uint64_t *word;			/* by cell */
	uint32_t cell_count;
	uint32_t *read;			/* the cells that were, each once */
	uint32_t read_count;
	struct domain_watch *outer;	/* notes it, too; or NULL */
};

/* Watch these words; a cell is an index into them. */
void watch_begin(struct domain_watch *watch, const uint64_t *word,
		 uint32_t count);
void watch_end(struct domain_watch *watch);
/* Nothing was read yet. */
void watch_reset(struct domain_watch *watch);
/* In all of them, from the inner one out. */
void watch_note(struct domain_watch *watch, uint64_t off, uint64_t len);

#endif
