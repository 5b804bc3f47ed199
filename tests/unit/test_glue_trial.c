/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_glue_trial.c - trying a backing leaves nothing behind and says what is
 * so; the verdict says of every backing and device what it must.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <glib.h>

#include "qemu-glue/trial.h"
#include "qemu-glue/verdict.h"

static char *directory;
static struct failure failure;

static unsigned files_in(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	unsigned count = 0;

	assert_non_null(dir);
	while (g_dir_read_name(dir))
		count++;
	g_dir_close(dir);
	return count;
}

/* ---- trying --------------------------------------------------------------- */

static void a_directory_is_tried_and_nothing_is_left_in_it(void **state)
{
	struct trial trial;

	(void)state;
	if (trial_run(directory, &trial, &failure))
		fail_msg("%s", failure.text);
	assert_true(trial.directory);
	assert_int_equal(trial.info.kind, BACKING_FILE);
	for (int i = 0; i < TRIAL_COUNT; i++)
		assert_true(trial.answer[i].text[0] != 0);
	assert_int_equal(files_in(directory), 0);
}

static void a_files_bytes_and_times_stay_as_they_are(void **state)
{
	char *path = g_build_filename(directory, "pool", NULL), *after;
	char before[8192];
	struct stat one, two;
	struct trial trial;
	gsize len;

	(void)state;
	for (size_t i = 0; i < sizeof(before); i++)
		before[i] = (char)(i * 7);
	assert_true(g_file_set_contents(path, before, sizeof(before), NULL));
	assert_int_equal(stat(path, &one), 0);
	if (trial_run(path, &trial, &failure))
		fail_msg("%s", failure.text);
	assert_false(trial.directory);
	assert_int_equal(trial.answer[TRIAL_FSYNC].result,
			 trial.info.tmpfs ? TRIAL_NO : TRIAL_YES);
	assert_int_equal(stat(path, &two), 0);
	assert_int_equal(one.st_mtim.tv_nsec, two.st_mtim.tv_nsec);
	assert_true(g_file_get_contents(path, &after, &len, NULL));
	assert_int_equal(len, sizeof(before));
	assert_memory_equal(before, after, len);
	g_free(after);
	unlink(path);
	assert_int_equal(files_in(directory), 0);
	g_free(path);
}

static void an_empty_file_is_tried_as_what_it_could_become(void **state)
{
	char *path = g_build_filename(directory, "empty", NULL);
	struct trial trial;

	(void)state;
	assert_true(g_file_set_contents(path, "", 0, NULL));
	if (trial_run(path, &trial, &failure))
		fail_msg("%s", failure.text);
	assert_non_null(strstr(trial.info.path, "/empty"));
	assert_true(trial.answer[TRIAL_HUGE].result != TRIAL_UNTRIED);
	unlink(path);
	assert_int_equal(files_in(directory), 0);
	g_free(path);
}

static void what_cannot_be_tried_is_an_error(void **state)
{
	struct trial trial;

	(void)state;
	assert_int_equal(trial_run("/no/such/path", &trial, &failure),
			 -ENOENT);
	assert_int_equal(trial_run("/dev/null", &trial, &failure),
			 -EOPNOTSUPP);
	assert_true(trial_run("/proc", &trial, &failure) < 0);
	assert_non_null(strstr(failure.text, "scratch file"));
}

/* Mounts of our own say exactly what must come out. */
static void tmpfs_with_and_without_huge_pages_is_told_apart(void **state)
{
	static const struct {
		const char *options;
		enum trial_result huge;
	} mounts[] = {
		{ "size=32M,huge=always", TRIAL_YES },
		{ "size=32M,huge=advise", TRIAL_YES },
		{ "size=32M,huge=never", TRIAL_NO },
		{ "size=3M,huge=never", TRIAL_NO },	/* full: SIGBUS inside */
	};
	struct trial trial;

	(void)state;
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		if (mount("tmpfs", directory, "tmpfs", 0, mounts[i].options)) {
			print_message("SKIP: cannot mount a tmpfs: %s\n",
				      strerror(errno));
			skip();
		}
		if (i == 3) {
			char *path = g_build_filename(directory, "fill", NULL);
			int fd = open(path, O_RDWR | O_CREAT, 0600);

			assert_int_equal(posix_fallocate(fd, 0, 2 << 20), 0);
			close(fd);
			g_free(path);
		}
		if (trial_run(directory, &trial, &failure))
			fail_msg("%s", failure.text);
		umount(directory);
		assert_int_equal(trial.answer[TRIAL_HUGE].result,
				 mounts[i].huge);
		assert_int_equal(trial.answer[TRIAL_MAP_SYNC].result,
				 TRIAL_NO);
		assert_int_equal(trial.answer[TRIAL_FSYNC].result, TRIAL_NO);
		if (i == 3)
			assert_non_null(strstr(trial.answer[TRIAL_HUGE].text,
					       "SIGBUS"));
		else
			assert_int_equal(trial.answer[TRIAL_PUNCH].result,
					 TRIAL_YES);
		assert_int_equal(trial.info.durable, BACKING_DURABLE_NEVER);
	}
}

/* ---- the verdict --------------------------------------------------------------- */

