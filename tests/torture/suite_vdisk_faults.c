// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_vdisk_faults.c - a virtual disk on media that rot, are poisoned and
 * misdirect: each bit of each structure that holds something, each line and
 * each two copies, one at a time, on disks in five states; and a fault chosen
 * by the seed in each image of a crash.
 *
 * Bounds: of pages, words that are zero have one bit in 97 tried; of trim logs
 * and of data, bits are stepped over where there are too many (BITS_MAX).
 */
#include <stdlib.h>
#include <string.h>

#include "tests/torture/suites.h"
#include "tests/torture/vops.h"
#include "tests/torture/vwatch.h"

#define BITS_MAX	6000u		/* of a case, at effort 128 */

/* ---- disks --------------------------------------------------------------------- */

enum disk_state {
	DISK_FRESH,	/* created, never opened */
	DISK_CLEAN,	/* with void, bad and trim log blocks; closed */
	DISK_DIRTY,	/* that, and used again */
	DISK_SYNC,	/* the same on media of class SYNC, with writes of which
			   nobody knows whether they are durable */
	DISK_LOGS,	/* four trim logs */
};
#define DISK_COUNT 5

static const char *const disk_name[] = {
	"fresh", "clean", "dirty", "sync", "logs"
};

/* Block 7's place becomes BAD: it is poisoned when it is read. */
static bool retire_one(struct vplay *play)
{
	static const struct vstep write = { VSTEP_WRITE, 7, 1 };
	struct domain *domain = play->yard->domain;
	uint8_t bytes[VD_BLOCK];
	struct faults faults;
	struct vd_place place;
	bool good;

	vyard_must(!vd_place(play->yard->disk, 7, &place) && place.mapped,
		   "place");
	faults = fault_poison(place.off_bytes, 64);
	faults_apply(domain, &faults, NULL, NULL);
	vyard_must(vd_read(play->yard->disk, 0, 7, 1, bytes), "poison");
	good = vplay_steps(play, &write, 1);
	faults_heal(domain);
	return good;
}

static bool disk_age(struct vbase *base, enum disk_state state,
		     struct verdict *verdict)
{
	static const struct vstep open = { VSTEP_OPEN, 0, 0 };
	static const struct vstep close = { VSTEP_CLOSE, 0, 0 };
	static const struct vstep more[] = {
		{ VSTEP_OPEN, 0, 0 }, { VSTEP_WRITE, 0, 3 },
		{ VSTEP_ATOMIC, 4, 3 }, { VSTEP_TRIM, 8, 1 },
		{ VSTEP_WRITE, 0, 1 }, { VSTEP_FLUSH, 0, 0 },
		{ VSTEP_WRITE, 9, 1 }, { VSTEP_TRIM, 3, 1 },
		{ VSTEP_ATOMIC, 10, 2 }, { VSTEP_WRITE, 1, 1 },
	};
	struct vplay play = { .yard = &base->yard, .history = &base->history,
		.trace = &base->trace, .tag = base->tag, .verdict = verdict };
	bool good;

	domain_record(base->yard.domain, &base->trace);
	good = vplay_steps(&play, &open, 1) && retire_one(&play) &&
	       vplay_steps(&play, &close, 1);
	if (state != DISK_CLEAN)
		good = good && vplay_steps(&play, more,
					   sizeof(more) / sizeof(*more));
	domain_record(base->yard.domain, NULL);
	base->tag = play.tag;
	vhistory_collapse(&base->history);
	trace_reset(&base->trace);
	return good;
}

/* The disk of a group; TORN, so that its recovery leaves VOIDs. */
static struct vbase *disk_begin(struct suite_memory *memory,
				enum disk_state state,
				struct torture_result *result)
{
	static const enum vstate from[] = {
		VSTATE_FRESH, VSTATE_TORN, VSTATE_TORN, VSTATE_TORN, VSTATE_LOGS
	};
	bool had = memory->has_vbase;
	struct vbase *base = suite_vbase(memory, from[state],
		state == DISK_SYNC ? NVM_SYNC : NVM_BUS, result);
	struct verdict verdict = { "" };

	if (!base || had || from[state] != VSTATE_TORN ||
	    disk_age(base, state, &verdict))
		return base;
	snprintf(result->why, sizeof(result->why), "building the disk: %.200s",
		 verdict.why);
	suite_forget(memory);
	return NULL;
}

/* ---- trying faults --------------------------------------------------------------- */

struct hunt {
	struct vwatch watch;
	const struct torture_how *how;
	struct torture_result *result;
	uint64_t tries;
	unsigned full_every;
	bool good, all_bits;
	struct faults only;		/* replay; count 0: no */
};

