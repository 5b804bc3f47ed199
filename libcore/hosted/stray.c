// SPDX-License-Identifier: BSD-3-Clause
/*
 * stray.c - the stray-write guards (stray.h): open the window, copy, close it.
 *
 * The process has one protection key for all backings, because PKRU belongs to
 * the thread and a thread must be made ready for each key.  So the key is at
 * file scope.  It is never given back: threads keep their rights to a key that
 * is freed, and whoever got it next would inherit them.
 *
 * Crash story: none of its own; a store is a store (backing_media.c).
 */
#include "hosted/stray.h"

#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "hosted/stray_private.h"

#define CPUID_FEATURES	7u
#define CPUID_OSPKE	(1u << 4)	/* in ECX: the kernel has switched it on */

/* Two bits a key in PKRU. */
#define RIGHTS(key, bits)	((uint32_t)(bits) << 2 * (key))
#define RIGHTS_ALL		(PKEY_DISABLE_ACCESS | PKEY_DISABLE_WRITE)

const char *const stray_guard_names[] = {
	"auto", "none", "pkey", "mprotect", "map", NULL
};

static pthread_mutex_t stray_key_getting = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int stray_key = -1;

/* The key, once there is one, else -1. */
static int stray_key_now(void)
{
	return atomic_load_explicit(&stray_key, memory_order_acquire);
}

/* glibc's pkey_set() would read the register once more. */
static uint32_t pkru_get(void)
{
	uint32_t rights, zero;

	__asm__ volatile("rdpkru" : "=a"(rights), "=d"(zero) : "c"(0));
	return rights;
}

static void pkru_set(uint32_t rights)
{
	__asm__ volatile("wrpkru" : : "a"(rights), "c"(0), "d"(0) : "memory");
}

/* @rights with the key's: it can be read and not be written to. */
static uint32_t pkru_closed(uint32_t rights, int key)
{
	return (rights & ~RIGHTS(key, RIGHTS_ALL)) |
	       RIGHTS(key, PKEY_DISABLE_WRITE);
}

bool stray_pkey_here(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid_count(CPUID_FEATURES, 0, &eax, &ebx, &ecx, &edx) &&
	       ecx & CPUID_OSPKE;
}

void stray_thread(void)
{
	int key = stray_key_now();
	uint32_t rights;

	if (key < 0)
		return;
	rights = pkru_get();
	if (rights != pkru_closed(rights, key))
		pkru_set(pkru_closed(rights, key));
}

/* ---- stores ---------------------------------------------------------------- */

static int stray_store_pkey(struct backing *backing, uint64_t off,
			    const void *src, size_t len, unsigned flags,
			    struct guard_fault *ret_fault)
{
	int key = stray_key_now();
	uint32_t rights = pkru_get();
	bool copied;

	pkru_set(rights & ~RIGHTS(key, RIGHTS_ALL));
	copied = guard_copy(&backing->window, backing->pmem2_memcpy,
			    backing->map + off, src, len, flags, ret_fault);
	pkru_set(pkru_closed(rights, key));
	return copied ? 0 : -NVM_EIO;
}

/* The pages that a store touches, as what can be mapped or protected. */
static struct pool_range stray_pages(const struct backing *backing,
				     uint64_t off, size_t len)
{
	uint64_t page = backing->info.align_bytes;
	uint64_t first = off / page * page;

	return (struct pool_range){
		first, (off + len - first + page - 1) / page * page
	};
}

static int stray_store_mprotect(struct backing *backing, uint64_t off,
				const void *src, size_t len, unsigned flags,
				struct guard_fault *ret_fault)
{
	struct pool_range pages = stray_pages(backing, off, len);
	uint8_t *first = backing->map + pages.off_bytes;
	size_t size = (size_t)pages.size_bytes;
	int err = 0;

	/* Or one would close a page that another is storing to. */
	pthread_mutex_lock(&backing->stray_lock);
	if (mprotect(first, size, PROT_READ | PROT_WRITE)) {
		err = -NVM_ENOMEM;
	} else {
		if (!guard_copy(&backing->window, backing->pmem2_memcpy,
				backing->map + off, src, len, flags, ret_fault))
			err = -NVM_EIO;
	}
	/* Opening may have failed halfway, so this is for both. */
	mprotect(first, size, PROT_READ);
	pthread_mutex_unlock(&backing->stray_lock);
	return err;
}

