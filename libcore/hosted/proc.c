/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proc.c - walking /proc for users of a backing (proc.h).
 *
 * A process may end while we look at it: whatever is gone was no user.  Text
 * from /proc/PID/maps and fdinfo is the kernel's, but the path at the end of
 * a maps line may hold anything, so lines are cut at their first fields.
 */
#include "hosted/proc.h"

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

#include "hosted/in_use.h"

struct proc_walk {
	const struct backing_info *info;
	proc_visit_fn visit;
	void *ctx;
	pid_t pid;
	bool stop;
	bool marked;		/* a tool of ours: its mapping is no use */
};

static bool proc_is_backing(const struct backing_info *info,
			    const struct stat *st)
{
	if (info->kind == BACKING_FILE)
		return st->st_dev == info->dev && st->st_ino == info->ino;
	/* A device is the same one through any node in any namespace. */
	return st->st_rdev == info->rdev &&
	       !!S_ISBLK(st->st_mode) == (info->kind == BACKING_BLOCK) &&
	       (S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode));
}

static void proc_found(struct proc_walk *walk, enum proc_kind kind,
		       uint64_t off, uint64_t len)
{
	struct proc_entry entry = { walk->pid, kind, { off, len } };

	if (!walk->stop && !walk->visit(walk->ctx, &entry))
		walk->stop = true;
}

/*
 * "lock:\t1: OFDLCK ADVISORY  WRITE -1 00:1a:77 4096 8191": a lock held
 * through this descriptor.  fdinfo tells what /proc/locks does not: which
 * process it is that has an OFD lock.
 */
static void proc_lock_line(struct proc_walk *walk, const char *line)
{
	char type[16], access[16], to_text[32];
	uint64_t from, to;

	if (sscanf(line, "lock: %*u: %15s %*s %15s %*d %*s %" SCNu64 " %31s",
		   type, access, &from, to_text) != 4)
		return;
	to = strcmp(to_text, "EOF") ? strtoull(to_text, NULL, 10) :
				      UINT64_MAX - 1;
	if (!strcmp(type, "OFDLCK") && from == BACKING_MARK_OFF)
		walk->marked = true;
	else if (!strcmp(type, "FLOCK"))
		proc_found(walk, PROC_FLOCK, 0, 0);
	else if (!strcmp(type, "OFDLCK") && to >= from)
		proc_found(walk, strcmp(access, "WRITE") ? PROC_LEASE_READ :
			   PROC_LEASE_WRITE, from, to - from + 1);
}

static void proc_walk_fdinfo(struct proc_walk *walk, const char *fd_name)
{
	char path[320], line[256];
	FILE *file;

	proc_found(walk, PROC_OPEN, 0, 0);
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", (int)walk->pid,
		 fd_name);
	file = fopen(path, "re");
	if (!file)
		return;
	while (!walk->stop && fgets(line, sizeof(line), file))
		if (!strncmp(line, "lock:", 5))
			proc_lock_line(walk, line);
	fclose(file);
}

static int proc_walk_fds(struct proc_walk *walk)
{
	char path[64];
	struct dirent *item;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)walk->pid);
	fds = opendir(path);
	if (!fds)
		return -errno;
	while (!walk->stop && (item = readdir(fds))) {
		struct stat st;

		if (isdigit((unsigned char)item->d_name[0]) &&
		    !fstatat(dirfd(fds), item->d_name, &st, 0) &&
		    proc_is_backing(walk->info, &st))
			proc_walk_fdinfo(walk, item->d_name);
	}
	closedir(fds);
	return 0;
}

/*
 * Is this line of /proc/PID/maps a mapping of the backing?  Device and inode
 * say so for most files.  Some file systems (btrfs, overlay) show another
 * device here than stat(2), and a device may have several nodes: there
 * map_files tells, which only root may ask.
 */
static bool proc_map_is_backing(const struct proc_walk *walk, uint64_t start,
				uint64_t end, dev_t dev, ino_t ino)
{
	const struct backing_info *info = walk->info;
	char path[96];
	struct stat st;

	if (dev == info->dev && ino == info->ino)
		return true;
	if (!ino || (info->kind == BACKING_FILE && ino != info->ino))
		return false;
	snprintf(path, sizeof(path),
		 "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)walk->pid,
		 start, end);
	return !stat(path, &st) && proc_is_backing(info, &st);
}

