/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk.c - from a locked target to an open struct vdisk, and back (disk.h).
 */
#include "cli/disk.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/kernel.h"
#include "hosted/arena.h"
#include "hosted/backing.h"

const char *const cli_disk_policies[] = {
	[WEAR_NONE] = "none",
	[WEAR_MBSA] = "mbsa",
	[WEAR_ADAPTIVE] = "adaptive",
	NULL
};

static enum backing_access disk_access(const struct disk *disk)
{
	if (!(disk->flags & DISK_WRITE))
		return BACKING_READ;
	return disk->cli->dry_run ? BACKING_PRIVATE : BACKING_WRITE;
}

/* ---- open and close ----------------------------------------------------------- */

/*
 * The pool is looked into once more, which must not meet a transaction of
 * somebody else; from then on the lease is enough.
 */
static int child_area(struct disk *disk)
{
	struct failure failure;
	int err, status = session_lock(disk->cli, disk->pool.backing,
				       disk->pool.path, LOCK_SHARED);

	if (status)
		return status;
	err = area_of_child(disk->pool.backing, &disk->child, disk->guard,
			    &disk->area, &failure);
	unlock_pool(disk->pool.backing);
	return err ? fail_hosted(disk->cli, err, &failure) : 0;
}

int cli_disk_area(struct disk *disk)
{
	struct failure failure;
	int err, status = 0;

	if (cli_disk_is_child(disk)) {
		status = child_area(disk);
	} else {
		err = area_open(disk->path, disk->path_count,
				disk_access(disk), disk->guard, &disk->area,
				&failure);
		if (err)
			status = fail_hosted(disk->cli, err, &failure);
	}
	if (status)
		return status;
	disk->vd_area = area_extents(disk->area);
	return 0;
}

/* Files without the disk that they were named for. */
static int medium_refuse(struct disk *disk, const struct nvm_fault *fault)
{
	struct nvm_media *media = backing_media(disk->locked[0]);
	struct pool_geometry geometry;
	char magic[8];

	if (fault->what && !strcmp(fault->what, "extent") &&
	    fault->index < disk->path_count)
		return cli_fail(disk->cli, EXIT_NOT_POOL, "cannot open disk "
				"'%s': '%s' is no extent of it", disk->name,
				disk->path[fault->index]);
	if (!pool_probe(media, &geometry, NULL))
		return cli_fail(disk->cli, EXIT_NOT_POOL, "'%s' is a pool, not "
				"a virtual disk: name a child of it, with "
				"--pool %s", disk->name, disk->name);
	if (!media->ops->load(media, 0, magic, sizeof(magic)) &&
	    !memcmp(magic, VD_MAGIC_SEGMENT, sizeof(magic)))
		return cli_fail(disk->cli, EXIT_USAGE, "cannot open disk '%s': "
				"it begins on another extent; name that with "
				"--extent", disk->name);
	return cli_disk_fail(disk, -NVM_EMEDIUM, fault, "cannot open disk '%s'",
			     disk->name);
}

static int start_refuse(struct disk *disk, int err,
			const struct nvm_fault *fault)
{
	char need[SIZE_TEXT_BYTES], have[SIZE_TEXT_BYTES];

	if (err == -NVM_EMEDIUM && !cli_disk_is_child(disk))
		return medium_refuse(disk, fault);
	if ((err == -NVM_ERANGE || err == -NVM_ENOENT) && fault->what &&
	    fault->expected > disk->path_count && disk->path_count &&
	    fault->found == disk->path_count)
		return cli_fail(disk->cli, EXIT_USAGE, "cannot open disk '%s': "
				"it lies on %llu extents, %zu of them given; "
				"name the others with --extent", disk->name,
				(unsigned long long)fault->expected,
				disk->path_count);
	if (err == -NVM_ERANGE && fault->expected > fault->found)
		return cli_fail(disk->cli, EXIT_DAMAGED, "cannot open disk "
				"'%s': it is cut short, %s of %s are there",
				disk->name, size_text(fault->found, have),
				size_text(fault->expected, need));
	return cli_disk_fail(disk, err, fault, "cannot open disk '%s'",
			     disk->name);
}

/*
 * More extents than the disk has: those of `nvmpool resize`, or to grow onto.
 * Its own ones must stand before them, in their order, or other bytes would
 * be taken for theirs.
 */
