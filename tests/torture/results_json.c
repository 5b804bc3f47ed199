// SPDX-License-Identifier: BSD-3-Clause
/*
 * results_json.c - results as JSON, and back.  What comes back may have been
 * written by anybody: a member that is missing or of another type is 0 or "".
 */
#include <json-c/json.h>
#include <stddef.h>

#include "tests/torture/results_private.h"

#define SCHEMA	1

/* ---- numbers by name ----------------------------------------------------------- */

struct field {
	const char *name;
	size_t offset;			/* of a uint64_t */
	bool is_most;			/* merged by the larger, not the sum */
};

static const struct field stats_fields[] = {
	{ "points", offsetof(struct explore_stats, points), false },
	{ "exhaustive", offsetof(struct explore_stats, exhaustive), false },
	{ "lazy", offsetof(struct explore_stats, lazy), false },
	{ "lazy_lines", offsetof(struct explore_stats, lazy_lines), false },
	{ "lazy_max", offsetof(struct explore_stats, lazy_max), true },
	{ "tears_left_out", offsetof(struct explore_stats, tears), false },
	{ "thinned", offsetof(struct explore_stats, thinned), false },
	{ "thirds", offsetof(struct explore_stats, thirds), false },
	{ "images", offsetof(struct explore_stats, images), false },
	{ "distinct", offsetof(struct explore_stats, distinct), false },
	{ "words_max", offsetof(struct explore_stats, words_max), true },
	{ NULL, 0, false }
};

static const struct field tally_fields[] = {
	{ "cases", offsetof(struct tally, cases), false },
	{ "failed", offsetof(struct tally, failed), false },
	{ "tries", offsetof(struct tally, tries), false },
	{ "lives", offsetof(struct tally, lives), false },
	{ NULL, 0, false }
};

static const struct field site_fields[] = {
	{ "killed", offsetof(struct site_row, killed), false },
	{ "survived", offsetof(struct site_row, survived), false },
	{ NULL, 0, false }
};

static void fields_put(struct json_object *object, const struct field *field,
		       const void *from)
{
	for (; field->name; field++) {
		const uint64_t *value = (const void *)((const char *)from +
						       field->offset);

		json_object_object_add(object, field->name,
				       json_object_new_uint64(*value));
	}
}

static uint64_t number_get(struct json_object *object, const char *name)
{
	struct json_object *value = json_object_object_get(object, name);

	return json_object_is_type(value, json_type_int)
	       ? json_object_get_uint64(value) : 0;
}

static void fields_add(struct json_object *object, const struct field *field,
		       void *to)
{
	for (; field->name; field++) {
		uint64_t *value = (void *)((char *)to + field->offset);
		uint64_t more = number_get(object, field->name);

		if (!field->is_most)
			*value += more;
		else if (*value < more)
			*value = more;
	}
}

/* ---- text ------------------------------------------------------------------------ */

static void text_put(struct json_object *object, const char *name,
		     const char *text)
{
	json_object_object_add(object, name, json_object_new_string(text));
}

static const char *text_get(struct json_object *object, const char *name)
{
	struct json_object *value = json_object_object_get(object, name);

	return json_object_is_type(value, json_type_string)
	       ? json_object_get_string(value) : "";
}

static double real_get(struct json_object *object, const char *name)
{
	return json_object_get_double(json_object_object_get(object, name));
}

/* ---- rows ------------------------------------------------------------------------- */

static struct json_object *tally_encode(const struct tally *tally)
{
	struct json_object *object = json_object_new_object();
	struct json_object *nested = json_object_new_object();

	text_put(object, "workload", tally->suite);
	text_put(object, "model", tally->model);
	fields_put(object, tally_fields, tally);
	text_put(object, "tried", tally->tried);
	fields_put(object, stats_fields, &tally->stats);
	fields_put(nested, stats_fields, &tally->nested);
	json_object_object_add(object, "recoveries", nested);
	json_object_object_add(object, "seconds",
			       json_object_new_double(tally->seconds));
	return object;
}