/* True: go on. */
static bool try_faults(struct hunt *hunt, struct faults faults)
{
	struct domain *domain = hunt->watch.yard->domain;
	bool full = hunt->only.count ||
		    hunt->tries % hunt->full_every == 0;

	if (!hunt->good)
		return false;
	if (hunt->how->what && !hunt->only.count)
		return true;
	hunt->tries++;
	domain_mark(domain);
	hunt->good = vwatch_judge(&hunt->watch, &faults, full);
	domain_back(domain);
	faults_heal(domain);
	if (!hunt->good)
		faults_print(&faults, hunt->result->what,
			     sizeof(hunt->result->what));
	return hunt->good;
}

static void flip(struct hunt *hunt, uint64_t off, uint64_t len, uint64_t stride)
{
	const struct domain *domain = hunt->watch.yard->domain;
	uint64_t first = stride > 1 ? hunt->how->seed % stride : 0;

	for (uint64_t bit = first; bit < len * 8; bit += stride) {
		/* Of what holds nothing, some. */
		if (len == NVM_PAGE && !domain_word(domain, (off + bit / 8) / 8) &&
		    bit % 97)
			continue;
		if (!try_faults(hunt, fault_bit(off * 8 + bit)))
			return;
	}
}

static void flip_supers(struct hunt *hunt)
{
	const struct vmedia *media = &hunt->watch.media;
	uint64_t stride = faults_stride(1, 1, hunt->how->effort);

	for (unsigned c = 0; c < 3; c++)
		flip(hunt, media->sb_off[c], NVM_PAGE, stride);
	flip(hunt, media->head_off, NVM_PAGE, stride);
}

static void flip_tables(struct hunt *hunt)
{
	const struct vmedia *media = &hunt->watch.media;

	for (uint64_t off = media->map_off; off < media->states_end;
	     off += NVM_PAGE)
		flip(hunt, off, NVM_PAGE, faults_stride(
			hunt->watch.media.block_count * 8, BITS_MAX,
			hunt->how->effort));
}

static void flip_records(struct hunt *hunt)
{
	const struct vmedia *media = &hunt->watch.media;
	uint64_t used = 0, stride;

	for (uint32_t b = 0; b < media->block_count; b++)
		used += media->line[b].used;
	/* Of disks closed and not closed each one. */
	stride = faults_stride(used * VD_RECORD_LINE * 8, hunt->all_bits ?
			       used * VD_RECORD_LINE * 8 : BITS_MAX,
			       hunt->how->effort);
	for (uint32_t b = 0; b < media->block_count; b++)
		if (media->line[b].used)
			flip(hunt, media->line[b].line_off, VD_RECORD_LINE,
			     stride);
}

static void flip_trims(struct hunt *hunt)
{
	const struct vmedia *media = &hunt->watch.media;

	for (unsigned pass = 0, lines = 0; pass < 2; pass++) {
		uint64_t stride = faults_stride(lines * 512ull, BITS_MAX,
						hunt->how->effort);

		for (uint32_t b = 0; b < media->block_count; b++)
			for (unsigned i = 0; i < VD_TRIM_LINES &&
			     media->line[b].type == VD_RECORD_LOG; i++) {
				if (!vmedia_trim_valid(media, b, i))
					continue;
				lines += !pass;
				if (pass)
					flip(hunt, media->line[b].data_off +
					     i * VD_RECORD_LINE,
					     VD_RECORD_LINE, stride);
			}
	}
}

static void flip_data(struct hunt *hunt)
{
	const struct vmedia *media = &hunt->watch.media;
	uint64_t stride = faults_stride(VBASE_BLOCKS * VD_BLOCK * 8ull,
					BITS_MAX / 2, hunt->how->effort);

	for (uint32_t b = 0; b < media->logical_count; b++)
		if (hunt->watch.place[b].mapped)
			flip(hunt, hunt->watch.place[b].off_bytes, VD_BLOCK,
			     stride);
}

