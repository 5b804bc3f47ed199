// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_vdisk_sequence.c - operations of the virtual disk one after the other,
 * with nothing between them but what they do themselves: all sequences of two
 * and of three, crashed from the moment on when the last one begins.  What one
 * leaves in flight, the next one finds.
 *
 * A case is all sequences with one last operation, number of lanes and model;
 * images that two of them share are judged once.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/torture/suites.h"
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

struct search {
	const char *only;		/* replay: this sentence */
	char what[TORTURE_WHAT_MAX];
	struct vcrash crash;
	uint64_t sentences;
};

static bool sentence_try(struct search *search, const struct sentence *sentence)
{
	struct vcrash *crash = &search->crash;

	sentence_print(sentence, search->what, sizeof(search->what));
	if (search->only && strcmp(search->only, search->what))
		return true;
	search->sentences++;
	crash->depth = 0;
	return vcrash_record(crash, play, sentence) &&
	       vcrash_explore(crash, &crash->trace);
}

/* All sentences that end with a word. */
static bool sentences_try(struct search *search, unsigned last)
{
	bool good = true;

	for (unsigned first = 0; first < WORD_COUNT && good; first++) {
		const struct sentence two = { { first, last }, 2 };

		good = sentence_try(search, &two);
		for (unsigned second = 0; second < WORD_COUNT && good;
		     second++) {
			const struct sentence three = {
				{ first, second, last }, 3 };

			good = sentence_try(search, &three);
		}
	}
	return good;
}

/* One lane knows its watermark, several look for it now and then. */
static void list_cases(const struct suite *suite, struct case_list *list)
{
	static const struct {
		enum explore_model model;
		uint32_t lanes;
	} kind[] = {
		{ MODEL_PARANOID, 1 }, { MODEL_PARANOID, 3 },
		{ MODEL_PAGECACHE, 1 },
	};

	for (unsigned k = 0; k < sizeof(kind) / sizeof(*kind); k++) {
		for (unsigned last = 0; last < WORD_COUNT; last++) {
			struct torture_case *c = case_add(list, suite,
				(unsigned)(k * WORD_COUNT) + last, kind[k].model,
				"%s:%u:%s", words[last].name, kind[k].lanes,
				model_name(kind[k].model));

			c->number[0] = last;
			c->number[1] = kind[k].lanes;
		}
	}
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	struct search search = { .only = how->what };
	struct vcrash *crash = &search.crash;
	struct vbase *base = suite_vbase(memory, VSTATE_DIRTY,
					 model_durability(c->model), ret_result);
	bool good;

	if (!base)
		return false;
	base->yard.lane_count = c->number[1];
	vcrash_begin(crash, base, c->model, how);
	crash->seen = &memory->seen;
	crash->effort = how->effort < 64 ? 1 : how->effort / 32;
	crash->check_every = how->replay ? 1 : 7;
	crash->life_every = crash->nested_every = 211;
	crash->deep_every = 0;
	good = sentences_try(&search, c->number[0]);
	if (good && !search.sentences)
		good = deny(&crash->verdict, "no such sequence");
	vcrash_tell(crash, good, ret_result);
	ret_result->tries = search.sentences;
	ret_result->tried = "sequences";
	snprintf(ret_result->what, sizeof(ret_result->what), "%s",
		 search.what);
	trace_keep(memory, &crash->trace);
	vcrash_end(crash);
	return good;
}

const struct suite suite_vdisk_sequence = {
	.name = "vdisk-sequence",
	.summary = "all sequences of two and of three operations of a disk",
	.list = list_cases,
	.run = run_case,
};
