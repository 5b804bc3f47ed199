/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * figures.h - what was measured, as lines ("name value unit"), as a table
 * (libsmartcols) and as JSON (json-c).
 */
#ifndef NVM_BENCH_FIGURES_H
#define NVM_BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/meter.h"

struct figure {
	const char *operation;		/* "open"; static text */
	uint64_t size_bytes;		/* of the pool */
	uint32_t children;
	/*
	 * What the operation cannot do without: each page of the tables once
	 * (check: every copy), and the AMTs of the children it is about.
	 */
	uint64_t metadata_bytes;
	struct sample sample;
	uint64_t limit_ns;		/* 0: none */
};

struct figures {
	struct figure *figure;
	size_t count, room;
};

/* Add one, and print its lines if @lines. */
void figures_add(struct figures *figures, const struct figure *figure,
		 bool lines);
bool figure_exceeds(const struct figure *figure);
void figures_table(const struct figures *figures);
void figures_json(const struct figures *figures, unsigned repeats);
void figures_free(struct figures *figures);

#endif