/* Lines and pages that cannot be read, alone and in pairs of copies. */
static void poison_all(struct hunt *hunt)
{
	const struct vmedia *media = &hunt->watch.media;

	for (unsigned c = 0; c < 3; c++) {
		struct faults a = fault_poison(media->sb_off[c], 64);
		struct faults b = fault_poison(media->sb_off[(c + 1) % 3] + 960,
					       NVM_PAGE - 960);

		try_faults(hunt, a);
		try_faults(hunt, faults_both(a, b));
	}
	for (uint64_t off = media->head_off; off < media->states_end;
	     off += NVM_PAGE / 4)
		try_faults(hunt, fault_poison(off, 256));
	for (uint32_t b = 0; b < media->block_count; b++) {
		const struct vline *line = &media->line[b];

		/* Of those that were never written, some. */
		if (!line->used && b % 64)
			continue;
		try_faults(hunt, fault_poison(line->line_off, 64));
		try_faults(hunt, fault_poison(line->data_off + 1024, 64));
		try_faults(hunt, faults_both(fault_poison(line->line_off, 64),
			   fault_poison(media->map_off, NVM_PAGE)));
		try_faults(hunt, faults_both(fault_poison(line->line_off, 64),
			   fault_poison(line->data_off, VD_BLOCK)));
	}
	for (uint64_t off = media->states_end;
	     off < media->line[0].data_off; off += NVM_PAGE)
		try_faults(hunt, fault_poison(off, NVM_PAGE));
}

static void misdirect_blocks(struct hunt *hunt, const struct vline *line,
			     const struct vline *other)
{
	struct faults data = fault_swap(line->data_off, other->data_off,
					VD_BLOCK);
	struct faults record = fault_swap(line->line_off, other->line_off,
					  VD_RECORD_LINE);

	try_faults(hunt, data);
	try_faults(hunt, record);
	try_faults(hunt, faults_both(data, record));
	try_faults(hunt, fault_copy(line->data_off, other->data_off, VD_BLOCK));
	try_faults(hunt, fault_copy(line->line_off, other->line_off,
				    VD_RECORD_LINE));
	try_faults(hunt, fault_copy(line->half_off, other->half_off, 32));
}

/* Each used block's line and data, at the next one's place and further on. */
static void misdirect_all(struct hunt *hunt)
{
	const struct vmedia *media = &hunt->watch.media;
	uint64_t pages[6] = { 0, NVM_PAGE, media->sb_off[2], media->head_off,
			      media->map_off, media->states_off };

	for (unsigned i = 0; i < 6; i++) {
		try_faults(hunt, fault_alien(pages[i], NVM_PAGE));
		for (unsigned j = 0; j < 6; j++)
			if (i != j)
				try_faults(hunt, fault_copy(pages[i], pages[j],
							    NVM_PAGE));
	}
	for (uint32_t b = 0; b < media->block_count; b++) {
		uint32_t found = 0;

		if (!media->line[b].type)
			continue;
		try_faults(hunt, fault_alien(media->line[b].line_off,
					     VD_RECORD_LINE));
		for (uint32_t o = b + 1; o < media->block_count && found < 12;
		     o++) {
			if (!media->line[o].type)
				continue;
			if (found++ % 3 == 0)
				misdirect_blocks(hunt, &media->line[b],
						 &media->line[o]);
		}
	}
}

static const struct kind {
	const char *name;
	void (*run)(struct hunt *hunt);
	unsigned states;
	unsigned full_every;
} kinds[] = {
	{ "bits-super", flip_supers, 1u << DISK_CLEAN | 1u << DISK_DIRTY, 32 },
	{ "bits-tables", flip_tables, 1u << DISK_CLEAN | 1u << DISK_DIRTY, 16 },
	{ "bits-records", flip_records, 0x1f, 32 },
	{ "bits-trims", flip_trims, 0x1e, 16 },
	{ "bits-data", flip_data, 0x1e, 16 },
	{ "poison", poison_all, 0x1f, 1 },
	{ "misdirected", misdirect_all, 0x1f, 5 },
};
#define KIND_COUNT (sizeof(kinds) / sizeof(*kinds))

static bool run_still(const struct torture_case *c, struct hunt *hunt,
		      struct vbase *base)
{
	const struct kind *kind = &kinds[c->number[1]];

	vwatch_begin(&hunt->watch, &base->yard);
	hunt->full_every = kind->full_every;
	hunt->all_bits = c->number[0] == DISK_CLEAN ||
			 c->number[0] == DISK_DIRTY;
	hunt->good = vwatch_before(&hunt->watch);
	if (hunt->only.count)
		try_faults(hunt, hunt->only);
	else if (hunt->good)
		kind->run(hunt);
	hunt->result->stats.images = hunt->result->stats.distinct = hunt->tries;
	if (!hunt->good)
		result_fail(hunt->result, &hunt->watch.verdict, NULL, 0);
	return hunt->good;
}

/* ---- with crashes ------------------------------------------------------------------ */

