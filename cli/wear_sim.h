/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_sim.h - a disk without bytes: what a load does to the write counts of
 * its blocks, until one of them is worn out.
 *
 * The levelled models ask the virtual disk's own decisions (wear/wear.h); the
 * others are what one compares with.  A write wears every line of a block
 * alike, so a block stands for its lines; where a model writes lines that do
 * not belong to a block (a mapping table), they are counted apart.
 *
 * The disk is written once from end to end before the load begins; that
 * counts as the load's.
 */
#ifndef NVM_CLI_WEAR_SIM_H
#define NVM_CLI_WEAR_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/wear_load.h"

enum wear_model {
	/* the virtual disk's policies, the numbers of enum wear_policy */
	WEAR_MODEL_NONE,
	WEAR_MODEL_MBSA,
	WEAR_MODEL_ADAPTIVE,
	/* baselines */
	WEAR_MODEL_IN_PLACE,	/* each block has its place */
	WEAR_MODEL_TABLE,	/* adaptive, and a map updated in place */
	WEAR_MODEL_SWAP,	/* MBSA's as the paper may have meant it */
	WEAR_MODEL_START_GAP,	/* randomised, one region */
	WEAR_MODELS
};

/* In the order of the enum, ends with NULL. */
extern const char *const wear_model_names[];

struct wear_sim_config {
	enum wear_model model;
	uint32_t block_count;		/* physical */
	uint32_t logical_count;
	uint32_t endurance;		/* writes that wear a line out */
	uint32_t threshold, budget;	/* 0: the policy's */
	uint32_t look;			/* blocks that the hand passes in 16
					   writes; 0: WEAR_SIM_LOOK */
	uint32_t lane_count;		/* writers; 0: 1 */
	uint64_t write_max;		/* end then; 0: when one is worn out */
	uint64_t seed;
	/* Asked now and then: false ends the run.  May be NULL. */
	bool (*step)(void *ctx, uint64_t writes, uint32_t count_max);
	void *ctx;
};

#define WEAR_SIM_LOOK		8u
#define WEAR_SIM_LANES_MAX	64u
#define WEAR_SIM_BLOCKS_MAX	(1u << 26)
#define WEAR_SIM_LOGICAL_MIN	64u
#define WEAR_SIM_SPARES_MIN	32u	/* and 8 for each lane beyond the first */

struct wear_sim_result {
	bool worn_out;
	uint64_t user_writes;		/* blocks */
	uint64_t trims;
	uint64_t extra_writes;		/* blocks: moves and logs */
	uint64_t moves;
	uint64_t looks;
	uint32_t *count;		/* of each block; wear_sim_free() */
	uint32_t block_count;
	uint32_t line_max;		/* hottest line outside of blocks */
};

/* 0, -ENOMEM, or -EINTR where step() said so. */
int wear_sim_run(const struct wear_sim_config *config, struct wear_load *load,
		 struct wear_sim_result *ret_result);
void wear_sim_free(struct wear_sim_result *result);

/* User writes over (blocks * endurance); ends before: what it comes to. */
double wear_sim_life(const struct wear_sim_config *config,
		     const struct wear_sim_result *result);

#endif
