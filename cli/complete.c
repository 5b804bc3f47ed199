/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * complete.c - the hidden commands __generate, which prints what is made from
 * the tables, and __names, which the completion scripts ask for names; and
 * what the generators share.
 */
#include "cli/complete.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/kernel.h"
#include "cli/session.h"
#include "hosted/registry.h"

void complete_emit(const struct tool *tool, FILE *stream, const char *text)
{
	const char *next;

	while ((next = strstr(text, "TOOL"))) {
		fprintf(stream, "%.*s%s", (int)(next - text), text, tool->name);
		text = next + strlen("TOOL");
	}
	fputs(text, stream);
}

void complete_quoted(FILE *stream, const char *text)
{
	char *quoted = g_shell_quote(text);

	fputs(quoted, stream);
	g_free(quoted);
}

const struct command *complete_command(const struct tool *tool, size_t *cursor)
{
	const struct command *command;

	while ((command = tool->commands[*cursor])) {
		++*cursor;
		if (!(command->flags & COMMAND_HIDDEN))
			return command;
	}
	return NULL;
}

/* ---- __generate ------------------------------------------------------------ */

static const char *const products[] = { "bash", "zsh", "fish", "man", NULL };

static const struct arg generate_args[] = {
	{ .name = "PRODUCT", .complete = COMPLETE_WORDS, .words = products },
	{ .name = NULL }
};

static int generate_run(struct cli *cli)
{
	static void (*const generate[])(const struct tool *, FILE *) = {
		complete_bash, complete_zsh, complete_fish, man_commands,
	};
	FILE *stream = out_stream(cli);

	for (size_t i = 0; products[i]; i++) {
		if (strcmp(cli->arg[0], products[i]) != 0)
			continue;
		if (stream)
			generate[i](cli->tool, stream);
		return 0;
	}
	return cli_fail(cli, EXIT_USAGE, "cannot generate '%s'", cli->arg[0]);
}

const struct command cmd_generate = {
	.name = "__generate",
	.summary = "print a completion script or a part of the manual",
	.args = generate_args,
	.flags = COMMAND_HIDDEN,
	.run = generate_run,
};

/* ---- __names ----------------------------------------------------------------- */

static const char *const name_kinds[] = { "children", "vms", "pools", "disks",
					     NULL };

static const struct arg names_args[] = {
	{ .name = "KIND", .complete = COMPLETE_WORDS, .words = name_kinds },
	{ .name = NULL }
};

static int pool_names(struct cli *cli)
{
	struct registry registry;
	struct failure failure;
	int err = registry_load(&registry, &failure);

	if (err)
		return fail_hosted(cli, err, &failure);
	for (size_t i = 0; i < registry.count; i++)
		out_line(cli, "%s", registry.entry[i].name);
	registry_free(&registry);
	return 0;
}

static int disk_names(struct cli *cli)
{
	struct kdisk *disks;
	size_t count;
	int status = kernel_disks(cli, &disks, &count);

	if (status)
		return status;
	for (size_t i = 0; i < count; i++)
		out_line(cli, "%s", disks[i].name);
	free(disks);
	return 0;
}

static int names_run(struct cli *cli)
{
	bool vms = strcmp(cli->arg[0], "vms") == 0;
	struct pool_child child;
	uint32_t cursor = 0;
	struct session s;
	GHashTable *seen;
	int status;

	if (strcmp(cli->arg[0], "pools") == 0)
		return pool_names(cli);
	if (strcmp(cli->arg[0], "disks") == 0)
		return disk_names(cli);
	if (!vms && strcmp(cli->arg[0], "children") != 0)
		return cli_fail(cli, EXIT_USAGE, "no names of kind '%s'",
				cli->arg[0]);
	/* somebody has just pressed a key and waits for it */
	cli->wait_s = 0;
	status = session_open(cli, SESSION_READ | SESSION_QUIET, &s);
	if (status)
		return status;
	seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	while (pool_child_next(s.pool, &cursor, &child)) {
		const char *name = vms ? child.vm : child.name;

		if (*name && g_hash_table_add(seen, g_strdup(name)))
			out_line(cli, "%s", name);
	}
	g_hash_table_destroy(seen);
	session_close(&s);
	return 0;
}

const struct command cmd_names = {
	.name = "__names",
	.summary = "print names for a completion script",
	.args = names_args,
	.flags = COMMAND_HIDDEN | COMMAND_POOL,
	.run = names_run,
};
