// SPDX-License-Identifier: BSD-3-Clause
/*
 * record.c - block records: which half of a line is the newest, what it says,
 * and how the next one is stored.
 *
 * Invariant: a half is stored only into the place of the older (or not valid)
 * half of a block that nobody reads, so whatever a power loss tears, the other
 * half still has the block's count.
 */
#include "vdisk/impl.h"

#define CSUM_BYTES	offsetof(struct vd_record, csum)
_Static_assert(CSUM_BYTES == 28, "crc_28_bytes");

static uint32_t rec_csum(const struct vdisk *disk,
			 const struct vd_segment *segment, uint32_t block,
			 const struct vd_record *half)
{
	uint32_t seed = rec_seed(segment, block);
	uint64_t word[sizeof(*half) / 8];

	if (!disk->crc_instruction)
		return segment_media(disk, segment)->ops->crc32c(seed, half,
								 CSUM_BYTES);
	memcpy(word, half, sizeof(word));
	return crc_28_bytes(seed, word);
}

/* What the checksum cannot tell: that we would write such a record. */
static bool half_sane(const struct vd_record *half)
{
	return half->type >= VD_RECORD_DATA && half->type <= VD_RECORD_BAD &&
	       half->group_count <= VD_GROUP_MAX &&
	       half->group_index < half->group_count &&
	       get_le64(half->seq) <= VD_SEQ_MAX &&
	       get_le64(half->seq);
}

static bool half_valid(const struct vdisk *disk,
		       const struct vd_segment *segment, uint32_t block,
		       const struct vd_record *half)
{
	return get_le32(half->csum) ==
	       rec_csum(disk, segment, block, half) && half_sane(half);
}

/* Put one wrong bit of a half right. */
static bool half_correct(const struct vdisk *disk,
			 const struct vd_segment *segment, uint32_t block,
			 struct vd_record *half)
{
	uint32_t delta = get_le32(half->csum) ^
			 rec_csum(disk, segment, block, half);
	int32_t bit = crc_find_bit(delta, CSUM_BYTES);

	if (bit >= 0)
		((uint8_t *)half)[bit / 8] ^= (uint8_t)(1u << bit % 8);
	else if (delta & (delta - 1))
		return false;
	else
		half->csum = put_le32(get_le32(half->csum) ^ delta);
	return half_valid(disk, segment, block, half);
}

static void half_decode(const struct vd_record *half, struct vd_rec *ret_rec)
{
	ret_rec->seq = get_le64(half->seq);
	ret_rec->block = get_le32(half->block);
	ret_rec->count = get_le32(half->count);
	ret_rec->data_csum = get_le32(half->data_csum);
	ret_rec->lag = get_le32(half->lag);
	ret_rec->type = half->type;
	ret_rec->group_index = half->group_index;
	ret_rec->group_count = half->group_count;
}

/* Never written: zeros, but for one bit that rotted at most. */
static bool half_is_blank(const struct vd_record *half)
{
	uint64_t word[sizeof(*half) / 8], any = 0, more = 0;

	memcpy(word, half, sizeof(word));
	for (size_t i = 0; i < sizeof(word) / 8; i++) {
		more |= (any ? word[i] : 0) | (word[i] & (word[i] - 1));
		any |= word[i];
	}
	return !any || !more;
}

/*
 * A half is not valid: can it be mended?  Which is the newest?  Where the one
 * with the smaller seq is beyond mending, its seq may have been the larger.
 */
static bool parse_damaged(const struct vdisk *disk,
			  const struct vd_segment *segment, uint32_t block,
			  const struct vd_record half[2],
			  struct vd_rec *ret_rec)
{
	struct vd_record mended[2] = { half[0], half[1] };
	bool good[2], corrected[2] = { false, false };
	unsigned newest;

	for (unsigned h = 0; h < 2; h++) {
		good[h] = half_valid(disk, segment, block, &half[h]);
		if (!good[h] && !half_is_blank(&half[h]))
			corrected[h] = good[h] = half_correct(disk, segment,
							      block,
							      &mended[h]);
	}
	ret_rec->torn = (!good[0] && !half_is_blank(&half[0])) ||
			(!good[1] && !half_is_blank(&half[1]));
	if (!good[0] && !good[1])
		return false;
	newest = !good[0] || (good[1] && get_le64(mended[1].seq) >
					 get_le64(mended[0].seq));
	half_decode(&mended[newest], ret_rec);
	ret_rec->half = (uint8_t)newest;
	ret_rec->corrected = corrected[newest];
	return true;
}

