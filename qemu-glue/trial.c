/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trial.c - what a backing gives, found out by trying it (trial.h).
 *
 * Whether huge pages map is read in /proc/self/smaps after every page of an
 * aligned 2 MiB was stored to.  smaps leaves DAX out; there it is seen in the
 * number of page faults that this took: one where they do, 512 where not.
 *
 * The scratch file is sparse, as a pool is: who allocates a page when it is
 * first stored to may choose another size than who allocates it before.
 */
#include "qemu-glue/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hosted/guard.h"

#define HUGE_BYTES	(2u << 20)
#define SCRATCH_BYTES	(4u * HUGE_BYTES)
#define FAULTS_HUGE_MAX	8	/* one, and what else the process may do */
#define NAME_HIDDEN	".nvmpool-XXXXXX"

static void answer_set(struct trial *trial, enum trial_what what,
		       enum trial_result result, const char *text)
{
	trial->answer[what].result = result;
	snprintf(trial->answer[what].text, sizeof(trial->answer[what].text),
		 "%s", text);
}

/* KiB of the mapping at @map that huge page table entries map. */
static unsigned long huge_kib(const uint8_t *map)
{
	static const char *const counts[] = {
		"FilePmdMapped:", "ShmemPmdMapped:", "Shared_Hugetlb:",
		"Private_Hugetlb:",
	};
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long kib = 0, from, to, number;
	bool ours = false;
	char line[512];

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			ours = from <= (uintptr_t)map && (uintptr_t)map < to;
		for (size_t i = 0; ours && i < 4; i++)
			if (!strncmp(line, counts[i], strlen(counts[i])) &&
			    sscanf(line + strlen(counts[i]), "%lu",
				   &number) == 1)
				kib += number;
	}
	if (smaps)
		fclose(smaps);
	return kib;
}

/* @map: where smaps counts huge entries; NULL: it does not (DAX). */
static void answer_huge(struct trial *trial, long faults, const uint8_t *map)
{
	unsigned long kib = map ? huge_kib(map) : 0;
	bool huge = map ? kib >= HUGE_BYTES >> 10 : faults <= FAULTS_HUGE_MAX;
	char text[128];

	if (map)
		snprintf(text, sizeof(text), "%lu of 2048 KiB are mapped by "
			 "huge entries, after %ld page fault%s", kib, faults,
			 faults == 1 ? "" : "s");
	else
		snprintf(text, sizeof(text), "%ld page fault%s for 2 MiB",
			 faults, faults == 1 ? "" : "s");
	answer_set(trial, TRIAL_HUGE, huge ? TRIAL_YES : TRIAL_NO, text);
}

static long faults_now(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

static void try_map_sync(struct trial *trial, int fd)
{
	char text[128], reason[128];
	void *map = mmap(NULL, HUGE_BYTES, PROT_READ,
			 MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);
	int err = errno;

	if (map != MAP_FAILED) {
		munmap(map, HUGE_BYTES);
		answer_set(trial, TRIAL_MAP_SYNC, TRIAL_YES,
			   "stores reach the media without the page cache");
	} else if (trial->info.kind == BACKING_DEVDAX) {
		answer_set(trial, TRIAL_MAP_SYNC, TRIAL_YES,
			   "every mapping of a devdax device is direct");
	} else {
		snprintf(text, sizeof(text), "mmap with MAP_SYNC: %s",
			 failure_strerror(err, reason, sizeof(reason)));
		answer_set(trial, TRIAL_MAP_SYNC, TRIAL_NO, text);
	}
}

/* ---- a scratch file ------------------------------------------------------- */

/*
 * A sparse file without a name.  @look: it is given to backing_open() under a
 * name first, which only a file with a name can be; that is unlinked at once.
 */
static int scratch_open(const char *directory, struct backing **look,
			struct failure *failure)
{
	char path[PATH_MAX];
	int fd = -1, err = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/" NAME_HIDDEN,
			     directory) >= sizeof(path))
		return -ENAMETOOLONG;
	if (!look)
		fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (look || errno == EOPNOTSUPP || errno == EISDIR)) {
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0 && look && !ftruncate(fd, SCRATCH_BYTES))
			err = backing_open(path, BACKING_READ, look, failure);
		if (fd >= 0)
			unlink(path);
	}
	if (fd < 0)
		return -errno;
	if (!err && ftruncate(fd, SCRATCH_BYTES))
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

