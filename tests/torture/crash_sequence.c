/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crash_sequence.c - operations one after the other, with nothing between
 * them but what they do themselves: all sequences of two and of three, crashed
 * from the moment on when the last but one was acknowledged.  What one leaves
 * in flight, the next one finds.
 *
 * The pool is small: two children, some units DIRTY.  A line of TAP for each
 * last operation and model; images that two sequences share are judged once.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/crash.h"

#define LENGTH_MAX	3u

/* ---- the operations, on whatever there is --------------------------------------- */

struct scene {
	struct yard *yard;
	unsigned step;
};

static bool some_child(struct yard *yard, enum pool_mode mode,
		       struct pool_child *ret_child)
{
	for (uint32_t cursor = 0;
	     pool_child_next(yard->pool, &cursor, ret_child);)
		if (ret_child->mode == mode)
			return true;
	return false;
}

static int do_carve(struct scene *s)
{
	char name[] = "s0";

	name[1] = (char)('0' + s->step);
	return yard_try_carve(s->yard, name, 128 * KIB, POOL_MODE_RAW, NULL,
			      NULL);
}

static int do_carve_devdax(struct scene *s)
{
	char name[] = "d0";

	name[1] = (char)('0' + s->step);
	return yard_try_carve(s->yard, name, 4 * MIB, POOL_MODE_DEVDAX, "vm",
			      NULL);
}

static int do_grow(struct scene *s)
{
	struct pool_child child;

	if (!some_child(s->yard, POOL_MODE_RAW, &child))
		return -NVM_ENOENT;
	return pool_resize(s->yard->pool, child.slot, child.size_bytes +
			   64 * KIB, NULL, NULL);
}

static int do_shrink(struct scene *s)
{
	struct pool_child child;

	if (!some_child(s->yard, POOL_MODE_RAW, &child) ||
	    child.size_bytes == 64 * KIB)
		return -NVM_ENOENT;
	return pool_resize(s->yard->pool, child.slot, child.size_bytes -
			   64 * KIB, NULL, NULL);
}

static int do_update(struct scene *s)
{
	struct pool_child child;

	if (!some_child(s->yard, POOL_MODE_RAW, &child))
		return -NVM_ENOENT;
	child.grow_to_bytes += MIB;
	return pool_update(s->yard->pool, &child, NULL);
}

static int do_release(struct scene *s)
{
	struct pool_child child;

	if (!some_child(s->yard, POOL_MODE_RAW, &child))
		return -NVM_ENOENT;
	return pool_release(s->yard->pool, child.slot, NULL);
}

static int do_clean(struct scene *s)
{
	struct pool_space space;

	pool_space(s->yard->pool, &space);
	if (!space.unit_count[UNIT_DIRTY])
		return -NVM_ENOENT;
	return pool_clean(s->yard->pool, NULL, NULL);
}

static int do_move(struct scene *s)
{
	struct pool_child child;

	if (!some_child(s->yard, POOL_MODE_RAW, &child))
		return -NVM_ENOENT;
	return pool_move(s->yard->pool, child.slot, 0, 500 + 40 * s->step, NULL,
			 NULL);
}

static int do_mark_bad(struct scene *s)
{
	const struct pool_geometry *g = pool_geometry(s->yard->pool);
	const struct pool_range bad = { g->data_off +
		(900 + s->step) * g->unit_bytes, 1 };

	return pool_mark_bad(s->yard->pool, &bad, 1, NULL);
}

static const struct {
	const char *name;
	int (*run)(struct scene *scene);
} steps[] = {
	{ "carve", do_carve }, { "carve-devdax", do_carve_devdax },
	{ "grow", do_grow }, { "shrink", do_shrink }, { "update", do_update },
	{ "release", do_release }, { "clean", do_clean }, { "move", do_move },
	{ "mark-bad", do_mark_bad },
};
#define STEP_COUNT	(sizeof(steps) / sizeof(*steps))

/* ---- one sequence ------------------------------------------------------------------ */

struct sequence {
	struct crash crash;		/* for its judge */
	struct torture_op last;
	char target[3];
	struct domain_trace trace;
	size_t begun;			/* the last operation's first event */
	struct explore_stats stats;
	unsigned sequences;
};

static bool check_image(void *ctx, const struct explore_where *where)
{
	static struct domain_trace recovery;	/* only for its memory */
	struct sequence *q = ctx;
	struct crash *crash = &q->crash;
	struct crash_may may = { crash->allowed, crash->allowed_count,
				 .done = true };
	struct snapshot snapshot;

	if (where->event == q->trace.count) {
		may.strict = &crash->after.strict;
		may.count = 1;
	}
	crash->path[0] = *where;
	crash->depth = 1;
	return crash_judge(crash, &may, false, &recovery, &snapshot);
}

/* Run the steps, recorded; false where one of them has nothing to do. */
static bool record(struct sequence *q, const unsigned *which, unsigned length)
{
	struct crash *crash = &q->crash;
	struct yard *yard = &crash->yard;
	struct scene scene = { .yard = yard };
	struct verdict verdict;
	bool good = !yard_open(yard, POOL_OPEN_WRITE, NULL);

	trace_reset(&q->trace);
	domain_record(yard->domain, &q->trace);
	for (scene.step = 0; good && scene.step < length; scene.step++) {
		q->begun = q->trace.count;
		good = oracle_snapshot(yard, &crash->before, &verdict) &&
		       !steps[which[scene.step]].run(&scene);
		domain_note(yard->domain, DOMAIN_ACK);
	}
	domain_record(yard->domain, NULL);
	return good && oracle_snapshot(yard, &crash->after, &verdict);
}

