/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pool_golden.c - the golden images of tests/images, which no code of
 * the core has made: they decode to what they are said to hold, and the core,
 * doing the same things, leaves the same bytes.
 *
 * Run from the top of the tree, as the test runner does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/oracle.h"

static const uint8_t pool_uuid[] = {
	0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18,
	0x29, 0x3a, 0x4b, 0x5c, 0x6d, 0x7e, 0x8f, 0x90,
};
static const struct pool_format_args format = {
	.unit_bytes = 2 * MIB, .children_max = 4, .clean = true,
	.created_s = 1700000000, .uuid = pool_uuid, .label = "golden",
};

/* OFFSET HEX # comment; what no line names is zero. */
static void golden(struct yard *yard, const char *name)
{
	char path[64], line[16384];
	unsigned lines = 0;
	FILE *in;

	yard_begin_plain(yard, 64 * MIB, NVM_SYNC);
	snprintf(path, sizeof(path), "tests/images/%s.hex", name);
	in = fopen(path, "r");
	if (!in)
		fail_msg("cannot open %s: run from the top of the tree", path);
	while (fgets(line, sizeof(line), in)) {
		unsigned long long off;
		unsigned byte;
		int at = 0, n;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		assert_int_equal(sscanf(line, "%llx %n", &off, &at), 1);
		for (; sscanf(line + at, "%2x%n", &byte, &n) == 1 && n == 2;
		     at += n) {
			uint8_t one = (uint8_t)byte;

			domain_poke(yard->domain, off++, &one, 1);
		}
		assert_memory_equal(line + at, "  # ", 4);
		lines++;
	}
	fclose(in);
	assert_true(lines > 50);
}

static void assert_same(const struct yard *mine, const struct yard *wanted)
{
	for (uint64_t w = 0; w < 64 * MIB / 8; w++)
		if (domain_word(mine->domain, w) !=
		    domain_word(wanted->domain, w))
			fail_msg("differ at %#llx: %016llx, should be %016llx",
				 (unsigned long long)w * 8,
				 (unsigned long long)domain_word(mine->domain, w),
				 (unsigned long long)domain_word(wanted->domain,
								 w));
}

static void carve(struct yard *yard, const char *name, uint8_t uuid_byte,
		  uint64_t size_bytes, uint64_t created_s, bool devdax)
{
	uint8_t uuid[POOL_UUID_LEN] = { 0, 0, 0, 0, 0x22, 0x22, 0x33, 0x33,
		0x44, 0x44, 0x55, 0x55, 0x55, 0x55 };
	struct pool_carve_args args = { .name = name, .uuid = uuid,
		.size_bytes = size_bytes, .created_s = created_s };

	memset(uuid, uuid_byte, 4);
	if (!strcmp(name, "two"))
		memcpy(uuid, "\x22\x22\x22\x22\x33\x33\x44\x44"
		       "\x55\x55\x66\x66\x66\x66", 14);
	if (devdax) {
		args.vm = "vm1";
		args.grow_to_bytes = 64 * MIB;
		args.flags = POOL_CHILD_READ_ONLY;
		args.mode = POOL_MODE_DEVDAX;
		args.device = POOL_DEVICE_NVDIMM;
		args.for_vm = true;
	}
	assert_int_equal(pool_carve(yard->pool, &args, NULL, NULL, NULL), 0);
}

static void make_empty(struct yard *yard)
{
	yard_begin_plain(yard, 64 * MIB, NVM_SYNC);
	assert_int_equal(pool_format(&yard->domain->media, &format, NULL), 0);
	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
}

static void make_two_children(struct yard *yard)
{
	make_empty(yard);
	carve(yard, "one", 0x11, 4 * MIB, 1700000001, true);
	carve(yard, "gap", 0x99, 2 * MIB, 1700000002, false);
	carve(yard, "wall", 0x77, 48 * MIB, 1700000003, false);
	yard_release(yard, "gap");
	carve(yard, "two", 0, 6 * MIB, 1700000004, false);
	yard_release(yard, "wall");
}

static void rename_two(struct yard *yard)
{
	struct pool_child child;

	assert_int_equal(pool_child_find(yard->pool, "two", &child), 0);
	strcpy(child.name, "deux");
	assert_int_equal(pool_update(yard->pool, &child, NULL), 0);
}

static void assert_sound(struct yard *yard)
{
	struct verdict verdict = { "" };
	struct snapshot snapshot;
	bool good = oracle_snapshot(yard, &snapshot, &verdict) &&
		    oracle_units(yard, &verdict) &&
		    oracle_check(yard, false, &verdict);

	if (!good)
		fail_msg("%s", verdict.why);
}

/* ---- decoding ---------------------------------------------------------------- */

