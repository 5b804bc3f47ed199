// SPDX-License-Identifier: BSD-3-Clause
/*
 * vhistory.c - changes of blocks in time, and which of them a crash may show.
 *
 * Invariant: changes are in the order of their start, and each block's are
 * linked from the newest to the oldest, which began before all events.
 */
#include "tests/torture/vhistory.h"

#include <stdlib.h>
#include <string.h>

#define NOT_LOOKED	(-2)

static void *grow(void *mem, size_t *room, size_t need, size_t size)
{
	if (need <= *room)
		return mem;
	while (*room < need)
		*room = *room ? *room * 2 : 64;
	mem = realloc(mem, *room * size);
	vyard_must(mem, "memory");
	return mem;
}

static void *array(size_t count, size_t size)
{
	void *mem = calloc(count + 1, size);

	vyard_must(mem, "memory");
	return mem;
}

void vhistory_begin(struct vhistory *history, uint32_t block_count)
{
	*history = (struct vhistory){ .block_count = block_count,
		.at = NOT_LOOKED,
		.newest = array(block_count, sizeof(uint32_t)) };
	for (uint32_t b = 0; b < block_count; b++)
		vhistory_add(history, b, 0xff, 0, 0, -1);
	vhistory_told(history, 0, block_count, -1, true);
}

void vhistory_end(struct vhistory *history)
{
	free(history->change);
	free(history->newest);
	free(history->group);
	*history = (struct vhistory){ 0 };
}

void vhistory_copy(struct vhistory *to, const struct vhistory *from)
{
	vhistory_end(to);
	*to = *from;
	to->change = array(from->room, sizeof(*to->change));
	to->newest = array(from->block_count, sizeof(*to->newest));
	to->group = array(from->group_room, sizeof(*to->group));
	if (from->count)
		memcpy(to->change, from->change,
		       from->count * sizeof(*to->change));
	if (from->block_count)
		memcpy(to->newest, from->newest,
		       from->block_count * sizeof(*to->newest));
	if (from->group_count)
		memcpy(to->group, from->group,
		       from->group_count * sizeof(*to->group));
}

size_t vhistory_add(struct vhistory *history, uint32_t block, uint8_t sectors,
		    uint64_t tag, uint32_t group, int64_t start)
{
	struct vchange *change;

	history->change = grow(history->change, &history->room,
			       history->count + 1, sizeof(*change));
	change = &history->change[history->count++];
	*change = (struct vchange){ .block = block, .group = group,
		.start = start, .end = VTIME_NEVER, .durable = VTIME_NEVER,
		.sectors = sectors, .older = history->newest[block] };
	for (unsigned s = 0; s < VYARD_SECTORS; s++)
		change->content.tag[s] = sectors >> s & 1 ? tag : 0;
	history->newest[block] = (uint32_t)history->count;
	history->at = NOT_LOOKED;
	if (group && !history->group[group - 1].count++)
		history->group[group - 1].first = history->count - 1;
	return history->count - 1;
}

uint32_t vhistory_group(struct vhistory *history)
{
	size_t room = history->group_room;

	history->group = grow(history->group, &room, history->group_count + 1u,
			      sizeof(*history->group));
	history->group_room = (uint32_t)room;
	history->group[history->group_count] = (struct vgroup){
		.settled = VTIME_NEVER };
	return ++history->group_count;
}

void vhistory_told(struct vhistory *history, size_t first, size_t count,
		   int64_t end, bool durable)
{
	for (size_t i = first; i < first + count; i++) {
		history->change[i].end = end;
		if (durable)
			history->change[i].durable = end;
	}
	history->at = NOT_LOOKED;
}

void vhistory_failed(struct vhistory *history, size_t first, size_t count,
		     int64_t end)
{
	vhistory_told(history, first, count, end, false);
	for (size_t i = first; i < first + count; i++)
		history->change[i].failed = true;
}

void vhistory_flushed(struct vhistory *history, int64_t begun, int64_t end)
{
	for (size_t i = 0; i < history->count; i++) {
		struct vchange *change = &history->change[i];

		if (change->end < begun && change->durable == VTIME_NEVER &&
		    !change->failed)
			change->durable = end;
	}
	history->at = NOT_LOOKED;
}

void vhistory_cut(struct vhistory *history, int64_t at)
{
	size_t count = 0;

	memset(history->newest, 0, history->block_count *
	       sizeof(*history->newest));
	for (; count < history->count && history->change[count].start < at;
	     count++) {
		struct vchange *change = &history->change[count];

		if (change->end >= at) {
			change->end = VTIME_NEVER;
			change->failed = false;
		}
		if (change->durable >= at)
			change->durable = VTIME_NEVER;
		change->older = history->newest[change->block];
		history->newest[change->block] = (uint32_t)count + 1;
	}
	history->count = count;
	while (history->group_count &&
	       history->group[history->group_count - 1].first >= count)
		history->group_count--;
	for (uint32_t g = 0; g < history->group_count; g++)
		if (history->group[g].settled >= at)
			history->group[g].settled = VTIME_NEVER;
	history->at = NOT_LOOKED;
}

