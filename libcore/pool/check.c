// SPDX-License-Identifier: BSD-3-Clause
/*
 * check.c - all metadata against itself: every copy of every page, every
 * entry, every unit's owner.
 *
 * Crash story of a repair: a damaged copy is stored over from a good one, so
 * at any moment one copy is good; what changes the meaning of the pool (unit
 * states, a new journal) is one transaction at the end.
 *
 * Where a child's extents cannot be known (a NAT page or an AMT is lost), no
 * unit is taken from anybody: a USED unit without an owner stays USED.
 */
#include "pool/impl.h"

struct check {
	struct pool *pool;
	const struct pool_check_args *args;
	const struct pool_progress *progress;
	uint8_t *owned;		/* a bit per unit */
	uint32_t *order;	/* slots, to be sorted */
	uint32_t order_count;
	uint32_t group, group_first;	/* see child_check() */
	uint64_t owned_sum;	/* units, with those owned twice */
	bool owners_unknown;
};

size_t pool_check_memory_bytes(const struct pool_geometry *geometry)
{
	return geometry->children_max * sizeof(uint32_t) +
	       geometry->unit_count / 8 + 1;
}

/* Returns whether the caller is to mend it. */
static bool report(const struct check *c, enum pool_finding finding,
		   const char *what, uint64_t index, uint64_t offset,
		   uint64_t count, bool repairable)
{
	struct pool_problem problem = {
		.finding = finding,
		.where = { what, index, offset, 0, count },
		.repairable = repairable,
		.repaired = repairable && c->args->repair,
	};

	if (c->args->report)
		c->args->report(c->args->ctx, &problem);
	return problem.repaired;
}

/* ---- copies ------------------------------------------------------------------ */

/* Is the page just loaded a valid one, of a later transaction? */
static bool copy_is_newer(const struct pool *pool, uint64_t target,
			  const void *image)
{
	const struct pool_page *copy = (const struct pool_page *)pool->page;
	const char *magic;
	uint64_t place;

	return page_identify(pool, target, &magic, &place) &&
	       page_valid(pool->media, copy, magic, place, pool->geom.uuid) &&
	       get_le64(copy->seq) >
			get_le64(((const struct pool_page *)image)->seq);
}

/*
 * One copy on the media against the image that counts.  Pages of an unfinished
 * transaction (open for reading only) are not home yet, and may be torn.
 */
static int copy_check(struct check *c, const char *what, uint64_t index,
		      uint64_t target, uint64_t off, const void *image)
{
	struct pool *pool = c->pool;
	struct nvm_media *media = pool->media;

	if (!media->ops->load(media, off, pool->page, NVM_PAGE) &&
	    !memcmp(pool->page, image, NVM_PAGE))
		return 0;
	if (journal_has(pool, target))
		return 0;
	/* A whole page that is newer than the one that counts is no rubbish. */
	if (!report(c, FIND_COPY_DAMAGED, what, index, off, 1,
		    !copy_is_newer(pool, target, image)))
		return 0;
	return media->ops->store(media, off, image, NVM_PAGE);
}

static int gmb_copies_check(struct check *c)
{
	struct pool *pool = c->pool;
	bool found = false;
	int err = 0;

	/* One of the copies was good when the pool was opened. */
	for (unsigned copy = 0; copy < GMB_COPIES && !found; copy++)
		found = !pool->media->ops->load(pool->media,
					gmb_copy_off(pool->geom.size_bytes,
						     copy),
					pool->bounce, NVM_PAGE) &&
			page_valid(pool->media, pool->bounce, POOL_MAGIC_GMB,
				   0, pool->geom.uuid);
	if (!found) {
		report(c, FIND_PAGE_LOST, "GMB", 0, 0, GMB_COPIES, false);
		return 0;
	}
	for (unsigned copy = 0; copy < GMB_COPIES && !err; copy++)
		err = copy_check(c, "GMB copy", copy, 0,
				 gmb_copy_off(pool->geom.size_bytes,
						 copy),
				 pool->bounce);
	return err;
}

