// SPDX-License-Identifier: BSD-3-Clause
/*
 * pages.c - page tables for what lies above the first 4 GiB, where QEMU puts
 * NVDIMMs.  Nothing is ever unmapped, and only absent entries are filled in, so
 * no TLB has to be flushed.
 */
#include "guest-agent/libos/machine.h"

#define PAGE_BYTES	(2ull << 20)
#define ENTRIES		512u
#define PRESENT		0x1ull
#define WRITABLE	0x2ull
#define LARGE		0x80ull
#define ADDRESS		0x000ffffffffff000ull
#define REACH		(1ull << 47)	/* of the lower half */

extern uint64_t libos_pml4[ENTRIES];

/* The table below an entry; made if it is not there. */
static uint64_t *table_below(uint64_t *entry)
{
	uint64_t *table;

	if (*entry & PRESENT)
		return at_physical(*entry & ADDRESS);
	table = memory_take(NVM_PAGE, NVM_PAGE);
	if (table)
		*entry = (uint64_t)(uintptr_t)table | PRESENT | WRITABLE;
	return table;
}

int pages_map(uint64_t base, uint64_t size_bytes)
{
	uint64_t at = base / PAGE_BYTES * PAGE_BYTES;

	if (base > REACH || size_bytes > REACH - base)
		return -NVM_ERANGE;
	if (at < MAPPED_AT_START)
		at = MAPPED_AT_START;
	for (; at < base + size_bytes; at += PAGE_BYTES) {
		uint64_t *pdpt = table_below(&libos_pml4[at >> 39 & 511]);
		uint64_t *pd = pdpt ? table_below(&pdpt[at >> 30 & 511]) : NULL;

		if (!pd)
			return -NVM_ENOMEM;
		pd[at >> 21 & 511] = at | PRESENT | WRITABLE | LARGE;
	}
	return 0;
}
