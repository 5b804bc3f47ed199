// SPDX-License-Identifier: BSD-3-Clause
/*
 * crash_vdisk_sequence.c - operations of the virtual disk one after the other,
 * with nothing between them but what they do themselves: all sequences of two
 * and of three, crashed from the moment on when the last one begins.  What one
 * leaves in flight, the next one finds.
 *
 * A line of TAP for each last operation, number of lanes and model; images that
 * two sequences share are judged once.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/vops.h"

#define LENGTH_MAX	3u

static const struct word {
	const char *name;
	struct vstep step[2];
} words[] = {
	{ "write", { { VSTEP_WRITE, 0, 1 } } },
	{ "write-next", { { VSTEP_WRITE, 1, 1 } } },
	{ "write-two", { { VSTEP_WRITE, 0, 2 } } },
	{ "atomic", { { VSTEP_ATOMIC, 0, 2 } } },
	{ "atomic-next", { { VSTEP_ATOMIC, 1, 2 } } },
	{ "part", { { VSTEP_PART, 2, 3 } } },
	{ "trim", { { VSTEP_TRIM, 0, 1 } } },
	{ "trim-three", { { VSTEP_TRIM, 0, 3 } } },
	{ "move", { { VSTEP_MOVE, 0, 2 } } },
	{ "flush", { { VSTEP_FLUSH, 0, 0 } } },
	{ "close-open", { { VSTEP_CLOSE, 0, 0 }, { VSTEP_OPEN, 0, 0 } } },
};
#define WORD_COUNT	(sizeof(words) / sizeof(*words))

struct sentence {
	unsigned word[LENGTH_MAX], length;
};

static void sentence_print(const struct sentence *sentence, char *ret_text,
			   size_t room)
{
	size_t used = 0;

	for (unsigned i = 0; i < sentence->length && used < room; i++)
		used += (size_t)snprintf(ret_text + used, room - used, "%s%s",
					 i ? "," : "",
					 words[sentence->word[i]].name);
}

static bool play(struct vcrash *crash, struct vplay *vplay, const void *arg)
{
	const struct sentence *sentence = arg;

	for (unsigned i = 0; i < sentence->length; i++) {
		crash->first_event = vplay->trace->count;
		if (!vplay_steps(vplay, words[sentence->word[i]].step, 2))
			return false;
	}
	return true;
}

struct suite {
	const struct crash_options *options;
	const char *only;		/* replay: this sentence */
	struct vcrash crash;
	unsigned sentences, count, failed;
	uint64_t images, distinct;	/* of all */
};

static bool sentence_try(struct suite *suite, const struct sentence *sentence)
{
	struct vcrash *crash = &suite->crash;
	const char *name = crash->name;
	char text[96], token[160];
	bool good;

	sentence_print(sentence, text, sizeof(text));
	if (suite->only && strcmp(suite->only, text))
		return true;
	suite->sentences++;
	crash->depth = 0;
	good = vcrash_record(crash, play, sentence) &&
	       vcrash_explore(crash, &crash->trace);
	if (good)
		return true;
	vcrash_token(crash, token, sizeof(token));
	printf("# %s\n# replay: --seed=%" PRIu64 " --effort=%u --replay=%s+%s"
	       "%s\n", crash->verdict.why, suite->options->seed,
	       suite->options->effort, name, text, token + strlen(name));
	if (suite->only)
		trace_print(stdout, &crash->trace);
	return false;
}

/* All sentences that end with a word. */
static bool sentences_try(struct suite *suite, unsigned last)
{
	bool good = true;

	for (unsigned first = 0; first < WORD_COUNT && good; first++) {
		const struct sentence two = { { first, last }, 2 };

		good = sentence_try(suite, &two);
		for (unsigned second = 0; second < WORD_COUNT && good;
		     second++) {
			const struct sentence three = {
				{ first, second, last }, 3 };

			good = sentence_try(suite, &three);
		}
	}
	return good;
}

static bool run_last(struct suite *suite, unsigned last, struct vbase *base,
		     enum explore_model model, const char *name)
{
	uint32_t effort = suite->options->effort;
	struct vcrash *crash = &suite->crash;
	double start = vcrash_clock();
	struct seen seen = { 0 };
	bool good;

	suite->sentences = 0;
	vcrash_begin(crash, base, model, suite->options);
	snprintf(crash->name, sizeof(crash->name), "%s", name);
	crash->seen = &seen;
	crash->effort = effort < 64 ? 1 : effort / 32;
	crash->check_every = suite->only ? 1 : 7;
	crash->life_every = crash->nested_every = 211;
	crash->deep_every = 0;
	good = sentences_try(suite, last);
	printf("%s %u - %s # %u sequences, %" PRIu64 " points (%" PRIu64
	       " exhaustively), %" PRIu64 " images, %" PRIu64 " new, %.1f s\n",
	       good ? "ok" : "not ok", suite->count, name, suite->sentences,
	       crash->stats.points, crash->stats.exhaustive,
	       crash->stats.images, crash->stats.distinct,
	       vcrash_clock() - start);
	fflush(stdout);
	suite->images += crash->stats.images;
	suite->distinct += crash->stats.distinct;
	seen_free(&seen);
	vcrash_end(crash);
	return good;
}

static void run_model(struct suite *suite, enum explore_model model,
		      uint32_t lanes)
{
	struct verdict verdict = { "" };
	struct vbase base;
	bool begun = vbase_begin(&base, VSTATE_DIRTY, model_durability(model),
				 &verdict);

	if (!begun) {
		printf("not ok %u - building the disk # %s\n", ++suite->count,
		       verdict.why);
		suite->failed++;
	}
	base.yard.lane_count = lanes;
	for (unsigned last = 0; last < WORD_COUNT && begun; last++) {
		char name[96];

		snprintf(name, sizeof(name), "%s:%u:%s", words[last].name,
			 lanes, model_name(model));
		if (!crash_selected(suite->options, name))
			continue;
		suite->count++;
		if (suite->options->list)
			puts(name);
		else
			suite->failed += !run_last(suite, last, &base, model,
						   name);
	}
	vbase_end(&base);
}

int main(int argc, char **argv)
{
	struct crash_options options;
	struct suite suite = { .options = &options };
	char rest[256], only[256];

	if (crash_options(&options, argc, argv))
		return 2;
	if (options.replay) {
		vcrash_token_split(options.replay, rest, sizeof(rest), only,
				   sizeof(only));
		options.replay = rest;
		suite.only = only;
	}
	/* One lane knows its watermark, several look for it now and then. */
	run_model(&suite, MODEL_PARANOID, 1);
	run_model(&suite, MODEL_PARANOID, 3);
	run_model(&suite, MODEL_PAGECACHE, 1);
	if (options.list)
		return 0;
	printf("1..%u\n# seed %" PRIu64 "; %" PRIu64 " images, %" PRIu64
	       " distinct\n", suite.count, options.seed, suite.images,
	       suite.distinct);
	if (!suite.count)
		fputs("crash_vdisk_sequence: no such case\n", stderr);
	return suite.failed || !suite.count;
}