static int page_copies_check(struct check *c, const char *what, uint64_t index,
			     uint64_t target, const void *image)
{
	int err = copy_check(c, what, index, target, target, image);

	if (!err)
		err = copy_check(c, what, index, target,
				 page_copy_b(c->pool, target), image);
	return err;
}

static bool image_lost(const struct check *c, const void *image,
		       const char *magic, uint64_t index)
{
	return !page_valid(c->pool->media, image, magic, index,
			   c->pool->geom.uuid);
}

static int nat_copies_check(struct check *c)
{
	const struct pool_geometry *g = &c->pool->geom;
	int err = 0;

	for (uint64_t i = 0; i < g->nat_pages && !err; i++) {
		uint64_t target = g->nat_off + i * NVM_PAGE;

		if (image_lost(c, &c->pool->nat[i], POOL_MAGIC_NAT, i)) {
			report(c, FIND_PAGE_LOST, "NAT page", i, target, 1,
			       false);
			c->owners_unknown = true;
			continue;
		}
		err = page_copies_check(c, "NAT page", i, target,
					&c->pool->nat[i]);
	}
	return err;
}

/* Lost UMAP pages come after the owners are known. */
static int umap_copies_check(struct check *c)
{
	const struct pool_geometry *g = &c->pool->geom;
	int err = 0;

	for (uint64_t i = 0; i < g->umap_pages && !err; i++)
		if (!image_lost(c, &c->pool->umap[i], POOL_MAGIC_UMAP, i))
			err = page_copies_check(c, "UMAP page", i,
						g->umap_off + i * NVM_PAGE,
						&c->pool->umap[i]);
	return err;
}

/* ---- owners ------------------------------------------------------------------- */

/*
 * Mark a run as owned; report what somebody else owns already.  Owners of more
 * units than there are do not all get a look: on crafted media that would take
 * days.  Then nothing is known to be nobody's.
 */
static void own(struct check *c, uint32_t slot, struct unit_run run)
{
	uint64_t twice = 0, first = 0;

	c->owned_sum += run.count;
	if (c->owned_sum > 2 * c->pool->geom.unit_count) {
		report(c, FIND_UNIT_TWICE, "unit", slot,
		       unit_off(c->pool, run.start), run.count, false);
		c->owners_unknown = true;
		return;
	}
	for (uint64_t u = run.start; u < run.start + run.count; u++) {
		uint8_t bit = (uint8_t)(1u << u % 8);

		if (c->owned[u / 8] & bit) {
			first = twice++ ? first : u;
			continue;
		}
		c->owned[u / 8] |= bit;
	}
	if (twice)
		report(c, FIND_UNIT_TWICE, "unit", slot,
		       unit_off(c->pool, first), twice, false);
}

/* The first child of the group; looked up once a group, slots only ascend. */
static uint32_t group_first(struct check *c, uint32_t slot)
{
	uint32_t slots = (uint32_t)(c->pool->geom.unit_bytes / AMT_SLOT_BYTES);

	if (c->group != slot / slots + 1) {
		c->group = slot / slots + 1;
		c->group_first = amt_group_first(c->pool, slot, false);
	}
	return c->group_first;
}

static int child_check(struct check *c, uint32_t slot)
{
	struct pool *pool = c->pool;
	struct unit_run run[POOL_EXTENTS_MAX];
	uint64_t off = get_le64(nat_entry(pool, slot)->amt_off);
	uint32_t first = group_first(c, slot);
	size_t count;
	int err = amt_load(pool, slot, run, &count, NULL);

	if (err == -NVM_EBADMSG || err == -NVM_EIO) {
		report(c, FIND_EXTENT_BAD, "AMT", slot, off, 1, false);
		c->owners_unknown = true;
		return 0;
	}
	if (err)
		return err;
	/* amt_load() left the page that counts in the bounce buffer. */
	err = page_copies_check(c, "AMT", slot, off, pool->bounce);
	if (err)
		return err;
	if (first == slot)
		own(c, slot, (struct unit_run){ amt_unit(pool, slot), 1 });
	else if (amt_unit(pool, first) != amt_unit(pool, slot)) {
		report(c, FIND_EXTENT_BAD, "AMT place", slot, off, 1, false);
		/* Several of the group may share it: no unit is let go. */
		c->owners_unknown = true;
	}
	for (size_t i = 0; i < count; i++)
		own(c, slot, run[i]);
	return 0;
}

