/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * families.c - some images of a crash point that has too many of them: stores
 * and words kept and lost alone and in pairs, prefixes and suffixes, torn
 * stores, and random ones.
 */
#include "tests/torture/point.h"

/* ---- words and stores (BUS) ---------------------------------------------- */

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
			point_emit(point, "torn store");
		}
	}
}

static void family_stores(struct point *point)
{
	uint32_t stores = point->stores;
	uint32_t step = spread(stores, point->explore->store_max);

	for (uint32_t s = 0; s < stores; s += step) {
		keep_all(point, true);
		keep_stores(point, s, s + 1, false);
		point_emit(point, "one store lost");
		keep_all(point, false);
		keep_stores(point, s, s + 1, true);
		point_emit(point, "one store kept");
		keep_all(point, false);
		keep_stores(point, 0, s + 1, true);
		point_emit(point, "prefix of stores");
		keep_all(point, true);
		keep_stores(point, 0, s + 1, false);
		point_emit(point, "suffix of stores");
		family_torn(point, s);
	}
	for (uint32_t s = 0; s < stores && stores <= point->explore->pair_max;
	     s++) {
		for (uint32_t t = s + 1; t < stores; t++) {
			for (unsigned keep = 0; keep < 2; keep++) {
				keep_all(point, !keep);
				keep_stores(point, s, s + 1, keep);
				keep_stores(point, t, t + 1, keep);
				point_emit(point, keep ? "two stores kept"
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
		point_emit(point, "stores lost, torn or kept");
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
		point_emit(point, "bulk thinned");
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
			point_emit(point, keep ? "one word kept" : "one word lost");
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
		point_emit(point, "random words");
	}
}

void families_bus(struct point *point)
{
	keep_all(point, false);
	point_emit(point, "nothing kept");
	keep_all(point, true);
	point_emit(point, "everything kept");
	family_stores(point);
	if (!family_thinned(point))
		family_thirds(point);
	family_words(point);
	family_random(point);
}

/* ---- pages (SYNC) --------------------------------------------------------- */

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
			point_emit_pages(point, "one page kept");
			pages_all(point, NONE);
			point->group_top[g] = point->time[t];
			point_emit_pages(point, "one page lost");
			pages_all(point, point->time[t] + 1);
			point_emit_pages(point, "a moment");
			for (uint32_t h = 0; h < point->groups; h++)
				point->group_top[h] =
					point->time[point->time_first[h + 1] - 1]
					>= point->time[t] ? NONE : 0;
			point_emit_pages(point, "late pages");
		}
	}
	for (uint32_t g = 0; g < point->groups &&
	     point->groups <= point->explore->pair_max; g++) {
		for (uint32_t h = g + 1; h < point->groups; h++) {
			pages_all(point, 0);
			point->group_top[g] = point->group_top[h] = NONE;
			point_emit_pages(point, "two pages kept");
			pages_all(point, NONE);
			point->group_top[g] = point->group_top[h] = 0;
			point_emit_pages(point, "two pages lost");
		}
	}
}

void families_pages(struct point *point)
{
	family_pages(point);
	for (uint32_t n = 0; n < point->explore->random_count + 2; n++) {
		for (uint32_t g = 0; g < point->groups; g++) {
			uint32_t first = point->time_first[g];
			uint32_t base = point->time_first[g + 1] - first + 1;
			uint64_t had = n < 2 ? n * (base - 1)
				: random_next(&point->random) % base;

			point->group_top[g] = had
				? point->time[first + had - 1] + 1 : 0;
		}
		point_emit_pages(point, "random pages");
	}
}
