/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_format.c - `nvmpool format`: an empty pool over a whole file or device.
 *
 * What might be lost is looked for first: users of the target (refused
 * always), then signatures (refused without --force).  A file that format
 * itself has created is removed again when anything fails.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/enrol.h"
#include "hosted/backing.h"
#include "hosted/in_kernel.h"
#include "hosted/in_use.h"
#include "hosted/lock.h"
#include "hosted/signature.h"

#define SIZE_DEFAULT	(16ull << 30)	/* of a new file: sparse, so it costs
					   nothing until it is used */

struct format_opts {
	uint64_t size;
	uint64_t unit;
	uint64_t children;
	const char *label;
	const char *name;
	bool force;
	int reconfigure;
};

static const char *const reconfigure_modes[] = { "devdax", NULL };

static const struct opt opts[] = {
	OPT_SIZE('s', "size", struct format_opts, size,
		 "create a sparse file of this size (default for a new file: "
		 "16G)"),
	OPT_SIZE('u', "unit", struct format_opts, unit,
		 "allocation unit, a power of two from 64K to 1G (default: 2M, "
		 "more for a very large pool)"),
	OPT_NUMBER('c', "children", "NUMBER", struct format_opts, children,
		   "how many children there can be, at most 100000"),
	OPT_TEXT('l', "label", "TEXT", COMPLETE_NONE, struct format_opts, label,
		 "a label for people, at most 63 bytes"),
	OPT_TEXT(0, "name", "NAME", COMPLETE_NONE, struct format_opts, name,
		 "register the pool under this name (default: its label, else "
		 "the file's name)"),
	OPT_FLAG('f', "force", struct format_opts, force,
		 "overwrite a pool, file system or partition table"),
	OPT_WORD(0, "reconfigure", "MODE", reconfigure_modes,
		 struct format_opts, reconfigure,
		 "first turn the NVDIMM namespace below /dev/pmemN into this "
		 "mode, so that VMs map it directly"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_FILE },
	{ .name = NULL }
};

/* Of a file, looked at for anything but zeros. */
#define HEAD_BYTES	(64u << 10)

/* One formatting from beginning to end. */
struct format {
	struct cli *cli;
	const struct format_opts *o;
	char path[PATH_MAX];		/* of the target; changes with its mode */
	uint64_t size;			/* of a new file */
	bool created;
	unsigned unseen;		/* processes that may use it */
	struct backing *backing;
	const struct backing_info *info;
	struct pool_geometry geometry;
};

/* ---- may it be overwritten? ------------------------------------------------ */

static int users_refuse(struct format *f)
{
	struct use_list list;
	struct failure failure;
	char text[256];
	int err, status = 0;

	err = use_find(f->backing, USE_WANT_MAP | USE_WANT_LEASE |
		       USE_WANT_OPEN | USE_WANT_MOUNT, NULL, 0, &list,
		       &failure);
	if (err)
		return fail_hosted(f->cli, err, &failure);
	if (list.count)
		status = cli_fail(f->cli, EXIT_BUSY, "cannot format '%s': %s",
				  f->path, use_describe(&list.use[0], text,
							sizeof(text)));
	f->unseen = list.unseen;
	use_list_free(&list);
	return status;
}

static int signatures_refuse(struct format *f)
{
	struct signature found[SIGNATURES_MAX];
	struct failure failure;
	char text[128];
	size_t count;
	int err = signature_find(f->backing, found, &count, &failure);

	if (err)
		return fail_hosted(f->cli, err, &failure);
	if (!count || f->o->force)
		return 0;
	return cli_fail(f->cli, EXIT_EXISTS, "cannot format '%s': it holds %s; "
			"--force overwrites it", f->path,
			signature_describe(&found[0], text, sizeof(text)));
}

/*
 * A file that begins with bytes of which libblkid knows nothing is somebody's
 * all the same: a slip of the keyboard must not cost an archive.  A device is
 * not asked: what a former owner left there says nothing.
 */
static int contents_refuse(struct format *f)
{
	struct nvm_media *media = backing_media(f->backing);
	uint8_t head[NVM_PAGE], any = 0;
	int err = 0;

	if (f->info->kind != BACKING_FILE || f->o->force)
		return 0;
	for (uint64_t at = 0; !err && !any && at < HEAD_BYTES &&
	     at + sizeof(head) <= f->info->size_bytes; at += sizeof(head)) {
		err = media->ops->load(media, at, head, sizeof(head));
		for (size_t i = 0; !err && i < sizeof(head); i++)
			any |= head[i];
	}
	if (err)
		return fail_nvm(f->cli, err, NULL, "cannot read '%s'", f->path);
	if (!any)
		return 0;
	return cli_fail(f->cli, EXIT_EXISTS, "cannot format '%s': it holds "
			"data; --force overwrites it", f->path);
}

