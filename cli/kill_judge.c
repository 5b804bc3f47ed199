// SPDX-License-Identifier: BSD-3-Clause
/*
 * kill_judge.c - what a pool or a disk may show after a kill: everything that
 * was acknowledged, and of the operation under way all or nothing, or for
 * plain writes and trims each block on its own.  Touches no media.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/kill.h"

const char *kill_kind_name(enum kill_kind kind)
{
	static const char *const names[] = {
		"nothing", "carve", "resize", "rename", "release", "clean",
		"compact", "use", "write", "group", "trim", "flush", "close"
	};
	_Static_assert(sizeof(names) / sizeof(*names) == KILL_KINDS,
		       "a name for each kind");

	return names[kind];
}

struct kill_child *kill_child_find(struct kill_state *state, const char *name)
{
	for (uint32_t i = 0; i < state->child_count; i++)
		if (!strcmp(state->child[i].name, name))
			return &state->child[i];
	return NULL;
}

/* ---- what operations do ------------------------------------------------------------ */

static void child_add(struct kill_state *state, const struct kill_op *op)
{
	struct kill_child *child;

	if (state->child_count == KILL_CHILDREN)
		return;
	child = &state->child[state->child_count++];
	*child = (struct kill_child){ .units = op->units };
	snprintf(child->name, sizeof(child->name), "%s", op->name);
}

static void child_resize(struct kill_child *child, uint32_t units)
{
	for (uint32_t u = units; u < child->units; u++)
		child->tag[u] = 0;
	child->units = units;
}

static void child_apply(struct kill_state *state, struct kill_child *child,
			const struct kill_op *op)
{
	switch (op->kind) {
	case KILL_RESIZE:
		child_resize(child, op->units);
		break;
	case KILL_RENAME:
		snprintf(child->name, sizeof(child->name), "%s", op->other);
		child->grow_to = op->units;
		break;
	case KILL_RELEASE:
		*child = state->child[--state->child_count];
		break;
	case KILL_USE:
		for (uint32_t u = 0; u < child->units; u++)
			child->tag[u] = op->tag;
		break;
	default:
		break;
	}
}

/* What the operation leaves in a block. */
static uint64_t block_after(const struct kill_state *before,
			    const struct kill_op *op, uint64_t b)
{
	if (b < op->first || b - op->first >= op->count)
		return before->block[b];
	switch (op->kind) {
	case KILL_WRITE:
	case KILL_GROUP:
		return op->tag + (b - op->first);
	case KILL_TRIM:
		return 0;
	default:
		return before->block[b];
	}
}

void kill_apply(struct kill_state *state, const struct kill_op *op)
{
	struct kill_child *child = kill_child_find(state, op->name);

	if (op->kind == KILL_CARVE)
		child_add(state, op);
	else if (child)
		child_apply(state, child, op);
	for (uint64_t b = 0; b < KILL_BLOCKS; b++)
		state->block[b] = block_after(state, op, b);
}

/* ---- children ------------------------------------------------------------------------ */

static const char *tag_text(uint64_t tag, char buf[32])
{
	if (!tag)
		return "zeros";
	if (tag == KILL_TAG_TORN)
		return "torn bytes";
	if (tag == KILL_TAG_LOST)
		return "nothing that can be read";
	snprintf(buf, 32, "write %" PRIu64, tag);
	return buf;
}

/* @either: units may hold that, too; 0: no. */
static bool child_matches(const struct kill_child *wanted,
			  const struct kill_child *shown, uint64_t either,
			  char why[KILL_WHY_MAX])
{
	char a[32], b[32];

	if (wanted->grow_to != shown->grow_to) {
		snprintf(why, KILL_WHY_MAX, "child '%s' may grow to %u units, "
			 "not %u", shown->name, shown->grow_to,
			 wanted->grow_to);
		return false;
	}
	if (wanted->units != shown->units) {
		snprintf(why, KILL_WHY_MAX, "child '%s' has %u units, not %u",
			 shown->name, shown->units, wanted->units);
		return false;
	}
	for (uint32_t u = 0; u < wanted->units; u++) {
		if (shown->tag[u] == wanted->tag[u] ||
		    (either && shown->tag[u] == either))
			continue;
		snprintf(why, KILL_WHY_MAX, "unit %u of child '%s' shows %s, "
			 "not %s", u, shown->name, tag_text(shown->tag[u], a),
			 tag_text(wanted->tag[u], b));
		return false;
	}
	return true;
}

