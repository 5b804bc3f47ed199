// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_vdisk_meanwhile.c - what one lane does in the middle of another one's
 * operation: the media calls it back at the worst moment, in one thread.
 */
#include "tests/unit/vdisk_rig.h"

#define AREA	(8ull << 20)
#define BLOCK	5u		/* the one that it is about */
#define HOT	0u		/* written again and again, on lane 1 */

static struct {
	struct rig rig;
	struct nvm_media_ops ops;	/* the domain's, but for the call */
	const struct nvm_media_ops *under;
	void (*call)(void);		/* once */
	uint64_t off;			/* of the load that it is for */
	uint64_t versions;		/* of HOT */
	jmp_buf killed;
} t;

static void call_once(void)
{
	void (*call)(void) = t.call;

	t.call = NULL;
	if (call)
		call();
}

static int load(struct nvm_media *media, uint64_t off, void *dst, size_t len)
{
	if (off == t.off && len == VD_BLOCK)
		call_once();
	return t.under->load(media, off, dst, len);
}

static int store(struct nvm_media *media, uint64_t off, const void *src,
		 size_t len)
{
	call_once();
	return t.under->store(media, off, src, len);
}

static int sync_then_call(struct nvm_media *media)
{
	int err = t.under->sync(media);

	call_once();
	return err;
}

static void call_from(struct nvm_media *media)
{
	t.under = media->ops;
	t.ops = *t.under;
	t.ops.load = load;
	t.ops.load_crc = NULL;
	t.ops.sync = sync_then_call;
	media->ops = &t.ops;
	t.call = NULL;
	t.off = UINT64_MAX;
}

static void begin(enum nvm_durability durability)
{
	const uint64_t bytes[] = { AREA };
	struct vd_geometry geometry;

	assert_int_equal(vd_layout(bytes, 1, 0, &geometry, NULL), 0);
	rig_create(&t.rig, bytes, 1, geometry.block_count - 96, durability,
		   WEAR_ADAPTIVE);
	rig_open(&t.rig);
	for (unsigned b = 0; b < t.rig.geometry.logical_count; b++)
		assert_int_equal(rig_write(&t.rig, b, 1), 0);
	call_from(t.rig.extent[0]);
	t.versions = 1;
}

static int end(void **state)
{
	(void)state;
	rig_end(&t.rig);
	return 0;
}

/* Wear the spares; from then on what @block leaves would be taken first. */
static void churn(unsigned times)
{
	uint8_t bytes[VD_BLOCK];

	while (times--) {
		rig_fill(bytes, HOT, ++t.versions);
		assert_int_equal(vd_write(t.rig.disk, 1, HOT, 1, bytes, 0), 0);
	}
}

static void rewrite(void)
{
	uint8_t bytes[VD_BLOCK];

	rig_fill(bytes, BLOCK, 2);
	assert_int_equal(vd_write(t.rig.disk, 1, BLOCK, 1, bytes, 0), 0);
	/* A lane hands in what it freed by the batch. */
	churn(10);
}

static struct vd_place place_of(uint64_t block)
{
	struct vd_place place;

	assert_int_equal(vd_place(t.rig.disk, block, &place), 0);
	assert_true(place.mapped);
	return place;
}

static bool still_holds(struct vd_place place, uint64_t version)
{
	uint8_t bytes[VD_BLOCK];

	rig_fill(bytes, BLOCK, version);
	return !memcmp(t.rig.domain[0]->image + place.off_bytes, bytes,
		       VD_BLOCK);
}

static void rewrite_and_reuse(void)
{
	struct vd_place old = place_of(BLOCK);

	rewrite();
	for (unsigned i = 0; i < 400 && still_holds(old, 1); i++)
		churn(1);
	assert_false(still_holds(old, 1));
}

static void a_reader_whose_block_is_given_away_looks_again(void **state)
{
	(void)state;
	begin(NVM_BUS);
	churn(300);
	t.off = place_of(BLOCK).off_bytes;
	t.call = rewrite_and_reuse;
	rig_expect(&t.rig, BLOCK, 2);
	assert_null(t.call);
}

