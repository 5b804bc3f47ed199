/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * explore.c - find the crash points of a trace, and all images of each where
 * these are few; make and judge images for the other ways to enumerate them.
 *
 * An image is a choice for every word in flight: its floor or one of its
 * versions.  Who enumerates sets keep[] for versions; what a word gets is its
 * newest kept version.  Every choice is then made legal for the model, so no
 * impossible image is ever shown to a check.
 *
 * Images are numbered in a fixed order, before duplicates are left out and
 * whatever the checks do, so POINT.IMAGE replays one.
 */
#include "tests/torture/point.h"

#include <stdlib.h>

const char *model_name(enum explore_model model)
{
	static const char *const name[] = { "intel", "paranoid", "pagecache",
					    "eadr" };

	return name[model];
}

void explore_init(struct explore *explore, enum explore_model model,
		  uint64_t seed)
{
	*explore = (struct explore){ .model = model, .seed = seed,
		.exhaustive_max = 4096, .random_count = 128,
		.store_max = UINT32_MAX, .pair_max = 48, .word_max = 384,
		.lazy_max = 65536, .tear_max = UINT32_MAX };
}

void explore_stats_add(struct explore_stats *sum,
		       const struct explore_stats *stats)
{
	sum->points += stats->points;
	sum->exhaustive += stats->exhaustive;
	sum->lazy += stats->lazy;
	sum->lazy_lines += stats->lazy_lines;
	sum->tears += stats->tears;
	sum->thinned += stats->thinned;
	sum->thirds += stats->thirds;
	sum->images += stats->images;
	sum->distinct += stats->distinct;
	sum->failures += stats->failures;
	if (sum->lazy_max < stats->lazy_max)
		sum->lazy_max = stats->lazy_max;
	if (sum->words_max < stats->words_max)
		sum->words_max = stats->words_max;
}

/* ---- images seen ---------------------------------------------------------- */

static bool seen_put(struct seen *seen, uint64_t key)
{
	size_t i = key * 0x9e3779b97f4a7c15u >> 20 & (seen->room - 1);

	for (; seen->key[i]; i = (i + 1) & (seen->room - 1))
		if (seen->key[i] == key)
			return false;
	seen->key[i] = key;
	seen->count++;
	return true;
}

bool seen_has(const struct seen *seen, uint64_t key)
{
	size_t i;

	if (!seen->room)
		return false;
	key = key ? key : 1;
	i = key * 0x9e3779b97f4a7c15u >> 20 & (seen->room - 1);
	for (; seen->key[i]; i = (i + 1) & (seen->room - 1))
		if (seen->key[i] == key)
			return true;
	return false;
}

bool seen_add(struct seen *seen, uint64_t key)
{
	struct seen larger;

	if (seen->count * 2 >= seen->room) {
		larger.room = seen->room ? seen->room * 2 : 4096;
		larger.count = 0;
		larger.key = calloc(larger.room, sizeof(*larger.key));
		if (!larger.key)
			abort();
		for (size_t i = 0; i < seen->room; i++)
			if (seen->key[i])
				seen_put(&larger, seen->key[i]);
		free(seen->key);
		*seen = larger;
	}
	return seen_put(seen, key ? key : 1);
}

void seen_free(struct seen *seen)
{
	free(seen->key);
	*seen = (struct seen){ 0 };
}

/* ---- one image ------------------------------------------------------------ */

void *point_array(size_t count, size_t size)
{
	void *mem = calloc(count + 1, size);

	if (!mem)
		abort();
	return mem;
}

/* With a store, what is ordered in its group before it is in. */
static void picks_legal(struct point *point)
{
	const struct version *version = point->flight->version;

	for (uint32_t g = 0; g < point->groups; g++)
		point->group_top[g] = 0;
	for (uint32_t c = 0; c < point->cells; c++) {
		uint32_t v = point->pick[c], *top;

		if (v == NONE)
			continue;
		top = &point->group_top[point->group[v]];
		if (*top < version[v].time / 2)
			*top = version[v].time / 2;
	}
	for (uint32_t v = 0; v < point->versions; v++) {
		uint32_t *pick = &point->pick[version[v].cell];
		uint32_t g = point->group[v];

		if (point->ordered[v] &&
		    version[v].time / 2 < point->group_top[g] &&
		    (*pick == NONE || *pick < v))
			*pick = v;
	}
}

uint64_t point_picks(struct point *point)
{
	const struct explore *explore = point->explore;
	uint64_t hash = point->flight->domain->hash;

	for (uint32_t c = 0; c < point->cells; c++)
		point->pick[c] = NONE;
	for (uint32_t v = 0; v < point->versions; v++)
		if (point->keep[v])
			point->pick[point->flight->version[v].cell] = v;
	if (explore->model == MODEL_INTEL || explore->model == MODEL_EADR)
		picks_legal(point);
	for (uint32_t c = 0; c < point->cells; c++)
		if (point->pick[c] != NONE)
			hash ^= point->flight->version[point->pick[c]].delta;
	return hash;
}

