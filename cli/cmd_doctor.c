/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_doctor.c - `nvmpool doctor`: what this machine and a backing give a
 * guest, found out by trying, and what to do next.
 *
 * The pool is only read.  Works without one too: then it looks at the
 * machine, or at where a pool could be made (--backing).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/doctor_selftest.h"
#include "hosted/in_use.h"
#include "hosted/registry.h"
#include "qemu-glue/probe.h"
#include "qemu-glue/trial.h"
#include "qemu-glue/verdict.h"
#include "qemu-glue/vm.h"

struct doctor_opts {
	const char *backing, *qemu, *selftest;
	uint64_t selftest_s;
	bool accel;
};

static const struct opt opts[] = {
	OPT_TEXT('b', "backing", "PATH", COMPLETE_FILE, struct doctor_opts,
		 backing, "look at this file, device or directory instead of "
		 "a pool"),
	OPT_TEXT(0, "qemu", "PROGRAM", COMPLETE_FILE, struct doctor_opts, qemu,
		 "look at this QEMU (default: qemu-system-x86_64)"),
	OPT_FLAG(0, "accel", struct doctor_opts, accel,
		 "print only which accelerator works: kvm or tcg"),
	OPT_TEXT(0, "selftest", "DIR", COMPLETE_FILE, struct doctor_opts,
		 selftest, "only run nvmtorture: power losses simulated in "
		 "memory, and real kills on a scratch pool in DIR"),
	OPT_NUMBER(0, "selftest-time", "SECONDS", struct doctor_opts,
		   selftest_s, "for how long, about; 60 by default"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "CHILD", .complete = COMPLETE_CHILD, .optional = true },
	{ .name = NULL }
};

#define STEPS_MAX	12

struct doctor {
	struct cli *cli;
	const struct doctor_opts *o;
	bool have_qemu, have_trial, have_child;
	struct qemu_facts qemu;
	struct accel_facts accel;
	struct trial trial;
	struct pool_child child;
	char *pool_path;		/* NULL: there is no pool */
	const char *step[STEPS_MAX];	/* what to do next */
	size_t step_count;
	int status;
};

static void step_add(struct doctor *d, const char *step)
{
	if (d->step_count < STEPS_MAX)
		d->step[d->step_count++] = step;
}

/* ---- the machine -------------------------------------------------------------- */

static void look_at_machine(struct doctor *d)
{
	struct failure failure;
	int err = probe_qemu(d->o->qemu, &d->qemu, &failure);

	d->have_qemu = !err;
	if (err) {
		cli_warn(d->cli, "%s", failure.text);
		step_add(d, "install QEMU 8.1 or newer; on Debian 12 it is in "
			 "bookworm-backports");
	} else if (!d->qemu.offset) {
		step_add(d, "install QEMU 8.1 or newer: this one cannot map a "
			 "part of a file (memory-backend-file has no offset=)");
	} else if (!d->qemu.nvdimm || !d->qemu.virtio_pmem) {
		step_add(d, "install a QEMU that is built with nvdimm and "
			 "virtio-pmem-pci");
	}
	if (err || !qemu_usable(&d->qemu))
		d->status = EXIT_UNSUPPORTED;
	if (d->have_qemu)
		probe_accel(d->qemu.path, &d->accel);
	else
		snprintf(d->accel.reason, sizeof(d->accel.reason),
			 "without QEMU nothing could be tried");
}

static const char *yes(bool value)
{
	return value ? "yes" : "no";
}

