// SPDX-License-Identifier: BSD-3-Clause
/*
 * mutate.c - see mutate.h.
 *
 * An event that is left out or moved leaves an empty one in its place, so that
 * the others keep their numbers, by which histories tell the time; one that is
 * put in shifts those behind it by one.
 */
#include "tests/torture/mutate.h"

#include <stdlib.h>

#include "tests/torture/flight.h"

const char *mutation_name(enum mutation mutation)
{
	static const char *const name[] = {
		"drop", "delay", "late", "swap", "aside", "short", "tear",
	};

	return name[mutation];
}

/* ---- the operators ----------------------------------------------------------- */

static bool changes(const struct domain_event *event)
{
	return event->type == DOMAIN_STORE || event->type == DOMAIN_DISCARD;
}

static bool waits(const struct domain_event *event)
{
	return event->type == DOMAIN_DRAIN || event->type == DOMAIN_SYNC;
}

/* The @far-th store (discard), or barrier, behind @at; or the count. */
static size_t next_store(const struct domain_trace *trace, size_t at,
			 unsigned far)
{
	while (far && ++at < trace->count)
		far -= changes(&trace->event[at]);
	return at;
}

static size_t next_barrier(const struct domain_trace *trace, size_t at,
			   unsigned far, enum explore_model model)
{
	enum domain_event_type type = model == MODEL_PAGECACHE ? DOMAIN_SYNC
							       : DOMAIN_DRAIN;

	while (far && ++at < trace->count)
		far -= trace->event[at].type == type;
	return at;
}

static void leave_out(struct mutant *mutant, size_t at)
{
	mutant->trace.event[at] = (struct domain_event){
		.type = DOMAIN_RESERVE, .op = mutant->trace.event[at].op };
}

/* Event @at comes behind event @behind. */
static bool move(struct mutant *mutant, const struct domain_trace *trace,
		 size_t at, size_t behind)
{
	if (behind >= trace->count)
		return false;
	trace_append(&mutant->trace, trace, 0, behind + 1);
	leave_out(mutant, at);
	trace_append(&mutant->trace, trace, at, 1);
	trace_append(&mutant->trace, trace, behind + 1,
		     trace->count - behind - 1);
	mutant->shift_from = (int64_t)behind + 1;
	return true;
}

/* A later store cannot come before its caller was told of an earlier one. */
static bool swap(struct mutant *mutant, const struct domain_trace *trace,
		 size_t at)
{
	size_t next = next_store(trace, at, 1);

	if (next >= trace->count)
		return false;
	for (size_t i = at; i < next; i++)
		if (trace->event[i].type == DOMAIN_ACK ||
		    trace->event[i].type == DOMAIN_KILL)
			return false;
	trace_append(&mutant->trace, trace, 0, at);
	trace_append(&mutant->trace, trace, next, 1);
	trace_append(&mutant->trace, trace, at + 1, next - at - 1);
	trace_append(&mutant->trace, trace, at, 1);
	trace_append(&mutant->trace, trace, next + 1, trace->count - next - 1);
	return true;
}

/* In place, where the mutant has the whole trace already. */
static bool reach(struct mutant *mutant, size_t at, enum mutation mutation)
{
	struct domain_event *event = &mutant->trace.event[at];
	uint64_t end = (event->off + event->len - 1) / NVM_LINE * NVM_LINE;

	if (mutation == MUTATE_SHORT) {
		if (end <= event->off)
			return false;
		event->len = end - event->off;
	} else if (event->len + NVM_LINE <= mutant->size_bytes - event->off) {
		event->off += NVM_LINE;
	} else {
		event->off -= NVM_LINE;
	}
	return true;
}

bool mutant_make_all(struct mutant *mutant, const struct domain_trace *trace,
		     const bool *like, enum mutation mutation)
{
	bool any = false;

	if (mutation != MUTATE_DROP && mutation != MUTATE_ASIDE &&
	    mutation != MUTATE_SHORT)
		return false;
	mutant->shift_from = INT64_MAX;
	trace_reset(&mutant->trace);
	trace_append(&mutant->trace, trace, 0, trace->count);
	for (size_t i = 0; i < trace->count; i++) {
		if (!like[i])
			continue;
		if (mutation == MUTATE_DROP)
			leave_out(mutant, i);
		any |= mutation == MUTATE_DROP || reach(mutant, i, mutation);
	}
	return any;
}

/*
 * Only where a store is of one word: such a store is all or nothing, and a
 * protocol may count on it.  What is longer may be torn between its words in
 * any case, and has a checksum that tells.
 */
static bool tear(struct mutant *mutant, const struct domain_trace *trace,
		 size_t at)
{
	const struct domain_event *from = &trace->event[at];
	struct domain_event *half;

	if (from->type != DOMAIN_STORE || from->len != 8 || from->off % 8)
		return false;
	trace_append(&mutant->trace, trace, 0, at + 1);
	trace_append(&mutant->trace, trace, at, trace->count - at);
	half = &mutant->trace.event[at];
	half[0].len = half[1].len = 4;
	half[1].off += 4;
	half[1].bytes += 4;
	mutant->shift_from = (int64_t)at + 1;
	return true;
}

bool mutant_make(struct mutant *mutant, const struct domain_trace *trace,
		 size_t at, enum mutation mutation, unsigned far,
		 enum explore_model model)
{
	const struct domain_event *event = &trace->event[at];
	bool ranged = changes(event) || event->type == DOMAIN_FLUSH;

