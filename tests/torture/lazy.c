/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lazy.c - all images of a crash point that differ in something that their
 * judgement reads.
 *
 * Every word in flight begins as lost.  The image is judged and its reads are
 * noted; the first thing in flight that was read and is not decided yet is
 * decided, in each way, and each new image is judged and its reads noted in
 * turn, until an image's judgement reads nothing undecided.  What nothing read
 * cannot have mattered.  So there are never more images than all.
 *
 * What is decided is a word of a store; a store of whole pages, or one that
 * changes more than EXPLORE_SMALL words, (a region) as a whole: lost, kept or
 * torn, by a mixture of its words; where that is too much to try, a store of
 * whole lines likewise; under pagecache a page; under eadr first the moment up
 * to which the caches got.  A region is data behind a checksum, which tells all tears
 * from one another as little as from garbage; to be sure of that each word of
 * it is lost alone and some are kept alone, and more mixtures are made, with
 * all else lost and all else kept (where that was read).
 *
 * Images are numbered in the order of this search, which goes by the reads: to
 * replay one, those before it are judged again (explore_where.probe).
 */
#include "tests/torture/point.h"

#include <stdlib.h>

#define MIXTURES	16u
#define KEPT_ALONE	16u	/* words of a region, spread evenly */

/* The cells that one judgement read. */
struct reads {
	uint64_t hash;
	uint32_t count;
	uint32_t cell[];
};

struct unit {
	uint32_t choices;
	uint32_t choice;
	bool decided;
};

/* What a choice at the moment (eadr) leaves to the other units. */
enum leave { LEFT, FORCED_IN, FORCED_OUT };

struct lazy {
	struct point *point;
	bool lines;		/* a whole line is decided at once */
	struct domain_watch watch;
	struct unit *unit;
	uint32_t unit_count, undecided;
	uint32_t *unit_of;	/* by version; pagecache: by page */
	uint32_t *before;	/* by version: the one of its cell before */
	uint32_t *newest;	/* by cell */
	bool *torn;		/* by version: kept in its torn region */
	uint32_t *cached;	/* eadr: stores with words in the cache */
	uint32_t cached_count, moment;	/* its unit, or NONE */
	struct reads **reads;	/* each set once */
	uint32_t reads_count, reads_room;
	uint64_t *memo_key;	/* images judged here, to what they read */
	uint32_t *memo_reads;
	uint32_t memo_count, memo_room;
	bool duplicates;	/* there can be some: keep the memo */
	uint32_t images;
	bool over;
};

/* ---- units ------------------------------------------------------------------- */

static uint32_t unit_add(struct lazy *lazy, uint32_t choices)
{
	lazy->unit[lazy->unit_count].choices = choices;
	return lazy->unit_count++;
}

static void units_of_pages(struct lazy *lazy)
{
	const struct point *point = lazy->point;

	for (uint32_t g = 0; g < point->groups; g++)
		lazy->unit_of[g] = unit_add(lazy, point->time_first[g + 1] -
						  point->time_first[g] + 1);
}

static bool is_region(const struct lazy *lazy, uint32_t store)
{
	const struct point *point = lazy->point;
	uint64_t span = lazy->lines ? NVM_LINE : NVM_PAGE;
	uint32_t first = point->store_first[store];
	uint32_t changes = point->store_first[store + 1] - first;
	const struct domain_event *event = &point->trace->event[
		point->flight->version[first].time / 2];
	bool whole = event->off % span == 0 && event->len % span == 0;

	return changes > EXPLORE_SMALL || (whole && changes > 1);
}

static void units_of_store(struct lazy *lazy, uint32_t store)
{
	const struct point *point = lazy->point;
	uint32_t first = point->store_first[store];
	uint32_t end = point->store_first[store + 1];
	uint64_t seed = point->explore->seed ^ point->where.point ^
			(uint64_t)store << 32;
	bool cached = false, region = is_region(lazy, store);

	for (uint32_t v = first; v < end; v++) {
		lazy->unit_of[v] = region && v > first
			? lazy->unit_of[first] : unit_add(lazy, 2 + region);
		lazy->torn[v] = random_next(&seed) & 1;
		cached |= point->ordered[v];
	}
	lazy->torn[first] = true;
	lazy->torn[end - 1] = false;
	if (cached)
		lazy->cached[lazy->cached_count++] = store;
}

static void units_begin(struct lazy *lazy)
{
	struct point *point = lazy->point;

	for (uint32_t v = 0; v < point->versions; v++) {
		uint32_t cell = point->flight->version[v].cell;

		lazy->before[v] = lazy->newest[cell];
		lazy->newest[cell] = v;
	}
	if (point->explore->model == MODEL_PAGECACHE)
		units_of_pages(lazy);
	else
		for (uint32_t s = 0; s < point->stores; s++)
			units_of_store(lazy, s);
	if (point->explore->model == MODEL_EADR && lazy->cached_count)
		lazy->moment = unit_add(lazy, lazy->cached_count + 1);
	lazy->undecided = lazy->unit_count;
}

