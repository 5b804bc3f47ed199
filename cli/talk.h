/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * talk.h - what goes to standard error: failures, warnings, notes, questions,
 * progress; and whether a signal has asked us to stop.
 *
 * Messages are lower case, without full stop, and say what, where and what to
 * do: "cannot open 'x': permission denied".  The tool's name is put before.
 * Control characters in them are shown as '?'.
 */
#ifndef NVM_CLI_TALK_H
#define NVM_CLI_TALK_H

#include "base/error.h"
#include "cli/opt.h"
#include "hosted/failure.h"
#include "pool/pool.h"

/* Report a failure; returns @status, so that one can `return cli_fail(...)`. */
int cli_fail(struct cli *cli, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "nvmpool: warning: ...", also in the envelope. */
void cli_warn(struct cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* What a person may want to know; not in the envelope. */
void cli_note(struct cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Ask "<question?> [y/N]".  0: go on (answered yes, or --yes, or --dry-run);
 * else the exit status to return, told already: without a terminal and
 * without --yes that is EXIT_USAGE.
 */
int cli_ask(struct cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The exit status that belongs to a negative enum nvm_err. */
int fail_status(int err);

/*
 * Report a failure of the core: "<fmt>: <err and fault in words>".  Handles
 * every enum nvm_err; returns the exit status.  @fault may be NULL.
 */
int fail_nvm(struct cli *cli, int err, const struct nvm_fault *fault,
	     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Report what the hosted layer has put into words; the exit status. */
int fail_hosted(struct cli *cli, int err, const struct failure *failure);

/* "NAT page 3 at byte 0x41000" and the like, into @buf. */
void fault_text(const struct nvm_fault *fault, char *buf, size_t buf_bytes);

/* ---- signals and progress -------------------------------------------------- */

/* SIGINT, SIGTERM, SIGHUP set a flag from now on; SIGPIPE is ignored. */
void signals_catch(void);
/* The signal that wants us to stop, or 0. */
int signals_caught(void);

/*
 * A bar on standard error where that is a terminal.  progress_begin() fills
 * @ret_step for the core; it stops the work when a signal was caught.
 */
struct progress {
	const char *what;		/* "cleaning" */
	bool shown;
	bool drawn;
	uint64_t began_ms, drawn_ms;
};
void progress_begin(struct progress *progress, const char *what,
		    struct pool_progress *ret_step);
void progress_end(struct progress *progress);

#endif
