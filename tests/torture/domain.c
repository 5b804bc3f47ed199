/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * domain.c - the image of the simulated persistence domain, its undo log, its
 * trace, and the media operations that write them.
 *
 * Invariants: page_words and chunk_pages count the words and pages that are
 * not zero, hash is the sum over all of the image; every change of the image
 * passes through page_store() or domain_poke_word(), which keep that and save
 * the page for the innermost mark the first time.
 */
#include "tests/torture/domain.h"

#include <isa-l/crc.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE_WORDS	(NVM_PAGE / 8)
#define CHUNK_PAGES	4096u

struct domain_undo {
	uint64_t page;
	uint32_t page_mark;
	uint16_t page_words;
	uint64_t data[PAGE_WORDS];
};

static void *must(void *mem)
{
	if (!mem) {
		fputs("torture: out of memory\n", stderr);
		abort();
	}
	return mem;
}

static void *map_zero(uint64_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

uint64_t domain_hash_word(uint64_t word, uint64_t value)
{
	uint64_t x;

	if (!value)
		return 0;
	x = value * 0x9e3779b97f4a7c15u ^ (word + 1) * 0xc2b2ae3d27d4eb4fu;
	x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 29) * 0x94d049bb133111ebu;
	return x ^ x >> 32;
}

/* ---- the image ----------------------------------------------------------- */

static void page_save(struct domain *domain, uint64_t page)
{
	struct domain_undo *undo;

	if (domain->page_mark[page] >= domain->depth)
		return;
	if (domain->undo_count == domain->undo_room) {
		domain->undo_room = domain->undo_room ? domain->undo_room * 2
						      : 64;
		domain->undo = must(realloc(domain->undo,
			domain->undo_room * sizeof(*domain->undo)));
	}
	undo = &domain->undo[domain->undo_count++];
	undo->page = page;
	undo->page_mark = domain->page_mark[page];
	undo->page_words = domain->page_words[page];
	memcpy(undo->data, domain->image + page * NVM_PAGE, NVM_PAGE);
	domain->page_mark[page] = domain->depth;
}

static void page_count(struct domain *domain, uint64_t page, uint16_t words)
{
	uint32_t *chunk = &domain->chunk_pages[page / CHUNK_PAGES];

	*chunk += words && !domain->page_words[page];
	*chunk -= !words && domain->page_words[page];
	domain->page_words[page] = words;
}

void domain_poke_word(struct domain *domain, uint64_t word, uint64_t value)
{
	uint64_t page = word / PAGE_WORDS, old = domain_peek(domain, word);

	if (old == value)
		return;
	page_save(domain, page);
	page_count(domain, page, (uint16_t)(domain->page_words[page] +
					    !old - !value));
	domain->hash ^= domain_hash_word(word, old) ^
			domain_hash_word(word, value);
	memcpy(domain->image + word * 8, &value, 8);
}

void domain_poke(struct domain *domain, uint64_t off, const void *src,
		 size_t len)
{
	const uint8_t *from = src;

	while (len) {
		uint64_t word = off / 8, value = domain_peek(domain, word);
		size_t skip = off % 8, n = 8 - skip < len ? 8 - skip : len;

		memcpy((uint8_t *)&value + skip, from, n);
		domain_poke_word(domain, word, value);
		off += n;
		from += n;
		len -= n;
	}
}

void domain_poke_zero(struct domain *domain, uint64_t off, uint64_t len)
{
	static const uint8_t zero[NVM_PAGE];

	while (len) {
		uint64_t page = off / NVM_PAGE;
		uint64_t n = NVM_PAGE - off % NVM_PAGE;

		if (!domain->chunk_pages[page / CHUNK_PAGES])
			n = (uint64_t)CHUNK_PAGES * NVM_PAGE -
			    off % ((uint64_t)CHUNK_PAGES * NVM_PAGE);
		if (n > len)
			n = len;
		if (domain->page_words[page])
			domain_poke(domain, off, zero, n);
		off += n;
		len -= n;
	}
}

bool domain_reads_zero(const struct domain *domain, uint64_t off, uint64_t len)
{
	static const uint8_t zero[NVM_PAGE];

	while (len) {
		uint64_t page = off / NVM_PAGE;
		uint64_t n = NVM_PAGE - off % NVM_PAGE;

		if (!domain->chunk_pages[page / CHUNK_PAGES])
			n = (uint64_t)CHUNK_PAGES * NVM_PAGE -
			    off % ((uint64_t)CHUNK_PAGES * NVM_PAGE);
		if (n > len)
			n = len;
		domain_look(domain, off, n);
		if (domain->page_words[page] &&
		    memcmp(domain->image + off, zero, n))
			return false;
		off += n;
		len -= n;
	}
	return true;
}

