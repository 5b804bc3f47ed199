// SPDX-License-Identifier: BSD-3-Clause
/*
 * move.c - one extent moves to other units, and which move makes the pool's
 * free space more of a piece.
 *
 * Crash story: the target is DIRTY, durably, before a byte is copied there,
 * so a copy that nobody finished is never taken for clean; the copy is
 * durable before the transaction that switches the AMT to it; that same
 * transaction makes the source DIRTY.
 *
 * Extents of a stamped child are what its guest knows, so they move whole and
 * are never joined; extents of a raw child that end up side by side are.
 */
#include "pool/impl.h"

static int copy_extent(struct pool *pool, uint64_t from, uint64_t to,
		       uint64_t bytes, const struct pool_progress *progress)
{
	struct nvm_media *media = pool->media;
	int err = 0;

	for (uint64_t done = 0; done < bytes && !err; done += BOUNCE_BYTES) {
		if (progress && done % (1u << 20) == 0 &&
		    !progress->step(progress->ctx, done, bytes))
			return -NVM_EINTR;
		err = media->ops->load(media, from + done, pool->bounce,
				       BOUNCE_BYTES);
		if (err)
			break;
		if (page_is_zero(pool->bounce, BOUNCE_BYTES))
			err = media->ops->discard(media, to + done,
						  BOUNCE_BYTES);
		else
			err = media->ops->store(media, to + done, pool->bounce,
						BOUNCE_BYTES);
	}
	/* The last chance to say no: a VM may have come up meanwhile. */
	if (progress && !err &&
	    !progress->step(progress->ctx, bytes, bytes))
		err = -NVM_EINTR;
	return err ? err : pool_barrier(pool);
}

static int make_dirty(struct pool *pool, struct unit_run run,
		      struct nvm_fault *fault)
{
	if (umap_next(pool, run.start, UMAP_CLEAN) >= run.start + run.count)
		return 0;
	umap_set(pool, run, UNIT_DIRTY);
	return txn_commit(pool, fault);
}

static size_t join_adjacent(struct unit_run *run, size_t count)
{
	size_t n = 0;

	for (size_t i = 1; i < count; i++) {
		if (run[n].start + run[n].count == run[i].start)
			run[n].count += run[i].count;
		else
			run[++n] = run[i];
	}
	return n + 1;
}

static bool target_fits(const struct pool *pool, uint32_t slot,
			struct unit_run to)
{
	const struct pool_nat_entry *e = nat_entry(pool, slot);
	struct alloc_want rules = alloc_rules(pool, to.count, child_for_vm(e),
					      (enum pool_mode)e->mode);

	return to.start < pool->geom.unit_count &&
	       to.count <= pool->geom.unit_count - to.start &&
	       umap_all(pool, to, UMAP_FREE) &&
	       !(unit_off(pool, to.start) /
		 pool->geom.unit_bytes % rules.align_units);
}

int pool_move(struct pool *pool, uint32_t slot, uint32_t extent,
	      uint64_t target_unit, const struct pool_progress *progress,
	      struct nvm_fault *fault)
{
	struct unit_run run[POOL_EXTENTS_MAX], from, to;
	size_t count;
	int err = child_begin(pool, slot, run, &count, fault);

	if (err)
		return err;
	if (extent >= count)
		return -NVM_EINVAL;
	from = run[extent];
	to = (struct unit_run){ target_unit, from.count };
	if (!target_fits(pool, slot, to))
		return nvm_fault_set(fault, -NVM_EINVAL, "target", slot,
				     target_unit, 0, 0);
	if (!umap_all(pool, from, UMAP_USED))
		return nvm_fault_set(fault, -NVM_EBADMSG, "UMAP", slot,
				     unit_off(pool, from.start), 0, 0);

	err = make_dirty(pool, to, fault);
	if (!err)
		err = copy_extent(pool, unit_off(pool, from.start),
				  unit_off(pool, to.start),
				  from.count * pool->geom.unit_bytes,
				  progress);
	if (!err)
		err = txn_begin(pool);
	if (err)
		return err;
	umap_set(pool, to, UNIT_USED);
	umap_set(pool, from, UNIT_DIRTY);
	run[extent] = to;
	if (nat_entry(pool, slot)->mode == POOL_MODE_RAW)
		count = join_adjacent(run, count);
	err = amt_store(pool, slot, run, count);
	if (err) {
		txn_abort(pool);
		return err;
	}
	return txn_commit(pool, fault);
}

/* ---- compaction ------------------------------------------------------------ */

