/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * in_use.c - who uses a backing (in_use.h).
 */
#include "hosted/in_use.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hosted/proc.h"

struct use_search {
	unsigned want;
	const struct pool_range *range;
	size_t range_count;
	struct use_list list;
	int err;
};

static bool range_overlaps(const struct pool_range *a,
			   const struct pool_range *b)
{
	if (a->off_bytes <= b->off_bytes)
		return b->off_bytes - a->off_bytes < a->size_bytes;
	return a->off_bytes - b->off_bytes < b->size_bytes;
}

static bool search_wants(const struct use_search *search,
			 const struct pool_range *range)
{
	if (!search->range_count)
		return true;
	for (size_t i = 0; i < search->range_count; i++)
		if (range_overlaps(&search->range[i], range))
			return true;
	return false;
}

static struct use *search_add(struct use_search *search, enum use_kind kind,
			      pid_t pid)
{
	struct use_list *list = &search->list;
	struct use *use;

	use = realloc(list->use, (list->count + 1) * sizeof(*use));
	if (!use) {
		search->err = -ENOMEM;
		return NULL;
	}
	list->use = use;
	use = &list->use[list->count++];
	*use = (struct use){ .kind = kind, .pid = pid };
	if (pid)
		use_command(pid, use->command, sizeof(use->command));
	return use;
}

/* A process with the backing open ten times is one use. */
static bool search_has(const struct use_search *search,
		       const struct use *other)
{
	for (size_t i = 0; i < search->list.count; i++) {
		const struct use *use = &search->list.use[i];

		if (use->kind == other->kind && use->pid == other->pid &&
		    use->range.off_bytes == other->range.off_bytes &&
		    use->range.size_bytes == other->range.size_bytes)
			return true;
	}
	return false;
}

static bool search_visit(void *ctx, const struct proc_entry *entry)
{
	struct use_search *search = ctx;
	struct use found = { .pid = entry->pid, .range = entry->range };
	struct use *use;
	unsigned want;

	switch (entry->kind) {
	case PROC_MAP:
		found.kind = USE_MAP;
		want = USE_WANT_MAP;
		break;
	case PROC_LEASE_READ:
		found.kind = USE_LEASE_READ;
		want = USE_WANT_LEASE;
		break;
	case PROC_LEASE_WRITE:
		found.kind = USE_LEASE_WRITE;
		want = USE_WANT_LEASE;
		break;
	case PROC_OPEN:
		found.kind = USE_OPEN;
		want = USE_WANT_OPEN;
		break;
	default:
		return true;
	}
	if (!(search->want & want) || search_has(search, &found) ||
	    (entry->kind != PROC_OPEN && !search_wants(search, &entry->range)))
		return true;
	use = search_add(search, found.kind, entry->pid);
	if (!use)
		return false;
	use->range = entry->range;
	return true;
}

/*
 * A mountinfo line: "36 35 98:0 /root /mnt options - ext4 /dev/x ...".  The
 * mount point is escaped in octal.
 */
static void unescape(char *text)
{
	char *to = text;

	while (*text) {
		unsigned byte;

		if (text[0] == '\\' && sscanf(text + 1, "%3o", &byte) == 1) {
			*to++ = (char)byte;
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

static void search_mounts(struct use_search *search, dev_t rdev)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0) {
		unsigned dev_major, dev_minor;
		char point[PATH_MAX];
		struct use *use;

		if (sscanf(line, "%*u %*u %u:%u %*s %4095s", &dev_major,
			   &dev_minor, point) != 3 ||
		    makedev(dev_major, dev_minor) != rdev)
			continue;
		unescape(point);
		use = search_add(search, USE_MOUNT, 0);
		if (use)
			snprintf(use->command, sizeof(use->command), "%.63s",
				 point);
	}
	free(line);
	if (file)
		fclose(file);
}

static void search_swaps(struct use_search *search, dev_t rdev)
{
	FILE *file = fopen("/proc/swaps", "re");
	char *line = NULL;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0) {
		char path[PATH_MAX];
		struct stat st;

		if (line[0] != '/' || sscanf(line, "%4095s", path) != 1)
			continue;
		unescape(path);
		if (!stat(path, &st) && S_ISBLK(st.st_mode) &&
		    st.st_rdev == rdev)
			search_add(search, USE_SWAP, 0);
	}
	free(line);
	if (file)
		fclose(file);
}

/* Device mapper, md, and the partitions' own users. */
static void search_holders(struct use_search *search, dev_t rdev)
{
	char path[96];
	struct dirent *item;
	struct use *use;
	DIR *directory;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders",
		 major(rdev), minor(rdev));
	directory = opendir(path);
	while (directory && (item = readdir(directory))) {
		if (item->d_name[0] == '.')
			continue;
		use = search_add(search, USE_HOLDER, 0);
		if (use)
			snprintf(use->command, sizeof(use->command), "%.63s",
				 item->d_name);
	}
	if (directory)
		closedir(directory);
}

