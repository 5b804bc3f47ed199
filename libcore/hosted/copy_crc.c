// SPDX-License-Identifier: BSD-3-Clause
/*
 * copy_crc.c - the fused copy and CRC32C (copy_crc.h).
 *
 * Four accumulators of 512 bits take 256 bytes a step; a step multiplies each
 * of their 128-bit parts by x^2048 modulo the polynomial and adds the next
 * bytes.  Then the four become one (x^512), its four parts one (x^128), and
 * the last 128 bits go through the crc32 instruction, which reduces them.
 * The constants are those powers, reflected: a unit test compares with ISA-L.
 */
#include "hosted/copy_crc.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define FUSED	__attribute__((target("avx512f,avx512vl,vpclmulqdq,pclmul,sse4.2")))

#define X2048_LOW	0xdcb17aa4ll
#define X2048_HIGH	0xb9e02b86ll
#define X512_LOW	0x740eef02ll
#define X512_HIGH	0x9e4addf8ll
#define X128_LOW	0xf20c0dfell
#define X128_HIGH	0x14cd00bd6ll

#define LANES		4u
#define STEP_BYTES	(64 * LANES)
#define XOR_OF_THREE	0x96

int copy_crc_here(void)
{
	return __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("vpclmulqdq") &&
	       __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("sse4.2");
}

/* @sum moved on by @power, and @next added. */
FUSED static inline __m512i fold(__m512i sum, __m512i power, __m512i next)
{
	return _mm512_ternarylogic_epi64(
		_mm512_clmulepi64_epi128(sum, power, 0x00),
		_mm512_clmulepi64_epi128(sum, power, 0x11), next,
		XOR_OF_THREE);
}

FUSED static inline __m128i fold_128(__m128i sum, __m128i next)
{
	const __m128i power = _mm_set_epi64x(X128_HIGH, X128_LOW);

	return _mm_xor_si128(_mm_xor_si128(
		_mm_clmulepi64_si128(sum, power, 0x00),
		_mm_clmulepi64_si128(sum, power, 0x11)), next);
}

FUSED static inline uint32_t reduce(__m512i sum)
{
	__m128i part = _mm512_extracti32x4_epi32(sum, 0);
	uint64_t crc;

	part = fold_128(part, _mm512_extracti32x4_epi32(sum, 1));
	part = fold_128(part, _mm512_extracti32x4_epi32(sum, 2));
	part = fold_128(part, _mm512_extracti32x4_epi32(sum, 3));
	crc = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(part));
	return (uint32_t)_mm_crc32_u64(crc, (uint64_t)
				       _mm_extract_epi64(part, 1));
}

FUSED uint32_t copy_crc(void *dst, const void *src)
{
	const __m512i x2048 = _mm512_broadcast_i32x4(
		_mm_set_epi64x(X2048_HIGH, X2048_LOW));
	const __m512i x512 = _mm512_broadcast_i32x4(
		_mm_set_epi64x(X512_HIGH, X512_LOW));
	const uint8_t *from = src;
	uint8_t *to = dst;
	__m512i sum[LANES];
	uint32_t crc;

	for (unsigned i = 0; i < LANES; i++) {
		sum[i] = _mm512_loadu_si512(from + 64 * i);
		_mm512_storeu_si512(to + 64 * i, sum[i]);
	}
	/* CRC32C begins with all ones. */
	sum[0] = _mm512_xor_si512(sum[0], _mm512_zextsi128_si512(
					  _mm_cvtsi32_si128(-1)));
	for (unsigned at = STEP_BYTES; at < COPY_CRC_BYTES; at += STEP_BYTES) {
		for (unsigned i = 0; i < LANES; i++) {
			__m512i next = _mm512_loadu_si512(from + at + 64 * i);

			_mm512_storeu_si512(to + at + 64 * i, next);
			sum[i] = fold(sum[i], x2048, next);
		}
	}
	for (unsigned i = 1; i < LANES; i++)
		sum[i] = fold(sum[i - 1], x512, sum[i]);
	crc = ~reduce(sum[LANES - 1]);
	_mm256_zeroupper();
	return crc;
}

#else

int copy_crc_here(void)
{
	return 0;
}

uint32_t copy_crc(void *dst, const void *src)
{
	(void)dst;
	(void)src;
	return 0;
}

#endif
