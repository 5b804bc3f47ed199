/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_load.h - streams of writes to simulate: what programs do, what the
 * literature measures with, what an attacker would do, and recorded traces.
 *
 * A stream never ends: a trace begins again.  The same seed gives the same
 * stream.
 */
#ifndef NVM_CLI_WEAR_LOAD_H
#define NVM_CLI_WEAR_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wear_load_kind {
	WEAR_LOAD_UNIFORM,
	WEAR_LOAD_ZIPF,		/* exponent 0.99, hot blocks scattered */
	WEAR_LOAD_NINETY,	/* 90 % to a tenth of the blocks */
	WEAR_LOAD_ZONES,	/* MBSA's: eighths in phases of 40 to 5 parts */
	WEAR_LOAD_ONE,		/* one block again and again */
	WEAR_LOAD_TRIM,		/* one block, written and trimmed in turn */
	WEAR_LOAD_BIRTHDAY,	/* bursts of 4096 on random blocks */
	WEAR_LOAD_FILES,	/* random blocks; each third is trimmed later */
	WEAR_LOAD_TRACE,
	WEAR_LOAD_KINDS
};

/* In the order of the enum, ends with NULL. */
extern const char *const wear_load_names[];

/* One operation on a logical block. */
#define WEAR_OP_TRIM	0x80000000u	/* else a write */
#define WEAR_OP_BLOCK	0x7fffffffu

struct wear_trace {
	uint32_t *op;
	size_t count;
	uint32_t block_max;	/* the largest block number */
};

struct wear_load;

/* @trace: for WEAR_LOAD_TRACE only, and must outlive the load.  NULL: no memory. */
struct wear_load *wear_load_new(enum wear_load_kind kind, uint32_t block_count,
				uint64_t seed, const struct wear_trace *trace);
void wear_load_free(struct wear_load *load);

void wear_load_next(struct wear_load *load, uint32_t *op, size_t count);

/*
 * Read a trace: one block number a line, or an I/O log of fio (version 2 or
 * 3), of which writes and trims count.  0 or a negative errno; -EINVAL: line
 * *ret_line is not understood, or 0: there is nothing to write in it.
 */
int wear_trace_read(const char *path, struct wear_trace *ret_trace,
		    size_t *ret_line);
void wear_trace_free(struct wear_trace *trace);

/* ---- random numbers (splitmix64) -------------------------------------------- */

static inline uint64_t wear_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Below @limit. */
static inline uint32_t wear_random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)((wear_random(state) >> 32) * limit >> 32);
}

#endif
