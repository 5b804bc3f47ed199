/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_pool.c - untrusted media bytes against everything that reads them.
 *
 * An input is not an image of 64 MiB but what makes a bad one of a good one:
 * which pool to begin with, patches of its metadata pages, and what to do
 * then.  Each patch says whether its page is sealed again (CRC32C, and the
 * journal's body checksum), so that about half of the inputs get past the
 * checksums into the logic behind them.
 *
 *	byte 0		the pool: enum yard_state, or one of BASE_
 *	byte 1		how to open: bits of enum how
 *	byte 2		number of patches, 20 bytes each: page, flags,
 *			le16 offset, bytes[16]
 *	then		operations, 4 bytes each: what, child, le16 argument
 *
 * Beyond crashes and undefined behaviour (ASan, UBSan) it is a failure if the
 * core calls the media out of bounds or stores when open for reading; if a
 * pool that pool_check() calls sound is not by the oracle, which does not
 * share its code; if a sound pool is not sound after an operation; if a
 * repair leaves something that it says it can repair.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/torture/oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum how { HOW_SALVAGE = 1, HOW_REPAIR = 2, HOW_SYNC = 4, HOW_OPS_FIRST = 8 };
enum { PATCH_SEAL = 1, PATCH_BOTH = 2, PATCH_FILL = 4 };

#define PATCH_BYTES	20u
#define PAGES_MAX	128u
#define OPS_MAX		24u

/* Bases besides the states of a yard. */
enum {
	BASE_RAW = YARD_COUNT,	/* the input's bytes at the head of the media */
	BASE_PENDING,		/* a transaction in its slot, not home */
	BASE_TORN,		/* the same, some of its pages home */
	BASE_COUNT,
};

struct base {
	struct yard yard;
	uint64_t page[PAGES_MAX];	/* that patches may name */
	unsigned pages;
	struct pool_geometry geom;
};

static struct base bases[BASE_COUNT];

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fuzz_pool: %s\n", what);
	abort();
}

/* ---- the pools to begin with ---------------------------------------------------- */

static void page_add(struct base *base, uint64_t off)
{
	if (base->pages < PAGES_MAX)
		base->page[base->pages++] = off;
}

/* A carve of a stamped child, of which only some stores arrived. */
static void pend(struct base *base, bool torn)
{
	struct domain *domain = base->yard.domain;
	struct domain_trace trace = { 0 };
	const struct pool_geometry g = *pool_geometry(base->yard.pool);
	unsigned home = 0;

	domain_mark(domain);
	domain_record(domain, &trace);
	must(!yard_try_carve(&base->yard, "pending", 4 * MIB, POOL_MODE_DEVDAX,
			     "vm9", NULL), "no pending transaction");
	domain_record(domain, NULL);
	domain_back(domain);
	for (size_t i = 0; i < trace.count; i++)
		if (trace.event[i].type == DOMAIN_STORE &&
		    (trace.event[i].off < g.nat_off || (torn && home++ % 2)))
			domain_apply(domain, &trace, i, 1);
	trace_free(&trace);
}

/* All metadata pages that say something, the GMB at the tail, all AMTs. */
static void base_begin(struct base *base, unsigned which)
{
	const struct domain *domain;

	yard_begin(&base->yard, which == BASE_RAW ? YARD_BLANK :
		   which >= BASE_PENDING ? YARD_AGED : (enum yard_state)which,
		   NVM_BUS);
	domain = base->yard.domain;
	if (which >= BASE_PENDING)
		pend(base, which == BASE_TORN);
	if (pool_probe(&base->yard.domain->media, &base->geom, NULL)) {
		for (uint64_t off = 0; off < 16 * NVM_PAGE; off += NVM_PAGE)
			page_add(base, off);
		return;
	}
	for (uint64_t off = 0; off < base->geom.data_off; off += NVM_PAGE)
		if (domain->page_words[off / NVM_PAGE])
			page_add(base, off);
	page_add(base, base->geom.size_bytes - NVM_PAGE);
	for (uint64_t off = base->geom.data_off;
	     off < base->geom.size_bytes - NVM_PAGE; off += NVM_PAGE)
		if (!memcmp(domain->image + off, POOL_MAGIC_AMT, 8) ||
		    !memcmp(domain->image + off, "NVDIMM_", 7))
			page_add(base, off);
}

/* ---- patches --------------------------------------------------------------------- */

static void seal(struct base *base, uint64_t off)
{
	struct nvm_media *media = &base->yard.domain->media;
	uint8_t page[NVM_PAGE];
	le32_t csum = put_le32(0);

	memcpy(page, base->yard.domain->image + off, NVM_PAGE);
	memcpy(page + 8, &csum, 4);
	csum = put_le32(media->ops->crc32c(0, page, NVM_PAGE));
	domain_poke(base->yard.domain, off + 8, &csum, 4);
}

