/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe.h - what the QEMU and the accelerator of this machine can really do,
 * found out by running them, within seconds, and remembered nowhere.
 */
#ifndef NVM_GLUE_PROBE_H
#define NVM_GLUE_PROBE_H

#include <limits.h>
#include <stdbool.h>

#include "hosted/failure.h"

#define PROBE_ACCEL_MS	2000u	/* how long the probe's guest may take */

struct qemu_facts {
	char path[PATH_MAX];
	unsigned major, minor, micro;
	bool recent;		/* 8.1 or newer */
	bool offset;		/* memory-backend-file has offset= */
	bool pmem;		/* pmem=on: built with libpmem */
	bool nvdimm;
	bool virtio_pmem;
};

/*
 * Look at @qemu (NULL: qemu-system-x86_64 or qemu-kvm, wherever they are).
 * -ENOENT: there is none; -EIO: it does not run, or says nothing sensible.
 */
int probe_qemu(const char *qemu, struct qemu_facts *ret_facts,
	       struct failure *failure);

/* True if it can run what args.h writes. */
bool qemu_usable(const struct qemu_facts *facts);

struct accel_facts {
	bool kvm;		/* a guest ran on it; else use TCG */
	char reason[192];	/* why not, or what was tried */
};

/*
 * Does KVM run guests here?  In this order: /dev/kvm opens, the processor has
 * vmx or svm, it is not a KVM in software (kvm_pvm), and a tiny guest comes
 * up and ends QEMU (NULL: qemu-system-x86_64) with its own status within
 * PROBE_ACCEL_MS.  Never fails: what does not work is TCG's case, with the
 * reason.
 */
void probe_accel(const char *qemu, struct accel_facts *ret_facts);

/*
 * Run the probe's guest: 0 if it came up on @accel ("kvm", "tcg").  @words
 * (ends with NULL; may be NULL) are more arguments, as of args_words(): then
 * the machine they describe is what the guest comes up on.
 */
int probe_guest(const char *qemu, const char *accel, char *const *words,
		unsigned timeout_ms, struct failure *failure);

#endif
