// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * main.c - the module comes and goes.
 *
 * While a disk is open its file operations hold the module, so it cannot go;
 * when it goes, all disks are closed cleanly and their places given back.
 */
#include <linux/module.h>

#include "nvmvd.h"

#ifndef NVMVD_VERSION
#error "make NVMVD_VERSION=..."
#endif

static char *crc = "auto";
module_param(crc, charp, 0444);
MODULE_PARM_DESC(crc,
		 "checksum by: auto (whichever is faster here), table, instruction");

static bool autoattach = true;
module_param(autoattach, bool, 0444);
MODULE_PARM_DESC(autoattach,
		 "attach disks when all their extents are there (default: y)");

static int __init nvmvd_init(void)
{
	int err = nvmvd_crc_choose(crc);

	if (err)
		return err;
	nvmvd_media_start();
	nvmvd_nd_driver.drv.groups = nvmvd_driver_groups();
	err = nd_driver_register(&nvmvd_nd_driver);
	if (err || !autoattach)
		return err;
	err = nvmvd_watch_start();
	if (err)
		driver_unregister(&nvmvd_nd_driver.drv);
	return err;
}

/* Once detach_last() is done nobody attaches any more. */
static void __exit nvmvd_exit(void)
{
	if (autoattach)
		nvmvd_watch_stop();
	nvmvd_detach_last();
	driver_unregister(&nvmvd_nd_driver.drv);
	nvmvd_reap_flush();
	nvmvd_disks_wait();
}

module_init(nvmvd_init);
module_exit(nvmvd_exit);

MODULE_AUTHOR("nvmpool authors");
MODULE_DESCRIPTION("Virtual disks of nvmpool on byte-addressable memory");
MODULE_VERSION(NVMVD_VERSION);
MODULE_LICENSE("Dual BSD/GPL");
MODULE_ALIAS_ND_DEVICE(ND_DEVICE_NAMESPACE_IO);
MODULE_ALIAS_ND_DEVICE(ND_DEVICE_NAMESPACE_PMEM);
MODULE_ALIAS_ND_DEVICE(ND_DEVICE_DAX_PMEM);
