/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_domain.c - the simulated persistence domain: litmus programs whose set
 * of outcomes is compared exactly, and a second, brute-force telling of the
 * models that must agree on random programs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/explore.h"

#define SIZE	(64u << 10)

struct litmus {
	struct domain *domain;
	struct domain_trace trace;
	uint64_t *key;		/* what the words looked like, once each */
	size_t count, room;
	bool seen_once;
};

static void key_add(struct litmus *litmus, uint64_t key)
{
	for (size_t i = 0; i < litmus->count; i++)
		if (litmus->key[i] == key)
			return;
	if (litmus->count == litmus->room) {
		litmus->room = litmus->room ? litmus->room * 2 : 64;
		litmus->key = realloc(litmus->key, litmus->room * 8);
		assert_non_null(litmus->key);
	}
	litmus->key[litmus->count++] = key;
}

static int key_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int litmus_begin(void **state)
{
	struct litmus *litmus = calloc(1, sizeof(*litmus));

	litmus->domain = domain_new(SIZE, NVM_BUS);
	domain_record(litmus->domain, &litmus->trace);
	*state = litmus;
	return 0;
}

static int litmus_end(void **state)
{
	struct litmus *litmus = *state;

	domain_free(litmus->domain);
	trace_free(&litmus->trace);
	free(litmus->key);
	free(litmus);
	return 0;
}

/* ---- small programs ------------------------------------------------------ */

/* Four watched words: two of line 0, one of line 1, one of page 1. */
enum { A = 0, B = 8, C = 64, D = 4096 };

static void put(struct litmus *litmus, uint64_t off, uint64_t value)
{
	assert_int_equal(litmus->domain->media.ops->store(
		&litmus->domain->media, off, &value, 8), 0);
}

/* A whole line of the same word. */
static void put_line(struct litmus *litmus, uint64_t off, uint64_t value)
{
	uint64_t line[8];

	for (unsigned i = 0; i < 8; i++)
		line[i] = i < 2 ? value : 0;
	assert_int_equal(litmus->domain->media.ops->store(
		&litmus->domain->media, off, line, 64), 0);
}

static void drain(struct litmus *litmus)
{
	litmus->domain->media.ops->drain(&litmus->domain->media);
}

static void sync_all(struct litmus *litmus)
{
	litmus->domain->media.ops->sync(&litmus->domain->media);
}

static bool watch(void *ctx, const struct explore_where *where)
{
	struct litmus *litmus = ctx;
	const struct domain *domain = litmus->domain;

	(void)where;
	key_add(litmus, domain_word(domain, A / 8) * 1000 +
			domain_word(domain, B / 8) * 100 +
			domain_word(domain, C / 8) * 10 +
			domain_word(domain, D / 8));
	return true;
}

/* Of the four words of the threads' programs. */
static bool watch_words(void *ctx, const struct explore_where *where)
{
	struct litmus *litmus = ctx;
	static const uint64_t off[4] = { A, A + 256, C + 64, D };
	uint64_t key = 0;

	(void)where;
	for (unsigned i = 0; i < 4; i++)
		key = key * 16 + domain_word(litmus->domain, off[i] / 8);
	key_add(litmus, key);
	return true;
}

static void keys_print(const struct litmus *litmus, char *ret_text, size_t room)
{
	size_t used = 0;

	for (size_t i = 0; i < litmus->count && used + 20 < room; i++)
		used += (size_t)snprintf(ret_text + used, room - used, "%jx ",
					 (uintmax_t)litmus->key[i]);
}

