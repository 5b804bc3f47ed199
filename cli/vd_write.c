/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_write.c - `nvmvd write`: bytes from standard input onto a disk.
 *
 * Crash story: each block of 4 KiB is written as a whole or not at all, one
 * after the other; with --atomic all of them are.  At the end all is durable.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cli/disk.h"
#include "cli/image.h"
#include "cli/source.h"
#include "cli/vd_commands.h"

#define ATOMIC_MAX	((size_t)VD_GROUP_MAX * VD_BLOCK)

struct write_opts {
	bool atomic;
	int guard;
};

static const struct opt opts[] = {
	OPT_FLAG(0, "atomic", struct write_opts, atomic,
		 "all or nothing, whatever happens: at most 256K, in whole "
		 "blocks of 4K"),
	DISK_OPT_GUARD(struct write_opts, guard),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = "OFFSET", .complete = COMPLETE_SIZE },
	{ .name = NULL }
};

struct writing {
	struct disk *disk;
	struct source source;
	uint64_t begin, at;
};

static int too_long(const struct writing *w)
{
	char room[SIZE_TEXT_BYTES];

	return cli_fail(w->disk->cli, EXIT_NO_SPACE, "standard input is longer "
			"than what is left of disk '%s' from there on (%s)%s",
			w->disk->name, size_text(cli_disk_bytes(w->disk) -
						 w->begin, room),
			w->at > w->begin ? ", which was written" : "");
}

static int odd_length(const struct writing *w, uint64_t len)
{
	return cli_fail(w->disk->cli, EXIT_USAGE, "standard input has %" PRIu64
			" bytes, not a multiple of 512%s", len,
			w->at > w->begin ? ": what is above that was not "
			"written" : "");
}

static int store_fail(const struct writing *w, int err)
{
	return cli_disk_fail(w->disk, err, NULL, "cannot write at byte 0x%"
			     PRIx64 " of disk '%s'", w->at, w->disk->name);
}

static int read_fail(const struct writing *w, int err)
{
	if (err == -EINTR && signals_caught())
		return cli_fail(w->disk->cli, EXIT_SIGNAL + signals_caught(),
				"interrupted by signal %d: %" PRIu64 " bytes "
				"were written", signals_caught(),
				w->at - w->begin);
	return source_fail(w->disk->cli, &w->source, err);
}

static int write_atomic(struct writing *w)
{
	uint8_t *all = out_must(malloc(ATOMIC_MAX + 1));
	ssize_t got = source_read(&w->source, all, ATOMIC_MAX + 1);
	size_t len = got > 0 ? (size_t)got : 0;
	int err, status = 0;

	if (got < 0)
		status = read_fail(w, (int)got);
	else if (len > ATOMIC_MAX)
		status = cli_fail(w->disk->cli, EXIT_USAGE, "standard input is "
				  "longer than 256K, too much for --atomic");
	else if (len % VD_SECTOR)
		status = odd_length(w, len);
	else if (len > cli_disk_bytes(w->disk) - w->begin)
		status = too_long(w);
	else if (w->begin / VD_BLOCK != (w->begin + len - !!len) / VD_BLOCK &&
		 (w->begin | len) % VD_BLOCK)
		status = cli_fail(w->disk->cli, EXIT_USAGE, "cannot write %zu "
				  "bytes from %" PRIu64 " on with --atomic: "
				  "must be whole blocks of 4K, or lie in one",
				  len, w->begin);
	if (!status) {
		err = vd_pwrite(w->disk->vd, 0, w->begin, len, all,
				VD_WRITE_ATOMIC);
		if (err)
			status = store_fail(w, err);
		else
			w->at += len;
	}
	free(all);
	return status;
}

