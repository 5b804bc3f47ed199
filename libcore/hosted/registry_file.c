/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry_file.c - where the registry of pools is, reading it and writing it:
 *
 *	{ "schema": 1,
 *	  "default": "fast",
 *	  "pools": [ { "name": "fast", "path": "/dev/dax0.0", "uuid": "..." } ] }
 *
 * Crash story: a new file is written, synced and renamed over the old one.  A
 * higher schema than ours is refused.
 */
#include "hosted/registry_private.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool/pool.h"

#define REGISTRY_SCHEMA		1
#define REGISTRY_BYTES_MAX	(16 << 20)

static int registry_dir(char *ret_path, size_t len, struct failure *failure)
{
	const char *dir = getenv("NVMPOOL_STATE_DIR");
	const char *home = getenv("HOME");
	const char *state = getenv("XDG_STATE_HOME");
	int used;

	if (dir && *dir)
		used = snprintf(ret_path, len, "%s", dir);
	else if (!geteuid())
		used = snprintf(ret_path, len, "/var/lib/nvmpool");
	else if (state && *state == '/')
		used = snprintf(ret_path, len, "%s/nvmpool", state);
	else if (home && *home)
		used = snprintf(ret_path, len, "%s/.local/state/nvmpool",
				home);
	else
		return failure_set(failure, -ENOENT,
			"no place for the registry of pools: set "
			"NVMPOOL_STATE_DIR or HOME");
	if (used < 0 || (size_t)used >= len)
		return failure_set(failure, -ENAMETOOLONG,
			"the name of the registry's directory is too long");
	return 0;
}

static int registry_file(const char *name, char *ret_path, size_t len,
			 struct failure *failure)
{
	int err = registry_dir(ret_path, len, failure);
	size_t used;

	if (err)
		return err;
	used = strlen(ret_path);
	if (used + strlen(name) + 2 > len)
		return failure_set(failure, -ENAMETOOLONG,
			"the name of the registry's directory is too long");
	snprintf(ret_path + used, len - used, "/%s", name);
	return 0;
}

int registry_path(char *ret_path, size_t ret_path_len,
		  struct failure *failure)
{
	return registry_file("pools.json", ret_path, ret_path_len, failure);
}

/* ---- reading ------------------------------------------------------------- */

/* A text member; false if it is no text, too long, or missing. */
static bool json_text(struct json_object *object, const char *key, char *text,
		      size_t text_len)
{
	struct json_object *value;
	size_t len;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return false;
	len = (size_t)json_object_get_string_len(value);
	if (len >= text_len || strlen(json_object_get_string(value)) != len)
		return false;
	memcpy(text, json_object_get_string(value), len + 1);
	return true;
}

static bool registry_entry_parse(struct json_object *object,
				 struct registry_entry *entry)
{
	if (!json_object_is_type(object, json_type_object) ||
	    !json_text(object, "name", entry->name, sizeof(entry->name)) ||
	    !json_text(object, "path", entry->path, sizeof(entry->path)))
		return false;
	if (!json_text(object, "uuid", entry->uuid, sizeof(entry->uuid)))
		entry->uuid[0] = '\0';
	return pool_name_valid(entry->name) && entry->path[0] == '/';
}

/* NULL if all is well, else what is wrong. */
static const char *registry_parse(struct json_object *root,
				  struct registry *registry)
{
	struct json_object *pools, *schema;
	size_t count;

	if (!json_object_is_type(root, json_type_object))
		return "it is not a JSON object";
	if (!json_object_object_get_ex(root, "schema", &schema) ||
	    !json_object_is_type(schema, json_type_int))
		return "it has no schema number";
	if (json_object_get_int64(schema) != REGISTRY_SCHEMA)
		return "it was written by a newer nvmpool";
	if (!json_object_object_get_ex(root, "pools", &pools) ||
	    !json_object_is_type(pools, json_type_array))
		return "it has no list of pools";
	count = json_object_array_length(pools);
	registry->entry = calloc(count + 1, sizeof(*registry->entry));
	if (!registry->entry)
		return "there is too little memory";
	for (size_t i = 0; i < count; i++) {
		if (!registry_entry_parse(json_object_array_get_idx(pools, i),
					  &registry->entry[i]))
			return "it lists a pool without a valid name and path";
		registry->count++;
	}
	if (json_object_object_get_ex(root, "default", NULL) &&
	    !json_text(root, "default", registry->default_name,
		       sizeof(registry->default_name)))
		return "its default is not a name";
	return NULL;
}

/* The whole file as text (malloc), or NULL with *ret_err. */
static char *registry_read(const char *path, size_t *ret_len, int *ret_err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	ssize_t got;

	*ret_err = 0;
	if (fd < 0 || fstat(fd, &st))
		*ret_err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > REGISTRY_BYTES_MAX)
		*ret_err = -EBADMSG;
	else if (!(text = malloc((size_t)st.st_size + 1)))
		*ret_err = -ENOMEM;
	if (!*ret_err) {
		got = read(fd, text, (size_t)st.st_size);
		*ret_err = got < 0 ? -errno : 0;
		*ret_len = got < 0 ? 0 : (size_t)got;
		text[*ret_len] = '\0';
	}
	if (fd >= 0)
		close(fd);
	if (*ret_err) {
		free(text);
		text = NULL;
	}
	return text;
}

