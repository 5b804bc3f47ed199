/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_export.c - `nvmvd export`: what is on a disk, as a raw image.
 *
 * Crash story: a file is written under another name beside its own, synced,
 * read again and compared by its checksum, and only then given its name.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cli/disk.h"
#include "cli/disk_io.h"
#include "cli/image.h"
#include "cli/sink.h"
#include "cli/vd_commands.h"

struct export_opts {
	bool force;
	bool skip_damaged;
	bool no_verify;
};

static const struct opt opts[] = {
	OPT_FLAG('f', "force", struct export_opts, force,
		 "overwrite FILE if there is one"),
	OPT_FLAG(0, "skip-damaged", struct export_opts, skip_damaged,
		 "put zeros in the place of damaged blocks, and end with 11"),
	OPT_FLAG(0, "no-verify", struct export_opts, no_verify,
		 "do not compare the data with their checksums: damaged blocks "
		 "are exported as they are"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = "FILE", .complete = COMPLETE_FILE, .optional = true },
	{ .name = NULL }
};

/* More of them are counted, not named. */
#define NAMED_MAX	1000u

struct exporting {
	struct disk *disk;
	const struct export_opts *o;
	struct sink sink;
	struct json_object *damaged;	/* byte offsets, with -j */
	uint64_t damaged_count;
	uint64_t done, total;		/* bytes of data */
	uint32_t crc;
};

/* ---- writing ------------------------------------------------------------------ */

static int put_zeros(struct exporting *e, uint64_t len)
{
	e->crc = crc32c_zeros(e->crc, len);
	return sink_zeros(&e->sink, len);
}

static int put_data(struct exporting *e, const uint8_t *bytes, size_t len)
{
	e->crc = cli_disk_crc32c(e->disk, e->crc, bytes, len);
	return sink_put(&e->sink, bytes, len);
}

static void damaged_note(struct exporting *e, uint64_t at)
{
	if (++e->damaged_count > NAMED_MAX)
		return;
	if (e->damaged)
		json_object_array_add(e->damaged, json_object_new_uint64(at));
	else if (e->damaged_count <= 10)
		cli_warn(e->disk->cli, "block %" PRIu64 " (byte 0x%" PRIx64
			 ") is damaged: zeros in its place", at / VD_BLOCK, at);
}

/* A run of blocks that hold something; an exit status, or *ret_err. */
static int put_run(struct exporting *e, uint8_t *piece, uint64_t at,
		   uint64_t len, int *ret_err)
{
	size_t good;

	while (len && !*ret_err) {
		bool bad = cli_disk_read(e->disk, at, piece, (size_t)len,
					 &good) != 0;

		*ret_err = put_data(e, piece, good);
		at += good;
		len -= good;
		if (!bad || *ret_err)
			continue;
		if (!e->o->skip_damaged)
			return cli_disk_damaged(e->disk, at, "--skip-damaged "
				"puts zeros in the place of such");
		damaged_note(e, at);
		*ret_err = put_zeros(e, VD_BLOCK);
		at += VD_BLOCK;
		len -= VD_BLOCK;
	}
	return 0;
}

static int export_copy(struct exporting *e)
{
	const struct pool_progress *step = cli_disk_progress(e->disk,
							     "exporting");
	uint8_t *piece = out_must(malloc(IMAGE_PIECE_BYTES));
	uint64_t at = 0, size = cli_disk_bytes(e->disk), first, count;
	int err = 0, status = 0;

	while (!err && !status && cli_disk_data_next(e->disk, at, size,
	       IMAGE_PIECE_BYTES, &first, &count)) {
		err = put_zeros(e, first - at);
		if (!err)
			status = put_run(e, piece, first, count, &err);
		at = first + count;
		e->done += count;
		if (!err && !status && !step->step(step->ctx, e->done,
						   e->total))
			err = -EINTR;
	}
	free(piece);
	if (!err && !status)
		err = put_zeros(e, size - at);
	if (!err && !status)
		err = sink_end(&e->sink, size);
	progress_end(&e->disk->progress);
	return status ? status : err ? sink_fail(&e->sink, err) : 0;
}

