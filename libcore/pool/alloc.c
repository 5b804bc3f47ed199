// SPDX-License-Identifier: BSD-3-Clause
/*
 * alloc.c - which free units an extent is made of.
 *
 * One pass over the runs of free units: the smallest run that holds all of it
 * (best fit, lowest address first) or else the longest runs, in a small heap,
 * from which the fewest are taken.  Nothing is changed here.
 */
#include "pool/impl.h"

struct alloc_want alloc_rules(const struct pool *pool, uint64_t units,
			      bool for_vm, enum pool_mode mode)
{
	uint64_t unit = pool->geom.unit_bytes;
	struct alloc_want want = { units, 1, 1, POOL_EXTENTS_MAX };

	if (for_vm || mode != POOL_MODE_RAW) {
		want.extents_max = mode == POOL_MODE_RAW ? 1 : VM_EXTENTS_MAX;
		want.units_min = (VM_EXTENT_MIN + unit - 1) / unit;
		want.align_units = unit < VM_ALIGN ? VM_ALIGN / unit : 1;
	}
	return want;
}

/* What remains of a run when its place and size are aligned on the media. */
static struct unit_run run_align(const struct pool *pool, struct unit_run run,
				 uint64_t align_units)
{
	uint64_t phase = pool->geom.data_off / pool->geom.unit_bytes;
	uint64_t skip = (align_units - (phase + run.start) % align_units) %
			align_units;

	if (run.count <= skip)
		return (struct unit_run){ run.start, 0 };
	run.start += skip;
	run.count = (run.count - skip) / align_units * align_units;
	return run;
}

/* The heap: run[0] is the shortest of those kept. */
static void heap_sift(struct unit_run *run, size_t count, size_t at)
{
	for (;;) {
		size_t least = at, child = 2 * at + 1;

		for (size_t c = child; c < child + 2 && c < count; c++)
			if (run[c].count < run[least].count)
				least = c;
		if (least == at)
			return;
		struct unit_run swap = run[at];

		run[at] = run[least];
		run[least] = swap;
		at = least;
	}
}

static void heap_keep(struct unit_run *run, size_t *count, size_t max,
		      struct unit_run found)
{
	if (*count < max) {
		size_t at = (*count)++;

		while (at && run[(at - 1) / 2].count > found.count) {
			run[at] = run[(at - 1) / 2];
			at = (at - 1) / 2;
		}
		run[at] = found;
	} else if (found.count > run[0].count) {
		run[0] = found;
		heap_sift(run, *count, 0);
	}
}

static void sort_runs(struct unit_run *run, size_t count, bool by_count)
{
	for (size_t i = 1; i < count; i++) {
		struct unit_run key = run[i];
		size_t k = i;

		while (k && (by_count ? run[k - 1].count < key.count :
					run[k - 1].start > key.start)) {
			run[k] = run[k - 1];
			k--;
		}
		run[k] = key;
	}
}

/*
 * Take from the longest runs on.  A rest that would be shorter than units_min
 * is avoided by leaving the run before it a little shorter.
 */
static bool take_runs(const struct alloc_want *want, struct unit_run *run,
		      size_t *count)
{
	uint64_t left = want->units;
	size_t n = 0;

	sort_runs(run, *count, true);
	for (; n < *count && left; n++) {
		uint64_t take = run[n].count;

		if (take >= left) {
			/* The shortest run that still holds the rest. */
			size_t k = n;

			while (k + 1 < *count && run[k + 1].count >= left)
				k++;
			run[n] = run[k];
			take = left;
		} else if (left - take < want->units_min) {
			uint64_t give = want->units_min - (left - take);

			give = (give + want->align_units - 1) /
			       want->align_units * want->align_units;
			if (give + want->units_min > take)
				return false;
			take -= give;
		}
		run[n].count = take;
		left -= take;
	}
	*count = n;
	return !left;
}

