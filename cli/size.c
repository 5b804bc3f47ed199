/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * size.c - parse and print sizes (size.h).  No state; every arithmetic step
 * is checked, because what is parsed here decides what is carved.
 */
#include "cli/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char suffixes[] = "KMGTP";

/* The power of 1024 that @text stands for; -1: none. */
static int suffix_shift(const char *text)
{
	if (!*text || strcasecmp(text, "B") == 0)
		return 0;
	for (int i = 0; suffixes[i]; i++) {
		char forms[3][4] = {
			{ suffixes[i] }, { suffixes[i], 'B' },
			{ suffixes[i], 'i', 'B' },
		};

		for (int k = 0; k < 3; k++)
			if (strcasecmp(text, forms[k]) == 0)
				return 10 * (i + 1);
	}
	return -1;
}

/*
 * Digits of a fraction of 2^shift: each digit is worth 2^shift / 10^n, so
 * the sum is kept as an integer over 10^digits until the end.
 */
static enum size_error fraction_parse(const char **text, uint64_t *ret_num,
				      uint64_t *ret_den)
{
	uint64_t num = 0, den = 1;

	for (; **text >= '0' && **text <= '9'; ++*text) {
		if (den > UINT64_MAX / 10 / 10)
			return SIZE_FRACTION;
		num = num * 10 + (uint64_t)(**text - '0');
		den *= 10;
	}
	*ret_num = num;
	*ret_den = den;
	return SIZE_OK;
}

enum size_error size_parse(const char *text, uint64_t *ret_bytes)
{
	uint64_t whole = 0, num = 0, den = 1, bytes, part;
	const char *p = text;
	int shift;

	if (*p < '0' || *p > '9')
		return SIZE_EMPTY;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
			return SIZE_TOO_LARGE;
	if (*p == '.') {
		enum size_error err;

		p++;
		if (*p < '0' || *p > '9')
			return SIZE_SUFFIX;
		err = fraction_parse(&p, &num, &den);
		if (err)
			return err;
	}
	if (*p == ' ' && p[1])
		p++;
	shift = suffix_shift(p);
	if (shift < 0)
		return SIZE_SUFFIX;
	if (shift && whole >> (64 - shift))
		return SIZE_TOO_LARGE;
	bytes = whole << shift;

	__uint128_t scaled = (__uint128_t)num << shift;

	if (scaled % den)
		return SIZE_FRACTION;
	part = (uint64_t)(scaled / den);	/* less than 2^shift */
	if (__builtin_add_overflow(bytes, part, &bytes))
		return SIZE_TOO_LARGE;
	*ret_bytes = bytes;
	return SIZE_OK;
}

const char *size_strerror(enum size_error error)
{
	switch (error) {
	case SIZE_OK:
		break;
	case SIZE_EMPTY:
		return "must be a number, as in 4G, 512M or 4096";
	case SIZE_SUFFIX:
		return "unknown suffix, must be K, M, G, T or P";
	case SIZE_TOO_LARGE:
		return "too large";
	case SIZE_FRACTION:
		return "is not a whole number of bytes";
	}
	return "no error";
}

/* The largest shift in which @bytes is at least 1. */
static int shift_of(uint64_t bytes)
{
	int shift = 0;

	while (shift < 50 && bytes >> (shift + 10))
		shift += 10;
	return shift;
}

const char *size_text(uint64_t bytes, char buf[SIZE_TEXT_BYTES])
{
	int shift = shift_of(bytes);
	uint64_t unit = 1ull << shift, rest = bytes & (unit - 1);
	/* hundredths, rounded to the nearest; rest < 2^50, so this fits */
	uint64_t cents = (rest * 100 + unit / 2) >> shift;
	uint64_t whole = bytes >> shift;
	const char *about = (cents << shift) == rest * 100 ? "" : "~";

	if (!shift) {
		snprintf(buf, SIZE_TEXT_BYTES, "%" PRIu64 " B", bytes);
		return buf;
	}
	if (cents == 100) {
		whole++;
		cents = 0;
	}
	if (!cents)
		snprintf(buf, SIZE_TEXT_BYTES, "%s%" PRIu64 " %ciB", about,
			 whole, suffixes[shift / 10 - 1]);
	else if (cents % 10 == 0)
		snprintf(buf, SIZE_TEXT_BYTES, "%s%" PRIu64 ".%" PRIu64 " %ciB",
			 about, whole, cents / 10, suffixes[shift / 10 - 1]);
	else
		snprintf(buf, SIZE_TEXT_BYTES,
			 "%s%" PRIu64 ".%02" PRIu64 " %ciB", about, whole,
			 cents, suffixes[shift / 10 - 1]);
	return buf;
}

const char *size_exact(uint64_t bytes, char buf[SIZE_TEXT_BYTES])
{
	int shift = shift_of(bytes);

	while (shift && bytes & ((1ull << shift) - 1))
		shift -= 10;
	if (shift)
		snprintf(buf, SIZE_TEXT_BYTES, "%" PRIu64 "%c", bytes >> shift,
			 suffixes[shift / 10 - 1]);
	else
		snprintf(buf, SIZE_TEXT_BYTES, "%" PRIu64, bytes);
	return buf;
}