static int surplus_check(struct disk *disk)
{
	struct vd_area own = { disk->vd_area->extent,
			       disk->geometry.extent_count };
	uint32_t order[VD_EXTENTS_MAX];
	struct vd_geometry geometry;
	bool first = !vd_probe(&own, &geometry, order, NULL);

	if (!cli_disk_is_child(disk) && !(disk->flags & DISK_GROW))
		return cli_fail(disk->cli, EXIT_USAGE, "cannot open disk '%s': "
				"it lies on %u extents, %zu are given",
				disk->name, own.extent_count,
				disk->path_count);
	for (uint32_t e = 0; first && e < own.extent_count; e++)
		first = order[e] == e;
	if (first)
		return 0;
	return cli_fail(disk->cli, EXIT_USAGE, "cannot open disk '%s': its own "
			"%u extents must be given first, in their order, and "
			"new ones behind them", disk->name, own.extent_count);
}

int cli_disk_probe(struct disk *disk)
{
	struct nvm_fault fault = { 0 };
	int err = vd_probe(disk->vd_area, &disk->geometry, NULL, &fault);

	if (err)
		return start_refuse(disk, err, &fault);
	return disk->vd_area->extent_count > disk->geometry.extent_count ?
	       surplus_check(disk) : 0;
}

int cli_disk_start(struct disk *disk)
{
	struct vd_open_args args = { .lane_count = 1 };
	struct nvm_fault fault = { 0 };
	size_t bytes = vd_memory_bytes(&disk->geometry, args.lane_count);
	int err;

	if (disk->kernel)
		return 0;
	disk->mem = arena_alloc(bytes);
	if (!disk->mem)
		return cli_fail(disk->cli, EXIT_FAILED, "cannot open disk '%s':"
				" out of memory (%zu bytes)", disk->name,
				bytes);
	args.mem = disk->mem;
	args.mem_bytes = bytes;
	if (!(disk->flags & DISK_WRITE))
		args.flags |= VD_OPEN_READ_ONLY;
	if (disk->flags & DISK_NO_VERIFY)
		args.flags |= VD_OPEN_NO_VERIFY;
	err = vd_open(disk->vd_area, &args, &disk->vd, &fault);
	return err ? start_refuse(disk, err, &fault) : 0;
}

int cli_disk_open(struct cli *cli, unsigned flags, int guard,
		  struct disk *disk)
{
	int status = cli_disk_find(cli, flags, guard, disk);

	if (!status && !disk->kernel)
		status = cli_disk_area(disk);
	return status || disk->kernel ? status : cli_disk_probe(disk);
}

int cli_disk_stop(struct disk *disk, int status)
{
	struct nvm_fault fault = { 0 };
	int err = 0;

	progress_end(&disk->progress);
	if (disk->vd)
		err = vd_close(disk->vd, &fault);
	disk->vd = NULL;
	if (err && !status)
		status = cli_disk_fail(disk, err, &fault, "cannot close disk "
				       "'%s', which the next command recovers",
				       disk->name);
	if (disk->area)
		area_close(disk->area);
	disk->area = NULL;
	disk->vd_area = NULL;
	free(disk->mem);
	disk->mem = NULL;
	return status;
}

int cli_disk_close(struct disk *disk, int status)
{
	status = cli_disk_stop(disk, status);
	for (size_t i = 0; i < disk->path_count; i++)
		backing_close(disk->locked[i]);
	session_close(&disk->pool);
	free(disk->kernel);
	*disk = (struct disk){ .cli = disk->cli };
	return status;
}

/* ---- telling what is wrong ---------------------------------------------------- */

static void reason_text(struct disk *disk, int err,
			const struct nvm_fault *fault, char *buf,
			size_t buf_bytes)
{
	bool has_fault = fault && fault->what;
	struct vd_info info = { .free_count = 1 };
	char where[128];

	fault_text(fault, where, sizeof(where));
	switch (-err) {
	case NVM_EINTR:
		if (signals_caught())
			snprintf(buf, buf_bytes, "interrupted by signal %d (%s)",
				 signals_caught(),
				 sigdescr_np(signals_caught()));
		else
			snprintf(buf, buf_bytes, "interrupted");
		return;
	case NVM_ENOSPC:
		if (disk->vd)
			vd_info(disk->vd, &info);
		snprintf(buf, buf_bytes, info.free_count ?
			 "no space left on the file system below it" :
			 "the disk has no free block left");
		return;
	case NVM_EMEDIUM:
		snprintf(buf, buf_bytes, "there is no virtual disk; 'nvmvd "
			 "create' makes one");
		return;
	case NVM_EPROTO:
		snprintf(buf, buf_bytes, "its format is newer than this "
			 "program knows%s%s%s", has_fault ? " (" : "",
			 has_fault ? fault->what : "", has_fault ? ")" : "");
		return;
	case NVM_EBADMSG:
		snprintf(buf, buf_bytes, "%s is damaged in every copy, and "
			 "with it the disk; bring a backup of it back, or "
			 "'nvmvd create --force' makes a new one", where);
		return;
	case NVM_EIO:
		snprintf(buf, buf_bytes, "%s could not be read or written (bad "
			 "block, damaged data, or the file was cut short)",
			 has_fault ? where : "the media");
		return;
	}
	snprintf(buf, buf_bytes, "%s%s%s%s", nvm_strerror(err),
		 has_fault ? " (" : "", has_fault ? where : "",
		 has_fault ? ")" : "");
}