typedef bool (*movable_fn)(void *ctx, uint32_t slot);

/*
 * What did not fit: no hole before @to holds @count units so aligned, and so
 * none holds more, or earlier, or more strictly aligned.  With it a pool of
 * many equal children is searched once and not once a child.
 */
struct no_fit {
	uint64_t count, to, align_units;
};

static struct unit_run hole_below(const struct pool *pool,
				  struct no_fit *no_fit, struct unit_run run,
				  uint64_t align_units)
{
	struct unit_run hole = { 0, 0 };

	if (no_fit->count && run.count >= no_fit->count &&
	    run.start <= no_fit->to && align_units >= no_fit->align_units)
		return hole;
	hole = alloc_first_fit(pool, 0, run.start, run.count, align_units);
	if (!hole.count && (!no_fit->count || run.start > no_fit->to))
		*no_fit = (struct no_fit){ run.count, run.start, align_units };
	return hole;
}

/*
 * The largest extent that fits whole into a hole before it, of equals the last
 * by address: small ones first would leave holes too small for the large.
 */
static bool plan_down(struct pool *pool, movable_fn movable, void *ctx,
		      struct pool_move_plan *ret_plan)
{
	struct unit_run run[POOL_EXTENTS_MAX];
	struct pool_child child;
	struct no_fit no_fit = { 0 };
	bool found = false;

	for (uint32_t cursor = 0; pool_child_next(pool, &cursor, &child);) {
		const struct pool_nat_entry *e = nat_entry(pool, child.slot);
		size_t count;

		if (amt_load(pool, child.slot, run, &count, NULL))
			continue;
		for (size_t i = 0; i < count; i++) {
			struct alloc_want rules = alloc_rules(
				pool, run[i].count, child_for_vm(e),
				child.mode);
			struct unit_run hole;

			if (found && (run[i].count < ret_plan->unit_count ||
				      (run[i].count == ret_plan->unit_count &&
				       run[i].start < ret_plan->from_unit)))
				continue;
			hole = hole_below(pool, &no_fit, run[i],
					  rules.align_units);
			if (!hole.count || !movable(ctx, child.slot))
				continue;
			found = true;
			*ret_plan = (struct pool_move_plan){
				child.slot, (uint32_t)i, run[i].start,
				hole.start, run[i].count,
			};
		}
	}
	return found;
}

/* Would it lie lower than now in the hole that it and @low make together? */
static bool can_sink(const struct pool *pool, struct unit_run low,
		     struct unit_run extent, uint64_t align_units)
{
	uint64_t at = low.start;

	while (unit_off(pool, at) / pool->geom.unit_bytes % align_units)
		at++;
	return at < extent.start;
}

/*
 * No hole holds an extent from above it.  Take the extent right behind the
 * lowest hole out of the way, up into a hole that holds it, if there is one:
 * the low hole grows by it, and something moves down into it next.  Each such
 * pair packs more units before the lowest hole, so it ends.
 */
static bool plan_up(struct pool *pool, movable_fn movable, void *ctx,
		    struct pool_move_plan *ret_plan)
{
	struct unit_run run[POOL_EXTENTS_MAX];
	struct unit_run low = umap_run(pool, 0, UMAP_FREE);
	struct pool_child child;

	if (!low.count)
		return false;
	for (uint32_t cursor = 0; pool_child_next(pool, &cursor, &child);) {
		const struct pool_nat_entry *e = nat_entry(pool, child.slot);
		size_t count;

		if (amt_load(pool, child.slot, run, &count, NULL))
			continue;
		for (size_t i = 0; i < count; i++) {
			struct alloc_want rules = alloc_rules(
				pool, run[i].count, child_for_vm(e),
				child.mode);
			struct unit_run hole;

			if (run[i].start != low.start + low.count)
				continue;
			if (!can_sink(pool, low, run[i],
				      rules.align_units))
				return false;
			hole = alloc_first_fit(pool,
					       run[i].start + run[i].count,
					       pool->geom.unit_count,
					       run[i].count,
					       rules.align_units);
			if (!hole.count || !movable(ctx, child.slot))
				return false;
			*ret_plan = (struct pool_move_plan){
				child.slot, (uint32_t)i, run[i].start,
				hole.start, run[i].count,
			};
			return true;
		}
	}
	return false;
}

bool pool_compact_next(struct pool *pool, movable_fn movable, void *ctx,
		       struct pool_move_plan *ret_plan)
{
	return plan_down(pool, movable, ctx, ret_plan) ||
	       plan_up(pool, movable, ctx, ret_plan);
}
