// SPDX-License-Identifier: BSD-3-Clause
/*
 * layout.c - how an area is divided into segments, and the bytes of the SB.
 *
 * layout_decode() is the gate for untrusted bytes: what passes it can be used
 * for arithmetic and addressing without another thought.  Segments lie in
 * order, inside their extents, and do not overlap each other or the SBs.
 */
#include "vdisk/impl.h"

#define PAGES(bytes)	(((bytes) + NVM_PAGE - 1) / NVM_PAGE)

static uint64_t pages_for(uint64_t blocks, uint64_t a_page)
{
	return (blocks + a_page - 1) / a_page;
}

/* Of a segment's tables, header included. */
static uint64_t table_pages(uint64_t blocks)
{
	return 1 + pages_for(blocks, VD_MAP_WORDS_A_PAGE) +
	       pages_for(blocks, VD_STATES_A_PAGE) +
	       PAGES(blocks * VD_RECORD_LINE);
}

/* The most blocks for which there is room in so many pages. */
static uint32_t blocks_in(uint64_t pages)
{
	uint64_t blocks = pages;

	if (!pages)
		return 0;
	while (blocks && table_pages(blocks) + blocks > pages) {
		uint64_t over = table_pages(blocks) + blocks - pages;

		blocks -= over > 64 && over / 2 < blocks ? over / 2 : 1;
	}
	/* The steps of over / 2 never go below the answer. */
	return blocks >= VD_NONE ? VD_NONE - 1 : (uint32_t)blocks;
}

uint64_t segment_map_off(const struct vd_segment *segment)
{
	return segment->head_off + NVM_PAGE;
}

uint64_t segment_states_off(const struct vd_segment *segment)
{
	return segment_map_off(segment) + NVM_PAGE *
	       pages_for(segment->table_count, VD_MAP_WORDS_A_PAGE);
}

/* Work out places from head_off and table_count. */
void segment_places(struct vd_segment *segment)
{
	uint64_t tables = table_pages(segment->table_count);

	segment->data_off = segment->head_off + tables * NVM_PAGE;
	segment->records_off = segment->data_off - NVM_PAGE *
		PAGES((uint64_t)segment->table_count * VD_RECORD_LINE);
}

/* First byte behind a segment's last block. */
uint64_t segment_end(const struct vd_segment *segment)
{
	return segment->data_off + (uint64_t)segment->block_count * VD_BLOCK;
}

void layout_number(struct vd_layout *layout)
{
	uint32_t first = 0;

	for (uint32_t s = 0; s < layout->segment_count; s++) {
		layout->segment[s].first = first;
		first += layout->segment[s].block_count;
	}
	layout->block_count = first;
}

void layout_seed(struct vd_layout *layout,
		 uint32_t (*crc32c)(uint32_t, const void *, size_t))
{
	uint32_t uuid = crc32c(0, layout->uuid, VD_UUID_LEN);

	for (uint32_t s = 0; s < layout->segment_count; s++) {
		le32_t generation = put_le32(layout->segment[s].generation);

		layout->segment[s].seed = crc32c(uuid, &generation, 4);
	}
}

void layout_geometry(const struct vd_layout *layout,
		     struct vd_geometry *ret_geometry)
{
	*ret_geometry = (struct vd_geometry){
		.logical_count = layout->logical_count,
		.block_count = layout->block_count,
		.extent_count = layout->extent_count,
		.segment_count = layout->segment_count,
	};
	for (uint32_t e = 0; e < layout->extent_count; e++)
		ret_geometry->area_bytes += layout->extent_bytes[e];
}

/* ---- spares ------------------------------------------------------------------ */

/* One lane, a trim log or two, a move, and a few to choose from. */
#define SPARES_LEAST	64u

uint32_t vd_spares_min(uint64_t block_count)
{
	uint64_t spares = block_count / 128;

	return spares < SPARES_LEAST ? SPARES_LEAST :
	       spares > VD_NONE ? VD_NONE : (uint32_t)spares;
}