void vhistory_killed(struct vhistory *history, int64_t at)
{
	for (size_t i = 0; i < history->count; i++)
		if (history->change[i].end == VTIME_NEVER)
			vhistory_failed(history, i, 1, at);
	history->at = NOT_LOOKED;
}

void vhistory_settle(struct vhistory *history, const struct vshown *shown,
		     int64_t at)
{
	for (uint32_t b = 0; b < history->block_count; b++) {
		size_t i;

		if (b < shown->block_count && shown->look[b] == VLOOK_NOT)
			continue;
		i = vhistory_add(history, b, 0xff, 0, 0, at);
		if (b < shown->block_count) {
			history->change[i].content = shown->content[b];
			history->change[i].unreadable =
				shown->look[b] == VLOOK_ERROR;
		}
		vhistory_told(history, i, 1, at, true);
	}
	for (uint32_t g = 0; g < history->group_count; g++)
		if (history->group[g].settled == VTIME_NEVER)
			history->group[g].settled = at;
}

void vhistory_collapse(struct vhistory *history)
{
	struct vhistory fresh;

	vhistory_begin(&fresh, history->block_count);
	for (uint32_t b = 0; b < history->block_count; b++) {
		struct vchange *to = &fresh.change[fresh.newest[b] - 1];
		uint8_t missing = 0xff;

		/* Parts lie over what was there before. */
		for (uint32_t i = history->newest[b]; i && missing;
		     i = history->change[i - 1].older) {
			const struct vchange *from = &history->change[i - 1];

			for (unsigned s = 0; s < VYARD_SECTORS; s++)
				if (missing & from->sectors & 1u << s)
					to->content.tag[s] =
						from->content.tag[s];
			if (missing == 0xff)
				to->unreadable = from->unreadable;
			missing &= (uint8_t)~from->sectors;
		}
	}
	vhistory_end(history);
	*history = fresh;
}

bool vhistory_touched(const struct vhistory *history, uint32_t block)
{
	return history->change[history->newest[block] - 1].start >= 0;
}

/* ---- a moment ------------------------------------------------------------------ */

/* Must it outlive a crash at the moment looked at, unless it is overwritten? */
static bool lasts(const struct vhistory *history, const struct vchange *change)
{
	return !change->failed &&
	       (history->live ? change->end : change->durable) < history->at;
}

/* Is something newer there, that must be shown? */
static bool hidden(const struct vhistory *history, const struct vchange *change)
{
	uint32_t i = history->newest[change->block];

	for (; &history->change[i - 1] != change;
	     i = history->change[i - 1].older) {
		const struct vchange *other = &history->change[i - 1];

		if (other->start > change->end && lasts(history, other))
			return true;
	}
	return false;
}

void vhistory_at(struct vhistory *history, int64_t at, bool live)
{
	if (history->at == at && history->live == live)
		return;
	history->at = at;
	history->live = live;
	for (size_t i = 0; i < history->count; i++) {
		struct vchange *change = &history->change[i];

		change->allowed = change->start < at &&
				  !hidden(history, change);
	}
}

/* What parts and groups make of a change goes by what came before it. */
static uint64_t order_digest(const struct vhistory *history,
			     const struct vchange *change)
{
	uint64_t digest = 0;
	uint32_t i = history->newest[change->block];

	for (; i; i = history->change[i - 1].older) {
		const struct vchange *other = &history->change[i - 1];

		digest += domain_hash_word(other->content.tag[0] * 8 +
			lasts(history, other) * 4u +
			(other->end > change->start) * 2u +
			(other->start > change->end), other->sectors);
	}
	return digest;
}

uint64_t vhistory_digest(const struct vhistory *history)
{
	uint64_t digest = 0;

	for (size_t i = 0; i < history->count; i++) {
		const struct vchange *change = &history->change[i];
		const struct vgroup *group = change->group
			? &history->group[change->group - 1] : NULL;
		uint64_t key = change->block * 512 + change->sectors;

		if (!change->allowed || change->start < 0)
			continue;
		if (group && group->settled >= history->at)
			key += (change->group + 1) * 1000003ull +
			       order_digest(history, change);
		if (change->sectors != 0xff)
			key += order_digest(history, change);
		for (unsigned s = 0; s < VYARD_SECTORS; s++)
			key = domain_hash_word(key, change->content.tag[s] + 1);
		digest += key;
	}
	return digest;
}

/* ---- what was shown -------------------------------------------------------------- */

/*
 * Was @change hidden already when @part began to read the block?  Or is there
 * something newer in the sectors @need, which @part must not have lost?
 */
static bool over(const struct vhistory *history, const struct vchange *change,
		 const struct vchange *part, uint8_t need)
{
	uint32_t i = history->newest[change->block];

	for (; i && &history->change[i - 1] != change;
	     i = history->change[i - 1].older) {
		const struct vchange *other = &history->change[i - 1];

		if (other != part && other->start > change->end &&
		    !other->failed &&
		    (other->end < part->start ||
		     (other->sectors & need && lasts(history, other))))
			return true;
	}
	return false;
}

