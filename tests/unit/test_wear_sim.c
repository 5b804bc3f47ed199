/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_wear_sim.c - what the policies are worth: the life that simulated loads
 * and attacks leave, with fixed seeds; and that the simulator's own parts
 * (loads, traces, baselines, figures) are what they claim to be.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/wear_life.h"
#include "cli/wear_plot.h"
#include "cli/wear_sim.h"
#include "cli/wear_stats.h"
#include "wear/wear.h"

/* ---- lives -------------------------------------------------------------------- */

struct life {
	double life;		/* share of ideal */
	double extra, moves;	/* over user writes */
	struct wear_stats stats;
	uint32_t line_max;
};

static struct wear_sim_config sim_config(enum wear_model model,
					 uint32_t block_count, uint32_t endurance)
{
	return (struct wear_sim_config){
		.model = model, .block_count = block_count,
		.logical_count = block_count - block_count / 50,
		.endurance = endurance, .seed = 1,
	};
}

static struct life sim_life(const struct wear_sim_config *config,
			    enum wear_load_kind kind)
{
	struct wear_load *load = wear_load_new(kind, config->logical_count, 42,
					       NULL);
	struct wear_sim_result result;
	struct life life;

	assert_non_null(load);
	assert_int_equal(wear_sim_run(config, load, &result), 0);
	assert_true(result.worn_out);
	life.life = wear_sim_life(config, &result);
	life.extra = (double)result.extra_writes / (double)result.user_writes;
	life.moves = (double)result.moves / (double)result.user_writes;
	life.line_max = result.line_max;
	wear_stats_make(result.count, result.block_count, &life.stats);
	assert_int_equal(life.stats.total, result.user_writes + result.extra_writes);
	wear_sim_free(&result);
	wear_load_free(load);
	return life;
}

static void assert_lives(const struct wear_sim_config *config, double life_min,
			 double moves_max)
{
	for (enum wear_load_kind kind = 0; kind < WEAR_LOAD_TRACE; kind++) {
		struct life life = sim_life(config, kind);

		if (life.life < life_min || life.moves > moves_max)
			fail_msg("%s: life %.4f, moves %.4f", wear_load_names[kind],
				 life.life, life.moves);
	}
}

static void test_adaptive_lives_long_under_every_load_even_on_short_lived_memory(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_ADAPTIVE, 2048, 1000);

	(void)state;
	assert_lives(&config, 0.93, 0.03);
	config = sim_config(WEAR_MODEL_ADAPTIVE, 8192, 1000);
	config.seed = 7;
	assert_lives(&config, 0.93, 0.03);
}

static void test_adaptive_lives_longer_where_memory_does(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_ADAPTIVE, 2048, 4000);

	(void)state;
	assert_lives(&config, 0.945, 0.02);
	config.endurance = 10000;
	assert_true(sim_life(&config, WEAR_LOAD_ZONES).life > 0.975);
	assert_true(sim_life(&config, WEAR_LOAD_ONE).life > 0.975);
	assert_true(sim_life(&config, WEAR_LOAD_TRIM).life > 0.955);
}

static void test_several_writers_do_not_spoil_it(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_ADAPTIVE, 8192, 1000);

	(void)state;
	config.lane_count = 8;
	assert_lives(&config, 0.93, 0.03);
}

static void test_one_look_in_sixteen_writes_is_enough(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_ADAPTIVE, 4096, 1000);

	(void)state;
	config.look = 1;
	assert_true(sim_life(&config, WEAR_LOAD_ONE).life > 0.92);
	assert_true(sim_life(&config, WEAR_LOAD_ZONES).life > 0.92);
	assert_true(sim_life(&config, WEAR_LOAD_BIRTHDAY).life > 0.92);
}

static void test_few_spares_are_enough(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_ADAPTIVE, 8192, 1000);

	(void)state;
	config.logical_count = 8192 - 64;
	assert_lives(&config, 0.91, 0.03);
}

static void test_a_tight_budget_is_kept_and_does_no_harm(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_ADAPTIVE, 2048, 4000);
	struct life life;

	(void)state;
	config.budget = 200;
	life = sim_life(&config, WEAR_LOAD_ONE);
	assert_true(life.moves < 1 / 200.0 + 0.001);
	assert_true(life.life > 0.85);
	config.budget = 8;
	life = sim_life(&config, WEAR_LOAD_ONE);
	assert_true(life.life > 0.9);
}

