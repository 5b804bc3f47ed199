// SPDX-License-Identifier: BSD-3-Clause
/*
 * vmedia.c - see vmedia.h.
 */
#include "tests/torture/vmedia.h"

#include <stdlib.h>
#include <string.h>

static uint32_t crc(const struct vmedia *media, uint32_t seed, const void *bytes,
		    size_t len)
{
	return media->yard->domain->media.ops->crc32c(seed, bytes, len);
}

static const uint8_t *at(const struct vmedia *media, uint64_t off)
{
	return media->yard->domain->image + off;
}

/* Of a page whose own four bytes at @csum_off are taken as 0. */
static uint32_t page_crc(const struct vmedia *media, const uint8_t *page,
			 size_t csum_off, uint32_t seed)
{
	uint8_t bytes[NVM_PAGE];

	memcpy(bytes, page, sizeof(bytes));
	memset(bytes + csum_off, 0, 4);
	return crc(media, seed, bytes, sizeof(bytes));
}

static bool sb_valid(const struct vmedia *media, const struct vd_sb *sb)
{
	return !memcmp(sb->magic, VD_MAGIC_SB, 8) &&
	       get_le32(sb->csum) == page_crc(media, (const uint8_t *)sb, 8, 0);
}

/* ---- records ------------------------------------------------------------------ */

static uint32_t record_seed(const struct vmedia *media, const uint8_t *uuid,
			    uint32_t block)
{
	le32_t generation = put_le32(media->generation);

	return crc(media, crc(media, 0, uuid, VD_UUID_LEN), &generation, 4) ^
	       block * 0x9e3779b1u;
}

static bool record_valid(const struct vmedia *media, uint32_t block,
			 const struct vd_record *half)
{
	uint64_t seq = get_le64(half->seq);

	return seq && seq <= VD_SEQ_MAX && half->type >= VD_RECORD_DATA &&
	       half->type <= VD_RECORD_BAD &&
	       half->group_index < half->group_count &&
	       get_le32(half->csum) ==
	       crc(media, record_seed(media, media->uuid, block), half, 28);
}

static void line_read(const struct vmedia *media, uint32_t block,
		      struct vline *line)
{
	struct vd_record half[2];
	unsigned newest;
	bool valid[2];
	uint64_t lag;

	line->used = !domain_reads_zero(media->yard->domain, line->line_off,
					VD_RECORD_LINE);
	if (!line->used)
		return;
	memcpy(half, at(media, line->line_off), sizeof(half));
	for (unsigned h = 0; h < 2; h++)
		valid[h] = record_valid(media, block, &half[h]);
	if (!valid[0] && !valid[1])
		return;
	newest = !valid[0] || (valid[1] && get_le64(half[1].seq) >
					   get_le64(half[0].seq));
	line->type = half[newest].type;
	line->half_off = line->line_off + newest * sizeof(half[0]);
	line->seq = get_le64(half[newest].seq);
	line->logical = get_le32(half[newest].block);
	line->salt = get_le32(half[newest].data_csum);
	lag = get_le32(half[newest].lag);
	line->mark = lag == VD_LAG_NONE || lag > line->seq ? 0
							   : line->seq - lag;
	line->group_first = line->seq - half[newest].group_index;
	line->group_count = half[newest].group_count;
}

/* ---- the whole ------------------------------------------------------------------ */

static bool sb_read(struct vmedia *media)
{
	const struct vd_sb *best = NULL;

	media->sb_off[1] = NVM_PAGE;
	media->sb_off[2] = media->yard->extent[0]->size_bytes - NVM_PAGE;
	media->clean = true;
	for (unsigned c = 0; c < 3; c++) {
		const struct vd_sb *sb = (const struct vd_sb *)
			at(media, media->sb_off[c]);

		media->clean &= !memcmp(sb, at(media, 0), NVM_PAGE);
		if (sb_valid(media, sb) &&
		    (!best || get_le64(sb->generation) >
			      get_le64(best->generation)))
			best = sb;
	}
	if (!best || get_le32(best->segment_count) != 1)
		return false;
	media->clean &= get_le32(best->state) == VD_SB_CLEAN;
	memcpy(media->uuid, best->uuid, sizeof(media->uuid));
	media->logical_count = (uint32_t)get_le64(best->logical_count);
	media->block_count = get_le32(best->segment[0].block_count);
	media->generation = get_le32(best->segment[0].generation);
	media->head_off = get_le64(best->segment[0].off);
	media->map_off = media->head_off + NVM_PAGE;
	media->map_pages = (get_le32(best->segment[0].table_count) + 509) / 510;
	media->states_off = media->map_off + media->map_pages * NVM_PAGE;
	media->states_end = media->states_off + NVM_PAGE *
		((get_le32(best->segment[0].table_count) + 4079ull) / 4080);
	media->mark = get_le64(best->watermark);
	media->table_seq = get_le64(best->table_generation)
		? get_le64(best->table_seq) : 0;
	return true;
}

