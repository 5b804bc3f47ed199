/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * example.c - a virtual disk in a file, made if it is not there: read a block,
 * write it, read it again.
 *
 *	cc example.c $(pkg-config --cflags --libs libnvmpool) && ./a.out disk.img
 */
#include <err.h>
#include <hosted/area.h>
#include <hosted/arena.h>
#include <hosted/lock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static void must(int failed)
{
	if (failed)
		errx(1, "%s", nvm_strerror(failed));
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "disk.img";
	struct vd_create_args create = { .policy = WEAR_ADAPTIVE, .clean = true };
	struct vd_open_args open = { .lane_count = 1 };	/* threads at once */
	char block[VD_BLOCK], hello[VD_BLOCK] = "hello";
	uint8_t uuid[VD_UUID_LEN];
	struct vd_geometry geometry;
	struct failure failure;
	struct backing *file;
	struct area *area;
	struct vdisk *disk;
	int status = backing_open(path, BACKING_WRITE, &file, &failure);
	bool is_new = status == -NVM_ENOENT;

	if (is_new)
		status = backing_create(path, 64 << 20, &file, &failure);
	if (status || lock_pool(file, LOCK_EXCLUSIVE, NULL, &failure) ||
	    area_open(&path, 1, BACKING_WRITE, STRAY_AUTO, &area, &failure))
		errx(1, "%s", failure.text);
	create.uuid = uuid;
	if (getentropy(uuid, sizeof(uuid)) || getentropy(&create.secret, 8))
		errx(1, "no random bytes");
	if (is_new)
		must(vd_create(area_extents(area), &create, NULL));
	must(vd_probe(area_extents(area), &geometry, NULL, NULL));
	open.mem_bytes = vd_memory_bytes(&geometry, 1);
	open.mem = arena_alloc(open.mem_bytes);
	must(vd_open(area_extents(area), &open, &disk, NULL));
	must(vd_read(disk, 0, 7, 1, block));
	printf("block 7 of %u was '%.9s'\n", geometry.logical_count, block);
	must(vd_write(disk, 0, 7, 1, hello, 0));
	must(vd_read(disk, 0, 7, 1, block));
	printf("and is '%.9s'\n", block);
	must(vd_close(disk, NULL));
	free(open.mem);
	area_close(area);
	backing_close(file);
	return 0;
}
