/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verdict.c - what survives what (verdict.h).
 *
 *                        host's power is lost, and the guest ...
 *   backing              on nvdimm           on virtio-pmem
 *   -----------------------------------------------------------------
 *   devdax, DAX file     flushed is kept     (file:) flushed is kept
 *   file, /dev/pmemN     nothing is sure     flushed is kept (fsync)
 *   tmpfs, volatile      nothing             nothing
 *
 * A crash of the guest or a kill of the VMM loses nothing on any backing: the
 * bytes are in the device or the host's page cache, which outlive both.
 */
#include "qemu-glue/verdict.h"

static struct verdict host_loss_direct(const struct backing_info *info)
{
	if (!info->has_namespace)
		return (struct verdict){ SURVIVES_FLUSHED,
			"the guest's clwb and sfence reach the media" };
	switch (info->ns.domain) {
	case DOMAIN_CACHE:
		return (struct verdict){ SURVIVES_FLUSHED, "the platform "
			"saves its caches (eADR): sfence is enough" };
	case DOMAIN_MEMORY:
		return (struct verdict){ SURVIVES_FLUSHED, "the platform "
			"saves the memory controller: clwb and sfence do" };
	case DOMAIN_NONE:
		return (struct verdict){ SURVIVES_NOTHING, "the host's own "
			"device needs a flush that devdax cannot ask for" };
	case DOMAIN_UNKNOWN:
		break;
	}
	return (struct verdict){ SURVIVES_UNKNOWN, "the platform does not "
		"tell how far it carries a store: ask its maker" };
}

static struct verdict host_loss(const struct backing_info *info,
				enum trial_result fsync_works,
				enum pool_device device)
{
	bool direct = info->kind == BACKING_DEVDAX || info->map_sync;

	if (info->durable == BACKING_DURABLE_NEVER)
		return (struct verdict){ SURVIVES_NOTHING, info->tmpfs ?
			"the file system lives in memory" :
			"the memory below does not keep its bytes" };
	if (device == POOL_DEVICE_NVDIMM && direct)
		return host_loss_direct(info);
	if (device == POOL_DEVICE_NVDIMM)
		return (struct verdict){ SURVIVES_NOTHING,
			"the guest's flushes end in the host's page cache; "
			"what the host has not written by itself is lost" };
	switch (fsync_works) {
	case TRIAL_YES:
		return (struct verdict){ SURVIVES_FLUSHED,
			"the guest's flush is the host's fsync" };
	case TRIAL_NO:
		return (struct verdict){ SURVIVES_NOTHING,
			"the guest's flush is the host's fsync, which does "
			"not work here" };
	case TRIAL_UNTRIED:
		break;
	}
	return (struct verdict){ SURVIVES_UNKNOWN, "the guest's flush is the "
		"host's fsync, which could not be tried" };
}

struct verdict verdict_of(enum verdict_event event,
			  const struct backing_info *info,
			  enum trial_result fsync_works,
			  enum pool_device device, bool read_only)
{
	struct verdict loss;

	switch (event) {
	case EVENT_GUEST_CRASH:
		return (struct verdict){ SURVIVES_ALL,
			"the bytes are the pool's, not the guest's" };
	case EVENT_VMM_KILL:
		return (struct verdict){ SURVIVES_ALL,
			info->map_sync || info->kind == BACKING_DEVDAX ?
			"stores are on the device, which outlives the VMM" :
			"stores are in the host's page cache, which outlives "
			"the VMM" };
	case EVENT_HOST_LOSS:
	case EVENT_COUNT:
		break;
	}
	loss = host_loss(info, fsync_works, device);
	if (read_only && loss.survives != SURVIVES_UNKNOWN &&
	    info->durable != BACKING_DURABLE_NEVER)
		return (struct verdict){ SURVIVES_ALL,
			"the guest cannot write: nothing to lose" };
	return loss;
}

const char *verdict_event_name(enum verdict_event event)
{
	static const char *const names[] = {
		"crash of the guest", "kill of the VMM",
		"host power loss or crash",
	};

	return names[event];
}

const char *verdict_event_key(enum verdict_event event)
{
	static const char *const keys[] = {
		"guest_crash", "vmm_kill", "host_power_loss",
	};

	return keys[event];
}

const char *verdict_survives_name(enum verdict_survives survives)
{
	static const char *const names[] = {
		"everything", "what was flushed", "not known", "nothing sure",
	};

	return names[survives];
}
