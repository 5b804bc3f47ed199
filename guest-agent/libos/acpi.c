// SPDX-License-Identifier: BSD-3-Clause
/*
 * acpi.c - the ranges of persistent memory, from the root pointer by XSDT or
 * RSDT to the NFIT (ACPI 6.5, 5.2.25).  Tables are verified by their sums and
 * their lengths before anything is taken from them.
 */
#include "base/le.h"
#include "guest-agent/libos/machine.h"

struct acpi_root {
/*00*/	char	signature[8];		/* "RSD PTR " */
/*08*/	uint8_t	sum;			/* of the first 20 bytes */
/*09*/	char	oem[6];
/*0f*/	uint8_t	revision;		/* 2 or more: there is an XSDT */
/*10*/	le32_t	rsdt;
/*14*/	le32_t	length;
/*18*/	le64_t	xsdt;
/*20*/	uint8_t	sum_all;
/*21*/	uint8_t	zero[3];
};
_Static_assert(sizeof(struct acpi_root) == 36, "acpi_root");
#define ACPI_ROOT_FIRST	20u		/* bytes of revision 0 */

struct acpi_table {
/*00*/	char	signature[4];
/*04*/	le32_t	length;			/* with this header */
/*08*/	uint8_t	revision;
/*09*/	uint8_t	sum;
/*0a*/	uint8_t	oem[26];
};
_Static_assert(sizeof(struct acpi_table) == 36, "acpi_table");

/* Of the NFIT, behind its header and four bytes. */
struct nfit_range {
/*00*/	le16_t	type;			/* NFIT_RANGE */
/*02*/	le16_t	length;
/*04*/	le16_t	number;
/*06*/	le16_t	flags;
/*08*/	le32_t	zero;
/*0c*/	le32_t	domain;
/*10*/	uint8_t	guid[16];
/*20*/	le64_t	base;
/*28*/	le64_t	size_bytes;
/*30*/	le64_t	attributes;
};
FIELD_AT(nfit_range, guid, 0x10, 16);
FIELD_AT(nfit_range, size_bytes, 0x28, 8);
_Static_assert(sizeof(struct nfit_range) == 56, "nfit_range");
#define NFIT_FIRST	(sizeof(struct acpi_table) + 4)
#define NFIT_RANGE	0u
#define NFIT_HEAD	4u		/* type and length */

/* 66f0d379-b4f3-4074-ac43-0d3318b78cdb: byte-addressable persistent memory */
static const uint8_t nfit_pmem[16] = {
	0x79, 0xd3, 0xf0, 0x66, 0xf3, 0xb4, 0x74, 0x40,
	0xac, 0x43, 0x0d, 0x33, 0x18, 0xb7, 0x8c, 0xdb
};

static bool sum_right(const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *byte++);
	return !sum;
}

/* A whole table in what start.S has mapped; else NULL. */
static const struct acpi_table *table_at(uint64_t address)
{
	const struct acpi_table *table = at_physical(address);
	uint32_t length;

	if (!address || address > MAPPED_AT_START - sizeof(*table))
		return NULL;
	length = get_le32(table->length);
	if (length < sizeof(*table) || length > MAPPED_AT_START - address ||
	    !sum_right(table, length))
		return NULL;
	return table;
}

static const struct acpi_root *root_at(uint64_t address)
{
	const struct acpi_root *root = at_physical(address);

	if (!address || address > MAPPED_AT_START - sizeof(*root) ||
	    memcmp(root->signature, "RSD PTR ", sizeof(root->signature)) ||
	    !sum_right(root, ACPI_ROOT_FIRST))
		return NULL;
	return root;
}

/* The table of that signature, which XSDT or RSDT lists. */
static int table_find(const struct acpi_root *root, const char *signature,
		      const struct acpi_table **ret_table)
{
	bool wide = root->revision >= 2 && get_le64(root->xsdt);
	const struct acpi_table *list = table_at(wide ? get_le64(root->xsdt) :
						 get_le32(root->rsdt));
	uint32_t step = wide ? 8 : 4;
	const uint8_t *entry = (const uint8_t *)(list + 1);

	if (!list)
		return -NVM_EBADMSG;
	for (uint32_t left = get_le32(list->length) - (uint32_t)sizeof(*list);
	     left >= step; left -= step, entry += step) {
		le64_t address = put_le64(0);
		const struct acpi_table *table;

		memcpy(&address, entry, step);
		table = table_at(get_le64(address));
		if (!table || memcmp(table->signature, signature, 4))
			continue;
		*ret_table = table;
		return 0;
	}
	return -NVM_ENOENT;
}

int acpi_pmem_find(uint64_t rsdp, struct libos_range *range, uint32_t room,
		   uint32_t *ret_count)
{
	const struct acpi_root *root = root_at(rsdp);
	const struct acpi_table *nfit;
	uint32_t count = 0, size, left;
	int err = root ? table_find(root, "NFIT", &nfit) : -NVM_EBADMSG;

	if (err)
		return err;
	size = get_le32(nfit->length);
	for (uint32_t at = NFIT_FIRST; at + NFIT_HEAD <= size; at += left) {
		struct nfit_range entry;

		memcpy(&entry, (const uint8_t *)nfit + at, NFIT_HEAD);
		left = get_le16(entry.length);
		if (left < NFIT_HEAD || left > size - at)
			return -NVM_EBADMSG;
		if (get_le16(entry.type) != NFIT_RANGE || left < sizeof(entry))
			continue;
		memcpy(&entry, (const uint8_t *)nfit + at, sizeof(entry));
		if (memcmp(entry.guid, nfit_pmem, sizeof(nfit_pmem)))
			continue;
		if (count == room)
			return -NVM_ERANGE;
		range[count++] = (struct libos_range){
			get_le64(entry.base), get_le64(entry.size_bytes) };
	}
	*ret_count = count;
	return count ? 0 : -NVM_ENOENT;
}
