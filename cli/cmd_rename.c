/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_rename.c - `nvmpool rename`: another name for a child.  Its bytes, its
 * uuid and its VM stay, so a running guest does not notice.
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/describe.h"

static const struct arg args[] = {
	{ .name = "CHILD", .complete = COMPLETE_CHILD },
	{ .name = "NAME", .complete = COMPLETE_NONE },
	{ .name = NULL }
};

static int rename_child(struct session *s, const char *old, const char *new)
{
	struct pool_child child, other;
	struct nvm_fault fault = { 0 };
	int err, status = session_child(s, old, &child);

	if (status)
		return status;
	if (strcmp(old, new) != 0 &&
	    pool_child_find(s->pool, new, &other) == 0)
		return cli_fail(s->cli, EXIT_EXISTS, "cannot rename '%s': a "
				"child '%s' is there already", old, new);
	snprintf(child.name, sizeof(child.name), "%s", new);
	err = strcmp(old, new) ? pool_update(s->pool, &child, &fault) : 0;
	if (err)
		return session_fail(s, err, &fault, "cannot rename '%s'", old);
	/* assign takes the VM's name for the child's, when not told better. */
	if (*child.vm && !strcmp(old, child.vm) && strcmp(old, new))
		cli_note(s->cli, "'nvmpool assign %s SIZE' must say --name %s "
			 "from now on; 'nvmpool args %s' need not", child.vm,
			 new, child.vm);
	out_text(s->cli, "name", NULL, new);
	out_text(s->cli, "old_name", NULL, old);
	out_uuid(s->cli, "uuid", NULL, child.uuid);
	return 0;
}

static int rename_run(struct cli *cli)
{
	struct session s;
	int status;

	if (!pool_name_valid(cli->arg[1]))
		return name_refuse(cli, cli->arg[1]);
	status = session_open(cli, SESSION_WRITE, &s);
	if (status)
		return status;
	status = rename_child(&s, cli->arg[0], cli->arg[1]);
	session_close(&s);
	return status;
}

const struct command cmd_rename = {
	.name = "rename",
	.summary = "give a child another name",
	.description = "The child's bytes, its uuid and its VM stay as they "
		"are; it may be in use.",
	.args = args,
	.flags = COMMAND_POOL | COMMAND_CHANGES,
	.run = rename_run,
};