static const struct {
	const char *op;
	enum vstate state;
	enum explore_model model;
} crashed[] = {
	{ "write-three", VSTATE_DIRTY, MODEL_PARANOID },
	{ "write-three", VSTATE_CLEAN, MODEL_PAGECACHE },
	{ "atomic-two", VSTATE_DIRTY, MODEL_PARANOID },
	{ "atomic-over", VSTATE_CLEAN, MODEL_PAGECACHE },
	{ "part-two", VSTATE_DIRTY, MODEL_PARANOID },
	{ "trim-range", VSTATE_CLEAN, MODEL_PARANOID },
	{ "trim-write", VSTATE_DIRTY, MODEL_PAGECACHE },
	{ "trim-roll", VSTATE_LOGS, MODEL_PARANOID },
	{ "move", VSTATE_CLEAN, MODEL_PARANOID },
	{ "write-move", VSTATE_DIRTY, MODEL_PAGECACHE },
	{ "close", VSTATE_DIRTY, MODEL_PARANOID },
	{ "close-open", VSTATE_CLEAN, MODEL_PAGECACHE },
};

static uint32_t some_line(const struct vmedia *media, uint64_t *random)
{
	uint32_t at = (uint32_t)(random_next(random) % media->block_count);

	for (uint32_t i = 0; i < media->block_count; i++)
		if (media->line[(at + i) % media->block_count].used)
			return (at + i) % media->block_count;
	return 0;
}

/* Anything that holds something, and any fault. */
static struct faults fault_choose(const struct vwatch *watch, uint64_t *random)
{
	const struct vmedia *media = &watch->media;
	const struct vline *line = &media->line[some_line(media, random)];
	const struct vline *other = &media->line[some_line(media, random)];
	uint64_t n = random_next(random), page;

	page = n / 16 % 3 ? media->sb_off[n / 64 % 3]
			  : media->head_off + n / 64 % (media->map_pages + 2) *
			    NVM_PAGE;
	switch (n % 12) {
	case 0: case 1: case 2:
		return fault_bit(line->line_off * 8 + n / 16 % 512);
	case 3: case 4:
		return fault_bit(line->data_off * 8 + n / 16 % (VD_BLOCK * 8));
	case 5:
		return fault_bit(page * 8 + n / 256 % (NVM_PAGE * 8));
	case 6:
		return fault_poison(line->line_off, 64);
	case 7:
		return fault_poison(line->data_off + n / 16 % 64 * 64, 64);
	case 8:
		return fault_poison(page, 256);
	case 9:
		return fault_swap(line->line_off, other->line_off, 64);
	case 10:
		return fault_swap(line->data_off, other->data_off, VD_BLOCK);
	default:
		return fault_alien(line->line_off, 64);
	}
}

struct crashing {
	struct hunt *hunt;
	struct vcrash *crash;
	struct explore_where where;
	struct domain_trace recovery;
};

static bool check_again(void *ctx, const struct explore_where *where)
{
	struct crashing *crashing = ctx;
	struct hunt *hunt = crashing->hunt;
	struct domain *domain = hunt->watch.yard->domain;

	(void)where;
	domain_mark(domain);
	hunt->good = vwatch_same(&hunt->watch);
	domain_back(domain);
	hunt->tries++;
	return hunt->good;
}

/* Power is lost in the recovery of a disk with faults: the same comes of it. */
static bool crash_recovery(struct crashing *crashing,
			   const struct faults *faults)
{
	struct hunt *hunt = crashing->hunt;
	struct domain *domain = hunt->watch.yard->domain;
	struct explore explore;

	trace_reset(&crashing->recovery);
	faults_heal(domain);
	domain_mark(domain);
	faults_apply(domain, faults, vmedia_alien, &hunt->watch.media);
	domain_mark(domain);
	domain_record(domain, &crashing->recovery);
	hunt->good = vwatch_same(&hunt->watch);
	domain_record(domain, NULL);
	domain_back(domain);
	explore_init(&explore, crashing->crash->model, hunt->how->seed);
	explore.lazy_max = 0;		/* the fault goes by the number */
	explore.exhaustive_max = explore.random_count = 16;
	explore.store_max = explore.word_max = 8;
	explore.pair_max = 2;
	explore.check = check_again;
	explore.ctx = crashing;
	if (hunt->good)
		explore_trace(&explore, domain, &crashing->recovery);
	domain_back(domain);
	explore_stats_add(&hunt->result->nested, &explore.stats);
	return hunt->good;
}

