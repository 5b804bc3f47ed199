// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_vdisk_golden.c - the golden images of virtual disks in tests/images,
 * which no code of the core has made: they hold what they are said to hold,
 * before a recovery and after it; and what the core writes has its bytes where
 * docs/format.md says.
 *
 * Run from the top of the tree, as the test runner does.
 */
#include <stdio.h>

#include "tests/unit/vdisk_rig.h"

#define MIB		(1ull << 20)
#define PAGE		4096u
#define NONE		UINT32_MAX
#define DAMAGED		UINT32_MAX	/* a version: reading gives -NVM_EIO */
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* What some logical blocks hold; all others read as zeros. */
struct want {
	uint32_t first, count, version;
};

static const struct want clean[] = {
	{ 0, 2, 3 }, { 6, 1, 5 }, { 8, 2, 1 }, { 11, 1, 1 }, { 20, 1, 1 },
	{ 510, 2, 1 }, { 1030, 1, 1 }, { 1499, 1, 1 },
};
static const struct want dirty[] = {
	{ 10, 1, 2 }, { 12, 1, 2 }, { 13, 1, 1 }, { 16, 1, 1 }, { 51, 1, 1 },
	{ 60, 1, DAMAGED }, { 61, 1, 2 }, { 70, 1, 1 }, { 80, 1, 3 },
	{ 90, 1, 1 }, { 200, 3, 2 }, { 300, 3, 1 }, { 410, 1, 2 },
	{ 411, 1, 3 }, { 420, 1, DAMAGED }, { 421, 1, 2 }, { 1499, 1, 1 },
};
static const struct want extents[] = {
	{ 5, 1, 1 }, { 1001, 3, 2 }, { 1640, 3, 1 }, { 1799, 1, 2 },
};

static struct rig rig;

static int begin(void **state)
{
	(void)state;
	rig = (struct rig){ .lanes = 2 };
	return 0;
}

static int end(void **state)
{
	(void)state;
	rig_end(&rig);
	return 0;
}

/* ---- images ------------------------------------------------------------------ */

/* OFFSET HEX[ xTIMES]  # comment; what no line names is zero. */
static void load_line(struct domain *domain, const char *line)
{
	unsigned long long off;
	uint8_t bytes[64];
	unsigned byte, times = 1;
	size_t len = 0;
	int at = 0, n;

	assert_int_equal(sscanf(line, "%llx %n", &off, &at), 1);
	for (; sscanf(line + at, "%2x%n", &byte, &n) == 1 && n == 2; at += n) {
		assert_true(len < sizeof(bytes));
		bytes[len++] = (uint8_t)byte;
	}
	if (sscanf(line + at, " x%u%n", &times, &n) == 1)
		at += n;
	assert_memory_equal(line + at, "  # ", 4);
	for (; times; times--, off += len)
		domain_poke(domain, off, bytes, len);
}

static void load(const char *name, uint64_t size_bytes)
{
	uint32_t extent = rig.area.extent_count;
	char path[64], line[512];
	unsigned lines = 0;
	FILE *in;

	snprintf(path, sizeof(path), "tests/images/%s.hex", name);
	in = fopen(path, "r");
	if (!in)
		fail_msg("cannot open %s: run from the top of the tree", path);
	rig.domain[extent] = domain_new(size_bytes, NVM_BUS);
	assert_non_null(rig.domain[extent]);
	rig.extent[extent] = &rig.domain[extent]->media;
	for (; fgets(line, sizeof(line), in); lines++)
		if (line[0] != '#' && line[0] != '\n')
			load_line(rig.domain[extent], line);
	fclose(in);
	assert_true(lines > 100);
	rig.area = (struct vd_area){ rig.extent, extent + 1 };
}

static void load_extents(void)
{
	load("disk-extents-0", 4 * MIB);
	load("disk-extents-1", 5 * MIB);
}

/* To look at, without a byte stored. */
static void look(void)
{
	uint64_t hash[RIG_EXTENTS] = { 0 };

	for (uint32_t e = 0; e < rig.area.extent_count; e++)
		hash[e] = rig.domain[e]->hash;
	assert_int_equal(rig_try_open(&rig, VD_OPEN_READ_ONLY), 0);
	for (uint32_t e = 0; e < rig.area.extent_count; e++)
		assert_true(hash[e] == rig.domain[e]->hash);
}