static int children_check(struct check *c)
{
	struct pool *pool = c->pool;
	int err = 0;

	for (uint32_t slot = 0; slot < pool->geom.children_max && !err;
	     slot++) {
		if (nat_entry_free(nat_entry(pool, slot)))
			continue;
		if (!nat_entry_valid(pool, slot)) {
			report(c, FIND_ENTRY_BAD, "NAT entry", slot,
			       pool->geom.nat_off, 1, false);
			c->owners_unknown = true;
			continue;
		}
		c->order[c->order_count++] = slot;
		err = child_check(c, slot);
	}
	return err;
}

/* ---- names and uuids ------------------------------------------------------------ */

static int order_compare(const struct check *c, uint32_t a, uint32_t b,
			 bool by_uuid)
{
	const struct pool_nat_entry *x = nat_entry(c->pool, a);
	const struct pool_nat_entry *y = nat_entry(c->pool, b);

	return by_uuid ? memcmp(x->uuid, y->uuid, sizeof(x->uuid)) :
			 memcmp(x->name, y->name, sizeof(x->name));
}

static void order_sift(struct check *c, uint32_t at, uint32_t count,
		       bool by_uuid)
{
	for (;;) {
		uint32_t most = at;

		for (uint32_t k = 2 * at + 1; k <= 2 * at + 2; k++)
			if (k < count && order_compare(c, c->order[k],
						       c->order[most],
						       by_uuid) > 0)
				most = k;
		if (most == at)
			return;
		uint32_t swap = c->order[at];

		c->order[at] = c->order[most];
		c->order[most] = swap;
		at = most;
	}
}

static void twins_check(struct check *c, bool by_uuid)
{
	for (uint32_t i = c->order_count / 2; i-- > 0;)
		order_sift(c, i, c->order_count, by_uuid);
	for (uint32_t n = c->order_count; n-- > 1;) {
		uint32_t swap = c->order[0];

		c->order[0] = c->order[n];
		c->order[n] = swap;
		order_sift(c, 0, n, by_uuid);
	}
	for (uint32_t i = 1; i < c->order_count; i++)
		if (!order_compare(c, c->order[i - 1], c->order[i], by_uuid))
			report(c, FIND_ENTRY_BAD,
			       by_uuid ? "NAT entry's uuid" :
					 "NAT entry's name",
			       c->order[i], c->pool->geom.nat_off, 1, false);
}

/* ---- unit states ------------------------------------------------------------------ */

static bool unit_owned(const struct check *c, uint64_t unit)
{
	return c->owned[unit / 8] >> unit % 8 & 1;
}

/*
 * All that a lost UMAP page said is gone: what has an owner is USED, what has
 * none is DIRTY, or USED where owners are unknown.  Poison is found again by
 * whoever knows the device.
 */
static void umap_rebuild(struct check *c, uint64_t index)
{
	struct pool *pool = c->pool;
	uint64_t unit = index * UMAP_UNITS_A_PAGE;
	uint64_t end = unit + UMAP_UNITS_A_PAGE;

	if (!report(c, FIND_PAGE_LOST, "UMAP page", index,
		    pool->geom.umap_off + index * NVM_PAGE, 1, true))
		return;
	memset(txn_umap(pool, index), 0, NVM_PAGE);
	for (; unit < end && unit < pool->geom.unit_count; unit++)
		umap_set(pool, (struct unit_run){ unit, 1 },
			 unit_owned(c, unit) || c->owners_unknown ?
			 UNIT_USED : UNIT_DIRTY);
}

/* 32 units at once: that is how nearly all of a large pool is passed. */
static bool states_agree(const struct check *c, uint64_t unit)
{
	const uint8_t *owned = c->owned + unit / 8;

	if (unit % 32 || unit + 32 > c->pool->geom.unit_count)
		return false;
	return get_le32((le32_t){ { owned[0], owned[1], owned[2],
				    owned[3] } }) ==
	       umap_used32(c->pool, unit);
}

