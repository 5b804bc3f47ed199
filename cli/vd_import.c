/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_import.c - `nvmvd import`: a raw image becomes the contents of a disk.
 *
 * Crash story: none of its own.  A disk into which an import was cut off is
 * sound, and holds a part of the image and its former contents behind that.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/disk.h"
#include "cli/disk_io.h"
#include "cli/image.h"
#include "cli/source.h"
#include "cli/vd_commands.h"

struct import_opts {
	int guard;
};

static const struct opt opts[] = {
	DISK_OPT_GUARD(struct import_opts, guard),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = "FILE", .complete = COMPLETE_FILE, .optional = true },
	{ .name = NULL }
};

struct importing {
	struct disk *disk;
	struct source source;
	uint64_t read_bytes;	/* of the source */
	uint64_t data_bytes;	/* of it, written */
	uint32_t crc;		/* of the disk as it should be now */
};

/* ---- writing ------------------------------------------------------------------ */

static int store_fail(const struct importing *i, int err, uint64_t at)
{
	if (err == -NVM_EINTR)
		return source_fail(i->disk->cli, &i->source, -EINTR);
	return cli_disk_fail(i->disk, err, NULL, "cannot write byte 0x%" PRIx64
			     " of disk '%s', which holds a part of the image",
			     at, i->disk->name);
}

/* A piece, of whole blocks: blocks of zeros are trimmed, the rest written. */
static int put_piece(struct importing *i, uint64_t at, const uint8_t *bytes,
		     size_t len)
{
	int err = 0;

	while (len && !err) {
		bool zero = bytes_are_zero(bytes, VD_BLOCK);
		size_t part = VD_BLOCK;

		while (part < len &&
		       zero == bytes_are_zero(bytes + part, VD_BLOCK))
			part += VD_BLOCK;
		err = zero ? cli_disk_zero(i->disk, at, part) :
			     vd_pwrite(i->disk->vd, 0, at, part, bytes, 0);
		if (!zero)
			i->data_bytes += part;
		at += part;
		bytes += part;
		len -= part;
	}
	return err;
}

static int source_too_long(const struct importing *i)
{
	return cli_fail(i->disk->cli, EXIT_NO_SPACE, "%s is longer than disk "
			"'%s', which holds a part of the image: make it longer "
			"with 'nvmvd resize'", i->source.name, i->disk->name);
}

static int import_pieces(struct importing *i, uint8_t *piece)
{
	const struct pool_progress *step = cli_disk_progress(i->disk,
							     "importing");
	uint64_t size = cli_disk_bytes(i->disk), at = 0, hole;
	struct cli *cli = i->disk->cli;
	ssize_t got;
	int err;

	do {
		size_t whole;

		err = source_skip_hole(&i->source, at, &hole);
		if (err)
			return source_fail(cli, &i->source, err);
		if (hole > size - at)
			return source_too_long(i);
		err = cli_disk_zero(i->disk, at, hole);
		if (err)
			return store_fail(i, err, at);
		i->crc = crc32c_zeros(i->crc, hole);
		at += hole;
		got = source_read(&i->source, piece, IMAGE_PIECE_BYTES);
		if (got < 0)
			return source_fail(cli, &i->source, (int)got);
		if ((uint64_t)got > size - at)
			return source_too_long(i);
		/* a pipe whose writer has failed is no image */
		if (!got && !at && i->source.fd == STDIN_FILENO)
			return cli_fail(cli, EXIT_FAILED, "%s is empty: no "
					"image, and '%s' is as it was",
					i->source.name, i->disk->name);
		/* only the last one; behind the image there are zeros */
		whole = ((size_t)got + VD_BLOCK - 1) / VD_BLOCK * VD_BLOCK;
		memset(piece + got, 0, whole - (size_t)got);
		err = put_piece(i, at, piece, whole);
		if (err)
			return store_fail(i, err, at);
		i->crc = cli_disk_crc32c(i->disk, i->crc, piece, (size_t)got);
		at += (uint64_t)got;
		if (!step->step(step->ctx, at, i->source.sized ?
				i->source.size_bytes : size))
			return source_fail(cli, &i->source, -EINTR);
	} while (got);
	i->read_bytes = at;
	i->crc = crc32c_zeros(i->crc, size - at);
	hole = at + (VD_BLOCK - at % VD_BLOCK) % VD_BLOCK;
	err = cli_disk_zero(i->disk, hole, size - hole);
	return err ? store_fail(i, err, hole) : cli_disk_flush(i->disk);
}