/* The outcomes at the end of the program, as decimal ABCD, sorted. */
static void expect(struct litmus *litmus, enum explore_model model,
		   const char *wanted)
{
	struct domain_trace trace = litmus->trace;
	struct domain *domain = litmus->domain;
	struct explore explore;
	char text[512] = "";

	/* The trace begins on zeros; the domain shows its end. */
	domain_record(domain, NULL);
	domain_mark(domain);
	domain_poke_zero(domain, 0, SIZE);
	explore_init(&explore, model, 1);
	explore.check = watch;
	explore.ctx = litmus;
	explore.first_event = trace.count;
	litmus->count = 0;
	explore_trace(&explore, domain, &trace);
	domain_back(domain);
	domain_record(domain, &litmus->trace);
	qsort(litmus->key, litmus->count, 8, key_order);
	for (size_t i = 0; i < litmus->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s%04u", i ? " " : "", (unsigned)litmus->key[i]);
	assert_string_equal(text, wanted);
}

static void test_two_words_of_a_cached_line_keep_their_order(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	put(litmus, B, 1);
	expect(litmus, MODEL_INTEL, "0000 1000 1100");
	expect(litmus, MODEL_PARANOID, "0000 0100 1000 1100");
	expect(litmus, MODEL_PAGECACHE, "0000 1000 1100");
}

static void test_two_lines_are_independent(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	put(litmus, C, 1);
	expect(litmus, MODEL_INTEL, "0000 0010 1000 1010");
	expect(litmus, MODEL_PARANOID, "0000 0010 1000 1010");
	expect(litmus, MODEL_PAGECACHE, "0000 1000 1010");
}

static void test_two_pages_are_independent(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	put(litmus, D, 1);
	expect(litmus, MODEL_INTEL, "0000 0001 1000 1001");
	expect(litmus, MODEL_PAGECACHE, "0000 0001 1000 1001");
}

static void test_whole_line_tears_at_every_word(void **state)
{
	struct litmus *litmus = *state;

	put_line(litmus, A, 1);
	expect(litmus, MODEL_INTEL, "0000 0100 1000 1100");
	expect(litmus, MODEL_PARANOID, "0000 0100 1000 1100");
	expect(litmus, MODEL_PAGECACHE, "0000 1100");
}

static void test_mixed_line_has_independent_words(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	put_line(litmus, A, 2);
	expect(litmus, MODEL_INTEL, "0000 0200 1000 1200 2000 2200");
}

static void test_one_word_keeps_its_order(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	put(litmus, A, 2);
	put(litmus, A, 3);
	expect(litmus, MODEL_INTEL, "0000 1000 2000 3000");
	expect(litmus, MODEL_PARANOID, "0000 1000 2000 3000");
	expect(litmus, MODEL_PAGECACHE, "0000 1000 2000 3000");
}

static void test_drain_makes_durable_on_the_bus_only(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	drain(litmus);
	put(litmus, B, 1);
	expect(litmus, MODEL_INTEL, "1000 1100");
	expect(litmus, MODEL_PARANOID, "1000 1100");
	expect(litmus, MODEL_PAGECACHE, "0000 1000 1100");
}

static void test_sync_makes_durable_what_was_drained(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	drain(litmus);
	put(litmus, D, 1);
	sync_all(litmus);
	put(litmus, C, 1);
	expect(litmus, MODEL_PAGECACHE, "1000 1001 1010 1011");
	expect(litmus, MODEL_PARANOID, "1000 1001 1010 1011");
}

static void test_sync_is_no_drain_on_the_bus(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	sync_all(litmus);
	expect(litmus, MODEL_INTEL, "0000 1000");
	expect(litmus, MODEL_PAGECACHE, "0000 1000");
}

static void test_page_between_its_moments(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	put(litmus, D, 1);
	put(litmus, A, 2);
	put(litmus, C, 1);
	expect(litmus, MODEL_PAGECACHE,
	       "0000 0001 1000 1001 2000 2001 2010 2011");
}

static void test_discard_crashes_like_stores_of_zeros(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	put(litmus, C, 1);
	put(litmus, D, 1);
	drain(litmus);
	sync_all(litmus);
	litmus->domain->media.ops->discard(&litmus->domain->media, 0, SIZE);
	expect(litmus, MODEL_INTEL,
	       "0000 0001 0010 0011 1000 1001 1010 1011");
	/* A and C are in the first half of their page: no moment between. */
	expect(litmus, MODEL_PAGECACHE, "0000 0001 1010 1011");
}

static void test_kill_leaves_visible_but_not_durable(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	domain_note(litmus->domain, DOMAIN_KILL);
	put(litmus, C, 1);
	drain(litmus);
	expect(litmus, MODEL_INTEL, "0010 1010");
	expect(litmus, MODEL_PARANOID, "0010 1010");
	sync_all(litmus);
	expect(litmus, MODEL_PAGECACHE, "1010");
	litmus->domain->media.ops->flush(&litmus->domain->media, 0, 8);
	expect(litmus, MODEL_INTEL, "0010 1010");
	drain(litmus);
	expect(litmus, MODEL_INTEL, "1010");
}

static void test_storing_a_dead_process_word_again_owns_it(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	put(litmus, C, 1);
	domain_note(litmus->domain, DOMAIN_KILL);
	put(litmus, A, 1);
	drain(litmus);
	expect(litmus, MODEL_PARANOID, "1000 1010");
}

static void test_drain_is_of_one_thread(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	litmus->domain->thread = 1;
	put(litmus, C, 1);
	drain(litmus);
	expect(litmus, MODEL_INTEL, "0010 1010");
	expect(litmus, MODEL_PARANOID, "0010 1010");
	/* A sync is of what each thread has drained. */
	sync_all(litmus);
	expect(litmus, MODEL_PAGECACHE, "0010 1010");
	litmus->domain->thread = 0;
	drain(litmus);
	expect(litmus, MODEL_INTEL, "1010");
	expect(litmus, MODEL_PARANOID, "1010");
}

static void test_word_of_two_threads_keeps_its_order(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	litmus->domain->thread = 1;
	put(litmus, A, 2);
	litmus->domain->thread = 0;
	drain(litmus);
	expect(litmus, MODEL_PARANOID, "1000 2000");
	litmus->domain->thread = 1;
	drain(litmus);
	expect(litmus, MODEL_PARANOID, "2000");
}

static void test_later_thread_takes_the_earlier_ones_word_along(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	litmus->domain->thread = 1;
	put(litmus, A, 2);
	drain(litmus);
	expect(litmus, MODEL_PARANOID, "2000");
	/* Storing what another thread stored makes it one's own. */
	put(litmus, C, 1);
	litmus->domain->thread = 0;
	put(litmus, C, 1);
	drain(litmus);
	expect(litmus, MODEL_PARANOID, "2010");
}

static void test_flush_is_for_the_drain_of_its_thread(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, A, 1);
	domain_note(litmus->domain, DOMAIN_KILL);
	litmus->domain->thread = 1;
	litmus->domain->media.ops->flush(&litmus->domain->media, 0, 8);
	litmus->domain->thread = 0;
	drain(litmus);
	expect(litmus, MODEL_INTEL, "0000 1000");
	litmus->domain->thread = 1;
	drain(litmus);
	expect(litmus, MODEL_INTEL, "1000");
}

