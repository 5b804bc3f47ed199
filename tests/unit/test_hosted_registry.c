/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_hosted_registry.c - the registered pools: what is written is read
 * again, what is damaged is named, two changes at once are two changes.
 */
#include "hosted_scratch.h"

#include <errno.h>
#include <sys/resource.h>

#include "hosted/registry.h"

/* Each test has a directory of its own. */
static void registry_use(struct scratch *scratch, const char *name)
{
	setenv("NVMPOOL_STATE_DIR", scratch_path(scratch->shm, name), 1);
}

static struct registry_entry entry_of(const char *name, const char *path)
{
	struct registry_entry entry = { .uuid = "" };

	snprintf(entry.name, sizeof(entry.name), "%s", name);
	snprintf(entry.path, sizeof(entry.path), "%s", path);
	return entry;
}

static void add(const char *name, const char *path)
{
	struct registry_entry entry = entry_of(name, path);
	struct failure failure = { "" };

	if (registry_add(&entry, &failure))
		fail_msg("%s", failure.text);
}

static struct registry load(void)
{
	struct failure failure = { "" };
	struct registry registry;

	if (registry_load(&registry, &failure))
		fail_msg("%s", failure.text);
	return registry;
}

static void write_raw(const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	mkdir(getenv("NVMPOOL_STATE_DIR"), 0700);
	assert_int_equal(registry_path(path, sizeof(path), NULL), 0);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
}

static void no_file_is_an_empty_registry(void **state)
{
	struct registry registry;

	registry_use(*state, "none");
	registry = load();
	assert_int_equal(registry.count, 0);
	assert_null(registry_default(&registry));
	assert_null(registry_find(&registry, "x"));
	registry_free(&registry);
}

static void what_is_added_is_found_by_name_and_path(void **state)
{
	struct registry_entry entry = entry_of("fast", "/dev/dax0.0");
	struct registry registry;

	registry_use(*state, "deep/below/it");
	snprintf(entry.uuid, sizeof(entry.uuid),
		 "01234567-89ab-4cde-8f01-23456789abcd");
	assert_int_equal(registry_add(&entry, NULL), 0);
	add("slow", "/srv/\"odd\" name.img");
	registry = load();
	assert_int_equal(registry.count, 2);
	assert_string_equal(registry_find(&registry, "fast")->uuid,
			    entry.uuid);
	assert_string_equal(registry_find(&registry, "fast")->path,
			    "/dev/dax0.0");
	assert_string_equal(
		registry_find(&registry, "/srv/\"odd\" name.img")->name,
		"slow");
	assert_null(registry_find(&registry, "other"));
	registry_free(&registry);
}

static void a_pool_is_found_through_a_link(void **state)
{
	struct scratch *scratch = *state;
	char path[PATH_MAX];
	struct registry registry;

	registry_use(scratch, "link");
	snprintf(path, sizeof(path), "%s/pool.img", scratch->shm);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(symlink("pool.img", scratch_path(scratch->shm, "l")),
			 0);
	add("linked", path);
	registry = load();
	assert_non_null(registry_find(&registry,
				      scratch_path(scratch->shm, "l")));
	registry_free(&registry);
}

static void the_only_pool_is_the_default(void **state)
{
	struct registry registry;

	registry_use(*state, "only");
	add("one", "/one");
	registry = load();
	assert_string_equal(registry_default(&registry)->name, "one");
	registry_free(&registry);

	add("two", "/two");
	registry = load();
	assert_null(registry_default(&registry));
	registry_free(&registry);

	assert_int_equal(registry_set_default("two", NULL), 0);
	registry = load();
	assert_string_equal(registry_default(&registry)->name, "two");
	registry_free(&registry);

	assert_int_equal(registry_set_default(NULL, NULL), 0);
	registry = load();
	assert_null(registry_default(&registry));
	registry_free(&registry);
	assert_int_equal(registry_set_default("three", NULL), -ENOENT);
}

static void a_forgotten_pool_is_gone_and_no_default(void **state)
{
	struct registry registry;
	struct failure failure;

	registry_use(*state, "forget");
	add("one", "/one");
	add("two", "/two");
	add("three", "/three");
	assert_int_equal(registry_set_default("two", NULL), 0);
	assert_int_equal(registry_forget("/two", NULL), 0);
	assert_int_equal(registry_forget("two", &failure), -ENOENT);
	assert_string_equal(failure.text, "no pool 'two' is registered");
	registry = load();
	assert_int_equal(registry.count, 2);
	assert_null(registry_default(&registry));
	assert_non_null(registry_find(&registry, "one"));
	assert_non_null(registry_find(&registry, "three"));
	registry_free(&registry);
}

static void a_name_belongs_to_one_path(void **state)
{
	struct registry_entry other = entry_of("name", "/b");
	struct registry registry;
	struct failure failure;

	registry_use(*state, "taken");
	add("name", "/a");
	assert_int_equal(registry_add(&other, &failure), -EEXIST);
	assert_non_null(strstr(failure.text, "'/a'"));
	/* The same path again: the new name counts, for the default too. */
	assert_int_equal(registry_set_default("name", NULL), 0);
	add("renamed", "/a");
	registry = load();
	assert_int_equal(registry.count, 1);
	assert_string_equal(registry_default(&registry)->name, "renamed");
	assert_string_equal(registry.default_name, "renamed");
	registry_free(&registry);
}

static void names_and_paths_are_checked(void **state)
{
	struct registry_entry bad_name = entry_of("a b", "/a");
	struct registry_entry bad_path = entry_of("a", "a");

	registry_use(*state, "checked");
	assert_int_equal(registry_add(&bad_name, NULL), -EINVAL);
	assert_int_equal(registry_add(&bad_path, NULL), -EINVAL);
}