static const struct backing_info
	file = { .kind = BACKING_FILE, .durable = BACKING_DURABLE_SYNC },
	tmpfs = { .kind = BACKING_FILE, .tmpfs = true,
		  .durable = BACKING_DURABLE_NEVER },
	block = { .kind = BACKING_BLOCK, .durable = BACKING_DURABLE_SYNC,
		  .has_namespace = true, .ns.domain = DOMAIN_MEMORY },
	fsdax = { .kind = BACKING_FILE, .map_sync = true,
		  .durable = BACKING_DURABLE_BUS },
	devdax = { .kind = BACKING_DEVDAX, .map_sync = true,
		   .durable = BACKING_DURABLE_BUS, .has_namespace = true,
		   .ns.domain = DOMAIN_MEMORY },
	eadr = { .kind = BACKING_DEVDAX, .map_sync = true,
		 .durable = BACKING_DURABLE_BUS, .has_namespace = true,
		 .ns.domain = DOMAIN_CACHE },
	silent = { .kind = BACKING_DEVDAX, .map_sync = true,
		   .durable = BACKING_DURABLE_BUS, .has_namespace = true,
		   .ns.domain = DOMAIN_UNKNOWN },
	dram = { .kind = BACKING_DEVDAX, .map_sync = true,
		 .durable = BACKING_DURABLE_NEVER };

static void the_loss_of_power_is_judged_row_by_row(void **state)
{
	static const struct {
		const struct backing_info *info;
		enum pool_device device;
		enum trial_result fsync;
		enum verdict_survives survives;
	} rows[] = {
		{ &file, POOL_DEVICE_VIRTIO_PMEM, TRIAL_YES, SURVIVES_FLUSHED },
		{ &file, POOL_DEVICE_VIRTIO_PMEM, TRIAL_NO, SURVIVES_NOTHING },
		{ &file, POOL_DEVICE_VIRTIO_PMEM, TRIAL_UNTRIED,
		  SURVIVES_UNKNOWN },
		{ &file, POOL_DEVICE_NVDIMM, TRIAL_YES, SURVIVES_NOTHING },
		{ &block, POOL_DEVICE_VIRTIO_PMEM, TRIAL_YES,
		  SURVIVES_FLUSHED },
		{ &block, POOL_DEVICE_NVDIMM, TRIAL_YES, SURVIVES_NOTHING },
		{ &tmpfs, POOL_DEVICE_VIRTIO_PMEM, TRIAL_YES,
		  SURVIVES_NOTHING },
		{ &tmpfs, POOL_DEVICE_NVDIMM, TRIAL_YES, SURVIVES_NOTHING },
		{ &fsdax, POOL_DEVICE_NVDIMM, TRIAL_NO, SURVIVES_FLUSHED },
		{ &fsdax, POOL_DEVICE_VIRTIO_PMEM, TRIAL_YES,
		  SURVIVES_FLUSHED },
		{ &devdax, POOL_DEVICE_NVDIMM, TRIAL_NO, SURVIVES_FLUSHED },
		{ &eadr, POOL_DEVICE_NVDIMM, TRIAL_NO, SURVIVES_FLUSHED },
		{ &silent, POOL_DEVICE_NVDIMM, TRIAL_NO, SURVIVES_UNKNOWN },
		{ &dram, POOL_DEVICE_NVDIMM, TRIAL_NO, SURVIVES_NOTHING },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct verdict verdict = verdict_of(EVENT_HOST_LOSS,
			rows[i].info, rows[i].fsync, rows[i].device, false);

		if (verdict.survives != rows[i].survives)
			fail_msg("row %zu: '%s', because %s", i,
				 verdict_survives_name(verdict.survives),
				 verdict.why);
		assert_true(verdict.why[0] != 0);
	}
}

static void what_kills_only_the_vm_loses_nothing(void **state)
{
	static const struct backing_info *const all[] = {
		&file, &tmpfs, &block, &fsdax, &devdax, &dram,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (int event = EVENT_GUEST_CRASH; event <= EVENT_VMM_KILL;
		     event++)
			assert_int_equal(verdict_of((enum verdict_event)event,
				all[i], TRIAL_NO, POOL_DEVICE_NVDIMM,
				false).survives, SURVIVES_ALL);
}

static void a_read_only_child_has_nothing_to_lose_but_on_tmpfs(void **state)
{
	(void)state;
	assert_int_equal(verdict_of(EVENT_HOST_LOSS, &file, TRIAL_YES,
			 POOL_DEVICE_NVDIMM, true).survives, SURVIVES_ALL);
	assert_int_equal(verdict_of(EVENT_HOST_LOSS, &tmpfs, TRIAL_YES,
			 POOL_DEVICE_NVDIMM, true).survives, SURVIVES_NOTHING);
}

static int setup(void **state)
{
	(void)state;
	directory = g_dir_make_tmp("nvmpool-trial-XXXXXX", NULL);
	return directory ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	umount2(directory, MNT_DETACH);
	rmdir(directory);
	g_free(directory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_is_tried_and_nothing_is_left_in_it),
		cmocka_unit_test(a_files_bytes_and_times_stay_as_they_are),
		cmocka_unit_test(an_empty_file_is_tried_as_what_it_could_become),
		cmocka_unit_test(what_cannot_be_tried_is_an_error),
		cmocka_unit_test(
			tmpfs_with_and_without_huge_pages_is_told_apart),
		cmocka_unit_test(the_loss_of_power_is_judged_row_by_row),
		cmocka_unit_test(what_kills_only_the_vm_loses_nothing),
		cmocka_unit_test(
			a_read_only_child_has_nothing_to_lose_but_on_tmpfs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
