// SPDX-License-Identifier: BSD-3-Clause
/*
 * crc.c - which single bit a wrong CRC32C points at.
 *
 * The CRC is linear: flipping a bit changes the checksum by a pattern that
 * depends on its distance from the end alone, and the pattern of one bit
 * further is that one times x, modulo the polynomial.  Within a CRC's length no
 * two are the same.  So the last STRIDE patterns are noted in a filter, and the
 * change is taken back by STRIDE bits at a time until it is among them.
 */
#include "base/crc.h"

#define CRC32C_POLY	0x82f63b78u	/* Castagnoli, bits reversed */
#define STRIDE		512u
#define X_BACK_STRIDE	0x32998d96u	/* x^-STRIDE, bits reversed */

#define FILTER_BITS	8192u

static uint32_t times_x(uint32_t pattern)
{
	return pattern >> 1 ^ (CRC32C_POLY & -(pattern & 1));
}

static uint32_t times(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (; a; a <<= 1, b = times_x(b))
		product ^= b & -(a >> 31);
	return product;
}

/* How many bits from the end on is the one of this pattern?  -1: not @most. */
static int32_t distance_near(uint32_t delta, uint32_t most)
{
	uint32_t pattern = CRC32C_POLY;	/* of the last byte's highest bit */

	for (uint32_t bits = 0; bits < most; bits++) {
		if (pattern == delta)
			return (int32_t)bits;
		pattern = times_x(pattern);
	}
	return -1;
}

int32_t crc_find_bit(uint32_t delta, uint32_t len)
{
	uint64_t filter[FILTER_BITS / 64] = { 0 };
	uint32_t pattern = CRC32C_POLY, most = len * 8;

	if (!delta || len > NVM_PAGE)
		return -1;
	if (most <= STRIDE) {
		int32_t bits = distance_near(delta, most);

		return bits < 0 ? -1 : (int32_t)most - 1 - bits;
	}
	for (uint32_t i = 0; i < STRIDE; i++, pattern = times_x(pattern))
		filter[pattern % FILTER_BITS / 64] |= 1ull << pattern % 64;
	for (uint32_t far = 0; far < most; far += STRIDE) {
		uint32_t left = most - far < STRIDE ? most - far : STRIDE;
		int32_t bits = filter[delta % FILTER_BITS / 64] >> delta % 64 & 1
			       ? distance_near(delta, left) : -1;

		if (bits >= 0)
			return (int32_t)most - 1 - (int32_t)far - bits;
		delta = times(X_BACK_STRIDE, delta);
	}
	return -1;
}
