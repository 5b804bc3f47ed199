/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_resize.c - `nvmvd resize`: a disk takes more of its files or its child, or
 * less.
 *
 * Sizes count as those of the files, or of the child as nvmpool has it: what
 * `nvmpool resize` is to be told afterwards is what this command was told.
 *
 * Crash story: a file is made longer before the disk knows of it, and cut
 * after the disk has let go of it.  In between the file is longer than the
 * disk on it, which does no harm; the same command again goes on from there.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/disk_io.h"
#include "cli/vd_commands.h"
#include "cli/vd_resize.h"

static const struct opt opts[] = {
	OPT_SIZE(0, "logical", struct resize_opts, logical,
		 "the new size of the disk (default: what leaves 2 % of the "
		 "area as spare blocks)"),
	OPT_FLAG('f', "force", struct resize_opts, force,
		 "take a new extent that holds a file system or other data"),
	DISK_OPT_GUARD(struct resize_opts, guard),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = "SIZE|+SIZE|-SIZE", .complete = COMPLETE_SIZE,
	  .optional = true },
	{ .name = NULL }
};

/* ---- growing ------------------------------------------------------------------------ */

static int file_set_size(struct resize *r, struct backing *backing,
			 uint64_t bytes)
{
	const struct backing_info *info = backing_info(backing);
	char reason[128];

	if (info->kind != BACKING_FILE)
		return cli_fail(r->disk->cli, EXIT_UNSUPPORTED, "cannot change "
				"the size of '%s': it is a device; without "
				"SIZE the disk takes all of it", info->path);
	if (!ftruncate(backing_fd(backing), (off_t)bytes) &&
	    !fsync(backing_fd(backing)))
		return 0;
	return cli_fail(r->disk->cli, fail_status(-errno), "cannot change the "
			"size of '%s': %s", info->path,
			failure_strerror(-errno, reason, sizeof(reason)));
}

/* A recovery, if there is one to be made; the disk is closed afterwards. */
static int disk_settle(struct resize *r)
{
	int status = cli_disk_start(r->disk);

	return cli_disk_stop(r->disk, status);
}

static int disk_reopen(struct resize *r)
{
	int status = cli_disk_area(r->disk);

	return status ? status : cli_disk_probe(r->disk);
}

/* The file back to its former size, unless the disk has taken the new one. */
static void growth_undo(struct resize *r, struct backing *last, uint64_t bytes)
{
	uint64_t had = r->disk->geometry.area_bytes;
	struct vd_geometry now;

	if (vd_probe(r->disk->vd_area, &now, NULL, NULL) ||
	    now.area_bytes != had)
		return;
	cli_disk_stop(r->disk, 0);
	file_set_size(r, last, bytes);
}

/* The core's grow; the disk keeps its blocks if that is more than usual. */
static int area_grow(struct resize *r, struct nvm_fault *fault)
{
	uint32_t now = r->disk->geometry.logical_count;
	const struct vd_area *area = r->disk->vd_area;
	int err = vd_grow(area, (uint32_t)(r->o->logical / VD_BLOCK),
			  &r->disk->geometry, fault);

	if (err == -NVM_ERANGE && !r->o->logical && fault->what &&
	    !strcmp(fault->what, "logical blocks"))
		err = vd_grow(area, now, &r->disk->geometry, fault);
	return err;
}

static int grow_refuse(struct resize *r, int err, const struct nvm_fault *fault)
{
	struct disk *disk = r->disk;
	char size[SIZE_TEXT_BYTES], area[SIZE_TEXT_BYTES];

	if (err != -NVM_ERANGE || !fault->what)
		return cli_disk_fail(disk, err, fault, "cannot resize disk "
				     "'%s'", disk->name);
	if (!strcmp(fault->what, "growth"))
		return cli_fail(disk->cli, EXIT_NO_SPACE, "cannot resize disk "
				"'%s': 1M more is the least that is of use",
				disk->name);
	if (!strcmp(fault->what, "logical blocks"))
		return cli_fail(disk->cli, EXIT_NO_SPACE, "bad size %s for "
				"--logical: %s has not the room for it, and "
				"spare blocks", size_exact(r->o->logical, size),
				size_exact(r->target, area));
	if (!strcmp(fault->what, "number of segments"))
		return cli_fail(disk->cli, EXIT_NO_SPACE, "cannot resize disk "
				"'%s': it has grown too often; export it and "
				"import it into a new one", disk->name);
	return cli_disk_fail(disk, err, fault, "cannot resize disk '%s'",
			     disk->name);
}