static int stray_store_map(struct backing *backing, uint64_t off,
			   const void *src, size_t len, unsigned flags,
			   struct guard_fault *ret_fault)
{
	struct pool_range pages = stray_pages(backing, off, len);
	size_t size = (size_t)pages.size_bytes;
	uint8_t *map = backing_map_shared(backing, pages.off_bytes, size,
					  PROT_READ | PROT_WRITE);
	struct guard_window window = { map, size };
	bool copied;

	if (map == MAP_FAILED)
		return -NVM_ENOMEM;
	copied = guard_copy(&window, backing->pmem2_memcpy,
			    map + (off - pages.off_bytes), src, len, flags,
			    ret_fault);
	if (!copied)
		ret_fault->address = backing->map + pages.off_bytes +
				     (ret_fault->address - map);
	munmap(map, size);
	return copied ? 0 : -NVM_EIO;
}

int stray_store(struct backing *backing, uint64_t off, const void *src,
		size_t len, unsigned flags, struct guard_fault *ret_fault)
{
	if (!len)
		return 0;
	switch (backing->stray) {
	case STRAY_PKEY:
		return stray_store_pkey(backing, off, src, len, flags,
					ret_fault);
	case STRAY_MPROTECT:
		return stray_store_mprotect(backing, off, src, len, flags,
					    ret_fault);
	case STRAY_MAP:
		return stray_store_map(backing, off, src, len, flags,
				       ret_fault);
	case STRAY_AUTO:
	case STRAY_NONE:
		break;
	}
	return -NVM_EINVAL;
}

/* ---- setting ----------------------------------------------------------------- */

/* Get the key of this process; false if there is none left. */
static bool stray_key_get(void)
{
	bool got;

	pthread_mutex_lock(&stray_key_getting);
	if (stray_key_now() < 0)
		atomic_store_explicit(&stray_key,
				      pkey_alloc(0, PKEY_DISABLE_WRITE),
				      memory_order_release);
	got = stray_key_now() >= 0;
	pthread_mutex_unlock(&stray_key_getting);
	return got;
}

/* What AUTO comes to; *guard is never AUTO afterwards. */
static int stray_choose(const struct backing *backing, enum stray_guard *guard,
			struct failure *failure)
{
	const char *path = backing->info.path;

	if (backing->access == BACKING_PRIVATE) {
		if (*guard != STRAY_AUTO && *guard != STRAY_NONE)
			return failure_set(failure, -EOPNOTSUPP,
				"cannot guard '%s' with %s: it is opened for "
				"changes that are dropped", path,
				stray_guard_names[*guard]);
		*guard = STRAY_NONE;
	} else if (*guard == STRAY_AUTO) {
		*guard = stray_pkey_here() && stray_key_get() ? STRAY_PKEY :
								STRAY_NONE;
	} else if (*guard == STRAY_PKEY && !stray_pkey_here()) {
		return failure_set(failure, -EOPNOTSUPP,
			"cannot guard '%s' with pkey: this CPU has no memory "
			"protection keys; mprotect and map need none", path);
	} else if (*guard == STRAY_PKEY && !stray_key_get()) {
		return failure_set(failure, -EOPNOTSUPP,
			"cannot guard '%s' with pkey: this process has no "
			"protection key left", path);
	}
	return 0;
}

int stray_set(struct backing *backing, enum stray_guard guard,
	      struct failure *failure)
{
	size_t size = (size_t)backing->info.size_bytes;
	int prot = PROT_READ;
	int err = stray_choose(backing, &guard, failure);

	if (err)
		return err;
	if (backing->access != BACKING_READ &&
	    (guard == STRAY_NONE || guard == STRAY_PKEY))
		prot |= PROT_WRITE;
	if (guard == STRAY_PKEY || backing->stray == STRAY_PKEY)
		err = pkey_mprotect(backing->map, size, prot,
				    guard == STRAY_PKEY ? stray_key_now() : 0);
	else if (guard != backing->stray)
		err = mprotect(backing->map, size, prot);
	if (err)
		return failure_errno(failure, -errno, "cannot guard '%s' with %s",
				     backing->info.path,
				     stray_guard_names[guard]);
	backing->stray = guard;
	stray_thread();
	return 0;
}

enum stray_guard stray_get(const struct backing *backing)
{
	return backing->stray;
}
