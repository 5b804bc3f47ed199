// SPDX-License-Identifier: BSD-3-Clause
/*
 * pwatch.c - see pwatch.h.
 */
#include "tests/torture/pwatch.h"

#include <stdlib.h>
#include <string.h>

#define OWNED	0x80u		/* with a state: by a child */

static void *must(void *mem)
{
	if (!mem)
		abort();
	return mem;
}

void pwatch_begin(struct pwatch *watch, struct yard *yard)
{
	*watch = (struct pwatch){ .yard = yard };
}

void pwatch_end(struct pwatch *watch)
{
	free(watch->child);
	free(watch->unit);
}

/* Opens; *ret_err is what came of it.  False: it stored where it must not. */
static bool open_pool(struct pwatch *watch, unsigned flags, int *ret_err)
{
	struct domain *domain = watch->yard->domain;
	uint64_t violations = domain->violations;

	domain->media.read_only = !(flags & POOL_OPEN_WRITE);
	*ret_err = yard_open(watch->yard, flags, NULL);
	domain->media.read_only = false;
	return domain->violations == violations ||
	       deny(&watch->verdict, "opening stores where it must not");
}

/* ---- before --------------------------------------------------------------------- */

static void page_add(struct pwatch *watch, uint64_t off, uint64_t other)
{
	if (watch->page_count < PWATCH_PAGES_MAX)
		watch->page[watch->page_count++] =
			(struct pwatch_page){ off, other };
}

static void table_add(struct pwatch *watch, uint64_t off, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t a = off + i * NVM_PAGE, b = a + pages * NVM_PAGE;

		page_add(watch, a, b);
		page_add(watch, b, a);
	}
}

/* A slot's head, table and images, as far as there are any. */
static void slot_add(struct pwatch *watch, unsigned slot)
{
	const struct pool_geometry *g = &watch->geometry;
	uint64_t off = g->journal_off + slot * g->journal_slot_bytes;
	le32_t count;
	uint64_t pages;

	memcpy(&count, watch->yard->domain->image + off + 0x40, 4);
	pages = 1 + (get_le32(count) + 511ull) / 512 + get_le32(count);
	for (uint64_t i = 0; i < pages && (i + 1) * NVM_PAGE <=
	     g->journal_slot_bytes; i++)
		page_add(watch, off + i * NVM_PAGE, 0);
}

static void pages_find(struct pwatch *watch)
{
	const struct pool_geometry *g = &watch->geometry;
	const struct domain *domain = watch->yard->domain;

	watch->page_count = 0;
	page_add(watch, 0, NVM_PAGE);
	page_add(watch, NVM_PAGE, g->size_bytes - NVM_PAGE);
	page_add(watch, g->size_bytes - NVM_PAGE, 0);
	slot_add(watch, 0);
	slot_add(watch, 1);
	table_add(watch, g->nat_off, g->nat_pages);
	table_add(watch, g->umap_off, g->umap_pages);
	for (uint32_t i = 0; i < watch->child_count; i++) {
		uint32_t slot = watch->child[i].child.slot;
		le64_t amt_off;
		uint64_t off;

		/* In its NAT entry; a crash may have left another there. */
		memcpy(&amt_off, domain->image + g->nat_off + slot / 15 *
		       NVM_PAGE + 0x108 + slot % 15 * 0x100, 8);
		off = get_le64(amt_off);
		if (off >= g->data_off && off < g->size_bytes - 2 * NVM_PAGE &&
		    !memcmp(domain->image + off, POOL_MAGIC_AMT, 8))
			table_add(watch, off, 1);
	}
}

static void child_add(struct pwatch *watch, const struct pool_child *child)
{
	const struct pool_geometry *g = &watch->geometry;
	struct pwatch_child *to;

	if (watch->child_count == watch->child_room) {
		watch->child_room = watch->child_room * 2 + 16;
		watch->child = must(realloc(watch->child, watch->child_room *
					    sizeof(*watch->child)));
	}
	to = &watch->child[watch->child_count++];
	to->child = *child;
	if (pool_child_extents(watch->yard->pool, child->slot, to->extent,
			       &to->extent_count, NULL))
		to->extent_count = 0;
	for (size_t e = 0; e < to->extent_count; e++)
		for (uint64_t off = 0; off < to->extent[e].size_bytes;
		     off += g->unit_bytes)
			watch->unit[(to->extent[e].off_bytes + off -
				     g->data_off) / g->unit_bytes] |= OWNED;
}

