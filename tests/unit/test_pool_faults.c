/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pool_faults.c - media that fail: every operation of the torture's
 * table, with each of its calls of the media failing in turn, once or for
 * good.  It says so, or goes on; the pool is in the old state or the new one;
 * an open pool that goes on agrees with what is on the media.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/torture/crash.h"

static const enum domain_event_type types[] = {
	DOMAIN_LOAD, DOMAIN_STORE, DOMAIN_DISCARD, DOMAIN_DRAIN, DOMAIN_SYNC,
	DOMAIN_FLUSH, DOMAIN_RESERVE,
};

struct counts {
	unsigned runs, failed, went_on;
};

static bool allowed(const struct crash *crash, uint64_t strict)
{
	for (unsigned i = 0; i < crash->allowed_count; i++)
		if (crash->allowed[i] == strict)
			return true;
	return strict == crash->before.strict;
}

/* The pool in memory is the pool on the media, or it refuses to work. */
static void assert_agrees(struct crash *crash)
{
	struct yard *yard = &crash->yard;
	struct snapshot open, again;
	struct verdict verdict = { "" };

	if (!yard->pool || pool_mark_bad(yard->pool, NULL, 0, NULL))
		return;
	assert_true(oracle_snapshot(yard, &open, &verdict));
	assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
	assert_true(oracle_snapshot(yard, &again, &verdict));
	assert_int_equal(open.strict, again.strict);
	assert_true(oracle_units(yard, &verdict));
}

/* The @n-th event of @type fails; false: there is no such event. */
static bool fail_at(struct crash *crash, enum domain_event_type type,
		    uint64_t n, bool once, struct counts *counts)
{
	struct yard *yard = &crash->yard;
	struct domain *domain = yard->domain;
	struct verdict verdict = { "" };
	struct snapshot now;
	uint64_t first;
	bool reached;
	int err = 0;

	domain_mark(domain);
	if (!(crash->op->flags & OP_FORMAT))
		assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
	first = domain->event_count[type];
	domain->fail_after[type] = first + n;
	domain->fail_once = once;
	domain->fail_err = type == DOMAIN_RESERVE ? NVM_ENOSPC : NVM_EIO;
	yard->carved = crash->carved;
	err = crash->op->run(yard);
	reached = domain->event_count[type] >= first + n;
	domain->fail_after[type] = 0;
	counts->runs++;
	counts->failed += err != 0;
	counts->went_on += reached && !err;
	if (reached && !err && type != DOMAIN_LOAD)
		fail_msg("%s: a failed %s is not told", crash->op->name,
			 domain_event_name(type));

	/* As it is now, reopened. */
	domain_mark(domain);
	if (crash->op->flags & OP_FORMAT) {
		int open_err = yard_open(yard, POOL_OPEN_WRITE, NULL);

		assert_true(!open_err || (err && (open_err == -NVM_EMEDIUM ||
						  open_err == -NVM_EBADMSG)));
	} else {
		assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
		assert_true(oracle_snapshot(yard, &now, &verdict));
		if (!allowed(crash, now.strict) || (!err && now.strict !=
						    crash->after.strict))
			fail_msg("%s: neither old nor new after %s %u fails",
				 crash->op->name, domain_event_name(type),
				 (unsigned)n);
		if (!oracle_units(yard, &verdict) ||
		    !oracle_check(yard, false, &verdict))
			fail_msg("%s: %s", crash->op->name, verdict.why);
	}
	domain_back(domain);

	/* The same, by the pool that met the fault. */
	if (!(crash->op->flags & OP_FORMAT)) {
		domain_back(domain);
		domain_mark(domain);
		assert_int_equal(yard_open(yard, POOL_OPEN_WRITE, NULL), 0);
		domain->fail_after[type] = domain->event_count[type] + n;
		crash->op->run(yard);
		domain->fail_after[type] = 0;
		assert_agrees(crash);
	}
	domain_back(domain);
	return reached;
}

static void test_every_fault_is_told_and_breaks_nothing(void **state)
{
	struct counts counts = { 0, 0, 0 };
	unsigned seen = 0;
	const struct torture_how how = { .seed = 1, .effort = 128,
					 .depth = 1 };

	(void)state;
	for (unsigned o = 0; o < torture_op_count; o++) {
		const struct torture_op *op = &torture_ops[o];
		enum yard_state yard = YARD_BLANK;
		struct crash crash;

		/* On the first pool of its row that is not slow. */
		while (!(op->states >> yard & 1))
			yard++;
		if (yard == YARD_WIDE || op->flags & OP_DAMAGED)
			continue;
		if (!crash_begin(&crash, op, yard, MODEL_PAGECACHE, &how))
			fail_msg("%s: %s", op->name, crash.verdict.why);
		for (unsigned t = 0; t < sizeof(types) / sizeof(*types); t++)
			for (unsigned once = 0; once < 2; once++)
				for (uint64_t n = 1; fail_at(&crash, types[t],
							     n, once, &counts);
				     n++)
					assert_true(n < 2000);
		assert_int_equal(crash.yard.domain->violations, 0);
		crash_end(&crash);
		seen++;
	}
	print_message("%u operations, %u runs, %u failed, %u went on\n", seen,
		      counts.runs, counts.failed, counts.went_on);
	assert_true(seen > 15 && counts.failed > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_fault_is_told_and_breaks_nothing),
	};

	return cmocka_run_group_tests_name("pool_faults", tests, NULL, NULL);
}