static void test_empty_image_decodes(void **state)
{
	const struct pool_geometry *g;
	struct pool_space space;
	struct pool_child child;
	uint32_t cursor = 0;
	struct yard yard;

	(void)state;
	golden(&yard, "empty");
	assert_int_equal(yard_open(&yard, 0, NULL), 0);
	g = pool_geometry(yard.pool);
	assert_int_equal(g->size_bytes, 64 * MIB);
	assert_int_equal(g->unit_bytes, 2 * MIB);
	assert_int_equal(g->unit_count, 30);
	assert_int_equal(g->data_off, 2 * MIB);
	assert_int_equal(g->journal_off, 0x2000);
	assert_int_equal(g->journal_slot_bytes, 0x43000);
	assert_int_equal(g->nat_off, 0x88000);
	assert_int_equal(g->umap_off, 0x8a000);
	assert_int_equal(g->children_max, 4);
	assert_int_equal(g->created_s, 1700000000);
	assert_string_equal(g->label, "golden");
	assert_memory_equal(g->uuid, pool_uuid, POOL_UUID_LEN);
	assert_false(pool_child_next(yard.pool, &cursor, &child));
	pool_space(yard.pool, &space);
	assert_int_equal(space.unit_count[UNIT_CLEAN], 30);
	assert_int_equal(pool_health(yard.pool)->damaged_copies, 0);
	assert_false(pool_health(yard.pool)->journal_damaged);
	assert_sound(&yard);
	yard_end(&yard);
}

static void expect_children(struct yard *yard, const char *second)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct pool_child child;
	uint32_t cursor = 0;
	size_t count;

	assert_true(pool_child_next(yard->pool, &cursor, &child));
	assert_string_equal(child.name, "one");
	assert_string_equal(child.vm, "vm1");
	assert_int_equal(child.slot, 0);
	assert_int_equal(child.size_bytes, 4 * MIB);
	assert_int_equal(child.grow_to_bytes, 64 * MIB);
	assert_int_equal(child.created_s, 1700000001);
	assert_int_equal(child.flags, POOL_CHILD_READ_ONLY);
	assert_int_equal(child.mode, POOL_MODE_DEVDAX);
	assert_int_equal(child.device, POOL_DEVICE_NVDIMM);
	assert_int_equal(pool_child_extents(yard->pool, 0, extent, &count,
					    NULL), 0);
	assert_int_equal(count, 1);
	assert_int_equal(extent[0].off_bytes, 4 * MIB);
	assert_true(yard_stamped(yard, 0));

	assert_true(pool_child_next(yard->pool, &cursor, &child));
	assert_string_equal(child.name, second);
	assert_string_equal(child.vm, "");
	assert_int_equal(child.size_bytes, 6 * MIB);
	assert_int_equal(pool_child_extents(yard->pool, 1, extent, &count,
					    NULL), 0);
	assert_int_equal(count, 2);
	assert_int_equal(extent[0].off_bytes, 8 * MIB);
	assert_int_equal(extent[0].size_bytes, 2 * MIB);
	assert_int_equal(extent[1].off_bytes, 58 * MIB);
	assert_int_equal(extent[1].size_bytes, 4 * MIB);
	assert_false(pool_child_next(yard->pool, &cursor, &child));
	for (uint64_t u = 0; u < 30; u++)
		assert_int_equal(pool_unit_state(yard->pool, u),
				 u < 4 || u > 27 ? UNIT_USED : UNIT_DIRTY);
}

static void test_two_children_decode(void **state)
{
	struct yard yard;
	uint64_t hash;

	(void)state;
	golden(&yard, "two-children");
	hash = yard.domain->hash;
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	expect_children(&yard, "two");
	assert_sound(&yard);
	assert_int_equal(yard.domain->hash, hash);
	yard_end(&yard);
}

static void test_pending_transaction_is_seen_and_finished(void **state)
{
	struct yard yard;
	uint64_t hash;

	(void)state;
	golden(&yard, "pending");
	hash = yard.domain->hash;
	assert_int_equal(yard_open(&yard, 0, NULL), 0);
	expect_children(&yard, "deux");
	assert_int_equal(yard.domain->hash, hash);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	expect_children(&yard, "deux");
	assert_true(yard.domain->hash != hash);
	assert_sound(&yard);
	yard_end(&yard);
}

/* ---- encoding ------------------------------------------------------------------ */

static void test_format_leaves_the_same_bytes(void **state)
{
	struct yard mine, wanted;

	(void)state;
	golden(&wanted, "empty");
	make_empty(&mine);
	assert_same(&mine, &wanted);
	yard_end(&mine);
	yard_end(&wanted);
}

static void test_carve_and_release_leave_the_same_bytes(void **state)
{
	struct yard mine, wanted;

	(void)state;
	golden(&wanted, "two-children");
	make_two_children(&mine);
	assert_same(&mine, &wanted);
	yard_end(&mine);
	yard_end(&wanted);
}

static void test_recovery_leaves_the_same_bytes(void **state)
{
	struct yard mine, wanted;

	(void)state;
	golden(&wanted, "pending");
	assert_int_equal(yard_open(&wanted, POOL_OPEN_WRITE, NULL), 0);
	make_two_children(&mine);
	rename_two(&mine);
	assert_same(&mine, &wanted);
	yard_end(&mine);
	yard_end(&wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_image_decodes),
		cmocka_unit_test(test_two_children_decode),
		cmocka_unit_test(test_pending_transaction_is_seen_and_finished),
		cmocka_unit_test(test_format_leaves_the_same_bytes),
		cmocka_unit_test(test_carve_and_release_leave_the_same_bytes),
		cmocka_unit_test(test_recovery_leaves_the_same_bytes),
	};

	return cmocka_run_group_tests_name("pool_golden", tests, NULL, NULL);
}
