/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_stray.c - the stray-write guards: a wild write is stopped, the stores
 * that are meant are not, and SIGBUS still comes back as an error.
 *
 * Each test runs under each guard, on a tmpfs, on the file system of TMPDIR,
 * and on the device that is named as argument (tests/vm/stray.bats).
 */
#include "hosted_scratch.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "hosted/stray.h"

#define SIZE	(8 * MIB)

static struct scratch *scratch;
static const char *device;

struct setting {
	enum stray_guard guard;
	const char *where;	/* "tmpfs", "file", "device" */
};

static const char *setting_path(const struct setting *setting)
{
	if (!strcmp(setting->where, "device"))
		return device;
	return scratch_path(strcmp(setting->where, "tmpfs") ? scratch->dir :
			    scratch->shm, "stray");
}

static bool setting_is_file(const struct setting *setting)
{
	return strcmp(setting->where, "device");
}

/* A file is new, a device as it is; under the guard. */
static struct backing *setting_open(const struct setting *setting)
{
	const char *path = setting_path(setting);
	struct failure failure = { "" };
	struct backing *backing;

	if (setting->guard == STRAY_PKEY && !stray_pkey_here()) {
		print_message("# skipped: this CPU has no memory protection "
			      "keys (tests/vm/stray emulates one that has)\n");
		skip();
	}
	if (setting_is_file(setting)) {
		unlink(path);
		backing = scratch_create(path, SIZE);
	} else {
		backing = scratch_open(path, BACKING_WRITE);
	}
	if (stray_set(backing, setting->guard, &failure))
		fail_msg("%s", failure.text);
	assert_int_equal(stray_get(backing), setting->guard);
	return backing;
}

/* ---- a wild write -------------------------------------------------------------- */

static sigjmp_buf wild_jump;
static volatile sig_atomic_t wild_code;
static void *volatile wild_address;

static void wild_handler(int signal_number, siginfo_t *info, void *context)
{
	(void)signal_number;
	(void)context;
	wild_code = info->si_code;
	wild_address = info->si_addr;
	siglongjmp(wild_jump, 1);
}

/*
 * Write to the media through a pointer, as the core cannot: the code of the
 * SIGSEGV it gives, or 0 when it went through.
 */
static int wild_write(const struct backing *backing, uint64_t off)
{
	struct nvm_media *media = backing_media((struct backing *)
						(uintptr_t)backing);
	volatile uint8_t *target =
		(uint8_t *)(uintptr_t)media->base + off;
	struct sigaction action = {
		.sa_sigaction = wild_handler, .sa_flags = SA_SIGINFO,
	};
	struct sigaction former;

	wild_code = 0;
	sigaction(SIGSEGV, &action, &former);
	if (!sigsetjmp(wild_jump, 1)) {
		*target = 0xee;
	} else {
		assert_ptr_equal(wild_address, target);
		/* The handler did not return, so its rights are ours. */
		stray_thread();
	}
	sigaction(SIGSEGV, &former, NULL);
	return wild_code;
}

static int wild_code_expected(enum stray_guard guard)
{
	return guard == STRAY_NONE ? 0 :
	       guard == STRAY_PKEY ? SEGV_PKUERR : SEGV_ACCERR;
}

static void a_wild_write_is_stopped(void **state)
{
	const struct setting *setting = *state;
	struct backing *backing = setting_open(setting);
	struct nvm_media *media = backing_media(backing);
	const uint64_t last = media->size_bytes - 1;
	const uint64_t place[] = { 0, 4096, SIZE / 2 + 77, last };
	const uint8_t byte = 0x11;

	for (size_t i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
		assert_int_equal(media->ops->store(media, place[i], &byte, 1),
				 0);
		assert_int_equal(wild_write(backing, place[i]),
				 wild_code_expected(setting->guard));
		assert_int_equal(media->base[place[i]], 0x11);
		/* Nor does a store open it for what comes after. */
		assert_int_equal(media->ops->store(media, place[i], &byte, 1),
				 0);
		assert_int_equal(wild_write(backing, place[i]),
				 wild_code_expected(setting->guard));
	}
	backing_close(backing);
}

