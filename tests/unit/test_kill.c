// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_kill.c - the judge of `nvmtorture kill` can say no: histories that a
 * pool or a disk must not show, made up, and on a real scratch directory.
 */
#include "hosted_scratch.h"

#include <errno.h>

#include "cli/kill.h"

static const struct kill_op none;

/* A pool of two children, and a disk of some blocks. */
static struct kill_state sample(void)
{
	struct kill_state state = { .child_count = 2, .child = {
		{ .name = "a", .units = 3, .tag = { 7, 7, 7 } },
		{ .name = "b", .units = 2, .grow_to = 20 } } };

	for (uint64_t b = 0; b < 100; b++)
		state.block[b] = 1000 + b;
	return state;
}

static bool allows(const struct kill_state *before, const struct kill_op *op,
		   const struct kill_state *shown, const char *text)
{
	char why[KILL_WHY_MAX] = "";
	bool good = kill_judge(before, op, shown, why);

	if (!good && text && !strstr(why, text))
		fail_msg("no '%s' in '%s'", text, why);
	return good;
}

/* Old and new are allowed, each where it may be. */
static void expect_old_and_new(const struct kill_op *op)
{
	struct kill_state before = sample(), after = sample();

	kill_apply(&after, op);
	assert_memory_not_equal(&before, &after, sizeof(before));
	assert_true(allows(&before, op, &before, NULL));
	assert_true(allows(&before, op, &after, NULL));
	/* Not under way, it must not show; acknowledged, it must. */
	assert_false(allows(&before, &none, &after, NULL));
	assert_false(allows(&after, &none, &before, NULL));
}

