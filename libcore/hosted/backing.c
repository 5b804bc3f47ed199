/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * backing.c - opening, creating, mapping and closing a backing (backing.h).
 *
 * We map the file ourselves and use libpmem2's functions for the granularity
 * of a cache line: at page granularity its memcpy would call msync() for every
 * store, even with NODRAIN.  On the page cache our sync is one fdatasync()
 * instead.
 */
#include "hosted/backing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hosted/backing_private.h"
#include "hosted/guard.h"
#include "hosted/in_kernel.h"

static int backing_open_fd(struct backing *backing, struct failure *failure)
{
	const char *path = backing->info.path;
	int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct stat st;

	/* Not even opened: opening a device may do something. */
	if (stat(path, &st))
		return failure_errno(failure, -errno, "cannot open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return failure_set(failure, -EOPNOTSUPP,
			"'%s' is a directory, not a file or memory device",
			path);
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode) &&
	    !S_ISBLK(st.st_mode))
		return failure_set(failure, -EOPNOTSUPP,
			"'%s' is neither a regular file, a devdax device nor "
			"a block device", path);
	flags |= backing->access == BACKING_WRITE ? O_RDWR : O_RDONLY;
	backing->fd = open(path, flags);
	if (backing->fd < 0)
		return failure_errno(failure, -errno, "cannot open '%s'%s", path,
				     backing->access == BACKING_WRITE ?
				     " for writing" : "");
	return 0;
}

void *backing_map_shared(const struct backing *backing, uint64_t off,
			 size_t len, int prot)
{
	if (backing->info.map_sync) {
		void *map = mmap(NULL, len, prot, MAP_SHARED_VALIDATE |
				 MAP_SYNC | MAP_NORESERVE, backing->fd,
				 (off_t)off);

		if (map != MAP_FAILED || backing->info.kind != BACKING_DEVDAX)
			return map;
	}
	return mmap(NULL, len, prot, MAP_SHARED | MAP_NORESERVE, backing->fd,
		    (off_t)off);
}

/* The mapping of all of it. */
static void *backing_mmap(const struct backing *backing)
{
	size_t len = (size_t)backing->info.size_bytes;

	if (backing->access == BACKING_PRIVATE &&
	    backing->info.kind != BACKING_DEVDAX)
		return mmap(NULL, len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_NORESERVE, backing->fd, 0);
	return backing_map_shared(backing, 0, len,
				  backing->access == BACKING_WRITE ?
				  PROT_READ | PROT_WRITE : PROT_READ);
}

/*
 * libpmem2's functions carry no context: which ones they are depends on the
 * machine and the granularity alone.  So one page, wrapped once in a process,
 * gives them for all backings.  (Version 1.12 never frees the data mover of a
 * wrapped mapping, and refuses a second one at an address that a forked child
 * has inherited.)  That they are got once is why they are at file scope.
 */
static struct {
	pthread_once_t once;
	struct pmem2_map *map;
	int err;
} pmem2_page = { .once = PTHREAD_ONCE_INIT };

