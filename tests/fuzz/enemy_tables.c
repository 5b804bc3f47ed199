/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * enemy_tables.c - edits of the tables of a clean close, and of whether there
 * was one.
 */
#include <string.h>

#include "tests/fuzz/enemy_private.h"

static void table_place(struct enemy *enemy, enum vd_table kind,
			uint32_t entry, struct scratch **ret_extent,
			uint64_t *ret_off, uint32_t *ret_at)
{
	const struct vd_segment *segment = segment_with(enemy, entry);
	uint32_t a_page = kind == VD_TABLE_MAP ? VD_MAP_WORDS_A_PAGE
					       : VD_STATES_A_PAGE;
	uint32_t in = entry - segment->first;

	*ret_extent = extent_of(enemy, segment->extent);
	*ret_off = (kind == VD_TABLE_MAP ? segment_map_off(segment)
					 : segment_states_off(segment)) +
		   (uint64_t)(in / a_page) * NVM_PAGE;
	*ret_at = in % a_page;
}

/* The page of this entry goes with generation @generation. */
static void table_seal(struct enemy *enemy, enum vd_table kind,
		       uint32_t entry, uint64_t generation)
{
	struct vd_table_page page;
	struct scratch *extent;
	uint32_t at, seed;
	uint64_t off;
	le32_t first;

	table_place(enemy, kind, entry, &extent, &off, &at);
	if (!bytes_at(extent, off, NVM_PAGE))
		return;
	memcpy(&page, extent->image + off, NVM_PAGE);
	page.kind = put_le32(kind);
	page.generation = put_le64(generation);
	first = put_le32(entry - at);
	seed = crc(enemy, crc(enemy, 0, enemy->view.uuid, VD_UUID_LEN), &first,
		   sizeof(first));
	page.csum = put_le32(page_csum(enemy->media[0], &page, 0, seed));
	scratch_poke(extent, off, &page, NVM_PAGE);
}

static uint64_t table_generation(const struct enemy *enemy)
{
	return enemy->view.state == VD_SB_CLEAN ? enemy->view.generation
						: enemy->view.table_generation;
}

static void entry_put(struct enemy *enemy, enum vd_table kind, uint32_t entry,
		      const void *value)
{
	uint32_t at, width = kind == VD_TABLE_MAP ? 8 : 1;
	struct scratch *extent;
	uint64_t off;

	table_place(enemy, kind, entry, &extent, &off, &at);
	scratch_poke(extent, off + VD_PAGE_HEAD + (uint64_t)at * width, value,
		     width);
	table_seal(enemy, kind, entry, table_generation(enemy));
}

/* a: first entry; b: how many; c: seq; e: what and steps; g: block */
void edit_map(struct enemy *enemy, const struct edit *edit)
{
	uint32_t count = 1 + edit->b % 64;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t entry = (edit->a + i) % enemy->view.logical_count;
		uint64_t seq = seq_step(seq_from(enemy, edit->c), i, edit->e);
		uint32_t block = edit->g + (edit->e & 4 ? i : 0);
		uint64_t word = edit->e & 8 ? seq : word_mapped(edit->e & 16
				? block : block_from(enemy, block), seq);
		le64_t value = put_le64(word);

		entry_put(enemy, VD_TABLE_MAP, entry, &value);
	}
}

/* a: first block; b: how many; e: the state */
void edit_states(struct enemy *enemy, const struct edit *edit)
{
	uint32_t count = 1 + edit->b % 64;

	for (uint32_t i = 0; i < count; i++)
		entry_put(enemy, VD_TABLE_STATES,
			  block_from(enemy, (uint64_t)edit->a + i), &edit->e);
}

/*
 * Closed cleanly, or not, in all copies: flags 1: not.  2: the tables go with
 * it; 4: a clean close long ago.  c: seq.
 */
void edit_clean(struct enemy *enemy, const struct edit *edit)
{
	struct vd_layout *view = &enemy->view;
	struct vd_sb sb;

	view->state = edit->flags & 1 ? VD_SB_DIRTY : VD_SB_CLEAN;
	view->seq = seq_from(enemy, edit->c);
	view->watermark = view->seq;
	if (!(edit->flags & 4))
		view->table_generation = view->generation;
	view->table_seq = view->seq;
	layout_encode(view, &sb);
	sb.csum = put_le32(page_csum(enemy->media[0], &sb,
				     offsetof(struct vd_sb, csum), 0));
	for (uint32_t copy = 0; copy < VD_SB_COPIES; copy++) {
		struct scratch *extent;
		uint64_t off;

		sb_place(enemy, copy, &extent, &off);
		scratch_poke(extent, off, &sb, sizeof(sb));
	}
	view_renew(enemy);
	for (uint32_t i = 0; i < view->block_count && edit->flags & 2;
	     i += 8) {
		uint32_t off = i - segment_with(enemy, i)->first;

		if (i < view->logical_count && off % VD_MAP_WORDS_A_PAGE < 8)
			table_seal(enemy, VD_TABLE_MAP, i,
				   table_generation(enemy));
		if (off % VD_STATES_A_PAGE < 8)
			table_seal(enemy, VD_TABLE_STATES, i,
				   table_generation(enemy));
	}
}
