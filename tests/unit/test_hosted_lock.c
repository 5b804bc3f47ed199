/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_hosted_lock.c - pool lock, leases and in-use detection against other,
 * real processes.
 */
#include "hosted_scratch.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "hosted/in_use.h"
#include "hosted/lock.h"

#define PAGE	4096ull

/* What the helper processes are to do; they inherit it by fork(). */
struct helper_task {
	const char *path;
	enum lock_kind lock;
	enum lease_kind lease;
	struct pool_range range;
};

static int helper_lock(void *arg)
{
	const struct helper_task *task = arg;
	struct backing *backing;

	return backing_open(task->path, BACKING_WRITE, &backing, NULL) ||
	       lock_pool(backing, task->lock, NULL, NULL);
}

static int helper_lease(void *arg)
{
	const struct helper_task *task = arg;
	struct backing *backing;

	return backing_open(task->path, BACKING_WRITE, &backing, NULL) ||
	       lease_take(backing, task->lease, &task->range, 1, NULL);
}

/* Maps a part, as a VMM does, and closes the descriptor. */
static int helper_map(void *arg)
{
	const struct helper_task *task = arg;
	int fd = open(task->path, O_RDWR | O_CLOEXEC);
	void *map = mmap(NULL, task->range.size_bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, (off_t)task->range.off_bytes);

	close(fd);
	return map == MAP_FAILED;
}

static int helper_open(void *arg)
{
	const struct helper_task *task = arg;

	return open(task->path, O_RDONLY | O_CLOEXEC) < 0;
}

static struct backing *lock_backing(struct scratch *scratch, char *path,
				    size_t path_len, const char *name)
{
	snprintf(path, path_len, "%s/%s", scratch->shm, name);
	return scratch_create(path, MIB);
}

static const char *own_name(char *buffer, size_t len)
{
	use_command(getpid(), buffer, len);
	return buffer;
}

/* ---- pool lock --------------------------------------------------------------- */

static void an_exclusive_lock_keeps_others_out_and_names_its_holder(void **state)
{
	char path[128], who[320], name[64];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "exclusive");
	struct helper_task task = { .path = path, .lock = LOCK_EXCLUSIVE };
	struct scratch_helper helper = scratch_helper_start(helper_lock, &task);
	struct failure failure;

	snprintf(who, sizeof(who), "'%s' is locked by pid %d (%s)", path,
		 (int)helper.pid, own_name(name, sizeof(name)));
	assert_int_equal(lock_pool(backing, LOCK_SHARED, NULL, &failure),
			 -EBUSY);
	assert_string_equal(failure.text, who);
	assert_int_equal(lock_pool(backing, LOCK_EXCLUSIVE, NULL, &failure),
			 -EBUSY);
	scratch_helper_stop(&helper);
	assert_int_equal(lock_pool(backing, LOCK_EXCLUSIVE, NULL, &failure), 0);
	backing_close(backing);
}

static void readers_share_the_lock_and_keep_writers_out(void **state)
{
	char path[128];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "shared");
	struct helper_task task = { .path = path, .lock = LOCK_SHARED };
	struct scratch_helper helper = scratch_helper_start(helper_lock, &task);
	struct failure failure;

	assert_int_equal(lock_pool(backing, LOCK_SHARED, NULL, &failure), 0);
	assert_int_equal(lock_pool(backing, LOCK_EXCLUSIVE, NULL, &failure),
			 -EBUSY);
	scratch_helper_stop(&helper);
	backing_close(backing);
}

static void an_unlocked_pool_is_free_for_others(void **state)
{
	char path[128];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "unlocked");
	struct helper_task task = { .path = path, .lock = LOCK_EXCLUSIVE };
	struct scratch_helper helper;

	assert_int_equal(lock_pool(backing, LOCK_EXCLUSIVE, NULL, NULL), 0);
	unlock_pool(backing);
	helper = scratch_helper_start(helper_lock, &task);
	scratch_helper_stop(&helper);
	backing_close(backing);
}

static void a_killed_holder_leaves_no_lock(void **state)
{
	char path[128];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "killed");
	struct helper_task task = { .path = path, .lock = LOCK_EXCLUSIVE };
	struct scratch_helper helper = scratch_helper_start(helper_lock, &task);

	kill(helper.pid, SIGKILL);
	scratch_helper_stop(&helper);
	assert_int_equal(lock_pool(backing, LOCK_EXCLUSIVE, NULL, NULL), 0);
	backing_close(backing);
}

