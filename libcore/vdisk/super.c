// SPDX-License-Identifier: BSD-3-Clause
/*
 * super.c - reading and writing the super blocks and segment headers.
 *
 * Crash story: copies are stored one by one, with a barrier after each, those
 * that are not valid first.  So whatever power losses tear, in this writing and
 * in those of recoveries that follow, one copy is whole at any time; and as
 * long as not all three say CLEAN in the same words the disk counts as not
 * closed.
 */
#include "vdisk/impl.h"

/* CRC32C of a page, its own 4-byte field at @csum_off taken as 0. */
uint32_t page_csum(const struct nvm_media *media, const void *page,
		   size_t csum_off, uint32_t seed)
{
	static const uint8_t zero[4];
	const uint8_t *bytes = page;
	uint32_t crc = media->ops->crc32c(seed, bytes, csum_off);

	crc = media->ops->crc32c(crc, zero, 4);
	return media->ops->crc32c(crc, bytes + csum_off + 4,
				  NVM_PAGE - csum_off - 4);
}

int area_barrier(const struct vd_area *area)
{
	for (uint32_t e = 0; e < area->extent_count; e++) {
		int err = media_barrier(area->extent[e]);

		if (err)
			return err;
	}
	return 0;
}

/* Where copy @copy lies; false if the area has no such place. */
bool super_place(const struct vd_area *area, const struct vd_layout *layout,
		 uint32_t copy, struct nvm_media **ret_media, uint64_t *ret_off)
{
	uint32_t extent = copy == 2 ? layout->extent_count - 1 : 0;

	if (extent >= area->extent_count)
		return false;
	*ret_media = area->extent[extent];
	*ret_off = copy == 2 ? layout->extent_bytes[extent] - NVM_PAGE
			     : copy * NVM_PAGE;
	return media_contains(*ret_media, *ret_off, NVM_PAGE);
}

/* One wrong bit of a page is put right. */
static bool page_correct(const struct nvm_media *media, uint8_t *page,
			 size_t csum_off, uint32_t seed)
{
	le32_t stored;
	uint32_t delta;
	int32_t bit;

	memcpy(&stored, page + csum_off, 4);
	delta = get_le32(stored) ^ page_csum(media, page, csum_off, seed);
	if (!delta)
		return true;
	/* A bit of the checksum field itself: */
	if (!(delta & (delta - 1))) {
		stored = put_le32(get_le32(stored) ^ delta);
		memcpy(page + csum_off, &stored, 4);
		return true;
	}
	bit = crc_find_bit(delta, NVM_PAGE);
	if (bit < 0 || (bit / 8 >= (int32_t)csum_off &&
			bit / 8 < (int32_t)csum_off + 4))
		return false;
	page[bit / 8] ^= (uint8_t)(1u << bit % 8);
	return true;
}

int super_read_copy(struct nvm_media *media, uint64_t off,
		    union vd_page *page, struct vd_layout *ret_layout,
		    struct nvm_fault *fault)
{
	const struct vd_sb *sb = &page->sb;
	size_t csum_off = offsetof(struct vd_sb, csum);
	int err;

	if (!media_contains(media, off, NVM_PAGE))
		return -NVM_EMEDIUM;
	err = media->ops->load(media, off, page, sizeof(*page));
	if (err)
		return nvm_fault_set(fault, err, "super block", 0, off, 0, 0);
	if (memcmp(sb->magic, VD_MAGIC_SB, sizeof(sb->magic)))
		return nvm_fault_set(fault, -NVM_EMEDIUM, "super block", 0,
				     off, 0, 0);
	if (!page_correct(media, page->bytes, csum_off, 0))
		return nvm_fault_set(fault, -NVM_EBADMSG, "super block", 0,
				     off, get_le32(sb->csum),
				     page_csum(media, sb, csum_off, 0));
	return layout_decode(sb, ret_layout, fault);
}