/* The body of the slot that @off lies in, by the count in its header. */
static void seal_journal(struct base *base, uint64_t off)
{
	const struct pool_geometry *g = &base->geom;
	struct domain *domain = base->yard.domain;
	uint64_t slot, pages, count;
	struct pool_journal head;
	le32_t csum;

	if (!g->size_bytes || off < g->journal_off || off >= g->nat_off)
		return;
	slot = off - (off - g->journal_off) % g->journal_slot_bytes;
	memcpy(&head, domain->image + slot, NVM_PAGE);
	count = get_le32(head.page_count);
	pages = (count + JOURNAL_TARGETS_A_PAGE - 1) / JOURNAL_TARGETS_A_PAGE +
		count;
	if ((pages + 1) * NVM_PAGE > g->journal_slot_bytes)
		return;
	csum = put_le32(domain->media.ops->crc32c(0, domain->image + slot +
						  NVM_PAGE, pages * NVM_PAGE));
	domain_poke(domain, slot + 0x44, &csum, 4);
	seal(base, slot);
}

static bool is_page_of_ours(const uint8_t *page)
{
	return !memcmp(page, "NVMP", 4);
}

static uint64_t other_copy(const struct base *base, uint64_t off)
{
	const struct pool_geometry *g = &base->geom;
	uint64_t nat = g->nat_pages * NVM_PAGE, umap = g->umap_pages * NVM_PAGE;

	if (!g->size_bytes || off < g->nat_off)
		return off;
	if (off < g->umap_off)
		return off < g->nat_off + nat ? off + nat : off - nat;
	if (off < g->data_off)
		return off < g->umap_off + umap ? off + umap : off - umap;
	return off ^ NVM_PAGE;
}

static void patch_page(struct base *base, uint64_t off, const uint8_t *patch)
{
	struct domain *domain = base->yard.domain;
	uint64_t at = ((uint64_t)patch[2] | (uint64_t)patch[3] << 8) % NVM_PAGE;
	uint64_t len = patch[1] & PATCH_FILL ? NVM_PAGE : 1 + (patch[1] >> 4);

	for (uint64_t i = 0; i < len && at + i < NVM_PAGE; i++)
		domain_poke(domain, off + at + i, patch + 4 + i % 16, 1);
	if ((patch[1] & PATCH_SEAL) && is_page_of_ours(domain->image + off))
		seal(base, off);
	if (patch[1] & PATCH_SEAL)
		seal_journal(base, off);
}

static void patch_apply(struct base *base, const uint8_t *patch)
{
	uint64_t off = base->page[patch[0] % base->pages];

	patch_page(base, off, patch);
	if (patch[1] & PATCH_BOTH)
		patch_page(base, other_copy(base, off), patch);
}

/* ---- what is done -------------------------------------------------------------------- */

struct tally {
	unsigned problems, repairable;
};

static void tally_problem(void *ctx, const struct pool_problem *problem)
{
	struct tally *tally = ctx;

	must(problem->where.what, "a finding without a name");
	tally->problems++;
	tally->repairable += problem->repairable;
}

static struct tally check(struct yard *yard, bool repair, bool read_clean,
			  int *ret_err)
{
	struct tally tally = { 0, 0 };
	const struct pool_check_args args = { .repair = repair,
		.read_clean_units = read_clean, .report = tally_problem,
		.ctx = &tally, .mem = yard->check_mem };

	*ret_err = pool_check(yard->pool, &args, NULL, NULL);
	return tally;
}

static void look_around(struct yard *yard)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct pool_space space;
	struct pool_child child;
	struct nvm_fault fault;
	size_t count;

	for (uint32_t cursor = 0; pool_child_next(yard->pool, &cursor,
						  &child);) {
		must(pool_name_valid(child.name), "a child without a name");
		if (!pool_child_extents(yard->pool, child.slot, extent, &count,
					&fault))
			pool_child_usable(&child, count);
	}
	pool_space(yard->pool, &space);
	pool_child_find(yard->pool, "a", &child);
}

static bool any(void *ctx, uint32_t slot)
{
	(void)ctx;
	return slot != 1;
}

