/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suite_pool_mutants.c - is the suite able to see a weak protocol?  Each barrier
 * and each store of each operation is dropped from its recorded trace, and
 * each store is put off until after the next barrier; the images of the weaker
 * protocol must show it.  What no image shows is either not needed or not
 * tested: both are failures, unless excuse() knows why not.
 *
 * Three things stand behind some steps only after the operation: the guest
 * that owns its stamp page from then on, later transactions that use the same
 * journal slot, and a check of all copies.  So each trace goes on with them.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/torture/crash.h"
#include "tests/torture/suites.h"

enum mutation { DROP, DELAY };

/* What an event is to the protocol. */
static const char *role(const struct crash *crash,
			const struct pool_geometry *g,
			const struct domain_event *event)
{
	uint64_t off = event->off, in_slot;

	if (event->type == DOMAIN_DRAIN || event->type == DOMAIN_SYNC)
		return "barrier";
	if (event->type == DOMAIN_DISCARD)
		return "zeros";
	if (off < 2 * NVM_PAGE || off >= g->size_bytes - NVM_PAGE)
		return "GMB";
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
	if (!memcmp(crash->trace.bytes + event->bytes, POOL_MAGIC_AMT, 8))
		return off / NVM_PAGE % 2 ? "AMT B" : "AMT A";
	if (!memcmp(crash->trace.bytes + event->bytes, "NVDIMM_", 7))
		return "stamp";
	return "copied bytes";
}

struct mutants {
	struct crash crash;
	struct pool_geometry geom;
	struct domain_trace later[2];	/* after it: NAT, UMAP transactions */
	struct snapshot last[2];	/* the states then */
	struct domain_trace guest;	/* after it: the guest's stores */
	uint64_t guest_off;		/* to this page; or 0 */
	struct domain_trace mutant, longer;
	const struct snapshot *expect;
	unsigned made, unseen;
	const struct torture_case *item;
	struct suite_memory *memory;	/* told of each mutant */
};

/* ---- what comes after the operation -------------------------------------------- */

static void guest_page(uint8_t page[NVM_PAGE])
{
	memset(page, 'G', NVM_PAGE);
}

/*
 * The tool ends, so no later drain is one of its own; the guest stores over
 * the stamp page of its last extent and drains that.
 */
static void guest_write(struct mutants *m)
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
	ops->store(&domain->media, m->guest_off, page, NVM_PAGE);
	ops->drain(&domain->media);
	domain_record(domain, NULL);
}

/* One of two more transactions, which use both journal slots again. */
static bool transact(struct mutants *m, unsigned kind)
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

static bool record_later(struct mutants *m)
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

/* The images after the guest's drain: its page is as it left it. */
static bool check_guest(void *ctx, const struct explore_where *where)
{
	struct mutants *m = ctx;
	struct domain *domain = m->crash.yard.domain;
	uint8_t page[NVM_PAGE];

	(void)where;
	if (yard_open(&m->crash.yard, POOL_OPEN_WRITE, NULL))
		return deny(&m->crash.verdict, "does not open");
	guest_page(page);
	return !memcmp(domain_look(domain, m->guest_off, NVM_PAGE), page,
		       NVM_PAGE) ||
	       deny(&m->crash.verdict, "recovery stores over the guest's page");
}

