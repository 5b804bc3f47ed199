/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_read.c - `nvmvd read`: bytes of a disk to standard output, for scripts
 * and for looking.
 */
#include <errno.h>
#include <stdlib.h>

#include "cli/disk.h"
#include "cli/disk_io.h"
#include "cli/image.h"
#include "cli/sink.h"
#include "cli/vd_commands.h"

struct read_opts {
	bool no_verify;
};

static const struct opt opts[] = {
	OPT_FLAG(0, "no-verify", struct read_opts, no_verify,
		 "do not compare the data with their checksums: damaged blocks "
		 "are read as they are"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = "OFFSET", .complete = COMPLETE_SIZE },
	{ .name = "LENGTH", .complete = COMPLETE_SIZE, .optional = true },
	{ .name = NULL }
};

static int read_range(struct disk *disk, uint64_t at, uint64_t end,
		      struct sink *sink)
{
	uint8_t *piece = out_must(malloc(IMAGE_PIECE_BYTES));
	uint64_t first, count, begin = at;
	int err = 0, status = 0;
	size_t good;

	while (!err && !status && cli_disk_data_next(disk, at, end,
	       IMAGE_PIECE_BYTES, &first, &count)) {
		err = sink_zeros(sink, first - at);
		if (err)
			break;
		if (cli_disk_read(disk, first, piece, (size_t)count, &good))
			status = cli_disk_damaged(disk, first + good,
				"--no-verify reads what is there");
		err = sink_put(sink, piece, good);
		at = first + count;
	}
	free(piece);
	if (!err && !status)
		err = sink_zeros(sink, end - at);
	if (!err && !status)
		err = sink_end(sink, end - begin);
	return status ? status : err ? sink_fail(sink, err) : 0;
}

static int read_disk(struct disk *disk)
{
	const struct cli *cli = disk->cli;
	uint64_t at = 0, len, size = cli_disk_bytes(disk);
	struct sink sink;
	int status = cli_disk_number(disk, "offset", cli->arg[1], VD_SECTOR,
				     size, &at);

	len = size - at;
	if (!status && cli->arg[2])
		status = cli_disk_number(disk, "length", cli->arg[2],
					 VD_SECTOR, len, &len);
	if (status)
		return status;
	status = cli_disk_not_itself(disk, NULL, -1);
	if (!status)
		status = cli_disk_start(disk);
	if (status)
		return status;
	status = sink_open(disk->cli, NULL, false, &sink);
	if (!status)
		status = read_range(disk, at, at + len, &sink);
	sink_close(&sink);
	return status;
}

static int read_run(struct cli *cli)
{
	const struct read_opts *o = cli->opts;
	struct disk disk;
	int status = cli_disk_open(cli, o->no_verify ? DISK_NO_VERIFY :
				   DISK_READ, 0, &disk);

	if (!status)
		status = read_disk(&disk);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmvd read disk.img 0 4K | xxd | head", "the first block" },
	{ "nvmvd read vm1 1M 512", "one sector" },
	{ NULL, NULL }
};

const struct command vd_cmd_read = {
	.name = "read",
	.summary = "write bytes of a disk to standard output",
	.description = "OFFSET and LENGTH are bytes of the disk, in multiples "
		"of 512; without LENGTH it is all up to the end. What was "
		"never written or was trimmed reads as zeros. A damaged block "
		"ends it with status 7, after what lies before it.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct read_opts),
	.examples = examples,
	.flags = COMMAND_DISK,
	.run = read_run,
};
