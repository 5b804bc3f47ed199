/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_glue_probe.c - running programs for a bounded time, and what the probe
 * says of the QEMU that is installed here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "qemu-glue/probe.h"
#include "qemu-glue/run.h"

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_program_gets_its_input_and_its_output_comes_back(void **state)
{
	const char *const argv[] = { "sh", "-c", "cat; echo bad >&2; exit 7",
				     NULL };
	struct run_result result;

	(void)state;
	assert_int_equal(run_program(argv, "some words\n", 5000, &result,
				     NULL), 0);
	assert_string_equal(result.output, "some words\n");
	assert_string_equal(result.errors, "bad\n");
	assert_int_equal(result.status, 7);
	assert_false(result.timed_out);
	run_result_free(&result);
}

static void a_program_that_hangs_is_killed_in_time(void **state)
{
	/* The grandchild keeps the pipes open after its parent is killed. */
	const char *const argv[] = { "sh", "-c", "sleep 20 & echo x; wait",
				     NULL };
	struct run_result result;
	double begin = seconds();

	(void)state;
	assert_int_equal(run_program(argv, NULL, 300, &result, NULL), 0);
	assert_true(result.timed_out);
	assert_int_equal(result.status, 128 + 9);
	assert_string_equal(result.output, "x\n");
	assert_true(seconds() - begin < 3);
	run_result_free(&result);
}

static void a_program_that_does_not_read_its_input_is_no_trouble(void **state)
{
	static char input[1 << 20];
	const char *const argv[] = { "sh", "-c", "exec 0<&-; echo done", NULL };
	struct run_result result;

	(void)state;
	memset(input, 'x', sizeof(input) - 1);
	assert_int_equal(run_program(argv, input, 5000, &result, NULL), 0);
	assert_string_equal(result.output, "done\n");
	assert_int_equal(result.status, 0);
	run_result_free(&result);
}

static void a_missing_program_is_told_by_name(void **state)
{
	const char *const argv[] = { "no-such-program-here", NULL };
	struct run_result result;
	struct failure failure;

	(void)state;
	assert_int_equal(run_program(argv, NULL, 1000, &result, &failure),
			 -ENOENT);
	assert_non_null(strstr(failure.text, "no-such-program-here"));
}

static void the_installed_qemu_has_what_the_arguments_need(void **state)
{
	struct qemu_facts facts;
	struct failure failure;

	(void)state;
	if (probe_qemu(NULL, &facts, &failure))
		fail_msg("%s", failure.text);
	assert_true(facts.path[0] == '/');
	assert_true(facts.recent);
	assert_true(facts.offset);
	assert_true(facts.nvdimm);
	assert_true(facts.virtio_pmem);
	assert_true(qemu_usable(&facts));
}

static void a_program_that_is_no_qemu_is_not_believed(void **state)
{
	struct qemu_facts facts;
	struct failure failure;

	(void)state;
	assert_int_equal(probe_qemu("true", &facts, &failure), -EIO);
	assert_non_null(strstr(failure.text, "does not answer"));
	assert_int_equal(probe_qemu("no-such-qemu", &facts, &failure),
			 -ENOENT);
}

static void the_probes_guest_comes_up_under_tcg(void **state)
{
	struct failure failure;

	(void)state;
	if (probe_guest("qemu-system-x86_64", "tcg", NULL, 20000, &failure))
		fail_msg("%s", failure.text);
}

static void a_guest_that_does_not_report_is_no_success(void **state)
{
	struct failure failure;

	(void)state;
	/* ends at once, with 0, as QEMU does after a triple fault */
	assert_int_equal(probe_guest("true", "tcg", NULL, 2000, &failure),
			 -EIO);
	assert_non_null(strstr(failure.text, "status 0"));
	assert_int_equal(probe_guest("qemu-system-x86_64", "no-such-accel",
				     NULL, 5000, &failure), -EIO);
	assert_non_null(strstr(failure.text, "no-such-accel"));
}

static void the_accelerator_is_decided_within_three_seconds(void **state)
{
	struct accel_facts facts;
	double begin = seconds();

	(void)state;
	probe_accel("qemu-system-x86_64", &facts);
	assert_true(seconds() - begin < 3);
	assert_true(facts.reason[0] != 0);
	print_message("kvm: %d (%s)\n", facts.kvm, facts.reason);
	/* whatever it says must hold: a second look agrees */
	struct accel_facts again;

	probe_accel("qemu-system-x86_64", &again);
	assert_int_equal(facts.kvm, again.kvm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_program_gets_its_input_and_its_output_comes_back),
		cmocka_unit_test(a_program_that_hangs_is_killed_in_time),
		cmocka_unit_test(
			a_program_that_does_not_read_its_input_is_no_trouble),
		cmocka_unit_test(a_missing_program_is_told_by_name),
		cmocka_unit_test(
			the_installed_qemu_has_what_the_arguments_need),
		cmocka_unit_test(a_program_that_is_no_qemu_is_not_believed),
		cmocka_unit_test(the_probes_guest_comes_up_under_tcg),
		cmocka_unit_test(a_guest_that_does_not_report_is_no_success),
		cmocka_unit_test(
			the_accelerator_is_decided_within_three_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
