/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * enemy.c - the edits of enemy.h: where things are, which numbers matter, super
 * blocks and the small ones.  What edits store is right in every way that a
 * checksum can tell, unless they say otherwise: checksums are made with the
 * seeds and salts of the disk that is there.
 */
#include <string.h>

#include "tests/fuzz/enemy_private.h"

static struct edit edit_parse(const uint8_t bytes[EDIT_BYTES])
{
	le16_t half[4];
	le32_t word;

	memcpy(half, bytes + 2, sizeof(half));
	memcpy(&word, bytes + 12, sizeof(word));
	return (struct edit){ .kind = bytes[0] % EDIT_COUNT, .flags = bytes[1],
		.a = get_le16(half[0]), .b = get_le16(half[1]),
		.c = get_le16(half[2]), .d = get_le16(half[3]),
		.e = bytes[10], .f = bytes[11], .g = get_le32(word) };
}

uint32_t crc(const struct enemy *enemy, uint32_t seed, const void *src,
	     size_t len)
{
	return enemy->media[0]->ops->crc32c(seed, src, len);
}

/* ---- where things are -------------------------------------------------------- */

struct scratch *extent_of(struct enemy *enemy, uint32_t extent)
{
	return enemy->extent[extent < enemy->area.extent_count ? extent : 0];
}

const struct vd_segment *segment_with(const struct enemy *enemy,
				      uint32_t block)
{
	const struct vd_segment *segment = enemy->view.segment;

	while (block - segment->first >= segment->block_count)
		segment++;
	return segment;
}

uint32_t block_from(const struct enemy *enemy, uint64_t number)
{
	return (uint32_t)(number % enemy->view.block_count);
}

/* NULL where the place is not in the image. */
const uint8_t *bytes_at(const struct scratch *scratch, uint64_t off,
			uint64_t len)
{
	return off <= scratch->room_bytes && len <= scratch->room_bytes - off
		? scratch->image + off : NULL;
}

void sb_place(struct enemy *enemy, uint32_t copy, struct scratch **ret_extent,
	      uint64_t *ret_off)
{
	uint32_t last = enemy->view.extent_count - 1;

	*ret_extent = extent_of(enemy, copy == 2 ? last : 0);
	*ret_off = copy == 2 ? enemy->view.extent_bytes[last] - NVM_PAGE
			     : copy * NVM_PAGE;
}

/* After an edit of the SB: places and seeds, if they are ones. */
void view_renew(struct enemy *enemy)
{
	struct vd_layout view;
	struct vd_sb sb;

	memset(&view, 0, sizeof(view));
	memcpy(&sb, enemy->extent[0]->image, sizeof(sb));
	if (memcmp(sb.magic, VD_MAGIC_SB, 8) ||
	    layout_decode(&sb, &view, NULL))
		return;
	layout_seed(&view, enemy->media[0]->ops->crc32c);
	enemy->view = view;
}

/* ---- numbers ----------------------------------------------------------------- */

bool record_at(const struct enemy *enemy, uint32_t block, unsigned half,
	       struct vd_record *ret_record)
{
	const struct vd_segment *segment = segment_with(enemy, block);
	uint64_t off = record_off(segment, block) + half * sizeof(*ret_record);
	const uint8_t *bytes = bytes_at(enemy->extent[segment->extent %
					enemy->area.extent_count], off,
					sizeof(*ret_record));

	if (!bytes)
		return false;
	memcpy(ret_record, bytes, sizeof(*ret_record));
	return true;
}

uint64_t seq_from(const struct enemy *enemy, uint16_t code)
{
	uint64_t small = code & 0x1fff;
	struct vd_record record;

	switch (code >> 13) {
	case 0:
		return enemy->view.seq + small;
	case 1:
		return enemy->view.seq > small ? enemy->view.seq - small : 1;
	case 2:
		return small;
	case 3:
		return VD_SEQ_MAX - small;
	case 4:
		return enemy->view.watermark + small % 64;
	case 5:
		return enemy->view.seq + (small << 31);
	case 6:
		return record_at(enemy, block_from(enemy, small), 0, &record)
			? get_le64(record.seq) : 0;
	default:
		return VD_SEQ_MAX + (small << 40);
	}
}