static void tally_merge(struct results *results, struct json_object *object)
{
	struct tally *tally = tally_find(results, text_get(object, "workload"),
					 text_get(object, "model"));

	fields_add(object, tally_fields, tally);
	fields_add(object, stats_fields, &tally->stats);
	fields_add(json_object_object_get(object, "recoveries"), stats_fields,
		   &tally->nested);
	tally->seconds += real_get(object, "seconds");
	snprintf(tally->tried, sizeof(tally->tried), "%s",
		 text_get(object, "tried"));
}

static struct json_object *site_encode(const struct site_row *row)
{
	struct json_object *object = json_object_new_object();

	text_put(object, "workload", row->suite);
	text_put(object, "site", row->site);
	text_put(object, "role", row->role);
	text_put(object, "mutation", row->mutation);
	fields_put(object, site_fields, row);
	text_put(object, "killed_by", row->by);
	return object;
}

static void site_merge(struct results *results, struct json_object *object)
{
	struct site_row *row = site_find(results, text_get(object, "workload"),
					 text_get(object, "site"),
					 text_get(object, "role"),
					 text_get(object, "mutation"));

	fields_add(object, site_fields, row);
	if (!row->by[0])
		snprintf(row->by, sizeof(row->by), "%s",
			 text_get(object, "killed_by"));
}

static struct json_object *failure_encode(const struct failure_row *row)
{
	struct json_object *object = json_object_new_object();

	text_put(object, "token", row->token);
	text_put(object, "why", row->why);
	text_put(object, "crash", row->crash);
	return object;
}

static void failure_merge(struct results *results, struct json_object *object)
{
	struct failure_row *row = failure_add(results);

	snprintf(row->token, sizeof(row->token), "%s",
		 text_get(object, "token"));
	snprintf(row->why, sizeof(row->why), "%s", text_get(object, "why"));
	snprintf(row->crash, sizeof(row->crash), "%s",
		 text_get(object, "crash"));
}

/* ---- all of it ---------------------------------------------------------------------- */

struct json_object *results_encode(const struct results *results)
{
	struct json_object *object = json_object_new_object();
	struct json_object *tallies = json_object_new_array();
	struct json_object *sites = json_object_new_array();
	struct json_object *failures = json_object_new_array();

	for (size_t i = 0; i < results->tally_count; i++)
		json_object_array_add(tallies, tally_encode(&results->tally[i]));
	for (size_t i = 0; i < results->site_count; i++)
		json_object_array_add(sites, site_encode(&results->site[i]));
	for (size_t i = 0; i < results->failure_count; i++)
		json_object_array_add(failures,
				      failure_encode(&results->failure[i]));
	json_object_object_add(object, "nvmtorture",
			       json_object_new_int(SCHEMA));
	json_object_object_add(object, "runs",
			       json_object_new_uint64(results->runs));
	json_object_object_add(object, "cut",
			       json_object_new_uint64(results->cut));
	json_object_object_add(object, "effort",
			       json_object_new_uint64(results->effort));
	json_object_object_add(object, "depth",
			       json_object_new_uint64(results->depth));
	json_object_object_add(object, "seconds",
			       json_object_new_double(results->seconds));
	json_object_object_add(object, "workloads", tallies);
	json_object_object_add(object, "mutants", sites);
	json_object_object_add(object, "failures", failures);
	return object;
}

static void each(struct results *results, struct json_object *object,
		 const char *name,
		 void (*merge)(struct results *, struct json_object *))
{
	struct json_object *array = json_object_object_get(object, name);

	if (!json_object_is_type(array, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(array); i++)
		merge(results, json_object_array_get_idx(array, i));
}

static void least(uint64_t *to, uint64_t value)
{
	if (!*to || value < *to)
		*to = value;
}

bool results_merge(struct results *results, struct json_object *from)
{
	if (number_get(from, "nvmtorture") != SCHEMA)
		return false;
	results->runs += number_get(from, "runs");
	results->cut += number_get(from, "cut");
	results->seconds += real_get(from, "seconds");
	least(&results->effort, number_get(from, "effort"));
	least(&results->depth, number_get(from, "depth"));
	each(results, from, "workloads", tally_merge);
	each(results, from, "mutants", site_merge);
	each(results, from, "failures", failure_merge);
	return true;
}
