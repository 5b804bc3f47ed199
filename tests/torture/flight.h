/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flight.h - what is in flight at a moment of a trace: for each aligned
 * 8-byte word, its durable value and the versions stored since, by the rules
 * of the model (explore.h).  The explorer picks a version for each word.
 */
#ifndef TORTURE_FLIGHT_H
#define TORTURE_FLIGHT_H

#include "tests/torture/explore.h"

struct version {
	uint32_t cell;
	uint32_t time;		/* 2 * event, + 1: second half of its store */
	uint64_t value;
	uint64_t delta;		/* of the image's hash, against the floor */
	bool bypass;		/* written around the cache, its line whole */
	uint32_t threads;	/* bits: whose drain makes it durable (BUS) */
	bool drained;		/* the next sync makes it durable (SYNC) */
};

struct cell {
	uint64_t word;
	uint64_t visible;
	uint32_t last;		/* its newest version */
};

/* Versions are in the order of time; the domain's image holds the floors. */
struct flight {
	struct domain *domain;
	enum explore_model model;
	struct cell *cell;
	struct version *version;
	uint32_t cell_count, cell_room, version_count, version_room;
	uint32_t *slot;		/* hash from word to cell + 1 */
	uint32_t slot_count;	/* a power of two */
};

void flight_begin(struct flight *flight, struct domain *domain,
		  enum explore_model model);
void flight_end(struct flight *flight);

/* True if the event makes something durable that is in flight now. */
bool flight_lands(const struct flight *flight,
		  const struct domain_event *event);
/* Let the event happen; what becomes durable goes into the image. */
void flight_event(struct flight *flight, const struct domain_trace *trace,
		  size_t index);

#endif
