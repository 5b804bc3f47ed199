// SPDX-License-Identifier: BSD-3-Clause
/*
 * faults.c - see faults.h.
 */
#include "tests/torture/faults.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_name[] = {
	"bit", "poison", "copy", "swap", "alien"
};

/* ---- making them ------------------------------------------------------------ */

static struct faults one(struct fault fault)
{
	return (struct faults){ { fault }, 1 };
}

struct faults fault_bit(uint64_t bit_off)
{
	return one((struct fault){ FAULT_BIT, bit_off / 8, 1, 0,
				   (uint32_t)(bit_off % 8) });
}

struct faults fault_poison(uint64_t off, uint64_t len)
{
	return one((struct fault){ FAULT_POISON, off, len, 0, 0 });
}

struct faults fault_copy(uint64_t from, uint64_t to, uint64_t len)
{
	return one((struct fault){ FAULT_COPY, to, len, from, 0 });
}

struct faults fault_swap(uint64_t from, uint64_t to, uint64_t len)
{
	return one((struct fault){ FAULT_SWAP, to, len, from, 0 });
}

struct faults fault_alien(uint64_t off, uint64_t len)
{
	return one((struct fault){ FAULT_ALIEN, off, len, 0, 0 });
}

struct faults faults_both(struct faults a, struct faults b)
{
	for (unsigned i = 0; i < b.count && a.count < FAULTS_MAX; i++)
		a.item[a.count++] = b.item[i];
	return a;
}

/* ---- text --------------------------------------------------------------------- */

static int fault_print(const struct fault *fault, char *text, size_t room)
{
	const char *name = kind_name[fault->kind];

	switch (fault->kind) {
	case FAULT_BIT:
		return snprintf(text, room, "%s:%" PRIu64 ".%u", name,
				fault->off, fault->bit);
	case FAULT_COPY:
	case FAULT_SWAP:
		return snprintf(text, room, "%s:%" PRIu64 ":%" PRIu64 "x%"
				PRIu64, name, fault->from, fault->off,
				fault->len);
	default:
		return snprintf(text, room, "%s:%" PRIu64 "x%" PRIu64, name,
				fault->off, fault->len);
	}
}

void faults_print(const struct faults *faults, char *ret_text, size_t room)
{
	size_t used = 0;

	if (room)
		ret_text[0] = 0;
	for (unsigned i = 0; i < faults->count && used + 1 < room; i++) {
		if (i)
			ret_text[used++] = '/';
		used += (size_t)fault_print(&faults->item[i], ret_text + used,
					    room - used);
	}
}

static bool fault_parse(const char *text, struct fault *ret_fault)
{
	struct fault f = { 0 };

	if (sscanf(text, "bit:%" SCNu64 ".%u", &f.off, &f.bit) == 2) {
		f.kind = FAULT_BIT;
		f.len = 1;
	} else if (sscanf(text, "poison:%" SCNu64 "x%" SCNu64, &f.off,
			  &f.len) == 2) {
		f.kind = FAULT_POISON;
	} else if (sscanf(text, "alien:%" SCNu64 "x%" SCNu64, &f.off,
			  &f.len) == 2) {
		f.kind = FAULT_ALIEN;
	} else if (sscanf(text, "copy:%" SCNu64 ":%" SCNu64 "x%" SCNu64,
			  &f.from, &f.off, &f.len) == 3) {
		f.kind = FAULT_COPY;
	} else if (sscanf(text, "swap:%" SCNu64 ":%" SCNu64 "x%" SCNu64,
			  &f.from, &f.off, &f.len) == 3) {
		f.kind = FAULT_SWAP;
	} else {
		return false;
	}
	*ret_fault = f;
	return f.bit < 8 && f.len && f.len <= NVM_PAGE * 64;
}

bool faults_parse(const char *text, struct faults *ret_faults)
{
	struct faults faults = { .count = 0 };

	while (text && faults.count < FAULTS_MAX) {
		if (!fault_parse(text, &faults.item[faults.count++]))
			return false;
		text = strchr(text, '/');
		if (text)
			text++;
	}
	*ret_faults = faults;
	return !text;
}

/* ---- the image ------------------------------------------------------------------ */

static void move_bytes(struct domain *domain, const struct fault *fault)
{
	uint8_t *bytes = malloc(2 * fault->len);

	if (!bytes)
		abort();
	memcpy(bytes, domain->image + fault->from, fault->len);
	memcpy(bytes + fault->len, domain->image + fault->off, fault->len);
	domain_poke(domain, fault->off, bytes, fault->len);
	if (fault->kind == FAULT_SWAP)
		domain_poke(domain, fault->from, bytes + fault->len,
			    fault->len);
	free(bytes);
}

static bool inside(const struct domain *domain, uint64_t off, uint64_t len)
{
	return off < domain->media.size_bytes &&
	       len <= domain->media.size_bytes - off;
}

void faults_apply(struct domain *domain, const struct faults *faults,
		  void (*alien)(void *ctx, uint64_t off, uint64_t len),
		  void *ctx)
{
	for (unsigned i = 0; i < faults->count; i++) {
		const struct fault *fault = &faults->item[i];
		uint8_t byte;

		if (!inside(domain, fault->off, fault->len) ||
		    !inside(domain, fault->from, fault->len))
			continue;
		switch (fault->kind) {
		case FAULT_BIT:
			byte = domain->image[fault->off];
			byte ^= (uint8_t)(1u << fault->bit);
			domain_poke(domain, fault->off, &byte, 1);
			break;
		case FAULT_POISON:
			domain->poison[domain->poison_count].off = fault->off;
			domain->poison[domain->poison_count++].len = fault->len;
			break;
		case FAULT_ALIEN:
			alien(ctx, fault->off, fault->len);
			break;
		default:
			move_bytes(domain, fault);
		}
	}
}

void faults_heal(struct domain *domain)
{
	domain->poison_count = 0;
}

static bool overlap(uint64_t off, uint64_t len, uint64_t other,
		    uint64_t other_len)
{
	return off < other + other_len && other < off + len;
}

bool faults_touch(const struct faults *faults, uint64_t off, uint64_t len)
{
	for (unsigned i = 0; i < faults->count; i++) {
		const struct fault *fault = &faults->item[i];

		if (overlap(off, len, fault->off, fault->len) ||
		    (fault->kind == FAULT_SWAP &&
		     overlap(off, len, fault->from, fault->len)))
			return true;
	}
	return false;
}

uint64_t faults_stride(uint64_t count, uint64_t most, uint32_t effort)
{
	uint64_t stride;

	most = most * effort / 128;
	stride = most ? (count + most - 1) / most : count;
	/* Odd, so that all bits of a byte get their turn. */
	return stride <= 1 ? 1 : stride | 1;
}
