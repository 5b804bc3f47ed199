/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_life.h - how long memory lives that is written at a constant rate.
 */
#ifndef NVM_CLI_WEAR_LIFE_H
#define NVM_CLI_WEAR_LIFE_H

#include <stdbool.h>
#include <stdint.h>

/* How many writes a line of it bears. */
struct wear_class {
	const char *name;
	double endurance;
	const char *origin;
};

extern const struct wear_class wear_classes[];	/* ends without a name */

/* What the levelled disk reaches of an ideal life at the least: see the tests. */
#define WEAR_SHARE_DEFAULT	95u

/* The name of a class, or a number ("1e8"); false: neither. */
bool wear_class_parse(const char *text, struct wear_class *ret_class);

/* Bytes that users can write in all: into whole blocks of 4096. */
double wear_life_bytes(uint64_t block_count, double endurance,
		       double share_percent);

double wear_life_years(double life_bytes, double bytes_a_second);

#endif
