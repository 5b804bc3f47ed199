// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_vdisk_threads.c - several threads on one disk, on a real mapping of a
 * file: writers of the same and of other blocks, partial writes of one block,
 * trims, moves, pins.  Built with SANITIZE=thread it shows that what they
 * share is shared in order.
 */
#include <pthread.h>
#include <sched.h>

#include "tests/unit/hosted_scratch.h"
#include "tests/unit/vdisk_rig.h"

#define THREADS		4u
#define OWN		64u	/* blocks that one thread writes */
#define SHARED		16u	/* blocks that all write */
#ifndef ROUNDS
#define ROUNDS		6000u
#endif

struct worker {
	struct vdisk *disk;
	pthread_t thread;
	unsigned number;
	uint64_t random;
	uint64_t last[OWN];
	uint64_t sector_last;
	unsigned failures;
};

static uint64_t next(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static uint64_t own_block(const struct worker *w, unsigned i)
{
	return SHARED + 1 + w->number * OWN + i;
}

/* Is it one whole version of the block, or zeros? */
static bool is_whole(const uint8_t found[VD_BLOCK], uint64_t block)
{
	static const uint8_t zero[VD_BLOCK];
	uint8_t expected[VD_BLOCK];
	uint64_t word;

	if (!memcmp(found, zero, VD_BLOCK))
		return true;
	memcpy(&word, found, 8);
	/* rig_fill() is a bijection of the version: 0x9e37...15 is odd. */
	word *= 0xf1de83e19937733dull;
	rig_fill(expected, block, word ^ block << 32);
	return !memcmp(found, expected, VD_BLOCK);
}

static void own_step(struct worker *w)
{
	uint8_t bytes[VD_BLOCK];
	unsigned i = (unsigned)(next(w) % OWN);
	uint64_t block = own_block(w, i);

	if (vd_read(w->disk, w->number, block, 1, bytes))
		w->failures++;
	if (w->last[i]) {
		uint8_t expected[VD_BLOCK];

		rig_fill(expected, block, w->last[i]);
		w->failures += !!memcmp(bytes, expected, VD_BLOCK);
	}
	if (next(w) % 8 == 0) {
		w->failures += !!vd_trim(w->disk, w->number, block, 1);
		w->last[i] = 0;
		return;
	}
	w->last[i] = next(w) | 1;
	rig_fill(bytes, block, w->last[i]);
	w->failures += !!vd_write(w->disk, w->number, block, 1, bytes, 0);
}

static void shared_step(struct worker *w)
{
	uint8_t bytes[4 * VD_BLOCK];
	uint64_t first = next(w) % (SHARED - 3);
	unsigned count = 1 + (unsigned)(next(w) % 4);

	if (next(w) % 2) {
		for (unsigned i = 0; i < count; i++)
			rig_fill(bytes + i * VD_BLOCK, first + i,
				 next(w) | 1);
		w->failures += !!vd_write(w->disk, w->number, first, count,
					  bytes, next(w) % 2 ? VD_WRITE_ATOMIC
							     : 0);
	} else if (next(w) % 8 == 0) {
		w->failures += !!vd_trim(w->disk, w->number, first, count);
	} else {
		w->failures += !!vd_read(w->disk, w->number, first, count,
					 bytes);
		for (unsigned i = 0; i < count; i++)
			w->failures += !is_whole(bytes + i * VD_BLOCK,
						 first + i);
	}
}

/* All threads write one block, each its own sector of it. */
static void sector_step(struct worker *w)
{
	uint8_t sector[VD_SECTOR], found[VD_SECTOR];
	uint64_t off = SHARED * VD_BLOCK + w->number * VD_SECTOR;

	memset(sector, (int)(w->sector_last & 0xff), sizeof(sector));
	w->failures += !!vd_pread(w->disk, w->number, off, VD_SECTOR, found);
	w->failures += !!memcmp(sector, found, VD_SECTOR);
	w->sector_last = next(w);
	memset(sector, (int)(w->sector_last & 0xff), sizeof(sector));
	w->failures += !!vd_pwrite(w->disk, w->number, off, VD_SECTOR, sector,
				   0);
}

static void pin_step(struct worker *w)
{
	const void *pinned;
	uint8_t copy[VD_BLOCK];
	uint64_t block = next(w) % SHARED;
	int err = vd_pin(w->disk, w->number, block, &pinned);

	if (err == -NVM_EBUSY)
		return;
	w->failures += !!err;
	if (err || !pinned)
		return;
	memcpy(copy, pinned, VD_BLOCK);
	w->failures += !is_whole(copy, block);
	sched_yield();
	w->failures += !!memcmp(copy, pinned, VD_BLOCK);
	vd_unpin(w->disk, w->number, pinned);
}

static void *work(void *ctx)
{
	struct worker *w = ctx;

	for (unsigned i = 0; i < ROUNDS; i++) {
		switch (next(w) % 8) {
		case 0: case 1: case 2: own_step(w); break;
		case 3: case 4: shared_step(w); break;
		case 5: sector_step(w); break;
		case 6: pin_step(w); break;
		default:
			w->failures += !!vd_level(w->disk, w->number, 4, 2,
						  true, NULL);
			if (next(w) % 64 == 0)
				w->failures += !!vd_flush(w->disk, w->number);
		}
	}
	return NULL;
}

static void yield(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static void disk_open(struct rig *rig)
{
	struct vd_open_args args = { .lane_count = THREADS, .relax = yield };

	free(rig->mem);
	assert_int_equal(vd_probe(&rig->area, &rig->geometry, NULL, NULL), 0);
	assert_in_range(THREADS, 1, vd_lanes_max(&rig->geometry));
	rig->mem = aligned_alloc(64, vd_memory_bytes(&rig->geometry, THREADS));
	args.mem = rig->mem;
	args.mem_bytes = vd_memory_bytes(&rig->geometry, THREADS);
	assert_int_equal(vd_open(&rig->area, &args, &rig->disk, NULL), 0);
}

static void threads_run(const struct scratch *scratch,
			enum nvm_durability durability)
{
	struct worker worker[THREADS];
	struct vd_create_args create = { .uuid = rig_uuid, .secret = 1,
		.policy = WEAR_ADAPTIVE, .clean = true };
	struct backing *backing;
	struct rig rig = { .lanes = THREADS };

	backing = scratch_create(scratch_path(scratch->shm, "disk"), 8 * MIB);
	rig.extent[0] = backing_media(backing);
	rig.extent[0]->durability = durability;
	rig.area = (struct vd_area){ rig.extent, 1 };
	assert_int_equal(vd_create(&rig.area, &create, NULL), 0);
	disk_open(&rig);
	for (unsigned t = 0; t < THREADS; t++) {
		worker[t] = (struct worker){ .disk = rig.disk, .number = t,
			.random = 88172645463325252ull + t * 7919 };
		assert_int_equal(pthread_create(&worker[t].thread, NULL, work,
						&worker[t]), 0);
	}
	for (unsigned t = 0; t < THREADS; t++) {
		pthread_join(worker[t].thread, NULL);
		assert_int_equal(worker[t].failures, 0);
	}
	/* Killed and opened again: the same. */
	for (unsigned reopened = 0; reopened < 2; reopened++) {
		struct rig_problems problems = rig_check(&rig, false);

		assert_int_equal(problems.count, 0);
		for (unsigned t = 0; t < THREADS; t++) {
			uint8_t sector[VD_SECTOR], found[VD_SECTOR];

			for (unsigned i = 0; i < OWN; i++)
				rig_expect(&rig, own_block(&worker[t], i),
					   worker[t].last[i]);
			memset(sector, (int)(worker[t].sector_last & 0xff),
			       sizeof(sector));
			assert_int_equal(vd_pread(rig.disk, 0, SHARED *
						  VD_BLOCK + t * VD_SECTOR,
						  VD_SECTOR, found), 0);
			assert_memory_equal(sector, found, VD_SECTOR);
		}
		disk_open(&rig);
	}
	assert_int_equal(vd_close(rig.disk, NULL), 0);
	backing_close(backing);
	free(rig.mem);
}

static void on_bus_media(void **state)
{
	threads_run(*state, NVM_BUS);
}

static void on_sync_media(void **state)
{
	threads_run(*state, NVM_SYNC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(on_bus_media, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(on_sync_media, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