bool pwatch_before(struct pwatch *watch)
{
	struct pool_child child;
	uint64_t units;
	int err;

	if (!open_pool(watch, 0, &err))
		return false;
	if (err)
		return deny(&watch->verdict, "before: error %d", -err);
	watch->geometry = *pool_geometry(watch->yard->pool);
	units = watch->geometry.unit_count;
	if (watch->unit_room < units) {
		free(watch->unit);
		watch->unit = must(malloc(units));
		watch->unit_room = units;
	}
	for (uint64_t u = 0; u < units; u++)
		watch->unit[u] = (uint8_t)pool_unit_state(watch->yard->pool, u);
	watch->child_count = 0;
	for (uint32_t cursor = 0;
	     pool_child_next(watch->yard->pool, &cursor, &child);)
		child_add(watch, &child);
	pages_find(watch);
	return oracle_snapshot(watch->yard, &watch->before, &watch->verdict);
}

/* ---- the pool as it is now -------------------------------------------------------- */

static bool damage_told(const struct pwatch *watch)
{
	const struct pool_health *health = pool_health(watch->yard->pool);

	return health->lost_pages || health->journal_damaged;
}

static const struct pwatch_child *child_of(const struct pwatch *watch,
					   uint32_t slot)
{
	for (uint32_t i = 0; i < watch->child_count; i++)
		if (watch->child[i].child.slot == slot)
			return &watch->child[i];
	return NULL;
}

static bool child_same(const struct pool_child *a, const struct pool_child *b)
{
	return !memcmp(a->uuid, b->uuid, POOL_UUID_LEN) &&
	       !strcmp(a->name, b->name) && !strcmp(a->vm, b->vm) &&
	       a->size_bytes == b->size_bytes && a->flags == b->flags &&
	       a->grow_to_bytes == b->grow_to_bytes && a->mode == b->mode &&
	       a->device == b->device && a->created_s == b->created_s;
}

/* Each child there is one of before, with its extents or an error. */
static bool children_right(struct pwatch *watch, bool may_lack)
{
	uint32_t found = 0, errors = 0;
	struct pool_child child;

	for (uint32_t cursor = 0;
	     pool_child_next(watch->yard->pool, &cursor, &child); found++) {
		const struct pwatch_child *was = child_of(watch, child.slot);
		struct pool_range extent[POOL_EXTENTS_MAX];
		size_t count;

		if (pool_child_extents(watch->yard->pool, child.slot, extent,
				       &count, NULL))
			errors++;
		else if (!was || !child_same(&was->child, &child))
			return deny(&watch->verdict, "child '%s' was not there",
				    child.name);
		else if (count != was->extent_count ||
			 memcmp(extent, was->extent, count * sizeof(*extent)))
			return deny(&watch->verdict, "child '%s' has other "
				    "extents", child.name);
	}
	if (found < watch->child_count && !may_lack)
		return deny(&watch->verdict, "%u of %u children", found,
			    watch->child_count);
	return !errors || may_lack ||
	       deny(&watch->verdict, "%u children have lost their extents",
		    errors);
}

/* No unit of a child is free, nor a DIRTY one CLEAN. */
static bool units_right(struct pwatch *watch, bool may_lack)
{
	for (uint64_t u = 0; u < watch->geometry.unit_count; u++) {
		enum pool_unit_state now = pool_unit_state(watch->yard->pool, u);
		uint8_t was = watch->unit[u] & (uint8_t)~OWNED;

		if (now == was || (was == UNIT_CLEAN && now == UNIT_DIRTY))
			continue;
		if (may_lack && now != UNIT_CLEAN && !(watch->unit[u] & OWNED))
			continue;
		return deny(&watch->verdict, "unit %ju was in state %u, now %u",
			    (uintmax_t)u, was, now);
	}
	return true;
}

/* The state of before, or one that a crash allows; else what is left of it. */
static bool state_right(struct pwatch *watch, const struct faults *faults,
			bool mended)
{
	bool alone = faults->count == 1 && faults->item[0].kind <= FAULT_POISON;
	bool told = damage_told(watch);
	struct snapshot now;
	struct verdict inner;

	if (oracle_snapshot(watch->yard, &now, &inner)) {
		if (now.strict == watch->before.strict ||
		    (mended && now.loose == watch->before.loose))
			return true;
		for (unsigned i = 0; i < watch->more_count; i++)
			if (now.strict == watch->more[i])
				return true;
	}
	/* Half of a transaction, and who reads is told. */
	if (watch->more_count && (told || mended))
		return true;
	/* An AMT came home, and its NAT page did not: that is an error, too. */
	if (watch->more_count)
		return children_right(watch, true);
	if (told && !mended)
		return children_right(watch, !alone);
	return children_right(watch, !alone) && units_right(watch, !alone);
}

