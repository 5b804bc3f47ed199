// SPDX-License-Identifier: BSD-3-Clause
/*
 * stamp.c - the info block that makes a guest's stock kernel bring an extent
 * up as devdax or fsdax at first boot.
 *
 * The layout is the kernel's (Linux drivers/nvdimm/pfn.h, struct nd_pfn_sb,
 * version 1.4); every field is pinned here.  parent_uuid stays zero: a
 * namespace without labels has none.  The checksum is the kernel's
 * nd_fletcher64() over the page with the checksum field zero.
 */
#include "pool/impl.h"

#define SIG_DEVDAX	"NVDIMM_DAX_INFO"
#define SIG_FSDAX	"NVDIMM_PFN_INFO"
#define PFN_MODE_RAM	1u
#define KERNEL_PAGE	4096u
#define STRUCT_PAGE	64u

struct stamp {
/*000*/	char	signature[16];
/*010*/	uint8_t	uuid[16];
/*020*/	uint8_t	parent_uuid[16];
/*030*/	le32_t	flags;
/*034*/	le16_t	version_major;
/*036*/	le16_t	version_minor;
/*038*/	le64_t	dataoff;	/* from the start of the namespace */
/*040*/	le64_t	npfns;
/*048*/	le32_t	mode;
/*04c*/	le32_t	start_pad;
/*050*/	le32_t	end_trunc;
/*054*/	le32_t	align;
/*058*/	le32_t	page_size;
/*05c*/	le16_t	page_struct_size;
/*05e*/	uint8_t	padding[0xf9a];
/*ff8*/	le64_t	checksum;
};
FIELD_AT(stamp, uuid, 0x010, 16);
FIELD_AT(stamp, dataoff, 0x038, 8);
FIELD_AT(stamp, align, 0x054, 4);
FIELD_AT(stamp, page_struct_size, 0x05c, 2);
FIELD_AT(stamp, checksum, 0xff8, 8);
_Static_assert(sizeof(struct stamp) == NVM_PAGE, "stamp");

static uint64_t fletcher64(const uint8_t *page)
{
	uint32_t low = 0;
	uint64_t high = 0;

	for (size_t i = 0; i < NVM_PAGE; i += 4) {
		le32_t word;

		memcpy(&word, page + i, sizeof(word));
		low += get_le32(word);
		high += low;
	}
	return high << 32 | low;
}

void stamp_build(uint8_t *page, enum pool_mode mode, const uint8_t *child_uuid,
		 uint32_t extent, uint32_t extent_count, uint64_t size_bytes)
{
	struct stamp *s = (struct stamp *)page;

	memset(s, 0, sizeof(*s));
	memcpy(s->signature, mode == POOL_MODE_DEVDAX ? SIG_DEVDAX : SIG_FSDAX,
	       sizeof(s->signature));
	memcpy(s->uuid, child_uuid, POOL_UUID_LEN);
	s->uuid[14] = (uint8_t)extent;
	s->uuid[15] = (uint8_t)extent_count;
	s->version_major = put_le16(1);
	s->version_minor = put_le16(4);
	s->dataoff = put_le64(STAMP_DATA_OFF);
	s->npfns = put_le64((size_bytes - STAMP_DATA_OFF) / KERNEL_PAGE);
	s->mode = put_le32(PFN_MODE_RAM);
	s->align = put_le32((uint32_t)VM_ALIGN);
	s->page_size = put_le32(KERNEL_PAGE);
	s->page_struct_size = put_le16(STRUCT_PAGE);
	s->checksum = put_le64(fletcher64(page));
}

bool stamp_is_ours(const uint8_t *page, enum pool_mode mode,
		   const uint8_t *child_uuid)
{
	struct stamp s;
	uint64_t checksum;

	memcpy(&s, page, sizeof(s));
	checksum = get_le64(s.checksum);
	s.checksum = put_le64(0);
	return !memcmp(s.signature, mode == POOL_MODE_DEVDAX ? SIG_DEVDAX :
							       SIG_FSDAX,
		       sizeof(s.signature)) &&
	       !memcmp(s.uuid, child_uuid, 14) &&
	       checksum == fletcher64((const uint8_t *)&s);
}