/*
 * eadr: the moment is the first store through the cache that is not complete,
 * or the end.  What went around the cache before it is left open.
 */
static enum leave leave_of(const struct lazy *lazy, uint32_t v)
{
	uint32_t store = lazy->point->store[v], at;

	if (lazy->moment == NONE)
		return LEFT;
	at = lazy->unit[lazy->moment].choice;
	if (at == lazy->cached_count)
		return lazy->point->ordered[v] ? FORCED_IN : LEFT;
	if (store > lazy->cached[at])
		return FORCED_OUT;
	return lazy->point->ordered[v] && store < lazy->cached[at] ? FORCED_IN
								   : LEFT;
}

static bool kept(const struct lazy *lazy, uint32_t v)
{
	const struct unit *unit = &lazy->unit[lazy->unit_of[v]];

	switch (leave_of(lazy, v)) {
	case FORCED_IN: return true;
	case FORCED_OUT: return false;
	case LEFT: break;
	}
	return unit->choice == 2 ? lazy->torn[v] : unit->choice;
}

/* What has to be decided yet before the cell is; NONE: nothing. */
static uint32_t unit_open(const struct lazy *lazy, uint32_t cell)
{
	uint32_t v = lazy->newest[cell];

	if (lazy->point->explore->model == MODEL_PAGECACHE) {
		uint32_t u = lazy->unit_of[lazy->point->group[v]];

		return lazy->unit[u].decided ? NONE : u;
	}
	if (lazy->moment != NONE && !lazy->unit[lazy->moment].decided)
		return lazy->moment;
	for (; v != NONE; v = lazy->before[v]) {
		if (leave_of(lazy, v) == LEFT &&
		    !lazy->unit[lazy->unit_of[v]].decided)
			return lazy->unit_of[v];
		if (kept(lazy, v))
			return NONE;
	}
	return NONE;
}

static void units_keep(struct lazy *lazy)
{
	struct point *point = lazy->point;

	for (uint32_t v = 0; v < point->versions; v++) {
		uint32_t g = point->group[v], had;

		if (point->explore->model != MODEL_PAGECACHE) {
			point->keep[v] = kept(lazy, v);
			continue;
		}
		had = lazy->unit[lazy->unit_of[g]].choice;
		point->keep[v] = had && point->flight->version[v].time <=
			point->time[point->time_first[g] + had - 1];
	}
}

/* ---- what was read ------------------------------------------------------------- */

/* The set just noted, as one of those that there are. */
static uint32_t reads_intern(struct lazy *lazy)
{
	const struct domain_watch *watch = &lazy->watch;
	size_t bytes = watch->read_count * sizeof(*watch->read);
	uint64_t hash = watch->read_count;
	struct reads *reads;

	for (uint32_t i = 0; i < watch->read_count; i++)
		hash = (hash ^ watch->read[i]) * 0x9e3779b97f4a7c15u ^ hash >> 29;
	for (uint32_t i = lazy->reads_count; i-- > 0;)
		if (lazy->reads[i]->hash == hash &&
		    lazy->reads[i]->count == watch->read_count &&
		    !memcmp(lazy->reads[i]->cell, watch->read, bytes))
			return i;
	if (lazy->reads_count == lazy->reads_room) {
		lazy->reads_room = lazy->reads_room ? lazy->reads_room * 2 : 64;
		lazy->reads = realloc(lazy->reads, lazy->reads_room *
				      sizeof(*lazy->reads));
		if (!lazy->reads)
			abort();
	}
	reads = point_array(bytes + sizeof(*reads), 1);
	reads->hash = hash;
	reads->count = watch->read_count;
	memcpy(reads->cell, watch->read, bytes);
	lazy->reads[lazy->reads_count] = reads;
	return lazy->reads_count++;
}

static uint32_t memo_slot(const struct lazy *lazy, uint64_t key)
{
	uint32_t mask = lazy->memo_room - 1;
	uint32_t i = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32) & mask;

	while (lazy->memo_reads[i] && lazy->memo_key[i] != key)
		i = (i + 1) & mask;
	return i;
}

