/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * format.h - the pool on the media.  This header is the specification;
 * docs/format.md tells the same story for somebody who writes a reader.
 *
 *   offset 0
 *   +-------+-------+-----------+-----------+------+------+------+------+
 *   | GMB 0 | GMB 1 | journal 0 | journal 1 | NAT  | NAT  | UMAP | UMAP |
 *   |       |       |           |           |  A   |  B   |  A   |  B   |
 *   +-------+-------+-----------+-----------+------+------+------+------+
 *   | (gap up to a multiple of the unit)                                |
 *   +--------+--------+--------+-----------------------------+----------+
 *   | unit 0 | unit 1 | unit 2 | ...  data area          ... | (gap)    |
 *   +--------+--------+--------+-----------------------------+----------+
 *   | GMB 2 |  <- the last 4 KiB of the media
 *   +-------+
 *
 *   GMB   global metadata block: what the pool is and where the rest lies
 *   NAT   NVM allocation table: one entry a child
 *   UMAP  the block allocation bitmap: two bits an allocation unit
 *   AMT   address mapping table: the extents of one child.  AMTs live in the
 *         data area, in units of their own ("AMT units").
 *
 * All integers are little-endian.  All metadata is in 4 KiB pages that begin
 * with struct pool_page: a magic, a CRC32C, the number of the transaction
 * that wrote the page, the page's place and the pool's uuid.  So a torn,
 * rotten, misplaced or former pool's page is never taken for a valid one.
 *
 * Every page is there twice (the GMB three times), with the same bytes.
 *
 *   RULE 1  Copy A of a page counts; where it is not valid, copy B.  The
 *           page's image in the newest valid journal slot supersedes both
 *           where its seq is larger.
 *
 * A transaction with number N (one more than the last):
 *
 *   1. reserve backing for every page that it will write; barrier, if the
 *      pages of N - 1 went home and there was none since
 *   2. store its after-images and their places into journal slot N % 2
 *   3. barrier                   <- commit: the slot's CRCs are valid now
 *   4. store stamp pages (below) home; barrier, if there are any
 *   5. store metadata pages home, copies A and B
 *   6. barrier, if there are stamp pages
 *
 * and is acknowledged then.  Without stamps one barrier does: until there is
 * another, the slot stands for what step 5 stored.  There must be one before
 * the next slot is stored, because recovery goes by the newest slot alone.
 *
 * Recovery table (state found -> what is done):
 *
 *   newest valid slot J, and ...                     then
 *   ------------------------------------------------------------------
 *   (always: the GMB, the slot and the pages named in it are flushed and a
 *   barrier made, for a killed process may have left stores that are visible
 *   and not durable)
 *   every page of J is home, both copies             nothing
 *   some copy is older than J or damaged, and
 *     at least one copy carries seq J                store those copies
 *                                                    (never over a newer one)
 *     no copy carries seq J                          steps 4 to 6 again
 *   a table page carries a seq larger than J's       journal damaged: the
 *                                                    pool opens read-only
 *                                                    until check --repair
 *   no valid slot at all                             the same
 *
 * Slot N % 2 overwrites transaction N - 2 while N - 1 lies complete in the
 * other slot, so after any power loss at least one slot is valid.  Stamp
 * pages are not ours to read back (the guest may write them as soon as the
 * operation is acknowledged); step 5 after step 4 is what tells whether they
 * were written, and then they are never written again.
 *
 * States of a unit in the UMAP, and who may change them:
 *
 *   CLEAN --carve--> USED --release--> DIRTY --clean--> CLEAN
 *   DIRTY --(cleaned, barrier) carve--> USED
 *   anything but USED --poison--> BAD (never allocated)
 *
 *   RULE 2  A unit that is CLEAN on the media reads as zeros there.  What
 *           was there before format is DIRTY.  A unit is made to read as
 *           zeros, with a barrier, before the transaction that says CLEAN or
 *           USED of it.
 */
#ifndef NVM_POOL_FORMAT_H
#define NVM_POOL_FORMAT_H

#include "base/env.h"
#include "base/le.h"

#define POOL_VERSION		1u
#define POOL_UNIT_MIN		(64ull << 10)
#define POOL_UNIT_MAX		(1ull << 30)
#define POOL_UNIT_DEFAULT	(2ull << 20)
#define POOL_UNITS_MAX		(1ull << 26)
#define POOL_SIZE_MIN		(64ull << 20)
#define POOL_SIZE_MAX		(64ull << 40)
#define POOL_CHILDREN_MAX	100000u
#define POOL_EXTENTS_MAX	248u	/* of a child: what one AMT holds */
#define POOL_NAME_MAX		63u
#define POOL_UUID_LEN		16u

#define POOL_MAGIC_GMB		"NVMPOOL"
#define POOL_MAGIC_JOURNAL	"NVMPJRN"
#define POOL_MAGIC_NAT		"NVMPNAT"
#define POOL_MAGIC_UMAP		"NVMPMAP"
#define POOL_MAGIC_AMT		"NVMPAMT"