/* The sequence number at a step of a run. */
uint64_t seq_step(uint64_t seq, uint32_t step, uint8_t how)
{
	switch (how & 3) {
	case 0:
		return seq + step;
	case 1:
		return seq - step;
	case 2:
		return seq;
	default:
		return seq + (uint64_t)step * 64;
	}
}

uint32_t lag_from(const struct enemy *enemy, uint16_t code, uint64_t seq)
{
	switch (code >> 14) {
	case 0:
		return VD_LAG_NONE;
	case 1:
		return code & 0x3fff;
	case 2:
		return rec_lag(seq, enemy->view.watermark);
	default:
		return rec_lag(seq, 0);
	}
}

/* ---- bytes and super blocks -------------------------------------------------- */

/* a: page, b: offset, d, e, f, g: the bytes.  flags 1: other extent */
static void edit_raw(struct enemy *enemy, const struct edit *edit)
{
	const uint8_t bytes[8] = { (uint8_t)edit->d, (uint8_t)(edit->d >> 8),
		edit->e, edit->f, (uint8_t)edit->g, (uint8_t)(edit->g >> 8),
		(uint8_t)(edit->g >> 16), (uint8_t)(edit->g >> 24) };

	scratch_poke(extent_of(enemy, edit->flags & 1), (uint64_t)edit->a %
		     (ENEMY_ROOM / NVM_PAGE) * NVM_PAGE + edit->b % NVM_PAGE,
		     bytes, 1 + edit->c % 8);
	view_renew(enemy);
}

enum sb_flag { SB_COPY_0 = 1, SB_COPY_1 = 2, SB_COPY_2 = 4, SB_BROKEN = 8 };

/* What an SB's field may be set to that is not just any number. */
static uint64_t sb_value(const struct enemy *enemy, const struct edit *edit,
			 uint64_t was)
{
	static const uint64_t edge[] = { 0, 1, 1ull << 31, UINT32_MAX,
		1ull << 32, VD_SEQ_MAX, VD_SEQ_MAX + 1, VD_AREA_MAX,
		UINT64_MAX, 1ull << 63, VD_AREA_MIN, VD_SEGMENT_MIN, 96, 64 };

	switch (edit->e % 5) {
	case 0:
		return edit->g;
	case 1:
		return was + edit->g;
	case 2:
		return was - edit->g;
	case 3:
		return edge[edit->g % (sizeof(edge) / sizeof(edge[0]))] +
		       (edit->g >> 8 & 3) - 1;
	default:
		return seq_from(enemy, edit->c);
	}
}

/*
 * flags: copies; a: which field, 8 bytes wide (4 with bit 15) by its number in
 * the page; b: which segment, for a field of the list of them.
 */
static void edit_sb(struct enemy *enemy, const struct edit *edit)
{
	uint32_t words = offsetof(struct vd_sb, zero) / 4 + 2;
	uint32_t at = (edit->a & 0x7fff) % words * 4;
	uint32_t width = edit->a >> 15 ? 4 : 8;

	if (at >= offsetof(struct vd_sb, segment) &&
	    at < offsetof(struct vd_sb, table_generation))
		at = (uint32_t)(offsetof(struct vd_sb, segment) +
				edit->b % VD_SEGMENTS_MAX *
				sizeof(struct vd_sb_segment) + at % 24);
	for (uint32_t copy = 0; copy < VD_SB_COPIES; copy++) {
		struct scratch *extent;
		uint8_t page[NVM_PAGE];
		uint64_t off;
		le64_t value;
		le32_t csum;

		if (!(edit->flags >> copy & 1))
			continue;
		sb_place(enemy, copy, &extent, &off);
		if (!bytes_at(extent, off, NVM_PAGE))
			continue;
		memcpy(page, extent->image + off, NVM_PAGE);
		memcpy(&value, page + at, 8);
		if (width == 4)
			memset(value.b + 4, 0, 4);
		value = put_le64(sb_value(enemy, edit, get_le64(value)));
		memcpy(page + at, &value, width);
		csum = put_le32(page_csum(enemy->media[0], page,
					  offsetof(struct vd_sb, csum), 0));
		if (!(edit->flags & SB_BROKEN))
			memcpy(page + offsetof(struct vd_sb, csum), &csum, 4);
		scratch_poke(extent, off, page, NVM_PAGE);
	}
	view_renew(enemy);
}

