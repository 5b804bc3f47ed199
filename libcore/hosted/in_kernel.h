/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * in_kernel.h - disks that this kernel's module nvmvd has open.  It takes their
 * devices away while it has them, so that they are missed and not found busy.
 */
#ifndef NVM_HOSTED_IN_KERNEL_H
#define NVM_HOSTED_IN_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

/* Has it the device that used to be @path?  @ret_disk: "/dev/nvmvd0". */
bool in_kernel_has(const char *path, char *ret_disk, size_t disk_len);

/*
 * Is an extent, of these two names (in_kernel.c), what is called @device while
 * it is the kernel's own?  That is @known, if the module knew it when it took it;
 * else the name follows from region and number.
 */
bool in_kernel_is(const char *bus, const char *known, const char *device);

#endif
