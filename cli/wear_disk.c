/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_disk.c - the virtual disk as wear levelling sees it: a map, out-of-place
 * writes into blocks that a lane takes LANE_BATCH at a time, a hand that looks
 * for cold blocks after as many writes, and trim logs.
 *
 * A trim is a line in the open log, a block like any other with 64 lines.  A
 * line counts until its logical block is written again; a log without any is
 * free.  Where lines that count are few for the number of logs, those of the
 * oldest are copied into the open one.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/wear_sim_private.h"
#include "wear/wear.h"

#define LANE_BATCH	8u
#define LOG_LINES	64u
#define LOGS_LEAST	4u
#define LOOK_WRITES	16u
#define MAP_WORDS	8u	/* in a line of a map */

#define NO_BLOCK	UINT32_MAX
#define LOG_BLOCK	(UINT32_MAX - 1)
#define IDLE_BLOCK	(UINT32_MAX - 2)	/* free, and not in the pool */

struct log {
	uint32_t block;
	uint32_t lines;			/* written */
	uint32_t live;			/* of them, those that count */
	uint32_t entry[LOG_LINES];	/* logical blocks trimmed */
};

/* Blocks that a writer has taken from the pool. */
struct lane {
	struct wear_block block[LANE_BATCH];
	uint32_t first, end;
};

struct disk {
	struct wear *wear;
	uint32_t *map;			/* logical -> physical; NO_BLOCK */
	uint32_t *owner;		/* physical -> logical, or *_BLOCK */
	struct lane lane[WEAR_SIM_LANES_MAX];
	uint32_t lane_count, lane_at;
	uint64_t random;
	uint32_t hand, look, unlooked;
	uint32_t idle_count, idle_hand;

	uint32_t *trim_log;		/* logical -> its log; NO_BLOCK */
	struct log *log;		/* a ring, oldest first; the last is open */
	uint32_t log_room, log_first, log_count;
	uint32_t live;			/* lines that count, of all logs */

	uint32_t *table;		/* writes of the lines of a map, or NULL */
};

static void pool_put(struct sim *sim, uint32_t block)
{
	struct disk *disk = sim->model;

	disk->owner[block] = NO_BLOCK;
	wear_put(disk->wear, (struct wear_block){ block, sim->count[block], 0 });
}

/*
 * Where not all free blocks are in the pool, they come into it in turn, so
 * that all of them are written; one that went straight back would be written
 * again and the others never.
 */
static void block_free(struct sim *sim, uint32_t block)
{
	struct disk *disk = sim->model;

	if (!disk->idle_count && wear_pool_room(disk->wear)) {
		pool_put(sim, block);
		return;
	}
	disk->owner[block] = IDLE_BLOCK;
	disk->idle_count++;
}

static void pool_fill(struct sim *sim)
{
	struct disk *disk = sim->model;

	while (disk->idle_count && wear_pool_room(disk->wear)) {
		uint32_t block = disk->idle_hand;

		if (++disk->idle_hand == sim->config->block_count)
			disk->idle_hand = 0;
		if (disk->owner[block] != IDLE_BLOCK)
			continue;
		disk->idle_count--;
		pool_put(sim, block);
	}
}

static void block_give(struct disk *disk, uint32_t logical, uint32_t block)
{
	disk->map[logical] = block;
	disk->owner[block] = logical;
}

/* ---- levelling ------------------------------------------------------------------- */

static void block_move(struct sim *sim, uint32_t block)
{
	struct disk *disk = sim->model;
	struct wear_block to;

	if (wear_pool_count(disk->wear) <= LANE_BATCH ||
	    !wear_take_worn(disk->wear, sim->count[block], &to))
		return;
	sim_wear_extra(sim, to.block);
	sim->result->moves++;
	block_give(disk, disk->owner[block], to.block);
	block_free(sim, block);
	wear_wrote(disk->wear, 1);
	wear_moved(disk->wear);
}

/* Does the disk as a writer does it: after LOOK_WRITES, one move at most. */
static void level_some(struct sim *sim)
{
	struct disk *disk = sim->model;

	if (++disk->unlooked < LOOK_WRITES)
		return;
	disk->unlooked = 0;
	sim->result->looks += disk->look;
	for (uint32_t i = 0; i < disk->look; i++) {
		uint32_t block = disk->hand;

		if (++disk->hand == sim->config->block_count)
			disk->hand = 0;
		if (disk->owner[block] < IDLE_BLOCK &&
		    wear_wants_move(disk->wear, sim->count[block])) {
			block_move(sim, block);
			return;
		}
	}
}

static uint32_t lane_take(struct sim *sim)
{
	struct disk *disk = sim->model;
	struct lane *lane = &disk->lane[disk->lane_at];

	if (lane->first == lane->end) {
		wear_wrote(disk->wear, LANE_BATCH);
		pool_fill(sim);
		lane->first = lane->end = 0;
		while (lane->end < LANE_BATCH &&
		       wear_take(disk->wear, &lane->block[lane->end]))
			lane->end++;
	}
	return lane->block[lane->first++].block;
}

/* ---- trim logs ---------------------------------------------------------------------- */

static struct log *log_at(struct disk *disk, uint32_t number)
{
	return &disk->log[number % disk->log_room];
}

/* Full logs in which nothing counts, from the oldest on. */
static void logs_drop(struct sim *sim)
{
	struct disk *disk = sim->model;

	while (disk->log_count) {
		struct log *log = log_at(disk, disk->log_first);

		if (log->live || log->lines < LOG_LINES)
			break;
		if (log->block != NO_BLOCK)
			block_free(sim, log->block);
		disk->log_first++;
		disk->log_count--;
	}
}

