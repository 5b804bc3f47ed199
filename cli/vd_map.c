/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_map.c - `nvmvd map`: a picture of a disk.
 *
 *	          0  ####################oooo,,,,............
 *	   32 MiB  ....................!......t...............
 *
 * Each character stands for the same number of blocks: the physical ones, in
 * the order of the area, or with --logical those of the disk.  With --blocks a
 * list: which bytes of the disk lie where.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/disk.h"
#include "cli/disk_io.h"
#include "cli/vd_commands.h"

#define MARGIN		12u	/* the row's place, and two spaces */
#define ROWS_MAX	16u
#define RANGES_MAX	100000u	/* a list must fit into memory */

struct map_opts {
	bool logical;
	bool blocks;
	uint64_t width;
};

static const struct opt opts[] = {
	OPT_FLAG(0, "logical", struct map_opts, logical,
		 "draw the disk, not the area it lies on"),
	OPT_FLAG(0, "blocks", struct map_opts, blocks,
		 "list which bytes of the disk lie where"),
	OPT_NUMBER(0, "width", "COLUMNS", struct map_opts, width,
		   "draw this wide (default: as the terminal, else 80)"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = "OFFSET", .complete = COMPLETE_SIZE, .optional = true },
	{ .name = "LENGTH", .complete = COMPLETE_SIZE, .optional = true },
	{ .name = NULL }
};

/* ---- the picture ------------------------------------------------------------- */

/* What a character stands for. */
struct cell {
	uint64_t blocks, mapped, logs, retired;
};

struct picture {
	struct cell *cell;
	uint64_t cell_count, cell_blocks;
	unsigned width;			/* cells a row */
};

static void cell_add(struct disk *disk, struct cell *cell, bool logical,
		     uint64_t number)
{
	struct vd_physical physical = { .state = VD_BLOCK_BAD };
	struct vd_place place = { .mapped = false };

	cell->blocks++;
	if (logical) {
		if (!vd_place(disk->vd, number, &place))
			cell->mapped += place.mapped;
		return;
	}
	vd_physical(disk->vd, (uint32_t)number, &physical);
	if (physical.state == VD_BLOCK_BAD || !physical.readable)
		cell->retired++;
	else if (physical.state == VD_BLOCK_LOG)
		cell->logs++;
	else
		cell->mapped += physical.mapped;
}

static void picture_make(struct disk *disk, struct picture *picture,
			 const struct map_opts *o)
{
	uint64_t count = o->logical ? disk->geometry.logical_count :
				      disk->geometry.block_count;
	uint64_t most;

	*picture = (struct picture){ .width = out_picture_width(o->width, MARGIN) };
	most = (uint64_t)picture->width * ROWS_MAX;
	picture->cell_blocks = (count + most - 1) / most;
	picture->cell_count = (count + picture->cell_blocks - 1) /
			      picture->cell_blocks;
	picture->cell = out_must(calloc(picture->cell_count,
					sizeof(*picture->cell)));
	for (uint64_t i = 0; i < count; i++)
		cell_add(disk, &picture->cell[i / picture->cell_blocks],
			 o->logical, i);
}

/* What is bad shows before what is rare. */
static char cell_sign(const struct cell *cell)
{
	if (cell->retired)
		return '!';
	if (!cell->mapped)
		return cell->logs ? 't' : '.';
	if (cell->mapped == cell->blocks)
		return '#';
	return cell->mapped * 2 < cell->blocks ? ',' : 'o';
}

static void sign_print(FILE *stream, char sign, bool colour)
{
	if (colour && sign == '!')
		fputs("\033[1;37;41m!\033[0m", stream);
	else if (colour && (sign == '#' || sign == 'o'))
		fprintf(stream, "\033[36m%c\033[0m", sign);
	else
		fputc(sign, stream);
}

static void picture_print(FILE *stream, const struct picture *picture,
			  bool logical)
{
	char place[SIZE_TEXT_BYTES];

	for (uint64_t i = 0; i < picture->cell_count; i++) {
		if (i % picture->width == 0)
			fprintf(stream, "%s%*s  ", i ? "\n" : "",
				(int)MARGIN - 2, size_text(i *
				picture->cell_blocks * VD_BLOCK, place));
		sign_print(stream, cell_sign(&picture->cell[i]), out_colour());
	}
	fprintf(stream, "\n\n# in use   o mostly   , partly   . %s\n",
		logical ? "empty" : "free   t trim log   ! retired");
	fprintf(stream, "each character is %" PRIu64 " block%s (%s) of the "
		"%s\n", picture->cell_blocks,
		picture->cell_blocks == 1 ? "" : "s",
		size_text(picture->cell_blocks * VD_BLOCK, place),
		logical ? "disk" : "area's blocks");
}

static void cells_json(struct disk *disk, const struct picture *picture)
{
	static const struct out_column columns[] = {
		{ "first_block", NULL, OUT_NUMBER },
		{ "blocks", NULL, OUT_NUMBER },
		{ "mapped", NULL, OUT_NUMBER },
		{ "trim_logs", NULL, OUT_NUMBER },
		{ "retired", NULL, OUT_NUMBER },
		{ NULL, NULL, OUT_TEXT },
	};
	struct out_table *table = out_table_begin(disk->cli, "cells", columns);

	for (uint64_t i = 0; i < picture->cell_count; i++) {
		const struct cell *cell = &picture->cell[i];

		out_row(table);
		out_cell_number(table, i * picture->cell_blocks);
		out_cell_number(table, cell->blocks);
		out_cell_number(table, cell->mapped);
		out_cell_number(table, cell->logs);
		out_cell_number(table, cell->retired);
	}
	out_table_end(table, NULL);
}

