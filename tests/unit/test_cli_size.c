/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_cli_size.c - sizes as people write and read them (cli/size.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/size.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void sizes_are_powers_of_1024_whatever_the_suffix_looks_like(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} rows[] = {
		{ "0", 0 }, { "1", 1 }, { "4096", 4096 }, { "10B", 10 },
		{ "1K", 1024 }, { "1k", 1024 }, { "1KB", 1024 },
		{ "1KiB", 1024 }, { "1kib", 1024 }, { "4G", 4ull << 30 },
		{ "4 GiB", 4ull << 30 }, { "512M", 512ull << 20 },
		{ "1T", 1ull << 40 }, { "3P", 3ull << 50 },
		{ "2.5G", 5ull << 29 }, { "0.5K", 512 }, { "1.0", 1 },
		{ "0.125M", 128 << 10 }, { "1.000000K", 1024 },
		{ "007", 7 }, { "18446744073709551615", UINT64_MAX },
		{ "16383P", 16383ull << 50 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t bytes = 42;

		assert_int_equal(size_parse(rows[i].text, &bytes), SIZE_OK);
		assert_int_equal(bytes, rows[i].bytes);
	}
}

static void what_is_no_size_is_refused_and_leaves_the_result_alone(void **state)
{
	static const struct {
		const char *text;
		enum size_error error;
	} rows[] = {
		{ "", SIZE_EMPTY }, { "G", SIZE_EMPTY }, { "-1", SIZE_EMPTY },
		{ "+1", SIZE_EMPTY }, { " 1", SIZE_EMPTY },
		{ ".5G", SIZE_EMPTY }, { "1X", SIZE_SUFFIX },
		{ "1GG", SIZE_SUFFIX }, { "1 ", SIZE_SUFFIX },
		{ "1  G", SIZE_SUFFIX }, { "1.G", SIZE_SUFFIX },
		{ "1iB", SIZE_SUFFIX }, { "1e3", SIZE_SUFFIX },
		{ "0x10", SIZE_SUFFIX }, { "1.5", SIZE_FRACTION },
		{ "0.1K", SIZE_FRACTION }, { "1.0001K", SIZE_FRACTION },
		{ "0.00000000000000000001K", SIZE_FRACTION },
		{ "18446744073709551616", SIZE_TOO_LARGE },
		{ "16384P", SIZE_TOO_LARGE },
		{ "99999999999999999999999", SIZE_TOO_LARGE },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t bytes = 42;
		enum size_error error = size_parse(rows[i].text, &bytes);

		assert_int_equal(error, rows[i].error);
		if (error) {
			assert_int_equal(bytes, 42);
			assert_true(*size_strerror(error));
		}
	}
}

static void sizes_are_shown_short_and_rounding_is_marked(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text, *exact;
	} rows[] = {
		{ 0, "0 B", "0" }, { 1023, "1023 B", "1023" },
		{ 1024, "1 KiB", "1K" }, { 1536, "1.5 KiB", "1536" },
		{ 4ull << 30, "4 GiB", "4G" },
		{ 1536ull << 20, "1.5 GiB", "1536M" },
		{ (1ull << 30) + 1, "~1 GiB", "1073741825" },
		{ (1ull << 30) - 1, "~1024 MiB", "1073741823" },
		{ 64ull << 40, "64 TiB", "64T" },
		{ 1100ull << 50, "1100 PiB", "1100P" },
		{ UINT64_MAX, "~16384 PiB", "18446744073709551615" },
		{ 1280ull << 10, "1.25 MiB", "1280K" },
		{ 1030ull << 20, "~1.01 GiB", "1030M" },
	};
	char buf[SIZE_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_string_equal(size_text(rows[i].bytes, buf),
				    rows[i].text);
		assert_string_equal(size_exact(rows[i].bytes, buf),
				    rows[i].exact);
	}
}

static void the_exact_form_reads_back_as_itself(void **state)
{
	uint64_t seed = 88172645463325252ull;	/* xorshift64, fixed */

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char buf[SIZE_TEXT_BYTES];
		uint64_t value, back;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		value = seed >> (seed % 64) << (seed / 64 % 32);
		assert_int_equal(size_parse(size_exact(value, buf), &back),
				 SIZE_OK);
		assert_int_equal(back, value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			sizes_are_powers_of_1024_whatever_the_suffix_looks_like),
		cmocka_unit_test(
			what_is_no_size_is_refused_and_leaves_the_result_alone),
		cmocka_unit_test(sizes_are_shown_short_and_rounding_is_marked),
		cmocka_unit_test(the_exact_form_reads_back_as_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
