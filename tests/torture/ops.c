/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ops.c - the table of crashed operations.  The child that an operation
 * makes is called "new", the one that it changes is named in the row.
 */
#include "tests/torture/ops.h"

#include <stdlib.h>
#include <string.h>

#define ON(state) (1u << YARD_##state)

static uint64_t unit_of(const struct yard *yard)
{
	return pool_geometry(yard->pool)->unit_bytes;
}

/* ---- format ------------------------------------------------------------------- */

static int run_format(struct yard *yard)
{
	static const uint8_t uuid[POOL_UUID_LEN] = { 0xf0, 1, 2, 3 };
	struct pool_format_args args = yard->format;

	args.uuid = uuid;
	args.label = "formatted";
	args.clean = domain_reads_zero(yard->domain, 0,
				       yard->domain->media.size_bytes);
	return pool_format(&yard->domain->media, &args, NULL);
}

/* Over a pool of another geometry: its tables lie where others are to be. */
static int run_format_other(struct yard *yard)
{
	static const uint8_t uuid[POOL_UUID_LEN] = { 0xf0, 4, 5, 6 };
	struct pool_format_args args = yard->format;

	args.uuid = uuid;
	args.unit_bytes = yard->format.unit_bytes < MIB ? 2 * MIB : 64 * KIB;
	args.children_max = yard->format.children_max == 15 ? 31 : 15;
	args.clean = false;
	return pool_format(&yard->domain->media, &args, NULL);
}

/* And work on it: the journal slot that format stored is stored over. */
static int run_format_use(struct yard *yard)
{
	const struct pool_geometry *geom;
	int err = run_format(yard);

	if (!err)
		err = yard_open(yard, POOL_OPEN_WRITE, NULL);
	geom = err ? NULL : pool_geometry(yard->pool);
	for (unsigned n = 0; n < 3 && !err; n++) {
		const struct pool_range bad = {
			geom->data_off + n * geom->unit_bytes, 64 };

		err = pool_mark_bad(yard->pool, &bad, 1, NULL);
	}
	return err;
}

/* ---- carve --------------------------------------------------------------------- */

static int run_carve(struct yard *yard)
{
	return yard_try_carve(yard, "new", (unit_of(yard) < MIB ? 3 : 2) *
			      unit_of(yard), POOL_MODE_RAW, NULL, NULL);
}

static int run_carve_several(struct yard *yard)
{
	return yard_try_carve(yard, "new", 10 * unit_of(yard), POOL_MODE_RAW,
			      NULL, NULL);
}

static int run_carve_all(struct yard *yard)
{
	struct pool_space space;

	pool_space(yard->pool, &space);
	return yard_try_carve(yard, "new", space.free_bytes -
			      (space.children ? 0 : unit_of(yard)),
			      POOL_MODE_RAW, NULL, NULL);
}

static int run_carve_devdax(struct yard *yard)
{
	return yard_try_carve(yard, "new", 4 * MIB, POOL_MODE_DEVDAX, "vm9",
			      NULL);
}

static int run_carve_fsdax(struct yard *yard)
{
	return yard_try_carve(yard, "new", 6 * MIB, POOL_MODE_FSDAX, "vm9",
			      NULL);
}

static int run_carve_vm_pieces(struct yard *yard)
{
	return yard_try_carve(yard, "new", 180 * MIB, POOL_MODE_DEVDAX, "vm9",
			      NULL);
}

/* Two transactions with nothing between them. */
static int run_carve_twice(struct yard *yard)
{
	int err = yard_try_carve(yard, "new", unit_of(yard), POOL_MODE_RAW,
				 NULL, NULL);

	return err ? err : yard_try_carve(yard, "newer", unit_of(yard),
					  POOL_MODE_RAW, NULL, NULL);
}

static bool verify_carve(struct yard *yard, bool is_new,
			 struct verdict *verdict)
{
	struct pool_child child;

	if (pool_child_find(yard->pool, "new", &child))
		return !is_new || deny(verdict, "no child 'new'");
	if (!yard_blank(yard, child.slot, 0, child.size_bytes / unit_of(yard)))
		return deny(verdict, "a former owner's bytes in 'new'");
	if (!yard_stamped(yard, child.slot))
		return deny(verdict, "'new' lacks its stamps");
	return true;
}

