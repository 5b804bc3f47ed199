// SPDX-License-Identifier: BSD-3-Clause
/*
 * string.c - the four functions that the core and the compiler expect
 * (base/env.h).  By string instructions: a loop in C would be made into a call
 * of the very function it is in.
 */
#include "base/env.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t len)
{
	void *to = dst;
	size_t words = len / 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(src), "+c"(words) : :
			 "memory");
	len %= 8;
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(len) : :
			 "memory");
	return dst;
}

void *memmove(void *dst, const void *src, size_t len)
{
	uint8_t *to = (uint8_t *)dst + len;
	const uint8_t *from = (const uint8_t *)src + len;

	if ((uintptr_t)dst - (uintptr_t)src >= len)
		return memcpy(dst, src, len);
	/* The end of @src would be overwritten: backwards. */
	to--;
	from--;
	__asm__ volatile("std; rep movsb; cld" : "+D"(to), "+S"(from),
			 "+c"(len) : : "memory", "cc");
	return dst;
}

void *memset(void *dst, int byte, size_t len)
{
	uint64_t word = (uint8_t)byte * 0x0101010101010101ull;
	void *to = dst;
	size_t words = len / 8;

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(word) :
			 "memory");
	len %= 8;
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(len) : "a"(word) :
			 "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const uint8_t *left = a, *right = b;

	for (; len; len--, left++, right++)
		if (*left != *right)
			return *left - *right;
	return 0;
}
