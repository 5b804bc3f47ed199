/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_serve.h - what the files of `nvmvd serve` share: vd_serve.c (the command),
 * vd_serve_place.c (where clients find the disk), vd_serve_nbdkit.c (the
 * server's process).
 */
#ifndef NVM_CLI_VD_SERVE_H
#define NVM_CLI_VD_SERVE_H

#include <glib.h>

#include "cli/disk.h"

/* Whom --port is for; others are let in with nbdkit's --ipaddr. */
#define SERVE_ADDRESS	"127.0.0.1"
/* The plugin's end of the control socket, in nbdkit. */
#define SERVE_CONTROL_FD	3

struct serving {
	struct cli *cli;
	const char *target;
	uint64_t size_bytes;
	bool captive;		/* nbdkit's --run: its command has the URI */
	bool tls;		/* clients must encrypt */
	unsigned port;		/* TCP; else */
	char *socket;		/* absolute */
	char *uri;
	char *plugin;
	GPtrArray *words;	/* nbdkit's, ends with NULL */
};

/*
 * Choose the socket (@path, or NULL: one for this target) and see that it can
 * be made there: what a killed server left is removed.  An exit status.
 */
int serve_socket(struct serving *s, const struct disk *disk, const char *path);

/* From socket or port. */
void serve_uri(struct serving *s);

/* Find the plugin; an exit status. */
int serve_plugin(struct serving *s);

/* Serve until told to stop; an exit status. */
int serve_nbdkit(struct serving *s);

#endif