void domain_mark(struct domain *domain)
{
	if (domain->depth == DOMAIN_MARKS_MAX)
		abort();
	domain->mark[domain->depth++] = (struct domain_mark){
		domain->undo_count, domain->hash };
}

void domain_back(struct domain *domain)
{
	const struct domain_mark *mark = &domain->mark[--domain->depth];

	while (domain->undo_count > mark->undo_count) {
		const struct domain_undo *undo =
			&domain->undo[--domain->undo_count];

		memcpy(domain->image + undo->page * NVM_PAGE, undo->data,
		       NVM_PAGE);
		page_count(domain, undo->page, undo->page_words);
		domain->page_mark[undo->page] = undo->page_mark;
	}
	domain->hash = mark->hash;
}

/* ---- the trace ----------------------------------------------------------- */

static void *grow(void *mem, size_t *room, size_t need, size_t size)
{
	if (need <= *room)
		return mem;
	while (*room < need)
		*room = *room ? *room * 2 : 64;
	return must(realloc(mem, *room * size));
}

static void trace_add(struct domain_trace *trace, struct domain_event event,
		      const void *src)
{
	trace->event = grow(trace->event, &trace->room, trace->count + 1,
			    sizeof(event));
	if (event.type == DOMAIN_STORE) {
		trace->bytes = grow(trace->bytes, &trace->byte_room,
				    trace->byte_count + event.len, 1);
		event.bytes = trace->byte_count;
		memcpy(trace->bytes + event.bytes, src, event.len);
		trace->byte_count += event.len;
	}
	trace->event[trace->count++] = event;
}

void trace_append(struct domain_trace *trace, const struct domain_trace *from,
		  size_t first, size_t count)
{
	for (size_t i = first; i < first + count; i++)
		trace_add(trace, from->event[i],
			  from->event[i].type == DOMAIN_STORE ?
			  from->bytes + from->event[i].bytes : NULL);
}

void trace_reset(struct domain_trace *trace)
{
	trace->count = trace->byte_count = 0;
}

void trace_free(struct domain_trace *trace)
{
	free(trace->event);
	free(trace->bytes);
	*trace = (struct domain_trace){ 0 };
}

void domain_apply(struct domain *domain, const struct domain_trace *trace,
		  size_t first, size_t count)
{
	for (size_t i = first; i < first + count; i++) {
		const struct domain_event *event = &trace->event[i];

		if (event->type == DOMAIN_STORE)
			domain_poke(domain, event->off,
				    trace->bytes + event->bytes, event->len);
		else if (event->type == DOMAIN_DISCARD)
			domain_poke_zero(domain, event->off, event->len);
	}
}

void domain_record(struct domain *domain, struct domain_trace *trace)
{
	domain->trace = trace;
}

void domain_note(struct domain *domain, enum domain_event_type type)
{
	if (domain->trace)
		trace_add(domain->trace, (struct domain_event){
			.type = type, .op = domain->op,
			.thread = domain->thread }, NULL);
}

const char *domain_event_name(enum domain_event_type type)
{
	static const char *const name[] = {
		"store", "discard", "drain", "sync", "flush", "reserve",
		"load", "kill", "ack",
	};

	return name[type];
}

void trace_print(FILE *out, const struct domain_trace *trace)
{
	for (size_t i = 0; i < trace->count; i++) {
		const struct domain_event *event = &trace->event[i];

		fprintf(out, "# %4zu %-7s %#10jx +%#jx", i,
			domain_event_name(event->type), (uintmax_t)event->off,
			(uintmax_t)event->len);
		if (event->thread)
			fprintf(out, " thread %u", event->thread);
		putc('\n', out);
	}
}

/* ---- the media ----------------------------------------------------------- */

static struct domain *to_domain(struct nvm_media *media)
{
	return (struct domain *)media;
}

