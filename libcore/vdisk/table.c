// SPDX-License-Identifier: BSD-3-Clause
/*
 * table.c - the map and the states on the media: written at a clean close,
 * read at the open after it.  A copy of what the records say, so a page that is
 * damaged costs a scan and nothing else.
 *
 * Each page carries the generation of the CLEAN SBs that it goes with, so a
 * page of an earlier close is never taken for one of this.
 */
#include "vdisk/impl.h"

/* One of the two tables. */
struct table {
	enum vd_table kind;
	uint32_t a_page;		/* entries */
	uint32_t count;			/* entries in all */
};

static struct table table_of(const struct vdisk *disk, enum vd_table kind)
{
	return kind == VD_TABLE_MAP
		? (struct table){ kind, VD_MAP_WORDS_A_PAGE,
				  disk->layout.logical_count }
		: (struct table){ kind, VD_STATES_A_PAGE,
				  disk->layout.block_count };
}

static uint64_t table_page_off(const struct vdisk *disk,
			       const struct table *table, uint32_t entry)
{
	const struct vd_segment *segment = segment_of(disk, entry);
	uint64_t off = table->kind == VD_TABLE_MAP
		? segment_map_off(segment) : segment_states_off(segment);

	return off + (uint64_t)(entry - segment->first) / table->a_page *
	       NVM_PAGE;
}

/* Entries from @entry on that its page holds. */
static uint32_t page_entries(const struct vdisk *disk,
			     const struct table *table, uint32_t entry)
{
	const struct vd_segment *segment = segment_of(disk, entry);
	uint32_t end = segment->first + segment->block_count;
	uint32_t count = table->a_page;

	if (end > table->count)
		end = table->count;
	return count < end - entry ? count : end - entry;
}

static uint32_t table_seed(const struct vdisk *disk, uint32_t entry)
{
	const struct nvm_media *media = disk->area.extent[0];
	le32_t first = put_le32(entry);
	uint32_t crc = media->ops->crc32c(0, disk->layout.uuid, VD_UUID_LEN);

	return media->ops->crc32c(crc, &first, sizeof(first));
}

static void page_fill(const struct vdisk *disk, const struct table *table,
		      uint32_t entry, uint64_t generation,
		      struct vd_table_page *ret_page)
{
	uint32_t count = page_entries(disk, table, entry);

	memset(ret_page, 0, sizeof(*ret_page));
	ret_page->kind = put_le32(table->kind);
	ret_page->generation = put_le64(generation);
	for (uint32_t i = 0; i < count; i++) {
		if (table->kind == VD_TABLE_MAP)
			ret_page->word[i] = put_le64(disk->map[entry + i]);
		else
			ret_page->state[i] = disk->state[entry + i] &
					     (uint8_t)~VD_BLOCK_SUSPECT;
	}
	ret_page->csum = put_le32(page_csum(disk->area.extent[0], ret_page,
				  offsetof(struct vd_table_page, csum),
				  table_seed(disk, entry)));
}

static int one_table_write(struct vdisk *disk, enum vd_table kind,
			   uint64_t generation)
{
	struct table table = table_of(disk, kind);
	struct vd_table_page *page =
		(struct vd_table_page *)disk->log_scratch;

	for (uint32_t entry = 0; entry < table.count;
	     entry += page_entries(disk, &table, entry)) {
		struct nvm_media *media =
			segment_media(disk, segment_of(disk, entry));
		int err;

		page_fill(disk, &table, entry, generation, page);
		err = media->ops->store(media, table_page_off(disk, &table,
							      entry),
					page, sizeof(*page));
		if (err)
			return err;
	}
	return 0;
}

/* To be followed by SBs of this generation. */
int table_write(struct vdisk *disk, uint64_t generation)
{
	int err = one_table_write(disk, VD_TABLE_MAP, generation);

	return err ? err : one_table_write(disk, VD_TABLE_STATES, generation);
}

static int page_load(struct vdisk *disk, const struct table *table,
		     uint32_t entry, uint64_t generation,
		     struct vd_table_page *ret_page)
{
	struct nvm_media *media = segment_media(disk, segment_of(disk, entry));
	uint32_t csum;
	int err = media->ops->load(media, table_page_off(disk, table, entry),
				   ret_page, sizeof(*ret_page));

	if (err)
		return err;
	csum = page_csum(media, ret_page, offsetof(struct vd_table_page, csum),
			 table_seed(disk, entry));
	return get_le32(ret_page->csum) == csum &&
	       get_le32(ret_page->kind) == table->kind &&
	       get_le64(ret_page->generation) == generation ? 0 : -NVM_EBADMSG;
}