/* Everything arrived: the last state, and all copies are good. */
static bool check_last(void *ctx, const struct explore_where *where)
{
	struct mutants *m = ctx;
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

static bool explore_end(struct mutants *m, const struct domain_trace *trace,
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

/* True if some image of the (mutant) trace shows that something is wrong. */
static bool noticed(struct mutants *m, const struct domain_trace *trace)
{
	bool good;

	seen_free(&m->crash.seen);
	m->crash.effort = 32;
	m->crash.quick = true;
	good = crash_explore(&m->crash, trace);
	/* What the guest synced through the page cache, it synced whole. */
	if (good && m->guest_off && m->crash.model != MODEL_PAGECACHE)
		good = explore_end(m, trace, &m->guest, check_guest);
	for (unsigned kind = 0; kind < 2 && good; kind++) {
		m->expect = &m->last[kind];
		good = explore_end(m, trace, &m->later[kind], check_last);
	}
	return !good;
}

/* Event @i, and with a drain the sync behind it, dropped or put off. */
static bool mutate(struct mutants *m, size_t i, enum mutation mutation)
{
	const struct domain_trace *trace = &m->crash.trace;
	enum domain_event_type type = trace->event[i].type;
	size_t n = 1, at;

	if (type == DOMAIN_DRAIN && i + 1 < trace->count &&
	    trace->event[i + 1].type == DOMAIN_SYNC)
		n = 2;
	trace_reset(&m->mutant);
	trace_append(&m->mutant, trace, 0, i);
	at = i + n;
	if (mutation == DELAY) {
		enum domain_event_type barrier =
			m->crash.model == MODEL_PAGECACHE ? DOMAIN_SYNC
							  : DOMAIN_DRAIN;

		while (at < trace->count && trace->event[at].type != barrier)
			at++;
		if (at == trace->count)
			return false;
		at++;
		trace_append(&m->mutant, trace, i + n, at - i - n);
		trace_append(&m->mutant, trace, i, n);
	}
	trace_append(&m->mutant, trace, at, trace->count - at);
	return true;
}

static bool is_table_page(const struct mutants *m, size_t i)
{
	const struct domain_event *event = &m->crash.trace.event[i];
	const char *what = role(&m->crash, &m->geom, event);
	size_t len = strlen(what);

	return event->type == DOMAIN_STORE &&
	       (what[len - 1] == 'A' || what[len - 1] == 'B');
}

/* Another store to the same place before the operation is done. */
static bool stored_again(const struct domain_trace *trace, size_t i)
{
	for (size_t k = i + 1; k < trace->count; k++)
		if (trace->event[k].type == DOMAIN_STORE &&
		    trace->event[k].off == trace->event[i].off)
			return true;
	return false;
}

static bool changes_nothing(const struct mutants *m, size_t i)
{
	struct domain *domain = m->crash.yard.domain;
	uint64_t hash;
	bool same;

	domain_mark(domain);
	domain_apply(domain, &m->crash.trace, 0, i);
	hash = domain->hash;
	domain_apply(domain, &m->crash.trace, i, 1);
	same = hash == domain->hash;
	domain_back(domain);
	return same;
}

/*
 * Survivors that are no gap, and why; NULL: there is none.
 */
static const char *excuse(const struct mutants *m, size_t i)
{
	const struct crash *crash = &m->crash;
	const struct domain_event *event = &crash->trace.event[i];

	/* Behind a stamped child's tables; the guest's sync is of all pages. */
	if (event->type == DOMAIN_DRAIN && i && is_table_page(m, i - 1) &&
	    crash->model == MODEL_PAGECACHE && strstr(crash->op->name, "dax"))
		return "a sync that the guest makes comes first";
	if (crash->op->flags & OP_FORMAT && event->type == DOMAIN_DISCARD)
		return "for the eyes of others";
	if (is_table_page(m, i) && stored_again(&crash->trace, i))
		return "stored again by the next transaction";
	if (event->type == DOMAIN_STORE && changes_nothing(m, i))
		return "stores what is there";
	return NULL;
}

static void mutant_try(struct mutants *m, size_t i, enum mutation mutation)
{
	const struct domain_event *event = &m->crash.trace.event[i];
	struct torture_mutant mutant = {
		.mutation = mutation == DROP ? "drop" : "delay",
		.site = event->site,
		.role = role(&m->crash, &m->geom, event),
	};

	/* A table page that comes late is brought home by its slot. */
	if (!mutate(m, i, mutation) ||
	    (mutation == DELAY && is_table_page(m, i)))
		return;
	m->made++;
	if (noticed(m, &m->mutant)) {
		mutant.killed_by = m->crash.verdict.why;
	} else {
		mutant.excuse = excuse(m, i);
		m->unseen += !mutant.excuse;
	}
	if (m->memory->mutant)
		m->memory->mutant(m->memory->mutant_ctx, m->item, &mutant);
	if (!mutant.killed_by && !mutant.excuse)
		deny(&m->crash.verdict, "event %zu, %s of the %s: no image "
		     "shows it when it is missing (%s)", i,
		     domain_event_name(event->type), mutant.role,
		     mutant.mutation);
}

static void mutants_try(struct mutants *m)
{
	for (size_t i = m->crash.op_first; i < m->crash.trace.count &&
	     !m->unseen; i++) {
		switch (m->crash.trace.event[i].type) {
		case DOMAIN_STORE:
		case DOMAIN_DISCARD:
			mutant_try(m, i, DROP);
			if (!m->unseen)
				mutant_try(m, i, DELAY);
			break;
		case DOMAIN_DRAIN:
			mutant_try(m, i, DROP);
			break;
		default:
			break;
		}
	}
}

/* Where each step of the protocol matters at least once. */
static const struct {
	const char *op;
	enum yard_state state;
} wanted[] = {
	{ "format", YARD_AGED }, { "carve", YARD_AGED },
	{ "carve-twice", YARD_FRESH }, { "carve-devdax", YARD_FRESH },
	{ "grow-devdax", YARD_FRESH }, { "grow-extents", YARD_FRAGMENTED },
	{ "shrink-devdax", YARD_FRESH }, { "update", YARD_AGED },
	{ "release", YARD_AGED }, { "clean", YARD_AGED },
	{ "move", YARD_AGED }, { "mark-bad", YARD_AGED },
};

static void list_cases(const struct suite *suite, struct case_list *list)
{
	static const enum explore_model models[] = { MODEL_PARANOID,
						     MODEL_PAGECACHE };
	unsigned group = 0;

	for (unsigned w = 0; w < sizeof(wanted) / sizeof(*wanted); w++)
		for (unsigned k = 0; k < 2; k++)
			case_add(list, suite, group++, models[k], "%s:%s:%s",
				 wanted[w].op, yard_name(wanted[w].state),
				 model_name(models[k]))->number[0] = w;
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	struct mutants m = { .item = c, .memory = memory };
	unsigned w = c->number[0];
	bool good = crash_begin(&m.crash, torture_op_find(wanted[w].op),
				wanted[w].state, c->model, how) &&
		    record_later(&m);

	/* The protocol as it is must pass what the mutants are to fail. */
	good = good && !noticed(&m, &m.crash.trace);
	if (good)
		mutants_try(&m);
	m.crash.depth = 0;
	crash_tell(&m.crash, good && !m.unseen, ret_result);
	ret_result->tries = m.made;
	ret_result->tried = "mutants";
	trace_keep(memory, &m.crash.trace);
	crash_end(&m.crash);
	trace_free(&m.later[0]);
	trace_free(&m.later[1]);
	trace_free(&m.guest);
	trace_free(&m.mutant);
	trace_free(&m.longer);
	return good && !m.unseen;
}

const struct suite suite_pool_mutants = {
	.name = "pool-mutants",
	.summary = "each store and barrier of a pool's operations left out, or late",
	.mutants = true,
	.list = list_cases,
	.run = run_case,
};
