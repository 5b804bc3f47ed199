/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target.c - finding and locking a disk (target.h).  The order is: open, lock,
 * look for users, and only then read what is there.
 */
#include "guest-agent/target.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "hosted/arena.h"
#include "hosted/in_use.h"
#include "hosted/lock.h"
#include "pool/pool.h"

#define LEASE_STEP_MS	100u

struct target {
	struct target_name name;
	/* Of each path, locked until the end; of a child: its pool. */
	struct backing *held[VD_EXTENTS_MAX];
	size_t held_count;
	struct pool_range range[POOL_EXTENTS_MAX];	/* of a child, leased */
	size_t range_count;
	struct area *area;
};

const char *target_text(const struct target_name *name)
{
	return name->child ? name->child : name->path[0];
}

static enum backing_access target_access(const struct target *target)
{
	return target->name.read_only ? BACKING_READ : BACKING_WRITE;
}

static int target_lock(const struct target *target, struct backing *backing,
		       enum lock_kind kind, struct failure *failure)
{
	unsigned wait_s = target->name.wait_s;
	struct lock_wait wait = {
		.timeout_ms = wait_s > UINT32_MAX / 1000 ? UINT32_MAX :
							   wait_s * 1000,
	};

	return lock_pool(backing, kind, &wait, failure);
}

static int users_refuse(const struct target *target,
			const struct backing *backing, unsigned want,
			struct failure *failure)
{
	struct use_list list;
	char text[256];
	int err = use_find(backing, want, target->range, target->range_count,
			   &list, failure);

	if (err)
		return err;
	if (list.count)
		err = failure_set(failure, -EBUSY, "cannot serve '%s' while it "
				  "is in use: %s", target_text(&target->name),
				  use_describe(&list.use[0], text,
					       sizeof(text)));
	use_list_free(&list);
	return err;
}

/* ---- files and devices ------------------------------------------------------- */

/* An order that is the same whichever way round they were given. */
static int by_inode(const void *a, const void *b)
{
	ino_t x = backing_info(*(struct backing *const *)a)->ino;
	ino_t y = backing_info(*(struct backing *const *)b)->ino;

	return x < y ? -1 : x > y;
}

static int paths_open(struct target *target, struct failure *failure)
{
	const struct target_name *name = &target->name;
	int err = 0;

	while (target->held_count < name->path_count && !err) {
		err = backing_open(name->path[target->held_count],
				   target_access(target),
				   &target->held[target->held_count], failure);
		target->held_count += !err;
	}
	if (err)
		return err;
	qsort(target->held, target->held_count, sizeof(target->held[0]),
	      by_inode);
	for (size_t i = 0; i < target->held_count && !err; i++)
		err = target_lock(target, target->held[i], name->read_only ?
				  LOCK_SHARED : LOCK_EXCLUSIVE, failure);
	for (size_t i = 0; i < target->held_count && !err; i++)
		err = users_refuse(target, target->held[i], USE_WANT_MAP |
				   USE_WANT_MOUNT, failure);
	return err ? err : area_open(name->path, name->path_count,
				     target_access(target), name->guard,
				     &target->area, failure);
}

/* ---- a child of a pool --------------------------------------------------------- */

static int child_look_up(struct target *target, struct pool_child *ret_child,
			 struct failure *failure)
{
	struct nvm_media *media = backing_media(target->held[0]);
	struct pool_geometry geometry;
	struct pool *pool;
	size_t bytes;
	void *mem;
	int err = pool_probe(media, &geometry, NULL);

	if (err)
		return failure_set(failure, err, "cannot open pool '%s': %s",
				   target->name.pool, nvm_strerror(err));
	bytes = pool_memory_bytes(&geometry);
	mem = arena_alloc(bytes);
	err = mem ? pool_open(media, 0, mem, bytes, &pool, NULL) : -NVM_ENOMEM;
	if (!err)
		err = pool_child_find(pool, target->name.child, ret_child);
	if (!err)
		err = pool_child_extents(pool, ret_child->slot, target->range,
					 &target->range_count, NULL);
	free(mem);
	if (!err)
		return 0;
	return failure_set(failure, err, "cannot find child '%s' in pool '%s': "
			   "%s", target->name.child, target->name.pool,
			   nvm_strerror(err));
}

/* Under the lock of the pool. */
static int child_take(struct target *target, struct failure *failure)
{
	struct pool_child child;
	int err = child_look_up(target, &child, failure);

	if (!err)
		err = users_refuse(target, target->held[0], USE_WANT_MAP,
				   failure);
	if (err)
		return err;
	err = lease_take(target->held[0], target->name.read_only ?
			 LEASE_READ : LEASE_WRITE, target->range,
			 target->range_count, failure);
	if (err)
		return err;
	return area_of_child(target->held[0], &child, target->name.guard,
			     &target->area, failure);
}

/* The pool is free for others while we wait, so all is looked up again. */
static int child_open(struct target *target, struct failure *failure)
{
	const struct timespec step = { .tv_nsec = LEASE_STEP_MS * 1000000l };
	uint64_t steps = target->name.wait_s * 1000ull / LEASE_STEP_MS;
	int err = backing_open(target->name.pool, target_access(target),
			       &target->held[0], failure);

	if (err)
		return err;
	target->held_count = 1;
	for (;;) {
		err = target_lock(target, target->held[0], LOCK_SHARED,
				  failure);
		if (err)
			return err;
		err = child_take(target, failure);
		unlock_pool(target->held[0]);
		if (err != -EBUSY || !steps--)
			return err;
		nanosleep(&step, NULL);
	}
}

/* ---- either of them ------------------------------------------------------------ */

int target_open(const struct target_name *name, struct target **ret_target,
		struct failure *failure)
{
	struct target *target = calloc(1, sizeof(*target));
	int err;

	if (!target)
		return failure_errno(failure, -ENOMEM, "cannot serve '%s'",
				     target_text(name));
	target->name = *name;
	err = name->child ? child_open(target, failure) :
			    paths_open(target, failure);
	if (err)
		target_close(target);
	else
		*ret_target = target;
	return err;
}

void target_close(struct target *target)
{
	if (target->area)
		area_close(target->area);
	for (size_t i = 0; i < target->held_count; i++)
		backing_close(target->held[i]);
	free(target);
}

const struct vd_area *target_area(const struct target *target)
{
	return area_extents(target->area);
}