static void without_a_guard_it_goes_through(void **state)
{
	const struct setting *setting = *state;
	struct backing *backing = setting_open(setting);
	struct nvm_media *media = backing_media(backing);

	assert_int_equal(media->ops->store(media, 4096, "x", 1), 0);
	assert_int_equal(wild_write(backing, 4096), 0);
	assert_int_equal(media->base[4096], 0xee);
	backing_close(backing);
}

/* ---- what is meant goes on -------------------------------------------------------- */

static void stores_of_any_place_and_length_arrive(void **state)
{
	static const struct { uint64_t off; size_t len; } piece[] = {
		{ 0, 1 }, { 4095, 2 }, { 8192, 32 }, { 8224, 32 },
		{ 8200, 8 }, { 12300, 63 }, { 16384, 64 }, { 20479, 66 },
		{ 24576, 4096 }, { 32777, 4096 }, { 2 * MIB - 1000, 5000 },
		{ 4 * MIB - 3, 3 * MIB }, { SIZE - 5, 5 }, { SIZE, 0 },
	};
	struct backing *backing = setting_open(*state);
	struct nvm_media *media = backing_media(backing);
	uint8_t *bytes = malloc(3 * MIB), *back = malloc(3 * MIB);

	for (size_t i = 0; i < sizeof(piece) / sizeof(piece[0]); i++) {
		for (size_t k = 0; k < piece[i].len; k++)
			bytes[k] = (uint8_t)(k * 31 + i + 1);
		assert_int_equal(media->ops->store(media, piece[i].off, bytes,
						   piece[i].len), 0);
		assert_int_equal(media->ops->load(media, piece[i].off, back,
						  piece[i].len), 0);
		assert_memory_equal(bytes, back, piece[i].len);
		assert_memory_equal(bytes, media->base + piece[i].off,
				    piece[i].len);
	}
	assert_int_equal(media_barrier(media), 0);
	assert_int_equal(media->ops->flush(media, 0, SIZE), 0);
	free(bytes);
	free(back);
	backing_close(backing);
}

static void a_discarded_range_reads_as_zeros(void **state)
{
	struct backing *backing = setting_open(*state);
	struct nvm_media *media = backing_media(backing);
	uint8_t bytes[3 * 4096], back[3 * 4096], zeros[3 * 4096] = { 0 };

	memset(bytes, 0x77, sizeof(bytes));
	assert_int_equal(media->ops->store(media, 4096, bytes, sizeof(bytes)),
			 0);
	assert_int_equal(media->ops->reserve(media, 4096, sizeof(bytes)), 0);
	assert_int_equal(media->ops->discard(media, 4196, 8192), 0);
	assert_int_equal(media->ops->load(media, 4096, back, sizeof(back)), 0);
	assert_memory_equal(back, bytes, 100);
	assert_memory_equal(back + 100, zeros, 8192);
	assert_memory_equal(back + 8292, bytes, sizeof(back) - 8292);
	backing_close(backing);
}

/* The mappings of this process. */
static int mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int c, count = 0;

	assert_non_null(maps);
	while ((c = getc(maps)) != EOF)
		count += c == '\n';
	fclose(maps);
	return count;
}

static void stores_leave_no_mappings_behind(void **state)
{
	struct backing *backing = setting_open(*state);
	struct nvm_media *media = backing_media(backing);
	int before;

	/* Whatever the first of them sets up, and the page cache's pages. */
	assert_int_equal(media->ops->store(media, 0, "x", 1), 0);
	before = mappings();
	for (uint64_t i = 1; i < 200; i++)
		assert_int_equal(media->ops->store(media, i * 4091, "xyz", 3),
				 0);
	assert_in_range(mappings(), 0, before + 8);
	backing_close(backing);
}

#define ROUNDS	1500

