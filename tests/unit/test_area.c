/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_area.c - files in any order and children in many pieces, as the extents
 * of a virtual disk.
 */
#include "hosted_scratch.h"

#include <dirent.h>
#include <errno.h>

#include "hosted/area.h"
#include "hosted/arena.h"

#define UNIT	(2 * MIB)

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static struct area *area_must_open(const char *const *path, size_t count,
				   enum backing_access access,
				   enum stray_guard guard)
{
	struct failure failure = { "" };
	struct area *area = NULL;

	if (area_open(path, count, access, guard, &area, &failure))
		fail_msg("%s", failure.text);
	return area;
}

/* Files "NAME0", "NAME1", ... of 8, 9, ... MiB. */
static void files_make(struct scratch *scratch, const char *name, size_t count,
		       const char *ret_path[])
{
	static char paths[VD_EXTENTS_MAX + 1][128];

	for (size_t i = 0; i < count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%s%zu", scratch->shm,
			 name, i);
		backing_close(scratch_create(paths[i], (8 + i) * MIB));
		ret_path[i] = paths[i];
	}
}

/* ---- paths ------------------------------------------------------------------------ */

static void files_without_a_disk_stay_in_the_order_given(void **state)
{
	const char *path[3];
	const struct vd_area *view;
	struct area *area;

	files_make(*state, "blank", 3, path);
	area = area_must_open(path, 3, BACKING_WRITE, STRAY_NONE);
	view = area_extents(area);
	assert_int_equal(view->extent_count, 3);
	for (uint32_t e = 0; e < 3; e++) {
		assert_string_equal(backing_info(area_backing(area, e))->path,
				    path[e]);
		assert_int_equal(view->extent[e]->size_bytes, (8 + e) * MIB);
		assert_int_equal(view->extent[e]->durability, NVM_SYNC);
		assert_false(view->extent[e]->read_only);
	}
	assert_int_equal(view->extent[1]->ops->store(view->extent[1], 5, "here",
						     4), 0);
	assert_int_equal(scratch_byte(path[1], 8), 'e');
	area_close(area);
}

/* A disk over the three files in the order 2, 0, 1. */
static void files_disk(struct scratch *scratch, const char *name,
		       const char *path[3])
{
	static const uint8_t uuid[VD_UUID_LEN] = "disk of 3 files";
	const struct vd_create_args args = { .uuid = uuid, .secret = 77 };
	const char *order[3];
	struct area *area;

	files_make(scratch, name, 3, path);
	order[0] = path[2];
	order[1] = path[0];
	order[2] = path[1];
	area = area_must_open(order, 3, BACKING_WRITE, STRAY_NONE);
	assert_int_equal(vd_create(area_extents(area), &args, NULL), 0);
	area_close(area);
}

