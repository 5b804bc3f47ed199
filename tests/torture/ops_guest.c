// SPDX-License-Identifier: BSD-3-Clause
/*
 * ops_guest.c - what guests leave in their units, for the operations that the
 * suites crash: bytes everywhere, a stamp of their own, a page that looks like
 * the pool's.
 */
#include "tests/torture/ops.h"

#include <string.h>

/* A word that our stamps have not, in a place that a guest may use. */
#define GUEST_OFF	(STAMP_OFF + 0x100)
#define GUEST_WORD	0x6775657374737472ull

/* All free units are DIRTY. */
void prepare_all_dirty(struct yard *yard)
{
	struct pool_space space;

	pool_space(yard->pool, &space);
	yard_carve(yard, "all", space.free_bytes, POOL_MODE_RAW, NULL);
	yard_release(yard, "all");
}

/*
 * A guest knew where its child lies, and what AMTs look like.  In the unit
 * that the next AMT will be in, it has left one, newer than all, that gives
 * units of nobody to the next child.
 */
void prepare_forged(struct yard *yard)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);
	uint64_t off = geom->data_off;
	struct pool_amt amt = {
		.page = { .seq = put_le64(1ull << 40),
			  .index = put_le64(off) },
		.child_uuid = "child", .extent_count = put_le32(1),
		.extent = { { put_le64(9), put_le64(3) } },
	};

	yard_carve(yard, "x", 2 * geom->unit_bytes, POOL_MODE_RAW, NULL);
	yard_release(yard, "x");
	amt.child_uuid[5] = (uint8_t)((yard->carved + 1) >> 8);
	amt.child_uuid[6] = (uint8_t)(yard->carved + 1);
	amt.child_uuid[8] = 7;
	memcpy(amt.page.magic, POOL_MAGIC_AMT, sizeof(amt.page.magic));
	memcpy(amt.page.uuid, geom->uuid, POOL_UUID_LEN);
	domain_poke(yard->domain, off, &amt, NVM_PAGE);
	domain_poke(yard->domain, off + NVM_PAGE, &amt, NVM_PAGE);
	yard_edit(yard, off, 0, POOL_MAGIC_AMT, 8);
	yard_edit(yard, off + NVM_PAGE, 0, POOL_MAGIC_AMT, 8);
}

static uint64_t stamp_of(struct yard *yard)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	size_t count;

	if (pool_child_extents(yard->pool, yard_slot(yard, "g"), extent, &count,
			       NULL))
		return 0;
	return extent[0].off_bytes;
}

/* "g" has a stamp that its guest has changed. */
void prepare_guests_stamp(struct yard *yard)
{
	const uint64_t word = GUEST_WORD;

	yard_carve(yard, "g", 8 * MIB, POOL_MODE_DEVDAX, "vm5");
	domain_poke(yard->domain, stamp_of(yard) + GUEST_OFF, &word, 8);
}

bool verify_guests_stamp(struct yard *yard, bool is_new,
			 struct verdict *verdict)
{
	(void)is_new;
	return domain_word(yard->domain, (stamp_of(yard) + GUEST_OFF) / 8) ==
	       GUEST_WORD || deny(verdict, "the guest's stamp is gone");
}