static void log_forget(struct sim *sim, uint32_t logical)
{
	struct disk *disk = sim->model;
	uint32_t number = disk->trim_log[logical];
	struct log *log;

	if (number == NO_BLOCK)
		return;
	disk->trim_log[logical] = NO_BLOCK;
	disk->live--;
	log = log_at(disk, number);
	if (--log->live || log->lines < LOG_LINES)
		return;
	block_free(sim, log->block);
	log->block = NO_BLOCK;
	logs_drop(sim);
}

static void log_open(struct sim *sim)
{
	struct disk *disk = sim->model;
	struct log *log = log_at(disk, disk->log_first + disk->log_count++);

	log->block = lane_take(sim);
	log->lines = log->live = 0;
	disk->owner[log->block] = LOG_BLOCK;
	sim_wear_extra(sim, log->block);
}

static void log_append(struct sim *sim, uint32_t logical)
{
	struct disk *disk = sim->model;
	uint32_t last = disk->log_first + disk->log_count - 1;

	if (!disk->log_count || log_at(disk, last)->lines == LOG_LINES) {
		log_open(sim);
		last = disk->log_first + disk->log_count - 1;
	}

	struct log *log = log_at(disk, last);

	log->entry[log->lines++] = logical;
	log->live++;
	disk->live++;
	disk->trim_log[logical] = last;
}

/* What still counts in the oldest goes into the open one. */
static void log_evacuate(struct sim *sim)
{
	struct disk *disk = sim->model;
	uint32_t number = disk->log_first;
	struct log *log = log_at(disk, number);

	for (uint32_t i = 0; i < LOG_LINES; i++) {
		uint32_t logical = log->entry[i];

		if (disk->trim_log[logical] != number || log->block == NO_BLOCK)
			continue;
		log_forget(sim, logical);
		log_append(sim, logical);
	}
}

static void disk_trim(struct sim *sim, uint32_t logical)
{
	struct disk *disk = sim->model;
	uint32_t old = disk->map[logical];

	if (old == NO_BLOCK)
		return;
	log_append(sim, logical);
	disk->map[logical] = NO_BLOCK;
	block_free(sim, old);
	if (disk->log_count > LOGS_LEAST + 2 * (disk->live / LOG_LINES))
		log_evacuate(sim);
}

/* ---- writing ------------------------------------------------------------------------ */

static void disk_write(struct sim *sim, uint32_t logical)
{
	struct disk *disk = sim->model;
	uint32_t old = disk->map[logical], block;

	if (disk->lane_count > 1)
		disk->lane_at = wear_random_below(&disk->random,
						  disk->lane_count);
	block = lane_take(sim);
	sim_wear(sim, block);
	block_give(disk, logical, block);
	if (old != NO_BLOCK)
		block_free(sim, old);
	else
		log_forget(sim, logical);
	if (disk->table) {
		uint32_t line = ++disk->table[logical / MAP_WORDS];

		if (line > sim->result->line_max)
			sim->result->line_max = line;
		if (line >= sim->endurance)
			sim->worn_out = true;
	}
	level_some(sim);
}

static bool disk_allocate(struct sim *sim, struct disk *disk)
{
	size_t blocks = sim->config->block_count;
	size_t logical = sim->config->logical_count;

	disk->map = malloc(logical * sizeof(uint32_t));
	disk->trim_log = malloc(logical * sizeof(uint32_t));
	disk->owner = malloc(blocks * sizeof(uint32_t));
	/* A power of two, so that numbers may wrap round. */
	for (disk->log_room = 16; disk->log_room < blocks / 16; disk->log_room *= 2)
		;
	disk->log = calloc(disk->log_room, sizeof(struct log));
	disk->wear = malloc(wear_memory_bytes(blocks));
	if (sim->config->model == WEAR_MODEL_TABLE)
		disk->table = calloc(logical / MAP_WORDS + 1, sizeof(uint32_t));
	return disk->map && disk->trim_log && disk->owner && disk->log &&
	       disk->wear &&
	       (disk->table || sim->config->model != WEAR_MODEL_TABLE);
}

static bool disk_begin(struct sim *sim)
{
	const struct wear_sim_config *config = sim->config;
	struct disk *disk = sim->model = calloc(1, sizeof(*disk));
	struct wear_config wear = {
		.policy = config->model == WEAR_MODEL_TABLE ? WEAR_ADAPTIVE :
			  (enum wear_policy)config->model,
		.threshold = config->threshold,
		.budget = config->budget,
		.block_count = config->block_count,
	};

	if (!disk || !disk_allocate(sim, disk))
		return false;
	disk->lane_count = config->lane_count ? config->lane_count : 1;
	disk->random = config->seed;
	disk->look = config->look ? config->look : WEAR_SIM_LOOK;
	memset(disk->map, 0xff, config->logical_count * sizeof(uint32_t));
	memset(disk->trim_log, 0xff, config->logical_count * sizeof(uint32_t));
	wear_init(&wear, 0, disk->wear);
	for (uint32_t i = 0; i < config->block_count; i++)
		block_free(sim, i);
	return true;
}

static void disk_end(struct sim *sim)
{
	struct disk *disk = sim->model;

	if (!disk)
		return;
	free(disk->wear);
	free(disk->map);
	free(disk->owner);
	free(disk->trim_log);
	free(disk->log);
	free(disk->table);
	free(disk);
}

const struct sim_model sim_disk = {
	.begin = disk_begin,
	.write = disk_write,
	.trim = disk_trim,
	.end = disk_end,
};