static bool proc_ignore(void *ctx, const struct proc_entry *entry)
{
	(void)ctx;
	(void)entry;
	return true;
}

/* Does the process carry the mark of our tools (backing.h)? */
static bool proc_is_marked(const struct proc_walk *walk)
{
	struct proc_walk look = {
		.info = walk->info, .visit = proc_ignore, .pid = walk->pid,
	};

	proc_walk_fds(&look);
	return look.marked;
}

static int proc_walk_maps(struct proc_walk *walk)
{
	char path[64], *line = NULL;
	size_t line_room = 0;
	FILE *file;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)walk->pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	errno = 0;
	while (!walk->stop && getline(&line, &line_room, file) > 0) {
		uint64_t start, end, off, ino;
		unsigned dev_major, dev_minor;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64
			   " %x:%x %" SCNu64, &start, &end, &off, &dev_major,
			   &dev_minor, &ino) == 6 && end > start &&
		    proc_map_is_backing(walk, start, end,
					makedev(dev_major, dev_minor),
					(ino_t)ino)) {
			if (proc_is_marked(walk))
				break;
			proc_found(walk, PROC_MAP, off, end - start);
		}
	}
	/* Opening may succeed where reading is refused. */
	if (ferror(file))
		err = -errno;
	free(line);
	fclose(file);
	return err;
}

/* Kernel threads and zombies have no command line, and map nothing. */
static bool proc_is_program(pid_t pid)
{
	char path[48], byte;
	bool program;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	program = read(fd, &byte, 1) == 1;
	close(fd);
	return program;
}

static bool proc_is_denied(int err)
{
	return err == -EACCES || err == -EPERM;
}

int proc_walk(const struct backing *backing, bool want_maps, bool want_fds,
	      proc_visit_fn visit, void *ctx, unsigned *ret_unseen)
{
	struct proc_walk walk = {
		.info = backing_info(backing), .visit = visit, .ctx = ctx,
	};
	struct dirent *item;
	unsigned unseen = 0;
	DIR *proc = opendir("/proc");

	if (!proc)
		return -errno;
	while (!walk.stop && (item = readdir(proc))) {
		int maps_err = 0, fds_err = 0;

		if (!isdigit((unsigned char)item->d_name[0]))
			continue;
		walk.pid = (pid_t)strtol(item->d_name, NULL, 10);
		if (walk.pid == getpid())
			continue;
		if (want_maps)
			maps_err = proc_walk_maps(&walk);
		if (want_fds)
			fds_err = proc_walk_fds(&walk);
		/* Whom root may not look at, nobody may: no use in a warning. */
		if ((proc_is_denied(maps_err) || proc_is_denied(fds_err)) &&
		    geteuid() != 0 && proc_is_program(walk.pid))
			unseen++;
	}
	closedir(proc);
	*ret_unseen = unseen;
	return 0;
}

static bool lock_holder_visit(void *ctx, const struct proc_entry *entry)
{
	struct lock_holder *holder = ctx;

	if (entry->kind != PROC_FLOCK)
		return true;
	holder->pid = entry->pid;
	return false;
}

/*
 * /proc/locks shows everybody's flock, also where fdinfo is closed to us;
 * but by inode, and by the pid that took it.
 */
static pid_t proc_locks_search(const struct backing_info *info)
{
	FILE *file = fopen("/proc/locks", "re");
	char line[256];
	pid_t found = 0;

	while (file && !found && fgets(line, sizeof(line), file)) {
		unsigned dev_major, dev_minor;
		uint64_t ino;
		int pid;

		if (sscanf(line, "%*u: FLOCK %*s %*s %d %x:%x:%" SCNu64, &pid,
			   &dev_major, &dev_minor, &ino) == 4 && pid > 0 &&
		    pid != getpid() && ino == info->ino &&
		    makedev(dev_major, dev_minor) == info->dev)
			found = pid;
	}
	if (file)
		fclose(file);
	return found;
}

void proc_lock_holder(const struct backing *backing,
		      struct lock_holder *ret_holder)
{
	unsigned unseen;

	*ret_holder = (struct lock_holder){ 0 };
	proc_walk(backing, false, true, lock_holder_visit, ret_holder,
		  &unseen);
	if (!ret_holder->pid)
		ret_holder->pid = proc_locks_search(backing_info(backing));
	if (ret_holder->pid)
		use_command(ret_holder->pid, ret_holder->command,
			    sizeof(ret_holder->command));
}
