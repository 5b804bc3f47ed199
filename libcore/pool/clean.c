// SPDX-License-Identifier: BSD-3-Clause
/*
 * clean.c - DIRTY units become CLEAN ones, poisoned ones BAD.
 *
 * Crash story: a unit is zeroed and the zeros are durable before the
 * transaction that calls it CLEAN.  A stop in the middle leaves units that
 * are zero and still called DIRTY; they are zeroed once more, some day.
 */
#include "pool/impl.h"

#define ROUND_BYTES_MIN	(1ull << 30)
#define ROUNDS_MAX	16u

struct clean_progress {
	const struct pool_progress *outer;
	uint64_t before_bytes, total_bytes;
};

static bool clean_step(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
	const struct clean_progress *p = ctx;

	(void)total_bytes;
	return !p->outer || p->outer->step(p->outer->ctx,
					   p->before_bytes + done_bytes,
					   p->total_bytes);
}

/* One round: up to @bytes of DIRTY units from *unit on. */
static int clean_round(struct pool *pool, uint64_t *unit, uint64_t bytes,
		       struct clean_progress *progress,
		       struct nvm_fault *fault)
{
	const struct pool_progress step = { clean_step, progress };
	uint64_t want = bytes / pool->geom.unit_bytes + 1, got = 0;
	uint64_t from = *unit, end = from;
	struct unit_run span;
	int err = txn_begin(pool);

	while (!err && got < want) {
		struct unit_run run = umap_run(pool, end, UMAP_DIRTY);

		if (!run.count)
			break;
		if (run.count > want - got)
			run.count = want - got;
		got += run.count;
		end = run.start + run.count;
	}
	span = (struct unit_run){ from, end - from };
	if (!err)
		err = umap_zero(pool, &span, 1, &step);
	if (err)
		return err;
	while (from < end) {
		struct unit_run run = umap_run(pool, from, UMAP_DIRTY);

		if (run.start >= end)
			break;
		if (run.count > end - run.start)
			run.count = end - run.start;
		umap_set(pool, run, UNIT_CLEAN);
		from = run.start + run.count;
	}
	*unit = end;
	progress->before_bytes += got * pool->geom.unit_bytes;
	return txn_commit(pool, fault);
}

int pool_clean(struct pool *pool, const struct pool_progress *progress,
	       struct nvm_fault *fault)
{
	struct clean_progress sum = { .outer = progress };
	struct pool_space space;
	uint64_t unit = 0, round;
	int err = 0;

	pool_space(pool, &space);
	sum.total_bytes = space.unit_count[UNIT_DIRTY] *
			  pool->geom.unit_bytes;
	round = sum.total_bytes / ROUNDS_MAX;
	if (round < ROUND_BYTES_MIN)
		round = ROUND_BYTES_MIN;
	while (!err && umap_next(pool, unit, UMAP_DIRTY) <
		       pool->geom.unit_count)
		err = clean_round(pool, &unit, round, &sum, fault);
	return err;
}

int pool_mark_bad(struct pool *pool, const struct pool_range *bad,
		  size_t bad_count, struct nvm_fault *fault)
{
	const struct pool_geometry *g = &pool->geom;
	uint64_t data_end = g->data_off + g->unit_count * g->unit_bytes;
	int err = txn_begin(pool);

	if (err)
		return err;
	for (size_t i = 0; i < bad_count; i++) {
		uint64_t from = bad[i].off_bytes, to;

		if (!bad[i].size_bytes || from >= data_end)
			continue;
		to = bad[i].size_bytes > data_end - from ? data_end :
		     from + bad[i].size_bytes;
		if (to <= g->data_off)
			continue;
		from = from < g->data_off ? 0 :
		       (from - g->data_off) / g->unit_bytes;
		to = (to - g->data_off + g->unit_bytes - 1) / g->unit_bytes;
		for (uint64_t unit = from; unit < to; unit++)
			if (pool_unit_state(pool, unit) == UNIT_CLEAN ||
			    pool_unit_state(pool, unit) == UNIT_DIRTY)
				umap_set(pool, (struct unit_run){ unit, 1 },
					 UNIT_BAD);
	}
	return pool->txn_count ? txn_commit(pool, fault) : 0;
}
