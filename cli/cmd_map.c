/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_map.c - `nvmpool map`: a picture of the pool.
 *
 *	          0  aaaaaaaaaaaaaaaabbbbbbbb................
 *	      8 GiB  ....,ccccccc~~~~~~~~...................#
 *
 * Each character stands for the same number of units and shows what most of
 * them are: a child's letter (the same for the same child), or one of the
 * signs in the legend.  Colours repeat what the letters say.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/pool_map.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LETTER_COUNT 52u
#define MARGIN 12u		/* the row's place, and two spaces */
#define ROWS_MAX 16u

struct map_opts {
	uint64_t width;
};

static const struct opt opts[] = {
	OPT_NUMBER(0, "width", "COLUMNS", struct map_opts, width,
		   "draw this wide (default: as the terminal, else 80)"),
	OPT_END
};

/* What a character of the picture stands for. */
struct cell {
	uint64_t units[4];		/* by enum pool_unit_state */
	uint64_t metadata;		/* used, by nobody */
	uint64_t owner_units;		/* of the child that has most of it */
	uint32_t owner;
};

struct picture {
	struct cell *cell;
	uint64_t cell_count;
	uint64_t cell_units;
	unsigned width;			/* cells a row */
};

static void cell_count_piece(struct picture *picture,
			     const struct pool_piece *piece)
{
	uint64_t unit = piece->start_unit;
	uint64_t end = unit + piece->unit_count;

	while (unit < end) {
		struct cell *cell = &picture->cell[unit / picture->cell_units];
		uint64_t next = (unit / picture->cell_units + 1) *
				picture->cell_units;
		uint64_t count = (next < end ? next : end) - unit;

		cell->units[piece->state] += count;
		if (piece->owner == PIECE_NOBODY) {
			cell->metadata += piece->state == UNIT_USED ? count : 0;
		} else if (cell->owner_units && cell->owner == piece->owner) {
			cell->owner_units += count;
		} else if (count > cell->owner_units) {
			cell->owner = piece->owner;
			cell->owner_units = count;
		}
		unit += count;
	}
}

static void picture_make(struct picture *picture, const struct pool_map *map,
			 uint64_t unit_count, unsigned width)
{
	uint64_t most = (uint64_t)width * ROWS_MAX;

	*picture = (struct picture){
		.width = width, .cell_units = (unit_count + most - 1) / most,
	};
	picture->cell_count = (unit_count + picture->cell_units - 1) /
			      picture->cell_units;
	picture->cell = out_must(calloc(picture->cell_count,
					sizeof(*picture->cell)));
	for (size_t i = 0; i < map->piece_count; i++)
		cell_count_piece(picture, &map->piece[i]);
}

/* The sign of a cell; what is bad or nobody's shows before what is rare. */
static char cell_sign(const struct cell *cell)
{
	uint64_t used = cell->units[UNIT_USED];
	uint64_t empty = cell->units[UNIT_CLEAN] + cell->units[UNIT_DIRTY];

	if (cell->units[UNIT_BAD])
		return '!';
	if (used && used < empty)
		return ',';
	if (used)
		return cell->owner_units >= cell->metadata ?
			LETTERS[cell->owner % LETTER_COUNT] : '#';
	return cell->units[UNIT_DIRTY] > cell->units[UNIT_CLEAN] ? '~' : '.';
}

/* Colours that can be told from each other on dark and light grounds. */
static void sign_print(FILE *stream, char sign, const struct cell *cell,
		       bool colour)
{
	static const unsigned char palette[] = {
		39, 208, 76, 170, 220, 51, 203, 141, 34, 215, 99, 44,
	};

	if (!colour || sign == '.' || sign == ',')
		fputc(sign, stream);
	else if (sign == '!')
		fputs("\033[1;37;41m!\033[0m", stream);
	else if (sign == '~' || sign == '#')
		fprintf(stream, "\033[2m%c\033[0m", sign);
	else
		fprintf(stream, "\033[30;48;5;%um%c\033[0m",
			palette[cell->owner % sizeof(palette)], sign);
}

static void picture_print(FILE *stream, const struct picture *picture,
			  uint64_t unit_bytes, bool colour)
{
	char place[SIZE_TEXT_BYTES];

	for (uint64_t i = 0; i < picture->cell_count; i++) {
		if (i % picture->width == 0)
			fprintf(stream, "%s%*s  ", i ? "\n" : "",
				(int)MARGIN - 2,
				size_text(i * picture->cell_units * unit_bytes,
					  place));
		sign_print(stream, cell_sign(&picture->cell[i]),
			   &picture->cell[i], colour);
	}
	fputs("\n\n", stream);
}

static void legend_print(FILE *stream, const struct pool_map *map,
			 const struct picture *picture, uint64_t unit_bytes,
			 bool colour)
{
	enum { SHOWN_MAX = 26 };
	char size[SIZE_TEXT_BYTES];

	for (uint32_t i = 0; i < map->child_count && i < SHOWN_MAX; i++) {
		const struct pool_child *child = &map->child[i];
		struct cell cell = { .owner = i };

		sign_print(stream, LETTERS[i % LETTER_COUNT], &cell, colour);
		fprintf(stream, " %s, %s%s%s\n", child->name,
			size_text(child->size_bytes, size),
			*child->vm ? ", VM " : "", child->vm);
	}
	if (map->child_count > SHOWN_MAX)
		fprintf(stream, "  and %u more children, see 'nvmpool list'\n",
			map->child_count - SHOWN_MAX);
	fprintf(stream, ". free   ~ free, not yet clean   , partly used   "
		"# metadata   ! bad\n");
	fprintf(stream, "each character is %s of the data area\n",
		size_text(picture->cell_units * unit_bytes, size));
}

