/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_kdisk.c - what the kernel says of its virtual disks, read from a sysfs of
 * our own (cli/kdisk.h): all of it, and what no sound kernel would say.
 */
#include "hosted_scratch.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include "cli/kdisk.h"
#include "hosted/in_kernel.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define UUID		"a56ddcae-b257-4c0e-9f5e-2d1f7a6b3c48"

struct attribute {
	const char *name, *text;
};

static const struct attribute sound[] = {
	{ "ro", "0\n" },
	{ "nvmvd/uuid", UUID "\n" },
	{ "nvmvd/label", "my disk\n" },
	{ "nvmvd/created_s", "1764000000\n" },
	{ "nvmvd/extents", "dax0.1 dax0.0 0x240200000 2097152\n"
			   "namespace1.0 pmem1 0x280000000 4194304\n" },
	{ "nvmvd/durability", "bus\n" },
	{ "nvmvd/recovered", "0\n" },
	{ "nvmvd/logical_blocks", "1000\n" },
	{ "nvmvd/physical_blocks", "1200\n" },
	{ "nvmvd/mapped_count", "7\n" },
	{ "nvmvd/free_count", "8\n" },
	{ "nvmvd/retired_count", "9\n" },
	{ "nvmvd/log_count", "10\n" },
	{ "nvmvd/seq", "18446744073709551615\n" },
	{ "nvmvd/watermark", "12\n" },
	{ "nvmvd/user_writes", "13\n" },
	{ "nvmvd/moves", "14\n" },
	{ "nvmvd/trim_lines", "15\n" },
	{ "nvmvd/wear_total", "16\n" },
	{ "nvmvd/rolled_back", "17\n" },
	{ "nvmvd/lost_lines", "18\n" },
	{ "nvmvd/data_errors", "19\n" },
	{ "nvmvd/lanes", "5\n" },
	{ "nvmvd/checksum", "crc32c-instruction\n" },
	{ "nvmvd/policy", "adaptive\n" },
	{ "nvmvd/threshold", "4294967295\n" },
	{ "nvmvd/budget", "21\n" },
	{ "nvmvd/endurance", "22\n" },
	{ "nvmvd/verify", "1\n" },
	{ "nvmvd/scrub_kib_s", "23\n" },
	{ "nvmvd/scrub_rounds", "24\n" },
	{ "nvmvd/scrub_errors", "25\n" },
};

/* ---- a sysfs ------------------------------------------------------------------ */

static void bytes_put(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void folder_make(const char *fmt, const char *sys, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), fmt, sys, name);
	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
}

static void attribute_put(const char *sys, const char *disk, const char *name,
			  const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/block/%s/%s", sys, disk, name);
	bytes_put(path, text, strlen(text));
}

static void disk_put(const char *sys, const char *name)
{
	folder_make("%s/block", sys, "");
	folder_make("%s/block/%s", sys, name);
	folder_make("%s/block/%s/nvmvd", sys, name);
	for (size_t i = 0; i < ROWS(sound); i++)
		attribute_put(sys, name, sound[i].name, sound[i].text);
}

static const char *sysfs(void **state)
{
	return ((struct scratch *)*state)->shm;
}

/* ---- reading ------------------------------------------------------------------- */

