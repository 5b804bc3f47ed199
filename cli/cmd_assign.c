/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_assign.c - `nvmpool assign`: see to it that a VM has a child of this
 * size, and print the arguments for its VMM.
 *
 * A child that is there already and fits is left as it is, so that the
 * command can stand in a start script.  Everything that could be refused is
 * refused before the pool is changed: the plan for the VM is made first, with
 * the new child as if it had one extent.
 *
 * Crash story: one transaction (pool_carve or pool_update) at the most; after
 * a crash the same command finds the child there, or carves it.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/vm_roll.h"

struct assign_opts {
	const char *name, *machine;
	uint64_t ram, grow_to;
	int device, mode, format;
	bool read_only, shared, writable;
};

static const struct opt opts[] = {
	OPT_TEXT(0, "name", "CHILD", COMPLETE_CHILD, struct assign_opts, name,
		 "name of the child (default: the VM's)"),
	OPT_SIZE(0, "ram", struct assign_opts, ram,
		 "the VM's ordinary memory (default: 1G)"),
	OPT_TEXT(0, "machine", "MACHINE", COMPLETE_NONE, struct assign_opts,
		 machine, "QEMU's machine: q35, pc or a version of them "
		 "(default: q35)"),
	OPT_WORD(0, "device", "DEVICE", describe_devices, struct assign_opts,
		 device, "what the guest sees; auto is the one that tells it "
		 "the truth about what is durable (default: auto)"),
	OPT_WORD('m', "mode", "MODE", describe_modes, struct assign_opts, mode,
		 "how the guest's kernel brings the child up (default: devdax "
		 "on an NVDIMM, fsdax on virtio-pmem and read-only)"),
	OPT_FLAG(0, "read-only", struct assign_opts, read_only,
		 "the VM may not write"),
	OPT_FLAG(0, "shared", struct assign_opts, shared,
		 "read-only, and for several VMs"),
	OPT_FLAG(0, "writable", struct assign_opts, writable,
		 "no longer read-only or shared"),
	OPT_SIZE(0, "grow-to", struct assign_opts, grow_to,
		 "keep room in the VM (addresses, slots, PCI ports) to plug in "
		 "more of the child, up to this size, without a new start"),
	OPT_WORD(0, "for", "VMM", vm_format_names, struct assign_opts, format,
		 "write it for this VMM (default: qemu)"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "VM", .complete = COMPLETE_VM },
	{ .name = "SIZE", .complete = COMPLETE_SIZE },
	{ .name = NULL }
};

struct assign {
	struct session *session;
	struct cli *cli;
	const struct assign_opts *o;
	struct vm_ask ask;
	const char *name;
	uint64_t size;
	struct vm_roll roll;
};

static uint32_t flags_asked(const struct assign_opts *o)
{
	if (o->shared)
		return POOL_CHILD_SHARED | POOL_CHILD_READ_ONLY;
	return o->read_only ? POOL_CHILD_READ_ONLY : 0;
}

/* ---- sizes ------------------------------------------------------------------ */

/* What can be mapped into a VM: whole pages of the backing, 2 MiB or more. */
static uint64_t vm_align(const struct assign *a)
{
	uint64_t align = backing_info(a->session->backing)->align_bytes;

	return align > VM_ALIGN ? align : VM_ALIGN;
}

