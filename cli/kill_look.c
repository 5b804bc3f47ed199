// SPDX-License-Identifier: BSD-3-Clause
/*
 * kill_look.c - what a target of `nvmtorture kill` shows to who opens it next:
 * first as it lies there, for reading; then recovered, in a private copy,
 * which must show the same and hold nothing that a check complains of.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/image.h"
#include "cli/kill.h"

/* ---- a pool ----------------------------------------------------------------------- */

static bool child_show(struct kill_hold *hold, const struct pool_child *child,
		       struct kill_child *to, char why[KILL_WHY_MAX])
{
	struct nvm_media *media = backing_media(hold->backing);
	uint64_t unit = pool_geometry(hold->pool)->unit_bytes;
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint8_t page[VD_BLOCK];
	uint32_t u = 0;
	size_t count;

	snprintf(to->name, sizeof(to->name), "%.23s", child->name);
	to->units = (uint32_t)(child->size_bytes / unit);
	to->grow_to = (uint32_t)(child->grow_to_bytes / unit);
	if (pool_child_extents(hold->pool, child->slot, extent, &count, NULL) ||
	    to->units > KILL_UNITS) {
		snprintf(why, KILL_WHY_MAX, "where child '%s' lies cannot be "
			 "told", child->name);
		return false;
	}
	/* The bytes of that one are judged as a disk's. */
	if (!strcmp(child->name, KILL_DISK_CHILD))
		return true;
	for (size_t e = 0; e < count; e++) {
		uint64_t end = extent[e].off_bytes + extent[e].size_bytes;

		for (uint64_t at = extent[e].off_bytes; at < end; at += unit) {
			int err = media->ops->load(media, at, page,
						   sizeof(page));

			to->tag[u] = err ? KILL_TAG_LOST : kill_tag_of(page, u);
			u++;
		}
	}
	return true;
}

/*
 * Not left to the check, which reads a private copy: where the file is known,
 * its holes need not be read, which on a tmpfs would fill them.
 */
static bool clean_units_are_zeros(struct kill_hold *hold,
				  char why[KILL_WHY_MAX])
{
	const struct pool_geometry *geometry = pool_geometry(hold->pool);
	struct nvm_media *media = backing_media(hold->backing);
	uint8_t *bytes = malloc(geometry->unit_bytes);
	bool good = bytes;

	for (uint64_t u = 0; good && u < geometry->unit_count; u++) {
		uint64_t at = geometry->data_off + u * geometry->unit_bytes;

		if (pool_unit_state(hold->pool, u) != UNIT_CLEAN)
			continue;
		good = !media->ops->load(media, at, bytes,
					 geometry->unit_bytes) &&
		       bytes_are_zero(bytes, geometry->unit_bytes);
		if (!good)
			snprintf(why, KILL_WHY_MAX, "unit %" PRIu64 " is clean, "
				 "but does not read as zeros", u);
	}
	free(bytes);
	return good;
}

static bool pool_show(struct kill_hold *hold, struct kill_state *shown,
		      char why[KILL_WHY_MAX])
{
	struct pool_child child;

	for (uint32_t cursor = 0; pool_child_next(hold->pool, &cursor, &child);) {
		if (shown->child_count == KILL_CHILDREN) {
			snprintf(why, KILL_WHY_MAX, "there are more than %u "
				 "children", KILL_CHILDREN);
			return false;
		}
		if (!child_show(hold, &child,
				&shown->child[shown->child_count++], why))
			return false;
	}
	return true;
}

struct problems {
	uint64_t count;
	char first[KILL_WHY_MAX / 2];
};

static void pool_problem(void *ctx, const struct pool_problem *problem)
{
	struct problems *problems = ctx;

	if (!problems->count++)
		snprintf(problems->first, sizeof(problems->first), "%s at byte "
			 "0x%" PRIx64 " (finding %d)", problem->where.what ?
			 problem->where.what : "metadata", problem->where.offset,
			 (int)problem->finding);
}