static void test_mbsa_holds_under_every_load_at_the_price_of_many_moves(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_MBSA, 2048, 1000);
	struct life life;

	(void)state;
	assert_lives(&config, 0.85, 0.065);
	life = sim_life(&config, WEAR_LOAD_ONE);
	assert_true(life.moves > 0.05);
}

static void test_without_moves_one_hot_block_kills(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_NONE, 2048, 1000);

	(void)state;
	assert_true(sim_life(&config, WEAR_LOAD_ONE).life < 0.03);
	assert_true(sim_life(&config, WEAR_LOAD_UNIFORM).life > 0.85);
}

static void test_a_table_updated_in_place_wears_out_first(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_TABLE, 2048, 1000);
	struct life life = sim_life(&config, WEAR_LOAD_UNIFORM);

	(void)state;
	assert_int_equal(life.line_max, 1000);
	/* Eight words a line: eight times the wear of a block. */
	assert_true(life.line_max / life.stats.mean > 7);
	assert_true(life.life < 0.14);
}

static void test_more_blocks_than_the_pool_holds_are_all_used(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_ADAPTIVE, 3 * WEAR_POOL_MAX, 40);
	struct life life;

	(void)state;
	config.logical_count = WEAR_POOL_MAX;
	life = sim_life(&config, WEAR_LOAD_UNIFORM);
	assert_true(life.life > 0.9);
}

/* ---- baselines ------------------------------------------------------------------ */

static void test_in_place_dies_with_its_hottest_block(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_IN_PLACE, 2048, 1000);
	struct life life = sim_life(&config, WEAR_LOAD_ONE);

	(void)state;
	assert_int_equal(life.stats.most, 1000);
	assert_int_equal(life.stats.total, 2048 - 40 + 999);
	assert_true(sim_life(&config, WEAR_LOAD_UNIFORM).life > 0.8);
}

static void test_literal_swaps_are_flat_and_dear(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_SWAP, 2048, 1000);
	struct life life = sim_life(&config, WEAR_LOAD_ZONES);

	(void)state;
	assert_true(life.moves > 0.3);
	assert_true(life.stats.most - life.stats.least <= 8);
	config.threshold = 44;
	life = sim_life(&config, WEAR_LOAD_ZONES);
	assert_true(life.moves < 0.03);
	assert_true(life.life > 0.93);
}

static void test_start_gap_costs_one_write_in_a_hundred(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_START_GAP, 64, 60000);
	struct life life = sim_life(&config, WEAR_LOAD_ONE);

	(void)state;
	assert_true(fabs(life.moves - 0.01) < 0.0001);
	/* Small enough for the gap to come round in time, it does well. */
	assert_true(life.life > 0.75);
	config.block_count = 8192;
	config.logical_count = 8000;
	config.endurance = 1000;
	assert_true(sim_life(&config, WEAR_LOAD_ONE).life < 0.01);
}

/* ---- ends ------------------------------------------------------------------------- */

static void test_a_run_ends_after_the_writes_asked_for(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_ADAPTIVE, 2048, 100000);
	struct wear_load *load = wear_load_new(WEAR_LOAD_ZIPF, config.logical_count, 1, NULL);
	struct wear_sim_result result;

	(void)state;
	config.write_max = 123456;
	assert_int_equal(wear_sim_run(&config, load, &result), 0);
	assert_false(result.worn_out);
	assert_int_equal(result.user_writes, 123456);
	wear_sim_free(&result);
	wear_load_free(load);
}

static bool step_stop(void *ctx, uint64_t writes, uint32_t count_max)
{
	(void)writes;
	(void)count_max;
	++*(unsigned *)ctx;
	return false;
}

static void test_a_run_can_be_stopped(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_ADAPTIVE, 2048, 1000000);
	struct wear_load *load = wear_load_new(WEAR_LOAD_ONE, config.logical_count, 1, NULL);
	struct wear_sim_result result;
	unsigned steps = 0;

	(void)state;
	config.step = step_stop;
	config.ctx = &steps;
	assert_int_equal(wear_sim_run(&config, load, &result), -EINTR);
	assert_int_equal(steps, 1);
	wear_load_free(load);
}

