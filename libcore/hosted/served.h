/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * served.h - what the server of a virtual disk (guest-agent/) and the command
 * that starts it (cli/) must agree on.
 */
#ifndef NVM_HOSTED_SERVED_H
#define NVM_HOSTED_SERVED_H

/* The plugin: beside the tool where both were built, else in its library. */
#define SERVED_PLUGIN		"nbdkit-nvmvd-plugin.so"
#define SERVED_LIBRARY		"../lib/nvmpool"

/* Its parameter with the number of a socket of ours, where letters go: */
#define SERVED_CONTROL_KEY	"control-fd"

/* to the server; its end means the same; */
#define SERVED_STOP	's'	/* close the disk, clients or not */

/* from the server. */
enum served_report {
	SERVED_READY = 'r',	/* clients can connect */
	SERVED_CLOSED = 'c',	/* the disk was closed cleanly */
	SERVED_UNCLEAN = 'u',	/* it could not be: the next open recovers */
};

#endif
