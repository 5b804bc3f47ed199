// SPDX-License-Identifier: BSD-3-Clause
/*
 * resize.c - a child becomes longer or shorter at its end.
 *
 * The list of extents of a stamped child is what its guest sees: extents are
 * never joined or split here, only the last one changes its length, and new
 * ones come behind it.
 *
 * Crash story: new units read as zeros, durably, before the transaction that
 * gives them to the child; units cut off become DIRTY in the transaction that
 * takes them away.
 */
#include "pool/impl.h"

struct resize {
	struct pool *pool;
	uint32_t slot;
	const struct pool_nat_entry *entry;
	struct unit_run run[POOL_EXTENTS_MAX];
	size_t count, old_count;
	uint64_t old_last_count;	/* units of the last of the old ones */
	bool append;			/* old extents stay as they are */
	uint64_t align_units, units_min;
};

/*
 * How many of @units to take right behind the last extent: all that are free
 * there, but no more than leaves enough for an extent elsewhere.
 */
static uint64_t room_behind(const struct resize *r, uint64_t units)
{
	const struct unit_run *last = &r->run[r->count - 1];
	uint64_t end = last->start + last->count;
	uint64_t free = umap_next(r->pool, end, UMAP_NOT_FREE) - end;

	if (r->append)
		return 0;
	if (free >= units)
		return units;
	if (units - free < r->units_min)
		free = units > r->units_min ? units - r->units_min : 0;
	return free / r->align_units * r->align_units;
}

/* More extents for what does not fit behind the last one. */
static int grow_elsewhere(struct resize *r, uint64_t units,
			  struct nvm_fault *fault)
{
	struct unit_run more[POOL_EXTENTS_MAX];
	struct alloc_want want = alloc_rules(r->pool, units,
					     child_for_vm(r->entry),
					     (enum pool_mode)r->entry->mode);
	struct unit_run *last = &r->run[r->count - 1];
	size_t count;
	int err;

	if (want.extents_max <= r->count)
		return nvm_fault_set(fault, -NVM_EFRAG, "extents", 0, 0,
				     want.extents_max, r->count + 1);
	if (child_for_vm(r->entry) &&
	    (last->count < want.units_min || units < want.units_min))
		return nvm_fault_set(fault, -NVM_EFRAG, "extent size", 0, 0,
				     VM_EXTENT_MIN,
				     (last->count < units ? last->count :
				      units) * r->pool->geom.unit_bytes);
	want.extents_max -= (uint32_t)r->count;
	err = alloc_plan(r->pool, &want, more, &count, fault);
	if (err)
		return err;
	memcpy(r->run + r->count, more, count * sizeof(*more));
	r->count += count;
	return 0;
}

/* Put what is new, in units not USED yet, into @ret_run. */
static size_t grown_runs(const struct resize *r, struct unit_run *ret_run)
{
	const struct unit_run *last = &r->run[r->old_count - 1];
	size_t n = 0;

	if (last->count > r->old_last_count)
		ret_run[n++] = (struct unit_run){
			last->start + r->old_last_count,
			last->count - r->old_last_count,
		};
	for (size_t i = r->old_count; i < r->count; i++)
		ret_run[n++] = r->run[i];
	return n;
}

static int grow(struct resize *r, uint64_t units,
		const struct pool_progress *progress, struct nvm_fault *fault)
{
	struct unit_run fresh[POOL_EXTENTS_MAX + 1];
	struct unit_run *last = &r->run[r->count - 1];
	uint64_t here = room_behind(r, units);
	size_t n;
	int err = 0;

	if (here < units) {
		/* Whole extents elsewhere, if the rest would be too short. */
		umap_set(r->pool, (struct unit_run){ last->start + last->count,
						     here }, UNIT_USED);
		last->count += here;
		err = grow_elsewhere(r, units - here, fault);
		if (err && here) {
			txn_abort(r->pool);
			last->count -= here;
			here = 0;
			err = r->pool->broken ? -NVM_EIO :
			      grow_elsewhere(r, units, fault);
		}
	} else {
		last->count += here;
	}
	if (err)
		return err;
	n = grown_runs(r, fresh);
	if (here < units)	/* undo the mark: DIRTY must be seen as such */
		txn_abort(r->pool);
	err = r->pool->broken ? -NVM_EIO :
	      umap_zero(r->pool, fresh, n, progress);
	for (size_t i = 0; i < n && !err; i++)
		umap_set(r->pool, fresh[i], UNIT_USED);
	return err;
}

