/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sink.h - the file, device or pipe that an exported image goes to.
 *
 * A regular file is written under another name beside its own, which it gets
 * at last (sink_name); what is not complete is removed at sink_close().
 */
#ifndef NVM_CLI_SINK_H
#define NVM_CLI_SINK_H

#include <limits.h>

#include "cli/opt.h"
#include "pool/pool.h"

struct sink {
	struct cli *cli;
	const char *name;	/* for messages */
	char *final;		/* the name it gets at last; NULL: as it is */
	char temporary[PATH_MAX];
	int fd;
	bool sparse;		/* zeros may be left out: they are holes */
	bool replace;		/* an existing file */
	uint64_t begin;		/* of the image in the file */
	uint64_t data_bytes;	/* written, without holes */
};

/* A NULL or "-" file: standard output.  An exit status; all was told. */
int sink_open(struct cli *cli, const char *file, bool replace,
	      struct sink *sink);
void sink_close(struct sink *sink);

/* These return 0 or a negative errno value, to be told by sink_fail(). */

/* @len zeros: a hole where that is possible. */
int sink_zeros(struct sink *sink, uint64_t len);
/* A piece: its zeros become holes, in whole blocks. */
int sink_put(struct sink *sink, const uint8_t *bytes, size_t len);
/* The end of an image of that size, and all of it is durable. */
int sink_end(struct sink *sink, uint64_t size_bytes);

/*
 * A file's @size_bytes, as they can be read again, have the CRC32C @expected.
 * An exit status.
 */
int sink_verify(struct sink *sink, uint64_t size_bytes, uint32_t expected,
		uint32_t (*crc32c)(uint32_t, const void *, size_t),
		const struct pool_progress *step);

/* An exit status. */
int sink_fail(const struct sink *sink, int err);

/*
 * Its name at last; without --force never over a file that came meanwhile.
 * An exit status.
 */
int sink_name(struct sink *sink);

#endif