/* ---- the command ----------------------------------------------------------------- */

static void export_tell(struct exporting *e)
{
	struct cli *cli = e->disk->cli;
	char size[SIZE_TEXT_BYTES], data[SIZE_TEXT_BYTES], sum[16];
	const char *quote = e->sink.final ? "'" : "";

	snprintf(sum, sizeof(sum), "%08" PRIx32, e->crc);
	out_text(cli, "target", NULL, e->disk->name);
	out_text(cli, "file", NULL, e->sink.name);
	out_size(cli, "size_bytes", NULL, cli_disk_bytes(e->disk));
	out_size(cli, "data_bytes", NULL, e->sink.data_bytes);
	out_text(cli, "crc32c", NULL, sum);
	out_bool(cli, "verified", NULL, e->sink.final != NULL);
	out_number(cli, "damaged_count", NULL, e->damaged_count);
	if (e->damaged)
		json_object_object_add(out_data(cli), "damaged_offsets_bytes",
				       json_object_get(e->damaged));
	cli_note(cli, "exported '%s' to %s%s%s: %s, %s of it data, crc32c %s%s",
		 e->disk->name, quote, e->sink.name, quote,
		 size_text(cli_disk_bytes(e->disk), size),
		 size_text(e->sink.data_bytes, data), sum,
		 e->sink.final ? ", verified" : "");
}

static int export_image(struct exporting *e)
{
	struct disk *disk = e->disk;
	int status = export_copy(e);

	if (!status && e->sink.final)
		status = sink_verify(&e->sink, cli_disk_bytes(disk), e->crc,
				     disk->vd_area->extent[0]->ops->crc32c,
				     cli_disk_progress(disk, "verifying"));
	progress_end(&disk->progress);
	if (!status && e->sink.final)
		status = sink_name(&e->sink);
	if (status)
		return status;
	export_tell(e);
	if (!e->damaged_count)
		return 0;
	return cli_fail(disk->cli, EXIT_PARTIAL, "disk '%s' has %" PRIu64
			" damaged block%s: the image has zeros there",
			disk->name, e->damaged_count,
			e->damaged_count == 1 ? "" : "s");
}

static int export_disk(struct disk *disk, const struct export_opts *o)
{
	struct exporting e = { .disk = disk, .o = o };
	const char *file = disk->cli->arg[1];
	struct vd_info info;
	int status = cli_disk_not_itself(disk, file, -1);

	if (!status)
		status = cli_disk_start(disk);
	if (status)
		return status;
	vd_info(disk->vd, &info);
	e.total = info.mapped_count * VD_BLOCK;
	if (disk->cli->json)
		e.damaged = out_must(json_object_new_array());
	status = sink_open(disk->cli, file, o->force, &e.sink);
	if (!status)
		status = export_image(&e);
	sink_close(&e.sink);
	json_object_put(e.damaged);
	return status;
}

static int export_run(struct cli *cli)
{
	const struct export_opts *o = cli->opts;
	struct disk disk;
	int status = cli_disk_open(cli, o->no_verify ? DISK_NO_VERIFY :
				   DISK_READ, 0, &disk);

	if (!status)
		status = export_disk(&disk, o);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmvd export disk.img raw.img", "to a sparse file" },
	{ "nvmvd export vm1 | zstd > vm1.img.zst", "compressed" },
	{ "nvmvd export vm1 | ssh other nvmvd import vm1 --yes",
	  "to another host" },
	{ NULL, NULL }
};

const struct command vd_cmd_export = {
	.name = "export",
	.summary = "write a disk's image to a file or to standard output",
	.description = "The image is raw: what a reader of the disk sees, from "
		"its first byte to its last. Without FILE, or with '-', it "
		"goes to standard output. A file is sparse where the disk "
		"holds nothing, is read again and compared by its CRC32C, and "
		"has its name only when it is complete; only its owner may "
		"read it.\n\n"
		"A damaged block ends it with status 7 and no file. With "
		"--skip-damaged there are zeros in its place, each such block "
		"is named, and the status is 11.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct export_opts),
	.examples = examples,
	.flags = COMMAND_DISK,
	.run = export_run,
};