static int size_check(struct assign *a)
{
	uint64_t align = vm_align(a), below;
	char text[SIZE_TEXT_BYTES], near[2][SIZE_TEXT_BYTES];
	int status = session_size(a->session, a->cli->arg[1], &a->size);

	if (status)
		return status;
	below = a->size / align * align;
	if (a->size != below)
		return cli_fail(a->cli, EXIT_NO_SPACE, "bad size '%s': a VM's "
				"memory comes in multiples of %s, nearest are "
				"%s and %s", a->cli->arg[1],
				size_exact(align, text),
				size_exact(below ? below : align, near[0]),
				size_exact(below + (below ? 1 : 2) * align,
					   near[1]));
	if (a->size < 2 * STAMP_DATA_OFF &&
	    (enum pool_mode)(a->o->mode - 1) != POOL_MODE_RAW)
		return cli_fail(a->cli, EXIT_NO_SPACE, "bad size '%s': the "
				"guest's kernel keeps 2 MiB of each extent to "
				"itself; at least 4M, or --mode raw",
				a->cli->arg[1]);
	if (a->o->grow_to && a->o->grow_to < a->size)
		return cli_fail(a->cli, EXIT_USAGE, "--grow-to %s is less than "
				"the size %s", size_exact(a->o->grow_to, text),
				size_exact(a->size, near[0]));
	if (a->o->grow_to > POOL_SIZE_MAX)
		return cli_fail(a->cli, EXIT_NO_SPACE, "bad size '%s' for "
				"--grow-to: more than any pool has, %s",
				size_exact(a->o->grow_to, text),
				size_exact(POOL_SIZE_MAX, near[0]));
	if (a->o->grow_to % align)
		return cli_fail(a->cli, EXIT_NO_SPACE, "bad size '%s' for "
				"--grow-to: a VM's memory comes in multiples "
				"of %s", size_exact(a->o->grow_to, near[0]),
				size_exact(align, text));
	return 0;
}

/* ---- a child that is there --------------------------------------------------- */

static int child_refuse(const struct assign *a, const struct pool_child *child)
{
	char is[SIZE_TEXT_BYTES], asked[SIZE_TEXT_BYTES];

	if (*child->vm && strcmp(child->vm, a->ask.vm) &&
	    !(a->o->shared && (child->flags & POOL_CHILD_SHARED)))
		return cli_fail(a->cli, EXIT_EXISTS, "child '%s' belongs to VM "
				"'%s'%s; choose another with --name",
				child->name, child->vm,
				child->flags & POOL_CHILD_SHARED ?
				" and is shared: ask for it with --shared" : "");
	if (child->size_bytes > a->size)
		return cli_fail(a->cli, EXIT_EXISTS, "child '%s' is there with "
				"%s, not %s; 'nvmpool args %s' prints the "
				"arguments of all of it, 'nvmpool resize %s "
				"%s' cuts it off", child->name,
				size_exact(child->size_bytes, is),
				size_exact(a->size, asked), a->ask.vm,
				child->name, asked);
	if (child->size_bytes != a->size)
		return cli_fail(a->cli, EXIT_EXISTS, "child '%s' is there with "
				"%s, not %s; 'nvmpool resize %s %s' changes it",
				child->name, size_exact(child->size_bytes, is),
				size_exact(a->size, asked), child->name, asked);
	if (a->o->mode && (enum pool_mode)(a->o->mode - 1) != child->mode)
		return cli_fail(a->cli, EXIT_EXISTS, "child '%s' was carved in "
				"mode %s, which cannot change; choose another "
				"with --name", child->name,
				describe_mode(child->mode));
	return 0;
}

/* What was asked for now and is not so yet. */
static bool child_merge(const struct assign *a, struct pool_child *child)
{
	struct pool_child before = *child;

	if (!*child->vm)
		strcpy(child->vm, a->ask.vm);
	if (a->o->device)
		child->device = (enum pool_device)(a->o->device - 1);
	if (a->o->grow_to)
		child->grow_to_bytes = a->o->grow_to;
	child->flags |= flags_asked(a->o);
	if (a->o->writable)
		child->flags &= ~(POOL_CHILD_SHARED | POOL_CHILD_READ_ONLY);
	return strcmp(before.vm, child->vm) ||
	       before.device != child->device ||
	       before.grow_to_bytes != child->grow_to_bytes ||
	       before.flags != child->flags;
}