	mutant->shift_from = INT64_MAX;
	trace_reset(&mutant->trace);
	if (!ranged && !waits(event))
		return false;
	switch (mutation) {
	case MUTATE_DROP:
		trace_append(&mutant->trace, trace, 0, trace->count);
		leave_out(mutant, at);
		return true;
	case MUTATE_DELAY:
		return ranged && move(mutant, trace, at,
				      next_barrier(trace, at, far, model));
	case MUTATE_LATE:
		return move(mutant, trace, at, next_store(trace, at, far));
	case MUTATE_SWAP:
		return changes(event) && swap(mutant, trace, at);
	case MUTATE_ASIDE:
		if (event->type == DOMAIN_DISCARD)
			return false;
		/* fallthrough */
	case MUTATE_SHORT:
		trace_append(&mutant->trace, trace, 0, trace->count);
		return ranged && reach(mutant, at, mutation);
	case MUTATE_TEAR:
		return tear(mutant, trace, at);
	}
	return false;
}

void mutant_free(struct mutant *mutant)
{
	trace_free(&mutant->trace);
}

uint64_t mutant_row(const void *site, const char *role, enum mutation mutation)
{
	uint64_t row = domain_hash_word((uintptr_t)site, mutation + 1u);

	while (*role)
		row = domain_hash_word(row, (uint8_t)*role++);
	return row;
}

/* ---- marks --------------------------------------------------------------------- */

bool marks_have(const struct marks *marks, uint64_t key)
{
	for (size_t i = 0; i < marks->count; i++)
		if (marks->key[i] == key)
			return true;
	return false;
}

void marks_add(struct marks *marks, uint64_t key)
{
	if (marks_have(marks, key))
		return;
	if (marks->count == marks->room) {
		marks->room = marks->room * 2 + 64;
		marks->key = realloc(marks->key, marks->room * sizeof(key));
		if (!marks->key)
			abort();
	}
	marks->key[marks->count++] = key;
}

void marks_free(struct marks *marks)
{
	free(marks->key);
	*marks = (struct marks){ 0 };
}

/* ---- what a power loss can leave ------------------------------------------------ */

/*
 * Of a word the versions in their order.  On a page cache those of a page are
 * in one order, and those of one time come together.
 */
static uint64_t in_flight(const struct flight *flight, uint32_t *ordinal,
			  uint32_t *time)
{
	bool pages = flight->model == MODEL_PAGECACHE;
	uint64_t key = 0;

	for (uint32_t v = 0; v < flight->version_count; v++) {
		const struct version *version = &flight->version[v];
		uint64_t word = flight->cell[version->cell].word;
		uint64_t group = pages ? word * 8 / NVM_PAGE : version->cell;

		ordinal[group] = time[group] = 0;
	}
	for (uint32_t v = 0; v < flight->version_count; v++) {
		const struct version *version = &flight->version[v];
		uint64_t word = flight->cell[version->cell].word;
		uint64_t group = pages ? word * 8 / NVM_PAGE : version->cell;

		ordinal[group] += time[group] != version->time + 1;
		time[group] = version->time + 1;
		key += domain_hash_word(domain_hash_word(word, ordinal[group]),
					version->value + 1);
	}
	return key;
}

struct walk {
	struct flight flight;
	uint32_t *ordinal, *time;
	uint64_t told;
};

static void walk_begin(struct walk *walk, struct domain *domain,
		       enum explore_model model)
{
	*walk = (struct walk){ .told = 0 };
	flight_begin(&walk->flight, domain, model);
	domain_mark(domain);
}

static void walk_end(struct walk *walk)
{
	domain_back(walk->flight.domain);
	flight_end(&walk->flight);
	free(walk->ordinal);
	free(walk->time);
}

/* The key of the point before event @i, if it is one. */
static bool walk_point(struct walk *walk, const struct domain_trace *trace,
		       size_t i, uint64_t *ret_key)
{
	struct flight *flight = &walk->flight;
	size_t groups = flight->domain->page_count + flight->cell_count + 1;

	if (i < trace->count && !flight_lands(flight, &trace->event[i]))
		return false;
	walk->ordinal = realloc(walk->ordinal, groups * sizeof(*walk->ordinal));
	walk->time = realloc(walk->time, groups * sizeof(*walk->time));
	if (!walk->ordinal || !walk->time)
		abort();
	*ret_key = domain_hash_word(flight->domain->hash, walk->told + 1) +
		   in_flight(flight, walk->ordinal, walk->time);
	return true;
}

static void walk_event(struct walk *walk, const struct domain_trace *trace,
		       size_t i)
{
	flight_event(&walk->flight, trace, i);
	walk->told += trace->event[i].type == DOMAIN_ACK;
}

void outlook_make(struct marks *outlook, struct domain *domain,
		  enum explore_model model, const struct domain_trace *trace)
{
	struct walk walk;
	uint64_t key;

	outlook->count = 0;
	walk_begin(&walk, domain, model);
	for (size_t i = 0; i <= trace->count; i++) {
		if (walk_point(&walk, trace, i, &key))
			marks_add(outlook, key);
		if (i < trace->count)
			walk_event(&walk, trace, i);
	}
	walk_end(&walk);
}

bool mutant_tells(struct mutant *mutant, const struct marks *outlook,
		  struct domain *domain, enum explore_model model)
{
	const struct domain_trace *trace = &mutant->trace;
	struct walk walk;
	uint64_t key;

	mutant->news = 0;
	mutant->first_news = SIZE_MAX;
	walk_begin(&walk, domain, model);
	for (size_t i = 0; i <= trace->count; i++) {
		if (walk_point(&walk, trace, i, &key) &&
		    !marks_have(outlook, key)) {
			mutant->news = domain_hash_word(mutant->news + 1, key);
			if (mutant->first_news == SIZE_MAX)
				mutant->first_news = i;
		}
		if (i < trace->count)
			walk_event(&walk, trace, i);
	}
	walk_end(&walk);
	return mutant->news;
}