static void a_disk_puts_its_files_in_order(void **state)
{
	static const int permutation[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	const char *path[3], *given[3];

	files_disk(*state, "ordered", path);
	for (int p = 0; p < 6; p++) {
		struct vd_geometry geometry;
		uint32_t order[VD_EXTENTS_MAX];
		struct area *area;

		for (int i = 0; i < 3; i++)
			given[i] = path[permutation[p][i]];
		area = area_must_open(given, 3, BACKING_READ, STRAY_AUTO);
		assert_string_equal(backing_info(area_backing(area, 0))->path,
				    path[2]);
		assert_string_equal(backing_info(area_backing(area, 1))->path,
				    path[0]);
		assert_string_equal(backing_info(area_backing(area, 2))->path,
				    path[1]);
		assert_true(area_extents(area)->extent[0]->read_only);
		assert_int_equal(vd_probe(area_extents(area), &geometry, order,
					  NULL), 0);
		for (uint32_t e = 0; e < 3; e++) {
			assert_int_equal(order[e], e);
			assert_ptr_equal(area_extents(area)->extent[e],
				backing_media((struct backing *)(uintptr_t)
					      area_backing(area, e)));
		}
		area_close(area);
	}
}

static void a_part_of_a_disk_stays_in_the_order_given(void **state)
{
	const char *path[3];
	struct area *area;

	files_disk(*state, "part", path);
	area = area_must_open(path, 2, BACKING_READ, STRAY_NONE);
	assert_string_equal(backing_info(area_backing(area, 0))->path, path[0]);
	assert_string_equal(backing_info(area_backing(area, 1))->path, path[1]);
	area_close(area);
}

static void the_same_file_twice_is_refused(void **state)
{
	struct scratch *scratch = *state;
	const char *path[1], *pair[2];
	struct area *area = NULL;
	struct failure failure;
	char soft[128], hard[128];
	const char *other[3];
	int before;

	files_make(scratch, "twice", 1, path);
	snprintf(soft, sizeof(soft), "%s/twice-soft", scratch->shm);
	snprintf(hard, sizeof(hard), "%s/twice-hard", scratch->shm);
	assert_int_equal(symlink(path[0], soft), 0);
	assert_int_equal(link(path[0], hard), 0);
	other[0] = path[0];
	other[1] = soft;
	other[2] = hard;
	before = open_descriptors();
	for (int i = 0; i < 3; i++) {
		char text[400];

		pair[0] = path[0];
		pair[1] = other[i];
		assert_int_equal(area_open(pair, 2, BACKING_WRITE, STRAY_NONE,
					   &area, &failure), -EINVAL);
		snprintf(text, sizeof(text), "'%s' and '%s' are the same file",
			 pair[0], pair[1]);
		assert_string_equal(failure.text, text);
	}
	assert_null(area);
	assert_int_equal(open_descriptors(), before);
}

static void what_cannot_be_opened_leaves_nothing_open(void **state)
{
	struct scratch *scratch = *state;
	const char *path[3];
	struct area *area = NULL;
	struct failure failure;
	int before;

	files_make(scratch, "some", 2, path);
	path[2] = scratch_path(scratch->shm, "some-none");
	before = open_descriptors();
	assert_int_equal(area_open(path, 3, BACKING_WRITE, STRAY_NONE, &area,
				   &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "some-none"));
	path[2] = scratch->shm;
	assert_int_equal(area_open(path, 3, BACKING_WRITE, STRAY_NONE, &area,
				   NULL), -EOPNOTSUPP);
	assert_null(area);
	assert_int_equal(open_descriptors(), before);
	area_close(NULL);
}

static void a_disk_has_1_to_64_extents(void **state)
{
	const char *path[VD_EXTENTS_MAX + 1];
	struct area *area = NULL;
	struct failure failure;

	files_make(*state, "many", VD_EXTENTS_MAX + 1, path);
	assert_int_equal(area_open(path, 0, BACKING_READ, STRAY_NONE, &area,
				   &failure), -EINVAL);
	assert_int_equal(area_open(path, VD_EXTENTS_MAX + 1, BACKING_READ,
				   STRAY_NONE, &area, &failure), -EINVAL);
	assert_string_equal(failure.text,
			    "a disk has 1 to 64 extents, not 65");
	assert_null(area);
	area = area_must_open(path, VD_EXTENTS_MAX, BACKING_READ, STRAY_NONE);
	assert_int_equal(area_extents(area)->extent_count, VD_EXTENTS_MAX);
	area_close(area);
}

static void a_guard_is_that_of_all_extents(void **state)
{
	const char *path[2];
	struct area *area;

	files_make(*state, "guarded", 2, path);
	area = area_must_open(path, 2, BACKING_WRITE, STRAY_MPROTECT);
	assert_int_equal(area_guard(area), STRAY_MPROTECT);
	for (uint32_t e = 0; e < 2; e++)
		assert_int_equal(stray_get(area_backing(area, e)),
				 STRAY_MPROTECT);
	area_close(area);
	area = area_must_open(path, 2, BACKING_WRITE, STRAY_AUTO);
	assert_int_equal(area_guard(area), stray_pkey_here() ? STRAY_PKEY :
							       STRAY_NONE);
	area_close(area);
}

static void a_private_area_has_no_guard(void **state)
{
	const char *path[1];
	struct failure failure;
	struct nvm_media *media;
	struct area *area = NULL;

	files_make(*state, "private", 1, path);
	assert_int_equal(area_open(path, 1, BACKING_PRIVATE, STRAY_MAP, &area,
				   &failure), -EOPNOTSUPP);
	assert_null(area);
	area = area_must_open(path, 1, BACKING_PRIVATE, STRAY_AUTO);
	assert_int_equal(area_guard(area), STRAY_NONE);
	media = area_extents(area)->extent[0];
	assert_int_equal(media->ops->store(media, 0, "x", 1), 0);
	assert_int_equal(media->base[0], 'x');
	area_close(area);
	assert_int_equal(scratch_byte(path[0], 0), 0);
}

static void an_area_can_be_taken_for_bus(void **state)
{
	const char *path[2];
	struct area *area;

	files_make(*state, "bus", 2, path);
	area = area_must_open(path, 2, BACKING_WRITE, STRAY_NONE);
	area_assume_bus(area);
	for (uint32_t e = 0; e < 2; e++) {
		struct nvm_media *media = area_extents(area)->extent[e];

		assert_int_equal(media->durability, NVM_BUS);
		assert_int_equal(media->ops->store(media, 100, "bus", 3), 0);
		assert_int_equal(media->ops->flush(media, 100, 3), 0);
		assert_int_equal(media_barrier(media), 0);
		assert_int_equal(scratch_byte(path[e], 101), 'u');
	}
	area_close(area);
}

/* ---- children ---------------------------------------------------------------------- */

struct pool_file {
	struct backing *backing;
	struct pool *pool;
	void *mem;
	uint8_t next_uuid;
};

static void pool_file_make(struct pool_file *file, const char *path,
			   uint64_t units)
{
	static const uint8_t uuid[POOL_UUID_LEN] = "pool of an area";
	const struct pool_format_args args = { .unit_bytes = UNIT,
		.uuid = uuid, .clean = true };
	struct pool_geometry geometry;

	*file = (struct pool_file){ .backing = scratch_create(path,
				    (units + 32) * UNIT) };
	assert_int_equal(pool_format(backing_media(file->backing), &args, NULL),
			 0);
	assert_int_equal(pool_probe(backing_media(file->backing), &geometry,
				    NULL), 0);
	file->mem = arena_alloc(pool_memory_bytes(&geometry));
	assert_int_equal(pool_open(backing_media(file->backing),
				   POOL_OPEN_WRITE, file->mem,
				   pool_memory_bytes(&geometry), &file->pool,
				   NULL), 0);
}

static void pool_file_end(struct pool_file *file)
{
	backing_close(file->backing);
	free(file->mem);
}

static struct pool_child pool_file_carve(struct pool_file *file,
					 const char *name, uint64_t units,
					 enum pool_mode mode)
{
	const uint8_t uuid[POOL_UUID_LEN] = { 1, ++file->next_uuid };
	const struct pool_carve_args args = { .name = name, .uuid = uuid,
		.size_bytes = units * UNIT, .mode = mode };
	struct pool_child child;

	assert_int_equal(pool_carve(file->pool, &args, NULL, &child, NULL), 0);
	return child;
}

/* Leave no free run longer than each of these units, in turn; 0 ends. */
static void pool_file_fragment(struct pool_file *file, const uint64_t *units)
{
	uint32_t slot[200];
	struct pool_space space;
	size_t count = 0;
	char name[16];

	for (; units[count]; count++) {
		snprintf(name, sizeof(name), "hole%zu", count);
		slot[count] = pool_file_carve(file, name, units[count],
					      POOL_MODE_RAW).slot;
		snprintf(name, sizeof(name), "wall%zu", count);
		pool_file_carve(file, name, 1, POOL_MODE_RAW);
	}
	pool_space(file->pool, &space);
	pool_file_carve(file, "rest", space.free_bytes / UNIT, POOL_MODE_RAW);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(pool_release(file->pool, slot[i], NULL), 0);
}

/* A store through the area is in the pool's file where the child lies. */
static void area_lies_in(const struct area *area, struct pool_file *file,
			 const struct pool_child *child, uint64_t stamp)
{
	const struct vd_area *view = area_extents(area);
	struct nvm_media *whole = backing_media(file->backing);
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint32_t e = 0;
	size_t count;

	assert_int_equal(pool_child_extents(file->pool, child->slot, extent,
					    &count, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		uint64_t off = extent[i].off_bytes + stamp;
		struct nvm_media *media;
		uint8_t mark = (uint8_t)(0x40 + i);

		if (extent[i].size_bytes <= stamp)
			continue;
		assert_true(e < view->extent_count);
		media = view->extent[e++];
		assert_int_equal(media->size_bytes,
				 extent[i].size_bytes - stamp);
		assert_ptr_equal(media->base, whole->base + off);
		assert_int_equal(media->ops->store(media, 0, &mark, 1), 0);
		assert_int_equal(media->ops->store(media, media->size_bytes - 1,
						   &mark, 1), 0);
		assert_int_equal(media->ops->store(media, media->size_bytes,
						   &mark, 1), -NVM_EIO);
		assert_int_equal(whole->base[off], mark);
		assert_int_equal(whole->base[extent[i].off_bytes +
					     extent[i].size_bytes - 1], mark);
	}
	assert_int_equal(e, view->extent_count);
}

static struct area *child_must_open(struct pool_file *file,
				    const struct pool_child *child,
				    enum stray_guard guard)
{
	struct failure failure = { "" };
	struct area *area = NULL;

	if (area_of_child(file->backing, child, guard, &area, &failure))
		fail_msg("%s", failure.text);
	return area;
}

static void a_raw_child_is_an_area_as_a_whole(void **state)
{
	struct scratch *scratch = *state;
	struct pool_file file;
	struct pool_child child;
	struct area *area;

	pool_file_make(&file, scratch_path(scratch->shm, "raw"), 16);
	child = pool_file_carve(&file, "raw", 5, POOL_MODE_RAW);
	area = child_must_open(&file, &child, STRAY_NONE);
	assert_int_equal(area_extents(area)->extent_count, 1);
	area_lies_in(area, &file, &child, 0);
	assert_ptr_equal(area_backing(area, 0), file.backing);
	area_close(area);
	pool_file_end(&file);
}

static void the_stamps_of_a_child_in_pieces_are_not_of_the_area(void **state)
{
	static const uint64_t holes[] = { 40, 32, 33, 0 };
	struct scratch *scratch = *state;
	const enum pool_mode mode[] = { POOL_MODE_DEVDAX, POOL_MODE_FSDAX };

	for (int m = 0; m < 2; m++) {
		struct pool_range extent[POOL_EXTENTS_MAX];
		uint8_t stamp[2][NVM_PAGE];
		struct pool_file file;
		struct pool_child child;
		struct area *area;
		size_t count;

		pool_file_make(&file, scratch_path(scratch->shm, m ? "fsdax" :
						   "devdax"), 128);
		pool_file_fragment(&file, holes);
		child = pool_file_carve(&file, "pieces", 105, mode[m]);
		assert_int_equal(pool_child_extents(file.pool, child.slot,
						    extent, &count, NULL), 0);
		assert_int_equal(count, 3);
		memcpy(stamp[0], backing_media(file.backing)->base +
		       extent[0].off_bytes + STAMP_OFF, NVM_PAGE);
		area = child_must_open(&file, &child, STRAY_MPROTECT);
		assert_int_equal(area_extents(area)->extent_count, 3);
		area_lies_in(area, &file, &child, STAMP_DATA_OFF);
		area_close(area);
		memcpy(stamp[1], backing_media(file.backing)->base +
		       extent[0].off_bytes + STAMP_OFF, NVM_PAGE);
		assert_memory_equal(stamp[0], stamp[1], NVM_PAGE);
		pool_file_end(&file);
	}
}

/* Carving makes none; the bytes of the media may say so all the same. */
static void an_extent_that_is_all_stamp_is_left_out(void **state)
{
	static const uint64_t holes[] = { 4, 1, 3, 0 };
	struct scratch *scratch = *state;
	struct pool_file file;
	struct pool_child child;
	struct area *area;

	pool_file_make(&file, scratch_path(scratch->shm, "shreds"), 32);
	pool_file_fragment(&file, holes);
	child = pool_file_carve(&file, "shreds", 8, POOL_MODE_RAW);
	child.mode = POOL_MODE_FSDAX;
	area = child_must_open(&file, &child, STRAY_NONE);
	assert_int_equal(area_extents(area)->extent_count, 2);
	area_lies_in(area, &file, &child, STAMP_DATA_OFF);
	area_close(area);
	pool_file_end(&file);
}

static void a_child_that_is_all_stamp_is_refused(void **state)
{
	struct scratch *scratch = *state;
	struct pool_file file;
	struct pool_child child;
	struct area *area = NULL;
	struct failure failure;

	pool_file_make(&file, scratch_path(scratch->shm, "stamp"), 16);
	child = pool_file_carve(&file, "tiny", 1, POOL_MODE_RAW);
	child.mode = POOL_MODE_DEVDAX;
	assert_int_equal(area_of_child(file.backing, &child, STRAY_NONE, &area,
				       &failure), -ERANGE);
	assert_string_equal(failure.text, "child 'tiny' has no room for a "
			    "disk: its guest's stamps take all of it");
	assert_null(area);
	pool_file_end(&file);
}

static void a_child_in_too_many_pieces_is_refused(void **state)
{
	struct scratch *scratch = *state;
	struct pool_file file;
	struct pool_child child;
	struct area *area = NULL;
	struct failure failure;
	uint64_t holes[VD_EXTENTS_MAX + 2] = { 0 };

	for (unsigned i = 0; i <= VD_EXTENTS_MAX; i++)
		holes[i] = 1;
	pool_file_make(&file, scratch_path(scratch->shm, "pieces"), 200);
	pool_file_fragment(&file, holes);
	child = pool_file_carve(&file, "shards", VD_EXTENTS_MAX + 1,
				POOL_MODE_RAW);
	assert_int_equal(area_of_child(file.backing, &child, STRAY_NONE, &area,
				       &failure), -ERANGE);
	assert_string_equal(failure.text, "child 'shards' is in 65 pieces, a "
			    "disk has at most 64; compact the pool");
	assert_int_equal(pool_release(file.pool, child.slot, NULL), 0);
	child = pool_file_carve(&file, "shards", VD_EXTENTS_MAX,
				POOL_MODE_RAW);
	area = child_must_open(&file, &child, STRAY_NONE);
	assert_int_equal(area_extents(area)->extent_count, VD_EXTENTS_MAX);
	area_lies_in(area, &file, &child, 0);
	area_close(area);
	pool_file_end(&file);
}

static void a_child_that_is_gone_is_not_found(void **state)
{
	struct scratch *scratch = *state;
	struct pool_file file;
	struct pool_child child;
	struct area *area = NULL;
	struct failure failure;

	pool_file_make(&file, scratch_path(scratch->shm, "gone"), 16);
	child = pool_file_carve(&file, "gone", 1, POOL_MODE_RAW);
	assert_int_equal(pool_release(file.pool, child.slot, NULL), 0);
	assert_int_equal(area_of_child(file.backing, &child, STRAY_NONE, &area,
				       &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "cannot find child 'gone' in '"));
	assert_null(area);
	pool_file_end(&file);
}

static void a_file_that_is_no_pool_has_no_children(void **state)
{
	struct scratch *scratch = *state;
	struct backing *backing = scratch_create(
		scratch_path(scratch->shm, "no-pool"), 8 * MIB);
	const struct pool_child child = { .name = "x" };
	struct area *area = NULL;
	struct failure failure;

	assert_int_equal(area_of_child(backing, &child, STRAY_NONE, &area,
				       &failure), -NVM_EMEDIUM);
	assert_null(area);
	backing_close(backing);
}

static void closing_a_childs_area_leaves_the_pool_open_and_unguarded(void **state)
{
	struct scratch *scratch = *state;
	struct nvm_media *media;
	struct pool_file file;
	struct pool_child child;
	struct area *area;

	pool_file_make(&file, scratch_path(scratch->shm, "close"), 16);
	child = pool_file_carve(&file, "one", 2, POOL_MODE_RAW);
	area = child_must_open(&file, &child, STRAY_MAP);
	assert_int_equal(area_guard(area), STRAY_MAP);
	assert_int_equal(stray_get(file.backing), STRAY_MAP);
	/* The pool itself stores through the guard. */
	pool_file_carve(&file, "two", 2, POOL_MODE_DEVDAX);
	area_close(area);
	assert_int_equal(stray_get(file.backing), STRAY_NONE);
	pool_file_carve(&file, "three", 2, POOL_MODE_DEVDAX);
	media = backing_media(file.backing);
	*(volatile uint8_t *)(uintptr_t)(media->base + media->size_bytes - 1) =
		7;
	assert_int_equal(media->base[media->size_bytes - 1], 7);
	pool_file_end(&file);
}

static void a_child_can_be_taken_for_bus_and_its_pool_is_not(void **state)
{
	struct scratch *scratch = *state;
	struct pool_file file;
	struct pool_child child;
	struct area *area;

	pool_file_make(&file, scratch_path(scratch->shm, "child-bus"), 16);
	child = pool_file_carve(&file, "one", 2, POOL_MODE_RAW);
	area = child_must_open(&file, &child, STRAY_NONE);
	assert_int_equal(area_extents(area)->extent[0]->durability, NVM_SYNC);
	area_assume_bus(area);
	assert_int_equal(area_extents(area)->extent[0]->durability, NVM_BUS);
	assert_int_equal(backing_media(file.backing)->durability, NVM_SYNC);
	area_close(area);
	pool_file_end(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_without_a_disk_stay_in_the_order_given),
		cmocka_unit_test(a_disk_puts_its_files_in_order),
		cmocka_unit_test(a_part_of_a_disk_stays_in_the_order_given),
		cmocka_unit_test(the_same_file_twice_is_refused),
		cmocka_unit_test(what_cannot_be_opened_leaves_nothing_open),
		cmocka_unit_test(a_disk_has_1_to_64_extents),
		cmocka_unit_test(a_guard_is_that_of_all_extents),
		cmocka_unit_test(a_private_area_has_no_guard),
		cmocka_unit_test(an_area_can_be_taken_for_bus),
		cmocka_unit_test(a_raw_child_is_an_area_as_a_whole),
		cmocka_unit_test(
			the_stamps_of_a_child_in_pieces_are_not_of_the_area),
		cmocka_unit_test(an_extent_that_is_all_stamp_is_left_out),
		cmocka_unit_test(a_child_that_is_all_stamp_is_refused),
		cmocka_unit_test(a_child_in_too_many_pieces_is_refused),
		cmocka_unit_test(a_child_that_is_gone_is_not_found),
		cmocka_unit_test(a_file_that_is_no_pool_has_no_children),
		cmocka_unit_test(
			closing_a_childs_area_leaves_the_pool_open_and_unguarded),
		cmocka_unit_test(
			a_child_can_be_taken_for_bus_and_its_pool_is_not),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
