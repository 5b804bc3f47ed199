/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_resize.c - `nvmpool resize`: a child becomes longer or shorter at its
 * end.
 *
 * Refused while anything maps the child, growing too: a running VM does not
 * see the new size, and the stamp of its last extent changes under it.  With
 * --live what is there keeps its place and length, new extents are added, and
 * the VM is given these over QMP.
 *
 * Crash story: pool_resize() is one transaction.  What is cut off is DIRTY in
 * that same transaction; cleaning it afterwards may be interrupted.
 */
#include "cli/commands.h"
#include "cli/describe.h"

struct resize_opts {
	bool live;
};

static const struct opt opts[] = {
	OPT_FLAG(0, "live", struct resize_opts, live,
		 "grow by new extents only, to plug into a running VM"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "CHILD", .complete = COMPLETE_CHILD },
	{ .name = "SIZE|+SIZE|-SIZE", .complete = COMPLETE_SIZE },
	{ .name = NULL }
};

/* The size that the argument asks for; "+1G" and "-1G" count from now. */
static int resize_target(struct session *s, const struct pool_child *child,
			 const char *text, uint64_t *ret_bytes)
{
	char have[SIZE_TEXT_BYTES];
	uint64_t bytes;
	int status;

	if (*text != '+' && *text != '-')
		return session_size(s, text, ret_bytes);
	if (!text[1])
		return cli_fail(s->cli, EXIT_USAGE, "bad size '%s': must be a "
				"number, as in %s4G or %s512M", text, text,
				text);
	if (size_parse(text + 1, &bytes) == 0 && !bytes)
		return cli_fail(s->cli, EXIT_NO_SPACE, "bad size '%s': that "
				"changes nothing", text);
	status = session_size(s, text + 1, &bytes);
	if (status)
		return status;
	size_text(child->size_bytes, have);
	if (*text == '-' && bytes >= child->size_bytes)
		return cli_fail(s->cli, EXIT_NO_SPACE, "bad size '%s': '%s' "
				"has %s; 'nvmpool release' gives all of it "
				"back", text, child->name, have);
	if (*text == '+' && bytes > UINT64_MAX - child->size_bytes)
		return cli_fail(s->cli, EXIT_USAGE, "bad size '%s': too large",
				text);
	*ret_bytes = *text == '+' ? child->size_bytes + bytes :
				    child->size_bytes - bytes;
	return 0;
}

/*
 * In use is looked for before the question and again behind it: a VM may have
 * been started while the question stood.
 */
static int resize_allowed(struct session *s, const struct pool_child *child,
			  uint64_t size_bytes)
{
	char from[SIZE_TEXT_BYTES], to[SIZE_TEXT_BYTES];
	int status = session_not_in_use(s, child, "resize");

	if (status || size_bytes > child->size_bytes || s->cli->yes)
		return status;
	status = cli_ask(s->cli, "shrink '%s' from %s to %s and lose the data "
			 "behind that?", child->name,
			 size_text(child->size_bytes, from),
			 size_text(size_bytes, to));
	return status ? status : session_not_in_use(s, child, "resize");
}

/*
 * Into a running VM: it was told at its start how far the child may grow.  No
 * matter who maps it, nothing of what they map changes.
 */
static int live_allowed(struct session *s, const struct pool_child *child,
			uint64_t size_bytes)
{
	char text[SIZE_TEXT_BYTES], to[SIZE_TEXT_BYTES];

	if (child->mode == POOL_MODE_RAW)
		return cli_fail(s->cli, EXIT_UNSUPPORTED, "cannot resize '%s' "
				"--live: a raw child is of one extent, whose "
				"length its VM has been told", child->name);
	if (size_bytes < child->size_bytes)
		return cli_fail(s->cli, EXIT_USAGE, "cannot resize '%s' "
				"--live: nothing can be taken from a running "
				"VM", child->name);
	if (child->size_bytes < VM_EXTENT_MIN ||
	    size_bytes - child->size_bytes < VM_EXTENT_MIN)
		return cli_fail(s->cli, EXIT_NO_SPACE, "cannot resize '%s' "
				"--live: from %s to %s, but a child of several "
				"extents has at least 64M in each",
				child->name, size_exact(child->size_bytes, text),
				size_exact(size_bytes, to));
	if (size_bytes <= child->grow_to_bytes)
		return 0;
	return cli_fail(s->cli, EXIT_NO_SPACE, "cannot resize '%s' --live: "
			"its VM keeps room for %s; --grow-to of 'nvmpool "
			"assign' keeps more from its next start on",
			child->name, size_exact(child->grow_to_bytes ?
			child->grow_to_bytes : child->size_bytes, text));
}

