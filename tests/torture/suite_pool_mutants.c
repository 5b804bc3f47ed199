/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suite_pool_mutants.c - is the suite able to see a weak protocol?  Each store
 * and barrier of each operation is weakened on the record (mutate.h), and some
 * image of the weaker protocol must be judged to be wrong.  What no image shows
 * is either not needed or not tested: both are failures.
 *
 * Three things stand behind some steps only after the operation: the guest
 * that owns its stamp page from then on, later transactions that use the same
 * journal slot, and a check of all copies.  So each trace goes on with them.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/torture/crash.h"
#include "tests/torture/mutants.h"
#include "tests/torture/suites.h"

struct pmutants {
	struct crash crash;
	struct pool_geometry geom;
	struct domain_trace later[2];	/* after it: NAT, UMAP transactions */
	struct snapshot last[2];	/* the states then */
	struct domain_trace guest;	/* after it: the guest's stores */
	uint64_t guest_off;		/* to this page; or 0 */
	struct domain_trace longer;
	struct seen seen;		/* the protocol's own images */
	const struct snapshot *expect;
	struct mutants mutants;
	uint32_t effort;		/* to look hard */
};

static bool is_zeros(const uint8_t *bytes, uint64_t len)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, len - 1);
}

/* Where it lies: a store's role. */
static const char *place(const struct pmutants *m,
			 const struct domain_event *event)
{
	const struct pool_geometry *g = &m->geom;
	const uint8_t *bytes = m->crash.trace.bytes + event->bytes;
	uint64_t off = event->off, in_slot;
	/* A flush has no bytes of its own. */
	bool is_store = event->type == DOMAIN_STORE;

	if (off < 2 * NVM_PAGE || off >= g->size_bytes - NVM_PAGE)
		return is_store && is_zeros(bytes, event->len) ? "no GMB"
							       : "GMB";
	if (off < g->nat_off) {
		in_slot = (off - g->journal_off) % g->journal_slot_bytes;
		return in_slot ? "journal body" : "journal head";
	}
	if (off < g->umap_off)
		return off < g->nat_off + g->nat_pages * NVM_PAGE ? "NAT A"
								  : "NAT B";
	if (off < g->data_off)
		return off < g->umap_off + g->umap_pages * NVM_PAGE ?
			"UMAP A" : "UMAP B";
	if (!is_store)
		return "data";
	if (!memcmp(bytes, POOL_MAGIC_AMT, 8))
		return off / NVM_PAGE % 2 ? "AMT B" : "AMT A";
	return memcmp(bytes, "NVDIMM_", 7) ? "copied bytes" : "stamp";
}

/* What an event is to the protocol. */
static const char *role(void *ctx, const struct domain_event *event)
{
	const struct pmutants *m = ctx;
	const struct domain_trace *trace = &m->crash.trace;
	const struct domain_event *end = trace->event + trace->count;
	bool sync = event->type == DOMAIN_SYNC;

	if (event->type == DOMAIN_DISCARD)
		return m->crash.op->flags & OP_FORMAT ? "zeros for others"
						      : "zeros";
	if (event->type != DOMAIN_DRAIN && !sync)
		return place(m, event);
	while (event < end && event->type != DOMAIN_STORE)
		event++;
	if (event == end)
		return sync ? "last sync" : "last barrier";
	if (!strcmp(place(m, event), "journal body"))
		return sync ? "sync, then body" : "barrier, then body";
	return sync ? "sync" : "barrier";
}

/* ---- what comes after the operation -------------------------------------------- */

static void guest_page(uint8_t page[NVM_PAGE])
{
	memset(page, 'G', NVM_PAGE);
}

/*
 * The tool ends, so no later drain is one of its own; the guest stores over
 * the stamp page of its last extent and drains that.
 */
static void guest_write(struct pmutants *m)
{
	struct domain *domain = m->crash.yard.domain;
	const struct nvm_media_ops *ops = domain->media.ops;
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint8_t page[NVM_PAGE];
	size_t count;

	if (!m->crash.op->target || m->crash.target_after == UINT32_MAX ||
	    pool_child_extents(m->crash.yard.pool, m->crash.target_after,
			       extent, &count, NULL))
		return;
	m->guest_off = extent[count - 1].off_bytes + STAMP_OFF;
	guest_page(page);
	domain_record(domain, &m->guest);
	domain_note(domain, DOMAIN_KILL);
	if (m->crash.model != MODEL_PAGECACHE) {
		ops->store(&domain->media, m->guest_off, page, NVM_PAGE);
		ops->drain(&domain->media);
	}
	domain_record(domain, NULL);
}