static void a_damaged_registry_is_named_and_left_alone(void **state)
{
	static const char *const damaged[] = {
		"", "{", "[]", "nonsense", "{}", "{\"schema\":\"1\"}",
		"{\"schema\":1}", "{\"schema\":1,\"pools\":{}}",
		"{\"schema\":1,\"pools\":[1]}",
		"{\"schema\":1,\"pools\":[{\"name\":\"a\"}]}",
		"{\"schema\":1,\"pools\":[{\"name\":\"a\",\"path\":\"x\"}]}",
		"{\"schema\":1,\"pools\":[{\"name\":\"../a\",\"path\":\"/x\"}]}",
		"{\"schema\":1,\"pools\":[],\"default\":7}",
		"{\"schema\":1,\"pools\":[]} trailing",
	};
	struct registry_entry entry = entry_of("new", "/new");
	char path[PATH_MAX];

	registry_use(*state, "damaged");
	assert_int_equal(registry_path(path, sizeof(path), NULL), 0);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct registry registry = { 0 };
		struct failure failure = { "" };
		struct stat st;

		write_raw(damaged[i]);
		if (registry_load(&registry, &failure) != -EBADMSG)
			fail_msg("taken for a registry: %s", damaged[i]);
		assert_null(registry.entry);
		assert_non_null(strstr(failure.text, path));
		assert_int_equal(registry_add(&entry, &failure), -EBADMSG);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, strlen(damaged[i]));
	}
}

static void a_newer_registry_is_refused(void **state)
{
	struct registry registry;
	struct failure failure;

	registry_use(*state, "newer");
	write_raw("{\"schema\":2,\"pools\":[]}");
	assert_int_equal(registry_load(&registry, &failure), -EBADMSG);
	assert_non_null(strstr(failure.text, "newer"));
}

#define WRITERS	8
#define EACH	10

static void changes_of_many_processes_at_once_all_count(void **state)
{
	struct registry registry;
	pid_t pid[WRITERS];

	registry_use(*state, "many");
	for (int i = 0; i < WRITERS; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		for (int j = 0; j < EACH; j++) {
			struct registry_entry entry = { .uuid = "" };

			snprintf(entry.name, sizeof(entry.name), "p%d-%d", i,
				 j);
			snprintf(entry.path, sizeof(entry.path), "/%d/%d", i,
				 j);
			if (registry_add(&entry, NULL))
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < WRITERS; i++) {
		int status;

		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	registry = load();
	assert_int_equal(registry.count, WRITERS * EACH);
	registry_free(&registry);
}

static int add_on_full_disk(void *arg)
{
	const struct rlimit limit = { 16, 16 };
	struct registry_entry entry = entry_of("two", "/two");
	struct failure failure = { "" };

	(void)arg;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	return registry_add(&entry, &failure) == -EFBIG &&
	       strstr(failure.text, "cannot write the registry") ? 0 : 1;
}

static void a_change_that_cannot_be_written_leaves_the_old_registry(void **state)
{
	struct registry registry;
	char path[PATH_MAX];

	registry_use(*state, "full");
	add("one", "/one");
	assert_int_equal(scratch_child(add_on_full_disk, NULL), 0);
	registry = load();
	assert_int_equal(registry.count, 1);
	registry_free(&registry);
	assert_int_equal(registry_path(path, sizeof(path), NULL), 0);
	strcat(path, ".new");
	assert_int_equal(access(path, F_OK), -1);
}

static int paths_of_a_user(void *arg)
{
	char path[PATH_MAX];

	(void)arg;
	if (setgid(65534) || setuid(65534))
		return 77;
	unsetenv("NVMPOOL_STATE_DIR");
	setenv("HOME", "/home/u", 1);
	setenv("XDG_STATE_HOME", "/state", 1);
	if (registry_path(path, sizeof(path), NULL) ||
	    strcmp(path, "/state/nvmpool/pools.json"))
		return 1;
	unsetenv("XDG_STATE_HOME");
	if (registry_path(path, sizeof(path), NULL) ||
	    strcmp(path, "/home/u/.local/state/nvmpool/pools.json"))
		return 2;
	unsetenv("HOME");
	return registry_path(path, sizeof(path), NULL) == -ENOENT ? 0 : 3;
}

static void the_place_follows_the_environment(void **state)
{
	char path[PATH_MAX];
	int status;

	(void)state;
	setenv("NVMPOOL_STATE_DIR", "/there", 1);
	assert_int_equal(registry_path(path, sizeof(path), NULL), 0);
	assert_string_equal(path, "/there/pools.json");
	unsetenv("NVMPOOL_STATE_DIR");
	if (!geteuid()) {
		assert_int_equal(registry_path(path, sizeof(path), NULL), 0);
		assert_string_equal(path, "/var/lib/nvmpool/pools.json");
	}
	status = scratch_child(paths_of_a_user, NULL);
	if (status == 77) {
		print_message("# skipped: cannot become another user\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file_is_an_empty_registry),
		cmocka_unit_test(what_is_added_is_found_by_name_and_path),
		cmocka_unit_test(a_pool_is_found_through_a_link),
		cmocka_unit_test(the_only_pool_is_the_default),
		cmocka_unit_test(a_forgotten_pool_is_gone_and_no_default),
		cmocka_unit_test(a_name_belongs_to_one_path),
		cmocka_unit_test(names_and_paths_are_checked),
		cmocka_unit_test(a_damaged_registry_is_named_and_left_alone),
		cmocka_unit_test(a_newer_registry_is_refused),
		cmocka_unit_test(changes_of_many_processes_at_once_all_count),
		cmocka_unit_test(
			a_change_that_cannot_be_written_leaves_the_old_registry),
		cmocka_unit_test(the_place_follows_the_environment),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
