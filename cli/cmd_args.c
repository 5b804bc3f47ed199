/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_args.c - `nvmpool args`: the arguments for a VM's VMM, once more.
 * Reads only.
 */
#include <glib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/vm_roll.h"

struct args_opts {
	uint64_t ram, from;
	const char *machine, *child, *with;
	int format;
	bool force;
};

static const struct opt opts[] = {
	OPT_SIZE(0, "ram", struct args_opts, ram,
		 "the VM's ordinary memory (default: 1G)"),
	OPT_TEXT(0, "machine", "MACHINE", COMPLETE_NONE, struct args_opts,
		 machine, "QEMU's machine: q35, pc or a version of them "
		 "(default: q35)"),
	OPT_WORD(0, "for", "VMM", vm_format_names, struct args_opts, format,
		 "write it for this VMM (default: qemu)"),
	OPT_TEXT(0, "with", "CHILD[,CHILD]", COMPLETE_CHILD, struct args_opts,
		 with, "shared children of other VMs to add"),
	OPT_TEXT(0, "name", "CHILD", COMPLETE_CHILD, struct args_opts, child,
		 "with --for qmp: plug in this child only"),
	OPT_NUMBER(0, "from-extent", "NUMBER", struct args_opts, from,
		   "with --name: plug in its extents from this one on"),
	OPT_FLAG('f', "force", struct args_opts, force,
		 "also while a process maps a child"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "VM", .complete = COMPLETE_VM },
	{ .name = NULL }
};

static int args_usage(struct cli *cli, const struct args_opts *o)
{
	if (o->child && vm_ask_format(o->format) != VM_FORMAT_QMP)
		return cli_fail(cli, EXIT_USAGE, "--name is for --for qmp: a "
				"VM is started with all its children");
	if (o->from && !o->child)
		return cli_fail(cli, EXIT_USAGE,
				"--from-extent needs --name CHILD");
	return 0;
}

/* The children of --with, which must be shared ones. */
static int args_with(struct session *s, const struct args_opts *o,
		     struct vm_roll *roll)
{
	char **names = g_strsplit(o->with ? o->with : "", ",", -1);
	int status = 0;

	for (char **name = names; !status && *name; name++) {
		struct pool_child child;

		status = session_child(s, *name, &child);
		if (status || !strcmp(child.vm, s->cli->arg[0]))
			continue;
		if (!(child.flags & POOL_CHILD_SHARED))
			status = cli_fail(s->cli, EXIT_EXISTS, "child '%s' is "
					  "not shared%s%s", *name,
					  *child.vm ? ", and belongs to VM " :
					  "", child.vm);
		else
			status = vm_roll_add(s, &child, roll);
	}
	g_strfreev(names);
	return status;
}

static int args_of(struct session *s, const struct args_opts *o,
		   struct vm_roll *roll)
{
	struct vm_ask ask = {
		.vm = s->cli->arg[0],
		.machine = o->machine,
		.ram_bytes = o->ram,
		.want = { vm_ask_format(o->format), o->child,
			  (unsigned)MIN(o->from, VM_EXTENTS_MAX), false },
	};
	struct pool_child child;
	int status = vm_roll_fill(s, ask.vm, roll);

	if (!status)
		status = args_with(s, o, roll);
	if (!status && o->child)
		status = session_child(s, o->child, &child);
	if (status)
		return status;
	if (!roll->count)
		return cli_fail(s->cli, EXIT_NOT_FOUND, "no child in pool '%s' "
				"belongs to VM '%s'; 'nvmpool assign %s SIZE' "
				"gives it one", s->path, ask.vm, ask.vm);
	/* What is plugged into a running VM is mapped, all but the new part. */
	if (ask.want.format != VM_FORMAT_QMP && !o->force) {
		status = vm_roll_not_in_use(s, roll, false, "hand out");
		if (status)
			return status;
	}
	return vm_roll_answer(s, roll, &ask);
}

static int args_run(struct cli *cli)
{
	const struct args_opts *o = cli->opts;
	struct vm_roll roll = { 0 };
	struct session s;
	int status = args_usage(cli, o);

	if (status)
		return status;
	if (!pool_name_valid(cli->arg[0]))
		return name_refuse(cli, cli->arg[0]);
	status = session_open(cli, SESSION_READ, &s);
	/* What is handed out must be there for good: stamps, and the promise. */
	if (!status && pool_health(s.pool)->unfinished) {
		session_close(&s);
		status = session_open(cli, SESSION_WRITE, &s);
	}
	if (status)
		return status;
	status = args_of(&s, o, &roll);
	vm_roll_free(&roll);
	session_close(&s);
	return status;
}

static const struct example examples[] = {
	{ "nvmpool args vm1 | xargs qemu-system-x86_64 -accel kvm",
	  "start a VM with all that was assigned to it" },
	{ "nvmpool args vm1 --for qmp --name data --from-extent 1",
	  "what plugs the second extent of child data into a running VM" },
	{ "nvmpool args vm1 --for libvirt > vm1.xml", "a libvirt domain" },
	{ NULL, NULL }
};

const struct command cmd_args = {
	.name = "args",
	.summary = "print the arguments that give a VM its children",
	.description = "One line for all children of the VM, safe for xargs "
		"and the same at every call; nothing is changed. --ram and "
		"--machine must be those of the VM: the addresses of its "
		"children depend on them.\n\n"
		"It is refused while a process maps one of the children, "
		"unless that one is shared: two writers destroy each other's "
		"data. --for qmp is not, since it is for a running VM.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct args_opts),
	.examples = examples,
	.flags = COMMAND_POOL,
	.run = args_run,
};
