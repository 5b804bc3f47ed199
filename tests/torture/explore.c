/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * explore.c - enumerate the images of each crash point of a trace.
 *
 * An image is a choice for every word in flight: its floor or one of its
 * versions.  The families set keep[] for versions; what a word gets is its
 * newest kept version.  Every choice is then made legal for the model, so no
 * impossible image is ever shown to a check.
 *
 * Images are numbered in a fixed order, before duplicates are left out and
 * whatever the checks do, so POINT.IMAGE replays one.
 */
#include "tests/torture/explore.h"

#include <stdlib.h>

#include "tests/torture/flight.h"

#define NONE UINT32_MAX

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
		.store_max = UINT32_MAX, .pair_max = 48, .word_max = 384 };
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

/* ---- one crash point ------------------------------------------------------ */

struct point {
	struct explore *explore;
	struct flight *flight;
	struct explore_where where;
	uint32_t cells, versions;
	bool *keep;		/* by version */
	uint32_t *pick;		/* by cell: a version, or NONE */
	uint32_t *store;	/* by version: number of its store */
	uint32_t *store_first;	/* by store: its first version; + the end */
	uint32_t stores;
	uint32_t *group;	/* by version: its line, its page; eadr: 0 */
	uint32_t *group_top;	/* by group: newest time picked, or chosen */
	bool *ordered;		/* by version: in its group, stores are in up
				   to some moment */
	uint32_t groups;
	uint32_t *time;		/* pagecache: the times of each page, sorted */
	uint32_t *time_first;	/* by page; + the end */
	uint64_t random, salt;
	bool stop;
};

static void *array(size_t count, size_t size)
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

static void emit_picks(struct point *point, const char *family)
{
	struct explore *explore = point->explore;
	struct domain *domain = point->flight->domain;
	const struct version *version = point->flight->version;
	uint64_t hash = domain->hash;

	point->where.image++;
	point->where.family = family;
	explore->stats.images++;
	if (explore->only && (explore->only->point != point->where.point ||
			      explore->only->image != point->where.image))
		return;
	if (explore->model == MODEL_INTEL || explore->model == MODEL_EADR)
		picks_legal(point);
	for (uint32_t c = 0; c < point->cells; c++)
		if (point->pick[c] != NONE)
			hash ^= version[point->pick[c]].delta;
	if (explore->seen &&
	    !seen_add(explore->seen, hash + explore->salt + point->salt +
		      point->where.acked * 0xd6e8feb86659fd93u))
		return;
	explore->stats.distinct++;
	domain_mark(domain);
	for (uint32_t c = 0; c < point->cells; c++)
		if (point->pick[c] != NONE)
			domain_poke_word(domain, point->flight->cell[c].word,
					 version[point->pick[c]].value);
	if (!explore->check(explore->ctx, &point->where)) {
		explore->stats.failures++;
		point->stop = true;
	}
	domain_back(domain);
}

static void emit(struct point *point, const char *family)
{
	if (point->stop)
		return;
	for (uint32_t c = 0; c < point->cells; c++)
		point->pick[c] = NONE;
	for (uint32_t v = 0; v < point->versions; v++)
		if (point->keep[v])
			point->pick[point->flight->version[v].cell] = v;
	emit_picks(point, family);
}

static void keep_all(struct point *point, bool keep)
{
	memset(point->keep, keep, point->versions);
}

/* Stores from @first to before @end. */
static void keep_stores(struct point *point, uint32_t first, uint32_t end,
			bool keep)
{
	uint32_t v = point->store_first[first];

	memset(point->keep + v, keep, point->store_first[end] - v);
}

/* ---- families of words and stores (BUS) ------------------------------------ */

/* A store torn in six ways, in three surroundings. */
static void family_torn(struct point *point, uint32_t store)
{
	uint32_t first = point->store_first[store];
	uint32_t n = point->store_first[store + 1] - first;

	if (n < 2)
		return;
	for (unsigned around = 0; around < 3; around++) {
		for (unsigned tear = 0; tear < 6; tear++) {
			keep_all(point, around == 2);
			if (around == 1)
				keep_stores(point, 0, store, true);
			for (uint32_t i = 0; i < n; i++) {
				const bool torn[6] = {
					i == 0, i != 0, i == n - 1, i != n - 1,
					i < n / 2, i >= n / 2 };

				point->keep[first + i] = torn[tear];
			}
			emit(point, "torn store");
		}
	}
}

/* To look at @max of @count, or at the first alone, it takes such steps. */
static uint32_t spread(uint32_t count, uint32_t max)
{
	return count <= max ? 1 : max ? (count - 1) / max + 1 : count;
}