static bool verify_carve_pieces(struct yard *yard, bool is_new,
				struct verdict *verdict)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	size_t count;

	if (!verify_carve(yard, is_new, verdict))
		return false;
	if (!is_new)
		return true;
	if (pool_child_extents(yard->pool, yard_slot(yard, "new"), extent,
			       &count, NULL) || count < 2)
		return deny(verdict, "'new' is of one extent");
	return true;
}

/* ---- resize ---------------------------------------------------------------------- */

static int resize_to(struct yard *yard, const char *name, uint64_t size_bytes)
{
	return pool_resize(yard->pool, yard_slot(yard, name), size_bytes, NULL,
			   NULL);
}

/* "g" with dirty units behind it. */
static void prepare_grow(struct yard *yard)
{
	yard_carve(yard, "g", 3 * unit_of(yard), POOL_MODE_RAW, NULL);
	yard_carve(yard, "behind", 2 * unit_of(yard), POOL_MODE_RAW, NULL);
	yard_release(yard, "behind");
}

static int run_grow(struct yard *yard)
{
	return resize_to(yard, "g", 6 * unit_of(yard));
}

static bool verify_grow(struct yard *yard, bool is_new,
			struct verdict *verdict)
{
	uint32_t slot = yard_slot(yard, "g");

	if (!yard_holds(yard, slot, 0, 3))
		return deny(verdict, "'g' lost bytes");
	if (is_new && !yard_blank(yard, slot, 3, 3))
		return deny(verdict, "a former owner's bytes in 'g'");
	return true;
}

static int run_grow_extents(struct yard *yard)
{
	return resize_to(yard, "f0", 7 * unit_of(yard));
}

static bool verify_grow_extents(struct yard *yard, bool is_new,
				struct verdict *verdict)
{
	uint32_t slot = yard_slot(yard, "f0");

	if (!yard_holds(yard, slot, 0, 1))
		return deny(verdict, "'f0' lost bytes");
	if (is_new && !yard_blank(yard, slot, 1, 6))
		return deny(verdict, "a former owner's bytes in 'f0'");
	return true;
}

static void prepare_devdax(struct yard *yard)
{
	yard_carve(yard, "g", 8 * MIB, POOL_MODE_DEVDAX, "vm5");
	yard_carve(yard, "behind", 2 * MIB, POOL_MODE_RAW, NULL);
	yard_release(yard, "behind");
}

static int run_grow_devdax(struct yard *yard)
{
	return resize_to(yard, "g", 10 * MIB);
}

static int run_shrink_devdax(struct yard *yard)
{
	return resize_to(yard, "g", 4 * MIB);
}

static bool verify_devdax(struct yard *yard, bool is_new,
			  struct verdict *verdict)
{
	uint32_t slot = yard_slot(yard, "g");
	uint64_t unit = unit_of(yard);
	struct pool_child child;

	(void)is_new;
	pool_child_find(yard->pool, "g", &child);
	if (!yard_stamped(yard, slot))
		return deny(verdict, "'g' has a stamp that is not right");
	if (child.size_bytes > 8 * MIB &&
	    !yard_blank(yard, slot, 8 * MIB / unit,
			(child.size_bytes - 8 * MIB) / unit))
		return deny(verdict, "a former owner's bytes in 'g'");
	if (!yard_holds(yard, slot, 0, 1))
		return deny(verdict, "'g' lost bytes");
	return true;
}

/* 36 MiB of room behind "g", the rest of the growth elsewhere. */
static void prepare_wide(struct yard *yard)
{
	yard_carve(yard, "g", 64 * MIB, POOL_MODE_DEVDAX, "vm5");
}

static int run_grow_wide(struct yard *yard)
{
	return resize_to(yard, "g", 180 * MIB);
}

static bool verify_wide(struct yard *yard, bool is_new,
			struct verdict *verdict)
{
	uint32_t slot = yard_slot(yard, "g");
	uint64_t had = 64 * MIB / unit_of(yard);
	struct pool_child child;

