/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_simulate.c - `nvmwear simulate`: what loads do to a disk under each
 * policy, and to disks that are levelled in other ways or not at all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/out.h"
#include "cli/talk.h"
#include "cli/wear_commands.h"
#include "cli/wear_plot.h"
#include "cli/wear_sim.h"
#include "cli/wear_stats.h"

#define BLOCKS_DEFAULT		8192u
#define ENDURANCE_DEFAULT	4000u
#define ENDURANCE_MAX		1000000000u
#define RUNS_MAX		(WEAR_MODELS * WEAR_LOAD_KINDS)

struct simulate_opts {
	int policy, load;
	const char *trace, *plot;
	uint64_t blocks, spares, endurance, writes, seed, threshold, budget;
};

static const char *const policy_words[] = {
	"none", "mbsa", "adaptive", "in-place", "table", "swap", "start-gap",
	"all", NULL
};
static const char *const load_words[] = {
	"uniform", "zipf", "90/10", "zones", "one", "trim", "birthday", "files",
	"all", NULL
};
_Static_assert(sizeof(policy_words) / sizeof(policy_words[0]) ==
	       WEAR_MODELS + 2, "each model has its word");
_Static_assert(sizeof(load_words) / sizeof(load_words[0]) ==
	       WEAR_LOAD_TRACE + 2, "each load has its word");

static const struct opt opts[] = {
	OPT_WORD('P', "policy", "POLICY", policy_words, struct simulate_opts,
		 policy, "how the disk levels (default: adaptive)"),
	OPT_WORD('l', "load", "LOAD", load_words, struct simulate_opts, load,
		 "what is written (default: all)"),
	OPT_TEXT('t', "trace", "FILE", COMPLETE_FILE, struct simulate_opts, trace,
		 "write what is recorded there, again and again: a block number "
		 "a line, or a log of fio's --write_iolog"),
	OPT_NUMBER('b', "blocks", "COUNT", struct simulate_opts, blocks,
		   "how many blocks the area has (default: 8192, or what the "
		   "trace needs)"),
	OPT_NUMBER(0, "spares", "COUNT", struct simulate_opts, spares,
		   "how many of them are beyond the disk's (default: 2 %, at "
		   "least 64)"),
	OPT_NUMBER('E', "endurance", "WRITES", struct simulate_opts, endurance,
		   "how many writes a line bears (default: 4000)"),
	OPT_NUMBER('w', "writes", "COUNT", struct simulate_opts, writes,
		   "end after so many writes (default: when the first line is "
		   "worn out)"),
	OPT_NUMBER(0, "seed", "NUMBER", struct simulate_opts, seed,
		   "another one gives other random writes (default: 1)"),
	OPT_NUMBER(0, "threshold", "WRITES", struct simulate_opts, threshold,
		   "how far a block must lag behind to be moved (default: 2; "
		   "adaptive: at the least)"),
	OPT_NUMBER(0, "budget", "WRITES", struct simulate_opts, budget,
		   "adaptive: one move in so many writes (default: 32)"),
	OPT_TEXT(0, "plot", "FILE", COMPLETE_FILE, struct simulate_opts, plot,
		 "draw the blocks' wear into this SVG file, with gnuplot"),
	OPT_END
};

static const struct out_column columns[] = {
	{ "policy", "POLICY", OUT_TEXT },
	{ "load", "LOAD", OUT_TEXT },
	{ "worn_out", NULL, OUT_BOOL },
	{ "user_writes", NULL, OUT_NUMBER },
	{ "trims", NULL, OUT_NUMBER },
	{ "extra_writes", NULL, OUT_NUMBER },
	{ "moves", NULL, OUT_NUMBER },
	{ "life_percent", "LIFE %", OUT_NUMBER },
	{ "extra_percent", "EXTRA %", OUT_NUMBER },
	{ "hottest_line_ratio", "HOTTEST/MEAN", OUT_NUMBER },
	{ "p999_ratio", "99.9 %/MEAN", OUT_NUMBER },
	{ "least_ratio", NULL, OUT_NUMBER },
	{ "variation", "VARIATION", OUT_NUMBER },
	{ "gini", "GINI", OUT_NUMBER },
	{ NULL, NULL, OUT_TEXT },
};

struct simulation {
	struct cli *cli;
	struct wear_sim_config config;
	struct wear_trace trace;
	struct out_table *table;
	struct progress progress;
	struct pool_progress step;
	size_t run_count, run_at;
	bool unfinished;
	struct wear_curve *curve;	/* RUNS_MAX */
};

/* ---- one run ---------------------------------------------------------------------- */

