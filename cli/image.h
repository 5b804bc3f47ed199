/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image.h - a child's image: the bytes that its guest sees, one extent's
 * after the other.  Where an extent begins with a stamp, the 2 MiB that the
 * guest's kernel keeps for itself there are not part of it, so an image with
 * a file system can be mounted, and be put into a child of other extents.
 */
#ifndef NVM_CLI_IMAGE_H
#define NVM_CLI_IMAGE_H

#include "cli/session.h"

struct backing;

struct image {
	struct session *session;
	struct pool_child child;
	struct pool_range extent[POOL_EXTENTS_MAX];	/* whole; for leases */
	struct pool_range part[POOL_EXTENTS_MAX];	/* what the guest sees */
	size_t count;
	uint64_t size_bytes;		/* of the image: the sum of the parts */
};

/* Pieces that are read, checked for zeros and written as one. */
#define IMAGE_PIECE_BYTES	(1u << 20)
/* A run of zeros shorter than this is written, not made a hole. */
#define IMAGE_ZEROS_MIN		4096u

/* Find the child and its parts.  An exit status; what is wrong was told. */
int image_open(struct session *session, const char *name,
	       struct image *ret_image);

/*
 * The next stretch of the image from @at on that may hold anything but zeros,
 * within one part: where it is in the image, how long, where on the media.
 * False: zeros up to the end.
 */
bool image_data_next(const struct image *image, uint64_t at,
		     uint64_t *ret_at, struct pool_range *ret_media);

/* The media range of the image's bytes [at, ...): as long as its part goes. */
struct pool_range image_range(const struct image *image, uint64_t at);

/* The CRC32C, continued from @crc, of the image's bytes as they are now. */
int image_crc32c(const struct image *image, const struct pool_progress *step,
		 uint32_t *ret_crc);

/* True if all of it reads as zeros; -errno otherwise through @ret_err. */
bool image_is_blank(const struct image *image, int *ret_err);

bool bytes_are_zero(const uint8_t *bytes, size_t len);

/* CRC32C continued over @len zeros, in the time of its logarithm. */
uint32_t crc32c_zeros(uint32_t crc, uint64_t len);

#endif
