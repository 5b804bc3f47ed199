/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_export.c - `nvmpool export`: a child's image to a file or to standard
 * output.
 *
 * Under the pool lock a read lease is taken on the child's extents, then the
 * lock is given back: while the image is written, other commands work, but
 * none can move, shrink or release this child.
 *
 * Crash story: a file is written under another name beside its own, synced,
 * read again and compared by its checksum, and only then given its name.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/image.h"
#include "cli/sink.h"
#include "hosted/backing.h"
#include "hosted/in_use.h"
#include "hosted/lock.h"

struct export_opts {
	bool force;
};

static const struct opt opts[] = {
	OPT_FLAG('f', "force", struct export_opts, force,
		 "overwrite FILE if there is one"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "CHILD", .complete = COMPLETE_CHILD },
	{ .name = "FILE", .complete = COMPLETE_FILE, .optional = true },
	{ .name = NULL }
};

/* ---- writing ------------------------------------------------------------------ */

static int export_copy(const struct image *image, struct sink *sink,
		       uint32_t *ret_crc)
{
	struct session *s = image->session;
	const struct pool_progress *step = session_progress(s, "exporting");
	uint8_t *piece = out_must(malloc(IMAGE_PIECE_BYTES));
	uint64_t at = 0, data_at;
	struct pool_range data;
	int err = 0, status = 0;
	uint32_t crc = 0;

	while (!err && image_data_next(image, at, &data_at, &data)) {
		size_t len = data.size_bytes < IMAGE_PIECE_BYTES ?
			     (size_t)data.size_bytes : IMAGE_PIECE_BYTES;

		crc = crc32c_zeros(crc, data_at - at);
		err = sink_zeros(sink, data_at - at);
		if (err)
			break;
		err = s->media->ops->load(s->media, data.off_bytes, piece, len);
		if (err) {
			status = session_fail(s, err, NULL, "cannot read byte "
					      "0x%" PRIx64 " of '%s'", data_at,
					      image->child.name);
			break;
		}
		crc = s->media->ops->crc32c(crc, piece, len);
		err = sink_put(sink, piece, len);
		at = data_at + len;
		if (!err && !step->step(step->ctx, at, image->size_bytes))
			err = -EINTR;
	}
	free(piece);
	if (!err)
		err = sink_zeros(sink, image->size_bytes - at);
	*ret_crc = crc32c_zeros(crc, image->size_bytes - at);
	if (!err)
		err = sink_end(sink, image->size_bytes);
	progress_end(&s->progress);
	return status ? status : err ? sink_fail(sink, err) : 0;
}

/* ---- the command ----------------------------------------------------------------- */

/* A running VM writes on while we read: said, not refused. */
static int export_warn_in_use(const struct image *image)
{
	struct session *s = image->session;
	struct failure failure;
	struct use_list list;
	char text[256];
	int err;

	err = use_find(s->backing, USE_WANT_MAP, image->extent, image->count,
		       &list, &failure);
	if (err)
		return fail_hosted(s->cli, err, &failure);
	if (list.count)
		cli_warn(s->cli, "'%s' is %s: what is written while the image "
			 "is read may be in it in part", image->child.name,
			 use_describe(&list.use[0], text, sizeof(text)));
	use_list_free(&list);
	return 0;
}

static void export_tell(const struct image *image, const struct sink *sink,
			uint32_t crc)
{
	struct cli *cli = image->session->cli;
	char size[SIZE_TEXT_BYTES], data[SIZE_TEXT_BYTES], sum[16];

	snprintf(sum, sizeof(sum), "%08" PRIx32, crc);
	out_text(cli, "child", NULL, image->child.name);
	out_text(cli, "file", NULL, sink->name);
	out_size(cli, "size_bytes", NULL, image->size_bytes);
	out_size(cli, "data_bytes", NULL, sink->data_bytes);
	out_text(cli, "crc32c", NULL, sum);
	out_bool(cli, "verified", NULL, sink->final != NULL);
	cli_note(cli, "exported '%s' to %s%s%s: %s, %s of it data, crc32c %s%s",
		 image->child.name, sink->final ? "'" : "", sink->name,
		 sink->final ? "'" : "", size_text(image->size_bytes, size),
		 size_text(sink->data_bytes, data), sum,
		 sink->final ? ", verified" : "");
}

static int export_image(const struct image *image, struct sink *sink)
{
	uint32_t crc = 0;
	struct session *s = image->session;
	int status = export_copy(image, sink, &crc);

	if (!status && sink->final)
		status = sink_verify(sink, image->size_bytes, crc,
				     s->media->ops->crc32c,
				     session_progress(s, "verifying"));
	progress_end(&s->progress);
	if (!status && sink->final)
		status = sink_name(sink);
	if (!status)
		export_tell(image, sink, crc);
	return status;
}

static int export_child(struct session *s, const char *file, bool force)
{
	struct sink sink;
	struct failure failure;
	struct image image;
	int err, status = image_open(s, s->cli->arg[0], &image);

	if (!status)
		status = export_warn_in_use(&image);
	if (status)
		return status;
	err = lease_take(s->backing, LEASE_READ, image.extent, image.count,
			 &failure);
	if (err)
		return fail_hosted(s->cli, err, &failure);
	unlock_pool(s->backing);
	status = session_not_itself(s, file, -1);
	if (status)
		return status;
	status = sink_open(s->cli, file, force, &sink);
	if (!status)
		status = export_image(&image, &sink);
	sink_close(&sink);
	return status;
}

static int export_run(struct cli *cli)
{
	const struct export_opts *o = cli->opts;
	struct session s;
	int status = session_open(cli, SESSION_READ, &s);

	if (status)
		return status;
	status = export_child(&s, cli->arg[1], o->force);
	session_close(&s);
	return status;
}

static const struct example examples[] = {
	{ "nvmpool export vm1 vm1.img", "to a sparse file" },
	{ "nvmpool export vm1 | zstd > vm1.img.zst", "compressed" },
	{ "nvmpool export vm1 | ssh other nvmpool import vm1 --yes",
	  "to another host" },
	{ NULL, NULL }
};

const struct command cmd_export = {
	.name = "export",
	.summary = "write a child's image to a file or to standard output",
	.description = "The image is what the guest sees: the bytes of all "
		"extents, one after the other, in the modes devdax and fsdax "
		"without the first 2 MiB of each, which the guest's kernel "
		"keeps for itself. Without FILE, or with '-', it goes to "
		"standard output. A file is sparse where the child is empty, "
		"is read again and compared by its CRC32C, and has its name "
		"only when it is complete; only its owner may read it.\n\n"
		"While the image is written the child cannot be moved, shrunk "
		"or released. A VM that runs on it is not stopped.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct export_opts),
	.examples = examples,
	.flags = COMMAND_POOL,
	.run = export_run,
};
