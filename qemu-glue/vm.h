/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vm.h - from the children of a VM to what its VMM must be told.
 *
 * A struct vm_spec says what is wanted, in plain values; vm_plan_make() turns
 * it into a plan: which device each extent becomes, at which guest-physical
 * address, and how much memory, slots and PCI ports the machine needs for all
 * of them.  The renderers (args.h) write the plan down for QEMU's command
 * line, for QMP or for libvirt.
 *
 * The same spec always gives the same plan, so a line that stands in a start
 * script does not change under it.
 */
#ifndef NVM_GLUE_VM_H
#define NVM_GLUE_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hosted/backing.h"
#include "hosted/failure.h"
#include "pool/pool.h"

#define VM_RAM_DEFAULT		(1ull << 30)
#define VM_MACHINE_DEFAULT	"q35"
#define VM_SLOTS_MAX		256u	/* QEMU's ACPI_MAX_RAM_SLOTS */
#define VM_SPARE_MAX		4u	/* extents a child can be given while
					   its VM runs */

/* How a VMM reaches the pool's bytes; what is durable follows from it. */
enum vm_reach {
	VM_REACH_FILE,		/* through the host's page cache */
	VM_REACH_TMPFS,		/* the same, and gone with the host's power */
	VM_REACH_BLOCK,		/* /dev/pmemN: page cache as well */
	VM_REACH_FSDAX,		/* a file that MAP_SYNC works on */
	VM_REACH_DEVDAX,
};

struct vm_backing {
	const char *path;	/* absolute */
	enum vm_reach reach;
	uint64_t align_bytes;	/* of what can be mapped; 0: a page */
};

struct vm_child {
	const char *name;
	const struct pool_range *extent;
	size_t extent_count;
	enum pool_mode mode;
	enum pool_device device;	/* AUTO: the truthful one */
	bool read_only;
	uint64_t grow_to_bytes;		/* 0: no room is kept */
};

struct vm_spec {
	const char *name;
	const char *machine;		/* NULL: VM_MACHINE_DEFAULT */
	uint64_t ram_bytes;		/* 0: VM_RAM_DEFAULT */
	struct vm_backing backing;
	const struct vm_child *child;
	size_t child_count;
};

/* One extent as the guest gets it. */
struct vm_device {
	const struct vm_child *child;
	unsigned extent;		/* number of it in the child */
	enum pool_device device;	/* never AUTO */
	uint64_t offset_bytes;		/* in the pool */
	uint64_t size_bytes;
	uint64_t address;		/* guest-physical */
	int port;			/* PCI root port it sits behind, or -1 */
	unsigned function;		/* on that port */
};

/* A PCI root port: several functions of ours, or room for a spare extent. */
struct vm_port {
	const struct vm_child *child;	/* NULL: one of the shared ports */
	unsigned number;		/* of the extent, or of the port */
};

struct vm_plan {
	const struct vm_spec *spec;
	const char *machine;
	uint64_t ram_bytes;
	uint64_t maxmem_bytes;
	unsigned slots;
	uint64_t align_bytes;
	bool nvdimm;			/* the machine needs nvdimm=on */
	bool pcie;			/* its root bus wants ports to plug into */
	bool direct;			/* pmem=on */
	bool wide;			/* needs more than 40 address bits */
	struct vm_device *device;
	size_t device_count;
	struct vm_port *port;
	size_t port_count;
};

/*
 * -ENOTSUP: the machine or the mode and device cannot be (exit status 10);
 * -EINVAL: a name, path or size is not usable; -ERANGE: an extent's place or
 * number is not possible for a VM; -ENOMEM.  The failure says what to do.
 */
int vm_plan_make(const struct vm_spec *spec, struct vm_plan *ret_plan,
		 struct failure *failure);
void vm_plan_free(struct vm_plan *plan);

/* What the backing's kind means for a VMM. */
void vm_backing_fill(const struct backing_info *info,
		     struct vm_backing *ret_backing);

/* A store of the guest is durable at clwb and sfence there. */
bool vm_reach_direct(enum vm_reach reach);

/* The device that tells the guest the truth about what is durable. */
enum pool_device vm_device_truthful(enum vm_reach reach, bool read_only);

/*
 * How the guest's kernel is to bring a child up when nothing else is said:
 * devdax on an NVDIMM, fsdax on virtio-pmem and for what is read-only (its
 * block device is read-only too, where a devdax lets stores be lost).
 */
enum pool_mode vm_mode_default(enum pool_device device, bool read_only);

/*
 * Is this device, on this backing, in this mode, something that works?
 * @device is not AUTO.  -ENOTSUP if not; the failure says why and what does.
 */
int vm_device_check(enum vm_reach reach, enum pool_device device,
		    enum pool_mode mode, bool read_only,
		    struct failure *failure);

/*
 * A warning that belongs on standard error with this plan, number @i from 0:
 * what the guest believes and the host does not keep.  NULL past the last.
 * Returns @buffer or NULL.
 */
const char *vm_plan_warning(const struct vm_plan *plan, unsigned i,
			    char *buffer, size_t buffer_len);

#endif
