// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_escape.c - no store escapes the seam: a run as in production, on real
 * files, whose stores and discards are recorded, and the record accounts for
 * every byte of the file that has changed.
 *
 * The core is given a media that hands everything on to the backing's own and
 * mirrors what stores into a simulated domain, which began as a copy of the
 * file.  Whenever the two are compared they are the same, byte for byte; a
 * byte that was written past the seam is seen.
 *
 * That a store past the seam is stopped where the mapping is write-protected
 * is for test_stray.c to show (a_wild_write_is_stopped); here the whole run is
 * made under such a guard as well.  That the core has no such store to make,
 * as far as a compiler can tell, is tests/lint/seam.
 */
#include "hosted_scratch.h"

#include <errno.h>

#include "base/window.h"
#include "hosted/arena.h"
#include "hosted/stray.h"
#include "tests/torture/domain.h"
#include "vdisk/vdisk.h"

#define SIZE		POOL_SIZE_MIN
#define UNIT		(256ull << 10)
#define DISK_SMALL	(12 * MIB)
#define DISK_LARGE	(16 * MIB)
#define SAME		UINT64_MAX

/* ---- the media ------------------------------------------------------------------- */

struct mirror {
	struct nvm_media media;		/* first: the core's view */
	struct nvm_media_ops ops;
	struct backing *backing;
	struct nvm_media *real;
	struct domain *domain;		/* what the seam has let through */
	struct domain_trace trace;	/* the record of it */
	uint8_t *began;			/* the file before */
	uint64_t size_bytes;
	uint64_t stores, discards;
	uint64_t fail_after;		/* the step that fails; 0: none */
	int fd;				/* the file, as anybody else sees it */
};

static struct mirror *mirror_of(struct nvm_media *media)
{
	return (struct mirror *)media;
}

/* From the step on at which it breaks off, nothing arrives any more. */
static bool fails_now(struct mirror *mirror)
{
	if (mirror->fail_after > 1) {
		mirror->fail_after--;
		return false;
	}
	return mirror->fail_after;
}

static int mirror_load(struct nvm_media *media, uint64_t off, void *dst,
		       size_t len)
{
	struct nvm_media *real = mirror_of(media)->real;

	return real->ops->load(real, off, dst, len);
}

static int mirror_load_crc(struct nvm_media *media, uint64_t off, void *dst,
			   uint32_t *ret_crc)
{
	struct nvm_media *real = mirror_of(media)->real;

	return real->ops->load_crc(real, off, dst, ret_crc);
}

static int mirror_store(struct nvm_media *media, uint64_t off, const void *src,
			size_t len)
{
	struct mirror *mirror = mirror_of(media);
	struct nvm_media *copy = &mirror->domain->media;

	if (fails_now(mirror))
		return -NVM_EIO;
	mirror->stores++;
	assert_int_equal(copy->ops->store(copy, off, src, len), 0);
	assert_int_equal(mirror->real->ops->store(mirror->real, off, src, len),
			 0);
	return 0;
}

static int mirror_discard(struct nvm_media *media, uint64_t off, uint64_t len)
{
	struct mirror *mirror = mirror_of(media);
	struct nvm_media *copy = &mirror->domain->media;

	if (fails_now(mirror))
		return -NVM_EIO;
	mirror->discards++;
	assert_int_equal(copy->ops->discard(copy, off, len), 0);
	assert_int_equal(mirror->real->ops->discard(mirror->real, off, len), 0);
	return 0;
}

static int mirror_drain(struct nvm_media *media)
{
	struct mirror *mirror = mirror_of(media);

	return fails_now(mirror) ? -NVM_EIO
				 : mirror->real->ops->drain(mirror->real);
}

/* These change no byte. */
static int mirror_flush(struct nvm_media *media, uint64_t off, uint64_t len)
{
	struct nvm_media *real = mirror_of(media)->real;

	return real->ops->flush(real, off, len);
}

static int mirror_reserve(struct nvm_media *media, uint64_t off, uint64_t len)
{
	struct nvm_media *real = mirror_of(media)->real;

	return real->ops->reserve(real, off, len);
}