static void run_row(struct simulation *s, const char *load,
		    const struct wear_sim_result *result,
		    const struct wear_stats *stats)
{
	struct out_table *table = s->table;
	double writes = (double)result->user_writes;
	uint32_t hottest = stats->most > result->line_max ? stats->most :
			   result->line_max;

	out_row(table);
	out_cell_text(table, wear_model_names[s->config.model]);
	out_cell_text(table, load);
	out_cell_number(table, result->worn_out);
	out_cell_number(table, result->user_writes);
	out_cell_number(table, result->trims);
	out_cell_number(table, result->extra_writes);
	out_cell_number(table, result->moves);
	out_cell_real(table, 100 * wear_sim_life(&s->config, result), 2);
	out_cell_real(table, writes > 0 ?
		      100.0 * (double)result->extra_writes / writes : 0, 2);
	out_cell_real(table, wear_stats_ratio(stats, hottest), 3);
	out_cell_real(table, wear_stats_ratio(stats, stats->p999), 3);
	out_cell_real(table, wear_stats_ratio(stats, stats->least), 3);
	out_cell_real(table, stats->variation, 4);
	out_cell_real(table, stats->gini, 4);
}

/* The run's share of all runs, by the most worn block. */
static bool run_step(void *ctx, uint64_t writes, uint32_t count_max)
{
	struct simulation *s = ctx;
	const struct wear_sim_config *config = &s->config;
	uint64_t whole = (uint64_t)config->block_count * config->endurance;
	uint64_t done = (uint64_t)config->block_count * count_max;

	if (config->write_max)
		done = writes, whole = config->write_max;
	if (done > whole)
		done = whole;
	return s->step.step(s->step.ctx, (s->run_at * whole + done) << 12,
			    (s->run_count * whole) << 12);
}

static int run_one(struct simulation *s, enum wear_model model,
		   enum wear_load_kind kind)
{
	const char *load_name = wear_load_names[kind];
	struct wear_sim_result result;
	struct wear_stats stats;
	struct wear_load *load = wear_load_new(kind, s->config.logical_count,
					       s->config.seed, &s->trace);
	int err = -ENOMEM;

	s->config.model = model;
	if (load)
		err = wear_sim_run(&s->config, load, &result);
	wear_load_free(load);
	if (err)
		return fail_nvm(s->cli, err, NULL, "cannot simulate");
	s->unfinished |= !result.worn_out;
	wear_stats_make(result.count, result.block_count, &stats);
	run_row(s, load_name, &result, &stats);
	if (s->curve) {
		struct wear_curve *curve = &s->curve[s->run_at];

		wear_curve_make(result.count, result.block_count, stats.mean, curve);
		snprintf(curve->name, sizeof(curve->name), "%s, %s",
			 wear_model_names[model], load_name);
	}
	s->run_at++;
	wear_sim_free(&result);
	return 0;
}

/* ---- all of them ------------------------------------------------------------------ */

static int runs_make(struct simulation *s, const struct simulate_opts *o)
{
	uint32_t model = WEAR_MODEL_ADAPTIVE, model_end;
	uint32_t kind = 0, kind_end = WEAR_LOAD_TRACE;
	int status = 0;

	if (o->policy)
		model = (uint32_t)o->policy - 1;
	model_end = model + 1;
	if (model == WEAR_MODELS)
		model = 0, model_end = WEAR_MODELS;
	if (o->load && o->load <= WEAR_LOAD_TRACE)
		kind = (uint32_t)o->load - 1, kind_end = kind + 1;
	if (o->trace)
		kind = WEAR_LOAD_TRACE, kind_end = kind + 1;
	s->run_count = (model_end - model) * (kind_end - kind);
	progress_begin(&s->progress, "simulating", &s->step);
	for (; model < model_end && !status; model++)
		for (uint32_t k = kind; k < kind_end && !status; k++)
			status = run_one(s, (enum wear_model)model,
					 (enum wear_load_kind)k);
	progress_end(&s->progress);
	return status;
}

static int trace_open(struct simulation *s, const struct simulate_opts *o)
{
	size_t line = 0;
	int err = wear_trace_read(o->trace, &s->trace, &line);

	if (err == -EINVAL && line)
		return cli_fail(s->cli, EXIT_USAGE, "cannot read '%s': line %zu "
				"is neither a block number nor of a log of fio",
				o->trace, line);
	if (err == -EINVAL)
		return cli_fail(s->cli, EXIT_USAGE, "cannot read '%s': there is "
				"no write in it", o->trace);
	if (err)
		return cli_fail(s->cli, fail_status(err), "cannot read '%s': %s",
				o->trace, strerror(-err));
	return 0;
}

static uint64_t spares_of(const struct simulate_opts *o, uint64_t blocks)
{
	uint64_t spares = blocks / 50;

	return o->spares ? o->spares : spares < 64 ? 64 : spares;
}

