/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crash.c - set up one crashed operation and judge its images.
 *
 * An image is judged by looking (read-only), opening for writing (which
 * recovers), looking again, and opening once more, which must find nothing
 * left to do.  Each image starts from the same bytes: marks of the domain
 * take back whatever judging the one before it changed.
 */
#include "tests/torture/crash.h"

#include <stdlib.h>
#include <string.h>

/* Where format puts slot 0 of the journal. */
#define JOURNAL_OFF	(2u * NVM_PAGE)

/* ---- one image ---------------------------------------------------------------- */

static bool no_pool(int err)
{
	return err == -NVM_EMEDIUM || err == -NVM_EBADMSG;
}

/*
 * Where a format leaves no pool: while the front still says what lay here
 * before, no table is written over it; and nobody has worked on the pool yet,
 * which the unused journal slot would tell.
 */
static bool no_pool_yet(struct crash *crash)
{
	const struct domain *domain = crash->yard.domain;
	static const uint8_t zero[8];
	const uint8_t *head;

	if (!(crash->op->flags & OP_FORMAT))
		return true;
	if (crash->table_off &&
	    !memcmp(domain_look(domain, 0, NVM_LINE), crash->front, NVM_LINE) &&
	    memcmp(domain_look(domain, crash->table_off, NVM_LINE),
		   crash->table, NVM_LINE))
		return deny(&crash->verdict, "the front says what lay here "
			    "before, and a table is written over it");
	head = domain_look(domain, JOURNAL_OFF, NVM_LINE);
	for (unsigned i = 0; i < NVM_LINE; i += 8)
		if (memcmp(head + i, zero, 8) &&
		    memcmp(head + i, crash->slot_head + i, 8))
			return deny(&crash->verdict, "no pool, and work on it");
	return true;
}

/* What is there before a format. */
static void front_note(struct crash *crash)
{
	static const uint8_t zero[NVM_LINE];
	const uint8_t *image = crash->yard.domain->image;

	memcpy(crash->front, image, NVM_LINE);
	memcpy(crash->slot_head, image + JOURNAL_OFF, NVM_LINE);
	memcpy(crash->table, image + crash->table_off, NVM_LINE);
	if (!memcmp(crash->front, zero, NVM_LINE))
		crash->table_off = 0;
}

static bool among(const struct crash_may *may, uint64_t strict,
		  unsigned *ret_index)
{
	for (unsigned i = 0; i < may->count; i++) {
		if (may->strict[i] != strict)
			continue;
		*ret_index = i;
		return true;
	}
	return false;
}

static bool stores_nothing(const struct domain_trace *trace)
{
	for (size_t i = 0; i < trace->count; i++)
		if (trace->event[i].type == DOMAIN_STORE ||
		    trace->event[i].type == DOMAIN_DISCARD)
			return false;
	return true;
}

static uint32_t slot_or_none(const struct yard *yard, const char *name)
{
	struct pool_child child;

	return name && !pool_child_find(yard->pool, name, &child) ? child.slot
		: UINT32_MAX;
}

static bool look(struct crash *crash, bool write, struct snapshot *ret_snapshot,
		 int *ret_err)
{
	struct yard *yard = &crash->yard;
	struct domain *domain = yard->domain;
	uint64_t violations = domain->violations;

	domain->media.read_only = !write;
	*ret_err = yard_open(yard, write ? POOL_OPEN_WRITE : 0, NULL);
	domain->media.read_only = false;
	if (domain->violations != violations)
		return deny(&crash->verdict, "opening for %s stores where it "
			    "must not", write ? "writing" : "reading");
	return *ret_err || oracle_snapshot(yard, ret_snapshot, &crash->verdict);
}

static bool mend(struct yard *yard)
{
	const struct pool_check_args args = { .repair = true,
		.mem = yard->check_mem };

	return !pool_check(yard->pool, &args, NULL, NULL);
}