/*
 * The head of every metadata page.  csum is the CRC32C of all 4096 bytes,
 * taken with csum = 0.
 */
struct pool_page {
/*00*/	char	magic[8];		/* with its NUL */
/*08*/	le32_t	csum;
/*0c*/	le32_t	reserved;		/* 0 */
/*10*/	le64_t	seq;			/* transaction that wrote the page */
/*18*/	le64_t	index;			/* GMB: 0; journal: slot; NAT, UMAP:
					   page in its table; AMT: byte offset
					   of copy A on the media */
/*20*/	uint8_t	uuid[POOL_UUID_LEN];	/* of the pool */
/*30*/	uint8_t	zero[16];
/*40*/
};
FIELD_AT(pool_page, csum, 0x08, 4);
FIELD_AT(pool_page, seq, 0x10, 8);
FIELD_AT(pool_page, index, 0x18, 8);
FIELD_AT(pool_page, uuid, 0x20, 16);
_Static_assert(sizeof(struct pool_page) == 0x40, "pool_page");

/*
 * Feature masks: an unknown compat bit is ignored, an unknown ro_compat bit
 * allows reading only, an unknown incompat bit forbids opening.
 */
#define POOL_COMPAT_KNOWN	0u
#define POOL_RO_COMPAT_KNOWN	0u
#define POOL_INCOMPAT_KNOWN	0u

struct pool_gmb {
/*000*/	struct pool_page page;		/* magic POOL_MAGIC_GMB */
/*040*/	le32_t	version;		/* POOL_VERSION */
/*044*/	le32_t	compat;
/*048*/	le32_t	ro_compat;
/*04c*/	le32_t	incompat;
/*050*/	le64_t	size_bytes;		/* of the media, a multiple of 4096 */
/*058*/	le64_t	unit_bytes;		/* a power of two */
/*060*/	le64_t	unit_count;
/*068*/	le64_t	data_off;		/* a multiple of unit_bytes */
/*070*/	le64_t	journal_off;
/*078*/	le64_t	journal_slot_bytes;
/*080*/	le64_t	nat_off;		/* copy A; copy B follows it */
/*088*/	le64_t	nat_pages;		/* of one copy */
/*090*/	le64_t	umap_off;		/* copy A; copy B follows it */
/*098*/	le64_t	umap_pages;		/* of one copy */
/*0a0*/	le32_t	children_max;
/*0a4*/	le32_t	reserved;
/*0a8*/	le64_t	created_s;		/* seconds since 1970, UTC */
/*0b0*/	char	label[64];		/* NUL-padded, at most 63 bytes */
/*0f0*/	uint8_t	zero[0xf10];
};
FIELD_AT(pool_gmb, version, 0x040, 4);
FIELD_AT(pool_gmb, size_bytes, 0x050, 8);
FIELD_AT(pool_gmb, data_off, 0x068, 8);
FIELD_AT(pool_gmb, umap_pages, 0x098, 8);
FIELD_AT(pool_gmb, label, 0x0b0, 64);
_Static_assert(sizeof(struct pool_gmb) == NVM_PAGE, "pool_gmb");

/*
 * A journal slot:
 *   page 0          this header; page.index is the slot, page.seq is N
 *   table pages     le64 targets, page_count of them, zero-filled
 *   image pages     page_count after-images, in the table's order
 * body_csum is the CRC32C of the table pages and then the image pages.
 * A target is the byte offset of a page's copy A; where copy B lies follows
 * from it.  Targets of stamp pages carry JOURNAL_STAMP in bit 0.
 */
#define JOURNAL_STAMP		1ull
#define JOURNAL_TARGETS_A_PAGE	(NVM_PAGE / 8)

struct pool_journal {
/*000*/	struct pool_page page;		/* magic POOL_MAGIC_JOURNAL */
/*040*/	le32_t	page_count;		/* at least 1 */
/*044*/	le32_t	body_csum;
/*048*/	uint8_t	zero[0xfb8];
};
FIELD_AT(pool_journal, page_count, 0x040, 4);
FIELD_AT(pool_journal, body_csum, 0x044, 4);
_Static_assert(sizeof(struct pool_journal) == NVM_PAGE, "pool_journal");

/* How the guest's stock kernel brings a child up. */
enum pool_mode {
	POOL_MODE_RAW = 0,	/* no stamp: known by its address only */
	POOL_MODE_DEVDAX = 1,	/* /dev/daxN.M at first boot */
	POOL_MODE_FSDAX = 2,	/* /dev/pmemN with DAX at first boot */
};

#define POOL_CHILD_READ_ONLY	0x1u	/* given to its VM read-only */
#define POOL_CHILD_SHARED	0x2u	/* read-only in every VM; implies it */

/*
 * One child.  A slot with size_units = 0 is free, and all zeros.  Bytes 14
 * and 15 of the uuid are 0: the stamps put extent number and count there.
 */