static void test_the_same_seed_gives_the_same_life(void **state)
{
	struct wear_sim_config config = sim_config(WEAR_MODEL_ADAPTIVE, 2048, 300);
	struct life a = sim_life(&config, WEAR_LOAD_FILES);
	struct life b = sim_life(&config, WEAR_LOAD_FILES);

	(void)state;
	assert_memory_equal(&a.stats, &b.stats, sizeof(a.stats));
}

/* ---- loads ------------------------------------------------------------------------ */

/* Operations of each block, of @count in all; trims are counted in *ret_trims. */
static uint32_t *load_counts(enum wear_load_kind kind, uint32_t blocks,
			     size_t count, size_t *ret_trims)
{
	struct wear_load *load = wear_load_new(kind, blocks, 3, NULL);
	uint32_t *times = calloc(blocks, sizeof(*times)), op;

	assert_non_null(load);
	assert_non_null(times);
	*ret_trims = 0;
	for (size_t i = 0; i < count; i++) {
		wear_load_next(load, &op, 1);
		assert_true((op & WEAR_OP_BLOCK) < blocks);
		*ret_trims += op >> 31;
		times[op & WEAR_OP_BLOCK]++;
	}
	wear_load_free(load);
	return times;
}

static int descending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y) - (x > y);
}

static void test_zipf_has_the_shares_it_should(void **state)
{
	enum { BLOCKS = 1000, COUNT = 2000000 };
	size_t trims;
	uint32_t *times = load_counts(WEAR_LOAD_ZIPF, BLOCKS, COUNT, &trims);
	double sum = 0;

	(void)state;
	for (unsigned i = 1; i <= BLOCKS; i++)
		sum += pow(i, -0.99);
	assert_int_equal(trims, 0);
	qsort(times, BLOCKS, sizeof(*times), descending);
	for (unsigned rank = 1; rank <= 100; rank *= 10) {
		double share = times[rank - 1] / (double)COUNT;

		assert_true(fabs(share * sum / pow(rank, -0.99) - 1) < 0.05);
	}
	free(times);
}

static void test_ninety_to_ten(void **state)
{
	size_t trims;
	uint32_t *times = load_counts(WEAR_LOAD_NINETY, 1000, 1000000, &trims);
	uint64_t hot = 0;

	(void)state;
	qsort(times, 1000, sizeof(*times), descending);
	for (unsigned i = 0; i < 100; i++)
		hot += times[i];
	assert_in_range(hot, 905000, 915000);	/* 90 %, and a tenth of the rest */
	free(times);
}

static void test_zones_leave_two_eighths_alone(void **state)
{
	enum { BLOCKS = 800, MINUTES = 135 };
	static const unsigned minutes[8] = { 0, 0, 40, 5, 5, 60, 5, 20 };
	size_t trims;
	uint32_t *times = load_counts(WEAR_LOAD_ZONES, BLOCKS, BLOCKS * MINUTES, &trims);

	(void)state;
	for (unsigned zone = 0; zone < 8; zone++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < 100; i++)
			sum += times[100 * zone + i];
		assert_true(llabs((long long)sum - minutes[zone] * BLOCKS) < 300);
	}
	free(times);
}

static void test_bursts_are_of_4096_writes(void **state)
{
	struct wear_load *load = wear_load_new(WEAR_LOAD_BIRTHDAY, 1u << 20, 5, NULL);
	uint32_t op[3 * 4096];

	(void)state;
	wear_load_next(load, op, 3 * 4096);
	for (unsigned i = 0; i < 3 * 4096; i++)
		assert_int_equal(op[i], op[i / 4096 * 4096]);
	assert_int_not_equal(op[0], op[4096]);
	wear_load_free(load);
}

static void test_trims_are_only_of_what_was_written(void **state)
{
	enum { BLOCKS = 1000 };
	static const enum wear_load_kind kinds[] = { WEAR_LOAD_TRIM, WEAR_LOAD_FILES };

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct wear_load *load = wear_load_new(kinds[k], BLOCKS, 5, NULL);
		bool trimmed[BLOCKS] = { false };
		unsigned trims = 0;
		uint32_t op;

		for (unsigned i = 0; i < 100000; i++) {
			wear_load_next(load, &op, 1);
			if (op & WEAR_OP_TRIM) {
				assert_false(trimmed[op & WEAR_OP_BLOCK]);
				trims++;
			}
			trimmed[op & WEAR_OP_BLOCK] = op & WEAR_OP_TRIM;
		}
		assert_in_range(trims, 15000, 50000);
		wear_load_free(load);
	}
}

