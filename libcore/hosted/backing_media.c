/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * backing_media.c - the operations of base/media.h over a mapped backing.
 *
 * Crash story.  BUS: a store is non-temporal, so it is durable after the next
 * sfence (drain).  SYNC: stores dirty pages of the page cache; fdatasync
 * writes them.  Punching a hole is a change of the file system's metadata,
 * which no sfence makes durable: on a BUS file discard() waits for it itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <isa-l/crc.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hosted/copy_crc.h"
#include "hosted/stray_private.h"

#define HOLE_BYTES_MIN	(32u << 10)
/* The page cache has pages of up to this many bytes. */
#define FOLIO_MAX	(2 << 20)

static struct backing *backing_of(struct nvm_media *media)
{
	return (struct backing *)media;
}

uint64_t backing_chunk_bytes(const struct backing *backing)
{
	return backing->info.align_bytes > PRIVATE_CHUNK ?
	       backing->info.align_bytes : PRIVATE_CHUNK;
}

/* Is all of it in one of the ranges that do not matter (backing_hollow)? */
static bool backing_is_hollow(const struct backing *backing, uint64_t off,
			      uint64_t len)
{
	for (size_t i = 0; i < backing->hollow_count; i++) {
		const struct pool_range *hollow = &backing->hollow[i];

		if (off >= hollow->off_bytes &&
		    off - hollow->off_bytes <= hollow->size_bytes &&
		    len <= hollow->size_bytes - (off - hollow->off_bytes))
			return true;
	}
	return false;
}

/*
 * Is the range a hole of the file?  Worth a system call for large pieces:
 * reading a hole through the mapping takes memory for it, on tmpfs for good.
 */
static bool backing_is_hole(const struct backing *backing, uint64_t off,
			    size_t len)
{
	struct stat st;
	off_t data;

	if (len < HOLE_BYTES_MIN || backing->info.kind != BACKING_FILE ||
	    backing->access == BACKING_PRIVATE)
		return false;
	data = lseek(backing->fd, (off_t)off, SEEK_DATA);
	if (data >= 0)
		return (uint64_t)data >= off + len;
	/* No data up to the end of the file; but is it long enough? */
	return errno == ENXIO && !fstat(backing->fd, &st) &&
	       (uint64_t)st.st_size >= off + len;
}

static int backing_load(struct nvm_media *media, uint64_t off, void *dst,
			size_t len)
{
	struct backing *backing = backing_of(media);
	struct guard_fault fault;

	if (!media_contains(media, off, len))
		return -NVM_EIO;
	if (backing_is_hollow(backing, off, len) ||
	    backing_is_hole(backing, off, len)) {
		memset(dst, 0, len);
		return 0;
	}
	stray_before_load(backing);
	return guard_copy(&backing->window, guard_memcpy, dst,
			  backing->map + off, len, 0, &fault) ? 0 : -NVM_EIO;
}

struct crc_copy {
	void *dst;
	uint32_t crc;
};

/* A guard_copy_fn. */
static void *backing_copy_crc(void *copy, const void *src, size_t len,
			      unsigned flags)
{
	struct crc_copy *c = copy;

	(void)len;
	(void)flags;
	c->crc = copy_crc(c->dst, src);
	return copy;
}

static int backing_load_crc(struct nvm_media *media, uint64_t off, void *dst,
			    uint32_t *ret_crc)
{
	struct backing *backing = backing_of(media);
	struct crc_copy copy = { .dst = dst };
	struct guard_fault fault;

	if (!media_contains(media, off, COPY_CRC_BYTES) ||
	    backing_is_hollow(backing, off, COPY_CRC_BYTES))
		return -NVM_EIO;
	stray_before_load(backing);
	if (!guard_copy(&backing->window, backing_copy_crc, &copy,
			backing->map + off, COPY_CRC_BYTES, 0, &fault))
		return -NVM_EIO;
	*ret_crc = copy.crc;
	return 0;
}

