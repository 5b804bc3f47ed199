/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_hosted_backing.c - the hosted media on real files: what a store, a
 * discard, a private mapping do to the bytes that others see, and what comes
 * back when the file is cut short or the disk is full.
 */
#include "hosted_scratch.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>

static void crc32c_of_123456789_is_e3069283(void **state)
{
	struct scratch *scratch = *state;
	struct backing *backing = scratch_create(
		scratch_path(scratch->shm, "crc"), MIB);
	uint32_t (*crc32c)(uint32_t, const void *, size_t) =
		backing_media(backing)->ops->crc32c;

	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5),
			 0xe3069283u);
	assert_int_equal(crc32c(0, "", 0), 0);
	backing_close(backing);
}

static void a_store_is_in_the_file(void **state)
{
	struct scratch *scratch = *state;
	const char *dirs[] = { scratch->shm, scratch->dir };

	for (int i = 0; i < 2; i++) {
		const char *path = scratch_path(dirs[i], "store");
		struct backing *backing = scratch_create(path, MIB);
		struct nvm_media *media = backing_media(backing);
		char back[8] = "";

		assert_int_equal(media->size_bytes, MIB);
		assert_int_equal(media->ops->store(media, 4093, "nvmpool", 8),
				 0);
		assert_int_equal(media_barrier(media), 0);
		assert_int_equal(scratch_byte(path, 4096), 'p');
		assert_int_equal(media->ops->load(media, 4093, back, 8), 0);
		assert_string_equal(back, "nvmpool");
		assert_memory_equal(media->base + 4093, "nvmpool", 8);
		backing_close(backing);
		assert_int_equal(scratch_byte(path, 4093), 'n');
	}
}

static void what_lies_outside_the_media_is_refused(void **state)
{
	struct scratch *scratch = *state;
	struct backing *backing = scratch_create(
		scratch_path(scratch->shm, "outside"), MIB);
	struct nvm_media *media = backing_media(backing);
	char byte = 1;

	assert_int_equal(media->ops->store(media, MIB, &byte, 1), -NVM_EIO);
	assert_int_equal(media->ops->store(media, UINT64_MAX, &byte, 2),
			 -NVM_EIO);
	assert_int_equal(media->ops->load(media, MIB - 1, &byte, 2), -NVM_EIO);
	assert_int_equal(media->ops->discard(media, 1, UINT64_MAX), -NVM_EIO);
	assert_int_equal(media->ops->reserve(media, 0, MIB + 1), -NVM_EIO);
	assert_int_equal(media->ops->flush(media, MIB, 1), -NVM_EIO);
	backing_close(backing);
}

static void a_backing_opened_for_reading_refuses_changes(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->shm, "ro");
	struct backing *backing;
	struct nvm_media *media;

	backing_close(scratch_create(path, MIB));
	backing = scratch_open(path, BACKING_READ);
	media = backing_media(backing);
	assert_true(media->read_only);
	assert_int_equal(media->ops->store(media, 0, "x", 1), -NVM_EROFS);
	assert_int_equal(media->ops->discard(media, 0, 4096), -NVM_EROFS);
	assert_int_equal(media->ops->reserve(media, 0, 4096), -NVM_EROFS);
	backing_close(backing);
}

static void a_private_backing_keeps_its_changes_to_itself(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->dir, "private");
	struct backing *backing = scratch_create(path, MIB);
	struct nvm_media *media = backing_media(backing);
	uint8_t old[3 * 4096], back[3 * 4096], zeros[3 * 4096] = { 0 };

	memset(old, 0xaa, sizeof(old));
	assert_int_equal(media->ops->store(media, 0, old, sizeof(old)), 0);
	backing_close(backing);

	backing = scratch_open(path, BACKING_PRIVATE);
	media = backing_media(backing);
	assert_int_equal(media->ops->store(media, 5, "new", 3), 0);
	assert_int_equal(media->ops->load(media, 5, back, 3), 0);
	assert_memory_equal(back, "new", 3);
	assert_int_equal(media->ops->discard(media, 100, 8192), 0);
	assert_int_equal(media->ops->load(media, 0, back, sizeof(back)), 0);
	assert_memory_equal(back + 100, zeros, 8192);
	assert_int_equal(back[99], 0xaa);
	assert_int_equal(back[8292], 0xaa);
	assert_int_equal(media->ops->reserve(media, 0, MIB), 0);
	assert_int_equal(media_barrier(media), 0);
	backing_close(backing);

	backing = scratch_open(path, BACKING_READ);
	media = backing_media(backing);
	assert_int_equal(media->ops->load(media, 0, back, sizeof(back)), 0);
	assert_memory_equal(back, old, sizeof(old));
	backing_close(backing);
}