static void test_caches_that_survive_keep_the_order_of_stores(void **state)
{
	struct litmus *litmus = *state;

	put(litmus, C, 1);
	put(litmus, A, 1);
	put(litmus, D, 1);
	expect(litmus, MODEL_EADR, "0000 0010 1010 1011");
	domain_note(litmus->domain, DOMAIN_ACK);
	put(litmus, A, 2);
	expect(litmus, MODEL_EADR, "1011 2011");
}

static void test_around_caches_that_survive_words_may_be_lost(void **state)
{
	struct litmus *litmus = *state;

	put_line(litmus, A, 1);
	put(litmus, C, 1);
	expect(litmus, MODEL_EADR,
	       "0000 0010 0100 0110 1000 1010 1100 1110");
	/* Stored through the cache what went around it: durable. */
	put(litmus, B, 1);
	domain_note(litmus->domain, DOMAIN_ACK);
	expect(litmus, MODEL_EADR, "0110 1110");
	drain(litmus);
	expect(litmus, MODEL_EADR, "1110");
}

static void test_store_across_pages_tears_between_them(void **state)
{
	struct litmus *litmus = *state;
	uint64_t bytes[2] = { 0x0101010101010101, 0x0202020202020202 };
	uint64_t word;

	litmus->domain->media.ops->store(&litmus->domain->media, 4092, bytes,
					 16);
	memcpy(&word, litmus->domain->image + 4096, 8);
	assert_int_equal(word, 0x0202020201010101);
	word = domain_word(litmus->domain, 511);
	assert_int_equal(word, 0x0101010100000000);
	word = domain_word(litmus->domain, 513);
	assert_int_equal(word, 0x02020202);
}

/* ---- the domain itself ---------------------------------------------------- */