struct wait_log {
	unsigned calls;
	pid_t holder;
	struct scratch_helper *release;
	unsigned give_up_after;
};

static bool wait_step(void *ctx, const struct lock_holder *holder,
		      unsigned waited_ms)
{
	struct wait_log *log = ctx;

	(void)waited_ms;
	log->holder = holder->pid;
	log->calls++;
	if (log->release && log->calls == 2)
		scratch_helper_stop(log->release);
	return !log->give_up_after || log->calls < log->give_up_after;
}

static void waiting_ends_when_the_holder_goes(void **state)
{
	char path[128];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "wait");
	struct helper_task task = { .path = path, .lock = LOCK_EXCLUSIVE };
	struct scratch_helper helper = scratch_helper_start(helper_lock, &task);
	struct wait_log log = { .release = &helper };
	struct lock_wait wait = { 10000, wait_step, &log };

	assert_int_equal(lock_pool(backing, LOCK_EXCLUSIVE, &wait, NULL), 0);
	assert_int_equal(log.calls, 2);
	assert_int_equal(log.holder, helper.pid);
	backing_close(backing);
}

static void waiting_ends_in_time(void **state)
{
	char path[128];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "timeout");
	struct helper_task task = { .path = path, .lock = LOCK_EXCLUSIVE };
	struct scratch_helper helper = scratch_helper_start(helper_lock, &task);
	struct wait_log log = { 0 };
	struct lock_wait wait = { 300, wait_step, &log };

	assert_int_equal(lock_pool(backing, LOCK_SHARED, &wait, NULL), -EBUSY);
	assert_int_equal(log.calls, 3);
	scratch_helper_stop(&helper);
	backing_close(backing);
}

static void waiting_ends_when_the_caller_gives_up(void **state)
{
	char path[128];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "give-up");
	struct helper_task task = { .path = path, .lock = LOCK_EXCLUSIVE };
	struct scratch_helper helper = scratch_helper_start(helper_lock, &task);
	struct wait_log log = { .give_up_after = 1 };
	struct lock_wait wait = { 10000, wait_step, &log };

	assert_int_equal(lock_pool(backing, LOCK_SHARED, &wait, NULL), -EINTR);
	assert_int_equal(log.calls, 1);
	scratch_helper_stop(&helper);
	backing_close(backing);
}

/* ---- leases ----------------------------------------------------------------- */

static void a_write_lease_excludes_others_from_its_bytes_only(void **state)
{
	char path[128], who[160];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "lease");
	struct helper_task task = {
		.path = path, .lease = LEASE_WRITE,
		.range = { 16 * PAGE, 16 * PAGE },
	};
	struct pool_range below = { 0, 16 * PAGE };
	struct pool_range two[] = { { 64 * PAGE, PAGE }, { 31 * PAGE, PAGE } };
	struct scratch_helper helper = scratch_helper_start(helper_lease,
							    &task);
	struct failure failure;

	assert_int_equal(lease_take(backing, LEASE_WRITE, &below, 1, &failure),
			 0);
	assert_int_equal(lease_take(backing, LEASE_READ, two, 2, &failure),
			 -EBUSY);
	snprintf(who, sizeof(who), "being written by pid %d", (int)helper.pid);
	assert_non_null(strstr(failure.text, who));
	scratch_helper_stop(&helper);

	/* What was refused in part was not taken at all. */
	task.range = two[0];
	helper = scratch_helper_start(helper_lease, &task);
	scratch_helper_stop(&helper);
	assert_int_equal(lease_take(backing, LEASE_READ, two, 2, &failure), 0);
	backing_close(backing);
}

static void readers_share_a_lease(void **state)
{
	char path[128];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "lease-read");
	struct helper_task task = {
		.path = path, .lease = LEASE_READ, .range = { 0, PAGE },
	};
	struct scratch_helper helper = scratch_helper_start(helper_lease,
							    &task);

	assert_int_equal(lease_take(backing, LEASE_READ, &task.range, 1, NULL),
			 0);
	assert_int_equal(lease_take(backing, LEASE_WRITE, &task.range, 1,
				    NULL), -EBUSY);
	scratch_helper_stop(&helper);
	backing_close(backing);
}