static void family_stores(struct point *point)
{
	uint32_t stores = point->stores;
	uint32_t step = spread(stores, point->explore->store_max);

	for (uint32_t s = 0; s < stores; s += step) {
		keep_all(point, true);
		keep_stores(point, s, s + 1, false);
		emit(point, "one store lost");
		keep_all(point, false);
		keep_stores(point, s, s + 1, true);
		emit(point, "one store kept");
		keep_all(point, false);
		keep_stores(point, 0, s + 1, true);
		emit(point, "prefix of stores");
		keep_all(point, true);
		keep_stores(point, 0, s + 1, false);
		emit(point, "suffix of stores");
		family_torn(point, s);
	}
	for (uint32_t s = 0; s < stores && stores <= point->explore->pair_max;
	     s++) {
		for (uint32_t t = s + 1; t < stores; t++) {
			for (unsigned keep = 0; keep < 2; keep++) {
				keep_all(point, !keep);
				keep_stores(point, s, s + 1, keep);
				keep_stores(point, t, t + 1, keep);
				emit(point, keep ? "two stores kept"
						 : "two stores lost");
			}
		}
	}
}

/* Each store lost, kept, or the first half of what it changes kept. */
static void family_thirds(struct point *point)
{
	uint64_t images = 1;

	for (uint32_t s = 0; s < point->stores; s++)
		if (images <= point->explore->thirds_max)
			images *= 3;
	if (images > point->explore->thirds_max)
		return;
	point->explore->stats.thirds++;
	for (uint64_t n = 0; n < images; n++) {
		uint64_t rest = n;

		for (uint32_t s = 0; s < point->stores; s++, rest /= 3) {
			uint32_t first = point->store_first[s];
			uint32_t half = (point->store_first[s + 1] - first) / 2;

			keep_stores(point, s, s + 1, rest % 3 == 2);
			if (rest % 3 == 1)
				memset(point->keep + first, true, half);
		}
		emit(point, "stores lost, torn or kept");
	}
}

static void keep_bulk(struct point *point, uint32_t store, unsigned how)
{
	uint32_t first = point->store_first[store];
	uint32_t n = point->store_first[store + 1] - first;

	keep_stores(point, store, store + 1, how != 0 && how != 2);
	if (how == 2)
		point->keep[first] = true;
	else if (how == 3)
		point->keep[first + n / 2] = false;
	else if (how == 4)
		point->keep[first + n - 1] = false;
}

/* The words of small stores in every way, with the bulk in five. */
static bool family_thinned(struct point *point)
{
	uint64_t images = 1;

	for (uint32_t s = 0; s < point->stores; s++) {
		uint32_t n = point->store_first[s + 1] - point->store_first[s];

		if (images > point->explore->thinned_max)
			return false;
		images *= n > EXPLORE_SMALL ? 5 : 1u << n;
	}
	if (images > point->explore->thinned_max)
		return false;
	point->explore->stats.thinned++;
	for (uint64_t n = 0; n < images; n++) {
		uint64_t rest = n;

		for (uint32_t s = 0; s < point->stores; s++) {
			uint32_t first = point->store_first[s];
			uint32_t words = point->store_first[s + 1] - first;

			if (words > EXPLORE_SMALL) {
				keep_bulk(point, s, (unsigned)(rest % 5));
				rest /= 5;
				continue;
			}
			for (uint32_t i = 0; i < words; i++, rest /= 2)
				point->keep[first + i] = rest & 1;
		}
		emit(point, "bulk thinned");
	}
	return true;
}

static void family_words(struct point *point)
{
	uint32_t step = spread(point->cells, point->explore->word_max);

	for (uint32_t c = 0; c < point->cells; c += step) {
		for (unsigned keep = 0; keep < 2; keep++) {
			keep_all(point, !keep);
			for (uint32_t v = 0; v < point->versions; v++)
				if (point->flight->version[v].cell == c)
					point->keep[v] = keep;
			emit(point, keep ? "one word kept" : "one word lost");
		}
	}
}

/* Words at three densities, or whole and mixed stores. */
static void family_random(struct point *point)
{
	for (uint32_t n = 0; n < point->explore->random_count; n++) {
		uint64_t how = 0;

		for (uint32_t v = 0; v < point->versions; v++) {
			uint64_t r = random_next(&point->random);

			if (!v || point->store[v] != point->store[v - 1])
				how = random_next(&point->random) % 3;
			switch (n % 4) {
			case 0: point->keep[v] = r & 1; break;
			case 1: point->keep[v] = !(r % 16); break;
			case 2: point->keep[v] = !!(r % 16); break;
			default: point->keep[v] = how == 2 ? r & 1 : how & 1;
			}
		}
		emit(point, "random words");
	}
}

