// SPDX-License-Identifier: BSD-3-Clause
/*
 * minimise.c - of an image that fails, one that fails and differs in as little
 * as can be from one in which everything in flight arrived, or nothing.
 *
 * What differs is taken back by halves, quarters and so on, as long as the
 * image fails (Zeller's ddmin, with subsets only).  A word is taken back alone,
 * under pagecache a page as a whole, so that each image is one that can be.
 *
 * As text it is "a" (all but) or "n" (nothing but), then versions and ranges of
 * them: "a17-19,40".
 */
#include "tests/torture/point.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JUDGED_MAX	400u		/* checks may be slow */

struct minimise {
	struct point *point;
	bool *keep;			/* by version: of the image that fails */
	bool base;			/* what is not different is kept */
	uint32_t *unit;			/* numbers of units that differ */
	uint32_t count, judged;
};

static uint32_t unit_of(const struct point *point, uint32_t version)
{
	return point->explore->model == MODEL_PAGECACHE ? point->group[version]
							: version;
}

/* The image in which the units from @first to before @end are as in the base. */
static bool fails_without(struct minimise *m, uint32_t first, uint32_t end)
{
	struct point *point = m->point;

	if (m->judged++ >= JUDGED_MAX)
		return false;
	memcpy(point->keep, m->keep, point->versions);
	for (uint32_t v = 0; v < point->versions; v++)
		for (uint32_t i = first; i < end; i++)
			if (unit_of(point, v) == m->unit[i])
				point->keep[v] = m->base;
	point_picks(point);
	return !point_passes(point);
}

static void units_begin(struct minimise *m)
{
	const struct point *point = m->point;

	m->count = 0;
	for (uint32_t v = 0; v < point->versions; v++) {
		uint32_t unit = unit_of(point, v), i = 0;

		if (m->keep[v] == m->base)
			continue;
		while (i < m->count && m->unit[i] != unit)
			i++;
		if (i == m->count)
			m->unit[m->count++] = unit;
	}
}

static void units_reduce(struct minimise *m)
{
	uint32_t step = (m->count + 1) / 2;

	while (m->count && step) {
		bool less = false;

		for (uint32_t i = 0; i < m->count;) {
			uint32_t end = i + step < m->count ? i + step : m->count;

			if (!fails_without(m, i, end)) {
				i = end;
				continue;
			}
			memcpy(m->keep, m->point->keep, m->point->versions);
			memmove(m->unit + i, m->unit + end,
				(m->count - end) * sizeof(*m->unit));
			m->count -= end - i;
			less = true;
		}
		if (!less || step > m->count)
			step /= 2;
	}
}

static bool text_print(const struct minimise *m, char *ret_text, size_t room)
{
	const struct point *point = m->point;
	size_t used = (size_t)snprintf(ret_text, room, "%c", m->base ? 'a' : 'n');
	bool any = false;

	for (uint32_t v = 0, end; v < point->versions && used < room; v = end) {
		for (end = v; end < point->versions && m->keep[end] != m->base;)
			end++;
		if (end == v) {
			end++;
			continue;
		}
		used += (size_t)snprintf(ret_text + used, room - used,
					 end - v > 1 ? "%s%u-%u" : "%s%u",
					 any ? "," : "", v, end - 1);
		any = true;
	}
	return used < room;
}

/* From @base on; false: no shorter than what can be told. */
static bool minimise_from(struct minimise *m, const bool *keep, bool base,
			  char *ret_text, size_t room)
{
	memcpy(m->keep, keep, m->point->versions);
	m->base = base;
	m->judged = 0;
	units_begin(m);
	units_reduce(m);
	return text_print(m, ret_text, room);
}

/* Of the first store that differs from the base. */
static const void *guilty_site(const struct point *point, bool base)
{
	for (uint32_t v = 0; v < point->versions; v++)
		if (point->keep[v] != base)
			return point->trace->event[
				point->flight->version[v].time / 2].site;
	return NULL;
}

void point_minimise(struct point *point)
{
	char text[2][sizeof(point->where.picks)];
	bool *keep = point_array(point->versions, sizeof(bool));
	struct minimise m = { .point = point,
		.keep = point_array(point->versions, sizeof(bool)),
		.unit = point_array(point->versions, sizeof(uint32_t)) };
	uint32_t count[2] = { UINT32_MAX, UINT32_MAX };

	/* What was picked, not what was wished: the model may have added. */
	for (uint32_t c = 0; c < point->cells; c++)
		if (point->pick[c] != NONE)
			keep[point->pick[c]] = true;
	if (point->explore->model == MODEL_PAGECACHE)
		memcpy(keep, point->keep, point->versions);
	for (unsigned base = 0; base < 2; base++)
		if (minimise_from(&m, keep, base, text[base], sizeof(text[base])))
			count[base] = m.count;
	if (count[0] != UINT32_MAX || count[1] != UINT32_MAX) {
		const char *best = text[count[1] < count[0]];

		strcpy(point->where.picks, best);
		point_keep_text(point, best);
		point->where.guilty = guilty_site(point, *best == 'a');
		point_picks(point);
		point_passes(point);
	}
	free(m.keep);
	free(m.unit);
	free(keep);
}

bool point_keep_text(struct point *point, const char *text)
{
	bool base = *text == 'a';

	if (!base && *text != 'n')
		return false;
	keep_all(point, base);
	for (text++; *text;) {
		uint32_t first, last;
		int used, n = sscanf(text, "%u%n-%u%n", &first, &used, &last,
				     &used);

		if (n < 1 || first >= point->versions)
			return false;
		if (n < 2)
			last = first;
		for (uint32_t v = first; v <= last && v < point->versions; v++)
			point->keep[v] = !base;
		text += used;
		text += *text == ',';
	}
	return true;
}
