/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * describe.c - words and members of answers (describe.h).  The names here are
 * those of format.h, of the JSON, of the options and of the manual pages.
 */
#include "cli/describe.h"

#include <inttypes.h>
#include <json-c/json.h>

#include "hosted/backing.h"

const char *const describe_modes[] = {
	[POOL_MODE_RAW] = "raw",
	[POOL_MODE_DEVDAX] = "devdax",
	[POOL_MODE_FSDAX] = "fsdax",
	NULL
};

const char *const describe_devices[] = {
	[POOL_DEVICE_AUTO] = "auto",
	[POOL_DEVICE_NVDIMM] = "nvdimm",
	[POOL_DEVICE_VIRTIO_PMEM] = "virtio-pmem",
	NULL
};

const char *describe_mode(enum pool_mode mode)
{
	return mode <= POOL_MODE_FSDAX ? describe_modes[mode] : "?";
}

const char *describe_device(enum pool_device device)
{
	return device <= POOL_DEVICE_VIRTIO_PMEM ? describe_devices[device] :
						   "?";
}

const char *describe_unit_state(enum pool_unit_state state)
{
	switch (state) {
	case UNIT_CLEAN:
		return "clean";
	case UNIT_USED:
		return "used";
	case UNIT_DIRTY:
		return "dirty";
	case UNIT_BAD:
		return "bad";
	}
	return "?";
}

const char *describe_access(uint32_t flags)
{
	if (flags & POOL_CHILD_SHARED)
		return "shared";
	return flags & POOL_CHILD_READ_ONLY ? "read-only" : NULL;
}

void describe_pool(struct session *session)
{
	struct json_object *data = out_data(session->cli), *pool;
	const struct pool_geometry *g = session->geometry;
	const struct backing_info *info = backing_info(session->backing);
	char uuid[OUT_UUID_BYTES];
	struct pool_space space;

	if (!data)
		return;
	pool_space(session->pool, &space);
	pool = out_must(json_object_new_object());

	const struct {
		const char *key;
		uint64_t number;
	} numbers[] = {
		{ "size_bytes", g->size_bytes },
		{ "unit_bytes", g->unit_bytes },
		{ "unit_count", g->unit_count },
		{ "free_bytes", space.free_bytes },
		{ "clean_bytes", space.unit_count[UNIT_CLEAN] * g->unit_bytes },
		{ "dirty_bytes", space.unit_count[UNIT_DIRTY] * g->unit_bytes },
		{ "used_bytes", space.unit_count[UNIT_USED] * g->unit_bytes },
		{ "bad_bytes", space.unit_count[UNIT_BAD] * g->unit_bytes },
		{ "largest_run_bytes", space.largest_run_bytes },
		{ "free_runs", space.free_runs },
		{ "children", space.children },
		{ "children_max", g->children_max },
	};

	json_object_object_add(pool, "path", out_json_text(info->path));
	json_object_object_add(pool, "uuid",
			       out_json_text(out_uuid_text(g->uuid, uuid)));
	json_object_object_add(pool, "label", out_json_text(g->label));
	json_object_object_add(pool, "durable",
			       out_json_text(backing_durable_name(
				       info->durable)));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_object_add(pool, numbers[i].key,
				       json_object_new_uint64(
					       numbers[i].number));
	json_object_object_add(data, "pool", pool);
}

static void extents_table(struct cli *cli, const struct pool_range *extent,
			  size_t count)
{
	static const struct out_column columns[] = {
		{ "extent", "EXTENT", OUT_NUMBER },
		{ "offset_bytes", "OFFSET", OUT_OFFSET },
		{ "end_bytes", "END", OUT_OFFSET },
		{ "size_bytes", "SIZE", OUT_SIZE },
		{ NULL, NULL, OUT_TEXT },
	};
	struct out_table *table = out_table_begin(cli, "extents", columns);

	for (size_t i = 0; i < count; i++) {
		out_row(table);
		out_cell_number(table, i);
		out_cell_number(table, extent[i].off_bytes);
		out_cell_number(table, extent[i].off_bytes +
					       extent[i].size_bytes);
		out_cell_number(table, extent[i].size_bytes);
	}
	out_table_end(table, NULL);
}

int describe_child(struct session *session, const struct pool_child *child)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct cli *cli = session->cli;
	struct nvm_fault fault = { 0 };
	char about[SIZE_TEXT_BYTES], exact[SIZE_TEXT_BYTES];
	char text[2 * SIZE_TEXT_BYTES + 4];
	uint64_t usable;
	size_t count;
	int err;

	err = pool_child_extents(session->pool, child->slot, extent, &count,
				 &fault);
	if (err)
		return session_fail(session, err, &fault,
				    "cannot read the extents of '%s'",
				    child->name);
	out_text(cli, "name", "name", child->name);
	out_uuid(cli, "uuid", "uuid", child->uuid);
	out_size(cli, "size_bytes", "size", child->size_bytes);
	usable = pool_child_usable(child, count);
	out_size(cli, "usable_bytes", NULL, usable);
	snprintf(text, sizeof(text), "%s", size_text(usable, about));
	if (*about == '~')	/* what a stamp takes is lost in rounding */
		snprintf(text, sizeof(text), "%s (%s)", about,
			 size_exact(usable, exact));
	out_text(cli, NULL, "usable in a guest", text);
	if (child->grow_to_bytes || cli->json)
		out_size(cli, "grow_to_bytes", "can grow to",
			 child->grow_to_bytes);
	out_text(cli, "vm", "VM", *child->vm ? child->vm : NULL);
	out_text(cli, "mode", "mode", describe_mode(child->mode));
	out_text(cli, "device", "device", describe_device(child->device));
	out_bool(cli, "read_only", NULL, child->flags & (POOL_CHILD_READ_ONLY |
							 POOL_CHILD_SHARED));
	out_bool(cli, "shared", NULL, child->flags & POOL_CHILD_SHARED);
	if (describe_access(child->flags))
		out_text(cli, NULL, "access", describe_access(child->flags));
	out_time(cli, "created_s", "created", child->created_s);
	out_text(cli, "path", "in", backing_info(session->backing)->path);
	extents_table(cli, extent, count);
	return 0;
}
