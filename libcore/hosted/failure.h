/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * failure.h - how the hosted layer says what went wrong: a negative errno
 * value (enum nvm_err is a subset of them) and one line of text.
 *
 * The text is lower case, without the tool's name and without a full stop:
 * "cannot open '/dev/dax0.0': permission denied".  Nothing here prints; the
 * tools do.  A failure pointer may be NULL.
 */
#ifndef NVM_HOSTED_FAILURE_H
#define NVM_HOSTED_FAILURE_H

#include <stddef.h>

#define FAILURE_TEXT_MAX	512

struct failure {
	char text[FAILURE_TEXT_MAX];
};

/* Fill @failure (truncating) and return @err, so callers can return it. */
int failure_set(struct failure *failure, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with ": <what errno value -@err means>" behind the text. */
int failure_errno(struct failure *failure, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What an errno value means, in lower case: "permission denied". */
const char *failure_strerror(int err, char *buffer, size_t buffer_len);

#endif