static int registry_bad(const char *path, const char *why,
			struct failure *failure)
{
	return failure_set(failure, -EBADMSG,
		"the registry of pools '%s' is damaged (%s): mend or remove "
		"it, then register the pools again", path, why);
}

int registry_load(struct registry *ret_registry, struct failure *failure)
{
	struct registry registry = { 0 };
	enum json_tokener_error parse_error;
	struct json_object *root;
	struct json_tokener *tokener;
	char path[PATH_MAX], *text;
	const char *wrong = NULL;
	size_t len = 0;
	int err;

	err = registry_path(path, sizeof(path), failure);
	if (err)
		return err;
	text = registry_read(path, &len, &err);
	if (err == -ENOENT || err == -ENOTDIR) {
		*ret_registry = registry;
		return 0;
	}
	if (err == -EBADMSG)
		return registry_bad(path, "it is not a small file", failure);
	if (err)
		return failure_errno(failure, err,
			"cannot read the registry of pools '%s'", path);
	tokener = json_tokener_new();
	if (!tokener) {
		free(text);
		return failure_errno(failure, -ENOMEM,
			"cannot read the registry of pools '%s'", path);
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tokener, text, (int)len);
	parse_error = json_tokener_get_error(tokener);
	if (parse_error == json_tokener_continue)
		wrong = "it ends too early";
	else if (parse_error != json_tokener_success)
		wrong = json_tokener_error_desc(parse_error);
	else
		wrong = registry_parse(root, &registry);
	if (wrong) {
		registry_free(&registry);
		err = registry_bad(path, wrong, failure);
	} else {
		*ret_registry = registry;
	}
	json_object_put(root);
	json_tokener_free(tokener);
	free(text);
	return err;
}

void registry_free(struct registry *registry)
{
	free(registry->entry);
	*registry = (struct registry){ 0 };
}

/* ---- changing ------------------------------------------------------------ */

static int registry_make_dir(struct failure *failure)
{
	char path[PATH_MAX];
	int err = registry_dir(path, sizeof(path), failure);

	if (err)
		return err;
	for (char *at = path + 1; ; at++) {
		char end = *at;

		if (end != '/' && end)
			continue;
		*at = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return failure_errno(failure, -errno,
				"cannot create '%s' for the registry of pools",
				path);
		*at = end;
		if (!end)
			return 0;
	}
}

int registry_lock(struct failure *failure)
{
	char path[PATH_MAX];
	int fd, err = registry_make_dir(failure);

	if (!err)
		err = registry_file("pools.lock", path, sizeof(path), failure);
	if (err)
		return err;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return failure_errno(failure, -errno, "cannot open '%s'", path);
	while (flock(fd, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		err = failure_errno(failure, -errno, "cannot lock '%s'", path);
		close(fd);
		return err;
	}
	return fd;
}

static struct json_object *registry_json(const struct registry *registry)
{
	struct json_object *root = json_object_new_object();
	struct json_object *pools = json_object_new_array();

	json_object_object_add(root, "schema",
			       json_object_new_int(REGISTRY_SCHEMA));
	if (*registry->default_name)
		json_object_object_add(root, "default",
			json_object_new_string(registry->default_name));
	for (size_t i = 0; i < registry->count; i++) {
		const struct registry_entry *entry = &registry->entry[i];
		struct json_object *item = json_object_new_object();

		json_object_object_add(item, "name",
			json_object_new_string(entry->name));
		json_object_object_add(item, "path",
			json_object_new_string(entry->path));
		if (*entry->uuid)
			json_object_object_add(item, "uuid",
				json_object_new_string(entry->uuid));
		json_object_array_add(pools, item);
	}
	json_object_object_add(root, "pools", pools);
	return root;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t put = write(fd, text, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		text += put;
		len -= (size_t)put;
	}
	return 0;
}

/* New file, synced, renamed over the old one, and the directory synced. */
static int registry_write(const char *path, const char *text)
{
	char temporary[PATH_MAX + 16], dir[PATH_MAX];
	int fd, err;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, strlen(text));
	if (!err)
		err = write_all(fd, "\n", 1);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(temporary, path))
		err = -errno;
	if (err) {
		unlink(temporary);
		return err;
	}
	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	return 0;
}

int registry_store(const struct registry *registry,
			  struct failure *failure)
{
	struct json_object *root;
	char path[PATH_MAX];
	const char *text;
	int err = registry_path(path, sizeof(path), failure);

	if (err)
		return err;
	root = registry_json(registry);
	text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	err = text ? registry_write(path, text) : -ENOMEM;
	json_object_put(root);
	if (err)
		return failure_errno(failure, err,
			"cannot write the registry of pools '%s'", path);
	return 0;
}
