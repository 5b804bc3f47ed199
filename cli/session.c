/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session.c - from "the pool" to an open struct pool, and back (session.h).
 * The order is: path, descriptor, lock, then read; so that what was read
 * stays true until session_close().
 */
#include "cli/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hosted/arena.h"
#include "hosted/backing.h"
#include "hosted/in_use.h"
#include "hosted/registry.h"

/* ---- which pool ------------------------------------------------------------- */

static int pool_ambiguous(struct cli *cli, const struct registry *registry)
{
	char list[1024];
	size_t used = 0;

	if (!registry->count)
		return cli_fail(cli, EXIT_NOT_FOUND,
				"no pool is known: name one with --pool or "
				"NVMPOOL, or make one with 'nvmpool format'");
	for (size_t i = 0; i < registry->count && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used,
					 "%s%s (%s)", i ? ", " : "",
					 registry->entry[i].name,
					 registry->entry[i].path);
	return cli_fail(cli, EXIT_USAGE,
			"several pools are registered: %s; name one with "
			"--pool or NVMPOOL, or choose it for good with "
			"'nvmpool pools default'", list);
}

int session_pool_path(struct cli *cli, char **ret_path)
{
	const char *name = cli->pool ? cli->pool : getenv("NVMPOOL");
	const struct registry_entry *entry = NULL;
	struct registry registry;
	struct failure failure;
	const char *path;
	int err, status = 0;

	/* "--pool $POOL" of a script that has not set it: not just any pool */
	if (cli->pool && !*cli->pool)
		return cli_fail(cli, EXIT_USAGE, "bad pool '' for --pool: it "
				"is empty");
	/* a path needs no registry, so a broken one is no obstacle */
	if (name && strchr(name, '/')) {
		*ret_path = out_must(strdup(name));
		return 0;
	}
	err = registry_load(&registry, &failure);
	if (err)
		return fail_hosted(cli, err, &failure);
	if (name && *name)
		entry = registry_find(&registry, name);
	else
		entry = registry_default(&registry);
	path = entry ? entry->path : name;
	if (!path || !*path)
		status = pool_ambiguous(cli, &registry);
	else if (!entry && access(path, F_OK) != 0)
		status = cli_fail(cli, EXIT_NOT_FOUND,
				  "no pool '%s': neither a registered name nor "
				  "a file; 'nvmpool pools' lists the known ones",
				  path);
	else
		*ret_path = out_must(strdup(path));
	registry_free(&registry);
	return status;
}

/* ---- open and close ------------------------------------------------------- */

struct wait_ctx {
	struct cli *cli;
	const char *path;
	bool told;
};

static bool wait_step(void *ctx, const struct lock_holder *holder,
		      unsigned waited_ms)
{
	struct wait_ctx *w = ctx;

	/* what is over in a moment is not worth a line */
	if (!w->told && waited_ms >= 300) {
		if (holder->pid)
			cli_note(w->cli, "waiting for pid %d (%s) to unlock "
				 "'%s'", (int)holder->pid, holder->command,
				 w->path);
		else
			cli_note(w->cli, "waiting for another process to "
				 "unlock '%s'", w->path);
		w->told = true;
	}
	return !signals_caught();
}

int session_lock(struct cli *cli, struct backing *backing, const char *path,
		 enum lock_kind kind)
{
	struct wait_ctx ctx = { .cli = cli, .path = path };
	uint64_t wait_s = cli->wait_s;
	struct lock_wait wait = {
		.timeout_ms = wait_s > UINT32_MAX / 1000 ? UINT32_MAX :
			      (unsigned)wait_s * 1000u,
		.step = wait_step, .ctx = &ctx,
	};
	struct failure failure;
	int err = lock_pool(backing, kind, &wait, &failure);

	return err ? fail_hosted(cli, err, &failure) : 0;
}

static void health_tell(struct session *s)
{
	const struct pool_health *health = pool_health(s->pool);
	char where[128];

	if (health->damaged_copies) {
		fault_text(&health->first, where, sizeof(where));
		cli_warn(s->cli, "a copy of %s is damaged, used the other%s; "
			 "'nvmpool check --repair' mends it", where,
			 health->damaged_copies > 1 ? " (and more such)" : "");
	}
	if (health->journal_damaged)
		cli_warn(s->cli, "the journal is damaged, the pool can only be "
			 "read; 'nvmpool check --repair' mends it");
	if (health->unfinished)
		cli_note(s->cli, "an interrupted operation is shown as done; "
			 "the next command that changes the pool finishes it");
	if (health->recovered_pages)
		cli_note(s->cli, "finished an operation that was interrupted");
}

static int open_refuse(struct session *s, int err,
		       const struct nvm_fault *fault)
{
	char need[SIZE_TEXT_BYTES], have[SIZE_TEXT_BYTES];

	if (err == -NVM_ERANGE && fault->expected > s->media->size_bytes)
		return cli_fail(s->cli, EXIT_DAMAGED, "cannot open pool '%s': "
				"it is cut short, %s of %s are there", s->path,
				size_text(s->media->size_bytes, have),
				size_text(fault->expected, need));
	return fail_nvm(s->cli, err, fault, "cannot open pool '%s'", s->path);
}