static int shrink(struct resize *r, uint64_t units, struct nvm_fault *fault)
{
	uint64_t least = child_for_vm(r->entry) ?
			 VM_EXTENT_MIN / r->pool->geom.unit_bytes : 1;

	while (units) {
		struct unit_run *last = &r->run[r->count - 1];
		uint64_t cut = units < last->count ? units : last->count;
		struct unit_run gone = { last->start + last->count - cut,
					 cut };

		if (!umap_all(r->pool, gone, UMAP_USED))
			return nvm_fault_set(fault, -NVM_EBADMSG, "UMAP",
					     r->slot,
					     unit_off(r->pool, gone.start), 0,
					     0);
		umap_set(r->pool, gone, UNIT_DIRTY);
		last->count -= cut;
		units -= cut;
		if (!last->count)
			r->count--;
		else if (r->count > 1 && last->count < least)
			return nvm_fault_set(fault, -NVM_ERANGE, "extent size",
					     r->count - 1, 0, VM_EXTENT_MIN,
					     last->count *
					     r->pool->geom.unit_bytes);
	}
	return 0;
}

/*
 * New extents get a stamp; the stamp of an old one is brought up to date if
 * the guest has left it as we wrote it.
 */
static int restamp(struct resize *r)
{
	enum pool_mode mode = (enum pool_mode)r->entry->mode;
	struct pool *pool = r->pool;

	if (mode == POOL_MODE_RAW)
		return 0;
	for (size_t i = 0; i < r->count; i++) {
		uint64_t off = unit_off(pool, r->run[i].start) + STAMP_OFF;
		bool changed = r->count != r->old_count ||
			       i == r->old_count - 1;
		uint8_t *page;
		int err;

		if (!changed)
			continue;
		if (i < r->old_count) {
			err = pool->media->ops->load(pool->media, off,
						     pool->page, NVM_PAGE);
			if (err)
				return err;
			if (!stamp_is_ours(pool->page, mode, r->entry->uuid))
				continue;
		}
		page = txn_extra(pool, off | JOURNAL_STAMP);
		if (!page)
			return -NVM_ENOMEM;
		stamp_build(page, mode, r->entry->uuid, (uint32_t)i,
			    (uint32_t)r->count,
			    r->run[i].count * pool->geom.unit_bytes);
	}
	return 0;
}

static int resize_check(const struct resize *r, uint64_t size_bytes,
			struct nvm_fault *fault)
{
	uint64_t unit = r->pool->geom.unit_bytes;

	if (!size_bytes || size_bytes % unit)
		return nvm_fault_set(fault, -NVM_EINVAL, "size", 0, 0, unit,
				     size_bytes);
	if (child_for_vm(r->entry) && size_bytes % VM_ALIGN)
		return nvm_fault_set(fault, -NVM_EINVAL, "size", 0, 0,
				     VM_ALIGN, size_bytes);
	if (r->entry->mode != POOL_MODE_RAW &&
	    size_bytes < 2 * STAMP_DATA_OFF)
		return nvm_fault_set(fault, -NVM_ERANGE, "size", 0, 0,
				     2 * STAMP_DATA_OFF, size_bytes);
	if (size_bytes / unit > r->pool->geom.unit_count)
		return nvm_fault_set(fault, -NVM_ENOSPC, "free units", 0, 0,
				     size_bytes, r->pool->geom.unit_count *
				     unit);
	return 0;
}

static int resize(struct pool *pool, uint32_t slot, uint64_t size_bytes,
		  bool append, const struct pool_progress *progress,
		  struct nvm_fault *fault)
{
	struct resize r = { .pool = pool, .slot = slot, .append = append };
	struct alloc_want rules;
	uint64_t old, units;
	int err = child_begin(pool, slot, r.run, &r.count, fault);

	if (err)
		return err;
	r.entry = nat_entry(pool, slot);
	err = resize_check(&r, size_bytes, fault);
	if (err)
		return err;
	r.old_count = r.count;
	r.old_last_count = r.run[r.count - 1].count;
	rules = alloc_rules(pool, 1, child_for_vm(r.entry),
			    (enum pool_mode)r.entry->mode);
	r.align_units = rules.align_units;
	r.units_min = rules.units_min;
	old = get_le64(r.entry->size_units);
	units = size_bytes / pool->geom.unit_bytes;
	if (units == old)
		return 0;
	if (append && units < old)
		return nvm_fault_set(fault, -NVM_EINVAL, "size", 0, 0,
				     old * pool->geom.unit_bytes, size_bytes);
	err = units > old ? grow(&r, units - old, progress, fault) :
			    shrink(&r, old - units, fault);
	if (err)
		goto abort;
	nat_entry_txn(pool, slot)->size_units = put_le64(units);
	err = amt_store(pool, slot, r.run, r.count);
	if (!err)
		err = restamp(&r);
	if (err)
		goto abort;
	return txn_commit(pool, fault);
abort:
	txn_abort(pool);
	return err;
}

int pool_resize(struct pool *pool, uint32_t slot, uint64_t size_bytes,
		const struct pool_progress *progress, struct nvm_fault *fault)
{
	return resize(pool, slot, size_bytes, false, progress, fault);
}

int pool_extend(struct pool *pool, uint32_t slot, uint64_t size_bytes,
		const struct pool_progress *progress, struct nvm_fault *fault)
{
	return resize(pool, slot, size_bytes, true, progress, fault);
}