static void a_dropped_lease_is_free(void **state)
{
	char path[128];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "lease-drop");
	struct helper_task task = {
		.path = path, .lease = LEASE_WRITE, .range = { PAGE, PAGE },
	};
	struct scratch_helper helper;

	assert_int_equal(lease_take(backing, LEASE_WRITE, &task.range, 1,
				    NULL), 0);
	lease_drop(backing, &task.range, 1);
	helper = scratch_helper_start(helper_lease, &task);
	scratch_helper_stop(&helper);
	backing_close(backing);
}

/* ---- in use ------------------------------------------------------------------ */

static struct use_list find_uses(struct backing *backing, unsigned want,
				 uint64_t off, uint64_t len)
{
	struct pool_range range = { off, len };
	struct failure failure = { "" };
	struct use_list list;

	if (use_find(backing, want, &range, len ? 1 : 0, &list, &failure))
		fail_msg("%s", failure.text);
	return list;
}

static void a_mapping_is_found_with_pid_command_and_range(void **state)
{
	char path[128], text[256], expected[256], name[64];
	struct helper_task task = {
		.path = path, .range = { 16 * PAGE, 32 * PAGE },
	};
	struct scratch_helper helper;
	struct backing *backing;
	struct use_list list;

	/* Started before we map it ourselves: a child inherits mappings. */
	backing_close(lock_backing(*state, path, sizeof(path), "mapped"));
	helper = scratch_helper_start(helper_map, &task);
	backing = scratch_open(path, BACKING_READ);
	list = find_uses(backing, USE_WANT_MAP, 47 * PAGE, PAGE);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.use[0].kind, USE_MAP);
	assert_int_equal(list.use[0].pid, helper.pid);
	assert_int_equal(list.use[0].range.off_bytes, 16 * PAGE);
	assert_int_equal(list.use[0].range.size_bytes, 32 * PAGE);
	snprintf(expected, sizeof(expected), "mapped by pid %d (%s), bytes "
		 "0x10000-0x2ffff", (int)helper.pid,
		 own_name(name, sizeof(name)));
	assert_string_equal(use_describe(&list.use[0], text, sizeof(text)),
			    expected);
	use_list_free(&list);

	/* Its neighbours on either side are not in use. */
	list = find_uses(backing, USE_WANT_MAP, 48 * PAGE, 16 * PAGE);
	assert_int_equal(list.count, 0);
	use_list_free(&list);
	list = find_uses(backing, USE_WANT_MAP, 0, 16 * PAGE);
	assert_int_equal(list.count, 0);
	use_list_free(&list);

	scratch_helper_stop(&helper);
	list = find_uses(backing, USE_WANT_MAP, 0, MIB);
	assert_int_equal(list.count, 0);
	use_list_free(&list);
	backing_close(backing);
}

static void a_mapping_on_disk_is_found_too(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->dir, "mapped");
	struct helper_task task = { .path = path, .range = { 0, PAGE } };
	struct scratch_helper helper;
	struct backing *backing;
	struct use_list list;

	backing_close(scratch_create(path, MIB));
	helper = scratch_helper_start(helper_map, &task);
	backing = scratch_open(path, BACKING_READ);
	list = find_uses(backing, USE_WANT_MAP, 0, 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.use[0].pid, helper.pid);
	use_list_free(&list);
	scratch_helper_stop(&helper);
	backing_close(backing);
}

static void our_own_mapping_is_no_use(void **state)
{
	char path[128];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "own");
	struct pool_range range = { 0, PAGE };
	struct use_list list;

	assert_int_equal(lease_take(backing, LEASE_WRITE, &range, 1, NULL), 0);
	list = find_uses(backing, USE_WANT_MAP | USE_WANT_LEASE |
			 USE_WANT_OPEN | USE_WANT_MOUNT, 0, 0);
	assert_int_equal(list.count, 0);
	use_list_free(&list);
	backing_close(backing);
}

static int helper_tool(void *arg)
{
	const struct helper_task *task = arg;
	struct backing *backing;

	return backing_open(task->path, BACKING_READ, &backing, NULL);
}

static void another_tool_that_maps_all_of_it_is_no_use(void **state)
{
	char path[128];
	struct helper_task task = { .path = path };
	struct scratch_helper helper;
	struct backing *backing;
	struct use_list list;

	backing_close(lock_backing(*state, path, sizeof(path), "tool"));
	helper = scratch_helper_start(helper_tool, &task);
	backing = scratch_open(path, BACKING_READ);
	list = find_uses(backing, USE_WANT_MAP | USE_WANT_LEASE, 0, 0);
	assert_int_equal(list.count, 0);
	use_list_free(&list);
	/* That it is open can be found out all the same. */
	list = find_uses(backing, USE_WANT_OPEN, 0, 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.use[0].pid, helper.pid);
	use_list_free(&list);
	scratch_helper_stop(&helper);
	backing_close(backing);
}