static void a_discarded_range_reads_as_zeros_and_frees_its_blocks(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->shm, "discard");
	const size_t size = 16 * MIB, from = 5000, to = size - 6000;
	struct backing *backing = scratch_create(path, size);
	struct nvm_media *media = backing_media(backing);
	uint8_t *bytes = malloc(size), *zeros = calloc(size, 1);
	struct stat st;

	memset(bytes, 0x55, size);
	assert_int_equal(media->ops->store(media, 0, bytes, size), 0);
	assert_int_equal(media->ops->discard(media, from, to - from), 0);
	/*
	 * Before it is looked at: reading a hole of tmpfs through a mapping
	 * fills it.  A huge page stays where a part of it does.
	 */
	assert_int_equal(stat(path, &st), 0);
	assert_in_range(st.st_blocks, 1, 4 * MIB / 512);
	assert_int_equal(media->ops->load(media, 0, bytes, size), 0);
	assert_int_equal(bytes[from - 1], 0x55);
	assert_memory_equal(bytes + from, zeros, to - from);
	assert_int_equal(bytes[to], 0x55);
	backing_close(backing);
	free(bytes);
	free(zeros);
}

static void reserving_takes_space_and_leaves_the_bytes(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->shm, "reserve");
	struct backing *backing = scratch_create(path, MIB);
	struct nvm_media *media = backing_media(backing);
	struct stat st;

	assert_int_equal(media->ops->store(media, 70000, "keep", 4), 0);
	assert_int_equal(media->ops->reserve(media, 65536, 65536), 0);
	assert_int_equal(scratch_byte(path, 70003), 'p');
	assert_int_equal(scratch_byte(path, 80000), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_in_range(st.st_blocks, 65536 / 512, 70000 / 512);
	assert_int_equal(st.st_size, MIB);
	backing_close(backing);
}

static void the_stretches_with_data_are_found(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->shm, "data");
	struct backing *backing = scratch_create(path, MIB);
	struct nvm_media *media = backing_media(backing);
	struct pool_range data;

	assert_false(backing_data_next(backing, 0, MIB, &data));
	assert_int_equal(media->ops->store(media, 8192, "x", 1), 0);
	assert_int_equal(media->ops->store(media, 20 * 4096, "x", 1), 0);
	assert_true(backing_data_next(backing, 0, MIB, &data));
	assert_int_equal(data.off_bytes, 8192);
	assert_int_equal(data.size_bytes, 4096);
	assert_true(backing_data_next(backing, 12288, MIB - 12288, &data));
	assert_int_equal(data.off_bytes, 20 * 4096);
	assert_false(backing_data_next(backing, 12288, 4096, &data));
	assert_true(backing_data_next(backing, 8192 + 100, 200, &data));
	assert_int_equal(data.off_bytes, 8292);
	assert_int_equal(data.size_bytes, 200);
	backing_close(backing);
}

static void a_large_load_of_a_hole_fills_no_memory(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->shm, "hole");
	struct backing *backing = scratch_create(path, MIB);
	struct nvm_media *media = backing_media(backing);
	uint8_t *bytes = malloc(MIB), *zeros = calloc(MIB, 1);
	struct stat st;

	memset(bytes, 1, MIB);
	assert_int_equal(media->ops->load(media, 0, bytes, MIB), 0);
	assert_memory_equal(bytes, zeros, MIB);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_blocks, 0);
	/* One byte of data in it, and it is no hole. */
	assert_int_equal(media->ops->store(media, MIB - 1, "x", 1), 0);
	assert_int_equal(media->ops->load(media, 0, bytes, MIB), 0);
	assert_int_equal(bytes[MIB - 1], 'x');
	/* What was cut off is no hole either. */
	assert_int_equal(truncate(path, MIB / 2), 0);
	assert_int_equal(media->ops->load(media, 0, bytes, MIB), -NVM_EIO);
	backing_close(backing);
	free(bytes);
	free(zeros);
}