/* The invariants of an open pool, which shows allowed state @index. */
static bool judge_pool(struct crash *crash, const struct crash_may *may,
		       unsigned index, bool life)
{
	struct yard *yard = &crash->yard;
	const struct torture_op *op = crash->op;
	bool is_new = may->fresh ? may->strict[index] == may->fresh
				 : index == may->count - 1;
	struct domain_watch *watch;
	bool good;
	bool damaged = (op->flags & OP_DAMAGED) && !(may->done && is_new);
	/* Until a format is done, not while the pool is worked on. */
	bool copies_lack = (op->flags & OP_FORMAT) && !may->done &&
			   index <= crash->old_opens;

	if (!damaged && (!oracle_units(yard, &crash->verdict) ||
			 !oracle_check(yard, copies_lack, &crash->verdict)))
		return false;
	if (op->verify && !op->verify(yard, is_new, &crash->verdict))
		return false;
	if (!life || damaged)
		return true;
	/* What only some images are asked is nothing to enumerate by. */
	watch = domain_watch(yard->domain, NULL);
	good = may->done || mend(yard) ||
	       deny(&crash->verdict, "check --repair fails");
	good = good && oracle_life(yard, &crash->verdict);
	domain_watch(yard->domain, watch);
	return good;
}

bool crash_judge(struct crash *crash, const struct crash_may *may, bool life,
		 struct domain_trace *recovery, struct snapshot *ret_snapshot)
{
	static struct domain_trace again;	/* only for its memory */
	struct verdict *verdict = &crash->verdict;
	struct yard *yard = &crash->yard;
	struct snapshot read, written;
	unsigned index;
	uint64_t hash;
	int err;

	if (!look(crash, false, &read, &err))
		return false;
	if (err && may->none && no_pool(err))
		return no_pool_yet(crash);
	if (err)
		return deny(verdict, "does not open for reading: error %d",
			    -err);
	if (!among(may, read.strict, &index))
		return deny(verdict, "neither the old nor the new state");

	trace_reset(recovery);
	domain_record(yard->domain, recovery);
	if (!look(crash, true, &written, &err))
		return false;
	domain_record(yard->domain, NULL);
	if (err && (crash->op->flags & OP_SALVAGE) && may->none)
		return true;
	if (err)
		return deny(verdict, "does not open for writing: error %d",
			    -err);
	if (read.strict != written.strict)
		return deny(verdict, "recovery finds another state than a "
			    "reader");
	if (!oracle_stores(yard, recovery, slot_or_none(yard,
							crash->op->target),
			   verdict))
		return false;

	hash = yard->domain->hash;
	trace_reset(&again);
	domain_record(yard->domain, &again);
	if (yard_open(yard, POOL_OPEN_WRITE, NULL))
		return deny(verdict, "does not open a second time");
	domain_record(yard->domain, NULL);
	if (!stores_nothing(&again) || hash != yard->domain->hash)
		return deny(verdict, "a second recovery stores something");
	*ret_snapshot = written;
	return judge_pool(crash, may, index, life);
}

/* ---- all images ---------------------------------------------------------------- */

struct nest {
	struct crash *crash;
	struct crash_may may;
	uint64_t strict;
};

static bool crash_recovery(struct crash *crash, const struct crash_may *may,
			   uint64_t strict);

/* Is the recovery at this depth, of the image just judged, to be crashed? */
static bool is_nested(const struct crash *crash, unsigned every, uint32_t number)
{
	return crash->depth < crash->depth_max && every &&
	       !stores_nothing(&crash->recovery[crash->depth - 1]) &&
	       (crash->replay_depth > crash->depth || number % every == 0);
}

/* An image of a crash in the recovery at the depth before. */
static bool check_nested(void *ctx, const struct explore_where *where)
{
	struct nest *nest = ctx;
	struct crash *crash = nest->crash;
	struct domain *domain = crash->yard.domain;
	unsigned depth = crash->depth;
	struct snapshot snapshot = { 0 };
	bool good;

	crash->path[depth] = *where;
	crash->depth = depth + 1;
	trace_reset(&crash->recovery[depth]);
	domain_mark(domain);
	good = crash_judge(crash, &nest->may, false, &crash->recovery[depth],
			   &snapshot);
	domain_record(domain, NULL);
	domain_back(domain);
	if (good && !where->probe &&
	    is_nested(crash, crash->deep_every, where->image))
		good = crash_recovery(crash, &nest->may, snapshot.strict);
	if (good)
		crash->depth = depth;
	return good;
}

