// SPDX-License-Identifier: BSD-3-Clause
/*
 * kill_victim.c - the process that `nvmtorture kill` kills: opens its target,
 * does this and that to it, closes it, and again, and tells before and after
 * each step.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/kill.h"

struct victim {
	const struct kill_scratch *scratch;
	enum kill_target target;
	struct kill_hold hold;
	struct kill_state state;	/* of a pool, as it knows it */
	uint64_t random, tag;
	int fd;
};

static uint64_t below(struct victim *v, uint64_t limit)
{
	return random_next(&v->random) % limit;
}

/* ---- what it says -------------------------------------------------------------------- */

static void say_note(struct victim *v, const struct kill_note *note)
{
	_Static_assert(sizeof(*note) <= PIPE_BUF, "notes are whole or not there");

	if (write(v->fd, note, sizeof(*note)) != (ssize_t)sizeof(*note))
		_exit(1);
}

static void say(struct victim *v, enum kill_says says, const struct kill_op *op)
{
	struct kill_note note = { .says = says };

	if (op)
		note.op = *op;
	say_note(v, &note);
}

static _Noreturn void say_last(struct victim *v, int err, const char *what,
			       const char *text)
{
	struct kill_note note = { .says = err == -NVM_ENOSPC ? KILL_SAYS_FULL
						: KILL_SAYS_BROKEN };

	snprintf(note.why, sizeof(note.why), "%s: %.300s", what, text);
	say_note(v, &note);
	_exit(1);
}

/* ---- a pool ----------------------------------------------------------------------------- */

/* What it holds is a guest's: the tag's page at the beginning of each unit. */
static int use_child(struct victim *v, const struct pool_child *child,
		     uint64_t tag)
{
	struct nvm_media *media = backing_media(v->hold.backing);
	uint64_t unit = pool_geometry(v->hold.pool)->unit_bytes;
	struct pool_range extent[POOL_EXTENTS_MAX];
	uint8_t page[VD_BLOCK];
	uint64_t u = 0;
	size_t count;
	int err = pool_child_extents(v->hold.pool, child->slot, extent, &count,
				     NULL);

	for (size_t e = 0; !err && e < count; e++) {
		uint64_t end = extent[e].off_bytes + extent[e].size_bytes;

		for (uint64_t at = extent[e].off_bytes; !err && at < end;
		     at += unit) {
			kill_fill(page, tag, u++);
			err = media->ops->store(media, at, page, sizeof(page));
		}
	}
	return err ? err : media_barrier(media);
}

static bool any(void *ctx, uint32_t slot)
{
	(void)ctx;
	(void)slot;
	return true;
}

static int compact(struct pool *pool)
{
	struct pool_move_plan plan;
	int err = 0;

	for (int i = 0; !err && i < 4 &&
	     pool_compact_next(pool, any, NULL, &plan); i++)
		err = pool_move(pool, plan.slot, plan.extent, plan.to_unit,
				NULL, NULL);
	return err;
}

static int carve(struct pool *pool, const struct kill_op *op, uint64_t unit)
{
	uint8_t uuid[POOL_UUID_LEN] = { 0 };
	struct pool_carve_args args = { .name = op->name, .uuid = uuid,
		.size_bytes = op->units * unit, .mode = POOL_MODE_RAW };
	struct pool_child child;

	memcpy(uuid, &op->tag, sizeof(op->tag));
	return pool_carve(pool, &args, NULL, &child, NULL);
}

static int pool_do(struct victim *v, const struct kill_op *op)
{
	struct pool *pool = v->hold.pool;
	uint64_t unit = pool_geometry(pool)->unit_bytes;
	struct pool_child child;
	int err;

	if (op->kind == KILL_CARVE)
		return carve(pool, op, unit);
	if (op->kind == KILL_CLEAN)
		return pool_clean(pool, NULL, NULL);
	if (op->kind == KILL_COMPACT)
		return compact(pool);
	err = pool_child_find(pool, op->name, &child);
	if (err)
		return err;
	if (op->kind == KILL_RESIZE)
		return pool_resize(pool, child.slot, op->units * unit, NULL,
				   NULL);
	if (op->kind == KILL_RELEASE)
		return pool_release(pool, child.slot, NULL);
	if (op->kind == KILL_USE)
		return use_child(v, &child, op->tag);
	snprintf(child.name, sizeof(child.name), "%s", op->other);
	child.grow_to_bytes = op->units * unit;
	return pool_update(pool, &child, NULL);
}

