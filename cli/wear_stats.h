/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_stats.h - how evenly blocks are worn: the figures of the literature,
 * from their write counts.
 */
#ifndef NVM_CLI_WEAR_STATS_H
#define NVM_CLI_WEAR_STATS_H

#include <stdint.h>

struct wear_stats {
	uint64_t block_count;
	uint64_t total;
	uint32_t least, most;
	uint32_t median;
	uint32_t p999;		/* 99.9 % of the blocks have at most so many */
	double mean;
	double variation;	/* standard deviation over mean */
	double gini;		/* 0: all alike; near 1: few bear all */
};

/* Sorts @count. */
void wear_stats_make(uint32_t *count, uint64_t block_count,
		     struct wear_stats *ret_stats);

/* @value over the mean; 0 where nothing was written. */
double wear_stats_ratio(const struct wear_stats *stats, double value);

#endif
