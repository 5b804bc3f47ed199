/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flight.c - follow a trace and keep what is in flight.
 *
 * Invariant: the domain's image holds exactly what is durable.  A version is
 * kept only where it differs from the one before it: a store that changes
 * nothing offers a power loss no choice.
 */
#include "tests/torture/flight.h"

#include <stdlib.h>

#define LINE_WORDS	(NVM_LINE / 8)
#define PAGE_WORDS	(NVM_PAGE / 8)

static void *grow(void *mem, uint32_t *room, uint32_t need, size_t size)
{
	if (need <= *room)
		return mem;
	while (*room < need)
		*room = *room ? *room * 2 : 256;
	mem = realloc(mem, *room * size);
	if (!mem)
		abort();
	return mem;
}

void flight_begin(struct flight *flight, struct domain *domain,
		  enum explore_model model)
{
	*flight = (struct flight){ .domain = domain, .model = model };
}

void flight_end(struct flight *flight)
{
	free(flight->cell);
	free(flight->version);
	free(flight->slot);
}

/* ---- words ---------------------------------------------------------------- */

static uint32_t *slot_of(const struct flight *flight, uint64_t word)
{
	uint32_t mask = flight->slot_count - 1;
	uint32_t i = (uint32_t)(word * 0x9e3779b97f4a7c15u >> 32) & mask;

	while (flight->slot[i] &&
	       flight->cell[flight->slot[i] - 1].word != word)
		i = (i + 1) & mask;
	return &flight->slot[i];
}

static void slots_fill(struct flight *flight, uint32_t slot_count)
{
	free(flight->slot);
	flight->slot = calloc(slot_count, sizeof(*flight->slot));
	if (!flight->slot)
		abort();
	flight->slot_count = slot_count;
	for (uint32_t c = 0; c < flight->cell_count; c++)
		*slot_of(flight, flight->cell[c].word) = c + 1;
}

static struct cell *cell_find(const struct flight *flight, uint64_t word)
{
	uint32_t slot = flight->slot_count ? *slot_of(flight, word) : 0;

	return slot ? &flight->cell[slot - 1] : NULL;
}

static struct cell *cell_make(struct flight *flight, uint64_t word)
{
	struct cell *cell = cell_find(flight, word);

	if (cell)
		return cell;
	flight->cell = grow(flight->cell, &flight->cell_room,
			    flight->cell_count + 1, sizeof(*flight->cell));
	flight->cell[flight->cell_count++] = (struct cell){
		.word = word, .visible = domain_peek(flight->domain, word),
		.last = UINT32_MAX };
	if (flight->cell_count * 2 > flight->slot_count)
		slots_fill(flight, flight->slot_count ? flight->slot_count * 2
						      : 512);
	else
		*slot_of(flight, word) = flight->cell_count;
	return &flight->cell[flight->cell_count - 1];
}

static void word_store(struct flight *flight, uint64_t word, uint64_t value,
		       uint32_t time, uint32_t threads, bool bypass)
{
	struct cell *cell = cell_find(flight, word);
	uint64_t floor = domain_peek(flight->domain, word);

	if (value == (cell ? cell->visible : floor)) {
		if (cell)
			flight->version[cell->last].threads |= threads;
		/* eadr: in the cache it is durable, around it it was not. */
		if (flight->model != MODEL_EADR || !cell || bypass ||
		    !flight->version[cell->last].bypass)
			return;
	}
	cell = cell_make(flight, word);
	flight->version = grow(flight->version, &flight->version_room,
			       flight->version_count + 1,
			       sizeof(*flight->version));
	flight->version[flight->version_count] = (struct version){
		.cell = (uint32_t)(cell - flight->cell), .time = time,
		.value = value, .bypass = bypass, .threads = threads,
		.delta = domain_hash_word(word, floor) ^
			 domain_hash_word(word, value) };
	cell->visible = value;
	cell->last = flight->version_count++;
}

