/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * args.h - a plan (vm.h), written down for the VMM that is to carry it out.
 *
 * All functions return 0 or a negative errno value with the failure filled,
 * and hand back text for g_free().
 */
#ifndef NVM_GLUE_ARGS_H
#define NVM_GLUE_ARGS_H

#include "qemu-glue/vm.h"

/* Who is to understand the arguments. */
enum vm_format {
	VM_FORMAT_QEMU,		/* one line, for a shell or xargs */
	VM_FORMAT_QMP,		/* JSON lines that plug a running VM */
	VM_FORMAT_LIBVIRT,	/* a whole domain, in XML */
	VM_FORMAT_CLOUD_HYPERVISOR,
	VM_FORMAT_FIRECRACKER,
	VM_FORMAT_CROSVM,
	VM_FORMAT_KVMTOOL,
};

/* The formats' names for an option table, in the order of the enum. */
extern const char *const vm_format_names[];

/*
 * What is beyond a plan.  @child: only this one's devices (NULL: all), from
 * extent @from_extent on: what is to be plugged in; QMP only.
 */
struct args_want {
	enum vm_format format;
	const char *child;
	unsigned from_extent;
	bool kvm;		/* libvirt: a domain of type kvm, not qemu */
};

/*
 * Without a newline at the end.  -ENOTSUP: that VMM cannot map a part of a
 * file or device; the failure names the way out.
 */
int args_render(const struct vm_plan *plan, const struct args_want *want,
		char **ret_text, struct failure *failure);

/*
 * The words of QEMU's command line, not quoted for any shell: ends with NULL,
 * for g_strfreev().  @places: PCI devices get places of their own, from slot
 * 0x10 on.  libvirt needs that: it numbers its own from 1, but QEMU creates
 * what libvirt writes in JSON after what is written as we do.
 */
char **args_words(const struct vm_plan *plan, bool places);

/* True if the line is longer than xargs takes by default. */
bool args_too_long(const char *line);

#endif
