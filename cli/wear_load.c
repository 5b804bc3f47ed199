/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_load.c - streams of writes, a batch at a time.  The skewed ones draw
 * from an alias table (Walker), so a draw costs the same whatever the skew.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/wear_load.h"

#define ZIPF_EXPONENT	0.99
#define BURST		4096u
#define ZONES		8u

const char *const wear_load_names[] = {
	"uniform", "zipf", "90/10", "zones", "one", "trim", "birthday", "files",
	"trace", NULL
};

/* Draw @keep of slot i as i, the rest as its alias. */
struct alias {
	uint32_t keep;		/* of 2^32 */
	uint32_t other;
};

struct wear_load {
	enum wear_load_kind kind;
	uint32_t block_count;
	uint64_t random;
	uint32_t block;			/* one, trim, birthday */
	uint64_t done;			/* operations so far */
	struct alias *alias;
	uint32_t *place;		/* of the hottest, the next, ... */
	bool *trimmed;			/* files */
	const struct wear_trace *trace;
	size_t at;			/* in it */
};

/* ---- zipf --------------------------------------------------------------------- */

/* @weight sums to @count; it is used up. */
static void alias_fill(struct alias *alias, double *weight, uint32_t *stack,
		       uint32_t count)
{
	uint32_t small = 0, large = count;

	for (uint32_t i = 0; i < count; i++) {
		alias[i] = (struct alias){ UINT32_MAX, i };
		if (weight[i] < 1)
			stack[small++] = i;
		else
			stack[--large] = i;
	}
	while (small && large < count) {
		uint32_t poor = stack[--small], rich = stack[large];

		alias[poor].keep = (uint32_t)(weight[poor] * UINT32_MAX);
		alias[poor].other = rich;
		weight[rich] -= 1 - weight[poor];
		if (weight[rich] < 1) {
			large++;
			stack[small++] = rich;
		}
	}
}

static void shuffle(struct wear_load *load)
{
	for (uint32_t i = 0; i < load->block_count; i++) {
		uint32_t with = wear_random_below(&load->random, i + 1);

		load->place[i] = load->place[with];
		load->place[with] = i;
	}
}

static bool zipf_begin(struct wear_load *load)
{
	uint32_t count = load->block_count;
	double *weight = calloc(count, sizeof(*weight)), sum = 0;
	uint32_t *stack = calloc(count, sizeof(*stack));

	load->alias = calloc(count, sizeof(*load->alias));
	load->place = calloc(count, sizeof(*load->place));
	if (weight && stack && load->alias && load->place) {
		for (uint32_t i = 0; i < count; i++)
			sum += weight[i] = pow(i + 1.0, -ZIPF_EXPONENT);
		for (uint32_t i = 0; i < count; i++)
			weight[i] *= count / sum;
		alias_fill(load->alias, weight, stack, count);
		shuffle(load);
	}
	free(weight);
	free(stack);
	return load->alias && load->place;
}

static uint32_t zipf_next(struct wear_load *load)
{
	uint64_t random = wear_random(&load->random);
	uint32_t slot = (uint32_t)((random >> 32) * load->block_count >> 32);
	const struct alias *alias = &load->alias[slot];

	return load->place[(uint32_t)random <= alias->keep ? slot : alias->other];
}

/* ---- the others ----------------------------------------------------------------- */

/* One of @parts equal parts of the blocks, from part @first on. */
static uint32_t part_next(struct wear_load *load, uint32_t first,
			  uint32_t count, uint32_t parts)
{
	uint64_t begin = (uint64_t)load->block_count * first / parts;
	uint64_t end = (uint64_t)load->block_count * (first + count) / parts;

	if (end == begin)
		return wear_random_below(&load->random, load->block_count);
	return (uint32_t)begin + wear_random_below(&load->random, (uint32_t)(end - begin));
}

/*
 * The paper's: 40 minutes in the third eighth, 10 in the next two, 60, 5 and 20
 * in the last three; two eighths are never written.  A minute is as many
 * writes as there are blocks.
 */
static uint32_t zones_next(struct wear_load *load)
{
	uint64_t minute = load->done / load->block_count % 135;

	if (minute < 40)
		return part_next(load, 2, 1, ZONES);
	if (minute < 50)
		return part_next(load, 3, 2, ZONES);
	if (minute < 110)
		return part_next(load, 5, 1, ZONES);
	return part_next(load, minute < 115 ? 6 : 7, 1, ZONES);
}

/* What comes and goes: a third of the writes trims what is there. */
static uint32_t files_next(struct wear_load *load)
{
	uint32_t block = wear_random_below(&load->random, load->block_count);

	if (load->done % 3 || load->trimmed[block]) {
		load->trimmed[block] = false;
		return block;
	}
	load->trimmed[block] = true;
	return block | WEAR_OP_TRIM;
}

static uint32_t load_next(struct wear_load *load)
{
	switch (load->kind) {
	case WEAR_LOAD_ZIPF:
		return zipf_next(load);
	case WEAR_LOAD_NINETY:
		if (wear_random_below(&load->random, 10))
			return part_next(load, 3, 1, 10);
		return wear_random_below(&load->random, load->block_count);
	case WEAR_LOAD_ZONES:
		return zones_next(load);
	case WEAR_LOAD_ONE:
		return load->block;
	case WEAR_LOAD_TRIM:
		return load->done % 2 ? load->block | WEAR_OP_TRIM : load->block;
	case WEAR_LOAD_BIRTHDAY:
		if (load->done % BURST == 0)
			load->block = wear_random_below(&load->random,
							load->block_count);
		return load->block;
	case WEAR_LOAD_FILES:
		return files_next(load);
	case WEAR_LOAD_TRACE:
		if (load->at == load->trace->count)
			load->at = 0;
		return load->trace->op[load->at++];
	default:
		return wear_random_below(&load->random, load->block_count);
	}
}

void wear_load_next(struct wear_load *load, uint32_t *op, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		op[i] = load_next(load);
		load->done++;
	}
}

struct wear_load *wear_load_new(enum wear_load_kind kind, uint32_t block_count,
				uint64_t seed, const struct wear_trace *trace)
{
	struct wear_load *load = calloc(1, sizeof(*load));
	bool ready = load != NULL;

	if (!ready)
		return NULL;
	load->kind = kind;
	load->block_count = block_count;
	load->random = seed;
	load->trace = trace;
	load->block = wear_random_below(&load->random, block_count);
	if (kind == WEAR_LOAD_ZIPF)
		ready = zipf_begin(load);
	if (kind == WEAR_LOAD_FILES)
		ready = (load->trimmed = calloc(block_count, sizeof(bool))) != NULL;
	if (!ready) {
		wear_load_free(load);
		return NULL;
	}
	return load;
}

void wear_load_free(struct wear_load *load)
{
	if (!load)
		return;
	free(load->alias);
	free(load->place);
	free(load->trimmed);
	free(load);
}