static int mirror_sync(struct nvm_media *media)
{
	struct mirror *mirror = mirror_of(media);

	return fails_now(mirror) ? -NVM_EIO
				 : mirror->real->ops->sync(mirror->real);
}

/* ---- the file and its copy -------------------------------------------------------- */

static void file_read(const struct mirror *mirror, uint8_t *bytes)
{
	uint64_t done = 0;

	while (done < mirror->size_bytes) {
		ssize_t n = pread(mirror->fd, bytes + done,
				  mirror->size_bytes - done, (off_t)done);

		assert_true(n > 0);
		done += (uint64_t)n;
	}
}

/* The first byte in which they differ, or SAME. */
static uint64_t first_difference(const struct mirror *mirror,
				 const struct domain *domain)
{
	uint8_t *bytes = malloc(mirror->size_bytes);
	uint64_t at = SAME;

	assert_non_null(bytes);
	file_read(mirror, bytes);
	if (memcmp(bytes, domain->image, mirror->size_bytes))
		for (at = 0; bytes[at] == domain->image[at]; at++)
			;
	free(bytes);
	return at;
}

static void expect_same(const struct mirror *mirror, const char *after)
{
	uint64_t at = first_difference(mirror, mirror->domain);

	if (at != SAME)
		fail_msg("after %s: byte %#jx changed past the seam", after,
			 (uintmax_t)at);
}

/* Bytes of a former owner, here and there. */
static void file_litter(const char *path)
{
	uint8_t bytes[5000];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	for (uint64_t at = 1000; at < SIZE; at += 777777) {
		memset(bytes, (int)(at / 7 % 255 + 1), sizeof(bytes));
		assert_int_equal(pwrite(fd, bytes, sizeof(bytes), (off_t)at),
				 sizeof(bytes));
	}
	close(fd);
}

static struct domain *copy_new(const struct mirror *mirror)
{
	struct domain *domain = domain_new(mirror->size_bytes,
					   mirror->real->durability);

	assert_non_null(domain);
	for (uint64_t at = 0; at < mirror->size_bytes; at += 4096)
		if (mirror->began[at] || memcmp(mirror->began + at,
						mirror->began + at + 1, 4095))
			domain_poke(domain, at, mirror->began + at, 4096);
	return domain;
}

static void mirror_begin(struct mirror *mirror, const char *path,
			 enum stray_guard guard)
{
	file_litter(path);
	*mirror = (struct mirror){ .backing = scratch_open(path, BACKING_WRITE),
		.fd = open(path, O_RDWR) };
	assert_int_equal(stray_set(mirror->backing, guard, NULL), 0);
	assert_int_equal(stray_get(mirror->backing), guard);
	mirror->real = backing_media(mirror->backing);
	mirror->size_bytes = mirror->real->size_bytes;
	mirror->began = malloc(mirror->size_bytes);
	assert_non_null(mirror->began);
	file_read(mirror, mirror->began);
	mirror->domain = copy_new(mirror);
	domain_record(mirror->domain, &mirror->trace);
	mirror->ops = (struct nvm_media_ops){ .load = mirror_load,
		.load_crc = mirror->real->ops->load_crc ? mirror_load_crc
							 : NULL,
		.store = mirror_store, .drain = mirror_drain,
		.flush = mirror_flush, .discard = mirror_discard,
		.reserve = mirror_reserve, .sync = mirror_sync,
		.crc32c = mirror->real->ops->crc32c };
	mirror->media = *mirror->real;
	mirror->media.ops = &mirror->ops;
	expect_same(mirror, "nothing");
}

/* The record alone, applied to what was there before, gives the file. */
static void mirror_end(struct mirror *mirror)
{
	struct domain *again = copy_new(mirror);

	assert_true(mirror->stores > 10);
	domain_record(mirror->domain, NULL);
	domain_apply(again, &mirror->trace, 0, mirror->trace.count);
	assert_true(first_difference(mirror, again) == SAME);
	domain_free(again);
	domain_free(mirror->domain);
	trace_free(&mirror->trace);
	free(mirror->began);
	close(mirror->fd);
	backing_close(mirror->backing);
}

/* ---- a pool ------------------------------------------------------------------------- */

