/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session.h - a command's hold on a pool: which pool, its backing, the lock,
 * the memory, the open core.  Everything that fails here has been told on
 * standard error; the functions return the exit status.
 *
 * Which pool: --pool, else $NVMPOOL, else the default or only registered one.
 * A pool is named by a path or by the name it is registered under.
 */
#ifndef NVM_CLI_SESSION_H
#define NVM_CLI_SESSION_H

#include "cli/opt.h"
#include "cli/out.h"
#include "cli/size.h"
#include "cli/talk.h"
#include "hosted/lock.h"
#include "pool/pool.h"

struct session {
	struct cli *cli;
	struct backing *backing;
	struct nvm_media *media;
	struct pool *pool;
	const struct pool_geometry *geometry;
	char *path;			/* of the target, as messages show it */
	void *mem;
	struct progress progress;
	struct pool_progress step;
};

#define SESSION_READ	0x0u	/* shared lock */
#define SESSION_WRITE	0x1u	/* exclusive lock; --dry-run: private copy */
#define SESSION_SALVAGE	0x2u	/* POOL_OPEN_SALVAGE, for check */
#define SESSION_QUIET	0x4u	/* no warnings about the pool's health */

int session_open(struct cli *cli, unsigned flags, struct session *ret_session);
void session_close(struct session *session);

/* lock_pool() with --wait, telling whom it waits for.  An exit status. */
int session_lock(struct cli *cli, struct backing *backing, const char *path,
		 enum lock_kind kind);

/* The path of the pool that the command means; to be freed. */
int session_pool_path(struct cli *cli, char **ret_path);

/* Find a child by name; unknown ones are told, with the nearest name. */
int session_child(struct session *session, const char *name,
		  struct pool_child *ret_child);

/* Tell what is wrong with the name of a child or VM; EXIT_USAGE. */
int name_refuse(struct cli *cli, const char *name);

/*
 * Parse and check a size argument: a multiple of the unit, not 0; else the
 * nearest possible sizes are told.
 */
int session_size(struct session *session, const char *text,
		 uint64_t *ret_bytes);

/* fail_nvm() with what the pool knows: free space, runs, units. */
int session_fail(struct session *session, int err,
		 const struct nvm_fault *fault, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A progress to hand to the core; ends at the next one or at the close. */
const struct pool_progress *session_progress(struct session *session,
					     const char *what);

/*
 * EXIT_BUSY, told with pid, command and range, where a process maps the
 * child's bytes or holds a lease on them; 0 where nobody does.  @doing: the
 * refused operation, "release".
 */
int session_not_in_use(struct session *session, const struct pool_child *child,
		       const char *doing);

/*
 * Make released units clean, with progress.  Failing is a warning only: what
 * stays dirty is cleaned before it is handed out.  Returns 0, or 128 + signal.
 */
int session_clean(struct session *session);

/*
 * EXIT_USAGE, told, where an image would be read from or written to the pool's
 * own file: @fd, or @file without one (NULL, "-": standard output).
 */
int session_not_itself(struct session *session, const char *file, int fd);

/* 16 random bytes of the kernel's; 0 or an exit status. */
int session_uuid(struct cli *cli, uint8_t ret_uuid[POOL_UUID_LEN]);

#endif