static void write_version(uint32_t block, uint32_t version)
{
	uint32_t bytes[VD_BLOCK / 4];

	for (size_t i = 0; i < VD_BLOCK / 4; i += 2) {
		bytes[i] = block;
		bytes[i + 1] = version;
	}
	assert_int_equal(vd_write(rig.disk, 0, block, 1, bytes, 0), 0);
}

static void expect_block(uint32_t block, uint32_t version)
{
	uint32_t found[VD_BLOCK / 4];
	int err = vd_read(rig.disk, 0, block, 1, found);

	if (err != (version == DAMAGED ? -NVM_EIO : 0))
		fail_msg("block %u: error %d", block, err);
	for (size_t i = 0; !err && i < VD_BLOCK / 4; i += 2)
		if (found[i] != (version ? block : 0) ||
		    found[i + 1] != version)
			fail_msg("block %u is version %u of %u, not %u", block,
				 found[i + 1], found[i], version);
}

static void expect_blocks(const struct want *want, size_t want_count)
{
	for (uint32_t block = 0; block < rig.geometry.logical_count; block++) {
		uint32_t version = 0;

		for (size_t i = 0; i < want_count; i++)
			if (block - want[i].first < want[i].count)
				version = want[i].version;
		expect_block(block, version);
	}
}

/* ---- what is asked of a disk --------------------------------------------------- */

static struct vd_info info(void)
{
	struct vd_info info;

	vd_info(rig.disk, &info);
	return info;
}

static struct vd_physical physical(uint32_t block)
{
	struct vd_physical physical;

	assert_int_equal(vd_physical(rig.disk, block, &physical), 0);
	assert_true(physical.readable);
	return physical;
}

static struct vd_place place(uint64_t block)
{
	struct vd_place place;

	assert_int_equal(vd_place(rig.disk, block, &place), 0);
	return place;
}

static void expect_state(uint32_t block, enum vd_block_state state,
			 uint32_t count)
{
	assert_int_equal(physical(block).state, state);
	assert_int_equal(physical(block).count, count);
	assert_false(physical(block).mapped);
}

static void expect_place(uint32_t logical, uint32_t block, uint64_t seq,
			 uint32_t count)
{
	assert_true(place(logical).mapped);
	assert_int_equal(place(logical).block, block);
	assert_int_equal(place(logical).seq, seq);
	assert_int_equal(place(logical).count, count);
	assert_int_equal(physical(block).state, VD_BLOCK_TAKEN);
	assert_true(physical(block).mapped);
	assert_int_equal(physical(block).logical, logical);
}

static void expect_trimmed(uint32_t logical, uint64_t seq)
{
	assert_false(place(logical).mapped);
	assert_int_equal(place(logical).seq, seq);
}

static void expect_counts(uint64_t mapped, uint64_t logs, uint64_t retired)
{
	assert_int_equal(info().mapped_count, mapped);
	assert_int_equal(info().log_count, logs);
	assert_int_equal(info().retired_count, retired);
	assert_int_equal(info().free_count, rig.geometry.block_count -
			 mapped - logs - retired);
}

struct found {
	enum vd_finding finding;
	uint32_t logical, block;
};
struct findings {
	struct found found[16];
	size_t count;
};

/* Whether a line above the watermark must be there is not asked here. */
static void keep(void *ctx, const struct vd_problem *problem)
{
	struct findings *findings = ctx;

	if (problem->finding == VD_FIND_TRIM)
		return;
	assert_true(findings->count < COUNT(findings->found));
	findings->found[findings->count++] = (struct found){
		problem->finding, problem->logical, problem->block };
}

static void expect_findings(const struct found *found, size_t count)
{
	struct findings findings = { .count = 0 };
	struct vd_check_args args = { .data = true, .report = keep,
		.ctx = &findings };

	assert_int_equal(vd_check(rig.disk, &args, NULL), 0);
	assert_int_equal(findings.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(findings.found[i].finding, found[i].finding);
		assert_int_equal(findings.found[i].logical, found[i].logical);
		assert_int_equal(findings.found[i].block, found[i].block);
	}
}

