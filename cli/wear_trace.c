/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_trace.c - recorded writes: plain block numbers, or what fio's
 * --write_iolog leaves, in version 2 ("FILE write OFFSET LENGTH") or 3 (the
 * same behind a time).  All files of a log are taken for one disk.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/wear_load.h"

#define BLOCK_BYTES	4096u
#define OPS_MAX		(1u << 28)	/* 1 GiB of memory */
#define OFFSET_MAX	(1ull << 62)

struct reader {
	struct wear_trace trace;
	size_t room;
	bool iolog, timed;
};

static int op_add(struct reader *reader, uint64_t block, uint32_t flag)
{
	struct wear_trace *trace = &reader->trace;

	if (block > WEAR_OP_BLOCK)
		return -EINVAL;
	if (trace->count == OPS_MAX)
		return -EFBIG;
	if (trace->count == reader->room) {
		size_t room = reader->room ? 2 * reader->room : 4096;
		uint32_t *op = realloc(trace->op, room * sizeof(*op));

		if (!op)
			return -ENOMEM;
		trace->op = op;
		reader->room = room;
	}
	trace->op[trace->count++] = (uint32_t)block | flag;
	if (block > trace->block_max)
		trace->block_max = (uint32_t)block;
	return 0;
}

/* Digits up to the end of the line; not what strtoull() takes beside them. */
static bool number_parse(const char *text, char **ret_end, uint64_t *ret_number)
{
	while (isblank((unsigned char)*text))
		text++;
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*ret_number = strtoull(text, ret_end, 10);
	return !errno;
}

static bool line_ends(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

static int line_plain(struct reader *reader, const char *line)
{
	uint64_t block;
	char *end;

	if (!number_parse(line, &end, &block) || !line_ends(end))
		return -EINVAL;
	return op_add(reader, block, 0);
}

/* A write touches every block that it touches in part; a trim, whole ones. */
static int line_iolog(struct reader *reader, const char *line)
{
	uint64_t offset, length, first, end;
	uint32_t flag = 0;
	char action[16];
	char *rest;
	int used = 0, err = 0;

	if (reader->timed && sscanf(line, "%*u%n", &used) < 0)
		return -EINVAL;
	line += used;
	used = 0;
	if (sscanf(line, "%*s %15s %n", action, &used) != 1)
		return -EINVAL;
	if (!strcmp(action, "trim"))
		flag = WEAR_OP_TRIM;
	else if (strcmp(action, "write"))
		return 0;
	if (!used || !number_parse(line + used, &rest, &offset) ||
	    !number_parse(rest, &rest, &length) || !line_ends(rest) ||
	    offset > OFFSET_MAX || length > OFFSET_MAX)
		return -EINVAL;
	first = offset / BLOCK_BYTES;
	end = (offset + length + BLOCK_BYTES - 1) / BLOCK_BYTES;
	if (flag) {
		first = (offset + BLOCK_BYTES - 1) / BLOCK_BYTES;
		end = (offset + length) / BLOCK_BYTES;
	}
	for (uint64_t block = first; block < end && !err; block++)
		err = op_add(reader, block, flag);
	return err;
}

static int line_read(struct reader *reader, const char *line, size_t number)
{
	int version;

	if (line_ends(line) || *line == '#')
		return 0;
	if (number == 1 &&
	    sscanf(line, "fio version %d iolog", &version) == 1) {
		reader->iolog = true;
		reader->timed = version == 3;
		return version == 2 || version == 3 ? 0 : -EINVAL;
	}
	return reader->iolog ? line_iolog(reader, line) :
			       line_plain(reader, line);
}

int wear_trace_read(const char *path, struct wear_trace *ret_trace,
		    size_t *ret_line)
{
	struct reader reader = { 0 };
	FILE *file = fopen(path, "re");
	size_t room = 0, number = 0;
	char *line = NULL;
	int err = 0;

	if (!file)
		return -errno;
	while (!err && getline(&line, &room, file) >= 0)
		err = line_read(&reader, line, ++number);
	if (!err && ferror(file))
		err = -EIO;
	if (!err && !reader.trace.count) {
		err = -EINVAL;
		number = 0;
	}
	free(line);
	fclose(file);
	*ret_line = number;
	if (err)
		wear_trace_free(&reader.trace);
	else
		*ret_trace = reader.trace;
	return err;
}

void wear_trace_free(struct wear_trace *trace)
{
	free(trace->op);
	trace->op = NULL;
}