/*
 * A name that was asked for and that another pool has: said before anything
 * is written.  The registry itself says so again, under its lock.
 */
static int name_taken_refuse(struct format *f)
{
	const struct registry_entry *entry;
	struct registry registry;
	struct failure failure;
	char path[PATH_MAX];
	int status = 0;

	/* a registry that cannot be read is told when it is needed */
	if (!f->o->name || registry_load(&registry, &failure))
		return 0;
	entry = registry_find(&registry, f->o->name);
	if (entry && !strcmp(entry->name, f->o->name) &&
	    (!realpath(f->path, path) || strcmp(entry->path, path)))
		status = cli_fail(f->cli, EXIT_EXISTS, "cannot format '%s': a "
				  "pool named '%s' is registered already, at "
				  "'%s': choose another --name", f->path,
				  entry->name, entry->path);
	registry_free(&registry);
	return status;
}

/* ---- the target ----------------------------------------------------------- */

/*
 * Not waited for: whoever holds the lock has the target open, and that is
 * refused anyway.
 */
static int target_lock(struct format *f)
{
	struct failure failure;
	int err = lock_pool(f->backing, f->cli->dry_run ? LOCK_SHARED :
			    LOCK_EXCLUSIVE, NULL, &failure);

	return err ? fail_hosted(f->cli, err, &failure) : 0;
}

static int target_open(struct format *f)
{
	struct failure failure;
	int err = backing_open(f->path, f->cli->dry_run ? BACKING_PRIVATE :
			       BACKING_WRITE, &f->backing, &failure);

	if (err)
		return fail_hosted(f->cli, err, &failure);
	f->info = backing_info(f->backing);
	return target_lock(f);
}

static int target_create(struct format *f)
{
	struct failure failure;
	char disk[64];
	int err;

	/* a device that is not there is not a file to be made */
	if (in_kernel_has(f->path, disk, sizeof(disk)))
		return cli_fail(f->cli, EXIT_BUSY, "cannot format '%s': it is "
				"part of '%s', which this kernel has open; "
				"'nvmvd detach %s' gives it back", f->path,
				disk, disk);
	if (!strncmp(f->path, "/dev/", 5) && strncmp(f->path, "/dev/shm/", 9))
		return cli_fail(f->cli, EXIT_NOT_FOUND, "cannot format '%s': "
				"no such device", f->path);
	f->size = f->o->size ? f->o->size : SIZE_DEFAULT;
	/* before anything is created: is there such a pool at all? */
	err = pool_layout(f->size & ~(uint64_t)(NVM_PAGE - 1), f->o->unit,
			  (uint32_t)f->o->children, &f->geometry, NULL);
	if (err || f->cli->dry_run)
		return 0;
	err = backing_create(f->path, f->size, &f->backing, &failure);
	if (err)
		return fail_hosted(f->cli, err, &failure);
	f->created = true;
	f->info = backing_info(f->backing);
	return target_lock(f);
}

/* Turn the namespace below the open target into devdax, and open that. */
static int target_reconfigure(struct format *f)
{
	char path[PATH_MAX];
	struct failure failure;
	int err, status;

	if (!f->info->has_namespace)
		return cli_fail(f->cli, EXIT_UNSUPPORTED, "cannot reconfigure "
				"'%s': it is not an NVDIMM namespace", f->path);
	if (f->info->ns.mode == NAMESPACE_DEVDAX)
		return 0;
	status = cli_ask(f->cli, "reconfigure %s below '%s' to devdax and lose "
			 "what is on it?", f->info->ns.name, f->path);
	if (status || f->cli->dry_run)
		return status;

	char name[sizeof(f->info->ns.name)];

	memcpy(name, f->info->ns.name, sizeof(name));
	backing_close(f->backing);
	f->backing = NULL;
	err = namespace_to_devdax(name, path, sizeof(path), &failure);
	if (err)
		return fail_hosted(f->cli, err, &failure);
	cli_note(f->cli, "%s is now '%s'", name, path);
	snprintf(f->path, sizeof(f->path), "%s", path);
	status = target_open(f);
	return status ? status : users_refuse(f);
}

