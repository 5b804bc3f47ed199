/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_wear.c - the pool of free blocks against a plain list, with counts as
 * they come and as nobody would expect them, and when the policies want moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wear/wear.h"

static struct wear *wear_new(struct wear_config config, uint64_t write_count)
{
	void *mem = malloc(wear_memory_bytes(config.block_count));

	assert_non_null(mem);
	return wear_init(&config, write_count, mem);
}

static void put(struct wear *wear, uint32_t block, uint32_t count)
{
	wear_put(wear, (struct wear_block){ block, count, ~block });
}

static void assert_takes(struct wear *wear, uint32_t block)
{
	struct wear_block got;

	assert_true(wear_take(wear, &got));
	assert_int_equal(got.block, block);
	assert_int_equal(got.tag, ~block);
}

/* ---- the pool --------------------------------------------------------------- */

static void test_an_empty_pool_gives_nothing(void **state)
{
	struct wear *wear = wear_new((struct wear_config){
			.policy = WEAR_ADAPTIVE, .block_count = 100 }, 0);
	struct wear_block got = { 7, 7, 7 };

	(void)state;
	assert_int_equal(wear_pool_count(wear), 0);
	assert_int_equal(wear_pool_room(wear), 100);
	assert_false(wear_take(wear, &got));
	assert_false(wear_take_worn(wear, 5, &got));
	assert_false(wear_take_most(wear, &got));
	assert_false(wear_wants_move(wear, 0));
	assert_int_equal(got.block, 7);
	free(wear);
}

static void test_the_least_worn_comes_first_and_the_oldest_of_them(void **state)
{
	struct wear *wear = wear_new((struct wear_config){
			.policy = WEAR_MBSA, .block_count = 100 }, 0);
	struct wear_block got;

	(void)state;
	put(wear, 1, 10);
	put(wear, 2, 9);
	put(wear, 3, 11);
	put(wear, 4, 9);
	assert_true(wear_take_most(wear, &got));
	assert_int_equal(got.block, 3);
	assert_takes(wear, 2);
	assert_takes(wear, 4);
	assert_takes(wear, 1);
	assert_false(wear_take(wear, &got));
	free(wear);
}

static void test_policy_none_takes_blocks_in_turn(void **state)
{
	struct wear *wear = wear_new((struct wear_config){ .block_count = 8 }, 0);
	struct wear_block got;

	(void)state;
	put(wear, 1, 4000000000u);
	put(wear, 2, 0);
	put(wear, 3, 70);
	assert_takes(wear, 1);
	assert_true(wear_take_worn(wear, 0, &got));
	assert_int_equal(got.block, 2);
	assert_true(wear_take_most(wear, &got));
	assert_int_equal(got.block, 3);
	free(wear);
}

static void test_a_full_pool_takes_no_more(void **state)
{
	struct wear *wear = wear_new((struct wear_config){
			.policy = WEAR_ADAPTIVE, .block_count = 1ull << 40 }, 0);

	(void)state;
	assert_int_equal(wear_pool_room(wear), WEAR_POOL_MAX);
	for (uint32_t i = 0; i < WEAR_POOL_MAX; i++)
		put(wear, i, i);
	assert_int_equal(wear_pool_room(wear), 0);
	put(wear, 99, 0);
	assert_int_equal(wear_pool_count(wear), WEAR_POOL_MAX);
	free(wear);
}

static void assert_takes_worn(struct wear *wear, uint32_t cold_count,
			      uint32_t block)
{
	struct wear_block got;

	assert_true(wear_take_worn(wear, cold_count, &got));
	assert_int_equal(got.block, block);
}

static void test_a_worn_place_is_a_threshold_ahead_and_not_far_beyond(void **state)
{
	struct wear *wear = wear_new((struct wear_config){
			.policy = WEAR_MBSA, .threshold = 5,
			.block_count = 100 }, 0);

	(void)state;
	put(wear, 1, 25);
	put(wear, 2, 26);
	put(wear, 3, 30);
	put(wear, 4, 57);
	put(wear, 5, 58);
	put(wear, 6, 60);
	put(wear, 7, 15);
	assert_takes_worn(wear, 20, 4);
	assert_takes_worn(wear, 20, 3);
	assert_takes_worn(wear, 20, 2);
	/* None is near: the least worn of those beyond. */
	assert_takes_worn(wear, 20, 5);
	assert_takes_worn(wear, 20, 6);
	/* None is ahead at all: the least worn. */
	assert_takes_worn(wear, 20, 7);
	assert_takes_worn(wear, 20, 1);
	free(wear);
}

