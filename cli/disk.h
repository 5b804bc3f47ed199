/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk.h - a command's hold on a virtual disk: where it lies, the locks, the
 * memory, the open core.  Everything that fails here has been told on
 * standard error; the functions return the exit status.
 *
 * The command's first argument names it.  What contains a slash or is there
 * as a file is a path, and each --extent is one more; anything else is the
 * name of a child in the pool that nvmpool would take (session.h).
 *
 * Files and devices are locked like pools (flock), for as long as the command
 * runs.  Of a child the bytes are leased, and the pool is free for others.
 * Either is refused while a VM or another process maps it.
 *
 * What is a disk of this machine's kernel (/dev/nvmvd0) is refused too, but for
 * commands with DISK_KERNEL.
 */
#ifndef NVM_CLI_DISK_H
#define NVM_CLI_DISK_H

#include "cli/session.h"
#include "hosted/area.h"
#include "vdisk/vdisk.h"

struct kdisk;

struct disk {
	struct cli *cli;
	const char *name;		/* as the command line has it */
	unsigned flags;			/* DISK_* */
	enum stray_guard guard;
	struct session pool;		/* of a child; else its backing is NULL */
	struct pool_child child;
	struct pool_range extent[POOL_EXTENTS_MAX];	/* whole, leased */
	size_t extent_count;
	const char *path[VD_EXTENTS_MAX];	/* as given */
	struct backing *locked[VD_EXTENTS_MAX];	/* the same, held open */
	size_t path_count;		/* 0: a child */
	struct area *area;
	const struct vd_area *vd_area;
	struct vd_geometry geometry;
	struct vdisk *vd;
	void *mem;
	struct kdisk *kernel;		/* one of the kernel's: nothing of the
					   above but the geometry; else NULL */
	struct progress progress;
	struct pool_progress step;
};

#define DISK_READ	0x0u	/* shared lock; nothing is stored */
#define DISK_WRITE	0x1u	/* exclusive; --dry-run: private copy */
#define DISK_NO_VERIFY	0x2u	/* reads do not check data */
#define DISK_MAKE	0x4u	/* what processes have open is in use, too */
#define DISK_GROW	0x8u	/* there may be extents that are not its own */
#define DISK_KERNEL	0x10u	/* may be the kernel's; then nothing is locked
				   or open, and .kernel is all there is */

/* The stray-write guard, of commands that write. */
#define DISK_OPT_GUARD(type, field)                                         \
	OPT_WORD(0, "guard", "KIND", stray_guard_names, type, field,        \
		 "how stray writes of this program are kept off the disk "  \
		 "(default: auto)")

/*
 * Find it, lock it, and look what disk is there: area and geometry are known
 * afterwards, and nothing was changed.  @guard: the option's word, 0 where
 * there is none.  The disk is to be closed in any case.
 */
int cli_disk_open(struct cli *cli, unsigned flags, int guard,
		  struct disk *disk);

/* Open the core, which recovers what was not closed cleanly. */
int cli_disk_start(struct disk *disk);

/*
 * Close it cleanly.  Returns @status, or the status of a failure to close
 * where that is 0.
 */
int cli_disk_close(struct disk *disk, int status);

/* ---- the steps of these, for create and resize ------------------------------ */

/* The target is locked, and nobody's, from now on. */
int cli_disk_find(struct cli *cli, unsigned flags, int guard,
		  struct disk *disk);
/* Area, for what is there now; then geometry. */
int cli_disk_area(struct disk *disk);
int cli_disk_probe(struct disk *disk);
/* Close core and area; the target stays locked. */
int cli_disk_stop(struct disk *disk, int status);

/* Is it the kernel's?  Then .kernel is filled.  An exit status. */
int cli_disk_kernel(struct disk *disk);

/* The file or device of an extent; not for children. */
struct backing *cli_disk_locked(const struct disk *disk, uint32_t extent);

/*
 * EXIT_EXISTS, told, where an extent from @first on holds a file system or
 * other data.  Of a device only signatures count: the bytes that a former
 * owner left there say nothing.
 */
int cli_disk_unclaimed(struct disk *disk, uint32_t first);

/* Does all of the area read as zeros, as far as the backing knows? */
bool cli_disk_blank(struct disk *disk);

/* Where an extent of the area lies on its backing. */
struct pool_range cli_disk_range(const struct disk *disk, uint32_t extent);

/* ---- what commands need ------------------------------------------------------- */

static inline bool cli_disk_is_child(const struct disk *disk)
{
	return !disk->path_count && !disk->kernel;
}

/* What the first argument means, before anything is opened. */
bool cli_disk_named_by_path(const struct cli *cli);

/* "cannot ...: " and what the core's error means for a disk; exit status. */
int cli_disk_fail(struct disk *disk, int err, const struct nvm_fault *fault,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A progress to hand on; ends at the next one or at the close. */
const struct pool_progress *cli_disk_progress(struct disk *disk,
					      const char *what);

/* CRC32C, as the media has it. */
uint32_t cli_disk_crc32c(const struct disk *disk, uint32_t crc,
			 const void *bytes, size_t len);

/* Bytes of the disk: what its user can store. */
uint64_t cli_disk_bytes(const struct disk *disk);

/* EXIT_USAGE, told, where that file is the disk itself; as session.h has it. */
int cli_disk_not_itself(struct disk *disk, const char *file, int fd);

/*
 * A number of bytes on the command line, a multiple of @multiple and at most
 * @most; @what: "offset", "length".
 */
int cli_disk_number(struct disk *disk, const char *what, const char *text,
		    uint64_t multiple, uint64_t most, uint64_t *ret_bytes);

/* As vd_info() and vd_policy(), of the kernel's disks too; an exit status. */
void cli_disk_info(const struct disk *disk, struct vd_info *ret_info);
int cli_disk_policy(struct disk *disk, const struct wear_config *wear);

/* All that was written is durable; an exit status. */
int cli_disk_flush(struct disk *disk);

/* In the order of enum wear_policy; ends with NULL. */
extern const char *const cli_disk_policies[];

#endif