int cli_disk_fail(struct disk *disk, int err, const struct nvm_fault *fault,
		  const char *fmt, ...)
{
	char what[512], reason[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	progress_end(&disk->progress);
	reason_text(disk, err, fault, reason, sizeof(reason));
	return cli_fail(disk->cli, fail_status(err), "%s: %s", what, reason);
}

/* ---- what commands need --------------------------------------------------------- */

const struct pool_progress *cli_disk_progress(struct disk *disk,
					      const char *what)
{
	progress_end(&disk->progress);
	progress_begin(&disk->progress, what, &disk->step);
	return &disk->step;
}

struct backing *cli_disk_locked(const struct disk *disk, uint32_t extent)
{
	const struct backing_info *a =
		backing_info(area_backing(disk->area, extent));

	for (size_t i = 0; i < disk->path_count; i++) {
		const struct backing_info *b = backing_info(disk->locked[i]);

		if (a->dev == b->dev && a->ino == b->ino)
			return disk->locked[i];
	}
	return NULL;
}

struct pool_range cli_disk_range(const struct disk *disk, uint32_t extent)
{
	struct pool_range range = {
		0, disk->vd_area->extent[extent]->size_bytes
	};
	uint64_t stamp = disk->child.mode == POOL_MODE_RAW ? 0 :
							     STAMP_DATA_OFF;

	/* an extent that is all stamp is not one of the area */
	for (size_t i = 0; i < disk->extent_count; i++)
		if (disk->extent[i].size_bytes > stamp && !extent--)
			range.off_bytes = disk->extent[i].off_bytes + stamp;
	return range;
}

uint32_t cli_disk_crc32c(const struct disk *disk, uint32_t crc,
			 const void *bytes, size_t len)
{
	return disk->vd_area->extent[0]->ops->crc32c(crc, bytes, len);
}

uint64_t cli_disk_bytes(const struct disk *disk)
{
	return (uint64_t)disk->geometry.logical_count * VD_BLOCK;
}

int cli_disk_not_itself(struct disk *disk, const char *file, int fd)
{
	char name[KDISK_NAME_BYTES];
	bool same = false;
	struct stat st;

	if (cli_disk_is_child(disk))
		return session_not_itself(&disk->pool, file, fd);
	if (fd < 0 && (!file || !strcmp(file, "-")))
		fd = STDOUT_FILENO;
	if (fd < 0 ? stat(file, &st) : fstat(fd, &st))
		return 0;
	if (disk->kernel)
		same = S_ISBLK(st.st_mode) &&
		       !kdisk_of_node(KDISK_SYS, st.st_rdev, name) &&
		       !strcmp(name, disk->kernel->name);
	for (size_t i = 0; i < disk->path_count; i++) {
		const struct backing_info *info = backing_info(disk->locked[i]);

		same |= st.st_dev == info->dev && st.st_ino == info->ino;
	}
	return same ? cli_fail(disk->cli, EXIT_USAGE, "'%s' is the disk itself",
			       file ? file : "standard output") : 0;
}

int cli_disk_number(struct disk *disk, const char *what, const char *text,
		    uint64_t multiple, uint64_t most, uint64_t *ret_bytes)
{
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES];
	uint64_t bytes, below;
	enum size_error err = size_parse(text, &bytes);

	if (err)
		return cli_fail(disk->cli, EXIT_USAGE, "bad %s '%s': %s", what,
				text, size_strerror(err));
	below = bytes - bytes % multiple;
	if (below != bytes)
		return cli_fail(disk->cli, EXIT_USAGE, "bad %s '%s': not a "
				"multiple of %llu, nearest are %s and %s", what,
				text, (unsigned long long)multiple,
				size_exact(below, a),
				size_exact(below + multiple, b));
	if (bytes > most)
		return cli_fail(disk->cli, EXIT_USAGE, "bad %s '%s': beyond "
				"the end of disk '%s', which has %s", what,
				text, disk->name,
				size_exact(cli_disk_bytes(disk), a));
	*ret_bytes = bytes;
	return 0;
}

int cli_disk_flush(struct disk *disk)
{
	int err = vd_flush(disk->vd, 0);

	if (!err)
		return 0;
	return cli_disk_fail(disk, err, NULL, "cannot make durable what was "
			     "written to '%s'", disk->name);
}
