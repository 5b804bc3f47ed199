/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vm_plan.c - place the children of a VM in its guest-physical space.
 *
 * QEMU puts memory devices into one region of size maxmem - RAM that begins
 * at the first GiB boundary behind all RAM above 4 GiB.  Every extent gets an
 * address of its own there, in the order of the children: the extents of a
 * child follow each other without a gap, and behind a child the room it may
 * grow into stays free.  So an address depends on nothing but the spec.
 *
 * RAM that does not fit below the PCI hole goes above 4 GiB; where the hole
 * begins depends on the machine (struct machine).  For a virtual CPU of AMD's
 * QEMU moves all that is above 4 GiB to 1 TiB as soon as anything would reach
 * AMD_HOLE; such plans use addresses that lie in the region either way.
 */
#include "qemu-glue/vm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB		(1ull << 30)
#define ABOVE_LOW	(4 * GIB)
#define ABOVE_HIGH	(1024 * GIB)
#define AMD_HOLE	0xfd00000000ull
#define PCI_HOLE64	(32 * GIB)	/* QEMU's default behind the region */
#define ADDRESS_MAX	(1ull << 51)

#define PCI_DIRECT_MAX	8u	/* virtio-pmem devices on the root bus */
#define PCI_DIRECT_PC	24u	/* the same, on a machine without PCIe */
#define PORT_FUNCTIONS	8u
#define PORTS_MAX	16u

struct machine {
	const char *name;	/* itself, or up to a version if it ends in - */
	uint64_t low_limit;	/* more RAM than fits below this is split */
	uint64_t low_split;	/* what then stays below 4 GiB */
	bool pcie;
};

static const struct machine machines[] = {
	{ "q35", 0xb0000000, 0x80000000, true },
	{ "pc-q35-", 0xb0000000, 0x80000000, true },
	{ "pc", 0xe0000000, 0xc0000000, false },
	{ "pc-i440fx-", 0xe0000000, 0xc0000000, false },
};

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) / align * align;
}

static const struct machine *machine_find(const char *name)
{
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") !=
	    strlen(name))
		return NULL;
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		const char *known = machines[i].name;
		size_t len = strlen(known);

		if (known[len - 1] == '-' ? strncmp(name, known, len) == 0
					  : strcmp(name, known) == 0)
			return &machines[i];
	}
	return NULL;
}

static int spec_check(const struct vm_spec *spec, struct failure *failure)
{
	const char *path = spec->backing.path;

	if (path[0] != '/')
		return failure_set(failure, -EINVAL,
				   "the pool's path '%s' is not absolute", path);
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return failure_set(failure, -EINVAL,
				"the pool's path holds a newline or another "
				"control character, which no argument line "
				"can carry: rename it");
	if (spec->ram_bytes % (1u << 20) || spec->ram_bytes > ADDRESS_MAX)
		return failure_set(failure, -EINVAL,
				   "RAM must be whole MiB, at most %" PRIu64
				   " TiB", (uint64_t)(ADDRESS_MAX >> 40));
	return 0;
}

/* Fill @plan->device with the child's extents, not yet placed. */
static int child_add(struct vm_plan *plan, const struct vm_child *child,
		     struct failure *failure)
{
	const struct vm_backing *backing = &plan->spec->backing;
	enum pool_device device = child->device;
	int err;

	if (!pool_name_valid(child->name))
		return failure_set(failure, -EINVAL, "bad name of a child");
	if (device == POOL_DEVICE_AUTO)
		device = vm_device_truthful(backing->reach, child->read_only);
	err = vm_device_check(backing->reach, device, child->mode,
			      child->read_only, failure);
	if (err)
		return err;
	if (!child->extent_count || child->extent_count > VM_EXTENTS_MAX)
		return failure_set(failure, -ERANGE,
			"child '%s' has %zu extents, a VM can be given 1 to "
			"%u: use `nvmpool compact`", child->name,
			child->extent_count, VM_EXTENTS_MAX);
	if (child->mode == POOL_MODE_RAW && child->extent_count > 1)
		return failure_set(failure, -ERANGE,
			"child '%s' is raw and has %zu extents, whose order a "
			"guest could not tell: use `nvmpool compact`",
			child->name, child->extent_count);
	for (unsigned i = 0; i < child->extent_count; i++) {
		const struct pool_range *extent = &child->extent[i];

		if (extent->off_bytes % plan->align_bytes ||
		    extent->size_bytes % plan->align_bytes ||
		    !extent->size_bytes || extent->size_bytes > ADDRESS_MAX)
			return failure_set(failure, -ERANGE,
				"extent %u of child '%s' (byte 0x%" PRIx64
				", size 0x%" PRIx64 ") is not aligned to 0x%"
				PRIx64 ", as the VM's memory must be: carve it "
				"with `nvmpool assign`", i, child->name,
				extent->off_bytes, extent->size_bytes,
				plan->align_bytes);
		plan->device[plan->device_count++] = (struct vm_device){
			.child = child,
			.extent = i,
			.device = device,
			.offset_bytes = extent->off_bytes,
			.size_bytes = extent->size_bytes,
			.port = -1,
		};
	}
	return 0;
}

