/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_hosted_signature.c - what lies on a file is recognised: file systems
 * and swap made by the real tools, partition tables, info blocks, pools.
 * Also what there is to say of namespaces without any NVDIMM.
 */
#include "hosted_scratch.h"

#include <errno.h>
#include <spawn.h>

#include "hosted/discover.h"
#include "hosted/signature.h"

extern char **environ;

/* Run a tool without a shell, quietly; false if there is no such tool. */
static bool tool_run(const char *const *argv)
{
	posix_spawn_file_actions_t actions;
	int status, err;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	err = posix_spawnp(&pid, argv[0], &actions, NULL,
			   (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err) {
		print_message("# skipped: no %s\n", argv[0]);
		return false;
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return true;
}

/* A fresh file of 8 MiB with @len bytes at @off; returns its path. */
static const char *file_with(struct scratch *scratch, const char *name,
			     uint64_t off, const void *bytes, size_t len)
{
	const char *path = scratch_path(scratch->shm, name);
	struct backing *backing = scratch_create(path, 8 * MIB);
	struct nvm_media *media = backing_media(backing);

	assert_int_equal(media->ops->store(media, off, bytes, len), 0);
	backing_close(backing);
	return path;
}

static size_t find(const char *path, struct signature found[SIGNATURES_MAX])
{
	struct backing *backing = scratch_open(path, BACKING_READ);
	struct failure failure = { "" };
	size_t count = 99;

	if (signature_find(backing, found, &count, &failure))
		fail_msg("%s", failure.text);
	backing_close(backing);
	return count;
}

static void nothing_is_found_on_a_blank_file(void **state)
{
	struct signature found[SIGNATURES_MAX];

	assert_int_equal(find(file_with(*state, "blank", 0, "", 1), found), 0);
}

static void each_copy_of_the_gmb_shows_a_pool(void **state)
{
	const uint64_t at[] = { 0, 4096, 8 * MIB - 4096 };
	struct signature found[SIGNATURES_MAX];
	char text[64];

	for (int i = 0; i < 3; i++) {
		const char *path = scratch_path(
			((struct scratch *)*state)->shm, "pool");

		unlink(path);
		path = file_with(*state, "pool", at[i], "NVMPOOL", 8);
		assert_int_equal(find(path, found), 1);
		assert_int_equal(found[0].kind, SIGNATURE_POOL);
		assert_int_equal(found[0].offset, at[i]);
	}
	assert_string_equal(signature_describe(&found[0], text, sizeof(text)),
			    "an nvmpool pool");
}

static void info_blocks_of_namespaces_are_found(void **state)
{
	static const char *const magic[] = {
		"NVDIMM_PFN_INFO", "NVDIMM_DAX_INFO", "BTT_ARENA_INFO\0"
	};
	static const char *const mode[] = { "fsdax", "devdax", "btt" };
	struct signature found[SIGNATURES_MAX];

	for (int i = 0; i < 3; i++) {
		assert_int_equal(find(file_with(*state, mode[i], 4096, magic[i],
						16), found), 1);
		assert_int_equal(found[0].kind, SIGNATURE_INFO_BLOCK);
		assert_string_equal(found[0].name, mode[i]);
	}
}

static void a_file_system_is_found(void **state)
{
	const char *path = file_with(*state, "fs", 0, "", 1);
	const char *const argv[] = { "mkfs.ext4", "-q", "-F", path, NULL };
	struct signature found[SIGNATURES_MAX];
	char text[64];

	if (!tool_run(argv))
		skip();
	assert_int_equal(find(path, found), 1);
	assert_int_equal(found[0].kind, SIGNATURE_FILE_SYSTEM);
	assert_string_equal(found[0].name, "ext4");
	assert_string_equal(signature_describe(&found[0], text, sizeof(text)),
			    "a file system (ext4)");
}

static void swap_space_is_found(void **state)
{
	const char *path = file_with(*state, "swap", 0, "", 1);
	const char *const argv[] = { "mkswap", path, NULL };
	struct signature found[SIGNATURES_MAX];

	if (!tool_run(argv))
		skip();
	assert_int_equal(find(path, found), 1);
	assert_int_equal(found[0].kind, SIGNATURE_OTHER);
	assert_string_equal(found[0].name, "swap");
}

static void a_partition_table_is_found(void **state)
{
	/* One primary partition of type 0x83, from sector 2048 on. */
	uint8_t mbr[512] = { 0 };
	struct signature found[SIGNATURES_MAX];

	mbr[446 + 4] = 0x83;
	mbr[446 + 9] = 0x08;
	mbr[446 + 13] = 0x20;
	mbr[510] = 0x55;
	mbr[511] = 0xaa;
	assert_int_equal(find(file_with(*state, "mbr", 0, mbr, sizeof(mbr)),
			      found), 1);
	assert_int_equal(found[0].kind, SIGNATURE_PARTITIONS);
	assert_string_equal(found[0].name, "dos");
}

static void several_signatures_are_all_found(void **state)
{
	const char *path = file_with(*state, "several", 0, "", 1);
	const char *const argv[] = { "mkfs.ext4", "-q", "-F", path, NULL };
	struct signature found[SIGNATURES_MAX];
	struct backing *backing;
	struct nvm_media *media;

	if (!tool_run(argv))
		skip();
	backing = scratch_open(path, BACKING_WRITE);
	media = backing_media(backing);
	assert_int_equal(media->ops->store(media, 8 * MIB - 4096, "NVMPOOL",
					   8), 0);
	backing_close(backing);
	assert_int_equal(find(path, found), 2);
	assert_int_equal(found[0].kind, SIGNATURE_POOL);
	assert_int_equal(found[1].kind, SIGNATURE_FILE_SYSTEM);
}

static void a_file_cut_short_is_an_error_not_a_blank_file(void **state)
{
	const char *path = file_with(*state, "cut", 0, "NVMPOOL", 8);
	struct backing *backing = scratch_open(path, BACKING_READ);
	struct signature found[SIGNATURES_MAX];
	struct failure failure = { "" };
	size_t count = 99;

	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(signature_find(backing, found, &count, &failure),
			 -EIO);
	assert_int_equal(count, 99);
	assert_non_null(strstr(failure.text, path));
	backing_close(backing);
}

static void a_device_without_namespace_is_said_to_have_none(void **state)
{
	struct namespace_info info;
	struct failure failure = { "" };
	char path[64];

	(void)state;
	assert_int_equal(namespace_find("no-such-device", &info, NULL, NULL,
					&failure), -ENOENT);
	assert_string_equal(failure.text,
		"no NVDIMM namespace is below 'no-such-device'");
	assert_int_equal(namespace_to_devdax("namespace99.9", path,
					     sizeof(path), &failure), -ENOENT);
	assert_string_equal(failure.text, "no namespace 'namespace99.9'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_found_on_a_blank_file),
		cmocka_unit_test(each_copy_of_the_gmb_shows_a_pool),
		cmocka_unit_test(info_blocks_of_namespaces_are_found),
		cmocka_unit_test(a_file_system_is_found),
		cmocka_unit_test(swap_space_is_found),
		cmocka_unit_test(a_partition_table_is_found),
		cmocka_unit_test(several_signatures_are_all_found),
		cmocka_unit_test(a_file_cut_short_is_an_error_not_a_blank_file),
		cmocka_unit_test(
			a_device_without_namespace_is_said_to_have_none),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
