/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_hosted_block.c - a real block device (a loop device over a file): what
 * a backing says of it, what reaches it, and whether its users are seen.
 * Needs root; without it, every test is skipped aloud.
 */
#include "hosted_scratch.h"

#include <errno.h>
#include <linux/loop.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "hosted/in_use.h"
#include "hosted/signature.h"

extern char **environ;

#define LOOP_BYTES	(16 * MIB)

static char loop_path[64];	/* "" where there can be none */
static int loop_fd = -1;

static int loop_setup(void **state)
{
	struct loop_config config = { .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	struct scratch *scratch;
	int control, number;

	if (scratch_setup(state))
		return -1;
	scratch = *state;
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return 0;
	number = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	snprintf(loop_path, sizeof(loop_path), "/dev/loop%d", number);
	backing_close(scratch_create(scratch_path(scratch->dir, "loop"),
				     LOOP_BYTES));
	config.fd = (uint32_t)open(scratch_path(scratch->dir, "loop"), O_RDWR);
	loop_fd = number < 0 ? -1 : open(loop_path, O_RDWR | O_CLOEXEC);
	if (loop_fd < 0 || ioctl(loop_fd, LOOP_CONFIGURE, &config))
		loop_path[0] = '\0';
	close((int)config.fd);
	return 0;
}

static int loop_teardown(void **state)
{
	if (loop_fd >= 0)
		close(loop_fd);
	return scratch_teardown(state);
}

static void need_loop(void)
{
	if (!*loop_path) {
		print_message("# skipped: no loop device to be had\n");
		skip();
	}
}

static void a_block_device_is_durable_at_sync_and_says_why(void **state)
{
	const struct backing_info *info;
	struct backing *backing;

	(void)state;
	need_loop();
	backing = scratch_open(loop_path, BACKING_WRITE);
	info = backing_info(backing);
	assert_int_equal(info->kind, BACKING_BLOCK);
	assert_int_equal(info->size_bytes, LOOP_BYTES);
	assert_int_equal(info->durable, BACKING_DURABLE_SYNC);
	assert_int_equal(backing_media(backing)->durability, NVM_SYNC);
	assert_non_null(strstr(info->reason, "page cache"));
	assert_false(info->has_namespace);
	assert_true(info->rdev != 0);
	backing_close(backing);
}

static void stores_and_discards_reach_the_device(void **state)
{
	struct scratch *scratch = *state;
	uint8_t bytes[65536], back[65536], zeros[65536] = { 0 };
	struct backing *backing;
	struct nvm_media *media;

	need_loop();
	memset(bytes, 0x5a, sizeof(bytes));
	backing = scratch_open(loop_path, BACKING_WRITE);
	media = backing_media(backing);
	assert_int_equal(media->ops->store(media, MIB, bytes, sizeof(bytes)),
			 0);
	assert_int_equal(media->ops->reserve(media, 0, LOOP_BYTES), 0);
	assert_int_equal(media_barrier(media), 0);
	assert_int_equal(scratch_byte(scratch_path(scratch->dir, "loop"),
				      MIB + 65535), 0x5a);
	assert_int_equal(media->ops->discard(media, MIB + 4096, 32768), 0);
	assert_int_equal(media->ops->discard(media, MIB + 50001, 10), 0);
	assert_int_equal(media_barrier(media), 0);
	assert_int_equal(media->ops->load(media, MIB, back, sizeof(back)), 0);
	assert_memory_equal(back, bytes, 4096);
	assert_memory_equal(back + 4096, zeros, 32768);
	assert_memory_equal(back + 36864, bytes, 50001 - 36864);
	assert_memory_equal(back + 50001, zeros, 10);
	assert_memory_equal(back + 50011, bytes, 65536 - 50011);
	assert_int_equal(scratch_byte(scratch_path(scratch->dir, "loop"),
				      MIB + 4096), 0);
	backing_close(backing);
}

static void a_private_backing_leaves_the_device_alone(void **state)
{
	struct backing *backing;
	struct nvm_media *media;
	char back[4] = "";

	(void)state;
	need_loop();
	backing = scratch_open(loop_path, BACKING_WRITE);
	media = backing_media(backing);
	assert_int_equal(media->ops->store(media, 0, "old", 4), 0);
	assert_int_equal(media_barrier(media), 0);
	backing_close(backing);
	backing = scratch_open(loop_path, BACKING_PRIVATE);
	media = backing_media(backing);
	assert_int_equal(media->ops->store(media, 0, "new", 4), 0);
	assert_int_equal(media->ops->discard(media, 0, MIB), 0);
	backing_close(backing);
	backing = scratch_open(loop_path, BACKING_READ);
	media = backing_media(backing);
	assert_int_equal(media->ops->load(media, 0, back, 4), 0);
	assert_string_equal(back, "old");
	backing_close(backing);
}

/* Maps the second MiB through that node, and closes the descriptor. */
static int helper_map_node(void *arg)
{
	int fd = open(arg, O_RDWR | O_CLOEXEC);
	void *map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 (off_t)MIB);

	close(fd);
	return map == MAP_FAILED;
}

