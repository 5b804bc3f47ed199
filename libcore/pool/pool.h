/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool.h - a pool of children on one piece of memory: format, open, carve,
 * resize, release, move, check.
 *
 * Freestanding: the caller supplies the media (base/media.h), all memory and
 * mutual exclusion (one writer, or any number of readers, at a time).  Each
 * function that changes the pool is one transaction unless its comment says
 * of how many it consists: after a power loss at any store or drain it is
 * entirely done or not at all (pool/format.h tells how).
 *
 * Sizes and offsets are bytes; offsets count from the start of the media.
 * Functions return 0 or a negative enum nvm_err.  ret_ parameters are
 * untouched on failure.  A fault pointer may be NULL.
 *
 * Source: MBSA's host side (GMB, NAT, address mapping tables, data area).
 */
#ifndef NVM_POOL_POOL_H
#define NVM_POOL_POOL_H

#include "base/media.h"
#include "pool/format.h"

struct pool;

/* What the GMB says; checked, so arithmetic on it does not overflow. */
struct pool_geometry {
	uint64_t size_bytes;
	uint64_t unit_bytes;
	uint64_t unit_count;
	uint64_t data_off;
	uint64_t journal_off;
	uint64_t journal_slot_bytes;
	uint64_t nat_off;
	uint64_t nat_pages;
	uint64_t umap_off;
	uint64_t umap_pages;
	uint32_t children_max;
	uint32_t version;
	uint32_t compat, ro_compat, incompat;
	uint64_t created_s;
	uint8_t uuid[POOL_UUID_LEN];
	char label[POOL_NAME_MAX + 1];
};

/*
 * Called between pieces of long work (cleaning, copying).  Returning false
 * stops the operation with -NVM_EINTR and nothing changed but cleaned units.
 */
struct pool_progress {
	bool (*step)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);
	void *ctx;
};

/* ---- format and open -------------------------------------------------- */

struct pool_format_args {
	uint64_t unit_bytes;		/* 0: POOL_UNIT_DEFAULT, larger if the
					   pool needs it (POOL_UNITS_MAX) */
	uint32_t children_max;		/* 0: as many as sensible */
	bool clean;			/* the media is known to read as zeros */
	uint64_t created_s;
	const uint8_t *uuid;		/* POOL_UUID_LEN random bytes */
	const char *label;		/* may be NULL */
	const struct pool_range *bad;	/* poisoned ranges: never allocated */
	size_t bad_count;
};

struct pool_range {
	uint64_t off_bytes;
	uint64_t size_bytes;
};

/*
 * The geometry that pool_format() would lay down on @size_bytes.
 * -NVM_ERANGE: too small, too large, or unit and size do not go together.
 */
int pool_layout(uint64_t size_bytes, uint64_t unit_bytes,
		uint32_t children_max, struct pool_geometry *ret_geometry,
		struct nvm_fault *fault);

/*
 * Lay down an empty pool over all of the media.  What a former pool had
 * there is invalidated first: a power loss in the middle leaves no pool.
 */
int pool_format(struct nvm_media *media, const struct pool_format_args *args,
		struct nvm_fault *fault);

/*
 * Read the GMB.  -NVM_EMEDIUM: no copy of one is here.  -NVM_EPROTO: a newer
 * version or an unknown incompat feature.  -NVM_EBADMSG: every copy is
 * damaged.  -NVM_ERANGE: the media is smaller than the pool on it.
 */
int pool_probe(struct nvm_media *media, struct pool_geometry *ret_geometry,
	       struct nvm_fault *fault);

#define POOL_OPEN_WRITE		0x1u	/* recover, and allow changes */
#define POOL_OPEN_SALVAGE	0x2u	/* for check: go on where a table page
					   is lost in every copy */

/* How much memory pool_open() needs for a pool of this geometry. */
size_t pool_memory_bytes(const struct pool_geometry *geometry);

/*
 * Open over @mem (aligned to 64 bytes), which must outlive the pool; there is
 * nothing to close.  For writing, an unfinished transaction is finished
 * first; for reading it is only looked through.  -NVM_EBADMSG: a table page
 * is damaged in every copy.
 */
