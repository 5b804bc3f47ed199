/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suite.h - what nvmtorture runs: suites of cases.  A case is something done
 * to a pool or a disk in some state, crashed under one model; it is known by
 * SUITE/NAME, for example pool/carve:aged:paranoid.
 *
 * A failure is told as a token, from which alone it can be had again:
 *
 *	SUITE/NAME[+WHAT]@IMAGE,sSEED,eEFFORT
 *
 * WHAT is a suite's own (an order of events, a sequence of operations); IMAGE
 * is POINT.IMAGE of the crash, then /POINT.IMAGE of one in its recovery, and of
 * one in that.  Behind it may stand what a simpler image has (minimise.c).
 */
#ifndef TORTURE_SUITE_H
#define TORTURE_SUITE_H

#include "tests/torture/mutate.h"
#include "tests/torture/vbase.h"

struct suite;

struct torture_case {
	const struct suite *suite;
	char name[96];
	unsigned group;			/* cases of one group share work */
	enum explore_model model;
	bool extra;			/* only where its model is asked for */
	unsigned number[3];		/* the suite's own */
};

struct case_list {
	struct torture_case *item;
	size_t count, room;
};

#define TORTURE_DEPTH_MAX	3u	/* crash, in recovery, in its recovery */
#define TORTURE_WHAT_MAX	200u
#define TORTURE_IMAGE_MAX	160u

/* How hard to look, and where: all of a case, or one image of it. */
struct torture_how {
	uint64_t seed;
	uint32_t effort;		/* 64: as in `make check`; 128: without a word */
	unsigned depth;			/* 1: no crash in recoveries; to 3 */
	const char *what;		/* replay; or NULL */
	const char *image;		/* replay; or NULL */
	bool replay;
};

/* One mutant of a suite of mutants. */
struct torture_mutant {
	const char *mutation;		/* "drop", "delay", ... */
	const void *site;		/* call site of what was changed */
	const char *role;		/* of what was stored there: "journal head" */
	const char *killed_by;		/* what was seen of it; NULL: survived */
};

struct torture_result {
	bool good;
	struct explore_stats stats, nested;
	uint64_t tries;			/* sequences, orders, kills, mutants */
	const char *tried;		/* which of them; NULL: one */
	uint64_t lives;			/* images that were made to serve */
	char why[240];
	char what[TORTURE_WHAT_MAX], image[TORTURE_IMAGE_MAX];
	char crash[240];		/* where it was, and how */
};

/* What cases of one group hand on to each other. */
struct suite_memory {
	struct seen seen;
	struct vbase vbase;
	bool has_vbase;
	struct marks killed, looked;	/* rows of mutants: done; looked hard */
	/* Told of each mutant. */
	void (*mutant)(void *ctx, const struct torture_case *c,
		       const struct torture_mutant *mutant);
	void *mutant_ctx;
	struct domain_trace *trace;	/* replay: what was recorded; or NULL */
};

struct suite {
	const char *name, *summary;
	bool mutants;			/* run by `mutants`, not by `run` */
	bool random;			/* another seed finds other things */
	void (*list)(const struct suite *suite, struct case_list *list);
	/* False, and ret_result->why: a failure. */
	bool (*run)(const struct torture_case *c, const struct torture_how *how,
		    struct suite_memory *memory, struct torture_result *ret_result);
};

/* All suites, ending with NULL. */
extern const struct suite *const suites[];

struct torture_case *case_add(struct case_list *list, const struct suite *suite,
			      unsigned group, enum explore_model model,
			      const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void case_list_all(struct case_list *ret_list);
void case_list_free(struct case_list *list);

/* The disk of a group, built when first asked for. */
struct vbase *suite_vbase(struct suite_memory *memory, enum vstate state,
			  enum nvm_durability durability,
			  struct torture_result *result);
void suite_forget_disk(struct suite_memory *memory);
/* At the end of a group. */
void suite_forget(struct suite_memory *memory);
/* For whoever replays: what was crashed. */
void trace_keep(struct suite_memory *memory, const struct domain_trace *trace);

/* A failed case: note why, and what replays it. */
struct verdict;
void result_fail(struct torture_result *result, const struct verdict *verdict,
		 const struct explore_where *path, unsigned depth);

/* "1.2/3.4", "1.2a5-7": into @ret_path, at most @max; how many. */
unsigned image_parse(const char *image, struct explore_where *ret_path,
		     unsigned max);

/* Tokens: of a result, and back.  False: not one. */
#define TORTURE_TOKEN_MAX	512u
void token_print(const struct torture_case *c, const struct torture_how *how,
		 const struct torture_result *result, char *ret_token,
		 size_t room);
struct torture_token {
	char name[160], what[TORTURE_WHAT_MAX], image[TORTURE_IMAGE_MAX];
	uint64_t seed;
	uint32_t effort;
};
bool token_parse(const char *token, struct torture_token *ret_token);

#endif
