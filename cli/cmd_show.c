/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_show.c - `nvmpool show`: everything about one child: where its bytes
 * lie, who owns it, who uses it now.
 */
#include "cli/commands.h"
#include "cli/describe.h"
#include "hosted/backing.h"
#include "hosted/in_use.h"

static const struct arg args[] = {
	{ .name = "CHILD", .complete = COMPLETE_CHILD },
	{ .name = NULL }
};

static const struct out_column use_columns[] = {
	{ "pid", NULL, OUT_NUMBER },
	{ "command", NULL, OUT_TEXT },
	{ "offset_bytes", NULL, OUT_OFFSET },
	{ "size_bytes", NULL, OUT_SIZE },
	{ "use", "IN USE", OUT_TEXT },
	{ NULL, NULL, OUT_TEXT },
};

/* Who maps the child's bytes at this moment. */
static int uses_show(struct session *s, const struct pool_child *child)
{
	struct pool_range range[POOL_EXTENTS_MAX];
	struct nvm_fault fault = { 0 };
	struct out_table *table;
	struct failure failure;
	struct use_list list;
	char text[256];
	size_t count;
	int err;

	err = pool_child_extents(s->pool, child->slot, range, &count, &fault);
	if (err)
		return session_fail(s, err, &fault,
				    "cannot read the extents of '%s'",
				    child->name);
	err = use_find(s->backing, USE_WANT_MAP | USE_WANT_LEASE, range, count,
		       &list, &failure);
	if (err)
		return fail_hosted(s->cli, err, &failure);
	table = out_table_begin(s->cli, "uses", use_columns);
	for (size_t i = 0; i < list.count; i++) {
		out_row(table);
		out_cell_number(table, (uint64_t)list.use[i].pid);
		out_cell_text(table, list.use[i].command);
		out_cell_number(table, list.use[i].range.off_bytes);
		out_cell_number(table, list.use[i].range.size_bytes);
		out_cell_text(table, use_describe(&list.use[i], text,
						  sizeof(text)));
	}
	out_table_end(table, NULL);
	out_number(s->cli, "processes_unseen", NULL, list.unseen);
	use_list_free(&list);
	return 0;
}

static int show_run(struct cli *cli)
{
	struct pool_child child;
	struct session s;
	int status = session_open(cli, SESSION_READ, &s);

	if (status)
		return status;
	status = session_child(&s, cli->arg[0], &child);
	if (!status)
		status = describe_child(&s, &child);
	if (!status)
		status = uses_show(&s, &child);
	session_close(&s);
	return status;
}

const struct command cmd_show = {
	.name = "show",
	.summary = "show everything about a child",
	.description = "Offsets are those of the pool's file or device: byte "
		"OFFSET up to, but not including, END. What a guest can use "
		"of a child is less than its size in the modes devdax and "
		"fsdax, where the guest's kernel keeps the first 2 MiB of "
		"every extent. At the end stand the processes that map the "
		"child now.",
	.args = args,
	.flags = COMMAND_POOL,
	.run = show_run,
};
