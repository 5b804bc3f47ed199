/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_create.c - `nvmvd create`: an empty virtual disk over whole files or
 * devices, or over a child.
 *
 * What might be lost is looked for first: users of the target (refused
 * always), then signatures and data (refused without --force).  Files that
 * create itself has made are removed again when anything fails.
 *
 * Crash story: vd_create() takes a former disk away first and writes the super
 * blocks last, so a power loss leaves no disk, or the whole empty one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/disk.h"
#include "cli/vd_commands.h"

struct create_opts {
	uint64_t size;
	uint64_t logical;
	const char *label;
	int policy;
	uint64_t threshold;
	uint64_t budget;
	uint64_t endurance;
	bool force;
	int guard;
};

static const struct opt opts[] = {
	OPT_SIZE('s', "size", struct create_opts, size,
		 "create each file that is not there, sparse, of this size"),
	OPT_SIZE(0, "logical", struct create_opts, logical,
		 "the size of the disk (default: what leaves 2 % of the area "
		 "as spare blocks)"),
	OPT_TEXT('l', "label", "TEXT", COMPLETE_NONE, struct create_opts, label,
		 "a label for people, at most 63 bytes"),
	OPT_WORD(0, "policy", "POLICY", cli_disk_policies, struct create_opts,
		 policy, "how wear is levelled (default: adaptive)"),
	OPT_NUMBER(0, "threshold", "WRITES", struct create_opts, threshold,
		   "how far a block may be ahead of the coldest (default: 2; "
		   "adaptive: the least one)"),
	OPT_NUMBER(0, "budget", "WRITES", struct create_opts, budget,
		   "adaptive: move at most one block in so many writes "
		   "(default: 32)"),
	OPT_NUMBER(0, "endurance", "WRITES", struct create_opts, endurance,
		   "how many writes a cell of the memory is rated for"),
	OPT_FLAG('f', "force", struct create_opts, force,
		 "overwrite a disk, file system or other data"),
	DISK_OPT_GUARD(struct create_opts, guard),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = NULL }
};

struct create {
	struct disk disk;
	const struct create_opts *o;
	const char *made[VD_EXTENTS_MAX];	/* files that were not there */
	size_t made_count;
	struct vd_geometry geometry;
	uint8_t uuid[VD_UUID_LEN];
};

/* ---- files that are not there -------------------------------------------------- */

static const char *path_at(struct cli *cli, size_t i)
{
	return i ? cli->extent.word[i - 1] : cli->arg[0];
}

static bool is_missing(const char *path)
{
	struct stat st;

	return lstat(path, &st) != 0 && errno == ENOENT;
}

static int missing_check(struct cli *cli, const char *path, uint64_t size)
{
	/* a device that is not there is not a file to be made */
	if (!strncmp(path, "/dev/", 5) && strncmp(path, "/dev/shm/", 9))
		return cli_fail(cli, EXIT_NOT_FOUND, "cannot create a disk on "
				"'%s': no such device", path);
	if (!size)
		return cli_fail(cli, EXIT_NOT_FOUND, "cannot create a disk on "
				"'%s': no such file; --size makes one", path);
	return 0;
}

/* Is there such a disk at all?  Asked before any file is made. */
static int sizes_check(struct create *c, const uint64_t *bytes, uint32_t count)
{
	uint64_t logical = c->o->logical / VD_BLOCK, area = 0, most;
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES], d[SIZE_TEXT_BYTES];
	struct cli *cli = c->disk.cli;
	struct nvm_fault fault = { 0 };
	int err;

	for (uint32_t i = 0; i < count; i++)
		if (__builtin_add_overflow(area, bytes[i], &area))
			area = UINT64_MAX;
	if (area < VD_AREA_MIN || area > VD_AREA_MAX)
		return cli_fail(cli, EXIT_NO_SPACE, "cannot create a disk on "
				"'%s': %s is too %s, an area has %s to %s",
				cli->arg[0], size_exact(area, a), area <
				VD_AREA_MIN ? "small" : "large",
				size_exact(VD_AREA_MIN, b),
				size_exact(VD_AREA_MAX, d));
	err = vd_layout(bytes, count, 0, &c->geometry, &fault);
	if (err && fault.what && !strcmp(fault.what, "extent"))
		return cli_fail(cli, EXIT_NO_SPACE, "cannot create a disk on "
				"'%s': an extent of %s is too small, at least "
				"%s", cli->arg[0], size_exact(fault.found, a),
				size_exact(fault.expected, b));
	if (err)
		return cli_disk_fail(&c->disk, err, &fault, "cannot create a "
				     "disk on '%s'", cli->arg[0]);
	most = c->geometry.block_count -
	       vd_spares_min(c->geometry.block_count);
	if (logical > most)
		return cli_fail(cli, EXIT_NO_SPACE, "bad size %s for "
				"--logical: an area of %s has room for %s at "
				"most", size_exact(c->o->logical, a),
				size_exact(area, b),
				size_exact(most * VD_BLOCK, d));
	err = vd_layout(bytes, count, (uint32_t)logical, &c->geometry, &fault);
	if (err)
		return cli_disk_fail(&c->disk, err, &fault, "cannot create a "
				     "disk on '%s'", cli->arg[0]);
	return 0;
}

