/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vm_roll.c - the children of a VM, gathered for a plan (vm_roll.h).  Owns
 * nothing of the pool: it copies what it needs, so it stays true while the
 * session holds the pool's lock.
 */
#include "cli/vm_roll.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cli/describe.h"
#include "hosted/in_use.h"
#include "qemu-glue/probe.h"

/* ---- gathering ----------------------------------------------------------- */

static void roll_append(struct vm_roll *roll, const struct pool_child *entry,
			const struct pool_range *extent, size_t count)
{
	size_t i = roll->count;

	if (i == roll->room) {
		roll->room = roll->room ? 2 * roll->room : 8;
		roll->child = g_renew(struct vm_child, roll->child,
				      roll->room);
		roll->entry = g_renew(struct pool_child, roll->entry,
				      roll->room);
		roll->extent = g_renew(struct pool_range *, roll->extent,
				       roll->room);
		/* the names are in the entries, which have moved */
		for (size_t k = 0; k < i; k++)
			roll->child[k].name = roll->entry[k].name;
	}
	roll->entry[i] = *entry;
	roll->extent[i] = g_new(struct pool_range, count);
	memcpy(roll->extent[i], extent, count * sizeof(*extent));
	roll->child[i] = (struct vm_child){
		.name = roll->entry[i].name,
		.extent = roll->extent[i],
		.extent_count = count,
		.mode = entry->mode,
		.device = entry->device,
		.read_only = entry->flags & (POOL_CHILD_READ_ONLY |
					     POOL_CHILD_SHARED),
		.grow_to_bytes = entry->grow_to_bytes,
	};
	roll->count++;
}

int vm_roll_add(struct session *session, const struct pool_child *child,
		struct vm_roll *roll)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct nvm_fault fault = { 0 };
	size_t count;
	int err = pool_child_extents(session->pool, child->slot, extent,
				     &count, &fault);

	if (err)
		return session_fail(session, err, &fault,
				    "cannot read the extents of '%s'",
				    child->name);
	roll_append(roll, child, extent, count);
	return 0;
}

void vm_roll_add_wish(const struct pool_child *child, struct vm_roll *roll)
{
	struct pool_range extent = { 0, child->size_bytes };

	roll_append(roll, child, &extent, 1);
}

int vm_roll_fill(struct session *session, const char *vm,
		 struct vm_roll *roll)
{
	struct pool_child child;
	uint32_t cursor = 0;
	int status = 0;

	while (!status && pool_child_next(session->pool, &cursor, &child))
		if (!strcmp(child.vm, vm))
			status = vm_roll_add(session, &child, roll);
	return status;
}

void vm_roll_free(struct vm_roll *roll)
{
	for (size_t i = 0; i < roll->count; i++)
		g_free(roll->extent[i]);
	g_free(roll->extent);
	g_free(roll->child);
	g_free(roll->entry);
	*roll = (struct vm_roll){ 0 };
}

/* ---- in use ---------------------------------------------------------------- */

static const char *roll_name_at(const struct vm_roll *roll,
				const struct pool_range *range)
{
	for (size_t i = 0; i < roll->count; i++)
		for (size_t k = 0; k < roll->child[i].extent_count; k++) {
			const struct pool_range *e = &roll->extent[i][k];

			if (range->off_bytes < e->off_bytes + e->size_bytes &&
			    e->off_bytes < range->off_bytes +
					   range->size_bytes)
				return roll->child[i].name;
		}
	return roll->child[0].name;
}

int vm_roll_not_in_use(struct session *session, const struct vm_roll *roll,
		       bool shared_too, const char *doing)
{
	GArray *ranges = g_array_new(FALSE, FALSE, sizeof(struct pool_range));
	struct use_list list = { 0 };
	struct failure failure;
	char text[256];
	int err = 0, status = 0;

	for (size_t i = 0; i < roll->count; i++)
		if (shared_too || !(roll->entry[i].flags & POOL_CHILD_SHARED))
			g_array_append_vals(ranges, roll->extent[i],
				(guint)roll->child[i].extent_count);
	if (ranges->len)
		err = use_find(session->backing, USE_WANT_MAP | USE_WANT_LEASE,
			       (const struct pool_range *)(void *)ranges->data,
			       ranges->len, &list, &failure);
	if (err)
		status = fail_hosted(session->cli, err, &failure);
	else if (list.count)
		status = cli_fail(session->cli, EXIT_BUSY,
				  "cannot %s '%s': %s", doing,
				  roll_name_at(roll, &list.use[0].range),
				  use_describe(&list.use[0], text,
					       sizeof(text)));
	use_list_free(&list);
	g_array_free(ranges, TRUE);
	return status;
}

/* ---- the answer ----------------------------------------------------------- */