static uint64_t word_visible(const struct flight *flight, uint64_t word)
{
	const struct cell *cell = cell_find(flight, word);

	return cell ? cell->visible : domain_peek(flight->domain, word);
}

/* ---- events --------------------------------------------------------------- */

/* A store's part in one page; src NULL stores zeros. */
struct page_part {
	uint64_t off, len;
	const uint8_t *src;
};

/* The word as the store leaves it. */
static uint64_t part_word(const struct flight *flight,
			  const struct page_part *part, uint64_t word)
{
	uint64_t value = word_visible(flight, word), end = part->off + part->len;
	uint64_t from = word * 8 > part->off ? word * 8 : part->off;
	uint64_t to = word * 8 + 8 < end ? word * 8 + 8 : end;

	if (part->src)
		memcpy((uint8_t *)&value + from % 8,
		       part->src + (from - part->off), to - from);
	else
		memset((uint8_t *)&value + from % 8, 0, to - from);
	return value;
}

/* Half-done: half of the words that change. */
static void page_part_store(struct flight *flight, const struct page_part *part,
			    uint32_t event, uint32_t threads)
{
	uint64_t first = part->off / 8, end = (part->off + part->len + 7) / 8;
	uint64_t changing = 0, done = 0;

	for (uint64_t word = first; word < end; word++)
		changing += part_word(flight, part, word) !=
			    word_visible(flight, word);
	for (uint64_t word = first; word < end; word++) {
		uint64_t value = part_word(flight, part, word);
		uint64_t line = word * 8 / NVM_LINE * NVM_LINE;
		bool changes = value != word_visible(flight, word);
		uint32_t half = done * 2 >= changing;

		word_store(flight, word, value, event * 2 + half, threads,
			   line >= part->off &&
			   line + NVM_LINE <= part->off + part->len);
		done += changes;
	}
}

static void range_store(struct flight *flight, uint64_t off,
			const uint8_t *src, uint64_t len, uint32_t event,
			uint32_t threads)
{
	while (len) {
		uint64_t n = NVM_PAGE - off % NVM_PAGE;

		if (n > len)
			n = len;
		page_part_store(flight, &(struct page_part){ off, n, src },
				event, threads);
		off += n;
		src += n;
		len -= n;
	}
}

/* The part of the page in which @at lies. */
static void page_discard(struct flight *flight, uint64_t at, uint64_t off,
			 uint64_t end, uint32_t event, uint32_t threads)
{
	uint64_t from = at / NVM_PAGE * NVM_PAGE, to = from + NVM_PAGE;

	from = from > off ? from : off;
	to = to < end ? to : end;
	page_part_store(flight, &(struct page_part){ from, to - from, NULL },
			event, threads);
}

/* Only pages with something on them: a discard may cover all of the media. */
static void range_discard(struct flight *flight, uint64_t off, uint64_t len,
			  uint32_t event, uint32_t threads)
{
	const struct domain *domain = flight->domain;
	uint64_t end = off + len;

	/* In flight, on a page that is zeros. */
	for (uint32_t c = 0; c < flight->cell_count; c++) {
		const struct cell *cell = &flight->cell[c];

		if (cell->visible && cell->word * 8 + 8 > off &&
		    cell->word * 8 < end &&
		    !domain->page_words[cell->word / PAGE_WORDS])
			page_discard(flight, cell->word * 8, off, end, event,
				     threads);
	}
	for (uint64_t at = off / NVM_PAGE * NVM_PAGE; at < end; at += NVM_PAGE) {
		uint64_t chunk = 4096ull * NVM_PAGE;

		if (!domain->chunk_pages[at / chunk])
			at += chunk - at % chunk - NVM_PAGE;
		else if (domain->page_words[at / NVM_PAGE])
			page_discard(flight, at, off, end, event, threads);
	}
}

