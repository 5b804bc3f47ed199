/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * faults.h - what media do besides losing power: single bits that flip, lines
 * that cannot be read any more, bytes that were stored to another place.  A
 * set of them has a text, by which a failure is replayed:
 *
 *	bit:OFF.BIT		one bit
 *	poison:OFFxLEN		loads of it are EIO, from now on
 *	copy:FROM:TOxLEN	bytes that went to a wrong place
 *	swap:FROM:TOxLEN	two that went to each other's place
 *	alien:OFFxLEN		the same thing, but of another pool or disk
 *
 * with '/' between several.
 */
#ifndef TORTURE_FAULTS_H
#define TORTURE_FAULTS_H

#include "tests/torture/domain.h"

enum fault_kind { FAULT_BIT, FAULT_POISON, FAULT_COPY, FAULT_SWAP, FAULT_ALIEN };

struct fault {
	enum fault_kind kind;
	uint64_t off, len;
	uint64_t from;			/* COPY, SWAP */
	uint32_t bit;			/* BIT: in its byte */
};

#define FAULTS_MAX	4u

struct faults {
	struct fault item[FAULTS_MAX];
	unsigned count;
};

struct faults fault_bit(uint64_t bit_off);
struct faults fault_poison(uint64_t off, uint64_t len);
struct faults fault_copy(uint64_t from, uint64_t to, uint64_t len);
struct faults fault_swap(uint64_t from, uint64_t to, uint64_t len);
struct faults fault_alien(uint64_t off, uint64_t len);
struct faults faults_both(struct faults a, struct faults b);

void faults_print(const struct faults *faults, char *ret_text, size_t room);
bool faults_parse(const char *text, struct faults *ret_faults);

/*
 * To the image; takes effect at once.  Marks of the domain take back all but
 * the poison, which faults_heal() does.  @alien makes what lies there another
 * one's.
 */
void faults_apply(struct domain *domain, const struct faults *faults,
		  void (*alien)(void *ctx, uint64_t off, uint64_t len),
		  void *ctx);
void faults_heal(struct domain *domain);

/* Is anything of the range hit? */
bool faults_touch(const struct faults *faults, uint64_t off, uint64_t len);
/* Just one bit is wrong. */
static inline bool faults_one_bit(const struct faults *faults)
{
	return faults->count == 1 && faults->item[0].kind == FAULT_BIT;
}
static inline bool faults_poison(const struct faults *faults)
{
	for (unsigned i = 0; i < faults->count; i++)
		if (faults->item[i].kind == FAULT_POISON)
			return true;
	return false;
}

/* How many to step over, so that at most @most of @count are tried. */
uint64_t faults_stride(uint64_t count, uint64_t most, uint32_t effort);

#endif
