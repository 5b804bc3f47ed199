// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_vdisk_guards.c - stores that the media lost, pages of former closes,
 * rot that must stay rot: what is whole, and yet not what counts.
 */
#include "base/le.h"
#include "tests/unit/vdisk_rig.h"

#define AREA	(8ull << 20)
#define SPARES	96u
#define MAP_OFF	(3 * NVM_PAGE)	/* two SBs, the segment's header */

static struct rig rig;
static uint8_t *former;		/* the media as it was */

static int end(void **state)
{
	(void)state;
	rig_end(&rig);
	free(former);
	former = NULL;
	return 0;
}

/* Blocks all of version 1, and old versions of block 0 in all spares. */
static void begin(void)
{
	const uint64_t bytes[] = { AREA };
	struct vd_geometry geometry;

	assert_int_equal(vd_layout(bytes, 1, 0, &geometry, NULL), 0);
	rig_create(&rig, bytes, 1, geometry.block_count - SPARES, NVM_BUS,
		   WEAR_NONE);
	rig_open(&rig);
	for (unsigned b = 0; b < rig.geometry.logical_count; b++)
		assert_int_equal(rig_write(&rig, b, 1), 0);
	for (unsigned i = 0; i < 2 * SPARES; i++)
		assert_int_equal(rig_write(&rig, 0, 1), 0);
}

static void remember(void)
{
	former = former ? former : malloc(AREA);
	assert_non_null(former);
	memcpy(former, rig.domain[0]->image, AREA);
}

static void put_back(uint64_t off, size_t len)
{
	domain_poke(rig.domain[0], off, former + off, len);
}

static struct vd_place place_of(uint64_t block)
{
	struct vd_place place;

	assert_int_equal(vd_place(rig.disk, block, &place), 0);
	assert_true(place.mapped);
	return place;
}

static void spoil(uint64_t off)
{
	uint64_t word = 0xdeadbeef12345678;

	domain_poke(rig.domain[0], off, &word, sizeof(word));
}

static void assert_rotten(uint64_t block)
{
	uint8_t bytes[VD_BLOCK];

	assert_int_equal(vd_read(rig.disk, 0, block, 1, bytes), -NVM_EIO);
}

static void a_write_that_the_media_lost_shows_no_other_blocks_bytes(void **state)
{
	struct vd_physical physical;
	struct vd_place place;

	(void)state;
	begin();
	remember();
	assert_int_equal(rig_write(&rig, 7, 2), 0);
	place = place_of(7);
	assert_int_equal(vd_physical(rig.disk, place.block, &physical), 0);
	put_back(place.off_bytes, VD_BLOCK);
	put_back(physical.record_bytes, VD_RECORD_LINE);
	assert_rotten(7);
}

static void a_part_of_a_rotten_block_cannot_be_written(void **state)
{
	uint8_t sector[VD_SECTOR] = { 1 };

	(void)state;
	begin();
	spoil(place_of(7).off_bytes + 2048);
	assert_int_equal(vd_pwrite(rig.disk, 0, 7 * VD_BLOCK, VD_SECTOR,
				   sector, 0), -NVM_EIO);
	assert_rotten(7);
}

static void a_move_makes_no_rot_good(void **state)
{
	(void)state;
	begin();
	spoil(place_of(7).off_bytes + 2048);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(vd_level(rig.disk, 0,
					  rig.geometry.block_count, 64, true,
					  NULL), 0);
	assert_rotten(7);
	rig_expect(&rig, 6, 1);
}

/* The salt of the first trim log of a disk with this secret. */
static uint32_t salt_of(uint64_t secret)
{
	const struct vd_create_args args = { .uuid = rig_uuid,
		.secret = secret, .clean = true };
	const uint64_t bytes[] = { AREA };
	struct vd_physical physical;
	uint32_t salt = 0;

	rig_create(&rig, bytes, 1, 0, NVM_BUS, WEAR_NONE);
	assert_int_equal(vd_create(&rig.area, &args, NULL), 0);
	rig_open(&rig);
	assert_int_equal(rig_write(&rig, 0, 1), 0);
	assert_int_equal(vd_trim(rig.disk, 0, 0, 1), 0);
	for (uint32_t b = 0; !salt && b < rig.geometry.block_count; b++) {
		assert_int_equal(vd_physical(rig.disk, b, &physical), 0);
		if (physical.state == VD_BLOCK_LOG)
			memcpy(&salt, rig.domain[0]->image +
			       physical.record_bytes +
			       offsetof(struct vd_record, data_csum), 4);
	}
	assert_int_not_equal(salt, 0);
	rig_end(&rig);
	rig = (struct rig){ 0 };
	return salt;
}

