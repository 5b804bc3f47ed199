/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fill.h - a pool with very many children in no time: its tables are written
 * as pool/format.h says, page by page, instead of carve by carve.
 */
#ifndef NVM_BENCH_FILL_H
#define NVM_BENCH_FILL_H

#include "pool/pool.h"

/*
 * Format the media, which must read as zeros, and put @children children of
 * @child_units units into it, one extent each, named "vm-000000" and so on
 * and given to the VM of that name.  -NVM_ENOSPC: they do not fit.
 */
int fill_pool(struct nvm_media *media, uint32_t children, uint64_t child_units,
	      struct pool_geometry *ret_geometry);

#endif