/* The strict states while the last step runs, as if all were durable. */
static bool states(struct sequence *q)
{
	struct crash *crash = &q->crash;
	struct domain *domain = crash->yard.domain;
	struct verdict verdict;

	crash->allowed[0] = crash->before.strict;
	crash->allowed_count = 1;
	domain_apply(domain, &q->trace, 0, q->begun);
	for (size_t i = q->begun; i < q->trace.count; i++) {
		struct snapshot now;

		domain_apply(domain, &q->trace, i, 1);
		if (q->trace.event[i].type != DOMAIN_STORE)
			continue;
		if (yard_open(&crash->yard, 0, NULL) ||
		    !oracle_snapshot(&crash->yard, &now, &verdict))
			return deny(&crash->verdict, "half done at event %zu",
				    i);
		if (now.strict == crash->allowed[crash->allowed_count - 1])
			continue;
		if ((now.strict != crash->after.strict &&
		     now.loose != crash->before.loose) ||
		    crash->allowed_count == CRASH_STATES_MAX)
			return deny(&crash->verdict, "a state of its own at "
				    "event %zu", i);
		crash->allowed[crash->allowed_count++] = now.strict;
	}
	return crash->allowed[crash->allowed_count - 1] == crash->after.strict ||
	       deny(&crash->verdict, "the last state is not the new one");
}

static bool explore(struct sequence *q, uint32_t effort)
{
	struct crash *crash = &q->crash;
	struct explore explore;

	explore_init(&explore, crash->model, crash->seed);
	explore.exhaustive_max = 2 * effort;
	explore.random_count = effort / 8;
	explore.pair_max = effort / 8;
	explore.word_max = effort / 4;
	explore.thirds_max = 6 * effort;
	explore.first_event = q->begun;
	explore.seen = &crash->seen;
	explore.salt = crash->before.strict * 3 ^ crash->after.strict;
	explore.check = check_image;
	explore.ctx = q;
	explore_trace(&explore, crash->yard.domain, &q->trace);
	q->stats.images += explore.stats.images;
	q->stats.distinct += explore.stats.distinct;
	q->stats.points += explore.stats.points;
	q->stats.exhaustive += explore.stats.exhaustive;
	return !explore.stats.failures;
}

static bool run_sequence(struct sequence *q, const unsigned *which,
			 unsigned length, uint32_t effort)
{
	struct domain *domain = q->crash.yard.domain;
	bool possible, good = true;

	q->crash.yard.carved = 50;
	snprintf(q->target, sizeof(q->target), "d%u", length - 1);
	domain_mark(domain);
	possible = record(q, which, length);
	domain_back(domain);
	if (!possible)
		return true;
	q->sequences++;
	domain_mark(domain);
	good = states(q);
	domain_back(domain);
	good = good && explore(q, effort);
	if (!good) {
		printf("# %s", q->crash.verdict.why);
		for (unsigned i = 0; i < length; i++)
			printf("%s%s", i ? ", " : ": ", steps[which[i]].name);
		printf("; image %u.%u\n", q->crash.path[0].point,
		       q->crash.path[0].image);
		trace_print(stdout, &q->trace);
	}
	return good;
}

/* ---- all of them --------------------------------------------------------------------- */

static bool run_all(unsigned last, enum explore_model model,
		    const struct crash_options *options, unsigned number)
{
	struct sequence q = { .last = { .name = steps[last].name } };
	struct yard *yard = &q.crash.yard;
	bool good = true;

	q.last.target = q.target;
	q.crash.op = &q.last;
	q.crash.model = model;
	q.crash.seed = options->seed;
	yard_begin(yard, YARD_FRESH, model_durability(model));
	yard_carve(yard, "a", 192 * KIB, POOL_MODE_RAW, NULL);
	yard_carve(yard, "x", 128 * KIB, POOL_MODE_RAW, NULL);
	yard_carve(yard, "b", 64 * KIB, POOL_MODE_RAW, NULL);
	yard_release(yard, "x");
	for (unsigned first = 0; first < STEP_COUNT && good; first++) {
		const unsigned two[] = { first, last };

		good = run_sequence(&q, two, 2, options->effort);
		for (unsigned second = 0; second < STEP_COUNT && good;
		     second++) {
			const unsigned three[] = { first, second, last };

			good = run_sequence(&q, three, LENGTH_MAX,
					    options->effort);
		}
	}
	printf("%s %u - %s as the last of two and three, %s # %u sequences, %"
	       PRIu64 " points (%" PRIu64 " exhaustively), %" PRIu64
	       " images, %" PRIu64 " distinct\n", good ? "ok" : "not ok",
	       number, steps[last].name, model_name(model), q.sequences,
	       q.stats.points, q.stats.exhaustive, q.stats.images,
	       q.stats.distinct);
	fflush(stdout);
	trace_free(&q.trace);
	crash_end(&q.crash);
	return good && q.sequences;
}

int main(int argc, char **argv)
{
	/* A core that stores whole pages: intel allows what paranoid does. */
	static const enum explore_model models[] = { MODEL_PARANOID,
						     MODEL_PAGECACHE };
	struct crash_options options;
	unsigned count = 0, failed = 0;

	if (crash_options(&options, argc, argv))
		return 2;
	for (unsigned last = 0; last < STEP_COUNT; last++) {
		for (unsigned k = 0; k < 2; k++) {
			char name[96];

			snprintf(name, sizeof(name), "%s:%s", steps[last].name,
				 model_name(models[k]));
			if (!crash_selected(&options, name))
				continue;
			count++;
			if (options.list)
				puts(name);
			else if (!run_all(last, models[k], &options, count))
				failed++;
		}
	}
	if (!options.list)
		printf("1..%u\n# seed %" PRIu64 "\n", count, options.seed);
	return failed || !count;
}
