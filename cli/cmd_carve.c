/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_carve.c - `nvmpool carve`: a new child, for a VM or for programs of the
 * host.  `assign` is the command that also thinks about the VM.
 */
#include <time.h>

#include "cli/commands.h"
#include "cli/describe.h"

struct carve_opts {
	int mode;
};

static const struct opt opts[] = {
	OPT_WORD('m', "mode", "MODE", describe_modes, struct carve_opts, mode,
		 "how a guest's kernel brings the child up (default: raw)"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "NAME", .complete = COMPLETE_NONE },
	{ .name = "SIZE", .complete = COMPLETE_SIZE },
	{ .name = NULL }
};

static int carve_pool(struct session *s, const char *name, uint64_t size,
		      enum pool_mode mode)
{
	uint8_t uuid[POOL_UUID_LEN];
	struct nvm_fault fault = { 0 };
	struct pool_child child;
	int err, status = session_uuid(s->cli, uuid);
	struct pool_carve_args carve = {
		.name = name, .uuid = uuid, .size_bytes = size,
		.created_s = (uint64_t)time(NULL), .mode = mode,
		.for_vm = mode != POOL_MODE_RAW,
	};

	if (status)
		return status;
	err = pool_carve(s->pool, &carve, session_progress(s, "cleaning"),
			 &child, &fault);
	if (err == -NVM_EEXIST)
		return cli_fail(s->cli, EXIT_EXISTS, "cannot carve '%s': a "
				"child of this name is there already", name);
	if (err)
		return session_fail(s, err, &fault, "cannot carve '%s'", name);
	return describe_child(s, &child);
}

static int carve_run(struct cli *cli)
{
	const struct carve_opts *o = cli->opts;
	enum pool_mode mode = o->mode ? (enum pool_mode)(o->mode - 1) :
					POOL_MODE_RAW;
	const char *name = cli->arg[0];
	uint64_t size;
	struct session s;
	int status;

	if (!pool_name_valid(name))
		return name_refuse(cli, name);
	status = session_open(cli, SESSION_WRITE, &s);
	if (status)
		return status;
	status = session_size(&s, cli->arg[1], &size);
	if (!status)
		status = carve_pool(&s, name, size, mode);
	session_close(&s);
	return status;
}

static const struct example examples[] = {
	{ "nvmpool carve log 4G", "a child of 4 GiB" },
	{ "nvmpool carve data 64G --mode devdax",
	  "one that a guest sees as /dev/daxN.M" },
	{ NULL, NULL }
};

const struct command cmd_carve = {
	.name = "carve",
	.summary = "carve a child out of a pool",
	.description = "The child reads as zeros, whatever its units held "
		"before. It gets one run of adjacent units where there is "
		"one, else the fewest that do.\n\n"
		"In the modes devdax and fsdax every extent begins with 2 MiB "
		"for the guest's kernel and obeys the rules for VMs: at least "
		"64 MiB an extent (or the whole child), at most 16 extents. "
		"To give a VM its memory, use assign instead.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct carve_opts),
	.examples = examples,
	.flags = COMMAND_POOL | COMMAND_CHANGES,
	.run = carve_run,
};