/* Extents this child may be given before its VM is started anew. */
static unsigned child_spare(const struct vm_child *child)
{
	uint64_t size = 0, more;

	for (size_t i = 0; i < child->extent_count; i++)
		size += child->extent[i].size_bytes;
	if (child->grow_to_bytes <= size)
		return 0;
	more = (child->grow_to_bytes - size + VM_EXTENT_MIN - 1) /
	       VM_EXTENT_MIN;
	if (more > VM_SPARE_MAX)
		more = VM_SPARE_MAX;
	if (more > VM_EXTENTS_MAX - child->extent_count)
		more = VM_EXTENTS_MAX - child->extent_count;
	return (unsigned)more;
}

/* Addresses for all devices from @base on; returns the end. */
static uint64_t devices_place(struct vm_plan *plan, uint64_t base)
{
	uint64_t at = base, begin = base;

	for (size_t i = 0; i < plan->device_count; i++) {
		struct vm_device *d = &plan->device[i];
		uint64_t grow_to = d->child->grow_to_bytes;

		if (d->extent == 0)
			begin = at;
		d->address = at;
		at += d->size_bytes;
		if (d->extent + 1 == d->child->extent_count &&
		    at - begin < grow_to)
			at = begin + align_up(grow_to, plan->align_bytes);
	}
	return at;
}

static int addresses_plan(struct vm_plan *plan, const struct machine *machine,
			  struct failure *failure)
{
	uint64_t ram = plan->ram_bytes, total = 0, base, high, end, region_end;
	uint64_t above = ram >= machine->low_limit ? ram - machine->low_split
						   : 0;

	for (size_t i = 0; i < plan->device_count; i++) {
		const struct vm_device *d = &plan->device[i];

		total += d->size_bytes;
		if (d->extent == 0)
			total += d->child->grow_to_bytes;
		if (total > ADDRESS_MAX || d->child->grow_to_bytes > ADDRESS_MAX)
			return failure_set(failure, -ERANGE,
				"the children of VM '%s' do not fit its "
				"address space", plan->spec->name);
	}
	/*
	 * All boundaries are multiples of a GiB, and so of any align up to
	 * that (devdax knows 4 KiB, 2 MiB and 1 GiB).
	 */
	base = align_up(ABOVE_LOW + above, GIB);
	high = align_up(ABOVE_HIGH + above, GIB);
	end = devices_place(plan, base);
	region_end = align_up(end + plan->slots * GIB, GIB);
	if (region_end + PCI_HOLE64 > AMD_HOLE) {
		end = devices_place(plan, high);
		plan->wide = true;
	}
	plan->maxmem_bytes = align_up(ram + (end - base), 1u << 20);
	return 0;
}

/* Slots for the NVDIMMs, ports for the virtio-pmem devices. */
static int sockets_plan(struct vm_plan *plan, struct failure *failure)
{
	size_t virtio = 0, nvdimm = 0, spare_virtio = 0, shared;

	for (size_t i = 0; i < plan->device_count; i++) {
		const struct vm_device *d = &plan->device[i];
		unsigned spare = d->extent ? 0 : child_spare(d->child);

		if (d->device == POOL_DEVICE_NVDIMM) {
			nvdimm += 1 + spare;
		} else {
			virtio++;
			spare_virtio += spare;
		}
	}
	if (nvdimm > VM_SLOTS_MAX)
		return failure_set(failure, -ERANGE,
			"VM '%s' needs %zu NVDIMM slots, a machine has %u: "
			"fewer extents (`nvmpool compact`) or children",
			plan->spec->name, nvdimm, VM_SLOTS_MAX);
	plan->slots = (unsigned)nvdimm;
	plan->nvdimm = nvdimm > 0;
	if (!plan->pcie) {
		if (virtio + spare_virtio > PCI_DIRECT_PC)
			return failure_set(failure, -ENOTSUP,
				"machine '%s' has room for %u virtio-pmem "
				"devices, VM '%s' needs %zu: use --machine q35",
				plan->machine, PCI_DIRECT_PC, plan->spec->name,
				virtio + spare_virtio);
		return 0;
	}
	shared = virtio > PCI_DIRECT_MAX ?
		 (virtio + PORT_FUNCTIONS - 1) / PORT_FUNCTIONS : 0;
	if (shared + spare_virtio > PORTS_MAX)
		return failure_set(failure, -ERANGE,
			"VM '%s' needs %zu PCI ports, there is room for %u: "
			"fewer extents (`nvmpool compact`) or children with "
			"room to grow", plan->spec->name,
			shared + spare_virtio, PORTS_MAX);
	plan->port = calloc(PORTS_MAX, sizeof(*plan->port));
	if (!plan->port)
		return failure_set(failure, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < shared; i++)
		plan->port[plan->port_count++] = (struct vm_port){ NULL, i };
	virtio = 0;
	for (size_t i = 0; i < plan->device_count; i++) {
		struct vm_device *d = &plan->device[i];
		unsigned spare;

		if (d->device == POOL_DEVICE_NVDIMM)
			continue;
		if (shared) {
			d->port = (int)(virtio / PORT_FUNCTIONS);
			d->function = (unsigned)(virtio % PORT_FUNCTIONS);
			virtio++;
		}
		spare = d->extent ? 0 : child_spare(d->child);
		for (unsigned k = 0; k < spare; k++)
			plan->port[plan->port_count++] = (struct vm_port){
				d->child,
				(unsigned)d->child->extent_count + k };
	}
	return 0;
}