static int file_make(struct create *c, const char *path)
{
	struct backing *backing;
	struct failure failure;
	int err = backing_create(path, c->o->size, &backing, &failure);

	if (err)
		return fail_hosted(c->disk.cli, err, &failure);
	c->made[c->made_count++] = path;
	backing_close(backing);
	return 0;
}

/* The files that are missing; *ret_missing says that there are such. */
static int files_make(struct create *c, bool *ret_missing)
{
	uint64_t bytes[VD_EXTENTS_MAX], size = c->o->size;
	struct cli *cli = c->disk.cli;
	size_t count = cli->extent.count + 1;
	bool missing = false, known = true;
	int status = 0;

	for (size_t i = 0; i < count && !status; i++) {
		const char *path = path_at(cli, i);
		struct stat st;

		bytes[i] = size & ~(uint64_t)(NVM_PAGE - 1);
		if (is_missing(path)) {
			status = missing_check(cli, path, size);
			missing = true;
		} else if (!stat(path, &st) && S_ISREG(st.st_mode)) {
			bytes[i] = (uint64_t)st.st_size;
		} else {
			known = false;	/* a device tells when it is open */
		}
	}
	if (status)
		return status;
	if (size && !missing)
		return cli_fail(cli, EXIT_EXISTS, "cannot create '%s': it is "
				"there already; without --size it is used as "
				"it is", cli->arg[0]);
	if (missing && known)
		status = sizes_check(c, bytes, (uint32_t)count);
	for (size_t i = 0; i < count && !status && !cli->dry_run; i++)
		if (is_missing(path_at(cli, i)))
			status = file_make(c, path_at(cli, i));
	*ret_missing = missing;
	return status;
}

static void files_remove(const struct create *c)
{
	for (size_t i = 0; i < c->made_count; i++)
		unlink(c->made[i]);
}

/* ---- may it be overwritten? ---------------------------------------------------- */

static int contents_refuse(struct create *c)
{
	struct vd_geometry geometry;
	struct nvm_fault fault = { 0 };
	int err;

	if (c->o->force)
		return 0;
	err = vd_probe(c->disk.vd_area, &geometry, NULL, &fault);
	if (!err || err == -NVM_ERANGE || err == -NVM_EPROTO ||
	    err == -NVM_EBADMSG || err == -NVM_ENOENT)
		return cli_fail(c->disk.cli, EXIT_EXISTS, "cannot create a "
				"disk on '%s': it holds a virtual disk%s; "
				"--force overwrites it", c->disk.name,
				err == -NVM_EBADMSG ? ", which is damaged" :
						      "");
	return cli_disk_unclaimed(&c->disk, 0);
}

/* ---- the disk --------------------------------------------------------------------- */

static int disk_lay_down(struct create *c)
{
	const struct vd_area *area = c->disk.vd_area;
	struct cli *cli = c->disk.cli;
	uint64_t bytes[VD_EXTENTS_MAX];
	struct nvm_fault fault = { 0 };
	struct vd_create_args create = {
		.logical_count = (uint32_t)(c->o->logical / VD_BLOCK),
		.uuid = c->uuid, .label = c->o->label,
		.created_s = (uint64_t)time(NULL),
		.policy = c->o->policy ? (enum wear_policy)(c->o->policy - 1) :
					 WEAR_ADAPTIVE,
		.threshold = (uint32_t)c->o->threshold,
		.budget = (uint32_t)c->o->budget,
		.endurance = c->o->endurance,
		.clean = cli_disk_blank(&c->disk),
	};
	int err, status;

	for (uint32_t i = 0; i < area->extent_count; i++)
		bytes[i] = area->extent[i]->size_bytes;
	status = sizes_check(c, bytes, area->extent_count);
	if (!status)
		status = session_uuid(cli, c->uuid);
	if (status)
		return status;
	if (getrandom(&create.secret, sizeof(create.secret), 0) !=
	    sizeof(create.secret))
		return cli_fail(cli, EXIT_FAILED, "cannot get random bytes "
				"from the kernel: %s", strerror(errno));
	err = vd_create(area, &create, &fault);
	if (err)
		return cli_disk_fail(&c->disk, err, &fault, "cannot create a "
				     "disk on '%s'", c->disk.name);
	return 0;
}

