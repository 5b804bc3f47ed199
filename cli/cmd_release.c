/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_release.c - `nvmpool release`: a child's units go back to the pool.
 *
 * Crash story: pool_release() is one transaction, after which the units are
 * DIRTY and nobody's.  Cleaning them is a second step that may be cut off at
 * any point: a unit not yet clean is known as such and never handed out so.
 */
#include "cli/commands.h"
#include "cli/describe.h"

struct release_opts {
	bool keep_dirty;
	bool force;
};

static const struct opt opts[] = {
	OPT_FLAG(0, "keep-dirty", struct release_opts, keep_dirty,
		 "leave cleaning to whoever gets the units next"),
	OPT_FLAG('f', "force", struct release_opts, force,
		 "give up a child whose extents are lost, too; 'nvmpool check "
		 "--repair' then finds what nobody owns"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "CHILD", .complete = COMPLETE_CHILD },
	{ .name = NULL }
};

/*
 * Looks for users before the question, to refuse early, and again behind it,
 * since a VM may have been started while the question stood.
 */
static int release_allowed(struct session *s, const struct pool_child *child)
{
	char size[SIZE_TEXT_BYTES];
	int status = session_not_in_use(s, child, "release");

	if (status || s->cli->yes)
		return status;
	status = cli_ask(s->cli, "release '%s' (%s%s%s) and lose its data?",
			 child->name,
			 size_text(child->size_bytes, size),
			 *child->vm ? ", of VM " : "", child->vm);
	return status ? status : session_not_in_use(s, child, "release");
}

/* Which units are the child's: nobody can say any more. */
static bool extents_lost(struct session *s, const struct pool_child *child)
{
	struct pool_range range[POOL_EXTENTS_MAX];
	size_t count;
	int err = pool_child_extents(s->pool, child->slot, range, &count, NULL);

	return err == -NVM_EBADMSG || err == -NVM_EIO;
}

static int release_lost(struct session *s, const struct pool_child *child)
{
	struct nvm_fault fault = { 0 };
	int err, status = 0;

	if (!s->cli->yes)
		status = cli_ask(s->cli, "give up '%s', whose extents are "
				 "lost?", child->name);
	if (status)
		return status;
	err = pool_forget(s->pool, child->slot, &fault);
	if (err)
		return session_fail(s, err, &fault, "cannot release '%s'",
				    child->name);
	cli_note(s->cli, "gave up '%s'; 'nvmpool check --repair' gives its "
		 "units back", child->name);
	out_text(s->cli, "name", NULL, child->name);
	out_size(s->cli, "size_bytes", NULL, child->size_bytes);
	return 0;
}

static int release_child(struct session *s, const char *name,
			 const struct release_opts *o)
{
	struct nvm_fault fault = { 0 };
	struct pool_child child;
	int err, status = session_child(s, name, &child);

	if (!status && o->force && extents_lost(s, &child))
		return release_lost(s, &child);
	if (!status)
		status = release_allowed(s, &child);
	if (status)
		return status;
	err = pool_release(s->pool, child.slot, &fault);
	if (err)
		return session_fail(s, err, &fault, "cannot release '%s'",
				    name);
	out_text(s->cli, "name", NULL, name);
	out_size(s->cli, "size_bytes", NULL, child.size_bytes);
	status = o->keep_dirty ? 0 : session_clean(s);
	describe_pool(s);
	return status;
}

static int release_run(struct cli *cli)
{
	const struct release_opts *o = cli->opts;
	struct session s;
	int status = session_open(cli, SESSION_WRITE, &s);

	if (status)
		return status;
	status = release_child(&s, cli->arg[0], o);
	session_close(&s);
	return status;
}

static const struct example examples[] = {
	{ "nvmpool release vm1 --yes", "without a question, in a script" },
	{ NULL, NULL }
};

const struct command cmd_release = {
	.name = "release",
	.summary = "give a child's space back to the pool",
	.description = "The child's data is lost. It is refused while a "
		"process maps the child or works on its bytes. Afterwards the "
		"released units are made to read as zeros; this can be "
		"interrupted, or left for later with --keep-dirty: a unit is "
		"always cleaned before it is handed out.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct release_opts),
	.examples = examples,
	.flags = COMMAND_POOL | COMMAND_CHANGES | COMMAND_ASKS,
	.run = release_run,
};