static void all_that_the_kernel_says_is_read(void **state)
{
	static const uint8_t uuid[] = { 0xa5, 0x6d, 0xdc, 0xae, 0xb2, 0x57,
		0x4c, 0x0e, 0x9f, 0x5e, 0x2d, 0x1f, 0x7a, 0x6b, 0x3c, 0x48 };
	struct failure failure;
	struct kdisk disk;

	disk_put(sysfs(state), "nvmvd0");
	assert_int_equal(kdisk_read(sysfs(state), "nvmvd0", &disk, &failure),
			 0);
	assert_string_equal(disk.name, "nvmvd0");
	assert_memory_equal(disk.info.uuid, uuid, sizeof(uuid));
	assert_string_equal(disk.info.label, "my disk");
	assert_int_equal(disk.info.created_s, 1764000000);
	assert_int_equal(disk.info.geometry.extent_count, 2);
	assert_int_equal(disk.info.geometry.area_bytes, 6 * MIB);
	assert_int_equal(disk.info.geometry.logical_count, 1000);
	assert_int_equal(disk.info.geometry.block_count, 1200);
	assert_string_equal(disk.extent[0].bus_device, "dax0.1");
	assert_string_equal(disk.extent[0].device, "dax0.0");
	assert_int_equal(disk.extent[0].start, 0x240200000);
	assert_int_equal(disk.extent[1].size_bytes, 4 * MIB);
	assert_false(disk.sync);
	assert_false(disk.info.read_only);
	assert_true(disk.info.was_clean);
	assert_true(disk.verify);
	assert_int_equal(disk.info.mapped_count, 7);
	assert_int_equal(disk.info.free_count, 8);
	assert_int_equal(disk.info.retired_count, 9);
	assert_int_equal(disk.info.log_count, 10);
	assert_true(disk.info.seq == UINT64_MAX);
	assert_int_equal(disk.info.watermark, 12);
	assert_int_equal(disk.info.user_writes, 13);
	assert_int_equal(disk.info.moves, 14);
	assert_int_equal(disk.info.trim_lines, 15);
	assert_int_equal(disk.info.wear_total, 16);
	assert_int_equal(disk.info.rolled_back, 17);
	assert_int_equal(disk.info.lost_lines, 18);
	assert_int_equal(disk.info.data_errors, 19);
	assert_int_equal(disk.lanes, 5);
	assert_string_equal(disk.checksum, "crc32c-instruction");
	assert_int_equal(disk.info.wear.policy, WEAR_ADAPTIVE);
	assert_int_equal(disk.info.wear.threshold, UINT32_MAX);
	assert_int_equal(disk.info.wear.budget, 21);
	assert_int_equal(disk.info.wear.endurance, 22);
	assert_int_equal(disk.scrub_kib_s, 23);
	assert_int_equal(disk.scrub_rounds, 24);
	assert_int_equal(disk.scrub_errors, 25);
}

static void a_missing_attribute_is_named(void **state)
{
	struct failure failure;

	for (size_t i = 0; i < ROWS(sound); i++) {
		struct kdisk disk = { .lanes = 4711 };
		char path[PATH_MAX];

		disk_put(sysfs(state), "nvmvd0");
		snprintf(path, sizeof(path), "%s/block/nvmvd0/%s",
			 sysfs(state), sound[i].name);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(kdisk_read(sysfs(state), "nvmvd0", &disk,
					    &failure), -EPROTO);
		assert_non_null(strstr(failure.text, path));
		assert_int_equal(disk.lanes, 4711);
	}
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const struct attribute rows[] = {
		{ "ro", "2\n" }, { "ro", "" },
		{ "nvmvd/uuid", "" },
		{ "nvmvd/uuid", "a56ddcae-b257-4c0e-9f5e-2d1f7a6b3c4\n" },
		{ "nvmvd/uuid", UUID "0\n" },
		{ "nvmvd/uuid", "a56ddcaeb-257-4c0e-9f5e-2d1f7a6b3c48\n" },
		{ "nvmvd/uuid", "a56ddcae-b257-4c0e-9f5e-2d1f7a6b3c4g\n" },
		{ "nvmvd/label", "0123456789012345678901234567890123456789"
				 "012345678901234567890123\n" },
		{ "nvmvd/durability", "never\n" },
		{ "nvmvd/recovered", "-1\n" },
		{ "nvmvd/policy", "adaptive mbsa\n" },
		{ "nvmvd/threshold", "4294967296\n" },
		{ "nvmvd/budget", "1e3\n" },
		{ "nvmvd/endurance", "-1\n" },
		{ "nvmvd/created_s", "18446744073709551616\n" },
		{ "nvmvd/seq", " 1\n" }, { "nvmvd/seq", "1 2\n" },
		{ "nvmvd/seq", "\n" }, { "nvmvd/seq", "0x\n" },
		{ "nvmvd/moves", "12\n13\n" },
		/* more blocks than the extents hold, or the disk has */
		{ "nvmvd/physical_blocks", "1537\n" },
		{ "nvmvd/physical_blocks", "0\n" },
		{ "nvmvd/physical_blocks", "18446744073709551615\n" },
		{ "nvmvd/logical_blocks", "1201\n" },
		{ "nvmvd/logical_blocks", "0\n" },
		{ "nvmvd/extents", "" },
		{ "nvmvd/extents", "dax0.1 dax0.0 0x240200000\n" },
		{ "nvmvd/extents", "dax0.1 dax0.0 0x240200000 many\n" },
		{ "nvmvd/extents", "dax0.1 dax0.0 0x240200000 6291456 more\n" },
		{ "nvmvd/extents", "dax0.1 dax0.0 240200000z 6291456\n" },
		{ "nvmvd/extents",
		  "dax0.1 a-name-of-more-than-31-characters 0x1 6291456\n" },
		{ "nvmvd/extents", "a b 0x1 18446744073709551615\n" },
		{ "nvmvd/extents", "a b 0x1 17592186044416\nc d 0x2 4096\n" },
		{ "nvmvd/extents", "a b 0x1 4096\n\nc d 0x1 6291456\n" },
	};
	struct failure failure;

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct kdisk disk;

		disk_put(sysfs(state), "nvmvd0");
		attribute_put(sysfs(state), "nvmvd0", rows[i].name,
			      rows[i].text);
		if (kdisk_read(sysfs(state), "nvmvd0", &disk, &failure) !=
		    -EPROTO)
			fail_msg("row %zu: %s", i, rows[i].name);
		assert_non_null(strstr(failure.text, rows[i].name));
	}
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	char path[PATH_MAX], noise[20000];
	struct failure failure;
	struct kdisk disk;

	disk_put(sysfs(state), "nvmvd0");
	snprintf(path, sizeof(path), "%s/block/nvmvd0/nvmvd/label",
		 sysfs(state));
	bytes_put(path, "a\0b\n", 4);
	assert_int_equal(kdisk_read(sysfs(state), "nvmvd0", &disk, &failure),
			 -EPROTO);
	memset(noise, 'x', sizeof(noise));
	bytes_put(path, noise, sizeof(noise));
	assert_int_equal(kdisk_read(sysfs(state), "nvmvd0", &disk, &failure),
			 -EPROTO);
}

