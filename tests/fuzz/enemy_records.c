/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * enemy_records.c - edits of block records and trim logs.
 */
#include <string.h>

#include "tests/fuzz/enemy_private.h"

/* ---- records ----------------------------------------------------------------- */

enum record_flag {
	RECORD_OTHER_HALF = 1, RECORD_BOTH = 2, RECORD_BAD_DATA = 4,
	RECORD_BAD_CSUM = 8, RECORD_ONE_BIT = 16, RECORD_GROUP = 32,
};

static uint32_t logical_from(const struct enemy *enemy,
			     const struct edit *edit, uint32_t step)
{
	uint32_t logical = enemy->view.logical_count;

	switch (edit->e >> 4 & 7) {
	case 0:
		return (edit->g + step) % logical;
	case 1:
		return edit->g % logical;
	case 2:
		return logical - 1 - step % logical;
	case 3:
		return step / 2 % logical;
	case 4:
		return edit->g + step;
	case 5:
		return logical + step;
	default:
		return (edit->g + step * 7) % logical;
	}
}

static void record_put(struct enemy *enemy, const struct edit *edit,
		       uint32_t block, struct vd_record record)
{
	const struct vd_segment *segment = segment_with(enemy, block);
	struct scratch *extent = extent_of(enemy, segment->extent);
	uint64_t off = record_off(segment, block);
	unsigned half = 0, last;
	struct vd_record there;
	uint8_t *bytes = (uint8_t *)&record;

	record.csum = put_le32(crc(enemy, segment->seed ^
				   block * 0x9e3779b1u, &record, 28) ^
			       (edit->flags & RECORD_BAD_CSUM ? edit->g | 3
								: 0));
	if (edit->flags & RECORD_ONE_BIT)
		bytes[edit->g % 256 / 8] ^= (uint8_t)(1u << edit->g % 8);
	/* The older half, as a write does, or the other one. */
	if (record_at(enemy, block, 0, &there)) {
		uint64_t seq = get_le64(there.seq);

		half = record_at(enemy, block, 1, &there) &&
		       get_le64(there.seq) < seq;
	}
	half ^= edit->flags & RECORD_OTHER_HALF;
	last = edit->flags & RECORD_BOTH ? half + 1 : half;
	for (unsigned h = half; h <= last; h++)
		scratch_poke(extent, off + (h & 1) * sizeof(record), &record,
			     sizeof(record));
}

/*
 * a: first block; b: how many; c: seq; d: lag; e: low bits, steps of the seq,
 * of bits 2, 3 the type, high bits the logical blocks; f: group_count.
 */
void edit_records(struct enemy *enemy, const struct edit *edit)
{
	static const uint8_t types[] = { VD_RECORD_DATA, VD_RECORD_VOID,
					 VD_RECORD_LOG, VD_RECORD_BAD };
	uint32_t count = 1 + edit->b % enemy->view.block_count;
	uint64_t first = seq_from(enemy, edit->c);
	uint32_t group = edit->flags & RECORD_GROUP ? 1 + edit->f % 66 : 1;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t block = block_from(enemy, (uint64_t)edit->a + i);
		const struct vd_segment *segment = segment_with(enemy, block);
		uint64_t seq = seq_step(first, i, edit->e);
		const uint8_t *data = bytes_at(extent_of(enemy,
							 segment->extent),
					       data_off(segment, block),
					       VD_BLOCK);
		struct vd_record record = { .seq = put_le64(seq),
			.block = put_le32(logical_from(enemy, edit, i)),
			.count = put_le32(edit->g),
			.lag = put_le32(lag_from(enemy, edit->d, seq)),
			.type = types[edit->e >> 2 & 3],
			.group_index = (uint8_t)(i % group),
			.group_count = (uint8_t)group };

		if (data && !(edit->flags & RECORD_BAD_DATA))
			record.data_csum = put_le32(crc(enemy, 0, data,
							VD_BLOCK));
		record_put(enemy, edit, block, record);
	}
}

/* ---- trim logs --------------------------------------------------------------- */

enum log_flag { LOG_OTHER_SALT = 1, LOG_ALL_BLOCKS = 2, LOG_GAPS = 4 };

static void log_line(struct enemy *enemy, const struct edit *edit,
		     uint32_t block, uint32_t salt, uint32_t number,
		     uint64_t first_seq)
{
	const struct vd_segment *segment = segment_with(enemy, block);
	struct vd_trim_line line = { .range_count =
				     (uint8_t)(1 + edit->f % 4) };
	uint32_t logical = enemy->view.logical_count;
	le32_t seed[3] = { put_le32(salt), put_le32(block), put_le32(number) };

	for (uint32_t r = 0; r < VD_TRIM_RANGES; r++) {
		uint64_t seq = seq_step(first_seq, number * 3 + r, edit->e);
		uint32_t first = edit->flags & LOG_ALL_BLOCKS ? 0
				 : edit->g % logical;
		uint32_t count = edit->flags & LOG_ALL_BLOCKS ? logical
				 : edit->g >> 16;

		line.range[r] = (struct vd_trim_range){ put_le64(seq),
			put_le32(first), put_le32(count) };
		if (!r)
			line.lag = put_le32(lag_from(enemy, edit->d, seq));
	}
	line.csum = put_le32(crc(enemy, crc(enemy, salt, seed, sizeof(seed)),
				 &line.lag, sizeof(line) - 4));
	scratch_poke(extent_of(enemy, segment->extent),
		     data_off(segment, block) + number * sizeof(line), &line,
		     sizeof(line));
}

/*
 * a: first block; b: how many logs; c: seq of the first line; d: lag; e: steps
 * of the seq; f: ranges a line, and from bit 2 on how many lines; g: range.
 */
void edit_logs(struct enemy *enemy, const struct edit *edit)
{
	uint32_t logs = 1 + edit->b % enemy->view.block_count;
	uint32_t lines = (edit->f >> 2) + 1u;
	uint64_t first = seq_from(enemy, edit->c);

	for (uint32_t i = 0; i < logs; i++) {
		uint32_t block = block_from(enemy, (uint64_t)edit->a + i);
		uint64_t seq = seq_step(first, i * lines, edit->e);
		le64_t mix[3] = { put_le64(enemy->view.secret), put_le64(seq),
				  put_le64(block) };
		uint32_t salt = edit->flags & LOG_OTHER_SALT ? edit->g
				: crc(enemy, 0x5a17, mix, sizeof(mix));
		struct vd_record record = { .seq = put_le64(seq),
			.count = put_le32(i), .data_csum = put_le32(salt),
			.lag = put_le32(VD_LAG_NONE), .type = VD_RECORD_LOG,
			.group_count = 1 };
		const struct edit plain = { .kind = EDIT_RECORDS };

		record_put(enemy, &plain, block, record);
		for (uint32_t n = 0; n < lines; n++)
			if (!(edit->flags & LOG_GAPS) || n % 3)
				log_line(enemy, edit, block, salt, n, seq);
	}
}
