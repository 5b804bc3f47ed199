// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_pool_faults.c - a pool on media that rot, are poisoned and misdirect:
 * each bit of each page of metadata that holds something, each page and each
 * two copies, lists of bad blocks at each page, pages at each other's place;
 * and a fault chosen by the seed in each image of a crash.
 *
 * Bounds: words that are zero have one bit in 97 tried; of pools with many
 * pages, bits are stepped over where there are more than BITS_MAX.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/torture/crash.h"
#include "tests/torture/pwatch.h"
#include "tests/torture/suites.h"

#define BITS_MAX	60000u		/* of a case, at effort 128 */

struct hunt {
	struct pwatch watch;
	const struct torture_how *how;
	struct torture_result *result;
	uint64_t tries;
	unsigned full_every;
	bool good;
	struct faults only;		/* replay; count 0: no */
};

static bool try_faults(struct hunt *hunt, struct faults faults)
{
	struct domain *domain = hunt->watch.yard->domain;
	bool full = hunt->only.count ||
		    hunt->tries % hunt->full_every == 0;

	if (!hunt->good)
		return false;
	if (hunt->how->what && !hunt->only.count)
		return true;
	hunt->tries++;
	domain_mark(domain);
	hunt->good = pwatch_judge(&hunt->watch, &faults, full);
	domain_back(domain);
	faults_heal(domain);
	if (!hunt->good)
		faults_print(&faults, hunt->result->what,
			     sizeof(hunt->result->what));
	return hunt->good;
}

/* ---- bits ------------------------------------------------------------------------- */

static bool bit_wanted(const struct domain *domain, uint64_t off, uint64_t bit)
{
	return domain_word(domain, (off + bit / 8) / 8) || bit % 97 == 0;
}

static void flip_all(struct hunt *hunt)
{
	const struct domain *domain = hunt->watch.yard->domain;
	const struct pwatch *watch = &hunt->watch;
	uint64_t count = 0, stride = 1, at = hunt->how->seed;

	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned p = 0; p < watch->page_count; p++) {
			uint64_t off = watch->page[p].off;

			for (uint64_t bit = 0; bit < NVM_PAGE * 8; bit++) {
				if (!bit_wanted(domain, off, bit))
					continue;
				count += !pass;
				if (pass && at++ % stride == 0 &&
				    !try_faults(hunt, fault_bit(off * 8 + bit)))
					return;
			}
		}
		stride = faults_stride(count, BITS_MAX, hunt->how->effort);
	}
}

/* ---- poison ----------------------------------------------------------------------- */

static void poison_all(struct hunt *hunt)
{
	const struct pwatch *watch = &hunt->watch;

	for (unsigned p = 0; p < watch->page_count; p++) {
		const struct pwatch_page *page = &watch->page[p];

		try_faults(hunt, fault_poison(page->off, NVM_PAGE));
		try_faults(hunt, fault_poison(page->off + 64, 64));
		try_faults(hunt, faults_both(fault_poison(page->off, 64),
			   fault_poison(watch->geometry.journal_off,
					2 * watch->geometry.journal_slot_bytes)));
		if (!page->other)
			continue;
		try_faults(hunt, faults_both(fault_poison(page->off, 256),
			   fault_poison(page->other, 256)));
		try_faults(hunt, faults_both(faults_both(
			   fault_poison(page->off, 256),
			   fault_poison(page->other, 256)),
			   fault_poison(watch->geometry.journal_off,
					2 * watch->geometry.journal_slot_bytes)));
		try_faults(hunt, faults_both(fault_bit(page->off * 8 + 999),
			   fault_poison(page->other, 64)));
	}
}

/* ---- lists of bad blocks ------------------------------------------------------------ */