static void at_most_64_extents_are_taken(void **state)
{
	char text[65 * 32] = "";
	struct failure failure;
	struct kdisk disk;

	disk_put(sysfs(state), "nvmvd0");
	for (int i = 0; i < 64; i++)
		strcat(text, "a b 0x1000 2097152\n");
	attribute_put(sysfs(state), "nvmvd0", "nvmvd/extents", text);
	assert_int_equal(kdisk_read(sysfs(state), "nvmvd0", &disk, &failure),
			 0);
	assert_int_equal(disk.info.geometry.extent_count, 64);
	strcat(text, "a b 0x1000 2097152\n");
	attribute_put(sysfs(state), "nvmvd0", "nvmvd/extents", text);
	assert_int_equal(kdisk_read(sysfs(state), "nvmvd0", &disk, &failure),
			 -EPROTO);
}

static void a_name_of_no_disk_is_no_disk(void **state)
{
	static const char *const names[] = {
		"nvmvd1", "", ".", "..", "../block/nvmvd0", "sda",
		"nvmvd0000000000000000000000000000000000000000",
	};
	struct failure failure;
	struct kdisk disk;

	disk_put(sysfs(state), "nvmvd0");
	folder_make("%s/block/%s", sysfs(state), "sda");
	for (size_t i = 0; i < ROWS(names); i++)
		assert_int_equal(kdisk_read(sysfs(state), names[i], &disk,
					    &failure), -ENODEV);
}

/* ---- which there are ------------------------------------------------------------- */

static void disks_are_listed_by_number(void **state)
{
	struct failure failure;
	struct kdisk *disks;
	size_t count;

	assert_int_equal(kdisk_read_all(sysfs(state), &disks, &count,
					&failure), 0);
	assert_int_equal(count, 0);
	free(disks);
	disk_put(sysfs(state), "nvmvd10");
	disk_put(sysfs(state), "nvmvd9");
	folder_make("%s/block/%s", sysfs(state), "sda");
	folder_make("%s/block/%s", sysfs(state), "nvmvd11");	/* leaving */
	attribute_put(sysfs(state), "nvmvd10", "nvmvd/extents",
		      "dax7.1 dax7.0 0x1000 8388608\n");
	assert_int_equal(kdisk_read_all(sysfs(state), &disks, &count,
					&failure), 0);
	assert_int_equal(count, 2);
	assert_string_equal(disks[0].name, "nvmvd9");
	assert_string_equal(disks[1].name, "nvmvd10");
	assert_ptr_equal(kdisk_on(disks, count, "dax7.0"), &disks[1]);
	assert_ptr_equal(kdisk_on(disks, count, "dax7.1"), &disks[1]);
	assert_ptr_equal(kdisk_on(disks, count, "pmem1"), &disks[0]);
	assert_null(kdisk_on(disks, count, "pmem"));
	free(disks);
	attribute_put(sysfs(state), "nvmvd10", "nvmvd/moves", "some\n");
	assert_int_equal(kdisk_read_all(sysfs(state), &disks, &count,
					&failure), -EPROTO);
}

