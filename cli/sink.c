/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sink.c - writing an image, sparsely where the target can have holes, and
 * reading it again (sink.h).
 *
 * Crash story: until sink_name() nobody sees the file under its own name, and
 * an older file of that name is as it was.
 */
#include "cli/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/image.h"

int sink_fail(const struct sink *sink, int err)
{
	char reason[128];

	if (err == -EINTR && signals_caught())
		return cli_fail(sink->cli, EXIT_SIGNAL + signals_caught(),
				"%s to '%s' was interrupted by signal %d",
				sink->cli->command->name, sink->name,
				signals_caught());
	if (err == -EPIPE)
		return cli_fail(sink->cli, EXIT_SIGNAL + SIGPIPE,
				"cannot write '%s': its reader has gone",
				sink->name);
	return cli_fail(sink->cli, fail_status(err), "cannot write '%s': %s",
			sink->name,
			failure_strerror(err, reason, sizeof(reason)));
}

static int sink_stdout(struct sink *sink)
{
	struct cli *cli = sink->cli;
	struct stat st;
	off_t at;

	sink->name = "standard output";
	sink->fd = STDOUT_FILENO;
	if (cli->json)
		return cli_fail(cli, EXIT_USAGE, "standard output cannot take "
				"both the image and the answer of --json: name "
				"a FILE");
	if (isatty(STDOUT_FILENO))
		return cli_fail(cli, EXIT_USAGE, "will not write an image to a "
				"terminal: name a FILE, or redirect standard "
				"output");
	/* Leaving zeros out needs a file with nothing behind this point. */
	at = lseek(STDOUT_FILENO, 0, SEEK_CUR);
	if (at >= 0 && !fstat(STDOUT_FILENO, &st) && S_ISREG(st.st_mode) &&
	    st.st_size <= at && !(fcntl(STDOUT_FILENO, F_GETFL) & O_APPEND)) {
		sink->sparse = true;
		sink->begin = (uint64_t)at;
	}
	return 0;
}

/* A device or pipe that is there: the image is written into it. */
static int sink_special(struct sink *sink, const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return sink_fail(sink, -EISDIR);
	if (S_ISBLK(st->st_mode) && !sink->replace)
		return cli_fail(sink->cli, EXIT_EXISTS, "'%s' is a block "
				"device: --force overwrites it", sink->name);
	sink->fd = open(sink->name, O_WRONLY | O_CLOEXEC);
	return sink->fd < 0 ? sink_fail(sink, -errno) : 0;
}

static int sink_file(struct sink *sink)
{
	struct cli *cli = sink->cli;
	char target[PATH_MAX];
	struct stat st;

	if (!stat(sink->name, &st)) {
		if (!S_ISREG(st.st_mode))
			return sink_special(sink, &st);
		if (!sink->replace)
			return cli_fail(cli, EXIT_EXISTS, "'%s' exists "
					"already: --force overwrites it",
					sink->name);
		/* Through a link, the file that it means is replaced. */
		if (!realpath(sink->name, target))
			return sink_fail(sink, -errno);
		sink->final = out_must(strdup(target));
	} else {
		sink->final = out_must(strdup(sink->name));
	}
	if ((size_t)snprintf(sink->temporary, sizeof(sink->temporary),
			     "%s.XXXXXX", sink->final) >=
	    sizeof(sink->temporary)) {
		sink->temporary[0] = '\0';
		return sink_fail(sink, -ENAMETOOLONG);
	}
	sink->fd = mkostemp(sink->temporary, O_CLOEXEC);
	if (sink->fd < 0) {
		sink->temporary[0] = '\0';
		return sink_fail(sink, -errno);
	}
	sink->sparse = true;
	return 0;
}

static int sink_write(struct sink *sink, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t put;

		/* A write that was interrupted half-way returns what it did. */
		if (signals_caught())
			return -EINTR;
		put = write(sink->fd, bytes, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		bytes += put;
		len -= (size_t)put;
	}
	return 0;
}

