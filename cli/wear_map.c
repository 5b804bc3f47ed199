/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_map.c - `nvmwear map`: where a disk's memory has worn, as a heat map on
 * the terminal or in an SVG file.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/out.h"
#include "cli/size.h"
#include "cli/wear_commands.h"
#include "cli/wear_counts.h"
#include "cli/wear_plot.h"
#include "cli/wear_stats.h"

#define MARGIN		12u
#define ROWS_MAX	16u

/* From the least worn cell to the most. */
static const char shades[] = ".:-=+*#%@";
#define SHADES		(sizeof(shades) - 1)

struct map_opts {
	uint64_t width;
	const char *svg;
};

static const struct opt opts[] = {
	OPT_NUMBER(0, "width", "COLUMNS", struct map_opts, width,
		   "draw this wide (default: as the terminal, else 80)"),
	OPT_TEXT(0, "svg", "FILE", COMPLETE_FILE, struct map_opts, svg,
		 "draw into this file, with gnuplot"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = NULL }
};

struct heat {
	double *mean;			/* of each cell */
	uint32_t *number;		/* blocks counted in it */
	uint64_t cell_count, cell_blocks;
	unsigned width;
	double least, most;
};

static void heat_make(struct disk *disk, const struct wear_counts *counts,
		      const struct map_opts *o, struct heat *heat)
{
	uint64_t blocks = disk->geometry.block_count, most;
	bool any = false;

	*heat = (struct heat){ .width = out_picture_width(o->width ? o->width :
					      o->svg ? 80 : 0, MARGIN) };
	most = (uint64_t)heat->width * ROWS_MAX;
	heat->cell_blocks = (blocks + most - 1) / most;
	heat->cell_count = (blocks + heat->cell_blocks - 1) /
			   heat->cell_blocks;
	heat->mean = out_must(calloc(heat->cell_count, sizeof(*heat->mean)));
	heat->number = out_must(calloc(heat->cell_count,
				       sizeof(*heat->number)));
	for (uint64_t i = 0; i < counts->number; i++) {
		uint64_t cell = counts->block[i] / heat->cell_blocks;

		heat->mean[cell] += counts->count[i];
		heat->number[cell]++;
	}
	for (uint64_t i = 0; i < heat->cell_count; i++) {
		if (!heat->number[i])
			continue;
		heat->mean[i] /= heat->number[i];
		if (!any || heat->mean[i] < heat->least)
			heat->least = heat->mean[i];
		if (!any || heat->mean[i] > heat->most)
			heat->most = heat->mean[i];
		any = true;
	}
}

static char heat_shade(const struct heat *heat, uint64_t cell)
{
	double range = heat->most - heat->least;
	double at = range > 0 ? (heat->mean[cell] - heat->least) / range : 0;
	size_t shade = (size_t)(at * (double)SHADES);

	if (!heat->number[cell])
		return '!';
	return shades[shade < SHADES ? shade : SHADES - 1];
}

static void heat_print(FILE *stream, const struct heat *heat)
{
	char place[SIZE_TEXT_BYTES];

	for (uint64_t i = 0; i < heat->cell_count; i++) {
		if (i % heat->width == 0)
			fprintf(stream, "%s%*s  ", i ? "\n" : "",
				(int)MARGIN - 2, size_text(i *
				heat->cell_blocks * VD_BLOCK, place));
		fputc(heat_shade(heat, i), stream);
	}
	fprintf(stream, "\n\n%s from %.1f to %.1f writes of a block   ! none "
		"can be read\neach character is %" PRIu64 " block%s (%s) of the "
		"area's blocks\n", shades, heat->least, heat->most,
		heat->cell_blocks, heat->cell_blocks == 1 ? "" : "s",
		size_text(heat->cell_blocks * VD_BLOCK, place));
}

static void heat_json(struct cli *cli, const struct heat *heat)
{
	static const struct out_column columns[] = {
		{ "first_block", NULL, OUT_NUMBER },
		{ "blocks", NULL, OUT_NUMBER },
		{ "mean", NULL, OUT_NUMBER },
		{ NULL, NULL, OUT_TEXT },
	};
	struct out_table *table = out_table_begin(cli, "cells", columns);

	for (uint64_t i = 0; i < heat->cell_count; i++) {
		out_row(table);
		out_cell_number(table, i * heat->cell_blocks);
		out_cell_number(table, heat->number[i]);
		out_cell_real(table, heat->mean[i], 2);
	}
	out_table_end(table, NULL);
}

static int map_draw(struct disk *disk, const struct map_opts *o)
{
	struct wear_counts counts;
	struct heat heat;
	int status = wear_counts_read(disk, &counts);

	if (status)
		return status;
	heat_make(disk, &counts, o, &heat);
	out_text(disk->cli, "target", NULL, disk->name);
	if (o->svg) {
		const struct wear_heat picture = { heat.mean,
			heat.cell_count, heat.width };

		status = wear_plot_heat(disk->cli, o->svg, &picture);
		out_text(disk->cli, "svg", NULL, o->svg);
	}
	if (disk->cli->json)
		heat_json(disk->cli, &heat);
	else if (!o->svg)
		heat_print(out_stream(disk->cli), &heat);
	free(heat.mean);
	free(heat.number);
	wear_counts_free(&counts);
	return status;
}

static int map_run(struct cli *cli)
{
	const struct map_opts *o = cli->opts;
	struct disk disk;
	int status = o->svg ? wear_plot_ready(cli) : 0;

	if (status)
		return status;
	status = cli_disk_open(cli, DISK_READ | DISK_KERNEL, 0, &disk);
	if (!status && o->svg)
		status = cli_disk_not_itself(&disk, o->svg, -1);
	if (!status)
		status = cli_disk_start(&disk);
	if (!status)
		status = map_draw(&disk, o);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmwear map disk.img", "on the terminal" },
	{ "nvmwear map disk.img --svg wear.svg", "as a picture" },
	{ NULL, NULL }
};

const struct command wear_cmd_map = {
	.name = "map",
	.summary = "draw where a disk's memory has worn",
	.description = "Each character stands for the same number of blocks, "
		"in the order of the area; the scale goes from the least worn "
		"to the most worn of them. The disk is opened for reading.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct map_opts),
	.examples = examples,
	.flags = COMMAND_DISK,
	.run = map_run,
};