static void figures_print(struct disk *disk)
{
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES], c[SIZE_TEXT_BYTES];
	struct vd_info info;

	vd_info(disk->vd, &info);
	out_line(disk->cli, "%s of %s in use; %s of blocks free, %" PRIu64
		 " trim log%s, %" PRIu64 " retired",
		 size_text(info.mapped_count * VD_BLOCK, a),
		 size_text(cli_disk_bytes(disk), b),
		 size_text(info.free_count * VD_BLOCK, c),
		 info.log_count, info.log_count == 1 ? "" : "s",
		 info.retired_count);
}

static int map_draw(struct disk *disk, const struct map_opts *o)
{
	struct picture picture;
	int status;

	if (disk->cli->arg[1])
		return cli_fail(disk->cli, EXIT_USAGE, "OFFSET and LENGTH are "
				"for --blocks; the picture is of all");
	status = cli_disk_start(disk);
	if (status)
		return status;
	picture_make(disk, &picture, o);
	out_text(disk->cli, "target", NULL, disk->name);
	if (disk->cli->json) {
		cells_json(disk, &picture);
	} else {
		picture_print(out_stream(disk->cli), &picture, o->logical);
		figures_print(disk);
	}
	free(picture.cell);
	return 0;
}

/* ---- the list -------------------------------------------------------------------- */

struct range {
	uint64_t first, count;		/* logical blocks */
	struct vd_place place;		/* of the first */
};

static void place_get(struct disk *disk, uint64_t block,
		      struct vd_place *ret_place)
{
	*ret_place = (struct vd_place){ .mapped = false };
	vd_place(disk->vd, block, ret_place);
}

/* From @block on, below @end: as far as the blocks lie side by side. */
static void range_get(struct disk *disk, uint64_t block, uint64_t end,
		      struct range *ret)
{
	struct vd_place next;

	*ret = (struct range){ .first = block, .count = 1 };
	place_get(disk, block, &ret->place);
	for (block++; block < end; block++, ret->count++) {
		place_get(disk, block, &next);
		if (next.mapped != ret->place.mapped)
			return;
		if (next.mapped && (next.extent != ret->place.extent ||
				    next.off_bytes != ret->place.off_bytes +
				    ret->count * VD_BLOCK))
			return;
	}
}

static void range_row(struct out_table *table, const struct range *range)
{
	out_row(table);
	out_cell_number(table, range->first * VD_BLOCK);
	out_cell_number(table, range->count * VD_BLOCK);
	if (!range->place.mapped) {
		out_cell_none(table);
		out_cell_none(table);
		out_cell_none(table);
		return;
	}
	out_cell_number(table, range->place.block);
	out_cell_number(table, range->place.extent);
	out_cell_number(table, range->place.off_bytes);
}

static int map_list(struct disk *disk)
{
	static const struct out_column columns[] = {
		{ "offset_bytes", "OFFSET", OUT_OFFSET },
		{ "size_bytes", "SIZE", OUT_SIZE },
		{ "physical_block", "BLOCK", OUT_NUMBER },
		{ "extent", "EXTENT", OUT_NUMBER },
		{ "extent_offset_bytes", "AT", OUT_OFFSET },
		{ NULL, NULL, OUT_TEXT },
	};
	struct cli *cli = disk->cli;
	uint64_t at = 0, len = cli_disk_bytes(disk), rows = 0, block, end;
	struct out_table *table;
	int status = 0;

	if (cli->arg[1])
		status = cli_disk_number(disk, "offset", cli->arg[1], VD_BLOCK,
					 len, &at);
	len -= at;
	if (!status && cli->arg_count > 2)
		status = cli_disk_number(disk, "length", cli->arg[2], VD_BLOCK,
					 len, &len);
	if (!status)
		status = cli_disk_start(disk);
	if (status)
		return status;
	out_text(cli, "target", NULL, disk->name);
	table = out_table_begin(cli, "ranges", columns);
	block = at / VD_BLOCK;
	end = block + len / VD_BLOCK;
	for (; block < end && rows < RANGES_MAX; rows++) {
		struct range range;

		range_get(disk, block, end, &range);
		range_row(table, &range);
		block += range.count;
	}
	out_table_end(table, "nothing in this range");
	if (block < end) {
		cli_warn(cli, "more than %u ranges: the rest begins at %" PRIu64,
			 RANGES_MAX, block * VD_BLOCK);
		out_size(cli, "next_offset_bytes", NULL, block * VD_BLOCK);
	}
	return 0;
}

static int map_run(struct cli *cli)
{
	const struct map_opts *o = cli->opts;
	struct disk disk;
	int status = cli_disk_open(cli, DISK_READ, 0, &disk);

	if (!status)
		status = o->blocks ? map_list(&disk) : map_draw(&disk, o);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmvd map disk.img", "what the area is used for" },
	{ "nvmvd map disk.img --logical", "which parts of the disk hold data" },
	{ "nvmvd map disk.img --blocks 1G 1M", "where one MiB of it lies" },
	{ NULL, NULL }
};

const struct command vd_cmd_map = {
	.name = "map",
	.summary = "draw where the data of a disk lie",
	.description = "Each character stands for the same number of physical "
		"blocks, or with --logical of blocks of the disk. Retired "
		"blocks are those that could not be read or written; a trim "
		"log keeps what was trimmed.\n\n"
		"With --blocks there is a row for each run of blocks that lie "
		"side by side, from OFFSET on, for LENGTH bytes of the disk; "
		"runs without a place hold nothing. Colours are used on a "
		"terminal unless NO_COLOR is set.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct map_opts),
	.examples = examples,
	.flags = COMMAND_DISK,
	.run = map_run,
};
