/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * yard.c - pools in many states, built through the core itself, with
 * contents poked in below the media (a guest's stores are no business of
 * the pool).
 */
#include "tests/torture/yard.h"

#include <stdlib.h>
#include <string.h>

#define FILL_WORDS	8u

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "torture: cannot build the pool: %s\n", what);
	abort();
}

const char *yard_name(enum yard_state state)
{
	static const char *const name[] = {
		"blank", "foreign", "fresh", "aged", "fragmented", "full",
		"coarse", "wide", "torn",
	};

	return name[state];
}

/* ---- building --------------------------------------------------------------- */

void yard_begin_plain(struct yard *yard, uint64_t size_bytes,
		      enum nvm_durability durability)
{
	*yard = (struct yard){ .domain = domain_new(size_bytes, durability) };
	must(yard->domain, "memory");
}

void yard_end(struct yard *yard)
{
	domain_free(yard->domain);
	free(yard->mem);
	free(yard->check_mem);
	free(yard->owner);
	free(yard->unit_state);
}

static const uint8_t pool_uuid[POOL_UUID_LEN] = {
	0x70, 0x6f, 0x6f, 0x6c, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
};

int yard_format(struct yard *yard, uint64_t unit_bytes, uint32_t children_max,
		bool clean)
{
	yard->format = (struct pool_format_args){
		.unit_bytes = unit_bytes, .children_max = children_max,
		.clean = clean, .created_s = 1763800000, .uuid = pool_uuid,
		.label = "yard",
	};
	return pool_format(&yard->domain->media, &yard->format, NULL);
}

int yard_open(struct yard *yard, unsigned flags, struct nvm_fault *fault)
{
	struct pool_geometry geom;
	int err = pool_probe(&yard->domain->media, &geom, fault);
	size_t need;

	yard->pool = NULL;
	if (err)
		return err;
	need = pool_memory_bytes(&geom);
	if (need > yard->mem_bytes) {
		size_t mem_bytes = (need + 63) / 64 * 64;

		free(yard->mem);
		yard->mem = aligned_alloc(64, mem_bytes);
		must(yard->mem, "memory");
		memset(yard->mem, 0xa5, mem_bytes);
		yard->mem_bytes = need;
	}
	/* What the oracle needs goes by other numbers of the geometry. */
	need = pool_check_memory_bytes(&geom) + 2 * geom.unit_count;
	if (need > yard->check_bytes) {
		free(yard->check_mem);
		free(yard->owner);
		free(yard->unit_state);
		yard->check_mem = malloc(need);
		yard->owner = malloc(need);
		yard->unit_state = malloc(need);
		must(yard->check_mem && yard->owner && yard->unit_state,
		     "memory");
		yard->check_bytes = need;
	}
	return pool_open(&yard->domain->media, flags, yard->mem,
			 yard->mem_bytes, &yard->pool, fault);
}

int yard_try_carve(struct yard *yard, const char *name, uint64_t size_bytes,
		   enum pool_mode mode, const char *vm,
		   struct nvm_fault *fault)
{
	uint8_t uuid[POOL_UUID_LEN] = { 'c', 'h', 'i', 'l', 'd', 0, 0, 0, 7 };
	struct pool_carve_args args = {
		.name = name, .vm = vm, .uuid = uuid,
		.size_bytes = size_bytes, .created_s = 1763800001,
		.mode = mode, .for_vm = vm || mode != POOL_MODE_RAW,
	};

	uuid[5] = (uint8_t)(++yard->carved >> 8);
	uuid[6] = (uint8_t)yard->carved;
	return pool_carve(yard->pool, &args, NULL, NULL, fault);
}

uint32_t yard_carve(struct yard *yard, const char *name, uint64_t size_bytes,
		    enum pool_mode mode, const char *vm)
{
	uint32_t slot;

	must(!yard_try_carve(yard, name, size_bytes, mode, vm, NULL), name);
	slot = yard_slot(yard, name);
	yard_fill(yard, slot);
	return slot;
}

uint32_t yard_slot(const struct yard *yard, const char *name)
{
	struct pool_child child;

	must(!pool_child_find(yard->pool, name, &child), name);
	return child.slot;
}

void yard_release(struct yard *yard, const char *name)
{
	must(!pool_release(yard->pool, yard_slot(yard, name), NULL), name);
}

