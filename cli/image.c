/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image.c - reading a child's image piece by piece, sparsely (image.h).
 */
#include "cli/image.h"

#include <stdlib.h>
#include <string.h>

#include "hosted/backing.h"

int image_open(struct session *session, const char *name,
	       struct image *ret_image)
{
	struct image image = { .session = session };
	struct nvm_fault fault = { 0 };
	uint64_t head;
	int err, status = session_child(session, name, &image.child);

	if (status)
		return status;
	err = pool_child_extents(session->pool, image.child.slot, image.extent,
				 &image.count, &fault);
	if (err)
		return session_fail(session, err, &fault,
				    "cannot read the extents of '%s'", name);
	head = image.child.mode == POOL_MODE_RAW ? 0 : STAMP_DATA_OFF;
	for (size_t i = 0; i < image.count; i++) {
		struct pool_range part = image.extent[i];
		uint64_t cut = part.size_bytes < head ? part.size_bytes : head;

		part.off_bytes += cut;
		part.size_bytes -= cut;
		image.part[i] = part;
		image.size_bytes += part.size_bytes;
	}
	*ret_image = image;
	return 0;
}

struct pool_range image_range(const struct image *image, uint64_t at)
{
	for (size_t i = 0; i < image->count; i++) {
		const struct pool_range *part = &image->part[i];

		if (at < part->size_bytes)
			return (struct pool_range){ part->off_bytes + at,
						    part->size_bytes - at };
		at -= part->size_bytes;
	}
	return (struct pool_range){ 0, 0 };
}

bool image_data_next(const struct image *image, uint64_t at,
		     uint64_t *ret_at, struct pool_range *ret_media)
{
	while (at < image->size_bytes) {
		struct pool_range range = image_range(image, at);

		if (backing_data_next(image->session->backing, range.off_bytes,
				      range.size_bytes, ret_media)) {
			*ret_at = at + (ret_media->off_bytes -
					range.off_bytes);
			return true;
		}
		at += range.size_bytes;
	}
	return false;
}

bool bytes_are_zero(const uint8_t *bytes, size_t len)
{
	return !len || (!bytes[0] && !memcmp(bytes, bytes + 1, len - 1));
}

bool image_is_blank(const struct image *image, int *ret_err)
{
	struct nvm_media *media = image->session->media;
	uint8_t *piece = out_must(malloc(IMAGE_PIECE_BYTES));
	struct pool_range data;
	bool blank = true;
	uint64_t at = 0;

	*ret_err = 0;
	while (blank && image_data_next(image, at, &at, &data)) {
		size_t len = data.size_bytes < IMAGE_PIECE_BYTES ?
			     (size_t)data.size_bytes : IMAGE_PIECE_BYTES;

		*ret_err = media->ops->load(media, data.off_bytes, piece, len);
		blank = !*ret_err && bytes_are_zero(piece, len);
		at += len;
	}
	free(piece);
	return blank;
}

int image_crc32c(const struct image *image, const struct pool_progress *step,
		 uint32_t *ret_crc)
{
	struct nvm_media *media = image->session->media;
	uint8_t *piece = out_must(malloc(IMAGE_PIECE_BYTES));
	uint64_t at = 0, data_at;
	struct pool_range data;
	uint32_t crc = 0;
	int err = 0;

	while (!err && image_data_next(image, at, &data_at, &data)) {
		size_t len = data.size_bytes < IMAGE_PIECE_BYTES ?
			     (size_t)data.size_bytes : IMAGE_PIECE_BYTES;

		crc = crc32c_zeros(crc, data_at - at);
		err = media->ops->load(media, data.off_bytes, piece, len);
		if (err)
			break;
		crc = media->ops->crc32c(crc, piece, len);
		at = data_at + len;
		if (!step->step(step->ctx, at, image->size_bytes))
			err = -NVM_EINTR;
	}
	free(piece);
	*ret_crc = crc32c_zeros(crc, image->size_bytes - at);
	return err;
}

/* ---- CRC32C over many zeros --------------------------------------------------- */

/*
 * A CRC is linear: running it over zeros multiplies its register, a vector of
 * 32 bits, by a matrix.  Squaring the matrix of n zero bytes gives that of
 * 2n, so any length takes at most 64 squarings.  (Adler, crc32_combine in
 * zlib, works the same way.)
 */
static uint32_t matrix_times(const uint32_t matrix[32], uint32_t vector)
{
	uint32_t sum = 0;

	for (int i = 0; vector; i++, vector >>= 1)
		if (vector & 1)
			sum ^= matrix[i];
	return sum;
}

static void matrix_square(uint32_t square[32], const uint32_t matrix[32])
{
	for (int i = 0; i < 32; i++)
		square[i] = matrix_times(matrix, matrix[i]);
}

uint32_t crc32c_zeros(uint32_t crc, uint64_t len)
{
	uint32_t now[32], next[32];

	/* The matrix of one zero bit, then of 2, 4 and 8. */
	now[0] = 0x82f63b78u;
	for (int i = 1; i < 32; i++)
		now[i] = 1u << (i - 1);
	for (int i = 0; i < 3; i++) {
		matrix_square(next, now);
		memcpy(now, next, sizeof(now));
	}
	crc = ~crc;
	for (; len; len >>= 1) {
		if (len & 1)
			crc = matrix_times(now, crc);
		matrix_square(next, now);
		memcpy(now, next, sizeof(now));
	}
	return ~crc;
}
