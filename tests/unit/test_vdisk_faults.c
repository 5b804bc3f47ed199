// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_vdisk_faults.c - media that rots, is poisoned, or refuses: a block
 * fails, the disk does not, and nobody ever reads old data for new.
 */
#include "tests/unit/vdisk_rig.h"

#define AREA	(8ull << 20)
#define USED	24u		/* logical blocks with content */

static struct rig rig;

static int end(void **state)
{
	(void)state;
	rig_end(&rig);
	return 0;
}

/* Each block written twice, so old versions lie around; version 2 counts. */
static void begin(void)
{
	const uint64_t bytes[] = { AREA };

	rig_create(&rig, bytes, 1, 0, NVM_BUS, WEAR_NONE);
	rig_open(&rig);
	for (unsigned version = 1; version <= 2; version++)
		for (unsigned b = 0; b < USED; b++)
			assert_int_equal(rig_write(&rig, b, version), 0);
}

static void flip(uint64_t bit_off)
{
	uint8_t byte = rig.domain[0]->image[bit_off / 8];

	byte ^= (uint8_t)(1u << bit_off % 8);
	domain_poke(rig.domain[0], bit_off / 8, &byte, 1);
}

static uint64_t record_of(uint64_t block)
{
	struct vd_place place;
	struct vd_physical physical;

	assert_int_equal(vd_place(rig.disk, block, &place), 0);
	assert_true(place.mapped);
	assert_int_equal(vd_physical(rig.disk, place.block, &physical), 0);
	return physical.record_bytes;
}

static uint64_t data_of(uint64_t block)
{
	struct vd_place place;

	assert_int_equal(vd_place(rig.disk, block, &place), 0);
	return place.off_bytes;
}

/* Version 2, or an error: anything else is silent corruption. */
static bool reads_right_or_fails(uint64_t block)
{
	uint8_t expected[VD_BLOCK], found[VD_BLOCK];
	int err = vd_read(rig.disk, 0, block, 1, found);

	rig_fill(expected, block, 2);
	return err == -NVM_EIO || (!err && !memcmp(expected, found, VD_BLOCK));
}

static void any_flipped_bit_of_a_live_record_is_repaired(void **state)
{
	uint64_t record;

	(void)state;
	begin();
	record = record_of(5);
	for (uint64_t bit = 0; bit < VD_RECORD_LINE * 8; bit++) {
		domain_mark(rig.domain[0]);
		flip(record * 8 + bit);
		/* While open, and after a scan. */
		assert_true(reads_right_or_fails(5));
		assert_int_equal(rig_try_open(&rig, 0), 0);
		for (unsigned b = 0; b < USED; b++)
			rig_expect(&rig, b, 2);
		/* Mended for good: the next one finds nothing. */
		assert_int_equal(rig_try_open(&rig, 0), 0);
		assert_int_equal(rig_check(&rig, false).count, 0);
		domain_back(rig.domain[0]);
	}
	assert_int_equal(rig_try_open(&rig, VD_OPEN_READ_ONLY), 0);
}

static void any_flipped_bit_of_a_super_block_is_survived(void **state)
{
	(void)state;
	begin();
	rig_close(&rig);
	for (unsigned copy = 0; copy < 3; copy++) {
		uint64_t off = copy == 2 ? AREA - VD_BLOCK : copy * VD_BLOCK;

		for (uint64_t bit = 0; bit < VD_BLOCK * 8;
		     bit += bit < 0x340 * 8 ? 1 : 97) {
			domain_mark(rig.domain[0]);
			flip(off * 8 + bit);
			assert_int_equal(rig_try_open(&rig, 0), 0);
			for (unsigned b = 0; b < USED; b += 5)
				rig_expect(&rig, b, 2);
			domain_back(rig.domain[0]);
		}
	}
}

/* Each copy of the SB lost, and each two of them. */
static void one_super_block_is_enough(void **state)
{
	static const uint8_t rubbish[VD_BLOCK] = { 1, 2, 3 };
	struct rig_problems problems;

	(void)state;
	begin();
	rig_close(&rig);
	for (unsigned lost = 1; lost < 7; lost++) {
		domain_mark(rig.domain[0]);
		for (unsigned copy = 0; copy < 3; copy++)
			if (lost & 1u << copy)
				domain_poke(rig.domain[0], copy == 2 ?
					    AREA - VD_BLOCK : copy * VD_BLOCK,
					    rubbish, VD_BLOCK);
		assert_int_equal(rig_try_open(&rig, VD_OPEN_READ_ONLY), 0);
		problems = rig_check(&rig, false);
		assert_int_equal(problems.count,
				 __builtin_popcount(lost));
		assert_int_equal(problems.last.finding, VD_FIND_SB);
		assert_int_equal(rig_try_open(&rig, 0), 0);
		for (unsigned b = 0; b < USED; b++)
			rig_expect(&rig, b, 2);
		rig_close(&rig);
		rig_open(&rig);
		assert_int_equal(rig_check(&rig, false).count, 0);
		rig_close(&rig);
		domain_back(rig.domain[0]);
	}
}