static int pool_check_all(struct kill_hold *hold, struct problems *problems)
{
	struct pool_check_args args = { .report = pool_problem,
		.ctx = problems };
	int err = -NVM_ENOMEM;

	args.mem = malloc(pool_check_memory_bytes(pool_geometry(hold->pool)));
	if (args.mem)
		err = pool_check(hold->pool, &args, NULL, NULL);
	free(args.mem);
	return err;
}

/* ---- a disk ------------------------------------------------------------------------ */

static void disk_show(struct kill_hold *hold, struct kill_state *shown)
{
	uint8_t page[VD_BLOCK];

	for (uint64_t b = 0; b < KILL_BLOCKS; b++)
		shown->block[b] = vd_read(hold->disk, 0, b, 1, page)
				  ? KILL_TAG_LOST : kill_tag_of(page, b);
}

static void disk_problem(void *ctx, const struct vd_problem *problem)
{
	struct problems *problems = ctx;

	if (!problems->count++)
		snprintf(problems->first, sizeof(problems->first), "block %u "
			 "at byte 0x%" PRIx64 " (finding %d)", problem->block,
			 problem->off_bytes, (int)problem->finding);
}

static int disk_check_all(struct kill_hold *hold, struct problems *problems)
{
	struct vd_check_args args = { .data = true, .report = disk_problem,
		.ctx = problems };

	return vd_check(hold->disk, &args, NULL);
}

/* ---- both ---------------------------------------------------------------------------- */

/* A disk is looked at once more: what its first opening found, it mended. */
static bool check(struct kill_hold *hold, char why[KILL_WHY_MAX])
{
	struct problems problems = { 0 };
	struct failure failure = { "" };
	int err = hold->pool ? pool_check_all(hold, &problems) : 0;

	if (hold->disk && kill_hold_again(hold, &failure)) {
		snprintf(why, KILL_WHY_MAX, "once recovered: %.300s",
			 failure.text);
		return false;
	}
	if (!err && hold->disk)
		err = disk_check_all(hold, &problems);
	if (err)
		snprintf(why, KILL_WHY_MAX, "cannot be checked: %s",
			 nvm_strerror(err));
	else if (problems.count)
		snprintf(why, KILL_WHY_MAX, "the check finds %" PRIu64
			 " problems, first: %s", problems.count,
			 problems.first);
	return !err && !problems.count;
}

static bool look_once(const struct kill_scratch *scratch,
		      enum kill_target target, enum backing_access access,
		      struct kill_state *shown, char why[KILL_WHY_MAX])
{
	struct failure failure = { "" };
	struct kill_hold hold;
	bool good = true;

	*shown = (struct kill_state){ 0 };
	if (kill_hold_open(scratch, target, access, &hold, &failure)) {
		snprintf(why, KILL_WHY_MAX, "%.399s", failure.text);
		return false;
	}
	if (target == KILL_POOL)
		good = pool_show(&hold, shown, why);
	else
		disk_show(&hold, shown);
	if (good && access == BACKING_PRIVATE)
		good = check(&hold, why);
	else if (good && target == KILL_POOL)
		good = clean_units_are_zeros(&hold, why);
	kill_hold_drop(&hold);
	return good;
}

bool kill_look(const struct kill_scratch *scratch, enum kill_target target,
	       struct kill_state *ret_shown, char why[KILL_WHY_MAX])
{
	static const struct kill_op none;
	struct kill_state again;
	char differs[KILL_WHY_MAX / 2];

	if (!look_once(scratch, target, BACKING_READ, ret_shown, why) ||
	    !look_once(scratch, target, BACKING_PRIVATE, &again, why))
		return false;
	if (kill_judge(ret_shown, &none, &again, why))
		return true;
	snprintf(differs, sizeof(differs), "%.199s", why);
	snprintf(why, KILL_WHY_MAX, "once recovered it shows something else: "
		 "%s", differs);
	return false;
}