int alloc_plan(const struct pool *pool, const struct alloc_want *want,
	       struct unit_run *ret_run, size_t *ret_count,
	       struct nvm_fault *fault)
{
	uint64_t unit = pool->geom.unit_bytes, free = 0, longest = 0;
	struct unit_run best = { 0, 0 }, run = { 0, 0 };
	size_t count = 0;

	for (;;) {
		struct unit_run fit;

		run = umap_run(pool, run.start + run.count, UMAP_FREE);
		if (!run.count)
			break;
		free += run.count;
		fit = run_align(pool, run, want->align_units);
		if (fit.count > longest)
			longest = fit.count;
		if (fit.count >= want->units &&
		    (!best.count || fit.count < best.count))
			best = fit;
		if (!best.count && fit.count && fit.count >= want->units_min)
			heap_keep(ret_run, &count, want->extents_max, fit);
	}
	if (best.count) {
		ret_run[0] = (struct unit_run){ best.start, want->units };
		*ret_count = 1;
		return 0;
	}
	if (free < want->units)
		return nvm_fault_set(fault, -NVM_ENOSPC, "free units", 0, 0,
				     want->units * unit, free * unit);
	if (want->extents_max == 1 || want->units < want->units_min ||
	    !take_runs(want, ret_run, &count))
		return nvm_fault_set(fault, -NVM_EFRAG, "free units", 0, 0,
				     want->units * unit, longest * unit);
	sort_runs(ret_run, count, false);
	*ret_count = count;
	return 0;
}

struct unit_run alloc_first_fit(const struct pool *pool, uint64_t from,
				uint64_t to, uint64_t units,
				uint64_t align_units)
{
	struct unit_run run = { from, 0 };

	for (;;) {
		struct unit_run fit;

		run = umap_run(pool, run.start + run.count, UMAP_FREE);
		if (!run.count || run.start >= to)
			return (struct unit_run){ 0, 0 };
		if (run.count > to - run.start)
			run.count = to - run.start;
		fit = run_align(pool, run, align_units);
		if (fit.count >= units)
			return fit;
	}
}

void pool_space(const struct pool *pool, struct pool_space *ret_space)
{
	struct pool_space s = { 0 };
	struct unit_run run = { 0, 0 };
	uint64_t amt_last = pool->geom.unit_count;

	while ((run = umap_run(pool, run.start + run.count,
			       UMAP_FREE)).count) {
		uint64_t dirty = 0;

		s.free_runs++;
		if (run.count * pool->geom.unit_bytes > s.largest_run_bytes)
			s.largest_run_bytes = run.count *
					      pool->geom.unit_bytes;
		for (struct unit_run part = { run.start, 0 };;) {
			part = umap_run(pool, part.start + part.count,
					UMAP_DIRTY);
			if (part.start >= run.start + run.count)
				break;
			dirty += part.count;
		}
		s.unit_count[UNIT_DIRTY] += dirty;
		s.unit_count[UNIT_CLEAN] += run.count - dirty;
	}
	run = (struct unit_run){ 0, 0 };
	while ((run = umap_run(pool, run.start + run.count, UMAP_USED)).count)
		s.unit_count[UNIT_USED] += run.count;
	s.unit_count[UNIT_BAD] = pool->geom.unit_count -
		s.unit_count[UNIT_USED] - s.unit_count[UNIT_CLEAN] -
		s.unit_count[UNIT_DIRTY];
	s.free_bytes = (s.unit_count[UNIT_CLEAN] + s.unit_count[UNIT_DIRTY]) *
		       pool->geom.unit_bytes;
	/* A group's children follow each other in the NAT, so do their units. */
	for (uint32_t slot = 0; slot < pool->geom.children_max; slot++) {
		if (!nat_entry_valid(pool, slot))
			continue;
		s.children++;
		if (amt_unit(pool, slot) != amt_last)
			s.amt_units++;
		amt_last = amt_unit(pool, slot);
	}
	*ret_space = s;
}