/* Crash in the recovery of the image on the domain. */
static bool crash_recovery(struct crash *crash, const struct crash_may *may,
			   uint64_t strict)
{
	struct nest nest = { .crash = crash, .strict = strict };
	struct explore explore;

	nest.may = (struct crash_may){ &nest.strict, 1, false, may->done, 0 };
	/* Verification wants to know whether this is the new state. */
	if (strict != may->strict[may->count - 1])
		nest.may = (struct crash_may){ may->strict, may->count, false,
					       may->done, 0 };
	explore_init(&explore, crash->model, crash->seed);
	explore.exhaustive_max = crash->effort / 2;
	explore.lazy_max = 4 * crash->effort;
	explore.tear_max = crash->effort / 32;
	explore.random_count = crash->effort / 8;
	explore.pair_max = 6;
	explore.word_max = 24;
	explore.check = check_nested;
	explore.ctx = &nest;
	explore.seen = &crash->seen;
	explore.salt = strict + crash->depth - 1;
	if (crash->replay_depth > crash->depth)
		explore.only = &crash->replay[crash->depth];
	explore_trace(&explore, crash->yard.domain,
		      &crash->recovery[crash->depth - 1]);
	explore_stats_add(&crash->nested, &explore.stats);
	return !explore.stats.failures;
}

static bool check_image(void *ctx, const struct explore_where *where)
{
	struct crash *crash = ctx;
	struct crash_may may = { crash->allowed, crash->allowed_count,
		.none = (crash->op->flags & (OP_FORMAT | OP_SALVAGE)),
		.done = where->acked };
	struct snapshot snapshot = { 0 };
	bool good, life;

	if (where->acked) {
		may.strict = &crash->after.strict;
		may.count = 1;
		may.none = false;
	}
	crash->path[0] = *where;
	crash->depth = 1;
	life = crash->life_every && !where->probe &&
	       where->image % crash->life_every == 0;
	trace_reset(&crash->recovery[0]);
	domain_mark(crash->yard.domain);
	good = crash_judge(crash, &may, life, &crash->recovery[0], &snapshot);
	domain_record(crash->yard.domain, NULL);
	domain_back(crash->yard.domain);
	if (!good || where->probe)
		return good;
	if (!is_nested(crash, crash->nested_every, where->image))
		return true;
	return crash_recovery(crash, &may, snapshot.strict);
}

bool crash_explore(struct crash *crash, const struct domain_trace *trace)
{
	struct explore explore;

	explore_init(&explore, crash->model, crash->seed);
	explore.exhaustive_max = 32 * crash->effort;
	explore.lazy_max = 64 * crash->effort;
	explore.random_count = crash->effort;
	explore.word_max = 3 * crash->effort;
	explore.thirds_max = 18 * crash->effort;
	explore.pair_max = 3 * crash->effort / 8;
	explore.minimise = !crash->quick;
	explore.first_event = crash->first_event;
	explore.check = check_image;
	explore.ctx = crash;
	explore.seen = &crash->seen;
	if (crash->replay_depth)
		explore.only = &crash->replay[0];
	explore_trace(&explore, crash->yard.domain, trace);
	explore_stats_add(&crash->stats, &explore.stats);
	return !explore.stats.failures;
}

/* ---- one case ------------------------------------------------------------------- */

static bool allow(struct crash *crash, uint64_t strict)
{
	for (unsigned i = 0; i < crash->allowed_count; i++)
		if (crash->allowed[i] == strict)
			return true;
	if (crash->allowed_count == CRASH_STATES_MAX)
		return deny(&crash->verdict, "more states than expected");
	crash->allowed[crash->allowed_count++] = strict;
	return true;
}

/*
 * The states that the operation commits one after the other, found by looking
 * at the pool after each event as if all were durable: for an operation of
 * one transaction exactly two.
 */
static bool states_between(struct crash *crash)
{
	struct domain *domain = crash->yard.domain;
	bool none = crash->op->flags & (OP_FORMAT | OP_SALVAGE);

	if (crash->old_opens && !allow(crash, crash->before.strict))
		return false;
	for (size_t i = 0; i < crash->trace.count; i++) {
		struct snapshot now;
		bool good;
		int err;

		domain_apply(domain, &crash->trace, i, 1);
		if (crash->trace.event[i].type != DOMAIN_STORE)
			continue;
		good = look(crash, false, &now, &err);
		if (!good || (err && !(none && no_pool(err))))
			return deny(&crash->verdict, "after event %zu: error "
				    "%d", i, -err);
		if (err || (crash->op->flags & OP_MULTI &&
			    now.loose == crash->before.loose))
			good = err || allow(crash, now.strict);
		else
			good = now.strict == crash->after.strict ||
			       (crash->old_opens &&
				now.strict == crash->before.strict) ||
			       (crash->op->flags & OP_MULTI &&
				allow(crash, now.strict)) ||
			       deny(&crash->verdict, "half done after event "
				    "%zu", i);
		if (!good)
			return false;
	}
	/* The new state is the last one. */
	for (unsigned i = 0; i + 1 < crash->allowed_count; i++)
		if (crash->allowed[i] == crash->after.strict &&
		    crash->after.strict != crash->before.strict)
			crash->allowed[i] = crash->before.strict;
	if (!crash->allowed_count ||
	    crash->allowed[crash->allowed_count - 1] != crash->after.strict) {
		if (crash->allowed_count == CRASH_STATES_MAX)
			return deny(&crash->verdict, "too many states");
		crash->allowed[crash->allowed_count++] = crash->after.strict;
	}
	return true;
}

