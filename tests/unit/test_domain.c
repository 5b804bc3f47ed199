/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_domain.c - the simulated persistence domain, its litmus programs, and
 * how images of crash points are enumerated and named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/brute.h"
#include "tests/torture/litmus.h"

#define SIZE	(64u << 10)

struct litmus {
	struct domain *domain;
	struct domain_trace trace;
	bool seen_once;
};

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

static void drain(struct litmus *litmus)
{
	litmus->domain->media.ops->drain(&litmus->domain->media);
}

/* Good whatever it is, and looked at. */
static bool pass(void *ctx, const struct explore_where *where)
{
	struct litmus *litmus = ctx;
	static const uint64_t off[] = { A, B, C, D };

	(void)where;
	for (unsigned i = 0; i < 4; i++)
		assert_true(domain_word(litmus->domain, off[i] / 8) <= 2);
	return true;
}

static void test_litmus_programs_have_exactly_their_outcomes(void **state)
{
	char *text = NULL;
	size_t room = 0;
	FILE *out = open_memstream(&text, &room);
	bool good = litmus_run(out, 20261122, false);

	(void)state;
	fclose(out);
	if (!good)
		fputs(text, stderr);
	free(text);
	assert_true(good);
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
		explore.check = pass;
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
	explore.lazy_max = 0;
	explore.thinned_max = 5 * 4;
	explore.random_count = explore.pair_max = 0;
	explore.word_max = 1;
	explore.check = pass;
	explore.ctx = litmus;
	explore_trace(&explore, litmus->domain, &trace);
	assert_int_equal(explore.stats.thinned, 1);
	assert_int_equal(explore.stats.thirds, 0);
	explore.stats = (struct explore_stats){ 0 };
	explore.thinned_max = 5 * 4 - 1;
	explore_trace(&explore, litmus->domain, &trace);
	assert_int_equal(explore.stats.thinned, 0);
}

/* ---- what is read ------------------------------------------------------------- */

struct reader {
	struct domain *domain;
	uint64_t rule;			/* which words it reads, and when */
	struct keys seen;
	unsigned images;
};

/* Reads a word of the program's; what it was says which one is next. */
static bool read_some(void *ctx, const struct explore_where *where)
{
	struct reader *reader = ctx;
	uint64_t state = reader->rule, key = 1;

	(void)where;
	reader->images++;
	for (unsigned i = 0; i < 6; i++) {
		uint64_t off = random_next(&state) % 4 * 8 +
			       NVM_PAGE / 2 - NVM_LINE +
			       random_next(&state) % 2 * NVM_PAGE +
			       random_next(&state) % 2 * NVM_LINE;
		uint64_t word = domain_word(reader->domain, off / 8);

		key = key * 31 + word % 1000;
		state += word * 0x9e3779b97f4a7c15u;
		if (!word && i > 2)
			break;
	}
	keys_add(&reader->seen, key);
	return true;
}

/* Lazily, the same outcomes as with all images, and never more images. */
static void test_lazy_images_show_all_that_can_be_seen(void **state)
{
	struct domain *domain = domain_new(BRUTE_BYTES, NVM_BUS);
	struct domain_trace trace = { 0 };
	uint64_t seed = 20261125;
	unsigned compared = 0, images[2] = { 0, 0 };

	(void)state;
	for (unsigned run = 0; run < 1200; run++) {
		struct reader reader[2] = { { .domain = domain }, { 0 } };
		struct explore explore[2];

		brute_program(domain, &trace, &seed);
		domain_poke_zero(domain, 0, BRUTE_BYTES);
		reader[0].rule = random_next(&seed);
		reader[1] = reader[0];
		for (unsigned lazy = 0; lazy < 2; lazy++) {
			explore_init(&explore[lazy], run % MODEL_COUNT, 1);
			explore[lazy].exhaustive_max = lazy ? 0 : 3000;
			explore[lazy].lazy_max = lazy ? UINT32_MAX : 0;
			explore[lazy].first_event = trace.count;
			explore[lazy].check = read_some;
			explore[lazy].ctx = &reader[lazy];
			explore_trace(&explore[lazy], domain, &trace);
			keys_sort(&reader[lazy].seen);
		}
		if (explore[0].stats.exhaustive) {
			assert_int_equal(explore[1].stats.lazy, 1);
			assert_true(keys_equal(&reader[0].seen,
					       &reader[1].seen));
			assert_true(reader[1].images <= reader[0].images);
			compared++;
			images[0] += reader[0].images;
			images[1] += reader[1].images;
		}
		keys_free(&reader[0].seen);
		keys_free(&reader[1].seen);
	}
	print_message("%u programs, %u images, lazily %u\n", compared,
		      images[0], images[1]);
	assert_true(compared > 1000);
	assert_true(images[1] < images[0] / 2);
	domain_free(domain);
	trace_free(&trace);
}

/* Says no where one word of a page is lost and all others arrived. */
static bool deny_one_tear(void *ctx, const struct explore_where *where)
{
	struct litmus *litmus = ctx;
	unsigned there = 0;

	(void)where;
	for (unsigned w = 0; w < NVM_PAGE / 8; w++)
		there += domain_word(litmus->domain, w) == 1;
	if (there != NVM_PAGE / 8 - 1 || domain_word(litmus->domain, 300))
		return true;
	litmus->seen_once = !litmus->seen_once;
	return false;
}

static void test_bug_of_one_torn_word_of_a_region_is_found(void **state)
{
	struct litmus *litmus = *state;
	uint64_t page[NVM_PAGE / 8];
	struct explore_where only = { 0 };
	struct domain_trace trace;
	struct explore explore;

	for (unsigned i = 0; i < NVM_PAGE / 8; i++)
		page[i] = 1;
	litmus->domain->media.ops->store(&litmus->domain->media, 0, page,
					 NVM_PAGE);
	put(litmus, D, 1);
	trace = litmus->trace;
	domain_record(litmus->domain, NULL);
	domain_poke_zero(litmus->domain, 0, SIZE);
	explore_init(&explore, MODEL_PARANOID, 1);
	explore.check = deny_one_tear;
	explore.ctx = litmus;
	explore_trace(&explore, litmus->domain, &trace);
	assert_int_equal(explore.stats.failures, 1);
	assert_true(litmus->seen_once);
	/* By its number it is found again. */
	only.image = (uint32_t)explore.stats.images;
	explore_init(&explore, MODEL_PARANOID, 1);
	explore.check = deny_one_tear;
	explore.ctx = litmus;
	explore.only = &only;
	explore_trace(&explore, litmus->domain, &trace);
	assert_false(litmus->seen_once);
	assert_int_equal(explore.stats.failures, 1);
	assert_int_equal(explore.stats.images, only.image);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, litmus_begin, litmus_end)
	const struct CMUnitTest tests[] = {
		T(test_litmus_programs_have_exactly_their_outcomes),
		T(test_store_across_pages_tears_between_them),
		T(test_marks_take_back_image_and_hash),
		T(test_faults_and_forbidden_calls_are_told),
		T(test_crc32c_is_castagnoli),
		T(test_failing_image_is_replayed_by_its_number),
		T(test_bulk_is_thinned_and_words_are_not),
		T(test_salt_tells_points_apart),
		T(test_lazy_images_show_all_that_can_be_seen),
		T(test_bug_of_one_torn_word_of_a_region_is_found),
	};

	return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
