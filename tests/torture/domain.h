/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * domain.h - the simulated persistence domain: a struct nvm_media in memory.
 *
 * A domain is an image that operations change at once (what a program sees),
 * a trace of the events that changed it or made it durable, and an undo log
 * with nested marks, so that thousands of other images a second can be tried
 * on it and taken back.  Which images a power loss can leave behind follows
 * from the trace alone: explore.h enumerates them.
 *
 * The image is anonymous memory that takes space only where it was touched,
 * so 64 TiB can be had as well as 64 MiB.
 */
#ifndef TORTURE_DOMAIN_H
#define TORTURE_DOMAIN_H

#include <stdio.h>

#include "base/media.h"
#include "tests/torture/watch.h"

enum domain_event_type {
	DOMAIN_STORE,
	DOMAIN_DISCARD,
	DOMAIN_DRAIN,
	DOMAIN_SYNC,
	DOMAIN_FLUSH,
	DOMAIN_RESERVE,
	DOMAIN_LOAD,
	DOMAIN_KILL,		/* the process died; what it stored stays */
	DOMAIN_ACK,		/* the caller was told: it is done */
};

struct domain_event {
	enum domain_event_type type;
	uint32_t op;		/* which operation, as the harness counts */
	uint32_t thread;	/* who did it: a drain lands its own stores */
	const void *site;	/* the call site in the core */
	uint64_t off, len;
	size_t bytes;		/* STORE: where its bytes lie in the trace */
};

struct domain_trace {
	struct domain_event *event;
	size_t count, room;
	uint8_t *bytes;
	size_t byte_count, byte_room;
};

struct domain_undo;
struct domain_mark {
	size_t undo_count;
	uint64_t hash;
};

#define DOMAIN_MARKS_MAX	16u
#define DOMAIN_POISON_MAX	8u
#define DOMAIN_THREADS_MAX	32u

struct domain {
	struct nvm_media media;		/* first: the core's view */
	uint8_t *image;
	uint64_t page_count;
	uint32_t *page_mark;		/* at which mark a page was last saved */
	uint16_t *page_words;		/* its words that are not zero */
	uint32_t *chunk_pages;		/* pages that are not zero, by 4096 */
	uint64_t hash;			/* of the whole image */

	struct domain_undo *undo;
	size_t undo_count, undo_room;
	struct domain_mark mark[DOMAIN_MARKS_MAX];
	uint32_t depth;

	struct domain_trace *trace;	/* where events go, or NULL */
	uint32_t op;
	uint32_t thread;		/* whose events these are, from 0 */
	bool record_loads;
	/* Called before each event: another thread may take its turn. */
	void (*turn)(void *ctx, enum domain_event_type type);
	void *turn_ctx;
	uint64_t event_count[DOMAIN_ACK + 1];
	uint64_t violations;		/* calls no core may make */
	struct domain_watch *watch;	/* notes what is read, or NULL */

	/* Faults: the events of a type fail from the n-th on (0: never). */
	uint64_t fail_after[DOMAIN_ACK + 1];
	bool fail_once;			/* only the n-th */
	int fail_err;
	struct { uint64_t off, len; } poison[DOMAIN_POISON_MAX];
	size_t poison_count;
};

/* NULL where the address space does not suffice. */
struct domain *domain_new(uint64_t size_bytes, enum nvm_durability durability);
void domain_free(struct domain *domain);

/* Everything since domain_mark() is undone by domain_back(); they nest. */
void domain_mark(struct domain *domain);
void domain_back(struct domain *domain);

/* Events go to @trace from now on; NULL stops that. */
void domain_record(struct domain *domain, struct domain_trace *trace);
void domain_note(struct domain *domain, enum domain_event_type type);
void trace_reset(struct domain_trace *trace);
void trace_free(struct domain_trace *trace);
void trace_append(struct domain_trace *trace, const struct domain_trace *from,
		  size_t first, size_t count);

/* Make the events visible on the image, as the program did that made them. */
void domain_apply(struct domain *domain, const struct domain_trace *trace,
		  size_t first, size_t count);

/* Below the media: no event, no fault. */
void domain_poke(struct domain *domain, uint64_t off, const void *src,
		 size_t len);
void domain_poke_zero(struct domain *domain, uint64_t off, uint64_t len);
void domain_poke_word(struct domain *domain, uint64_t word, uint64_t value);
/* A word as the machinery sees it, which is no read. */
static inline uint64_t domain_peek(const struct domain *domain, uint64_t word)
{
	uint64_t value;

	memcpy(&value, domain->image + word * 8, 8);
	return value;
}

/*
 * Bytes of the image for who judges it: whatever a judgement rests on is read
 * through these or through the media, so that it is noted.
 */
static inline const uint8_t *domain_look(const struct domain *domain,
					 uint64_t off, uint64_t len)
{
	if (domain->watch)
		watch_note(domain->watch, off, len);
	return domain->image + off;
}

static inline uint64_t domain_word(const struct domain *domain, uint64_t word)
{
	domain_look(domain, word * 8, 8);
	return domain_peek(domain, word);
}

/* Where to note from now on (NULL: nowhere), and where it was until now. */
static inline struct domain_watch *domain_watch(struct domain *domain,
						struct domain_watch *watch)
{
	struct domain_watch *before = domain->watch;

	domain->watch = watch;
	return before;
}

bool domain_reads_zero(const struct domain *domain, uint64_t off,
		       uint64_t len);

/* What one word contributes to the hash of an image; zero words nothing. */
uint64_t domain_hash_word(uint64_t word, uint64_t value);

const char *domain_event_name(enum domain_event_type type);
void trace_print(FILE *out, const struct domain_trace *trace);

#endif