static void test_marks_take_back_image_and_hash(void **state)
{
	struct litmus *litmus = *state;
	struct domain *domain = litmus->domain;
	uint64_t seed = 5, hash0, hash1;
	uint8_t *copy = malloc(SIZE), *copy1 = malloc(SIZE);

	for (unsigned i = 0; i < 200; i++)
		domain_poke_word(domain, random_next(&seed) % (SIZE / 8),
				 random_next(&seed) % 3);
	memcpy(copy, domain->image, SIZE);
	hash0 = domain->hash;
	domain_mark(domain);
	for (unsigned i = 0; i < 200; i++)
		domain_poke_word(domain, random_next(&seed) % (SIZE / 8),
				 random_next(&seed) % 3);
	memcpy(copy1, domain->image, SIZE);
	hash1 = domain->hash;
	for (unsigned round = 0; round < 3; round++) {
		domain_mark(domain);
		domain_poke_zero(domain, 100, SIZE - 200);
		assert_true(domain_reads_zero(domain, 100, SIZE - 200));
		domain_back(domain);
		assert_memory_equal(copy1, domain->image, SIZE);
		assert_int_equal(domain->hash, hash1);
	}
	domain_back(domain);
	assert_memory_equal(copy, domain->image, SIZE);
	assert_int_equal(domain->hash, hash0);
	for (uint64_t p = 0; p < SIZE / NVM_PAGE; p++) {
		unsigned words = 0;

		for (unsigned w = 0; w < 512; w++)
			words += !!domain_word(domain, p * 512 + w);
		assert_int_equal(domain->page_words[p], words);
	}
	free(copy);
	free(copy1);
}

static void test_faults_and_forbidden_calls_are_told(void **state)
{
	struct litmus *litmus = *state;
	struct domain *domain = litmus->domain;
	const struct nvm_media_ops *ops = domain->media.ops;
	uint64_t word = 1;

	assert_int_equal(ops->store(&domain->media, SIZE - 4, &word, 8),
			 -NVM_EIO);
	assert_int_equal(ops->discard(&domain->media, 8, UINT64_MAX),
			 -NVM_EIO);
	assert_int_equal(domain->violations, 2);
	domain->poison[0].off = 128;
	domain->poison[0].len = 64;
	domain->poison_count = 1;
	assert_int_equal(ops->load(&domain->media, 120, &word, 8), 0);
	assert_int_equal(ops->load(&domain->media, 121, &word, 8), -NVM_EIO);
	assert_int_equal(ops->load(&domain->media, 192, &word, 8), 0);
	domain->fail_after[DOMAIN_SYNC] = 2;
	domain->fail_err = NVM_ENOSPC;
	assert_int_equal(ops->sync(&domain->media), 0);
	assert_int_equal(ops->sync(&domain->media), -NVM_ENOSPC);
}