uint32_t vd_sane_logical(uint32_t block_count)
{
	uint32_t spares = block_count / 50;

	if (spares < SPARES_LEAST)
		spares = SPARES_LEAST;
	return block_count > spares ? block_count - spares : 0;
}

static int layout_logical(struct vd_layout *layout, uint32_t logical_count,
			  struct nvm_fault *fault)
{
	uint32_t least = vd_spares_min(layout->block_count);

	if (!logical_count)
		logical_count = vd_sane_logical(layout->block_count);
	if (!logical_count || layout->block_count < least ||
	    logical_count > layout->block_count - least)
		return nvm_fault_set(fault, -NVM_ERANGE, "logical blocks", 0,
				     0, layout->block_count > least ?
				     layout->block_count - least : 0,
				     logical_count);
	layout->logical_count = logical_count;
	return 0;
}

/* ---- dividing an area --------------------------------------------------------- */

/* Add a segment over [off, end) of an extent, if it is large enough. */
static int segment_add(struct vd_layout *layout, uint32_t extent, uint64_t off,
		       uint64_t end)
{
	struct vd_segment *segment = &layout->segment[layout->segment_count];
	uint32_t blocks;

	if (end < off || end - off < VD_SEGMENT_MIN)
		return 0;
	if (layout->segment_count == VD_SEGMENTS_MAX)
		return -NVM_ERANGE;
	blocks = blocks_in((end - off) / NVM_PAGE);
	*segment = (struct vd_segment){ .extent = extent, .head_off = off,
		.block_count = blocks, .table_count = blocks,
		.generation = ++layout->segment_generation };
	segment_places(segment);
	layout->segment_count++;
	return 0;
}

/* Whole pages; the first extent begins with two SBs, the last ends with one. */
static uint64_t extent_first(uint32_t extent)
{
	return extent ? 0 : 2 * NVM_PAGE;
}

static uint64_t extent_end(const uint64_t *extent_bytes, uint32_t extent_count,
			   uint32_t extent)
{
	uint64_t end = extent_bytes[extent] & ~(uint64_t)(NVM_PAGE - 1);

	return extent == extent_count - 1 && end >= NVM_PAGE ? end - NVM_PAGE
							     : end;
}

static int area_size_check(const uint64_t *extent_bytes, uint32_t extent_count,
			   struct nvm_fault *fault)
{
	uint64_t total = 0;

	if (!extent_count || extent_count > VD_EXTENTS_MAX)
		return nvm_fault_set(fault, -NVM_ERANGE, "number of extents",
				     0, 0, VD_EXTENTS_MAX, extent_count);
	for (uint32_t e = 0; e < extent_count; e++) {
		if (extent_bytes[e] > VD_AREA_MAX)
			return nvm_fault_set(fault, -NVM_ERANGE, "area", e, 0,
					     VD_AREA_MAX, extent_bytes[e]);
		if (extent_bytes[e] < VD_SEGMENT_MIN + 3 * NVM_PAGE)
			return nvm_fault_set(fault, -NVM_ERANGE, "extent", e, 0,
					     VD_SEGMENT_MIN + 3 * NVM_PAGE,
					     extent_bytes[e]);
		total += extent_bytes[e];
	}
	if (total < VD_AREA_MIN || total > VD_AREA_MAX)
		return nvm_fault_set(fault, -NVM_ERANGE, "area", 0, 0,
				     total < VD_AREA_MIN ? VD_AREA_MIN
							 : VD_AREA_MAX, total);
	return 0;
}

int layout_make(struct vd_layout *layout, const uint64_t *extent_bytes,
		uint32_t extent_count, uint32_t logical_count,
		struct nvm_fault *fault)
{
	int err = area_size_check(extent_bytes, extent_count, fault);

