/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * le.h - little-endian integers as they lie on the media.
 *
 * Each width is a struct of its own, so arithmetic on media bytes does not
 * compile: a value must pass through get_leNN() on the way in and be checked
 * like any other untrusted number.
 */
#ifndef NVM_BASE_LE_H
#define NVM_BASE_LE_H

#include "base/env.h"

typedef struct { uint8_t b[2]; } le16_t;
typedef struct { uint8_t b[4]; } le32_t;
typedef struct { uint8_t b[8]; } le64_t;

/* Pin a field of a media struct to the offset and size in its diagram. */
#define FIELD_AT(type, field, off, size)                                    \
	_Static_assert(__builtin_offsetof(struct type, field) == (off) &&  \
		       sizeof(((struct type *)0)->field) == (size),        \
		       #type "." #field)

/*
 * By memcpy(), which is one load or store on a little-endian machine: a value
 * put together from bytes is stored in bytes, and reading it back as a word
 * then waits for all stores before it, non-temporal ones included.
 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LE_SWAP(bits, v)	(v)
#else
#define LE_SWAP(bits, v)	__builtin_bswap##bits(v)
#endif

#define LE_TYPE(bits)							\
static inline uint##bits##_t get_le##bits(le##bits##_t le)		\
{									\
	uint##bits##_t v;						\
									\
	__builtin_memcpy(&v, &le, sizeof(v));				\
	return LE_SWAP(bits, v);					\
}									\
static inline le##bits##_t put_le##bits(uint##bits##_t v)		\
{									\
	le##bits##_t le;						\
									\
	v = LE_SWAP(bits, v);						\
	__builtin_memcpy(&le, &v, sizeof(le));				\
	return le;							\
}
LE_TYPE(16)
LE_TYPE(32)
LE_TYPE(64)

#endif