static void test_another_policy_keeps_the_pool(void **state)
{
	struct wear_config config = { .block_count = 100 };
	struct wear *wear = wear_new(config, 12345);

	(void)state;
	put(wear, 1, 3000000);
	put(wear, 2, 5);
	put(wear, 3, 70);
	config.policy = WEAR_ADAPTIVE;
	wear_configure(wear, &config);
	assert_int_equal(wear_write_count(wear), 12345);
	assert_takes(wear, 2);
	config.policy = WEAR_NONE;
	wear_configure(wear, &config);
	put(wear, 4, 0);
	assert_int_equal(wear_pool_count(wear), 3);
	assert_takes(wear, 3);
	assert_takes(wear, 1);
	assert_takes(wear, 4);
	free(wear);
}

/* ---- against a plain list ------------------------------------------------------ */

#define BLOCKS 600u

struct model {
	struct wear *wear;
	uint32_t count[BLOCKS];
	bool in[BLOCKS];
	uint32_t in_count;
	uint64_t random;
};

static uint32_t random_below(struct model *model, uint32_t limit)
{
	model->random = model->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((model->random >> 32) * limit >> 32);
}

/* As after a long life, after growth, damaged, at the end of the range. */
static uint32_t random_count(struct model *model, uint32_t kind)
{
	switch (kind) {
	case 0:
		return 100000 + random_below(model, 200);
	case 1:
		return random_below(model, 2) * 1000000 + random_below(model, 90);
	case 2:
		return random_below(model, UINT32_MAX);
	case 3:
		return UINT32_MAX - random_below(model, 3000);
	case 4:
		return random_below(model, 8) ? 50 + random_below(model, 9) : UINT32_MAX;
	default:
		return 1u << random_below(model, 32);
	}
}

/* Counts of what is in the pool. */
static void model_range(const struct model *model, uint32_t *ret_least,
			uint32_t *ret_most)
{
	uint32_t least = UINT32_MAX, most = 0;

	for (uint32_t i = 0; i < BLOCKS; i++) {
		if (!model->in[i])
			continue;
		least = model->count[i] < least ? model->count[i] : least;
		most = model->count[i] > most ? model->count[i] : most;
	}
	*ret_least = least;
	*ret_most = most;
}

/* The count that wear_take_worn() must give. */
static uint32_t model_worn(const struct model *model, uint64_t cold)
{
	uint64_t enough = cold + wear_threshold(model->wear);
	uint32_t near = 0, beyond = UINT32_MAX, least, most;

	for (uint32_t i = 0; i < BLOCKS; i++) {
		uint32_t count = model->count[i];

		if (!model->in[i] || count <= enough)
			continue;
		if (count <= enough + 32 && count > near)
			near = count;
		if (count < beyond)
			beyond = count;
	}
	if (near)
		return near;
	model_range(model, &least, &most);
	return most > enough ? beyond : least;
}

static void model_took(struct model *model, const struct wear_block *got)
{
	assert_true(got->block < BLOCKS);
	assert_true(model->in[got->block]);
	assert_int_equal(got->count, model->count[got->block]);
	model->in[got->block] = false;
	model->in_count--;
	assert_int_equal(wear_pool_count(model->wear), model->in_count);
}

static void model_put(struct model *model, uint32_t kind)
{
	uint32_t block = random_below(model, BLOCKS);

	if (model->in[block])
		return;
	model->count[block] = random_count(model, kind);
	model->in[block] = true;
	model->in_count++;
	put(model->wear, block, model->count[block]);
}

/* @slack: how far a choice may be from the best, as buckets may be wide. */
static void model_step(struct model *model, uint32_t kind, uint32_t slack)
{
	uint32_t least, most, step = random_below(model, 16);
	struct wear_block got;

	if (step < 8) {
		model_put(model, kind);
		return;
	}
	if (!model->in_count)
		return;
	model_range(model, &least, &most);
	if (step < 13) {
		assert_true(wear_take(model->wear, &got));
		assert_true(got.count - least <= slack);
	} else if (step < 14) {
		assert_true(wear_take_most(model->wear, &got));
		assert_true(most - got.count <= slack);
	} else {
		uint32_t cold = random_count(model, kind);
		uint32_t worn = model_worn(model, cold);

		wear_wants_move(model->wear, cold);
		assert_true(wear_take_worn(model->wear, cold, &got));
		if (!slack)
			assert_int_equal(got.count, worn);
	}
	model_took(model, &got);
}