static void build_aged(struct yard *yard, uint64_t unit)
{
	uint64_t small = unit < 2 * MIB ? 4 * unit : unit;

	yard_carve(yard, "a", small, POOL_MODE_RAW, NULL);
	yard_carve(yard, "x1", 3 * small, POOL_MODE_RAW, NULL);
	yard_carve(yard, "c", 4 * MIB, POOL_MODE_DEVDAX, "vm1");
	yard_carve(yard, "x2", small, POOL_MODE_RAW, NULL);
	yard_carve(yard, "b", 2 * small, POOL_MODE_RAW, NULL);
	yard_carve(yard, "d", 4 * MIB, POOL_MODE_FSDAX, "vm2");
	yard_carve(yard, "x3", 2 * small, POOL_MODE_RAW, NULL);
	yard_release(yard, "x2");
	must(!pool_clean(yard->pool, NULL, NULL), "clean");
	yard_release(yard, "x1");
	yard_release(yard, "x3");
	yard_carve(yard, "e", 2 * small, POOL_MODE_RAW, NULL);
}

/* Pieces of three units between children, after a child in many extents. */
static void build_fragmented(struct yard *yard, uint64_t unit)
{
	struct pool_space space;
	char name[16];

	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		yard_carve(yard, name, (1 + i % 3) * unit, POOL_MODE_RAW, NULL);
	}
	pool_space(yard->pool, &space);
	yard_carve(yard, "big", space.free_bytes - 2 * unit, POOL_MODE_RAW,
		   NULL);
	for (unsigned i = 1; i < 40; i += 2) {
		snprintf(name, sizeof(name), "f%u", i);
		yard_release(yard, name);
	}
	yard_carve(yard, "many", 9 * unit, POOL_MODE_RAW, NULL);
}

static void build_full(struct yard *yard)
{
	struct pool_space space;

	yard_carve(yard, "a", MIB, POOL_MODE_RAW, NULL);
	yard_carve(yard, "b", MIB, POOL_MODE_RAW, NULL);
	pool_space(yard->pool, &space);
	yard_carve(yard, "c", space.free_bytes, POOL_MODE_RAW, NULL);
	pool_space(yard->pool, &space);
	must(!space.free_bytes, "full");
}

/* Room for a child of a VM only in two pieces, both at least 64 MiB. */
static void build_wide(struct yard *yard)
{
	struct pool_space space;

	yard_carve(yard, "w1", 100 * MIB, POOL_MODE_RAW, NULL);
	yard_carve(yard, "w2", 4 * MIB, POOL_MODE_DEVDAX, "vm1");
	yard_carve(yard, "w3", 128 * MIB, POOL_MODE_RAW, NULL);
	yard_carve(yard, "w4", 700 * MIB, POOL_MODE_RAW, NULL);
	yard_carve(yard, "w5", 120 * MIB, POOL_MODE_RAW, NULL);
	pool_space(yard->pool, &space);
	yard_carve(yard, "w6", space.largest_run_bytes, POOL_MODE_RAW, NULL);
	yard_release(yard, "w1");
	yard_release(yard, "w3");
	yard_release(yard, "w5");
}

/*
 * A carve of which the slot is durable, and none of the pages that it is to
 * change: the events up to the first barrier behind a store to the journal.
 */
static void build_torn(struct yard *yard)
{
	struct domain *domain = yard->domain;
	const struct pool_geometry g = *pool_geometry(yard->pool);
	struct domain_trace trace = { 0 };
	bool in_journal = false;
	size_t i;

	domain_mark(domain);
	domain_record(domain, &trace);
	must(!yard_try_carve(yard, "cut", 128 * KIB, POOL_MODE_RAW, NULL, NULL),
	     "carve");
	domain_record(domain, NULL);
	domain_back(domain);
	for (i = 0; i < trace.count; i++) {
		const struct domain_event *event = &trace.event[i];

		in_journal |= event->type == DOMAIN_STORE &&
			      event->off - g.journal_off <
			      2 * g.journal_slot_bytes;
		if (in_journal && event->type == DOMAIN_DRAIN)
			break;
	}
	must(i < trace.count, "no barrier behind the journal");
	domain_apply(domain, &trace, 0, i);
	trace_free(&trace);
}

void yard_begin(struct yard *yard, enum yard_state state,
		enum nvm_durability durability)
{
	uint64_t unit = state == YARD_COARSE ? 2 * MIB : 64 * KIB;
	uint32_t children_max = state == YARD_FRAGMENTED ? 60 : 15;
	uint64_t seed = 1, word;