/* ---- disk-clean ------------------------------------------------------------------ */

static void expect_clean_places(void)
{
	expect_place(0, 12, 17, 1);
	expect_place(6, 4, 33, 3);
	expect_place(8, 0, 13, 2);
	expect_place(510, 511, 20, 1);
	expect_place(511, 8, 19, 2);
	expect_place(1499, 2006, 22, 1);
	expect_trimmed(4, 24);
	expect_trimmed(7, 25);
	expect_trimmed(1015, 26);
	expect_trimmed(1024, 26);
	expect_trimmed(5, 27);
	expect_trimmed(3, 28);
	expect_trimmed(10, 29);
	expect_trimmed(1025, 0);
	expect_state(2, VD_BLOCK_IDLE, 2);
	expect_state(14, VD_BLOCK_IDLE, 2);
	expect_state(70, VD_BLOCK_BAD, 1);
	expect_state(71, VD_BLOCK_IDLE, 1);
	expect_state(100, VD_BLOCK_LOG, 1);
	expect_state(101, VD_BLOCK_IDLE, 0);
	expect_counts(11, 1, 1);
	assert_int_equal(info().seq, 36);
	assert_int_equal(info().wear_total, 30);
}

static void a_clean_disk_is_what_its_sb_and_map_say(void **state)
{
	static const uint8_t uuid[VD_UUID_LEN] = { 0xd1, 0x5c, 0xd1, 0x5c,
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x00, 0x11,
		0x22, 0x33 };

	(void)state;
	load("disk-clean", 8 * MIB);
	look();
	assert_true(info().was_clean);
	assert_true(info().read_only);
	assert_int_equal(rig.geometry.area_bytes, 8 * MIB);
	assert_int_equal(rig.geometry.logical_count, 1500);
	assert_int_equal(rig.geometry.block_count, 2007);
	assert_memory_equal(info().uuid, uuid, sizeof(uuid));
	assert_string_equal(info().label, "clean");
	assert_int_equal(info().created_s, 1700000000);
	assert_int_equal(info().wear.policy, WEAR_MBSA);
	assert_int_equal(info().wear.threshold, 16);
	assert_int_equal(info().wear.budget, 50);
	assert_int_equal(info().wear.endurance, 1000000);
	assert_int_equal(info().watermark, 36);
	assert_int_equal(info().user_writes, 27);
	assert_int_equal(info().trim_lines, 3);
	assert_int_equal(info().moves + info().rolled_back +
			 info().lost_lines + info().data_errors, 0);
	assert_int_equal(physical(3).record_bytes, 0x8000 + 3 * 64);
	assert_int_equal(physical(3).off_bytes, 0x28000 + 3 * PAGE);
	expect_clean_places();
	expect_blocks(clean, COUNT(clean));
	expect_findings(NULL, 0);
}

static void a_block_to_be_retired_is_when_freed(void **state)
{
	(void)state;
	load("disk-clean", 8 * MIB);
	rig_open(&rig);
	assert_true(info().was_clean);
	expect_clean_places();
	expect_blocks(clean, COUNT(clean));
	write_version(20, 2);
	expect_state(72, VD_BLOCK_BAD, 2);
	/* The new version, and the record that says BAD. */
	assert_int_equal(info().seq, 38);
	rig_close(&rig);
	look();
	assert_true(info().was_clean);
	expect_counts(11, 1, 2);
	expect_block(20, 2);
	expect_findings(NULL, 0);
}

