// SPDX-License-Identifier: BSD-3-Clause
/*
 * carve.c - a child comes to be, changes its particulars, and is released.
 *
 * Crash story: what is not metadata (zeroing DIRTY units) is done and durable
 * before the transaction; the rest, stamps included, is the transaction.
 */
#include "pool/impl.h"

static int carve_check(const struct pool *pool,
		       const struct pool_carve_args *args,
		       struct nvm_fault *fault)
{
	uint64_t unit = pool->geom.unit_bytes;
	bool vm_rules = args->for_vm || args->mode != POOL_MODE_RAW;
	struct pool_child other;

	if (!pool_name_valid(args->name) ||
	    (args->vm && args->vm[0] && !pool_name_valid(args->vm)))
		return nvm_fault_set(fault, -NVM_EINVAL, "name", 0, 0,
				     POOL_NAME_MAX, 0);
	if (!args->uuid || args->mode > POOL_MODE_FSDAX ||
	    args->device > POOL_DEVICE_VIRTIO_PMEM ||
	    args->grow_to_bytes > POOL_SIZE_MAX ||
	    (args->flags & ~(POOL_CHILD_READ_ONLY | POOL_CHILD_SHARED)))
		return nvm_fault_set(fault, -NVM_EINVAL, "arguments", 0, 0, 0,
				     0);
	if (!args->size_bytes || args->size_bytes % unit)
		return nvm_fault_set(fault, -NVM_EINVAL, "size", 0, 0, unit,
				     args->size_bytes);
	if (vm_rules && args->size_bytes % VM_ALIGN)
		return nvm_fault_set(fault, -NVM_EINVAL, "size", 0, 0,
				     VM_ALIGN, args->size_bytes);
	if (args->mode != POOL_MODE_RAW &&
	    args->size_bytes < 2 * STAMP_DATA_OFF)
		return nvm_fault_set(fault, -NVM_ERANGE, "size", 0, 0,
				     2 * STAMP_DATA_OFF, args->size_bytes);
	if (!pool_child_find(pool, args->name, &other))
		return nvm_fault_set(fault, -NVM_EEXIST, "name", other.slot, 0,
				     0, 0);
	return 0;
}

static int free_slot(const struct pool *pool, uint32_t *ret_slot,
		     struct nvm_fault *fault)
{
	for (uint32_t slot = 0; slot < pool->geom.children_max; slot++) {
		if (get_le64(nat_entry(pool, slot)->size_units) ||
		    !nat_entry_free(nat_entry(pool, slot)))
			continue;
		*ret_slot = slot;
		return 0;
	}
	return nvm_fault_set(fault, -NVM_ENOSPC, "NAT", 0, 0,
			     pool->geom.children_max,
			     pool->geom.children_max);
}

static void name_put(char *field, const char *name)
{
	memset(field, 0, POOL_NAME_MAX + 1);
	for (size_t i = 0; name && name[i] && i < POOL_NAME_MAX; i++)
		field[i] = name[i];
}

/*
 * The group's AMT unit, or a new one: the first of the shortest free run.  It
 * is zeroed like any other: nothing that a guest left there is to be found
 * where an AMT is looked for.
 */
static int amt_unit_take(struct pool *pool, uint32_t slot, uint64_t *ret_unit,
			 struct nvm_fault *fault)
{
	const struct alloc_want want = { 1, 1, 1, 1 };
	uint32_t first = amt_group_first(pool, slot, true);
	struct unit_run run[1];
	size_t count;
	int err;

	if (first < pool->geom.children_max) {
		*ret_unit = amt_unit(pool, first);
		return 0;
	}
	err = alloc_plan(pool, &want, run, &count, fault);
	if (!err)
		err = umap_zero(pool, run, 1, NULL);
	if (err)
		return err;
	umap_set(pool, run[0], UNIT_USED);
	*ret_unit = run[0].start;
	return 0;
}

static int stamps_put(struct pool *pool, const struct pool_carve_args *args,
		      const uint8_t *uuid, const struct unit_run *run,
		      size_t count)
{
	if (args->mode == POOL_MODE_RAW)
		return 0;
	for (size_t i = 0; i < count; i++) {
		uint8_t *page = txn_extra(pool, (unit_off(pool, run[i].start) +
						 STAMP_OFF) | JOURNAL_STAMP);

		if (!page)
			return -NVM_ENOMEM;
		stamp_build(page, args->mode, uuid, (uint32_t)i,
			    (uint32_t)count,
			    run[i].count * pool->geom.unit_bytes);
	}
	return 0;
}