static void search_block(struct use_search *search, dev_t rdev)
{
	char path[320], text[32];
	struct dirent *item;
	DIR *directory;

	search_mounts(search, rdev);
	search_swaps(search, rdev);
	search_holders(search, rdev);
	/* A mounted partition makes the whole disk busy. */
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(rdev),
		 minor(rdev));
	directory = opendir(path);
	while (directory && (item = readdir(directory))) {
		unsigned dev_major, dev_minor;
		ssize_t got;
		int fd;

		snprintf(path, sizeof(path),
			 "/sys/dev/block/%u:%u/%.127s/partition", major(rdev),
			 minor(rdev), item->d_name);
		if (item->d_name[0] == '.' || access(path, F_OK))
			continue;
		memcpy(strrchr(path, '/'), "/dev", sizeof("/dev"));
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[got > 0 ? got : 0] = '\0';
		if (sscanf(text, "%u:%u", &dev_major, &dev_minor) != 2)
			continue;
		search_mounts(search, makedev(dev_major, dev_minor));
		search_swaps(search, makedev(dev_major, dev_minor));
		search_holders(search, makedev(dev_major, dev_minor));
	}
	if (directory)
		closedir(directory);
}

int use_find(const struct backing *backing, unsigned want,
	     const struct pool_range *range, size_t range_count,
	     struct use_list *ret_list, struct failure *failure)
{
	const struct backing_info *info = backing_info(backing);
	struct use_search search = {
		.want = want, .range = range, .range_count = range_count,
	};

	if (want & ~USE_WANT_MOUNT)
		search.err = proc_walk(backing, want & USE_WANT_MAP,
			want & (USE_WANT_LEASE | USE_WANT_OPEN), search_visit,
			&search, &search.list.unseen);
	if (!search.err && (want & USE_WANT_MOUNT) &&
	    info->kind == BACKING_BLOCK)
		search_block(&search, info->rdev);
	if (search.err) {
		use_list_free(&search.list);
		return failure_errno(failure, search.err,
				     "cannot find out who uses '%s'",
				     info->path);
	}
	*ret_list = search.list;
	return 0;
}

void use_list_free(struct use_list *list)
{
	free(list->use);
	*list = (struct use_list){ 0 };
}

const char *use_describe(const struct use *use, char *buffer,
			 size_t buffer_len)
{
	static const char *const verbs[] = {
		[USE_MAP] = "mapped", [USE_LEASE_READ] = "being read",
		[USE_LEASE_WRITE] = "being written", [USE_OPEN] = "open",
	};

	switch (use->kind) {
	case USE_MOUNT:
		snprintf(buffer, buffer_len, "mounted on '%s'", use->command);
		break;
	case USE_SWAP:
		snprintf(buffer, buffer_len, "swap space");
		break;
	case USE_HOLDER:
		snprintf(buffer, buffer_len, "part of block device '%s'",
			 use->command);
		break;
	case USE_OPEN:
		snprintf(buffer, buffer_len, "open in pid %d (%s)",
			 (int)use->pid, use->command);
		break;
	default:
		snprintf(buffer, buffer_len, "%s by pid %d (%s), bytes "
			 "0x%" PRIx64 "-0x%" PRIx64, verbs[use->kind],
			 (int)use->pid, use->command, use->range.off_bytes,
			 use->range.off_bytes + use->range.size_bytes - 1);
	}
	return buffer;
}

/* Read /proc/PID/@name into @buffer as a string; false if empty or gone. */
static bool proc_read(pid_t pid, const char *name, char *buffer,
		      size_t buffer_len)
{
	char path[48];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, buffer, buffer_len - 1);
	close(fd);
	buffer[got > 0 ? got : 0] = '\0';
	return *buffer;
}

/*
 * The program's name: the last part of argv[0], because comm is cut at 15
 * characters; comm where there is none (kernel threads, zombies).
 */
void use_command(pid_t pid, char *buffer, size_t buffer_len)
{
	char text[4096];
	const char *name = text, *slash;

	if (proc_read(pid, "cmdline", text, sizeof(text))) {
		slash = strrchr(text, '/');
		name = slash && slash[1] ? slash + 1 : text;
	} else if (proc_read(pid, "comm", text, sizeof(text))) {
		text[strcspn(text, "\n")] = '\0';
	} else {
		name = "?";
	}
	snprintf(buffer, buffer_len, "%.63s", name);
	/* Somebody else's text, on its way to a terminal. */
	for (char *at = buffer; *at; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
}