static void any_page_of_the_tables_may_be_lost(void **state)
{
	struct vd_info info;

	(void)state;
	begin();
	rig_close(&rig);
	/* Segment header, map and states lie between the SBs and the records. */
	for (uint64_t page = 2; page < 8; page++) {
		uint8_t rubbish[VD_BLOCK];

		rig_fill(rubbish, page, 77);
		domain_mark(rig.domain[0]);
		domain_poke(rig.domain[0], page * VD_BLOCK, rubbish, VD_BLOCK);
		rig_open(&rig);
		for (unsigned b = 0; b < USED; b++)
			rig_expect(&rig, b, 2);
		vd_info(rig.disk, &info);
		assert_int_equal(info.mapped_count, USED);
		domain_back(rig.domain[0]);
	}
}

static void rotten_data_is_an_error_and_never_old_data(void **state)
{
	struct rig_problems problems;
	uint8_t bytes[VD_BLOCK];
	struct vd_info info;

	(void)state;
	begin();
	flip(data_of(7) * 8 + 12345);
	flip(data_of(7) * 8 + 23456);
	assert_int_equal(vd_read(rig.disk, 0, 7, 1, bytes), -NVM_EIO);
	problems = rig_check(&rig, true);
	assert_int_equal(problems.count, 1);
	assert_int_equal(problems.last.finding, VD_FIND_DATA);
	assert_int_equal(problems.last.logical, 7);
	assert_false(problems.last.repaired);
	/* A scan makes no difference: the record is below the watermark. */
	rig_open(&rig);
	assert_int_equal(vd_read(rig.disk, 0, 7, 1, bytes), -NVM_EIO);
	vd_info(rig.disk, &info);
	assert_int_equal(info.data_errors, 1);
	assert_int_equal(info.rolled_back, 0);
	/* A new write is the cure. */
	assert_int_equal(rig_write(&rig, 7, 9), 0);
	rig_expect(&rig, 7, 9);
	assert_int_equal(rig_check(&rig, false).count, 0);
}

static void one_wrong_bit_of_data_is_repaired_on_request(void **state)
{
	struct rig_problems problems;
	uint8_t bytes[VD_BLOCK];

	(void)state;
	begin();
	flip(data_of(7) * 8 + 12345);
	assert_int_equal(vd_read(rig.disk, 0, 7, 1, bytes), -NVM_EIO);
	problems = rig_check(&rig, false);
	assert_int_equal(problems.count, 1);
	assert_true(problems.last.repairable);
	problems = rig_check(&rig, true);
	assert_true(problems.last.repaired);
	rig_expect(&rig, 7, 2);
	assert_int_equal(rig_check(&rig, false).count, 0);
}

static void without_verification_rot_goes_unseen(void **state)
{
	uint8_t bytes[VD_BLOCK];

	(void)state;
	begin();
	flip(data_of(7) * 8 + 12345);
	vd_verify(rig.disk, false);
	assert_int_equal(vd_read(rig.disk, 0, 7, 1, bytes), 0);
	vd_verify(rig.disk, true);
	assert_int_equal(vd_read(rig.disk, 0, 7, 1, bytes), -NVM_EIO);
}

static void a_misplaced_block_is_detected(void **state)
{
	uint8_t bytes[VD_BLOCK], line[VD_RECORD_LINE];

	(void)state;
	begin();
	/* The data of one block on the place of another. */
	memcpy(bytes, rig.domain[0]->image + data_of(3), VD_BLOCK);
	domain_poke(rig.domain[0], data_of(4), bytes, VD_BLOCK);
	assert_int_equal(vd_read(rig.disk, 0, 4, 1, bytes), -NVM_EIO);
	/* Its record, too: it is not valid there. */
	memcpy(line, rig.domain[0]->image + record_of(3), sizeof(line));
	domain_poke(rig.domain[0], record_of(4), line, sizeof(line));
	assert_int_equal(vd_read(rig.disk, 0, 4, 1, bytes), -NVM_EIO);
	rig_expect(&rig, 3, 2);
}