static void entry_put(struct pool *pool, uint32_t slot,
		      const struct pool_carve_args *args, uint64_t unit)
{
	struct pool_nat_entry *e = nat_entry_txn(pool, slot);
	uint64_t slots = pool->geom.unit_bytes / AMT_SLOT_BYTES;

	e->size_units = put_le64(args->size_bytes / pool->geom.unit_bytes);
	e->amt_off = put_le64(unit_off(pool, unit) +
			      slot % slots * AMT_SLOT_BYTES);
	memcpy(e->uuid, args->uuid, POOL_UUID_LEN - 2);
	e->created_s = put_le64(args->created_s);
	e->grow_to_bytes = put_le64(args->grow_to_bytes);
	e->flags = put_le32(args->flags);
	e->mode = (uint8_t)args->mode;
	e->device = (uint8_t)args->device;
	name_put(e->name, args->name);
	name_put(e->vm, args->vm);
}

int pool_carve(struct pool *pool, const struct pool_carve_args *args,
	       const struct pool_progress *progress,
	       struct pool_child *ret_child, struct nvm_fault *fault)
{
	struct unit_run run[POOL_EXTENTS_MAX];
	struct alloc_want want;
	uint64_t table_unit;
	size_t count;
	uint32_t slot;
	int err = txn_begin(pool);

	if (!err)
		err = carve_check(pool, args, fault);
	if (!err)
		err = free_slot(pool, &slot, fault);
	if (err)
		return err;
	want = alloc_rules(pool, args->size_bytes / pool->geom.unit_bytes,
			   args->for_vm, args->mode);
	err = amt_unit_take(pool, slot, &table_unit, fault);
	if (!err)
		err = alloc_plan(pool, &want, run, &count, fault);
	if (!err)
		err = umap_zero(pool, run, count, progress);
	if (err)
		goto abort;

	entry_put(pool, slot, args, table_unit);
	for (size_t i = 0; i < count; i++)
		umap_set(pool, run[i], UNIT_USED);
	err = amt_store(pool, slot, run, count);
	if (!err)
		err = stamps_put(pool, args, nat_entry(pool, slot)->uuid, run,
				 count);
	if (err)
		goto abort;
	err = txn_commit(pool, fault);
	if (!err && ret_child)
		child_from_entry(pool, slot, ret_child);
	return err;
abort:
	txn_abort(pool);
	return err;
}

int pool_update(struct pool *pool, const struct pool_child *child,
		struct nvm_fault *fault)
{
	struct pool_nat_entry *e;
	struct pool_child other;
	int err = txn_begin(pool);

	if (err)
		return err;
	if (child->slot >= pool->geom.children_max ||
	    !nat_entry_valid(pool, child->slot) ||
	    memcmp(nat_entry(pool, child->slot)->uuid, child->uuid,
		   POOL_UUID_LEN))
		return -NVM_ENOENT;
	if (!pool_name_valid(child->name) ||
	    (child->vm[0] && !pool_name_valid(child->vm)) ||
	    child->device > POOL_DEVICE_VIRTIO_PMEM ||
	    child->grow_to_bytes > POOL_SIZE_MAX ||
	    (child->flags & ~(POOL_CHILD_READ_ONLY | POOL_CHILD_SHARED)))
		return nvm_fault_set(fault, -NVM_EINVAL, "name", 0, 0,
				     POOL_NAME_MAX, 0);
	if (!pool_child_find(pool, child->name, &other) &&
	    other.slot != child->slot)
		return nvm_fault_set(fault, -NVM_EEXIST, "name", other.slot, 0,
				     0, 0);
	e = nat_entry_txn(pool, child->slot);
	name_put(e->name, child->name);
	name_put(e->vm, child->vm);
	e->flags = put_le32(child->flags);
	e->device = (uint8_t)child->device;
	e->grow_to_bytes = put_le64(child->grow_to_bytes);
	return txn_commit(pool, fault);
}

int pool_release(struct pool *pool, uint32_t slot, struct nvm_fault *fault)
{
	struct unit_run run[POOL_EXTENTS_MAX];
	size_t count;
	int err = child_begin(pool, slot, run, &count, fault);

	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		if (!umap_all(pool, run[i], UMAP_USED))
			return nvm_fault_set(fault, -NVM_EBADMSG, "UMAP", slot,
					     unit_off(pool, run[i].start), 0,
					     0);
	for (size_t i = 0; i < count; i++)
		umap_set(pool, run[i], UNIT_DIRTY);
	if (amt_group_first(pool, slot, true) == pool->geom.children_max)
		umap_set(pool, (struct unit_run){ amt_unit(pool, slot), 1 },
			 UNIT_DIRTY);
	memset(nat_entry_txn(pool, slot), 0, sizeof(struct pool_nat_entry));
	return txn_commit(pool, fault);
}

int pool_forget(struct pool *pool, uint32_t slot, struct nvm_fault *fault)
{
	struct unit_run run[POOL_EXTENTS_MAX];
	size_t count;
	int err = child_begin(pool, slot, run, &count, fault);

	if (!err)
		return -NVM_EINVAL;
	if (err != -NVM_EBADMSG && err != -NVM_EIO)
		return err;
	memset(nat_entry_txn(pool, slot), 0, sizeof(struct pool_nat_entry));
	return txn_commit(pool, fault);
}