/* ---- the rest ---------------------------------------------------------------- */

/* a: segment; b: which field; g: its value */
static void edit_head(struct enemy *enemy, const struct edit *edit)
{
	const struct vd_segment *segment =
		&enemy->view.segment[edit->a % enemy->view.segment_count];
	struct scratch *extent = extent_of(enemy, segment->extent);
	struct vd_segment_head head;
	le32_t value = put_le32(edit->g);

	if (!bytes_at(extent, segment->head_off, NVM_PAGE))
		return;
	memcpy(&head, extent->image + segment->head_off, sizeof(head));
	memcpy((uint8_t *)&head + edit->b % 12 * 4, &value, 4);
	head.csum = put_le32(page_csum(enemy->media[0], &head,
				       offsetof(struct vd_segment_head, csum),
				       0));
	scratch_poke(extent, segment->head_off, &head, sizeof(head));
}

/* a: block; b: byte; g: what */
static void edit_data(struct enemy *enemy, const struct edit *edit)
{
	uint32_t block = block_from(enemy, edit->a);
	const struct vd_segment *segment = segment_with(enemy, block);

	scratch_poke(extent_of(enemy, segment->extent),
		     data_off(segment, block) + edit->b % VD_BLOCK, &edit->g,
		     edit->flags & 1 ? 1 : sizeof(edit->g));
}

/* Lines that cannot be read.  a: block; b: how many lines or blocks; e: of what */
static void edit_poison(struct enemy *enemy, const struct edit *edit)
{
	uint32_t block = block_from(enemy, edit->a), count = 1 + edit->b % 80;
	const struct vd_segment *segment = segment_with(enemy, block);
	struct scratch *extent = extent_of(enemy, segment->extent);
	uint64_t off = data_off(segment, block);
	uint64_t len = (uint64_t)count * VD_BLOCK;

	if (extent->poison_count == SCRATCH_POISON_MAX)
		return;
	if (edit->e % 4 == 1) {
		off = record_off(segment, block);
		len = (uint64_t)count * VD_RECORD_LINE;
	} else if (edit->e % 4 == 2) {
		off = segment->head_off + block % 16 * NVM_PAGE;
		len = 64;
	} else if (edit->e % 4 == 3) {
		off = block % 2 * NVM_PAGE;
		len = 64;
	}
	extent->poison[extent->poison_count].off = off;
	extent->poison[extent->poison_count++].len = len;
	extent->refuse = edit->flags & 1;
}

void enemy_edit(struct enemy *enemy, const uint8_t bytes[EDIT_BYTES])
{
	static void (*const edits[EDIT_COUNT])(struct enemy *,
					       const struct edit *) = {
		[EDIT_BYTES_RAW] = edit_raw, [EDIT_SB] = edit_sb,
		[EDIT_RECORDS] = edit_records, [EDIT_LOGS] = edit_logs,
		[EDIT_MAP] = edit_map, [EDIT_STATES] = edit_states,
		[EDIT_CLEAN] = edit_clean, [EDIT_HEAD] = edit_head,
		[EDIT_DATA] = edit_data, [EDIT_POISON] = edit_poison,
	};
	struct edit edit = edit_parse(bytes);

	if (edits[edit.kind])
		edits[edit.kind](enemy, &edit);
}
