// SPDX-License-Identifier: BSD-3-Clause
/*
 * check.c - reading everything and comparing it with everything: SBs, segment
 * headers, the tables of a clean disk, all records, map against records, all
 * data, trim logs.  Problems go to the caller one by one; memory stays what the
 * disk has.
 */
#include "vdisk/impl.h"

#define STEP_BLOCKS	256u

struct check {
	struct vdisk *disk;
	const struct vd_check_args *args;
	uint64_t done, total;
};

static void report(struct check *check, enum vd_finding finding,
		   uint32_t logical, uint32_t block, uint32_t extent,
		   uint64_t off, bool repairable, bool repaired)
{
	struct vd_problem problem = { finding, logical, block, extent, off,
				      repairable, repaired };

	check->args->report(check->args->ctx, &problem);
}

static int step(struct check *check)
{
	if (++check->done % STEP_BLOCKS || !check->args->step)
		return 0;
	return check->args->step(check->args->ctx, check->done, check->total)
	       ? 0 : -NVM_EINTR;
}

/* ---- SBs, headers, tables --------------------------------------------------------- */

static void check_supers(struct check *check)
{
	struct vdisk *disk = check->disk;

	for (uint32_t copy = 0; copy < VD_SB_COPIES; copy++)
		if (disk->supers.damaged[copy])
			report(check, VD_FIND_SB, VD_NONE, VD_NONE,
			       copy == 2 ? disk->layout.extent_count - 1 : 0,
			       disk->supers.off_bytes[copy], true,
			       !disk->read_only);
}

static int check_headers(struct check *check)
{
	struct vdisk *disk = check->disk;

	for (uint32_t s = 0; s < disk->layout.segment_count; s++) {
		const struct vd_segment *segment = &disk->layout.segment[s];
		uint32_t extent;
		bool repair = check->args->repair;

		if (!segment_head_read(segment_media(disk, segment),
				       segment->head_off, &disk->work.page,
				       disk->layout.uuid, &extent) && extent == segment->extent &&
		    segment_head_whole(segment_media(disk, segment),
				       segment->head_off, &disk->work.page))
			continue;
		if (repair)
			repair = !segment_head_write(&disk->area,
						     &disk->layout, s) &&
				 !area_barrier(&disk->area);
		report(check, VD_FIND_SEGMENT, VD_NONE, VD_NONE,
		       segment->extent, segment->head_off, true, repair);
	}
	return 0;
}

/* Of a disk that was clean and is open for reading: they will be written. */
static void check_tables(struct check *check, enum vd_table kind)
{
	struct vdisk *disk = check->disk;
	uint32_t entry = 0, count;

	while ((count = table_page_entries(disk, kind, entry))) {
		if (table_page_check(disk, kind, entry,
				     disk->layout.generation))
			report(check, VD_FIND_TABLE, kind == VD_TABLE_MAP
			       ? entry : VD_NONE, kind == VD_TABLE_MAP
			       ? VD_NONE : entry,
			       segment_of(disk, entry)->extent, 0, true,
			       false);
		entry += count;
	}
}

/* ---- records --------------------------------------------------------------------------- */

static bool entry_is(const struct vdisk *disk, const struct vd_rec *rec,
		     uint32_t block)
{
	uint64_t entry = rec->type == VD_RECORD_DATA &&
			 rec->block < disk->layout.logical_count
			 ? map_load(disk, rec->block) : 0;

	return word_is_mapped(entry) && word_block(entry) == block;
}

/*
 * Does the block hold something newer than the map says?  The next recovery
 * would find it.  A recovery that stored nothing has left such records.
 */
static void check_newer(struct check *check, uint32_t block,
			const struct vd_rec *rec)
{
	struct vdisk *disk = check->disk;
	const struct vd_segment *segment = segment_of(disk, block);
	bool newer = rec->seq > __atomic_load_n(&disk->seq, __ATOMIC_RELAXED);
	uint64_t there = 0;

	if (!disk->was_clean && disk->read_only)
		return;
	if (rec->type == VD_RECORD_DATA &&
	    rec->block < disk->layout.logical_count &&
	    !entry_is(disk, rec, block) &&
	    !entry_seq(disk, rec->block, map_load(disk, rec->block), &there))
		newer |= there <= rec->seq;
	if (newer)
		report(check, VD_FIND_MAP, VD_NONE, block, segment->extent,
		       record_off(segment, block), false, false);
}

static void check_record(struct check *check, uint32_t block)
{
	struct vdisk *disk = check->disk;
	const struct vd_segment *segment = segment_of(disk, block);
	uint64_t off = record_off(segment, block);
	bool repaired = false, used;
	struct vd_rec rec;

	if (state_of(disk, block) == VD_BLOCK_BAD)
		return;
	if (rec_load(disk, block, &rec)) {
		report(check, VD_FIND_RECORD, VD_NONE, block, segment->extent,
		       off, false, false);
		return;
	}
	check_newer(check, block, &rec);
	if (!rec.torn && !rec.corrected)
		return;
	used = entry_is(disk, &rec, block) || rec.type == VD_RECORD_LOG;
	if (check->args->repair && (used || rec.corrected))
		repaired = !rec_mend(disk, block, &rec) && !disk_drain(disk);
	report(check, VD_FIND_RECORD, entry_is(disk, &rec, block) ? rec.block
	       : VD_NONE, block, segment->extent, off, used || rec.corrected,
	       repaired);
}