static void an_open_descriptor_is_found(void **state)
{
	char path[128], text[256];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "opened");
	struct helper_task task = { .path = path };
	struct scratch_helper helper = scratch_helper_start(helper_open, &task);
	struct use_list list;

	/* The helper has our own inherited descriptor as well: one use. */
	list = find_uses(backing, USE_WANT_OPEN, 0, 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.use[0].kind, USE_OPEN);
	assert_int_equal(list.use[0].pid, helper.pid);
	assert_non_null(strstr(use_describe(&list.use[0], text, sizeof(text)),
			       "open in pid "));
	use_list_free(&list);
	scratch_helper_stop(&helper);
	backing_close(backing);
}

static void a_lease_is_found_where_it_overlaps(void **state)
{
	char path[128];
	struct backing *backing = lock_backing(*state, path, sizeof(path),
					       "leased");
	struct helper_task task = {
		.path = path, .lease = LEASE_READ, .range = { 8 * PAGE, PAGE },
	};
	struct scratch_helper helper = scratch_helper_start(helper_lease,
							    &task);
	struct use_list list = find_uses(backing, USE_WANT_LEASE, 0, 0);

	assert_int_equal(list.count, 1);
	assert_int_equal(list.use[0].kind, USE_LEASE_READ);
	assert_int_equal(list.use[0].pid, helper.pid);
	assert_int_equal(list.use[0].range.off_bytes, 8 * PAGE);
	assert_int_equal(list.use[0].range.size_bytes, PAGE);
	use_list_free(&list);
	list = find_uses(backing, USE_WANT_LEASE, 9 * PAGE, PAGE);
	assert_int_equal(list.count, 0);
	use_list_free(&list);
	scratch_helper_stop(&helper);
	backing_close(backing);
}

/* As another user: what root's processes do cannot be seen, and is counted. */
static int look_as_nobody(void *arg)
{
	struct backing *backing;
	struct use_list list;

	if (setgid(65534) || setuid(65534))
		return 77;
	if (backing_open(arg, BACKING_READ, &backing, NULL))
		return 1;
	if (use_find(backing, USE_WANT_MAP, NULL, 0, &list, NULL))
		return 2;
	return list.count == 0 && list.unseen >= 1 ? 0 : 3;
}

static void what_could_not_be_looked_at_is_counted(void **state)
{
	struct scratch *scratch = *state;
	char path[128];
	struct backing *backing = lock_backing(scratch, path, sizeof(path),
					       "unseen");
	struct helper_task task = { .path = path, .range = { 0, PAGE } };
	struct scratch_helper helper = scratch_helper_start(helper_map, &task);
	int status;

	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chmod(scratch->shm, 0755), 0);
	status = scratch_child(look_as_nobody, path);
	scratch_helper_stop(&helper);
	backing_close(backing);
	if (status == 77) {
		print_message("# skipped: cannot become another user\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_exclusive_lock_keeps_others_out_and_names_its_holder),
		cmocka_unit_test(readers_share_the_lock_and_keep_writers_out),
		cmocka_unit_test(an_unlocked_pool_is_free_for_others),
		cmocka_unit_test(a_killed_holder_leaves_no_lock),
		cmocka_unit_test(waiting_ends_when_the_holder_goes),
		cmocka_unit_test(waiting_ends_in_time),
		cmocka_unit_test(waiting_ends_when_the_caller_gives_up),
		cmocka_unit_test(
			a_write_lease_excludes_others_from_its_bytes_only),
		cmocka_unit_test(readers_share_a_lease),
		cmocka_unit_test(a_dropped_lease_is_free),
		cmocka_unit_test(a_mapping_is_found_with_pid_command_and_range),
		cmocka_unit_test(a_mapping_on_disk_is_found_too),
		cmocka_unit_test(our_own_mapping_is_no_use),
		cmocka_unit_test(another_tool_that_maps_all_of_it_is_no_use),
		cmocka_unit_test(an_open_descriptor_is_found),
		cmocka_unit_test(a_lease_is_found_where_it_overlaps),
		cmocka_unit_test(what_could_not_be_looked_at_is_counted),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
