// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_pool_review_damage.c - two things are damaged at once, or metadata
 * with good checksums contradicts itself: nothing gets worse by opening or
 * mending it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/yard.h"

static void poke_zero(struct yard *yard, uint64_t off)
{
	domain_poke_zero(yard->domain, off, NVM_PAGE);
}

static uint64_t newest_seq(const struct yard *yard, uint64_t off)
{
	struct pool_page head;

	memcpy(&head, yard->domain->image + off, sizeof(head));
	return get_le64(head.seq);
}

/*
 * The newest slot is gone and with it copy A of a page that it had brought
 * home.  The older slot has an image of that page too, valid and stale.
 */
static void test_an_older_slot_overwrites_no_newer_page(void **state)
{
	struct pool_child child;
	struct pool_geometry g;
	struct yard yard;
	uint64_t slot;

	(void)state;
	yard_begin_plain(&yard, 64 * MIB, NVM_BUS);
	assert_int_equal(yard_format(&yard, 64 * KIB, 8, true), 0);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	yard_carve(&yard, "old", MIB, POOL_MODE_RAW, NULL);
	yard_carve(&yard, "new", MIB, POOL_MODE_RAW, NULL);
	g = *pool_geometry(yard.pool);
	slot = newest_seq(&yard, g.nat_off) % 2;
	poke_zero(&yard, g.journal_off + slot * g.journal_slot_bytes);
	poke_zero(&yard, g.nat_off);

	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL),
			 -NVM_EBADMSG);
	assert_int_equal(yard_open(&yard, 0, NULL), 0);
	assert_true(pool_health(yard.pool)->journal_damaged);
	assert_int_equal(pool_child_find(yard.pool, "new", &child), 0);
	yard_end(&yard);
}

/* Write @page at @off with a good checksum, and the same as copy B. */
static void poke_sealed(struct yard *yard, void *page, uint64_t off,
			uint64_t copy_b)
{
	struct pool_page *head = page;

	head->csum = put_le32(0);
	head->csum = put_le32(yard->domain->media.ops->crc32c(0, page,
							      NVM_PAGE));
	domain_poke(yard->domain, off, page, NVM_PAGE);
	domain_poke(yard->domain, copy_b, page, NVM_PAGE);
}

/*
 * Two children of one group whose AMTs lie in different units: mending must
 * not let go of the unit that only the second one points at.
 */
static void test_mending_lets_no_unit_go_that_holds_an_amt(void **state)
{
	struct pool_check_args args = { .repair = true };
	struct pool_nat_page nat;
	uint8_t amt[NVM_PAGE];
	struct pool_geometry g;
	struct yard yard;
	uint64_t off, other, second;

	(void)state;
	yard_begin_plain(&yard, 64 * MIB, NVM_BUS);
	assert_int_equal(yard_format(&yard, 64 * KIB, 16, true), 0);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	for (char name[] = "a"; name[0] < 'a' + 9; name[0]++)
		yard_carve(&yard, name, MIB, POOL_MODE_RAW, NULL);
	g = *pool_geometry(yard.pool);
	second = yard_slot(&yard, "b");
	assert_int_equal(second, 1);

	/* Slot 8 is of the second group; its AMT unit gets slot 1's AMT. */
	memcpy(&nat, yard.domain->image + g.nat_off, sizeof(nat));
	off = get_le64(nat.entry[second].amt_off);
	other = get_le64(nat.entry[8].amt_off) + AMT_SLOT_BYTES;
	memcpy(amt, yard.domain->image + off, NVM_PAGE);
	((struct pool_page *)amt)->index = put_le64(other);
	poke_sealed(&yard, amt, other, other + NVM_PAGE);
	nat.entry[second].amt_off = put_le64(other);
	memset(&nat.entry[8], 0, sizeof(nat.entry[8]));
	poke_sealed(&yard, &nat, g.nat_off,
		    g.nat_off + g.nat_pages * NVM_PAGE);

	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE, NULL), 0);
	args.mem = yard.check_mem;
	assert_int_equal(pool_check(yard.pool, &args, NULL, NULL), 0);
	assert_int_equal(pool_unit_state(yard.pool, (other - g.data_off) /
						    g.unit_bytes), UNIT_USED);
	yard_end(&yard);
}

/* A number that the next transaction would wrap round to 0. */
static void test_a_page_from_the_end_of_time_is_refused(void **state)
{
	struct pool_nat_page nat;
	struct pool_geometry g;
	struct yard yard;

	(void)state;
	yard_begin_plain(&yard, 64 * MIB, NVM_BUS);
	assert_int_equal(yard_format(&yard, 64 * KIB, 16, true), 0);
	assert_int_equal(yard_open(&yard, 0, NULL), 0);
	g = *pool_geometry(yard.pool);
	memcpy(&nat, yard.domain->image + g.nat_off, sizeof(nat));
	nat.page.seq = put_le64(~0ull);
	poke_sealed(&yard, &nat, g.nat_off,
		    g.nat_off + g.nat_pages * NVM_PAGE);
	assert_int_equal(yard_open(&yard, POOL_OPEN_WRITE | POOL_OPEN_SALVAGE,
				   NULL), -NVM_EBADMSG);
	yard_end(&yard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_page_from_the_end_of_time_is_refused),
		cmocka_unit_test(test_an_older_slot_overwrites_no_newer_page),
		cmocka_unit_test(
			test_mending_lets_no_unit_go_that_holds_an_amt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