static int write_pieces(struct writing *w, uint8_t *piece)
{
	const struct pool_progress *step = cli_disk_progress(w->disk,
							     "writing");
	uint64_t size = cli_disk_bytes(w->disk);
	ssize_t got;
	int err;

	do {
		/* the first one up to a whole block, so that all others are */
		size_t len = IMAGE_PIECE_BYTES - (size_t)(w->at % VD_BLOCK);
		size_t whole;

		got = source_read(&w->source, piece, len);
		if (got < 0)
			return read_fail(w, (int)got);
		whole = (size_t)got - (size_t)got % VD_SECTOR;
		if (whole > size - w->at)
			whole = (size_t)(size - w->at);
		err = vd_pwrite(w->disk->vd, 0, w->at, whole, piece, 0);
		if (err)
			return store_fail(w, err);
		w->at += whole;
		if ((size_t)got > whole && w->at == size)
			return too_long(w);
		if ((size_t)got > whole)
			return odd_length(w, w->at - w->begin +
					  (size_t)got - whole);
		if (!step->step(step->ctx, w->at - w->begin, w->source.sized ?
				w->source.size_bytes : size - w->begin))
			return read_fail(w, -EINTR);
	} while (got);
	return 0;
}

/* What is known of standard input before anything is written. */
static int source_check(struct writing *w)
{
	if (!w->source.sized)
		return 0;
	if (w->source.size_bytes > cli_disk_bytes(w->disk) - w->begin)
		return too_long(w);
	if (w->source.size_bytes % VD_SECTOR)
		return odd_length(w, w->source.size_bytes);
	return 0;
}

static void write_tell(const struct writing *w)
{
	struct cli *cli = w->disk->cli;
	char size[SIZE_TEXT_BYTES], at[SIZE_TEXT_BYTES];

	out_text(cli, "target", NULL, w->disk->name);
	out_size(cli, "offset_bytes", NULL, w->begin);
	out_size(cli, "written_bytes", NULL, w->at - w->begin);
	if (!cli->dry_run)
		cli_note(cli, "wrote %s to '%s' at %s", size_text(w->at -
			 w->begin, size), w->disk->name,
			 size_exact(w->begin, at));
}

static int write_disk(struct disk *disk, bool atomic)
{
	struct writing w = { .disk = disk, .source = { .fd = -1 } };
	uint8_t *piece;
	int flushed, status = cli_disk_number(disk, "offset", disk->cli->arg[1],
					      VD_SECTOR, cli_disk_bytes(disk),
					      &w.begin);

	w.at = w.begin;
	if (!status)
		status = source_open(disk->cli, NULL, &w.source);
	if (!status)
		status = cli_disk_not_itself(disk, "standard input",
					     w.source.fd);
	if (!status)
		status = source_check(&w);
	if (!status)
		status = cli_disk_start(disk);
	if (status)
		return status;
	piece = out_must(malloc(IMAGE_PIECE_BYTES));
	status = atomic ? write_atomic(&w) : write_pieces(&w, piece);
	free(piece);
	progress_end(&disk->progress);
	/* a pipe whose writer has failed */
	if (!status && w.at == w.begin)
		status = cli_fail(disk->cli, EXIT_FAILED, "standard input is "
				  "empty, and '%s' is as it was", disk->name);
	flushed = cli_disk_flush(disk);
	status = status ? status : flushed;
	if (!status)
		write_tell(&w);
	return status;
}

static int write_run(struct cli *cli)
{
	const struct write_opts *o = cli->opts;
	struct disk disk;
	int status = cli_disk_open(cli, DISK_WRITE, o->guard, &disk);

	if (!status)
		status = write_disk(&disk, o->atomic);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "head -c 4K sector.bin | nvmvd write disk.img 1M", "one block" },
	{ "nvmvd write disk.img 0 --atomic < header.bin",
	  "all of it or nothing, also when the power fails" },
	{ NULL, NULL }
};

const struct command vd_cmd_write = {
	.name = "write",
	.summary = "write bytes from standard input onto a disk",
	.description = "OFFSET is in bytes of the disk, a multiple of 512, and "
		"so is the length of standard input. Each block of 4 KiB is "
		"written as a whole or, if the power fails, not at all. At the "
		"end all is durable.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct write_opts),
	.examples = examples,
	.flags = COMMAND_DISK | COMMAND_CHANGES,
	.run = write_run,
};