/* What was extent @first and up is new. */
static void live_tell(struct session *s, const struct pool_child *child,
		      size_t first)
{
	out_number(s->cli, "first_new_extent", NULL, first);
	if (!s->cli->dry_run)
		cli_note(s->cli, "'nvmpool args %s --for qmp --name %s "
			 "--from-extent %zu' plugs it into the running VM, "
			 "with --ram and --machine as it was started",
			 child->vm, child->name, first);
}

static int resize_tell(struct session *s, const struct pool_child *old,
		       bool changed, bool live)
{
	struct pool_child child;
	int status = session_child(s, old->name, &child);

	if (status)
		return status;
	out_size(s->cli, "old_size_bytes", "old size", old->size_bytes);
	out_bool(s->cli, "changed", NULL, changed);
	status = describe_child(s, &child);
	if (!status && changed && !live && *child.vm && !s->cli->dry_run)
		cli_note(s->cli, "VM '%s' gets the new size when it is "
			 "started again, with the arguments of 'nvmpool args "
			 "%s'", child.vm, child.vm);
	return status;
}

static int resize_child(struct session *s, const char *name, const char *text,
			bool live)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct nvm_fault fault = { 0 };
	struct pool_child child;
	uint64_t size_bytes = 0;
	size_t count = 0;
	int err, status = session_child(s, name, &child);

	if (!status)
		status = resize_target(s, &child, text, &size_bytes);
	if (status)
		return status;
	if (size_bytes == child.size_bytes)
		return resize_tell(s, &child, false, live);
	status = live ? live_allowed(s, &child, size_bytes) :
			resize_allowed(s, &child, size_bytes);
	if (status)
		return status;
	err = pool_child_extents(s->pool, child.slot, extent, &count, &fault);
	if (!err)
		err = (live ? pool_extend : pool_resize)(s->pool, child.slot,
			size_bytes, session_progress(s, "cleaning"), &fault);
	if (err)
		return session_fail(s, err, &fault, "cannot resize '%s'", name);
	if (live)
		live_tell(s, &child, count);
	status = resize_tell(s, &child, true, live);
	if (!status && size_bytes < child.size_bytes)
		status = session_clean(s);
	describe_pool(s);
	return status;
}

static int resize_run(struct cli *cli)
{
	const struct resize_opts *o = cli->opts;
	struct session s;
	int status = session_open(cli, SESSION_WRITE, &s);

	if (status)
		return status;
	status = resize_child(&s, cli->arg[0], cli->arg[1], o->live);
	session_close(&s);
	return status;
}

static const struct example examples[] = {
	{ "nvmpool resize vm1 8G", "to 8 GiB" },
	{ "nvmpool resize vm1 +512M", "by 512 MiB more" },
	{ "nvmpool resize vm1 -1G --yes", "cut off the last GiB" },
	{ "nvmpool resize vm1 +64G --live", "grow while the VM runs" },
	{ NULL, NULL }
};

const struct command cmd_resize = {
	.name = "resize",
	.summary = "make a child longer or shorter at its end",
	.description = "SIZE is the new size; +SIZE and -SIZE count from what "
		"it is now. What is added reads as zeros. What is cut off is "
		"lost, so shrinking asks first. It is refused while a process "
		"maps the child or works on its bytes: a running VM could not "
		"see the change. With --live the child only grows, by new "
		"extents of 64 MiB or more that can be plugged into the VM "
		"while it runs, as far as --grow-to of assign has kept room in "
		"it. A file system in the child is not told: shrink it before, "
		"grow it afterwards.\n\n"
		"A child that cannot grow where it lies gets more extents; for "
		"a VM these are at least 64 MiB, and 16 at most.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct resize_opts),
	.examples = examples,
	.flags = COMMAND_POOL | COMMAND_CHANGES | COMMAND_ASKS,
	.run = resize_run,
};