/* Every operation passes here first: count, record, refuse. */
static int event_begin(struct nvm_media *media, enum domain_event_type type,
		       uint64_t off, const void *src, uint64_t len,
		       const void *site)
{
	struct domain *domain = to_domain(media);
	bool changes = type == DOMAIN_STORE || type == DOMAIN_DISCARD;
	uint64_t n;

	if (domain->turn)
		domain->turn(domain->turn_ctx, type);
	n = ++domain->event_count[type];
	if (!media_contains(media, off, len) || (changes && media->read_only)) {
		domain->violations++;
		return -NVM_EIO;
	}
	if (domain->fail_after[type] && (n == domain->fail_after[type] ||
	    (n > domain->fail_after[type] && !domain->fail_once)))
		return -domain->fail_err;
	if (domain->trace && (type != DOMAIN_LOAD || domain->record_loads))
		trace_add(domain->trace, (struct domain_event){
			.type = type, .op = domain->op,
			.thread = domain->thread, .site = site,
			.off = off, .len = len }, src);
	return 0;
}

#define SITE __builtin_return_address(0)

static int domain_load(struct nvm_media *media, uint64_t off, void *dst,
		       size_t len)
{
	struct domain *domain = to_domain(media);
	int err = event_begin(media, DOMAIN_LOAD, off, NULL, len, SITE);

	for (size_t i = 0; !err && i < domain->poison_count; i++)
		if (off < domain->poison[i].off + domain->poison[i].len &&
		    domain->poison[i].off < off + len)
			err = -NVM_EIO;
	if (!err)
		memcpy(dst, domain_look(domain, off, len), len);
	return err;
}

static int domain_store(struct nvm_media *media, uint64_t off, const void *src,
			size_t len)
{
	int err = event_begin(media, DOMAIN_STORE, off, src, len, SITE);

	if (!err)
		domain_poke(to_domain(media), off, src, len);
	return err;
}

static int domain_discard(struct nvm_media *media, uint64_t off, uint64_t len)
{
	int err = event_begin(media, DOMAIN_DISCARD, off, NULL, len, SITE);

	if (!err)
		domain_poke_zero(to_domain(media), off, len);
	return err;
}

static int domain_drain(struct nvm_media *media)
{
	return event_begin(media, DOMAIN_DRAIN, 0, NULL, 0, SITE);
}

static int domain_sync(struct nvm_media *media)
{
	return event_begin(media, DOMAIN_SYNC, 0, NULL, 0, SITE);
}

static int domain_flush(struct nvm_media *media, uint64_t off, uint64_t len)
{
	return event_begin(media, DOMAIN_FLUSH, off, NULL, len, SITE);
}

static int domain_reserve(struct nvm_media *media, uint64_t off, uint64_t len)
{
	return event_begin(media, DOMAIN_RESERVE, off, NULL, len, SITE);
}

static uint32_t domain_crc32c(uint32_t crc, const void *src, size_t len)
{
	union {
		const void *in;
		unsigned char *out;	/* the library only reads it */
	} bytes = { .in = src };

	return ~crc32_iscsi(bytes.out, (int)len, ~crc);
}

static const struct nvm_media_ops domain_ops = {
	.load = domain_load,
	.store = domain_store,
	.drain = domain_drain,
	.flush = domain_flush,
	.discard = domain_discard,
	.reserve = domain_reserve,
	.sync = domain_sync,
	.crc32c = domain_crc32c,
};

struct domain *domain_new(uint64_t size_bytes, enum nvm_durability durability)
{
	struct domain *domain = must(calloc(1, sizeof(*domain)));
	uint64_t pages = (size_bytes + NVM_PAGE - 1) / NVM_PAGE;

	domain->media = (struct nvm_media){ .ops = &domain_ops,
		.size_bytes = size_bytes, .durability = durability };
	domain->page_count = pages;
	domain->image = map_zero(pages * NVM_PAGE);
	domain->page_mark = map_zero(pages * sizeof(*domain->page_mark));
	domain->page_words = map_zero(pages * sizeof(*domain->page_words));
	domain->chunk_pages = map_zero((pages / CHUNK_PAGES + 1) *
				       sizeof(*domain->chunk_pages));
	if (domain->image && domain->page_mark && domain->page_words &&
	    domain->chunk_pages)
		return domain;
	domain_free(domain);
	return NULL;
}

void domain_free(struct domain *domain)
{
	uint64_t pages;

	if (!domain)
		return;
	pages = domain->page_count;
	if (domain->image)
		munmap(domain->image, pages * NVM_PAGE);
	if (domain->page_mark)
		munmap(domain->page_mark, pages * sizeof(*domain->page_mark));
	if (domain->page_words)
		munmap(domain->page_words, pages * sizeof(*domain->page_words));
	if (domain->chunk_pages)
		munmap(domain->chunk_pages, (pages / CHUNK_PAGES + 1) *
		       sizeof(*domain->chunk_pages));
	free(domain->undo);
	free(domain);
}