/* By the text, bit by bit: nothing of the core's. */
static uint32_t crc32c(uint32_t before, const void *src, size_t len)
{
	const uint8_t *bytes = src;
	uint32_t crc = ~before;

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void media_get(void *ret, uint64_t off, size_t len)
{
	memcpy(ret, rig.domain[0]->image + off, len);
}

static uint64_t get(uint64_t off, unsigned size)
{
	uint64_t value = 0;

	while (size--)
		value = value << 8 | rig.domain[0]->image[off + size];
	return value;
}

/* The csum of the page at @off, its own four bytes at @at taken as 0. */
static uint32_t page_crc(uint64_t off, size_t at, uint32_t seed)
{
	uint8_t page[PAGE];

	media_get(page, off, PAGE);
	memset(page + at, 0, 4);
	return crc32c(seed, page, PAGE);
}

static void put32(uint64_t off, uint32_t value)
{
	domain_poke(rig.domain[0], off, &value, 4);
}

static void a_scan_finds_what_map_and_states_say(void **state)
{
	(void)state;
	load("disk-clean", 8 * MIB);
	/* As when the power went before the last copy was written. */
	put32(PAGE + 0x10, 8);
	put32(PAGE + 0x34, VD_SB_DIRTY);
	put32(PAGE + 0x08, page_crc(PAGE, 0x08, 0));
	look();
	assert_false(info().was_clean);
	expect_clean_places();
	expect_blocks(clean, COUNT(clean));
	assert_int_equal(info().rolled_back + info().lost_lines, 0);
	rig_open(&rig);
	expect_clean_places();
	rig_close(&rig);
	look();
	assert_true(info().was_clean);
	expect_clean_places();
	expect_blocks(clean, COUNT(clean));
}

static void a_damaged_page_of_the_map_costs_a_scan(void **state)
{
	static const struct found found[] = { { VD_FIND_TABLE, 510, NONE } };

	(void)state;
	load("disk-clean", 8 * MIB);
	put32(0x4000 + 0x200, 0x12345678);
	look();
	expect_clean_places();
	expect_blocks(clean, COUNT(clean));
	expect_findings(found, COUNT(found));
}

static void a_damaged_copy_of_the_sb_is_told_and_mended(void **state)
{
	static const struct found found[] = { { VD_FIND_SB, NONE, NONE } };

	(void)state;
	load("disk-clean", 8 * MIB);
	put32(8 * MIB - PAGE + 0x40, 0x12345678);
	look();
	assert_false(info().was_clean);
	expect_clean_places();
	expect_findings(found, COUNT(found));
	rig_open(&rig);
	rig_close(&rig);
	look();
	expect_findings(NULL, 0);
}

/* ---- disk-dirty -------------------------------------------------------------------- */

static void expect_dirty_places(void)
{
	expect_place(10, 20, 30, 2);
	expect_place(12, 45, 38, 1);
	expect_place(13, 3, 4, 1);
	expect_place(16, 19, 20, 1);
	expect_place(70, 25, 26, 1);
	expect_place(90, 18, 34, 2);
	expect_place(201, 47, 41, 1);
	expect_place(301, 9, 10, 1);
	expect_place(410, 52, 46, 1);
	expect_place(411, 54, 48, 1);
	expect_place(421, 44, 37, 1);
	expect_trimmed(14, 29);
	expect_trimmed(11, 35);
	expect_trimmed(50, 51);
	expect_trimmed(1400, 53);
	expect_trimmed(1461, 54);
	expect_trimmed(1490, 57);
	expect_trimmed(17, 0);
	expect_state(0, VD_BLOCK_IDLE, 2);
	expect_state(40, VD_BLOCK_BAD, 1);
	expect_state(30, VD_BLOCK_LOG, 1);
	expect_state(31, VD_BLOCK_LOG, 1);
	expect_counts(21, 2, 1);
	assert_int_equal(info().rolled_back, 4);
}

static void an_unclosed_disk_is_judged_by_the_text(void **state)
{
	static const struct found found[] = {
		{ VD_FIND_RECORD, NONE, 17 }, { VD_FIND_RECORD, NONE, 21 },
		{ VD_FIND_RECORD, 70, 25 }, { VD_FIND_MAP, 60, 17 },
		{ VD_FIND_DATA, 420, 43 },
	};

	(void)state;
	load("disk-dirty", 8 * MIB);
	look();
	assert_false(info().was_clean);
	expect_dirty_places();
	assert_int_equal(info().seq, 57);
	assert_int_equal(info().lost_lines, 2);
	assert_int_equal(info().wear_total, 47);
	assert_int_equal(info().user_writes, 27);
	expect_blocks(dirty, COUNT(dirty));
	assert_int_equal(info().data_errors, 2);
	expect_findings(found, COUNT(found));
}

/* Nothing of what was decided changes, however often and whenever. */
static void recovery_decides_once(void **state)
{
	static const struct found found[] = {
		{ VD_FIND_RECORD, NONE, 17 }, { VD_FIND_MAP, 60, 17 },
		{ VD_FIND_DATA, 420, 43 },
	};
	static const uint32_t voided[] = { 49, 51, 53, 55, 56, 21 };

	(void)state;
	load("disk-dirty", 8 * MIB);
	for (unsigned times = 0; times < 3; times++) {
		rig_open(&rig);
		assert_false(info().was_clean);
		expect_dirty_places();
		for (size_t i = 0; i < COUNT(voided); i++)
			expect_state(voided[i], physical(voided[i]).state, 2);
		expect_blocks(dirty, COUNT(dirty));
		expect_findings(found, COUNT(found));
	}
	rig_close(&rig);
	look();
	assert_true(info().was_clean);
	expect_dirty_places();
	expect_blocks(dirty, COUNT(dirty));
	expect_findings(found, COUNT(found));
}

static void damaged_blocks_are_whole_when_written(void **state)
{
	(void)state;
	load("disk-dirty", 8 * MIB);
	rig_open(&rig);
	write_version(60, 9);
	write_version(420, 9);
	for (unsigned times = 0; times < 2; times++) {
		expect_block(60, 9);
		expect_block(420, 9);
		expect_block(421, 2);
		expect_findings(NULL, 0);
		/* Block 17, whose record was lost, is not used again. */
		expect_counts(21, 2, 2);
		rig_open(&rig);
	}
	rig_close(&rig);
}

/* ---- disk-extents ------------------------------------------------------------------ */

static void segments_and_extents_make_one_disk(void **state)
{
	static const struct found found[] = {
		{ VD_FIND_SB, NONE, NONE }, { VD_FIND_RECORD, NONE, 1702 },
	};

	(void)state;
	load_extents();
	look();
	assert_false(info().was_clean);
	assert_string_equal(info().label, "extents");
	assert_int_equal(rig.geometry.area_bytes, 9 * MIB);
	assert_int_equal(rig.geometry.extent_count, 2);
	assert_int_equal(rig.geometry.segment_count, 3);
	assert_int_equal(rig.geometry.logical_count, 1800);
	assert_int_equal(rig.geometry.block_count, 1002 + 640 + 601);
	assert_int_equal(physical(1001).extent, 0);
	assert_int_equal(physical(1001).off_bytes, 4 * MIB - PAGE);
	/* A header, 3 pages of map, 1 of states; 18 of records. */
	assert_int_equal(physical(1002).extent, 1);
	assert_int_equal(physical(1002).record_bytes, 5 * PAGE);
	assert_int_equal(physical(1641).off_bytes, 662 * PAGE);
	assert_int_equal(physical(1642).record_bytes, (664 + 4) * PAGE);
	assert_int_equal(physical(2242).off_bytes, 5 * MIB - 2 * PAGE);
	expect_place(1001, 1639, 14, 1);
	expect_place(1002, 10, 15, 1);
	expect_place(1003, 1700, 16, 1);
	expect_place(1640, 1640, 4, 1);
	expect_place(1641, 1641, 5, 1);
	expect_place(1642, 1642, 6, 1);
	expect_place(1799, 1650, 13, 1);
	expect_trimmed(1510, 12);
	expect_trimmed(2, 22);
	expect_trimmed(1512, 23);
	expect_counts(8, 2, 0);
	assert_int_equal(info().rolled_back, 3);
	assert_int_equal(info().lost_lines, 1);
	expect_blocks(extents, COUNT(extents));
	expect_findings(found, COUNT(found));
}

static void an_old_disk_of_two_extents_can_be_used(void **state)
{
	uint32_t order[VD_EXTENTS_MAX];
	struct nvm_media *second;

	(void)state;
	load_extents();
	rig_open(&rig);
	expect_blocks(extents, COUNT(extents));
	for (uint32_t block = 600; block < 1800; block++)
		write_version(block, 7);
	rig_close(&rig);
	look();
	assert_true(info().was_clean);
	for (uint32_t block = 0; block < 1800; block++)
		expect_block(block, block >= 600 ? 7 : block == 5);
	expect_findings(NULL, 0);
	/* The header of a segment tells which extent a file is. */
	second = rig.extent[1];
	rig.extent[1] = rig.extent[0];
	rig.extent[0] = second;
	assert_int_equal(vd_probe(&rig.area, &rig.geometry, order, NULL), 0);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 0);
}

