/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_sim.c - runs a load against a model of a disk.
 */
#include <errno.h>
#include <stdlib.h>

#include "cli/wear_sim_private.h"

#define BATCH		1024u
#define STEP_BATCHES	1024u	/* between two questions whether to go on */

const char *const wear_model_names[] = {
	"none", "mbsa", "adaptive", "in-place", "table", "swap", "start-gap",
	NULL
};

static const struct sim_model *const models[WEAR_MODELS] = {
	[WEAR_MODEL_NONE] = &sim_disk,
	[WEAR_MODEL_MBSA] = &sim_disk,
	[WEAR_MODEL_ADAPTIVE] = &sim_disk,
	[WEAR_MODEL_IN_PLACE] = &sim_in_place,
	[WEAR_MODEL_TABLE] = &sim_disk,
	[WEAR_MODEL_SWAP] = &sim_swap,
	[WEAR_MODEL_START_GAP] = &sim_start_gap,
};

static bool sim_ended(const struct sim *sim)
{
	uint64_t write_max = sim->config->write_max;

	return sim->worn_out ||
	       (write_max && sim->result->user_writes >= write_max);
}

static void sim_op(struct sim *sim, const struct sim_model *model, uint32_t op)
{
	if (op & WEAR_OP_TRIM) {
		sim->result->trims++;
		model->trim(sim, op & WEAR_OP_BLOCK);
	} else {
		sim->result->user_writes++;
		model->write(sim, op);
	}
}

static uint32_t count_max(const struct sim *sim)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < sim->config->block_count; i++)
		if (sim->count[i] > most)
			most = sim->count[i];
	return most;
}

static int sim_loop(struct sim *sim, const struct sim_model *model,
		    struct wear_load *load)
{
	uint32_t op[BATCH];

	for (uint32_t i = 0; i < sim->config->logical_count && !sim_ended(sim); i++)
		sim_op(sim, model, i);
	for (uint64_t batch = 1; !sim_ended(sim); batch++) {
		wear_load_next(load, op, BATCH);
		for (uint32_t i = 0; i < BATCH && !sim_ended(sim); i++)
			sim_op(sim, model, op[i]);
		if (batch % STEP_BATCHES == 0 && sim->config->step &&
		    !sim->config->step(sim->config->ctx, sim->result->user_writes,
				       count_max(sim)))
			return -EINTR;
	}
	return 0;
}

int wear_sim_run(const struct wear_sim_config *config, struct wear_load *load,
		 struct wear_sim_result *ret_result)
{
	const struct sim_model *model = models[config->model];
	struct wear_sim_result result = { .block_count = config->block_count };
	struct sim sim = { .config = config, .result = &result,
			   .endurance = config->endurance };
	int err = -ENOMEM;

	result.count = sim.count = calloc(config->block_count, sizeof(*sim.count));
	if (result.count) {
		if (model->begin(&sim))
			err = sim_loop(&sim, model, load);
		model->end(&sim);
	}
	result.worn_out = sim.worn_out;
	if (err)
		wear_sim_free(&result);
	else
		*ret_result = result;
	return err;
}

void wear_sim_free(struct wear_sim_result *result)
{
	free(result->count);
	result->count = NULL;
}

double wear_sim_life(const struct wear_sim_config *config,
		     const struct wear_sim_result *result)
{
	uint32_t most = result->line_max;

	for (uint32_t i = 0; i < result->block_count; i++)
		if (result->count[i] > most)
			most = result->count[i];
	if (!most)
		return 1;
	return (double)result->user_writes / ((double)config->block_count * most);
}