static void operate(struct yard *yard, const uint8_t *op)
{
	const struct pool_geometry *g = pool_geometry(yard->pool);
	uint64_t units = (uint64_t)op[2] | (uint64_t)op[3] << 8;
	struct pool_move_plan plan;
	struct pool_child child;
	uint32_t cursor = op[1];
	bool found = pool_child_next(yard->pool, &cursor, &child);
	const struct pool_range bad = { g->data_off + units * g->unit_bytes,
		(uint64_t)op[1] << 12 };

	switch (op[0] % 9) {
	case 0:
		yard_try_carve(yard, "fuzz", units * g->unit_bytes,
			       POOL_MODE_RAW, NULL, NULL);
		break;
	case 1:
		yard_try_carve(yard, "dax", units % 8 * 2 * MIB,
			       op[1] & 1 ? POOL_MODE_DEVDAX : POOL_MODE_FSDAX,
			       "vm", NULL);
		break;
	case 2:
		if (found)
			pool_resize(yard->pool, child.slot, units *
				    g->unit_bytes, NULL, NULL);
		break;
	case 3:
		if (found)
			pool_release(yard->pool, child.slot, NULL);
		break;
	case 4:
		if (found)
			pool_move(yard->pool, child.slot, op[1] % 3, units,
				  NULL, NULL);
		break;
	case 5:
		if (pool_compact_next(yard->pool, any, NULL, &plan))
			must(!pool_move(yard->pool, plan.slot, plan.extent,
					plan.to_unit, NULL, NULL) ||
			     units != 0xffff, "a planned move is refused");
		break;
	case 6:
		pool_clean(yard->pool, NULL, NULL);
		break;
	case 7:
		pool_mark_bad(yard->pool, &bad, 1, NULL);
		break;
	default:
		if (found) {
			child.grow_to_bytes = units << 20;
			pool_update(yard->pool, &child, NULL);
		}
		break;
	}
}

/*
 * The oracle agrees with a check that found nothing.  Whether CLEAN units read
 * as zeros, which such a check has not looked at, is the result.
 */
static bool assert_sound(struct yard *yard, const char *when)
{
	struct snapshot snapshot;
	struct verdict verdict = { "" };

	if (oracle_snapshot(yard, &snapshot, &verdict) &&
	    oracle_owners(yard, &verdict))
		return oracle_units(yard, &verdict);
	fprintf(stderr, "fuzz_pool: %s: %s\n", when, verdict.why);
	abort();
}

static void read_only(struct base *base, unsigned flags)
{
	struct yard *yard = &base->yard;
	struct domain *domain = yard->domain;
	uint64_t hash = domain->hash;
	struct tally tally;
	int err;

	domain->media.read_only = true;
	if (!yard_open(yard, flags, NULL)) {
		look_around(yard);
		tally = check(yard, false, false, &err);
		must(!err, "check of memory fails");
		if (!tally.problems && !flags)
			assert_sound(yard, "open for reading");
	}
	domain->media.read_only = false;
	must(domain->hash == hash, "reading stores");
}

static void read_write(struct base *base, unsigned how, const uint8_t *ops,
		       size_t op_count)
{
	struct yard *yard = &base->yard;
	unsigned flags = POOL_OPEN_WRITE |
			 (how & HOW_SALVAGE ? POOL_OPEN_SALVAGE : 0);
	/* Seldom: it reads all of the media. */
	bool read_clean = how >> 4 == 15, sound;
	struct tally tally;
	int err;

	if (yard_open(yard, flags, NULL))
		return;
	if (!(how & HOW_SALVAGE))
		must(!yard_open(yard, flags, NULL), "opens only once");
	look_around(yard);
	if ((how & HOW_REPAIR) && !(how & HOW_OPS_FIRST)) {
		check(yard, true, read_clean, &err);
		if (err)
			return;
		tally = check(yard, false, false, &err);
		must(!err && !tally.repairable, "a repair leaves something");
	}
	tally = check(yard, false, false, &err);
	sound = !err && !tally.problems;
	if (sound)
		sound = assert_sound(yard, "open for writing");
	for (size_t i = 0; i < op_count; i++) {
		operate(yard, ops + 4 * i);
		if (sound)
			must(assert_sound(yard, "after an operation"),
			     "an operation leaves a CLEAN unit unclean");
	}
	if (sound) {
		tally = check(yard, false, false, &err);
		must(!err && !tally.problems, "operations leave a problem");
		must(!yard_open(yard, POOL_OPEN_WRITE, NULL), "opens no more");
	}
	if (how & HOW_REPAIR && !yard_open(yard, flags, NULL))
		check(yard, true, false, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct base *base;
	struct domain *domain;
	unsigned which, how;
	size_t patches;

	if (size < 3)
		return -1;
	which = data[0] % BASE_COUNT;
	if (which == YARD_WIDE)
		which = YARD_AGED;	/* what is slow brings nothing new */
	how = data[1];
	patches = data[2] % 32;
	base = &bases[which];
	if (!base->yard.domain)
		base_begin(base, which);
	domain = base->yard.domain;
	data += 3;
	size -= 3;

	domain_mark(domain);
	domain->media.durability = how & HOW_SYNC ? NVM_SYNC : NVM_BUS;
	if (which == BASE_RAW) {
		domain_poke(domain, 0, data, size < MIB ? size : MIB);
		patches = size = 0;
	}
	for (; patches && size >= PATCH_BYTES; patches--) {
		patch_apply(base, data);
		data += PATCH_BYTES;
		size -= PATCH_BYTES;
	}
	read_only(base, 0);
	read_only(base, POOL_OPEN_SALVAGE);
	read_write(base, how, data, size / 4 < OPS_MAX ? size / 4 : OPS_MAX);
	must(!domain->violations, "the media is called out of its bounds");
	domain_back(domain);
	return 0;
}