/* ---- the other way: what the core writes --------------------------------------------- */

/* 8 MiB: map at 0x3000, states at 0x7000, records at 0x8000, data at 0x28000. */
static void make_disk(void)
{
	const uint64_t bytes[] = { 8 * MIB };

	rig_create(&rig, bytes, 1, 1500, NVM_BUS, WEAR_ADAPTIVE);
	rig_open(&rig);
	for (uint32_t round = 1; round < 6; round++)
		for (uint32_t block = 0; block < 1500; block++)
			write_version(block, round);
	assert_int_equal(vd_trim(rig.disk, 0, 700, 30), 0);
	rig_close(&rig);
	look();
}

static void the_sb_has_its_fields_where_the_text_says(void **state)
{
	static const uint64_t copy[] = { 0, PAGE, 8 * MIB - PAGE };

	(void)state;
	make_disk();
	for (size_t i = 0; i < COUNT(copy); i++) {
		uint64_t sb = copy[i];
		char text[16];

		media_get(text, sb, 8);
		assert_memory_equal(text, "NVMVDSB", 8);
		assert_int_equal(get(sb + 0x08, 4), page_crc(sb, 0x08, 0));
		assert_int_equal(get(sb + 0x0c, 4), 1);
		assert_int_equal(get(sb + 0x10, 8), 3);	/* create, open, close */
		media_get(text, sb + 0x18, 16);
		assert_memory_equal(text, rig_uuid, 16);
		assert_int_equal(get(sb + 0x34, 4), 1);
		assert_int_equal(get(sb + 0x38, 8), 1500);
		assert_int_equal(get(sb + 0x40, 8), info().seq);
		assert_int_equal(get(sb + 0x48, 8), info().seq);
		assert_int_equal(get(sb + 0x50, 8), 0x5ec4e7);
		assert_int_equal(get(sb + 0x60, 4), 2);
		assert_int_equal(get(sb + 0x6c, 4), 1);
		assert_int_equal(get(sb + 0x70, 4), 1);
		assert_int_equal(get(sb + 0x74, 4), 1);
		assert_int_equal(get(sb + 0x80, 8), 5 * 1500);
		assert_int_equal(get(sb + 0x90, 8), 1);
		assert_int_equal(get(sb + 0x98, 8), info().wear_total);
		media_get(text, sb + 0xc0, 4);
		assert_memory_equal(text, "rig", 4);
		assert_int_equal(get(sb + 0x100, 8), 8 * MIB);
		assert_int_equal(get(sb + 0x300, 8), 2 * PAGE);
		assert_int_equal(get(sb + 0x308, 4), 0);
		assert_int_equal(get(sb + 0x30c, 4), 2007);
		assert_int_equal(get(sb + 0x310, 4), 2007);
		assert_int_equal(get(sb + 0x314, 4), 1);
		assert_int_equal(get(sb + 0xc00, 8), 3);
		assert_int_equal(get(sb + 0xc08, 8), info().seq);
	}
}

