/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_find.c - from the words of the command line to a target that is locked
 * and nobody's (disk.h).  The order is: path, lock, look for users; what is
 * read after that stays true until cli_disk_close().
 *
 * The files of a disk are opened twice: here, to be locked for all of the
 * command, and once more as the area, which resize closes and opens again.
 */
#include "cli/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/kernel.h"
#include "hosted/backing.h"
#include "hosted/in_use.h"
#include "hosted/registry.h"

#define LEASE_STEP_MS	100u

static bool disk_writes(const struct disk *disk)
{
	return disk->flags & DISK_WRITE && !disk->cli->dry_run;
}

/* ---- which disk ------------------------------------------------------------- */

bool cli_disk_named_by_path(const struct cli *cli)
{
	struct stat st;

	if (strchr(cli->arg[0], '/') || cli->extent.count)
		return true;
	return !cli->pool && lstat(cli->arg[0], &st) == 0;
}

static int name_check(struct cli *cli)
{
	if (!*cli->arg[0])
		return cli_fail(cli, EXIT_USAGE, "bad target '': it is empty");
	if (cli->pool && strchr(cli->arg[0], '/'))
		return cli_fail(cli, EXIT_USAGE, "'%s' is a path, and --pool "
				"names the pool of a child: say one of them",
				cli->arg[0]);
	if (cli->pool && cli->extent.count)
		return cli_fail(cli, EXIT_USAGE, "--extent is for files and "
				"devices, --pool for a child, whose extents "
				"the pool knows: say one of them");
	return 0;
}

/* ---- a child of a pool ------------------------------------------------------ */

static const char *size_hint(const struct disk *disk)
{
	return disk->flags & DISK_MAKE ? "; --size makes a file" : "";
}

/* A typing error in a file's name must not end in talk of pools. */
static int pool_is_known(struct disk *disk)
{
	struct registry registry;
	struct failure failure;
	size_t count;

	if (disk->cli->pool || getenv("NVMPOOL") ||
	    registry_load(&registry, &failure))
		return 0;
	count = registry.count;
	registry_free(&registry);
	if (count)
		return 0;
	return cli_fail(disk->cli, EXIT_NOT_FOUND, "no file '%s', and no pool "
			"is known in which it could be a child%s", disk->name,
			size_hint(disk));
}

static int child_look_up(struct disk *disk)
{
	struct nvm_fault fault = { 0 };
	int err;

	if (pool_child_find(disk->pool.pool, disk->name, &disk->child) &&
	    !disk->cli->pool)
		return cli_fail(disk->cli, EXIT_NOT_FOUND, "no file '%s', and "
				"no child of that name in pool '%s'%s",
				disk->name, disk->pool.path, size_hint(disk));
	err = session_child(&disk->pool, disk->name, &disk->child);
	if (err)
		return err;
	err = pool_child_extents(disk->pool.pool, disk->child.slot,
				 disk->extent, &disk->extent_count, &fault);
	if (err)
		return session_fail(&disk->pool, err, &fault, "cannot read the "
				    "extents of '%s'", disk->name);
	return 0;
}

static int users_refuse(struct disk *disk, const struct backing *backing,
			unsigned want)
{
	struct use_list list;
	struct failure failure;
	char text[256], more[48] = "";
	int err, status = 0;

	err = use_find(backing, want, disk->extent, disk->extent_count, &list,
		       &failure);
	if (err)
		return fail_hosted(disk->cli, err, &failure);
	if (list.count > 1)
		snprintf(more, sizeof(more), " (and %zu more)", list.count - 1);
	if (list.count)
		status = cli_fail(disk->cli, EXIT_BUSY, "cannot open '%s' while "
				  "it is in use: %s%s", cli_disk_is_child(disk) ?
				  disk->name : backing_info(backing)->path,
				  use_describe(&list.use[0], text,
					       sizeof(text)), more);
	else if (list.unseen && disk_writes(disk))
		cli_warn(disk->cli, "no permission to look at %u %s, which may "
			 "use '%s'", list.unseen, list.unseen == 1 ?
			 "process" : "processes", disk->name);
	use_list_free(&list);
	return status;
}

/* -EBUSY: somebody else's lease is in the way; not told. */
static int child_try(struct disk *disk, unsigned session_flags, int *ret_status,
		     struct failure *failure)
{
	int err = 0;

	*ret_status = session_open(disk->cli, session_flags, &disk->pool);
	if (!*ret_status)
		*ret_status = child_look_up(disk);
	if (!*ret_status)
		*ret_status = users_refuse(disk, disk->pool.backing,
					   USE_WANT_MAP);
	if (!*ret_status)
		err = lease_take(disk->pool.backing, disk_writes(disk) ?
				 LEASE_WRITE : LEASE_READ, disk->extent,
				 disk->extent_count, failure);
	if (err && err != -EBUSY)
		*ret_status = fail_hosted(disk->cli, err, failure);
	return err;
}

