/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * machine.h - what the files of this folder share and no program needs.
 */
#ifndef NVM_LIBOS_MACHINE_H
#define NVM_LIBOS_MACHINE_H

#include "guest-agent/libos/libos.h"

#define MAPPED_AT_START	(4ull << 30)	/* by start.S, one to one */
#define LIBOS_EXIT_NO_START	126

/* What is mapped is mapped one to one. */
static inline void *at_physical(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* The firmware's root pointer; 0: there is none. */
uint64_t machine_rsdp(void);

#endif
