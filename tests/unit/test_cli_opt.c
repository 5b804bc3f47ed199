/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_cli_opt.c - from words to a filled struct (cli/opt.h), with a tool of
 * its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/out.h"
#include "cli/talk.h"

struct test_opts {
	bool quick;
	const char *text;
	uint64_t size;
	uint64_t number;
	int word;
	struct opt_list list;
};

static const char *const words[] = { "red", "green", NULL };

static const struct opt opts[] = {
	OPT_FLAG('q', "quick", struct test_opts, quick, "fast"),
	OPT_TEXT('t', "text", "TEXT", COMPLETE_NONE, struct test_opts, text,
		 "text"),
	OPT_SIZE('s', "size", struct test_opts, size, "size"),
	OPT_NUMBER(0, "number", "N", struct test_opts, number, "number"),
	OPT_WORD(0, "word", "WORD", words, struct test_opts, word, "word"),
	OPT_LIST('l', "list", "TEXT", COMPLETE_NONE, struct test_opts, list,
		 "list"),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "FIRST" },
	{ .name = "SECOND", .optional = true },
	{ .name = NULL }
};

static const struct command command = {
	.name = "try", .summary = "try", .args = args, .opts = opts,
	.opts_size = sizeof(struct test_opts), .flags = COMMAND_POOL,
};

static const struct command *const commands[] = { &command, NULL };
static const struct tool tool = { "tool", "a tool", commands };

struct parsed {
	struct cli cli;
	struct test_opts o;
	char *argv[16];
	int status;
};

/* Parse the words up to a NULL. */
static void parse_as(struct parsed *p, const struct command *as, va_list ap)
{
	int argc = 0;

	*p = (struct parsed){ .cli = { .tool = &tool, .command = as,
				       .wait_s = CLI_WAIT_DEFAULT } };
	p->cli.opts = &p->o;
	out_new(&p->cli);
	while ((p->argv[argc] = va_arg(ap, char *)))
		argc++;
	p->status = opt_parse(&p->cli, argc, p->argv);
	p->cli.json = false;
	assert_int_equal(out_finish(&p->cli, p->status), p->status);
}

static void parse(struct parsed *p, ...)
{
	va_list ap;

	va_start(ap, p);
	parse_as(p, &command, ap);
	va_end(ap);
}

static void parse_passing(struct parsed *p, ...)
{
	struct command passing = command;
	va_list ap;

	passing.passes = "WORD";
	va_start(ap, p);
	parse_as(p, &passing, ap);
	va_end(ap);
}

static void nothing_given_leaves_the_defaults(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "a", NULL);
	assert_int_equal(p.status, 0);
	assert_false(p.o.quick);
	assert_null(p.o.text);
	assert_int_equal(p.o.size, 0);
	assert_int_equal(p.o.word, 0);
	assert_int_equal(p.cli.wait_s, CLI_WAIT_DEFAULT);
	assert_int_equal(p.cli.arg_count, 1);
	assert_null(p.cli.arg[1]);
}

static void each_spelling_of_a_value_is_understood(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "--text=x", "--size", "4K", "--word=green", "a", NULL);
	assert_int_equal(p.status, 0);
	assert_string_equal(p.o.text, "x");
	assert_int_equal(p.o.size, 4096);
	assert_int_equal(p.o.word, 2);
	parse(&p, "-qtx", "-s", "1", "a", "-w0", NULL);
	assert_int_equal(p.status, 0);
	assert_true(p.o.quick);
	assert_string_equal(p.o.text, "x");
	assert_int_equal(p.o.size, 1);
	assert_int_equal(p.cli.wait_s, 0);
	parse(&p, "--text=", "a", NULL);
	assert_int_equal(p.status, 0);
	assert_string_equal(p.o.text, "");
	parse(&p, "--text", "--quick", "a", NULL);
	assert_string_equal(p.o.text, "--quick");
	assert_false(p.o.quick);
}

static void the_last_of_two_wins(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "-s1", "-s2", "a", NULL);
	assert_int_equal(p.o.size, 2);
}

static void a_repeated_option_keeps_all_its_values(void **state)
{
	char *argv[OPT_LIST_MAX + 1];
	static char one[] = "-lx";
	struct parsed p;

	(void)state;
	parse(&p, "--list=x", "a", "-l", "y", "--list", "x", NULL);
	assert_int_equal(p.status, 0);
	assert_int_equal(p.o.list.count, 3);
	assert_string_equal(p.o.list.word[0], "x");
	assert_string_equal(p.o.list.word[1], "y");
	assert_string_equal(p.o.list.word[2], "x");
	parse(&p, "a", NULL);
	assert_int_equal(p.o.list.count, 0);

	for (int i = 0; i <= OPT_LIST_MAX; i++)
		argv[i] = one;
	out_new(&p.cli);
	p.status = opt_parse(&p.cli, OPT_LIST_MAX + 1, argv);
	assert_int_equal(out_finish(&p.cli, p.status), EXIT_USAGE);
	assert_int_equal(p.o.list.count, OPT_LIST_MAX);
}

