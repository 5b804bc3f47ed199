/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * brute.c - what a power loss may leave of a small program, from definitions
 * and not by keeping a state: each store of a word is a write with a number;
 * which writes are durable at a moment is found by looking at all events.
 */
#include "tests/torture/brute.h"

#include <stdlib.h>
#include <string.h>

#define LINES		4u
#define LINE_WORDS	(NVM_LINE / 8)
#define WORDS		(LINES * LINE_WORDS)
#define WRITES_MAX	(BRUTE_STORES * WORDS)
#define NONE		(-1)
#define ASSIGNMENTS_MAX	3000u

/* ---- sets ----------------------------------------------------------------- */

void keys_add(struct keys *keys, uint64_t key)
{
	if (keys->count == keys->room) {
		keys->room = keys->room ? keys->room * 2 : 64;
		keys->key = realloc(keys->key, keys->room * sizeof(key));
		if (!keys->key)
			abort();
	}
	keys->key[keys->count++] = key;
}

static int key_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void keys_sort(struct keys *keys)
{
	size_t n = 0;

	if (keys->count)
		qsort(keys->key, keys->count, sizeof(*keys->key), key_order);
	for (size_t i = 0; i < keys->count; i++)
		if (!i || keys->key[i] != keys->key[i - 1])
			keys->key[n++] = keys->key[i];
	keys->count = n;
}

bool keys_equal(const struct keys *a, const struct keys *b)
{
	return a->count == b->count &&
	       !memcmp(a->key, b->key, a->count * sizeof(*a->key));
}

bool keys_among(const struct keys *a, const struct keys *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (!bsearch(&a->key[i], b->key, b->count, sizeof(*b->key),
			     key_order))
			return false;
	return true;
}

void keys_free(struct keys *keys)
{
	free(keys->key);
	*keys = (struct keys){ 0 };
}

/* ---- programs --------------------------------------------------------------- */

/* Two adjacent lines in the middle of each of two pages. */
static uint64_t line_off(unsigned line)
{
	return (line / 2) * NVM_PAGE + NVM_PAGE / 2 - NVM_LINE +
	       (line % 2) * NVM_LINE;
}

static uint64_t word_off(unsigned w)
{
	return line_off(w / LINE_WORDS) + w % LINE_WORDS * 8;
}

static uint64_t key_of(const uint64_t word[WORDS])
{
	uint64_t key = 0;

	for (unsigned w = 0; w < WORDS; w++)
		key = (key ^ word[w]) * 0x100000001b3u + w;
	return key;
}

uint64_t brute_key(const struct domain *domain)
{
	uint64_t word[WORDS];

	for (unsigned w = 0; w < WORDS; w++)
		word[w] = domain_word(domain, word_off(w) / 8);
	return key_of(word);
}

static uint64_t some_value(uint64_t *seed)
{
	return random_next(seed) % 3 * 0x0101010101010101u;
}

/* Words, pieces of some bytes, and whole lines that change few words. */
static void program_store(struct domain *domain, uint64_t *seed)
{
	const struct nvm_media_ops *ops = domain->media.ops;
	uint64_t bytes[LINE_WORDS], kind = random_next(seed) % 8;
	uint64_t off = line_off((unsigned)(random_next(seed) % LINES));
	uint64_t at = random_next(seed) % NVM_LINE;

	if (kind == 0) {
		ops->discard(&domain->media, off, NVM_LINE);
	} else if (kind < 3) {
		memcpy(bytes, domain->image + off, NVM_LINE);
		for (unsigned i = 0; i < 1 + kind; i++)
			bytes[random_next(seed) % LINE_WORDS] =
				some_value(seed);
		ops->store(&domain->media, off, bytes, NVM_LINE);
	} else if (kind == 3) {
		for (unsigned i = 0; i < 3; i++)
			bytes[i] = some_value(seed);
		ops->store(&domain->media, off + at, bytes,
			   1 + random_next(seed) % 20);
	} else {
		bytes[0] = some_value(seed);
		ops->store(&domain->media, off + at / 8 * 8, bytes, 8);
	}
}