/* Behind the lock: probe, take memory, open. */
static int session_open_core(struct session *s, unsigned flags)
{
	unsigned open_flags = 0;
	struct pool_geometry geometry;
	struct nvm_fault fault = { 0 };
	size_t bytes;
	int err;

	err = pool_probe(s->media, &geometry, &fault);
	if (err)
		return open_refuse(s, err, &fault);
	bytes = pool_memory_bytes(&geometry);
	s->mem = arena_alloc(bytes);
	if (!s->mem)
		return cli_fail(s->cli, EXIT_FAILED, "cannot open pool '%s': "
				"out of memory (%zu bytes)", s->path, bytes);
	if (flags & SESSION_WRITE)
		open_flags |= POOL_OPEN_WRITE;
	if (flags & SESSION_SALVAGE)
		open_flags |= POOL_OPEN_SALVAGE;
	err = pool_open(s->media, open_flags, s->mem, bytes, &s->pool, &fault);
	if (err)
		return open_refuse(s, err, &fault);
	s->geometry = pool_geometry(s->pool);
	if (!(flags & SESSION_QUIET))
		health_tell(s);
	return 0;
}

int session_open(struct cli *cli, unsigned flags, struct session *ret_session)
{
	bool write = flags & SESSION_WRITE;
	struct session s = { .cli = cli };
	struct failure failure;
	int err, status;

	status = session_pool_path(cli, &s.path);
	if (status)
		return status;
	err = backing_open(s.path, !write ? BACKING_READ : cli->dry_run ?
			   BACKING_PRIVATE : BACKING_WRITE, &s.backing,
			   &failure);
	if (err == -ERANGE) {
		status = cli_fail(cli, EXIT_NOT_POOL, "cannot open pool '%s': "
				  "not a pool, shorter than any", s.path);
	} else if (err) {
		status = fail_hosted(cli, err, &failure);
	} else {
		s.media = backing_media(s.backing);
		status = session_lock(cli, s.backing, s.path, write &&
				      !cli->dry_run ? LOCK_EXCLUSIVE :
				      LOCK_SHARED);
	}
	if (!status)
		status = session_open_core(&s, flags);
	if (status)
		session_close(&s);
	else
		*ret_session = s;
	return status;
}

void session_close(struct session *session)
{
	progress_end(&session->progress);
	if (session->backing)
		backing_close(session->backing);
	free(session->mem);
	free(session->path);
	*session = (struct session){ .cli = session->cli };
}

/* ---- what commands need ------------------------------------------------------ */

int session_child(struct session *session, const char *name,
		  struct pool_child *ret_child)
{
	char near[POOL_NAME_MAX + 1] = "";
	struct pool_child child;
	uint32_t cursor = 0;

	if (pool_child_find(session->pool, name, ret_child) == 0)
		return 0;
	while (pool_child_next(session->pool, &cursor, &child)) {
		const char *words[] = { near, child.name, NULL };
		const char *best = opt_suggest(name, words);

		if (best == child.name)
			memcpy(near, child.name, sizeof(near));
	}
	if (*near)
		return cli_fail(session->cli, EXIT_NOT_FOUND,
				"no child '%s' in pool '%s', did you mean "
				"'%s'?", name, session->path, near);
	return cli_fail(session->cli, EXIT_NOT_FOUND,
			"no child '%s' in pool '%s'; 'nvmpool list' lists them",
			name, session->path);
}

int name_refuse(struct cli *cli, const char *name)
{
	if (!*name)
		return cli_fail(cli, EXIT_USAGE, "bad name '': it is empty");
	if (strlen(name) > POOL_NAME_MAX)
		return cli_fail(cli, EXIT_USAGE, "bad name '%.20s...': longer "
				"than %u characters", name, POOL_NAME_MAX);
	return cli_fail(cli, EXIT_USAGE, "bad name '%s': must be letters, "
			"digits, '.', '_' and '-', and begin with a letter or "
			"digit", name);
}

int session_size(struct session *session, const char *text,
		 uint64_t *ret_bytes)
{
	uint64_t unit = session->geometry->unit_bytes, bytes, below;
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES], u[SIZE_TEXT_BYTES];
	enum size_error err = size_parse(text, &bytes);

	if (err)
		return cli_fail(session->cli, EXIT_USAGE, "bad size '%s': %s",
				text, size_strerror(err));
	if (!bytes)
		return cli_fail(session->cli, EXIT_NO_SPACE, "bad size '%s': "
				"the smallest possible is %s", text,
				size_exact(unit, u));
	below = bytes & ~(unit - 1);
	if (below == bytes) {
		*ret_bytes = bytes;
		return 0;
	}
	if (!below || below > UINT64_MAX - unit)
		return cli_fail(session->cli, EXIT_NO_SPACE, "bad size '%s': "
				"not a multiple of the pool's unit %s, nearest "
				"is %s", text, size_exact(unit, u),
				size_exact(below ? below : unit, a));
	return cli_fail(session->cli, EXIT_NO_SPACE, "bad size '%s': not a "
			"multiple of the pool's unit %s, nearest are %s and "
			"%s", text, size_exact(unit, u), size_exact(below, a),
			size_exact(below + unit, b));
}

