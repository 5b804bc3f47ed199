/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_forecast.c - `nvmwear forecast`: years until the first line is worn out,
 * at a constant rate of writes, for a given endurance or for each known kind
 * of memory, with what that assumes.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <time.h>

#include "cli/out.h"
#include "cli/wear_counts.h"
#include "cli/wear_stats.h"
#include "cli/talk.h"
#include "cli/wear_commands.h"
#include "cli/wear_life.h"
#include "vdisk/vdisk.h"

#define YEARS_SHOWN	100000u

struct forecast_opts {
	uint64_t area, rate, share;
	int per;
	const char *endurance;
};

static const char *const periods[] = { "second", "hour", "day", NULL };
static const double period_s[] = { 1, 3600, 86400 };

static const struct opt opts[] = {
	OPT_SIZE('a', "area", struct forecast_opts, area,
		 "how large the disk's area is"),
	OPT_SIZE('r', "rate", struct forecast_opts, rate,
		 "how much is written in a second, or as --per says"),
	OPT_WORD(0, "per", "PERIOD", periods, struct forecast_opts, per,
		 "what --rate is for: second (default), hour or day"),
	OPT_TEXT('E', "endurance", "WRITES", COMPLETE_NONE, struct forecast_opts,
		 endurance, "how many writes a line bears: a number (1e8), or "
		 "reram, optane, pcm, reram-best, stt-mram (default: all of "
		 "these)"),
	OPT_NUMBER(0, "share", "PERCENT", struct forecast_opts, share,
		   "how much of an ideal life levelling reaches (default: 95)"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET, .optional = true },
	{ .name = NULL }
};

/* What a forecast starts from: given, or read off a disk. */
struct basis {
	uint64_t area_bytes, block_count;
	double rate;			/* bytes a second */
	double share;			/* per cent */
	uint32_t most;			/* writes of the most worn block */
	const struct wear_class *only;
};

static const struct out_column columns[] = {
	{ "class", "MEMORY", OUT_TEXT },
	{ "endurance", NULL, OUT_NUMBER },
	{ NULL, "ENDURANCE", OUT_NUMBER },
	{ "life_bytes", NULL, OUT_NUMBER },
	{ NULL, "CAN BE WRITTEN", OUT_NUMBER },
	{ "years", NULL, OUT_NUMBER },
	{ NULL, "YEARS", OUT_NUMBER },
	{ "origin", "ENDURANCE IS FOR", OUT_TEXT },
	{ NULL, NULL, OUT_TEXT },
};

