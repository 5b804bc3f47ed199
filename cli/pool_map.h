/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_map.h - a pool as a row of pieces: what lies where, in the order of
 * the media.  For drawing it, and for whoever wants to draw it elsewhere.
 */
#ifndef NVM_CLI_POOL_MAP_H
#define NVM_CLI_POOL_MAP_H

#include "pool/pool.h"

#define PIECE_NOBODY UINT32_MAX

/* Adjacent units of the same state and owner. */
struct pool_piece {
	uint64_t start_unit;
	uint64_t unit_count;
	enum pool_unit_state state;
	uint32_t owner;		/* index in .child; PIECE_NOBODY: free, bad,
				   or metadata where the state is UNIT_USED */
	uint32_t extent;	/* of the owner */
};

struct pool_map {
	struct pool_child *child;
	uint32_t child_count;
	struct pool_piece *piece;
	size_t piece_count;
	uint32_t lost_count;	/* children whose extents are damaged in every
				   copy: their units are nobody's here */
	uint32_t lost_first;	/* the first of them, in .child */
};

/* -NVM_ENOMEM, or -NVM_EIO of pool_child_extents(). */
int pool_map_read(struct pool *pool, struct pool_map *ret_map,
		  struct nvm_fault *fault);
void pool_map_free(struct pool_map *map);

#endif