struct storing {
	struct nvm_media *media;
	pthread_barrier_t *start;
	uint64_t off;
	int rounds;
};

/* Store a number, load it, again and again: it must be the last one stored. */
static void *store_and_load(void *arg)
{
	const struct storing *storing = arg;
	struct nvm_media *media = storing->media;

	pthread_barrier_wait(storing->start);
	for (uint64_t i = 1; i <= ROUNDS; i++) {
		uint64_t back = 0;

		if (media->ops->store(media, storing->off, &i, sizeof(i)) ||
		    media->ops->drain(media) ||
		    media->ops->load(media, storing->off, &back,
				     sizeof(back)) || back != i)
			return arg;
	}
	return NULL;
}

static void threads_store_into_one_page(void **state)
{
	const struct setting *setting = *state;
	struct backing *backing = setting_open(setting);
	struct storing storing[4];
	pthread_barrier_t start;
	pthread_t thread[4];
	void *wrong;

	pthread_barrier_init(&start, NULL, 4);
	for (int i = 0; i < 4; i++) {
		storing[i] = (struct storing){
			backing_media(backing), &start,
			4096 - 16 + 8 * (uint64_t)i, ROUNDS
		};
		assert_int_equal(pthread_create(&thread[i], NULL,
						store_and_load, &storing[i]),
				 0);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
	}
	assert_int_equal(wild_write(backing, 4096),
			 wild_code_expected(setting->guard));
	pthread_barrier_destroy(&start);
	backing_close(backing);
}

/* As the kernel starts a process: keys that are not there yet give no access. */
static void rights_drop(void)
{
	for (int key = 1; key < 16 && stray_pkey_here(); key++)
		pkey_set(key, PKEY_DISABLE_ACCESS);
}

/* A thread that was there before the key was has no rights to it. */
static void *older_thread(void *arg)
{
	struct nvm_media *media = arg;
	uint64_t word = 7, back = 0;

	rights_drop();
	if (media->ops->load(media, 64, &back, 8) || back != 42)
		return arg;
	rights_drop();
	if (media->ops->flush(media, 64, 8))
		return arg;
	rights_drop();
	if (media->ops->store(media, 64, &word, 8))
		return arg;
	rights_drop();
	stray_thread();
	return memcmp(media->base + 64, &word, 8) ? arg : NULL;
}

static void a_thread_from_before_loads_and_stores(void **state)
{
	struct backing *backing = setting_open(*state);
	struct nvm_media *media = backing_media(backing);
	const uint64_t word = 42;
	pthread_t thread;
	void *wrong;

	assert_int_equal(media->ops->store(media, 64, &word, 8), 0);
	assert_int_equal(pthread_create(&thread, NULL, older_thread, media), 0);
	assert_int_equal(pthread_join(thread, &wrong), 0);
	assert_null(wrong);
	assert_memory_equal(media->base + 64, "\7\0\0\0\0\0\0\0", 8);
	backing_close(backing);
}

/* ---- pkey: the others are kept out while one stores --------------------------------- */

static void *store_for_long(void *arg)
{
	const struct storing *storing = arg;
	uint8_t *bytes = calloc(1, SIZE / 2);
	int err = 0;

	pthread_barrier_wait(storing->start);
	for (int i = 0; i < storing->rounds && !err; i++)
		err = storing->media->ops->store(storing->media, storing->off,
						 bytes, SIZE / 2);
	free(bytes);
	return err ? arg : NULL;
}

static void other_threads_are_kept_out_while_one_stores(void **state)
{
	const struct setting *setting = *state;
	struct backing *backing = setting_open(setting);
	pthread_barrier_t start;
	struct storing storing = { backing_media(backing), &start, 0, 40 };
	pthread_t thread;
	void *wrong;

	pthread_barrier_init(&start, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, store_for_long,
					&storing), 0);
	pthread_barrier_wait(&start);
	for (int i = 0; i < 300; i++)
		assert_int_equal(wild_write(backing, 4096), SEGV_PKUERR);
	assert_int_equal(pthread_join(thread, &wrong), 0);
	assert_null(wrong);
	assert_int_equal(storing.media->base[4096], 0);
	pthread_barrier_destroy(&start);
	backing_close(backing);
}