/* One that fits: so whatever says that there is no space is the backing. */
static void pool_choose(struct victim *v, struct kill_op *op)
{
	static const enum kill_kind kinds[] = { KILL_RESIZE, KILL_RESIZE,
		KILL_RENAME, KILL_USE, KILL_USE, KILL_RELEASE, KILL_CLEAN,
		KILL_COMPACT };
	const uint32_t most = 12;
	struct pool_space space;
	uint64_t unit = pool_geometry(v->hold.pool)->unit_bytes;
	uint32_t others = v->state.child_count - 1;
	bool room;

	pool_space(v->hold.pool, &space);
	room = space.free_bytes / unit > 2 * most;
	op->tag = v->tag++;
	op->units = 1 + (uint32_t)below(v, most);
	if (others < KILL_CHILDREN - 1 && room &&
	    (!others || below(v, KILL_CHILDREN) >= others)) {
		op->kind = KILL_CARVE;
		snprintf(op->name, sizeof(op->name), "c%ju",
			 (uintmax_t)op->tag);
		return;
	}
	op->kind = kinds[below(v, sizeof(kinds) / sizeof(*kinds))];
	if (op->kind == KILL_RESIZE && !room)
		op->kind = KILL_RELEASE;
	if (op->kind == KILL_CLEAN || op->kind == KILL_COMPACT)
		return;
	/* any of them but the one that is a disk */
	for (uint64_t i = below(v, v->state.child_count);; i++) {
		const struct kill_child *child =
			&v->state.child[i % v->state.child_count];

		if (!strcmp(child->name, KILL_DISK_CHILD))
			continue;
		snprintf(op->name, sizeof(op->name), "%s", child->name);
		break;
	}
	snprintf(op->other, sizeof(op->other), "r%ju", (uintmax_t)op->tag);
	if (op->kind == KILL_RENAME)
		op->units += most;
}

/* ---- a disk ----------------------------------------------------------------------------- */

static int disk_do(struct victim *v, const struct kill_op *op)
{
	static uint8_t bytes[VD_GROUP_MAX * VD_BLOCK];	/* too large a frame */
	struct vdisk *disk = v->hold.disk;

	for (uint64_t i = 0; op->tag && i < op->count; i++)
		kill_fill(bytes + i * VD_BLOCK, op->tag + i, op->first + i);
	switch (op->kind) {
	case KILL_TRIM:
		return vd_trim(disk, 0, op->first, op->count);
	case KILL_FLUSH:
		return vd_flush(disk, 0);
	default:
		return vd_write(disk, 0, op->first, (uint32_t)op->count, bytes,
				op->kind == KILL_GROUP ? VD_WRITE_ATOMIC : 0);
	}
}

static void disk_choose(struct victim *v, struct kill_op *op)
{
	static const enum kill_kind kinds[] = { KILL_WRITE, KILL_WRITE,
		KILL_WRITE, KILL_WRITE, KILL_GROUP, KILL_GROUP, KILL_TRIM,
		KILL_FLUSH };

	op->kind = kinds[below(v, sizeof(kinds) / sizeof(*kinds))];
	if (op->kind == KILL_FLUSH)
		return;
	op->count = below(v, 3) ? 1 + below(v, 16) : 1;
	if (op->kind == KILL_GROUP)
		op->count++;
	op->first = below(v, KILL_BLOCKS - op->count + 1);
	if (op->kind != KILL_TRIM) {
		op->tag = v->tag;
		v->tag += op->count;
	}
}

/* ---- both --------------------------------------------------------------------------------- */

static void do_one(struct victim *v)
{
	struct kill_op op = { 0 };
	int err;

	if (v->hold.disk)
		disk_choose(v, &op);
	else
		pool_choose(v, &op);
	say(v, KILL_SAYS_BEGIN, &op);
	err = v->hold.disk ? disk_do(v, &op) : pool_do(v, &op);
	if (err)
		say_last(v, err, kill_kind_name(op.kind), nvm_strerror(err));
	say(v, KILL_SAYS_END, &op);
	kill_apply(&v->state, &op);
}

static void close_it(struct victim *v)
{
	struct kill_op op = { .kind = KILL_CLOSE };
	int err = 0;

	say(v, KILL_SAYS_BEGIN, &op);
	if (v->hold.disk)
		err = vd_close(v->hold.disk, NULL);
	if (err)
		say_last(v, err, "close", nvm_strerror(err));
	kill_hold_drop(&v->hold);
	say(v, KILL_SAYS_END, &op);
}

_Noreturn void kill_victim(const struct kill_scratch *scratch,
			   enum kill_target target,
			   const struct kill_state *state, uint64_t seed,
			   uint64_t tag, int fd)
{
	struct victim v = { .scratch = scratch, .target = target,
		.state = *state, .random = seed, .tag = tag, .fd = fd };
	struct failure failure = { "" };

	for (;;) {
		int err;

		say(&v, KILL_SAYS_OPENING, NULL);
		err = kill_hold_open(scratch, target, BACKING_WRITE, &v.hold,
				     &failure);
		if (err)
			say_last(&v, err, "opening", failure.text);
		say(&v, KILL_SAYS_OPENED, NULL);
		for (uint64_t i = below(&v, 32); i; i--) {
			do_one(&v);
			/* nobody is always busy */
			if (!below(&v, 32))
				usleep((useconds_t)below(&v, 300));
		}
		close_it(&v);
	}
}