/* What a copy's bytes say, before anything is put right. */
static bool copy_load(struct nvm_media *media, uint64_t off,
		      struct vd_sb *ret_sb)
{
	return !media->ops->load(media, off, ret_sb, sizeof(*ret_sb)) &&
	       get_le32(ret_sb->csum) ==
	       page_csum(media, ret_sb, offsetof(struct vd_sb, csum), 0);
}

/*
 * Are the copies whole, and the same?  @layout is what the newest says.
 */
static void supers_compare(const struct vd_area *area, struct vd_work *work,
			   const struct vd_layout *layout,
			   struct vd_supers *ret_supers)
{
	struct vd_sb *first = &work->first, *other = &work->page.sb;
	bool any = false;

	*ret_supers = (struct vd_supers){ .all_equal = true };
	for (uint32_t c = 0; c < VD_SB_COPIES; c++) {
		struct vd_sb *sb = any ? other : first;
		struct nvm_media *media;
		uint64_t off;

		ret_supers->damaged[c] = true;
		if (!super_place(area, layout, c, &media, &off)) {
			ret_supers->all_equal = false;
			continue;
		}
		ret_supers->off_bytes[c] = off;
		if (!copy_load(media, off, sb) ||
		    memcmp(sb->uuid, layout->uuid, VD_UUID_LEN) ||
		    get_le64(sb->generation) != layout->generation) {
			ret_supers->all_equal = false;
			continue;
		}
		ret_supers->damaged[c] = false;
		if (any && memcmp(first, other, sizeof(*first)))
			ret_supers->all_equal = false;
		any = true;
	}
}

/* Does the first segment's header say that it is of this disk? */
static bool super_owns(const struct vd_area *area, union vd_page *page,
		       const struct vd_layout *layout)
{
	const struct vd_segment *first = &layout->segment[0];
	uint32_t extent;

	return first->extent < area->extent_count &&
	       !segment_head_read(area->extent[first->extent], first->head_off,
				  page, layout->uuid, &extent);
}

/*
 * Does @other count more?  The newer copy does; but one of them may be another
 * disk's that was stored here by mistake.
 */
static bool super_counts(const struct vd_area *area, union vd_page *page,
			 const struct vd_layout *other,
			 const struct vd_layout *layout)
{
	bool owns;

	if (memcmp(other->uuid, layout->uuid, VD_UUID_LEN)) {
		owns = super_owns(area, page, other);
		if (owns != super_owns(area, page, layout))
			return owns;
	}
	return other->generation > layout->generation;
}

/*
 * The newest valid copy.  Copies 0 and 1 are at fixed places; the third is
 * where they say that the area ends or, when both are lost, at the end of the
 * last extent given.
 */
int super_read(const struct vd_area *area, struct vd_work *work,
	       struct vd_layout *ret_layout, struct vd_supers *ret_supers,
	       struct nvm_fault *fault)
{
	static const int worse[] = { NVM_EPROTO, NVM_EBADMSG, NVM_EIO,
				     NVM_EMEDIUM };
	struct nvm_media *first = area->extent[0];
	struct nvm_media *last = area->extent[area->extent_count - 1];
	uint64_t end = last->size_bytes & ~(uint64_t)(NVM_PAGE - 1);
	struct vd_layout *other = &work->other;
	union vd_page *page = &work->page;
	struct nvm_fault faults[VD_SB_COPIES] = { { 0 } };
	int err[VD_SB_COPIES];