int pool_open(struct nvm_media *media, unsigned flags, void *mem,
	      size_t mem_bytes, struct pool **ret_pool,
	      struct nvm_fault *fault);

const struct pool_geometry *pool_geometry(const struct pool *pool);

/* What was found damaged, but did not stop us, since the pool was opened. */
struct pool_health {
	uint32_t damaged_copies;	/* another copy was good */
	uint32_t lost_pages;		/* no copy was (SALVAGE only) */
	bool journal_damaged;		/* read-only until check --repair */
	bool unfinished;		/* open for reading: a transaction is in
					   the journal and not yet home.  Who
					   hands a child out opens for writing */
	uint32_t recovered_pages;	/* open for writing: carried home now */
	struct nvm_fault first;
};
const struct pool_health *pool_health(const struct pool *pool);

/* ---- looking ------------------------------------------------------------ */

struct pool_child {
	uint32_t slot;			/* in the NAT: the handle of a child */
	uint8_t uuid[POOL_UUID_LEN];
	char name[POOL_NAME_MAX + 1];
	char vm[POOL_NAME_MAX + 1];	/* "" when no VM owns it */
	uint64_t size_bytes;
	uint64_t grow_to_bytes;
	uint64_t created_s;
	uint32_t flags;			/* POOL_CHILD_* */
	enum pool_mode mode;
	enum pool_device device;
};

/* Iterate: *cursor starts at 0; false at the end.  In the order of slots. */
bool pool_child_next(const struct pool *pool, uint32_t *cursor,
		     struct pool_child *ret_child);
int pool_child_find(const struct pool *pool, const char *name,
		    struct pool_child *ret_child);

/*
 * The extents of a child in the order of its bytes.  -NVM_EBADMSG where the
 * AMT is damaged in both copies or does not agree with the NAT.
 * @ret_extent has room for POOL_EXTENTS_MAX.
 */
int pool_child_extents(struct pool *pool, uint32_t slot,
		       struct pool_range *ret_extent, size_t *ret_count,
		       struct nvm_fault *fault);

/* What a guest can use of it: its size less the stamps. */
uint64_t pool_child_usable(const struct pool_child *child,
			   size_t extent_count);

struct pool_space {
	uint64_t unit_count[4];		/* by enum pool_unit_state */
	uint64_t free_bytes;		/* clean and dirty */
	uint64_t largest_run_bytes;	/* of adjacent free units */
	uint64_t free_runs;
	uint64_t amt_units;		/* used units that hold AMTs */
	uint32_t children;
};
void pool_space(const struct pool *pool, struct pool_space *ret_space);
enum pool_unit_state pool_unit_state(const struct pool *pool, uint64_t unit);

/* ---- changing ------------------------------------------------------------ */

/* True if @name can be a child's or VM's: [A-Za-z0-9][A-Za-z0-9._-]{0,62} */
bool pool_name_valid(const char *name);

struct pool_carve_args {
	const char *name;
	const char *vm;			/* NULL or "": none */
	const uint8_t *uuid;		/* POOL_UUID_LEN random bytes; the last
					   two are taken as 0 */
	uint64_t size_bytes;		/* a multiple of the unit */
	uint64_t grow_to_bytes;
	uint64_t created_s;
	uint32_t flags;
	enum pool_mode mode;
	enum pool_device device;
	bool for_vm;			/* obey the VM_ rules of format.h */
};

/*
 * Carve a child: choose units (one run where there is one, else the fewest),
 * make the DIRTY ones among them read as zeros, then one transaction that
 * also stamps it in the modes that have stamps.
 * -NVM_EINVAL: name or size; -NVM_EEXIST: name taken; -NVM_ENOSPC: not enough
 * free units (fault: expected, found in bytes), or no free slot in the NAT
 * (fault.what = "NAT"); -NVM_EFRAG: enough, but in too many pieces.
 */
int pool_carve(struct pool *pool, const struct pool_carve_args *args,
	       const struct pool_progress *progress,
	       struct pool_child *ret_child, struct nvm_fault *fault);

/*
 * Change the size.  Growing takes the units behind the last extent where they
 * are free, else new extents, cleaned first.  Shrinking cuts at the end; what
 * is cut is DIRTY, in the same transaction.  Stamps that are still ours are
 * brought up to date.  Errors as of pool_carve().
 */