static void memo_grow(struct lazy *lazy)
{
	uint64_t *key = lazy->memo_key;
	uint32_t *reads = lazy->memo_reads, room = lazy->memo_room;

	if (lazy->memo_count * 2 < room)
		return;
	lazy->memo_room = room ? room * 2 : 256;
	lazy->memo_key = point_array(lazy->memo_room, sizeof(*key));
	lazy->memo_reads = point_array(lazy->memo_room, sizeof(*reads));
	for (uint32_t i = 0; i < room; i++) {
		uint32_t slot;

		if (!reads[i])
			continue;
		slot = memo_slot(lazy, key[i]);
		lazy->memo_key[slot] = key[i];
		lazy->memo_reads[slot] = reads[i];
	}
	free(key);
	free(reads);
}

/* Judge the image that keep[] says, and note what is read: its set. */
static uint32_t judge(struct lazy *lazy, const char *family)
{
	struct point *point = lazy->point;
	struct domain *domain = point->flight->domain;
	uint64_t hash = point_picks(point);
	uint32_t slot, reads;
	bool replay = point->explore->only;

	point_number(point, family);
	memo_grow(lazy);
	slot = memo_slot(lazy, hash);
	if (lazy->memo_reads[slot] && lazy->duplicates && !(replay &&
	    point_wanted(point)))
		return lazy->memo_reads[slot] - 1;
	point->where.probe = !point_wanted(point) || !point_fresh(point, hash);
	if (point->where.probe && !replay && !lazy->undecided)
		return NONE;
	/* A crash in a recovery is part of what the image is judged by. */
	watch_reset(&lazy->watch);
	lazy->watch.outer = domain_watch(domain, &lazy->watch);
	point_judge(point);
	domain_watch(domain, lazy->watch.outer);
	if (replay && !point->where.probe)
		point->stop = true;
	point->where.probe = false;
	reads = reads_intern(lazy);
	if (!lazy->duplicates)
		return reads;
	lazy->memo_count += !lazy->memo_reads[slot];
	lazy->memo_key[slot] = hash;
	lazy->memo_reads[slot] = reads + 1;
	return reads;
}

/* ---- the search ----------------------------------------------------------------- */

static void decide(struct lazy *lazy, uint32_t reads, uint32_t from);

static void search(struct lazy *lazy)
{
	uint32_t reads;

	if (lazy->point->stop || lazy->over)
		return;
	if (lazy->images == lazy->point->explore->lazy_max) {
		lazy->over = true;
		return;
	}
	lazy->images++;
	units_keep(lazy);
	reads = judge(lazy, "what is read");
	if (reads != NONE)
		decide(lazy, reads, 0);
}

/* What was read (from the @from-th on) and is open, in each way. */
static void decide(struct lazy *lazy, uint32_t reads, uint32_t from)
{
	const struct reads *read = lazy->reads[reads];
	uint32_t u = NONE;

	for (; from < read->count; from++) {
		u = unit_open(lazy, read->cell[from]);
		if (u != NONE)
			break;
	}
	if (u == NONE || lazy->point->stop || lazy->over)
		return;
	lazy->unit[u].decided = true;
	lazy->undecided--;
	/* The first way is the image that was just judged. */
	decide(lazy, reads, from);
	for (uint32_t c = 1; c < lazy->unit[u].choices; c++) {
		lazy->unit[u].choice = c;
		search(lazy);
	}
	lazy->unit[u].choice = 0;
	lazy->unit[u].decided = false;
	lazy->undecided++;
}

/* ---- regions, torn in more ways ---------------------------------------------------- */

static bool reads_cell(const struct lazy *lazy, uint32_t reads, uint32_t cell)
{
	for (uint32_t i = 0; i < lazy->reads[reads]->count; i++)
		if (lazy->reads[reads]->cell[i] == cell)
			return true;
	return false;
}

/* Who wants few tears wants few of the others as well. */
static uint32_t at_most(const struct lazy *lazy, uint32_t count)
{
	uint32_t max = lazy->point->explore->tear_max;

	return count < max ? count : max;
}

/* Of the region only (or all but) one word, with all else lost or kept. */
static void tear_words(struct lazy *lazy, uint32_t store, bool around, bool keep,
		       uint32_t max)
{
	struct point *point = lazy->point;
	uint32_t first = point->store_first[store];
	uint32_t end = point->store_first[store + 1];
	uint32_t step = spread(end - first, max), reads;

	if (point->stop)
		return;
	keep_all(point, around);
	keep_stores(point, store, store + 1, !keep);
	reads = judge(lazy, "a region of many words");
	for (uint32_t v = first; v < end && !point->stop; v += step) {
		uint32_t cell = point->flight->version[v].cell;

		/* What the image without the tear does not read is the same. */
		if (!reads_cell(lazy, reads, cell))
			continue;
		keep_all(point, around);
		keep_stores(point, store, store + 1, !keep);
		point->keep[v] = keep;
		point_emit(point, keep ? "a word of a region kept"
				       : "a word of a region lost");
	}
	if (!keep && step > 1)
		point->explore->stats.tears++;
}