static bool bad_judge(struct hunt *hunt, uint64_t off, uint64_t len, bool life)
{
	const struct pool_range bad = { off, len };
	struct pwatch *watch = &hunt->watch;
	struct yard *yard = watch->yard;
	const struct pool_geometry *g = &watch->geometry;
	struct snapshot now;
	uint64_t unit = (off - g->data_off) / g->unit_bytes;
	bool in_unit = off >= g->data_off && unit < g->unit_count;
	bool is_free = in_unit && !(watch->unit[unit] & UNIT_USED) &&
		       watch->unit[unit] < 0x80;
	int err = yard_open(yard, POOL_OPEN_WRITE, NULL);

	if (!err)
		err = pool_mark_bad(yard->pool, &bad, 1, NULL);
	if (err || yard_open(yard, POOL_OPEN_WRITE, NULL) ||
	    !oracle_snapshot(yard, &now, &watch->verdict))
		return deny(&watch->verdict, "a bad block at %#jx: error %d",
			    (uintmax_t)off, -err);
	if (now.children != watch->before.children ||
	    (!is_free && now.strict != watch->before.strict))
		return deny(&watch->verdict, "a bad block at %#jx changes the "
			    "pool", (uintmax_t)off);
	if (is_free && (pool_unit_state(yard->pool, unit) != UNIT_BAD ||
			now.unit_count[UNIT_BAD] !=
			watch->before.unit_count[UNIT_BAD] + 1))
		return deny(&watch->verdict, "unit %ju is not retired",
			    (uintmax_t)unit);
	return oracle_units(yard, &watch->verdict) &&
	       oracle_check(yard, false, &watch->verdict) &&
	       (!life || (oracle_life(yard, &watch->verdict) &&
			  (!is_free || pool_unit_state(yard->pool, unit) ==
				       UNIT_BAD ||
			   deny(&watch->verdict, "a bad unit is used"))));
}

/* Formatted anew with the list, at the same place. */
static bool bad_format(struct hunt *hunt, uint64_t off)
{
	const struct pool_range bad = { off, NVM_PAGE };
	struct yard *yard = hunt->watch.yard;
	struct pool_format_args args = yard->format;
	struct snapshot now;
	int err;

	args.bad = &bad;
	args.bad_count = 1;
	args.clean = false;
	err = pool_format(&yard->domain->media, &args, NULL);
	/* Metadata cannot lie elsewhere: it may be refused. */
	if (err)
		return off < hunt->watch.geometry.data_off ||
		       off >= hunt->watch.geometry.size_bytes - NVM_PAGE ||
		       deny(&hunt->watch.verdict, "format: error %d", -err);
	return (!yard_open(yard, POOL_OPEN_WRITE, NULL) ||
		deny(&hunt->watch.verdict, "formatted, it does not open")) &&
	       oracle_snapshot(yard, &now, &hunt->watch.verdict) &&
	       oracle_check(yard, false, &hunt->watch.verdict) &&
	       (off < hunt->watch.geometry.data_off ||
		off >= hunt->watch.geometry.size_bytes - NVM_PAGE ||
		now.unit_count[UNIT_BAD] == 1 ||
		deny(&hunt->watch.verdict, "format: the bad unit is not BAD"));
}

static void bad_try(struct hunt *hunt, uint64_t off)
{
	struct domain *domain = hunt->watch.yard->domain;
	struct faults faults = fault_poison(off, NVM_PAGE);

	for (unsigned i = 0; i < 2 && hunt->good; i++) {
		domain_mark(domain);
		hunt->good = i ? bad_format(hunt, off)
			       : bad_judge(hunt, off, 64,
					   hunt->tries % 32 == 0);
		domain_back(domain);
		hunt->tries++;
	}
	if (!hunt->good && !hunt->result->what[0])
		faults_print(&faults, hunt->result->what,
			     sizeof(hunt->result->what));
}

static void bad_all(struct hunt *hunt)
{
	const struct pool_geometry *g = &hunt->watch.geometry;

	for (unsigned p = 0; p < hunt->watch.page_count; p++)
		bad_try(hunt, hunt->watch.page[p].off);
	for (uint64_t u = 0; u < g->unit_count; u += g->unit_count / 60 + 1)
		bad_try(hunt, g->data_off + u * g->unit_bytes + NVM_PAGE);
}

/* ---- misdirected pages ----------------------------------------------------------------- */