void point_number(struct point *point, const char *family)
{
	point->where.image++;
	point->where.family = family;
	point->explore->stats.images++;
}

bool point_wanted(const struct point *point)
{
	const struct explore_where *only = point->explore->only;

	return !only || (only->point == point->where.point &&
			 only->image == point->where.image);
}

bool point_fresh(struct point *point, uint64_t hash)
{
	struct explore *explore = point->explore;

	if (explore->seen &&
	    !seen_add(explore->seen, hash + explore->salt + point->salt +
		      point->where.acked * 0xd6e8feb86659fd93u))
		return false;
	explore->stats.distinct++;
	return true;
}

bool point_passes(struct point *point)
{
	struct explore *explore = point->explore;
	struct domain *domain = point->flight->domain;
	const struct version *version = point->flight->version;
	bool good;

	domain_mark(domain);
	for (uint32_t c = 0; c < point->cells; c++)
		if (point->pick[c] != NONE)
			domain_poke_word(domain, point->flight->cell[c].word,
					 version[point->pick[c]].value);
	good = explore->check(explore->ctx, &point->where);
	domain_back(domain);
	return good;
}

void point_judge(struct point *point)
{
	if (point_passes(point))
		return;
	point->explore->stats.failures++;
	point->stop = true;
	if (point->explore->minimise && !point->explore->only)
		point_minimise(point);
}

void point_emit(struct point *point, const char *family)
{
	if (point->stop)
		return;
	point_number(point, family);
	if (point_wanted(point) && point_fresh(point, point_picks(point)))
		point_judge(point);
}

/* ---- every image ------------------------------------------------------------ */

static uint64_t multiply(uint64_t images, uint64_t by)
{
	return images > UINT32_MAX ? images : images * by;
}

/* How many there are; beyond UINT32_MAX not exactly. */
static uint64_t image_count(const struct point *point)
{
	uint32_t *count = point_array(point->cells, sizeof(*count));
	uint64_t images = 1;

	for (uint32_t v = 0; v < point->versions; v++)
		count[point->flight->version[v].cell]++;
	if (point->explore->model == MODEL_PAGECACHE)
		for (uint32_t g = 0; g < point->groups; g++)
			images = multiply(images, point->time_first[g + 1] -
					  point->time_first[g] + 1);
	else
		for (uint32_t c = 0; c < point->cells; c++)
			images = multiply(images, count[c] + 1);
	free(count);
	return images;
}

/* Image @n, of which digit c says how many versions cell c has had. */
static void words_nth(struct point *point, uint64_t n)
{
	const struct version *version = point->flight->version;

	memset(point->keep, false, point->versions);
	for (uint32_t c = 0; c < point->cells; c++) {
		uint32_t count = 0;
		uint64_t had;

		for (uint32_t v = 0; v < point->versions; v++)
			count += version[v].cell == c;
		had = n % (count + 1);
		n /= count + 1;
		for (uint32_t v = 0; had; v++)
			if (version[v].cell == c) {
				point->keep[v] = true;
				had--;
			}
	}
}

/* Digit g of @n is how many of its times page g has had. */
static void pages_nth(struct point *point, uint64_t n)
{
	for (uint32_t g = 0; g < point->groups; g++) {
		uint32_t first = point->time_first[g];
		uint32_t base = point->time_first[g + 1] - first + 1;
		uint64_t had = n % base;

		n /= base;
		point->group_top[g] = had ? point->time[first + had - 1] + 1
					  : 0;
	}
}

void point_emit_pages(struct point *point, const char *family)
{
	for (uint32_t v = 0; v < point->versions; v++)
		point->keep[v] = point->flight->version[v].time <
				 point->group_top[point->group[v]];
	point_emit(point, family);
}

static void every_image(struct point *point, uint64_t images)
{
	point->explore->stats.exhaustive++;
	for (uint64_t n = 0; n < images && !point->stop; n++) {
		if (point->explore->model == MODEL_PAGECACHE) {
			pages_nth(point, n);
			point_emit_pages(point, "every image");
		} else {
			words_nth(point, n);
			point_emit(point, "every image");
		}
	}
}

/* To be replayed: the image that minimise.c has told. */
static void told_image(struct point *point)
{
	const struct explore_where *only = point->explore->only;

	if (only->point != point->where.point ||
	    !point_keep_text(point, only->picks))
		return;
	point->where = (struct explore_where){ .point = only->point,
		.image = only->image, .event = point->where.event,
		.acked = point->where.acked, .op = point->where.op,
		.family = "an image made simpler" };
	memcpy(point->where.picks, only->picks, sizeof(only->picks));
	point->explore->stats.images++;
	point_picks(point);
	point_judge(point);
}

