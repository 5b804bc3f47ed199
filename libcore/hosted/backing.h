/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * backing.h - the file or device a pool lies on, as a media of the core.
 *
 * Opens a regular file, a devdax device (/dev/daxX.Y) or a block device
 * (/dev/pmemN or any other), maps all of it and supplies the operations of
 * base/media.h over that mapping: libpmem2's non-temporal copies, a guard
 * that turns SIGBUS (truncation, poison, a full disk under a hole) into a
 * return value, ISA-L's CRC32C.
 *
 * A backing takes no lock by itself: see lock.h.  But each carries a mark, an
 * OFD read lock far behind its end: it says that the process maps all of it
 * for looking, and takes a lease on what it works on.  So our own tools are
 * not taken for users of every child (in_use.h).
 */
#ifndef NVM_HOSTED_BACKING_H
#define NVM_HOSTED_BACKING_H

#include <limits.h>
#include <sys/types.h>

#include "base/media.h"
#include "hosted/discover.h"
#include "hosted/failure.h"
#include "pool/pool.h"

struct backing;

enum backing_access {
	BACKING_READ,
	BACKING_WRITE,
	/*
	 * Reads what is there, keeps every change to itself and drops it at
	 * close: --dry-run runs the same core code and changes nothing.
	 */
	BACKING_PRIVATE,
};

enum backing_kind {
	BACKING_FILE,
	BACKING_DEVDAX,
	BACKING_BLOCK,
};

/* When a guest's or our own stores survive a loss of the host's power. */
enum backing_durable {
	BACKING_DURABLE_BUS,	/* at clwb and sfence */
	BACKING_DURABLE_SYNC,	/* at fsync */
	BACKING_DURABLE_NEVER,	/* tmpfs, volatile memory */
};

struct backing_info {
	enum backing_kind kind;
	char path[PATH_MAX];		/* absolute, without symbolic links */
	uint64_t size_bytes;		/* of the media: a multiple of 4096 */
	uint64_t align_bytes;		/* of what can be mapped: page or more */
	uint64_t allocated_bytes;	/* of a sparse file; else size_bytes */
	dev_t dev;			/* of the file or the device node */
	ino_t ino;
	dev_t rdev;			/* of a device, else 0 */
	bool map_sync;			/* DAX: MAP_SYNC works, or devdax */
	bool tmpfs;
	enum backing_durable durable;
	char reason[192];		/* why, in words */
	char fs_type[32];		/* under a file: "ext4", else "" */
	bool has_namespace;		/* an NVDIMM namespace is below */
	struct namespace_info ns;	/* valid if so */
	struct pool_range *bad;		/* poisoned, in bytes of the media */
	size_t bad_count;
};

/*
 * Open @path.  -ENOENT, -EACCES, -EROFS; -EOPNOTSUPP: not a file, devdax or
 * block device; -ENOMEM: does not fit the address space; -ERANGE: smaller
 * than a page.
 */
int backing_open(const char *path, enum backing_access access,
		 struct backing **ret_backing, struct failure *failure);

/*
 * Create a sparse file of @size_bytes (rounded down to 4096) and open it for
 * writing.  -EEXIST if there is anything of that name; -ENOSPC if the file
 * system has no files so large.
 */
int backing_create(const char *path, uint64_t size_bytes,
		   struct backing **ret_backing, struct failure *failure);

void backing_close(struct backing *backing);

/* Valid until backing_close(). */
struct nvm_media *backing_media(struct backing *backing);
const struct backing_info *backing_info(const struct backing *backing);
int backing_fd(const struct backing *backing);
enum backing_access backing_access(const struct backing *backing);

/* Where the mark is: no backing is so large. */
#define BACKING_MARK_OFF	(1ull << 62)

const char *backing_kind_name(enum backing_kind kind);
const char *backing_durable_name(enum backing_durable durable);

/*
 * The next stretch of [off, off + len) that may hold anything but zeros;
 * false when there is none.  Where the backing knows no holes that is all
 * of it.  (SEEK_DATA, SEEK_HOLE)
 */
bool backing_data_next(const struct backing *backing, uint64_t off,
		       uint64_t len, struct pool_range *ret_data);

/*
 * BACKING_PRIVATE only: these bytes do not matter from now on.  They read as
 * zeros, and stores to them are dropped, so a dry run of moving children takes
 * neither the time nor the memory of their bytes.  Each call replaces the
 * ranges of the last; at most BACKING_HOLLOW_MAX.
 */
#define BACKING_HOLLOW_MAX	2
void backing_hollow(struct backing *backing, const struct pool_range *range,
		    size_t range_count);

#endif