static void a_poisoned_block_fails_and_is_retired(void **state)
{
	uint8_t bytes[VD_BLOCK];
	struct vd_info info;

	(void)state;
	begin();
	rig.domain[0]->poison[0].off = data_of(2) + 100;
	rig.domain[0]->poison[0].len = 64;
	rig.domain[0]->poison_count = 1;
	assert_int_equal(vd_read(rig.disk, 0, 2, 1, bytes), -NVM_EIO);
	rig_expect(&rig, 1, 2);
	assert_int_equal(rig_check(&rig, false).last.finding, VD_FIND_POISON);
	assert_int_equal(rig_write(&rig, 2, 3), 0);
	rig_expect(&rig, 2, 3);
	vd_info(rig.disk, &info);
	assert_int_equal(info.retired_count, 1);
	/* It stays retired, scanned or closed. */
	for (unsigned reopened = 0; reopened < 2; reopened++) {
		rig_open(&rig);
		vd_info(rig.disk, &info);
		assert_int_equal(info.retired_count, 1);
		rig_expect(&rig, 2, 3);
		rig_close(&rig);
	}
}

static void a_poisoned_record_costs_its_block_only(void **state)
{
	struct vd_info info;

	(void)state;
	begin();
	rig.domain[0]->poison[0].off = record_of(2);
	rig.domain[0]->poison[0].len = 64;
	rig.domain[0]->poison_count = 1;
	assert_true(reads_right_or_fails(2));
	rig_open(&rig);
	vd_info(rig.disk, &info);
	assert_int_equal(info.retired_count, 1);
	assert_true(info.lost_lines > 0);
	for (unsigned b = 0; b < USED; b++)
		if (b != 2)
			rig_expect(&rig, b, 2);
}

/*
 * A record that is lost altogether, on a disk that was closed since the block
 * was written: the block is an error, not its version before.
 */
static void a_lost_record_does_not_bring_back_old_data(void **state)
{
	uint8_t bytes[VD_BLOCK], rubbish[VD_RECORD_LINE];
	uint64_t record;

	(void)state;
	begin();
	record = record_of(2);
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(rig_write(&rig, 3, 4), 0);
	rig_fill(bytes, 1, 1);
	memcpy(rubbish, bytes, sizeof(rubbish));
	domain_poke(rig.domain[0], record, rubbish, sizeof(rubbish));
	for (unsigned reopened = 0; reopened < 4; reopened++) {
		rig_open(&rig);
		assert_int_equal(vd_read(rig.disk, 0, 2, 1, bytes), -NVM_EIO);
		rig_expect(&rig, 1, 2);
		rig_expect(&rig, 3, 4);
		assert_true(rig_check(&rig, true).count > 0);
		if (reopened == 2)
			rig_close(&rig);
	}
	assert_int_equal(rig_write(&rig, 2, 5), 0);
	rig_open(&rig);
	rig_expect(&rig, 2, 5);
	assert_int_equal(rig_check(&rig, false).count, 0);
}

/* Each store of a write fails once: another block serves. */
static void a_block_that_refuses_stores_is_replaced(void **state)
{
	struct vd_info info;

	(void)state;
	begin();
	for (unsigned nth = 1; nth <= 2; nth++) {
		struct domain *domain = rig.domain[0];

		domain->fail_err = NVM_EIO;
		domain->fail_once = true;
		domain->fail_after[DOMAIN_STORE] =
			domain->event_count[DOMAIN_STORE] + nth;
		assert_int_equal(rig_write(&rig, 3, 10 + nth), 0);
		domain->fail_after[DOMAIN_STORE] = 0;
		rig_expect(&rig, 3, 10 + nth);
		vd_info(rig.disk, &info);
		assert_int_equal(info.retired_count, nth);
	}
	rig_open(&rig);
	rig_expect(&rig, 3, 12);
	vd_info(rig.disk, &info);
	assert_int_equal(info.retired_count, 2);
}