	if (err)
		return err;
	layout->segment_count = 0;
	layout->extent_count = extent_count;
	for (uint32_t e = 0; e < extent_count; e++) {
		layout->extent_bytes[e] = extent_bytes[e] &
					  ~(uint64_t)(NVM_PAGE - 1);
		err = segment_add(layout, e, extent_first(e),
				  extent_end(extent_bytes, extent_count, e));
		if (err)
			return err;
	}
	layout_number(layout);
	return layout_logical(layout, logical_count, fault);
}

int layout_extend(struct vd_layout *layout, const uint64_t *extent_bytes,
		  uint32_t extent_count, struct nvm_fault *fault)
{
	uint32_t had = layout->segment_count, known = layout->extent_count;
	int err = area_size_check(extent_bytes, extent_count, fault);

	if (err)
		return err;
	if (extent_count < known)
		return nvm_fault_set(fault, -NVM_ERANGE, "number of extents",
				     0, 0, known, extent_count);
	for (uint32_t e = 0; e < known; e++)
		if (extent_bytes[e] < layout->extent_bytes[e])
			return nvm_fault_set(fault, -NVM_ERANGE, "extent", e, 0,
					     layout->extent_bytes[e],
					     extent_bytes[e]);
	for (uint32_t e = 0; e < extent_count; e++) {
		uint64_t from = extent_first(e);

		for (uint32_t s = 0; s < had; s++)
			if (layout->segment[s].extent == e)
				from = segment_end(&layout->segment[s]);
		err = segment_add(layout, e, from, extent_end(extent_bytes,
							      extent_count, e));
		if (err)
			return nvm_fault_set(fault, err, "number of segments",
					     e, 0, VD_SEGMENTS_MAX,
					     layout->segment_count);
		layout->extent_bytes[e] = extent_bytes[e] &
					  ~(uint64_t)(NVM_PAGE - 1);
	}
	layout->extent_count = extent_count;
	layout_number(layout);
	return 0;
}

int layout_cut(struct vd_layout *layout, const uint64_t *extent_bytes,
	       uint32_t extent_count, struct nvm_fault *fault)
{
	uint32_t kept = 0;
	int err = area_size_check(extent_bytes, extent_count, fault);

	if (err)
		return err;
	if (extent_count > layout->extent_count)
		return nvm_fault_set(fault, -NVM_ERANGE, "number of extents",
				     0, 0, layout->extent_count, extent_count);
	for (uint32_t e = 0; e < extent_count; e++)
		if (extent_bytes[e] > layout->extent_bytes[e])
			return nvm_fault_set(fault, -NVM_ERANGE, "extent", e, 0,
					     layout->extent_bytes[e],
					     extent_bytes[e]);
	for (uint32_t s = 0; s < layout->segment_count; s++) {
		struct vd_segment segment = layout->segment[s];
		uint64_t end;

		if (segment.extent >= extent_count)
			continue;
		end = extent_end(extent_bytes, extent_count, segment.extent);
		if (segment.data_off >= end)
			continue;
		if (segment_end(&segment) > end)
			segment.block_count = (uint32_t)
				((end - segment.data_off) / VD_BLOCK);
		if (segment.block_count)
			layout->segment[kept++] = segment;
	}
	layout->segment_count = kept;
	layout->extent_count = extent_count;
	for (uint32_t e = 0; e < extent_count; e++)
		layout->extent_bytes[e] = extent_bytes[e] &
					  ~(uint64_t)(NVM_PAGE - 1);
	layout_number(layout);
	return 0;
}

/* Does the block stay?  By its number in the disk as it is. */
bool block_stays(const struct vdisk *disk, uint32_t block)
{
	const struct vd_segment *old = segment_of(disk, block);
	const struct vd_layout *to = disk->shrink_to;

	for (uint32_t s = 0; s < to->segment_count; s++) {
		const struct vd_segment *new = &to->segment[s];

		if (new->extent == old->extent &&
		    new->head_off == old->head_off)
			return block - old->first < new->block_count;
	}
	return false;
}
