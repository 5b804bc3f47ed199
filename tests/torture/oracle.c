/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * oracle.c - invariants of pools, for crash images and for random operations.
 */
#include "tests/torture/oracle.h"

#include <stdarg.h>
#include <string.h>

bool deny(struct verdict *verdict, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(verdict->why, sizeof(verdict->why), format, args);
	va_end(args);
	return false;
}

static uint64_t mix(uint64_t hash, const void *src, size_t len)
{
	const uint8_t *byte = src;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * 0x100000001b3u;
	return hash ^ hash >> 29;
}

static uint64_t mix_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

/* ---- the logical state ----------------------------------------------------- */

bool oracle_snapshot(struct yard *yard, struct snapshot *ret_snapshot,
		     struct verdict *verdict)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);
	struct snapshot s = { 0 };
	struct pool_child child;
	uint64_t hash = mix(1, geom->uuid, POOL_UUID_LEN);
	uint64_t strict = 0, loose = 0;

	hash = mix_word(hash, geom->size_bytes);
	hash = mix_word(hash, geom->unit_bytes);
	hash = mix_word(hash, geom->unit_count);
	hash = mix_word(hash, geom->children_max);
	for (uint32_t cursor = 0; pool_child_next(yard->pool, &cursor, &child);
	     s.children++) {
		struct pool_range extent[POOL_EXTENTS_MAX];
		size_t count;
		int err = pool_child_extents(yard->pool, child.slot, extent,
					     &count, NULL);

		if (err)
			return deny(verdict, "extents of '%s': error %d",
				    child.name, -err);
		hash = mix_word(hash, child.slot);
		hash = mix(hash, child.uuid, sizeof(child.uuid));
		hash = mix(hash, child.name, strlen(child.name) + 1);
		hash = mix(hash, child.vm, strlen(child.vm) + 1);
		hash = mix_word(hash, child.size_bytes);
		hash = mix_word(hash, child.grow_to_bytes);
		hash = mix_word(hash, child.created_s);
		hash = mix_word(hash, (uint64_t)child.flags << 32 |
				(uint64_t)child.mode << 8 | child.device);
		for (size_t i = 0; i < count; i++)
			hash = mix_word(mix_word(hash, extent[i].off_bytes),
					extent[i].size_bytes);
	}
	for (uint64_t u = 0; u < geom->unit_count; u++) {
		enum pool_unit_state state = pool_unit_state(yard->pool, u);

		yard->unit_state[u] = (uint8_t)state;
		s.unit_count[state]++;
	}
	for (uint64_t u = 0; u < geom->unit_count; u += 8) {
		uint64_t n = geom->unit_count - u, states = 0;

		memcpy(&states, yard->unit_state + u, n < 8 ? n : 8);
		strict = mix_word(strict, states);
		/* CLEAN (0) becomes DIRTY (2): neither has the low bit. */
		loose = mix_word(loose, states |
				 (~states & 0x0101010101010101) << 1);
	}
	s.strict = mix_word(hash, strict);
	s.loose = mix_word(hash, loose);
	*ret_snapshot = s;
	return true;
}

/* ---- units ------------------------------------------------------------------- */

enum { NOBODY, CHILD, TABLE };

static bool own(struct yard *yard, const struct pool_child *child,
		const struct pool_range *extent, struct verdict *verdict)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);
	uint64_t first = (extent->off_bytes - geom->data_off) / geom->unit_bytes;
	uint64_t count = extent->size_bytes / geom->unit_bytes;

	if ((extent->off_bytes - geom->data_off) % geom->unit_bytes ||
	    extent->size_bytes % geom->unit_bytes || !count ||
	    first >= geom->unit_count || count > geom->unit_count - first)
		return deny(verdict, "extent of '%s' is not of units",
			    child->name);
	for (uint64_t u = first; u < first + count; u++) {
		if (yard->owner[u])
			return deny(verdict, "unit %ju of '%s' is owned twice",
				    (uintmax_t)u, child->name);
		if (yard->unit_state[u] != UNIT_USED)
			return deny(verdict, "unit %ju of '%s' is in state %u",
				    (uintmax_t)u, child->name,
				    yard->unit_state[u]);
		yard->owner[u] = CHILD;
	}
	return true;
}

