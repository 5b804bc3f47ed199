/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verdict.h - from what a backing gives and the device a guest is given to
 * what survives what, with the reason, in words.
 */
#ifndef NVM_GLUE_VERDICT_H
#define NVM_GLUE_VERDICT_H

#include "qemu-glue/trial.h"
#include "qemu-glue/vm.h"

enum verdict_event {
	EVENT_GUEST_CRASH,
	EVENT_VMM_KILL,
	EVENT_HOST_LOSS,	/* power, or a crash of the host's kernel */
	EVENT_COUNT,
};

enum verdict_survives {
	SURVIVES_ALL,		/* every store of the guest */
	SURVIVES_FLUSHED,	/* what the guest has flushed */
	SURVIVES_UNKNOWN,	/* the machine does not say */
	SURVIVES_NOTHING,	/* nothing can be relied upon */
};

struct verdict {
	enum verdict_survives survives;
	const char *why;
};

/* @device is not AUTO.  @trial tells what fsync is worth. */
struct verdict verdict_of(enum verdict_event event,
			  const struct backing_info *info,
			  enum trial_result fsync_works,
			  enum pool_device device, bool read_only);

const char *verdict_event_name(enum verdict_event event);
const char *verdict_event_key(enum verdict_event event);
const char *verdict_survives_name(enum verdict_survives survives);

#endif