static void tell_machine(struct doctor *d)
{
	char text[512];

	if (d->have_qemu) {
		snprintf(text, sizeof(text), "%.300s, version %u.%u.%u",
			 d->qemu.path, d->qemu.major, d->qemu.minor,
			 d->qemu.micro);
		out_text(d->cli, NULL, "QEMU", text);
		snprintf(text, sizeof(text), "offset= %s, nvdimm %s, "
			 "virtio-pmem %s, pmem=on %s", yes(d->qemu.offset),
			 yes(d->qemu.nvdimm), yes(d->qemu.virtio_pmem),
			 yes(d->qemu.pmem));
		out_text(d->cli, NULL, "it has", text);
		out_text(d->cli, "qemu_path", NULL, d->qemu.path);
		snprintf(text, sizeof(text), "%u.%u.%u", d->qemu.major,
			 d->qemu.minor, d->qemu.micro);
		out_text(d->cli, "qemu_version", NULL, text);
		out_bool(d->cli, "qemu_offset", NULL, d->qemu.offset);
		out_bool(d->cli, "qemu_nvdimm", NULL, d->qemu.nvdimm);
		out_bool(d->cli, "qemu_virtio_pmem", NULL,
			 d->qemu.virtio_pmem);
		out_bool(d->cli, "qemu_pmem", NULL, d->qemu.pmem);
	} else {
		out_text(d->cli, NULL, "QEMU", "none");
		out_text(d->cli, "qemu_path", NULL, NULL);
	}
	snprintf(text, sizeof(text), "%s: %s", d->accel.kvm ? "kvm" : "tcg",
		 d->accel.reason);
	out_text(d->cli, NULL, "accelerator", text);
	out_text(d->cli, "accel", NULL, d->accel.kvm ? "kvm" : "tcg");
	out_text(d->cli, "accel_reason", NULL, d->accel.reason);
}

/* ---- the pool, or where one could be ------------------------------------------- */

/* Is a pool meant at all?  Without a word about it, none may be there. */
static bool pool_is_meant(const struct doctor *d)
{
	struct registry registry;
	bool meant;

	if (d->cli->pool || d->cli->arg[0] || getenv("NVMPOOL"))
		return true;
	if (registry_load(&registry, NULL))
		return true;		/* session_open() tells why */
	meant = registry.count > 0;
	registry_free(&registry);
	return meant;
}

static int look_at_pool(struct doctor *d)
{
	struct session s;
	int status = session_open(d->cli, SESSION_READ, &s);

	if (status)
		return status;
	d->pool_path = strdup(backing_info(s.backing)->path);
	if (d->cli->arg[0])
		status = session_child(&s, d->cli->arg[0], &d->child);
	d->have_child = !status && d->cli->arg[0];
	session_close(&s);
	return status;
}

static int look_at_backing(struct doctor *d)
{
	const char *path = d->o->backing ? d->o->backing : d->pool_path;
	struct failure failure;
	int err;

	if (!path)
		return 0;
	err = trial_run(path, &d->trial, &failure);
	if (err)
		return fail_hosted(d->cli, err, &failure);
	d->have_trial = true;
	return 0;
}

static void steps_for_backing(struct doctor *d)
{
	const struct trial *trial = &d->trial;
	const struct backing_info *info = &trial->info;

	if (info->kind == BACKING_BLOCK && info->has_namespace &&
	    info->ns.mode != NAMESPACE_DEVDAX)
		step_add(d, "a VM reaches this device through the page cache "
			 "only: `nvmpool format --reconfigure devdax` makes "
			 "it direct (what is on it is lost)");
	if (info->tmpfs)
		step_add(d, "nothing here survives a reboot: make the pool on "
			 "a disk or NVDIMM if it should");
	if (info->tmpfs && trial->answer[TRIAL_HUGE].result == TRIAL_NO)
		step_add(d, "mount the tmpfs with -o huge=advise: QEMU asks "
			 "for huge pages, and gets them then");
	if (info->map_sync && d->have_qemu && !d->qemu.pmem)
		step_add(d, "use a QEMU built with libpmem: pmem=on makes it "
			 "flush what it writes to the guest's memory");
	if (trial->bad_count)
		step_add(d, "there are bad blocks: `nvmpool check` tells which "
			 "children they hit");
	if (!d->pool_path && trial->directory)
		step_add(d, "make a pool here: `nvmpool format FILE --size "
			 "SIZE`");
}

static enum pool_device device_used(const struct doctor *d)
{
	struct vm_backing backing;
	bool read_only = d->have_child && d->child.flags;

	if (d->have_child && d->child.device != POOL_DEVICE_AUTO)
		return d->child.device;
	vm_backing_fill(&d->trial.info, &backing);
	return vm_device_truthful(backing.reach, read_only);
}