static void what_comes_during_a_sync_waits_for_the_next(void **state)
{
	struct vd_place old;
	struct vd_info info;

	(void)state;
	begin(NVM_SYNC);
	churn(300);
	assert_int_equal(vd_flush(t.rig.disk, 0), 0);
	old = place_of(BLOCK);
	t.call = rewrite;
	assert_int_equal(vd_flush(t.rig.disk, 0), 0);
	assert_null(t.call);
	vd_info(t.rig.disk, &info);
	assert_true(info.watermark < place_of(BLOCK).seq);
	/* Nor is what it left used again. */
	churn(20);
	assert_true(still_holds(old, 1));
	assert_int_equal(vd_flush(t.rig.disk, 0), 0);
	vd_info(t.rig.disk, &info);
	assert_true(info.watermark >= place_of(BLOCK).seq);
	churn(20);
	assert_false(still_holds(old, 1));
}

/* Everybody is killed: who waits for a lane that does not go on, too. */
static void die(void *ctx)
{
	(void)ctx;
	longjmp(t.killed, 1);
}

static void write_everything_and_die(void)
{
	uint8_t bytes[VD_BLOCK] = { 1 };

	for (unsigned b = 0; b < t.rig.geometry.logical_count; b++)
		assert_int_equal(vd_write(t.rig.disk, 1, b, 1, bytes, 0), 0);
	die(NULL);
}

/* A recovery has room for so many writes in flight, and not for any number. */
static void nobody_runs_far_ahead_of_a_slow_writer(void **state)
{
	const uint64_t bytes[] = { 8 * AREA };
	struct vd_open_args args = { .lane_count = 2, .relax = die };

	(void)state;
	rig_create(&t.rig, bytes, 1, 0, NVM_BUS, WEAR_NONE);
	rig_open(&t.rig);
	args.mem = t.rig.mem;
	args.mem_bytes = vd_memory_bytes(&t.rig.geometry, 2);
	assert_int_equal(vd_open(&t.rig.area, &args, &t.rig.disk, NULL), 0);
	call_from(t.rig.extent[0]);
	t.ops.store = store;
	t.call = write_everything_and_die;
	if (!setjmp(t.killed))
		rig_write(&t.rig, BLOCK, 2);
	t.call = NULL;
	rig_open(&t.rig);
	rig_close(&t.rig);
}

/* ---- a source that changes ---------------------------------------------------- */

static uint8_t changing[VD_BLOCK];

/* Its owner changes the block as soon as it has been read. */
static int store_crc(struct nvm_media *media, uint64_t off, const void *src,
		     uint32_t *ret_crc)
{
	int err = t.under->store(media, off, src, VD_BLOCK);

	*ret_crc = t.under->crc32c(0, src, VD_BLOCK);
	rig_fill(changing, BLOCK, 3);
	return err;
}

static void a_source_is_read_once_where_the_media_sums_up_what_it_stores(void **state)
{
	(void)state;
	begin(NVM_BUS);
	t.ops.store_crc = store_crc;
	rig_fill(changing, BLOCK, 2);
	assert_int_equal(vd_write(t.rig.disk, 0, BLOCK, 1, changing, 0), 0);
	rig_expect(&t.rig, BLOCK, 2);
	rig_close(&t.rig);
	rig_open(&t.rig);
	rig_expect(&t.rig, BLOCK, 2);
	rig_close(&t.rig);
}

int main(void)
{
#define T(test) cmocka_unit_test_teardown(test, end)
	const struct CMUnitTest tests[] = {
		T(a_reader_whose_block_is_given_away_looks_again),
		T(what_comes_during_a_sync_waits_for_the_next),
		T(nobody_runs_far_ahead_of_a_slow_writer),
		T(a_source_is_read_once_where_the_media_sums_up_what_it_stores),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
