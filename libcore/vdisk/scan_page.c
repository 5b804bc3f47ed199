// SPDX-License-Identifier: BSD-3-Clause
/*
 * scan_page.c - recovery's way through a page of block records, at the memory's
 * speed: most are plain ones (data, of no group, nothing wrong), and are told
 * and checked by four words each.  Whatever is not plain goes the way of
 * scan_record(), which is the one that tells what a record means.
 *
 * First all lines are looked at, which fetches the map entries that they are
 * about; then they are put into the map.
 */
#include "vdisk/impl.h"

#define LINES_A_PAGE	(NVM_PAGE / VD_RECORD_LINE)
#define LINE_WORDS	(VD_RECORD_LINE / 8)
#define HALF_WORDS	(sizeof(struct vd_record) / 8)

/* The last word of a plain record, without its checksum. */
#define PLAIN_TAIL	(VD_RECORD_DATA | 1u << 16)

struct plain {
	uint64_t seq;
	uint32_t logical;		/* VD_NONE: not a plain one */
	bool blank;			/* never written */
};

static bool line_is_blank(const le64_t line[LINE_WORDS])
{
	uint64_t any = 0;

	for (unsigned i = 0; i < LINE_WORDS; i++)
		any |= get_le64(line[i]);
	return !any;
}

/* The other half: a record, too, or never written; else it may be the newest. */
static bool other_sound(uint32_t seed, const le64_t half[HALF_WORDS])
{
	uint64_t word[HALF_WORDS] = {
		get_le64(half[0]), get_le64(half[1]), get_le64(half[2]),
		get_le64(half[3]),
	};

	return !(word[0] | word[1] | word[2] | word[3]) ||
	       (uint32_t)(word[3] >> 32) == crc_28_bytes(seed, word);
}

static void plain_look(struct vd_scan *scan, uint32_t seed,
		       const le64_t line[LINE_WORDS], struct plain *ret_plain)
{
	uint64_t first = get_le64(line[0]), second = get_le64(line[HALF_WORDS]);
	const le64_t *half = second > first ? line + HALF_WORDS : line;
	uint64_t word[HALF_WORDS] = {
		second > first ? second : first, get_le64(half[1]),
		get_le64(half[2]), get_le64(half[3]),
	};
	uint32_t csum = crc_28_bytes(seed, word), logical = (uint32_t)word[1];
	uint64_t seq = word[0], lag = word[2] >> 32;

	ret_plain->logical = VD_NONE;
	if (word[3] != ((uint64_t)csum << 32 | PLAIN_TAIL) ||
	    logical >= scan->disk->layout.logical_count ||
	    !seq || seq > VD_SEQ_MAX ||
	    !other_sound(seed, second > first ? line : line + HALF_WORDS))
		return;
	ret_plain->seq = seq;
	ret_plain->logical = logical;
	scan->disk->layout.wear_total += word[1] >> 32;
	if (seq > scan->top)
		scan->top = seq;
	if (lag != VD_LAG_NONE && lag <= seq && seq - lag > scan->mark)
		scan->mark = seq - lag;
	map_prefetch(scan->disk, logical);
}

static int plain_found(struct vd_scan *scan, uint32_t block,
		       const struct plain *plain, struct nvm_fault *fault)
{
	uint64_t *entry = &scan->disk->map[plain->logical];
	struct vd_rec rec = { .seq = plain->seq, .type = VD_RECORD_DATA,
		.group_count = 1 };

	if (plain->seq > scan->mark)
		return scan_candidate(scan, block, &rec, fault);
	if (*entry) {
		scan_insert(scan, plain->logical, block, plain->seq);
		return 0;
	}
	*entry = word_mapped(block, plain->seq);
	scan->disk->state[block] = VD_BLOCK_TAKEN;
	return 0;
}

/*
 * The records of @count blocks from @first on, which are on @page.  @ahead:
 * lines to be fetched meanwhile, or NULL.
 */
int scan_page(struct vd_scan *scan, const struct vd_segment *segment,
	      uint32_t first, uint32_t count, const uint8_t *page,
	      const uint8_t *ahead, struct nvm_fault *fault)
{
	struct plain plain[LINES_A_PAGE];
	int err = 0;

	for (uint32_t i = 0; i < count; i++) {
		const le64_t *line = (const le64_t *)(page +
						      i * VD_RECORD_LINE);

		if (ahead)
			__builtin_prefetch(ahead + i * VD_RECORD_LINE);
		plain[i].logical = VD_NONE;
		plain[i].blank = !get_le64(line[0]) && line_is_blank(line);
		if (scan->disk->crc_instruction && !plain[i].blank)
			plain_look(scan, rec_seed(segment, first + i), line,
				   &plain[i]);
	}
	for (uint32_t i = 0; i < count && !err; i++) {
		struct vd_rec rec;

		if (plain[i].blank)
			continue;
		if (plain[i].logical != VD_NONE)
			err = plain_found(scan, first + i, &plain[i], fault);
		else if (rec_parse(scan->disk, segment, first + i,
				   page + i * VD_RECORD_LINE, &rec) ||
			 rec.torn)
			err = scan_record(scan, first + i, &rec, fault);
	}
	return err;
}
