/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * litmus.c - the table of litmus programs, and how they are run.
 *
 * Each row names the rule that it stands for: a line of the table in the
 * header explore.h, as taken from the Px86 models, Intel's manual and the page
 * cache's habits (docs/design.md, section 8).
 */
#include "tests/torture/litmus.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/brute.h"

#define RANDOM_RUNS	400u

struct litmus {
	const char *name;
	const char *rule;
	const char *program;
	/* Images of A to D at its end, by model; NULL: not asked. */
	const char *outcome[MODEL_COUNT];
};

#define INTEL(set)	[MODEL_INTEL] = set
#define PARANOID(set)	[MODEL_PARANOID] = set
#define PAGECACHE(set)	[MODEL_PAGECACHE] = set
#define EADR(set)	[MODEL_EADR] = set

static const struct litmus litmuses[] = {
	{ "two words of a cached line keep their order",
	  "cached stores: of a line any prefix",
	  "A=1 B=1",
	  { INTEL("0000 1000 1100"), PARANOID("0000 0100 1000 1100"),
	    PAGECACHE("0000 1000 1100"), EADR("0000 1000 1100") } },
	{ "two lines are independent",
	  "cached stores: lines are independent; no flush is needed",
	  "A=1 C=1",
	  { INTEL("0000 0010 1000 1010"), PARANOID("0000 0010 1000 1010"),
	    PAGECACHE("0000 1000 1010"), EADR("0000 1000 1010") } },
	{ "two pages are independent",
	  "page cache: any subset of the dirty pages",
	  "A=1 D=1",
	  { INTEL("0000 0001 1000 1001"), PARANOID("0000 0001 1000 1001"),
	    PAGECACHE("0000 0001 1000 1001"), EADR("0000 1000 1001") } },
	{ "a whole line tears at every word",
	  "non-temporal stores: each word on its own until the fence",
	  "A*1",
	  { INTEL("0000 0100 1000 1100"), PARANOID("0000 0100 1000 1100"),
	    PAGECACHE("0000 1000 1100"),
	    EADR("0000 0100 1000 1100") } },
	{ "a line stored in both ways has independent words",
	  "non-temporal and cached stores mixed in a line",
	  "A=1 A*2",
	  { INTEL("0000 0200 1000 1200 2000 2200"),
	    PARANOID("0000 0200 1000 1200 2000 2200"),
	    EADR("0000 1000 1200 2000 2200") } },
	{ "mixed the other way round",
	  "non-temporal and cached stores mixed in a line",
	  "A*1 B=2",
	  { INTEL("0000 0100 0200 1000 1100 1200"),
	    PARANOID("0000 0100 0200 1000 1100 1200"),
	    EADR("0000 0100 0200 1000 1100 1200") } },
	{ "a fenced line is no longer mixed",
	  "a fence ends what is pending of a line",
	  "A*1 drain A=2 B=2",
	  { INTEL("1100 2100 2200"), PARANOID("1100 1200 2100 2200"),
	    EADR("1100 2100 2200") } },
	{ "one word keeps its order",
	  "two stores to the same word keep their order",
	  "A=1 A=2 A=3",
	  { INTEL("0000 1000 2000 3000"), PARANOID("0000 1000 2000 3000"),
	    PAGECACHE("0000 1000 2000 3000"), EADR("0000 1000 2000 3000") } },
	{ "one word around the cache keeps its order",
	  "two stores to the same word keep their order",
	  "A*1 A*2",
	  { INTEL("0000 0100 0200 1000 1100 1200 2000 2100 2200"),
	    PARANOID("0000 0100 0200 1000 1100 1200 2000 2100 2200"),
	    PAGECACHE("0000 1000 1100 2100 2200"),
	    EADR("0000 0100 0200 1000 1100 1200 2000 2100 2200") } },
	{ "a drain makes durable on the bus only",
	  "flush and fence raise the floor",
	  "A=1 drain B=1",
	  { INTEL("1000 1100"), PARANOID("1000 1100"),
	    PAGECACHE("0000 1000 1100"), EADR("1000 1100") } },
	{ "a sync makes durable what was drained",
	  "page cache: contents since the last sync",
	  "A=1 drain D=1 sync C=1",
	  { PARANOID("1000 1001 1010 1011"),
	    PAGECACHE("1000 1001 1010 1011") } },
	{ "a sync is no drain on the bus",
	  "only flush and fence raise the floor",
	  "A=1 sync",
	  { INTEL("0000 1000"), PARANOID("0000 1000"),
	    PAGECACHE("0000 1000") } },
	{ "a page has any contents that it had",
	  "page cache: each page at any of its contents",
	  "A=1 D=1 A=2 C=1",
	  { PAGECACHE("0000 0001 1000 1001 2000 2001 2010 2011") } },
	{ "a discard crashes like stores of zeros",
	  "the media's promise (media.h)",
	  "A=1 C=1 D=1 drain sync discard",
	  { INTEL("0000 0001 0010 0011 1000 1001 1010 1011"),
	    PARANOID("0000 0001 0010 0011 1000 1001 1010 1011"),
	    /* A and C are in one page, which a half-done discard halves. */
	    PAGECACHE("0000 0001 0010 0011 1010 1011"),
	    EADR("0000 0001 0010 0011 1000 1001 1010 1011") } },
	{ "a kill leaves visible, not durable",
	  "a kill proves nothing about missing flushes",
	  "A=1 kill C=1 drain",
	  { INTEL("0010 1010"), PARANOID("0010 1010"), EADR("1010") } },
	{ "around the cache a kill leaves visible, not durable",
	  "a kill proves nothing about missing flushes",
	  "A*1 kill C=1 drain",
	  { PARANOID("0010 0110 1010 1110"), EADR("0010 0110 1010 1110") } },
	{ "the page cache outlives a process",
	  "a kill leaves exactly the visible image",
	  "A=1 kill C=1 drain sync",
	  { PAGECACHE("1010") } },
	{ "a flush alone makes nothing durable",
	  "flush, then a fence, raise the floor",
	  "A=1 kill C=1 drain A!",
	  { INTEL("0010 1010"), PARANOID("0010 1010") } },
	{ "a flush and a drain make a dead process' word durable",
	  "flush, then a fence, raise the floor",
	  "A=1 kill A! drain",
	  { INTEL("1000"), PARANOID("1000"), EADR("1000") } },
	{ "storing a dead process' word again owns it",
	  "two stores to the same word keep their order",
	  "A=1 C=1 kill A=1 drain",
	  { PARANOID("1000 1010") } },
	{ "a drain is of one thread",
	  "a fence of that thread",
	  "A=1 1:C=1 1:drain",
	  { INTEL("0010 1010"), PARANOID("0010 1010"), EADR("1010") } },
	{ "around the cache a drain is of one thread",
	  "until the same thread's fence",
	  "A*1 1:C=1 1:drain",
	  { PARANOID("0010 0110 1010 1110"), EADR("0010 0110 1010 1110") } },
	{ "a sync is of what each thread has drained",
	  "page cache: contents since the last sync",
	  "A=1 1:C=1 1:drain sync",
	  { PAGECACHE("0010 1010") } },
	{ "each thread drains its own",
	  "a fence of that thread",
	  "A=1 1:C=1 1:drain drain",
	  { INTEL("1010"), PARANOID("1010") } },
	{ "a word of two threads keeps its order",
	  "two stores to the same word keep their order",
	  "A=1 1:A=2 drain",
	  { PARANOID("1000 2000"), EADR("2000") } },
	{ "a later thread takes the earlier one's word along",
	  "two stores to the same word keep their order",
	  "A=1 1:A=2 1:drain",
	  { PARANOID("2000") } },
	{ "storing what another thread stored makes it one's own",
	  "a fence of that thread",
	  "1:C=1 C=1 drain",
	  { PARANOID("0010") } },
	{ "a flush is for the drain of its thread",
	  "a fence of that thread",
	  "A=1 kill 1:A! drain",
	  { INTEL("0000 1000"), PARANOID("0000 1000") } },
	{ "and that drain makes it durable",
	  "a fence of that thread",
	  "A=1 kill 1:A! drain 1:drain",
	  { INTEL("1000"), PARANOID("1000") } },
	{ "caches that survive keep the order of all stores",
	  "eADR: a prefix of the globally visible order",
	  "C=1 1:A=1 2:D=1",
	  { EADR("0000 0010 1010 1011"),
	    PARANOID("0000 0001 0010 0011 1000 1001 1010 1011") } },
	{ "what was acknowledged is visible, so durable",
	  "eADR: a prefix of the globally visible order",
	  "A=1 ack B=1",
	  { EADR("1000 1100"), PARANOID("0000 0100 1000 1100") } },
	{ "around caches that survive words may be lost",
	  "eADR: plus subsets of unfenced non-temporal words",
	  "A*1 C=1",
	  { EADR("0000 0010 0100 0110 1000 1010 1100 1110"),
	    INTEL("0000 0010 0100 0110 1000 1010 1100 1110") } },
	{ "stored once more through the cache, a word is durable",
	  "eADR: plus subsets of unfenced non-temporal words",
	  "A*1 B=1 ack",
	  { EADR("0100 1100") } },
};
#define LITMUS_COUNT	(sizeof(litmuses) / sizeof(*litmuses))