/* How much of the free space is not in its largest run. */
static int fragmentation_percent(const struct pool_space *space)
{
	if (!space->free_bytes)
		return 0;
	return (int)(100 - (__uint128_t)space->largest_run_bytes * 100 /
		     space->free_bytes);
}

static void figures_print(struct cli *cli, const struct pool_space *space,
			  uint64_t unit_bytes)
{
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES], c[SIZE_TEXT_BYTES];

	out_line(cli, "%" PRIu32 " %s, %s used, %s free, %s of it not yet "
		 "clean", space->children,
		 space->children == 1 ? "child" : "children",
		 size_text(space->unit_count[UNIT_USED] * unit_bytes, a),
		 size_text(space->free_bytes, b),
		 size_text(space->unit_count[UNIT_DIRTY] * unit_bytes, c));
	if (space->unit_count[UNIT_BAD])
		out_line(cli, "%s bad, never allocated",
			 size_text(space->unit_count[UNIT_BAD] * unit_bytes,
				   a));
	if (space->free_bytes)
		out_line(cli, "free space in %" PRIu64 " %s, largest %s: %d %% "
			 "fragmented", space->free_runs,
			 space->free_runs == 1 ? "run" : "runs",
			 size_text(space->largest_run_bytes, a),
			 fragmentation_percent(space));
}

static const struct out_column columns[] = {
	{ "offset_bytes", NULL, OUT_OFFSET },
	{ "size_bytes", NULL, OUT_SIZE },
	{ "state", NULL, OUT_TEXT },
	{ "child", NULL, OUT_TEXT },
	{ "extent", NULL, OUT_NUMBER },
	{ NULL, NULL, OUT_TEXT },
};

/* The picture's data for other programs: one object a piece. */
static void pieces_json(struct session *s, const struct pool_map *map)
{
	struct out_table *table = out_table_begin(s->cli, "pieces", columns);
	const struct pool_geometry *g = s->geometry;

	for (size_t i = 0; i < map->piece_count; i++) {
		const struct pool_piece *p = &map->piece[i];

		out_row(table);
		out_cell_number(table, g->data_off + p->start_unit *
					       g->unit_bytes);
		out_cell_number(table, p->unit_count * g->unit_bytes);
		out_cell_text(table, p->owner == PIECE_NOBODY &&
			      p->state == UNIT_USED ? "metadata" :
			      describe_unit_state(p->state));
		if (p->owner == PIECE_NOBODY) {
			out_cell_none(table);
			out_cell_none(table);
		} else {
			out_cell_text(table, map->child[p->owner].name);
			out_cell_number(table, p->extent);
		}
	}
	out_table_end(table, NULL);
}

static int map_run(struct cli *cli)
{
	const struct map_opts *o = cli->opts;
	struct nvm_fault fault = { 0 };
	struct picture picture;
	struct pool_space space;
	struct pool_map map;
	struct session s;
	int err, status = session_open(cli, SESSION_READ, &s);

	if (status)
		return status;
	err = pool_map_read(s.pool, &map, &fault);
	if (err) {
		status = session_fail(&s, err, &fault, "cannot read the map of "
				      "'%s'", s.path);
		session_close(&s);
		return status;
	}
	if (map.lost_count)
		cli_warn(cli, "the extents of '%s'%s are damaged in every copy "
			 "and cannot be drawn; 'nvmpool check' tells more",
			 map.child[map.lost_first].name,
			 map.lost_count > 1 ? " and others" : "");
	pool_space(s.pool, &space);
	describe_pool(&s);
	if (cli->json) {
		pieces_json(&s, &map);
		out_number(cli, "fragmented_percent", NULL,
			   (uint64_t)fragmentation_percent(&space));
	} else {
		picture_make(&picture, &map, s.geometry->unit_count,
			     out_picture_width(o->width, MARGIN));
		picture_print(out_stream(cli), &picture, s.geometry->unit_bytes,
			      out_colour());
		legend_print(out_stream(cli), &map, &picture,
			     s.geometry->unit_bytes, out_colour());
		figures_print(cli, &space, s.geometry->unit_bytes);
		free(picture.cell);
	}
	pool_map_free(&map);
	session_close(&s);
	return 0;
}

const struct command cmd_map = {
	.name = "map",
	.summary = "draw where the children lie in a pool",
	.description = "Each character stands for the same number of units of "
		"the data area; a child's letter is that of the legend below. "
		"Fragmentation is the part of the free space that lies "
		"outside its largest run. Colours are used on a terminal "
		"unless NO_COLOR is set.",
	.opts = opts,
	.opts_size = sizeof(struct map_opts),
	.flags = COMMAND_POOL,
	.run = map_run,
};