/* ---- traces ------------------------------------------------------------------------- */

static int trace_read(const char *text, struct wear_trace *ret_trace, size_t *ret_line)
{
	char path[] = "/tmp/test_wear_sim.XXXXXX";
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	err = wear_trace_read(path, ret_trace, ret_line);
	unlink(path);
	return err;
}

static void assert_trace(const char *text, const uint32_t *op, size_t count)
{
	struct wear_trace trace;
	size_t line;

	assert_int_equal(trace_read(text, &trace, &line), 0);
	assert_int_equal(trace.count, count);
	assert_memory_equal(trace.op, op, count * sizeof(*op));
	wear_trace_free(&trace);
}

static void test_a_trace_is_block_numbers_or_a_log_of_fio(void **state)
{
	static const uint32_t plain[] = { 5, 0, 2147483647 };
	static const uint32_t fio[] = { 0, 1, 2, 10, 4 | WEAR_OP_TRIM };

	(void)state;
	assert_trace("# a comment\n5\n\n  0  \r\n2147483647", plain, 3);
	assert_trace("fio version 2 iolog\n/dev/x add\n/dev/x open\n"
		     "/dev/x write 0 8192\n/dev/x read 4096 4096\n"
		     "/dev/x write 12287 1\n/dev/x write 40960 512\n"
		     "/dev/x sync 0 0\n/dev/x trim 15000 9000\n/dev/x close\n", fio, 5);
	assert_trace("fio version 3 iolog\n12 /dev/x add\n15 /dev/x write 0 8192\n"
		     "17 /dev/x write 8192 4096\n17 /dev/x write 40960 512\n"
		     "18 /dev/x trim 15000 9000\n19 /dev/x close\n", fio, 5);
}

static void test_a_bad_trace_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text;
		size_t line;
	} bad[] = {
		{ "1\n2\nx\n", 3 }, { "-1\n", 1 }, { "1 2\n", 1 },
		{ "2147483648\n", 1 }, { "99999999999999999999\n", 1 },
		{ "fio version 1 iolog\n", 1 },
		{ "fio version 2 iolog\n/dev/x write 4096\n", 2 },
		{ "fio version 2 iolog\n/dev/x write 18446744073709551615 4096\n", 2 },
		{ "fio version 2 iolog\n/dev/x write 1 -1\n", 2 },
		{ "fio version 2 iolog\nx\n", 2 },
		{ "fio version 2 iolog\n/dev/x open\n", 0 }, { "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wear_trace trace;
		size_t line = 99;

		if (trace_read(bad[i].text, &trace, &line) != -EINVAL ||
		    line != bad[i].line)
			fail_msg("trace %zu: line %zu", i, line);
	}
}

static void test_a_trace_begins_again(void **state)
{
	static uint32_t ops[] = { 7, 8, 9 };
	struct wear_trace trace = { ops, 3, 9 };
	struct wear_load *load = wear_load_new(WEAR_LOAD_TRACE, 10, 1, &trace);
	uint32_t op[7];

	(void)state;
	wear_load_next(load, op, 7);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(op[i], 7 + i % 3);
	wear_load_free(load);
}

/* ---- figures ------------------------------------------------------------------------ */

static void test_figures_of_wear(void **state)
{
	uint32_t even[4] = { 5, 5, 5, 5 }, one[4] = { 0, 8, 0, 0 };
	uint32_t some[5] = { 4, 2, 1, 3, 5 };
	struct wear_stats stats;

	(void)state;
	wear_stats_make(even, 4, &stats);
	assert_true(stats.mean == 5 && stats.variation == 0 && fabs(stats.gini) < 1e-12);
	wear_stats_make(one, 4, &stats);
	assert_true(stats.mean == 2 && fabs(stats.gini - 0.75) < 1e-12);
	assert_true(fabs(stats.variation - sqrt(12) / 2) < 1e-12);
	assert_true(wear_stats_ratio(&stats, stats.most) == 4);
	wear_stats_make(some, 5, &stats);
	assert_int_equal(stats.least, 1);
	assert_int_equal(stats.median, 3);
	assert_int_equal(stats.p999, 5);
	assert_true(fabs(stats.gini - 4.0 / 15) < 1e-12);
	wear_stats_make(some, 0, &stats);
	assert_true(stats.mean == 0 && wear_stats_ratio(&stats, 1) == 0);
}