int session_fail(struct session *session, int err,
		 const struct nvm_fault *fault, const char *fmt, ...)
{
	char what[512], run[SIZE_TEXT_BYTES], free_text[SIZE_TEXT_BYTES];
	struct pool_space space;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	progress_end(&session->progress);
	if (err != -NVM_ENOSPC && err != -NVM_EFRAG)
		return fail_nvm(session->cli, err, fault, "%s", what);
	if (fault && fault->what && !strcmp(fault->what, "NAT"))
		return fail_nvm(session->cli, err, fault, "%s", what);
	pool_space(session->pool, &space);
	size_text(space.free_bytes, free_text);
	size_text(space.largest_run_bytes, run);
	if (err == -NVM_EFRAG)
		return cli_fail(session->cli, EXIT_NO_SPACE,
				"%s: free space is in too many pieces: %s free "
				"in %" PRIu64 " runs, largest %s; 'nvmpool "
				"compact' joins them", what, free_text,
				space.free_runs, run);
	/* without a fault it is not the pool that has refused */
	if (!fault || (fault->what && fault->expected <= space.free_bytes))
		return cli_fail(session->cli, EXIT_NO_SPACE, "%s: no space "
				"left on the file system below the pool", what);
	return cli_fail(session->cli, EXIT_NO_SPACE, "%s: no space in the pool:"
			" %s free, largest run %s", what, free_text, run);
}

const struct pool_progress *session_progress(struct session *session,
					     const char *what)
{
	progress_end(&session->progress);
	progress_begin(&session->progress, what, &session->step);
	return &session->step;
}

int session_not_in_use(struct session *session, const struct pool_child *child,
		       const char *doing)
{
	struct pool_range range[POOL_EXTENTS_MAX];
	struct nvm_fault fault = { 0 };
	struct use_list list;
	struct failure failure;
	char text[256], more[48] = "";
	size_t count;
	int err, status = 0;

	err = pool_child_extents(session->pool, child->slot, range, &count,
				 &fault);
	if (err)
		return session_fail(session, err, &fault, "cannot %s '%s'",
				    doing, child->name);
	err = use_find(session->backing, USE_WANT_MAP | USE_WANT_LEASE, range,
		       count, &list, &failure);
	if (err)
		return fail_hosted(session->cli, err, &failure);
	if (list.count > 1)
		snprintf(more, sizeof(more), " (and %zu more)", list.count - 1);
	if (list.count)
		status = cli_fail(session->cli, EXIT_BUSY,
				  "cannot %s '%s': %s%s", doing, child->name,
				  use_describe(&list.use[0], text,
					       sizeof(text)), more);
	else if (list.unseen)
		cli_warn(session->cli, "no permission to look at %u %s, which "
			 "may use '%s'", list.unseen, list.unseen == 1 ?
			 "process" : "processes", child->name);
	use_list_free(&list);
	return status;
}

int session_clean(struct session *session)
{
	struct nvm_fault fault = { 0 };
	int err;

	if (session->cli->dry_run)
		return 0;
	err = pool_clean(session->pool, session_progress(session, "cleaning"),
			 &fault);
	progress_end(&session->progress);
	if (err == -NVM_EINTR && signals_caught()) {
		cli_note(session->cli, "interrupted while cleaning; what is "
			 "still dirty is cleaned before it is handed out");
		return EXIT_SIGNAL + signals_caught();
	}
	if (err)
		cli_warn(session->cli, "released units could not be cleaned "
			 "(%s); they are cleaned before they are handed out",
			 nvm_strerror(err));
	return 0;
}

int session_not_itself(struct session *session, const char *file, int fd)
{
	const struct backing_info *info = backing_info(session->backing);
	struct stat st;

	if (fd < 0 && (!file || !strcmp(file, "-")))
		fd = STDOUT_FILENO;
	if ((fd < 0 ? stat(file, &st) : fstat(fd, &st)) ||
	    st.st_dev != info->dev || st.st_ino != info->ino)
		return 0;
	return cli_fail(session->cli, EXIT_USAGE, "'%s' is the pool itself",
			file ? file : "standard output");
}

int session_uuid(struct cli *cli, uint8_t ret_uuid[POOL_UUID_LEN])
{
	if (getrandom(ret_uuid, POOL_UUID_LEN, 0) != POOL_UUID_LEN)
		return cli_fail(cli, EXIT_FAILED, "cannot get random bytes "
				"from the kernel: %s", strerror(errno));
	/* a random uuid by RFC 4122: version 4, variant 1 */
	ret_uuid[6] = (uint8_t)((ret_uuid[6] & 0x0f) | 0x40);
	ret_uuid[8] = (uint8_t)((ret_uuid[8] & 0x3f) | 0x80);
	return 0;
}