/* One of two more transactions, which use both journal slots again. */
static bool transact(struct pmutants *m, unsigned kind)
{
	struct yard *yard = &m->crash.yard;
	struct pool_range bad = { m->geom.data_off, 1 };
	struct pool_child child;
	uint32_t cursor = 0;

	for (uint64_t u = 0; kind && u < m->geom.unit_count; u++) {
		enum pool_unit_state state = pool_unit_state(yard->pool, u);

		if (state != UNIT_CLEAN && state != UNIT_DIRTY)
			continue;
		bad.off_bytes += u * m->geom.unit_bytes;
		return !pool_mark_bad(yard->pool, &bad, 1, NULL);
	}
	if (!pool_child_next(yard->pool, &cursor, &child))
		return true;
	child.grow_to_bytes += MIB;
	return !pool_update(yard->pool, &child, NULL);
}

static bool record_later(struct pmutants *m)
{
	struct crash *crash = &m->crash;
	struct domain *domain = crash->yard.domain;
	bool good = true;

	for (unsigned kind = 0; kind < 2 && good; kind++) {
		domain_mark(domain);
		domain_apply(domain, &crash->trace, 0, crash->trace.count);
		domain_record(domain, &m->later[kind]);
		good = !yard_open(&crash->yard, POOL_OPEN_WRITE, NULL);
		if (good)
			m->geom = *pool_geometry(crash->yard.pool);
		for (unsigned n = 0; n < 2 && good; n++)
			good = transact(m, kind);
		domain_record(domain, NULL);
		good = good && oracle_snapshot(&crash->yard, &m->last[kind],
					       &crash->verdict);
		domain_back(domain);
	}
	domain_mark(domain);
	domain_apply(domain, &crash->trace, 0, crash->trace.count);
	good = good && !yard_open(&crash->yard, 0, NULL);
	if (good)
		guest_write(m);
	domain_back(domain);
	return good || deny(&crash->verdict, "no life after the operation");
}

/* ---- judging mutants ------------------------------------------------------------- */

/*
 * The images after the guest's drain: its page is as it left it.  On a page
 * cache it had its own page synced, and nothing else with it.
 */
static bool check_guest(void *ctx, const struct explore_where *where)
{
	struct pmutants *m = ctx;
	struct domain *domain = m->crash.yard.domain;
	uint8_t page[NVM_PAGE];
	bool good;

	(void)where;
	guest_page(page);
	domain_mark(domain);
	if (m->crash.model == MODEL_PAGECACHE)
		domain_poke(domain, m->guest_off, page, NVM_PAGE);
	good = !yard_open(&m->crash.yard, POOL_OPEN_WRITE, NULL) ||
	       deny(&m->crash.verdict, "does not open");
	good = good && (!memcmp(domain_look(domain, m->guest_off, NVM_PAGE),
				page, NVM_PAGE) ||
			deny(&m->crash.verdict,
			     "recovery stores over the guest's page"));
	domain_back(domain);
	return good;
}

/* Everything arrived: the last state, and all copies are good. */
static bool check_last(void *ctx, const struct explore_where *where)
{
	struct pmutants *m = ctx;
	struct yard *yard = &m->crash.yard;
	struct snapshot now;

	(void)where;
	if (yard_open(yard, POOL_OPEN_WRITE, NULL))
		return deny(&m->crash.verdict, "does not open");
	if (!oracle_snapshot(yard, &now, &m->crash.verdict))
		return false;
	if (now.strict != m->expect->strict)
		return deny(&m->crash.verdict, "later: another state");
	return oracle_units(yard, &m->crash.verdict) &&
	       oracle_check(yard, false, &m->crash.verdict);
}

static bool explore_end(struct pmutants *m, const struct domain_trace *trace,
			const struct domain_trace *more,
			bool (*check)(void *, const struct explore_where *))
{
	struct explore explore;

	trace_reset(&m->longer);
	trace_append(&m->longer, trace, 0, trace->count);
	trace_append(&m->longer, more, 0, more->count);
	explore_init(&explore, m->crash.model, m->crash.seed);
	explore.random_count = 32;
	explore.lazy_max = 1024;
	explore.tear_max = 16;
	explore.first_event = m->longer.count;
	explore.check = check;
	explore.ctx = m;
	explore_trace(&explore, m->crash.yard.domain, &m->longer);
	return !explore.stats.failures;
}

/*
 * Images that the protocol leaves, too, were judged; not so those of mutants.
 */
static void seen_begin(struct pmutants *m)
{
	struct seen copy = m->seen;

	seen_free(&m->crash.seen);
	if (!copy.room)
		return;
	copy.key = malloc(copy.room * sizeof(*copy.key));
	if (!copy.key)
		abort();
	memcpy(copy.key, m->seen.key, copy.room * sizeof(*copy.key));
	m->crash.seen = copy;
}

/*
 * A format is done: nothing of what lay there before is left where no table is,
 * as in the slot of the journal that nobody has used yet.
 */
