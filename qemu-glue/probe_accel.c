/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_accel.c - does KVM run guests here (probe.h).
 *
 * That /dev/kvm opens proves little: a KVM in software lets QEMU start and a
 * stock kernel hang.  So a guest of a few hundred bytes (probe/guest.S) is
 * carried in the tool and run.  Only status 33 counts, which the guest itself
 * asks for; a triple fault also ends QEMU, with 0.
 */
#include "qemu-glue/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "qemu-glue/run.h"

#define GUEST_STATUS	33	/* isa-debug-exit: (0x10 << 1) | 1 */

/* PROBE_GUEST: the linked guest, from the Makefile. */
__asm__(".pushsection .rodata\n"
	".balign 16\n"
	"probe_guest_image: .incbin \"" PROBE_GUEST "\"\n"
	"probe_guest_image_end: .byte 0\n"
	".popsection\n");
extern const uint8_t probe_guest_image[], probe_guest_image_end[];

/* A file in memory, for QEMU to open through /proc/PID/fd. */
static int guest_file(void)
{
	size_t len = (size_t)(probe_guest_image_end - probe_guest_image);
	int fd = memfd_create("nvmpool-probe", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, probe_guest_image, len) != (ssize_t)len) {
		close(fd);
		return -EIO;
	}
	return fd;
}

int probe_guest(const char *qemu, const char *accel, char *const *words,
		unsigned timeout_ms, struct failure *failure)
{
	char kernel[64];
	const char *const fixed[] = {
		qemu, "-accel", accel, "-machine", "q35", "-m", "32M",
		"-nodefaults", "-no-user-config", "-display", "none",
		"-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
		"-kernel", kernel, NULL
	};
	GPtrArray *argv;
	struct run_result result;
	int fd = guest_file(), err;

	if (fd < 0)
		return failure_errno(failure, fd,
				     "cannot prepare the probe's guest");
	snprintf(kernel, sizeof(kernel), "/proc/%d/fd/%d", (int)getpid(), fd);
	argv = g_ptr_array_new();
	for (const char *const *word = fixed; *word; word++)
		g_ptr_array_add(argv, (gpointer)(uintptr_t)*word);
	for (; words && *words; words++)
		g_ptr_array_add(argv, *words);
	g_ptr_array_add(argv, NULL);
	err = run_program((const char *const *)argv->pdata, NULL, timeout_ms,
			  &result, failure);
	g_ptr_array_free(argv, TRUE);
	close(fd);
	if (err)
		return err;
	if (result.timed_out)
		err = failure_set(failure, -ETIMEDOUT,
				  "a tiny guest did not come up within %u ms",
				  timeout_ms);
	else if (result.status != GUEST_STATUS) {
		result.errors[strcspn(result.errors, "\n")] = 0;
		err = failure_set(failure, -EIO,
				  "a tiny guest did not come up: QEMU ended "
				  "with status %d%s%s", result.status,
				  *result.errors ? ": " : "", result.errors);
	}
	run_result_free(&result);
	return err;
}

/* True if a line of /proc/cpuinfo's flags has one of the two words. */
static bool cpu_has_virtualization(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (file && !found && getline(&line, &size, file) > 0) {
		if (strncmp(line, "flags", 5))
			continue;
		for (char *save, *word = strtok_r(line, " \t\n", &save); word;
		     word = strtok_r(NULL, " \t\n", &save))
			if (!strcmp(word, "vmx") || !strcmp(word, "svm"))
				found = true;
		break;
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

void probe_accel(const char *qemu, struct accel_facts *ret_facts)
{
	struct accel_facts facts = { 0 };
	struct failure failure;
	char text[128];
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		snprintf(facts.reason, sizeof(facts.reason),
			 "cannot open '/dev/kvm': %s",
			 failure_strerror(-errno, text, sizeof(text)));
	} else if (!cpu_has_virtualization()) {
		snprintf(facts.reason, sizeof(facts.reason),
			 "/dev/kvm opens, but the processor has neither vmx "
			 "nor svm");
	} else if (access("/sys/module/kvm_pvm", F_OK) == 0) {
		snprintf(facts.reason, sizeof(facts.reason),
			 "KVM is done in software here (kvm_pvm), where stock "
			 "kernels hang");
	} else if (probe_guest(qemu ? qemu : "qemu-system-x86_64", "kvm", NULL,
			       PROBE_ACCEL_MS, &failure)) {
		snprintf(facts.reason, sizeof(facts.reason), "%.*s",
			 (int)sizeof(facts.reason) - 1, failure.text);
	} else {
		facts.kvm = true;
		snprintf(facts.reason, sizeof(facts.reason),
			 "a tiny guest ran on it");
	}
	if (fd >= 0)
		close(fd);
	*ret_facts = facts;
}