/*
 * The lock of the pool is given back while we wait for a lease, so all is
 * looked up again each time.
 */
static int child_find(struct disk *disk)
{
	const struct timespec step = { .tv_nsec = LEASE_STEP_MS * 1000000l };
	unsigned flags = disk->flags & DISK_WRITE ? SESSION_WRITE :
						    SESSION_READ;
	struct failure failure;
	int status = pool_is_known(disk);

	if (status)
		return status;
	for (uint64_t waited_ms = 0;; waited_ms += LEASE_STEP_MS) {
		int err = child_try(disk, flags, &status, &failure);

		if (err != -EBUSY)
			return status;
		session_close(&disk->pool);
		if (waited_ms / 1000 >= disk->cli->wait_s)
			return cli_fail(disk->cli, EXIT_BUSY, "cannot open "
					"'%s' while it is in use: %s",
					disk->name, failure.text);
		if (waited_ms == 3 * LEASE_STEP_MS)
			cli_note(disk->cli, "waiting for '%s': %s", disk->name,
				 failure.text);
		if (signals_caught())
			return cli_fail(disk->cli, EXIT_SIGNAL +
					signals_caught(), "interrupted while "
					"waiting for '%s'", disk->name);
		nanosleep(&step, NULL);
		flags |= SESSION_QUIET;
	}
}

/* ---- files and devices ------------------------------------------------------- */

static int path_open(struct disk *disk, const char *path)
{
	struct backing **ret = &disk->locked[disk->path_count];
	struct failure failure;
	int err = backing_open(path, disk_writes(disk) ? BACKING_WRITE :
			       BACKING_READ, ret, &failure), status;

	if (err == -ERANGE && disk->flags & DISK_MAKE)
		return cli_fail(disk->cli, EXIT_NO_SPACE, "cannot create a "
				"disk on '%s': it is too small, less than a "
				"page", path);
	status = err == -ENOENT ? kernel_missing(disk->cli, path) : 0;
	if (status)
		return status;
	if (err == -ERANGE)
		return cli_fail(disk->cli, EXIT_NOT_POOL, "'%s' is no virtual "
				"disk: shorter than any", path);
	if (err)
		return fail_hosted(disk->cli, err, &failure);
	for (size_t i = 0; i < disk->path_count; i++) {
		const struct backing_info *a = backing_info(*ret);
		const struct backing_info *b = backing_info(disk->locked[i]);

		if (a->dev != b->dev || a->ino != b->ino)
			continue;
		backing_close(*ret);
		return cli_fail(disk->cli, EXIT_USAGE, "'%s' and '%s' are the "
				"same: each extent is given once",
				disk->path[i], path);
	}
	disk->path[disk->path_count++] = path;
	return 0;
}

/* In an order that is the same whichever way round they were given. */
static int paths_lock(struct disk *disk)
{
	bool done[VD_EXTENTS_MAX] = { false };
	int status = 0;

	for (size_t n = 0; n < disk->path_count && !status; n++) {
		size_t next = SIZE_MAX;

		for (size_t i = 0; i < disk->path_count; i++)
			if (!done[i] && (next == SIZE_MAX ||
			    backing_info(disk->locked[i])->ino <
			    backing_info(disk->locked[next])->ino))
				next = i;
		done[next] = true;
		status = session_lock(disk->cli, disk->locked[next],
				      disk->path[next], disk_writes(disk) ?
				      LOCK_EXCLUSIVE : LOCK_SHARED);
	}
	return status;
}

static int paths_find(struct disk *disk)
{
	unsigned want = USE_WANT_MAP | USE_WANT_MOUNT |
			(disk->flags & DISK_MAKE ? USE_WANT_OPEN : 0);
	const struct opt_list *more = &disk->cli->extent;
	int status = path_open(disk, disk->name);

	for (size_t i = 0; i < more->count && !status; i++)
		status = path_open(disk, more->word[i]);
	if (!status)
		status = paths_lock(disk);
	for (size_t i = 0; i < disk->path_count && !status; i++)
		status = users_refuse(disk, disk->locked[i], want);
	return status;
}

/* ---- either of them ------------------------------------------------------------ */

int cli_disk_find(struct cli *cli, unsigned flags, int guard,
		  struct disk *disk)
{
	int status = name_check(cli);

	*disk = (struct disk){ .cli = cli, .flags = flags,
			       .name = cli->arg[0], .pool = { .cli = cli } };
	/* a private copy needs no guard, and can have none */
	if (guard && !cli->dry_run)
		disk->guard = (enum stray_guard)(guard - 1);
	if (status)
		return status;
	if (!cli_disk_named_by_path(cli))
		return child_find(disk);
	status = cli_disk_kernel(disk);
	return status || disk->kernel ? status : paths_find(disk);
}