int vm_plan_make(const struct vm_spec *spec, struct vm_plan *ret_plan,
		 struct failure *failure)
{
	const struct machine *machine;
	struct vm_plan plan = {
		.spec = spec,
		.machine = spec->machine ? spec->machine : VM_MACHINE_DEFAULT,
		.ram_bytes = spec->ram_bytes ? spec->ram_bytes : VM_RAM_DEFAULT,
		.align_bytes = VM_ALIGN,
		.direct = vm_reach_direct(spec->backing.reach),
	};
	size_t extents = 0;
	int err = spec_check(spec, failure);

	if (err)
		return err;
	machine = machine_find(plan.machine);
	if (!machine)
		return failure_set(failure, -ENOTSUP,
			"machine '%s' is not known to take NVDIMMs or "
			"virtio-pmem at given addresses: use q35 or pc",
			plan.machine);
	plan.pcie = machine->pcie;
	if (spec->backing.align_bytes > plan.align_bytes)
		plan.align_bytes = spec->backing.align_bytes;
	for (size_t i = 0; i < spec->child_count; i++)
		extents += spec->child[i].extent_count;
	plan.device = calloc(extents + 1, sizeof(*plan.device));
	if (!plan.device)
		return failure_set(failure, -ENOMEM, "out of memory");
	for (size_t i = 0; i < spec->child_count && !err; i++)
		err = child_add(&plan, &spec->child[i], failure);
	if (!err)
		err = sockets_plan(&plan, failure);
	if (!err)
		err = addresses_plan(&plan, machine, failure);
	if (err)
		vm_plan_free(&plan);
	else
		*ret_plan = plan;
	return err;
}

void vm_plan_free(struct vm_plan *plan)
{
	free(plan->device);
	free(plan->port);
	*plan = (struct vm_plan){ 0 };
}

/* The first device that the guest would trust too much, or NULL. */
static const struct vm_device *plan_untrue(const struct vm_plan *plan)
{
	for (size_t i = 0; i < plan->device_count && !plan->direct; i++)
		if (plan->device[i].device == POOL_DEVICE_NVDIMM &&
		    !plan->device[i].child->read_only)
			return &plan->device[i];
	return NULL;
}

const char *vm_plan_warning(const struct vm_plan *plan, unsigned i,
			    char *buffer, size_t buffer_len)
{
	const struct vm_device *untrue = plan_untrue(plan);
	const struct vm_backing *backing = &plan->spec->backing;
	unsigned n = 0;

	if (untrue && n++ == i) {
		snprintf(buffer, buffer_len, "an NVDIMM tells the guest that "
			 "stores to '%s' are durable, but '%s' is reached "
			 "through the host's page cache: they survive a crash "
			 "of the guest or the VMM, not of the host",
			 untrue->child->name, backing->path);
		return buffer;
	}
	if (backing->reach == VM_REACH_TMPFS && n++ == i) {
		snprintf(buffer, buffer_len, "'%s' is on tmpfs: nothing there "
			 "survives a reboot of the host", backing->path);
		return buffer;
	}
	if (plan->wide && n++ == i) {
		snprintf(buffer, buffer_len, "VM '%s' needs more than 40 bits "
			 "of physical address: add -cpu host,host-phys-bits=on "
			 "or -cpu max,phys-bits=46 to QEMU", plan->spec->name);
		return buffer;
	}
	return NULL;
}
