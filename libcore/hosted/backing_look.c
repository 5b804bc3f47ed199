/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * backing_look.c - what an opened backing is: kind, size, alignment, what is
 * below it, and what it can promise about a loss of power.  Found out by
 * asking and trying (a mapping with MAP_SYNC), not from names.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hosted/backing_private.h"

static const struct {
	unsigned long magic;
	const char *name;
	bool forgets;
} file_systems[] = {
	{ TMPFS_MAGIC, "tmpfs", true },
	{ RAMFS_MAGIC, "ramfs", true },
	{ HUGETLBFS_MAGIC, "hugetlbfs", true },
	{ EXT4_SUPER_MAGIC, "ext4", false },
	{ 0x58465342ul, "xfs", false },
	{ BTRFS_SUPER_MAGIC, "btrfs", false },
	{ F2FS_SUPER_MAGIC, "f2fs", false },
	{ 0x2fc12fc1ul, "zfs", false },
	{ OVERLAYFS_SUPER_MAGIC, "overlay", false },
	{ NFS_SUPER_MAGIC, "nfs", false },
	{ FUSE_SUPER_MAGIC, "fuse", false },
	{ V9FS_MAGIC, "9p", false },
};

/* Read a small sysfs file of the device; false if there is none. */
static bool sysfs_read(dev_t rdev, const char *class, const char *name,
		       char *buffer, size_t buffer_len)
{
	char path[128];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/sys/dev/%s/%u:%u/%s", class,
		 major(rdev), minor(rdev), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, buffer, buffer_len - 1);
	close(fd);
	if (got < 0)
		return false;
	buffer[got] = '\0';
	return true;
}

/* The last part of where a link below /sys/dev/... points to. */
static bool sysfs_link(dev_t rdev, const char *class, const char *name,
		       char *buffer, size_t buffer_len)
{
	char path[128], target[PATH_MAX];
	const char *base;

	snprintf(path, sizeof(path), "/sys/dev/%s/%u:%u/%s", class,
		 major(rdev), minor(rdev), name);
	if (!realpath(path, target))
		return false;
	base = strrchr(target, '/') + 1;	/* realpath() begins with one */
	if (strlen(base) >= buffer_len)
		return false;
	memcpy(buffer, base, strlen(base) + 1);
	return true;
}

/* Does a shared mapping with MAP_SYNC work?  That is what DAX means. */
static bool backing_try_map_sync(const struct backing *backing)
{
	void *map = mmap(NULL, NVM_PAGE, PROT_READ,
			 MAP_SHARED_VALIDATE | MAP_SYNC, backing->fd, 0);

	if (map == MAP_FAILED)
		return false;
	munmap(map, NVM_PAGE);
	return true;
}

static void look_bad_add(struct backing_info *info, uint64_t off, uint64_t len)
{
	struct pool_range *bad;

	if (off >= info->size_bytes || !len)
		return;
	if (len > info->size_bytes - off)
		len = info->size_bytes - off;
	bad = realloc(info->bad, (info->bad_count + 1) * sizeof(*bad));
	if (!bad)
		return;
	info->bad = bad;
	info->bad[info->bad_count++] = (struct pool_range){ off, len };
}

/* Poisoned ranges of a file on a DAX file system. */
static void look_bad_of_file(struct backing *backing)
{
	struct pmem2_badblock_context *context;
	struct pmem2_source *source;
	struct pmem2_badblock bad;

	if (pmem2_source_from_fd(&source, backing->fd))
		return;
	if (!pmem2_badblock_context_new(&context, source)) {
		while (!pmem2_badblock_next(context, &bad))
			look_bad_add(&backing->info, bad.offset, bad.length);
		pmem2_badblock_context_delete(&context);
	}
	pmem2_source_delete(&source);
}

/* "SECTOR COUNT" lines, 512 bytes a sector. */
static void look_bad_of_block(struct backing *backing)
{
	uint64_t sector, count;
	char text[8192], *at = text;
	int used;

	if (!sysfs_read(backing->info.rdev, "block", "badblocks", text,
			sizeof(text)))
		return;
	while (sscanf(at, "%" SCNu64 " %" SCNu64 "%n", &sector, &count,
		      &used) == 2) {
		if (sector <= UINT64_MAX >> 9 && count <= UINT64_MAX >> 9)
			look_bad_add(&backing->info, sector << 9, count << 9);
		at += used;
	}
}