static void model_run(enum wear_policy policy, uint32_t kind, uint32_t slack,
		      uint64_t seed)
{
	struct model *model = calloc(1, sizeof(*model));

	assert_non_null(model);
	model->random = seed;
	model->wear = wear_new((struct wear_config){ .policy = policy,
			.block_count = BLOCKS }, seed);
	for (uint32_t i = 0; i < 20000; i++)
		model_step(model, kind, slack);
	/* It can be emptied, and each block comes once. */
	while (model->in_count) {
		struct wear_block got;

		assert_true(wear_take(model->wear, &got));
		model_took(model, &got);
	}
	free(model->wear);
	free(model);
}

static void test_ordinary_counts_are_told_apart_exactly(void **state)
{
	(void)state;
	model_run(WEAR_ADAPTIVE, 0, 0, 1);
	model_run(WEAR_MBSA, 0, 0, 2);
}

static void test_counts_after_growth_lose_little(void **state)
{
	(void)state;
	model_run(WEAR_ADAPTIVE, 1, 1000000 / 256, 3);
}

static void test_any_counts_at_all_do_no_harm(void **state)
{
	(void)state;
	for (uint32_t kind = 2; kind < 6; kind++) {
		model_run(WEAR_ADAPTIVE, kind, UINT32_MAX / 256, UINT64_MAX - kind);
		model_run(WEAR_MBSA, kind, UINT32_MAX / 256, kind);
		model_run(WEAR_NONE, kind, UINT32_MAX, kind);
	}
}

static void test_one_wild_count_spoils_the_choice_for_a_while_only(void **state)
{
	struct wear *wear = wear_new((struct wear_config){
			.policy = WEAR_ADAPTIVE, .block_count = 100 }, 0);
	struct wear_block got;

	(void)state;
	for (uint32_t i = 0; i < 50; i++)
		put(wear, i, 1000 + i);
	put(wear, 99, UINT32_MAX);
	assert_true(wear_take_most(wear, &got));
	assert_int_equal(got.block, 99);
	/* Some thousand puts later buckets are narrow again. */
	for (uint32_t i = 0; i < 5000; i++) {
		assert_true(wear_take(wear, &got));
		wear_put(wear, got);
	}
	for (uint32_t i = 0; i < 50; i++)
		assert_takes(wear, i);
	free(wear);
}

/* ---- when to move ----------------------------------------------------------------- */

static void test_mbsa_moves_what_lags_by_more_than_its_threshold(void **state)
{
	struct wear *wear = wear_new((struct wear_config){
			.policy = WEAR_MBSA, .threshold = 3,
			.block_count = 10 }, 1000);

	(void)state;
	put(wear, 1, 50);
	put(wear, 2, 60);
	assert_true(wear_wants_move(wear, 46));
	assert_false(wear_wants_move(wear, 47));
	assert_false(wear_wants_move(wear, UINT32_MAX));
	free(wear);
}

static void test_policy_none_never_moves(void **state)
{
	struct wear *wear = wear_new((struct wear_config){ .block_count = 10 },
				     1000);

	(void)state;
	put(wear, 1, 50000);
	wear_wrote(wear, 100000);
	assert_false(wear_wants_move(wear, 0));
	assert_false(wear_lags(wear, 0));
	free(wear);
}

static void test_adaptive_moves_within_its_budget(void **state)
{
	struct wear *wear = wear_new((struct wear_config){
			.policy = WEAR_ADAPTIVE, .budget = 10,
			.block_count = 10 }, 0);
	uint32_t moves = 0;

	(void)state;
	put(wear, 1, 5000);
	assert_false(wear_wants_move(wear, 0));
	assert_true(wear_lags(wear, 0));
	wear_wrote(wear, 9);
	assert_false(wear_wants_move(wear, 0));
	wear_wrote(wear, 1);
	assert_true(wear_wants_move(wear, 0));
	wear_moved(wear);
	assert_false(wear_wants_move(wear, 0));

	/* However long nothing moved, a burst is bounded. */
	wear_wrote(wear, 1000000);
	for (; wear_wants_move(wear, 0); moves++)
		wear_moved(wear);
	assert_in_range(moves, 1, 64);
	free(wear);
}