static void what_is_under_way_is_old_or_new(void **state)
{
	static const struct kill_op ops[] = {
		{ .kind = KILL_CARVE, .name = "c", .units = 4 },
		{ .kind = KILL_RESIZE, .name = "a", .units = 5 },
		{ .kind = KILL_RESIZE, .name = "a", .units = 1 },
		{ .kind = KILL_RENAME, .name = "b", .other = "d", .units = 30 },
		{ .kind = KILL_RELEASE, .name = "a" },
		{ .kind = KILL_USE, .name = "b", .tag = 9 },
		{ .kind = KILL_WRITE, .first = 10, .count = 3, .tag = 5000 },
		{ .kind = KILL_GROUP, .first = 10, .count = 3, .tag = 5000 },
		{ .kind = KILL_TRIM, .first = 10, .count = 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		expect_old_and_new(&ops[i]);
}

static void an_acknowledged_write_that_is_missing_is_seen(void **state)
{
	const struct kill_op write = { .kind = KILL_WRITE, .first = 42,
				       .count = 2, .tag = 6000 };
	const struct kill_op later = { .kind = KILL_WRITE, .first = 50,
				       .count = 9, .tag = 7000 };
	struct kill_state before = sample(), shown = sample();

	(void)state;
	kill_apply(&before, &write);
	assert_false(allows(&before, &later, &shown,
			    "block 42 shows write 1042, not write 6000"));
	shown.block[42] = 6000;
	assert_false(allows(&before, &later, &shown, "block 43"));
	shown.block[43] = KILL_TAG_TORN;
	assert_false(allows(&before, &later, &shown, "torn bytes"));
	shown.block[43] = KILL_TAG_LOST;
	assert_false(allows(&before, &later, &shown, "nothing that can be"));
	shown.block[43] = 6001;
	assert_true(allows(&before, &later, &shown, NULL));
}

static void blocks_are_whole_and_groups_too(void **state)
{
	struct kill_op op = { .kind = KILL_WRITE, .first = 10, .count = 3,
			      .tag = 5000 };
	struct kill_state before = sample(), shown = sample();

	(void)state;
	shown.block[11] = 5001;
	assert_true(allows(&before, &op, &shown, NULL));
	op.kind = KILL_GROUP;
	assert_false(allows(&before, &op, &shown, "1 are new and 2 are old"));
	/* Another block's write at this one's place is nobody's. */
	op.kind = KILL_WRITE;
	shown.block[11] = 5002;
	assert_false(allows(&before, &op, &shown, "block 11"));
	shown.block[11] = 0;
	assert_false(allows(&before, &op, &shown, "shows zeros"));
}

static void children_are_whole(void **state)
{
	const struct kill_op resize = { .kind = KILL_RESIZE, .name = "a",
					.units = 4 };
	struct kill_state before = sample(), shown = sample();

	(void)state;
	shown.child[0].units = 4;
	shown.child[0].tag[3] = 12;	/* a former owner's */
	assert_false(allows(&before, &resize, &shown, NULL));
	shown.child[0].tag[3] = 0;
	assert_true(allows(&before, &resize, &shown, NULL));
	shown.child[0].tag[1] = 0;
	assert_false(allows(&before, &resize, &shown, NULL));
	shown = sample();
	shown.child_count = 1;
	assert_false(allows(&before, &none, &shown, "child 'b' is missing"));
	shown = sample();
	snprintf(shown.child[shown.child_count++].name, KILL_NAME_MAX, "x");
	assert_false(allows(&before, &none, &shown, "3 children, not 2"));
	shown = sample();
	shown.child[1].grow_to = 21;
	assert_false(allows(&before, &none, &shown, "may grow to 21"));
}

static void pages_know_their_tag_and_place(void **state)
{
	uint8_t page[VD_BLOCK] = { 0 };

	(void)state;
	assert_int_equal(kill_tag_of(page, 3), 0);
	kill_fill(page, 77, 3);
	assert_int_equal(kill_tag_of(page, 3), 77);
	assert_true(kill_tag_of(page, 4) == KILL_TAG_TORN);
	page[VD_BLOCK - 1] ^= 1;
	assert_true(kill_tag_of(page, 3) == KILL_TAG_TORN);
}

/* ---- on real files ------------------------------------------------------------------- */

static void session_make(struct kill_session *session, const char *dir)
{
	struct failure failure = { "" };

	*session = (struct kill_session){ .seed = 5, .tag = 1,
					  .until_s = kill_clock() + 60 };
	if (kill_scratch_make(&session->scratch, dir, session->state, &failure))
		fail_msg("%s", failure.text);
}

static void a_lie_about_the_past_fails_a_round(void **state)
{
	const struct scratch *scratch = *state;
	struct kill_session session;
	char why[KILL_WHY_MAX] = "";

	session_make(&session, scratch->shm);
	if (!kill_round(&session, KILL_DISK, why) ||
	    !kill_round(&session, KILL_POOL, why))
		fail_msg("%s", why);
	/* Writes that somebody was told of, and that nobody did. */
	for (uint64_t b = 0; b < KILL_BLOCKS; b++)
		session.state[KILL_CHILD].block[b] = 1000000 + b;
	assert_false(kill_round(&session, KILL_CHILD, why));
	assert_non_null(strstr(why, "shows zeros, not write 1000"));
	assert_true(session.dead[KILL_CHILD]);
	assert_false(session.dead[KILL_POOL]);
	kill_scratch_remove(&session.scratch);
}

static void file_spoil(const char *path, off_t off, size_t len)
{
	uint8_t bytes[4096];
	int fd = open(path, O_WRONLY);

	memset(bytes, 0xa5, sizeof(bytes));
	assert_int_equal(pwrite(fd, bytes, len, off), len);
	close(fd);
}

static void damage_is_seen(void **state)
{
	const struct scratch *scratch = *state;
	struct kill_session session;
	struct kill_state shown;
	char why[KILL_WHY_MAX] = "";

	session_make(&session, scratch->shm);
	for (int t = 0; t < KILL_TARGETS; t++) {
		if (!kill_look(&session.scratch, (enum kill_target)t, &shown,
			       why))
			fail_msg("%s", why);
		assert_true(kill_judge(&session.state[t], &none, &shown, why));
	}
	/* A copy of the pool's first page, and all that is ahead of a disk. */
	file_spoil(session.scratch.pool, 100, 8);
	assert_false(kill_look(&session.scratch, KILL_POOL, &shown, why));
	assert_non_null(strstr(why, "the check finds"));
	file_spoil(session.scratch.disk, 2 * 4096, 4096);
	assert_false(kill_look(&session.scratch, KILL_DISK, &shown, why));
	kill_scratch_remove(&session.scratch);
}

static void nothing_is_left_behind(void **state)
{
	const struct scratch *scratch = *state;
	struct kill_session session;
	struct failure failure;

	session_make(&session, scratch->dir);
	assert_int_equal(access(session.scratch.dir, F_OK), 0);
	kill_scratch_remove(&session.scratch);
	assert_int_equal(access(session.scratch.dir, F_OK), -1);
	assert_int_equal(kill_scratch_make(&session.scratch, "/dev/null",
					   session.state, &failure), -ENOTDIR);
	kill_scratch_remove(&session.scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_under_way_is_old_or_new),
		cmocka_unit_test(an_acknowledged_write_that_is_missing_is_seen),
		cmocka_unit_test(blocks_are_whole_and_groups_too),
		cmocka_unit_test(children_are_whole),
		cmocka_unit_test(pages_know_their_tag_and_place),
		cmocka_unit_test(a_lie_about_the_past_fails_a_round),
		cmocka_unit_test(damage_is_seen),
		cmocka_unit_test(nothing_is_left_behind),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