static void point_bus(struct point *point)
{
	const struct version *version = point->flight->version;
	uint64_t images = 1;
	uint32_t *count = array(point->cells, sizeof(*count));

	for (uint32_t v = 0; v < point->versions; v++)
		count[version[v].cell]++;
	for (uint32_t c = 0; c < point->cells; c++)
		if (images <= point->explore->exhaustive_max)
			images *= count[c] + 1;
	if (images <= point->explore->exhaustive_max) {
		point->explore->stats.exhaustive++;
		for (uint64_t n = 0; n < images && !point->stop; n++) {
			uint64_t rest = n;

			/* Digit c of n says how many versions c has had. */
			for (uint32_t c = 0; c < point->cells; c++)
				point->pick[c] = NONE;
			for (uint32_t c = 0; c < point->cells; c++) {
				uint64_t had = rest % (count[c] + 1);

				rest /= count[c] + 1;
				for (uint32_t v = 0; had; v++)
					if (version[v].cell == c) {
						point->pick[c] = v;
						had--;
					}
			}
			emit_picks(point, "every image");
		}
	} else {
		keep_all(point, false);
		emit(point, "nothing kept");
		keep_all(point, true);
		emit(point, "everything kept");
		family_stores(point);
		if (!family_thinned(point))
			family_thirds(point);
		family_words(point);
		family_random(point);
	}
	free(count);
}

/* ---- families of pages (SYNC) ---------------------------------------------- */

/* Each page at the time chosen for it in group_top. */
static void emit_pages(struct point *point, const char *family)
{
	for (uint32_t v = 0; v < point->versions; v++)
		point->keep[v] = point->flight->version[v].time <
				 point->group_top[point->group[v]];
	emit(point, family);
}

/* group_top is exclusive: 0 keeps nothing, NONE everything. */
static void pages_all(struct point *point, uint32_t top)
{
	for (uint32_t g = 0; g < point->groups; g++)
		point->group_top[g] = top;
}

static void family_pages(struct point *point)
{
	uint32_t step = spread(point->groups, point->explore->store_max);

	for (uint32_t g = 0; g < point->groups; g += step) {
		uint32_t end = point->time_first[g + 1];

		for (uint32_t t = point->time_first[g]; t < end; t++) {
			pages_all(point, 0);
			point->group_top[g] = point->time[t] + 1;
			emit_pages(point, "one page kept");
			pages_all(point, NONE);
			point->group_top[g] = point->time[t];
			emit_pages(point, "one page lost");
			pages_all(point, point->time[t] + 1);
			emit_pages(point, "a moment");
			for (uint32_t h = 0; h < point->groups; h++)
				point->group_top[h] =
					point->time[point->time_first[h + 1] - 1]
					>= point->time[t] ? NONE : 0;
			emit_pages(point, "late pages");
		}
	}
	for (uint32_t g = 0; g < point->groups &&
	     point->groups <= point->explore->pair_max; g++) {
		for (uint32_t h = g + 1; h < point->groups; h++) {
			pages_all(point, 0);
			point->group_top[g] = point->group_top[h] = NONE;
			emit_pages(point, "two pages kept");
			pages_all(point, NONE);
			point->group_top[g] = point->group_top[h] = 0;
			emit_pages(point, "two pages lost");
		}
	}
}

static void point_pages(struct point *point)
{
	uint64_t images = 1;

	for (uint32_t g = 0; g < point->groups; g++)
		if (images <= point->explore->exhaustive_max)
			images *= point->time_first[g + 1] -
				  point->time_first[g] + 1;
	if (images <= point->explore->exhaustive_max)
		point->explore->stats.exhaustive++;
	else
		family_pages(point);
	for (uint64_t n = 0; n < (images <= point->explore->exhaustive_max
				  ? images : point->explore->random_count + 2);
	     n++) {
		uint64_t rest = n;

		for (uint32_t g = 0; g < point->groups; g++) {
			uint32_t first = point->time_first[g];
			uint32_t base = point->time_first[g + 1] - first + 1;
			uint64_t had = rest % base;

			rest /= base;
			if (images > point->explore->exhaustive_max)
				had = n < 2 ? n * (base - 1)
				    : random_next(&point->random) % base;
			point->group_top[g] = had
				? point->time[first + had - 1] + 1 : 0;
		}
		emit_pages(point, images <= point->explore->exhaustive_max
			   ? "every image" : "random pages");
	}
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
	uint64_t *key = array(point->versions, 2 * sizeof(*key));
	bool *around = array(point->versions, sizeof(*around));
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
			  struct explore_where where)
{
	uint32_t n = flight->version_count;
	struct point point = {
		.explore = explore, .flight = flight, .where = where,
		.cells = flight->cell_count, .versions = n,
		.keep = array(n, sizeof(bool)),
		.pick = array(n, sizeof(uint32_t)),
		.store = array(n, sizeof(uint32_t)),
		.store_first = array(n, sizeof(uint32_t)),
		.group = array(n, sizeof(uint32_t)),
		.group_top = array(n, sizeof(uint32_t)),
		.ordered = array(n, sizeof(bool)),
		.time = array(n, sizeof(uint32_t)),
		.time_first = array(n, sizeof(uint32_t)),
		.random = explore->seed ^ where.point,
	};

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
	if (explore->model == MODEL_PAGECACHE)
		point_pages(&point);
	else
		point_bus(&point);
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
				point_explore(explore, &flight, where);
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