/* ---- programs ------------------------------------------------------------------ */

static const uint64_t letter_off[] = { 0, 8, 64, NVM_PAGE, 256, 512 };
#define LETTERS		(sizeof(letter_off) / sizeof(*letter_off))
#define OUTCOME_LETTERS	4u

static void program_word(struct domain *domain, const char *token)
{
	const struct nvm_media_ops *ops = domain->media.ops;
	uint64_t line[NVM_LINE / 8] = { 0 };
	unsigned letter = (unsigned)(token[0] - 'A');
	uint64_t off, value;

	if (letter >= LETTERS)
		abort();
	off = letter_off[letter];
	value = token[1] ? strtoull(token + 2, NULL, 10) : 0;
	if (token[1] == '=') {
		ops->store(&domain->media, off, &value, 8);
	} else if (token[1] == '*') {
		line[0] = line[1] = value;
		ops->store(&domain->media, off, line, NVM_LINE);
	} else if (token[1] == '!') {
		ops->flush(&domain->media, off, NVM_LINE);
	} else {
		abort();
	}
}

void litmus_program(struct domain *domain, const char *program)
{
	struct nvm_media *media = &domain->media;
	char text[256], *rest = text;

	snprintf(text, sizeof(text), "%s", program);
	for (char *token; (token = strtok_r(rest, " ", &rest));) {
		bool threaded = isdigit((unsigned char)token[0]);

		domain->thread = threaded ? (uint32_t)(token[0] - '0') : 0;
		token += threaded ? 2 : 0;
		if (!strcmp(token, "drain"))
			media->ops->drain(media);
		else if (!strcmp(token, "sync"))
			media->ops->sync(media);
		else if (!strcmp(token, "discard"))
			media->ops->discard(media, 0, media->size_bytes);
		else if (!strcmp(token, "kill"))
			domain_note(domain, DOMAIN_KILL);
		else if (!strcmp(token, "ack"))
			domain_note(domain, DOMAIN_ACK);
		else
			program_word(domain, token);
	}
	domain->thread = 0;
}