	yard_begin_plain(yard, state == YARD_WIDE ? 1200 * MIB : 64 * MIB,
			 durability);
	if (state == YARD_FOREIGN)
		for (uint64_t off = 0; off < 3 * MIB; off += 8 * 61) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			word = seed;
			domain_poke(yard->domain, off, &word, 8);
		}
	if (state == YARD_BLANK || state == YARD_FOREIGN) {
		yard->format = (struct pool_format_args){
			.unit_bytes = unit, .children_max = children_max,
			.created_s = 1763800000, .uuid = pool_uuid,
			.label = "yard",
		};
		return;
	}
	must(!yard_format(yard, unit, children_max, state != YARD_COARSE),
	     "format");
	must(!yard_open(yard, POOL_OPEN_WRITE, NULL), "open");
	if (state == YARD_AGED || state == YARD_COARSE || state == YARD_TORN)
		build_aged(yard, unit);
	else if (state == YARD_FRAGMENTED)
		build_fragmented(yard, unit);
	else if (state == YARD_FULL)
		build_full(yard);
	else if (state == YARD_WIDE)
		build_wide(yard);
	if (state == YARD_TORN)
		build_torn(yard);
}

/* ---- contents ------------------------------------------------------------------ */

/* A word of unit @unit of a child; never 0. */
static uint64_t content(const struct pool_child *child, uint64_t unit,
			unsigned i)
{
	return 0x5ec2e7ull << 40 | (uint64_t)child->uuid[5] << 32 |
	       (uint64_t)child->uuid[6] << 24 | unit << 4 | i;
}

/* Of a large child not every unit is filled. */
static bool filled(const struct pool_child *child, uint64_t unit,
		   uint64_t unit_bytes)
{
	uint64_t units = child->size_bytes / unit_bytes;

	return units <= 256 || unit < 8 || unit % 64 == 0 || unit + 8 >= units;
}

/* Where word @i of a unit lies: head, middle, tail. */
static uint64_t content_off(uint64_t unit_bytes, unsigned i)
{
	switch (i / FILL_WORDS) {
	case 0: return i * 8;
	case 1: return unit_bytes / 2 + i % FILL_WORDS * 64;
	default: return unit_bytes - (i % FILL_WORDS + 1) * 8;
	}
}

static void child_of(struct yard *yard, uint32_t slot,
		     struct pool_child *ret_child, struct pool_range *ret_extent,
		     size_t *ret_count)
{
	uint32_t cursor = slot;

	must(pool_child_next(yard->pool, &cursor, ret_child) &&
	     ret_child->slot == slot, "child");
	must(!pool_child_extents(yard->pool, slot, ret_extent, ret_count, NULL),
	     "extents");
}

static uint64_t child_unit_off(const struct pool_range *extent, uint64_t unit,
			       uint64_t unit_bytes)
{
	uint64_t off = unit * unit_bytes;

	for (; off >= extent->size_bytes; extent++)
		off -= extent->size_bytes;
	return extent->off_bytes + off;
}

void yard_fill(struct yard *yard, uint32_t slot)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint64_t unit_bytes = pool_geometry(yard->pool)->unit_bytes;
	struct pool_child child;
	size_t count;

	child_of(yard, slot, &child, extent, &count);
	for (uint64_t u = 0; u < child.size_bytes / unit_bytes; u++) {
		uint64_t off = child_unit_off(extent, u, unit_bytes);

		for (unsigned i = 0; filled(&child, u, unit_bytes) &&
		     i < 3 * FILL_WORDS; i++) {
			uint64_t word = content(&child, u, i);

			domain_poke(yard->domain, off +
				    content_off(unit_bytes, i), &word, 8);
		}
	}
}

bool yard_holds(struct yard *yard, uint32_t slot, uint64_t first,
		uint64_t count)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint64_t unit_bytes = pool_geometry(yard->pool)->unit_bytes;
	struct pool_child child;
	size_t extents;

	child_of(yard, slot, &child, extent, &extents);
	for (uint64_t u = first; u < first + count; u++) {
		uint64_t off = child_unit_off(extent, u, unit_bytes);

		for (unsigned i = 0; filled(&child, u, unit_bytes) &&
		     i < 3 * FILL_WORDS; i++)
			if (domain_word(yard->domain, (off +
					content_off(unit_bytes, i)) / 8) !=
			    content(&child, u, i))
				return false;
	}
	return true;
}