static struct pool *pool_again(struct mirror *mirror, void **mem)
{
	struct pool_geometry geometry;
	struct pool *pool;

	free(*mem);
	assert_int_equal(pool_probe(&mirror->media, &geometry, NULL), 0);
	*mem = arena_alloc(pool_memory_bytes(&geometry));
	assert_int_equal(pool_open(&mirror->media, POOL_OPEN_WRITE, *mem,
				   pool_memory_bytes(&geometry), &pool, NULL),
			 0);
	return pool;
}

static int try_carve(struct pool *pool, const char *name, uint64_t bytes,
		     enum pool_mode mode)
{
	uint8_t uuid[POOL_UUID_LEN] = { 0 };
	struct pool_carve_args args = { .name = name, .uuid = uuid,
		.size_bytes = bytes, .mode = mode };
	struct pool_child child;

	memcpy(uuid, name, strlen(name));
	return pool_carve(pool, &args, NULL, &child, NULL);
}

static struct pool_child child_of(struct pool *pool, const char *name)
{
	struct pool_child child;

	assert_int_equal(pool_child_find(pool, name, &child), 0);
	return child;
}

static void pool_format_it(struct mirror *mirror)
{
	const struct pool_format_args args = { .unit_bytes = UNIT,
		.children_max = 64, .uuid = (const uint8_t *)"no store escapes" };

	assert_int_equal(pool_format(&mirror->media, &args, NULL), 0);
	expect_same(mirror, "format");
}

static void pool_changes(struct mirror *mirror, struct pool *pool)
{
	struct pool_child child;
	char name[8];

	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "raw%d", i);
		assert_int_equal(try_carve(pool, name, 4 * UNIT, POOL_MODE_RAW),
				 0);
	}
	assert_int_equal(try_carve(pool, "dev", 8 * MIB, POOL_MODE_DEVDAX), 0);
	assert_int_equal(try_carve(pool, "fs", 8 * MIB, POOL_MODE_FSDAX), 0);
	expect_same(mirror, "carve");
	child = child_of(pool, "raw3");
	assert_int_equal(pool_resize(pool, child.slot, 11 * UNIT, NULL, NULL),
			 0);
	child = child_of(pool, "dev");
	assert_int_equal(pool_resize(pool, child.slot, 6 * MIB, NULL, NULL), 0);
	child = child_of(pool, "raw5");
	assert_int_equal(pool_extend(pool, child.slot, 7 * UNIT, NULL, NULL),
			 0);
	expect_same(mirror, "resize");
	child = child_of(pool, "raw4");
	snprintf(child.name, sizeof(child.name), "renamed");
	assert_int_equal(pool_update(pool, &child, NULL), 0);
	expect_same(mirror, "update");
	for (int i = 0; i < 8; i += 2) {
		snprintf(name, sizeof(name), "raw%d", i);
		if (i != 4)
			assert_int_equal(pool_release(pool,
				child_of(pool, name).slot, NULL), 0);
	}
	expect_same(mirror, "release");
}

static bool any(void *ctx, uint32_t slot)
{
	(void)ctx;
	(void)slot;
	return true;
}

static void pool_compacts(struct mirror *mirror, struct pool *pool)
{
	struct pool_move_plan plan;
	unsigned moves = 0;

	while (pool_compact_next(pool, any, NULL, &plan)) {
		assert_int_equal(pool_move(pool, plan.slot, plan.extent,
					   plan.to_unit, NULL, NULL), 0);
		moves++;
	}
	assert_true(moves > 0);
	expect_same(mirror, "compact");
	assert_int_equal(pool_clean(pool, NULL, NULL), 0);
	assert_true(mirror->discards > 0);
	expect_same(mirror, "clean");
}

struct mended {
	unsigned found, repaired;
};

static void count_mended(void *ctx, const struct pool_problem *problem)
{
	struct mended *mended = ctx;

	mended->found++;
	mended->repaired += problem->repaired;
}

/* Damage is none of the core's: it goes to the file and to the copy. */
static void damage(struct mirror *mirror, uint64_t off)
{
	const uint8_t bytes[8] = { 0xbd, 0xbd, 0xbd, 0xbd };

	assert_int_equal(mirror->media.ops->store(&mirror->media, off, bytes,
						  sizeof(bytes)), 0);
}