static void durable_tell(struct create *c)
{
	const struct backing_info *info =
		backing_info(area_backing(c->disk.area, 0));
	struct cli *cli = c->disk.cli;

	out_text(cli, "durable", "durable",
		 backing_durable_name(info->durable));
	out_text(cli, "durable_reason", "because", info->reason);
	if (info->durable == BACKING_DURABLE_NEVER)
		cli_warn(cli, "'%s' does not survive a loss of power: %s",
			 info->path, info->reason);
}

static void result_tell(struct create *c)
{
	const struct vd_geometry *g = &c->geometry;
	struct cli *cli = c->disk.cli;

	out_text(cli, "target", "disk", cli->arg[0]);
	if (!cli->dry_run)
		out_uuid(cli, "uuid", "uuid", c->uuid);
	if (c->o->label)
		out_text(cli, "label", "label", c->o->label);
	out_size(cli, "size_bytes", "size",
		 (uint64_t)g->logical_count * VD_BLOCK);
	out_size(cli, "area_bytes", "area", g->area_bytes);
	out_number(cli, "physical_blocks", "blocks", g->block_count);
	out_number(cli, "spare_blocks", "of them spare",
		   g->block_count - g->logical_count);
	out_text(cli, "policy", "levelling",
		 cli_disk_policies[c->o->policy ? c->o->policy - 1 :
						  WEAR_ADAPTIVE]);
	if (c->disk.area)
		durable_tell(c);
}

static int numbers_check(struct cli *cli, const struct create_opts *o)
{
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES], c[SIZE_TEXT_BYTES];
	uint64_t below = o->logical - o->logical % VD_BLOCK;

	if (o->label && strlen(o->label) > VD_LABEL_MAX)
		return cli_fail(cli, EXIT_USAGE, "the label is too long, at "
				"most %u bytes", VD_LABEL_MAX);
	if (o->threshold > UINT32_MAX)
		return cli_fail(cli, EXIT_USAGE, "bad number for --threshold: "
				"at most %u", UINT32_MAX);
	if (o->budget > UINT32_MAX)
		return cli_fail(cli, EXIT_USAGE, "bad number for --budget: "
				"at most %u", UINT32_MAX);
	if (below != o->logical)
		return cli_fail(cli, EXIT_NO_SPACE, "bad size %s for "
				"--logical: not a multiple of 4K, nearest are "
				"%s and %s", size_exact(o->logical, a),
				size_exact(below, b),
				size_exact(below + VD_BLOCK, c));
	return 0;
}

static int create_disk(struct create *c)
{
	struct cli *cli = c->disk.cli;
	bool missing = false;
	int status;

	if (cli_disk_named_by_path(cli) || (c->o->size && !cli->pool)) {
		status = files_make(c, &missing);
		/* a file to be made is no area yet */
		if (status || (missing && cli->dry_run))
			return status;
	} else if (c->o->size) {
		return cli_fail(cli, EXIT_USAGE, "--size is for files; the "
				"child '%s' has its size from the pool",
				cli->arg[0]);
	}
	status = cli_disk_find(cli, DISK_WRITE | DISK_MAKE, c->o->guard,
			       &c->disk);
	if (!status)
		status = cli_disk_area(&c->disk);
	if (!status)
		status = contents_refuse(c);
	if (!status)
		status = disk_lay_down(c);
	return status;
}

static int create_run(struct cli *cli)
{
	struct create c = { .disk = { .cli = cli, .name = cli->arg[0] },
			    .o = cli->opts };
	int status = numbers_check(cli, c.o);

	if (!status)
		status = create_disk(&c);
	if (!status)
		result_tell(&c);
	if (status)
		files_remove(&c);
	return cli_disk_close(&c.disk, status);
}

static const struct example examples[] = {
	{ "nvmvd create disk.img --size 1G", "a disk in a new, sparse file" },
	{ "nvmvd create vm1", "one in the child vm1 of a pool" },
	{ "nvmvd create a.img --extent b.img --size 1G",
	  "one over two files of 1 GiB" },
	{ NULL, NULL }
};

const struct command vd_cmd_create = {
	.name = "create",
	.summary = "make a file, device or child into an empty virtual disk",
	.description = "The disk takes all of its target. A target that holds "
		"a disk, a pool, a file system or the like, and a file or "
		"child that begins with other data, is refused without "
		"--force; one that is mounted, or open or mapped in a process, "
		"is refused always.\n\n"
		"Policy none writes free blocks in turn and moves nothing; "
		"mbsa moves a block as soon as another runs ahead of it by the "
		"threshold (a reconstruction of the published algorithm); "
		"adaptive lets the threshold grow with the mean number of "
		"writes, so that it costs less and less.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct create_opts),
	.examples = examples,
	.flags = COMMAND_DISK | COMMAND_CHANGES,
	.run = create_run,
};