/* ---- the walk --------------------------------------------------------------- */

static int by_group(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Number the lines or pages of the versions, and what is known of each. */
static void point_groups(struct point *point)
{
	const struct flight *flight = point->flight;
	enum explore_model model = point->explore->model;
	uint64_t span = model == MODEL_PAGECACHE ? NVM_PAGE
		: model == MODEL_EADR ? UINT64_MAX : NVM_LINE;
	uint64_t *key = point_array(point->versions, 2 * sizeof(*key));
	bool *around = point_array(point->versions, sizeof(*around));
	uint32_t times = 0;

	/* Sorted pairs (group's address, version); versions are timely. */
	for (uint32_t v = 0; v < point->versions; v++) {
		uint64_t word = flight->cell[flight->version[v].cell].word;

		key[v] = word * 8 / span << 24 | v;
	}
	qsort(key, point->versions, sizeof(*key), by_group);
	for (uint32_t i = 0; i < point->versions; i++) {
		uint32_t v = (uint32_t)(key[i] & 0xffffff);
		uint32_t time = flight->version[v].time;
		bool fresh = !i || key[i] >> 24 != key[i - 1] >> 24;

		if (fresh)
			point->time_first[point->groups++] = times;
		point->group[v] = point->groups - 1;
		if (flight->version[v].bypass)
			around[point->groups - 1] = true;
		if (fresh || point->time[times - 1] != time)
			point->time[times++] = time;
	}
	point->time_first[point->groups] = times;
	/* Of a line stored in both ways no word is ordered. */
	for (uint32_t v = 0; v < point->versions; v++)
		point->ordered[v] = model == MODEL_EADR
			? !flight->version[v].bypass
			: !around[point->group[v]];
	free(around);
	free(key);
}

static void point_explore(struct explore *explore, struct flight *flight,
			  const struct domain_trace *trace,
			  struct explore_where where)
{
	uint32_t n = flight->version_count;
	struct point point = {
		.explore = explore, .flight = flight, .trace = trace,
		.where = where,
		.cells = flight->cell_count, .versions = n,
		.keep = point_array(n, sizeof(bool)),
		.pick = point_array(n, sizeof(uint32_t)),
		.store = point_array(n, sizeof(uint32_t)),
		.store_first = point_array(n, sizeof(uint32_t)),
		.group = point_array(n, sizeof(uint32_t)),
		.group_top = point_array(n, sizeof(uint32_t)),
		.ordered = point_array(n, sizeof(bool)),
		.time = point_array(n, sizeof(uint32_t)),
		.time_first = point_array(n, sizeof(uint32_t)),
		.random = explore->seed ^ where.point,
	};
	uint64_t images;

	for (uint32_t v = 0; v < n; v++) {
		if (!v || flight->version[v].time / 2 !=
			  flight->version[v - 1].time / 2)
			point.store_first[point.stores++] = v;
		point.store[v] = point.stores - 1;
	}
	point.store_first[point.stores] = n;
	point_groups(&point);
	if (explore->salt_at)
		point.salt = explore->salt_at(explore->ctx, &where);
	explore->stats.points++;
	if (explore->stats.words_max < flight->cell_count)
		explore->stats.words_max = flight->cell_count;
	images = image_count(&point);
	if (explore->only && explore->only->picks[0])
		told_image(&point);
	else if (images <= explore->exhaustive_max)
		every_image(&point, images);
	else if (explore->lazy_max &&
		 (lazy_try(&point, false) || lazy_try(&point, true)))
		;
	else if (explore->model == MODEL_PAGECACHE)
		families_pages(&point);
	else
		families_bus(&point);
	free(point.keep);
	free(point.pick);
	free(point.store);
	free(point.store_first);
	free(point.group);
	free(point.group_top);
	free(point.ordered);
	free(point.time);
	free(point.time_first);
}

void explore_trace(struct explore *explore, struct domain *domain,
		   const struct domain_trace *trace)
{
	struct explore_where where = { 0 };
	struct flight flight;
	uint64_t failures = explore->stats.failures;

	flight_begin(&flight, domain, explore->model);
	domain_mark(domain);
	for (size_t i = 0; i <= trace->count &&
	     explore->stats.failures == failures; i++) {
		where.event = i;
		if (i == trace->count ||
		    flight_lands(&flight, &trace->event[i])) {
			if (i >= explore->first_event)
				point_explore(explore, &flight, trace, where);
			where.point++;
		}
		if (i == trace->count)
			break;
		flight_event(&flight, trace, i);
		if (trace->event[i].type == DOMAIN_ACK)
			where.acked = true;
		where.op = trace->event[i].op;
	}
	domain_back(domain);
	flight_end(&flight);
}