static void test_the_last_few_fresh_blocks_are_as_good_as_taken(void **state)
{
	struct wear *wear = wear_new((struct wear_config){
			.policy = WEAR_MBSA, .threshold = 3,
			.block_count = 1000 }, 0);

	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		put(wear, i, 60);
	for (uint32_t i = 200; i < 232; i++)
		put(wear, i, 10);
	assert_true(wear_wants_move(wear, 10));
	put(wear, 232, 10);
	assert_false(wear_wants_move(wear, 10));
	free(wear);
}

static void test_what_lags_behind_the_mean_moves_though_fresh_blocks_are_free(void **state)
{
	struct wear *wear = wear_new((struct wear_config){
			.policy = WEAR_ADAPTIVE, .block_count = 1000 }, 1000000);

	(void)state;
	assert_int_equal(wear_threshold(wear), WEAR_BUDGET_DEFAULT);
	for (uint32_t i = 0; i < 200; i++)
		put(wear, i, 900);
	assert_true(wear_lags(wear, 860));
	assert_false(wear_lags(wear, 868));
	for (uint32_t i = 200; i < 400; i++)
		put(wear, i, 1001);
	assert_true(wear_lags(wear, 967));
	assert_false(wear_lags(wear, 968));
	free(wear);
}

static void test_the_adaptive_threshold_is_the_root_of_the_mean(void **state)
{
	struct wear_config config = { .policy = WEAR_ADAPTIVE, .block_count = 100 };
	struct wear *wear = wear_new(config, 0);

	(void)state;
	assert_int_equal(wear_threshold(wear), WEAR_BUDGET_DEFAULT);
	wear_wrote(wear, 100 * 10000 - 1);
	assert_int_equal(wear_threshold(wear), 99);
	wear_wrote(wear, 1);
	assert_int_equal(wear_threshold(wear), 100);
	config.threshold = 500;
	wear_configure(wear, &config);
	assert_int_equal(wear_threshold(wear), 500);
	free(wear);
}

static void test_the_mean_follows_the_writes(void **state)
{
	struct wear *wear = wear_new((struct wear_config){
			.policy = WEAR_ADAPTIVE, .block_count = 10 }, 99);

	(void)state;
	assert_int_equal(wear_mean(wear), 9);
	wear_wrote(wear, 1);
	assert_int_equal(wear_mean(wear), 10);
	wear_wrote(wear, 1000);
	assert_int_equal(wear_mean(wear), 110);
	assert_int_equal(wear_write_count(wear), 1100);
	free(wear);
}

static void test_counts_of_writes_may_be_anything(void **state)
{
	static const uint64_t counts[] = { 0, 1, UINT64_MAX, UINT64_MAX - 5,
					   1ull << 63 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct wear *wear = wear_new((struct wear_config){
				.policy = WEAR_ADAPTIVE, .endurance = counts[i],
				.threshold = UINT32_MAX }, counts[i]);

		wear_wrote(wear, UINT32_MAX);
		assert_true(wear_write_count(wear) >= counts[i]);
		assert_true(wear_threshold(wear) >= 2);
		put(wear, 1, UINT32_MAX);
		assert_false(wear_wants_move(wear, UINT32_MAX));
		wear_moved(wear);
		free(wear);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_pool_gives_nothing),
		cmocka_unit_test(test_the_least_worn_comes_first_and_the_oldest_of_them),
		cmocka_unit_test(test_policy_none_takes_blocks_in_turn),
		cmocka_unit_test(test_a_full_pool_takes_no_more),
		cmocka_unit_test(test_a_worn_place_is_a_threshold_ahead_and_not_far_beyond),
		cmocka_unit_test(test_another_policy_keeps_the_pool),
		cmocka_unit_test(test_ordinary_counts_are_told_apart_exactly),
		cmocka_unit_test(test_counts_after_growth_lose_little),
		cmocka_unit_test(test_any_counts_at_all_do_no_harm),
		cmocka_unit_test(test_one_wild_count_spoils_the_choice_for_a_while_only),
		cmocka_unit_test(test_mbsa_moves_what_lags_by_more_than_its_threshold),
		cmocka_unit_test(test_policy_none_never_moves),
		cmocka_unit_test(test_adaptive_moves_within_its_budget),
		cmocka_unit_test(test_the_last_few_fresh_blocks_are_as_good_as_taken),
		cmocka_unit_test(test_what_lags_behind_the_mean_moves_though_fresh_blocks_are_free),
		cmocka_unit_test(test_the_adaptive_threshold_is_the_root_of_the_mean),
		cmocka_unit_test(test_the_mean_follows_the_writes),
		cmocka_unit_test(test_counts_of_writes_may_be_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