static void pool_repairs(struct mirror *mirror, void **mem)
{
	struct pool *pool = pool_again(mirror, mem);
	struct pool_geometry geometry = *pool_geometry(pool);
	struct mended mended = { 0 };
	struct pool_check_args args = { .repair = true,
		.read_clean_units = true, .report = count_mended,
		.ctx = &mended };

	damage(mirror, geometry.nat_off + 100);
	damage(mirror, geometry.umap_off + 100);
	pool = pool_again(mirror, mem);
	args.mem = malloc(pool_check_memory_bytes(&geometry));
	assert_int_equal(pool_check(pool, &args, NULL, NULL), 0);
	assert_true(mended.found > 0);
	assert_int_equal(mended.found, mended.repaired);
	free(args.mem);
	expect_same(mirror, "check --repair");
}

/* An operation that breaks off at each of its steps, and the next open. */
static void pool_recovers(struct mirror *mirror, void **mem)
{
	unsigned broken = 0;
	int err;

	for (uint64_t step = 1; step < 100; step++) {
		struct pool *pool = pool_again(mirror, mem);
		struct pool_child child = child_of(pool, "raw1");
		uint64_t to = child.size_bytes == 4 * UNIT ? 6 * UNIT
							   : 4 * UNIT;

		mirror->fail_after = step;
		err = pool_resize(pool, child.slot, to, NULL, NULL);
		mirror->fail_after = 0;
		broken += err != 0;
		if (!err)
			break;
		pool_again(mirror, mem);
		if (step % 8 == 0)
			expect_same(mirror, "a recovery");
	}
	assert_true(broken > 3);
	expect_same(mirror, "recoveries");
}

/* ---- a disk ------------------------------------------------------------------------- */

struct disk {
	struct mirror *mirror;
	struct window window;		/* the part of the media it lies on */
	struct nvm_media *extent[1];
	struct vd_area area;
	struct vdisk *vd;
	void *mem;
	uint8_t *bytes;			/* VD_GROUP_MAX blocks of them */
};

static void disk_place(struct disk *disk, uint64_t off, uint64_t size)
{
	window_init(&disk->window, &disk->mirror->media, off, size);
	disk->extent[0] = &disk->window.media;
	disk->area = (struct vd_area){ disk->extent, 1 };
}

static void disk_open(struct disk *disk)
{
	struct vd_geometry geometry;
	struct vd_open_args args = { .lane_count = 1 };

	free(disk->mem);
	assert_int_equal(vd_probe(&disk->area, &geometry, NULL, NULL), 0);
	args.mem_bytes = vd_memory_bytes(&geometry, 1);
	args.mem = disk->mem = arena_alloc(args.mem_bytes);
	assert_int_equal(vd_open(&disk->area, &args, &disk->vd, NULL), 0);
}

static void disk_close(struct disk *disk, const char *after)
{
	assert_int_equal(vd_close(disk->vd, NULL), 0);
	expect_same(disk->mirror, after);
}

static int disk_write(struct disk *disk, uint64_t first, uint32_t count,
		      unsigned flags)
{
	for (size_t i = 0; i < count * (size_t)VD_BLOCK; i++)
		disk->bytes[i] = (uint8_t)(i * 31 + i / VD_BLOCK + first +
					   disk->mirror->stores);
	return vd_write(disk->vd, 0, first, count, disk->bytes, flags);
}

static void disk_changes(struct disk *disk)
{
	struct vdisk *vd = disk->vd;
	const void *pin;

	for (uint64_t b = 0; b < 300; b++)
		assert_int_equal(disk_write(disk, b * 7 % 300, 1, 0), 0);
	assert_int_equal(disk_write(disk, 100, 50, VD_WRITE_FUA), 0);
	assert_int_equal(disk_write(disk, 3, 1, VD_WRITE_COPY), 0);
	expect_same(disk->mirror, "writes");
	assert_int_equal(disk_write(disk, 40, 16, VD_WRITE_ATOMIC), 0);
	expect_same(disk->mirror, "an atomic group");
	assert_int_equal(vd_pwrite(vd, 0, 5 * VD_SECTOR, 20 * VD_SECTOR,
				   disk->bytes, 0), 0);
	assert_int_equal(vd_zero(vd, 0, 99 * VD_SECTOR, 33 * VD_SECTOR), 0);
	expect_same(disk->mirror, "parts of blocks");
	assert_int_equal(vd_trim(vd, 0, 200, 60), 0);
	expect_same(disk->mirror, "a trim");
	assert_int_equal(vd_pin(vd, 0, 1, &pin), 0);
	assert_int_equal(disk_write(disk, 1, 1, 0), 0);
	vd_unpin(vd, 0, pin);
	assert_int_equal(vd_flush(vd, 0), 0);
	expect_same(disk->mirror, "a pin and a flush");
}

