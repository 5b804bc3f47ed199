// SPDX-License-Identifier: BSD-3-Clause
/*
 * page.c - one metadata page: is it what it says it is, and which of its
 * copies counts.
 *
 * Nothing from the media is used before page_valid() has said yes; a page
 * that is valid is whole, was written to this place, and for this pool.
 */
#include "pool/impl.h"

static const uint8_t zero_page[NVM_PAGE];

static uint32_t page_csum(const struct nvm_media *media, const uint8_t *page)
{
	uint32_t crc = media->ops->crc32c(0, page, 8);

	crc = media->ops->crc32c(crc, zero_page, 4);
	return media->ops->crc32c(crc, page + 12, NVM_PAGE - 12);
}

bool page_is_zero(const void *page, size_t len)
{
	const uint8_t *byte = page;

	for (; len > NVM_PAGE; len -= NVM_PAGE, byte += NVM_PAGE)
		if (memcmp(byte, zero_page, NVM_PAGE))
			return false;
	return !memcmp(byte, zero_page, len);
}

bool page_valid(const struct nvm_media *media, const void *page,
		const char *magic, uint64_t index, const uint8_t *uuid)
{
	const struct pool_page *head = page;

	return !memcmp(head->magic, magic, sizeof(head->magic)) &&
	       get_le64(head->index) == index &&
	       (!uuid || !memcmp(head->uuid, uuid, POOL_UUID_LEN)) &&
	       get_le32(head->csum) == page_csum(media, page);
}

void page_seal(const struct nvm_media *media, void *page, const char *magic,
	       uint64_t index, const uint8_t *uuid, uint64_t seq)
{
	struct pool_page *head = page;

	memcpy(head->magic, magic, sizeof(head->magic));
	head->seq = put_le64(seq);
	head->index = put_le64(index);
	memcpy(head->uuid, uuid, POOL_UUID_LEN);
	head->csum = put_le32(page_csum(media, page));
}

void health_damage(struct pool *pool, const char *what, uint64_t index,
		   uint64_t offset)
{
	pool->health.damaged_copies++;
	if (!pool->health.first.what)
		nvm_fault_set(&pool->health.first, 0, what, index, offset, 0,
			      0);
}

/* [off, off + len) with a copy B right behind it: is @target in copy A? */
static bool in_table(uint64_t target, uint64_t off, uint64_t pages)
{
	return target >= off && target - off < pages * NVM_PAGE;
}

bool page_identify(const struct pool *pool, uint64_t target,
		   const char **ret_magic, uint64_t *ret_index)
{
	const struct pool_geometry *g = &pool->geom;

	if (target % NVM_PAGE)
		return false;
	if (in_table(target, g->nat_off, g->nat_pages)) {
		*ret_magic = POOL_MAGIC_NAT;
		*ret_index = (target - g->nat_off) / NVM_PAGE;
		return true;
	}
	if (in_table(target, g->umap_off, g->umap_pages)) {
		*ret_magic = POOL_MAGIC_UMAP;
		*ret_index = (target - g->umap_off) / NVM_PAGE;
		return true;
	}
	if (target >= g->data_off && target % AMT_SLOT_BYTES == 0 &&
	    target - g->data_off < g->unit_count * g->unit_bytes) {
		*ret_magic = POOL_MAGIC_AMT;
		*ret_index = target;
		return true;
	}
	return false;
}

uint64_t page_copy_b(const struct pool *pool, uint64_t target)
{
	const struct pool_geometry *g = &pool->geom;

	if (in_table(target, g->nat_off, g->nat_pages))
		return target + g->nat_pages * NVM_PAGE;
	if (in_table(target, g->umap_off, g->umap_pages))
		return target + g->umap_pages * NVM_PAGE;
	return target + NVM_PAGE;
}

const char *page_what(const char *magic)
{
	if (!memcmp(magic, POOL_MAGIC_NAT, sizeof(POOL_MAGIC_NAT)))
		return "NAT page";
	if (!memcmp(magic, POOL_MAGIC_UMAP, sizeof(POOL_MAGIC_UMAP)))
		return "UMAP page";
	return "AMT";
}

int page_load(struct pool *pool, uint64_t target, void *page,
	      struct nvm_fault *fault)
{
	const char *magic;
	uint64_t index, copy[2];
	bool found = false, newer = false;
	int err;

	if (!page_identify(pool, target, &magic, &index))
		return nvm_fault_set(fault, -NVM_EBADMSG, "page address", 0,
				     target, 0, 0);
	copy[0] = target;
	copy[1] = page_copy_b(pool, target);
	for (unsigned i = 0; i < 2 && !found; i++) {
		err = pool->media->ops->load(pool->media, copy[i], page,
					     NVM_PAGE);
		found = !err && page_valid(pool->media, page, magic, index,
					   pool->geom.uuid);
		if (!found)
			health_damage(pool, page_what(magic), index, copy[i]);
	}
	err = journal_overlay(pool, target, page, found, &newer);
	if (err)
		return err;
	if (!found && !newer)
		return nvm_fault_set(fault, -NVM_EBADMSG, page_what(magic),
				     index, target, 0, 0);
	return 0;
}
