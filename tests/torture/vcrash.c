// SPDX-License-Identifier: BSD-3-Clause
/*
 * vcrash.c - record what is done to a disk, and try the images of crashes in
 * it; in the recoveries from those; and in the recoveries from these.
 *
 * What a recovery shows, every later one shows: also the one after a crash in
 * it.  So an image of a crash in a recovery is asked for just that.
 */
#include "tests/torture/vcrash.h"

#include <stdlib.h>
#include <string.h>

void vcrash_begin(struct vcrash *crash, struct vbase *base,
		  enum explore_model model, const struct torture_how *how)
{
	*crash = (struct vcrash){ .base = base, .model = model,
		.seed = how->seed, .effort = how->effort,
		.depth_max = how->depth,
		.life_every = 61, .check_every = 5, .nested_every = 61,
		.deep_every = 61, .shift_from = VTIME_NEVER,
		.flags = base->state == VSTATE_FULL ? VCRASH_SPARSE : 0 };
	crash->replay_depth = image_parse(how->image, crash->replay,
					  TORTURE_DEPTH_MAX);
	if (how->replay)
		crash->check_every = 1;
}

void vcrash_end(struct vcrash *crash)
{
	vhistory_end(&crash->history);
	trace_free(&crash->trace);
	for (unsigned i = 0; i < 2; i++)
		trace_free(&crash->scratch[i]);
	for (unsigned i = 0; i < TORTURE_DEPTH_MAX; i++) {
		trace_free(&crash->recovery[i]);
		vshown_end(&crash->shown[i]);
	}
	vshown_end(&crash->again);
}

bool vcrash_record(struct vcrash *crash,
		   bool (*run)(struct vcrash *crash, struct vplay *play,
			       const void *arg), const void *arg)
{
	static const struct vstep open = { VSTEP_OPEN, 0, 0 };
	struct vbase *base = crash->base;
	struct domain *domain = base->yard.domain;
	struct vplay play = { .yard = &base->yard, .history = &crash->history,
		.trace = &crash->trace, .tag = base->tag + 1000,
		.verdict = &crash->verdict };
	bool good = true;

	vhistory_copy(&crash->history, &base->history);
	trace_reset(&crash->trace);
	domain_mark(domain);
	domain_record(domain, &crash->trace);
	if (!(crash->flags & (VCRASH_CREATE | VCRASH_RESIZE)))
		good = vplay_step(&play, 0, &open, 0) && vplay_live(&play);
	crash->op_first = crash->trace.count;
	good = good && run(crash, &play, arg);
	domain_record(domain, NULL);
	good = good && (!base->yard.disk || vplay_live(&play));
	domain_back(domain);
	base->yard.disk = NULL;
	return good;
}

/* ---- exploring ------------------------------------------------------------------ */

static int64_t moment(const struct vcrash *crash,
		      const struct explore_where *where)
{
	int64_t at = (int64_t)where->event;

	return at > crash->shift_from ? at - 1 : at;
}

static uint64_t digest_at(void *ctx, const struct explore_where *where)
{
	struct vcrash *crash = ctx;
	int64_t at = moment(crash, where);

	vhistory_at(&crash->history, at, false);
	return vhistory_digest(&crash->history) +
	       (at > (int64_t)crash->created);
}

static bool stores_something(const struct domain_trace *trace)
{
	for (size_t i = 0; i < trace->count; i++)
		if (trace->event[i].type == DOMAIN_STORE)
			return true;
	return false;
}

static bool recovery_explore(struct vcrash *crash, uint32_t salt);

/* An image of a crash in the recovery at the depth before. */
static bool check_nested(void *ctx, const struct explore_where *where)
{
	struct vcrash *crash = ctx;
	struct domain *domain = crash->base->yard.domain;
	unsigned depth = crash->depth;
	struct vjudge how = { .at = (int64_t)crash->path[0].event,
		.expect = &crash->shown[depth - 1],
		.check = where->image % crash->check_every == 0,
		.salt = where->image };
	bool good;

	crash->path[depth] = *where;
	crash->depth = depth + 1;
	domain_mark(domain);
	good = vcrash_judge(crash, &how, &crash->shown[depth],
			    &crash->recovery[depth]);
	domain_record(domain, NULL);
	domain_back(domain);
	if (good && !where->probe && crash->depth < crash->depth_max &&
	    crash->deep_every &&
	    crash->shown[depth].block_count &&
	    (crash->replay_depth > crash->depth ||
	     where->image % crash->deep_every == 0))
		good = recovery_explore(crash, where->image);
	if (good)
		crash->depth = depth;
	return good;
}

