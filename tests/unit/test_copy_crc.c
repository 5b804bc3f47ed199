// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_copy_crc.c - the fused copy and checksum against ISA-L's, on bytes of
 * all kinds and at every alignment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <isa-l/crc.h>
#include <stdio.h>
#include <string.h>

#include "hosted/copy_crc.h"

static uint32_t expected(unsigned char *bytes)
{
	return ~crc32_iscsi(bytes, COPY_CRC_BYTES, ~0u);
}

static void fill(uint8_t *bytes, uint64_t seed)
{
	for (size_t i = 0; i < COPY_CRC_BYTES; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (uint8_t)(seed >> 56);
	}
}

static void it_copies_and_agrees_with_isal(void **state)
{
	static uint8_t from[COPY_CRC_BYTES + 64], to[COPY_CRC_BYTES + 64];

	(void)state;
	if (!copy_crc_here()) {
		print_message("# skipped: this CPU has no VPCLMULQDQ\n");
		skip();
	}
	for (unsigned i = 0; i < 4096; i++) {
		uint8_t *src = from + i % 64, *dst = to + i * 7 % 64;

		fill(src, i);
		if (i % 8 == 0)
			memset(src, i / 8 & 0xff, COPY_CRC_BYTES);
		memset(to, 0xee, sizeof(to));
		assert_int_equal(copy_crc(dst, src), expected(src));
		assert_memory_equal(dst, src, COPY_CRC_BYTES);
	}
}

static void every_bit_counts(void **state)
{
	static uint8_t from[COPY_CRC_BYTES], to[COPY_CRC_BYTES];

	(void)state;
	if (!copy_crc_here())
		skip();
	fill(from, 1);
	for (unsigned bit = 0; bit < COPY_CRC_BYTES * 8; bit++) {
		from[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(copy_crc(to, from), expected(from));
		from[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_copies_and_agrees_with_isal),
		cmocka_unit_test(every_bit_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