static int numbers_check(struct simulation *s, const struct simulate_opts *o)
{
	struct wear_sim_config *config = &s->config;
	uint64_t needed = o->trace ? s->trace.block_max + 1ull : 0;
	uint64_t blocks = o->blocks ? o->blocks : BLOCKS_DEFAULT;
	uint64_t spares;

	if (!o->blocks && needed > blocks - spares_of(o, blocks))
		blocks = needed + (o->spares ? o->spares : needed / 49 + 64);
	spares = spares_of(o, blocks);
	if (blocks > WEAR_SIM_BLOCKS_MAX || spares < WEAR_SIM_SPARES_MIN ||
	    blocks < spares + WEAR_SIM_LOGICAL_MIN)
		return cli_fail(s->cli, EXIT_USAGE, "cannot simulate %llu blocks, "
				"%llu of them spare: %u blocks at most, %u spare "
				"and %u others at the least",
				(unsigned long long)blocks,
				(unsigned long long)spares, WEAR_SIM_BLOCKS_MAX,
				WEAR_SIM_SPARES_MIN, WEAR_SIM_LOGICAL_MIN);
	if (needed > blocks - spares)
		return cli_fail(s->cli, EXIT_USAGE, "the trace writes block %llu, "
				"the disk has %llu; give more --blocks, or none",
				(unsigned long long)needed - 1,
				(unsigned long long)(blocks - spares));
	if (o->endurance > ENDURANCE_MAX || o->threshold > UINT32_MAX ||
	    o->budget > UINT32_MAX)
		return cli_fail(s->cli, EXIT_USAGE, "endurance, threshold or "
				"budget too large, at most %u", ENDURANCE_MAX);
	config->block_count = (uint32_t)blocks;
	config->logical_count = (uint32_t)(blocks - spares);
	config->endurance = o->endurance ? (uint32_t)o->endurance :
			    ENDURANCE_DEFAULT;
	config->threshold = (uint32_t)o->threshold;
	config->budget = (uint32_t)o->budget;
	config->write_max = o->writes;
	config->seed = o->seed ? o->seed : 1;
	return 0;
}

static void numbers_tell(struct simulation *s)
{
	const struct wear_sim_config *config = &s->config;
	struct cli *cli = s->cli;

	out_number(cli, "blocks", "blocks", config->block_count);
	out_number(cli, "spares", "of them spare",
		   config->block_count - config->logical_count);
	out_number(cli, "endurance", "endurance", config->endurance);
	out_number(cli, "seed", "seed", config->seed);
	s->table = out_table_begin(cli, "runs", columns);
}

static int simulate_run(struct cli *cli)
{
	const struct simulate_opts *o = cli->opts;
	struct simulation s = { .cli = cli };
	int status = 0;

	if (o->trace && o->load)
		return cli_fail(cli, EXIT_USAGE, "--trace is a load of its own; "
				"give no --load");
	if (o->plot)
		status = wear_plot_ready(cli);
	if (!status && o->trace)
		status = trace_open(&s, o);
	if (!status)
		status = numbers_check(&s, o);
	if (status) {
		wear_trace_free(&s.trace);
		return status;
	}
	s.config.step = run_step;
	s.config.ctx = &s;
	if (o->plot)
		s.curve = out_must(calloc(RUNS_MAX, sizeof(*s.curve)));
	numbers_tell(&s);
	status = runs_make(&s, o);
	out_table_end(s.table, NULL);
	if (!status && s.unfinished)
		out_line(cli, "\nEnded before a line was worn out: life is what "
			 "it comes to if the spread stays.");
	if (!status && o->plot)
		status = wear_plot(cli, o->plot, s.curve, s.run_at);
	free(s.curve);
	wear_trace_free(&s.trace);
	return status;
}

static const struct example examples[] = {
	{ "nvmwear simulate", "the default policy under every load" },
	{ "nvmwear simulate --policy all --load zipf --plot zipf.svg",
	  "every policy under one load, with a picture" },
	{ "nvmwear simulate --trace fio.log --endurance 100000",
	  "under what fio has recorded" },
	{ NULL, NULL }
};

const struct command wear_cmd_simulate = {
	.name = "simulate",
	.summary = "tell how evenly a load wears a disk, and how long it lives",
	.description =
		"No memory is worn: only counts are. The disk is written once "
		"from end to end, then by the load, until the first line is "
		"worn out. LIFE is how much was written by then, of what the "
		"lines could have borne; EXTRA is what levelling and the logs "
		"of trims wrote beside that. HOTTEST is the hottest line of "
		"all.\n\n"
		"The policies none, mbsa and adaptive are those of nvmvd, and "
		"decide here as they do there. For comparison: in-place does "
		"not level at all; table is adaptive, but with a mapping table "
		"that is updated in place; swap is the swapping of MBSA as its "
		"paper may have meant it (a reconstruction); start-gap moves "
		"everything round by one place each time 100 writes times the "
		"number of blocks were made.\n\n"
		"The loads: uniform; zipf, with exponent 0.99; 90/10, 90 % of "
		"the writes to a tenth of the blocks; zones, eighths of the disk "
		"in phases, as in MBSA's paper; one block alone; trim, one block "
		"written and trimmed in turn; birthday, bursts of 4096 on blocks "
		"at random; files, random blocks of which many are trimmed "
		"later.",
	.opts = opts,
	.opts_size = sizeof(struct simulate_opts),
	.examples = examples,
	.run = simulate_run,
};