static void disk_levels(struct disk *disk)
{
	uint32_t moves = 0, more;

	for (int i = 0; i < 1500; i++)
		assert_int_equal(disk_write(disk, (uint64_t)i % 4, 1, 0), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(vd_level(disk->vd, 0, 1000, 100, true, &more),
				 0);
		moves += more;
	}
	assert_true(moves > 0);
	expect_same(disk->mirror, "levelling");
}

/* Opened, written to, and never closed; then recovered. */
static void disk_recovers(struct disk *disk)
{
	unsigned broken = 0;

	for (uint64_t step = 1; step < 60; step++) {
		disk_open(disk);
		assert_int_equal(disk_write(disk, step, 3, 0), 0);
		disk->mirror->fail_after = step;
		broken += disk_write(disk, 2 * step, 9, VD_WRITE_ATOMIC) ||
			  vd_trim(disk->vd, 0, step, 30) ||
			  vd_close(disk->vd, NULL);
		disk->mirror->fail_after = 0;
		if (step % 8 == 0)
			expect_same(disk->mirror, "what broke off");
	}
	assert_true(broken > 5);
	disk_open(disk);
	expect_same(disk->mirror, "recoveries");
	disk_close(disk, "a close");
}

static void ignore(void *ctx, const struct vd_problem *problem)
{
	(void)ctx;
	(void)problem;
}

static void disk_resizes(struct disk *disk, uint64_t off)
{
	const uint64_t small = DISK_SMALL;
	const struct vd_check_args check = { .repair = true, .data = true,
		.report = ignore };
	struct vd_geometry geometry;

	disk_place(disk, off, DISK_LARGE);
	assert_int_equal(vd_grow(&disk->area, 0, &geometry, NULL), 0);
	expect_same(disk->mirror, "growing");
	disk_open(disk);
	assert_int_equal(disk_write(disk, geometry.logical_count - 20, 20, 0),
			 0);
	assert_int_equal(vd_check(disk->vd, &check, NULL), 0);
	expect_same(disk->mirror, "a check");
	assert_int_equal(vd_shrink(disk->vd, &small, 1, 0, &geometry, NULL), 0);
	expect_same(disk->mirror, "shrinking");
	disk_place(disk, off, DISK_SMALL);
	damage(disk->mirror, off + 100);
	disk_open(disk);
	assert_int_equal(vd_check(disk->vd, &check, NULL), 0);
	disk_close(disk, "a repair");
}

static void disk_run(struct mirror *mirror, uint64_t off)
{
	const struct vd_create_args create = { .logical_count = 1000,
		.uuid = (const uint8_t *)"no store escapes", .secret = 42,
		.policy = WEAR_ADAPTIVE };
	struct disk disk = { .mirror = mirror,
		.bytes = malloc((size_t)VD_GROUP_MAX * VD_BLOCK) };

	assert_non_null(disk.bytes);
	disk_place(&disk, off, DISK_SMALL);
	assert_int_equal(vd_create(&disk.area, &create, NULL), 0);
	expect_same(mirror, "create");
	disk_open(&disk);
	disk_changes(&disk);
	disk_levels(&disk);
	disk_close(&disk, "a close");
	disk_recovers(&disk);
	disk_resizes(&disk, off);
	free(disk.mem);
	free(disk.bytes);
}

/* ---- the tests ----------------------------------------------------------------------- */

struct setting {
	bool on_disk;
	enum stray_guard guard;
};

static struct scratch *scratch;

