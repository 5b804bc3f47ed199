/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * oracle.h - what must hold of a pool whatever happened to it, judged as far
 * as possible without the core's own pool_check(): who owns which unit, what
 * free units read as, what the pool says of itself.
 */
#ifndef TORTURE_ORACLE_H
#define TORTURE_ORACLE_H

#include "tests/torture/yard.h"

/* The logical state of a pool, condensed. */
struct snapshot {
	uint64_t strict;	/* everything */
	uint64_t loose;		/* the same where CLEAN is as good as DIRTY */
	uint32_t children;
	uint64_t unit_count[4];
};

/* Why the last of these said no. */
struct verdict {
	char why[240];
};

/* Of yard->pool; what follows judges the units by the last snapshot. */
bool oracle_snapshot(struct yard *yard, struct snapshot *ret_snapshot,
		     struct verdict *verdict);
/* Each unit that is USED has one owner, no other has any. */
bool oracle_owners(struct yard *yard, struct verdict *verdict);
/* The same, and each CLEAN unit reads as zeros. */
bool oracle_units(struct yard *yard, struct verdict *verdict);
/* pool_check() reports nothing (but copies of the GMB, if so allowed). */
bool oracle_check(struct yard *yard, bool gmb_copies_may_lack,
		  struct verdict *verdict);
/*
 * What an operation stored lies in the metadata, in units that no child owns
 * in the pool as it is now, or in @target's (UINT32_MAX: nobody's).
 */
bool oracle_stores(struct yard *yard, const struct domain_trace *trace,
		   uint32_t target, struct verdict *verdict);
/* The pool serves: fill it, check it, empty it, fill it again. */
bool oracle_life(struct yard *yard, struct verdict *verdict);

bool deny(struct verdict *verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
