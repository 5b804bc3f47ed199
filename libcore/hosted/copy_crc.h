/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copy_crc.h - copying and checksumming in one pass over the bytes.
 *
 * ISA-L has the fastest CRC32C of bytes that are in the cache, but a block that
 * is read comes from memory: while a copy waits for it the processor could have
 * folded the checksum.  So this one function is our own: ISA-L's algorithm
 * (folding by carry-less multiplication; Gopal et al., "Fast CRC Computation
 * for Generic Polynomials Using PCLMULQDQ Instruction"), on the registers that
 * the copy has loaded anyway.  Elsewhere it is a copy, then ISA-L.
 */
#ifndef NVM_HOSTED_COPY_CRC_H
#define NVM_HOSTED_COPY_CRC_H

#include <stddef.h>
#include <stdint.h>

#define COPY_CRC_BYTES	4096u

/* Does this CPU have what the fused pass takes (AVX-512, VPCLMULQDQ)? */
int copy_crc_here(void);

/*
 * Copy COPY_CRC_BYTES and return their CRC32C, begun with 0.  Only where
 * copy_crc_here().
 */
uint32_t copy_crc(void *dst, const void *src);

#endif
