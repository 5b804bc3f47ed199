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
 * The fewest of the longest runs that hold it, each but the last used to its
 * end, less what those behind it need to have units_min.  Where these cannot
 * be shared out, no others can.
 */
static bool take_runs(const struct alloc_want *want, struct unit_run *run,
		      size_t *count)
{
	uint64_t left = want->units, sum = 0;
	size_t n = 0;

	sort_runs(run, *count, true);
	while (n < *count && sum < left)
		sum += run[n++].count;
	if (sum < left || left / n < want->units_min)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t most = left - (n - i - 1) * want->units_min;

		/* Last, the shortest run that still holds the rest. */
		for (size_t k = n; i + 1 == n && k < *count &&
				   run[k].count >= left; k++)
			run[i] = run[k];
		if (run[i].count > most)
			run[i].count = most;
		left -= run[i].count;
	}
	*count = n;
	return true;
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

static uint64_t umap_count(const struct pool *pool, enum umap_class class)
{
	struct unit_run run = { 0, 0 };
	uint64_t count = 0;

	while ((run = umap_run(pool, run.start + run.count, class)).count)
		count += run.count;
	return count;
}

void pool_space(const struct pool *pool, struct pool_space *ret_space)
{
	struct pool_space s = { 0 };
	struct unit_run run = { 0, 0 };
	uint64_t amt_last = pool->geom.unit_count;

	while ((run = umap_run(pool, run.start + run.count,
			       UMAP_FREE)).count) {
		s.free_runs++;
		if (run.count * pool->geom.unit_bytes > s.largest_run_bytes)
			s.largest_run_bytes = run.count *
					      pool->geom.unit_bytes;
	}
	s.unit_count[UNIT_CLEAN] = umap_count(pool, UMAP_CLEAN);
	s.unit_count[UNIT_DIRTY] = umap_count(pool, UMAP_DIRTY);
	s.unit_count[UNIT_USED] = umap_count(pool, UMAP_USED);
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