/* For a dry run: about what it will be. */
static int grow_guess(struct resize *r)
{
	struct nvm_fault fault = { 0 };
	struct vd_geometry then;
	int err = vd_layout(r->bytes, r->kept,
			    (uint32_t)(r->o->logical / VD_BLOCK), &then,
			    &fault);

	if (err)
		return grow_refuse(r, err, &fault);
	if (then.logical_count < r->disk->geometry.logical_count)
		then.logical_count = r->disk->geometry.logical_count;
	r->disk->geometry = then;
	return 0;
}

static int disk_grow(struct resize *r)
{
	uint32_t end = r->extent_count - 1;
	struct backing *last = r->target > r->there ?
			       cli_disk_locked(r->disk, end) : NULL;
	struct nvm_fault fault = { 0 };
	int err, status;

	if (r->disk->cli->dry_run)
		return grow_guess(r);
	status = disk_settle(r);
	if (!status && last)
		status = file_set_size(r, last, r->bytes[end]);
	if (!status)
		status = disk_reopen(r);
	if (status)
		return status;
	err = area_grow(r, &fault);
	if (!err)
		return 0;
	status = grow_refuse(r, err, &fault);
	if (last)
		growth_undo(r, last, r->whole[end]);
	return status;
}

/* ---- shrinking ---------------------------------------------------------------------- */

/* Would anything be lost? */
static int shrink_allowed(struct resize *r)
{
	uint64_t end = (uint64_t)r->logical * VD_BLOCK, at, len;
	uint64_t size = cli_disk_bytes(r->disk);
	char from[SIZE_TEXT_BYTES], to[SIZE_TEXT_BYTES];

	if (end >= size || !cli_disk_data_next(r->disk, end, size, VD_BLOCK,
					       &at, &len))
		return 0;
	return cli_ask(r->disk->cli, "shrink disk '%s' from %s to %s and lose "
		       "the data behind that?", r->disk->name,
		       size_text(size, from), size_text(end, to));
}

static int files_cut(struct resize *r, struct backing *const *backing)
{
	int status = 0;

	for (uint32_t e = 0; e < r->extent_count && !status; e++) {
		if (e >= r->kept)
			cli_note(r->disk->cli, "'%s' is no longer a part of "
				 "the disk", backing_info(backing[e])->path);
		else if (r->bytes[e] < r->whole[e])
			status = file_set_size(r, backing[e], r->bytes[e]);
	}
	return status;
}

/* A device keeps its size, so less of it is not to be had. */
static int cut_possible(struct resize *r)
{
	for (uint32_t e = 0; e < r->kept && !cli_disk_is_child(r->disk); e++) {
		const struct backing_info *info =
			backing_info(cli_disk_locked(r->disk, e));

		if (r->bytes[e] < r->whole[e] && info->kind != BACKING_FILE)
			return cli_fail(r->disk->cli, EXIT_UNSUPPORTED,
					"cannot shrink disk '%s': '%s' is a "
					"device, which keeps its size",
					r->disk->name, info->path);
	}
	return 0;
}

static int disk_shrink(struct resize *r)
{
	struct disk *disk = r->disk;
	struct backing *backing[VD_EXTENTS_MAX] = { NULL };
	struct nvm_fault fault = { 0 };
	int err, status = cut_possible(r);

	if (!status)
		status = cli_disk_start(disk);
	if (!status)
		status = resize_plan_logical(r);
	if (!status)
		status = shrink_allowed(r);
	if (status)
		return status;
	for (uint32_t e = 0; e < r->extent_count; e++)
		if (!cli_disk_is_child(disk))
			backing[e] = cli_disk_locked(disk, e);
	err = vd_shrink(disk->vd, r->bytes, r->kept, r->logical,
			&disk->geometry, &fault);
	if (err)
		return cli_disk_fail(disk, err, &fault, "cannot shrink disk "
				     "'%s'", disk->name);
	disk->vd = NULL;	/* it is closed */
	if (disk->cli->dry_run)
		return 0;
	status = cli_disk_stop(disk, 0);
	if (!status && !cli_disk_is_child(disk))
		status = files_cut(r, backing);
	return status;
}

