/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scratch.h - a struct nvm_media in memory for fuzzing: fast to put back to what
 * it was, and without mercy.  A call out of bounds, or a store to what was
 * opened for reading, aborts; so does a run of more calls than any sane one
 * takes.
 *
 * A scratch is one extent.  Its image may be changed between two loads, as a
 * guest would that runs on while a host tool looks.
 */
#ifndef FUZZ_SCRATCH_H
#define FUZZ_SCRATCH_H

#include "base/media.h"

#define SCRATCH_POISON_MAX	4u

struct scratch {
	struct nvm_media media;		/* first: the core's view */
	uint8_t *image;
	uint8_t *original;		/* what scratch_reset() goes back to */
	uint8_t *touched;		/* a page differs from it, perhaps */
	uint64_t room_bytes;		/* the media may be that large */
	struct { uint64_t off, len; } poison[SCRATCH_POISON_MAX];
	uint32_t poison_count;
	bool refuse;			/* poison refuses stores, too; else one
					   of a whole line mends it */

	uint64_t calls;			/* loads and stores since the reset */
	/* Called before the load when *load_count falls to 0; may be NULL. */
	uint64_t *load_count;
	void (*meanwhile)(void *ctx);
	void *ctx;
};

/* Of @size_bytes, growing to @room_bytes at most; all zeros. */
struct scratch *scratch_new(uint64_t size_bytes, uint64_t room_bytes);

/* What is there now is the original from now on. */
void scratch_keep(struct scratch *scratch);

/* The original again, of @size_bytes, without poison. */
void scratch_reset(struct scratch *scratch, uint64_t size_bytes);

/* Below the media, within its room: what goes beyond is cut off. */
void scratch_poke(struct scratch *scratch, uint64_t off, const void *src,
		  uint64_t len);

/* What fuzzing finds out ends the process, with a line that says it. */
void must(bool good, const char *what);

#endif