static int target_prepare(struct format *f)
{
	struct stat st;
	int status;

	if (lstat(f->path, &st) != 0 && errno == ENOENT)
		return target_create(f);
	if (f->o->size)
		return cli_fail(f->cli, EXIT_EXISTS, "cannot create '%s': it "
				"is there already; without --size it is "
				"formatted as it is", f->path);
	status = target_open(f);
	if (!status)
		status = users_refuse(f);
	if (!status)
		status = signatures_refuse(f);
	if (!status && f->info->size_bytes >= POOL_SIZE_MIN)
		status = contents_refuse(f);
	if (!status && f->o->reconfigure)
		status = target_reconfigure(f);
	return status;
}

/* ---- the pool ---------------------------------------------------------------- */

static int layout_refuse(struct format *f, uint64_t size, int err,
			 const struct nvm_fault *fault)
{
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES];
	uint64_t unit = f->o->unit;

	if (unit && (unit & (unit - 1) || unit < POOL_UNIT_MIN ||
		     unit > POOL_UNIT_MAX))
		return cli_fail(f->cli, EXIT_NO_SPACE, "bad unit %s: must be a "
				"power of two from 64K to 1G",
				size_exact(unit, a));
	if (size < POOL_SIZE_MIN || size > POOL_SIZE_MAX)
		return cli_fail(f->cli, EXIT_NO_SPACE, "cannot format '%s': %s "
				"is too %s, a pool has %s to %s", f->path,
				size_exact(size, a), size < POOL_SIZE_MIN ?
				"small" : "large",
				size_exact(POOL_SIZE_MIN, b), "64T");
	if (err == -NVM_ERANGE && unit && size / unit > POOL_UNITS_MAX)
		return cli_fail(f->cli, EXIT_NO_SPACE, "bad unit %s: too small "
				"for a pool of %s, at most %" PRIu64 " units",
				size_exact(unit, a), size_exact(size, b),
				(uint64_t)POOL_UNITS_MAX);
	if (err == -NVM_ERANGE)
		return cli_fail(f->cli, EXIT_NO_SPACE, "cannot format '%s': %s "
				"is too small for units of %s", f->path,
				size_exact(size, a),
				size_exact(unit ? unit : POOL_UNIT_DEFAULT, b));
	return fail_nvm(f->cli, err, fault, "cannot format '%s'", f->path);
}

/* A unit that the device cannot map on its own is of no use to anybody. */
static int unit_choose(struct format *f, uint64_t *ret_unit)
{
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES];
	uint64_t align = f->info ? f->info->align_bytes : NVM_PAGE;

	*ret_unit = f->o->unit;
	if (align <= POOL_UNIT_DEFAULT && !f->o->unit)
		return 0;
	if (!f->o->unit)
		*ret_unit = align;
	if (*ret_unit < align)
		return cli_fail(f->cli, EXIT_NO_SPACE, "bad unit %s: '%s' can "
				"only be mapped in multiples of %s",
				size_exact(*ret_unit, a), f->path,
				size_exact(align, b));
	return 0;
}

static int pool_lay_down(struct format *f)
{
	uint64_t size = f->info ? f->info->size_bytes :
				  f->size & ~(uint64_t)(NVM_PAGE - 1);
	struct nvm_fault fault = { 0 };
	struct pool_range data;
	uint8_t uuid[POOL_UUID_LEN];
	struct pool_format_args format = {
		.children_max = (uint32_t)f->o->children,
		.created_s = (uint64_t)time(NULL),
		.uuid = uuid, .label = f->o->label,
	};
	int err, status = unit_choose(f, &format.unit_bytes);

	if (!status)
		status = session_uuid(f->cli, uuid);
	if (status)
		return status;
	err = pool_layout(size, format.unit_bytes, format.children_max,
			  &f->geometry, &fault);
	if (err)
		return layout_refuse(f, size, err, &fault);
	if (!f->backing)
		return 0;		/* --dry-run of a file to be created */
	format.bad = f->info->bad;
	format.bad_count = f->info->bad_count;
	format.clean = f->created || (f->info->kind == BACKING_FILE &&
			!backing_data_next(f->backing, 0, size, &data));
	err = pool_format(backing_media(f->backing), &format, &fault);
	if (!err)
		err = pool_probe(backing_media(f->backing), &f->geometry,
				 &fault);
	if (err)
		return fail_nvm(f->cli, err, &fault, "cannot format '%s'",
				f->path);
	return 0;
}

/* ---- telling --------------------------------------------------------------- */

