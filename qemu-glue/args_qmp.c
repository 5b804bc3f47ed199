/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * args_qmp.c - a plan as QMP commands that plug its devices into a running
 * VM: one JSON object a line, qmp_capabilities first, so that the lines can
 * be sent to a fresh QMP socket as they are.
 *
 * A virtio-pmem that is plugged into a PCIe machine goes behind the root port
 * that --grow-to kept for this extent when the VM was started.
 */
#include "qemu-glue/args_formats.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

static void json_text(struct json_object *object, const char *key, char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
	g_free(value);
}

static void json_number(struct json_object *object, const char *key,
			uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static void json_true(struct json_object *object, const char *key)
{
	json_object_object_add(object, key, json_object_new_boolean(1));
}

/* Append the command as a line; takes @arguments (may be NULL). */
static void append_command(GString *out, const char *execute,
			   struct json_object *arguments)
{
	struct json_object *command = json_object_new_object();

	json_object_object_add(command, "execute",
			       json_object_new_string(execute));
	if (arguments)
		json_object_object_add(command, "arguments", arguments);
	if (out->len)
		g_string_append_c(out, '\n');
	g_string_append(out, json_object_to_json_string_ext(command,
			JSON_C_TO_STRING_PLAIN |
			JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(command);
}

static void append_backend(GString *out, const struct vm_plan *plan,
			   const struct vm_device *device)
{
	struct json_object *args = json_object_new_object();

	json_text(args, "qom-type", g_strdup("memory-backend-file"));
	json_text(args, "id", id_backend(device));
	json_text(args, "mem-path", g_strdup(plan->spec->backing.path));
	json_number(args, "offset", device->offset_bytes);
	json_number(args, "size", device->size_bytes);
	json_true(args, "share");
	json_number(args, "align", plan->align_bytes);
	if (plan->direct)
		json_true(args, "pmem");
	if (device->child->read_only)
		json_true(args, "readonly");
	append_command(out, "object-add", args);
}

static void append_device(GString *out, const struct vm_plan *plan,
			  const struct vm_device *device)
{
	bool nvdimm = device->device == POOL_DEVICE_NVDIMM;
	struct json_object *args = json_object_new_object();

	json_text(args, "driver",
		  g_strdup(nvdimm ? "nvdimm" : "virtio-pmem-pci"));
	json_text(args, "id", id_device(device));
	json_text(args, "memdev", id_backend(device));
	json_number(args, nvdimm ? "addr" : "memaddr", device->address);
	if (nvdimm && device->child->read_only)
		json_true(args, "unarmed");
	if (!nvdimm && plan->pcie) {
		struct vm_port port = { device->child, device->extent };

		json_text(args, "bus", id_port(&port));
	}
	append_command(out, "device_add", args);
}

int args_qmp(const struct vm_plan *plan, const struct args_want *want,
	     char **ret_text, struct failure *failure)
{
	GString *out = g_string_new(NULL);
	size_t count = 0;

	append_command(out, "qmp_capabilities", NULL);
	for (size_t i = 0; i < plan->device_count; i++) {
		const struct vm_device *device = &plan->device[i];

		if (want->child && strcmp(want->child, device->child->name))
			continue;
		if (device->extent < want->from_extent)
			continue;
		append_backend(out, plan, device);
		append_device(out, plan, device);
		count++;
	}
	if (!count) {
		g_string_free(out, TRUE);
		return failure_set(failure, -ENOENT,
			"there is no extent %u to plug in: the child has not "
			"grown", want->from_extent);
	}
	*ret_text = g_string_free(out, FALSE);
	return 0;
}
