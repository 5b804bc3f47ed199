// SPDX-License-Identifier: BSD-3-Clause
/*
 * crc.c - which single bit a wrong CRC32C points at.
 *
 * The CRC is linear: flipping a bit changes the checksum by a pattern that
 * depends on its distance from the end alone.  So we step that pattern from
 * the last bit to the first; within a CRC's length no two are the same.
 */
#include "base/crc.h"

#define CRC32C_POLY	0x82f63b78u	/* Castagnoli, bits reversed */

int32_t crc_find_bit(uint32_t delta, uint32_t len)
{
	uint32_t pattern = CRC32C_POLY;	/* of the last byte's highest bit */

	if (!delta || len > NVM_PAGE)
		return -1;
	for (uint32_t bits = len * 8; bits--; ) {
		if (pattern == delta)
			return (int32_t)bits;
		pattern = pattern >> 1 ^ (CRC32C_POLY & -(pattern & 1));
	}
	return -1;
}
