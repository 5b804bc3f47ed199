/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guard.c - the SIGBUS guard (guard.h).
 *
 * A signal handler has no context argument, so this file owns the two things
 * that must be at file scope: the frame the running thread has armed, and the
 * action that was installed before ours.  The handler is never removed.
 *
 * SA_NODEFER: the signal is not blocked while the handler runs, so leaving it
 * by siglongjmp() needs no signal mask restored and arming the guard costs no
 * system call.
 */
#include "hosted/guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

struct guard_frame {
	sigjmp_buf jump;
	struct guard_window window;
	struct guard_fault fault;
};

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

	if (frame && info->si_code > 0 && info->si_code != BUS_MCEERR_AO &&
	    address >= frame->window.base &&
	    (size_t)(address - frame->window.base) < frame->window.len) {
		frame->fault.address = address;
		frame->fault.poison = info->si_code == BUS_MCEERR_AR;
		guard_armed = NULL;
		siglongjmp(frame->jump, 1);
	}
	guard_pass_on(signal_number, info, context);
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

bool guard_copy(const struct guard_window *window, guard_copy_fn copy,
		void *dst, const void *src, size_t len, unsigned flags,
		struct guard_fault *ret_fault)
{
	struct guard_frame frame;

	frame.window = *window;
	if (sigsetjmp(frame.jump, 0)) {
		*ret_fault = frame.fault;
		return false;
	}
	guard_armed = &frame;
	atomic_signal_fence(memory_order_seq_cst);
	copy(dst, src, len, flags);
	atomic_signal_fence(memory_order_seq_cst);
	guard_armed = NULL;
	return true;
}

void *guard_memcpy(void *dst, const void *src, size_t len, unsigned flags)
{
	(void)flags;
	return memcpy(dst, src, len);
}