static void misdirect_all(struct hunt *hunt)
{
	const struct pwatch *watch = &hunt->watch;
	unsigned step = watch->page_count / 40 + 1;

	for (unsigned p = 0; p < watch->page_count; p += step) {
		uint64_t off = watch->page[p].off;

		try_faults(hunt, fault_alien(off, NVM_PAGE));
		if (watch->page[p].other)
			try_faults(hunt, faults_both(
				fault_alien(off, NVM_PAGE),
				fault_alien(watch->page[p].other, NVM_PAGE)));
		for (unsigned q = 0; q < watch->page_count; q += step) {
			uint64_t to = watch->page[q].off;

			/* A page's own copy is the same page. */
			if (p == q || to == watch->page[p].other)
				continue;
			try_faults(hunt, fault_copy(off, to, NVM_PAGE));
			try_faults(hunt, fault_swap(off, to, NVM_PAGE));
			if (watch->page[q].other &&
			    watch->page[q].other != off)
				try_faults(hunt, faults_both(
					fault_copy(off, to, NVM_PAGE),
					fault_copy(off, watch->page[q].other,
						   NVM_PAGE)));
		}
	}
}

#define ON(state)	(1u << YARD_##state)

static const struct kind {
	const char *name;
	void (*run)(struct hunt *hunt);
	unsigned states;
	unsigned full_every;
} kinds[] = {
	{ "bits", flip_all, ON(FRESH) | ON(AGED) | ON(FRAGMENTED) | ON(WIDE),
	  16 },
	{ "poison", poison_all, ON(FRESH) | ON(AGED) | ON(FRAGMENTED) |
	  ON(WIDE), 1 },
	{ "bad-blocks", bad_all, ON(FRESH) | ON(AGED) | ON(COARSE), 1 },
	{ "misdirected", misdirect_all, ON(AGED) | ON(FRAGMENTED) | ON(WIDE),
	  1 },
};
#define KIND_COUNT (sizeof(kinds) / sizeof(*kinds))

static bool run_still(const struct torture_case *c, struct hunt *hunt)
{
	const struct kind *kind = &kinds[c->number[1]];
	struct yard yard;

	yard_begin(&yard, c->number[0], NVM_BUS);
	pwatch_begin(&hunt->watch, &yard);
	hunt->full_every = kind->full_every;
	hunt->good = pwatch_before(&hunt->watch);
	if (hunt->only.count && kind->run == bad_all)
		bad_try(hunt, hunt->only.item[0].off);
	else if (hunt->only.count)
		try_faults(hunt, hunt->only);
	else if (hunt->good)
		kind->run(hunt);
	hunt->result->stats.images = hunt->result->stats.distinct = hunt->tries;
	if (!hunt->good)
		result_fail(hunt->result, &hunt->watch.verdict, NULL, 0);
	yard_end(&yard);
	return hunt->good;
}

/* ---- with crashes -------------------------------------------------------------------------- */

static const struct {
	const char *op;
	enum yard_state state;
	enum explore_model model;
} crashed[] = {
	{ "carve", YARD_AGED, MODEL_PARANOID },
	{ "carve", YARD_FRAGMENTED, MODEL_PAGECACHE },
	{ "carve-devdax", YARD_FRESH, MODEL_PARANOID },
	{ "grow", YARD_AGED, MODEL_PARANOID },
	{ "shrink", YARD_AGED, MODEL_PAGECACHE },
	{ "release", YARD_AGED, MODEL_PARANOID },
	{ "update", YARD_AGED, MODEL_PARANOID },
	{ "clean", YARD_AGED, MODEL_PARANOID },
	{ "move", YARD_AGED, MODEL_PAGECACHE },
};

static struct faults fault_choose(const struct pwatch *watch, uint64_t *random)
{
	uint64_t n = random_next(random);
	const struct pwatch_page *page =
		&watch->page[n / 16 % watch->page_count];
	const struct pwatch_page *other =
		&watch->page[n / 65536 % watch->page_count];

	switch (n % 8) {
	case 0: case 1: case 2: case 3:
		return fault_bit(page->off * 8 + n / 65536 % (NVM_PAGE * 8));
	case 4: case 5:
		return fault_poison(page->off + n / 65536 % 64 * 64, 64);
	case 6:
		return fault_alien(page->off, NVM_PAGE);
	default:
		return page == other || page->other == other->off
			? fault_poison(page->off, NVM_PAGE)
			: fault_copy(page->off, other->off, NVM_PAGE);
	}
}

struct crashing {
	struct hunt *hunt;
	struct crash *crash;
};