/* The disk reads as what was written. */
static int import_verify(struct importing *i, uint8_t *piece)
{
	const struct pool_progress *step = cli_disk_progress(i->disk,
							     "verifying");
	uint64_t size = cli_disk_bytes(i->disk), at = 0, first, count;
	uint32_t crc = 0;
	size_t good;

	while (cli_disk_data_next(i->disk, at, size, IMAGE_PIECE_BYTES, &first,
				  &count)) {
		if (cli_disk_read(i->disk, first, piece, (size_t)count, &good))
			return cli_disk_damaged(i->disk, first + good,
						"the media loses what was "
						"written to it");
		crc = crc32c_zeros(crc, first - at);
		crc = cli_disk_crc32c(i->disk, crc, piece, (size_t)count);
		at = first + count;
		if (!step->step(step->ctx, at, size))
			return source_fail(i->disk->cli, &i->source, -EINTR);
	}
	if (crc32c_zeros(crc, size - at) == i->crc)
		return 0;
	return cli_fail(i->disk->cli, EXIT_FAILED, "disk '%s' does not read as "
			"it was written: its checksum differs", i->disk->name);
}

/* ---- the command ----------------------------------------------------------------- */

static int import_fits(const struct importing *i)
{
	uint64_t size = cli_disk_bytes(i->disk);
	char have[SIZE_TEXT_BYTES], want[SIZE_TEXT_BYTES];

	if (!i->source.sized || i->source.size_bytes <= size)
		return 0;
	return cli_fail(i->disk->cli, EXIT_NO_SPACE, "%s has %s, and disk '%s' "
			"has room for %s: make it longer with 'nvmvd resize'",
			i->source.name, size_text(i->source.size_bytes, want),
			i->disk->name, size_text(size, have));
}

static int import_allowed(const struct importing *i)
{
	char have[SIZE_TEXT_BYTES];
	struct vd_info info;

	vd_info(i->disk->vd, &info);
	if (!info.mapped_count)
		return 0;
	return cli_ask(i->disk->cli, "overwrite the contents of disk '%s' "
		       "(%s)?", i->disk->name,
		       size_text(info.mapped_count * VD_BLOCK, have));
}

static void import_tell(const struct importing *i)
{
	struct cli *cli = i->disk->cli;
	char size[SIZE_TEXT_BYTES], data[SIZE_TEXT_BYTES], text[16];

	snprintf(text, sizeof(text), "%08" PRIx32, i->crc);
	out_text(cli, "target", NULL, i->disk->name);
	out_text(cli, "file", NULL, i->source.name);
	out_size(cli, "read_bytes", NULL, i->read_bytes);
	out_size(cli, "data_bytes", NULL, i->data_bytes);
	out_size(cli, "size_bytes", NULL, cli_disk_bytes(i->disk));
	out_text(cli, "crc32c", NULL, text);
	out_bool(cli, "verified", NULL, true);
	cli_note(cli, "imported %s into '%s': %s, %s of it data%s, crc32c %s, "
		 "verified", i->source.name, i->disk->name,
		 size_text(i->read_bytes, size), size_text(i->data_bytes, data),
		 i->read_bytes < cli_disk_bytes(i->disk) ?
		 ", zeros behind it" : "", text);
}

static int import_image(struct importing *i)
{
	uint8_t *piece = out_must(malloc(IMAGE_PIECE_BYTES));
	int status = import_pieces(i, piece);

	if (!status)
		status = import_verify(i, piece);
	free(piece);
	progress_end(&i->disk->progress);
	if (!status)
		import_tell(i);
	return status;
}

static int import_run(struct cli *cli)
{
	const struct import_opts *o = cli->opts;
	struct importing i = { .source = { .fd = -1 } };
	struct disk disk;
	int status = cli_disk_open(cli, DISK_WRITE, o->guard, &disk);

	i.disk = &disk;
	if (!status)
		status = source_open(cli, cli->arg[1], &i.source);
	if (!status)
		status = cli_disk_not_itself(&disk, i.source.name, i.source.fd);
	if (!status)
		status = import_fits(&i);
	if (!status)
		status = cli_disk_start(&disk);
	if (!status)
		status = import_allowed(&i);
	if (!status && !cli->dry_run)
		status = import_image(&i);
	source_close(&i.source);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmvd import disk.img debian.raw --yes", "from a file" },
	{ "zstdcat vm1.img.zst | nvmvd import vm1 --yes",
	  "from standard input" },
	{ NULL, NULL }
};

const struct command vd_cmd_import = {
	.name = "import",
	.summary = "fill a disk from an image",
	.description = "The image is raw: what a reader of the disk will see. "
		"Without FILE, or with '-', it is read from standard input. It "
		"may be shorter than the disk, which then has zeros behind it, "
		"but not longer. Blocks of zeros take no space. Afterwards "
		"the disk is read again and compared by its CRC32C.\n\n"
		"It asks before it overwrites a disk that holds something. "
		"Interrupted, it leaves a sound disk with a part of the image.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct import_opts),
	.examples = examples,
	.flags = COMMAND_DISK | COMMAND_CHANGES | COMMAND_ASKS,
	.run = import_run,
};