/* A shared mapping of the scratch file, aligned as QEMU aligns its own. */
static uint8_t *scratch_map(int fd, void **ret_area, size_t *ret_len)
{
	size_t len = SCRATCH_BYTES + HUGE_BYTES;
	uint8_t *area = mmap(NULL, len, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *map;

	if (area == MAP_FAILED)
		return NULL;
	*ret_area = area;
	*ret_len = len;
	map = area + (HUGE_BYTES - (uintptr_t)area % HUGE_BYTES) % HUGE_BYTES;
	if (mmap(map, SCRATCH_BYTES, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
		munmap(area, len);
		return NULL;
	}
	/* So does QEMU; tmpfs with huge=advise looks at it. */
	madvise(map, SCRATCH_BYTES, MADV_HUGEPAGE);
	return map;
}

/* Store a byte into every page of [off, off + HUGE_BYTES); false: SIGBUS. */
static bool scratch_touch(uint8_t *map, size_t off, uint8_t byte)
{
	struct guard_window window = { map, SCRATCH_BYTES };
	struct guard_fault fault;

	for (size_t i = 0; i < HUGE_BYTES; i += NVM_PAGE)
		if (!guard_copy(&window, guard_memcpy, map + off + i, &byte, 1,
				0, &fault))
			return false;
	return true;
}

static void try_scratch_fsync(struct trial *trial, int fd, uint8_t *map)
{
	struct timespec begin, end;
	char text[128], reason[96];

	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (msync(map, SCRATCH_BYTES, MS_SYNC) || fsync(fd)) {
		snprintf(text, sizeof(text), "it fails: %s",
			 failure_strerror(errno, reason, sizeof(reason)));
		answer_set(trial, TRIAL_FSYNC, TRIAL_NO, text);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (trial->info.tmpfs) {
		answer_set(trial, TRIAL_FSYNC, TRIAL_NO,
			   "it succeeds, but there is nothing to write to: "
			   "all is in memory");
		return;
	}
	snprintf(text, sizeof(text), "msync and fsync of 2 MiB took %.1f ms",
		 (double)(end.tv_sec - begin.tv_sec) * 1e3 +
		 (double)(end.tv_nsec - begin.tv_nsec) / 1e6);
	answer_set(trial, TRIAL_FSYNC, TRIAL_YES, text);
}

static void try_scratch_punch(struct trial *trial, int fd, uint8_t *map)
{
	struct guard_window window = { map, SCRATCH_BYTES };
	struct guard_fault fault;
	struct stat before, after;
	char text[128], reason[96];
	uint8_t byte = 1;
	bool zero = true;

	fsync(fd);	/* or what it occupies is not decided yet */
	fstat(fd, &before);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      HUGE_BYTES, HUGE_BYTES)) {
		snprintf(text, sizeof(text), "it fails (%s): released space "
			 "is zeroed by writing",
			 failure_strerror(errno, reason, sizeof(reason)));
		answer_set(trial, TRIAL_PUNCH, TRIAL_NO, text);
		return;
	}
	fstat(fd, &after);	/* before a look at tmpfs fills the hole */
	for (size_t i = 0; zero && i < HUGE_BYTES; i += NVM_PAGE)
		zero = guard_copy(&window, guard_memcpy, &byte,
				  map + HUGE_BYTES + i, 1, 0, &fault) && !byte;
	if (!zero)
		answer_set(trial, TRIAL_PUNCH, TRIAL_NO,
			   "a punched hole still holds former bytes");
	else if (after.st_blocks >= before.st_blocks)
		answer_set(trial, TRIAL_PUNCH, TRIAL_NO,
			   "a punched hole reads as zeros, but gives no room "
			   "back");
	else
		answer_set(trial, TRIAL_PUNCH, TRIAL_YES, "released space "
			   "goes back to the file system at once");
}

static void try_on_scratch(struct trial *trial, int fd)
{
	void *area;
	size_t len;
	uint8_t *map = scratch_map(fd, &area, &len);
	char text[128], reason[96];
	long faults;

	try_map_sync(trial, fd);
	if (!map) {
		snprintf(text, sizeof(text), "cannot map a scratch file: %s",
			 failure_strerror(errno, reason, sizeof(reason)));
		for (int i = TRIAL_HUGE; i < TRIAL_COUNT; i++)
			answer_set(trial, (enum trial_what)i, TRIAL_UNTRIED,
				   text);
		return;
	}
	faults = faults_now();
	if (scratch_touch(map, HUGE_BYTES, 0x5a))
		answer_huge(trial, faults_now() - faults,
			    trial->info.map_sync ? NULL : map);
	else
		answer_set(trial, TRIAL_HUGE, TRIAL_NO,
			   "stores end with SIGBUS: no space, or no huge "
			   "pages reserved");
	try_scratch_fsync(trial, fd, map);
	try_scratch_punch(trial, fd, map);
	munmap(area, len);
}

/* ---- a device --------------------------------------------------------------- */

static void try_on_device(struct trial *trial, struct backing *backing)
{
	struct nvm_media *media = backing_media(backing);
	uint64_t off = media->size_bytes / HUGE_BYTES * HUGE_BYTES;
	char text[128], reason[96];
	uint8_t byte;
	long faults = faults_now();
	int err = 0;

	try_map_sync(trial, backing_fd(backing));
	if (off < 2 * HUGE_BYTES) {
		answer_set(trial, TRIAL_HUGE, TRIAL_UNTRIED,
			   "the device is too small");
	} else {
		off -= 2 * HUGE_BYTES;	/* behind what opening has read */
		faults = faults_now();
		for (size_t i = 0; !err && i < HUGE_BYTES; i += NVM_PAGE)
			err = media->ops->load(media, off + i, &byte, 1);
		if (err)
			answer_set(trial, TRIAL_HUGE, TRIAL_UNTRIED,
				   "bad blocks in the way");
		else
			answer_huge(trial, faults_now() - faults, NULL);
	}
	if (trial->info.kind == BACKING_DEVDAX) {
		answer_set(trial, TRIAL_FSYNC, TRIAL_NO,
			   "a devdax device has none, and needs none");
	} else if (fsync(backing_fd(backing))) {
		snprintf(text, sizeof(text), "it fails: %s",
			 failure_strerror(errno, reason, sizeof(reason)));
		answer_set(trial, TRIAL_FSYNC, TRIAL_NO, text);
	} else {
		answer_set(trial, TRIAL_FSYNC, TRIAL_YES,
			   "fsync of the device succeeds");
	}
	answer_set(trial, TRIAL_PUNCH, TRIAL_UNTRIED,
		   "it would change the device's bytes");
}

/* ---- all of it ----------------------------------------------------------------- */

static void info_keep(struct trial *trial, const struct backing *backing)
{
	trial->info = *backing_info(backing);
	trial->bad_count = trial->info.bad_count;
	trial->info.bad = NULL;
	trial->info.bad_count = 0;
}

/* Nothing, or nothing yet, is at @path: the scratch file stands for it. */
static int trial_place(const char *path, const char *directory,
		       struct trial *trial, struct failure *failure)
{
	struct backing *backing = NULL;
	int fd = scratch_open(directory, &backing, failure);

	if (fd < 0) {
		if (backing)
			backing_close(backing);
		return failure_errno(failure, fd, "cannot make a scratch file "
				     "in '%s'", directory);
	}
	info_keep(trial, backing);
	backing_close(backing);
	if (!realpath(path, trial->info.path))
		trial->info.path[0] = '\0';
	try_on_scratch(trial, fd);
	close(fd);
	return 0;
}

static int trial_file(const char *path, struct trial *trial,
		      struct failure *failure)
{
	char directory[PATH_MAX], text[160], reason[96];
	struct backing *backing;
	int fd, err;

	if (!realpath(path, directory))
		return failure_errno(failure, -errno, "cannot open '%s'", path);
	if (trial->directory)
		return trial_place(path, directory, trial, failure);
	dirname(directory);		/* cuts in place */
	err = backing_open(path, BACKING_READ, &backing, failure);
	if (err == -ERANGE)		/* too small to be anything yet */
		return trial_place(path, directory, trial, failure);
	if (err)
		return err;
	info_keep(trial, backing);
	backing_close(backing);
	fd = scratch_open(directory, NULL, NULL);
	if (fd >= 0) {
		try_on_scratch(trial, fd);
		close(fd);
		return 0;
	}
	snprintf(text, sizeof(text), "no scratch file beside it: %s",
		 failure_strerror(fd, reason, sizeof(reason)));
	for (int i = 0; i < TRIAL_COUNT; i++)
		answer_set(trial, (enum trial_what)i, TRIAL_UNTRIED, text);
	return 0;
}

int trial_run(const char *path, struct trial *ret_trial,
	      struct failure *failure)
{
	struct trial trial = { 0 };
	struct backing *backing;
	struct stat st;
	int err;

	if (stat(path, &st))
		return failure_errno(failure, -errno, "cannot open '%s'", path);
	guard_install();
	trial.directory = S_ISDIR(st.st_mode);
	if (trial.directory || S_ISREG(st.st_mode)) {
		err = trial_file(path, &trial, failure);
	} else {
		err = backing_open(path, BACKING_READ, &backing, failure);
		if (!err) {
			info_keep(&trial, backing);
			try_on_device(&trial, backing);
			backing_close(backing);
		}
	}
	if (!err)
		*ret_trial = trial;
	return err;
}

const char *trial_what_name(enum trial_what what)
{
	static const char *const names[] = {
		"DAX (MAP_SYNC)", "huge pages", "fsync", "hole punching",
	};

	return names[what];
}

const char *trial_what_key(enum trial_what what)
{
	static const char *const keys[] = {
		"map_sync", "huge_pages", "fsync", "hole_punching",
	};

	return keys[what];
}

const char *trial_result_name(enum trial_result result)
{
	static const char *const names[] = { "yes", "no", "not tried" };

	return names[result];
}