void brute_program(struct domain *domain, struct domain_trace *trace,
		   uint64_t *seed)
{
	const struct nvm_media_ops *ops = domain->media.ops;
	unsigned stores = 1 + (unsigned)(random_next(seed) % BRUTE_STORES);

	trace_reset(trace);
	domain_record(domain, trace);
	while (stores && trace->count < BRUTE_EVENTS) {
		uint64_t kind = random_next(seed) % 20;

		domain->thread = (uint32_t)(random_next(seed) % 3);
		if (kind < 3) {
			ops->drain(&domain->media);
		} else if (kind == 3) {
			ops->sync(&domain->media);
		} else if (kind == 4) {
			ops->flush(&domain->media, line_off((unsigned)
				   (random_next(seed) % LINES)), NVM_LINE);
		} else if (kind == 5) {
			domain_note(domain, random_next(seed) % 2
				    ? DOMAIN_KILL : DOMAIN_ACK);
		} else {
			program_store(domain, seed);
			stores--;
		}
	}
	domain->thread = 0;
	domain_record(domain, NULL);
}

/* ---- writes ------------------------------------------------------------------ */

struct write {
	unsigned word, event;
	unsigned time;		/* 2 * event, + 1: second half of its store */
	uint64_t value;
	bool around;		/* its line whole, so around the cache */
	bool changes;
	int same;		/* the write that first stored this: itself, or
				   where nothing changes the one before */
};

struct book {
	const struct domain_trace *trace;
	struct write write[WRITES_MAX];	/* in the order of events */
	int count;
};

/* Which of the words of its page that @event changes is the one at @off. */
static unsigned time_of(const uint8_t *before, const uint8_t *after,
			uint64_t off, unsigned event)
{
	uint64_t page = off / NVM_PAGE * NVM_PAGE, nth = 0, changing = 0;

	for (uint64_t at = page; at < page + NVM_PAGE; at += 8) {
		bool changes = memcmp(before + at, after + at, 8);

		nth += changes && at < off;
		changing += changes;
	}
	return event * 2 + (nth * 2 >= changing);
}

static void book_store(struct book *book, uint8_t *visible, unsigned event)
{
	static uint8_t after[BRUTE_BYTES];	/* only for its memory */
	const struct domain_event *e = &book->trace->event[event];
	uint64_t end = e->off + e->len;

	memcpy(after, visible, sizeof(after));
	if (e->type == DOMAIN_DISCARD)
		memset(after + e->off, 0, e->len);
	else
		memcpy(after + e->off, book->trace->bytes + e->bytes, e->len);
	for (unsigned w = 0; w < WORDS; w++) {
		uint64_t off = word_off(w);
		uint64_t line = off / NVM_LINE * NVM_LINE;
		struct write write = { .word = w, .event = event };

		if (off + 8 <= e->off || off >= end)
			continue;
		write.time = time_of(visible, after, off, event);
		write.around = e->off <= line && line + NVM_LINE <= end;
		memcpy(&write.value, after + off, 8);
		write.changes = memcmp(visible + off, after + off, 8);
		write.same = write.changes ? book->count : NONE;
		for (int k = book->count - 1; k >= 0 && !write.changes &&
		     write.same == NONE; k--)
			if (book->write[k].word == w)
				write.same = book->write[k].same;
		book->write[book->count++] = write;
	}
	memcpy(visible, after, sizeof(after));
}

static void book_begin(struct book *book, const struct domain_trace *trace)
{
	static uint8_t visible[BRUTE_BYTES];	/* only for its memory */

	memset(visible, 0, sizeof(visible));
	book->trace = trace;
	book->count = 0;
	for (unsigned e = 0; e < trace->count; e++)
		if (trace->event[e].type == DOMAIN_STORE ||
		    trace->event[e].type == DOMAIN_DISCARD)
			book_store(book, visible, e);
}

/* A crash before event @moment cannot lose the write. */
static bool write_durable(const struct book *book, const struct write *write,
			  enum explore_model model, unsigned moment)
{
	unsigned owners = 1u << book->trace->event[write->event].thread;
	uint64_t off = word_off(write->word);
	bool drained = false;