/* No room in the backing: the write fails, all is as before. */
static void a_full_backing_fails_writes_and_loses_nothing(void **state)
{
	struct domain *domain;
	uint8_t bytes[4 * VD_BLOCK] = { 1 };

	(void)state;
	begin();
	domain = rig.domain[0];
	domain->fail_err = NVM_ENOSPC;
	domain->fail_after[DOMAIN_STORE] =
		domain->event_count[DOMAIN_STORE] + 4;
	assert_int_equal(vd_write(rig.disk, 0, 4, 4, bytes, VD_WRITE_ATOMIC),
			 -NVM_ENOSPC);
	domain->fail_after[DOMAIN_STORE] = 0;
	for (unsigned b = 0; b < USED; b++)
		if (b < 4 || b > 7)
			rig_expect(&rig, b, 2);
	rig_open(&rig);
	for (unsigned b = 0; b < USED; b++)
		rig_expect(&rig, b, 2);
	assert_int_equal(rig_check(&rig, false).count, 0);
}

/* A sync that fails may have lost anything: no write is promised after it. */
static void after_a_failed_sync_there_are_no_more_writes(void **state)
{
	const uint64_t bytes[] = { AREA };

	(void)state;
	rig_create(&rig, bytes, 1, 0, NVM_SYNC, WEAR_NONE);
	rig_open(&rig);
	assert_int_equal(rig_write(&rig, 1, 1), 0);
	rig.domain[0]->fail_err = NVM_EIO;
	rig.domain[0]->fail_once = true;
	rig.domain[0]->fail_after[DOMAIN_SYNC] =
		rig.domain[0]->event_count[DOMAIN_SYNC] + 1;
	assert_int_equal(vd_flush(rig.disk, 0), -NVM_EIO);
	assert_int_equal(rig_write(&rig, 1, 2), -NVM_EIO);
	assert_int_equal(vd_trim(rig.disk, 0, 1, 1), -NVM_EIO);
	assert_int_equal(vd_flush(rig.disk, 0), -NVM_EIO);
	rig_expect(&rig, 1, 1);
	assert_int_equal(vd_close(rig.disk, NULL), -NVM_EIO);
	rig_open(&rig);
}

/* Counts never go back, whatever is done with the disk. */
static void write_counts_are_kept(void **state)
{
	struct vd_info info;
	uint64_t total = 0, writes;

	(void)state;
	begin();
	for (unsigned i = 0; i < 3000; i++)
		assert_int_equal(rig_write(&rig, i % USED, 2), 0);
	writes = 3000 + 2 * USED;
	for (unsigned reopened = 0; reopened < 3; reopened++) {
		total = 0;
		for (uint32_t b = 0; b < rig.geometry.block_count; b++) {
			struct vd_physical physical;

			assert_int_equal(vd_physical(rig.disk, b, &physical),
					 0);
			total += physical.count;
		}
		assert_int_equal(total, writes);
		if (reopened == 1)
			rig_close(&rig);
		rig_open(&rig);
		vd_info(rig.disk, &info);
		assert_int_equal(info.wear_total, writes);
	}
}

/*
 * Each line has been written twice or more: where a bit of the newest half's
 * seq is lost, the other half would be the larger.
 */
static void a_flipped_bit_does_not_bring_back_the_other_half(void **state)
{
	uint64_t record;

	(void)state;
	begin();
	for (unsigned i = 0; i < 2 * rig.geometry.block_count; i++)
		assert_int_equal(rig_write(&rig, i % USED, 2), 0);
	for (unsigned b = 0; b < USED; b++)
		assert_int_equal(rig_write(&rig, b, 3), 0);
	record = record_of(5);
	for (uint64_t bit = 0; bit < VD_RECORD_LINE * 8; bit++) {
		domain_mark(rig.domain[0]);
		flip(record * 8 + bit);
		assert_int_equal(rig_try_open(&rig, 0), 0);
		for (unsigned b = 0; b < USED; b++)
			rig_expect(&rig, b, 3);
		domain_back(rig.domain[0]);
	}
}

/* Where the first trim log lies: its record, and its lines. */
static struct vd_physical log_of(void)
{
	struct vd_physical physical = { 0 };

	for (uint32_t b = 0; b < rig.geometry.block_count; b++) {
		assert_int_equal(vd_physical(rig.disk, b, &physical), 0);
		if (physical.state == VD_BLOCK_LOG)
			return physical;
	}
	fail_msg("no trim log");
	return physical;
}