static void hollow_ranges_swallow_stores_and_read_as_zeros(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->dir, "hollow");
	struct backing *backing = scratch_create(path, MIB);
	struct nvm_media *media = backing_media(backing);
	const struct pool_range hollow[] = { { 8192, 8192 }, { 32768, 4096 } };
	uint8_t bytes[4096], back[4096], zeros[4096] = { 0 };

	memset(bytes, 3, sizeof(bytes));
	for (uint64_t off = 0; off < 65536; off += sizeof(bytes))
		assert_int_equal(media->ops->store(media, off, bytes,
						   sizeof(bytes)), 0);
	backing_close(backing);

	backing = scratch_open(path, BACKING_PRIVATE);
	media = backing_media(backing);
	backing_hollow(backing, hollow, 2);
	assert_int_equal(media->ops->load(media, 12288, back, 4096), 0);
	assert_memory_equal(back, zeros, 4096);
	assert_int_equal(media->ops->load(media, 12289, back, 4096), 0);
	assert_int_equal(back[0], 3);
	assert_int_equal(media->ops->store(media, 32768, "x", 1), 0);
	assert_int_equal(media->ops->discard(media, 8192, 8192), 0);
	backing_hollow(backing, NULL, 0);
	assert_int_equal(media->ops->load(media, 8192, back, 4096), 0);
	assert_memory_equal(back, bytes, 4096);
	assert_int_equal(media->ops->load(media, 32768, back, 4096), 0);
	assert_memory_equal(back, bytes, 4096);
	backing_close(backing);

	/* Never where stores are meant. */
	backing = scratch_open(path, BACKING_WRITE);
	media = backing_media(backing);
	backing_hollow(backing, hollow, 2);
	assert_int_equal(media->ops->store(media, 8192, "y", 1), 0);
	assert_int_equal(scratch_byte(path, 8192), 'y');
	backing_close(backing);
}

/* ---- SIGBUS ---------------------------------------------------------------- */

static void a_truncated_file_gives_eio(void **state)
{
	struct scratch *scratch = *state;
	const char *dirs[] = { scratch->shm, scratch->dir };

	for (int i = 0; i < 2; i++) {
		const char *path = scratch_path(dirs[i], "cut");
		struct backing *backing = scratch_create(path, MIB);
		struct nvm_media *media = backing_media(backing);
		char bytes[8192] = { 0 };

		assert_int_equal(truncate(path, MIB / 2), 0);
		assert_int_equal(media->ops->load(media, MIB / 2 - 4096, bytes,
						  8192), -NVM_EIO);
		assert_int_equal(media->ops->store(media, MIB - 9, "x", 1),
				 -NVM_EIO);
		assert_int_equal(media->ops->load(media, 0, bytes, 8192), 0);
		assert_int_equal(media->ops->store(media, 0, "x", 1), 0);
		backing_close(backing);
	}
}

#define THREADS	4
#define ROUNDS	2000

struct thread_work {
	struct nvm_media *media;
	uint64_t off;
	int expected;
};

static void *thread_load(void *arg)
{
	struct thread_work *work = arg;
	char byte;

	for (int i = 0; i < ROUNDS; i++)
		if (work->media->ops->load(work->media, work->off, &byte, 1) !=
		    work->expected)
			return arg;
	return NULL;
}