static bool children_match(const struct kill_state *wanted,
			   const struct kill_op *use,
			   const struct kill_state *shown,
			   char why[KILL_WHY_MAX])
{
	struct kill_state copy = *shown;

	for (uint32_t i = 0; i < wanted->child_count; i++) {
		const struct kill_child *child = &wanted->child[i];
		const struct kill_child *other =
			kill_child_find(&copy, child->name);
		bool used = use && !strcmp(use->name, child->name);

		if (!other) {
			snprintf(why, KILL_WHY_MAX, "child '%s' is missing",
				 child->name);
			return false;
		}
		if (!child_matches(child, other, used ? use->tag : 0, why))
			return false;
	}
	if (wanted->child_count == shown->child_count)
		return true;
	snprintf(why, KILL_WHY_MAX, "there are %u children, not %u",
		 shown->child_count, wanted->child_count);
	return false;
}

static bool children_judge(const struct kill_state *before,
			   const struct kill_op *op,
			   const struct kill_state *shown,
			   char why[KILL_WHY_MAX])
{
	const struct kill_op *use = op->kind == KILL_USE ? op : NULL;
	struct kill_state after = *before;
	char unused[KILL_WHY_MAX];

	if (children_match(before, use, shown, why))
		return true;
	kill_apply(&after, op);
	return op->kind != KILL_NOTHING &&
	       children_match(&after, NULL, shown, unused);
}

/* ---- blocks --------------------------------------------------------------------------- */

static bool blocks_judge(const struct kill_state *before,
			 const struct kill_op *op,
			 const struct kill_state *shown, char why[KILL_WHY_MAX])
{
	uint64_t old_count = 0, new_count = 0;
	char a[32], b[32];

	for (uint64_t i = 0; i < KILL_BLOCKS; i++) {
		uint64_t old = before->block[i];
		uint64_t new = block_after(before, op, i);

		if (shown->block[i] != old && shown->block[i] != new) {
			snprintf(why, KILL_WHY_MAX, "block %" PRIu64 " shows "
				 "%s, not %s", i, tag_text(shown->block[i], a),
				 tag_text(old, b));
			return false;
		}
		old_count += old != new && shown->block[i] == old;
		new_count += old != new && shown->block[i] == new;
	}
	if (op->kind != KILL_GROUP || !old_count || !new_count)
		return true;
	snprintf(why, KILL_WHY_MAX, "of the %" PRIu64 " blocks of a group, "
		 "from %" PRIu64 " on, %" PRIu64 " are new and %" PRIu64
		 " are old", op->count, op->first, new_count, old_count);
	return false;
}

bool kill_judge(const struct kill_state *before, const struct kill_op *op,
		const struct kill_state *shown, char why[KILL_WHY_MAX])
{
	return children_judge(before, op, shown, why) &&
	       blocks_judge(before, op, shown, why);
}

/* ---- pages ----------------------------------------------------------------------------- */

/* The tag, then words that go by it and the place. */
void kill_fill(uint8_t page[VD_BLOCK], uint64_t tag, uint64_t place)
{
	uint64_t random = tag ^ place << 40;

	memcpy(page, &tag, 8);
	for (size_t i = 1; i < VD_BLOCK / 8; i++) {
		uint64_t word = random_next(&random);

		memcpy(page + i * 8, &word, 8);
	}
}

uint64_t kill_tag_of(const uint8_t page[VD_BLOCK], uint64_t place)
{
	static const uint8_t zeros[VD_BLOCK];
	uint8_t wanted[VD_BLOCK];
	uint64_t tag;

	if (!memcmp(page, zeros, VD_BLOCK))
		return 0;
	memcpy(&tag, page, 8);
	kill_fill(wanted, tag, place);
	return tag && !memcmp(page, wanted, VD_BLOCK) ? tag : KILL_TAG_TORN;
}