/* ---- SIGBUS -------------------------------------------------------------------------- */

static void a_truncated_file_gives_eio(void **state)
{
	const struct setting *setting = *state;
	struct backing *backing = setting_open(setting);
	struct nvm_media *media = backing_media(backing);
	uint8_t bytes[8192] = { 1 }, back[8192];

	assert_int_equal(truncate(setting_path(setting), SIZE / 2), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(media->ops->load(media, SIZE / 2 - 4096, back,
						  8192), -NVM_EIO);
		assert_int_equal(media->ops->store(media, SIZE - 9, "x", 1),
				 -NVM_EIO);
		assert_int_equal(media->ops->store(media, SIZE / 2 - 4096,
						   bytes, 8192), -NVM_EIO);
		/* What is there still is, and is guarded. */
		assert_int_equal(media->ops->store(media, 0, bytes, 8192), 0);
		assert_int_equal(media->ops->load(media, 0, back, 8192), 0);
		assert_memory_equal(bytes, back, 8192);
		assert_int_equal(wild_write(backing, 4096),
				 wild_code_expected(setting->guard));
		assert_int_equal(wild_write(backing, SIZE / 2 - 4096),
				 wild_code_expected(setting->guard));
	}
	backing_close(backing);
}

/* On a tmpfs of 1 MiB of our own: 77 where we may not mount it. */
static int full_disk_work(void *arg)
{
	const struct setting *setting = arg;
	struct backing *backing = NULL;
	struct nvm_media *media;
	uint8_t page[4096];
	char dir[128];
	uint64_t stored = 0;
	int err;

	snprintf(dir, sizeof(dir), "%s/small", scratch->shm);
	memset(page, 7, sizeof(page));
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("small", dir, "tmpfs", 0, "size=1m"))
		return 77;
	if (backing_create(scratch_path(dir, "full"), 64 * MIB, &backing,
			   NULL) || stray_set(backing, setting->guard, NULL))
		return 1;
	media = backing_media(backing);
	while (!(err = media->ops->store(media, stored, page, sizeof(page))))
		if ((stored += sizeof(page)) > 2 * MIB)
			return 3;
	if (err != -NVM_ENOSPC || stored < MIB / 2)
		return 4;
	if (media->ops->store(media, 0, page, sizeof(page)))
		return 5;
	if (wild_write(backing, 0) != wild_code_expected(setting->guard))
		return 6;
	backing_close(backing);
	return 0;
}

