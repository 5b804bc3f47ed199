// SPDX-License-Identifier: BSD-3-Clause
/*
 * open.c - from bytes on the media to an open pool: memory, journal, tables,
 * and the checks that make the rest of the core safe to run on them.
 */
#include "pool/impl.h"

#define ALIGNMENT	64u

/* Hands out pieces of the caller's memory; with base NULL it only counts. */
struct arena {
	uint8_t *base;
	size_t used;
};

static void *arena_take(struct arena *arena, size_t bytes)
{
	size_t at = arena->used;

	arena->used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return arena->base ? arena->base + at : NULL;
}

static struct pool arena_lay_out(struct arena *arena,
				 const struct pool_geometry *geom)
{
	struct pool pool = { .geom = *geom };

	pool.txn_max = journal_pages_max(geom);
	arena_take(arena, sizeof(pool));
	pool.nat = arena_take(arena, geom->nat_pages * NVM_PAGE);
	pool.umap = arena_take(arena, geom->umap_pages * NVM_PAGE);
	pool.journal_target = arena_take(arena, pool.txn_max *
					 sizeof(*pool.journal_target));
	pool.txn = arena_take(arena, pool.txn_max * sizeof(*pool.txn));
	pool.in_txn = arena_take(arena, geom->nat_pages + geom->umap_pages);
	pool.extra = arena_take(arena, TXN_EXTRA / 2 * NVM_PAGE);
	pool.page = arena_take(arena, NVM_PAGE);
	pool.bounce = arena_take(arena, BOUNCE_BYTES);
	return pool;
}

size_t pool_memory_bytes(const struct pool_geometry *geometry)
{
	struct arena arena = { NULL, 0 };

	arena_lay_out(&arena, geometry);
	return arena.used;
}

/* All copies of the GMB: the others are not needed, but said to be damaged. */
static void gmb_health(struct pool *pool)
{
	for (unsigned copy = 0; copy < GMB_COPIES; copy++) {
		uint64_t off = gmb_copy_off(pool->geom.size_bytes, copy);

		if (pool->media->ops->load(pool->media, off, pool->page,
					   NVM_PAGE) ||
		    !page_valid(pool->media, pool->page, POOL_MAGIC_GMB, 0,
				pool->geom.uuid))
			health_damage(pool, "GMB copy", copy, off);
	}
}

/*
 * Whoever formatted the pool may have been killed before the GMB was durable;
 * it is with the next barrier, so before anything that is built on it.
 */
static int gmb_flush(struct pool *pool)
{
	struct nvm_media *media = pool->media;
	int err = 0;

	for (unsigned copy = 0; copy < GMB_COPIES && !err; copy++)
		err = media->ops->flush(media,
					gmb_copy_off(pool->geom.size_bytes,
						     copy), NVM_PAGE);
	return err;
}

static int table_page_load(struct pool *pool, uint64_t target, void *page,
			   uint64_t *max_seq, struct nvm_fault *fault)
{
	int err = page_load(pool, target, page, fault);

	if (err && !pool->salvage)
		return err;
	if (err) {
		memset(page, 0, NVM_PAGE);
		pool->health.lost_pages++;
		return 0;
	}
	if (get_le64(((struct pool_page *)page)->seq) > *max_seq)
		*max_seq = get_le64(((struct pool_page *)page)->seq);
	return 0;
}

static int tables_load(struct pool *pool, struct nvm_fault *fault)
{
	const struct pool_geometry *g = &pool->geom;
	uint64_t max_seq = pool->journal_seq;
	int err = 0;

	for (uint64_t i = 0; i < g->nat_pages && !err; i++)
		err = table_page_load(pool, g->nat_off + i * NVM_PAGE,
				      &pool->nat[i], &max_seq, fault);
	for (uint64_t i = 0; i < g->umap_pages && !err; i++)
		err = table_page_load(pool, g->umap_off + i * NVM_PAGE,
				      &pool->umap[i], &max_seq, fault);
	if (err)
		return err;
	if (!pool->journal_seq || max_seq > pool->journal_seq) {
		pool->health.journal_damaged = true;
		if (!pool->health.first.what)
			nvm_fault_set(&pool->health.first, 0, "journal",
				      max_seq % 2, g->journal_off, max_seq,
				      pool->journal_seq);
	}
	if (max_seq >= POOL_SEQ_END)	/* the next ones would wrap */
		return nvm_fault_set(fault, -NVM_EBADMSG, "transaction", 0,
				     g->journal_off, POOL_SEQ_END, max_seq);
	pool->seq = max_seq;
	return 0;
}

static int entries_check(const struct pool *pool, struct nvm_fault *fault)
{
	for (uint32_t slot = 0; slot < pool->geom.children_max; slot++)
		if (!nat_entry_free(nat_entry(pool, slot)) &&
		    !nat_entry_valid(pool, slot))
			return nvm_fault_set(fault, -NVM_EBADMSG, "NAT entry",
					     slot, pool->geom.nat_off, 0, 0);
	return 0;
}

int pool_open(struct nvm_media *media, unsigned flags, void *mem,
	      size_t mem_bytes, struct pool **ret_pool,
	      struct nvm_fault *fault)
{
	struct arena arena = { mem, 0 };
	struct pool_geometry geom;
	struct pool *pool = mem;
	int err = pool_probe(media, &geom, fault);

	if (err)
		return err;
	if ((flags & POOL_OPEN_WRITE) && media->read_only)
		return nvm_fault_set(fault, -NVM_EROFS, "media", 0, 0, 0, 0);
	if ((flags & POOL_OPEN_WRITE) &&
	    (geom.ro_compat & ~POOL_RO_COMPAT_KNOWN))
		return nvm_fault_set(fault, -NVM_EPROTO, "ro-compat features",
				     0, 0, POOL_RO_COMPAT_KNOWN,
				     geom.ro_compat);
	if (mem_bytes < pool_memory_bytes(&geom))
		return nvm_fault_set(fault, -NVM_ENOMEM, "memory", 0, 0,
				     pool_memory_bytes(&geom), mem_bytes);
	*pool = arena_lay_out(&arena, &geom);
	pool->media = media;
	pool->salvage = flags & POOL_OPEN_SALVAGE;
	memset(pool->in_txn, 0, geom.nat_pages + geom.umap_pages);

	gmb_health(pool);
	journal_open(pool);
	if (flags & POOL_OPEN_WRITE) {
		err = gmb_flush(pool);
		if (!err)
			err = journal_finish(pool, fault);
		if (err)
			return err;
	} else {
		journal_look(pool);
	}
	err = tables_load(pool, fault);
	if (!err && !pool->salvage)
		err = entries_check(pool, fault);
	if (err)
		return err;
	if (flags & POOL_OPEN_WRITE) {
		if (pool->health.journal_damaged && !pool->salvage)
			return nvm_fault_set(fault, -NVM_EBADMSG, "journal", 0,
					     geom.journal_off, 0, 0);
		pool->writable = true;
	}
	*ret_pool = pool;
	return 0;
}

const struct pool_geometry *pool_geometry(const struct pool *pool)
{
	return &pool->geom;
}

const struct pool_health *pool_health(const struct pool *pool)
{
	return &pool->health;
}
