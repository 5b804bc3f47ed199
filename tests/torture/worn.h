/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worn.h - a media in memory that counts how often each 64-byte line of it is
 * written: the wear that decides a device's life, metadata included.
 */
#ifndef TORTURE_WORN_H
#define TORTURE_WORN_H

#include "base/media.h"

struct worn {
	struct nvm_media media;		/* first: the core's view */
	uint8_t *bytes;
	uint32_t *writes;		/* by line */
	uint64_t line_count;
	uint64_t total;			/* writes of all lines */
	uint32_t most;			/* of any line */
	uint64_t most_line;
};

struct worn *worn_new(uint64_t size_bytes, enum nvm_durability durability);
void worn_free(struct worn *worn);

#endif