int sink_zeros(struct sink *sink, uint64_t len)
{
	static const uint8_t zeros[64 << 10];

	if (sink->sparse)
		return lseek(sink->fd, (off_t)len, SEEK_CUR) < 0 ? -errno : 0;
	while (len) {
		size_t part = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);
		int err = signals_caught() ? -EINTR :
			  sink_write(sink, zeros, part);

		if (err)
			return err;
		len -= part;
	}
	return 0;
}

int sink_put(struct sink *sink, const uint8_t *bytes, size_t len)
{
	int err = 0;

	while (len && !err) {
		size_t part = len < IMAGE_ZEROS_MIN ? len : IMAGE_ZEROS_MIN;
		bool zero = sink->sparse && bytes_are_zero(bytes, part);

		while (part < len) {
			size_t more = len - part < IMAGE_ZEROS_MIN ?
				      len - part : IMAGE_ZEROS_MIN;

			if (zero != (sink->sparse &&
				     bytes_are_zero(bytes + part, more)))
				break;
			part += more;
		}
		err = zero ? sink_zeros(sink, part) :
			     sink_write(sink, bytes, part);
		if (!zero)
			sink->data_bytes += part;
		bytes += part;
		len -= part;
	}
	return err;
}

int sink_end(struct sink *sink, uint64_t size_bytes)
{
	if (sink->sparse &&
	    ftruncate(sink->fd, (off_t)(sink->begin + size_bytes)))
		return -errno;
	/* Pipes and terminals know no fsync. */
	if (fsync(sink->fd) && errno != EINVAL && errno != EROFS)
		return -errno;
	return 0;
}

int sink_verify(struct sink *sink, uint64_t size_bytes, uint32_t expected,
		uint32_t (*crc32c)(uint32_t, const void *, size_t),
		const struct pool_progress *step)
{
	uint8_t *piece = out_must(malloc(IMAGE_PIECE_BYTES));
	uint64_t at = 0;
	uint32_t crc = 0;
	int err = 0;

	/* From the disk, where that is possible, not from the cache. */
	posix_fadvise(sink->fd, 0, 0, POSIX_FADV_DONTNEED);
	while (!err && at < size_bytes) {
		off_t data = lseek(sink->fd, (off_t)at, SEEK_DATA);
		ssize_t got;

		if (data < 0 && errno == ENXIO)
			break;
		if (data > (off_t)at)
			crc = crc32c_zeros(crc, (uint64_t)data - at);
		at = data > (off_t)at ? (uint64_t)data : at;
		got = pread(sink->fd, piece, IMAGE_PIECE_BYTES, (off_t)at);
		if (got < 0 && errno != EINTR)
			err = -errno;
		if (got == 0)
			break;
		if (got > 0) {
			crc = crc32c(crc, piece, (size_t)got);
			at += (uint64_t)got;
		}
		if (!err && !step->step(step->ctx, at, size_bytes))
			err = -EINTR;
	}
	free(piece);
	if (err)
		return sink_fail(sink, err);
	if (at > size_bytes || crc32c_zeros(crc, size_bytes - at) != expected)
		return cli_fail(sink->cli, EXIT_FAILED, "'%s' does not read as "
				"it was written: its checksum differs",
				sink->name);
	return 0;
}

int sink_name(struct sink *sink)
{
	int err = 0;

	if (renameat2(AT_FDCWD, sink->temporary, AT_FDCWD, sink->final,
		      sink->replace ? 0 : RENAME_NOREPLACE))
		err = -errno;
	/* Some file systems do not know the flag. */
	if (err == -EINVAL && !sink->replace)
		err = link(sink->temporary, sink->final) ? -errno :
		      unlink(sink->temporary) ? -errno : 0;
	if (err)
		return sink_fail(sink, err);
	sink->temporary[0] = '\0';
	return 0;
}

int sink_open(struct cli *cli, const char *file, bool replace,
	      struct sink *sink)
{
	*sink = (struct sink){ .cli = cli, .name = file, .fd = -1,
			       .replace = replace };
	return !file || !strcmp(file, "-") ? sink_stdout(sink) :
					     sink_file(sink);
}

void sink_close(struct sink *sink)
{
	if (sink->fd >= 0 && sink->fd != STDOUT_FILENO)
		close(sink->fd);
	if (*sink->temporary)
		unlink(sink->temporary);
	free(sink->final);
}