static void tell_backing(struct doctor *d)
{
	const struct backing_info *info = &d->trial.info;
	char text[256];

	out_text(d->cli, "path", d->trial.directory ? "directory" : "backing",
		 info->path);
	snprintf(text, sizeof(text), "%s%s%s", d->trial.directory ? "file" :
		 backing_kind_name(info->kind), *info->fs_type ? " on " : "",
		 info->fs_type);
	out_text(d->cli, "kind", "kind", text);
	out_text(d->cli, "durable", "durable",
		 backing_durable_name(info->durable));
	out_text(d->cli, "reason", "because", info->reason);
	out_size(d->cli, "align_bytes", "alignment", info->align_bytes);
	if (info->has_namespace) {
		out_text(d->cli, "namespace", "namespace", info->ns.name);
		out_text(d->cli, "namespace_mode", "its mode",
			 namespace_mode_name(info->ns.mode));
		out_text(d->cli, "domain", "persistence domain",
			 namespace_domain_name(info->ns.domain));
	}
	if (d->trial.bad_count || d->cli->json)
		out_number(d->cli, "bad_ranges", "bad ranges",
			   d->trial.bad_count);
	if (d->have_child) {
		out_text(d->cli, "child", "child", d->child.name);
		out_text(d->cli, "mode", "mode", describe_mode(d->child.mode));
		out_bool(d->cli, "read_only", NULL, d->child.flags);
	}
	out_text(d->cli, "device", d->have_child ? "device" :
		 "device for VMs", describe_device(device_used(d)));
}

static void tell_trials(struct doctor *d)
{
	static const struct out_column columns[] = {
		{ "what", NULL, OUT_TEXT },
		{ NULL, "TRIED", OUT_TEXT },
		{ "result", "RESULT", OUT_TEXT },
		{ "detail", "SEEN", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT },
	};
	struct out_table *table;

	out_line(d->cli, "%s", "");
	table = out_table_begin(d->cli, "trials", columns);
	for (int i = 0; i < TRIAL_COUNT; i++) {
		const struct trial_answer *answer = &d->trial.answer[i];

		out_row(table);
		out_cell_text(table, trial_what_key((enum trial_what)i));
		out_cell_text(table, trial_what_name((enum trial_what)i));
		out_cell_text(table, trial_result_name(answer->result));
		out_cell_text(table, answer->text);
	}
	out_table_end(table, NULL);
}

static void tell_verdict(struct doctor *d)
{
	static const struct out_column columns[] = {
		{ "event", NULL, OUT_TEXT },
		{ NULL, "AFTER A", OUT_TEXT },
		{ "survives", "THERE IS STILL", OUT_TEXT },
		{ "why", "BECAUSE", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT },
	};
	enum pool_device device = device_used(d);
	struct out_table *table;

	out_line(d->cli, "%s", "");
	table = out_table_begin(d->cli, "verdict", columns);
	for (int i = 0; i < EVENT_COUNT; i++) {
		struct verdict verdict = verdict_of((enum verdict_event)i,
			&d->trial.info, d->trial.answer[TRIAL_FSYNC].result,
			device, d->have_child && d->child.flags);

		out_row(table);
		out_cell_text(table, verdict_event_key((enum verdict_event)i));
		out_cell_text(table,
			      verdict_event_name((enum verdict_event)i));
		out_cell_text(table, verdict_survives_name(verdict.survives));
		out_cell_text(table, verdict.why);
	}
	out_table_end(table, NULL);
}

static void tell_steps(struct doctor *d)
{
	static const struct out_column columns[] = {
		{ "step", "NEXT STEPS", OUT_TEXT },
		{ NULL, NULL, OUT_TEXT },
	};
	struct out_table *table;
	char start[160];

	snprintf(start, sizeof(start), "nothing is in the way: `nvmpool %s %s | "
		 "xargs qemu-system-x86_64`",
		 d->have_child && *d->child.vm ? "args" : "assign",
		 d->have_child && *d->child.vm ? d->child.vm : "VM SIZE");
	if (!d->step_count)
		step_add(d, start);
	out_line(d->cli, "%s", "");
	table = out_table_begin(d->cli, "next", columns);
	for (size_t i = 0; i < d->step_count; i++) {
		out_row(table);
		out_cell_text(table, d->step[i]);
	}
	out_table_end(table, NULL);
}

