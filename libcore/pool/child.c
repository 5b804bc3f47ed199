// SPDX-License-Identifier: BSD-3-Clause
/*
 * child.c - the NAT's entries and the AMTs: read, checked, and turned into the
 * plain structs of pool.h.
 *
 * An entry that nat_entry_valid() accepts has an AMT address inside the data
 * area and strings that end; a list of extents that amt_load() returned lies
 * inside the data area and adds up to the entry's size.
 */
#include "pool/impl.h"

const struct pool_nat_entry *nat_entry(const struct pool *pool, uint32_t slot)
{
	return &pool->nat[slot / NAT_ENTRIES_A_PAGE]
			.entry[slot % NAT_ENTRIES_A_PAGE];
}

struct pool_nat_entry *nat_entry_txn(struct pool *pool, uint32_t slot)
{
	return &txn_nat(pool, slot / NAT_ENTRIES_A_PAGE)
			->entry[slot % NAT_ENTRIES_A_PAGE];
}

bool nat_entry_free(const struct pool_nat_entry *entry)
{
	return page_is_zero(entry, sizeof(*entry));
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

bool pool_name_valid(const char *name)
{
	size_t len = 0;

	if (!name || !is_alnum(name[0]))
		return false;
	for (; name[len]; len++)
		if (len >= POOL_NAME_MAX ||
		    !(is_alnum(name[len]) || name[len] == '.' ||
		      name[len] == '_' || name[len] == '-'))
			return false;
	return true;
}

static bool field_is_name(const char *field)
{
	size_t len = 0;

	while (len <= POOL_NAME_MAX && field[len])
		len++;
	return len <= POOL_NAME_MAX && pool_name_valid(field) &&
	       page_is_zero(field + len, POOL_NAME_MAX + 1 - len);
}

static uint64_t amt_slots(const struct pool *pool)
{
	return pool->geom.unit_bytes / AMT_SLOT_BYTES;
}

static bool amt_off_valid(const struct pool *pool, uint32_t slot, uint64_t off)
{
	const struct pool_geometry *g = &pool->geom;

	return off >= g->data_off &&
	       off - g->data_off < g->unit_count * g->unit_bytes &&
	       (off - g->data_off) % g->unit_bytes ==
			slot % amt_slots(pool) * AMT_SLOT_BYTES;
}

bool nat_entry_valid(const struct pool *pool, uint32_t slot)
{
	const struct pool_nat_entry *e = nat_entry(pool, slot);
	uint64_t size = get_le64(e->size_units);

	return size && size <= pool->geom.unit_count &&
	       amt_off_valid(pool, slot, get_le64(e->amt_off)) &&
	       field_is_name(e->name) &&
	       (page_is_zero(e->vm, sizeof(e->vm)) || field_is_name(e->vm)) &&
	       e->mode <= POOL_MODE_FSDAX &&
	       e->device <= POOL_DEVICE_VIRTIO_PMEM &&
	       !(get_le32(e->flags) &
		 ~(POOL_CHILD_READ_ONLY | POOL_CHILD_SHARED)) &&
	       get_le64(e->grow_to_bytes) <= POOL_SIZE_MAX &&
	       !e->uuid[14] && !e->uuid[15];
}

void child_from_entry(const struct pool *pool, uint32_t slot,
		      struct pool_child *ret_child)
{
	const struct pool_nat_entry *e = nat_entry(pool, slot);
	struct pool_child c = { .slot = slot };

	memcpy(c.uuid, e->uuid, sizeof(c.uuid));
	memcpy(c.name, e->name, sizeof(c.name));
	memcpy(c.vm, e->vm, sizeof(c.vm));
	c.size_bytes = get_le64(e->size_units) * pool->geom.unit_bytes;
	c.grow_to_bytes = get_le64(e->grow_to_bytes);
	c.created_s = get_le64(e->created_s);
	c.flags = get_le32(e->flags);
	c.mode = (enum pool_mode)e->mode;
	c.device = (enum pool_device)e->device;
	*ret_child = c;
}

bool pool_child_next(const struct pool *pool, uint32_t *cursor,
		     struct pool_child *ret_child)
{
	while (*cursor < pool->geom.children_max) {
		uint32_t slot = (*cursor)++;

		if (!get_le64(nat_entry(pool, slot)->size_units) ||
		    !nat_entry_valid(pool, slot))
			continue;
		child_from_entry(pool, slot, ret_child);
		return true;
	}
	return false;
}

int pool_child_find(const struct pool *pool, const char *name,
		    struct pool_child *ret_child)
{
	char field[POOL_NAME_MAX + 1] = { 0 };

	/* As it lies in the NAT: one comparison an entry. */
	if (!pool_name_valid(name))
		return -NVM_ENOENT;
	for (size_t i = 0; name[i]; i++)
		field[i] = name[i];
	for (uint32_t slot = 0; slot < pool->geom.children_max; slot++) {
		const struct pool_nat_entry *e = nat_entry(pool, slot);

		if (memcmp(e->name, field, sizeof(field)) ||
		    !nat_entry_valid(pool, slot))
			continue;
		child_from_entry(pool, slot, ret_child);
		return 0;
	}
	return -NVM_ENOENT;
}

/* ---- AMTs --------------------------------------------------------------- */

uint64_t amt_unit(const struct pool *pool, uint32_t slot)
{
	return (get_le64(nat_entry(pool, slot)->amt_off) -
		pool->geom.data_off) / pool->geom.unit_bytes;
}

uint32_t amt_group_first(const struct pool *pool, uint32_t slot,
			 bool ignore_slot)
{
	uint64_t s = slot / amt_slots(pool) * amt_slots(pool);
	uint64_t end = s + amt_slots(pool);

	for (; s < end && s < pool->geom.children_max; s++) {
		const struct pool_nat_entry *e = nat_entry(pool, (uint32_t)s);

		if ((s != slot || !ignore_slot) && get_le64(e->size_units) &&
		    amt_off_valid(pool, (uint32_t)s, get_le64(e->amt_off)))
			return (uint32_t)s;
	}
	return pool->geom.children_max;
}

static int amt_fault(struct nvm_fault *fault, uint32_t slot, uint64_t off)
{
	return nvm_fault_set(fault, -NVM_EBADMSG, "AMT", slot, off, 0, 0);
}

int amt_load(struct pool *pool, uint32_t slot, struct unit_run *ret_run,
	     size_t *ret_count, struct nvm_fault *fault)
{
	const struct pool_nat_entry *e = nat_entry(pool, slot);
	struct pool_amt *amt = (struct pool_amt *)pool->bounce;
	uint64_t off = get_le64(e->amt_off), sum = 0;
	uint32_t count;
	int err;

	if (!nat_entry_valid(pool, slot))
		return nvm_fault_set(fault, -NVM_EBADMSG, "NAT entry", slot,
				     pool->geom.nat_off, 0, 0);
	err = page_load(pool, off, amt, fault);
	if (err)
		return err;
	count = get_le32(amt->extent_count);
	if (memcmp(amt->child_uuid, e->uuid, POOL_UUID_LEN) || !count ||
	    count > POOL_EXTENTS_MAX)
		return amt_fault(fault, slot, off);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t start = get_le64(amt->extent[i].start_unit);
		uint64_t units = get_le64(amt->extent[i].unit_count);

		if (start >= pool->geom.unit_count || !units ||
		    units > pool->geom.unit_count - start)
			return amt_fault(fault, slot, off);
		ret_run[i] = (struct unit_run){ start, units };
		sum += units;
	}
	if (sum != get_le64(e->size_units))
		return amt_fault(fault, slot, off);
	*ret_count = count;
	return 0;
}

