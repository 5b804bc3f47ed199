// SPDX-License-Identifier: BSD-3-Clause
/*
 * mutants.c - see mutants.h.
 */
#include "tests/torture/mutants.h"

#include <stdlib.h>
#include <string.h>

/* So many events of a row survive in a case, then all of them are tried. */
#define SURVIVORS_MAX	2u

/* How much later than by one step, in turn. */
static const unsigned further[] = { 2, 3, 4, 6, 9, 14 };

/* Of one case. */
struct row {
	uint64_t key;
	size_t at, survivor;		/* the first event, and the first that
					   survived */
	unsigned events, survived;
	bool killed;
};

struct trial {
	struct mutants *m;
	struct mutant mutant;
	struct marks outlook;		/* of the protocol as it is */
	struct marks tried;		/* mutants of the event at hand */
	struct row *row[MUTATION_COUNT];
	size_t rows[MUTATION_COUNT];
	bool *like;
};

/* Once for a row; or at all of it. */
static bool looks_hard(struct mutants *m, uint64_t row)
{
	if (m->deep)
		return true;
	if (marks_have(&m->memory->looked, row))
		return false;
	marks_add(&m->memory->looked, row);
	return true;
}

/* trial->mutant, of event @at; true: killed. */
static bool try_it(struct trial *trial, size_t at, enum mutation mutation,
		   unsigned far, bool all)
{
	struct mutants *m = trial->m;
	const struct domain_event *event = &m->trace->event[at];
	struct torture_mutant told = {
		.mutation = mutation_name(mutation), .site = event->site,
		.role = m->role(m->ctx, event),
	};
	uint64_t row = mutant_row(event->site, told.role, mutation);
	char by[sizeof(m->verdict->why) + 40], how[24] = "";

	m->made++;
	if (m->noticed(m->ctx, &trial->mutant, false) ||
	    (looks_hard(m, row) &&
	     m->noticed(m->ctx, &trial->mutant, true))) {
		if (all)
			snprintf(how, sizeof(how), "all: ");
		else if (far > 1)
			snprintf(how, sizeof(how), "by %u: ", far);
		snprintf(by, sizeof(by), "%s%s @%u.%u", how, m->verdict->why,
			 m->path->point, m->path->image);
		told.killed_by = by;
		m->killed++;
		marks_add(&m->memory->killed, row);
	}
	if (m->memory->mutant)
		m->memory->mutant(m->memory->mutant_ctx, m->item, &told);
	return told.killed_by;
}

static struct row *row_of(struct trial *trial, enum mutation mutation,
			  uint64_t key, size_t at)
{
	struct row *row;

	for (size_t i = 0; i < trial->rows[mutation]; i++)
		if (trial->row[mutation][i].key == key)
			return &trial->row[mutation][i];
	row = realloc(trial->row[mutation],
		      (trial->rows[mutation] + 1) * sizeof(*row));
	if (!row)
		abort();
	trial->row[mutation] = row;
	row += trial->rows[mutation]++;
	*row = (struct row){ .key = key, .at = at };
	return row;
}

static void event_try(struct trial *trial, size_t at, enum mutation mutation)
{
	struct mutants *m = trial->m;
	const struct domain_event *event = &m->trace->event[at];
	uint64_t key = mutant_row(event->site, m->role(m->ctx, event), mutation);
	struct row *row;

	if (!m->deep && marks_have(&m->memory->killed, key))
		return;
	if (!mutant_make(&trial->mutant, m->trace, at, mutation, 1,
			 m->item->model))
		return;
	row = row_of(trial, mutation, key, at);
	row->events++;
	if (!m->deep && row->survived == SURVIVORS_MAX)
		return;
	if (!mutant_tells(&trial->mutant, &trial->outlook, m->domain,
			  m->item->model) ||
	    marks_have(&trial->tried, trial->mutant.news))
		return;
	marks_add(&trial->tried, trial->mutant.news);
	if (try_it(trial, at, mutation, 1, false))
		row->killed = true;
	else if (!row->survived++)
		row->survivor = at;
}

/* Event @at of a row, later and later. */
static void put_off(struct trial *trial, struct row *row, size_t at,
		    enum mutation mutation)
{
	struct mutants *m = trial->m;

	trial->tried.count = 0;
	for (unsigned i = 0; i < sizeof(further) / sizeof(*further); i++) {
		if (row->killed || marks_have(&m->memory->killed, row->key) ||
		    !mutant_make(&trial->mutant, m->trace, at, mutation,
				 further[i], m->item->model))
			return;
		if (!mutant_tells(&trial->mutant, &trial->outlook, m->domain,
				  m->item->model) ||
		    marks_have(&trial->tried, trial->mutant.news))
			continue;
		marks_add(&trial->tried, trial->mutant.news);
		row->killed = try_it(trial, at, mutation, further[i], false);
	}
}

static void row_put_off(struct trial *trial, struct row *row,
			enum mutation mutation)
{
	if ((mutation != MUTATE_DELAY && mutation != MUTATE_LATE) ||
	    !row->survived)
		return;
	put_off(trial, row, row->survivor, mutation);
	if (row->at != row->survivor)
		put_off(trial, row, row->at, mutation);
}

/* All events of a row at once. */
static void row_try(struct trial *trial, const struct row *row,
		    enum mutation mutation)
{
	struct mutants *m = trial->m;

	if (row->killed || row->events < 2 ||
	    marks_have(&m->memory->killed, row->key))
		return;
	for (size_t i = m->begin; i < m->end; i++) {
		const struct domain_event *event = &m->trace->event[i];

		trial->like[i] = event->site &&
			mutant_row(event->site, m->role(m->ctx, event),
				   mutation) == row->key;
	}
	if (mutant_make_all(&trial->mutant, m->trace, trial->like, mutation) &&
	    mutant_tells(&trial->mutant, &trial->outlook, m->domain,
			 m->item->model))
		try_it(trial, row->at, mutation, 1, true);
}

void mutants_try(struct mutants *m)
{
	struct trial trial = { .m = m };

	trial.mutant.size_bytes = m->domain->media.size_bytes;
	trial.like = calloc(m->trace->count + 1, sizeof(*trial.like));
	if (!trial.like)
		abort();
	outlook_make(&trial.outlook, m->domain, m->item->model, m->trace);
	for (size_t at = m->begin; at < m->end; at++) {
		trial.tried.count = 0;
		for (unsigned k = 0; k < MUTATION_COUNT; k++)
			event_try(&trial, at, k);
	}
	for (unsigned k = 0; k < MUTATION_COUNT; k++) {
		for (size_t i = 0; i < trial.rows[k]; i++) {
			row_put_off(&trial, &trial.row[k][i], k);
			row_try(&trial, &trial.row[k][i], k);
		}
		free(trial.row[k]);
	}
	free(trial.like);
	mutant_free(&trial.mutant);
	marks_free(&trial.outlook);
	marks_free(&trial.tried);
}
