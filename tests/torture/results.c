// SPDX-License-Identifier: BSD-3-Clause
/*
 * results.c - see results.h.
 */
#include "tests/torture/results.h"

#include <stdlib.h>
#include <string.h>

#include "tests/torture/results_private.h"
#include "tests/torture/sites.h"

/* One more at the end, zeroed; arrays grow by halves of what they have. */
static void *append(void *array, size_t *count, size_t size)
{
	array = realloc(array, (*count + 1) * size);
	if (!array)
		abort();
	memset((char *)array + *count * size, 0, size);
	++*count;
	return array;
}

struct tally *tally_find(struct results *results, const char *suite,
			 const char *model)
{
	struct tally *tally;

	for (size_t i = 0; i < results->tally_count; i++)
		if (!strcmp(results->tally[i].suite, suite) &&
		    !strcmp(results->tally[i].model, model))
			return &results->tally[i];
	results->tally = append(results->tally, &results->tally_count,
				sizeof(*tally));
	tally = &results->tally[results->tally_count - 1];
	snprintf(tally->suite, sizeof(tally->suite), "%s", suite);
	snprintf(tally->model, sizeof(tally->model), "%s", model);
	return tally;
}

struct site_row *site_find(struct results *results, const char *suite,
			   const char *site, const char *role,
			   const char *mutation)
{
	struct site_row *row;

	for (size_t i = 0; i < results->site_count; i++) {
		row = &results->site[i];
		if (!strcmp(row->suite, suite) && !strcmp(row->site, site) &&
		    !strcmp(row->role, role) && !strcmp(row->mutation, mutation))
			return row;
	}
	results->site = append(results->site, &results->site_count,
			       sizeof(*row));
	row = &results->site[results->site_count - 1];
	snprintf(row->suite, sizeof(row->suite), "%s", suite);
	snprintf(row->site, sizeof(row->site), "%s", site);
	snprintf(row->role, sizeof(row->role), "%s", role);
	snprintf(row->mutation, sizeof(row->mutation), "%s", mutation);
	return row;
}

struct failure_row *failure_add(struct results *results)
{
	results->failure = append(results->failure, &results->failure_count,
				  sizeof(*results->failure));
	return &results->failure[results->failure_count - 1];
}

uint64_t tally_states(const struct tally *tally)
{
	return tally->stats.distinct + tally->nested.distinct;
}

uint64_t stats_bounded(const struct explore_stats *stats)
{
	return stats->points - stats->exhaustive - stats->lazy;
}

void results_case(struct results *results, const struct torture_case *c,
		  const struct torture_how *how,
		  const struct torture_result *result, double seconds)
{
	struct tally *tally = tally_find(results, c->suite->name,
					 model_name(c->model));
	struct failure_row *failure;

	tally->cases++;
	tally->failed += !result->good;
	tally->tries += result->tries;
	tally->lives += result->lives;
	tally->seconds += seconds;
	if (result->tried)
		snprintf(tally->tried, sizeof(tally->tried), "%s",
			 result->tried);
	explore_stats_add(&tally->stats, &result->stats);
	explore_stats_add(&tally->nested, &result->nested);
	if (result->good)
		return;
	failure = failure_add(results);
	token_print(c, how, result, failure->token, sizeof(failure->token));
	snprintf(failure->why, sizeof(failure->why), "%s", result->why);
	snprintf(failure->crash, sizeof(failure->crash), "%s", result->crash);
}

void results_mutant(struct results *results, const struct torture_case *c,
		    const struct torture_mutant *mutant)
{
	struct site_row *row;
	char site[120];

	site_text(mutant->site, site, sizeof(site));
	row = site_find(results, c->suite->name, site, mutant->role,
			mutant->mutation);
	if (mutant->killed_by && !row->killed++)
		snprintf(row->by, sizeof(row->by), "%s: %s", c->name,
			 mutant->killed_by);
	row->survived += !mutant->killed_by;
}

bool row_survives(const struct site_row *row)
{
	return row->survived && !row->killed;
}

size_t results_survivors(const struct results *results)
{
	size_t count = 0;

	for (size_t i = 0; i < results->site_count; i++)
		count += row_survives(&results->site[i]);
	return count;
}

void results_free(struct results *results)
{
	free(results->tally);
	free(results->site);
	free(results->failure);
	*results = (struct results){ 0 };
}
