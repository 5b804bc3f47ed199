// SPDX-License-Identifier: BSD-3-Clause
/*
 * psequence.c - see psequence.h.
 */
#include "tests/torture/psequence.h"

#include <stdlib.h>
#include <string.h>

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
} steps[SEQUENCE_STEPS] = {
	{ "carve", do_carve }, { "carve-devdax", do_carve_devdax },
	{ "grow", do_grow }, { "shrink", do_shrink }, { "update", do_update },
	{ "release", do_release }, { "clean", do_clean }, { "move", do_move },
	{ "mark-bad", do_mark_bad },
};

const char *sequence_step_name(unsigned step)
{
	return steps[step].name;
}

bool sequence_parse(const char *what, unsigned *ret_which, unsigned *ret_length)
{
	*ret_length = 0;
	while (*what && *ret_length < SEQUENCE_LENGTH_MAX) {
		size_t len = strcspn(what, ",");
		unsigned step = 0;

		while (step < SEQUENCE_STEPS &&
		       (strncmp(steps[step].name, what, len) ||
			steps[step].name[len]))
			step++;
		if (step == SEQUENCE_STEPS)
			return false;
		ret_which[(*ret_length)++] = step;
		what += len + (what[len] == ',');
	}
	return *ret_length && !*what;
}

/* ---- one sequence ------------------------------------------------------------------ */

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
		       (!steps[which[scene.step]].run(&scene) ||
			(q->lenient && scene.step + 1 < length));
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

static bool explore(struct sequence *q)
{
	struct crash *crash = &q->crash;
	uint32_t effort = crash->effort;
	struct explore explore;

	explore_init(&explore, crash->model, crash->seed);
	explore.exhaustive_max = 2 * effort;
	explore.lazy_max = 8 * effort;
	explore.tear_max = effort / 32;
	explore.random_count = effort / 8;
	explore.pair_max = effort / 8;
	explore.word_max = effort / 4;
	explore.thirds_max = 6 * effort;
	explore.first_event = q->begun;
	explore.seen = &crash->seen;
	explore.salt = crash->before.strict * 3 ^ crash->after.strict;
	explore.minimise = true;
	explore.check = check_image;
	explore.ctx = q;
	if (crash->replay_depth)
		explore.only = &crash->replay[0];
	explore_trace(&explore, crash->yard.domain, &q->trace);
	explore_stats_add(&crash->stats, &explore.stats);
	return !explore.stats.failures;
}

static void sequence_name(struct sequence *q, const unsigned *which,
			  unsigned length)
{
	size_t used = 0;

	for (unsigned i = 0; i < length && used < sizeof(q->what); i++)
		used += (size_t)snprintf(q->what + used, sizeof(q->what) - used,
					 "%s%s", i ? "," : "",
					 steps[which[i]].name);
}

bool sequence_try(struct sequence *q, const unsigned *which,
			 unsigned length)
{
	struct domain *domain = q->crash.yard.domain;
	bool possible, good;

	sequence_name(q, which, length);
	if (q->only && strcmp(q->only, q->what))
		return true;
	q->crash.yard.carved = 50;
	q->crash.depth = 0;
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
	return good && explore(q);
}

void sequence_begin(struct sequence *q, enum yard_state state,
		    enum explore_model model, const struct torture_how *how)
{
	struct crash *crash = &q->crash;

	*q = (struct sequence){ .last = { .name = "the last one" } };
	q->last.target = q->target;
	crash->op = &q->last;
	crash->model = model;
	crash->seed = how->seed;
	crash->effort = how->effort;
	crash->replay_depth = image_parse(how->image, crash->replay,
					  TORTURE_DEPTH_MAX);
	yard_begin(&crash->yard, state, model_durability(model));
}

void sequence_end(struct sequence *q, bool good, struct suite_memory *memory,
		  struct torture_result *ret_result)
{
	if (good && !q->sequences && (!q->optional || q->only))
		good = deny(&q->crash.verdict, "no such sequence");
	ret_result->good = good;
	crash_tell(&q->crash, good, ret_result);
	ret_result->tries = q->sequences;
	ret_result->tried = "sequences";
	snprintf(ret_result->what, sizeof(ret_result->what), "%s", q->what);
	trace_keep(memory, &q->trace);
	trace_free(&q->trace);
	crash_end(&q->crash);
}
