/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_baseline.c - what the virtual disk is compared with: no levelling at
 * all, the swaps of MBSA as its paper may have meant them, and Start-Gap.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/wear_sim_private.h"
#include "wear/wear.h"

/* ---- each block in its place ------------------------------------------------------ */

static bool in_place_begin(struct sim *sim)
{
	(void)sim;
	return true;
}

static void trim_nothing(struct sim *sim, uint32_t block)
{
	(void)sim;
	(void)block;
}

static void in_place_end(struct sim *sim)
{
	(void)sim;
}

const struct sim_model sim_in_place = {
	.begin = in_place_begin,
	.write = sim_wear,
	.trim = trim_nothing,
	.end = in_place_end,
};

/* ---- swaps ---------------------------------------------------------------------------
 *
 * Blocks are written in place.  One that would be more than the threshold ahead
 * of the least worn takes that one's place: what lies there is copied to the
 * spare block first, and the place left behind is the next spare.
 */

#define NO_BLOCK UINT32_MAX

struct swap {
	uint32_t *map, *owner;		/* logical -> physical, and back */
	uint32_t *head;			/* all but the spare, by write count */
	uint32_t *next, *before;
	uint32_t least;			/* none of them has fewer writes */
	uint32_t spare;
	uint32_t threshold;
};

static void swap_link(struct swap *swap, uint32_t block, uint32_t count)
{
	uint32_t first = swap->head[count];

	swap->head[count] = block;
	swap->next[block] = first;
	swap->before[block] = NO_BLOCK;
	if (first != NO_BLOCK)
		swap->before[first] = block;
	if (count < swap->least)
		swap->least = count;
}

static void swap_unlink(struct swap *swap, uint32_t block, uint32_t count)
{
	uint32_t next = swap->next[block], before = swap->before[block];

	if (before != NO_BLOCK)
		swap->next[before] = next;
	else
		swap->head[count] = next;
	if (next != NO_BLOCK)
		swap->before[next] = before;
}

/* What lies in @least goes to the spare, and @place is the next spare. */
static void swap_out(struct sim *sim, uint32_t least, uint32_t place)
{
	struct swap *swap = sim->model;
	uint32_t spare = swap->spare, other = swap->owner[least];

	swap->map[other] = spare;
	swap->owner[spare] = other;
	sim_wear_extra(sim, spare);
	sim->result->moves++;
	swap_link(swap, spare, sim->count[spare]);
	swap_unlink(swap, place, sim->count[place]);
	swap->spare = place;
}

static void swap_write(struct sim *sim, uint32_t block)
{
	struct swap *swap = sim->model;
	uint32_t place = swap->map[block];

	if (sim->count[place] + 1 > swap->least + swap->threshold) {
		uint32_t least = swap->head[swap->least];

		if (swap->owner[least] != NO_BLOCK)
			swap_out(sim, least, place);
		swap->owner[place] = NO_BLOCK;
		swap->owner[least] = block;
		swap->map[block] = place = least;
	}
	swap_unlink(swap, place, sim->count[place]);
	sim_wear(sim, place);
	swap_link(swap, place, sim->count[place]);
	while (swap->head[swap->least] == NO_BLOCK)
		swap->least++;
}

static bool swap_begin(struct sim *sim)
{
	uint32_t blocks = sim->config->block_count;
	uint32_t logical = sim->config->logical_count;
	struct swap *swap = sim->model = calloc(1, sizeof(*swap));

	if (!swap)
		return false;
	swap->map = calloc(logical, sizeof(uint32_t));
	swap->owner = calloc(blocks, sizeof(uint32_t));
	swap->next = calloc(blocks, sizeof(uint32_t));
	swap->before = calloc(blocks, sizeof(uint32_t));
	swap->head = malloc(((size_t)sim->endurance + 2) * sizeof(uint32_t));
	if (!swap->map || !swap->owner || !swap->next || !swap->before ||
	    !swap->head)
		return false;
	memset(swap->head, 0xff, ((size_t)sim->endurance + 2) * sizeof(uint32_t));
	swap->threshold = sim->config->threshold ? sim->config->threshold :
			  WEAR_MBSA_THRESHOLD;
	swap->spare = blocks - 1;
	for (uint32_t i = 0; i < blocks; i++) {
		swap->owner[i] = i < logical ? i : NO_BLOCK;
		if (i < logical)
			swap->map[i] = i;
		if (i != swap->spare)
			swap_link(swap, i, 0);
	}
	return true;
}

static void swap_end(struct sim *sim)
{
	struct swap *swap = sim->model;

	if (!swap)
		return;
	free(swap->map);
	free(swap->owner);
	free(swap->head);
	free(swap->next);
	free(swap->before);
	free(swap);
}

const struct sim_model sim_swap = {
	.begin = swap_begin,
	.write = swap_write,
	.trim = trim_nothing,
	.end = swap_end,
};

/* ---- Start-Gap -----------------------------------------------------------------------
 *
 * Qureshi et al., MICRO 2009: one empty place, the gap, moves through the area
 * by one each 100 writes and shifts everything by one when it is round.
 */

#define GAP_WRITES	100u

struct start_gap {
	uint32_t *place;	/* the static random order of the blocks */
	uint32_t start, gap;
	uint32_t lines;		/* all but the gap */
	uint32_t writes;
};

static void start_gap_move(struct sim *sim)
{
	struct start_gap *s = sim->model;

	sim_wear_extra(sim, s->gap);
	sim->result->moves++;
	if (s->gap) {
		s->gap--;
		return;
	}
	s->gap = s->lines;
	s->start = (s->start + 1) % s->lines;
}

static void start_gap_write(struct sim *sim, uint32_t block)
{
	struct start_gap *s = sim->model;
	uint32_t place = (uint32_t)(((uint64_t)s->place[block] + s->start) % s->lines);

	sim_wear(sim, place >= s->gap ? place + 1 : place);
	if (++s->writes == GAP_WRITES) {
		s->writes = 0;
		start_gap_move(sim);
	}
}

static bool start_gap_begin(struct sim *sim)
{
	struct start_gap *s = sim->model = calloc(1, sizeof(*s));
	uint64_t random = sim->config->seed + 1;

	if (!s)
		return false;
	s->lines = sim->config->block_count - 1;
	s->gap = s->lines;
	s->place = calloc(s->lines, sizeof(uint32_t));
	if (!s->place)
		return false;
	for (uint32_t i = 0; i < s->lines; i++) {
		uint32_t with = wear_random_below(&random, i + 1);

		s->place[i] = s->place[with];
		s->place[with] = i;
	}
	return true;
}

static void start_gap_end(struct sim *sim)
{
	struct start_gap *s = sim->model;

	if (s)
		free(s->place);
	free(s);
}

const struct sim_model sim_start_gap = {
	.begin = start_gap_begin,
	.write = start_gap_write,
	.trim = trim_nothing,
	.end = start_gap_end,
};