static bool nothing_left(struct pmutants *m, const struct domain_trace *trace)
{
	struct domain *domain = m->crash.yard.domain;
	bool good;

	if (m->crash.op->flags != OP_FORMAT)
		return true;
	domain_mark(domain);
	domain_apply(domain, trace, 0, trace->count);
	good = domain_reads_zero(domain, m->geom.journal_off,
				 m->geom.journal_slot_bytes) ||
	       deny(&m->crash.verdict, "what lay here before is left in the "
		    "journal");
	domain_back(domain);
	return good;
}

/* True if some image of the (mutant) trace shows that something is wrong. */
static bool trace_noticed(struct pmutants *m, const struct domain_trace *trace)
{
	bool good = nothing_left(m, trace) && crash_explore(&m->crash, trace);

	if (good && m->guest_off)
		good = explore_end(m, trace, &m->guest, check_guest);
	for (unsigned kind = 0; kind < 2 && good; kind++) {
		m->expect = &m->last[kind];
		good = explore_end(m, trace, &m->later[kind], check_last);
	}
	return !good;
}

static bool noticed(void *ctx, const struct mutant *mutant, bool hard)
{
	struct pmutants *m = ctx;

	m->crash.effort = hard ? m->effort : 32;
	seen_begin(m);
	m->crash.first_event = mutant->first_news;
	return trace_noticed(m, &mutant->trace);
}

/* Where each step of the protocol matters at least once. */
static const struct {
	const char *op;
	enum yard_state state;
} wanted[] = {
	{ "format", YARD_AGED }, { "format", YARD_FOREIGN },
	{ "format-use", YARD_AGED }, { "carve", YARD_AGED },
	{ "carve-twice", YARD_FRESH }, { "carve-devdax", YARD_FRESH },
	{ "grow-devdax", YARD_FRESH }, { "grow-extents", YARD_FRAGMENTED },
	{ "shrink-devdax", YARD_FRESH }, { "update", YARD_AGED },
	{ "release", YARD_AGED }, { "clean", YARD_AGED },
	{ "move", YARD_AGED }, { "mark-bad", YARD_AGED },
	{ "update-bad", YARD_AGED }, { "bad-update", YARD_AGED },
};

/* Of a pool that is worked on at once: only what formats it. */
static size_t weaken_end(const struct pmutants *m)
{
	const struct domain_trace *trace = &m->crash.trace;
	size_t end = 0;

	if (!(m->crash.op->flags & OP_FORMAT && m->crash.op->flags & OP_MULTI))
		return trace->count;
	while (end < trace->count && trace->event[end].type != DOMAIN_FLUSH &&
	       (trace->event[end].type != DOMAIN_STORE ||
		trace->event[end].off != m->geom.journal_off))
		end++;
	while (end && trace->event[end - 1].type != DOMAIN_STORE)
		end--;
	return end;
}

static void list_cases(const struct suite *suite, struct case_list *list)
{
	static const enum explore_model models[] = { MODEL_PARANOID,
						     MODEL_PAGECACHE };

	for (unsigned k = 0; k < 2; k++)
		for (unsigned w = 0; w < sizeof(wanted) / sizeof(*wanted); w++)
			case_add(list, suite, k, models[k], "%s:%s:%s",
				 wanted[w].op, yard_name(wanted[w].state),
				 model_name(models[k]))->number[0] = w;
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	struct pmutants m = { .seen = { 0 } };
	unsigned w = c->number[0];
	bool good = crash_begin(&m.crash, torture_op_find(wanted[w].op),
				wanted[w].state, c->model, how) &&
		    record_later(&m);

	/* The protocol as it is must pass what the mutants are to fail. */
	m.effort = m.crash.effort;
	m.crash.effort = 32;
	m.crash.quick = true;
	good = good && !trace_noticed(&m, &m.crash.trace);
	if (good) {
		m.seen = m.crash.seen;
		m.crash.seen = (struct seen){ 0 };
		m.mutants = (struct mutants){ .item = c, .memory = memory,
			.domain = m.crash.yard.domain, .trace = &m.crash.trace,
			.begin = m.crash.op_first, .end = weaken_end(&m),
			.deep = how->effort > MUTANTS_DEEP, .role = role,
			.noticed = noticed,
			.verdict = &m.crash.verdict, .path = m.crash.path,
			.ctx = &m };
		mutants_try(&m.mutants);
	}
	m.crash.depth = good ? 0 : m.crash.depth;
	crash_tell(&m.crash, good, ret_result);
	ret_result->tries = m.mutants.made;
	ret_result->tried = "mutants";
	trace_keep(memory, &m.crash.trace);
	crash_end(&m.crash);
	trace_free(&m.later[0]);
	trace_free(&m.later[1]);
	trace_free(&m.guest);
	seen_free(&m.seen);
	trace_free(&m.longer);
	return good;
}

const struct suite suite_pool_mutants = {
	.name = "pool-mutants",
	.summary = "each store and barrier of a pool's operations left out, or late",
	.mutants = true,
	.list = list_cases,
	.run = run_case,
};
