/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * litmus.h - small programs and, for each model, exactly what a power loss at
 * their end may leave: the explorer must show all of it and nothing else.
 * Then random programs, on which brute force must agree with it.
 */
#ifndef TORTURE_LITMUS_H
#define TORTURE_LITMUS_H

#include "tests/torture/explore.h"

/*
 * One row for each program and model (name, model, outcomes, ok), and one for
 * each model's random programs.  With @tap as TAP, plan and all.  False: a set
 * differs.
 */
bool litmus_run(FILE *out, uint64_t seed, bool tap);

/*
 * Run a program on the domain, which keeps its contents; abort() if it is not
 * one.  Words by letter: A and B in one line, C in the next, D in another
 * page; E and F in lines of their own in the page of A.
 *
 *	A=1 store a word	A*1 store A's line around the cache, its
 *	A! flush A's line	    first two words 1, the others 0
 *	drain sync kill ack discard	2:A=1 by thread 2
 */
void litmus_program(struct domain *domain, const char *program);
/* A to F as a decimal number, each digit a word. */
uint64_t litmus_key(const struct domain *domain);

#define LITMUS_BYTES	(16u << 10)

#endif
