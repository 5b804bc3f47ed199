// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * watch.c - when a driver of the nd bus has taken something new (at boot, or
 * memory was added while running), a scan a moment later attaches the disks
 * that are now complete.  What this module does to the bus itself is no news.
 */
#include <linux/device.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "nvmvd.h"

#define SETTLE_MS	100

static void scan(struct work_struct *work)
{
	nvmvd_scan();
}

static DECLARE_DELAYED_WORK(scan_work, scan);

static int bus_event(struct notifier_block *block, unsigned long event,
		     void *ctx)
{
	struct device *dev = ctx;

	if (event == BUS_NOTIFY_BOUND_DRIVER &&
	    dev->driver != &nvmvd_nd_driver.drv && !nvmvd_place_ours())
		mod_delayed_work(system_long_wq, &scan_work,
				 msecs_to_jiffies(SETTLE_MS));
	return NOTIFY_DONE;
}

static struct notifier_block bus_block = { .notifier_call = bus_event };

int nvmvd_watch_start(void)
{
	int err = bus_register_notifier(nvmvd_nd_driver.drv.bus, &bus_block);

	if (!err)
		queue_delayed_work(system_long_wq, &scan_work, 0);
	return err;
}

void nvmvd_watch_stop(void)
{
	bus_unregister_notifier(nvmvd_nd_driver.drv.bus, &bus_block);
	cancel_delayed_work_sync(&scan_work);
}
