/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vm_roll.h - all that a VM is to be given, out of the open pool, and the
 * answer of `assign` and `args`: the arguments for its VMM.
 */
#ifndef NVM_CLI_VM_ROLL_H
#define NVM_CLI_VM_ROLL_H

#include "cli/session.h"
#include "qemu-glue/args.h"

struct vm_roll {
	struct vm_child *child;		/* for a struct vm_spec */
	struct pool_child *entry;	/* what the pool says of each */
	struct pool_range **extent;	/* what child[i].extent points to */
	size_t count;
	size_t room;
};

/* What was asked of the VM as a whole. */
struct vm_ask {
	const char *vm;
	const char *machine;
	uint64_t ram_bytes;
	struct args_want want;
};

/* All children that belong to @vm, in the order of the pool's table. */
int vm_roll_fill(struct session *session, const char *vm,
		 struct vm_roll *roll);
/* One more child of the pool. */
int vm_roll_add(struct session *session, const struct pool_child *child,
		struct vm_roll *roll);
/* One that is not carved yet, as if it had one extent. */
void vm_roll_add_wish(const struct pool_child *child, struct vm_roll *roll);
void vm_roll_free(struct vm_roll *roll);

/*
 * EXIT_BUSY, told, where a process maps one of the children, or works on its
 * bytes; @doing: "hand out".  Shared ones may be in use, unless @shared_too.
 *
 * Nothing is said of processes that we may not look at: this runs at every
 * start of a VM, mostly without root's rights, and a warning that always
 * comes is not read.
 */
int vm_roll_not_in_use(struct session *session, const struct vm_roll *roll,
		       bool shared_too, const char *doing);

/* Could all this be given to the VM?  Told if not; nothing is printed. */
int vm_roll_check(struct session *session, const struct vm_roll *roll,
		  const struct vm_ask *ask);

/* The answer, with its warnings. */
int vm_roll_answer(struct session *session, const struct vm_roll *roll,
		   const struct vm_ask *ask);

/*
 * The format number of --for: 0 (not given) is QEMU's command line.
 */
enum vm_format vm_ask_format(int word);

#endif
