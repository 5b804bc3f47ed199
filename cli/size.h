/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * size.h - sizes as people write and read them.
 *
 * Written: digits, an optional fraction, an optional suffix K M G T P, with
 * or without "iB" or "B" ("4G", "4GiB", "2.5g", "4096"); always powers of
 * 1024; a fraction must come out as whole bytes.  Read: the shortest exact
 * form, or rounded to two decimals with "~" before it.
 */
#ifndef NVM_CLI_SIZE_H
#define NVM_CLI_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIZE_TEXT_BYTES 32

enum size_error {
	SIZE_OK = 0,
	SIZE_EMPTY,		/* no digits */
	SIZE_SUFFIX,		/* an unknown suffix */
	SIZE_TOO_LARGE,		/* does not fit into 64 bits */
	SIZE_FRACTION,		/* is not a whole number of bytes */
};

enum size_error size_parse(const char *text, uint64_t *ret_bytes);

/* What the error means, to put behind "bad size 'x': ". */
const char *size_strerror(enum size_error error);

/* "4 GiB", "1.5 MiB", "100 B", "~1.53 GiB" into @buf; returns it. */
const char *size_text(uint64_t bytes, char buf[SIZE_TEXT_BYTES]);

/* Exact, without a space, as size_parse() takes it: "4G", "1536M", "4097". */
const char *size_exact(uint64_t bytes, char buf[SIZE_TEXT_BYTES]);

#endif
