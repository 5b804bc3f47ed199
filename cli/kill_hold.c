// SPDX-License-Identifier: BSD-3-Clause
/*
 * kill_hold.c - the scratch directory with the targets of `nvmtorture kill`,
 * and these opened as the commands open them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/kill.h"
#include "hosted/arena.h"
#include "hosted/lock.h"
#include "hosted/stray.h"

#define UNIT_BYTES	(256u << 10)
#define CHILD_BYTES	(KILL_UNITS * (uint64_t)UNIT_BYTES)

_Static_assert(CHILD_BYTES >= VD_AREA_MIN, "a disk fits into its child");

const char *kill_target_name(enum kill_target target)
{
	static const char *const names[] = { "pool", "disk", "child" };

	return names[target];
}

static int core_failed(struct failure *failure, int err,
		       const struct nvm_fault *fault, const char *what)
{
	return failure_set(failure, err, "%s: %s%s%s", what, nvm_strerror(err),
			   fault->what ? ", " : "",
			   fault->what ? fault->what : "");
}

/* ---- opening ---------------------------------------------------------------------- */

static int pool_hold(struct kill_hold *hold, bool write,
		     struct failure *failure)
{
	struct nvm_media *media = backing_media(hold->backing);
	struct pool_geometry geometry;
	struct nvm_fault fault = { 0 };
	size_t bytes;
	int err = pool_probe(media, &geometry, &fault);

	if (err)
		return core_failed(failure, err, &fault, "no pool is found");
	bytes = pool_memory_bytes(&geometry);
	hold->pool_mem = arena_alloc(bytes);
	if (!hold->pool_mem)
		return failure_set(failure, -ENOMEM, "out of memory");
	err = pool_open(media, write ? POOL_OPEN_WRITE : 0, hold->pool_mem,
			bytes, &hold->pool, &fault);
	return err ? core_failed(failure, err, &fault,
				 "the pool does not open") : 0;
}

static int area_hold(struct kill_hold *hold, const char *path,
		     enum backing_access access, struct failure *failure)
{
	enum stray_guard guard = access == BACKING_WRITE ? STRAY_AUTO
							  : STRAY_NONE;
	struct pool_child child;
	int err;

	if (path)
		return area_open(&path, 1, access, guard, &hold->area, failure);
	err = pool_child_find(hold->pool, KILL_DISK_CHILD, &child);
	if (err)
		return failure_set(failure, err, "the child that is a disk is "
				   "missing");
	return area_of_child(hold->backing, &child, guard, &hold->area,
			     failure);
}

static int disk_hold(struct kill_hold *hold, bool write,
		     struct failure *failure)
{
	const struct vd_area *area = area_extents(hold->area);
	struct vd_open_args args = { .lane_count = 1,
		.flags = write ? 0 : VD_OPEN_READ_ONLY };
	struct nvm_fault fault = { 0 };
	int err = vd_probe(area, &hold->geometry, NULL, &fault);

	if (err)
		return core_failed(failure, err, &fault, "no disk is found");
	args.mem_bytes = vd_memory_bytes(&hold->geometry, args.lane_count);
	args.mem = hold->disk_mem = arena_alloc(args.mem_bytes);
	if (!args.mem)
		return failure_set(failure, -ENOMEM, "out of memory");
	err = vd_open(area, &args, &hold->disk, &fault);
	return err ? core_failed(failure, err, &fault,
				 "the disk does not open") : 0;
}

int kill_hold_open(const struct kill_scratch *scratch, enum kill_target target,
		   enum backing_access access, struct kill_hold *ret_hold,
		   struct failure *failure)
{
	const char *path = target == KILL_DISK ? scratch->disk : scratch->pool;
	bool write = access != BACKING_READ;
	struct kill_hold hold = { 0 };
	int err = backing_open(path, access, &hold.backing, failure);

	/* The lock of one that was killed is gone with it. */
	if (!err)
		err = lock_pool(hold.backing, access == BACKING_WRITE ?
				LOCK_EXCLUSIVE : LOCK_SHARED, NULL, failure);
	if (!err && target != KILL_DISK)
		err = pool_hold(&hold, write, failure);
	if (!err && target != KILL_POOL)
		err = area_hold(&hold, target == KILL_DISK ? path : NULL,
				access, failure);
	if (!err && target != KILL_POOL)
		err = disk_hold(&hold, write, failure);
	if (err)
		kill_hold_drop(&hold);
	else
		*ret_hold = hold;
	return err;
}

int kill_hold_again(struct kill_hold *hold, struct failure *failure)
{
	struct nvm_fault fault = { 0 };
	int err = vd_close(hold->disk, &fault);

	hold->disk = NULL;
	free(hold->disk_mem);
	hold->disk_mem = NULL;
	return err ? core_failed(failure, err, &fault,
				 "the disk does not close")
		   : disk_hold(hold, true, failure);
}

void kill_hold_drop(struct kill_hold *hold)
{
	if (hold->area)
		area_close(hold->area);
	if (hold->backing)
		backing_close(hold->backing);
	free(hold->pool_mem);
	free(hold->disk_mem);
	*hold = (struct kill_hold){ 0 };
}

