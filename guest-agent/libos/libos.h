/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libos.h - a guest without an operating system: what lies between QEMU's PVH
 * entry and a program that works on a virtual disk in the VM's NVDIMMs.
 *
 * A program supplies libos_main(); everything else is here and in libcore,
 * which runs unchanged.  One processor, interrupts off, no paging out: the
 * first 4 GiB and each range of persistent memory are mapped one to one, so an
 * address is a physical one.  What is taken from memory is never given back.
 *
 * Durability: the range is of the BUS class, as the NVDIMM tells its guest.
 * Over a plain file that is true of a crash of the guest or of QEMU, not of the
 * host.
 */
#ifndef NVM_LIBOS_H
#define NVM_LIBOS_H

#include "base/media.h"
#include "vdisk/vdisk.h"

/* What the program returns becomes QEMU's exit status, (status << 1) | 1. */
int libos_main(const char *command_line);

/* ---- the machine (boot.c, pages.c, acpi.c) ------------------------------------ */

/* As QEMU hands it over: struct hvm_start_info of the PVH boot protocol. */
struct pvh_start {
	uint32_t magic;			/* PVH_MAGIC */
	uint32_t version;		/* 1 or more: there is a memory map */
	uint32_t flags;
	uint32_t module_count;
	uint64_t modules;
	uint64_t command_line;
	uint64_t rsdp;
	uint64_t memory_map;
	uint32_t memory_map_count;
	uint32_t zero;
};
#define PVH_MAGIC	0x336ec578u
_Static_assert(sizeof(struct pvh_start) == 56, "pvh_start");

struct libos_range {
	uint64_t base, size_bytes;
};

/* From start.S; does not come back. */
void libos_start(const struct pvh_start *start);

/* Zeroed memory for good; @align is a power of two.  NULL: there is no more. */
void *memory_take(size_t bytes, size_t align);

/*
 * Map [base, base + size) one to one, in pages of 2 MiB.  -NVM_ENOMEM: no
 * memory for tables; -NVM_ERANGE: beyond what four levels of tables reach.
 */
int pages_map(uint64_t base, uint64_t size_bytes);

/*
 * The ranges of persistent memory that the firmware's NFIT lists, in its order.
 * -NVM_ENOENT: no NFIT; -NVM_EBADMSG: a table is damaged; -NVM_ERANGE: more
 * than @room ranges.
 */
int acpi_pmem_find(uint64_t rsdp, struct libos_range *range, uint32_t room,
		   uint32_t *ret_count);

/* ---- persistent memory (media.c, disk.c) ---------------------------------------- */

struct libos_media {
	struct nvm_media media;		/* first: the core's view */
	uint8_t *bytes;
};

/* -NVM_EINVAL: the CPU lacks an instruction that is needed. */
int libos_media_init(struct libos_media *media, struct libos_range range);

/*
 * The first range of persistent memory that has a disk, as its area.
 * -NVM_EMEDIUM: none has; errors of acpi_pmem_find(), pages_map(),
 * libos_media_init() and vd_probe().
 */
int libos_disk_find(struct vd_area *ret_area, struct vd_geometry *ret_geometry,
		    struct nvm_fault *fault);

/* ---- talking (serial.c) ------------------------------------------------------------ */

void serial_init(void);
void serial_text(const char *text);
void serial_number(uint64_t number);

/* End QEMU with (status << 1) | 1; without isa-debug-exit, stand still. */
void libos_exit(int status) __attribute__((noreturn));

#endif