/* Fills yard->owner. */
bool oracle_owners(struct yard *yard, struct verdict *verdict)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);
	uint64_t group_slots = geom->unit_bytes / AMT_SLOT_BYTES;
	uint64_t groups = 0, last_group = UINT64_MAX, tables = 0, sum;
	struct pool_child child;

	memset(yard->owner, NOBODY, geom->unit_count);
	for (uint32_t cursor = 0;
	     pool_child_next(yard->pool, &cursor, &child);) {
		struct pool_range extent[POOL_EXTENTS_MAX];
		size_t count;

		if (pool_child_extents(yard->pool, child.slot, extent, &count,
				       NULL))
			return deny(verdict, "'%s' has no extents", child.name);
		sum = 0;
		for (size_t i = 0; i < count; i++) {
			if (!own(yard, &child, &extent[i], verdict))
				return false;
			sum += extent[i].size_bytes;
		}
		if (sum != child.size_bytes)
			return deny(verdict, "'%s' has a size not its extents'",
				    child.name);
		groups += child.slot / group_slots != last_group;
		last_group = child.slot / group_slots;
	}
	for (uint64_t u = 0; u < geom->unit_count; u++) {
		if (yard->owner[u] || yard->unit_state[u] != UNIT_USED)
			continue;
		yard->owner[u] = TABLE;
		tables++;
	}
	if (tables != groups)
		return deny(verdict, "%ju units hold AMTs, %ju should",
			    (uintmax_t)tables, (uintmax_t)groups);
	return true;
}

bool oracle_units(struct yard *yard, struct verdict *verdict)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);
	uint64_t first = 0;

	if (!oracle_owners(yard, verdict))
		return false;
	/* By runs of CLEAN units: the domain knows large zeros at a glance. */
	for (uint64_t u = 0; u <= geom->unit_count; u++) {
		if (u < geom->unit_count && yard->unit_state[u] == UNIT_CLEAN)
			continue;
		if (!domain_reads_zero(yard->domain, geom->data_off +
				       first * geom->unit_bytes,
				       (u - first) * geom->unit_bytes))
			return deny(verdict, "a CLEAN unit of %ju to %ju is "
				    "not zeros", (uintmax_t)first,
				    (uintmax_t)u - 1);
		first = u + 1;
	}
	return true;
}

/* ---- pool_check --------------------------------------------------------------- */

struct tally {
	bool gmb_copies_may_lack;
	unsigned count;
	struct pool_problem first;
};

static void tally_problem(void *ctx, const struct pool_problem *problem)
{
	struct tally *tally = ctx;

	if (tally->gmb_copies_may_lack &&
	    problem->finding == FIND_COPY_DAMAGED &&
	    !strncmp(problem->where.what, "GMB", 3))
		return;
	if (!tally->count++)
		tally->first = *problem;
}

bool oracle_check(struct yard *yard, bool gmb_copies_may_lack,
		  struct verdict *verdict)
{
	struct tally tally = { .gmb_copies_may_lack = gmb_copies_may_lack };
	struct pool_check_args args = { .report = tally_problem,
		.ctx = &tally, .mem = yard->check_mem };
	int err = pool_check(yard->pool, &args, NULL, NULL);

	if (err)
		return deny(verdict, "check: error %d", -err);
	if (tally.count)
		return deny(verdict, "check finds %u problems, first %d: %s "
			    "%ju at %#jx", tally.count, tally.first.finding,
			    tally.first.where.what,
			    (uintmax_t)tally.first.where.index,
			    (uintmax_t)tally.first.where.offset);
	return true;
}

/* ---- stores -------------------------------------------------------------------- */