/* ---- making ------------------------------------------------------------------------- */

static int disk_make(const struct vd_area *area, struct failure *failure)
{
	static const uint8_t uuid[VD_UUID_LEN] = "nvmtorture kill";
	struct vd_create_args create = { .logical_count = KILL_BLOCKS,
		.uuid = uuid, .secret = 0x6b696c6c, .policy = WEAR_ADAPTIVE,
		.created_s = (uint64_t)time(NULL), .clean = true };
	struct nvm_fault fault = { 0 };
	int err = vd_create(area, &create, &fault);

	return err ? core_failed(failure, err, &fault,
				 "cannot create a disk there") : 0;
}

static int disk_file_make(const struct kill_scratch *scratch,
			  struct failure *failure)
{
	const char *path = scratch->disk;
	struct backing *backing;
	struct area *area;
	int err = backing_create(path, CHILD_BYTES, &backing, failure);

	if (err)
		return err;
	backing_close(backing);
	err = area_open(&path, 1, BACKING_WRITE, STRAY_NONE, &area, failure);
	if (err)
		return err;
	err = disk_make(area_extents(area), failure);
	area_close(area);
	return err;
}

static int child_disk_make(struct kill_hold *hold, struct failure *failure)
{
	static const uint8_t uuid[POOL_UUID_LEN] = "its child";
	struct pool_carve_args carve = { .name = KILL_DISK_CHILD, .uuid = uuid,
		.size_bytes = CHILD_BYTES, .mode = POOL_MODE_RAW,
		.created_s = (uint64_t)time(NULL) };
	struct nvm_fault fault = { 0 };
	struct pool_child child;
	int err = pool_hold(hold, true, failure);

	if (err)
		return err;
	err = pool_carve(hold->pool, &carve, NULL, &child, &fault);
	if (err)
		return core_failed(failure, err, &fault,
				   "cannot carve a child there");
	err = area_of_child(hold->backing, &child, STRAY_NONE, &hold->area,
			    failure);
	return err ? err : disk_make(area_extents(hold->area), failure);
}

static int pool_file_make(const struct kill_scratch *scratch,
			  struct failure *failure)
{
	static const uint8_t uuid[POOL_UUID_LEN] = "nvmtorture kill";
	struct pool_format_args format = { .unit_bytes = UNIT_BYTES,
		.children_max = 64, .clean = true, .uuid = uuid,
		.created_s = (uint64_t)time(NULL) };
	struct nvm_fault fault = { 0 };
	struct kill_hold hold = { 0 };
	int err = backing_create(scratch->pool, POOL_SIZE_MIN, &hold.backing,
				 failure);

	if (err)
		return err;
	err = pool_format(backing_media(hold.backing), &format, &fault);
	if (err)
		core_failed(failure, err, &fault, "cannot format a pool there");
	else
		err = child_disk_make(&hold, failure);
	kill_hold_drop(&hold);
	return err;
}

static int scratch_dir_make(struct kill_scratch *scratch, const char *dir,
			    struct failure *failure)
{
	struct stat st;
	int err = 0, len;

	if (stat(dir, &st))
		err = -errno;
	else if (!S_ISDIR(st.st_mode))
		err = -ENOTDIR;
	if (err)
		return failure_errno(failure, err, "cannot use '%s'", dir);
	len = snprintf(scratch->dir, sizeof(scratch->dir),
		       "%s/nvmtorture-XXXXXX", dir);
	if (len >= (int)sizeof(scratch->dir))
		err = -ENAMETOOLONG;
	else if (!mkdtemp(scratch->dir))
		err = -errno;
	if (!err)
		return 0;
	scratch->dir[0] = '\0';
	return failure_errno(failure, err, "cannot make a directory in '%s'",
			     dir);
}

int kill_scratch_make(struct kill_scratch *scratch, const char *dir,
		      struct kill_state ret_state[KILL_TARGETS],
		      struct failure *failure)
{
	struct kill_child *child = &ret_state[KILL_POOL].child[0];
	int err;

	err = scratch_dir_make(scratch, dir, failure);
	if (err)
		return err;
	snprintf(scratch->pool, sizeof(scratch->pool), "%s/pool", scratch->dir);
	snprintf(scratch->disk, sizeof(scratch->disk), "%s/disk", scratch->dir);
	memset(ret_state, 0, KILL_TARGETS * sizeof(*ret_state));
	ret_state[KILL_POOL].child_count = 1;
	child->units = KILL_UNITS;
	snprintf(child->name, sizeof(child->name), "%s", KILL_DISK_CHILD);
	err = pool_file_make(scratch, failure);
	if (!err)
		err = disk_file_make(scratch, failure);
	return err != -ENOSPC ? err :
	       failure_set(failure, err, "no space left in '%s' for a pool and "
			   "its disks", dir);
}

void kill_scratch_remove(const struct kill_scratch *scratch)
{
	if (!scratch->dir[0])
		return;
	unlink(scratch->pool);
	unlink(scratch->disk);
	rmdir(scratch->dir);
}