/* Three digits that count. */
static unsigned decimals_of(double value)
{
	return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

/* "1.4e6" */
static void endurance_text(double endurance, char buf[32])
{
	int power = 0;

	for (; endurance >= 10; power++)
		endurance /= 10;
	snprintf(buf, 32, "%.6ge%d", endurance, power);
}

static void life_text(double bytes, char buf[32])
{
	static const char *const units[] = { "MiB", "GiB", "TiB", "PiB", "EiB",
					     "ZiB", "YiB" };
	size_t unit = 0;

	for (bytes /= 1 << 20; bytes >= 1024 && unit < 6; unit++)
		bytes /= 1024;
	snprintf(buf, 32, "%.*f %s", (int)decimals_of(bytes), bytes, units[unit]);
}

static void years_text(double years, char buf[32])
{
	if (years > YEARS_SHOWN)
		snprintf(buf, 32, "> %u", YEARS_SHOWN);
	else
		snprintf(buf, 32, "%.*f", (int)decimals_of(years), years);
}

static void class_row(struct out_table *table, const struct wear_class *class,
		      const struct basis *basis)
{
	double left = class->endurance > basis->most ? class->endurance -
						       basis->most : 0;
	double life = wear_life_bytes(basis->block_count, left, basis->share);
	double years = wear_life_years(life, basis->rate);
	char text[32];

	out_row(table);
	out_cell_text(table, class->name);
	out_cell_real(table, class->endurance, 0);
	endurance_text(class->endurance, text);
	out_cell_text(table, text);
	out_cell_real(table, life, 0);
	life_text(life, text);
	out_cell_text(table, text);
	out_cell_real(table, years, decimals_of(years));
	years_text(years, text);
	out_cell_text(table, text);
	out_cell_text(table, class->origin);
}

/* What the figures hold for. */
static void assumptions_tell(struct cli *cli)
{
	static const char *const assumptions[] = {
		"the rate stays as it is, and counts whole blocks of 4 KiB: a "
		"smaller write wears as much as one of these",
		"writes are spread over the whole area to the share given; "
		"'nvmwear simulate' tells what a load comes to",
		"the life ends with the first line that is worn out",
		"nothing else writes to the memory",
	};
	struct json_object *data = out_data(cli), *list = NULL;

	if (data) {
		list = out_must(json_object_new_array());
		json_object_object_add(data, "assumptions", list);
	}
	out_line(cli, "\nAssumed:");
	for (size_t i = 0; i < sizeof(assumptions) / sizeof(assumptions[0]); i++) {
		out_line(cli, "- %s", assumptions[i]);
		if (list)
			json_object_array_add(list, out_json_text(assumptions[i]));
	}
}

static void forecast_tell(struct cli *cli, const struct basis *basis)
{
	double area_day = basis->rate * 86400 / (double)basis->area_bytes;
	struct out_table *table;

	out_size(cli, "area_bytes", "area", basis->area_bytes);
	out_number(cli, "blocks", "blocks of 4 KiB", basis->block_count);
	out_real(cli, "rate_bytes_per_second", "bytes a second", basis->rate,
		 decimals_of(basis->rate), "");
	out_real(cli, "areas_per_day", "the area is written", area_day,
		 decimals_of(area_day), " times a day");
	out_real(cli, "share_percent", "share of an ideal life", basis->share,
		 0, " %");
	if (basis->most || cli->json)
		out_number(cli, "most", "writes of the most worn block so far",
			   basis->most);
	table = out_table_begin(cli, "forecasts", columns);
	if (basis->only)
		class_row(table, basis->only, basis);
	else
		for (const struct wear_class *c = wear_classes; c->name; c++)
			class_row(table, c, basis);
	out_table_end(table, NULL);
	assumptions_tell(cli);
}

/* A share that few writes have left says nothing yet. */
#define WRITES_TELLING	20u

/* Area, rate and evenness as an open disk has them. */
static int basis_observe(struct disk *disk, struct basis *basis,
			 struct wear_class *class)
{
	struct wear_counts counts;
	struct wear_stats stats;
	struct vd_info info;
	double age;
	int status = wear_counts_read(disk, &counts);

	if (status)
		return status;
	wear_stats_make(counts.count, counts.number, &stats);
	wear_counts_free(&counts);
	vd_info(disk->vd, &info);
	age = difftime(time(NULL), (time_t)info.created_s);
	basis->area_bytes = disk->geometry.area_bytes;
	basis->block_count = disk->geometry.block_count;
	basis->most = stats.most;
	if (!(basis->rate > 0))
		basis->rate = (double)info.user_writes * VD_BLOCK /
			      (age > 1 ? age : 1);
	if (!(basis->share > 0) && stats.most >= WRITES_TELLING)
		basis->share = 100 * stats.mean / stats.most;
	if (!basis->only && info.wear.endurance) {
		*class = (struct wear_class){ .name = "rated",
			.endurance = (double)info.wear.endurance,
			.origin = "as the disk was told" };
		basis->only = class;
	}
	return basis->rate > 0 ? 0 :
	       cli_fail(disk->cli, EXIT_USAGE, "disk '%s' was never written: "
			"give a --rate", disk->name);
}

static int forecast_disk(struct cli *cli, struct basis *basis,
			 struct wear_class *class)
{
	struct disk disk;
	int status = cli_disk_open(cli, DISK_READ, 0, &disk);

	if (!status)
		status = cli_disk_start(&disk);
	if (!status)
		status = basis_observe(&disk, basis, class);
	return cli_disk_close(&disk, status);
}

static int forecast_area(struct cli *cli, const struct forecast_opts *o,
			 struct basis *basis)
{
	struct nvm_fault fault = { 0 };
	struct vd_geometry geometry;

	if (!o->area || !o->rate)
		return cli_fail(cli, EXIT_USAGE, "missing --%s (or a disk); see "
				"'nvmwear forecast --help'", o->area ? "rate" :
				"area");
	if (vd_layout(&o->area, 1, 0, &geometry, &fault))
		return cli_fail(cli, EXIT_NO_SPACE, "no disk fits into such an "
				"area: it has 8 MiB to 16 TiB");
	basis->area_bytes = o->area;
	basis->block_count = geometry.block_count;
	return 0;
}

static int forecast_run(struct cli *cli)
{
	const struct forecast_opts *o = cli->opts;
	struct basis basis = {
		.rate = (double)o->rate / period_s[o->per ? o->per - 1 : 0],
		.share = (double)o->share,
	};
	struct wear_class class, rated;
	int status;

	if (o->share > 100)
		return cli_fail(cli, EXIT_USAGE, "bad --share: more than 100 %%");
	if (o->endurance && !wear_class_parse(o->endurance, &class))
		return cli_fail(cli, EXIT_USAGE, "bad endurance '%s': a number "
				"from 1 to 1e18, or reram, optane, pcm, "
				"reram-best, stt-mram", o->endurance);
	if (o->endurance)
		basis.only = &class;
	if (cli->arg[0] && o->area)
		return cli_fail(cli, EXIT_USAGE, "--area is for a forecast "
				"without a disk");
	status = cli->arg[0] ? forecast_disk(cli, &basis, &rated) :
			       forecast_area(cli, o, &basis);
	if (status)
		return status;
	if (!(basis.share > 0))
		basis.share = WEAR_SHARE_DEFAULT;
	forecast_tell(cli, &basis);
	return 0;
}

static const struct example examples[] = {
	{ "nvmwear forecast disk.img", "at the rate since the disk was made" },
	{ "nvmwear forecast --area 128G --rate 50M", "for all kinds of memory" },
	{ "nvmwear forecast --area 128G --rate 2T --per day --endurance optane",
	  "for one kind, at what is written in a day" },
	{ NULL, NULL }
};

const struct command wear_cmd_forecast = {
	.name = "forecast",
	.summary = "tell for how many years memory can be written",
	.description = "The bytes that all blocks together can take, times the "
		"share of it that levelling makes use of, over the rate. The "
		"figures for kinds of memory are of the literature and differ "
		"by orders of magnitude from part to part: take the maker's."
		"\n\nWith a TARGET, area, rate, evenness and what is used up "
		"already are those of the disk, unless options say otherwise.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct forecast_opts),
	.examples = examples,
	.flags = COMMAND_DISK,
	.run = forecast_run,
};