uint64_t litmus_key(const struct domain *domain)
{
	uint64_t key = 0;

	for (unsigned i = 0; i < LETTERS; i++)
		key = key * 10 + domain_word(domain, letter_off[i] / 8);
	return key;
}

/* ---- running -------------------------------------------------------------------- */

struct runner {
	FILE *out;
	bool tap, good;
	unsigned number;
	struct domain *domain;
	struct keys keys;
};

static void row(struct runner *runner, bool good, const char *name,
		enum explore_model model, const char *outcomes)
{
	runner->good = runner->good && good;
	runner->number++;
	if (runner->tap)
		fprintf(runner->out, "%s %u - %s: %s # %s\n", good ? "ok"
			: "not ok", runner->number, model_name(model), name,
			outcomes);
	else
		fprintf(runner->out, "%-55s %-9s %-6s %s\n", name,
			model_name(model), good ? "ok" : "FAILED", outcomes);
}

static bool watch(void *ctx, const struct explore_where *where)
{
	struct runner *runner = ctx;

	(void)where;
	keys_add(&runner->keys, litmus_key(runner->domain) / 100);
	return true;
}

static void run_program(struct runner *runner, const struct litmus *litmus,
			enum explore_model model)
{
	struct domain *domain = runner->domain;
	struct domain_trace trace = { 0 };
	struct explore explore;
	char text[256] = "";
	bool good;

	domain_record(domain, &trace);
	litmus_program(domain, litmus->program);
	domain_record(domain, NULL);
	domain_poke_zero(domain, 0, LITMUS_BYTES);
	explore_init(&explore, model, 1);
	explore.check = watch;
	explore.ctx = runner;
	explore.first_event = trace.count;
	runner->keys.count = 0;
	explore_trace(&explore, domain, &trace);
	keys_sort(&runner->keys);
	for (size_t i = 0; i < runner->keys.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s%0*u", i ? " " : "", (int)OUTCOME_LETTERS,
			 (unsigned)runner->keys.key[i]);
	good = !strcmp(text, litmus->outcome[model]);
	row(runner, good, litmus->name, model, text);
	if (!good)
		fprintf(runner->out, "# %s\n# rule: %s\n# allowed: %s\n",
			litmus->program, litmus->rule, litmus->outcome[model]);
	trace_free(&trace);
}

bool litmus_run(FILE *out, uint64_t seed, bool tap)
{
	struct runner runner = { .out = out, .tap = tap, .good = true,
		.domain = domain_new(LITMUS_BYTES, NVM_BUS) };
	struct brute_stats stats;
	bool same;

	for (unsigned l = 0; l < LITMUS_COUNT; l++)
		for (unsigned m = 0; m < MODEL_COUNT; m++)
			if (litmuses[l].outcome[m])
				run_program(&runner, &litmuses[l], m);
	same = brute_compare(out, RANDOM_RUNS, seed, &stats);
	for (unsigned m = 0; m < MODEL_COUNT; m++) {
		char text[160];

		snprintf(text, sizeof(text), "%u programs of up to %u stores, "
			 "%u crash points, %ju images; %u programs too large",
			 stats.compared[m], BRUTE_STORES, stats.points[m],
			 (uintmax_t)stats.images[m], stats.skipped[m]);
		row(&runner, same && stats.compared[m] > stats.skipped[m],
		    "brute force agrees on random programs", m, text);
	}
	if (tap)
		fprintf(out, "1..%u\n# seed %ju\n", runner.number,
			(uintmax_t)seed);
	keys_free(&runner.keys);
	domain_free(runner.domain);
	return runner.good;
}
