// SPDX-License-Identifier: BSD-3-Clause
/*
 * model.c - a disk of numbers: of each sector the last acknowledged operation
 * that wrote it.  One guest with one thread has at most one operation in
 * flight, so there is no more to a history than this and that operation.
 */
#include "tests/vm/kills/kills.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool deny(struct verdict *verdict, const char *fmt, ...)
{
	va_list ap;

	if (*verdict->why)
		return false;
	va_start(ap, fmt);
	vsnprintf(verdict->why, sizeof(verdict->why), fmt, ap);
	va_end(ap);
	/* One line: what guests and tools say must not be taken for a test's. */
	for (char *at = verdict->why; (at = strchr(at, '\n')); )
		*at = '/';
	return false;
}

void model_begin(struct model *model, uint64_t block_count)
{
	model->block_count = block_count;
	model->number = calloc(block_count * LOAD_SECTORS,
			       sizeof(*model->number));
	if (!model->number)
		give_up("no memory for the model");
}

void model_end(struct model *model)
{
	free(model->number);
}

/* The sectors of an operation; none of one that changes no contents. */
static void op_sectors(const struct op *op, uint64_t *ret_first,
		       uint64_t *ret_end)
{
	uint64_t unit = LOAD_SECTORS;

	*ret_first = *ret_end = 0;
	if (op->kind == LOAD_LEVEL || op->kind == LOAD_REOPEN)
		return;
	if (op->kind == LOAD_PART || op->kind == LOAD_ZERO)
		unit = 1;
	*ret_first = op->first * unit;
	*ret_end = (op->first + op->count) * unit;
}

static uint64_t op_leaves(const struct op *op)
{
	return op->kind == LOAD_TRIM || op->kind == LOAD_ZERO ? 0 : op->number;
}

bool model_has(const struct model *model, const struct op *op)
{
	uint64_t unit = op->kind == LOAD_PART || op->kind == LOAD_ZERO ?
			LOAD_SECTORS : 1, end = model->block_count * unit;

	return strchr("waptzlc", (int)op->kind) && op->first <= end &&
	       op->count <= end - op->first;
}

void model_apply(struct model *model, const struct op *op)
{
	uint64_t first, end;

	op_sectors(op, &first, &end);
	for (uint64_t s = first; s < end; s++)
		model->number[s] = op_leaves(op);
}

/* ---- judging -------------------------------------------------------------------- */

/* Is the block as it was (@flight NULL), or as the operation leaves it? */
static bool block_is(const struct model *model, const struct op *flight,
		     uint64_t block, const uint64_t *shown)
{
	uint64_t first = 0, end = 0;

	if (flight)
		op_sectors(flight, &first, &end);
	for (uint64_t i = 0; i < LOAD_SECTORS; i++) {
		uint64_t s = block * LOAD_SECTORS + i;
		uint64_t want = s >= first && s < end ? op_leaves(flight) :
							model->number[s];

		if (shown[s] != want)
			return false;
	}
	return true;
}

static bool block_deny(const struct model *model, const struct op *flight,
		       uint64_t block, const uint64_t *shown,
		       struct verdict *verdict)
{
	char may[80] = "";
	uint64_t s = block * LOAD_SECTORS, last = s + LOAD_SECTORS - 1;

	while (s < last && shown[s] == model->number[s])
		s++;
	if (flight)
		snprintf(may, sizeof(may), ", or all of %c %" PRIu64 " (%" PRIu64
			 " from %" PRIu64 " on)", (char)flight->kind, flight->number,
			 flight->count, flight->first);
	return deny(verdict, "block %" PRIu64 " shows write %" PRIu64 " in "
		    "sector %" PRIu64 " where %" PRIu64 " was acknowledged "
		    "last%s", block, shown[s], s % LOAD_SECTORS,
		    model->number[s], may);
}

/* Who wrote each sector. */
static bool sectors_read(const struct model *model, const void *bytes,
			 uint64_t *shown, struct verdict *verdict)
{
	const uint64_t *word = bytes;

	for (uint64_t s = 0; s < model->block_count * LOAD_SECTORS; s++)
		if (!load_number(word + s * LOAD_WORDS, s, &shown[s]))
			return deny(verdict, "block %" PRIu64 ", sector %" PRIu64
				    ": no operation wrote these bytes, which "
				    "begin with %016" PRIx64 " %016" PRIx64,
				    s / LOAD_SECTORS, s % LOAD_SECTORS,
				    word[s * LOAD_WORDS],
				    word[s * LOAD_WORDS + 1]);
	return true;
}

static bool blocks_judge(const struct model *model, const struct op *flight,
			 const uint64_t *shown, enum outcome *ret_outcome,
			 struct verdict *verdict)
{
	uint64_t before = 0, after = 0;

	for (uint64_t b = 0; b < model->block_count; b++) {
		bool was = block_is(model, NULL, b, shown);
		bool is = flight && block_is(model, flight, b, shown);

		if (!was && !is)
			return block_deny(model, flight, b, shown, verdict);
		/* Blocks that the operation does not change are both. */
		before += was && !is;
		after += is && !was;
	}
	/* Without a flight every block "was", and none counts as changed. */
	if (!flight)
		before = 0;
	if (before && after && flight->kind == LOAD_GROUP)
		return deny(verdict, "of group %" PRIu64 " (%" PRIu64 " blocks "
			    "from %" PRIu64 " on) %" PRIu64 " blocks are there",
			    flight->number, flight->count, flight->first, after);
	*ret_outcome = before ? after ? OUTCOME_SOME : OUTCOME_NONE :
		       after ? OUTCOME_ALL : OUTCOME_SAME;
	return true;
}

bool model_judge(struct model *model, const struct op *flight,
		 const void *bytes, enum outcome *ret_outcome,
		 struct verdict *verdict)
{
	size_t len = model->block_count * LOAD_SECTORS * sizeof(uint64_t);
	uint64_t *shown = malloc(len);
	bool good;

	if (!shown)
		give_up("no memory for what the disk shows");
	good = sectors_read(model, bytes, shown, verdict) &&
	       blocks_judge(model, flight, shown, ret_outcome, verdict);
	if (good)
		memcpy(model->number, shown, len);
	free(shown);
	return good;
}
