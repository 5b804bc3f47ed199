/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch.c - note reads of watched words.
 */
#include "tests/torture/watch.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *mem)
{
	if (!mem)
		abort();
	return mem;
}

static uint32_t *slot_of(const struct domain_watch *watch, uint64_t page)
{
	uint32_t mask = watch->slot_count - 1;
	uint32_t i = (uint32_t)(page * 0x9e3779b97f4a7c15u >> 32) & mask;

	while (watch->slot[i] && watch->page[watch->slot[i] - 1].page != page)
		i = (i + 1) & mask;
	return &watch->slot[i];
}

static struct watch_page *page_make(struct domain_watch *watch, uint64_t page)
{
	uint32_t *slot = slot_of(watch, page);

	if (*slot)
		return &watch->page[*slot - 1];
	if (watch->page_count == watch->page_room) {
		watch->page_room = watch->page_room ? watch->page_room * 2 : 8;
		watch->page = must(realloc(watch->page, watch->page_room *
					   sizeof(*watch->page)));
	}
	memset(&watch->page[watch->page_count], 0, sizeof(*watch->page));
	watch->page[watch->page_count].page = page;
	*slot = ++watch->page_count;
	if (page < watch->first)
		watch->first = page;
	if (page >= watch->end)
		watch->end = page + 1;
	return &watch->page[*slot - 1];
}

static void cell_want(struct domain_watch *watch, uint32_t cell)
{
	uint64_t word = watch->word[cell], at = word % WATCH_PAGE_WORDS;
	struct watch_page *page = page_make(watch, word / WATCH_PAGE_WORDS);

	page->wanted[at / 64] |= 1ull << at % 64;
	page->cell[at] = cell;
}

void watch_begin(struct domain_watch *watch, const uint64_t *word,
		 uint32_t count)
{
	*watch = (struct domain_watch){ .first = UINT64_MAX, .slot_count = 16,
		.cell_count = count };
	while (watch->slot_count < count * 2)
		watch->slot_count *= 2;
	watch->slot = must(calloc(watch->slot_count, sizeof(*watch->slot)));
	watch->word = must(calloc(count + 1, sizeof(*watch->word)));
	watch->read = must(calloc(count + 1, sizeof(*watch->read)));
	memcpy(watch->word, word, count * sizeof(*word));
	for (uint32_t c = 0; c < count; c++)
		cell_want(watch, c);
}

void watch_end(struct domain_watch *watch)
{
	free(watch->page);
	free(watch->slot);
	free(watch->word);
	free(watch->read);
}

void watch_reset(struct domain_watch *watch)
{
	for (uint32_t i = 0; i < watch->read_count; i++)
		cell_want(watch, watch->read[i]);
	watch->read_count = 0;
}

/* Words [first, end) of a page. */
static void page_note(struct domain_watch *watch, struct watch_page *page,
		      uint64_t first, uint64_t end)
{
	for (uint64_t i = first / 64; i * 64 < end; i++) {
		uint64_t bits = page->wanted[i];

		if (i == first / 64)
			bits &= ~0ull << first % 64;
		if (end < i * 64 + 64)
			bits &= ~(~0ull << end % 64);
		page->wanted[i] &= ~bits;
		for (; bits; bits &= bits - 1)
			watch->read[watch->read_count++] = page->cell[i * 64 +
				(unsigned)__builtin_ctzll(bits)];
	}
}

/* Words [first, end) of the media, as far as they are in the page. */
static void page_note_part(struct domain_watch *watch, struct watch_page *page,
			   uint64_t first, uint64_t end)
{
	uint64_t begin = page->page * WATCH_PAGE_WORDS;

	if (first < begin + WATCH_PAGE_WORDS && end > begin)
		page_note(watch, page, first > begin ? first - begin : 0,
			  end - begin < WATCH_PAGE_WORDS ? end - begin
							 : WATCH_PAGE_WORDS);
}

static void note(struct domain_watch *watch, uint64_t off, uint64_t len)
{
	uint64_t first = off / 8, end = (off + len + 7) / 8;
	uint64_t page = first / WATCH_PAGE_WORDS;
	uint64_t last = len ? (end - 1) / WATCH_PAGE_WORDS : 0;

	if (!len || last < watch->first || page >= watch->end)
		return;
	if (last - page >= watch->page_count) {
		for (uint32_t i = 0; i < watch->page_count; i++)
			page_note_part(watch, &watch->page[i], first, end);
		return;
	}
	for (; page <= last; page++) {
		uint32_t slot = *slot_of(watch, page);

		if (slot)
			page_note_part(watch, &watch->page[slot - 1], first,
				       end);
	}
}

void watch_note(struct domain_watch *watch, uint64_t off, uint64_t len)
{
	for (; watch; watch = watch->outer)
		note(watch, off, len);
}