static void a_full_disk_gives_enospc(void **state)
{
	struct setting *setting = *state;
	int status;

	backing_close(setting_open(setting));
	mkdir(scratch_path(scratch->shm, "small"), 0700);
	status = scratch_child(full_disk_work, setting);
	if (status == 77) {
		print_message("# skipped: no permission to mount a tmpfs\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* ---- setting ---------------------------------------------------------------------------- */

static void a_guard_can_be_taken_off_again(void **state)
{
	struct backing *backing = setting_open(*state);

	assert_int_equal(stray_set(backing, STRAY_NONE, NULL), 0);
	assert_int_equal(stray_get(backing), STRAY_NONE);
	assert_int_equal(wild_write(backing, 4096), 0);
	assert_int_equal(backing_media(backing)->base[4096], 0xee);
	backing_close(backing);
}

static void a_backing_for_reading_stays_one(void **state)
{
	const struct setting *setting = *state;
	struct backing *backing = setting_open(setting);
	struct nvm_media *media = backing_media(backing);
	char back[4];

	assert_int_equal(media->ops->store(media, 4096, "read", 4), 0);
	backing_close(backing);
	backing = scratch_open(setting_path(setting), BACKING_READ);
	media = backing_media(backing);
	assert_int_equal(stray_set(backing, setting->guard, NULL), 0);
	assert_int_equal(media->ops->load(media, 4096, back, 4), 0);
	assert_memory_equal(back, "read", 4);
	assert_int_equal(media->ops->store(media, 0, "x", 1), -NVM_EROFS);
	assert_int_not_equal(wild_write(backing, 4096), 0);
	assert_int_equal(stray_set(backing, STRAY_NONE, NULL), 0);
	assert_int_not_equal(wild_write(backing, 4096), 0);
	backing_close(backing);
}

static void the_names_are_in_the_order_of_the_guards(void **state)
{
	(void)state;
	assert_string_equal(stray_guard_names[STRAY_AUTO], "auto");
	assert_string_equal(stray_guard_names[STRAY_NONE], "none");
	assert_string_equal(stray_guard_names[STRAY_PKEY], "pkey");
	assert_string_equal(stray_guard_names[STRAY_MPROTECT], "mprotect");
	assert_string_equal(stray_guard_names[STRAY_MAP], "map");
	assert_null(stray_guard_names[STRAY_MAP + 1]);
}

static void auto_is_pkey_where_there_are_keys_else_none(void **state)
{
	struct backing *backing = scratch_create(
		scratch_path(scratch->shm, "auto"), MIB);

	(void)state;
	assert_int_equal(stray_get(backing), STRAY_NONE);
	assert_int_equal(stray_set(backing, STRAY_AUTO, NULL), 0);
	assert_int_equal(stray_get(backing), stray_pkey_here() ? STRAY_PKEY :
								 STRAY_NONE);
	backing_close(backing);
}

static void without_keys_pkey_is_refused_in_words(void **state)
{
	struct backing *backing = scratch_create(
		scratch_path(scratch->shm, "keyless"), MIB);
	struct failure failure = { "" };
	int err = stray_set(backing, STRAY_PKEY, &failure);

	(void)state;
	if (stray_pkey_here()) {
		backing_close(backing);
		print_message("# skipped: this CPU has memory protection "
			      "keys\n");
		skip();
	}
	assert_int_equal(err, -EOPNOTSUPP);
	assert_non_null(strstr(failure.text, "with pkey: this CPU has no "
			       "memory protection keys"));
	assert_int_equal(stray_get(backing), STRAY_NONE);
	assert_int_equal(backing_media(backing)->ops->store(
		backing_media(backing), 0, "x", 1), 0);
	backing_close(backing);
}

static void a_private_backing_has_no_guard(void **state)
{
	const char *path = scratch_path(scratch->shm, "private");
	struct failure failure = { "" };
	struct backing *backing;

	(void)state;
	backing_close(scratch_create(path, MIB));
	backing = scratch_open(path, BACKING_PRIVATE);
	for (int guard = STRAY_PKEY; guard <= STRAY_MAP; guard++) {
		assert_int_equal(stray_set(backing, (enum stray_guard)guard,
					   &failure), -EOPNOTSUPP);
		assert_non_null(strstr(failure.text, stray_guard_names[guard]));
	}
	assert_int_equal(stray_set(backing, STRAY_AUTO, NULL), 0);
	assert_int_equal(stray_get(backing), STRAY_NONE);
	assert_int_equal(stray_set(backing, STRAY_NONE, NULL), 0);
	assert_int_equal(backing_media(backing)->ops->store(
		backing_media(backing), 0, "x", 1), 0);
	backing_close(backing);
	assert_int_equal(scratch_byte(path, 0), 0);
}

/* ---- the list ------------------------------------------------------------------------------ */

static int setup(void **state)
{
	int err = scratch_setup(state);

	/* A state of the group would be put in place of the tests' own. */
	scratch = *state;
	*state = NULL;
	return err;
}

static int teardown(void **state)
{
	*state = scratch;
	return scratch_teardown(state);
}

#define ON_NONE		(1u << STRAY_NONE)
#define ON_PKEY		(1u << STRAY_PKEY)
#define ON_ALL		(ON_PKEY | 1u << STRAY_MPROTECT | 1u << STRAY_MAP)
#define ON_DEVICES	0x100u		/* too */
#define ON_TMPFS_ONLY	0x200u

static const struct {
	CMUnitTestFunction function;
	const char *name;
	unsigned on;
} guarded[] = {
#define GUARDED(function, on)	{ function, #function, on }
	GUARDED(a_wild_write_is_stopped, ON_ALL | ON_DEVICES),
	GUARDED(without_a_guard_it_goes_through, ON_NONE | ON_DEVICES),
	GUARDED(stores_of_any_place_and_length_arrive,
		ON_NONE | ON_ALL | ON_DEVICES),
	GUARDED(a_discarded_range_reads_as_zeros,
		ON_NONE | ON_ALL | ON_DEVICES),
	GUARDED(stores_leave_no_mappings_behind, ON_ALL | ON_DEVICES),
	GUARDED(threads_store_into_one_page, ON_NONE | ON_ALL | ON_DEVICES),
	GUARDED(a_thread_from_before_loads_and_stores, ON_ALL | ON_DEVICES),
	GUARDED(other_threads_are_kept_out_while_one_stores,
		ON_PKEY | ON_DEVICES),
	GUARDED(a_truncated_file_gives_eio, ON_NONE | ON_ALL),
	GUARDED(a_full_disk_gives_enospc, ON_NONE | ON_ALL | ON_TMPFS_ONLY),
	GUARDED(a_guard_can_be_taken_off_again, ON_ALL | ON_DEVICES),
	GUARDED(a_backing_for_reading_stays_one, ON_ALL | ON_DEVICES),
};
#define GUARDED_COUNT	(sizeof(guarded) / sizeof(guarded[0]))

static const struct CMUnitTest plain[] = {
	cmocka_unit_test(the_names_are_in_the_order_of_the_guards),
	cmocka_unit_test(auto_is_pkey_where_there_are_keys_else_none),
	cmocka_unit_test(without_keys_pkey_is_refused_in_words),
	cmocka_unit_test(a_private_backing_has_no_guard),
};
#define PLAIN_COUNT	(sizeof(plain) / sizeof(plain[0]))

#define WHERES		3
#define GUARDS		(STRAY_MAP + 1)

int main(int argc, char **argv)
{
	static const char *const where[WHERES] = { "tmpfs", "file", "device" };
	static struct setting setting[WHERES][GUARDS];
	static struct CMUnitTest tests[PLAIN_COUNT +
				       GUARDED_COUNT * WHERES * GUARDS];
	static char names[sizeof(tests) / sizeof(tests[0])][100];
	size_t count = 0;

	device = argc > 1 ? argv[1] : NULL;
	for (size_t i = 0; i < PLAIN_COUNT; i++)
		tests[count++] = plain[i];
	for (size_t i = 0; i < GUARDED_COUNT * WHERES * GUARDS; i++) {
		size_t t = i / (WHERES * GUARDS);
		size_t w = i / GUARDS % WHERES, g = i % GUARDS;

		/* Without keys one test says so for all. */
		if (g == STRAY_PKEY && !stray_pkey_here() && (t || w))
			continue;
		if (!(guarded[t].on & 1u << g) ||
		    (w == 1 && guarded[t].on & ON_TMPFS_ONLY) ||
		    (w == 2 && (!device || !(guarded[t].on & ON_DEVICES))))
			continue;
		setting[w][g] = (struct setting){ (enum stray_guard)g,
						  where[w] };
		snprintf(names[count], sizeof(names[0]), "%s: %s: %s",
			 stray_guard_names[g], where[w], guarded[t].name);
		tests[count] = (struct CMUnitTest){
			.name = names[count], .test_func = guarded[t].function,
			.initial_state = &setting[w][g],
		};
		count++;
	}
	return _cmocka_run_group_tests("stray", tests, count, setup, teardown);
}
