/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_pools.c - `nvmpool pools`: the pools this host (or user) knows by name.
 * The registry is a convenience: a pool is whole without it.
 */
#include <errno.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/enrol.h"
#include "hosted/backing.h"

struct pools_opts {
	const char *name;
};

enum {
	ACTION_LIST,
	ACTION_REGISTER,
	ACTION_FORGET,
	ACTION_DEFAULT,
	ACTION_NO_DEFAULT,
	ACTION_COUNT
};

static const char *const actions[] = {
	[ACTION_LIST] = "list",
	[ACTION_REGISTER] = "register",
	[ACTION_FORGET] = "forget",
	[ACTION_DEFAULT] = "default",
	[ACTION_NO_DEFAULT] = "no-default",
	[ACTION_COUNT] = NULL
};

static const struct opt opts[] = {
	OPT_TEXT(0, "name", "NAME", COMPLETE_NONE, struct pools_opts, name,
		 "register under this name (default: the pool's label, else "
		 "the file's name)"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "ACTION", .complete = COMPLETE_WORDS, .words = actions,
	  .optional = true },
	{ .name = "POOL", .complete = COMPLETE_POOL, .optional = true },
	{ .name = NULL }
};

/* Look at a pool without a lock: its GMB never tears (format.h). */
static const char *pool_state(const char *path, struct pool_geometry *ret_g)
{
	struct nvm_fault fault;
	struct backing *backing;
	struct failure failure;
	int err = backing_open(path, BACKING_READ, &backing, &failure);

	if (err == -ENOENT || err == -ENXIO || err == -ENODEV)
		return "missing";
	if (err)
		return err == -EACCES ? "no permission" : "cannot be opened";
	err = pool_probe(backing_media(backing), ret_g, &fault);
	backing_close(backing);
	if (err == -NVM_EBADMSG)
		return "damaged";
	if (err == -NVM_EPROTO)
		return "newer format";
	return err ? "not a pool" : "ok";
}

static const struct out_column columns[] = {
	{ "name", "NAME", OUT_TEXT },
	{ "default", "DEFAULT", OUT_BOOL },
	{ "size_bytes", "SIZE", OUT_SIZE },
	{ "state", "STATE", OUT_TEXT },
	{ "uuid", NULL, OUT_TEXT },
	{ "path", "PATH", OUT_TEXT },
	{ NULL, NULL, OUT_TEXT },
};

static int pools_list(struct cli *cli)
{
	const struct registry_entry *chosen;
	struct registry registry;
	struct out_table *table;
	struct failure failure;
	int err = registry_load(&registry, &failure);

	if (err)
		return fail_hosted(cli, err, &failure);
	chosen = registry_default(&registry);
	table = out_table_begin(cli, "pools", columns);
	for (size_t i = 0; i < registry.count; i++) {
		const struct registry_entry *e = &registry.entry[i];
		struct pool_geometry g;
		const char *state = pool_state(e->path, &g);

		out_row(table);
		out_cell_text(table, e->name);
		out_cell_number(table, e == chosen);
		if (strcmp(state, "ok") == 0)
			out_cell_number(table, g.size_bytes);
		else
			out_cell_none(table);
		out_cell_text(table, state);
		out_cell_text(table, *e->uuid ? e->uuid : NULL);
		out_cell_text(table, e->path);
	}
	out_table_end(table, "no pool is registered; 'nvmpool format' makes one"
			     ", 'nvmpool pools register' adds one");
	registry_free(&registry);
	return 0;
}

static int pools_register(struct cli *cli, const char *path)
{
	const struct pools_opts *o = cli->opts;
	struct registry_entry entry;
	struct pool_geometry g;
	struct nvm_fault fault = { 0 };
	struct backing *backing;
	struct failure failure;
	int err, status = 0;

	if (o->name && !pool_name_valid(o->name))
		return name_refuse(cli, o->name);
	err = backing_open(path, BACKING_READ, &backing, &failure);
	if (err)
		return fail_hosted(cli, err, &failure);
	err = pool_probe(backing_media(backing), &g, &fault);
	if (err)
		status = fail_nvm(cli, err, &fault, "cannot register '%s'",
				  path);
	if (!status && !cli->dry_run) {
		err = enrol_pool(backing_info(backing)->path, &g, o->name,
				 &entry, &failure);
		if (err)
			status = fail_hosted(cli, err, &failure);
		else
			out_text(cli, "name", "registered as", entry.name);
	}
	backing_close(backing);
	return status;
}

static int pools_run(struct cli *cli)
{
	const struct pools_opts *o = cli->opts;
	const char *word = cli->arg_count ? cli->arg[0] : "list";
	const char *pool = cli->arg[1];
	struct failure failure;
	int action = 0, err = 0;
	bool takes_pool;

	while (actions[action] && strcmp(actions[action], word) != 0)
		action++;
	if (action == ACTION_COUNT) {
		const char *near = opt_suggest(word, actions);

		return cli_fail(cli, EXIT_USAGE, "unknown action '%s'%s%s%s",
				word, near ? ", did you mean '" : "",
				near ? near : ", must be one of: list, "
				"register, forget, default, no-default",
				near ? "'?" : "");
	}
	takes_pool = action != ACTION_LIST && action != ACTION_NO_DEFAULT;
	if (takes_pool && !pool)
		return cli_fail(cli, EXIT_USAGE, "missing POOL for '%s'; see "
				"'%s pools --help'", word, cli->tool->name);
	if (!takes_pool && pool)
		return cli_fail(cli, EXIT_USAGE, "unexpected argument '%s'",
				pool);
	if (o->name && action != ACTION_REGISTER)
		return cli_fail(cli, EXIT_USAGE, "--name goes with 'register' "
				"only");
	if (action == ACTION_LIST)
		return pools_list(cli);
	if (action == ACTION_REGISTER)
		return pools_register(cli, pool);
	if (cli->dry_run)
		return 0;
	if (action == ACTION_FORGET)
		err = registry_forget(pool, &failure);
	else
		err = registry_set_default(pool, &failure);
	return err ? fail_hosted(cli, err, &failure) : 0;
}

static const struct example examples[] = {
	{ "nvmpool pools", "the registered pools" },
	{ "nvmpool pools register /mnt/pool.img --name fast",
	  "know a pool by a name" },
	{ "nvmpool pools default fast",
	  "the one that is meant when none is named" },
	{ NULL, NULL }
};

const struct command cmd_pools = {
	.name = "pools",
	.summary = "list, register, forget the pools known by name",
	.description = "Without --pool and NVMPOOL a command works on the "
		"default pool, or on the only registered one. 'list' shows "
		"the registered pools, 'register' adds the pool in a file or "
		"device, 'forget' takes one out and leaves the pool itself "
		"alone, 'default' chooses the default, 'no-default' takes "
		"that back. The registry is in $NVMPOOL_STATE_DIR, else in "
		"/var/lib/nvmpool for root and in ~/.local/state/nvmpool for "
		"others.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct pools_opts),
	.examples = examples,
	.flags = COMMAND_CHANGES,
	.run = pools_run,
};