int child_begin(struct pool *pool, uint32_t slot, struct unit_run *ret_run,
		size_t *ret_count, struct nvm_fault *fault)
{
	int err = txn_begin(pool);

	if (err)
		return err;
	if (slot >= pool->geom.children_max ||
	    !get_le64(nat_entry(pool, slot)->size_units))
		return -NVM_ENOENT;
	return amt_load(pool, slot, ret_run, ret_count, fault);
}

int amt_store(struct pool *pool, uint32_t slot, const struct unit_run *run,
	      size_t count)
{
	const struct pool_nat_entry *e = nat_entry(pool, slot);
	struct pool_amt *amt = txn_extra(pool, get_le64(e->amt_off));

	if (!amt)
		return -NVM_ENOMEM;
	memcpy(amt->child_uuid, e->uuid, POOL_UUID_LEN);
	amt->extent_count = put_le32((uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		amt->extent[i].start_unit = put_le64(run[i].start);
		amt->extent[i].unit_count = put_le64(run[i].count);
	}
	return 0;
}

int pool_child_extents(struct pool *pool, uint32_t slot,
		       struct pool_range *ret_extent, size_t *ret_count,
		       struct nvm_fault *fault)
{
	struct unit_run run[POOL_EXTENTS_MAX];
	size_t count = 0;
	int err;

	if (slot >= pool->geom.children_max)
		return -NVM_ENOENT;
	err = amt_load(pool, slot, run, &count, fault);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		ret_extent[i] = (struct pool_range){
			unit_off(pool, run[i].start),
			run[i].count * pool->geom.unit_bytes,
		};
	*ret_count = count;
	return 0;
}

uint64_t pool_child_usable(const struct pool_child *child, size_t extent_count)
{
	uint64_t stamps = child->mode == POOL_MODE_RAW ? 0 :
			  extent_count * STAMP_DATA_OFF;

	return child->size_bytes > stamps ? child->size_bytes - stamps : 0;
}
