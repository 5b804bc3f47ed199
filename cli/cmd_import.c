/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_import.c - `nvmpool import`: an image becomes the contents of a child.
 *
 * Under the exclusive pool lock nobody may map the child; then a write lease
 * is taken on its extents and the lock is given back, so that other commands
 * work on while the bytes are stored.  Stamps are not touched: the guest finds
 * the same child with other contents.
 *
 * Crash story: none of its own.  A child into which an import was cut off
 * holds a part of the image and zeros or its former bytes behind that; the
 * pool's metadata are not changed at all.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/image.h"
#include "cli/source.h"
#include "hosted/backing.h"
#include "hosted/lock.h"

static const struct arg args[] = {
	{ .name = "CHILD", .complete = COMPLETE_CHILD },
	{ .name = "FILE", .complete = COMPLETE_FILE, .optional = true },
	{ .name = NULL }
};

/* ---- storing -------------------------------------------------------------------- */

static int store_fail(const struct image *image, int err, uint64_t at)
{
	return session_fail(image->session, err, NULL, "cannot store byte 0x%"
			    PRIx64 " of '%s', which holds a part of the image",
			    at, image->child.name);
}

/* The image's bytes [at, at + len) read as zeros from now on. */
static int put_zeros(const struct image *image, uint64_t at, uint64_t len)
{
	struct nvm_media *media = image->session->media;
	int err = 0;

	while (len && !err) {
		struct pool_range range = image_range(image, at);

		if (range.size_bytes > len)
			range.size_bytes = len;
		err = media->ops->discard(media, range.off_bytes,
					  range.size_bytes);
		at += range.size_bytes;
		len -= range.size_bytes;
	}
	return err;
}

static int put_data(const struct image *image, uint64_t at,
		    const uint8_t *bytes, uint64_t len)
{
	struct nvm_media *media = image->session->media;
	int err = 0;

	while (len && !err) {
		struct pool_range range = image_range(image, at);

		if (range.size_bytes > len)
			range.size_bytes = len;
		err = media->ops->store(media, range.off_bytes, bytes,
					(size_t)range.size_bytes);
		at += range.size_bytes;
		bytes += range.size_bytes;
		len -= range.size_bytes;
	}
	return err;
}

/* A piece: runs of zeros are discarded, in whole blocks, the rest stored. */
static int put_piece(const struct image *image, uint64_t at,
		     const uint8_t *bytes, size_t len, uint64_t *data_bytes)
{
	int err = 0;

	while (len && !err) {
		size_t part = len < IMAGE_ZEROS_MIN ? len : IMAGE_ZEROS_MIN;
		bool zero = bytes_are_zero(bytes, part);

		while (part < len) {
			size_t more = len - part < IMAGE_ZEROS_MIN ?
				      len - part : IMAGE_ZEROS_MIN;

			if (zero != bytes_are_zero(bytes + part, more))
				break;
			part += more;
		}
		err = zero ? put_zeros(image, at, part) :
			     put_data(image, at, bytes, part);
		if (!zero)
			*data_bytes += part;
		at += part;
		bytes += part;
		len -= part;
	}
	return err;
}

struct import_sum {
	uint64_t read_bytes;	/* of the source */
	uint64_t data_bytes;	/* of it, stored */
	uint32_t crc;		/* of the child's image as it should be now */
};

static int import_pieces(const struct image *image,
			 const struct source *source, uint8_t *piece,
			 struct import_sum *sum)
{
	struct session *s = image->session;
	const struct pool_progress *step = session_progress(s, "importing");
	uint64_t at = 0, hole;
	ssize_t got;
	int err;

	for (;;) {
		err = source_skip_hole(source, at, &hole);
		if (err)
			return source_fail(s->cli, source, err);
		err = put_zeros(image, at, hole);
		if (err)
			return store_fail(image, err, at);
		sum->crc = crc32c_zeros(sum->crc, hole);
		at += hole;
		got = source_read(source, piece, IMAGE_PIECE_BYTES);
		if (got < 0)
			return source_fail(s->cli, source, (int)got);
		if ((uint64_t)got > image->size_bytes - at)
			return cli_fail(s->cli, EXIT_NO_SPACE, "%s is longer "
					"than '%s': resize the child, which "
					"holds a part of the image",
					source->name, image->child.name);
		/* a pipe whose writer has failed is no image */
		if (!got && !at && source->fd == STDIN_FILENO)
			return cli_fail(s->cli, EXIT_FAILED, "%s is empty: no "
					"image, and '%s' is as it was",
					source->name, image->child.name);
		if (!got)
			break;
		err = put_piece(image, at, piece, (size_t)got,
				&sum->data_bytes);
		if (err)
			return store_fail(image, err, at);
		sum->crc = s->media->ops->crc32c(sum->crc, piece, (size_t)got);
		at += (uint64_t)got;
		if (!step->step(step->ctx, at, source->sized ?
				source->size_bytes : image->size_bytes))
			return source_fail(s->cli, source, -EINTR);
	}
	sum->read_bytes = at;
	err = put_zeros(image, at, image->size_bytes - at);
	sum->crc = crc32c_zeros(sum->crc, image->size_bytes - at);
	if (!err)
		err = media_barrier(s->media);
	return err ? store_fail(image, err, at) : 0;
}

