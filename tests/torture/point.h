/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * point.h - one crash point, for the ways in which its images are enumerated:
 * all of them (explore.c), those that differ in what is read (lazy.c), and
 * families where these are too many (families.c).
 */
#ifndef TORTURE_POINT_H
#define TORTURE_POINT_H

#include "tests/torture/flight.h"

#define NONE UINT32_MAX

struct point {
	struct explore *explore;
	struct flight *flight;
	const struct domain_trace *trace;
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

/* Zeros, and one more than asked for; abort() where there is no memory. */
void *point_array(size_t count, size_t size);

/* The picks from keep[], made legal for the model; the image's hash. */
uint64_t point_picks(struct point *point);
/* The next image, as keep[] says: number, judge. */
void point_emit(struct point *point, const char *family);
/* The same with each page up to its time in group_top. */
void point_emit_pages(struct point *point, const char *family);
/* The next image's number, whatever becomes of it. */
void point_number(struct point *point, const char *family);
/* Is this one to be replayed, or all are? */
bool point_wanted(const struct point *point);
/* False: an image with this hash was judged already. */
bool point_fresh(struct point *point, uint64_t hash);
/* Put the picks on the domain, judge, take them back. */
bool point_passes(struct point *point);
/* The same; where it fails, count that, minimise, and stop. */
void point_judge(struct point *point);
/* keep[] as minimise.c tells it; false: it is not such a text. */
bool point_keep_text(struct point *point, const char *text);
/* The image just judged fails: find a simpler one, and judge that at last. */
void point_minimise(struct point *point);

static inline void keep_all(struct point *point, bool keep)
{
	memset(point->keep, keep, point->versions);
}

/* Stores from @first to before @end. */
static inline void keep_stores(struct point *point, uint32_t first,
			       uint32_t end, bool keep)
{
	uint32_t v = point->store_first[first];

	memset(point->keep + v, keep, point->store_first[end] - v);
}

/* To look at @max of @count, or at the first alone, it takes such steps. */
static inline uint32_t spread(uint32_t count, uint32_t max)
{
	return count <= max ? 1 : max ? (count - 1) / max + 1 : count;
}

void families_bus(struct point *point);
void families_pages(struct point *point);

/*
 * False: more than lazy_max images; those tried so far were judged.  With
 * @lines a store of a whole line is decided as a whole, too.
 */
bool lazy_try(struct point *point, bool lines);

#endif