/* Of physical block @p; the CRC of the segment's generation after the uuid's. */
static uint32_t record_seed(uint32_t p)
{
	const uint32_t generation = 1;

	return crc32c(crc32c(0, rig_uuid, 16), &generation, 4) ^
	       p * 0x9e3779b1u;
}

static void a_record_has_its_fields_where_the_text_says(void **state)
{
	(void)state;
	make_disk();
	for (uint32_t logical = 0; logical < 1500; logical++) {
		struct vd_place at = place(logical);
		uint64_t line = 0x8000 + at.block * 64ull, half;
		uint8_t data[PAGE];

		if (!at.mapped)
			continue;
		half = get(line + 32, 8) > get(line, 8) ? line + 32 : line;
		media_get(data, half, 28);
		assert_int_equal(get(half + 0x1c, 4),
				 crc32c(record_seed(at.block), data, 28));
		assert_int_equal(get(half, 8), at.seq);
		assert_int_equal(get(half + 0x08, 4), logical);
		assert_int_equal(get(half + 0x0c, 4), at.count);
		assert_in_range(get(half + 0x14, 4), 1, at.seq);
		assert_int_equal(get(half + 0x18, 4), 0x010001);
		/* One written more than once has both. */
		if (at.count > 1)
			assert_int_equal(get((line * 2 + 32 - half) + 0x0c, 4),
					 at.count - 1);
		media_get(data, 0x28000 + at.block * 4096ull, PAGE);
		assert_int_equal(get(half + 0x10, 4), crc32c(0, data, PAGE));
		assert_int_equal(get(0x28000 + at.block * 4096ull, 8),
				 logical | 5ull << 32);
	}
}