static void what_is_written_into_a_disk_cannot_pass_for_trims(void **state)
{
	(void)state;
	assert_int_not_equal(salt_of(1), salt_of(2));
}

static void a_record_that_is_void_keeps_the_count(void **state)
{
	struct vd_physical physical;
	struct vd_place place;
	uint64_t seq[2];

	(void)state;
	begin();
	for (unsigned i = 0; i < 2 * SPARES; i++)
		assert_int_equal(rig_write(&rig, 0, 1), 0);
	place = place_of(0);
	assert_true(place.count > 2);
	assert_int_equal(rig_write(&rig, 0, 1), 0);
	assert_int_equal(vd_physical(rig.disk, place.block, &physical), 0);
	/* As if its newest record had been torn. */
	memcpy(&seq[0], rig.domain[0]->image + physical.record_bytes, 8);
	memcpy(&seq[1], rig.domain[0]->image + physical.record_bytes +
	       sizeof(struct vd_record), 8);
	spoil(physical.record_bytes + 0x10 +
	      (seq[1] > seq[0] ? sizeof(struct vd_record) : 0));
	rig_open(&rig);
	assert_int_equal(vd_physical(rig.disk, place.block, &physical), 0);
	assert_true(physical.count >= place.count);
}

/*
 * A record that one bit makes valid, as a torn one may come to be: newer than
 * block 7's, as old as what is durable, and without its data.
 */
static void forge_nearly_valid(uint32_t block, uint64_t seq)
{
	const struct nvm_media_ops *ops = rig.extent[0]->ops;
	le32_t generation = put_le32(1);
	struct vd_record record = { .seq = put_le64(seq),
		.block = put_le32(7), .count = put_le32(1),
		.lag = put_le32(VD_LAG_NONE), .type = VD_RECORD_DATA,
		.group_count = 1 };
	uint32_t seed = ops->crc32c(ops->crc32c(0, rig_uuid, VD_UUID_LEN),
				    &generation, 4);
	struct vd_physical physical;

	seed ^= block * 0x9e3779b1u;
	record.csum = put_le32(ops->crc32c(seed, &record, 28));
	record.data_csum = put_le32(1);
	assert_int_equal(vd_physical(rig.disk, block, &physical), 0);
	domain_poke(rig.domain[0], physical.record_bytes, &record,
		    sizeof(record));
}

static void a_record_put_right_needs_its_data(void **state)
{
	const uint64_t bytes[] = { AREA };
	uint32_t never;

	(void)state;
	rig_create(&rig, bytes, 1, 0, NVM_BUS, WEAR_NONE);
	rig_open(&rig);
	for (unsigned b = 0; b < 16; b++)
		assert_int_equal(rig_write(&rig, b, 1), 0);
	/* On until the watermark has passed it. */
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(rig_write(&rig, 0, 1), 0);
	never = rig.geometry.block_count - 1;
	forge_nearly_valid(never, place_of(7).seq + 1);
	rig_open(&rig);
	rig_expect(&rig, 7, 1);
	rig_close(&rig);
}

/*
 * Numbers move down when an extent in the middle is cut: a map of before says
 * nothing of what has them now, whatever is lost there.
 */
static void a_map_of_before_a_shrink_says_nothing(void **state)
{
	const uint64_t bytes[] = { AREA, AREA };
	const uint64_t small[] = { AREA - (1ull << 20), AREA };
	struct vd_physical physical;
	struct vd_geometry geometry;
	uint32_t number;
	unsigned i;

	(void)state;
	rig_create(&rig, bytes, 2, 64, NVM_BUS, WEAR_NONE);
	rig_open(&rig);
	for (i = 0; i < 3000 || place_of(7).extent != 1; i++)
		assert_int_equal(rig_write(&rig, i % 64, 1), 0);
	number = place_of(7).block;
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(vd_shrink(rig.disk, small, 2, 64, &geometry, NULL), 0);
	rig.domain[0]->media.size_bytes = small[0];
	rig_open(&rig);
	assert_int_not_equal(place_of(7).block, number);
	assert_int_equal(vd_physical(rig.disk, number, &physical), 0);
	assert_false(physical.mapped);
	domain_poke(rig.domain[1], physical.record_bytes, "not a record", 12);
	rig_open(&rig);
	rig_expect(&rig, 7, 1);
	rig_close(&rig);
}

