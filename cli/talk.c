/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * talk.c - standard error and questions.  A message is formatted, made safe
 * for a terminal (names and paths in it may be anybody's) and printed in one
 * write, so that messages of two commands do not mix.
 */
#include "cli/talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/out.h"

#define MESSAGE_MAX 2048

static void message_make(char *buf, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void message_make(char *buf, const char *fmt, va_list ap)
{
	vsnprintf(buf, MESSAGE_MAX, fmt, ap);
	for (char *p = buf; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

int cli_fail(struct cli *cli, int status, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	message_make(message, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s\n", cli->tool->name, message);
	out_error_set(cli, status, message);
	return status;
}

void cli_warn(struct cli *cli, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	message_make(message, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: warning: %s\n", cli->tool->name, message);
	out_warning_add(cli, message);
}

void cli_note(struct cli *cli, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	message_make(message, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s\n", cli->tool->name, message);
}

int cli_ask(struct cli *cli, const char *fmt, ...)
{
	char question[MESSAGE_MAX], answer[16];
	ssize_t len;
	va_list ap;

	if (cli->yes || cli->dry_run)
		return 0;
	va_start(ap, fmt);
	message_make(question, fmt, ap);
	va_end(ap);
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return cli_fail(cli, EXIT_USAGE, "%s no terminal to ask on; "
				"say --yes", question);
	fprintf(stderr, "%s [y/N] ", question);
	/* read(2): a signal shall end the waiting, which stdio repeats */
	len = read(STDIN_FILENO, answer, sizeof(answer) - 1);
	if (signals_caught()) {
		fputc('\n', stderr);
		return EXIT_SIGNAL + signals_caught();
	}
	answer[len > 0 ? len : 0] = '\0';
	answer[strcspn(answer, "\r\n")] = '\0';
	if (!strcmp(answer, "y") || !strcmp(answer, "Y") ||
	    !strcmp(answer, "yes"))
		return 0;
	return cli_fail(cli, EXIT_FAILED, "not done");
}
