// SPDX-License-Identifier: BSD-3-Clause
/*
 * vm.c - QEMU with the guest of guest.c: its console is a pipe that we read, so
 * what has left the guest is with us or in the pipe when QEMU is killed.
 */
#include "tests/vm/kills/kills.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS_MAX	64u
#define CONSOLE_BYTES	(1 << 20)	/* the pipe; a round says less */
#define READ_BYTES	4096u

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* In the child: becomes QEMU. */
__attribute__((noreturn))
static void qemu_run(int console, const char *elf, const char *append,
		     char *const *argument, const char *errors)
{
	const char *word[ARGUMENTS_MAX] = {
		"qemu-system-x86_64", "-accel", "tcg", "-cpu", "max",
		"-nodefaults", "-display", "none", "-no-reboot",
		"-device", "isa-debug-exit,iobase=0xf4,iosize=4",
		"-debugcon", "file:/dev/stdout", "-kernel", elf,
		"-append", append,
	};
	size_t count = 0;
	int in = open("/dev/null", O_RDONLY);
	int err = open(errors, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	while (word[count])
		count++;
	while (*argument && count < ARGUMENTS_MAX - 1)
		word[count++] = *argument++;
	/* It must not outlive us, whatever becomes of us. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (in < 0 || err < 0 || dup2(in, 0) < 0 || dup2(console, 1) < 0 ||
	    dup2(err, 2) < 0)
		_exit(126);
	execvp(word[0], (char *const *)(uintptr_t)word);
	dprintf(2, "cannot run %s: %s\n", word[0], strerror(errno));
	_exit(127);
}

void vm_start(struct vm *vm, const char *elf, const char *append,
	      char *const *argument, const char *errors)
{
	int console[2];

	*vm = (struct vm){ .room = READ_BYTES };
	vm->text = calloc(1, vm->room);
	if (!vm->text || pipe2(console, O_CLOEXEC))
		give_up("cannot make a console: %s", strerror(errno));
	/* More than a round says: the guest waits for nobody. */
	fcntl(console[1], F_SETPIPE_SZ, CONSOLE_BYTES);
	fflush(stdout);
	vm->pid = fork();
	if (vm->pid < 0)
		give_up("cannot start QEMU: %s", strerror(errno));
	if (!vm->pid)
		qemu_run(console[1], elf, append, argument, errors);
	close(console[1]);
	vm->console = console[0];
}

/* False: everything has been read. */
static bool console_read(struct vm *vm)
{
	ssize_t n;

	if (vm->room - vm->len < READ_BYTES + 1) {
		vm->room *= 2;
		vm->text = realloc(vm->text, vm->room);
		if (!vm->text)
			give_up("no memory for the console");
	}
	n = read(vm->console, vm->text + vm->len, READ_BYTES);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	vm->len += (size_t)n;
	vm->text[vm->len] = 0;
	return true;
}

static bool has_line(const struct vm *vm, const char *line)
{
	size_t len = strlen(line);
	const char *at = vm->text;

	for (; at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
		if (!strncmp(at, line, len))
			return true;
	return false;
}

/* @line NULL: until the end of the console. */
static bool console_hear(struct vm *vm, const char *line, unsigned limit_ms)
{
	uint64_t until = clock_ms() + limit_ms, now;

	while (!line || !has_line(vm, line)) {
		struct pollfd pollfd = { vm->console, POLLIN, 0 };

		now = clock_ms();
		if (now >= until)
			return false;
		if (poll(&pollfd, 1, (int)(until - now)) > 0 &&
		    !console_read(vm))
			return !line || has_line(vm, line);
	}
	return true;
}

bool vm_hear(struct vm *vm, const char *line, unsigned limit_ms)
{
	return console_hear(vm, line, limit_ms);
}

static void vm_reap(struct vm *vm)
{
	while (waitpid(vm->pid, &vm->status, 0) < 0)
		if (errno != EINTR)
			give_up("QEMU is gone: %s", strerror(errno));
	while (console_read(vm))
		;
	close(vm->console);
}

void vm_kill(struct vm *vm)
{
	kill(vm->pid, SIGKILL);
	vm_reap(vm);
}

void vm_wait(struct vm *vm, unsigned limit_ms)
{
	if (console_hear(vm, NULL, limit_ms))
		vm_reap(vm);
	else
		vm_kill(vm);
}

void vm_free(struct vm *vm)
{
	free(vm->text);
}