static int import_verify(const struct image *image, uint32_t expected)
{
	struct session *s = image->session;
	uint32_t crc;
	int err = image_crc32c(image, session_progress(s, "verifying"), &crc);

	progress_end(&s->progress);
	if (err)
		return session_fail(s, err, NULL, "cannot read '%s' again",
				    image->child.name);
	if (crc != expected)
		return cli_fail(s->cli, EXIT_FAILED, "'%s' does not read as it "
				"was stored: its checksum differs",
				image->child.name);
	return 0;
}

/* ---- the command ----------------------------------------------------------------- */

/* Nobody may map the child, before the question and behind it. */
static int import_allowed(const struct image *image)
{
	struct session *s = image->session;
	char size[SIZE_TEXT_BYTES];
	int err, status = session_not_in_use(s, &image->child, "import into");

	if (status || s->cli->yes)
		return status;
	if (image_is_blank(image, &err))
		return 0;
	if (err)
		return session_fail(s, err, NULL, "cannot read '%s'",
				    image->child.name);
	status = cli_ask(s->cli, "overwrite the contents of '%s' (%s)?",
			 image->child.name,
			 size_text(image->child.size_bytes, size));
	return status ? status :
	       session_not_in_use(s, &image->child, "import into");
}

static int import_fits(const struct image *image, const struct source *source)
{
	char have[SIZE_TEXT_BYTES], want[SIZE_TEXT_BYTES];

	if (!source->sized || source->size_bytes <= image->size_bytes)
		return 0;
	return cli_fail(image->session->cli, EXIT_NO_SPACE, "%s has %s, and "
			"'%s' has room for %s: make it longer with 'nvmpool "
			"resize'", source->name,
			size_text(source->size_bytes, want), image->child.name,
			size_text(image->size_bytes, have));
}

static void import_tell(const struct image *image, const struct source *source,
			const struct import_sum *sum)
{
	struct cli *cli = image->session->cli;
	char size[SIZE_TEXT_BYTES], data[SIZE_TEXT_BYTES], text[16];

	snprintf(text, sizeof(text), "%08" PRIx32, sum->crc);
	out_text(cli, "child", NULL, image->child.name);
	out_text(cli, "file", NULL, source->name);
	out_size(cli, "read_bytes", NULL, sum->read_bytes);
	out_size(cli, "data_bytes", NULL, sum->data_bytes);
	out_size(cli, "size_bytes", NULL, image->size_bytes);
	out_text(cli, "crc32c", NULL, text);
	out_bool(cli, "verified", NULL, true);
	cli_note(cli, "imported %s into '%s': %s, %s of it data%s, crc32c %s, "
		 "verified", source->name, image->child.name,
		 size_text(sum->read_bytes, size),
		 size_text(sum->data_bytes, data),
		 sum->read_bytes < image->size_bytes ? ", zeros behind it" : "",
		 text);
}

static int import_image(const struct image *image, const struct source *source)
{
	uint8_t *piece = out_must(malloc(IMAGE_PIECE_BYTES));
	struct import_sum sum = { 0 };
	int status = import_pieces(image, source, piece, &sum);

	free(piece);
	if (!status)
		status = import_verify(image, sum.crc);
	if (!status)
		import_tell(image, source, &sum);
	return status;
}

static int import_child(struct session *s, const char *file)
{
	struct source source = { .fd = -1 };
	struct failure failure;
	struct image image;
	int err, status = image_open(s, s->cli->arg[0], &image);

	if (!status)
		status = source_open(s->cli, file, &source);
	if (!status)
		status = session_not_itself(s, source.name, source.fd);
	if (!status)
		status = import_fits(&image, &source);
	if (!status)
		status = import_allowed(&image);
	if (!status && !s->cli->dry_run) {
		err = lease_take(s->backing, LEASE_WRITE, image.extent,
				 image.count, &failure);
		if (err)
			status = fail_hosted(s->cli, err, &failure);
		unlock_pool(s->backing);
		if (!status)
			status = import_image(&image, &source);
	}
	source_close(&source);
	return status;
}

static int import_run(struct cli *cli)
{
	struct session s;
	int status = session_open(cli, SESSION_WRITE, &s);

	if (status)
		return status;
	status = import_child(&s, cli->arg[1]);
	session_close(&s);
	return status;
}

static const struct example examples[] = {
	{ "nvmpool import vm1 debian.img --yes", "from a file" },
	{ "zstdcat vm1.img.zst | nvmpool import vm1 --yes",
	  "from standard input" },
	{ NULL, NULL }
};

const struct command cmd_import = {
	.name = "import",
	.summary = "fill a child from an image",
	.description = "The image becomes what the guest sees: in the modes "
		"devdax and fsdax it begins behind the first 2 MiB of each "
		"extent, which the guest's kernel keeps for itself. Without "
		"FILE, or with '-', it is read from standard input. It may be "
		"shorter than the child, which then has zeros behind it, but "
		"not longer. Zeros take no space in a sparse pool. "
		"Afterwards the child is read again and compared by its "
		"CRC32C.\n\n"
		"It asks before it overwrites a child that is not empty, and "
		"is refused while a process maps it. Cut off, it leaves a part "
		"of the image in the child.",
	.args = args,
	.examples = examples,
	.flags = COMMAND_POOL | COMMAND_CHANGES | COMMAND_ASKS,
	.run = import_run,
};
