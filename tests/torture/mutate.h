/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mutate.h - weaker protocols, made of a recorded one: one event of its trace
 * left out, late, in the wrong place, or torn.
 *
 * A mutant must be able to leave something behind that the protocol cannot.
 * Whether it does is decided here and exactly (outlook_news()), so that what
 * is the same by construction - two stores swapped that no barrier keeps in
 * order, a store of what is there already, a flush of what is durable - is no
 * mutant, and needs no excuse.
 */
#ifndef TORTURE_MUTATE_H
#define TORTURE_MUTATE_H

#include "tests/torture/explore.h"

enum mutation {
	MUTATE_DROP,	/* it is left out */
	MUTATE_DELAY,	/* it comes after the next barrier, or after some more */
	MUTATE_LATE,	/* it comes after the next store, or after some more */
	MUTATE_SWAP,	/* a store and the next one change places */
	MUTATE_ASIDE,	/* it is of the line behind */
	MUTATE_SHORT,	/* it misses its last line */
	MUTATE_TEAR,	/* the halves of a word come one after the other */
};
#define MUTATION_COUNT 7
const char *mutation_name(enum mutation mutation);

struct mutant {
	struct domain_trace trace;
	uint64_t size_bytes;	/* of the media; set by the caller */
	int64_t shift_from;	/* an event more: those behind this one are one
				   later than in the protocol's trace */
	uint64_t news;		/* its own among the mutants of its event */
	size_t first_news;	/* before this event a crash can tell */
};

/* A few numbers, each once. */
struct marks {
	uint64_t *key;
	size_t count, room;
};
bool marks_have(const struct marks *marks, uint64_t key);
void marks_add(struct marks *marks, uint64_t key);
void marks_free(struct marks *marks);

/*
 * What a power loss can leave of a trace: a key for each point, of the durable
 * words, of those in flight with their versions, and of how many were told.
 */
void outlook_make(struct marks *outlook, struct domain *domain,
		  enum explore_model model, const struct domain_trace *trace);

/*
 * Weaken event @at of @trace; its memory is used again.  @far: behind so many
 * barriers or stores, where the operator is one of delay and late; else 1.
 * False: this event cannot be weakened so.
 */
bool mutant_make(struct mutant *mutant, const struct domain_trace *trace,
		 size_t at, enum mutation mutation, unsigned far,
		 enum explore_model model);
/*
 * The same of several events at once, as a change in the source would: of those
 * that @like says.  Only what moves nothing: drop, aside, short.
 */
bool mutant_make_all(struct mutant *mutant, const struct domain_trace *trace,
		     const bool *like, enum mutation mutation);
void mutant_free(struct mutant *mutant);

/*
 * Has the mutant a point that is none of the protocol's, @outlook?  False: all
 * that it can leave is judged already.  @domain is as the trace began.
 */
bool mutant_tells(struct mutant *mutant, const struct marks *outlook,
		  struct domain *domain, enum explore_model model);

/* For rows: the same call site, what is stored there, and mutation. */
uint64_t mutant_row(const void *site, const char *role, enum mutation mutation);

#endif