static void backing_tell(struct format *f)
{
	const struct backing_info *info = f->info;
	char size[SIZE_TEXT_BYTES];
	uint64_t bad = 0;

	if (info->kind == BACKING_BLOCK && info->has_namespace)
		cli_note(f->cli, "note: a VMM maps '%s' through the host's "
			 "page cache, so what a guest stores is durable only "
			 "when the host syncs; 'nvmpool format --reconfigure "
			 "devdax %s' gives VMs the memory itself", info->path,
			 info->path);
	if (info->durable == BACKING_DURABLE_NEVER)
		cli_warn(f->cli, "'%s' does not survive a loss of power: %s",
			 info->path, info->reason);
	if (f->unseen)
		cli_warn(f->cli, "no permission to look at %u %s, which may "
			 "use '%s'", f->unseen, f->unseen == 1 ? "process" :
			 "processes", info->path);
	for (size_t i = 0; i < info->bad_count; i++)
		bad += info->bad[i].size_bytes;
	if (bad)
		cli_warn(f->cli, "%zu bad ranges (%s) on '%s' will never be "
			 "allocated", info->bad_count, size_text(bad, size),
			 info->path);
}

static void result_tell(struct format *f)
{
	const struct pool_geometry *g = &f->geometry;
	struct registry_entry entry;
	struct failure failure;
	struct cli *cli = f->cli;

	out_text(cli, "path", "pool", f->info ? f->info->path : f->path);
	if (!cli->dry_run) {
		out_uuid(cli, "uuid", "uuid", g->uuid);
		if (enrol_pool(f->info->path, g, f->o->name, &entry, &failure))
			cli_warn(cli, "the pool is ready, but not registered: "
				 "%s", failure.text);
		else
			out_text(cli, "name", "registered as", entry.name);
	}
	if (f->o->label)
		out_text(cli, "label", "label", f->o->label);
	out_size(cli, "size_bytes", "size", g->size_bytes);
	out_size(cli, "unit_bytes", "unit", g->unit_bytes);
	out_size(cli, "data_bytes", "for children",
		 g->unit_count * g->unit_bytes);
	out_number(cli, "unit_count", NULL, g->unit_count);
	out_number(cli, "children_max", "children, at most", g->children_max);
	if (!f->info)
		return;
	out_text(cli, "durable", "durable",
		 backing_durable_name(f->info->durable));
	out_text(cli, "durable_reason", "because", f->info->reason);
	backing_tell(f);
}

static int format_run(struct cli *cli)
{
	struct format f = { .cli = cli, .o = cli->opts };
	int status;

	if (f.o->children > POOL_CHILDREN_MAX)
		return cli_fail(cli, EXIT_USAGE, "too many children: %" PRIu64
				", at most %u", f.o->children,
				POOL_CHILDREN_MAX);
	if (f.o->label && strlen(f.o->label) > POOL_NAME_MAX)
		return cli_fail(cli, EXIT_USAGE, "the label is too long, at "
				"most %u bytes", POOL_NAME_MAX);
	if (f.o->name && !pool_name_valid(f.o->name))
		return name_refuse(cli, f.o->name);
	snprintf(f.path, sizeof(f.path), "%s", cli->arg[0]);
	status = name_taken_refuse(&f);
	if (!status)
		status = target_prepare(&f);
	if (!status)
		status = pool_lay_down(&f);
	if (!status)
		result_tell(&f);
	if (status && f.created)
		unlink(f.path);
	if (f.backing)
		backing_close(f.backing);
	return status;
}

static const struct example examples[] = {
	{ "nvmpool format pool.img", "a pool in a new, sparse file" },
	{ "nvmpool format pool.img --size 1T", "a larger one" },
	{ "nvmpool format /dev/dax0.0", "one on a devdax device" },
	{ "nvmpool format /dev/pmem0 --reconfigure devdax",
	  "one on an NVDIMM, made directly accessible first" },
	{ NULL, NULL }
};

const struct command cmd_format = {
	.name = "format",
	.summary = "make a file or device into an empty pool",
	.description = "TARGET is a regular file (created with --size), a "
		"devdax device (/dev/daxX.Y) or a block device (/dev/pmemN); "
		"all of it becomes the pool. A target that holds a pool, a "
		"file system, a partition table or the like, and a file that "
		"begins with other data, is refused without --force; one that "
		"is mounted or open in a process is refused always. Bad blocks "
		"that the kernel knows of are never allocated.\n\n"
		"The pool is registered, so that the other commands find it.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct format_opts),
	.examples = examples,
	.flags = COMMAND_CHANGES | COMMAND_ASKS,
	.run = format_run,
};