/* Those with a wrong bit are put right; others that are missing are reported. */
static void check_lines(struct check *check, uint32_t block, uint32_t salt,
			struct vd_trim_line *line)
{
	struct vdisk *disk = check->disk;
	const struct vd_segment *segment = segment_of(disk, block);
	struct nvm_media *media = segment_media(disk, segment);
	uint64_t off = data_off(segment, block), missing;
	uint64_t corrected = trim_lines_judge(disk, block, salt, line);

	for (uint32_t i = 0; i < VD_TRIM_LINES; i++) {
		uint64_t at = off + i * VD_RECORD_LINE;
		bool repair = check->args->repair;

		if (!(corrected >> i & 1))
			continue;
		if (repair)
			repair = !media->ops->store(media, at, &line[i],
						    sizeof(line[i])) &&
				 !disk_drain(disk);
		report(check, VD_FIND_TRIM, VD_NONE, block, segment->extent,
		       at, true, repair);
	}
	missing = trim_lines_missing(line);
	for (uint32_t i = 0; i < VD_TRIM_LINES; i++)
		if (missing >> i & 1)
			report(check, VD_FIND_TRIM, VD_NONE, block,
			       segment->extent, off + i * VD_RECORD_LINE,
			       false, false);
}

static void check_log(struct check *check, uint32_t block)
{
	struct vdisk *disk = check->disk;
	const struct vd_segment *segment = segment_of(disk, block);
	struct nvm_media *media = segment_media(disk, segment);
	struct vd_trim_line *line = (struct vd_trim_line *)disk->log_scratch;
	struct vd_rec rec;

	if (rec_load(disk, block, &rec) || rec.type != VD_RECORD_LOG ||
	    media->ops->load(media, data_off(segment, block), line, VD_BLOCK))
		report(check, VD_FIND_TRIM, VD_NONE, block, segment->extent,
		       data_off(segment, block), false, false);
	else
		check_lines(check, block, rec.data_csum, line);
}

/* ---- data -------------------------------------------------------------------------------- */

/* One wrong bit of data is found by its checksum, and can be put right. */
static bool data_correct(struct check *check, uint32_t logical,
			 const struct vd_rec *rec, uint8_t *data,
			 bool *ret_repaired)
{
	struct vdisk *disk = check->disk;
	const struct nvm_media *media = disk->area.extent[0];
	uint32_t delta = media->ops->crc32c(0, data, VD_BLOCK) ^
			 rec->data_csum;
	int32_t bit = crc_find_bit(delta, VD_BLOCK);

	if (bit < 0)
		return false;
	data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	*ret_repaired = check->args->repair &&
			!write_blocks(disk, 0, logical, 1, data, 0) &&
			!disk_sync(disk, 0);
	return true;
}

static void check_data(struct check *check, uint32_t logical)
{
	struct vdisk *disk = check->disk;
	uint64_t entry = map_load(disk, logical);
	uint32_t block = word_block(entry);
	const struct vd_segment *segment;
	struct nvm_media *media;
	uint8_t *data = disk->log_scratch;
	bool repairable, repaired = false;
	struct vd_rec rec;

	if (!word_is_mapped(entry))
		return;
	segment = segment_of(disk, block);
	media = segment_media(disk, segment);
	if (rec_load(disk, block, &rec) || rec.type != VD_RECORD_DATA ||
	    rec.block != logical ||
	    (rec.seq & 0x7fffffff) != word_seq_low(entry)) {
		report(check, VD_FIND_MAP, logical, block, segment->extent,
		       record_off(segment, block), false, false);
		return;
	}
	if (!check->args->data)
		return;
	if (media->ops->load(media, data_off(segment, block), data,
			     VD_BLOCK)) {
		report(check, VD_FIND_POISON, logical, block, segment->extent,
		       data_off(segment, block), false, false);
		return;
	}
	if (media->ops->crc32c(0, data, VD_BLOCK) == rec.data_csum)
		return;
	repairable = data_correct(check, logical, &rec, data, &repaired);
	report(check, VD_FIND_DATA, logical, block, segment->extent,
	       data_off(segment, block), repairable, repaired);
}

int vd_check(struct vdisk *disk, const struct vd_check_args *args,
	     struct nvm_fault *fault)
{
	struct check check = { .disk = disk, .args = args,
		.total = (uint64_t)disk->layout.block_count +
			 disk->layout.logical_count };
	int err;

	if (args->repair && disk->read_only)
		return nvm_fault_set(fault, -NVM_EROFS, "disk", 0, 0, 0, 0);
	check_supers(&check);
	err = check_headers(&check);
	if (disk->was_clean && disk->read_only) {
		check_tables(&check, VD_TABLE_MAP);
		check_tables(&check, VD_TABLE_STATES);
	}
	for (uint32_t block = 0; block < disk->layout.block_count && !err;
	     block++) {
		check_record(&check, block);
		if (state_of(disk, block) ==
		    VD_BLOCK_LOG)
			check_log(&check, block);
		err = step(&check);
	}
	for (uint32_t logical = 0; logical < disk->layout.logical_count &&
	     !err; logical++) {
		check_data(&check, logical);
		err = step(&check);
	}
	if (!err && args->repair)
		err = disk_sync(disk, 0);
	return err;
}