static void test_a_curve_goes_from_the_least_worn_to_the_most(void **state)
{
	static const uint32_t count[3] = { 1, 2, 6 }, none[1] = { 0 };
	struct wear_curve curve;

	(void)state;
	wear_curve_make(count, 3, 3, &curve);
	assert_true(curve.at[0] == 1.0 / 3 && curve.at[WEAR_CURVE_STEPS] == 2);
	wear_curve_make(none, 1, 0, &curve);
	assert_true(curve.at[WEAR_CURVE_STEPS] == 0);
}

static void test_years_left(void **state)
{
	/* A block a second, all of it: as many seconds as a line bears. */
	double bytes = wear_life_bytes(1, 31557600, 100);

	(void)state;
	assert_true(fabs(wear_life_years(bytes, 4096) - 1) < 1e-9);
	assert_true(fabs(wear_life_years(wear_life_bytes(2, 31557600, 50), 4096) - 1) < 1e-9);
}

static void test_an_endurance_is_a_name_or_a_number(void **state)
{
	static const char *const bad[] = { "", "x", "0", "-1", "1e19", "inf", "nan",
					   "0x10", " 5", "1e", "1e8x", "PCM", "." };
	struct wear_class class;

	(void)state;
	assert_true(wear_class_parse("optane", &class) && class.endurance == 1.4e6);
	assert_true(wear_class_parse("1e8", &class) && class.endurance == 1e8);
	assert_true(wear_class_parse("12345", &class) && class.endurance == 12345);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (wear_class_parse(bad[i], &class))
			fail_msg("'%s' is taken for an endurance", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_adaptive_lives_long_under_every_load_even_on_short_lived_memory),
		cmocka_unit_test(test_adaptive_lives_longer_where_memory_does),
		cmocka_unit_test(test_several_writers_do_not_spoil_it),
		cmocka_unit_test(test_one_look_in_sixteen_writes_is_enough),
		cmocka_unit_test(test_few_spares_are_enough),
		cmocka_unit_test(test_a_tight_budget_is_kept_and_does_no_harm),
		cmocka_unit_test(test_mbsa_holds_under_every_load_at_the_price_of_many_moves),
		cmocka_unit_test(test_without_moves_one_hot_block_kills),
		cmocka_unit_test(test_a_table_updated_in_place_wears_out_first),
		cmocka_unit_test(test_more_blocks_than_the_pool_holds_are_all_used),
		cmocka_unit_test(test_in_place_dies_with_its_hottest_block),
		cmocka_unit_test(test_literal_swaps_are_flat_and_dear),
		cmocka_unit_test(test_start_gap_costs_one_write_in_a_hundred),
		cmocka_unit_test(test_a_run_ends_after_the_writes_asked_for),
		cmocka_unit_test(test_a_run_can_be_stopped),
		cmocka_unit_test(test_the_same_seed_gives_the_same_life),
		cmocka_unit_test(test_zipf_has_the_shares_it_should),
		cmocka_unit_test(test_ninety_to_ten),
		cmocka_unit_test(test_zones_leave_two_eighths_alone),
		cmocka_unit_test(test_bursts_are_of_4096_writes),
		cmocka_unit_test(test_trims_are_only_of_what_was_written),
		cmocka_unit_test(test_a_trace_is_block_numbers_or_a_log_of_fio),
		cmocka_unit_test(test_a_bad_trace_is_told_with_its_line),
		cmocka_unit_test(test_a_trace_begins_again),
		cmocka_unit_test(test_figures_of_wear),
		cmocka_unit_test(test_a_curve_goes_from_the_least_worn_to_the_most),
		cmocka_unit_test(test_years_left),
		cmocka_unit_test(test_an_endurance_is_a_name_or_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
