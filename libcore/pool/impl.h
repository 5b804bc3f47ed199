/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * impl.h - what the files of libcore/pool share and nobody else includes.
 *
 * An open pool is one piece of caller's memory: struct pool, then verified
 * copies of all NAT and UMAP pages, then the room for one transaction.  The
 * tables in memory are changed first, page by page through txn_nat() and
 * txn_umap(); txn_commit() carries the pages to the media, txn_abort() reads
 * them back from there.
 */
#ifndef NVM_POOL_IMPL_H
#define NVM_POOL_IMPL_H

#include "pool/pool.h"

#define GMB_COPIES	3u
#define TXN_EXTRA	64u	/* pages besides the UMAP's: NAT, AMT, stamps */
#define BOUNCE_BYTES	(64u << 10)
#define POOL_SEQ_END	(1ull << 63)	/* no pool lives to see it */

struct txn_page {
	uint64_t target;	/* as in the journal's table */
	uint8_t *image;
};

struct pool {
	struct nvm_media *media;
	struct pool_geometry geom;
	struct pool_health health;
	uint64_t seq;			/* of the last transaction */
	bool writable;
	bool salvage;
	bool broken;			/* a committed transaction could not be
					   carried home: open again */
	bool home_in_flight;		/* the last transaction's pages went
					   home, and no barrier since */
	struct pool_nat_page *nat;
	struct pool_umap_page *umap;

	/* The newest valid journal slot, as found by pool_open(). */
	uint64_t journal_seq;		/* 0: no valid slot */
	uint32_t journal_count;		/* pages not known to be home */
	uint64_t *journal_target;

	struct txn_page *txn;
	uint32_t txn_count, txn_max;
	uint8_t *in_txn;		/* a byte per NAT page, then UMAP page */
	uint8_t *extra;			/* TXN_EXTRA / 2 pages: AMTs, stamps */
	uint32_t extra_count;
	uint8_t *page;			/* one page, for whoever needs it now */
	uint8_t *bounce;
};

/* Every barrier in the life of an open pool, so that none is made twice. */
static inline int pool_barrier(struct pool *pool)
{
	int err = media_barrier(pool->media);

	if (!err)
		pool->home_in_flight = false;
	return err;
}

/* A run of units: where extents are still only numbers. */
struct unit_run {
	uint64_t start;
	uint64_t count;
};

/* ---- page.c: one page, its copies, its checks --------------------------- */

bool page_valid(const struct nvm_media *media, const void *page,
		const char *magic, uint64_t index, const uint8_t *uuid);
void page_seal(const struct nvm_media *media, void *page, const char *magic,
	       uint64_t index, const uint8_t *uuid, uint64_t seq);
bool page_is_zero(const void *page, size_t len);

/* Where copy B of the page with copy A at @target lies. */
uint64_t page_copy_b(const struct pool *pool, uint64_t target);
/* Magic and index of the page at @target; false: no page of ours is there. */
bool page_identify(const struct pool *pool, uint64_t target,
		   const char **ret_magic, uint64_t *ret_index);
/* What messages call a page with this magic. */
const char *page_what(const char *magic);
/* Load by RULE 1 of format.h, counting damage in pool->health. */
int page_load(struct pool *pool, uint64_t target, void *page,
	      struct nvm_fault *fault);
void health_damage(struct pool *pool, const char *what, uint64_t index,
		   uint64_t offset);

/* ---- geometry.c ----------------------------------------------------------- */

uint64_t gmb_copy_off(uint64_t size_bytes, unsigned copy);
int gmb_check(const struct pool_gmb *gmb, struct pool_geometry *ret_geometry,
	      struct nvm_fault *fault);
uint32_t journal_pages_max(const struct pool_geometry *geom);
uint64_t journal_table_pages(uint64_t page_count);

static inline uint64_t unit_off(const struct pool *pool, uint64_t unit)
{
	return pool->geom.data_off + unit * pool->geom.unit_bytes;
}

/* ---- journal.c -------------------------------------------------------------- */

/* Find the newest valid slot; fills pool->journal_*. */
void journal_open(struct pool *pool);
/* Is there a newer image of this page in the slot?  Loads it if so. */
int journal_overlay(struct pool *pool, uint64_t target, void *page,
		    bool have_page, bool *ret_used);
/* Is the page with copy A at @target one of those not known to be home? */
bool journal_has(const struct pool *pool, uint64_t target);
/* Forget the slot if all its pages are home (open for reading). */
void journal_look(struct pool *pool);
/* Carry the slot's pages home where they are not (recovery table). */
int journal_finish(struct pool *pool, struct nvm_fault *fault);
/* Backing for the slot of a transaction of pool->txn_count pages. */
int journal_reserve(struct pool *pool, uint64_t seq);
/* Write pool->txn[] as transaction number @seq; returns after the commit. */
int journal_write(struct pool *pool, uint64_t seq);

