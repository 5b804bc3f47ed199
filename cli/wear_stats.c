/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_stats.c - mean, spread and inequality of write counts.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/wear_stats.h"

static int count_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

double wear_stats_ratio(const struct wear_stats *stats, double value)
{
	return stats->mean > 0 ? value / stats->mean : 0;
}

/* The least count that @share of the blocks do not exceed. */
static uint32_t quantile(const uint32_t *count, uint64_t block_count,
			 double share)
{
	uint64_t at = (uint64_t)ceil(share * (double)block_count);

	return count[at ? at - 1 : 0];
}

void wear_stats_make(uint32_t *count, uint64_t block_count,
		     struct wear_stats *ret_stats)
{
	struct wear_stats stats = { .block_count = block_count };
	double squares = 0, ranks = 0;

	if (!block_count) {
		*ret_stats = stats;
		return;
	}
	qsort(count, block_count, sizeof(*count), count_compare);
	for (uint64_t i = 0; i < block_count; i++)
		stats.total += count[i];
	stats.mean = (double)stats.total / (double)block_count;
	for (uint64_t i = 0; i < block_count; i++) {
		double off = count[i] - stats.mean;

		squares += off * off;
		ranks += (2.0 * (double)i + 1 - (double)block_count) * count[i];
	}
	stats.least = count[0];
	stats.most = count[block_count - 1];
	stats.median = quantile(count, block_count, 0.5);
	stats.p999 = quantile(count, block_count, 0.999);
	stats.variation = wear_stats_ratio(&stats, sqrt(squares / (double)block_count));
	if (stats.total)
		stats.gini = ranks / ((double)block_count * (double)stats.total);
	*ret_stats = stats;
}
