// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_faults_sigbus.c - pages of real mappings that answer with SIGBUS, under
 * every entry point of a pool and of a virtual disk: files cut short, and pages
 * poisoned by userfaultfd where the kernel can (Linux 6.6).  The call returns,
 * the process lives, and once the page is whole again nothing is lost.
 */
#include "hosted_scratch.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "hosted/area.h"
#include "vdisk/vdisk.h"

/* Headers older than the kernel. */
#ifndef UFFDIO_POISON
#define UFFD_FEATURE_POISON	(1 << 14)
struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#define UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct uffdio_poison)
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY	1
#endif

/* ---- making a page bad, and whole again ----------------------------------------- */

enum way { CUT, POISON };

struct bad_page {
	enum way way;
	const char *path;
	const uint8_t *base;		/* of the mapping */
	uint64_t off;
	uint8_t *bytes;			/* CUT: of the file before, its head... */
	uint8_t last[NVM_PAGE];		/* ...and its last page */
	uint64_t size, head;
	int uffd;
};

static int poison_open(void)
{
	struct uffdio_api api = { .api = UFFD_API,
		.features = UFFD_FEATURE_POISON };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool poison_works(void)
{
	int fd = poison_open();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void *page_of(const struct bad_page *bad)
{
	return (void *)(uintptr_t)(bad->base + bad->off);
}

/* Of a large file all but its head and last page is zeros. */
static void file_save(struct bad_page *bad)
{
	struct stat st;
	int fd = open(bad->path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	bad->size = (uint64_t)st.st_size;
	bad->head = bad->size > VD_AREA_MIN ? 2 * MIB : bad->size;
	bad->bytes = malloc(bad->head);
	assert_non_null(bad->bytes);
	assert_int_equal(pread(fd, bad->bytes, bad->head, 0), bad->head);
	assert_int_equal(pread(fd, bad->last, NVM_PAGE, (off_t)bad->size -
			       (off_t)NVM_PAGE), NVM_PAGE);
	assert_int_equal(ftruncate(fd, (off_t)bad->off), 0);
	close(fd);
}

static void page_break(struct bad_page *bad)
{
	struct uffdio_register reg = { .range = { (uintptr_t)page_of(bad),
						  NVM_PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_poison poison = { .range = reg.range };
	volatile uint8_t touch;

	if (bad->way == CUT) {
		file_save(bad);
		return;
	}
	/* In the page cache, and not mapped: there the mark goes. */
	touch = bad->base[bad->off];
	(void)touch;
	bad->uffd = poison_open();
	assert_true(bad->uffd >= 0);
	assert_int_equal(ioctl(bad->uffd, UFFDIO_REGISTER, &reg), 0);
	assert_int_equal(madvise(page_of(bad), NVM_PAGE, MADV_DONTNEED), 0);
	assert_int_equal(ioctl(bad->uffd, UFFDIO_POISON, &poison), 0);
}

static void page_mend(struct bad_page *bad)
{
	struct uffdio_range range = { (uintptr_t)page_of(bad), NVM_PAGE };
	int fd;

	if (bad->way == POISON) {
		assert_int_equal(madvise(page_of(bad), NVM_PAGE,
					 MADV_DONTNEED), 0);
		ioctl(bad->uffd, UFFDIO_UNREGISTER, &range);
		close(bad->uffd);
		return;
	}
	fd = open(bad->path, O_RDWR);
	assert_int_equal(ftruncate(fd, (off_t)bad->size), 0);
	assert_int_equal(pwrite(fd, bad->bytes, bad->head, 0), bad->head);
	assert_int_equal(pwrite(fd, bad->last, NVM_PAGE, (off_t)bad->size -
				(off_t)NVM_PAGE), NVM_PAGE);
	close(fd);
	free(bad->bytes);
}

static unsigned errors_told;	/* or these tests would try nothing */

/* What a call may say of it. */
static void told(int err)
{
	errors_told += err != 0;
	if (err && err != -NVM_EIO && err != -NVM_EBADMSG &&
	    err != -NVM_EMEDIUM && err != -NVM_ERANGE && err != -NVM_ENOSPC &&
	    err != -NVM_ENOENT)
		fail_msg("a bad page gives error %d", -err);
}

/* ---- pools ------------------------------------------------------------------------ */

struct pool_rig {
	struct backing *backing;
	struct nvm_media *media;
	struct pool_geometry geometry;
	void *mem, *check_mem;
	struct pool *pool;
};

static int pool_rig_open(struct pool_rig *rig, unsigned flags)
{
	return pool_open(rig->media, flags, rig->mem,
			 (pool_memory_bytes(&rig->geometry) + 63) / 64 * 64,
			 &rig->pool, NULL);
}

static void pool_rig_begin(struct pool_rig *rig, const char *path)
{
	rig->backing = scratch_open(path, BACKING_WRITE);
	rig->media = backing_media(rig->backing);
	assert_int_equal(pool_probe(rig->media, &rig->geometry, NULL), 0);
	rig->mem = aligned_alloc(64, (pool_memory_bytes(&rig->geometry) + 63) /
				 64 * 64);
	rig->check_mem = malloc(pool_check_memory_bytes(&rig->geometry));
	assert_true(rig->mem && rig->check_mem);
}

static void pool_rig_end(struct pool_rig *rig)
{
	backing_close(rig->backing);
	free(rig->mem);
	free(rig->check_mem);
}

static int carve(struct pool_rig *rig, const char *name, uint8_t number)
{
	uint8_t uuid[POOL_UUID_LEN] = { 'c', number };
	const struct pool_carve_args args = { .name = name, .uuid = uuid,
		.size_bytes = MIB };

	return pool_carve(rig->pool, &args, NULL, NULL, NULL);
}

static void no_report(void *ctx, const struct pool_problem *problem)
{
	(void)problem;
	++*(unsigned *)ctx;
}

static int pool_rig_check(struct pool_rig *rig, bool repair,
			  unsigned *ret_problems)
{
	const struct pool_check_args args = { .repair = repair,
		.read_clean_units = true, .report = no_report,
		.ctx = ret_problems, .mem = rig->check_mem };

	*ret_problems = 0;
	return pool_check(rig->pool, &args, NULL, NULL);
}

static int call_probe(struct pool_rig *rig)
{
	return pool_probe(rig->media, &rig->geometry, NULL);
}

static int call_open_read(struct pool_rig *rig)
{
	return pool_rig_open(rig, 0);
}

static int call_open_write(struct pool_rig *rig)
{
	return pool_rig_open(rig, POOL_OPEN_WRITE);
}

static int call_extents(struct pool_rig *rig)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	size_t count;

	return pool_child_extents(rig->pool, 0, extent, &count, NULL);
}

static int call_check(struct pool_rig *rig)
{
	unsigned problems;

	return pool_rig_check(rig, false, &problems);
}

static int call_repair(struct pool_rig *rig)
{
	unsigned problems;

	return pool_rig_check(rig, true, &problems);
}

static int call_carve(struct pool_rig *rig)
{
	return carve(rig, "new", 9);
}

static int call_resize(struct pool_rig *rig)
{
	return pool_resize(rig->pool, 1, 3 * MIB, NULL, NULL);
}

static int call_update(struct pool_rig *rig)
{
	struct pool_child child;

	assert_int_equal(pool_child_find(rig->pool, "b", &child), 0);
	strcpy(child.vm, "vm");
	return pool_update(rig->pool, &child, NULL);
}

static int call_release(struct pool_rig *rig)
{
	return pool_release(rig->pool, 1, NULL);
}

static int call_clean(struct pool_rig *rig)
{
	return pool_clean(rig->pool, NULL, NULL);
}

static int call_mark_bad(struct pool_rig *rig)
{
	const struct pool_range bad = { rig->geometry.data_off + 6 * MIB, 64 };

	return pool_mark_bad(rig->pool, &bad, 1, NULL);
}

static int call_move(struct pool_rig *rig)
{
	return pool_move(rig->pool, 1, 0, rig->geometry.unit_count - 20, NULL,
			 NULL);
}

static int (*const pool_calls[])(struct pool_rig *rig) = {
	call_probe, call_open_read, call_open_write, call_extents, call_check,
	call_repair, call_carve, call_resize, call_update, call_release,
	call_clean, call_mark_bad, call_move,
};

#define POOL_BYTES	(64 * MIB)

static void pool_make(const char *path)
{
	const struct pool_format_args args = { .unit_bytes = 64 << 10,
		.children_max = 15, .clean = true,
		.uuid = (const uint8_t *)"a pool of pages" };
	struct pool_rig rig;

	unlink(path);
	rig.backing = scratch_create(path, POOL_BYTES);
	assert_int_equal(pool_format(backing_media(rig.backing), &args, NULL),
			 0);
	backing_close(rig.backing);
	pool_rig_begin(&rig, path);
	assert_int_equal(pool_rig_open(&rig, POOL_OPEN_WRITE), 0);
	assert_int_equal(carve(&rig, "a", 1), 0);
	assert_int_equal(carve(&rig, "b", 2), 0);
	assert_int_equal(carve(&rig, "c", 3), 0);
	assert_int_equal(pool_release(rig.pool, 2, NULL), 0);
	pool_rig_end(&rig);
}

/* All that no call has changed is there, and check finds nothing. */
static void pool_whole(const char *path)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct pool_child child;
	struct pool_rig rig;
	unsigned problems;
	size_t count;

	pool_rig_begin(&rig, path);
	assert_int_equal(pool_rig_open(&rig, POOL_OPEN_WRITE), 0);
	assert_int_equal(pool_child_find(rig.pool, "a", &child), 0);
	assert_int_equal(child.size_bytes, MIB);
	assert_int_equal(pool_child_extents(rig.pool, child.slot, extent,
					    &count, NULL), 0);
	assert_int_equal(count, 1);
	assert_int_equal(pool_rig_check(&rig, false, &problems), 0);
	/* What check finds after a call that failed half way, it mends. */
	assert_int_equal(pool_rig_check(&rig, true, &problems), 0);
	assert_int_equal(pool_rig_check(&rig, false, &problems), 0);
	assert_int_equal(problems, 0);
	pool_rig_end(&rig);
}

static void pool_try(const char *path, enum way way, uint64_t off, unsigned n)
{
	struct bad_page bad = { .way = way, .path = path, .off = off };
	struct pool_rig rig;

	pool_make(path);
	pool_rig_begin(&rig, path);
	assert_int_equal(pool_rig_open(&rig, n == 1 ? 0 : POOL_OPEN_WRITE), 0);
	bad.base = rig.media->base;
	page_break(&bad);
	told(pool_calls[n](&rig));
	/* Once more, now that it knows; or where it is done already. */
	pool_calls[n](&rig);
	page_mend(&bad);
	pool_rig_end(&rig);
	pool_whole(path);
}

static void pool_all(struct scratch *scratch, enum way way)
{
	const char *path = scratch_path(scratch->shm, "pool");
	char mine[PATH_MAX];
	struct pool_geometry g;
	uint64_t page[16];
	unsigned count = 0;

	snprintf(mine, sizeof(mine), "%s", path);
	assert_int_equal(pool_layout(POOL_BYTES, 64 << 10, 15, &g, NULL), 0);
	page[count++] = 0;
	page[count++] = NVM_PAGE;
	page[count++] = POOL_BYTES - NVM_PAGE;
	for (unsigned slot = 0; slot < 2; slot++)
		for (unsigned i = 0; i < 3; i++)
			page[count++] = g.journal_off +
				slot * g.journal_slot_bytes + i * NVM_PAGE;
	page[count++] = g.nat_off;
	page[count++] = g.nat_off + NVM_PAGE;
	page[count++] = g.umap_off;
	page[count++] = g.umap_off + NVM_PAGE;
	/* The first unit is that of the AMTs. */
	page[count++] = g.data_off;
	page[count++] = g.data_off + NVM_PAGE;
	for (unsigned p = 0; p < count; p++)
		for (unsigned n = 0; n < sizeof(pool_calls) /
		     sizeof(*pool_calls); n++)
			pool_try(mine, way, page[p], n);
}

static void a_pool_of_a_file_cut_short_is_an_error(void **state)
{
	errors_told = 0;
	pool_all(*state, CUT);
	assert_true(errors_told > 50);
}

static void a_pool_with_a_poisoned_page_is_an_error_at_most(void **state)
{
	if (!poison_works()) {
		print_message("no UFFDIO_POISON here (Linux 6.6, userfaultfd): "
			      "only files cut short are tried\n");
		skip();
	}
	errors_told = 0;
	pool_all(*state, POISON);
	assert_true(errors_told > 10);
}

/* ---- disks ------------------------------------------------------------------------- */

#define BLOCKS		24u

struct disk_rig {
	struct area *area;
	const struct vd_area *extents;
	struct vd_geometry geometry;
	struct vdisk *disk;
	void *mem;
	size_t mem_bytes;
};

static void fill(uint8_t bytes[VD_BLOCK], uint32_t block, uint8_t version)
{
	memset(bytes, (int)(version * 32 + block), VD_BLOCK);
}

static int disk_rig_open(struct disk_rig *rig, unsigned flags)
{
	const struct vd_open_args args = { .flags = flags, .lane_count = 1,
		.mem = rig->mem, .mem_bytes = rig->mem_bytes };

	return vd_open(rig->extents, &args, &rig->disk, NULL);
}

static void disk_rig_begin(struct disk_rig *rig, const char *path)
{
	struct failure failure = { "" };

	if (area_open(&path, 1, BACKING_WRITE, STRAY_NONE, &rig->area,
		      &failure))
		fail_msg("%s", failure.text);
	rig->extents = area_extents(rig->area);
	assert_int_equal(vd_probe(rig->extents, &rig->geometry, NULL, NULL), 0);
	rig->mem_bytes = (vd_memory_bytes(&rig->geometry, 1) + 63) / 64 * 64;
	rig->mem = aligned_alloc(64, rig->mem_bytes);
	assert_non_null(rig->mem);
}

static void disk_rig_end(struct disk_rig *rig)
{
	area_close(rig->area);
	free(rig->mem);
}

static void disk_make(const char *path)
{
	const struct vd_create_args args = { .logical_count = BLOCKS + 8,
		.uuid = (const uint8_t *)"a disk of pages", .secret = 77,
		.policy = WEAR_ADAPTIVE, .clean = true };
	struct backing *backing;
	struct nvm_media *media;
	uint8_t bytes[VD_BLOCK];
	struct disk_rig rig;

	unlink(path);
	backing = scratch_create(path, VD_AREA_MIN);
	media = backing_media(backing);
	assert_int_equal(vd_create(&(struct vd_area){ &media, 1 }, &args, NULL),
			 0);
	backing_close(backing);
	disk_rig_begin(&rig, path);
	assert_int_equal(disk_rig_open(&rig, 0), 0);
	for (uint32_t b = 0; b < BLOCKS + 2; b++) {
		fill(bytes, b, 1);
		assert_int_equal(vd_write(rig.disk, 0, b, 1, bytes, 0), 0);
	}
	assert_int_equal(vd_trim(rig.disk, 0, BLOCKS, 2), 0);
	assert_int_equal(vd_close(rig.disk, NULL), 0);
	disk_rig_end(&rig);
}

static int use_probe(struct disk_rig *rig)
{
	return vd_probe(rig->extents, &rig->geometry, NULL, NULL);
}

static int use_open_read(struct disk_rig *rig)
{
	return disk_rig_open(rig, VD_OPEN_READ_ONLY);
}

static int use_open_write(struct disk_rig *rig)
{
	return disk_rig_open(rig, 0);
}

static int use_read(struct disk_rig *rig)
{
	uint8_t bytes[VD_BLOCK], expected[VD_BLOCK];
	int first = 0;

	for (uint32_t b = 0; b < BLOCKS; b++) {
		int err = vd_read(rig->disk, 0, b, 1, bytes);

		fill(expected, b, 1);
		if (!err)
			assert_memory_equal(bytes, expected, VD_BLOCK);
		first = first ? first : err;
	}
	return first;
}

static int use_write(struct disk_rig *rig)
{
	uint8_t bytes[VD_BLOCK];
	int first = 0;

	for (uint32_t b = 0; b < BLOCKS / 2; b++) {
		int err;

		fill(bytes, b, 2);
		err = vd_write(rig->disk, 0, b, 1, bytes, 0);
		first = first ? first : err;
	}
	return first;
}

static int use_atomic(struct disk_rig *rig)
{
	static uint8_t bytes[4 * VD_BLOCK];

	for (uint32_t b = 0; b < 4; b++)
		fill(bytes + b * VD_BLOCK, b, 2);
	return vd_write(rig->disk, 0, 0, 4, bytes, VD_WRITE_ATOMIC);
}

/* A part that is the same as what is there. */
static int use_part(struct disk_rig *rig)
{
	uint8_t bytes[VD_BLOCK];

	fill(bytes, 3, 1);
	return vd_pwrite(rig->disk, 0, 3ull * VD_BLOCK + 512, 1024, bytes, 0);
}

static int use_trim(struct disk_rig *rig)
{
	return vd_trim(rig->disk, 0, BLOCKS - 1, 1);
}

static int use_level(struct disk_rig *rig)
{
	return vd_level(rig->disk, 0, rig->geometry.block_count, 8, true, NULL);
}

static int use_flush(struct disk_rig *rig)
{
	return vd_flush(rig->disk, 0);
}

static int use_pin(struct disk_rig *rig)
{
	const void *bytes = NULL;
	int err = vd_pin(rig->disk, 0, 3, &bytes);

	if (!err && bytes)
		vd_unpin(rig->disk, 0, bytes);
	return err;
}

static void disk_report(void *ctx, const struct vd_problem *problem)
{
	(void)problem;
	++*(unsigned *)ctx;
}

static int use_check(struct disk_rig *rig)
{
	unsigned problems = 0;
	const struct vd_check_args args = { .data = true,
		.report = disk_report, .ctx = &problems };

	return vd_check(rig->disk, &args, NULL);
}

static int use_repair(struct disk_rig *rig)
{
	unsigned problems = 0;
	const struct vd_check_args args = { .data = true, .repair = true,
		.report = disk_report, .ctx = &problems };

	return vd_check(rig->disk, &args, NULL);
}

static int use_close(struct disk_rig *rig)
{
	int err = vd_close(rig->disk, NULL);

	/* For the second call. */
	return err ? err : disk_rig_open(rig, 0);
}

static int (*const disk_uses[])(struct disk_rig *rig) = {
	use_probe, use_open_read, use_open_write, use_read, use_write,
	use_atomic, use_part, use_trim, use_level, use_flush, use_pin,
	use_check, use_repair, use_close,
};

/* Each block is as it was, or as it was written. */
static void disk_whole(const char *path)
{
	uint8_t bytes[VD_BLOCK], old[VD_BLOCK], new[VD_BLOCK];
	struct disk_rig rig;

	disk_rig_begin(&rig, path);
	assert_int_equal(disk_rig_open(&rig, 0), 0);
	for (uint32_t b = 0; b < BLOCKS + 2; b++) {
		fill(old, b, b < BLOCKS ? 1 : 0);
		fill(new, b, b < BLOCKS - 1 ? 2 : 0);
		if (b >= BLOCKS)
			memset(old, 0, VD_BLOCK);
		if (b >= BLOCKS - 1)
			memset(new, 0, VD_BLOCK);
		assert_int_equal(vd_read(rig.disk, 0, b, 1, bytes), 0);
		if (memcmp(bytes, old, VD_BLOCK) &&
		    memcmp(bytes, new, VD_BLOCK))
			fail_msg("block %u has other bytes", b);
	}
	assert_int_equal(vd_close(rig.disk, NULL), 0);
	disk_rig_end(&rig);
}

static void disk_try(const char *path, enum way way, uint64_t off, unsigned n)
{
	struct bad_page bad = { .way = way, .path = path, .off = off };
	struct disk_rig rig;

	disk_make(path);
	disk_rig_begin(&rig, path);
	if (n > 2)
		assert_int_equal(disk_rig_open(&rig, 0), 0);
	bad.base = rig.extents->extent[0]->base;
	page_break(&bad);
	told(disk_uses[n](&rig));
	if (disk_uses[n] != use_close)
		told(disk_uses[n](&rig));
	page_mend(&bad);
	disk_rig_end(&rig);
	disk_whole(path);
}

static void disk_all(struct scratch *scratch, enum way way)
{
	char path[PATH_MAX];
	struct disk_rig rig;
	struct vd_physical physical;
	struct vd_place place;
	uint64_t page[16];
	unsigned count = 0;

	snprintf(path, sizeof(path), "%s",
		 scratch_path(scratch->shm, "disk"));
	disk_make(path);
	disk_rig_begin(&rig, path);
	assert_int_equal(disk_rig_open(&rig, VD_OPEN_READ_ONLY), 0);
	assert_int_equal(vd_place(rig.disk, 3, &place), 0);
	assert_int_equal(vd_physical(rig.disk, place.block, &physical), 0);
	page[count++] = 0;
	page[count++] = NVM_PAGE;
	page[count++] = VD_AREA_MIN - NVM_PAGE;
	/* Segment header, map, states; the records begin behind them. */
	for (uint64_t off = 2 * NVM_PAGE; off < physical.record_bytes &&
	     count < 12; off += NVM_PAGE)
		page[count++] = off;
	page[count++] = physical.record_bytes / NVM_PAGE * NVM_PAGE;
	page[count++] = place.off_bytes;
	for (uint32_t b = 0; b < rig.geometry.block_count; b++)
		if (!vd_physical(rig.disk, b, &physical) &&
		    physical.state == VD_BLOCK_LOG)
			page[count] = physical.off_bytes;
	count++;
	disk_rig_end(&rig);
	for (unsigned p = 0; p < count; p++)
		for (unsigned n = 0; n < sizeof(disk_uses) /
		     sizeof(*disk_uses); n++)
			disk_try(path, way, page[p], n);
}

static void a_disk_of_a_file_cut_short_is_an_error(void **state)
{
	errors_told = 0;
	disk_all(*state, CUT);
	assert_true(errors_told > 50);
}

static void a_disk_with_a_poisoned_page_is_an_error_at_most(void **state)
{
	if (!poison_works()) {
		print_message("no UFFDIO_POISON here (Linux 6.6, userfaultfd): "
			      "only files cut short are tried\n");
		skip();
	}
	errors_told = 0;
	disk_all(*state, POISON);
	assert_true(errors_told > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_pool_of_a_file_cut_short_is_an_error,
			scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
			a_pool_with_a_poisoned_page_is_an_error_at_most,
			scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
			a_disk_of_a_file_cut_short_is_an_error,
			scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
			a_disk_with_a_poisoned_page_is_an_error_at_most,
			scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
