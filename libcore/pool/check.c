// SPDX-License-Identifier: BSD-3-Clause
/*
 * check.c - all metadata against itself: every copy of every page here, every
 * entry and every unit's owner in check_owners.c.
 *
 * Crash story of a repair: a damaged copy is stored over from a good one, so
 * at any moment one copy is good; what changes the meaning of the pool (unit
 * states, a new journal) is one transaction at the end.
 */
#include "pool/check.h"

size_t pool_check_memory_bytes(const struct pool_geometry *geometry)
{
	return geometry->children_max * sizeof(uint32_t) +
	       geometry->unit_count / 8 + 1;
}

bool check_report(const struct check *c, enum pool_finding finding,
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

/* Of the page just loaded. */
static bool copy_is_valid(const struct pool *pool, uint64_t target)
{
	const char *magic;
	uint64_t place;

	return page_identify(pool, target, &magic, &place) &&
	       page_valid(pool->media, pool->page, magic, place,
			  pool->geom.uuid);
}

static bool copy_is_newer(const struct pool *pool, uint64_t target,
			  const void *image)
{
	const struct pool_page *copy = (const struct pool_page *)pool->page;

	return copy_is_valid(pool, target) &&
	       get_le64(copy->seq) >
			get_le64(((const struct pool_page *)image)->seq);
}

/*
 * One copy on the media against the image that counts.  Pages of an unfinished
 * transaction (open for reading only) are not home yet; one that is torn is
 * told all the same, as nobody can say whether it was the crash.
 */
static int copy_check(struct check *c, const char *what, uint64_t index,
		      uint64_t target, uint64_t off, const void *image)
{
	struct pool *pool = c->pool;
	struct nvm_media *media = pool->media;
	bool loaded = !media->ops->load(media, off, pool->page, NVM_PAGE);

	if (loaded && !memcmp(pool->page, image, NVM_PAGE))
		return 0;
	if (loaded && journal_has(pool, target) && copy_is_valid(pool, target))
		return 0;
	/* A whole page that is newer than the one that counts is no rubbish. */
	if (!check_report(c, FIND_COPY_DAMAGED, what, index, off, 1,
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
		check_report(c, FIND_PAGE_LOST, "GMB", 0, 0, GMB_COPIES, false);
		return 0;
	}
	for (unsigned copy = 0; copy < GMB_COPIES && !err; copy++)
		err = copy_check(c, "GMB copy", copy, 0,
				 gmb_copy_off(pool->geom.size_bytes,
						 copy),
				 pool->bounce);
	return err;
}

int check_page_copies(struct check *c, const char *what, uint64_t index,
		      uint64_t target, const void *image)
{
	int err = copy_check(c, what, index, target, target, image);

	if (!err)
		err = copy_check(c, what, index, target,
				 page_copy_b(c->pool, target), image);
	return err;
}

bool check_image_lost(const struct check *c, const void *image,
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

		if (check_image_lost(c, &c->pool->nat[i], POOL_MAGIC_NAT, i)) {
			check_report(c, FIND_PAGE_LOST, "NAT page", i, target, 1,
			       false);
			c->owners_unknown = true;
			continue;
		}
		err = check_page_copies(c, "NAT page", i, target,
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
		if (!check_image_lost(c, &c->pool->umap[i], POOL_MAGIC_UMAP, i))
			err = check_page_copies(c, "UMAP page", i,
						g->umap_off + i * NVM_PAGE,
						&c->pool->umap[i]);
	return err;
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
		err = check_children(&c);
	if (!err && args->repair)
		err = pool_barrier(pool);
	if (err) {
		txn_abort(pool);
		return nvm_fault_set(fault, err, "metadata", 0, 0, 0, 0);
	}
	check_twins(&c, false);
	check_twins(&c, true);
	if (pool->health.journal_damaged &&
	    check_report(&c, FIND_JOURNAL_DAMAGED, "journal", pool->seq % 2,
			 pool->geom.journal_off +
			 pool->seq % 2 * pool->geom.journal_slot_bytes, 1,
			 !c.owners_unknown))
		txn_nat(pool, 0);
	err = check_states(&c);
	if (err || !pool->txn_count) {
		txn_abort(pool);
		return err;
	}
	err = txn_commit(pool, fault);
	if (!err)
		pool->health = (struct pool_health){ 0 };
	return err;
}