static void map_and_states_lie_where_the_text_says(void **state)
{
	uint32_t uuid_crc = crc32c(0, rig_uuid, 16);

	(void)state;
	make_disk();
	for (uint32_t page = 0; page < 3; page++) {
		uint64_t off = 0x3000 + page * 4096ull;
		const uint32_t first = page * 510;

		assert_int_equal(get(off, 4), page_crc(off, 0, crc32c(uuid_crc,
								      &first, 4)));
		assert_int_equal(get(off + 4, 4), 1);
		assert_int_equal(get(off + 8, 8), 3);
		for (uint32_t i = 0; i < 510 && first + i < 1500; i++) {
			uint64_t word = get(off + 16 + i * 8, 8);
			struct vd_place at = place(first + i);

			assert_true(word == (at.mapped ? 1ull << 63 |
				    at.seq << 32 | at.block : at.seq));
		}
	}
	for (uint32_t p = 0; p < 2007; p++) {
		uint64_t written = get(0x7010 + p, 1);
		enum vd_block_state found = physical(p).state;

		/* Taken may also be what waits for the next write. */
		if (found != VD_BLOCK_IDLE)
			assert_int_equal(written, found);
		else
			assert_in_range(written, 0, 1);
	}
	assert_int_equal(get(0x7004, 4), 2);
	assert_int_equal(get(0x7008, 8), 3);
}

static void a_trim_line_has_its_fields_where_the_text_says(void **state)
{
	uint32_t log = 0, seed[3];
	uint64_t line, record;
	uint8_t bytes[60];

	(void)state;
	make_disk();
	while (physical(log).state != VD_BLOCK_LOG)
		log++;
	record = 0x8000 + log * 64ull;
	if (get(record + 32, 8) > get(record, 8))
		record += 32;
	assert_int_equal(get(record + 0x18, 1), 3);
	assert_int_equal(get(record + 0x08, 4), 0);
	line = 0x28000 + log * 4096ull;
	seed[0] = (uint32_t)get(record + 0x10, 4);
	seed[1] = log;
	seed[2] = 0;
	media_get(bytes, line + 4, 60);
	assert_int_equal(get(line, 4), crc32c(crc32c(seed[0], seed, 12), bytes,
					      60));
	assert_int_equal(get(line + 0x08, 1), 1);
	assert_int_equal(get(line + 0x10, 8), place(700).seq);
	assert_int_equal(get(line + 0x18, 4), 700);
	assert_int_equal(get(line + 0x1c, 4), 30);
	/* The next line has not been written in this life of the block. */
	seed[2] = 1;
	media_get(bytes, line + 68, 60);
	assert_true(get(line + 64, 4) != crc32c(crc32c(seed[0], seed, 12),
						bytes, 60));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_clean_disk_is_what_its_sb_and_map_say),
		TEST(a_block_to_be_retired_is_when_freed),
		TEST(a_scan_finds_what_map_and_states_say),
		TEST(a_damaged_page_of_the_map_costs_a_scan),
		TEST(a_damaged_copy_of_the_sb_is_told_and_mended),
		TEST(an_unclosed_disk_is_judged_by_the_text),
		TEST(recovery_decides_once),
		TEST(damaged_blocks_are_whole_when_written),
		TEST(segments_and_extents_make_one_disk),
		TEST(an_old_disk_of_two_extents_can_be_used),
		TEST(the_sb_has_its_fields_where_the_text_says),
		TEST(a_record_has_its_fields_where_the_text_says),
		TEST(map_and_states_lie_where_the_text_says),
		TEST(a_trim_line_has_its_fields_where_the_text_says),
	};

	return cmocka_run_group_tests_name("vdisk_golden", tests, NULL, NULL);
}