static void tear_mixtures(struct lazy *lazy, uint32_t store, bool around)
{
	struct point *point = lazy->point;
	uint32_t first = point->store_first[store];
	uint32_t end = point->store_first[store + 1];

	for (uint32_t n = 0; n < at_most(lazy, MIXTURES) && !point->stop; n++) {
		keep_all(point, around);
		for (uint32_t v = first; v < end; v++)
			point->keep[v] = random_next(&point->random) & 1;
		point_emit(point, "a mixture of a region");
	}
}

static void tear_regions(struct lazy *lazy)
{
	struct point *point = lazy->point;

	lazy->undecided = lazy->unit_count + 1;	/* reads are wanted */
	for (uint32_t s = 0; s < point->stores && !point->stop; s++) {
		if (!is_region(lazy, s))
			continue;
		for (unsigned around = 0; around < 2 && !point->stop; around++) {
			tear_words(lazy, s, around, false,
				   point->explore->tear_max);
			tear_words(lazy, s, around, true,
				   at_most(lazy, KEPT_ALONE));
			tear_mixtures(lazy, s, around);
		}
	}
}

/* ---- one crash point ------------------------------------------------------------------ */

/* What the same images have in common: their floor, stores and judgement. */
static uint64_t point_key(const struct point *point)
{
	enum explore_model model = point->explore->model;
	uint64_t key = point->flight->domain->hash ^ point->salt * 3 ^
		point->explore->salt * 5 ^ point->where.acked;

	for (uint32_t v = 0; v < point->versions; v++) {
		const struct version *version = &point->flight->version[v];

		key = (key ^ version->delta) * 0x9e3779b97f4a7c15u ^ key >> 31;
		key += point->store[v];
		/* Where nothing is ordered all models of the bus are one. */
		if (point->ordered[v] || model == MODEL_PAGECACHE)
			key += model + 1;
	}
	return key;
}

static void lazy_begin(struct lazy *lazy, struct point *point, bool lines)
{
	uint32_t n = point->versions;
	uint64_t *word = point_array(point->cells, sizeof(*word));

	*lazy = (struct lazy){ .point = point, .lines = lines, .moment = NONE,
		.unit = point_array(n + 1, sizeof(struct unit)),
		.unit_of = point_array(n, sizeof(uint32_t)),
		.before = point_array(n, sizeof(uint32_t)),
		.newest = point_array(point->cells, sizeof(uint32_t)),
		.torn = point_array(n, sizeof(bool)),
		.cached = point_array(point->stores, sizeof(uint32_t)),
	};
	for (uint32_t c = 0; c < point->cells; c++) {
		word[c] = point->flight->cell[c].word;
		lazy->newest[c] = NONE;
	}
	watch_begin(&lazy->watch, word, point->cells);
	free(word);
	for (uint32_t v = 0; v < n; v++)
		lazy->duplicates |= point->ordered[v] &&
			(point->explore->model == MODEL_INTEL ||
			 point->explore->model == MODEL_EADR);
	units_begin(lazy);
}

static void lazy_end(struct lazy *lazy)
{
	for (uint32_t i = 0; i < lazy->reads_count; i++)
		free(lazy->reads[i]);
	free(lazy->reads);
	free(lazy->memo_key);
	free(lazy->memo_reads);
	free(lazy->unit);
	free(lazy->unit_of);
	free(lazy->before);
	free(lazy->newest);
	free(lazy->torn);
	free(lazy->cached);
	watch_end(&lazy->watch);
}

bool lazy_try(struct point *point, bool lines)
{
	struct explore *explore = point->explore;
	uint64_t key = point_key(point) + lines, over = ~key;
	struct seen *seen = explore->only ? NULL : explore->seen;
	struct lazy lazy;

	if (explore->only && explore->only->point != point->where.point)
		return true;
	/* Pages are decided as a whole already. */
	if (lines && explore->model == MODEL_PAGECACHE)
		return false;
	if (seen && seen_has(seen, over))
		return false;
	if (seen && seen_has(seen, key)) {
		explore->stats.lazy++;
		explore->stats.lazy_lines += lines;
		return true;
	}
	lazy_begin(&lazy, point, lines);
	search(&lazy);
	if (!lazy.over && explore->model != MODEL_PAGECACHE)
		tear_regions(&lazy);
	if (!lazy.over) {
		explore->stats.lazy++;
		explore->stats.lazy_lines += lines;
		if (explore->stats.lazy_max < lazy.images)
			explore->stats.lazy_max = lazy.images;
	}
	if (seen && !point->stop)
		seen_add(seen, lazy.over ? over : key);
	lazy_end(&lazy);
	return !lazy.over;
}