/*
 * Why a store failed: where the file has a hole and is still long enough,
 * there was no block to fill it with.
 */
static int backing_store_error(const struct backing *backing,
			       const struct guard_fault *fault)
{
	off_t off = (off_t)(fault->address - backing->map), hole;
	struct statvfs fs;
	struct stat st;

	if (backing->info.kind != BACKING_FILE || fault->poison ||
	    fstat(backing->fd, &st) || off >= st.st_size)
		return -NVM_EIO;
	off -= off % NVM_PAGE;
	if (lseek(backing->fd, off, SEEK_DATA) != off)
		return -NVM_ENOSPC;
	/*
	 * The kernel may want blocks for a page, or for many pages at once,
	 * find some, and then too few: the hole begins behind them.
	 */
	hole = lseek(backing->fd, off, SEEK_HOLE);
	return hole >= 0 && hole < off + FOLIO_MAX && hole < st.st_size &&
	       !fstatvfs(backing->fd, &fs) &&
	       fs.f_bavail < FOLIO_MAX / fs.f_frsize ? -NVM_ENOSPC : -NVM_EIO;
}

/*
 * BACKING_PRIVATE on devdax: put a copy in anonymous memory over each chunk
 * of the range that still shows the device.
 */
static int backing_make_private(struct backing *backing, uint64_t off,
				uint64_t len)
{
	uint64_t chunk = backing_chunk_bytes(backing);
	uint64_t size = backing->info.size_bytes;
	struct guard_fault fault;

	for (uint64_t i = off / chunk; len && i <= (off + len - 1) / chunk; i++) {
		uint64_t at = i * chunk;
		size_t part = (size_t)(size - at < chunk ? size - at : chunk);
		bool copied;
		void *copy;

		if (backing->private_chunk[i / 8] & 1u << i % 8)
			continue;
		copy = mmap(NULL, part, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (copy == MAP_FAILED)
			return -NVM_ENOMEM;
		copied = guard_copy(&backing->window, guard_memcpy, copy,
				    backing->map + at, part, 0, &fault);
		if (!copied || mremap(copy, part, part,
				      MREMAP_MAYMOVE | MREMAP_FIXED,
				      backing->map + at) == MAP_FAILED) {
			munmap(copy, part);
			return copied ? -NVM_ENOMEM : -NVM_EIO;
		}
		backing->private_chunk[i / 8] |= (uint8_t)(1u << i % 8);
	}
	return 0;
}

/*
 * Whole lines by non-temporal stores: they need not be read first.  A part of
 * a line by an ordinary store and a flush: as a non-temporal store it would
 * make the next sfence wait for the memory, 110 ns on the machines we know.
 */
static unsigned store_flags(size_t len)
{
	return PMEM2_F_MEM_NODRAIN | (len < NVM_LINE ? PMEM2_F_MEM_TEMPORAL :
						       PMEM2_F_MEM_NONTEMPORAL);
}

/*
 * A store through the mapping of a file on a disk faults in a way that makes
 * all of a large folio dirty, and the next sync writes megabytes for each page.
 * So what has to be synced anyway goes by pwrite(); which would grow a file
 * that was cut short under us.
 */
static bool stores_by_write(const struct backing *backing)
{
	return backing->media.durability == NVM_SYNC &&
	       backing->access == BACKING_WRITE &&
	       backing->info.kind == BACKING_FILE && !backing->info.tmpfs;
}

static int backing_write(const struct backing *backing, uint64_t off,
			 const uint8_t *src, size_t len)
{
	struct stat st;

	if (fstat(backing->fd, &st) || (uint64_t)st.st_size < off + len)
		return -NVM_EIO;
	while (len) {
		ssize_t n = pwrite(backing->fd, src, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return errno == ENOSPC || errno == EDQUOT ?
			       -NVM_ENOSPC : -NVM_EIO;
		src += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int backing_store(struct nvm_media *media, uint64_t off,
			 const void *src, size_t len)
{
	struct backing *backing = backing_of(media);
	struct guard_fault fault;
	int err = 0;

	if (media->read_only)
		return -NVM_EROFS;
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	if (backing_is_hollow(backing, off, len))
		return 0;
	if (stores_by_write(backing))
		return backing_write(backing, off, src, len);
	if (backing->private_chunk) {
		err = backing_make_private(backing, off, len);
		if (err)
			return err;
	}
	if (backing->stray != STRAY_NONE)
		err = stray_store(backing, off, src, len, store_flags(len),
				  &fault);
	else if (!guard_copy(&backing->window, backing->pmem2_memcpy,
			     backing->map + off, src, len, store_flags(len),
			     &fault))
		err = -NVM_EIO;
	return err == -NVM_EIO ? backing_store_error(backing, &fault) : err;
}

static int backing_drain(struct nvm_media *media)
{
	backing_of(media)->pmem2_drain();
	return 0;
}

/* A guard_copy_fn: clwb faults a page in, so it can fail like a load. */
static void *backing_flush_guarded(void *backing, const void *src, size_t len,
				   unsigned flags)
{
	(void)flags;
	((struct backing *)backing)->pmem2_flush(src, len);
	return backing;
}

static int backing_flush(struct nvm_media *media, uint64_t off, uint64_t len)
{
	struct backing *backing = backing_of(media);
	struct guard_fault fault;

	if (!media_contains(media, off, len))
		return -NVM_EIO;
	/* On the page cache the pages are dirty already: sync writes them. */
	if (media->durability == NVM_SYNC || backing->access != BACKING_WRITE)
		return 0;
	stray_before_load(backing);
	return guard_copy(&backing->window, backing_flush_guarded, backing,
			  backing->map + off, (size_t)len, 0, &fault) ?
	       0 : -NVM_EIO;
}

static int backing_store_zeros(struct nvm_media *media, uint64_t off,
			       uint64_t len)
{
	static const uint8_t zeros[64 << 10];

	while (len) {
		size_t part = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);
		int err = backing_store(media, off, zeros, part);

		if (err)
			return err;
		off += part;
		len -= part;
	}
	return 0;
}

/*
 * Whole pages of a private mapping: fresh anonymous memory over them.  The
 * mapping of a devdax device can be cut at whole chunks only.
 */
static int backing_discard_private(struct backing *backing, uint64_t off,
				   uint64_t len)
{
	uint64_t chunk = backing_chunk_bytes(backing), end = off + len;
	uint64_t first = (off + chunk - 1) / chunk * chunk;
	uint64_t last = end / chunk * chunk;
	int err;

	if (backing->private_chunk && first >= last)
		return backing_store_zeros(&backing->media, off, len);
	if (backing->private_chunk) {
		err = backing_store_zeros(&backing->media, off, first - off);
		if (!err)
			err = backing_store_zeros(&backing->media, last,
						  end - last);
		if (err)
			return err;
		for (uint64_t i = first / chunk; i < last / chunk; i++)
			backing->private_chunk[i / 8] |= (uint8_t)(1u << i % 8);
		off = first;
		len = last - first;
	}
	if (mmap(backing->map + off, (size_t)len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		return -NVM_ENOMEM;
	return 0;
}

/* fallocate(), in one of the modes; -EOPNOTSUPP if none is known here. */
static int backing_fallocate_zero(struct backing *backing, uint64_t off,
				  uint64_t len)
{
	static const int modes[] = {
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
	};

	if (backing->info.kind == BACKING_DEVDAX)
		return -EOPNOTSUPP;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		int err;

		do {
			err = fallocate(backing->fd, modes[i], (off_t)off,
					(off_t)len) ? -errno : 0;
		} while (err == -EINTR);
		if (err)
			continue;
		if (backing->media.durability == NVM_BUS &&
		    fdatasync(backing->fd))
			return -NVM_EIO;
		return 0;
	}
	return -EOPNOTSUPP;
}

static int backing_discard(struct nvm_media *media, uint64_t off, uint64_t len)
{
	struct backing *backing = backing_of(media);
	uint64_t end = off + len;
	uint64_t first = (off + NVM_PAGE - 1) & ~(uint64_t)(NVM_PAGE - 1);
	uint64_t last = end & ~(uint64_t)(NVM_PAGE - 1);
	int err;

	if (media->read_only)
		return -NVM_EROFS;
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	if (backing_is_hollow(backing, off, len))
		return 0;
	if (first >= last)
		return backing_store_zeros(media, off, len);
	err = backing_store_zeros(media, off, first - off);
	if (!err)
		err = backing_store_zeros(media, last, end - last);
	if (err)
		return err;
	if (backing->access == BACKING_PRIVATE)
		return backing_discard_private(backing, first, last - first);
	err = backing_fallocate_zero(backing, first, last - first);
	if (err == -EOPNOTSUPP)
		err = backing_store_zeros(media, first, last - first);
	return err;
}

static int backing_reserve(struct nvm_media *media, uint64_t off, uint64_t len)
{
	struct backing *backing = backing_of(media);
	int err;

	if (media->read_only)
		return -NVM_EROFS;
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	if (backing->info.kind != BACKING_FILE ||
	    backing->access != BACKING_WRITE || !len)
		return 0;
	do {
		err = fallocate(backing->fd, FALLOC_FL_KEEP_SIZE, (off_t)off,
				(off_t)len) ? -errno : 0;
	} while (err == -EINTR);
	/* Where it is not known, the store itself will tell. */
	if (err == -EOPNOTSUPP || err == -ENOSYS)
		return 0;
	if (err == -ENOSPC || err == -EDQUOT || err == -EFBIG)
		return -NVM_ENOSPC;
	return err ? -NVM_EIO : 0;
}

static int backing_sync(struct nvm_media *media)
{
	struct backing *backing = backing_of(media);

	if (backing->access != BACKING_WRITE || media->durability == NVM_BUS)
		return 0;
	if (!fdatasync(backing->fd))
		return 0;
	return errno == ENOSPC || errno == EDQUOT ? -NVM_ENOSPC : -NVM_EIO;
}

/* ISA-L's function neither inverts before nor after, and counts in int. */
static uint32_t backing_crc32c(uint32_t crc, const void *src, size_t len)
{
	const uint8_t *at = src;

	crc = ~crc;
	while (len) {
		int part = len > 1u << 30 ? 1 << 30 : (int)len;

		/* Its prototype forgot the const; it only reads. */
		crc = crc32_iscsi((unsigned char *)(uintptr_t)at, part, crc);
		at += part;
		len -= (size_t)part;
	}
	/* The library leaves the wide registers so that narrow code crawls. */
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroupper" : : : "memory");
	return ~crc;
}

void backing_hollow(struct backing *backing, const struct pool_range *range,
		    size_t range_count)
{
	if (backing->access != BACKING_PRIVATE ||
	    range_count > BACKING_HOLLOW_MAX)
		return;
	for (size_t i = 0; i < range_count; i++)
		backing->hollow[i] = range[i];
	backing->hollow_count = range_count;
}

#define BACKING_OPS							\
	.load = backing_load,						\
	.store = backing_store,						\
	.drain = backing_drain,						\
	.flush = backing_flush,						\
	.discard = backing_discard,					\
	.reserve = backing_reserve,					\
	.sync = backing_sync,						\
	.crc32c = backing_crc32c

const struct nvm_media_ops *backing_ops(void)
{
	static const struct nvm_media_ops plain = { BACKING_OPS };
	static const struct nvm_media_ops fused = {
		BACKING_OPS, .load_crc = backing_load_crc,
	};

	return copy_crc_here() ? &fused : &plain;
}
