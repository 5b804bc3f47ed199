// SPDX-License-Identifier: BSD-3-Clause
/*
 * judge.c - recovery: which records above the watermark count.
 *
 * They are judged newest first.  One counts if its data have its checksum; of
 * an atomic group all members count or none, where a member that is missing is
 * excused if its logical block has something newer that counts (then its block
 * was free and may be in use again).
 *
 * What counts is flushed with its data, for a process that was killed may have
 * left it visible and not durable; what does not is made VOID, or a later
 * watermark would pass it and the next recovery believe it.
 */
#include "vdisk/impl.h"

/* ---- newest first: heap sort ---------------------------------------------------- */

static void sift(struct vd_candidate *heap, uint32_t at, uint32_t count)
{
	struct vd_candidate moving = heap[at];

	for (;;) {
		uint64_t child = 2 * (uint64_t)at + 1;

		if (child >= count)
			break;
		if (child + 1 < count && heap[child + 1].seq < heap[child].seq)
			child++;
		if (moving.seq <= heap[child].seq)
			break;
		heap[at] = heap[child];
		at = (uint32_t)child;
	}
	heap[at] = moving;
}

static void sort_newest_first(struct vd_candidate *list, uint32_t count)
{
	for (uint32_t at = count / 2; at--; )
		sift(list, at, count);
	while (count > 1) {
		struct vd_candidate least = list[0];

		list[0] = list[--count];
		list[count] = least;
		sift(list, 0, count);
	}
}

/* ---- one record -------------------------------------------------------------------- */

static void data_check(struct vd_scan *scan, struct vd_candidate *candidate)
{
	struct vdisk *disk = scan->disk;
	const struct vd_segment *segment = segment_of(disk, candidate->block);
	struct nvm_media *media = segment_media(disk, segment);
	uint8_t *data = disk->lane[0].scratch;
	struct vd_rec rec;

	candidate->bad = rec_load(disk, candidate->block, &rec) ||
		media->ops->load(media, data_off(segment, candidate->block),
				 data, VD_BLOCK) ||
		media->ops->crc32c(0, data, VD_BLOCK) != rec.data_csum;
}

static int candidate_flush(struct vd_scan *scan,
			   const struct vd_candidate *candidate)
{
	struct vdisk *disk = scan->disk;
	const struct vd_segment *segment = segment_of(disk, candidate->block);
	struct nvm_media *media = segment_media(disk, segment);
	int err;

	if (disk->read_only)
		return 0;
	scan->flushed = true;
	err = media->ops->flush(media, record_off(segment, candidate->block),
				VD_RECORD_LINE);
	if (!err && candidate->type == VD_RECORD_DATA)
		err = media->ops->flush(media, data_off(segment,
							candidate->block),
					VD_BLOCK);
	return err;
}

static int candidate_accept(struct vd_scan *scan,
			    const struct vd_candidate *candidate)
{
	struct vd_rec rec;
	int err = candidate_flush(scan, candidate);

	if (!err && !rec_load(scan->disk, candidate->block, &rec))
		scan_insert(scan, rec.block, candidate->block, candidate->seq);
	return err;
}

/* Has the logical block something newer that counts? */
static bool superseded(struct vd_scan *scan, uint64_t logical, uint64_t seq)
{
	struct vdisk *disk = scan->disk;
	uint64_t entry = logical < disk->layout.logical_count
			 ? disk->map[logical] : 0;
	struct vd_rec rec;

	if (!word_is_mapped(entry))
		return entry > seq;
	return !rec_load(disk, word_block(entry), &rec) && rec.seq > seq;
}

/* Nobody may write there again: as a block that a reader finds poisoned. */
static bool data_unreadable(struct vd_scan *scan, uint32_t block)
{
	struct vdisk *disk = scan->disk;
	const struct vd_segment *segment = segment_of(disk, block);
	struct nvm_media *media = segment_media(disk, segment);

	if (!media->ops->load(media, data_off(segment, block),
			      disk->lane[0].scratch, VD_BLOCK))
		return false;
	disk->state[block] = (uint8_t)((disk->state[block] & VD_STATE_FLAGS) |
				       VD_BLOCK_BAD);
	return true;
}

static int candidate_reject(struct vd_scan *scan,
			    const struct vd_candidate *candidate)
{
	struct vdisk *disk = scan->disk;
	struct vd_rec rec;
	int err = rec_load(disk, candidate->block, &rec);
	bool unreadable = data_unreadable(scan, candidate->block);

	if (!err && !superseded(scan, rec.block, candidate->seq))
		scan->rolled_back++;
	if (disk->read_only)
		return 0;
	scan->flushed = true;
	return err ? err : rec_store_void(disk, candidate->block, &rec,
					  ++scan->top, scan->mark, unreadable ?
					  VD_RECORD_BAD : VD_RECORD_VOID);
}

/* ---- groups --------------------------------------------------------------------------- */

/*
 * The candidates list[0..count) are those of one group, newest first.  The
 * group's first number is @first, its first logical block @logical.
 */
static bool group_is_whole(struct vd_scan *scan,
			   const struct vd_candidate *list, uint32_t count,
			   uint64_t first, uint64_t logical, uint32_t members)
{
	uint32_t at = 0;

	for (uint32_t i = members; i--; ) {
		uint64_t seq = first + i;

		while (at < count && list[at].seq > seq)
			at++;
		if (seq <= scan->mark ||
		    (at < count && list[at].seq == seq && !list[at].bad))
			continue;
		if (!superseded(scan, logical + i, seq))
			return false;
	}
	return true;
}

static int judge_group(struct vd_scan *scan, struct vd_candidate *list,
		       uint32_t count)
{
	uint32_t members = list[0].group_count;
	uint64_t first = list[0].seq - list[0].group_index, logical;
	struct vd_rec rec;
	bool whole;
	int err = rec_load(scan->disk, list[0].block, &rec);

	logical = (uint64_t)rec.block - list[0].group_index;
	whole = !err && rec.block >= list[0].group_index &&
		group_is_whole(scan, list, count, first, logical, members);
	for (uint32_t i = 0; i < count && !err; i++)
		err = whole && !list[i].bad
			? candidate_accept(scan, &list[i])
			: candidate_reject(scan, &list[i]);
	return err;
}

/* How many from @at on belong to the same group. */
static uint32_t group_length(const struct vd_candidate *list, uint32_t at,
			     uint32_t count)
{
	uint64_t first = list[at].seq - list[at].group_index;
	uint32_t end = at + 1;

	while (end < count && list[end].type == VD_RECORD_DATA &&
	       list[end].group_count == list[at].group_count &&
	       list[end].seq - list[end].group_index == first)
		end++;
	return end - at;
}

int judge_candidates(struct vd_scan *scan, struct nvm_fault *fault)
{
	struct vd_candidate *list = scan->candidate;
	uint32_t count = scan->candidate_count, length;
	int err = 0;

	sort_newest_first(list, count);
	for (uint32_t i = 0; i < count; i++)
		if (list[i].type == VD_RECORD_DATA && !list[i].bad)
			data_check(scan, &list[i]);
	for (uint32_t i = 0; i < count && !err; i += length) {
		length = 1;
		if (list[i].type != VD_RECORD_DATA) {
			err = candidate_flush(scan, &list[i]);
		} else if (list[i].group_count > 1) {
			length = group_length(list, i, count);
			err = judge_group(scan, &list[i], length);
		} else {
			err = list[i].bad ? candidate_reject(scan, &list[i])
					  : candidate_accept(scan, &list[i]);
		}
	}
	return err ? nvm_fault_set(fault, err, "block record", 0, 0, 0, 0) : 0;
}