static void pmem2_page_wrap(void)
{
	struct pmem2_source *source;
	void *page = mmap(NULL, NVM_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	pmem2_page.err = page == MAP_FAILED ? PMEM2_E_UNKNOWN :
			 pmem2_source_from_anon(&source, NVM_PAGE);
	if (pmem2_page.err)
		return;
	pmem2_page.err = pmem2_map_from_existing(&pmem2_page.map, source, page,
		NVM_PAGE, PMEM2_GRANULARITY_CACHE_LINE);
	pmem2_source_delete(&source);
}

static int backing_get_pmem2(struct backing *backing, struct failure *failure)
{
	pthread_once(&pmem2_page.once, pmem2_page_wrap);
	if (pmem2_page.err)
		return failure_set(failure, -EIO,
				   "cannot use '%s' through libpmem2: error %d",
				   backing->info.path, pmem2_page.err);
	backing->pmem2_memcpy = pmem2_get_memcpy_fn(pmem2_page.map);
	backing->pmem2_flush = pmem2_get_flush_fn(pmem2_page.map);
	backing->pmem2_drain = pmem2_get_drain_fn(pmem2_page.map);
	return 0;
}

static int backing_map(struct backing *backing, struct failure *failure)
{
	const struct backing_info *info = &backing->info;
	uint64_t chunks = info->size_bytes / backing_chunk_bytes(backing) + 1;
	void *map;

	if (info->size_bytes < NVM_PAGE)
		return failure_set(failure, -ERANGE,
				   "'%s' is too small: less than a page of "
				   "%u bytes", info->path, NVM_PAGE);
	if (info->size_bytes > SIZE_MAX / 2)
		map = MAP_FAILED, errno = ENOMEM;
	else
		map = backing_mmap(backing);
	if (map == MAP_FAILED && errno == ENOMEM)
		return failure_set(failure, -ENOMEM,
			"cannot map the %llu MiB of '%s': the address space "
			"of this process is too short (see 'ulimit -v')",
			(unsigned long long)(info->size_bytes >> 20),
			info->path);
	if (map == MAP_FAILED)
		return failure_errno(failure, -errno, "cannot map '%s'",
				     info->path);
	backing->map = map;
	backing->window = (struct guard_window){ map, (size_t)info->size_bytes };
	if (backing->access == BACKING_PRIVATE && info->kind == BACKING_DEVDAX) {
		backing->private_chunk = calloc((size_t)chunks / 8 + 1, 1);
		if (!backing->private_chunk)
			return failure_errno(failure, -ENOMEM,
					     "cannot open '%s'", info->path);
	}
	return backing_get_pmem2(backing, failure);
}

/* Where it cannot be set (a file system without locks) we look like a user. */
static void backing_mark(const struct backing *backing)
{
	struct flock mark = {
		.l_type = F_RDLCK, .l_whence = SEEK_SET,
		.l_start = (off_t)BACKING_MARK_OFF, .l_len = 1,
	};

	fcntl(backing->fd, F_OFD_SETLK, &mark);
}

/* What both ways of opening do once there is a descriptor. */
static int backing_start(struct backing *backing, struct failure *failure)
{
	int err = backing_look(backing, failure);

	if (err)
		return err;
	guard_install();
	backing_mark(backing);
	err = backing_map(backing, failure);
	if (err)
		return err;
	backing->media = (struct nvm_media){
		.ops = backing_ops(),
		.base = backing->map,
		.size_bytes = backing->info.size_bytes,
		.durability = backing->info.durable == BACKING_DURABLE_BUS ||
			      backing->info.kind == BACKING_DEVDAX ?
			      NVM_BUS : NVM_SYNC,
		.read_only = backing->access == BACKING_READ,
	};
	return 0;
}

static struct backing *backing_new(enum backing_access access)
{
	struct backing *backing = calloc(1, sizeof(*backing));

	if (backing) {
		backing->fd = -1;
		backing->access = access;
		backing->stray = STRAY_NONE;
		pthread_mutex_init(&backing->stray_lock, NULL);
	}
	return backing;
}

/* Of a path that is not there. */
static int backing_missed(const char *path, int err, struct failure *failure)
{
	char disk[64];

	if (err == -ENOENT && in_kernel_has(path, disk, sizeof(disk)))
		return failure_set(failure, -EBUSY, "cannot open '%s': it is "
				   "part of '%s', which this kernel has open; "
				   "use that, or 'nvmvd detach %s' first", path,
				   disk, disk);
	return failure_errno(failure, err, "cannot open '%s'", path);
}

int backing_open(const char *path, enum backing_access access,
		 struct backing **ret_backing, struct failure *failure)
{
	struct backing *backing = backing_new(access);
	int err;

	if (!backing)
		return failure_errno(failure, -ENOMEM, "cannot open '%s'", path);
	if (!realpath(path, backing->info.path))
		err = backing_missed(path, -errno, failure);
	else
		err = backing_open_fd(backing, failure);
	if (!err)
		err = backing_start(backing, failure);
	if (err) {
		backing_close(backing);
		return err;
	}
	*ret_backing = backing;
	return 0;
}

/* The name of a new file lives in its directory: make that durable too. */
static int backing_sync_directory(const char *path, struct failure *failure)
{
	char directory[PATH_MAX];
	char *slash;
	int fd, err = 0;

	memcpy(directory, path, strlen(path) + 1);
	slash = strrchr(directory, '/');
	slash[slash == directory] = '\0';
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;	/* search permission only: nothing to be done */
	if (fsync(fd) && errno != EINVAL)
		err = failure_errno(failure, -errno, "cannot sync '%s'",
				    directory);
	close(fd);
	return err;
}

static int backing_create_file(struct backing *backing, const char *path,
			       uint64_t size_bytes, struct failure *failure)
{
	int err;

	/* 0600: a pool holds the images of many virtual machines. */
	backing->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (backing->fd < 0)
		return failure_errno(failure, -errno, "cannot create '%s'",
				     path);
	if (size_bytes > INT64_MAX || ftruncate(backing->fd, (off_t)size_bytes)) {
		err = size_bytes > INT64_MAX || errno == EFBIG ? -ENOSPC : -errno;
		if (err == -ENOSPC)
			return failure_set(failure, err,
				"cannot create '%s' with %llu bytes: its file "
				"system has no files so large", path,
				(unsigned long long)size_bytes);
		return failure_errno(failure, err, "cannot create '%s'", path);
	}
	if (!realpath(path, backing->info.path))
		return failure_errno(failure, -errno, "cannot create '%s'",
				     path);
	return 0;
}

int backing_create(const char *path, uint64_t size_bytes,
		   struct backing **ret_backing, struct failure *failure)
{
	struct backing *backing = backing_new(BACKING_WRITE);
	int err;

	if (!backing)
		return failure_errno(failure, -ENOMEM, "cannot create '%s'",
				     path);
	size_bytes -= size_bytes % NVM_PAGE;
	err = backing_create_file(backing, path, size_bytes, failure);
	if (!err)
		err = backing_start(backing, failure);
	if (!err)
		err = backing_sync_directory(backing->info.path, failure);
	if (err) {
		if (backing->fd >= 0)
			unlink(path);
		backing_close(backing);
		return err;
	}
	*ret_backing = backing;
	return 0;
}

void backing_close(struct backing *backing)
{
	if (!backing)
		return;
	if (backing->map)
		munmap(backing->map, (size_t)backing->info.size_bytes);
	if (backing->fd >= 0)
		close(backing->fd);
	pthread_mutex_destroy(&backing->stray_lock);
	free(backing->private_chunk);
	free(backing->info.bad);
	free(backing);
}

struct nvm_media *backing_media(struct backing *backing)
{
	return &backing->media;
}

const struct backing_info *backing_info(const struct backing *backing)
{
	return &backing->info;
}

int backing_fd(const struct backing *backing)
{
	return backing->fd;
}

enum backing_access backing_access(const struct backing *backing)
{
	return backing->access;
}
