/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * served.h - a virtual disk that is open for many requests at once: lanes for
 * the threads of whatever exports it, and a thread that levels wear while
 * nobody else does.
 *
 * A request takes a lane, calls the core (vdisk/vdisk.h) with it, and gives it
 * back.  Where there are more threads than lanes they wait for one another.
 */
#ifndef NVM_GUEST_AGENT_SERVED_H
#define NVM_GUEST_AGENT_SERVED_H

#include "guest-agent/target.h"

struct served;

struct served_args {
	struct target_name target;
	bool verify;		/* reads check their data */
	bool level;		/* level wear in the background */
};

/*
 * Find, lock and open it, which recovers what was not closed cleanly.  Makes
 * no thread, so the process may fork() afterwards (and use it in one of both).
 */
int served_open(const struct served_args *args, struct served **ret_served,
		struct failure *failure);

/* After the last fork(): the levelling begins. */
int served_start(struct served *served, struct failure *failure);

/*
 * No request is under way any more.  After a failure the next open recovers;
 * in any case it is over.
 */
int served_close(struct served *served, struct failure *failure);

/*
 * The same while there may be requests: those under way are done with the disk
 * first, and no other begins, ever: they wait for a lane.  So the process is
 * to end, and nothing is freed.
 */
int served_halt(struct served *served, struct failure *failure);

struct vdisk *served_disk(const struct served *served);
uint64_t served_bytes(const struct served *served);
bool served_read_only(const struct served *served);

uint32_t served_lane_take(struct served *served);
void served_lane_drop(struct served *served, uint32_t lane);

/* The caller has changed something: there may be something to level. */
void served_wrote(struct served *served);

#endif