int pool_resize(struct pool *pool, uint32_t slot, uint64_t size_bytes,
		const struct pool_progress *progress, struct nvm_fault *fault);

/*
 * Grow by new extents only: those that are there keep their place and length,
 * as a VM that runs with them needs.  -NVM_EINVAL: smaller than now.  Errors
 * else as of pool_carve().
 */
int pool_extend(struct pool *pool, uint32_t slot, uint64_t size_bytes,
		const struct pool_progress *progress, struct nvm_fault *fault);

/* Store name, vm, flags, device and grow_to_bytes of @child back. */
int pool_update(struct pool *pool, const struct pool_child *child,
		struct nvm_fault *fault);

/* The child is gone, its units are DIRTY. */
int pool_release(struct pool *pool, uint32_t slot, struct nvm_fault *fault);

/*
 * For a child whose AMT is lost in both copies: the name is given back.  Which
 * units were its own nobody knows, so they stay USED until a repairing
 * pool_check() finds that nobody owns them.  -NVM_EINVAL: the AMT is not lost.
 */
int pool_forget(struct pool *pool, uint32_t slot, struct nvm_fault *fault);

/*
 * Make DIRTY units CLEAN: discard, barrier, one transaction; in as many
 * rounds as it takes.  Stopping it loses nothing.
 */
int pool_clean(struct pool *pool, const struct pool_progress *progress,
	       struct nvm_fault *fault);

/* Free units that overlap the range are BAD from now on; one transaction. */
int pool_mark_bad(struct pool *pool, const struct pool_range *bad,
		  size_t bad_count, struct nvm_fault *fault);

/*
 * Move one extent of a child onto free units that do not overlap it: the
 * target becomes DIRTY (one transaction), is written, and is switched to (one
 * transaction, which makes the source DIRTY).  The caller has made sure that
 * nobody maps the child.
 */
int pool_move(struct pool *pool, uint32_t slot, uint32_t extent,
	      uint64_t target_unit, const struct pool_progress *progress,
	      struct nvm_fault *fault);

/*
 * The next useful move of a compaction: false when there is none.  @movable
 * says whether a child (by slot) may be moved; what it refuses stays.
 */
struct pool_move_plan {
	uint32_t slot;
	uint32_t extent;
	uint64_t from_unit, to_unit, unit_count;
};
bool pool_compact_next(struct pool *pool,
		       bool (*movable)(void *ctx, uint32_t slot), void *ctx,
		       struct pool_move_plan *ret_plan);

/* ---- checking ------------------------------------------------------------ */

enum pool_finding {
	FIND_COPY_DAMAGED,	/* a copy of a page; another is good */
	FIND_PAGE_LOST,		/* no copy of a page is good */
	FIND_JOURNAL_DAMAGED,	/* see the recovery table */
	FIND_ENTRY_BAD,		/* a NAT entry that says nonsense */
	FIND_EXTENT_BAD,	/* an AMT that says nonsense */
	FIND_UNIT_TWICE,	/* owned by two */
	FIND_UNIT_LOST,		/* USED and owned by nobody */
	FIND_UNIT_UNMARKED,	/* owned, but not USED */
	FIND_UNIT_UNCLEAN,	/* CLEAN, but does not read as zeros */
};

struct pool_problem {
	enum pool_finding finding;
	struct nvm_fault where;
	bool repaired;
	bool repairable;	/* check --repair can mend it */
};

struct pool_check_args {
	bool repair;			/* the pool was opened for writing */
	bool read_clean_units;		/* look for FIND_UNIT_UNCLEAN */
	void (*report)(void *ctx, const struct pool_problem *problem);
	void *ctx;
	void *mem;			/* pool_check_memory_bytes() of it */
};

/*
 * Cross-check all metadata of an open pool.  Copies are mended from good
 * ones; a lost UMAP page is built again (what no child owns becomes DIRTY);
 * units marked by nobody become DIRTY; unmarked ones USED.  Returns 0 if the
 * media could be read; the problems went to @report.
 */
size_t pool_check_memory_bytes(const struct pool_geometry *geometry);
int pool_check(struct pool *pool, const struct pool_check_args *args,
	       const struct pool_progress *progress, struct nvm_fault *fault);

#endif