/* One of what may be wrong with unit states, in runs. */
static void mismatch_check(struct check *c, bool lost)
{
	struct pool *pool = c->pool;
	uint64_t count = pool->geom.unit_count;

	for (uint64_t u = 0; u < count;) {
		struct unit_run run = { u, 0 };

		if (states_agree(c, u)) {
			u += 32;
			continue;
		}
		for (; u < count; u++, run.count++) {
			bool used = pool_unit_state(pool, u) == UNIT_USED;

			if (used == unit_owned(c, u) || used != lost)
				break;
		}
		if (!run.count) {
			u++;
			continue;
		}
		if (report(c, lost ? FIND_UNIT_LOST : FIND_UNIT_UNMARKED,
			   "unit", run.start, unit_off(pool, run.start),
			   run.count, !lost || !c->owners_unknown))
			umap_set(pool, run, lost ? UNIT_DIRTY : UNIT_USED);
	}
}

static bool unit_reads_zero(struct pool *pool, uint64_t unit)
{
	uint64_t off = unit_off(pool, unit);

	for (uint64_t at = 0; at < pool->geom.unit_bytes; at += BOUNCE_BYTES)
		if (pool->media->ops->load(pool->media, off + at, pool->bounce,
					   BOUNCE_BYTES) ||
		    !page_is_zero(pool->bounce, BOUNCE_BYTES))
			return false;
	return true;
}

static int clean_units_check(struct check *c)
{
	struct pool *pool = c->pool;
	uint64_t total = pool->geom.unit_count * pool->geom.unit_bytes;

	for (struct unit_run run = { 0, 0 };;) {
		run = umap_run(pool, run.start + run.count, UMAP_CLEAN);
		if (!run.count)
			return 0;
		for (uint64_t u = run.start; u < run.start + run.count; u++) {
			if (c->progress &&
			    !c->progress->step(c->progress->ctx, u *
					       pool->geom.unit_bytes, total))
				return -NVM_EINTR;
			if (!unit_reads_zero(pool, u) &&
			    report(c, FIND_UNIT_UNCLEAN, "unit", u,
				   unit_off(pool, u), 1, true))
				umap_set(pool, (struct unit_run){ u, 1 },
					 UNIT_DIRTY);
		}
	}
}

static int states_check(struct check *c)
{
	struct pool *pool = c->pool;

	for (uint64_t i = 0; i < pool->geom.umap_pages; i++)
		if (image_lost(c, &pool->umap[i], POOL_MAGIC_UMAP, i) &&
		    !pool->in_txn[pool->geom.nat_pages + i])
			umap_rebuild(c, i);
	mismatch_check(c, true);
	mismatch_check(c, false);
	return c->args->read_clean_units ? clean_units_check(c) : 0;
}

int pool_check(struct pool *pool, const struct pool_check_args *args,
	       const struct pool_progress *progress, struct nvm_fault *fault)
{
	struct check c = { .pool = pool, .args = args, .progress = progress };
	int err = args->repair ? txn_begin(pool) : 0;

	if (err)
		return err;
	c.order = args->mem;
	c.owned = (uint8_t *)(c.order + pool->geom.children_max);
	memset(c.owned, 0, pool->geom.unit_count / 8 + 1);

	err = gmb_copies_check(&c);
	if (!err)
		err = nat_copies_check(&c);
	if (!err)
		err = umap_copies_check(&c);
	if (!err)
		err = children_check(&c);
	if (!err && args->repair)
		err = pool_barrier(pool);
	if (err) {
		txn_abort(pool);
		return nvm_fault_set(fault, err, "metadata", 0, 0, 0, 0);
	}
	twins_check(&c, false);
	twins_check(&c, true);
	if (pool->health.journal_damaged &&
	    report(&c, FIND_JOURNAL_DAMAGED, "journal", 0,
		   pool->geom.journal_off, 1, !c.owners_unknown))
		txn_nat(pool, 0);
	err = states_check(&c);
	if (err || !pool->txn_count) {
		txn_abort(pool);
		return err;
	}
	err = txn_commit(pool, fault);
	if (!err)
		pool->health = (struct pool_health){ 0 };
	return err;
}