/* ---- the command ------------------------------------------------------------------------ */

static void resize_tell(struct resize *r, uint64_t old_bytes, bool changed)
{
	struct cli *cli = r->disk->cli;
	char size[SIZE_TEXT_BYTES];

	out_text(cli, "target", "disk", r->disk->name);
	out_size(cli, "old_size_bytes", "old size", old_bytes);
	out_size(cli, "size_bytes", "size", cli_disk_bytes(r->disk));
	out_size(cli, "area_bytes", "area", r->disk->geometry.area_bytes);
	out_bool(cli, "changed", NULL, changed);
	if (changed && cli_disk_is_child(r->disk) && r->target < r->there &&
	    !cli->dry_run)
		cli_note(cli, "'nvmpool resize %s %s' now gives back what the "
			 "disk has left", r->disk->child.name,
			 size_exact(r->target, size));
}

static int new_extents_check(struct resize *r)
{
	uint32_t known = r->disk->geometry.extent_count;

	if (r->extent_count <= known || cli_disk_is_child(r->disk) ||
	    r->o->force)
		return 0;
	return cli_disk_unclaimed(r->disk, known);
}

static int resize_disk(struct resize *r)
{
	uint64_t old_bytes = cli_disk_bytes(r->disk);
	bool changes;
	int status;

	status = resize_plan(r);
	if (!status)
		status = new_extents_check(r);
	if (status)
		return status;
	changes = r->target != r->taken ||
		  (r->o->logical && r->o->logical != old_bytes);
	if (r->target > r->taken)
		status = disk_grow(r);
	else if (changes)
		status = disk_shrink(r);
	/* a map that fits, and proof that all of it is sound */
	if (!status && changes && !r->disk->cli->dry_run) {
		status = cli_disk_stop(r->disk, 0);
		if (!status)
			status = disk_reopen(r);
		if (!status)
			status = disk_settle(r);
	}
	if (!status)
		resize_tell(r, old_bytes, changes);
	return status;
}

static int resize_run(struct cli *cli)
{
	const struct resize_opts *o = cli->opts;
	struct disk disk;
	struct resize r = { .disk = &disk, .o = o };
	int status = cli_disk_open(cli, DISK_WRITE | DISK_GROW, o->guard,
				   &disk);

	if (!status)
		status = resize_disk(&r);
	return cli_disk_close(&disk, status);
}

static const struct example examples[] = {
	{ "nvmvd resize disk.img +1G", "a file, and the disk on it" },
	{ "nvmvd resize disk.img 512M --yes", "shorter" },
	{ "nvmpool resize vm1 8G && nvmvd resize vm1",
	  "a child, and the disk on it" },
	{ "nvmvd resize vm1 4G && nvmpool resize vm1 4G", "shorter" },
	{ "nvmvd resize disk.img --extent more.img", "onto one more file" },
	{ NULL, NULL }
};

const struct command vd_cmd_resize = {
	.name = "resize",
	.summary = "make a disk longer or shorter",
	.description = "SIZE is what the disk takes of its files or its child, "
		"all in all; +SIZE and -SIZE count from what is there now. "
		"Files are made longer or cut, the last one first. A child is "
		"not changed: make it longer with 'nvmpool resize' before, and "
		"shorter with that afterwards, to the same SIZE. Without SIZE "
		"the disk takes all that is there. New extents are given "
		"behind the others.\n\n"
		"Blocks that lie in the part to be cut off are moved. The disk "
		"itself becomes shorter as well, so it asks if data would be "
		"lost; shrink a file system on it before.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct resize_opts),
	.examples = examples,
	.flags = COMMAND_DISK | COMMAND_CHANGES | COMMAND_ASKS,
	.run = resize_run,
};