static bool check_image(void *ctx, const struct explore_where *where)
{
	struct crashing *crashing = ctx;
	struct hunt *hunt = crashing->hunt;
	uint64_t random = hunt->how->seed + where->point * 0x10001ull +
			  where->image * 0x100000007ull;
	struct faults faults = hunt->only;
	struct verdict *verdict = &hunt->watch.verdict;

	crashing->where = *where;
	hunt->good = vwatch_before(&hunt->watch);
	if (!faults.count)
		faults = fault_choose(&hunt->watch, &random);
	if (hunt->good && random % 4 == 0 && !hunt->only.count)
		faults = faults_both(faults, fault_choose(&hunt->watch,
							  &random));
	hunt->good = hunt->good &&
		(!faults.count || (try_faults(hunt, faults) &&
		 (where->image % 16 || hunt->how->depth < 2 ||
		  crash_recovery(crashing, &faults))));
	faults_heal(hunt->watch.yard->domain);
	if (!hunt->good) {
		faults_print(&faults, hunt->result->what,
			     sizeof(hunt->result->what));
		result_fail(hunt->result, verdict, where, 1);
	}
	return hunt->good;
}

static bool explore(struct vcrash *crash, void *ctx)
{
	struct hunt *hunt = ctx;
	struct crashing crashing = { .hunt = hunt, .crash = crash };
	struct explore explore;

	vwatch_begin(&hunt->watch, &crash->base->yard);
	hunt->full_every = 5;
	hunt->good = true;
	explore_init(&explore, crash->model, crash->seed);
	explore.lazy_max = 0;		/* the fault goes by the number */
	explore.exhaustive_max = crash->effort / 2;
	explore.random_count = crash->effort / 8;
	explore.store_max = crash->effort / 8;
	explore.pair_max = 3;
	explore.word_max = crash->effort / 8;
	explore.check = check_image;
	explore.ctx = &crashing;
	if (crash->replay_depth)
		explore.only = &crash->replay[0];
	explore_trace(&explore, crash->base->yard.domain, &crash->trace);
	explore_stats_add(&hunt->result->stats, &explore.stats);
	trace_free(&crashing.recovery);
	return hunt->good;
}

static bool run_crashed(const struct torture_case *c, struct hunt *hunt,
			struct vbase *base, struct suite_memory *memory)
{
	struct vcrash crash;
	bool good;

	vcrash_begin(&crash, base, c->model, hunt->how);
	good = vop_crash(&crash, vop_find(crashed[c->number[1]].op), explore,
			 hunt);
	if (!good && !hunt->result->why[0])
		result_fail(hunt->result, &crash.verdict, NULL, 0);
	trace_keep(memory, &crash.trace);
	vcrash_end(&crash);
	return good;
}

/* ---- the suite ------------------------------------------------------------------------- */

static void list_cases(const struct suite *suite, struct case_list *list)
{
	unsigned group = 0;

	for (unsigned s = 0; s < DISK_COUNT; s++, group++)
		for (unsigned k = 0; k < KIND_COUNT; k++) {
			struct torture_case *c;

			if (!(kinds[k].states >> s & 1))
				continue;
			c = case_add(list, suite, group, s == DISK_SYNC ?
				     MODEL_PAGECACHE : MODEL_PARANOID, "%s:%s",
				     kinds[k].name, disk_name[s]);
			c->number[0] = s;
			c->number[1] = k;
		}
	for (unsigned i = 0; i < sizeof(crashed) / sizeof(*crashed); i++) {
		struct torture_case *c = case_add(list, suite, group++,
			crashed[i].model, "crash:%s:%s:%s", crashed[i].op,
			vstate_name(crashed[i].state),
			model_name(crashed[i].model));

		c->number[0] = DISK_COUNT;
		c->number[1] = i;
	}
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	struct hunt hunt = { .how = how, .result = ret_result };
	bool crash = c->number[0] == DISK_COUNT;
	struct vbase *base = crash
		? suite_vbase(memory, crashed[c->number[1]].state,
			      model_durability(c->model), ret_result)
		: disk_begin(memory, c->number[0], ret_result);
	bool good;

	if (!base)
		return false;
	if (how->what && !faults_parse(how->what, &hunt.only)) {
		snprintf(ret_result->why, sizeof(ret_result->why),
			 "no such fault: '%.100s'", how->what);
		return false;
	}
	good = crash ? run_crashed(c, &hunt, base, memory)
		     : run_still(c, &hunt, base);
	ret_result->tries = hunt.tries;
	ret_result->tried = "faults";
	vwatch_end(&hunt.watch);
	return good;
}

const struct suite suite_vdisk_faults = {
	.name = "vdisk-faults",
	.summary = "flipped bits, poison and misdirected blocks, and crashes",
	.list = list_cases,
	.run = run_case,
};
