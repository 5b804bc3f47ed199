/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * yard.h - pools to be tortured: built on a simulated domain in the states
 * that pools get into (blank, fresh, aged, fragmented, full, wide, torn), their
 * children filled with bytes that tell whose they are.
 */
#ifndef TORTURE_YARD_H
#define TORTURE_YARD_H

#include "pool/pool.h"
#include "tests/torture/domain.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)

struct yard {
	struct domain *domain;
	struct pool *pool;		/* as opened last */
	void *mem;
	size_t mem_bytes;
	void *check_mem;
	size_t check_bytes;		/* of it, and of the next two */
	uint8_t *owner;			/* by unit: scratch of the oracle */
	uint8_t *unit_state;		/* by unit, of the last snapshot */
	struct pool_format_args format;	/* as it was formatted */
	uint32_t carved;		/* numbers uuids and contents */
};

enum yard_state {
	YARD_BLANK,	/* all zeros */
	YARD_FOREIGN,	/* somebody's file system */
	YARD_FRESH,	/* an empty pool on clean media */
	YARD_AGED,	/* children of all modes, dirty units between */
	YARD_FRAGMENTED,/* free space in many small pieces, 60 children */
	YARD_FULL,	/* not one free unit */
	YARD_COARSE,	/* 2 MiB units, aged */
	YARD_WIDE,	/* 1.2 GiB of 64 KiB units: two UMAP pages */
	YARD_TORN,	/* aged; power was lost in a carve: its journal slot is
			   whole, none of its pages is home */
};
#define YARD_COUNT 9
const char *yard_name(enum yard_state state);

void yard_begin(struct yard *yard, enum yard_state state,
		enum nvm_durability durability);
void yard_end(struct yard *yard);

/* An uncommon pool: formatted (not opened) over zeros of @size_bytes. */
void yard_begin_plain(struct yard *yard, uint64_t size_bytes,
		      enum nvm_durability durability);
int yard_format(struct yard *yard, uint64_t unit_bytes, uint32_t children_max,
		bool clean);

/* Opens yard->pool, taking the memory that it needs. */
int yard_open(struct yard *yard, unsigned flags, struct nvm_fault *fault);

/* Carve, abort() if that fails, and fill; the slot. */
int yard_try_carve(struct yard *yard, const char *name, uint64_t size_bytes,
		   enum pool_mode mode, const char *vm,
		   struct nvm_fault *fault);
uint32_t yard_carve(struct yard *yard, const char *name, uint64_t size_bytes,
		    enum pool_mode mode, const char *vm);
uint32_t yard_slot(const struct yard *yard, const char *name);
void yard_release(struct yard *yard, const char *name);

/*
 * Contents: some words at the head, in the middle and at the end of each
 * unit of a child, made of its tag and the unit's number in the child.
 */
void yard_fill(struct yard *yard, uint32_t slot);
/* Are units [first, first + count) of the child as yard_fill() left them? */
bool yard_holds(struct yard *yard, uint32_t slot, uint64_t first,
		uint64_t count);
/* Do they read as zeros, but for good stamps where @stamped extents begin? */
bool yard_blank(struct yard *yard, uint32_t slot, uint64_t first,
		uint64_t count);

/* Change bytes of one copy of a metadata page, and seal it again. */
void yard_edit(struct yard *yard, uint64_t page_off, size_t at,
	       const void *bytes, size_t len);
/* The same of every copy (page_off is copy A's). */
void yard_edit_both(struct yard *yard, uint64_t page_off, size_t at,
		    const void *bytes, size_t len);

/* A stamp, computed anew: extent @index of @count, @bytes long. */
void yard_stamp(uint8_t page[NVM_PAGE], enum pool_mode mode,
		const uint8_t uuid[POOL_UUID_LEN], unsigned index,
		unsigned count, uint64_t bytes);
/* All stamps of the child are in place and right. */
bool yard_stamped(struct yard *yard, uint32_t slot);

#endif
