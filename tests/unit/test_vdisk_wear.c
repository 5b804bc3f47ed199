// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_vdisk_wear.c - how long the media lives below a virtual disk: each load
 * runs on the disk itself, over a media that counts the writes of every line,
 * until the most worn line has had its rated number.
 *
 * Life is given as a share of the ideal: what the same writes would reach if
 * they were spread over all lines of the area alike.
 */
#include <math.h>

#include "tests/torture/worn.h"
#include "tests/unit/vdisk_rig.h"

#define AREA		(8ull << 20)
#define ENDURANCE	1500u

struct load {
	const char *name;
	/* One step of the load. */
	void (*step)(const struct load *load, struct rig *rig);
};

/* The loads' own state; each begins anew. */
static struct {
	uint64_t random, steps;
	uint64_t burst_block, burst_left;
	double *zipf;
} now;

static uint64_t next(void)
{
	now.random ^= now.random << 13;
	now.random ^= now.random >> 7;
	now.random ^= now.random << 17;
	return now.random;
}

static void write_one(struct rig *rig, uint64_t block)
{
	static uint8_t bytes[VD_BLOCK];

	memcpy(bytes, &now.steps, sizeof(now.steps));
	if (vd_write(rig->disk, 0, block, 1, bytes, 0))
		fail_msg("write %ju fails", (uintmax_t)now.steps);
}

static void step_uniform(const struct load *load, struct rig *rig)
{
	(void)load;
	write_one(rig, next() % rig->geometry.logical_count);
}

static void step_zipf(const struct load *load, struct rig *rig)
{
	uint32_t count = rig->geometry.logical_count, low = 0, high = count - 1;
	double r;

	(void)load;
	if (!now.zipf) {
		double sum = 0;

		now.zipf = malloc(count * sizeof(*now.zipf));
		assert_non_null(now.zipf);
		for (uint32_t i = 0; i < count; i++)
			now.zipf[i] = sum += 1 / pow(i + 1, 0.99);
	}
	r = (double)(next() >> 11) / 9007199254740992.0 * now.zipf[count - 1];
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (now.zipf[middle] < r)
			low = middle + 1;
		else
			high = middle;
	}
	write_one(rig, low * 2654435761ull % count);
}

/* The paper's: 40 parts of the time on 2-3 GB of 8, 10 on 3-5, and so on. */
static void step_zones(const struct load *load, struct rig *rig)
{
	uint64_t zone_blocks = rig->geometry.logical_count / 8, zone;
	uint64_t part = next() % 135;

	(void)load;
	zone = part < 40 ? 2 : part < 50 ? 3 + (next() & 1) : part < 110 ? 5 :
	       part < 115 ? 6 : 7;
	write_one(rig, zone * zone_blocks + next() % zone_blocks);
}

static void step_one_block(const struct load *load, struct rig *rig)
{
	(void)load;
	write_one(rig, 77);
}

static void step_write_and_trim(const struct load *load, struct rig *rig)
{
	(void)load;
	write_one(rig, 77);
	assert_int_equal(vd_trim(rig->disk, 0, 77, 1), 0);
}

/* Bursts on random blocks: an attacker hopes to meet one block often. */
static void step_birthday(const struct load *load, struct rig *rig)
{
	(void)load;
	if (!now.burst_left) {
		now.burst_block = next() % rig->geometry.logical_count;
		now.burst_left = 4096;
	}
	now.burst_left--;
	write_one(rig, now.burst_block);
}

static const struct load loads[] = {
	{ "uniform", step_uniform },
	{ "zipf 0.99", step_zipf },
	{ "the paper's zones", step_zones },
	{ "one block", step_one_block },
	{ "write and trim", step_write_and_trim },
	{ "birthday paradox", step_birthday },
};

struct life {
	double share;		/* of the ideal */
	double lines_a_step;
	uint64_t worst_line;
};

/* @steps 0: until a line is worn out. */
static struct life live(const struct load *load, enum wear_policy policy,
			uint64_t steps)
{
	struct worn *worn = worn_new(AREA, NVM_BUS);
	struct rig rig = { .lanes = 1 };
	struct vd_create_args args = { .uuid = rig_uuid, .secret = 1,
		.policy = policy, .endurance = ENDURANCE, .clean = true };
	uint64_t before;
	struct life life;

	memset(&now, 0, sizeof(now));
	now.random = 88172645463325252ull;
	rig.extent[0] = &worn->media;
	rig.area = (struct vd_area){ rig.extent, 1 };
	assert_int_equal(vd_create(&rig.area, &args, NULL), 0);
	rig_open(&rig);
	/* Full, as the worst case for levelling. */
	for (uint32_t b = 0; b < rig.geometry.logical_count; b++)
		assert_int_equal(rig_write(&rig, b, 1), 0);
	before = worn->total;
	while (steps ? now.steps < steps : worn->most < ENDURANCE) {
		load->step(load, &rig);
		now.steps++;
	}
	life.lines_a_step = (double)(worn->total - before) /
			    (double)now.steps;
	life.share = (double)worn->total /
		     ((double)worn->line_count * ENDURANCE);
	life.worst_line = worn->most_line;
	rig_close(&rig);
	free(rig.mem);
	free(now.zipf);
	worn_free(worn);
	return life;
}

static void the_media_lives_long_under(void **state)
{
	const struct load *load = *state;
	struct life adaptive = live(load, WEAR_ADAPTIVE, 0);
	struct life none = live(load, WEAR_NONE, 200000);
	double extra = adaptive.lines_a_step / none.lines_a_step - 1;
	/* Without the extra writes it would have lived so much longer. */
	double share = adaptive.share / (1 + extra);

	printf("# %-18s life %.1f %% of ideal, extra writes %.2f %%, "
	       "most worn: line %ju\n", load->name, 100 * share, 100 * extra,
	       (uintmax_t)adaptive.worst_line);
	assert_true(share >= 0.93);
	assert_true(extra <= 0.03);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(loads) / sizeof(loads[0])];

	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		union {
			const void *in;
			void *out;
		} state = { .in = &loads[i] };

		tests[i] = (struct CMUnitTest){ loads[i].name,
			the_media_lives_long_under, NULL, NULL, state.out };
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