/* ---- txn.c ---------------------------------------------------------------------- */

int txn_begin(struct pool *pool);
struct pool_nat_page *txn_nat(struct pool *pool, uint64_t index);
struct pool_umap_page *txn_umap(struct pool *pool, uint64_t index);
/* A zeroed page that goes to @target; NULL if a transaction is that large. */
void *txn_extra(struct pool *pool, uint64_t target);
int txn_commit(struct pool *pool, struct nvm_fault *fault);
void txn_abort(struct pool *pool);

/* ---- umap.c: unit states ---------------------------------------------------------- */

enum umap_class { UMAP_FREE, UMAP_NOT_FREE, UMAP_DIRTY, UMAP_NOT_DIRTY,
		  UMAP_CLEAN, UMAP_NOT_CLEAN, UMAP_USED, UMAP_NOT_USED };
/* The first unit at or behind @unit in (or not in) the class; unit_count. */
uint64_t umap_next(const struct pool *pool, uint64_t unit,
		   enum umap_class class);
/* The first run of the class @yes at or behind @unit; count 0 if none. */
struct unit_run umap_run(const struct pool *pool, uint64_t unit,
			 enum umap_class yes);
/* A bit for each of 32 units from @unit (a multiple of 32) on: is it USED? */
uint32_t umap_used32(const struct pool *pool, uint64_t unit);
/* Inside a transaction. */
void umap_set(struct pool *pool, struct unit_run run,
	      enum pool_unit_state state);
bool umap_all(const struct pool *pool, struct unit_run run,
	      enum umap_class yes);
/* Make the DIRTY units of the runs read as zeros, durably. */
int umap_zero(struct pool *pool, const struct unit_run *run, size_t count,
	      const struct pool_progress *progress);

/* ---- alloc.c: which units ------------------------------------------------------------ */

struct alloc_want {
	uint64_t units;
	uint64_t units_min;	/* of an extent, unless it is all of them */
	uint64_t align_units;	/* of place and size; 1: any */
	uint32_t extents_max;
};
/* The rules for this kind of child. */
struct alloc_want alloc_rules(const struct pool *pool, uint64_t units,
			      bool for_vm, enum pool_mode mode);
/* Best fit in one run, else the fewest runs; in the order of addresses. */
int alloc_plan(const struct pool *pool, const struct alloc_want *want,
	       struct unit_run *ret_run, size_t *ret_count,
	       struct nvm_fault *fault);
/* First free run of at least @units, aligned, in [from, to); count 0: none. */
struct unit_run alloc_first_fit(const struct pool *pool, uint64_t from,
				uint64_t to, uint64_t units,
				uint64_t align_units);

/* ---- child.c: NAT entries and AMTs ------------------------------------------------------ */

const struct pool_nat_entry *nat_entry(const struct pool *pool, uint32_t slot);
struct pool_nat_entry *nat_entry_txn(struct pool *pool, uint32_t slot);
bool nat_entry_free(const struct pool_nat_entry *entry);
bool nat_entry_valid(const struct pool *pool, uint32_t slot);
void child_from_entry(const struct pool *pool, uint32_t slot,
		      struct pool_child *ret_child);
/* The unit that holds the AMT of a valid entry. */
uint64_t amt_unit(const struct pool *pool, uint32_t slot);
/* The first child of the slot's group, which shares one AMT unit, or
   children_max if there is none. */
uint32_t amt_group_first(const struct pool *pool, uint32_t slot,
			 bool ignore_slot);
int amt_load(struct pool *pool, uint32_t slot, struct unit_run *ret_run,
	     size_t *ret_count, struct nvm_fault *fault);
/* A transaction about one child: begun, and its extents loaded. */
int child_begin(struct pool *pool, uint32_t slot, struct unit_run *ret_run,
		size_t *ret_count, struct nvm_fault *fault);
/* Put the AMT of @slot into the transaction. */
int amt_store(struct pool *pool, uint32_t slot, const struct unit_run *run,
	      size_t count);
static inline bool child_for_vm(const struct pool_nat_entry *entry)
{
	return entry->vm[0] || entry->mode != POOL_MODE_RAW;
}

/* ---- stamp.c: the info block of an extent -------------------------------------------------- */

void stamp_build(uint8_t *page, enum pool_mode mode, const uint8_t *child_uuid,
		 uint32_t extent, uint32_t extent_count, uint64_t size_bytes);
/* Is this info block one that we wrote for this child? */
bool stamp_is_ours(const uint8_t *page, enum pool_mode mode,
		   const uint8_t *child_uuid);

#endif