/* ---- the command -------------------------------------------------------------------- */

static int doctor_accel(struct cli *cli, const struct doctor_opts *o)
{
	struct accel_facts accel;

	probe_accel(o->qemu, &accel);
	out_text(cli, "accel", NULL, accel.kvm ? "kvm" : "tcg");
	out_text(cli, "accel_reason", NULL, accel.reason);
	out_line(cli, "%s", accel.kvm ? "kvm" : "tcg");
	return 0;
}

static int doctor_look(struct doctor *d)
{
	int status = 0;

	if (d->o->backing && d->cli->arg[0])
		return cli_fail(d->cli, EXIT_USAGE, "CHILD belongs to a pool: "
				"name that with --pool, not --backing");
	if (!d->o->backing && pool_is_meant(d))
		status = look_at_pool(d);
	if (!status)
		status = look_at_backing(d);
	if (status)
		return status;
	look_at_machine(d);
	if (d->have_trial)
		steps_for_backing(d);
	else
		step_add(d, "there is no pool yet: `nvmpool format FILE --size "
			 "SIZE` makes one; `nvmpool doctor --backing DIRECTORY` "
			 "tells what it would give");
	return 0;
}

static int doctor_run(struct cli *cli)
{
	struct doctor d = { .cli = cli, .o = cli->opts };
	int status;

	if (d.o->accel)
		return doctor_accel(cli, d.o);
	if (d.o->selftest && (d.o->backing || cli->arg[0]))
		return cli_fail(cli, EXIT_USAGE, "--selftest looks at nothing "
				"else: no CHILD, no --backing");
	if (d.o->selftest)
		return doctor_selftest(cli, d.o->selftest, d.o->selftest_s);
	status = doctor_look(&d);
	free(d.pool_path);
	if (status)
		return status;
	tell_machine(&d);
	if (d.have_trial) {
		tell_backing(&d);
		tell_trials(&d);
		tell_verdict(&d);
	}
	tell_steps(&d);
	if (d.status)
		return cli_fail(cli, d.status, "no VM can be given a child "
				"here: QEMU %s", d.have_qemu ?
				"is too old or lacks the devices" :
				"is missing, or does not run");
	return 0;
}

static const struct example examples[] = {
	{ "nvmpool doctor", "the pool and the machine" },
	{ "nvmpool doctor vm1", "with the device that child vm1 gets" },
	{ "nvmpool doctor --backing /mnt/pmem",
	  "what a pool made in that directory would give" },
	{ "nvmpool doctor --selftest /mnt/pmem",
	  "whether kills and power losses do no harm, for a minute" },
	{ "qemu-system-x86_64 -accel $(nvmpool doctor --accel) ...",
	  "use KVM where it works" },
	{ NULL, NULL }
};

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "try what the backing and this machine give a guest",
	.description = "Tries, and does not guess: a mapping with MAP_SYNC, "
		"how many page faults 2 MiB take, fsync, hole punching, QEMU's "
		"version and what it was built with, and a tiny guest on KVM, "
		"for two seconds at most. The table then tells what survives "
		"a crash of the guest, a kill of the VMM and a loss of the "
		"host's power, for the device that VMs (or CHILD) are given.\n"
		"\n"
		"Files are tried on a nameless scratch file beside them, "
		"devices are only read: a pool's bytes do not change. Ends "
		"with status 10 where no VM could be given a child.\n"
		"\n"
		"With --selftest it asks instead whether nvmpool's own code "
		"keeps its word here: for a minute it loses power in simulation, "
		"in memory, and kills processes that work on a scratch pool and "
		"on disks in DIR, which it removes afterwards. The verdict says "
		"which is which. Neither tells what the backing keeps when the "
		"power goes.",
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct doctor_opts),
	.examples = examples,
	.flags = COMMAND_POOL,
	.run = doctor_run,
};