	(void)is_new;
	pool_child_find(yard->pool, "g", &child);
	if (!yard_stamped(yard, slot))
		return deny(verdict, "'g' has a stamp that is not right");
	if (!yard_blank(yard, slot, had,
			child.size_bytes / unit_of(yard) - had))
		return deny(verdict, "a former owner's bytes in 'g'");
	return yard_holds(yard, slot, 0, 1) || deny(verdict, "'g' lost bytes");
}

/* For a running VM: nothing is taken of the 36 MiB behind "g". */
static int run_extend_wide(struct yard *yard)
{
	return pool_extend(yard->pool, yard_slot(yard, "g"), 160 * MIB, NULL,
			   NULL);
}

static bool verify_extend_wide(struct yard *yard, bool is_new,
			       struct verdict *verdict)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	size_t count;

	if (!verify_wide(yard, is_new, verdict))
		return false;
	if (pool_child_extents(yard->pool, yard_slot(yard, "g"), extent,
			       &count, NULL) || (count > 1) != is_new)
		return deny(verdict, "'g' has not grown by whole extents");
	return extent[0].size_bytes == 64 * MIB ||
	       deny(verdict, "the extent that a VM maps has changed");
}

static int run_shrink(struct yard *yard)
{
	return resize_to(yard, "b", unit_of(yard));
}

static int run_shrink_extents(struct yard *yard)
{
	return resize_to(yard, "many", 2 * unit_of(yard));
}

/* ---- the rest ------------------------------------------------------------------------ */

static int run_update(struct yard *yard)
{
	struct pool_child child;

	pool_child_find(yard->pool, "a", &child);
	memcpy(child.name, "renamed", 8);
	memcpy(child.vm, "vm7", 4);
	child.flags = POOL_CHILD_SHARED;
	child.grow_to_bytes = 64 * MIB;
	return pool_update(yard->pool, &child, NULL);
}

static int run_release_a(struct yard *yard)
{
	return pool_release(yard->pool, yard_slot(yard, "a"), NULL);
}

static int run_release_many(struct yard *yard)
{
	return pool_release(yard->pool, yard_slot(yard, "many"), NULL);
}

/* The only child: its AMT unit goes with it. */
static void prepare_only(struct yard *yard)
{
	yard_carve(yard, "a", 4 * MIB, POOL_MODE_DEVDAX, "vm5");
}

static int run_clean(struct yard *yard)
{
	return pool_clean(yard->pool, NULL, NULL);
}

static int run_mark_bad(struct yard *yard)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);
	uint64_t end = geom->data_off + geom->unit_count * geom->unit_bytes;
	const struct pool_range bad[] = {
		{ end - geom->unit_bytes - 512, 1024 },
		{ geom->data_off + 20 * geom->unit_bytes, 64 },
	};

	return pool_mark_bad(yard->pool, bad, 2, NULL);
}

/* Each of one kind of tables, which the journal slot of the other lacks. */
static int run_update_bad(struct yard *yard)
{
	int err = run_update(yard);

	return err ? err : run_mark_bad(yard);
}

static int run_bad_update(struct yard *yard)
{
	int err = run_mark_bad(yard);

	return err ? err : run_update(yard);
}

/* The last free run that holds the extent. */
static int move_child(struct yard *yard, const char *name)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	const struct pool_geometry *geom = pool_geometry(yard->pool);
	uint32_t slot = yard_slot(yard, name);
	uint64_t need, run = 0;
	size_t count = 0;
	int err;

	if (pool_child_extents(yard->pool, slot, extent, &count, NULL))
		return -NVM_EIO;
	need = extent[0].size_bytes / geom->unit_bytes;
	for (uint64_t u = geom->unit_count; u-- > 0;) {
		enum pool_unit_state state = pool_unit_state(yard->pool, u);

		run = state == UNIT_CLEAN || state == UNIT_DIRTY ? run + 1 : 0;
		if (run < need)
			continue;
		err = pool_move(yard->pool, slot, 0, u, NULL, NULL);
		if (err != -NVM_EINVAL)		/* else: not aligned */
			return err;
	}
	return -NVM_ENOSPC;
}