/* Before the operation: prepared, closed and looked at. */
static bool begin_before(struct crash *crash)
{
	const struct torture_op *op = crash->op;
	struct yard *yard = &crash->yard;
	int err;

	if (op->prepare)
		op->prepare(yard);
	if (!look(crash, false, &crash->before, &err))
		return false;
	crash->old_opens = !err;
	if (err && !(op->flags & (OP_FORMAT | OP_SALVAGE)))
		return deny(&crash->verdict, "before: error %d", -err);
	if (!err)
		crash->target_before = slot_or_none(yard, op->target);
	return true;
}

bool crash_begin(struct crash *crash, const struct torture_op *op,
		 enum yard_state state, enum explore_model model,
		 const struct torture_how *how)
{
	struct yard *yard = &crash->yard;
	struct domain *domain;
	bool good;
	int err = 0;

	*crash = (struct crash){ .op = op, .state = state, .model = model,
		.seed = how->seed, .effort = how->effort,
		.depth_max = how->depth, .target_before = UINT32_MAX,
		.target_after = UINT32_MAX };
	crash->replay_depth = image_parse(how->image, crash->replay,
					  TORTURE_DEPTH_MAX);
	yard_begin(yard, state, model_durability(model));
	domain = yard->domain;
	if (!begin_before(crash))
		return false;
	/* Opening is part of it: on a damaged pool it mends. */
	domain_mark(domain);
	domain_record(domain, &crash->trace);
	if (!(op->flags & OP_FORMAT))
		err = yard_open(yard, POOL_OPEN_WRITE |
				(op->flags & OP_SALVAGE ? POOL_OPEN_SALVAGE : 0),
				NULL);
	if (err) {
		domain_record(domain, NULL);
		domain_back(domain);
		return deny(&crash->verdict, "before: opens with error %d",
			    -err);
	}
	crash->op_first = crash->trace.count;
	crash->carved = yard->carved;
	err = op->run(yard);
	domain_note(domain, DOMAIN_ACK);
	domain_record(domain, NULL);
	if (err)
		good = deny(&crash->verdict, "the operation fails: error %d",
			    -err);
	else
		good = look(crash, true, &crash->after, &err) &&
		       (!err || deny(&crash->verdict, "after: error %d",
				     -err));
	if (good) {
		crash->target_after = slot_or_none(yard, op->target);
		good = oracle_stores(yard, &crash->trace, crash->target_after,
				     &crash->verdict);
	}
	if (good && op->flags & OP_FORMAT)
		crash->table_off = pool_geometry(yard->pool)->nat_off;
	domain_back(domain);
	if (crash->table_off)
		front_note(crash);
	if (good && crash->old_opens && !(op->flags & OP_FORMAT)) {
		struct snapshot again;

		good = look(crash, false, &again, &err) &&
		       oracle_stores(yard, &crash->trace, crash->target_before,
				     &crash->verdict);
	}
	domain_mark(domain);
	good = good && states_between(crash);
	domain_back(domain);
	return good;
}

void crash_end(struct crash *crash)
{
	yard_end(&crash->yard);
	trace_free(&crash->trace);
	for (unsigned i = 0; i < TORTURE_DEPTH_MAX; i++)
		trace_free(&crash->recovery[i]);
	seen_free(&crash->seen);
}

void crash_tell(const struct crash *crash, bool good,
		struct torture_result *ret_result)
{
	ret_result->stats = crash->stats;
	ret_result->nested = crash->nested;
	if (!good)
		result_fail(ret_result, &crash->verdict, crash->path,
			    crash->depth);
}

const struct torture_op *torture_op_find(const char *name)
{
	for (unsigned i = 0; i < torture_op_count; i++)
		if (!strcmp(torture_ops[i].name, name))
			return &torture_ops[i];
	abort();
}