static void a_number_with_a_minus_is_an_argument(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "a", "-1G", NULL);
	assert_int_equal(p.status, 0);
	assert_string_equal(p.cli.arg[1], "-1G");
	parse(&p, "-", NULL);
	assert_int_equal(p.status, 0);
	assert_string_equal(p.cli.arg[0], "-");
}

static void behind_two_dashes_everything_is_an_argument(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "--", "--quick", "--", NULL);
	assert_int_equal(p.status, 0);
	assert_false(p.o.quick);
	assert_string_equal(p.cli.arg[0], "--quick");
	assert_string_equal(p.cli.arg[1], "--");
}

static void what_is_for_another_program_is_left_alone(void **state)
{
	struct parsed p;

	(void)state;
	parse_passing(&p, "-q", "first", "--", "--help", "-j", "--", NULL);
	assert_int_equal(p.status, 0);
	assert_true(p.o.quick);
	assert_false(p.cli.help);
	assert_int_equal(p.cli.arg_count, 1);
	assert_int_equal(p.cli.argc, 3);
	assert_string_equal(p.cli.argv[0], "--help");
	assert_string_equal(p.cli.argv[2], "--");
	parse_passing(&p, "first", "--", NULL);
	assert_int_equal(p.status, 0);
	assert_int_equal(p.cli.argc, 0);
	/* an argument of its own cannot stand there */
	parse_passing(&p, "--", "first", NULL);
	assert_int_equal(p.status, EXIT_USAGE);
}

static void wrong_words_are_usage_errors(void **state)
{
	static const char *const wrong[][2] = {
		{ "--quikc", "a" }, { "--qui", "a" }, { "--quick=1", "a" },
		{ "a", "--size" }, { "a", "-s" }, { "--size=0", "a" },
		{ "--size=x", "a" }, { "--number=", "a" },
		{ "--number=-1", "a" }, { "--number=1x", "a" },
		{ "--number=99999999999999999999", "a" },
		{ "--word=blue", "a" }, { "--dry-run", "a" }, { "-x", "a" },
		{ "--=", "a" }, { "-q-", "a" },
	};
	struct parsed p;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		parse(&p, wrong[i][0], wrong[i][1], NULL);
		assert_int_equal(p.status, EXIT_USAGE);
	}
	parse(&p, NULL);
	assert_int_equal(p.status, EXIT_USAGE);
	parse(&p, "a", "b", "c", NULL);
	assert_int_equal(p.status, EXIT_USAGE);
}

static void help_asks_for_no_arguments(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "--help", NULL);
	assert_int_equal(p.status, 0);
	assert_true(p.cli.help);
}

static void the_nearest_word_is_suggested_and_no_far_one(void **state)
{
	static const char *const names[] = { "format", "list", "show",
					     "release", "resize", NULL };

	(void)state;
	assert_string_equal(opt_suggest("lsit", names), "list");
	assert_string_equal(opt_suggest("formt", names), "format");
	assert_string_equal(opt_suggest("rel", names), "release");
	assert_string_equal(opt_suggest("shwo", names), "show");
	assert_null(opt_suggest("x", names));
	assert_null(opt_suggest("", names));
	assert_null(opt_suggest("banana", names));
}

static void every_error_of_the_core_has_a_status(void **state)
{
	(void)state;
	assert_int_equal(fail_status(-NVM_ENOENT), EXIT_NOT_FOUND);
	assert_int_equal(fail_status(-NVM_EEXIST), EXIT_EXISTS);
	assert_int_equal(fail_status(-NVM_ENOSPC), EXIT_NO_SPACE);
	assert_int_equal(fail_status(-NVM_EFRAG), EXIT_NO_SPACE);
	assert_int_equal(fail_status(-NVM_ERANGE), EXIT_NO_SPACE);
	assert_int_equal(fail_status(-NVM_EBUSY), EXIT_BUSY);
	assert_int_equal(fail_status(-NVM_EBADMSG), EXIT_DAMAGED);
	assert_int_equal(fail_status(-NVM_EROFS), EXIT_DENIED);
	assert_int_equal(fail_status(-NVM_EPERM), EXIT_DENIED);
	assert_int_equal(fail_status(-NVM_EMEDIUM), EXIT_NOT_POOL);
	assert_int_equal(fail_status(-NVM_EPROTO), EXIT_NOT_POOL);
	assert_int_equal(fail_status(-NVM_EIO), EXIT_FAILED);
	assert_int_equal(fail_status(-NVM_ENOMEM), EXIT_FAILED);
	assert_int_equal(fail_status(-NVM_EINVAL), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_leaves_the_defaults),
		cmocka_unit_test(each_spelling_of_a_value_is_understood),
		cmocka_unit_test(the_last_of_two_wins),
		cmocka_unit_test(a_repeated_option_keeps_all_its_values),
		cmocka_unit_test(a_number_with_a_minus_is_an_argument),
		cmocka_unit_test(behind_two_dashes_everything_is_an_argument),
		cmocka_unit_test(what_is_for_another_program_is_left_alone),
		cmocka_unit_test(wrong_words_are_usage_errors),
		cmocka_unit_test(help_asks_for_no_arguments),
		cmocka_unit_test(the_nearest_word_is_suggested_and_no_far_one),
		cmocka_unit_test(every_error_of_the_core_has_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
