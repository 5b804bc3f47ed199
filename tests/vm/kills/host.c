// SPDX-License-Identifier: BSD-3-Clause
/*
 * host.c - the pool and its disk, by the tools that everybody has: each step is
 * a process, so that nothing of ours stands between two of them.  All files lie
 * in a folder that we are in.
 *
 * The pool has three children: one before the disk's, which the same guest can
 * reach, and one behind it, which it cannot, both full of a pattern.  Their
 * bytes, and the pool's tables, are remembered.
 */
#include "tests/vm/kills/kills.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX	16u
/* Known by its address alone: a guest without a kernel reads no stamps. */
#define GUEST_SEES	"--device", "nvdimm", "--mode", "raw", "--ram", "64M"
#define NEIGHBOUR_SIZE	"4M"
#define NEIGHBOUR_BYTES	(4u << 20)
_Static_assert((2u << 20) % PIECE_BYTES == 0, "a unit of the pool");

void give_up(const char *fmt, ...)
{
	va_list ap;

	printf("Bail out! ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	exit(1);
}

/* ---- running tools --------------------------------------------------------------- */

/*
 * Run a tool; its exit status.  What it reads and says is in memory: a file
 * that is cut while it is written back costs more than the tool.
 */
static int tool(struct host *host, const char *name, ...)
{
	const char *word[WORDS_MAX] = { name };
	size_t count = 1;
	char path[PATH_MAX];
	int status;
	va_list ap;
	pid_t pid;

	va_start(ap, name);
	while (count < WORDS_MAX - 1 && (word[count] = va_arg(ap, const char *)))
		count++;
	va_end(ap);
	snprintf(path, sizeof(path), "%s/%s", host->build, name);
	if (lseek(host->in, 0, SEEK_SET) || ftruncate(host->out, 0) ||
	    ftruncate(host->err, 0) || lseek(host->out, 0, SEEK_SET) ||
	    lseek(host->err, 0, SEEK_SET))
		give_up("cannot run %s: %s", path, strerror(errno));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (dup2(host->in, 0) >= 0 && dup2(host->out, 1) >= 0 &&
		    dup2(host->err, 2) >= 0)
			execv(path, (char *const *)(uintptr_t)word);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		give_up("cannot run %s: %s", path, strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void tools_begin(struct host *host)
{
	host->in = memfd_create("in", MFD_CLOEXEC);
	host->out = memfd_create("out", MFD_CLOEXEC);
	host->err = memfd_create("err", MFD_CLOEXEC);
	if (host->in < 0 || host->out < 0 || host->err < 0)
		give_up("no files in memory: %s", strerror(errno));
}

/* What the next tool reads. */
static void input_set(const struct host *host, const void *bytes, size_t len)
{
	if (ftruncate(host->in, 0) ||
	    pwrite(host->in, bytes, len, 0) != (ssize_t)len)
		give_up("no memory for a tool's input: %s", strerror(errno));
}

/* What a tool said, without the last line's end. */
static char *text_read(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char *text = g_malloc0((size_t)len + 1);

	if (len < 0 || pread(fd, text, (size_t)len, 0) != len)
		give_up("cannot read what a tool said: %s", strerror(errno));
	return g_strchomp(text);
}

/* Setting up must work. */
#define TOOL_MUST(host, ...)						\
	do {								\
		if (tool(host, __VA_ARGS__))				\
			give_up("setting up failed: %s",		\
				text_read((host)->err));		\
	} while (0)

static bool tool_deny(struct host *host, const char *what,
		      struct verdict *verdict)
{
	char *err = text_read((host)->err), *out = text_read(host->out);

	deny(verdict, "%s: %.120s | %.80s", what, err, out);
	g_free(err);
	g_free(out);
	return false;
}

/* ---- the pool ------------------------------------------------------------------------ */

static int pool_open(int flags)
{
	int fd = open("pool.img", flags);

	if (fd < 0)
		give_up("cannot open the pool: %s", strerror(errno));
	return fd;
}

/*
 * The tables and the neighbours, piece by piece: kept in host->outside, or
 * compared with that.
 */
static bool outside_same(struct host *host, bool keep)
{
	uint64_t end = host->child_off + host->child_bytes;
	int fd = pool_open(O_RDONLY);
	uint8_t *kept = host->outside;
	bool same = true;

	for (uint64_t at = 0; at < host->end_off; at += PIECE_BYTES) {
		if (at == host->child_off)
			at = end;
		if (pread(fd, keep ? kept : host->piece, PIECE_BYTES,
			  (off_t)at) != PIECE_BYTES)
			give_up("cannot read the pool: %s", strerror(errno));
		if (!keep && memcmp(kept, host->piece, PIECE_BYTES))
			same = false;
		kept += PIECE_BYTES;
	}
	close(fd);
	return same;
}

static uint64_t number_behind(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	if (!at)
		give_up("no %s in '%s'", name, text);
	return strtoull(at + strlen(name), NULL, 10);
}

static void child_look_up(struct host *host)
{
	char *text;

	TOOL_MUST(host, "nvmpool", "show", "disk", "-j", NULL);
	text = text_read(host->out);
	host->child_off = number_behind(text, "\"offset_bytes\":");
	host->child_bytes = number_behind(text, "\"size_bytes\":");
	g_free(text);
	host->end_off = host->child_off + host->child_bytes + NEIGHBOUR_BYTES;
}

/* A child full of bytes that no zeros and no disk look like. */
static void neighbour_make(struct host *host, const char *name,
			   const char *vm)
{
	uint64_t *word = g_malloc(NEIGHBOUR_BYTES);

	for (uint64_t i = 0; i < NEIGHBOUR_BYTES / sizeof(*word); i++)
		word[i] = load_mix(i ^ (uint64_t)name[0] << 32);
	input_set(host, word, NEIGHBOUR_BYTES);
	g_free(word);
	if (vm)
		TOOL_MUST(host, "nvmpool", "assign", vm, NEIGHBOUR_SIZE,
			  "--name", name, GUEST_SEES, NULL);
	else
		TOOL_MUST(host, "nvmpool", "carve", name, NEIGHBOUR_SIZE, NULL);
	TOOL_MUST(host, "nvmpool", "import", name, "-", "--yes", NULL);
}

void host_begin(struct host *host, const char *build)
{
	char *text, vm[PATH_MAX];

	tools_begin(host);
	snprintf(host->build, sizeof(host->build), "%s", build);
	snprintf(host->dir, sizeof(host->dir), "%s/vm/kills.XXXXXX", build);
	snprintf(vm, sizeof(vm), "%s/vm", build);
	g_mkdir_with_parents(vm, 0777);
	/* In there, so that no file is taken for a child of the same name. */
	if (!mkdtemp(host->dir) || chdir(host->dir))
		give_up("cannot make '%s': %s", host->dir, strerror(errno));
	unsetenv("NVMPOOL");
	setenv("NVMPOOL_STATE_DIR", "state", 1);
	TOOL_MUST(host, "nvmpool", "format", "pool.img", "--size", "64M", NULL);
	neighbour_make(host, "before", "vm1");
	TOOL_MUST(host, "nvmpool", "assign", "vm1", "16M", "--name", "disk",
		  GUEST_SEES, NULL);
	text = text_read(host->out);
	if (!g_shell_parse_argv(text, NULL, &host->argument, NULL))
		give_up("not arguments: %s", text);
	g_free(text);
	neighbour_make(host, "after", NULL);
	child_look_up(host);
	host->outside = g_malloc(host->end_off - host->child_bytes);
	outside_same(host, true);
}

void host_end(struct host *host, bool keep)
{
	char *remove[] = { (char[]){ "rm" }, (char[]){ "-rf" }, host->dir, NULL };

	if (!keep)
		g_spawn_sync(NULL, remove, NULL, G_SPAWN_SEARCH_PATH, NULL,
			     NULL, NULL, NULL, NULL, NULL);
	g_strfreev(host->argument);
	g_free(host->outside);
}

void host_flip(struct host *host, uint64_t off)
{
	off_t at = (off_t)(host->child_off + off);
	int fd = pool_open(O_RDWR);
	uint8_t byte;

	if (pread(fd, &byte, 1, at) != 1)
		give_up("cannot read the pool");
	byte ^= 0x55;		/* no single bit, which could be corrected */
	if (pwrite(fd, &byte, 1, at) != 1)
		give_up("cannot write the pool");
	close(fd);
}

/* ---- the disk ------------------------------------------------------------------------- */

uint64_t host_disk_create(struct host *host)
{
	uint64_t bytes = 8 << 20;

	TOOL_MUST(host, "nvmvd", "create", "disk", "--logical", "8M", "--force",
		  NULL);
	return bytes / LOAD_BLOCK;
}

bool host_read(struct host *host, void *bytes, uint64_t len,
	       struct verdict *verdict)
{
	if (tool(host, "nvmvd", "read", "disk", "0", NULL))
		return tool_deny(host, "nvmvd read", verdict);
	return (lseek(host->out, 0, SEEK_END) == (off_t)len &&
		pread(host->out, bytes, len, 0) == (ssize_t)len) ||
	       deny(verdict, "nvmvd read does not give the disk's bytes");
}

bool host_write(struct host *host, const struct op *op, struct verdict *verdict)
{
	uint64_t bytes = op->count * LOAD_BLOCK;
	uint64_t *words = g_malloc(bytes);
	char off[32], len[32];
	int status;

	snprintf(off, sizeof(off), "%" PRIu64, op->first * LOAD_BLOCK);
	snprintf(len, sizeof(len), "%" PRIu64, bytes);
	for (uint64_t s = 0; s < op->count * LOAD_SECTORS; s++)
		load_fill(words + s * LOAD_WORDS, op->first * LOAD_SECTORS + s,
			  op->number);
	input_set(host, words, bytes);
	g_free(words);
	status = op->kind == LOAD_TRIM ?
		 tool(host, "nvmvd", "trim", "disk", off, len, NULL) :
		 tool(host, "nvmvd", "write", "disk", off,
		      op->kind == LOAD_GROUP ? "--atomic" : NULL, NULL);
	return !status || tool_deny(host, "the host cannot write", verdict);
}

/* ---- checking --------------------------------------------------------------------------- */

/* What a kill may cut in two, and the next opening puts right. */
static bool only_torn(const char *report, unsigned *ret_torn)
{
	char **line = g_strsplit(report, "\n", -1);
	bool only = true;

	*ret_torn = 0;
	for (char **at = line; *at; at++) {
		if (g_str_has_prefix(*at, "damaged record") ||
		    g_str_has_prefix(*at, "damaged super block")) {
			printf("# torn: %s\n", *at);
			++*ret_torn;
		} else if (**at && !g_str_has_prefix(*at, "PROBLEM")) {
			only = false;
		}
	}
	g_strfreev(line);
	return only && *ret_torn;
}

static bool disk_check(struct host *host, unsigned *ret_torn,
		       struct verdict *verdict)
{
	char *report;
	bool torn;

	*ret_torn = 0;
	if (!tool(host, "nvmvd", "check", "disk", NULL))
		return true;
	report = text_read(host->out);
	torn = only_torn(report, ret_torn);
	g_free(report);
	if (!torn)
		return tool_deny(host, "nvmvd check", verdict);
	/* The next opening, on a private copy, leaves nothing to find. */
	return !tool(host, "nvmvd", "check", "disk", "--repair", "--dry-run",
		     NULL) ||
	       tool_deny(host, "nvmvd check, after recovery", verdict);
}

bool host_check(struct host *host, unsigned *ret_torn, struct verdict *verdict)
{
	if (!outside_same(host, false))
		return deny(verdict, "bytes of the pool's tables or of a "
			    "neighbour have changed");
	if (!disk_check(host, ret_torn, verdict))
		return false;
	return !tool(host, "nvmpool", "check", NULL) ||
	       tool_deny(host, "nvmpool check", verdict);
}