static void test_crc32c_is_castagnoli(void **state)
{
	struct litmus *litmus = *state;
	const struct nvm_media_ops *ops = litmus->domain->media.ops;

	assert_int_equal(ops->crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(ops->crc32c(ops->crc32c(0, "1234", 4), "56789", 5),
			 0xe3069283);
}

static bool stop_at_two(void *ctx, const struct explore_where *where)
{
	struct litmus *litmus = ctx;

	(void)where;
	if (domain_word(litmus->domain, A / 8) != 2 ||
	    domain_word(litmus->domain, C / 8))
		return true;
	litmus->seen_once = !litmus->seen_once;
	return false;
}

static void test_failing_image_is_replayed_by_its_number(void **state)
{
	struct litmus *litmus = *state;
	struct explore_where only = { 0 };
	struct domain_trace trace;
	struct explore explore;

	put(litmus, A, 1);
	put(litmus, A, 2);
	put(litmus, C, 1);
	trace = litmus->trace;
	domain_record(litmus->domain, NULL);
	domain_poke_zero(litmus->domain, 0, SIZE);
	explore_init(&explore, MODEL_PARANOID, 1);
	explore.check = stop_at_two;
	explore.ctx = litmus;
	explore_trace(&explore, litmus->domain, &trace);
	assert_true(litmus->seen_once);
	assert_int_equal(explore.stats.failures, 1);
	only.image = (uint32_t)explore.stats.images;
	explore_init(&explore, MODEL_PARANOID, 1);
	explore.check = stop_at_two;
	explore.ctx = litmus;
	explore.only = &only;
	explore_trace(&explore, litmus->domain, &trace);
	assert_false(litmus->seen_once);
	assert_int_equal(explore.stats.distinct, 1);
	assert_int_equal(explore.stats.failures, 1);
}

static uint64_t salt_of_point(void *ctx, const struct explore_where *where)
{
	(void)ctx;
	return where->event > 4;
}

/* The same image at a moment when more is asked of it is another one. */
static void test_salt_tells_points_apart(void **state)
{
	struct litmus *litmus = *state;
	struct seen seen = { 0 };
	struct domain_trace trace;
	uint64_t distinct[2];

	put(litmus, A, 1);
	drain(litmus);
	put(litmus, C, 1);
	domain_note(litmus->domain, DOMAIN_ACK);
	drain(litmus);
	trace = litmus->trace;
	domain_record(litmus->domain, NULL);
	domain_poke_zero(litmus->domain, 0, SIZE);
	for (unsigned i = 0; i < 2; i++) {
		struct explore explore;

		explore_init(&explore, MODEL_PARANOID, 1);
		explore.check = watch;
		explore.ctx = litmus;
		explore.seen = &seen;
		explore.salt_at = i ? salt_of_point : NULL;
		explore_trace(&explore, litmus->domain, &trace);
		distinct[i] = explore.stats.distinct;
		seen_free(&seen);
	}
	/* Nothing, A; acknowledged: A, A with C; at the end this once more. */
	assert_int_equal(distinct[0], 4);
	assert_int_equal(distinct[1], 4 + 1);
}

/* ---- stores of many words ------------------------------------------------- */

/* A page stored in bulk (words at both ends watched) and a word after it. */
static void test_bulk_is_thinned_and_words_are_not(void **state)
{
	struct litmus *litmus = *state;
	uint64_t page[512];
	struct domain_trace trace;
	struct explore explore;

	for (unsigned i = 0; i < 512; i++)
		page[i] = 1;
	litmus->domain->media.ops->store(&litmus->domain->media, 0, page,
					 sizeof(page));
	put(litmus, D, 1);
	put(litmus, D + 64, 1);
	trace = litmus->trace;
	domain_record(litmus->domain, NULL);
	domain_poke_zero(litmus->domain, 0, SIZE);
	explore_init(&explore, MODEL_PARANOID, 1);
	explore.thinned_max = 5 * 4;
	explore.random_count = explore.pair_max = 0;
	explore.word_max = 1;
	explore.check = watch_words;
	explore.ctx = litmus;
	explore_trace(&explore, litmus->domain, &trace);
	assert_int_equal(explore.stats.thinned, 1);
	assert_int_equal(explore.stats.thirds, 0);
	explore.stats = (struct explore_stats){ 0 };
	explore.thinned_max = 5 * 4 - 1;
	explore_trace(&explore, litmus->domain, &trace);
	assert_int_equal(explore.stats.thinned, 0);
}

/* ---- the models, told a second time ----------------------------------------- */

/*
 * Random programs over four lines of two pages.  For every moment of the
 * program, the images by brute force: the words' contents since the last
 * drain (or since the drain before the last sync), multiplied out.
 */
#define TELL_LINES	4u
#define TELL_EVENTS	10u
#define TELL_WORDS	(TELL_LINES * 8)

static uint64_t tell_line(unsigned line)
{
	return (line / 2) * NVM_PAGE + 1984 + (line % 2) * 64;
}

struct teller {
	/* Contents after each event; whole lines by the store of event e. */
	uint64_t word[TELL_EVENTS + 1][TELL_WORDS];
	uint64_t half[TELL_EVENTS + 1][TELL_WORDS];
	bool covers[TELL_EVENTS + 1][TELL_LINES];
	unsigned count;
};

static uint64_t tell_key(const uint64_t *word)
{
	uint64_t key = 0;

	for (unsigned w = 0; w < TELL_WORDS; w++)
		key = (key ^ word[w]) * 0x100000001b3u + w;
	return key;
}

static bool tell_watch(void *ctx, const struct explore_where *where)
{
	struct litmus *litmus = ctx;
	uint64_t word[TELL_WORDS];

	(void)where;
	for (unsigned w = 0; w < TELL_WORDS; w++)
		word[w] = domain_word(litmus->domain,
				      tell_line(w / 8) / 8 + w % 8);
	key_add(litmus, tell_key(word));
	return true;
}

struct alternative {
	unsigned first, count;		/* the words that it tells of */
	uint64_t word[16];
};

/* Multiply: one alternative for each part. */
static void tell_multiply(struct litmus *litmus, uint64_t *image,
			  const struct alternative *alt,
			  const unsigned *part_end, unsigned parts,
			  unsigned part)
{
	if (part == parts) {
		key_add(litmus, tell_key(image));
		return;
	}
	for (unsigned a = part ? part_end[part - 1] : 0; a < part_end[part];
	     a++) {
		memcpy(image + alt[a].first, alt[a].word, alt[a].count * 8);
		tell_multiply(litmus, image, alt, part_end, parts, part + 1);
	}
}

static bool alternative_add(struct alternative *alt, unsigned from,
			    unsigned *count, unsigned first, unsigned words,
			    const uint64_t *content)
{
	for (unsigned a = from; a < *count; a++)
		if (!memcmp(alt[a].word, content + first, words * 8))
			return false;
	alt[*count].first = first;
	alt[*count].count = words;
	memcpy(alt[(*count)++].word, content + first, words * 8);
	return true;
}

static void tell_moment(struct litmus *litmus, const struct teller *teller,
			enum explore_model model, unsigned floor, unsigned now)
{
	static struct alternative alt[8192];
	unsigned part_end[TELL_WORDS], parts = 0, count = 0;
	uint64_t image[TELL_WORDS];

	for (unsigned line = 0; line < TELL_LINES; line++) {
		unsigned from = count;
		bool words = model == MODEL_PARANOID;

		if (model == MODEL_PAGECACHE) {
			if (line % 2)
				continue;
			for (unsigned e = floor; e <= now; e++) {
				if (e > floor)
					alternative_add(alt, from, &count,
						line * 8, 16, teller->half[e]);
				alternative_add(alt, from, &count, line * 8,
						16, teller->word[e]);
			}
			part_end[parts++] = count;
			continue;
		}
		for (unsigned e = floor + 1; e <= now; e++)
			words |= teller->covers[e][line];
		for (unsigned w = line * 8; words && w < line * 8 + 8; w++) {
			from = count;
			for (unsigned e = floor; e <= now; e++)
				alternative_add(alt, from, &count, w, 1,
						teller->word[e]);
			part_end[parts++] = count;
		}
		if (words)
			continue;
		/* A prefix, and any words of the store after it. */
		alternative_add(alt, from, &count, line * 8, 8,
				teller->word[floor]);
		for (unsigned e = floor + 1; e <= now; e++) {
			for (unsigned mask = 0; mask < 256; mask++) {
				uint64_t mix[TELL_WORDS];

				memcpy(mix, teller->word[e - 1], sizeof(mix));
				for (unsigned w = 0; w < 8; w++)
					if (mask >> w & 1)
						mix[line * 8 + w] = teller->
							word[e][line * 8 + w];
				alternative_add(alt, from, &count, line * 8, 8,
						mix);
			}
		}
		part_end[parts++] = count;
	}
	tell_multiply(litmus, image, alt, part_end, parts, 0);
}

/* One random event, on the domain and in the teller's book. */
static void tell_event(struct litmus *litmus, struct teller *teller,
		       uint64_t *seed, unsigned e, unsigned *drained,
		       unsigned floor[MODEL_COUNT])
{
	const struct nvm_media_ops *ops = litmus->domain->media.ops;
	uint64_t kind = random_next(seed) % 10, bytes[8];
	unsigned line = (unsigned)(random_next(seed) % TELL_LINES);
	unsigned from = (unsigned)(random_next(seed) % 64);
	unsigned len = 1 + (unsigned)(random_next(seed) % (64 - from));
	unsigned first, end;
	bool covered;

	memcpy(teller->word[e], teller->word[e - 1], sizeof(teller->word[e]));
	memcpy(teller->half[e], teller->word[e - 1], sizeof(teller->half[e]));
	if (kind == 0) {
		ops->drain(&litmus->domain->media);
		*drained = floor[MODEL_INTEL] = floor[MODEL_PARANOID] = e;
		return;
	}
	if (kind == 1) {
		ops->sync(&litmus->domain->media);
		floor[MODEL_PAGECACHE] = *drained;
		return;
	}
	if (kind < 5) {
		from = from / 8 * 8;
		len = 8;
	} else if (kind == 5) {
		from = 0;
		len = 64;
	}
	if (len > 24 && len < 64)
		len = 24;
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = random_next(seed) % 3 * 0x0101010101010101u;
	memcpy((uint8_t *)&teller->word[e][line * 8] + from, bytes, len);
	/* A store that changes nothing is as good as none. */
	covered = !from && len == 64 &&
		  memcmp(teller->word[e - 1], teller->word[e],
			 sizeof(teller->word[e]));
	teller->covers[e][line] = covered;
	first = from / 8;
	end = (from + len + 7) / 8;
	for (unsigned w = first; w < end; w++)
		if ((w - first) * 2 < end - first)
			teller->half[e][line * 8 + w] =
				teller->word[e][line * 8 + w];
	if (kind == 5 && !bytes[0]) {
		memset(&teller->word[e][line * 8], 0, 64);
		covered = memcmp(teller->word[e - 1], teller->word[e],
				 sizeof(teller->word[e]));
		teller->covers[e][line] = covered;
		memset(&teller->half[e][line * 8], 0, 32);
		ops->discard(&litmus->domain->media, tell_line(line), 64);
		return;
	}
	ops->store(&litmus->domain->media, tell_line(line) + from, bytes, len);
}

static void test_brute_force_agrees_on_random_programs(void **state)
{
	struct litmus *litmus = *state;
	struct domain *domain = litmus->domain;
	uint64_t seed = 20261122, checked = 0, skipped = 0;

	for (unsigned run = 0; run < 400; run++) {
		struct teller *teller = calloc(1, sizeof(*teller));
		unsigned drained = 0, floor[MODEL_COUNT] = { 0 };
		unsigned floors[TELL_EVENTS + 1][MODEL_COUNT] = { 0 };
		unsigned count = 2 + (unsigned)(random_next(&seed) %
						(TELL_EVENTS - 2));

		trace_reset(&litmus->trace);
		domain_record(domain, &litmus->trace);
		for (unsigned e = 1; e <= count; e++) {
			tell_event(litmus, teller, &seed, e, &drained, floor);
			memcpy(floors[e], floor, sizeof(floor));
		}
		domain_record(domain, NULL);
		domain_poke_zero(domain, 0, SIZE);
		for (unsigned m = 0; m < MODEL_EADR; m++) {
			struct explore explore;
			uint64_t *mine;
			size_t mine_count;

			explore_init(&explore, m, seed);
			explore.exhaustive_max = 3000;
			explore.check = tell_watch;
			explore.ctx = litmus;
			litmus->count = 0;
			explore_trace(&explore, domain, &litmus->trace);
			if (explore.stats.exhaustive != explore.stats.points) {
				skipped++;
				continue;
			}
			checked++;
			mine = litmus->key;
			mine_count = litmus->count;
			qsort(mine, mine_count, 8, key_order);
			litmus->key = NULL;
			litmus->count = litmus->room = 0;
			for (unsigned e = 0; e <= count; e++)
				tell_moment(litmus, teller, m, floors[e][m], e);
			qsort(litmus->key, litmus->count, 8, key_order);
			if (litmus->count != mine_count ||
			    memcmp(litmus->key, mine, mine_count * 8)) {
				print_message("run %u, %s, seed 20261122\n",
					      run, model_name(m));
				trace_print(stderr, &litmus->trace);
			}
			assert_int_equal(litmus->count, mine_count);
			assert_memory_equal(litmus->key, mine, mine_count * 8);
			free(mine);
		}
		free(teller);
	}
	print_message("%u compared, %u too large for brute force\n",
		      (unsigned)checked, (unsigned)skipped);
	assert_true(checked > skipped);
}

/*
 * Threads, told a second time: each word lies in a line of its own, so it has
 * any contents from the newest on that some thread has drained.
 */
static void test_brute_force_agrees_on_threads(void **state)
{
	struct litmus *litmus = *state;
	struct domain *domain = litmus->domain;
	uint64_t seed = 20261123;

	for (unsigned run = 0; run < 300; run++) {
		uint64_t value[4][16] = { { 0 } };
		unsigned thread[4][16], count[4] = { 1, 1, 1, 1 };
		unsigned floor[4] = { 0 }, at[4];
		static const uint64_t off[4] = { A, A + 256, C + 64, D };
		char wanted[4096] = "", got[4096] = "";
		struct explore explore;

		trace_reset(&litmus->trace);
		domain_record(domain, &litmus->trace);
		for (unsigned e = 0; e < 10; e++) {
			unsigned w = (unsigned)(random_next(&seed) % 4);
			unsigned t = (unsigned)(random_next(&seed) % 3);

			domain->thread = t;
			if (random_next(&seed) % 3) {
				thread[w][count[w]] = t;
				value[w][count[w]] = e + 1;
				count[w]++;
				put(litmus, off[w], e + 1);
				continue;
			}
			drain(litmus);
			for (w = 0; w < 4; w++)
				for (unsigned v = 1; v < count[w]; v++)
					if (thread[w][v] == t && floor[w] < v)
						floor[w] = v;
		}
		domain_record(domain, NULL);
		domain_poke_zero(domain, 0, SIZE);
		for (unsigned m = 0; m <= MODEL_PARANOID; m++) {
			explore_init(&explore, m, seed);
			explore.check = watch_words;
			explore.ctx = litmus;
			explore.first_event = litmus->trace.count;
			litmus->count = 0;
			explore_trace(&explore, domain, &litmus->trace);
			qsort(litmus->key, litmus->count, 8, key_order);
			got[0] = 0;
			keys_print(litmus, got, sizeof(got));
			litmus->count = 0;
			memcpy(at, floor, sizeof(at));
			for (unsigned w = 0; w < 4;) {
				uint64_t key = 0;

				for (unsigned i = 0; i < 4; i++)
					key = key * 16 + value[i][at[i]];
				key_add(litmus, key);
				for (w = 0; w < 4 && ++at[w] == count[w]; w++)
					at[w] = floor[w];
			}
			qsort(litmus->key, litmus->count, 8, key_order);
			wanted[0] = 0;
			keys_print(litmus, wanted, sizeof(wanted));
			assert_string_equal(got, wanted);
		}
	}
	domain->thread = 0;
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, litmus_begin, litmus_end)
	const struct CMUnitTest tests[] = {
		T(test_two_words_of_a_cached_line_keep_their_order),
		T(test_two_lines_are_independent),
		T(test_two_pages_are_independent),
		T(test_whole_line_tears_at_every_word),
		T(test_mixed_line_has_independent_words),
		T(test_one_word_keeps_its_order),
		T(test_drain_makes_durable_on_the_bus_only),
		T(test_sync_makes_durable_what_was_drained),
		T(test_sync_is_no_drain_on_the_bus),
		T(test_page_between_its_moments),
		T(test_discard_crashes_like_stores_of_zeros),
		T(test_kill_leaves_visible_but_not_durable),
		T(test_storing_a_dead_process_word_again_owns_it),
		T(test_drain_is_of_one_thread),
		T(test_word_of_two_threads_keeps_its_order),
		T(test_later_thread_takes_the_earlier_ones_word_along),
		T(test_flush_is_for_the_drain_of_its_thread),
		T(test_caches_that_survive_keep_the_order_of_stores),
		T(test_around_caches_that_survive_words_may_be_lost),
		T(test_store_across_pages_tears_between_them),
		T(test_marks_take_back_image_and_hash),
		T(test_faults_and_forbidden_calls_are_told),
		T(test_crc32c_is_castagnoli),
		T(test_failing_image_is_replayed_by_its_number),
		T(test_bulk_is_thinned_and_words_are_not),
		T(test_salt_tells_points_apart),
		T(test_brute_force_agrees_on_random_programs),
		T(test_brute_force_agrees_on_threads),
	};

	return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