/* ---- checking ------------------------------------------------------------------------ */

static void report(void *ctx, const struct pool_problem *problem)
{
	struct pwatch *watch = ctx;

	if (!watch->problems++)
		watch->first = *problem;
	watch->open += !problem->repaired;
}

static bool check(struct pwatch *watch, bool repair)
{
	const struct pool_check_args args = { .repair = repair,
		.report = report, .ctx = watch,
		.mem = watch->yard->check_mem };
	int err;

	watch->problems = watch->open = 0;
	err = pool_check(watch->yard->pool, &args, NULL, NULL);
	return !err || err == -NVM_EIO ||
	       deny(&watch->verdict, "check fails: error %d", -err);
}

/* Is a page hit that is looked at whenever the pool is? */
static bool must_be_found(const struct pwatch *watch,
			  const struct faults *faults)
{
	for (unsigned i = 0; i < watch->page_count; i++)
		if ((watch->page[i].other || !i || i == 2) &&
		    faults_touch(faults, watch->page[i].off, NVM_PAGE))
			return faults->item[0].kind <= FAULT_POISON;
	return false;
}

static bool mended(struct pwatch *watch, const struct faults *faults)
{
	struct snapshot now;
	int err;

	if (!check(watch, true) || !state_right(watch, faults, true))
		return false;
	if (!watch->open && faults->count == 1 &&
	    (!oracle_snapshot(watch->yard, &now, &watch->verdict) ||
	     !oracle_owners(watch->yard, &watch->verdict)))
		return false;
	if (!open_pool(watch, 0, &err))
		return false;
	if (err)
		return faults->count > 1 || faults->item[0].kind > FAULT_POISON ||
		       deny(&watch->verdict, "mended, it does not open: error "
			    "%d", -err);
	if (!state_right(watch, faults, true) || !check(watch, false))
		return false;
	return !faults_one_bit(faults) || !watch->problems ||
	       watch->more_count ||
	       deny(&watch->verdict, "a wrong bit is mended, and check still "
		    "finds %d: %s", watch->first.finding,
		    watch->first.where.what);
}

static bool hits_journal(const struct pwatch *watch,
			 const struct faults *faults)
{
	const struct pool_geometry *g = &watch->geometry;

	return faults_touch(faults, g->journal_off, 2 * g->journal_slot_bytes);
}

static bool err_told(int err)
{
	return err == -NVM_EBADMSG || err == -NVM_EIO || err == -NVM_EMEDIUM;
}

bool pwatch_judge(struct pwatch *watch, const struct faults *faults, bool full)
{
	bool alone = faults->count == 1 && faults->item[0].kind <= FAULT_POISON;
	struct domain *domain = watch->yard->domain;
	bool found = must_be_found(watch, faults);
	int err;

	faults_apply(domain, faults, pwatch_alien, watch);
	if (!open_pool(watch, 0, &err))
		return false;
	if (err && (!err_told(err) || (alone && !watch->more_count)))
		return deny(&watch->verdict, "does not open for reading: error "
			    "%d", -err);
	if (!err && (!state_right(watch, faults, false) ||
		     (full && !check(watch, false))))
		return false;
	if (!err && full && found && !watch->problems)
		return deny(&watch->verdict, "check does not find it");
	if (!open_pool(watch, POOL_OPEN_WRITE, &err))
		return false;
	if (err && (!err_told(err) || (alone && !hits_journal(watch, faults))))
		return deny(&watch->verdict, "does not open for writing: error "
			    "%d", -err);
	if (!err && !state_right(watch, faults, false))
		return false;
	if (!full)
		return true;
	if (err && (!open_pool(watch, POOL_OPEN_WRITE | POOL_OPEN_SALVAGE,
			       &err)))
		return false;
	/* Not even for salvage: that is told. */
	return err ? err_told(err) && (!alone || watch->more_count)
		   : mended(watch, faults);
}

void pwatch_alien(void *ctx, uint64_t off, uint64_t len)
{
	struct pwatch *watch = ctx;
	uint8_t byte = watch->yard->domain->image[off + 0x20] ^ 0xff;

	(void)len;
	yard_edit(watch->yard, off, 0x20, &byte, 1);
}
