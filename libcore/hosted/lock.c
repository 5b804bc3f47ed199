/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lock.c - the pool lock and the leases (lock.h).
 *
 * flock(2) has no timeout, so waiting is trying again ten times a second.
 */
#include "hosted/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#include "hosted/in_use.h"
#include "hosted/proc.h"

#define LOCK_STEP_MS	100u

static int lock_busy(const struct backing *backing,
		     const struct lock_holder *holder, struct failure *failure)
{
	const char *path = backing_info(backing)->path;

	if (holder->pid)
		return failure_set(failure, -EBUSY,
				   "'%s' is locked by pid %d (%s)", path,
				   (int)holder->pid, holder->command);
	return failure_set(failure, -EBUSY,
			   "'%s' is locked by a process that cannot be seen "
			   "from here", path);
}

int lock_pool(struct backing *backing, enum lock_kind kind,
	      const struct lock_wait *wait, struct failure *failure)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_MS * 1000000l };
	int how = (kind == LOCK_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB;
	struct lock_holder holder;

	for (unsigned waited_ms = 0;; waited_ms += LOCK_STEP_MS) {
		if (!flock(backing_fd(backing), how))
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return failure_errno(failure, -errno,
					     "cannot lock '%s'",
					     backing_info(backing)->path);
		/* Looking through /proc is slow: at first, then each second. */
		if (waited_ms % 1000 == 0)
			proc_lock_holder(backing, &holder);
		if (!wait || waited_ms >= wait->timeout_ms)
			return lock_busy(backing, &holder, failure);
		if (wait->step && !wait->step(wait->ctx, &holder, waited_ms))
			return failure_set(failure, -EINTR,
				"interrupted while waiting for the lock of "
				"'%s'", backing_info(backing)->path);
		nanosleep(&step, NULL);
	}
}

void unlock_pool(struct backing *backing)
{
	flock(backing_fd(backing), LOCK_UN);
}

static int lease_set(struct backing *backing, short type,
		     const struct pool_range *range)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)range->off_bytes,
		.l_len = (off_t)range->size_bytes,
	};

	while (fcntl(backing_fd(backing), F_OFD_SETLK, &lock))
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Who leases a byte of this range; the kernel itself only says "someone". */
static int lease_busy(struct backing *backing, const struct pool_range *range,
		      struct failure *failure)
{
	const char *path = backing_info(backing)->path;
	struct use_list list;
	char text[192];
	int err;

	err = use_find(backing, USE_WANT_LEASE, range, 1, &list, failure);
	if (err)
		return err;
	if (list.count)
		err = failure_set(failure, -EBUSY, "'%s' is %s", path,
				  use_describe(&list.use[0], text,
					       sizeof(text)));
	else
		err = failure_set(failure, -EBUSY,
			"bytes of '%s' are leased by a process that cannot be "
			"seen from here", path);
	use_list_free(&list);
	return err;
}

int lease_take(struct backing *backing, enum lease_kind kind,
	       const struct pool_range *range, size_t range_count,
	       struct failure *failure)
{
	short type = kind == LEASE_READ ? F_RDLCK : F_WRLCK;

	for (size_t i = 0; i < range_count; i++) {
		int err = lease_set(backing, type, &range[i]);

		if (!err)
			continue;
		lease_drop(backing, range, i);
		if (err == -EAGAIN || err == -EACCES)
			return lease_busy(backing, &range[i], failure);
		return failure_errno(failure, err, "cannot lease bytes of '%s'",
				     backing_info(backing)->path);
	}
	return 0;
}

void lease_drop(struct backing *backing, const struct pool_range *range,
		size_t range_count)
{
	for (size_t i = 0; i < range_count; i++)
		lease_set(backing, F_UNLCK, &range[i]);
}