static bool version_lands(const struct flight *flight,
			  const struct version *version,
			  const struct domain_event *event)
{
	if (flight->model == MODEL_EADR && !version->bypass)
		return true;
	if (flight->model == MODEL_PAGECACHE)
		return version->drained;
	return event->type == DOMAIN_DRAIN &&
	       version->threads >> event->thread & 1;
}

static bool is_landing(enum explore_model model, enum domain_event_type type)
{
	if (model == MODEL_PAGECACHE)
		return type == DOMAIN_SYNC;
	return type == DOMAIN_DRAIN ||
	       (model == MODEL_EADR &&
		(type == DOMAIN_ACK || type == DOMAIN_KILL));
}

bool flight_lands(const struct flight *flight, const struct domain_event *event)
{
	if (!is_landing(flight->model, event->type))
		return false;
	for (uint32_t v = 0; v < flight->version_count; v++)
		if (version_lands(flight, &flight->version[v], event))
			return true;
	return false;
}

/* The newest version that lands becomes the floor; later ones stay. */
static void land(struct flight *flight, const struct domain_event *event)
{
	uint32_t versions = flight->version_count, cells = flight->cell_count;
	struct version *old = flight->version;
	struct cell *old_cell = flight->cell;

	for (uint32_t v = 0; v < versions; v++)
		if (version_lands(flight, &old[v], event))
			domain_poke_word(flight->domain,
					 old_cell[old[v].cell].word,
					 old[v].value);
	/* Mark by .last the version up to which each cell has landed. */
	for (uint32_t c = 0; c < cells; c++)
		old_cell[c].last = UINT32_MAX;
	for (uint32_t v = 0; v < versions; v++)
		if (version_lands(flight, &old[v], event))
			old_cell[old[v].cell].last = v;
	flight->version = NULL;
	flight->cell = NULL;
	flight->version_count = flight->version_room = 0;
	flight->cell_count = flight->cell_room = 0;
	if (flight->slot_count)
		memset(flight->slot, 0, flight->slot_count * sizeof(*flight->slot));
	for (uint32_t v = 0; v < versions; v++) {
		const struct cell *cell = &old_cell[old[v].cell];
		struct version *now;

		if (cell->last != UINT32_MAX && v <= cell->last)
			continue;
		word_store(flight, cell->word, old[v].value, old[v].time,
			   old[v].threads, old[v].bypass);
		now = &flight->version[cell_find(flight, cell->word)->last];
		now->drained = old[v].drained;
	}
	free(old);
	free(old_cell);
}

void flight_event(struct flight *flight, const struct domain_trace *trace,
		  size_t index)
{
	const struct domain_event *event = &trace->event[index];
	bool lands = flight_lands(flight, event);
	uint32_t bit = 1u << event->thread;

	switch (event->type) {
	case DOMAIN_STORE:
		range_store(flight, event->off, trace->bytes + event->bytes,
			    event->len, (uint32_t)index, bit);
		break;
	case DOMAIN_DISCARD:
		range_discard(flight, event->off, event->len, (uint32_t)index,
			      bit);
		break;
	case DOMAIN_DRAIN:
		for (uint32_t v = 0; v < flight->version_count; v++)
			if (flight->version[v].threads & bit)
				flight->version[v].drained = true;
		break;
	case DOMAIN_FLUSH:
		for (uint32_t v = 0; v < flight->version_count; v++) {
			uint64_t at = flight->cell[flight->version[v].cell].word
				      * 8;

			if (at + 8 > event->off && at < event->off + event->len)
				flight->version[v].threads |= bit;
		}
		break;
	case DOMAIN_KILL:
		for (uint32_t v = 0; v < flight->version_count; v++) {
			flight->version[v].threads = 0;
			flight->version[v].drained = true;
		}
		break;
	case DOMAIN_SYNC:
	case DOMAIN_RESERVE:
	case DOMAIN_LOAD:
	case DOMAIN_ACK:
		break;
	}
	if (lands)
		land(flight, event);
}