static const char *setting_path(const struct setting *setting)
{
	const char *path = scratch_path(setting->on_disk ? scratch->dir
						: scratch->shm, "escape");

	unlink(path);
	return path;
}

static void a_pool_and_a_disk_in_it_change_what_the_record_says(void **state)
{
	const struct setting *setting = *state;
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct mirror mirror;
	struct pool *pool;
	void *mem = NULL;
	size_t count;

	mirror_begin(&mirror, setting_path(setting), setting->guard);
	pool_format_it(&mirror);
	pool = pool_again(&mirror, &mem);
	pool_changes(&mirror, pool);
	pool_compacts(&mirror, pool);
	pool_repairs(&mirror, &mem);
	pool_recovers(&mirror, &mem);
	pool = pool_again(&mirror, &mem);
	assert_int_equal(try_carve(pool, "disk", DISK_LARGE, POOL_MODE_RAW), 0);
	assert_int_equal(pool_child_extents(pool, child_of(pool, "disk").slot,
					    extent, &count, NULL), 0);
	assert_int_equal(count, 1);
	disk_run(&mirror, extent[0].off_bytes);
	free(mem);
	mirror_end(&mirror);
}

static void a_disk_changes_what_the_record_says(void **state)
{
	const struct setting *setting = *state;
	struct mirror mirror;

	mirror_begin(&mirror, setting_path(setting), setting->guard);
	disk_run(&mirror, 0);
	mirror_end(&mirror);
}

/* The comparison is one that can fail. */
static void a_store_past_the_seam_is_seen(void **state)
{
	const struct setting *setting = *state;
	const uint64_t place[] = { 0, 4097, SIZE / 2 + 13, SIZE - 1 };
	struct mirror mirror;
	uint8_t byte, other;

	mirror_begin(&mirror, setting_path(setting), setting->guard);
	pool_format_it(&mirror);
	for (size_t i = 0; i < sizeof(place) / sizeof(*place); i++) {
		assert_int_equal(pread(mirror.fd, &byte, 1, (off_t)place[i]),
				 1);
		other = (uint8_t)(byte ^ 0x10);
		assert_int_equal(pwrite(mirror.fd, &other, 1,
					(off_t)place[i]), 1);
		assert_true(first_difference(&mirror, mirror.domain) ==
			    place[i]);
		assert_int_equal(pwrite(mirror.fd, &byte, 1, (off_t)place[i]),
				 1);
		expect_same(&mirror, "undoing it");
	}
	/* Through the mapping, as a pointer of the core could; unguarded. */
	if (setting->guard == STRAY_NONE) {
		volatile uint8_t *target =
			(uint8_t *)(uintptr_t)mirror.media.base + 8191;

		*target ^= 1;
		assert_true(first_difference(&mirror, mirror.domain) == 8191);
		*target ^= 1;
	}
	mirror_end(&mirror);
}

/* What a group's state is would hide that of its tests. */
static int group_setup(void **state)
{
	int err = scratch_setup(state);

	scratch = *state;
	*state = NULL;
	return err;
}

static int group_teardown(void **state)
{
	*state = scratch;
	return scratch_teardown(state);
}

#define UNDER(name, setting)                                                  \
	{ #name " " #setting, name, NULL, NULL, &(setting) }

int main(void)
{
	static struct setting tmpfs = { false, STRAY_NONE };
	static struct setting tmpfs_guarded = { false, STRAY_MPROTECT };
	static struct setting file = { true, STRAY_NONE };
	const struct CMUnitTest tests[] = {
		UNDER(a_pool_and_a_disk_in_it_change_what_the_record_says,
		      tmpfs),
		UNDER(a_pool_and_a_disk_in_it_change_what_the_record_says,
		      tmpfs_guarded),
		UNDER(a_pool_and_a_disk_in_it_change_what_the_record_says,
		      file),
		UNDER(a_disk_changes_what_the_record_says, tmpfs),
		UNDER(a_disk_changes_what_the_record_says, tmpfs_guarded),
		UNDER(a_disk_changes_what_the_record_says, file),
		UNDER(a_store_past_the_seam_is_seen, tmpfs),
		UNDER(a_store_past_the_seam_is_seen, file),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
