/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * failure.c - one line of text for what went wrong (failure.h).
 */
#include "hosted/failure.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *failure_strerror(int err, char *buffer, size_t buffer_len)
{
	char scratch[128];
	const char *text = strerror_r(err < 0 ? -err : err, scratch,
				      sizeof(scratch));

	snprintf(buffer, buffer_len, "%s", text);
	/* "Permission denied", but leave "RPC version wrong" as it is. */
	if (buffer_len > 1 && !isupper((unsigned char)buffer[1]))
		buffer[0] = (char)tolower((unsigned char)buffer[0]);
	return buffer;
}

int failure_set(struct failure *failure, int err, const char *format, ...)
{
	va_list args;

	if (!failure)
		return err;
	va_start(args, format);
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	return err;
}

int failure_errno(struct failure *failure, int err, const char *format, ...)
{
	char reason[128];
	va_list args;
	size_t used;

	if (!failure)
		return err;
	va_start(args, format);
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	used = strlen(failure->text);
	snprintf(failure->text + used, sizeof(failure->text) - used, ": %s",
		 failure_strerror(err, reason, sizeof(reason)));
	return err;
}