static int run_move(struct yard *yard)
{
	return move_child(yard, "b");
}

static int run_move_devdax(struct yard *yard)
{
	return move_child(yard, "c");
}

static bool verify_move(struct yard *yard, bool is_new,
			struct verdict *verdict)
{
	struct pool_child child;
	const char *const name[] = { "b", "c" };

	(void)is_new;
	for (unsigned i = 0; i < 2; i++) {
		if (pool_child_find(yard->pool, name[i], &child) ||
		    !yard_holds(yard, child.slot, 0,
				child.size_bytes / unit_of(yard)))
			return deny(verdict, "'%s' lost bytes", name[i]);
		if (!yard_stamped(yard, child.slot))
			return deny(verdict, "'%s' lost its stamp", name[i]);
	}
	return true;
}

/* ---- check and repair ------------------------------------------------------------------ */

/* So much of it that storing some words anew cannot mend it by chance. */
static void damage(struct yard *yard, uint64_t off)
{
	for (unsigned i = 0; i < 64; i++) {
		uint64_t word = 0xdeadbeef00000000 + i;

		domain_poke(yard->domain, off + i * 8, &word, 8);
	}
}

static void prepare_damage(struct yard *yard)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);

	damage(yard, 0);
	damage(yard, geom->nat_off);
	damage(yard, geom->umap_off + geom->umap_pages * NVM_PAGE);
	/* An AMT: its unit is the first, its copies are adjacent. */
	for (uint64_t off = geom->data_off; ; off += AMT_SLOT_BYTES)
		if (!memcmp(domain_look(yard->domain, off, 8), POOL_MAGIC_AMT,
			    8)) {
			damage(yard, off + NVM_PAGE);
			break;
		}
}

static void prepare_unclean(struct yard *yard)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);

	for (uint64_t u = geom->unit_count; u-- > 0;)
		if (pool_unit_state(yard->pool, u) == UNIT_CLEAN) {
			damage(yard, geom->data_off + u * geom->unit_bytes);
			return;
		}
}

static void prepare_lost_umap(struct yard *yard)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);

	damage(yard, geom->umap_off);
	damage(yard, geom->umap_off + geom->umap_pages * NVM_PAGE);
	/* The journal must not bring it back. */
	damage(yard, geom->journal_off);
	damage(yard, geom->journal_off + geom->journal_slot_bytes);
}

static void prepare_lost_journal(struct yard *yard)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);

	damage(yard, geom->journal_off);
	damage(yard, geom->journal_off + geom->journal_slot_bytes);
}

static int run_repair(struct yard *yard)
{
	const struct pool_check_args args = { .repair = true,
		.read_clean_units = true, .mem = yard->check_mem };

	return pool_check(yard->pool, &args, NULL, NULL);
}

/* ---- the table ------------------------------------------------------------------------------ */

