// SPDX-License-Identifier: BSD-3-Clause
/*
 * check_owners.c - whose is each unit: the NAT's entries and their AMTs, and
 * the UMAP against them.
 *
 * Where a child's extents cannot be known (a NAT page or an AMT is lost), no
 * unit is taken from anybody: a USED unit without an owner stays USED.
 */
#include "pool/check.h"

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
		check_report(c, FIND_UNIT_TWICE, "unit", slot,
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
		check_report(c, FIND_UNIT_TWICE, "unit", slot,
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
		check_report(c, FIND_EXTENT_BAD, "AMT", slot, off, 1, false);
		c->owners_unknown = true;
		return 0;
	}
	if (err)
		return err;
	/* amt_load() left the page that counts in the bounce buffer. */
	err = check_page_copies(c, "AMT", slot, off, pool->bounce);
	if (err)
		return err;
	if (first == slot)
		own(c, slot, (struct unit_run){ amt_unit(pool, slot), 1 });
	else if (amt_unit(pool, first) != amt_unit(pool, slot)) {
		check_report(c, FIND_EXTENT_BAD, "AMT place", slot, off, 1, false);
		/* Several of the group may share it: no unit is let go. */
		c->owners_unknown = true;
	}
	for (size_t i = 0; i < count; i++)
		own(c, slot, run[i]);
	return 0;
}

int check_children(struct check *c)
{
	struct pool *pool = c->pool;
	int err = 0;

	for (uint32_t slot = 0; slot < pool->geom.children_max && !err;
	     slot++) {
		if (nat_entry_free(nat_entry(pool, slot)))
			continue;
		if (!nat_entry_valid(pool, slot)) {
			check_report(c, FIND_ENTRY_BAD, "NAT entry", slot,
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

void check_twins(struct check *c, bool by_uuid)
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
			check_report(c, FIND_ENTRY_BAD,
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

	if (!check_report(c, FIND_PAGE_LOST, "UMAP page", index,
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
		if (check_report(c, lost ? FIND_UNIT_LOST : FIND_UNIT_UNMARKED,
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
			    check_report(c, FIND_UNIT_UNCLEAN, "unit", u,
				   unit_off(pool, u), 1, true))
				umap_set(pool, (struct unit_run){ u, 1 },
					 UNIT_DIRTY);
		}
	}
}

int check_states(struct check *c)
{
	struct pool *pool = c->pool;

	for (uint64_t i = 0; i < pool->geom.umap_pages; i++)
		if (check_image_lost(c, &pool->umap[i], POOL_MAGIC_UMAP, i) &&
		    !pool->in_txn[pool->geom.nat_pages + i])
			umap_rebuild(c, i);
	mismatch_check(c, true);
	mismatch_check(c, false);
	return c->args->read_clean_units ? clean_units_check(c) : 0;
}