static int look_file(struct backing *backing, const struct stat *st)
{
	struct backing_info *info = &backing->info;
	struct statfs fs;
	bool forgets = false;

	info->kind = BACKING_FILE;
	info->size_bytes = (uint64_t)st->st_size;
	info->allocated_bytes = (uint64_t)st->st_blocks * 512;
	info->align_bytes = NVM_PAGE;
	if (!fstatfs(backing->fd, &fs)) {
		for (size_t i = 0; i < sizeof(file_systems) /
				       sizeof(file_systems[0]); i++) {
			if ((unsigned long)fs.f_type != file_systems[i].magic)
				continue;
			snprintf(info->fs_type, sizeof(info->fs_type), "%s",
				 file_systems[i].name);
			forgets = file_systems[i].forgets;
		}
		if ((unsigned long)fs.f_type == HUGETLBFS_MAGIC)
			info->align_bytes = (uint64_t)fs.f_bsize;
	}
	info->tmpfs = forgets;
	info->map_sync = !forgets && backing_try_map_sync(backing);
	if (forgets) {
		info->durable = BACKING_DURABLE_NEVER;
		snprintf(info->reason, sizeof(info->reason),
			 "%s lives in memory: a reboot of the host loses all "
			 "of it", info->fs_type);
	} else if (info->map_sync) {
		info->durable = BACKING_DURABLE_BUS;
		snprintf(info->reason, sizeof(info->reason),
			 "a DAX file (MAP_SYNC works): stores are durable "
			 "after clwb and sfence");
		look_bad_of_file(backing);
	} else {
		info->durable = BACKING_DURABLE_SYNC;
		snprintf(info->reason, sizeof(info->reason),
			 "an ordinary file: stores lie in the host's page "
			 "cache until fsync");
	}
	return 0;
}

static int look_block(struct backing *backing, struct failure *failure)
{
	struct backing_info *info = &backing->info;
	int read_only = 0;

	info->kind = BACKING_BLOCK;
	info->align_bytes = NVM_PAGE;
	if (ioctl(backing->fd, BLKGETSIZE64, &info->size_bytes))
		return failure_errno(failure, -errno,
				     "cannot get the size of '%s'", info->path);
	info->allocated_bytes = info->size_bytes;
	if (backing->access == BACKING_WRITE &&
	    !ioctl(backing->fd, BLKROGET, &read_only) && read_only)
		return failure_set(failure, -EROFS,
				   "block device '%s' is read-only",
				   info->path);
	info->durable = BACKING_DURABLE_SYNC;
	snprintf(info->reason, sizeof(info->reason),
		 "a block device is mapped through the host's page cache: "
		 "stores are durable after fsync");
	return 0;
}

static int look_devdax(struct backing *backing, struct failure *failure)
{
	struct backing_info *info = &backing->info;
	struct pmem2_source *source;
	size_t size = 0, align = 0;
	char class[32];
	int err;

	if (!sysfs_link(info->rdev, "char", "subsystem", class,
			sizeof(class)) || strcmp(class, "dax"))
		return failure_set(failure, -EOPNOTSUPP,
			"character device '%s' is not a devdax device",
			info->path);
	info->kind = BACKING_DEVDAX;
	err = pmem2_source_from_fd(&source, backing->fd);
	if (!err) {
		err = pmem2_source_size(source, &size);
		if (!err)
			err = pmem2_source_alignment(source, &align);
		pmem2_source_delete(&source);
	}
	if (err)
		return failure_set(failure, -EIO,
				   "cannot get the size of '%s': %s",
				   info->path, pmem2_errormsg());
	info->size_bytes = info->allocated_bytes = size;
	info->align_bytes = align;
	info->map_sync = true;
	return 0;
}