static void a_node_leads_to_its_disk(void **state)
{
	const char *sys = sysfs(state);
	char name[KDISK_NAME_BYTES] = "?", path[PATH_MAX];

	disk_put(sys, "nvmvd3");
	folder_make("%s/block/nvmvd3/%s", sys, "nvmvd3p1");
	folder_make("%s/block/%s", sys, "sda");
	folder_make("%s/dev", sys, "");
	folder_make("%s/dev/block", sys, "");
	snprintf(path, sizeof(path), "%s/dev/block/259:7", sys);
	assert_int_equal(symlink("../../block/nvmvd3", path), 0);
	snprintf(path, sizeof(path), "%s/dev/block/259:8", sys);
	assert_int_equal(symlink("../../block/nvmvd3/nvmvd3p1", path), 0);
	snprintf(path, sizeof(path), "%s/dev/block/8:0", sys);
	assert_int_equal(symlink("../../block/sda", path), 0);
	assert_int_equal(kdisk_of_node(sys, makedev(8, 0), name), -ENODEV);
	assert_int_equal(kdisk_of_node(sys, makedev(8, 1), name), -ENODEV);
	assert_string_equal(name, "?");
	assert_int_equal(kdisk_of_node(sys, makedev(259, 7), name), 0);
	assert_string_equal(name, "nvmvd3");
	assert_int_equal(kdisk_of_node(sys, makedev(259, 8), name), 0);
	assert_string_equal(name, "nvmvd3");
}

/* ---- counts and writing ------------------------------------------------------------ */

static void counts_are_whole_or_refused(void **state)
{
	uint8_t raw[1200 * 4] = { 1, 2, 0, 0, 0xff, 0xff, 0xff, 0xff };
	char path[PATH_MAX];
	uint32_t count[1200];
	struct kdisk disk;

	disk_put(sysfs(state), "nvmvd0");
	assert_int_equal(kdisk_read(sysfs(state), "nvmvd0", &disk, NULL), 0);
	assert_int_equal(kdisk_counts(sysfs(state), &disk, count), -ENOENT);
	snprintf(path, sizeof(path), "%s/block/nvmvd0/nvmvd/counts",
		 sysfs(state));
	bytes_put(path, raw, sizeof(raw));
	assert_int_equal(kdisk_counts(sysfs(state), &disk, count), 0);
	assert_int_equal(count[0], 0x201);
	assert_true(count[1] == UINT32_MAX);
	assert_int_equal(count[1199], 0);
	bytes_put(path, raw, sizeof(raw) - 1);
	assert_int_equal(kdisk_counts(sysfs(state), &disk, count), -EPROTO);
}

static void what_is_written_arrives_and_errors_come_back(void **state)
{
	char path[PATH_MAX], text[16] = "";
	struct kdisk disk;
	int fd;

	assert_false(kdisk_loaded(sysfs(state)));
	assert_int_equal(kdisk_order(sysfs(state), "scan", "1"), -ENOENT);
	disk_put(sysfs(state), "nvmvd0");
	assert_int_equal(kdisk_read(sysfs(state), "nvmvd0", &disk, NULL), 0);
	assert_int_equal(kdisk_set(sysfs(state), &disk, "policy", "mbsa"), 0);
	snprintf(path, sizeof(path), "%s/block/nvmvd0/nvmvd/policy",
		 sysfs(state));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	close(fd);
	assert_string_equal(text, "mbsa");
	/* the kernel refuses as a full device does */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/full", path), 0);
	assert_int_equal(kdisk_set(sysfs(state), &disk, "policy", "none"),
			 -ENOSPC);
}

/* The module was loaded before the kernel had made pmem devices. */
static void memory_is_known_by_the_name_that_it_would_have(void **state)
{
	(void)state;
	assert_true(in_kernel_is("namespace3.0", "namespace3.0", "pmem3"));
	assert_true(in_kernel_is("namespace3.1", "namespace3.1", "pmem3.1"));
	assert_true(in_kernel_is("pfn2.0", "pfn2.0", "pmem2"));
	assert_true(in_kernel_is("dax1.0", "dax1.0", "dax1.0"));
	assert_false(in_kernel_is("namespace3.0", "namespace3.0", "pmem30"));
	assert_false(in_kernel_is("dax1.0", "dax1.0", "pmem1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_known_by_the_name_that_it_would_have),
#define IN_SYSFS(test) \
	cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
		IN_SYSFS(all_that_the_kernel_says_is_read),
		IN_SYSFS(a_missing_attribute_is_named),
		IN_SYSFS(what_makes_no_sense_is_refused),
		IN_SYSFS(bytes_that_are_no_text_are_refused),
		IN_SYSFS(at_most_64_extents_are_taken),
		IN_SYSFS(a_name_of_no_disk_is_no_disk),
		IN_SYSFS(disks_are_listed_by_number),
		IN_SYSFS(a_node_leads_to_its_disk),
		IN_SYSFS(counts_are_whole_or_refused),
		IN_SYSFS(what_is_written_arrives_and_errors_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
