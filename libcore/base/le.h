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

#include <stdint.h>

typedef struct { uint8_t b[2]; } le16_t;
typedef struct { uint8_t b[4]; } le32_t;
typedef struct { uint8_t b[8]; } le64_t;

/* Pin a field of a media struct to the offset and size in its diagram. */
#define FIELD_AT(type, field, off, size)                                    \
	_Static_assert(__builtin_offsetof(struct type, field) == (off) &&  \
		       sizeof(((struct type *)0)->field) == (size),        \
		       #type "." #field)

static inline uint16_t get_le16(le16_t v)
{
	return (uint16_t)(v.b[0] | v.b[1] << 8);
}

static inline uint32_t get_le32(le32_t v)
{
	return (uint32_t)v.b[0] | (uint32_t)v.b[1] << 8 |
	       (uint32_t)v.b[2] << 16 | (uint32_t)v.b[3] << 24;
}

static inline uint64_t get_le64(le64_t v)
{
	uint64_t lo = get_le32((le32_t){ { v.b[0], v.b[1], v.b[2], v.b[3] } });
	uint64_t hi = get_le32((le32_t){ { v.b[4], v.b[5], v.b[6], v.b[7] } });

	return lo | hi << 32;
}

static inline le16_t put_le16(uint16_t v)
{
	return (le16_t){ { (uint8_t)v, (uint8_t)(v >> 8) } };
}

static inline le32_t put_le32(uint32_t v)
{
	return (le32_t){ { (uint8_t)v, (uint8_t)(v >> 8),
			   (uint8_t)(v >> 16), (uint8_t)(v >> 24) } };
}

static inline le64_t put_le64(uint64_t v)
{
	le32_t lo = put_le32((uint32_t)v), hi = put_le32((uint32_t)(v >> 32));

	return (le64_t){ { lo.b[0], lo.b[1], lo.b[2], lo.b[3],
			   hi.b[0], hi.b[1], hi.b[2], hi.b[3] } };
}

#endif
