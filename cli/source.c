/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source.c - reading an image, in whole pieces and past holes (source.h).
 */
#include "cli/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/fs.h>
#include <unistd.h>

#include "cli/image.h"
#include "cli/talk.h"

int source_fail(struct cli *cli, const struct source *source, int err)
{
	char reason[128];

	if (err == -EINTR && signals_caught())
		return cli_fail(cli, EXIT_SIGNAL + signals_caught(),
				"import into '%s' was interrupted by signal %d:"
				" it holds a part of the image", cli->arg[0],
				signals_caught());
	return cli_fail(cli, fail_status(err), "cannot read '%s': %s",
			source->name,
			failure_strerror(err, reason, sizeof(reason)));
}

int source_open(struct cli *cli, const char *file, struct source *source)
{
	struct stat st;
	off_t at;

	*source = (struct source){ .name = file, .fd = STDIN_FILENO };
	if (!file || !strcmp(file, "-")) {
		source->name = "standard input";
		if (isatty(STDIN_FILENO))
			return cli_fail(cli, EXIT_USAGE, "will not read an "
					"image from a terminal: name a FILE, "
					"or redirect standard input");
	} else {
		source->fd = open(file, O_RDONLY | O_CLOEXEC);
	}
	if (source->fd < 0 || fstat(source->fd, &st))
		return source_fail(cli, source, -errno);
	if (S_ISDIR(st.st_mode))
		return source_fail(cli, source, -EISDIR);
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(source->fd, BLKGETSIZE64, &source->size_bytes))
			return source_fail(cli, source, -errno);
		source->sized = true;
	} else if (S_ISREG(st.st_mode)) {
		at = lseek(source->fd, 0, SEEK_CUR);
		source->begin = at > 0 ? (uint64_t)at : 0;
		source->sized = source->sparse = true;
		source->size_bytes = (uint64_t)st.st_size > source->begin ?
				     (uint64_t)st.st_size - source->begin : 0;
	}
	return 0;
}

ssize_t source_read(const struct source *source, uint8_t *piece, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t part;

		/* A read that was interrupted half-way returns what it got. */
		if (signals_caught())
			return -EINTR;
		part = read(source->fd, piece + got, len - got);
		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return -errno;
		if (!part)
			break;
		got += (size_t)part;
	}
	return (ssize_t)got;
}

int source_skip_hole(const struct source *source, uint64_t at,
		     uint64_t *ret_len)
{
	off_t here = (off_t)(source->begin + at);
	off_t data;

	*ret_len = 0;
	if (!source->sparse)
		return 0;
	data = lseek(source->fd, here, SEEK_DATA);
	if (data < 0 && errno == ENXIO)
		data = (off_t)(source->begin + source->size_bytes);
	if (data > here)
		*ret_len = (uint64_t)(data - here) / IMAGE_PIECE_BYTES *
			   IMAGE_PIECE_BYTES;
	return lseek(source->fd, here + (off_t)*ret_len, SEEK_SET) < 0 ?
	       -errno : 0;
}

void source_close(struct source *source)
{
	if (source->fd > STDIN_FILENO)
		close(source->fd);
}