/*
 * Can the sectors @need of what was shown be of @change, or of it and what
 * it was written over?
 */
static bool matches(const struct vhistory *history, const struct vcontent *shown,
		    uint8_t need, const struct vchange *change, unsigned depth)
{
	uint32_t i = history->newest[change->block];

	for (unsigned s = 0; s < VYARD_SECTORS; s++)
		if (need & change->sectors & 1u << s &&
		    shown->tag[s] != change->content.tag[s])
			return false;
	need &= (uint8_t)~change->sectors;
	if (!need)
		return true;
	for (; i && depth < 8; i = history->change[i - 1].older) {
		const struct vchange *under = &history->change[i - 1];

		if (under != change && under->start < change->end &&
		    !over(history, under, change, need) &&
		    matches(history, shown, need, under, depth + 1))
			return true;
	}
	return false;
}

static bool is_of(const struct vhistory *history, const struct vshown *shown,
		  const struct vchange *change)
{
	uint32_t b = change->block;

	if (shown->look[b] == VLOOK_ERROR)
		return change->unreadable;
	return !change->unreadable &&
	       matches(history, &shown->content[b], 0xff, change, 0);
}

static bool block_allowed(const struct vhistory *history,
			  const struct vshown *shown, uint32_t b,
			  struct verdict *verdict)
{
	uint32_t i = history->newest[b];
	const uint64_t *tag = shown->content[b].tag;

	for (; i; i = history->change[i - 1].older)
		if (history->change[i - 1].allowed &&
		    is_of(history, shown, &history->change[i - 1]))
			return true;
	if (shown->look[b] == VLOOK_ERROR)
		return deny(verdict, "block %u cannot be read", b);
	for (unsigned s = 1; s < VYARD_SECTORS; s++)
		if (tag[s] != tag[0])
			return deny(verdict, "block %u shows writes %ju and "
				    "%ju", b, (uintmax_t)tag[0],
				    (uintmax_t)tag[s]);
	return deny(verdict, "block %u shows write %ju", b, (uintmax_t)tag[0]);
}

enum member { MEMBER_NEW, MEMBER_OVER, MEMBER_OLD };

/* Does the block show the member, something later, or something before? */
static enum member member_of(const struct vhistory *history,
			     const struct vshown *shown,
			     const struct vchange *member)
{
	uint32_t i = history->newest[member->block];

	if (member->block >= shown->block_count ||
	    shown->look[member->block] == VLOOK_NOT)
		return MEMBER_OVER;
	if (is_of(history, shown, member))
		return MEMBER_NEW;
	for (; i; i = history->change[i - 1].older) {
		const struct vchange *other = &history->change[i - 1];

		if (other != member && other->end > member->start &&
		    other->start < history->at && is_of(history, shown, other))
			return MEMBER_OVER;
	}
	return MEMBER_OLD;
}

static bool group_whole(const struct vhistory *history,
			const struct vshown *shown, uint32_t number,
			struct verdict *verdict)
{
	const struct vgroup *group = &history->group[number];
	const struct vchange *first = &history->change[group->first];
	bool seen[3] = { false, false, false };

	if (first->start >= history->at || group->settled < history->at)
		return true;
	for (size_t i = 0; i < group->count; i++)
		seen[member_of(history, shown, first + i)] = true;
	return !seen[MEMBER_NEW] || !seen[MEMBER_OLD] ||
	       deny(verdict, "half of the group of write %ju from block %u on",
		    (uintmax_t)first->content.tag[0], first->block);
}

bool vhistory_allows(const struct vhistory *history,
		     const struct vshown *shown, struct verdict *verdict)
{
	for (uint32_t b = 0; b < shown->block_count; b++)
		if (shown->look[b] != VLOOK_NOT &&
		    !block_allowed(history, shown, b, verdict))
			return false;
	for (uint32_t g = 0; g < history->group_count; g++)
		if (!group_whole(history, shown, g, verdict))
			return false;
	return true;
}

void vshown_begin(struct vshown *shown, uint32_t block_count)
{
	*shown = (struct vshown){ .block_count = block_count,
		.content = array(block_count, sizeof(*shown->content)),
		.look = array(block_count, 1) };
}

void vshown_end(struct vshown *shown)
{
	free(shown->content);
	free(shown->look);
	*shown = (struct vshown){ 0 };
}

bool vshown_equal(const struct vshown *a, const struct vshown *b,
		  struct verdict *verdict)
{
	if (a->block_count != b->block_count)
		return deny(verdict, "%u blocks, then %u", a->block_count,
			    b->block_count);
	for (uint32_t i = 0; i < a->block_count; i++)
		if (a->look[i] != VLOOK_NOT && b->look[i] != VLOOK_NOT &&
		    (a->look[i] != b->look[i] ||
		     !vcontent_equal(&a->content[i], &b->content[i])))
			return deny(verdict, "block %u shows write %ju, then "
				    "%ju", i, (uintmax_t)a->content[i].tag[0],
				    (uintmax_t)b->content[i].tag[0]);
	return true;
}
