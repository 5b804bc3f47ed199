// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_huge.c - large pages really map where the backing has them: a child's
 * extents begin and end where a 2 MiB page does, so that whoever maps them as
 * a VMM does gets one page table entry for each 2 MiB.
 *
 * The kernel tells (ShmemPmdMapped in /proc/self/smaps); the backing is a
 * tmpfs of our own with huge=always, in a mount namespace of our own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "hosted/backing.h"
#include "pool/pool.h"

#define MIB		(1ull << 20)
#define HUGE		(2 * MIB)
#define POOL_BYTES	(512 * MIB)
#define CHILD_BYTES	(64 * MIB)

struct huge {
	char dir[64];
	bool mounted;
	struct backing *backing;
	void *mem;
	struct pool *pool;
};

/* "deny" overrides what a mount asks for. */
static bool huge_denied(void)
{
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
			   "r");
	char line[128] = "";
	bool denied = !file || !fgets(line, sizeof(line), file) ||
		      strstr(line, "[deny]");

	if (file)
		fclose(file);
	return denied;
}

/* NULL, or why this machine cannot show it. */
static const char *tmpfs_mount(struct huge *huge, const char *option)
{
	static char why[160];

	if (geteuid())
		return "mounting a tmpfs needs root";
	if (huge_denied())
		return "this kernel has or allows no large pages on tmpfs";
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("nvmpool-huge", huge->dir, "tmpfs", MS_NOSUID | MS_NODEV,
		  option)) {
		snprintf(why, sizeof(why), "cannot mount a tmpfs with %s: %s",
			 option, strerror(errno));
		return why;
	}
	huge->mounted = true;
	return NULL;
}

static void pool_make(struct huge *huge)
{
	const uint8_t uuid[POOL_UUID_LEN] = { 'h', 'u', 'g', 'e' };
	const struct pool_format_args args = { .clean = true, .uuid = uuid };
	struct failure failure = { "" };
	struct pool_geometry geometry;
	struct nvm_media *media;
	char path[80];
	size_t bytes;

	snprintf(path, sizeof(path), "%s/pool", huge->dir);
	if (backing_create(path, POOL_BYTES, &huge->backing, &failure))
		fail_msg("%s", failure.text);
	media = backing_media(huge->backing);
	assert_int_equal(pool_format(media, &args, NULL), 0);
	assert_int_equal(pool_probe(media, &geometry, NULL), 0);
	bytes = (pool_memory_bytes(&geometry) + 63) / 64 * 64;
	huge->mem = aligned_alloc(64, bytes);
	assert_non_null(huge->mem);
	assert_int_equal(pool_open(media, POOL_OPEN_WRITE, huge->mem, bytes,
				   &huge->pool, NULL), 0);
}

static void child_make(struct huge *huge, uint8_t number,
		       struct pool_range *ret_extent)
{
	const uint8_t uuid[POOL_UUID_LEN] = { number };
	const char name[] = { 'v', 'm', (char)('0' + number), '\0' };
	const struct pool_carve_args args = {
		.name = name, .vm = name, .uuid = uuid,
		.size_bytes = CHILD_BYTES, .mode = POOL_MODE_FSDAX,
		.for_vm = true,
	};
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct pool_child child;
	size_t count;

	assert_int_equal(pool_carve(huge->pool, &args, NULL, &child, NULL), 0);
	assert_int_equal(pool_child_extents(huge->pool, child.slot, extent,
					    &count, NULL), 0);
	assert_int_equal(count, 1);
	*ret_extent = extent[0];
}

/* A field of the mapping at @address in /proc/self/smaps, in bytes. */
static uint64_t smaps_bytes(const void *address, const char *field)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	uint64_t found = UINT64_MAX;
	bool ours = false;
	char line[512];

	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		uintptr_t from, to;
		uint64_t kib;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
			ours = from == (uintptr_t)address;
		else if (ours && !strncmp(line, field, strlen(field)) &&
			 sscanf(line + strlen(field), ": %" SCNu64, &kib) == 1)
			found = kib << 10;
	}
	fclose(smaps);
	if (found == UINT64_MAX)
		fail_msg("no %s in /proc/self/smaps", field);
	return found;
}

/*
 * What a VMM does: map the range at an address that is a multiple of 2 MiB
 * (QEMU: align=2M), shared, and let the guest write to all of it.
 */
static uint64_t mapped_huge_bytes(const struct huge *huge,
				  const struct pool_range *extent)
{
	size_t len = (size_t)extent->size_bytes;
	uint8_t *room = mmap(NULL, len + HUGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *at = room + (HUGE - (uintptr_t)room % HUGE) % HUGE;
	uint64_t bytes;

	assert_ptr_not_equal(room, MAP_FAILED);
	assert_ptr_equal(mmap(at, len, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED,
			      backing_fd(huge->backing),
			      (off_t)extent->off_bytes), at);
	for (size_t i = 0; i < len; i += NVM_PAGE)
		((volatile uint8_t *)at)[i] = 1;
	bytes = smaps_bytes(at, "ShmemPmdMapped");
	munmap(room, len + HUGE);
	return bytes;
}

static void extents_begin_and_end_at_a_large_page(void **state)
{
	struct huge *huge = *state;
	struct pool_range extent;

	pool_make(huge);
	for (uint8_t i = 1; i < 4; i++) {
		child_make(huge, i, &extent);
		assert_int_equal(extent.off_bytes % HUGE, 0);
		assert_int_equal(extent.size_bytes % HUGE, 0);
	}
}

static void a_child_is_mapped_with_large_pages(void **state)
{
	struct huge *huge = *state;
	const char *why = tmpfs_mount(huge, "huge=always,size=1G");
	struct pool_range extent[2];

	if (why) {
		print_message("# skipped: %s\n", why);
		skip();
	}
	pool_make(huge);
	child_make(huge, 1, &extent[0]);
	child_make(huge, 2, &extent[1]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(mapped_huge_bytes(huge, &extent[i]),
				 CHILD_BYTES);
}

/* The measure itself: the same where there are no large pages to be had. */
static void without_large_pages_none_are_seen(void **state)
{
	struct huge *huge = *state;
	const char *why = tmpfs_mount(huge, "huge=never,size=1G");
	struct pool_range extent;

	if (why) {
		print_message("# skipped: %s\n", why);
		skip();
	}
	pool_make(huge);
	child_make(huge, 1, &extent);
	assert_int_equal(mapped_huge_bytes(huge, &extent), 0);
}

static int huge_setup(void **state)
{
	struct huge *huge = calloc(1, sizeof(*huge));

	if (!huge)
		return -1;
	*state = huge;
	strcpy(huge->dir, "/dev/shm/nvmpool-huge-XXXXXX");
	return mkdtemp(huge->dir) ? 0 : -1;
}

static int huge_teardown(void **state)
{
	struct huge *huge = *state;
	char path[80];

	backing_close(huge->backing);
	free(huge->mem);
	snprintf(path, sizeof(path), "%s/pool", huge->dir);
	unlink(path);
	if (huge->mounted)
		umount2(huge->dir, MNT_DETACH);
	rmdir(huge->dir);
	free(huge);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			extents_begin_and_end_at_a_large_page, huge_setup,
			huge_teardown),
		cmocka_unit_test_setup_teardown(
			a_child_is_mapped_with_large_pages, huge_setup,
			huge_teardown),
		cmocka_unit_test_setup_teardown(
			without_large_pages_none_are_seen, huge_setup,
			huge_teardown),
	};

	return cmocka_run_group_tests_name("large pages", tests, NULL, NULL);
}
