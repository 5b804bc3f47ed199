/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * load.h - what the guest that is killed and the host that judges it agree on:
 * the bytes of a sector, and the lines on the console.
 *
 * Each operation has a number that is never used again on this disk.  A sector
 * that it wrote tells the number, the block and its place in it, and every
 * other word follows from these: so of each sector it can be told who wrote it,
 * and that it is whole.
 *
 * The console, a line each (numbers are decimal; FIRST and COUNT are sectors
 * for p and z, else blocks):
 *
 *	opening				about to recover the disk
 *	opened BLOCKS
 *	do KIND FIRST COUNT NUMBER	about to do it
 *	ok NUMBER			it was acknowledged
 *	no NUMBER ERROR			it failed
 *	end				closed, and goes
 */
#ifndef KILLS_LOAD_H
#define KILLS_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_kind {
	LOAD_WRITE = 'w',	/* blocks, each atomic */
	LOAD_GROUP = 'a',	/* blocks, all or none */
	LOAD_PART = 'p',	/* sectors; atomic in each block */
	LOAD_TRIM = 't',
	LOAD_ZERO = 'z',	/* sectors */
	LOAD_LEVEL = 'l',	/* moves: changes no contents */
	LOAD_REOPEN = 'c',	/* a clean close, and an open */
};

#define LOAD_BLOCK	4096u
#define LOAD_SECTOR	512u
#define LOAD_SECTORS	(LOAD_BLOCK / LOAD_SECTOR)
#define LOAD_WORDS	(LOAD_SECTOR / 8u)
#define LOAD_COUNT_MAX	24u	/* blocks of one operation */
#define LOAD_EXIT	3	/* what the guest ends with, by itself */

static inline uint64_t load_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* The next of a row of random numbers below @below. */
static inline uint64_t load_random(uint64_t *state, uint64_t below)
{
	*state += 0x9e3779b97f4a7c15u;
	return load_mix(*state) % below;
}

/* @sector: counted from the start of the disk. */
static inline uint64_t load_word(uint64_t sector, uint64_t number, unsigned i)
{
	if (i == 0)
		return number;
	if (i == 1)
		return sector;
	return load_mix(number * LOAD_WORDS + i) ^ sector;
}

static inline void load_fill(uint64_t *words, uint64_t sector, uint64_t number)
{
	for (unsigned i = 0; i < LOAD_WORDS; i++)
		words[i] = load_word(sector, number, i);
}

/* Who wrote these bytes; 0: they are zeros.  False: nobody, in one piece. */
static inline bool load_number(const uint64_t *words, uint64_t sector,
			       uint64_t *ret_number)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < LOAD_WORDS; i++)
		any |= words[i];
	for (unsigned i = 0; any && i < LOAD_WORDS; i++)
		if (words[i] != load_word(sector, words[0], i))
			return false;
	if (any && !words[0])
		return false;
	*ret_number = words[0];
	return true;
}

#endif
