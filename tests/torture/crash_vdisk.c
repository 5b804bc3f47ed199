// SPDX-License-Identifier: BSD-3-Clause
/*
 * crash_vdisk.c - every operation of the virtual disk, crashed by power loss
 * at every store and drain, under every model; its recovery crashed again, and
 * the recovery from that.
 *
 * Prints TAP: a line per operation, state and model, with what was looked at.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/vops.h"

struct total {
	struct explore_stats stats, nested;
	unsigned count, failed;
	uint64_t lives;
	double seconds;
};

static void add(struct total *total, const struct vcrash *crash)
{
	total->stats.points += crash->stats.points;
	total->stats.exhaustive += crash->stats.exhaustive;
	total->stats.thinned += crash->stats.thinned;
	total->stats.thirds += crash->stats.thirds;
	total->stats.images += crash->stats.images;
	total->stats.distinct += crash->stats.distinct;
	total->nested.images += crash->nested.images;
	total->nested.distinct += crash->nested.distinct;
	total->lives += crash->lives;
}

static bool explore(struct vcrash *crash, void *ctx)
{
	(void)ctx;
	return vcrash_explore(crash, &crash->trace);
}

static void run_case(const struct crash_options *options, const char *name,
		     const struct vop *op, struct vbase *base,
		     enum explore_model model, struct seen *seen,
		     struct total *total)
{
	struct vcrash crash;
	double start = vcrash_clock();
	bool good;

	vcrash_begin(&crash, base, model, options);
	snprintf(crash.name, sizeof(crash.name), "%s", name);
	/* What an op does to the base is for itself alone. */
	if ((op->prepare || op->flags) && model != MODEL_PARANOID)
		seen_free(seen);
	crash.seen = seen;
	good = vop_crash(&crash, op, explore, NULL);
	if ((op->prepare || op->flags) && model != MODEL_INTEL)
		seen_free(seen);
	total->count++;
	total->failed += !good;
	total->seconds += vcrash_clock() - start;
	add(total, &crash);
	vcrash_tell(&crash, good, total->count, vcrash_clock() - start);
	vcrash_end(&crash);
}

/*
 * All operations on one state of a disk, under the models of one kind of
 * media.  Whatever the intel model allows, the paranoid one does as well.
 */
static void run_state(const struct crash_options *options, enum vstate state,
		      enum nvm_durability durability, struct total *total)
{
	struct seen seen = { 0 };
	struct verdict verdict = { "" };
	struct vbase base;
	bool begun = false;

	for (unsigned i = 0; i < vop_count * MODEL_COUNT; i++) {
		const struct vop *op = &vops[i / MODEL_COUNT];
		enum explore_model model = i % MODEL_COUNT;
		char name[96];

		if (!(op->states >> state & 1) ||
		    model_durability(model) != durability)
			continue;
		snprintf(name, sizeof(name), "%s:%s:%s", op->name,
			 vstate_name(state), model_name(model));
		if (!crash_selected(options, name))
			continue;
		if (options->list) {
			total->count++;
			puts(name);
			continue;
		}
		if (!begun && !vbase_begin(&base, state, durability, &verdict)) {
			printf("not ok %u - %s # %s\n", ++total->count, name,
			       verdict.why);
			total->failed++;
			vbase_end(&base);
			break;
		}
		begun = true;
		run_case(options, name, op, &base, model, &seen, total);
	}
	if (begun)
		vbase_end(&base);
	seen_free(&seen);
}

int main(int argc, char **argv)
{
	struct crash_options options;
	struct total total = { 0 };

	if (crash_options(&options, argc, argv))
		return 2;
	for (unsigned s = 0; s < VSTATE_COUNT; s++)
		for (unsigned d = NVM_BUS; d <= NVM_SYNC; d++)
			run_state(&options, s, d, &total);
	if (options.list)
		return 0;
	printf("1..%u\n# seed %" PRIu64 "; of %" PRIu64 " crash points all "
	       "images were tried at %" PRIu64 ", all but those of torn bulk "
	       "data at %" PRIu64 " more, all ways of stores to be lost, torn "
	       "or kept at %" PRIu64 ", families of images elsewhere\n"
	       "# %" PRIu64 " images, %" PRIu64 " distinct; recoveries "
	       "crashed: %" PRIu64 " images, %" PRIu64 " distinct; %" PRIu64
	       " served; %.0f images a second\n", total.count, options.seed,
	       total.stats.points, total.stats.exhaustive, total.stats.thinned,
	       total.stats.thirds, total.stats.images, total.stats.distinct,
	       total.nested.images, total.nested.distinct, total.lives,
	       (double)(total.stats.distinct + total.nested.distinct) /
	       total.seconds);
	if (!total.count)
		fputs("crash_vdisk: no such case\n", stderr);
	return total.failed || !total.count;
}