static bool check_image(void *ctx, const struct explore_where *where)
{
	struct crashing *crashing = ctx;
	struct hunt *hunt = crashing->hunt;
	struct crash *crash = crashing->crash;
	struct pwatch *watch = &hunt->watch;
	uint64_t random = hunt->how->seed + where->point * 0x10001ull +
			  where->image * 0x100000007ull;
	struct faults faults = hunt->only;

	watch->more_count = 0;
	for (unsigned i = 0; i < crash->allowed_count &&
	     watch->more_count < PWATCH_MORE_MAX; i++)
		watch->more[watch->more_count++] = crash->allowed[i];
	hunt->good = pwatch_before(watch);
	if (hunt->good && !faults.count)
		faults = fault_choose(watch, &random);
	/* What does not hit the journal takes nothing back. */
	if (faults.count && hunt->good && !faults_touch(&faults,
			watch->geometry.journal_off,
			2 * watch->geometry.journal_slot_bytes) &&
	    !pool_health(watch->yard->pool)->unfinished)
		watch->more_count = 0;
	hunt->good = hunt->good && try_faults(hunt, faults);
	if (!hunt->good) {
		faults_print(&faults, hunt->result->what,
			     sizeof(hunt->result->what));
		result_fail(hunt->result, &watch->verdict, where, 1);
	}
	return hunt->good;
}

static bool run_crashed(const struct torture_case *c, struct hunt *hunt,
			struct suite_memory *memory)
{
	struct crash crash;
	struct crashing crashing = { hunt, &crash };
	struct explore explore;

	hunt->full_every = 5;
	hunt->good = crash_begin(&crash,
				 torture_op_find(crashed[c->number[1]].op),
				 crashed[c->number[1]].state, c->model,
				 hunt->how);
	pwatch_begin(&hunt->watch, &crash.yard);
	if (!hunt->good)
		result_fail(hunt->result, &crash.verdict, NULL, 0);
	explore_init(&explore, crash.model, crash.seed);
	explore.lazy_max = 0;		/* the fault goes by the number */
	explore.exhaustive_max = 8 * hunt->how->effort;
	explore.random_count = 2 * hunt->how->effort;
	explore.thirds_max = 16 * hunt->how->effort;
	explore.store_max = explore.pair_max = hunt->how->effort / 8;
	explore.word_max = hunt->how->effort / 2;
	explore.check = check_image;
	explore.ctx = &crashing;
	if (crash.replay_depth)
		explore.only = &crash.replay[0];
	if (hunt->good)
		explore_trace(&explore, crash.yard.domain, &crash.trace);
	explore_stats_add(&hunt->result->stats, &explore.stats);
	trace_keep(memory, &crash.trace);
	crash_end(&crash);
	return hunt->good;
}

/* ---- the suite ----------------------------------------------------------------------------- */

static void list_cases(const struct suite *suite, struct case_list *list)
{
	unsigned group = 0;

	for (unsigned k = 0; k < KIND_COUNT; k++)
		for (unsigned s = 0; s < YARD_COUNT; s++) {
			struct torture_case *c;

			if (!(kinds[k].states >> s & 1))
				continue;
			c = case_add(list, suite, group++, MODEL_PARANOID,
				     "%s:%s", kinds[k].name, yard_name(s));
			c->number[0] = s;
			c->number[1] = k;
		}
	for (unsigned i = 0; i < sizeof(crashed) / sizeof(*crashed); i++) {
		struct torture_case *c = case_add(list, suite, group++,
			crashed[i].model, "crash:%s:%s:%s", crashed[i].op,
			yard_name(crashed[i].state),
			model_name(crashed[i].model));

		c->number[0] = YARD_COUNT;
		c->number[1] = i;
	}
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	struct hunt hunt = { .how = how, .result = ret_result };
	bool good;

	if (how->what && !faults_parse(how->what, &hunt.only)) {
		snprintf(ret_result->why, sizeof(ret_result->why),
			 "no such fault: '%.100s'", how->what);
		return false;
	}
	good = c->number[0] == YARD_COUNT ? run_crashed(c, &hunt, memory)
					  : run_still(c, &hunt);
	ret_result->tries = hunt.tries;
	ret_result->tried = "faults";
	pwatch_end(&hunt.watch);
	return good;
}

const struct suite suite_pool_faults = {
	.name = "pool-faults",
	.summary = "flipped bits, poison, bad blocks, misdirected pages, crashes",
	.list = list_cases,
	.run = run_case,
};
