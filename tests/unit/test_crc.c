// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_crc.c - which bit a wrong checksum points at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <isa-l/crc.h>
#include <string.h>

#include "base/crc.h"

static uint32_t crc32c(unsigned char *bytes, uint32_t len)
{
	return ~crc32_iscsi(bytes, (int)len, ~0u);
}

static void fill(unsigned char *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(i * 31 + i / 7);
}

static void test_every_single_bit_is_found(void **state)
{
	static const uint32_t lens[] = { 1, 28, 64, 65, 100, 1000, 4096 };
	static unsigned char bytes[4096];

	(void)state;
	for (unsigned l = 0; l < sizeof(lens) / sizeof(*lens); l++) {
		uint32_t len = lens[l], right;

		fill(bytes, len);
		right = crc32c(bytes, len);
		assert_int_equal(crc_find_bit(0, len), -1);
		for (uint32_t bit = 0; bit < len * 8; bit++) {
			bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
			assert_int_equal(crc_find_bit(right ^
						      crc32c(bytes, len), len),
					 bit);
			bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		}
	}
}

static void test_words_are_summed_up_as_bytes_are(void **state)
{
	static unsigned char bytes[80];

	(void)state;
	if (!crc_has_instruction())
		skip();
	fill(bytes, sizeof(bytes));
	for (uint32_t len = 0; len <= 76; len += 4)
		for (uint32_t at = 0; at < 4; at++)
			assert_int_equal(crc_words(crc32c(bytes, 5),
						   bytes + at, len),
				~crc32_iscsi(bytes + at, (int)len,
					     ~crc32c(bytes, 5)));
}

static void test_two_bits_are_not_taken_for_one(void **state)
{
	static unsigned char bytes[4096];
	uint32_t right;

	(void)state;
	fill(bytes, sizeof(bytes));
	right = crc32c(bytes, sizeof(bytes));
	for (uint32_t bit = 0; bit < sizeof(bytes) * 8; bit += 97) {
		for (uint32_t other = bit + 1; other < sizeof(bytes) * 8;
		     other += 1009) {
			bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
			bytes[other / 8] ^= (unsigned char)(1u << other % 8);
			assert_int_equal(crc_find_bit(right ^
				crc32c(bytes, sizeof(bytes)), sizeof(bytes)), -1);
			bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
			bytes[other / 8] ^= (unsigned char)(1u << other % 8);
		}
	}
}

/* A bit before the bytes that the checksum is of is none of theirs. */
static void test_a_bit_beyond_the_length_is_not_found(void **state)
{
	static unsigned char bytes[700];
	uint32_t right;

	(void)state;
	fill(bytes, sizeof(bytes));
	right = crc32c(bytes, sizeof(bytes));
	for (uint32_t bit = 0; bit < 8 * 100; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		assert_int_equal(crc_find_bit(right ^ crc32c(bytes,
			sizeof(bytes)), sizeof(bytes) - 100), -1);
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_single_bit_is_found),
		cmocka_unit_test(test_words_are_summed_up_as_bytes_are),
		cmocka_unit_test(test_two_bits_are_not_taken_for_one),
		cmocka_unit_test(test_a_bit_beyond_the_length_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