static void any_flipped_bit_of_a_trim_is_repaired(void **state)
{
	uint64_t line;

	(void)state;
	begin();
	assert_int_equal(vd_trim(rig.disk, 0, 5, 1), 0);
	line = log_of().off_bytes;
	for (uint64_t bit = 0; bit < VD_RECORD_LINE * 8; bit++) {
		domain_mark(rig.domain[0]);
		flip(line * 8 + bit);
		assert_int_equal(rig_try_open(&rig, VD_OPEN_READ_ONLY), 0);
		rig_expect(&rig, 5, 0);
		assert_int_equal(rig_check(&rig, false).last.finding,
				 VD_FIND_TRIM);
		assert_int_equal(rig_try_open(&rig, 0), 0);
		rig_expect(&rig, 5, 0);
		assert_int_equal(rig_check(&rig, false).count, 0);
		domain_back(rig.domain[0]);
	}
	assert_int_equal(rig_try_open(&rig, VD_OPEN_READ_ONLY), 0);
}

/* What was trimmed before the last close stays so; and it is counted. */
static void a_lost_trim_log_does_not_bring_back_old_data(void **state)
{
	uint8_t rubbish[VD_BLOCK];
	struct vd_physical log;
	struct vd_info info;

	(void)state;
	begin();
	assert_int_equal(vd_trim(rig.disk, 0, 5, 1), 0);
	log = log_of();
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(rig_write(&rig, 3, 4), 0);
	rig_fill(rubbish, 1, 1);
	for (unsigned lost = 0; lost < 2; lost++) {
		domain_mark(rig.domain[0]);
		if (lost)
			domain_poke(rig.domain[0], log.off_bytes, rubbish,
				    VD_BLOCK);
		else
			domain_poke(rig.domain[0], log.record_bytes, rubbish,
				    VD_RECORD_LINE);
		rig_open(&rig);
		rig_expect(&rig, 5, 0);
		vd_info(rig.disk, &info);
		assert_true(info.lost_lines > 0);
		domain_back(rig.domain[0]);
	}
}

/* Another disk's SB, and a newer one, at the place of either copy. */
static void a_misplaced_super_block_is_not_believed(void **state)
{
	struct vd_sb sb;

	(void)state;
	begin();
	for (unsigned copy = 0; copy < 2; copy++) {
		domain_mark(rig.domain[0]);
		memcpy(&sb, rig.domain[0]->image, sizeof(sb));
		sb.uuid[0] ^= 0xff;
		sb.generation = put_le64(get_le64(sb.generation) + 7);
		sb.csum = put_le32(0);
		sb.csum = put_le32(rig.domain[0]->media.ops->crc32c(0, &sb,
								    sizeof(sb)));
		domain_poke(rig.domain[0], copy * VD_BLOCK, &sb, sizeof(sb));
		rig_open(&rig);
		for (unsigned b = 0; b < USED; b++)
			rig_expect(&rig, b, 2);
		rig_open(&rig);
		assert_int_equal(rig_check(&rig, false).count, 0);
		domain_back(rig.domain[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			any_flipped_bit_of_a_live_record_is_repaired, end),
		cmocka_unit_test_teardown(
			any_flipped_bit_of_a_super_block_is_survived, end),
		cmocka_unit_test_teardown(one_super_block_is_enough, end),
		cmocka_unit_test_teardown(any_page_of_the_tables_may_be_lost,
					  end),
		cmocka_unit_test_teardown(
			rotten_data_is_an_error_and_never_old_data, end),
		cmocka_unit_test_teardown(
			one_wrong_bit_of_data_is_repaired_on_request, end),
		cmocka_unit_test_teardown(without_verification_rot_goes_unseen,
					  end),
		cmocka_unit_test_teardown(a_misplaced_block_is_detected, end),
		cmocka_unit_test_teardown(a_poisoned_block_fails_and_is_retired,
					  end),
		cmocka_unit_test_teardown(
			a_poisoned_record_costs_its_block_only, end),
		cmocka_unit_test_teardown(
			a_lost_record_does_not_bring_back_old_data, end),
		cmocka_unit_test_teardown(
			a_block_that_refuses_stores_is_replaced, end),
		cmocka_unit_test_teardown(
			a_full_backing_fails_writes_and_loses_nothing, end),
		cmocka_unit_test_teardown(
			after_a_failed_sync_there_are_no_more_writes, end),
		cmocka_unit_test_teardown(write_counts_are_kept, end),
		cmocka_unit_test_teardown(
			a_flipped_bit_does_not_bring_back_the_other_half, end),
		cmocka_unit_test_teardown(any_flipped_bit_of_a_trim_is_repaired,
					  end),
		cmocka_unit_test_teardown(
			a_lost_trim_log_does_not_bring_back_old_data, end),
		cmocka_unit_test_teardown(
			a_misplaced_super_block_is_not_believed, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
