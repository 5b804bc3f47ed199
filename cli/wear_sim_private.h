/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_sim_private.h - between the simulator and its models.
 */
#ifndef NVM_CLI_WEAR_SIM_PRIVATE_H
#define NVM_CLI_WEAR_SIM_PRIVATE_H

#include "cli/wear_sim.h"

struct sim {
	const struct wear_sim_config *config;
	struct wear_sim_result *result;
	uint32_t *count;	/* the result's */
	uint32_t endurance;
	bool worn_out;
	void *model;		/* its own state */
};

struct sim_model {
	bool (*begin)(struct sim *sim);		/* false: no memory */
	void (*write)(struct sim *sim, uint32_t block);
	void (*trim)(struct sim *sim, uint32_t block);
	void (*end)(struct sim *sim);		/* also after a failed begin() */
};

extern const struct sim_model sim_disk;		/* wear_disk.c */
extern const struct sim_model sim_in_place;	/* wear_baseline.c */
extern const struct sim_model sim_swap;
extern const struct sim_model sim_start_gap;

static inline void sim_wear(struct sim *sim, uint32_t block)
{
	if (++sim->count[block] >= sim->endurance)
		sim->worn_out = true;
}

static inline void sim_wear_extra(struct sim *sim, uint32_t block)
{
	sim_wear(sim, block);
	sim->result->extra_writes++;
}

#endif
