/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exit.h - the exit statuses of all tools.  They are part of the interface:
 * the manual page lists them (man_exit_statuses in man.c), scripts rely on
 * them, and a number never changes its meaning.
 */
#ifndef NVM_CLI_EXIT_H
#define NVM_CLI_EXIT_H

enum exit_status {
	EXIT_OK = 0,
	EXIT_FAILED = 1,	/* input or output, and all that is not below */
	EXIT_USAGE = 2,		/* a bad option or argument */
	EXIT_NOT_FOUND = 3,	/* no such child, VM or pool */
	EXIT_EXISTS = 4,	/* is there already, or would be overwritten */
	EXIT_NO_SPACE = 5,	/* no space, too fragmented, an impossible size */
	EXIT_BUSY = 6,		/* in use by a process, or locked */
	EXIT_DAMAGED = 7,	/* damaged metadata or data; problems remain */
	EXIT_DENIED = 8,	/* permission denied, or read-only */
	EXIT_NOT_POOL = 9,	/* not a pool (nvmpool) or virtual disk (nvmvd),
				   or of a newer format */
	EXIT_UNSUPPORTED = 10,	/* not on this machine, backing or QEMU */
	EXIT_PARTIAL = 11,	/* done, but for damaged data left out on demand */
	EXIT_SIGNAL = 128,	/* plus the signal's number */
};

#endif
