/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crc.h - CRC32C of what is too small for a library call, and the bit that a
 * wrong one points at.  Bulk checksums go through the media's crc32c.
 *
 * The values are those of media->ops->crc32c: continued from @crc, 0 to begin.
 */
#ifndef NVM_BASE_CRC_H
#define NVM_BASE_CRC_H

#include "base/env.h"

/* x86: the crc32 instruction works on general registers, in a kernel too. */
static inline bool crc_has_instruction(void)
{
#if defined(__x86_64__)
	uint32_t a = 1, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> 20 & 1;
#else
	return false;
#endif
}

/*
 * The 28 bytes that these words begin with, as they lie in memory of a
 * little-endian machine; only where there is the instruction.
 */
static inline uint32_t crc_28_bytes(uint32_t crc, const uint64_t word[4])
{
#if defined(__x86_64__)
	uint64_t sum = (uint32_t)~crc;
	uint32_t last = (uint32_t)word[3], sum32;

	__asm__("crc32q %1, %0" : "+r"(sum) : "rm"(word[0]));
	__asm__("crc32q %1, %0" : "+r"(sum) : "rm"(word[1]));
	__asm__("crc32q %1, %0" : "+r"(sum) : "rm"(word[2]));
	sum32 = (uint32_t)sum;
	__asm__("crc32l %1, %0" : "+r"(sum32) : "rm"(last));
	return ~sum32;
#else
	(void)word;
	return crc;
#endif
}

/*
 * As media->ops->crc32c, of a few words of 4 bytes; only where there is the
 * instruction.
 */
static inline uint32_t crc_words(uint32_t crc, const void *src, size_t len)
{
#if defined(__x86_64__)
	const uint8_t *bytes = (const uint8_t *)src;
	uint64_t sum = (uint32_t)~crc, word;
	uint32_t half, sum32;

	for (; len >= 8; len -= 8, bytes += 8) {
		memcpy(&word, bytes, 8);
		__asm__("crc32q %1, %0" : "+r"(sum) : "rm"(word));
	}
	sum32 = (uint32_t)sum;
	if (len) {
		memcpy(&half, bytes, 4);
		__asm__("crc32l %1, %0" : "+r"(sum32) : "rm"(half));
	}
	return ~sum32;
#else
	(void)src;
	(void)len;
	return crc;
#endif
}

/*
 * @delta: the checksum of @len bytes XOR the one that they should have.  If
 * one single bit of them explains it, its number (8 * byte + bit); else -1.
 * len is at most 4096.
 */
int32_t crc_find_bit(uint32_t delta, uint32_t len);

#endif