bool vmedia_read(struct vmedia *media, struct vyard *yard)
{
	uint64_t data_off;

	media->yard = yard;
	if (!sb_read(media))
		return false;
	if (media->room < media->block_count) {
		free(media->line);
		media->line = calloc(media->block_count, sizeof(*media->line));
		vyard_must(media->line, "memory");
		media->room = media->block_count;
	}
	data_off = media->states_end +
		   (media->block_count + 63ull) / 64 * NVM_PAGE;
	for (uint32_t b = 0; b < media->block_count; b++) {
		media->line[b] = (struct vline){
			.line_off = media->states_end +
				    (uint64_t)b * VD_RECORD_LINE,
			.data_off = data_off + (uint64_t)b * VD_BLOCK };
		line_read(media, b, &media->line[b]);
	}
	return true;
}

void vmedia_end(struct vmedia *media)
{
	free(media->line);
	*media = (struct vmedia){ 0 };
}

bool vmedia_trim_valid(const struct vmedia *media, uint32_t block, unsigned i)
{
	const struct vline *line = &media->line[block];
	le32_t seed[3] = { put_le32(line->salt), put_le32(block), put_le32(i) };
	struct vd_trim_line trim;

	memcpy(&trim, at(media, line->data_off + i * VD_RECORD_LINE),
	       sizeof(trim));
	return trim.range_count && trim.range_count <= VD_TRIM_RANGES &&
	       get_le32(trim.csum) ==
	       crc(media, crc(media, line->salt, seed, sizeof(seed)), &trim.lag,
		   sizeof(trim) - 4);
}

static uint64_t trim_mark(const struct vmedia *media, uint64_t off)
{
	struct vd_trim_line trim;
	uint64_t seq, lag;

	memcpy(&trim, at(media, off), sizeof(trim));
	seq = get_le64(trim.range[0].seq);
	lag = get_le32(trim.lag);
	return lag == VD_LAG_NONE || lag > seq ? 0 : seq - lag;
}

uint64_t vmedia_mark(const struct vmedia *media, const struct faults *faults)
{
	uint64_t mark = media->mark;

	for (uint32_t b = 0; b < media->block_count; b++) {
		const struct vline *line = &media->line[b];

		if (!line->type ||
		    faults_touch(faults, line->line_off, VD_RECORD_LINE))
			continue;
		if (line->mark > mark)
			mark = line->mark;
		for (unsigned i = 0; line->type == VD_RECORD_LOG &&
		     i < VD_TRIM_LINES; i++) {
			uint64_t off = line->data_off + i * VD_RECORD_LINE;

			if (vmedia_trim_valid(media, b, i) &&
			    !faults_touch(faults, off, VD_RECORD_LINE) &&
			    trim_mark(media, off) > mark)
				mark = trim_mark(media, off);
		}
	}
	return mark;
}

/* ---- another disk's -------------------------------------------------------------- */

static void alien_sb(struct vmedia *media, uint64_t off)
{
	struct vd_sb sb;

	memcpy(&sb, at(media, off), sizeof(sb));
	sb.uuid[0] ^= 0xff;
	sb.generation = put_le64(get_le64(sb.generation) + 4);
	sb.csum = put_le32(page_crc(media, (const uint8_t *)&sb, 8, 0));
	domain_poke(media->yard->domain, off, &sb, sizeof(sb));
}

static void alien_head(struct vmedia *media, uint64_t off)
{
	struct vd_segment_head head;

	memcpy(&head, at(media, off), sizeof(head));
	head.uuid[0] ^= 0xff;
	head.csum = put_le32(page_crc(media, (const uint8_t *)&head, 8, 0));
	domain_poke(media->yard->domain, off, &head, sizeof(head));
}

static void alien_table(struct vmedia *media, const uint8_t *uuid, uint64_t off)
{
	bool map = off < media->states_off;
	le32_t first = put_le32((uint32_t)(map ?
		(off - media->map_off) / NVM_PAGE * 510 :
		(off - media->states_off) / NVM_PAGE * 4080));
	struct vd_table_page page;

	memcpy(&page, at(media, off), sizeof(page));
	page.csum = put_le32(page_crc(media, (const uint8_t *)&page, 0,
		crc(media, crc(media, 0, uuid, VD_UUID_LEN), &first, 4)));
	domain_poke(media->yard->domain, off, &page, sizeof(page));
}

void vmedia_alien(void *ctx, uint64_t off, uint64_t len)
{
	struct vmedia *media = ctx;
	uint8_t uuid[VD_UUID_LEN];
	struct vd_record half[2];

	memcpy(uuid, media->uuid, sizeof(uuid));
	uuid[0] ^= 0xff;
	if (len == VD_RECORD_LINE) {
		uint32_t block = (uint32_t)((off - media->states_end) /
					    VD_RECORD_LINE);

		memcpy(half, at(media, off), sizeof(half));
		for (unsigned h = 0; h < 2; h++)
			half[h].csum = put_le32(crc(media,
				record_seed(media, uuid, block), &half[h], 28));
		domain_poke(media->yard->domain, off, half, sizeof(half));
	} else if (off == media->head_off) {
		alien_head(media, off);
	} else if (off >= media->map_off && off < media->states_end) {
		alien_table(media, uuid, off);
	} else {
		alien_sb(media, off);
	}
}