struct pool_nat_entry {
/*00*/	le64_t	size_units;
/*08*/	le64_t	amt_off;		/* of the AMT's copy A on the media */
/*10*/	uint8_t	uuid[POOL_UUID_LEN];
/*20*/	le64_t	created_s;
/*28*/	le64_t	grow_to_bytes;		/* room reserved in the VM; or 0 */
/*30*/	le32_t	flags;			/* POOL_CHILD_* */
/*34*/	uint8_t	mode;			/* enum pool_mode */
/*35*/	uint8_t	device;			/* enum pool_device */
/*36*/	uint8_t	zero[10];
/*40*/	char	name[64];		/* NUL-padded, at most 63 bytes */
/*80*/	char	vm[64];			/* the VM's name, or empty */
/*c0*/	uint8_t	zero2[64];
};
FIELD_AT(pool_nat_entry, amt_off, 0x08, 8);
FIELD_AT(pool_nat_entry, uuid, 0x10, 16);
FIELD_AT(pool_nat_entry, flags, 0x30, 4);
FIELD_AT(pool_nat_entry, name, 0x40, 64);
FIELD_AT(pool_nat_entry, vm, 0x80, 64);
_Static_assert(sizeof(struct pool_nat_entry) == 256, "pool_nat_entry");

/* The device the VMM is to use; what is right depends on the backing. */
enum pool_device {
	POOL_DEVICE_AUTO = 0,
	POOL_DEVICE_NVDIMM = 1,
	POOL_DEVICE_VIRTIO_PMEM = 2,
};

#define NAT_ENTRIES_A_PAGE	15u

struct pool_nat_page {
/*000*/	struct pool_page page;		/* magic POOL_MAGIC_NAT */
/*040*/	uint8_t	zero[192];
/*100*/	struct pool_nat_entry entry[NAT_ENTRIES_A_PAGE];
};
FIELD_AT(pool_nat_page, entry, 0x100, 3840);
_Static_assert(sizeof(struct pool_nat_page) == NVM_PAGE, "pool_nat_page");

/* State of a unit: bits (2 * (u % 4)) and up of byte u / 4 of its page. */
enum pool_unit_state {
	UNIT_CLEAN = 0,		/* free, reads as zeros */
	UNIT_USED = 1,		/* a child's, or holds AMTs */
	UNIT_DIRTY = 2,		/* free, holds somebody's former bytes */
	UNIT_BAD = 3,		/* poisoned */
};

#define UMAP_UNITS_A_PAGE	((NVM_PAGE - 64u) * 4u)	/* 16128 */

struct pool_umap_page {
/*000*/	struct pool_page page;		/* magic POOL_MAGIC_UMAP */
/*040*/	uint8_t	state[NVM_PAGE - 64];
};
FIELD_AT(pool_umap_page, state, 0x040, 4032);
_Static_assert(sizeof(struct pool_umap_page) == NVM_PAGE, "pool_umap_page");

/*
 * NAT slot k keeps its AMT in slot (k % S) of an AMT unit, where
 * S = unit_bytes / AMT_SLOT_BYTES; all children of the group k / S share that
 * unit.  An AMT unit is taken with the first child of its group and given
 * back with the last.  The two copies of an AMT are adjacent pages.
 */
#define AMT_SLOT_BYTES		(2u * NVM_PAGE)

struct pool_amt_extent {
/*00*/	le64_t	start_unit;
/*08*/	le64_t	unit_count;		/* at least 1 */
};
_Static_assert(sizeof(struct pool_amt_extent) == 16, "pool_amt_extent");

/* The child's bytes are its extents' bytes, one after the other. */
struct pool_amt {
/*000*/	struct pool_page page;		/* magic POOL_MAGIC_AMT */
/*040*/	uint8_t	child_uuid[POOL_UUID_LEN];
/*050*/	le32_t	extent_count;		/* 1 to POOL_EXTENTS_MAX */
/*054*/	le32_t	reserved;
/*058*/	uint8_t	zero[40];
/*080*/	struct pool_amt_extent extent[POOL_EXTENTS_MAX];
};
FIELD_AT(pool_amt, extent_count, 0x050, 4);
FIELD_AT(pool_amt, extent, 0x080, 3968);
_Static_assert(sizeof(struct pool_amt) == NVM_PAGE, "pool_amt");

/*
 * Guest stamps: in the modes DEVDAX and FSDAX each extent begins with 2 MiB
 * that the guest's kernel keeps for itself; at +4 KiB lies its info block
 * (Linux drivers/nvdimm/pfn.h, struct nd_pfn_sb, version 1.4).  We write it
 * when an extent comes to be.  Its uuid is the child's uuid with byte 14 =
 * extent number and byte 15 = extent count.
 */
#define STAMP_OFF		NVM_PAGE
#define STAMP_DATA_OFF		(2ull << 20)

/* A child that a VM can be given. */
#define VM_EXTENTS_MAX		16u
#define VM_EXTENT_MIN		(64ull << 20)	/* or the whole child */
#define VM_ALIGN		(2ull << 20)	/* of an extent's place and size */

#endif