/* Crash in the recovery just recorded, of the image on the domain. */
static bool recovery_explore(struct vcrash *crash, uint32_t salt)
{
	const struct domain_trace *trace = &crash->recovery[crash->depth - 1];
	const struct vshown *shown = &crash->shown[crash->depth - 1];
	struct explore explore;

	if (!stores_something(trace))
		return true;
	explore_init(&explore, crash->model, crash->seed + salt);
	explore.exhaustive_max = crash->effort / 2;
	explore.lazy_max = crash->effort / 2;
	explore.tear_max = crash->effort / 32;
	explore.random_count = crash->effort / 32;
	explore.store_max = crash->effort / 32;
	explore.pair_max = 3;
	explore.word_max = crash->effort / 16;
	explore.thinned_max = crash->effort / 2;
	explore.check = check_nested;
	explore.ctx = crash;
	explore.seen = crash->seen;
	/* The same image, asked for the same contents. */
	explore.salt = crash->depth;
	for (uint32_t b = 0; b < shown->block_count; b++)
		for (unsigned s = 0; s < VYARD_SECTORS; s++)
			explore.salt += domain_hash_word(b * 8 + s,
				shown->content[b].tag[s] * 2 + 1);
	if (crash->replay_depth > crash->depth)
		explore.only = &crash->replay[crash->depth];
	explore_trace(&explore, crash->base->yard.domain, trace);
	explore_stats_add(&crash->nested, &explore.stats);
	return !explore.stats.failures;
}

static bool check_image(void *ctx, const struct explore_where *where)
{
	struct vcrash *crash = ctx;
	struct domain *domain = crash->base->yard.domain;
	struct vjudge how = { .at = moment(crash, where),
		.check = where->image % crash->check_every == 0,
		.life = crash->life_every && !where->probe &&
			where->image % crash->life_every == 0,
		.salt = where->image };
	bool good;

	crash->path[0] = *where;
	crash->path[0].event = (size_t)how.at;
	crash->depth = 1;
	domain_mark(domain);
	good = vcrash_judge(crash, &how, &crash->shown[0],
			    &crash->recovery[0]);
	domain_record(domain, NULL);
	domain_back(domain);
	if (!good || where->probe || !crash->nested_every || crash->depth_max < 2 ||
	    !crash->shown[0].block_count)
		return good;
	if (crash->replay_depth < 2 && where->image % crash->nested_every)
		return true;
	return recovery_explore(crash, where->image);
}

bool vcrash_explore(struct vcrash *crash, const struct domain_trace *trace)
{
	struct explore explore;

	explore_init(&explore, crash->model, crash->seed);
	explore.exhaustive_max = 4 * crash->effort;
	explore.lazy_max = 4 * crash->effort;
	explore.tear_max = crash->effort / 32;
	explore.random_count = crash->effort / 4;
	explore.store_max = crash->effort / 4;
	explore.pair_max = crash->effort / 8;
	explore.word_max = crash->effort / 4;
	explore.thinned_max = 8 * crash->effort;
	explore.thirds_max = 8 * crash->effort;
	explore.first_event = crash->first_event;
	explore.minimise = !crash->quick;
	explore.check = check_image;
	explore.salt_at = digest_at;
	explore.ctx = crash;
	explore.seen = crash->seen;
	if (crash->replay_depth)
		explore.only = &crash->replay[0];
	explore_trace(&explore, crash->base->yard.domain, trace);
	explore_stats_add(&crash->stats, &explore.stats);
	return !explore.stats.failures;
}

/* ---- telling -------------------------------------------------------------------- */

void vcrash_tell(const struct vcrash *crash, bool good,
		 struct torture_result *ret_result)
{
	ret_result->stats = crash->stats;
	ret_result->nested = crash->nested;
	ret_result->lives = crash->lives;
	if (!good)
		result_fail(ret_result, &crash->verdict, crash->path,
			    crash->depth);
}