/* What follows for a devdax device from what is below it. */
static void look_devdax_durable(struct backing_info *info)
{
	bool volatile_memory = !info->has_namespace;
	char link[128], target[PATH_MAX];

	/* A namespace that libndctl cannot see is still below the nd bus. */
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(info->rdev),
		 minor(info->rdev));
	if (volatile_memory && realpath(link, target) &&
	    strstr(target, "/ndbus"))
		volatile_memory = false;
	if (volatile_memory) {
		info->durable = BACKING_DURABLE_NEVER;
		snprintf(info->reason, sizeof(info->reason),
			 "devdax without an NVDIMM namespace below it: "
			 "ordinary memory, lost with the power");
	} else if (info->has_namespace && info->ns.domain == DOMAIN_NONE) {
		info->durable = BACKING_DURABLE_NEVER;
		snprintf(info->reason, sizeof(info->reason),
			 "its region needs a flush by the host (virtio-pmem) "
			 "and devdax has no way to ask for one");
	} else {
		info->durable = BACKING_DURABLE_BUS;
		snprintf(info->reason, sizeof(info->reason),
			 "devdax on persistent memory: stores are durable "
			 "after clwb and sfence");
	}
}

static int look_namespace(struct backing_info *info)
{
	struct pool_range *bad = NULL;
	size_t bad_count = 0;
	const char *device = strrchr(info->path, '/') + 1;
	char name[64];

	if (sysfs_link(info->rdev, info->kind == BACKING_BLOCK ? "block" :
		       "char", ".", name, sizeof(name)))
		device = name;
	if (namespace_find(device, &info->ns, &bad, &bad_count, NULL))
		return -ENOENT;
	info->has_namespace = true;
	for (size_t i = 0; i < bad_count; i++)
		look_bad_add(info, bad[i].off_bytes, bad[i].size_bytes);
	free(bad);
	return 0;
}

int backing_look(struct backing *backing, struct failure *failure)
{
	struct backing_info *info = &backing->info;
	struct stat st;
	int err;

	if (fstat(backing->fd, &st))
		return failure_errno(failure, -errno, "cannot stat '%s'",
				     info->path);
	info->dev = st.st_dev;
	info->ino = st.st_ino;
	info->rdev = S_ISREG(st.st_mode) ? 0 : st.st_rdev;
	if (S_ISREG(st.st_mode))
		err = look_file(backing, &st);
	else if (S_ISBLK(st.st_mode))
		err = look_block(backing, failure);
	else
		err = look_devdax(backing, failure);
	if (err)
		return err;
	info->size_bytes -= info->size_bytes % NVM_PAGE;
	if (info->kind == BACKING_FILE)
		return 0;
	if (look_namespace(info) && info->kind == BACKING_BLOCK)
		look_bad_of_block(backing);
	if (info->kind == BACKING_DEVDAX)
		look_devdax_durable(info);
	return 0;
}

const char *backing_kind_name(enum backing_kind kind)
{
	switch (kind) {
	case BACKING_FILE:
		return "file";
	case BACKING_DEVDAX:
		return "devdax";
	case BACKING_BLOCK:
		return "block";
	}
	return "?";
}

const char *backing_durable_name(enum backing_durable durable)
{
	switch (durable) {
	case BACKING_DURABLE_BUS:
		return "bus";
	case BACKING_DURABLE_SYNC:
		return "sync";
	case BACKING_DURABLE_NEVER:
		return "never";
	}
	return "?";
}

bool backing_data_next(const struct backing *backing, uint64_t off,
		       uint64_t len, struct pool_range *ret_data)
{
	struct stat st;
	off_t data, hole;

	if (!len)
		return false;
	*ret_data = (struct pool_range){ off, len };
	if (backing->info.kind != BACKING_FILE ||
	    backing->access == BACKING_PRIVATE)
		return true;
	data = lseek(backing->fd, (off_t)off, SEEK_DATA);
	/* No data up to the end; a file cut short has bytes missing, not 0. */
	if (data < 0 && errno == ENXIO)
		return fstat(backing->fd, &st) ||
		       (uint64_t)st.st_size < off + len;
	if (data < 0)
		return true;
	if ((uint64_t)data >= off + len)
		return false;
	hole = lseek(backing->fd, data, SEEK_HOLE);
	if (hole < 0 || (uint64_t)hole > off + len)
		hole = (off_t)(off + len);
	*ret_data = (struct pool_range){ (uint64_t)data,
					 (uint64_t)(hole - data) };
	return true;
}
