// SPDX-License-Identifier: BSD-3-Clause
/*
 * area.c - opening the media of a virtual disk (area.h).
 */
#include "hosted/area.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/window.h"
#include "hosted/arena.h"

struct area {
	struct vd_area view;			/* of extent[] */
	struct nvm_media *extent[VD_EXTENTS_MAX];
	struct backing *backing[VD_EXTENTS_MAX];	/* of each extent */
	enum stray_guard guard;
	/* Of a child: its pool's backing, not ours to close; else NULL. */
	struct backing *pool;
	struct window window[VD_EXTENTS_MAX];
};

static struct area *area_new(struct failure *failure)
{
	struct area *area = calloc(1, sizeof(*area));

	if (area) {
		area->view.extent = area->extent;
		area->guard = STRAY_NONE;
	} else {
		failure_errno(failure, -ENOMEM, "cannot open the disk");
	}
	return area;
}

void area_close(struct area *area)
{
	if (!area)
		return;
	if (area->pool)
		stray_set(area->pool, STRAY_NONE, NULL);
	for (uint32_t e = 0; e < area->view.extent_count && !area->pool; e++)
		backing_close(area->backing[e]);
	free(area);
}

/* ---- paths ----------------------------------------------------------------- */

static bool backing_same(const struct backing *backing,
			 const struct backing *other)
{
	const struct backing_info *a = backing_info(backing);
	const struct backing_info *b = backing_info(other);

	if (a->kind != b->kind)
		return false;
	return a->kind == BACKING_FILE ? a->dev == b->dev && a->ino == b->ino :
					 a->rdev == b->rdev;
}

/* Open the next extent, of path[extent_count]. */
static int area_add(struct area *area, const char *const *path,
		    enum backing_access access, enum stray_guard guard,
		    struct failure *failure)
{
	uint32_t e = area->view.extent_count;
	int err = backing_open(path[e], access, &area->backing[e], failure);

	if (err)
		return err;
	area->extent[e] = backing_media(area->backing[e]);
	area->view.extent_count++;
	for (uint32_t other = 0; other < e; other++)
		if (backing_same(area->backing[other], area->backing[e]))
			return failure_set(failure, -EINVAL,
				"'%s' and '%s' are the same %s", path[other],
				path[e], backing_info(area->backing[e])->kind ==
				BACKING_FILE ? "file" : "device");
	err = stray_set(area->backing[e], guard, failure);
	area->guard = stray_get(area->backing[e]);
	return err;
}

/* As the disk on them counts them; as they are where there is none. */
static void area_sort(struct area *area)
{
	struct backing *backing[VD_EXTENTS_MAX];
	uint32_t order[VD_EXTENTS_MAX];
	struct vd_geometry geometry;

	if (vd_probe(&area->view, &geometry, order, NULL))
		return;
	memcpy(backing, area->backing, sizeof(backing));
	for (uint32_t e = 0; e < area->view.extent_count; e++) {
		area->backing[e] = backing[order[e]];
		area->extent[e] = backing_media(area->backing[e]);
	}
}

int area_open(const char *const *path, size_t path_count,
	      enum backing_access access, enum stray_guard guard,
	      struct area **ret_area, struct failure *failure)
{
	struct area *area;
	int err = 0;

	if (!path_count || path_count > VD_EXTENTS_MAX)
		return failure_set(failure, -EINVAL, "a disk has 1 to %u "
				   "extents, not %zu", VD_EXTENTS_MAX,
				   path_count);
	area = area_new(failure);
	if (!area)
		return -ENOMEM;
	while (area->view.extent_count < path_count && !err)
		err = area_add(area, path, access, guard, failure);
	if (err) {
		area_close(area);
		return err;
	}
	area_sort(area);
	*ret_area = area;
	return 0;
}

/* ---- a child ----------------------------------------------------------------- */

/* Where the child lies, by looking into its pool. */
static int child_extents(struct backing *backing,
			 const struct pool_child *child,
			 struct pool_range extent[POOL_EXTENTS_MAX],
			 size_t *ret_count, struct failure *failure)
{
	struct nvm_media *media = backing_media(backing);
	struct nvm_fault fault = { 0 };
	struct pool_geometry geometry;
	struct pool_child now;
	struct pool *pool;
	size_t bytes;
	void *mem;
	int err = pool_probe(media, &geometry, &fault);

	if (!err) {
		bytes = pool_memory_bytes(&geometry);
		mem = arena_alloc(bytes);
		err = mem ? pool_open(media, 0, mem, bytes, &pool, &fault) :
			    -NVM_ENOMEM;
		if (!err)
			err = pool_child_find(pool, child->name, &now);
		if (!err)
			err = pool_child_extents(pool, now.slot, extent,
						 ret_count, &fault);
		free(mem);
	}
	if (err)
		failure_set(failure, err, "cannot find child '%s' in '%s': "
			    "%s%s%s", child->name, backing_info(backing)->path,
			    fault.what ? fault.what : "",
			    fault.what ? ": " : "", nvm_strerror(err));
	return err;
}

/* A window for each extent, without its stamp. */
static int area_add_windows(struct area *area, const struct pool_child *child,
			    const struct pool_range *extent, size_t count,
			    struct failure *failure)
{
	uint64_t stamp = child->mode == POOL_MODE_RAW ? 0 : STAMP_DATA_OFF;

	for (size_t i = 0; i < count; i++) {
		uint32_t e = area->view.extent_count;

		/* The guest has no device of an extent that is all stamp. */
		if (extent[i].size_bytes <= stamp)
			continue;
		if (e == VD_EXTENTS_MAX)
			return failure_set(failure, -ERANGE,
				"child '%s' is in %zu pieces, a disk has at "
				"most %u; compact the pool", child->name, count,
				VD_EXTENTS_MAX);
		window_init(&area->window[e], backing_media(area->pool),
			    extent[i].off_bytes + stamp,
			    extent[i].size_bytes - stamp);
		area->extent[e] = &area->window[e].media;
		area->backing[e] = area->pool;
		area->view.extent_count++;
	}
	if (area->view.extent_count)
		return 0;
	return failure_set(failure, -ERANGE, "child '%s' has no room for a "
			   "disk: its guest's stamps take all of it",
			   child->name);
}

int area_of_child(struct backing *backing, const struct pool_child *child,
		  enum stray_guard guard, struct area **ret_area,
		  struct failure *failure)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	size_t count = 0;
	struct area *area = area_new(failure);
	int err;

	if (!area)
		return -ENOMEM;
	area->pool = backing;
	err = child_extents(backing, child, extent, &count, failure);
	if (!err)
		err = area_add_windows(area, child, extent, count, failure);
	if (!err)
		err = stray_set(backing, guard, failure);
	if (err) {
		area_close(area);
		return err;
	}
	area->guard = stray_get(backing);
	*ret_area = area;
	return 0;
}

/* ---- looking ------------------------------------------------------------------- */

const struct vd_area *area_extents(const struct area *area)
{
	return &area->view;
}

enum stray_guard area_guard(const struct area *area)
{
	return area->guard;
}

const struct backing *area_backing(const struct area *area, uint32_t extent)
{
	return area->backing[extent];
}

void area_assume_bus(struct area *area)
{
	for (uint32_t e = 0; e < area->view.extent_count; e++)
		area->extent[e]->durability = NVM_BUS;
}