	if (model == MODEL_EADR && !write->around)
		return true;
	for (unsigned i = write->event + 1; i < moment; i++) {
		const struct domain_event *e = &book->trace->event[i];
		bool owner = owners >> e->thread & 1;

		if (e->type == DOMAIN_FLUSH && off + 8 > e->off &&
		    off < e->off + e->len)
			owners |= 1u << e->thread;
		if (e->type == DOMAIN_DRAIN && owner)
			drained = true;
		if (e->type == DOMAIN_SYNC && drained &&
		    model == MODEL_PAGECACHE)
			return true;
		if (drained && model != MODEL_PAGECACHE)
			return true;
		if (e->type != DOMAIN_KILL)
			continue;
		owners = 0;
		drained = true;		/* only the page cache outlives it */
		if (model != MODEL_PAGECACHE)
			drained = false;
	}
	return false;
}

/* ---- what is allowed ----------------------------------------------------------- */

struct moment {
	const struct book *book;
	enum explore_model model;
	unsigned at;			/* events before it have happened */
	int floor[WORDS];		/* newest durable write, or NONE */
	int chosen[WORDS];
	int may[WRITES_MAX + WORDS];	/* what each word may have */
	unsigned may_first[WORDS + 1];
	struct keys *keys;
};

/* Before the moment, or (eadr) a word of the store that it tears. */
static bool happened(const struct moment *m, const struct write *write)
{
	return write->event < m->at + (m->model == MODEL_EADR);
}

static bool in_line(unsigned w, unsigned line)
{
	return w / LINE_WORDS == line;
}

/* intel: nothing in flight in the line went around the cache. */
static bool line_cached(const struct moment *m, unsigned line)
{
	for (int k = 0; k < m->book->count; k++) {
		const struct write *write = &m->book->write[k];

		if (in_line(write->word, line) && write->around &&
		    write->changes && happened(m, write) &&
		    k > m->floor[write->word])
			return false;
	}
	return true;
}

/* All writes in the line before the newest chosen one are in. */
static bool line_in_order(const struct moment *m, unsigned line)
{
	unsigned newest = 0;

	for (unsigned w = 0; w < WORDS; w++)
		if (in_line(w, line) && m->chosen[w] > m->floor[w] &&
		    m->book->write[m->chosen[w]].event > newest)
			newest = m->book->write[m->chosen[w]].event;
	for (int k = 0; k < m->book->count; k++) {
		const struct write *write = &m->book->write[k];

		if (in_line(write->word, line) && write->event < newest &&
		    m->chosen[write->word] < write->same)
			return false;
	}
	return true;
}

/* The page is as it was at some time, but for what is durable. */
static bool page_of_a_time(const struct moment *m, unsigned page)
{
	for (unsigned time = 0; time <= 2 * m->at; time++) {
		bool same = true;

		for (unsigned w = 0; w < WORDS; w++) {
			int newest = m->floor[w];

			if (w / (2 * LINE_WORDS) != page)
				continue;
			for (int k = newest + 1; k < m->book->count; k++)
				if (m->book->write[k].word == w &&
				    m->book->write[k].changes &&
				    m->book->write[k].time < time)
					newest = k;
			same = same && m->chosen[w] == newest;
		}
		if (same)
			return true;
	}
	return false;
}

static bool allowed(const struct moment *m)
{
	if (m->model == MODEL_PAGECACHE)
		return page_of_a_time(m, 0) && page_of_a_time(m, 1);
	for (unsigned line = 0; m->model == MODEL_INTEL && line < LINES; line++)
		if (line_cached(m, line) && !line_in_order(m, line))
			return false;
	return true;
}

static void assign(struct moment *m, unsigned w)
{
	const struct write *write = m->book->write;

	if (w == WORDS) {
		uint64_t word[WORDS] = { 0 };

		for (unsigned i = 0; i < WORDS; i++)
			if (m->chosen[i] != NONE)
				word[i] = write[m->chosen[i]].value;
		if (allowed(m))
			keys_add(m->keys, key_of(word));
		return;
	}
	for (unsigned i = m->may_first[w]; i < m->may_first[w + 1]; i++) {
		m->chosen[w] = m->may[i];
		assign(m, w + 1);
	}
}