bool oracle_stores(struct yard *yard, const struct domain_trace *trace,
		   uint32_t target, struct verdict *verdict)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);
	uint64_t data_end = geom->data_off + geom->unit_count * geom->unit_bytes;

	if (!oracle_owners(yard, verdict))
		return false;
	if (target != UINT32_MAX) {
		struct pool_range extent[POOL_EXTENTS_MAX];
		size_t count = 0;

		if (pool_child_extents(yard->pool, target, extent, &count,
				       NULL))
			return deny(verdict, "the target has no extents");
		for (size_t i = 0; i < count; i++)
			memset(yard->owner + (extent[i].off_bytes -
					      geom->data_off) /
			       geom->unit_bytes, NOBODY,
			       extent[i].size_bytes / geom->unit_bytes);
	}
	for (size_t i = 0; i < trace->count; i++) {
		const struct domain_event *event = &trace->event[i];
		uint64_t end = event->off + event->len;

		if (event->type != DOMAIN_STORE &&
		    event->type != DOMAIN_DISCARD)
			continue;
		for (uint64_t off = event->off; off < end;
		     off += geom->unit_bytes - off % geom->unit_bytes)
			if (off >= geom->data_off && off < data_end &&
			    yard->owner[(off - geom->data_off) /
					geom->unit_bytes] == CHILD)
				return deny(verdict, "event %zu stores into "
					    "a child's bytes at %#jx", i,
					    (uintmax_t)off);
	}
	return true;
}

/* ---- life goes on ----------------------------------------------------------------- */

static int carve_until_full(struct yard *yard)
{
	const struct pool_geometry *geom = pool_geometry(yard->pool);
	uint64_t size = geom->unit_count / 2 * geom->unit_bytes;
	unsigned n = 0;
	int err = 0;

	while (size) {
		char name[16];

		snprintf(name, sizeof(name), "life%u", n);
		err = yard_try_carve(yard, name, size, POOL_MODE_RAW, NULL,
				     NULL);
		if (!err)
			n++;
		else if (err == -NVM_ENOSPC || err == -NVM_EFRAG)
			size = size / geom->unit_bytes / 2 * geom->unit_bytes;
		else
			return err;
	}
	return 0;
}

bool oracle_life(struct yard *yard, struct verdict *verdict)
{
	for (unsigned round = 0; round < 2; round++) {
		struct pool_space space;
		struct pool_child child;
		struct snapshot snapshot;
		struct verdict inner;
		int err = carve_until_full(yard);

		if (err)
			return deny(verdict, "life: carve: error %d", -err);
		pool_space(yard->pool, &space);
		if (space.free_bytes > pool_geometry(yard->pool)->unit_bytes &&
		    space.children < pool_geometry(yard->pool)->children_max)
			return deny(verdict, "life: %ju bytes cannot be carved",
				    (uintmax_t)space.free_bytes);
		if (!oracle_snapshot(yard, &snapshot, &inner) ||
		    !oracle_units(yard, &inner) ||
		    !oracle_check(yard, false, &inner))
			return deny(verdict, "life, full: %.200s", inner.why);
		for (uint32_t cursor = 0;
		     pool_child_next(yard->pool, &cursor, &child);) {
			err = pool_release(yard->pool, child.slot, NULL);
			if (err)
				return deny(verdict, "life: release '%s': "
					    "error %d", child.name, -err);
		}
		pool_space(yard->pool, &space);
		if (space.unit_count[UNIT_USED])
			return deny(verdict, "life: %ju units leaked",
				    (uintmax_t)space.unit_count[UNIT_USED]);
		err = round ? 0 : pool_clean(yard->pool, NULL, NULL);
		if (err)
			return deny(verdict, "life: clean: error %d", -err);
		if (!oracle_snapshot(yard, &snapshot, &inner) ||
		    !oracle_units(yard, &inner) ||
		    !oracle_check(yard, false, &inner))
			return deny(verdict, "life, empty: %.200s", inner.why);
	}
	return true;
}
