// SPDX-License-Identifier: BSD-3-Clause
/*
 * boot.c - from the PVH start information to the program: the memory, where
 * the firmware's tables lie, the command line.
 *
 * Memory is what is left of the block of RAM that the image lies in, taken
 * from the bottom up.
 */
#include "guest-agent/libos/machine.h"

#define PVH_MEMORY_RAM	1u

struct pvh_memory {
	uint64_t base, size_bytes;
	uint32_t type;
	uint32_t zero;
};

static struct {
	uint64_t next, end;		/* of what memory_take() may give */
	uint64_t rsdp;
} machine;

extern const uint8_t libos_image_end[];

static void memory_init(const struct pvh_start *start)
{
	const struct pvh_memory *map = at_physical(start->memory_map);
	uint64_t image_end = (uint64_t)(uintptr_t)libos_image_end;

	for (uint32_t i = 0; i < start->memory_map_count; i++) {
		uint64_t end = map[i].base + map[i].size_bytes;

		if (map[i].type != PVH_MEMORY_RAM ||
		    map[i].base > image_end || end <= image_end)
			continue;
		machine.next = image_end;
		machine.end = end < MAPPED_AT_START ? end : MAPPED_AT_START;
	}
}

void *memory_take(size_t bytes, size_t align)
{
	uint64_t at = (machine.next + align - 1) / align * align;
	void *mem = at_physical(at);

	if (at > machine.end || bytes > machine.end - at)
		return NULL;
	machine.next = at + bytes;
	return memset(mem, 0, bytes);
}

uint64_t machine_rsdp(void)
{
	return machine.rsdp;
}

void libos_start(const struct pvh_start *start)
{
	serial_init();
	if (start->magic != PVH_MAGIC || start->version < 1) {
		serial_text("libos: no PVH start information with a memory "
			    "map\n");
		libos_exit(LIBOS_EXIT_NO_START);
	}
	memory_init(start);
	machine.rsdp = start->rsdp;
	libos_exit(libos_main(start->command_line ?
			      at_physical(start->command_line) : ""));
}