enum vm_format vm_ask_format(int word)
{
	return word ? (enum vm_format)(word - 1) : VM_FORMAT_QEMU;
}

static int roll_plan(struct session *session, const struct vm_roll *roll,
		     const struct vm_ask *ask, struct vm_spec *spec,
		     struct vm_plan *ret_plan, char **ret_text)
{
	struct failure failure;
	int err;

	*spec = (struct vm_spec){
		.name = ask->vm,
		.machine = ask->machine,
		.ram_bytes = ask->ram_bytes,
		.child = roll->child,
		.child_count = roll->count,
	};
	vm_backing_fill(backing_info(session->backing), &spec->backing);
	err = vm_plan_make(spec, ret_plan, &failure);
	if (!err) {
		err = args_render(ret_plan, &ask->want, ret_text, &failure);
		if (err)
			vm_plan_free(ret_plan);
	}
	return err ? fail_hosted(session->cli, err, &failure) : 0;
}

int vm_roll_check(struct session *session, const struct vm_roll *roll,
		  const struct vm_ask *ask)
{
	struct vm_spec spec;
	struct vm_plan plan;
	char *text;
	int status = roll_plan(session, roll, ask, &spec, &plan, &text);

	if (status)
		return status;
	g_free(text);
	vm_plan_free(&plan);
	return 0;
}

static void answer_devices(struct cli *cli, const struct vm_plan *plan)
{
	static const struct out_column columns[] = {
		{ "child", NULL, OUT_TEXT },
		{ "extent", NULL, OUT_NUMBER },
		{ "device", NULL, OUT_TEXT },
		{ "mode", NULL, OUT_TEXT },
		{ "read_only", NULL, OUT_BOOL },
		{ "offset_bytes", NULL, OUT_OFFSET },
		{ "size_bytes", NULL, OUT_SIZE },
		{ "guest_address", NULL, OUT_OFFSET },
		{ NULL, NULL, OUT_TEXT },
	};
	struct out_table *table = out_table_begin(cli, "devices", columns);

	for (size_t i = 0; i < plan->device_count; i++) {
		const struct vm_device *device = &plan->device[i];

		out_row(table);
		out_cell_text(table, device->child->name);
		out_cell_number(table, device->extent);
		out_cell_text(table, describe_device(device->device));
		out_cell_text(table, describe_mode(device->child->mode));
		out_cell_number(table, device->child->read_only);
		out_cell_number(table, device->offset_bytes);
		out_cell_number(table, device->size_bytes);
		out_cell_number(table, device->address);
	}
	out_table_end(table, NULL);
}

static void answer_json(struct cli *cli, const struct vm_plan *plan,
			const struct vm_ask *ask, const char *text)
{
	struct json_object *words = json_object_new_array();
	char **list = args_words(plan, false);

	out_text(cli, "vm", NULL, ask->vm);
	out_text(cli, "for", NULL, vm_format_names[ask->want.format]);
	out_text(cli, "text", NULL, text);
	for (char **word = list; *word; word++)
		json_object_array_add(words, json_object_new_string(*word));
	if (ask->want.format == VM_FORMAT_QEMU)
		json_object_object_add(out_data(cli), "words", words);
	else
		json_object_put(words);
	g_strfreev(list);
	out_text(cli, "machine", NULL, plan->machine);
	out_size(cli, "ram_bytes", NULL, plan->ram_bytes);
	out_size(cli, "maxmem_bytes", NULL, plan->maxmem_bytes);
	out_number(cli, "slots", NULL, plan->slots);
	answer_devices(cli, plan);
}

int vm_roll_answer(struct session *session, const struct vm_roll *roll,
		   const struct vm_ask *ask)
{
	struct cli *cli = session->cli;
	struct vm_ask asked = *ask;
	struct accel_facts accel;
	struct vm_spec spec;
	struct vm_plan plan;
	char warning[1024], *text;
	int status;

	if (asked.want.format == VM_FORMAT_LIBVIRT) {
		probe_accel(NULL, &accel);
		asked.want.kvm = accel.kvm;
	}
	status = roll_plan(session, roll, &asked, &spec, &plan, &text);
	if (status)
		return status;
	for (unsigned i = 0; vm_plan_warning(&plan, i, warning,
					     sizeof(warning)); i++)
		cli_warn(cli, "%s", warning);
	if (asked.want.format == VM_FORMAT_QEMU && args_too_long(text))
		cli_warn(cli, "the line is longer than xargs takes unasked: "
			 "use xargs -x -s 1000000");
	if (cli->json)
		answer_json(cli, &plan, &asked, text);
	else
		out_line(cli, "%s", text);
	g_free(text);
	vm_plan_free(&plan);
	return 0;
}