static bool moment_images(const struct book *book, enum explore_model model,
			  unsigned at, struct keys *keys)
{
	struct moment m = { .book = book, .model = model, .at = at,
			    .keys = keys };
	unsigned count = 0;
	uint64_t assignments = 1;

	for (unsigned w = 0; w < WORDS; w++)
		m.floor[w] = NONE;
	for (int k = 0; k < book->count; k++)
		if (book->write[k].event < at &&
		    write_durable(book, &book->write[k], model, at))
			m.floor[book->write[k].word] = book->write[k].same;
	for (unsigned w = 0; w < WORDS; w++) {
		m.may_first[w] = count;
		m.may[count++] = m.floor[w];
		for (int k = m.floor[w] + 1; k < book->count; k++)
			if (book->write[k].word == w &&
			    book->write[k].changes &&
			    happened(&m, &book->write[k]))
				m.may[count++] = k;
	}
	m.may_first[WORDS] = count;
	for (unsigned w = 0; w < WORDS; w++) {
		assignments *= m.may_first[w + 1] - m.may_first[w];
		if (assignments > ASSIGNMENTS_MAX)
			return false;
	}
	assign(&m, 0);
	return true;
}

bool brute_point(const struct domain_trace *trace, enum explore_model model,
		 unsigned begin, unsigned end, struct keys *ret_keys)
{
	struct keys earlier = { 0 };
	struct book book;
	bool good;

	book_begin(&book, trace);
	ret_keys->count = 0;
	good = moment_images(&book, model, end, ret_keys);
	for (unsigned at = begin; at < end && good; at++)
		good = moment_images(&book, model, at, model == MODEL_EADR
				     ? ret_keys : &earlier);
	keys_sort(ret_keys);
	/* Points where something becomes durable suffice: it shows here. */
	for (size_t i = 0; i < earlier.count; i++)
		keys_add(ret_keys, earlier.key[i]);
	keys_sort(ret_keys);
	keys_free(&earlier);
	return good;
}

/* ---- comparing ------------------------------------------------------------------ */

struct witness {
	struct domain *domain;
	struct keys at[BRUTE_EVENTS + 2];
};

static bool watch(void *ctx, const struct explore_where *where)
{
	struct witness *witness = ctx;

	keys_add(&witness->at[where->event], brute_key(witness->domain));
	return true;
}

static bool compare_model(struct witness *witness,
			  const struct domain_trace *trace,
			  enum explore_model model, struct brute_stats *stats)
{
	struct explore explore;
	unsigned begin = 0;
	bool same = true, small;

	explore_init(&explore, model, 1);
	explore.exhaustive_max = 3000;
	explore.check = watch;
	explore.ctx = witness;
	for (unsigned e = 0; e <= trace->count; e++)
		witness->at[e].count = 0;
	explore_trace(&explore, witness->domain, trace);
	small = explore.stats.exhaustive == explore.stats.points;
	for (unsigned e = 0; e <= trace->count && small; e++) {
		struct keys wanted = { 0 };

		if (!witness->at[e].count)
			continue;
		small = brute_point(trace, model, begin, e, &wanted);
		keys_sort(&witness->at[e]);
		same = same && (!small ||
				keys_equal(&wanted, &witness->at[e]));
		stats->points[model] += small;
		stats->images[model] += wanted.count;
		keys_free(&wanted);
		begin = e + 1;
	}
	stats->compared[model] += small;
	stats->skipped[model] += !small;
	return same;
}

bool brute_compare(FILE *out, unsigned runs, uint64_t seed,
		   struct brute_stats *ret_stats)
{
	struct witness witness = {
		.domain = domain_new(BRUTE_BYTES, NVM_BUS) };
	struct domain_trace trace = { 0 };
	bool same = true;

	*ret_stats = (struct brute_stats){ 0 };
	for (unsigned run = 0; run < runs && same; run++) {
		uint64_t begun = seed;

		brute_program(witness.domain, &trace, &seed);
		domain_poke_zero(witness.domain, 0, BRUTE_BYTES);
		for (unsigned m = 0; m < MODEL_COUNT && same; m++) {
			same = compare_model(&witness, &trace, m, ret_stats);
			if (same)
				continue;
			fprintf(out, "# brute force differs under %s; program "
				"of seed %ju\n", model_name(m),
				(uintmax_t)begun);
			trace_print(out, &trace);
		}
	}
	for (unsigned e = 0; e < BRUTE_EVENTS + 2; e++)
		keys_free(&witness.at[e]);
	domain_free(witness.domain);
	trace_free(&trace);
	return same;
}