	err[0] = super_read_copy(first, 0, page, ret_layout, &faults[0]);
	err[1] = super_read_copy(first, NVM_PAGE, page, other, &faults[1]);
	if (!err[1] && (err[0] ||
			super_counts(area, page, other, ret_layout)))
		*ret_layout = *other;
	err[2] = -NVM_EMEDIUM;
	if (!err[0] || !err[1]) {
		struct nvm_media *media;
		uint64_t off;

		if (super_place(area, ret_layout, 2, &media, &off))
			err[2] = super_read_copy(media, off, page, other,
						 &faults[2]);
	} else if (end >= NVM_PAGE) {
		err[2] = super_read_copy(last, end - NVM_PAGE, page, other,
					 &faults[2]);
	}
	/* A third copy of another disk is no copy of this one. */
	if (!err[2] && (err[0] && err[1] ? true :
			!memcmp(other->uuid, ret_layout->uuid, VD_UUID_LEN) &&
			other->generation > ret_layout->generation))
		*ret_layout = *other;
	for (uint32_t i = 0; err[0] && err[1] && err[2] && i < 4; i++)
		for (uint32_t c = 0; c < VD_SB_COPIES; c++)
			if (err[c] == -worse[i]) {
				if (fault)
					*fault = faults[c];
				return err[c];
			}
	if (err[0] && err[1] && err[2])
		return err[0];
	supers_compare(area, work, ret_layout, ret_supers);
	return 0;
}

static int copy_write(const struct vd_area *area,
		      const struct vd_layout *layout, uint32_t copy,
		      const struct vd_sb *sb)
{
	struct nvm_media *media;
	uint64_t off;

	if (!super_place(area, layout, copy, &media, &off))
		return -NVM_ERANGE;
	return media->ops->store(media, off, sb, sizeof(*sb));
}

/* Is there a copy of any disk at the place of this one? */
static bool copy_is_valid(const struct vd_area *area, struct vd_work *work,
			  const struct vd_layout *layout, uint32_t copy)
{
	struct nvm_media *media;
	uint64_t off;

	return super_place(area, layout, copy, &media, &off) &&
	       !super_read_copy(media, off, &work->page, &work->other, NULL);
}

/* One generation further, in @layout too. */
int super_write(const struct vd_area *area, struct vd_work *work,
		struct vd_layout *layout, enum vd_sb_state state)
{
	bool valid[VD_SB_COPIES];
	struct vd_sb *sb = &work->first;
	int err = 0;

	for (uint32_t c = 0; c < VD_SB_COPIES; c++)
		valid[c] = copy_is_valid(area, work, layout, c);
	layout->generation++;
	layout->state = state;
	layout_encode(layout, sb);
	sb->csum = put_le32(page_csum(area->extent[0], sb,
				      offsetof(struct vd_sb, csum), 0));
	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint32_t c = 0; c < VD_SB_COPIES && !err; c++) {
			if (valid[c] != (pass == 1))
				continue;
			err = copy_write(area, layout, c, sb);
			if (!err)
				err = area_barrier(area);
		}
	}
	return err;
}

/* ---- segment headers ------------------------------------------------------------ */

/* Which extent of disk @uuid begins a segment at @off? */
int segment_head_read(struct nvm_media *media, uint64_t off,
		      union vd_page *page, const uint8_t *uuid,
		      uint32_t *ret_extent)
{
	const struct vd_segment_head *head = &page->head;
	size_t csum_off = offsetof(struct vd_segment_head, csum);

	if (!media_contains(media, off, NVM_PAGE) ||
	    media->ops->load(media, off, page, sizeof(*page)))
		return -NVM_EIO;
	if (memcmp(head->magic, VD_MAGIC_SEGMENT, sizeof(head->magic)) ||
	    !page_correct(media, page->bytes, csum_off, 0) ||
	    memcmp(head->uuid, uuid, VD_UUID_LEN))
		return -NVM_EMEDIUM;
	*ret_extent = get_le32(head->extent);
	return 0;
}

/* Without any wrong bit that reading it would put right. */
bool segment_head_whole(struct nvm_media *media, uint64_t off,
			union vd_page *page)
{
	size_t csum_off = offsetof(struct vd_segment_head, csum);

	return !media->ops->load(media, off, page, sizeof(*page)) &&
	       get_le32(page->head.csum) == page_csum(media, page, csum_off, 0);
}
