// SPDX-License-Identifier: BSD-3-Clause
/*
 * disk.c - the virtual disk in one of the machine's NVDIMMs.
 *
 * A child that a guest knows by its address alone has no stamp and is one
 * range (mode raw), so a disk here is one extent.
 */
#include "guest-agent/libos/machine.h"

#define RANGES_MAX	64u		/* memory slots that QEMU gives */

/* A media over the range, mapped. */
static int range_open(struct libos_range range, struct libos_media *ret_media,
		      struct nvm_fault *fault)
{
	int err = pages_map(range.base, range.size_bytes);

	if (err)
		return nvm_fault_set(fault, err, "page table", 0, range.base,
				     0, 0);
	err = libos_media_init(ret_media, range);
	if (err)
		return nvm_fault_set(fault, err, "CPU without clwb or crc32",
				     0, 0, 0, 0);
	return 0;
}

int libos_disk_find(struct vd_area *ret_area, struct vd_geometry *ret_geometry,
		    struct nvm_fault *fault)
{
	struct libos_range range[RANGES_MAX];
	struct libos_media *media;
	struct nvm_media **extent;
	uint32_t count;
	int err = acpi_pmem_find(machine_rsdp(), range, RANGES_MAX, &count);

	if (err)
		return nvm_fault_set(fault, err, "NFIT", 0, machine_rsdp(), 0,
				     0);
	media = memory_take(sizeof(*media), sizeof(void *));
	extent = memory_take(sizeof(*extent), sizeof(void *));
	if (!media || !extent)
		return -NVM_ENOMEM;
	*extent = &media->media;
	*ret_area = (struct vd_area){ extent, 1 };
	for (uint32_t i = 0; i < count; i++) {
		err = range_open(range[i], media, fault);
		if (!err)
			err = vd_probe(ret_area, ret_geometry, NULL, fault);
		if (err != -NVM_EMEDIUM)
			return err;
	}
	return err;
}