const struct torture_op torture_ops[] = {
	{ "format", ON(BLANK) | ON(FOREIGN) | ON(AGED) | ON(COARSE) | ON(WIDE),
	  OP_FORMAT, NULL, run_format, NULL, NULL },
	{ "format-use", ON(AGED), OP_FORMAT | OP_MULTI, NULL, run_format_use,
	  NULL, NULL },
	{ "format-other", ON(AGED) | ON(COARSE) | ON(FRAGMENTED), OP_FORMAT,
	  NULL, run_format_other, NULL, NULL },
	{ "carve", ON(FRESH) | ON(TORN) | ON(AGED) | ON(COARSE) | ON(FRAGMENTED) |
	  ON(WIDE), 0, NULL, run_carve, verify_carve, "new" },
	{ "carve-twice", ON(FRESH), OP_MULTI, NULL,
	  run_carve_twice, verify_carve, "new" },
	{ "carve-forged", ON(FRESH), 0, prepare_forged, run_carve,
	  verify_carve, "new" },
	{ "carve-several", ON(FRAGMENTED), 0, NULL, run_carve_several,
	  verify_carve_pieces, "new" },
	{ "carve-all", ON(FRESH) | ON(AGED) | ON(COARSE), 0, NULL,
	  run_carve_all, verify_carve, "new" },
	{ "carve-devdax", ON(FRESH) | ON(TORN) | ON(AGED) | ON(COARSE), 0, NULL,
	  run_carve_devdax, verify_carve, "new" },
	{ "carve-fsdax", ON(FRESH) | ON(AGED), 0, NULL, run_carve_fsdax,
	  verify_carve, "new" },
	{ "carve-vm-pieces", ON(WIDE), 0, NULL, run_carve_vm_pieces,
	  verify_carve_pieces, "new" },
	{ "grow", ON(FRESH) | ON(AGED), 0, prepare_grow, run_grow,
	  verify_grow, "g" },
	{ "grow-extents", ON(FRAGMENTED), 0, NULL, run_grow_extents,
	  verify_grow_extents, "f0" },
	{ "grow-devdax", ON(FRESH) | ON(COARSE), 0, prepare_devdax,
	  run_grow_devdax, verify_devdax, "g" },
	{ "grow-guests-stamp", ON(FRESH), 0, prepare_guests_stamp,
	  run_grow_devdax, verify_guests_stamp, "g" },
	{ "grow-vm-pieces", ON(WIDE), 0, prepare_wide, run_grow_wide,
	  verify_wide, "g" },
	{ "extend-vm", ON(WIDE), 0, prepare_wide, run_extend_wide,
	  verify_extend_wide, "g" },
	{ "shrink", ON(TORN) | ON(AGED) | ON(COARSE) | ON(FULL), 0, NULL, run_shrink,
	  NULL, NULL },
	{ "shrink-extents", ON(FRAGMENTED), 0, NULL, run_shrink_extents,
	  NULL, NULL },
	{ "shrink-devdax", ON(FRESH) | ON(COARSE), 0, prepare_devdax,
	  run_shrink_devdax, verify_devdax, "g" },
	{ "update", ON(TORN) | ON(AGED) | ON(FULL), 0, NULL, run_update, NULL, NULL },
	{ "release", ON(TORN) | ON(AGED) | ON(COARSE) | ON(FULL), 0, NULL, run_release_a,
	  NULL, NULL },
	{ "release-only", ON(FRESH), 0, prepare_only, run_release_a, NULL,
	  NULL },
	{ "release-extents", ON(FRAGMENTED), 0, NULL, run_release_many, NULL,
	  NULL },
	{ "clean", ON(TORN) | ON(AGED) | ON(COARSE) | ON(FRAGMENTED) | ON(WIDE), OP_MULTI,
	  NULL, run_clean, NULL, NULL },
	{ "move", ON(TORN) | ON(AGED) | ON(COARSE), OP_MULTI, NULL, run_move,
	  verify_move, "b" },
	{ "move-dirty", ON(AGED), OP_MULTI, prepare_all_dirty, run_move,
	  verify_move, "b" },
	{ "move-devdax", ON(AGED) | ON(COARSE), OP_MULTI, NULL,
	  run_move_devdax, verify_move, "c" },
	{ "mark-bad", ON(FRESH) | ON(TORN) | ON(AGED), 0, NULL, run_mark_bad, NULL,
	  NULL },
	{ "update-bad", ON(AGED), OP_MULTI, NULL, run_update_bad, NULL, NULL },
	{ "bad-update", ON(AGED), OP_MULTI, NULL, run_bad_update, NULL, NULL },
	{ "repair-copies", ON(AGED) | ON(FRAGMENTED), OP_DAMAGED,
	  prepare_damage, run_repair, NULL, NULL },
	{ "repair-unclean", ON(FRESH), OP_DAMAGED, prepare_unclean,
	  run_repair, NULL, NULL },
	{ "repair-umap", ON(AGED), OP_DAMAGED | OP_SALVAGE, prepare_lost_umap,
	  run_repair, NULL, NULL },
	{ "repair-journal", ON(AGED), OP_DAMAGED | OP_SALVAGE,
	  prepare_lost_journal, run_repair, NULL, NULL },
};

const unsigned torture_op_count = sizeof(torture_ops) / sizeof(*torture_ops);
