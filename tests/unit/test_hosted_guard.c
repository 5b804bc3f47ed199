/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_hosted_guard.c - a SIGBUS that is not the guard's own goes to whoever
 * handled it before, or kills as it would have without us.  Each case runs in
 * a child of its own.
 */
#include "hosted_scratch.h"

#include <sys/mman.h>

#include "hosted/guard.h"

static volatile sig_atomic_t former_called;
static sigjmp_buf former_jump;

static void former_handler(int signal_number)
{
	(void)signal_number;
	former_called = 1;
	siglongjmp(former_jump, 1);
}

static void former_action(int signal_number, siginfo_t *info, void *context)
{
	(void)context;
	former_called = info->si_addr != NULL ? 2 : 3;
	siglongjmp(former_jump, signal_number);
}

/* A page that answers with SIGBUS: mapped behind the end of an empty file. */
static volatile uint8_t *dead_page(void)
{
	int fd = memfd_create("dead", MFD_CLOEXEC);

	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/* The guard answers for its window: installs the handler. */
static bool guard_answers(void)
{
	volatile uint8_t *page = dead_page();
	struct guard_window window = { (const uint8_t *)(uintptr_t)page, 4096 };
	struct guard_fault fault = { 0 };
	uint8_t byte;

	guard_install();
	return !guard_copy(&window, guard_memcpy, &byte, window.base + 17, 1, 0,
			   &fault) &&
	       fault.address == window.base + 17 && !fault.poison;
}

static int touch_after_plain_handler(void *arg)
{
	(void)arg;
	signal(SIGBUS, former_handler);
	if (!guard_answers())
		return 1;
	if (!sigsetjmp(former_jump, 1))
		*dead_page() = 1;
	return former_called == 1 ? 0 : 2;
}

static int touch_after_siginfo_handler(void *arg)
{
	struct sigaction action = {
		.sa_sigaction = former_action, .sa_flags = SA_SIGINFO,
	};

	(void)arg;
	sigaction(SIGBUS, &action, NULL);
	if (!guard_answers())
		return 1;
	if (!sigsetjmp(former_jump, 1))
		*dead_page() = 1;
	return former_called == 2 ? 0 : 2;
}

static int touch_after_nothing(void *arg)
{
	(void)arg;
	signal(SIGBUS, SIG_DFL);
	if (!guard_answers())
		return 1;
	*dead_page() = 1;
	return 2;
}

static int touch_after_ignoring(void *arg)
{
	(void)arg;
	signal(SIGBUS, SIG_IGN);
	if (!guard_answers())
		return 1;
	raise(SIGBUS);		/* sent, not a fault: ignored as before */
	*dead_page() = 1;
	return 2;
}

/* A fault outside the window, while the guard is armed, is not its own. */
static int fault_in_the_other_buffer(void *arg)
{
	volatile uint8_t *page = dead_page();
	uint8_t window_bytes[64] = { 0 };
	struct guard_window window = { window_bytes, sizeof(window_bytes) };
	struct guard_fault fault;

	(void)arg;
	signal(SIGBUS, SIG_DFL);
	guard_install();
	guard_copy(&window, guard_memcpy, (uint8_t *)(uintptr_t)page,
		   window_bytes, 1, 0, &fault);
	return 2;
}

static int guard_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++)
		if (!guard_answers())
			return 1;
	return 0;
}

static void a_former_handler_is_called(void **state)
{
	(void)state;
	assert_int_equal(scratch_child(touch_after_plain_handler, NULL), 0);
}

static void a_former_siginfo_handler_is_called_with_the_address(void **state)
{
	(void)state;
	assert_int_equal(scratch_child(touch_after_siginfo_handler, NULL), 0);
}

static void without_a_former_handler_the_process_dies_of_sigbus(void **state)
{
	(void)state;
	assert_int_equal(scratch_child(touch_after_nothing, NULL),
			 128 + SIGBUS);
}

static void a_fault_kills_even_where_sigbus_is_ignored(void **state)
{
	(void)state;
	assert_int_equal(scratch_child(touch_after_ignoring, NULL),
			 128 + SIGBUS);
}

static void a_fault_outside_the_window_is_not_swallowed(void **state)
{
	(void)state;
	assert_int_equal(scratch_child(fault_in_the_other_buffer, NULL),
			 128 + SIGBUS);
}

static void the_guard_works_again_and_again(void **state)
{
	(void)state;
	assert_int_equal(scratch_child(guard_often, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_former_handler_is_called),
		cmocka_unit_test(
			a_former_siginfo_handler_is_called_with_the_address),
		cmocka_unit_test(
			without_a_former_handler_the_process_dies_of_sigbus),
		cmocka_unit_test(a_fault_kills_even_where_sigbus_is_ignored),
		cmocka_unit_test(a_fault_outside_the_window_is_not_swallowed),
		cmocka_unit_test(the_guard_works_again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
