/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_map.c - read the pieces of a pool (pool_map.h): all extents sorted by
 * place, and what the bitmap says between them.
 */
#include "cli/pool_map.h"

#include <stdlib.h>
#include <string.h>

/* Room for one more element in a growing array; false: no memory. */
static bool array_grow(void **array, size_t count, size_t *capacity,
		       size_t element_bytes)
{
	size_t want = *capacity ? *capacity * 2 : 64;
	void *grown;

	if (count < *capacity)
		return true;
	grown = reallocarray(*array, want, element_bytes);
	if (!grown)
		return false;
	*array = grown;
	*capacity = want;
	return true;
}

struct map_builder {
	struct pool_map map;
	size_t child_capacity, piece_capacity;
};

static int piece_add(struct map_builder *b, struct pool_piece piece)
{
	void *array = b->map.piece;
	bool ok = array_grow(&array, b->map.piece_count, &b->piece_capacity,
			     sizeof(piece));

	b->map.piece = array;
	if (!ok)
		return -NVM_ENOMEM;
	b->map.piece[b->map.piece_count++] = piece;
	return 0;
}

static int children_add(struct map_builder *b, struct pool *pool,
			struct nvm_fault *fault)
{
	const struct pool_geometry *g = pool_geometry(pool);
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct pool_child child;
	uint32_t cursor = 0;
	size_t count;
	int err = 0;

	while (!err && pool_child_next(pool, &cursor, &child)) {
		void *array = b->map.child;
		bool ok = array_grow(&array, b->map.child_count,
				     &b->child_capacity, sizeof(child));

		b->map.child = array;
		if (!ok)
			return -NVM_ENOMEM;
		err = pool_child_extents(pool, child.slot, extent, &count,
					 fault);
		if (err == -NVM_EBADMSG) {
			if (!b->map.lost_count++)
				b->map.lost_first = b->map.child_count;
			count = 0;
			err = 0;
		}
		for (size_t i = 0; !err && i < count; i++)
			err = piece_add(b, (struct pool_piece){
				.start_unit = (extent[i].off_bytes -
					       g->data_off) / g->unit_bytes,
				.unit_count = extent[i].size_bytes /
					      g->unit_bytes,
				.state = UNIT_USED,
				.owner = b->map.child_count,
				.extent = (uint32_t)i,
			});
		b->map.child[b->map.child_count++] = child;
	}
	return err;
}

static int piece_compare(const void *a, const void *b)
{
	const struct pool_piece *x = a, *y = b;

	return x->start_unit < y->start_unit ? -1 :
	       x->start_unit > y->start_unit;
}

/* The units of [from, to) that belong to no child. */
static int between_add(struct map_builder *b, const struct pool *pool,
		       uint64_t from, uint64_t to)
{
	int err = 0;

	while (!err && from < to) {
		enum pool_unit_state state = pool_unit_state(pool, from);
		uint64_t start = from;

		while (from < to && pool_unit_state(pool, from) == state)
			from++;
		err = piece_add(b, (struct pool_piece){
			.start_unit = start, .unit_count = from - start,
			.state = state, .owner = PIECE_NOBODY,
		});
	}
	return err;
}

int pool_map_read(struct pool *pool, struct pool_map *ret_map,
		  struct nvm_fault *fault)
{
	uint64_t units = pool_geometry(pool)->unit_count, at = 0;
	struct map_builder b = { 0 };
	size_t owned;
	int err = children_add(&b, pool, fault);

	owned = b.map.piece_count;
	if (owned)
		qsort(b.map.piece, owned, sizeof(*b.map.piece), piece_compare);
	for (size_t i = 0; !err && i < owned; i++) {
		uint64_t start = b.map.piece[i].start_unit;

		err = between_add(&b, pool, at, start);
		at = start + b.map.piece[i].unit_count;
	}
	if (!err)
		err = between_add(&b, pool, at, units);
	if (err) {
		pool_map_free(&b.map);
		return err;
	}
	if (b.map.piece_count)
		qsort(b.map.piece, b.map.piece_count, sizeof(*b.map.piece),
		      piece_compare);
	*ret_map = b.map;
	return 0;
}

void pool_map_free(struct pool_map *map)
{
	free(map->child);
	free(map->piece);
	*map = (struct pool_map){ 0 };
}