static void the_newest_super_block_counts(void **state)
{
	const uint64_t place[] = { 0, NVM_PAGE, AREA - NVM_PAGE };
	const uint64_t bytes[] = { AREA };
	struct vd_geometry geometry;
	struct vd_info info;

	(void)state;
	begin();
	for (unsigned copy = 0; copy < 3; copy++) {
		uint32_t fewer = rig.geometry.logical_count - 8;

		/* A store of a copy is lost: it says CLEAN, and more blocks. */
		rig_close(&rig);
		remember();
		rig_open(&rig);
		assert_int_equal(vd_shrink(rig.disk, bytes, 1, fewer,
					   &geometry, NULL), 0);
		put_back(place[copy], NVM_PAGE);
		rig_open(&rig);
		vd_info(rig.disk, &info);
		assert_false(info.was_clean);
		assert_int_equal(info.geometry.logical_count, fewer);
		rig_expect(&rig, 7, 1);
	}
}

/* What the first store of a copy of the SB leaves if it is torn. */
static void tear_first_super(struct domain_trace *trace)
{
	for (size_t i = 0; i < trace->count; i++) {
		const struct domain_event *event = &trace->event[i];

		if (event->type != DOMAIN_STORE || event->len != NVM_PAGE ||
		    memcmp(trace->bytes + event->bytes, VD_MAGIC_SB, 8))
			continue;
		spoil(event->off + 0x40);
		return;
	}
	fail_msg("no super block was written");
}

static void the_last_whole_super_block_is_not_the_next_to_be_torn(void **state)
{
	const uint64_t place[] = { 0, NVM_PAGE, AREA - NVM_PAGE };
	struct domain_trace trace = { 0 };

	(void)state;
	begin();
	for (unsigned whole = 0; whole < 3; whole++) {
		domain_mark(rig.domain[0]);
		for (unsigned copy = 0; copy < 3; copy++)
			if (copy != whole)
				spoil(place[copy] + 0x40);
		domain_mark(rig.domain[0]);
		trace_reset(&trace);
		domain_record(rig.domain[0], &trace);
		rig_open(&rig);
		domain_record(rig.domain[0], NULL);
		domain_back(rig.domain[0]);
		tear_first_super(&trace);
		rig_open(&rig);
		rig_expect(&rig, 7, 1);
		domain_back(rig.domain[0]);
	}
	trace_free(&trace);
}

/* Only one page of the map: of the close before the last. */
static void a_page_of_a_former_close_costs_a_scan(void **state)
{
	(void)state;
	begin();
	rig_close(&rig);
	remember();
	rig_open(&rig);
	assert_int_equal(rig_write(&rig, 7, 2), 0);
	rig_close(&rig);
	put_back(MAP_OFF, NVM_PAGE);
	rig_open(&rig);
	rig_expect(&rig, 7, 2);
	rig_close(&rig);
}

/* The checksum of the map's first page. */
static void map_seal(uint8_t page[NVM_PAGE])
{
	const struct nvm_media_ops *ops = rig.extent[0]->ops;
	le32_t word = put_le32(0);
	uint32_t seed = ops->crc32c(0, rig_uuid, VD_UUID_LEN);

	seed = ops->crc32c(seed, &word, 4);
	memcpy(page, &word, 4);
	word = put_le32(ops->crc32c(seed, page, NVM_PAGE));
	memcpy(page, &word, 4);
}

static void a_map_with_a_block_twice_costs_a_scan(void **state)
{
	uint8_t page[NVM_PAGE];

	(void)state;
	begin();
	rig_close(&rig);
	memcpy(page, rig.domain[0]->image + MAP_OFF, NVM_PAGE);
	memcpy(page + VD_PAGE_HEAD + 7 * 8, page + VD_PAGE_HEAD + 6 * 8, 8);
	map_seal(page);
	domain_poke(rig.domain[0], MAP_OFF, page, NVM_PAGE);
	rig_open(&rig);
	rig_expect(&rig, 6, 1);
	rig_expect(&rig, 7, 1);
	rig_close(&rig);
}

int main(void)
{
#define T(test) cmocka_unit_test_teardown(test, end)
	const struct CMUnitTest tests[] = {
		T(a_write_that_the_media_lost_shows_no_other_blocks_bytes),
		T(a_part_of_a_rotten_block_cannot_be_written),
		T(a_move_makes_no_rot_good),
		T(what_is_written_into_a_disk_cannot_pass_for_trims),
		T(a_record_that_is_void_keeps_the_count),
		T(a_record_put_right_needs_its_data),
		T(a_map_of_before_a_shrink_says_nothing),
		T(the_newest_super_block_counts),
		T(the_last_whole_super_block_is_not_the_next_to_be_torn),
		T(a_page_of_a_former_close_costs_a_scan),
		T(a_map_with_a_block_twice_costs_a_scan),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