static void threads_that_fail_do_not_disturb_threads_that_do_not(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->shm, "threads");
	struct backing *backing = scratch_create(path, MIB);
	struct thread_work work[THREADS];
	pthread_t thread[THREADS];

	assert_int_equal(truncate(path, 4096), 0);
	for (int i = 0; i < THREADS; i++) {
		work[i] = (struct thread_work){
			backing_media(backing), i % 2 ? MIB / 2 : 0,
			i % 2 ? -NVM_EIO : 0,
		};
		assert_int_equal(pthread_create(&thread[i], NULL, thread_load,
						&work[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		void *wrong;

		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
	}
	backing_close(backing);
}

/*
 * On a tmpfs of 1 MiB of our own: 0 if a store to a hole gives ENOSPC once it
 * is full, reserve() says so before, and what was stored is still there.
 */
static int full_disk_work(void *arg)
{
	const char *dir = arg;
	struct backing *backing = NULL;
	struct nvm_media *media;
	uint8_t page[4096], back[4096];
	uint64_t stored = 0;
	int err = 0;

	memset(page, 7, sizeof(page));
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("small", dir, "tmpfs", 0, "size=1m"))
		return 77;
	if (backing_create(scratch_path(dir, "full"), 64 * MIB, &backing,
			   NULL))
		return 1;
	media = backing_media(backing);
	if (media->ops->reserve(media, 0, 2 * MIB) != -NVM_ENOSPC)
		return 2;
	while (!(err = media->ops->store(media, stored, page, sizeof(page))))
		if ((stored += sizeof(page)) > 2 * MIB)
			return 3;
	if (err != -NVM_ENOSPC || stored < MIB / 2)
		return 4;
	if (media->ops->load(media, stored - 4096, back, 4096) ||
	    memcmp(page, back, 4096))
		return 5;
	/* A page that is there can be stored to all the same. */
	if (media->ops->store(media, 0, page, sizeof(page)))
		return 6;
	backing_close(backing);
	return 0;
}

static void a_store_to_a_hole_on_a_full_disk_gives_enospc(void **state)
{
	struct scratch *scratch = *state;
	char dir[128];
	int status;

	snprintf(dir, sizeof(dir), "%s/small", scratch->shm);
	assert_int_equal(mkdir(dir, 0700), 0);
	status = scratch_child(full_disk_work, dir);
	if (status == 77) {
		print_message("# skipped: no permission to mount a tmpfs\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* ---- opening and creating ---------------------------------------------------- */

static int open_error(const char *path, enum backing_access access,
		      struct failure *failure)
{
	struct backing *backing = NULL;
	int err = backing_open(path, access, &backing, failure);

	if (!err)
		backing_close(backing);
	return err;
}

static void what_is_no_backing_is_refused_in_words(void **state)
{
	struct scratch *scratch = *state;
	const char *fifo = scratch_path(scratch->shm, "fifo");
	const char *small = scratch_path(scratch->shm, "small-file");
	struct failure failure;
	int fd;

	assert_int_equal(open_error(scratch->shm, BACKING_READ, &failure),
			 -EOPNOTSUPP);
	assert_non_null(strstr(failure.text, "is a directory"));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(open_error(fifo, BACKING_READ, &failure),
			 -EOPNOTSUPP);
	assert_int_equal(open_error("/dev/null", BACKING_WRITE, &failure),
			 -EOPNOTSUPP);
	assert_string_equal(failure.text, "character device '/dev/null' is "
			    "not a devdax device");
	assert_int_equal(open_error(scratch_path(scratch->shm, "none"),
				    BACKING_READ, &failure), -ENOENT);
	assert_non_null(strstr(failure.text, ": no such file or directory"));
	fd = open(small, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(open_error(small, BACKING_READ, &failure), -ERANGE);
}

static int open_as_nobody(void *arg)
{
	struct failure failure;
	int err;

	if (setgid(65534) || setuid(65534))
		return 77;
	err = open_error(arg, BACKING_WRITE, &failure);
	return err == -EACCES && strstr(failure.text, "permission denied") ?
	       0 : 1;
}

static void a_pool_file_is_closed_to_other_users(void **state)
{
	struct scratch *scratch = *state;
	char path[128];
	int status;

	snprintf(path, sizeof(path), "%s/secret", scratch->shm);
	backing_close(scratch_create(path, MIB));
	assert_int_equal(chmod(scratch->shm, 0755), 0);
	status = scratch_child(open_as_nobody, path);
	if (status == 77) {
		print_message("# skipped: cannot become another user\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void creating_never_overwrites(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->shm, "there");
	struct backing *backing = NULL;
	struct failure failure;

	backing_close(scratch_create(path, MIB));
	assert_int_equal(truncate(path, 12345), 0);
	assert_int_equal(backing_create(path, MIB, &backing, &failure),
			 -EEXIST);
	assert_null(backing);
	assert_int_equal(scratch_byte(path, 12344), 0);
	assert_int_equal(scratch_byte(path, 12345), -1);
}

static int create_beyond_limit(void *arg)
{
	const struct rlimit limit = { MIB, MIB };
	struct backing *backing = NULL;
	struct failure failure;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	if (backing_create(arg, 2 * MIB, &backing, &failure) != -ENOSPC)
		return 1;
	return access(arg, F_OK) ? 0 : 2;
}

static void a_size_that_no_file_can_have_leaves_no_file(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->shm, "huge");
	struct backing *backing = NULL;
	struct failure failure;
	char limited[128];

	assert_int_equal(backing_create(path, UINT64_MAX, &backing, &failure),
			 -ENOSPC);
	assert_null(backing);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(limited, sizeof(limited), "%s/limited", scratch->shm);
	assert_int_equal(scratch_child(create_beyond_limit, limited), 0);
}

static void sixty_four_tebibytes_can_be_mapped_sparse(void **state)
{
	struct scratch *scratch = *state;
	const uint64_t size = 64ull << 40;
	const char *path = scratch_path(scratch->shm, "tebi");
	struct backing *backing = NULL;
	struct nvm_media *media;
	struct failure failure = { "" };
	char byte = 0;
	int err = backing_create(path, size, &backing, &failure);

	if (err == -ENOMEM) {
		/* A sanitizer takes the address space: then it must say so. */
		assert_non_null(strstr(failure.text, "address space"));
		assert_int_equal(access(path, F_OK), -1);
		print_message("# skipped: %s\n", failure.text);
		skip();
	}
	assert_int_equal(err, 0);
	media = backing_media(backing);
	assert_int_equal(media->size_bytes, size);
	assert_int_equal(media->ops->store(media, size - 1, "z", 1), 0);
	assert_int_equal(media->ops->load(media, size - 1, &byte, 1), 0);
	assert_int_equal(byte, 'z');
	assert_in_range(backing_info(backing)->allocated_bytes, 0, MIB);
	backing_close(backing);
}

static void tmpfs_is_said_to_forget(void **state)
{
	struct scratch *scratch = *state;
	char link[128];
	struct backing *backing = scratch_create(
		scratch_path(scratch->shm, "forget"), MIB + 100);
	const struct backing_info *info = backing_info(backing);

	assert_int_equal(info->kind, BACKING_FILE);
	assert_int_equal(info->durable, BACKING_DURABLE_NEVER);
	assert_true(info->tmpfs);
	assert_string_equal(info->fs_type, "tmpfs");
	assert_int_equal(info->size_bytes, MIB);
	assert_int_equal(info->bad_count, 0);
	backing_close(backing);

	/* The path is that of the file, not of the link. */
	snprintf(link, sizeof(link), "%s/link", scratch->shm);
	assert_int_equal(symlink("forget", link), 0);
	backing = scratch_open(link, BACKING_READ);
	assert_string_equal(backing_info(backing)->path,
			    scratch_path(scratch->shm, "forget"));
	backing_close(backing);
}

static void the_durability_of_a_file_is_what_a_mapping_shows(void **state)
{
	struct scratch *scratch = *state;
	const char *path = scratch_path(scratch->dir, "durable");
	struct backing *backing = scratch_create(path, MIB);
	const struct backing_info *info = backing_info(backing);
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC,
			 backing_fd(backing), 0);

	if (!info->tmpfs)
		assert_int_equal(info->durable, map == MAP_FAILED ?
				 BACKING_DURABLE_SYNC : BACKING_DURABLE_BUS);
	assert_int_equal(backing_media(backing)->durability,
			 info->durable == BACKING_DURABLE_BUS ? NVM_BUS :
								NVM_SYNC);
	assert_true(*info->reason);
	if (map != MAP_FAILED)
		munmap(map, 4096);
	backing_close(backing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_of_123456789_is_e3069283),
		cmocka_unit_test(a_store_is_in_the_file),
		cmocka_unit_test(what_lies_outside_the_media_is_refused),
		cmocka_unit_test(a_backing_opened_for_reading_refuses_changes),
		cmocka_unit_test(a_private_backing_keeps_its_changes_to_itself),
		cmocka_unit_test(
			a_discarded_range_reads_as_zeros_and_frees_its_blocks),
		cmocka_unit_test(reserving_takes_space_and_leaves_the_bytes),
		cmocka_unit_test(the_stretches_with_data_are_found),
		cmocka_unit_test(a_large_load_of_a_hole_fills_no_memory),
		cmocka_unit_test(
			hollow_ranges_swallow_stores_and_read_as_zeros),
		cmocka_unit_test(a_truncated_file_gives_eio),
		cmocka_unit_test(
			threads_that_fail_do_not_disturb_threads_that_do_not),
		cmocka_unit_test(a_store_to_a_hole_on_a_full_disk_gives_enospc),
		cmocka_unit_test(what_is_no_backing_is_refused_in_words),
		cmocka_unit_test(a_pool_file_is_closed_to_other_users),
		cmocka_unit_test(creating_never_overwrites),
		cmocka_unit_test(a_size_that_no_file_can_have_leaves_no_file),
		cmocka_unit_test(sixty_four_tebibytes_can_be_mapped_sparse),
		cmocka_unit_test(tmpfs_is_said_to_forget),
		cmocka_unit_test(
			the_durability_of_a_file_is_what_a_mapping_shows),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