/* Put the merged child into the roll: instead of its old self, or behind. */
static int roll_replace(struct assign *a, const struct pool_child *child)
{
	struct vm_roll other = { 0 };
	bool found = false;
	int status = 0;

	for (size_t i = 0; !status && i < a->roll.count; i++) {
		bool same = a->roll.entry[i].slot == child->slot;

		status = vm_roll_add(a->session, same ? child :
				     &a->roll.entry[i], &other);
		found |= same;
	}
	if (!status && !found)
		status = vm_roll_add(a->session, child, &other);
	vm_roll_free(&a->roll);
	a->roll = other;
	return status;
}

/*
 * Nobody maps what is handed out: all children of the VM, or, for a VM that
 * runs, this one.  A shared child may be in use as long as it stays as it is.
 */
static int child_idle(struct assign *a, const struct pool_child *child,
		      bool changes)
{
	struct vm_roll one = { 0 };
	int status = vm_roll_add(a->session, child, &one);

	if (!status && (changes || a->ask.want.format == VM_FORMAT_QMP))
		status = vm_roll_not_in_use(a->session, &one, changes,
					    "assign");
	if (!status && a->ask.want.format != VM_FORMAT_QMP)
		status = vm_roll_not_in_use(a->session, &a->roll, false,
					    "hand out");
	vm_roll_free(&one);
	return status;
}

static int assign_present(struct assign *a, struct pool_child *child)
{
	struct nvm_fault fault = { 0 };
	int err, status = child_refuse(a, child);
	bool changes;

	if (status)
		return status;
	changes = child_merge(a, child);
	status = roll_replace(a, child);
	if (!status)
		status = vm_roll_check(a->session, &a->roll, &a->ask);
	if (!status)
		status = child_idle(a, child, changes);
	if (status || !changes)
		return status;
	err = pool_update(a->session->pool, child, &fault);
	if (err)
		status = session_fail(a->session, err, &fault,
				      "cannot assign '%s'", child->name);
	return status;
}

/* ---- a new child -------------------------------------------------------------- */

static int assign_new(struct assign *a)
{
	struct vm_backing backing;
	struct pool_child child = {
		.size_bytes = a->size,
		.grow_to_bytes = a->o->grow_to,
		.flags = flags_asked(a->o),
	};
	struct pool_carve_args carve = {
		.name = a->name, .vm = a->ask.vm, .size_bytes = a->size,
		.grow_to_bytes = a->o->grow_to, .flags = child.flags,
		.created_s = (uint64_t)time(NULL), .for_vm = true,
	};
	struct nvm_fault fault = { 0 };
	uint8_t uuid[POOL_UUID_LEN];
	enum pool_device truthful;
	int err, status = session_uuid(a->cli, uuid);

	if (status)
		return status;
	vm_backing_fill(backing_info(a->session->backing), &backing);
	carve.uuid = uuid;
	carve.device = a->o->device ? (enum pool_device)(a->o->device - 1)
				    : POOL_DEVICE_AUTO;
	truthful = carve.device != POOL_DEVICE_AUTO ? carve.device :
		   vm_device_truthful(backing.reach, child.flags);
	carve.mode = a->o->mode ? (enum pool_mode)(a->o->mode - 1) :
		     vm_mode_default(truthful, child.flags);

	memcpy(child.name, a->name, strlen(a->name) + 1);
	child.mode = carve.mode;
	child.device = carve.device;
	vm_roll_add_wish(&child, &a->roll);
	status = vm_roll_check(a->session, &a->roll, &a->ask);
	vm_roll_free(&a->roll);
	if (!status)
		status = vm_roll_fill(a->session, a->ask.vm, &a->roll);
	if (!status && a->ask.want.format != VM_FORMAT_QMP)
		status = vm_roll_not_in_use(a->session, &a->roll, false,
					    "hand out");
	if (status)
		return status;
	err = pool_carve(a->session->pool, &carve,
			 session_progress(a->session, "cleaning"), &child,
			 &fault);
	if (err)
		return session_fail(a->session, err, &fault,
				    "cannot assign '%s'", a->name);
	/* It may have come in more extents than the VM has sockets for. */
	status = vm_roll_add(a->session, &child, &a->roll);
	if (!status)
		status = vm_roll_check(a->session, &a->roll, &a->ask);
	if (status)
		pool_release(a->session->pool, child.slot, NULL);
	return status;
}

