/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source.h - the file, device or pipe that an image is imported from.
 */
#ifndef NVM_CLI_SOURCE_H
#define NVM_CLI_SOURCE_H

#include <sys/types.h>

#include "cli/opt.h"

/* Where the image comes from. */
struct source {
	const char *name;	/* for messages */
	int fd;
	bool sized;		/* size_bytes is known */
	bool sparse;		/* a file that may have holes */
	uint64_t begin;		/* of the image in the file */
	uint64_t size_bytes;
};

/* A NULL or "-" file: standard input.  An exit status; all was told. */
int source_open(struct cli *cli, const char *file, struct source *source);
void source_close(struct source *source);

/* A full piece, or less at the end; a negative errno value. */
ssize_t source_read(const struct source *source, uint8_t *piece, size_t len);

/*
 * How much of the image from @at on is a hole of the file, in whole pieces of
 * IMAGE_PIECE_BYTES; reading goes on behind it.  0 or a negative errno value.
 */
int source_skip_hole(const struct source *source, uint64_t at,
		     uint64_t *ret_len);

/* Tell a negative errno value of those two; an exit status. */
int source_fail(struct cli *cli, const struct source *source, int err);

#endif
