/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sites.h - call sites in words: a place in the source, of this program.
 */
#ifndef TORTURE_SITES_H
#define TORTURE_SITES_H

#include <stddef.h>

/* "libcore/pool/commit.c:120 commit_slot", or less where less is known. */
void site_text(const void *site, char *ret_text, size_t room);

#endif