static void a_mapping_through_another_node_is_found(void **state)
{
	struct scratch *scratch = *state;
	struct scratch_helper helper;
	struct backing *backing;
	struct use_list list;
	struct stat st;
	char node[128];
	int fd;

	need_loop();
	assert_int_equal(stat(loop_path, &st), 0);
	snprintf(node, sizeof(node), "%s/node", scratch->shm);
	fd = mknod(node, S_IFBLK | 0600, st.st_rdev) ? -1 :
	     open(node, O_RDONLY);
	if (fd < 0) {
		print_message("# skipped: no device nodes of our own\n");
		skip();
	}
	close(fd);
	helper = scratch_helper_start(helper_map_node, node);
	backing = scratch_open(loop_path, BACKING_READ);
	assert_int_equal(use_find(backing, USE_WANT_MAP, NULL, 0, &list, NULL),
			 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.use[0].pid, helper.pid);
	assert_int_equal(list.use[0].range.off_bytes, MIB);
	use_list_free(&list);
	scratch_helper_stop(&helper);
	backing_close(backing);
}

/* In a mount namespace of our own: make a file system and mount it. */
static int mounted_work(void *arg)
{
	const char *point = arg;
	const char *const argv[] = { "mkfs.ext4", "-q", "-F", loop_path, NULL };
	struct signature found[SIGNATURES_MAX];
	struct backing *backing;
	struct use_list list;
	char text[256], expected[256];
	int status, result = 0;
	size_t count;
	pid_t pid;

	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    posix_spawnp(&pid, argv[0], NULL, NULL,
			 (char *const *)(uintptr_t)argv, environ) ||
	    waitpid(pid, &status, 0) != pid || status ||
	    mount(loop_path, point, "ext4", 0, NULL))
		return 77;
	snprintf(expected, sizeof(expected), "mounted on '%s'", point);
	if (backing_open(loop_path, BACKING_READ, &backing, NULL))
		return 1;
	if (signature_find(backing, found, &count, NULL) || count != 1 ||
	    found[0].kind != SIGNATURE_FILE_SYSTEM)
		result = 2;
	if (use_find(backing, USE_WANT_MOUNT, NULL, 0, &list, NULL) ||
	    list.count != 1 || list.use[0].kind != USE_MOUNT ||
	    strcmp(use_describe(&list.use[0], text, sizeof(text)), expected))
		result = 3;
	umount(point);
	if (!result &&
	    (use_find(backing, USE_WANT_MOUNT, NULL, 0, &list, NULL) ||
	     list.count))
		result = 4;
	backing_close(backing);
	return result;
}

static void a_mounted_file_system_is_seen_with_its_place(void **state)
{
	struct scratch *scratch = *state;
	char point[128];
	int status;

	need_loop();
	/* A blank in the name: the kernel writes it as \040. */
	snprintf(point, sizeof(point), "%s/a b", scratch->shm);
	assert_int_equal(mkdir(point, 0700), 0);
	status = scratch_child(mounted_work, point);
	if (status == 77) {
		print_message("# skipped: cannot make and mount an ext4\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_device_is_durable_at_sync_and_says_why),
		cmocka_unit_test(stores_and_discards_reach_the_device),
		cmocka_unit_test(a_private_backing_leaves_the_device_alone),
		cmocka_unit_test(a_mapping_through_another_node_is_found),
		cmocka_unit_test(a_mounted_file_system_is_seen_with_its_place),
	};

	return cmocka_run_group_tests(tests, loop_setup, loop_teardown);
}
