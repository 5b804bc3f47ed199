/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_life.c - the arithmetic of forecasts, and what is known of memories.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/wear_life.h"

#define BLOCK_BYTES	4096.0
#define YEAR_S		31557600.0	/* 365.25 days */

const struct wear_class wear_classes[] = {
	{ "reram", 1e6, "resistive memory, the least of what is published" },
	{ "optane", 1.4e6, "Optane DIMM, from the bytes it is rated for" },
	{ "pcm", 1e8, "phase-change memory, as published" },
	{ "reram-best", 1e12, "resistive memory, the best of what is published" },
	{ "stt-mram", 1e15, "spin-transfer torque memory, as published" },
	{ NULL, 0, NULL }
};

bool wear_class_parse(const char *text, struct wear_class *ret_class)
{
	char *end;
	double number;

	for (const struct wear_class *c = wear_classes; c->name; c++) {
		if (!strcmp(text, c->name)) {
			*ret_class = *c;
			return true;
		}
	}
	/* strtod() takes also blanks, signs, "inf" and hexadecimal numbers. */
	if (strspn(text, "0123456789.e") != strlen(text))
		return false;
	number = strtod(text, &end);
	if (end == text || *end || !(number >= 1) || number > 1e18)
		return false;
	*ret_class = (struct wear_class){ text, number, "as given" };
	return true;
}

double wear_life_bytes(uint64_t block_count, double endurance,
		       double share_percent)
{
	return (double)block_count * BLOCK_BYTES * endurance * share_percent / 100;
}

double wear_life_years(double life_bytes, double bytes_a_second)
{
	return life_bytes / bytes_a_second / YEAR_S;
}
