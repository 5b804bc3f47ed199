/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vm_device.c - which device tells a guest the truth about its memory.
 *
 *   backing              stores are durable at      truthful device
 *   devdax               guest's clwb + sfence      nvdimm, pmem=on
 *   file with MAP_SYNC   the same                   nvdimm, pmem=on
 *   file                 host's fsync               virtio-pmem
 *   /dev/pmemN           host's fsync (page cache)  virtio-pmem
 *   tmpfs                never                      virtio-pmem
 *   any, read-only       nothing to lose            nvdimm, unarmed
 *
 * An NVDIMM on the host's page cache tells the guest that its stores are
 * durable when they only outlive the guest and the VMM; a virtio-pmem on
 * devdax flushes by fsync, which a dax device does not have.
 */
#include "qemu-glue/vm.h"

#include <errno.h>

bool vm_reach_direct(enum vm_reach reach)
{
	return reach == VM_REACH_DEVDAX || reach == VM_REACH_FSDAX;
}

enum pool_device vm_device_truthful(enum vm_reach reach, bool read_only)
{
	return read_only || vm_reach_direct(reach) ? POOL_DEVICE_NVDIMM
						   : POOL_DEVICE_VIRTIO_PMEM;
}

enum pool_mode vm_mode_default(enum pool_device device, bool read_only)
{
	return device == POOL_DEVICE_NVDIMM && !read_only ? POOL_MODE_DEVDAX
							  : POOL_MODE_FSDAX;
}

int vm_device_check(enum vm_reach reach, enum pool_device device,
		    enum pool_mode mode, bool read_only,
		    struct failure *failure)
{
	if (device == POOL_DEVICE_NVDIMM)
		return 0;
	if (reach == VM_REACH_DEVDAX)
		return failure_set(failure, -ENOTSUP,
			"virtio-pmem does not work on a devdax device: its "
			"flush is fsync, which the device does not have; use "
			"--device nvdimm, whose stores are durable there");
	if (read_only)
		return failure_set(failure, -ENOTSUP,
			"virtio-pmem has no read-only state: the guest's "
			"stores would be lost without a word; use --device "
			"nvdimm");
	if (mode == POOL_MODE_DEVDAX)
		return failure_set(failure, -ENOTSUP,
			"a devdax in the guest cannot be flushed on "
			"virtio-pmem; use --mode fsdax, or --device nvdimm%s",
			vm_reach_direct(reach) ? "" :
			" (its stores then outlive the guest and the VMM, "
			"not the host)");
	return 0;
}

void vm_backing_fill(const struct backing_info *info,
		     struct vm_backing *ret_backing)
{
	enum vm_reach reach = VM_REACH_FILE;

	if (info->kind == BACKING_DEVDAX)
		reach = VM_REACH_DEVDAX;
	else if (info->kind == BACKING_BLOCK)
		reach = VM_REACH_BLOCK;
	else if (info->tmpfs)
		reach = VM_REACH_TMPFS;
	else if (info->map_sync)
		reach = VM_REACH_FSDAX;
	*ret_backing = (struct vm_backing){
		.path = info->path,
		.reach = reach,
		.align_bytes = info->align_bytes,
	};
}
