/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crash_pool.c - every operation of the pool, crashed by power loss at every
 * store and drain, under every model; its recovery crashed again.
 *
 * Prints TAP: a line per operation, pool and model, with what was looked at.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/torture/crash.h"

struct total {
	struct explore_stats stats, nested;
	double seconds;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* "NAME@1.2/3.4": the numbers, and with them the only image to judge. */
static void replay_parse(struct crash *crash, const char *token)
{
	const char *at = strchr(token, '@');

	while (at && crash->replay_depth < 2) {
		struct explore_where *w = &crash->replay[crash->replay_depth];

		if (sscanf(at + 1, "%u.%u", &w->point, &w->image) != 2)
			return;
		crash->replay_depth++;
		at = strchr(at + 1, '/');
	}
}

static bool run_case(const struct crash_options *options,
		     const struct torture_op *op, enum yard_state state,
		     enum explore_model model, unsigned number,
		     struct seen *seen, struct total *total)
{
	struct crash crash;
	char token[160];
	double start = now();
	bool good = crash_begin(&crash, op, state, model, options->seed);

	/* Whatever the intel model allows, the paranoid one does as well. */
	if (model == MODEL_PARANOID && !options->replay)
		crash.seen = *seen;
	else
		seen_free(seen);
	crash.effort = options->effort;
	crash.life_every = 61;
	crash.nested_every = options->effort < 64 ? 61 : 7;
	if (options->replay)
		replay_parse(&crash, options->replay);
	good = good && crash_explore(&crash, &crash.trace);
	total->seconds += now() - start;
	total->stats.images += crash.stats.images;
	total->stats.distinct += crash.stats.distinct;
	total->stats.points += crash.stats.points;
	total->stats.exhaustive += crash.stats.exhaustive;
	total->stats.thirds += crash.stats.thirds;
	total->nested.images += crash.nested.images;
	total->nested.distinct += crash.nested.distinct;
	crash_name(&crash, token, sizeof(token));
	printf("%s %u - %s # %zu events, %" PRIu64 " points (%" PRIu64
	       " exhaustively, %" PRIu64 " by thirds), %" PRIu64
	       " words in flight, %" PRIu64
	       " images, %" PRIu64 " new, %" PRIu64 " recoveries, %"
	       PRIu64 " images of crashed ones, %.1f s\n",
	       good ? "ok" : "not ok", number, token, crash.trace.count,
	       crash.stats.points, crash.stats.exhaustive,
	       crash.stats.thirds, crash.stats.words_max, crash.stats.images, crash.stats.distinct,
	       crash.recoveries, crash.nested.distinct, now() - start);
	if (!good) {
		crash_token(&crash, token, sizeof(token));
		printf("# %s\n# replay: --seed=%" PRIu64 " --effort=%u "
		       "--replay=%s\n", crash.verdict.why, options->seed,
		       options->effort, token);
		if (crash.depth)
			printf("# crash before event %zu, %s\n",
			       crash.path[0].event, crash.path[0].family);
		if (options->replay)
			trace_print(stdout, &crash.trace);
	}
	fflush(stdout);
	*seen = crash.seen;
	crash.seen = (struct seen){ 0 };
	crash_end(&crash);
	return good;
}

int main(int argc, char **argv)
{
	struct crash_options options;
	struct total total = { 0 };
	struct seen seen = { 0 };
	unsigned count = 0, failed = 0;

	if (crash_options(&options, argc, argv))
		return 2;
	for (unsigned o = 0; o < torture_op_count; o++) {
		for (unsigned s = 0; s < YARD_COUNT; s++) {
			for (unsigned m = 0; m < MODEL_COUNT; m++) {
				const struct torture_op *op = &torture_ops[o];
				char name[96];

				if (!(op->states >> s & 1))
					continue;
				snprintf(name, sizeof(name), "%s:%s:%s",
					 op->name, yard_name(s),
					 model_name(m));
				if (!crash_selected(&options, name))
					continue;
				count++;
				if (options.list)
					puts(name);
				else if (!run_case(&options, op, s, m, count,
						   &seen, &total))
					failed++;
			}
			seen_free(&seen);
		}
	}
	if (options.list)
		return 0;
	printf("1..%u\n# seed %" PRIu64 "; of %" PRIu64 " crash points all "
	       "images were tried at %" PRIu64 " (bound: %u), all ways of "
	       "stores to be lost, torn or kept at %" PRIu64 " more (bound: "
	       "%u), families of images with %u random ones elsewhere\n"
	       "# %" PRIu64 " images, %" PRIu64 " distinct; recoveries "
	       "crashed: %" PRIu64 " images, %" PRIu64 " distinct; %.0f "
	       "images a second\n", count, options.seed, total.stats.points,
	       total.stats.exhaustive, 32 * options.effort,
	       total.stats.thirds, 18 * options.effort, options.effort,
	       total.stats.images, total.stats.distinct, total.nested.images,
	       total.nested.distinct, (double)(total.stats.distinct +
	       total.nested.distinct) / total.seconds);
	if (!count)
		fputs("crash_pool: no such case\n", stderr);
	return failed || !count;
}