int table_page_check(struct vdisk *disk, enum vd_table kind, uint32_t entry,
		     uint64_t generation)
{
	struct table table = table_of(disk, kind);

	return page_load(disk, &table, entry, generation,
			 (struct vd_table_page *)disk->log_scratch);
}

/* How far to the first entry of the next page. */
uint32_t table_page_entries(struct vdisk *disk, enum vd_table kind,
			    uint32_t entry)
{
	struct table table = table_of(disk, kind);

	return entry < table.count ? page_entries(disk, &table, entry) : 0;
}

/* What a map entry or a state may be, whoever wrote it. */
static bool word_sane(struct vdisk *disk, uint64_t word)
{
	return word_is_mapped(word)
		? word_block(word) < disk->layout.block_count &&
		  state_load(disk, word_block(word)) == VD_BLOCK_IDLE
		: word <= disk->layout.seq;
}

static int words_read(struct vdisk *disk, const struct vd_table_page *page,
		      uint32_t entry, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t word = get_le64(page->word[i]);

		if (!word_sane(disk, word))
			return -NVM_EBADMSG;
		/* Two of them with one block are caught here, too. */
		if (word_is_mapped(word))
			supply_state(disk, word_block(word), VD_BLOCK_TAKEN);
		else if (word)
			disk->tombs++;
		disk->map[entry + i] = word;
	}
	return 0;
}

/* Of the states only what the map does not tell: logs and bad blocks. */
static int states_read(struct vdisk *disk, const struct vd_table_page *page,
		       uint32_t entry, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t state = page->state[i] & VD_STATE_MASK;
		uint32_t block = entry + i;

		if (page->state[i] & VD_BLOCK_POISONED)
			disk->state[block] |= VD_BLOCK_POISONED;
		if (state != VD_BLOCK_LOG && state != VD_BLOCK_BAD)
			continue;
		if (state_of(disk, block) !=
		    VD_BLOCK_IDLE)
			return -NVM_EBADMSG;
		supply_state(disk, block, state);
		disk->log_count += state == VD_BLOCK_LOG;
	}
	return 0;
}

static int one_table_read(struct vdisk *disk, enum vd_table kind)
{
	struct table table = table_of(disk, kind);
	struct vd_table_page *page =
		(struct vd_table_page *)disk->log_scratch;

	for (uint32_t entry = 0; entry < table.count; ) {
		uint32_t count = page_entries(disk, &table, entry);
		int err = page_load(disk, &table, entry,
				    disk->layout.generation, page);

		if (!err)
			err = kind == VD_TABLE_MAP
				? words_read(disk, page, entry, count)
				: states_read(disk, page, entry, count);
		if (err)
			return err;
		entry += count;
	}
	return 0;
}

/*
 * What the map of that generation says of blocks that were written or trimmed,
 * as far as its pages are whole.
 */
void table_each_word(struct vdisk *disk, uint64_t generation,
		     void (*word)(void *ctx, uint32_t logical, uint64_t word),
		     void *ctx)
{
	struct table table = table_of(disk, VD_TABLE_MAP);
	struct vd_table_page *page =
		(struct vd_table_page *)disk->log_scratch;

	for (uint32_t entry = 0; entry < table.count; ) {
		uint32_t count = page_entries(disk, &table, entry);
		bool whole = !page_load(disk, &table, entry, generation, page);

		for (uint32_t i = 0; i < count && whole; i++) {
			uint64_t found = get_le64(page->word[i]);

			if (word_is_mapped(found)
			    ? word_block(found) < disk->layout.block_count
			    : found)
				word(ctx, entry + i, found);
		}
		entry += count;
	}
}

/* How much the logs span, for their tidying. */
static void logs_read(struct vdisk *disk)
{
	for (uint32_t block = 0; disk->log_count &&
	     block < disk->layout.block_count; block++) {
		uint64_t span;

		if (state_of(disk, block) !=
		    VD_BLOCK_LOG)
			continue;
		span = log_span(disk, block, disk->log_scratch);
		disk->span_total += span;
		if (disk->log_ring_count < VD_LOG_RING)
			disk->log_ring[disk->log_ring_count++] =
				(struct vd_log){ block, (uint32_t)span };
	}
}

/* An error: scan instead, with map and states as they were before. */
int table_read(struct vdisk *disk)
{
	int err = one_table_read(disk, VD_TABLE_MAP);

	if (!err)
		err = one_table_read(disk, VD_TABLE_STATES);
	if (!err)
		logs_read(disk);
	return err;
}