/*
 * False: the line holds no valid record.  Then type is 0, and torn says
 * whether there are other bytes than zeros.
 */
bool rec_parse(const struct vdisk *disk, const struct vd_segment *segment,
	       uint32_t block, const uint8_t line[VD_RECORD_LINE],
	       struct vd_rec *ret_rec)
{
	struct vd_record half[2];
	unsigned larger;

	memcpy(half, line, sizeof(half));
	larger = get_le64(half[1].seq) > get_le64(half[0].seq);
	ret_rec->torn = ret_rec->corrected = false;
	/* A half that counts has a number; most without one are blank. */
	if (get_le64(half[larger].seq) &&
	    half_valid(disk, segment, block, &half[larger]) &&
	    (half_is_blank(&half[!larger]) ||
	     half_valid(disk, segment, block, &half[!larger]))) {
		half_decode(&half[larger], ret_rec);
		ret_rec->half = (uint8_t)larger;
		return true;
	}
	*ret_rec = (struct vd_rec){ 0 };
	return !(half_is_blank(&half[0]) && half_is_blank(&half[1])) &&
	       parse_damaged(disk, segment, block, half, ret_rec);
}

int rec_load(const struct vdisk *disk, uint32_t block, struct vd_rec *ret_rec)
{
	const struct vd_segment *segment = segment_of(disk, block);
	struct nvm_media *media = segment_media(disk, segment);
	uint8_t line[VD_RECORD_LINE] __attribute__((aligned(64)));
	int err = media->ops->load(media, record_off(segment, block), line,
				   sizeof(line));

	if (!err)
		rec_parse(disk, segment, block, line, ret_rec);
	return err;
}

uint32_t rec_lag(uint64_t seq, uint64_t watermark)
{
	return seq - watermark < VD_LAG_NONE ? (uint32_t)(seq - watermark)
					     : VD_LAG_NONE;
}

/*
 * A field that was just stored must be loaded in its own size: a wider load
 * (compilers like to copy several fields at once) waits for all stores before
 * it, the block's data among them.
 */
#define LOAD_ALONE(field)	(*(const volatile __typeof__(field) *)&(field))

int rec_store(struct vdisk *disk, uint32_t block, uint32_t half,
	      const struct vd_rec *rec)
{
	const struct vd_segment *segment = segment_of(disk, block);
	struct nvm_media *media = segment_media(disk, segment);
	uint64_t word[sizeof(struct vd_record) / 8] = {
		LOAD_ALONE(rec->seq),
		LOAD_ALONE(rec->block) |
			(uint64_t)LOAD_ALONE(rec->count) << 32,
		LOAD_ALONE(rec->data_csum) |
			(uint64_t)LOAD_ALONE(rec->lag) << 32,
		rec->type | (uint64_t)rec->group_index << 8 |
			(uint64_t)rec->group_count << 16,
	};
	le64_t bytes[sizeof(struct vd_record) / 8];
	uint32_t seed = rec_seed(segment, block);
	uint32_t csum;

	for (size_t i = 0; i < sizeof(word) / 8; i++)
		bytes[i] = put_le64(word[i]);
	csum = disk->crc_instruction ? crc_28_bytes(seed, word) :
	       media->ops->crc32c(seed, bytes, CSUM_BYTES);
	bytes[3] = put_le64(word[3] | (uint64_t)csum << 32);
	return media->ops->store(media, record_off(segment, block) +
				 half * sizeof(bytes), bytes, sizeof(bytes));
}

/* The record again, where it was wrong in a bit, or the other half is torn. */
int rec_mend(struct vdisk *disk, uint32_t block, const struct vd_rec *rec)
{
	int err = rec->corrected ? rec_store(disk, block, rec->half, rec) : 0;

	if (!err && rec->torn)
		err = rec_store(disk, block, !rec->half, rec);
	return err;
}

/*
 * Over a torn half no word of it may be one that the half lacks: a power loss
 * in the middle would then make the torn record whole.  So the logical block is
 * none, and the seq one that no write in flight can have had (scan_repair).
 */
int rec_store_void(struct vdisk *disk, uint32_t block,
		   const struct vd_rec *rec, uint64_t seq, uint64_t watermark,
		   enum vd_record_type type)
{
	struct vd_rec next = {
		.seq = seq, .block = VD_NONE, .lag = rec_lag(seq, watermark),
		.count = rec->count + (rec->count != UINT32_MAX),
		.type = (uint8_t)type, .group_count = 1,
	};

	return rec_store(disk, block, rec->type ? !rec->half : 0, &next);
}
