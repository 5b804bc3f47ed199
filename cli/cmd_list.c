/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_list.c - `nvmpool list`: the children of a pool, one a line.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/describe.h"

struct list_opts {
	const char *vm;
};

static const struct opt opts[] = {
	OPT_TEXT(0, "vm", "VM", COMPLETE_VM, struct list_opts, vm,
		 "only the children of this VM"),
	OPT_END
};

static const struct out_column columns[] = {
	{ "name", "NAME", OUT_TEXT },
	{ "size_bytes", "SIZE", OUT_SIZE },
	{ "vm", "VM", OUT_TEXT },
	{ "mode", "MODE", OUT_TEXT },
	{ "device", "DEVICE", OUT_TEXT },
	{ "access", "ACCESS", OUT_TEXT },
	{ "uuid", NULL, OUT_TEXT },
	{ "created_s", "CREATED", OUT_TIME },
	{ NULL, NULL, OUT_TEXT },
};

static void child_row(struct out_table *table, const struct pool_child *child)
{
	const char *access = describe_access(child->flags);
	char uuid[OUT_UUID_BYTES];

	out_row(table);
	out_cell_text(table, child->name);
	out_cell_number(table, child->size_bytes);
	out_cell_text(table, *child->vm ? child->vm : NULL);
	out_cell_text(table, describe_mode(child->mode));
	out_cell_text(table, describe_device(child->device));
	out_cell_text(table, access ? access : "private");
	out_cell_text(table, out_uuid_text(child->uuid, uuid));
	out_cell_number(table, child->created_s);
}

static int list_run(struct cli *cli)
{
	const struct list_opts *o = cli->opts;
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES], c[SIZE_TEXT_BYTES];
	struct out_table *table;
	struct pool_child child;
	struct pool_space space;
	uint32_t cursor = 0;
	struct session s;
	int status = session_open(cli, SESSION_READ, &s);

	if (status)
		return status;
	describe_pool(&s);
	table = out_table_begin(cli, "children", columns);
	while (pool_child_next(s.pool, &cursor, &child))
		if (!o->vm || strcmp(o->vm, child.vm) == 0)
			child_row(table, &child);
	out_table_end(table, NULL);
	pool_space(s.pool, &space);
	out_line(cli, "%" PRIu32 " %s, %s used, %s free, largest run %s",
		 space.children, space.children == 1 ? "child" : "children",
		 size_text(space.unit_count[UNIT_USED] *
			   s.geometry->unit_bytes, a),
		 size_text(space.free_bytes, b),
		 size_text(space.largest_run_bytes, c));
	session_close(&s);
	return 0;
}

static const struct example examples[] = {
	{ "nvmpool list", "the children of the only registered pool" },
	{ "nvmpool list -j --pool pool.img | jq -r '.data.children[].name'",
	  "their names, for a script" },
	{ NULL, NULL }
};

const struct command cmd_list = {
	.name = "list",
	.summary = "list the children of a pool",
	.opts = opts,
	.opts_size = sizeof(struct list_opts),
	.examples = examples,
	.flags = COMMAND_POOL,
	.run = list_run,
};
