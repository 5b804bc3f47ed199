/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guard.c - the SIGBUS guard (guard.h).
 *
 * A signal handler has no context argument, so this file owns the two things
 * that must be at file scope: the frame the running thread has armed, and the
 * action that was installed before ours.  The handler is never removed.
 *
 * The handler does not jump: it returns to the end of guard_call(), by changing
 * the context that it was called with.  So the kernel puts back all that it
 * changed for the handler (the signal mask, the protection keys), and arming
 * the guard costs some saved registers: a 4 KiB write does it three times.
 *
 * SA_NODEFER: a former handler that we pass a signal on to may jump.
 */
#include "hosted/guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define GUARD_ASAN
#include <sanitizer/asan_interface.h>
#endif

struct guard_frame {
	void *stack;			/* of guard_call(), during it */
	const struct guard_window *window;
	struct guard_fault fault;
};

/*
 * copy(dst, src, len, flags), and true; but false if the handler continues at
 * guard_call_fails with the stack pointer that is in *ret_stack by then.
 */
bool guard_call(void *dst, const void *src, size_t len, unsigned flags,
		guard_copy_fn copy, void **ret_stack);
void guard_call_fails(void);

__asm__(
"	.pushsection .text\n"
"	.p2align 4\n"
"	.type guard_call, @function\n"
"guard_call:\n"
"	.cfi_startproc\n"
"	push	%rbp\n"
"	.cfi_def_cfa_offset 16\n"
"	.cfi_offset rbp, -16\n"
"	mov	%rsp, %rbp\n"
"	.cfi_def_cfa_register rbp\n"
"	push	%rbx\n"
"	push	%r12\n"
"	push	%r13\n"
"	push	%r14\n"
"	push	%r15\n"
"	push	%r9\n"			/* a call wants the stack aligned */
"	mov	%rsp, (%r9)\n"
"	call	*%r8\n"
"	mov	$1, %eax\n"
"1:	pop	%r9\n"
"	pop	%r15\n"
"	pop	%r14\n"
"	pop	%r13\n"
"	pop	%r12\n"
"	pop	%rbx\n"
"	pop	%rbp\n"
"	.cfi_def_cfa rsp, 8\n"
"	ret\n"
"	.type guard_call_fails, @function\n"
"guard_call_fails:\n"
"	.cfi_def_cfa rsp, 64\n"
"	xor	%eax, %eax\n"
"	jmp	1b\n"
"	.cfi_endproc\n"
"	.popsection\n");

#define DIRECTION_FLAG	0x400	/* a copy that goes backwards sets it */

static __thread struct guard_frame *volatile guard_armed;
static struct sigaction guard_previous;
static pthread_mutex_t guard_installing = PTHREAD_MUTEX_INITIALIZER;

/* Not our fault: what would have happened without us. */
static void guard_pass_on(int signal_number, siginfo_t *info, void *context)
{
	struct sigaction fallback = { .sa_handler = SIG_DFL };

	if (guard_previous.sa_flags & SA_SIGINFO) {
		guard_previous.sa_sigaction(signal_number, info, context);
		return;
	}
	if (guard_previous.sa_handler != SIG_DFL &&
	    guard_previous.sa_handler != SIG_IGN) {
		guard_previous.sa_handler(signal_number);
		return;
	}
	/* Sent by kill(2), and ignored: so be it.  A fault cannot be. */
	if (guard_previous.sa_handler == SIG_IGN && info->si_code <= 0)
		return;
	sigaction(signal_number, &fallback, NULL);
	raise(signal_number);
}

static void guard_handle(int signal_number, siginfo_t *info, void *context)
{
	struct guard_frame *frame = guard_armed;
	const uint8_t *address = info->si_addr;
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	if (!frame || info->si_code <= 0 || info->si_code == BUS_MCEERR_AO ||
	    address < frame->window->base ||
	    (size_t)(address - frame->window->base) >= frame->window->len) {
		guard_pass_on(signal_number, info, context);
		return;
	}
	frame->fault.address = address;
	frame->fault.poison = info->si_code == BUS_MCEERR_AR;
	registers[REG_RSP] = (greg_t)(uintptr_t)frame->stack;
	registers[REG_RIP] = (greg_t)(uintptr_t)guard_call_fails;
	registers[REG_EFL] &= ~(greg_t)DIRECTION_FLAG;
}

void guard_install(void)
{
	struct sigaction action = {
		.sa_sigaction = guard_handle,
		.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART | SA_ONSTACK,
	};
	struct sigaction now;

	sigemptyset(&action.sa_mask);
	pthread_mutex_lock(&guard_installing);
	if (!sigaction(SIGBUS, NULL, &now) &&
	    (!(now.sa_flags & SA_SIGINFO) ||
	     now.sa_sigaction != guard_handle)) {
		guard_previous = now;
		sigaction(SIGBUS, &action, NULL);
	}
	pthread_mutex_unlock(&guard_installing);
}

/*
 * The address sanitizer must be told of functions that were left in the middle:
 * else it takes the stack for theirs.
 */
static void stack_forget(void)
{
#ifdef GUARD_ASAN
	__asan_handle_no_return();
#endif
}

bool guard_copy(const struct guard_window *window, guard_copy_fn copy,
		void *dst, const void *src, size_t len, unsigned flags,
		struct guard_fault *ret_fault)
{
	struct guard_frame frame;
	bool copied;

	frame.window = window;
	guard_armed = &frame;
	atomic_signal_fence(memory_order_seq_cst);
	copied = guard_call(dst, src, len, flags, copy, &frame.stack);
	atomic_signal_fence(memory_order_seq_cst);
	guard_armed = NULL;
	if (!copied) {
		stack_forget();
		*ret_fault = frame.fault;
	}
	return copied;
}

void *guard_memcpy(void *dst, const void *src, size_t len, unsigned flags)
{
	(void)flags;
	return memcpy(dst, src, len);
}