bool yard_blank(struct yard *yard, uint32_t slot, uint64_t first,
		uint64_t count)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint64_t unit_bytes = pool_geometry(yard->pool)->unit_bytes;
	struct pool_child child;
	size_t extents;

	child_of(yard, slot, &child, extent, &extents);
	for (uint64_t u = first; u < first + count; u++) {
		uint64_t off = child_unit_off(extent, u, unit_bytes);
		uint64_t len = unit_bytes;

		for (size_t i = 0; i < extents; i++) {
			if (child.mode == POOL_MODE_RAW ||
			    extent[i].off_bytes != off)
				continue;
			if (!domain_reads_zero(yard->domain, off, STAMP_OFF))
				return false;
			off += STAMP_OFF + NVM_PAGE;
			len -= STAMP_OFF + NVM_PAGE;
			break;
		}
		if (!domain_reads_zero(yard->domain, off, len))
			return false;
	}
	return true;
}

void yard_edit(struct yard *yard, uint64_t page_off, size_t at,
	       const void *bytes, size_t len)
{
	uint8_t page[NVM_PAGE];
	le32_t csum = put_le32(0);

	memcpy(page, domain_look(yard->domain, page_off, NVM_PAGE), NVM_PAGE);
	memcpy(page + at, bytes, len);
	memcpy(page + 8, &csum, 4);
	csum = put_le32(yard->domain->media.ops->crc32c(0, page, NVM_PAGE));
	memcpy(page + 8, &csum, 4);
	domain_poke(yard->domain, page_off, page, NVM_PAGE);
}

void yard_edit_both(struct yard *yard, uint64_t page_off, size_t at,
		    const void *bytes, size_t len)
{
	struct pool_geometry g;
	uint64_t b = page_off + NVM_PAGE;

	must(!pool_probe(&yard->domain->media, &g, NULL), "geometry");
	if (page_off >= g.nat_off && page_off < g.umap_off)
		b = page_off + g.nat_pages * NVM_PAGE;
	else if (page_off >= g.umap_off && page_off < g.data_off)
		b = page_off + g.umap_pages * NVM_PAGE;
	yard_edit(yard, page_off, at, bytes, len);
	yard_edit(yard, b, at, bytes, len);
}

/* ---- stamps ---------------------------------------------------------------------- */

static void le_put(uint8_t *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

void yard_stamp(uint8_t page[NVM_PAGE], enum pool_mode mode,
		const uint8_t uuid[POOL_UUID_LEN], unsigned index,
		unsigned count, uint64_t bytes)
{
	uint64_t lo = 0, hi = 0;

	memset(page, 0, NVM_PAGE);
	memcpy(page, mode == POOL_MODE_DEVDAX ? "NVDIMM_DAX_INFO"
					      : "NVDIMM_PFN_INFO", 15);
	memcpy(page + 16, uuid, 14);
	page[30] = (uint8_t)index;
	page[31] = (uint8_t)count;
	le_put(page + 0x34, 1, 2);		/* version 1.4 */
	le_put(page + 0x36, 4, 2);
	le_put(page + 0x38, 2 * MIB, 8);	/* data begins there */
	le_put(page + 0x40, (bytes - 2 * MIB) / 4096, 8);
	le_put(page + 0x48, 1, 4);		/* struct pages in RAM */
	le_put(page + 0x54, 2 * MIB, 4);	/* alignment */
	le_put(page + 0x58, 4096, 4);
	le_put(page + 0x5c, 64, 2);
	for (unsigned i = 0; i < NVM_PAGE; i += 4) {
		lo += (uint32_t)page[i] | (uint32_t)page[i + 1] << 8 |
		      (uint32_t)page[i + 2] << 16 | (uint32_t)page[i + 3] << 24;
		lo &= UINT32_MAX;
		hi += lo;
	}
	le_put(page + NVM_PAGE - 8, (hi & UINT32_MAX) << 32 | lo, 8);
}

bool yard_stamped(struct yard *yard, uint32_t slot)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct pool_child child;
	uint8_t page[NVM_PAGE];
	size_t count;

	child_of(yard, slot, &child, extent, &count);
	for (size_t i = 0; child.mode != POOL_MODE_RAW && i < count; i++) {
		yard_stamp(page, child.mode, child.uuid, (unsigned)i,
			   (unsigned)count, extent[i].size_bytes);
		if (memcmp(domain_look(yard->domain, extent[i].off_bytes +
				       STAMP_OFF, NVM_PAGE), page, NVM_PAGE))
			return false;
	}
	return true;
}
