/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * args.c - a plan as QEMU's command line, and the choice of the format.
 *
 * Two quotings meet here.  QEMU splits a value at commas, a comma within is
 * doubled.  The shell's is g_shell_quote()'s, which xargs reads the same way;
 * only words that need it are quoted.  Paths with control characters were
 * refused by the plan.
 */
#include "qemu-glue/args.h"
#include "qemu-glue/args_formats.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

const char *const vm_format_names[] = {
	[VM_FORMAT_QEMU] = "qemu",
	[VM_FORMAT_QMP] = "qmp",
	[VM_FORMAT_LIBVIRT] = "libvirt",
	[VM_FORMAT_CLOUD_HYPERVISOR] = "cloud-hypervisor",
	[VM_FORMAT_FIRECRACKER] = "firecracker",
	[VM_FORMAT_CROSVM] = "crosvm",
	[VM_FORMAT_KVMTOOL] = "kvmtool",
	NULL
};

#define XARGS_LINE_MAX	(128u << 10)
#define CHASSIS_FIRST	200u	/* of our ports; users count from 0 or 1 */
#define PCI_SLOT_FIRST	0x10u	/* see args_words(); 24 functions at most */

/* Exact, in the largest unit that QEMU reads: "4G", "258M". */
static void append_size(GString *out, uint64_t bytes)
{
	static const char units[] = "\0KMGT";
	unsigned unit = 0;

	while (unit < 4 && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	g_string_append_printf(out, "%" PRIu64, bytes);
	if (unit)
		g_string_append_c(out, units[unit]);
}

/* A value in a list of QEMU's: its commas doubled. */
static void append_value(GString *out, const char *value)
{
	for (const char *p = value; *p; p++) {
		if (*p == ',')
			g_string_append_c(out, ',');
		g_string_append_c(out, *p);
	}
}

char *id_backend(const struct vm_device *device)
{
	return g_strdup_printf("mem-%s-%u", device->child->name,
			       device->extent);
}

char *id_device(const struct vm_device *device)
{
	return g_strdup_printf("nvm-%s-%u", device->child->name,
			       device->extent);
}

char *id_port(const struct vm_port *port)
{
	if (port->child)
		return g_strdup_printf("port-%s-%u", port->child->name,
				       port->number);
	return g_strdup_printf("ports-%u", port->number);
}

static char *word_machine(const struct vm_plan *plan)
{
	return g_strconcat(plan->machine, plan->nvdimm ? ",nvdimm=on" : "",
			   NULL);
}

static char *word_memory(const struct vm_plan *plan)
{
	GString *out = g_string_new(NULL);

	append_size(out, plan->ram_bytes);
	if (plan->slots)
		g_string_append_printf(out, ",slots=%u", plan->slots);
	g_string_append(out, ",maxmem=");
	append_size(out, plan->maxmem_bytes);
	return g_string_free(out, FALSE);
}

/* ",addr=0x10.2,multifunction=on" for the next function of the root bus. */
static void append_place(GString *out, unsigned *place)
{
	if (!place)
		return;
	g_string_append_printf(out, ",addr=0x%x.%u,multifunction=on",
			       PCI_SLOT_FIRST + *place / 8, *place % 8);
	++*place;
}

static char *word_port(const struct vm_plan *plan, size_t i, unsigned *place)
{
	GString *out = g_string_new(NULL);
	char *id = id_port(&plan->port[i]);

	/*
	 * io-reserve=0: what we plug in has no I/O ports, and 4 KiB for each
	 * of our bridges would use up the 64 KiB there are.
	 */
	g_string_printf(out, "pcie-root-port,id=%s,chassis=%zu,io-reserve=0",
			id, CHASSIS_FIRST + i);
	append_place(out, place);
	g_free(id);
	return g_string_free(out, FALSE);
}

static char *word_backend(const struct vm_plan *plan,
			  const struct vm_device *device)
{
	GString *out = g_string_new("memory-backend-file,id=");
	char *id = id_backend(device);

	g_string_append(out, id);
	g_free(id);
	g_string_append(out, ",mem-path=");
	append_value(out, plan->spec->backing.path);
	g_string_append(out, ",offset=");
	append_size(out, device->offset_bytes);
	g_string_append(out, ",size=");
	append_size(out, device->size_bytes);
	g_string_append(out, ",share=on,align=");
	append_size(out, plan->align_bytes);
	if (plan->direct)
		g_string_append(out, ",pmem=on");
	if (device->child->read_only)
		g_string_append(out, ",readonly=on");
	return g_string_free(out, FALSE);
}

static char *word_device(const struct vm_plan *plan,
			 const struct vm_device *device, unsigned *place)
{
	bool nvdimm = device->device == POOL_DEVICE_NVDIMM;
	GString *out = g_string_new(nvdimm ? "nvdimm" : "virtio-pmem-pci");
	char *mem = id_backend(device), *id = id_device(device);

	g_string_append_printf(out, ",memdev=%s,id=%s,%s=0x%" PRIx64, mem, id,
			       nvdimm ? "addr" : "memaddr", device->address);
	if (nvdimm && device->child->read_only)
		g_string_append(out, ",unarmed=on");
	if (device->port >= 0) {
		char *port = id_port(&plan->port[device->port]);

		g_string_append_printf(out, ",bus=%s,addr=0.%u,"
				       "multifunction=on", port,
				       device->function);
		g_free(port);
	} else if (!nvdimm) {
		append_place(out, place);
	}
	g_free(mem);
	g_free(id);
	return g_string_free(out, FALSE);
}

char **args_words(const struct vm_plan *plan, bool places)
{
	GPtrArray *words = g_ptr_array_new();
	unsigned count = 0, *place = places ? &count : NULL;

	g_ptr_array_add(words, g_strdup("-machine"));
	g_ptr_array_add(words, word_machine(plan));
	g_ptr_array_add(words, g_strdup("-m"));
	g_ptr_array_add(words, word_memory(plan));
	for (size_t i = 0; i < plan->port_count; i++) {
		g_ptr_array_add(words, g_strdup("-device"));
		g_ptr_array_add(words, word_port(plan, i, place));
	}
	for (size_t i = 0; i < plan->device_count; i++) {
		const struct vm_device *device = &plan->device[i];

		g_ptr_array_add(words, g_strdup("-object"));
		g_ptr_array_add(words, word_backend(plan, device));
		g_ptr_array_add(words, g_strdup("-device"));
		g_ptr_array_add(words, word_device(plan, device, place));
	}
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

static char *args_line(const struct vm_plan *plan)
{
	char **words = args_words(plan, false);
	GString *line = g_string_new(NULL);

	for (char **word = words; *word; word++) {
		if (line->len)
			g_string_append_c(line, ' ');
		if (strspn(*word, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_@%+=:,./-") == strlen(*word)) {
			g_string_append(line, *word);
		} else {
			char *quoted = g_shell_quote(*word);

			g_string_append(line, quoted);
			g_free(quoted);
		}
	}
	g_strfreev(words);
	return g_string_free(line, FALSE);
}

bool args_too_long(const char *line)
{
	return strlen(line) >= XARGS_LINE_MAX - 4096;
}

int args_render(const struct vm_plan *plan, const struct args_want *want,
		char **ret_text, struct failure *failure)
{
	const char *path = plan->spec->backing.path;

	switch (want->format) {
	case VM_FORMAT_QEMU:
		*ret_text = args_line(plan);
		return 0;
	case VM_FORMAT_QMP:
	case VM_FORMAT_LIBVIRT:
		if (!g_utf8_validate(path, -1, NULL))
			return failure_set(failure, -EINVAL,
				"the pool's path is not valid UTF-8, as --for "
				"%s needs: rename it",
				vm_format_names[want->format]);
		return want->format == VM_FORMAT_QMP ?
		       args_qmp(plan, want, ret_text, failure) :
		       args_libvirt(plan, want, ret_text, failure);
	case VM_FORMAT_CLOUD_HYPERVISOR:
	case VM_FORMAT_FIRECRACKER:
	case VM_FORMAT_CROSVM:
	case VM_FORMAT_KVMTOOL:
		break;
	}
	return failure_set(failure, -ENOTSUP,
		"%s maps whole files only and cannot be given a part of '%s': "
		"run the VM with QEMU, or `nvmpool export` the child to a file "
		"of its own", vm_format_names[want->format], path);
}
