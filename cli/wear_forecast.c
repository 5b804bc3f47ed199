/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_forecast.c - `nvmwear forecast`: years until the first line is worn out,
 * at a constant rate of writes, for a given endurance or for each known kind
 * of memory, with what that assumes.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "cli/out.h"
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
		      uint64_t block_count, double share, double rate)
{
	double life = wear_life_bytes(block_count, class->endurance, share);
	double years = wear_life_years(life, rate);
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

static void forecast_tell(struct cli *cli, const struct forecast_opts *o,
			  const struct vd_geometry *geometry,
			  const struct wear_class *only)
{
	double share = (double)(o->share ? o->share : WEAR_SHARE_DEFAULT);
	double rate = (double)o->rate / period_s[o->per ? o->per - 1 : 0];
	double area_day = rate * 86400 / (double)o->area;
	struct out_table *table;

	out_size(cli, "area_bytes", "area", o->area);
	out_number(cli, "blocks", "blocks of 4 KiB", geometry->block_count);
	out_real(cli, "rate_bytes_per_second", NULL, rate, 3, "");
	out_real(cli, "areas_per_day", "the area is written", area_day,
		 decimals_of(area_day), " times a day");
	out_real(cli, "share_percent", "share of an ideal life", share, 0, " %");
	table = out_table_begin(cli, "forecasts", columns);
	if (only)
		class_row(table, only, geometry->block_count, share, rate);
	else
		for (const struct wear_class *c = wear_classes; c->name; c++)
			class_row(table, c, geometry->block_count, share, rate);
	out_table_end(table, NULL);
	assumptions_tell(cli);
}

static int forecast_run(struct cli *cli)
{
	const struct forecast_opts *o = cli->opts;
	struct nvm_fault fault = { 0 };
	struct vd_geometry geometry;
	struct wear_class class;
	int err;

	if (!o->area || !o->rate)
		return cli_fail(cli, EXIT_USAGE, "missing --%s; see 'nvmwear "
				"forecast --help'", o->area ? "rate" : "area");
	if (o->share > 100)
		return cli_fail(cli, EXIT_USAGE, "bad --share: more than 100 %%");
	if (o->endurance && !wear_class_parse(o->endurance, &class))
		return cli_fail(cli, EXIT_USAGE, "bad endurance '%s': a number "
				"from 1 to 1e18, or reram, optane, pcm, "
				"reram-best, stt-mram", o->endurance);
	err = vd_layout(&o->area, 1, 0, &geometry, &fault);
	if (err)
		return cli_fail(cli, EXIT_NO_SPACE, "no disk fits into such an "
				"area: it has 8 MiB to 16 TiB");
	forecast_tell(cli, o, &geometry, o->endurance ? &class : NULL);
	return 0;
}

static const struct example examples[] = {
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
		"by orders of magnitude from part to part: take the maker's.",
	.opts = opts,
	.opts_size = sizeof(struct forecast_opts),
	.examples = examples,
	.run = forecast_run,
};
