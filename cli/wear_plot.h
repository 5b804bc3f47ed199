/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_plot.h - how evenly blocks are worn, as a picture (gnuplot).
 */
#ifndef NVM_CLI_WEAR_PLOT_H
#define NVM_CLI_WEAR_PLOT_H

#include <stddef.h>
#include <stdint.h>

#include "cli/opt.h"

#define WEAR_CURVE_STEPS 200u

/* Write counts over their mean, from the least worn block to the most. */
struct wear_curve {
	char name[48];
	double at[WEAR_CURVE_STEPS + 1];
};

/* @count is sorted. */
void wear_curve_make(const uint32_t *count, uint64_t block_count, double mean,
		     struct wear_curve *ret_curve);

/* Is there a gnuplot?  An exit status; all was told. */
int wear_plot_ready(struct cli *cli);

/* Draw the curves into an SVG file, which is replaced.  An exit status. */
int wear_plot(struct cli *cli, const char *file,
	      const struct wear_curve *curve, size_t curve_count);

/* Mean write counts of runs of blocks, in the order of the area. */
struct wear_heat {
	const double *cell;
	uint64_t cell_count;
	unsigned width;			/* cells a row */
};

int wear_plot_heat(struct cli *cli, const char *file,
		   const struct wear_heat *heat);

#endif