/* ---- the command ----------------------------------------------------------------- */

/* All children of the VM in the order of the pool's table, as `args` has it. */
static int roll_final(struct assign *a)
{
	struct pool_child child;
	int status;

	vm_roll_free(&a->roll);
	status = vm_roll_fill(a->session, a->ask.vm, &a->roll);
	if (!status)
		status = session_child(a->session, a->name, &child);
	if (!status && strcmp(child.vm, a->ask.vm))	/* shared */
		status = vm_roll_add(a->session, &child, &a->roll);
	return status;
}

static int assign_do(struct assign *a)
{
	struct pool_child child;
	int status = size_check(a);

	if (!status)
		status = vm_roll_fill(a->session, a->ask.vm, &a->roll);
	if (status)
		return status;
	if (pool_child_find(a->session->pool, a->name, &child) == 0)
		status = assign_present(a, &child);
	else
		status = assign_new(a);
	if (!status)
		status = roll_final(a);
	if (!status)
		status = vm_roll_answer(a->session, &a->roll, &a->ask);
	return status;
}

static int assign_run(struct cli *cli)
{
	const struct assign_opts *o = cli->opts;
	struct session s;
	struct assign a = {
		.session = &s, .cli = cli, .o = o,
		.name = o->name ? o->name : cli->arg[0],
		.ask = {
			.vm = cli->arg[0],
			.machine = o->machine,
			.ram_bytes = o->ram,
			.want = { vm_ask_format(o->format), NULL, 0, false },
		},
	};
	int status;

	if (!pool_name_valid(cli->arg[0]))
		return name_refuse(cli, cli->arg[0]);
	if (!pool_name_valid(a.name))
		return name_refuse(cli, a.name);
	if (o->writable && (o->read_only || o->shared))
		return cli_fail(cli, EXIT_USAGE, "--writable is the opposite "
				"of --read-only and --shared");
	/* Into a running VM only what was assigned now is plugged. */
	if (a.ask.want.format == VM_FORMAT_QMP)
		a.ask.want.child = a.name;
	status = session_open(cli, SESSION_WRITE, &s);
	if (status)
		return status;
	status = assign_do(&a);
	vm_roll_free(&a.roll);
	session_close(&s);
	return status;
}

static const struct example examples[] = {
	{ "nvmpool assign vm1 4G | xargs qemu-system-x86_64 -accel kvm",
	  "carve 4 GiB for a VM and start it" },
	{ "nvmpool assign vm1 64G --name data --ram 8G --grow-to 256G",
	  "a second child, with room to grow while the VM runs (see resize "
	  "--live)" },
	{ "nvmpool assign vm2 2G --name base --shared",
	  "an image that several VMs read" },
	{ NULL, NULL }
};

const struct command cmd_assign = {
	.name = "assign",
	.summary = "carve a child for a VM and print the VM's arguments",
	.description = "Prints one line for QEMU with all children of the VM, "
		"safe for xargs. Where the VM has the child already with this "
		"size, nothing is changed and the same line is printed, so "
		"the command can stand in a start script; with another size "
		"it fails and names resize. A child of this name and size "
		"that no VM owns (from carve) is taken over. Options that are "
		"given are put into force on a child that is there, but for "
		"its mode; what is not given stays.\n\n"
		"The device is the one that tells the guest the truth: an "
		"NVDIMM where the guest's stores are durable on the host "
		"(devdax, files with DAX), else virtio-pmem, whose flush is "
		"the host's fsync. --device nvdimm on a plain file is done on "
		"request, with a warning: what the guest stores there "
		"survives the guest and the VMM, not the host.\n\n"
		"It is refused while a process maps one of the VM's children "
		"that is not shared. Only root sees the mappings of other "
		"users' processes.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct assign_opts),
	.examples = examples,
	.flags = COMMAND_POOL | COMMAND_CHANGES,
	.run = assign_run,
};
