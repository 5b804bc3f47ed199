// SPDX-License-Identifier: BSD-3-Clause
/*
 * trim.c - trims, and the logs in which they are kept.
 *
 * Why a log: a word in a table wears out under a load that writes and trims
 * one block in turn, and a mark in a block record halves the life of the
 * records.  The log is an ordinary block, chosen like any other; each of its
 * 64 lines is written once, so its lines wear as evenly as data.
 *
 * A trim:  1. take a number, 2. store a line, 3. drain, 4. switch the map.
 *
 *   Crash before the drain: the line is whole or not valid; the blocks are
 *   trimmed or as before.  After it: trimmed.  The map is switched after the
 *   drain, so that a writer who finds the trim there knows it durable.
 *
 * A line counts while it is above the watermark, or a block of it is still
 * trimmed by that very number, or what superseded it is above the watermark.
 * When there are more logs than such lines need, or they span too many blocks
 * for a recovery of bounded time, one is evacuated: what counts is copied into
 * the open log, and the old one is freed after a drain.
 */
#include "vdisk/impl.h"

#define LOGS_LEAST	4u

/* Unknown to whoever writes data into the disk, so no data pass for lines. */
uint32_t log_salt(const struct vdisk *disk, uint32_t block, uint64_t seq)
{
	const struct nvm_media *media = disk->area.extent[0];
	le64_t mix[3] = { put_le64(disk->layout.secret), put_le64(seq),
			  put_le64(block) };

	return media->ops->crc32c(0x5a17, mix, sizeof(mix));
}

static uint32_t line_csum(const struct vdisk *disk, uint32_t block,
			  uint32_t salt, uint32_t line,
			  const struct vd_trim_line *bytes)
{
	const struct nvm_media *media = disk->area.extent[0];
	le32_t seed[3] = { put_le32(salt), put_le32(block), put_le32(line) };
	size_t len = sizeof(*bytes) - sizeof(bytes->csum);
	uint32_t crc;

	if (disk->crc_instruction)
		return crc_words(crc_words(salt, seed, sizeof(seed)),
				 &bytes->lag, len);
	crc = media->ops->crc32c(salt, seed, sizeof(seed));
	return media->ops->crc32c(crc, &bytes->lag, len);
}

static bool line_sane(const struct vd_trim_line *line)
{
	if (!line->range_count || line->range_count > VD_TRIM_RANGES)
		return false;
	for (unsigned i = 0; i < line->range_count; i++) {
		const struct vd_trim_range *range = &line->range[i];
		uint64_t first = get_le32(range->first);
		uint64_t count = get_le32(range->count);

		if (!count || count > VD_TRIM_MAX || first + count > VD_NONE ||
		    !get_le64(range->seq) || get_le64(range->seq) > VD_SEQ_MAX)
			return false;
	}
	return true;
}

/* Put the one wrong bit right that @delta points at; false: it is not that. */
static bool line_correct(struct vd_trim_line *line, uint32_t delta)
{
	uint32_t len = sizeof(*line) - sizeof(line->csum);
	int32_t bit = crc_find_bit(delta, len);

	if (bit >= 0)
		((uint8_t *)&line->lag)[bit / 8] ^= (uint8_t)(1u << bit % 8);
	else if (delta & (delta - 1))
		return false;
	else
		line->csum = put_le32(get_le32(line->csum) ^ delta);
	return line_sane(line);
}

uint64_t trim_lines_judge(const struct vdisk *disk, uint32_t block,
			  uint32_t salt, struct vd_trim_line *line)
{
	uint64_t corrected = 0;

	for (uint32_t i = 0; i < VD_TRIM_LINES; i++) {
		uint32_t delta = get_le32(line[i].csum) ^
				 line_csum(disk, block, salt, i, &line[i]);

		if (!delta && line_sane(&line[i]))
			continue;
		if (delta && line_correct(&line[i], delta))
			corrected |= 1ull << i;
		else
			memset(&line[i], 0, sizeof(line[i]));
	}
	return corrected;
}

/* A trim's own line, not a copy: its seq; 0 for others. */
static uint64_t line_seq(const struct vd_trim_line *line)
{
	return get_le32(line->lag) == VD_LAG_NONE ? 0 :
	       get_le64(line->range[0].seq);
}

/*
 * Lines are stored one after the other, each with a larger seq.  So one that is
 * not valid must have been durable if any watermark reaches up to the seq of
 * the next valid one; else a power loss may have torn it.  A bit for each line
 * that must be there and is not.
 */
uint64_t trim_lines_missing(const struct vd_trim_line *judged)
{
	uint64_t next = 0, mark = 0, missing = 0;

	for (uint32_t i = VD_TRIM_LINES; i--; ) {
		uint64_t seq, lag;

		if (!trim_line_is_valid(&judged[i])) {
			if (next && mark >= next - 1)
				missing |= 1ull << i;
			continue;
		}
		seq = line_seq(&judged[i]);
		lag = get_le32(judged[i].lag);
		next = seq ? seq : next;
		if (seq && lag <= seq && seq - lag > mark)
			mark = seq - lag;
	}
	return missing;
}

/* How many blocks of a range there still are: the disk may have shrunk. */
uint32_t trim_range_blocks(const struct vdisk *disk,
			   const struct vd_trim_range *range)
{
	uint32_t end = disk->layout.logical_count;
	uint32_t first = get_le32(range->first), count = get_le32(range->count);

	return first >= end ? 0 : count < end - first ? count : end - first;
}

/* ---- the open log (all under the log lock) ---------------------------------------- */

static void log_close(struct vdisk *disk)
{
	if (disk->log_block == VD_NONE)
		return;
	if (disk->log_ring_count < VD_LOG_RING)
		disk->log_ring[disk->log_ring_count++] = (struct vd_log){
			disk->log_block, disk->log_span };
	disk->log_block = VD_NONE;
}

/*
 * Make a free block the open log.  Its record is durable before any line is
 * stored: lines of other lanes' threads rely on it.
 */
static int log_open(struct vdisk *disk, uint32_t lane)
{
	struct vd_lane *l = &disk->lane[lane];
	struct vd_piece first = l->piece[0];
	struct wear_block to;
	struct vd_rec rec = { .type = VD_RECORD_LOG, .group_count = 1 };
	uint32_t got;
	int err;

	log_close(disk);
	err = supply_take(disk, lane, 1, &got);
	to = l->piece[0].to;
	l->piece[0] = first;
	if (err)
		return err;
	rec.seq = __atomic_add_fetch(&disk->seq, 1, __ATOMIC_ACQ_REL);
	rec.lag = VD_LAG_NONE;
	rec.count = to.count + (to.count != UINT32_MAX);
	rec.data_csum = log_salt(disk, to.block, rec.seq);
	err = rec_store(disk, to.block, to.tag, &rec);
	if (!err)
		err = disk_drain(disk);
	if (err) {
		supply_retire(disk, to.block);
		return err;
	}
	pool_lock_take(disk);
	supply_state(disk, to.block, VD_BLOCK_LOG);
	pool_lock_drop(disk);
	disk->log_block = to.block;
	disk->log_seq = rec.seq;
	disk->log_salt = rec.data_csum;
	disk->log_line = disk->log_span = 0;
	disk->log_count++;
	l->written++;
	return 0;
}

/* Store @line as the next one of the open log; not drained. */
static int log_append_once(struct vdisk *disk, uint32_t lane,
		      struct vd_trim_line *line)
{
	const struct vd_segment *segment;
	struct nvm_media *media;
	uint32_t span = 0;
	int err = 0;

	if (disk->log_block == VD_NONE || disk->log_line == VD_TRIM_LINES)
		err = log_open(disk, lane);
	if (err)
		return err;
	line->csum = put_le32(line_csum(disk, disk->log_block, disk->log_salt,
					disk->log_line, line));
	segment = segment_of(disk, disk->log_block);
	media = segment_media(disk, segment);
	err = media->ops->store(media, data_off(segment, disk->log_block) +
				disk->log_line * VD_RECORD_LINE, line,
				sizeof(*line));
	if (err) {
		log_close(disk);
		return err;
	}
	disk->log_line++;
	for (unsigned i = 0; i < line->range_count; i++)
		span += get_le32(line->range[i].count);
	disk->log_span += span;
	disk->span_total += span;
	return 0;
}

/* Where the media refuses, another block may serve. */
static int log_append(struct vdisk *disk, uint32_t lane,
		      struct vd_trim_line *line)
{
	int err = log_append_once(disk, lane, line);

	return err == -NVM_EIO ? log_append_once(disk, lane, line) : err;
}

/* ---- evacuation (under the log lock) ------------------------------------------------ */

struct evacuation {
	struct vdisk *disk;
	uint32_t lane;
	struct vd_trim_line line;	/* being filled */
	uint64_t watermark;
};

static void line_begin(struct vd_trim_line *line)
{
	memset(line, 0, sizeof(*line));
	line->lag = put_le32(VD_LAG_NONE);
}

static int evacuate_range(struct evacuation *ev, uint32_t first,
			  uint32_t count, uint64_t seq)
{
	struct vd_trim_line *line = &ev->line;
	int err = 0;

	line->range[line->range_count++] = (struct vd_trim_range){
		.seq = put_le64(seq), .first = put_le32(first),
		.count = put_le32(count) };
	if (line->range_count == VD_TRIM_RANGES) {
		err = log_append(ev->disk, ev->lane, line);
		line_begin(line);
	}
	return err;
}

/*
 * Must a trim of @block with number @seq be kept?  One in flight must: its lane
 * has yet to switch the map, and will rely on its line.
 */
static bool trim_counts(struct evacuation *ev, uint32_t block, uint64_t seq)
{
	if (seq > ev->watermark)
		return true;
	for (;;) {
		uint64_t entry = map_load(ev->disk, block), there;

		if (!word_is_mapped(entry))
			return entry == seq;
		if (!entry_seq(ev->disk, block, entry, &there))
			return there > ev->watermark;
	}
}

static int evacuate_line(struct evacuation *ev,
			 const struct vd_trim_line *line)
{
	for (unsigned i = 0; i < line->range_count; i++) {
		uint32_t first = get_le32(line->range[i].first);
		uint32_t count = trim_range_blocks(ev->disk, &line->range[i]), run = 0;
		uint64_t seq = get_le64(line->range[i].seq);

		for (uint32_t at = 0; at <= count; at++) {
			int err;

			if (at < count && trim_counts(ev, first + at, seq)) {
				run++;
				continue;
			}
			err = run ? evacuate_range(ev, first + at - run, run,
						   seq) : 0;
			if (err)
				return err;
			run = 0;
		}
	}
	return 0;
}

static uint32_t line_span(const struct vdisk *disk, const struct vd_trim_line *line)
{
	uint32_t span = 0;

	for (unsigned i = 0; i < line->range_count; i++)
		span += trim_range_blocks(disk, &line->range[i]);
	return span;
}

/* A log's record and lines, into @lines.  0: it is a log. */
static int log_load(struct vdisk *disk, uint32_t block,
		    struct vd_rec *ret_rec, struct vd_trim_line *lines)
{
	const struct vd_segment *segment = segment_of(disk, block);
	struct nvm_media *media = segment_media(disk, segment);
	int err = rec_load(disk, block, ret_rec);

	if (!err && ret_rec->type != VD_RECORD_LOG)
		err = -NVM_EBADMSG;
	if (!err)
		err = media->ops->load(media, data_off(segment, block), lines,
				       VD_BLOCK);
	if (!err)
		trim_lines_judge(disk, block, ret_rec->data_csum, lines);
	return err;
}

/* How many blocks the ranges of a log span. */
uint64_t log_span(struct vdisk *disk, uint32_t block, uint8_t *scratch)
{
	struct vd_trim_line *lines = (struct vd_trim_line *)scratch;
	struct vd_rec rec;
	uint64_t span = 0;

	if (log_load(disk, block, &rec, lines))
		return 0;
	for (uint32_t i = 0; i < VD_TRIM_LINES; i++)
		if (trim_line_is_valid(&lines[i]))
			span += line_span(disk, &lines[i]);
	return span;
}

/* A log that cannot be read: all trims there are, as the map has them. */
static int evacuate_map(struct evacuation *ev)
{
	struct vdisk *disk = ev->disk;
	uint32_t end = disk->layout.logical_count, run = 0;
	uint64_t seq = 0;

	for (uint32_t at = 0; at <= end; at++) {
		uint64_t entry = at < end ? map_load(disk, at) : 0;
		int err;

		if (run && entry == seq && run < VD_TRIM_MAX) {
			run++;
			continue;
		}
		err = run ? evacuate_range(ev, at - run, run, seq) : 0;
		if (err)
			return err;
		run = !word_is_mapped(entry) && entry;
		seq = entry;
	}
	return 0;
}

/*
 * Copy what counts of a closed log, and free it.
 *
 *   Crash before the drain: the old log is still there; copies are the same
 *   trims once more.  After it the log is freed like any block (SYNC: with the
 *   next sync), and says VOID from then on.
 */
int log_evacuate(struct vdisk *disk, uint32_t lane, uint32_t block)
{
	struct evacuation ev = { .disk = disk, .lane = lane,
		.watermark = disk_watermark(disk) };
	struct vd_trim_line *lines = (struct vd_trim_line *)disk->log_scratch;
	struct vd_rec rec;
	uint64_t span = 0;
	int unreadable = log_load(disk, block, &rec, lines), err;

	line_begin(&ev.line);
	err = unreadable || trim_lines_missing(lines) ? evacuate_map(&ev) : 0;
	for (uint32_t i = 0; !unreadable && i < VD_TRIM_LINES && !err; i++) {
		if (!trim_line_is_valid(&lines[i]))
			continue;
		span += line_span(disk, &lines[i]);
		err = evacuate_line(&ev, &lines[i]);
	}
	if (!err && ev.line.range_count)
		err = log_append(disk, lane, &ev.line);
	if (!err)
		err = disk_drain(disk);
	if (err)
		return err;
	disk->log_count--;
	disk->span_total -= span < disk->span_total ? span : disk->span_total;
	if (unreadable) {
		supply_retire(disk, block);
		return 0;
	}
	pool_lock_take(disk);
	supply_state(disk, block, VD_BLOCK_TAKEN);
	pool_lock_drop(disk);
	supply_free(disk, lane, block);
	return 0;
}

/* A closed log: of the ring, or found by its state. */
static uint32_t log_oldest(struct vdisk *disk)
{
	uint32_t block;

	if (disk->log_ring_count) {
		block = disk->log_ring[0].block;
		disk->log_ring_count--;
		memmove(disk->log_ring, disk->log_ring + 1,
			disk->log_ring_count * sizeof(disk->log_ring[0]));
		return block;
	}
	for (block = 0; block < disk->layout.block_count; block++)
		if (state_of(disk, block) ==
		    VD_BLOCK_LOG && block != disk->log_block)
			return block;
	return VD_NONE;
}

static uint64_t tombs_now(struct vdisk *disk)
{
	uint64_t tombs = disk->tombs;

	for (uint32_t i = 0; i < disk->lane_count; i++)
		tombs += count_load(&disk->lane[i].tombs);
	/* The lanes are not looked at in one moment. */
	return tombs > disk->layout.logical_count ? 0 : tombs;
}

/* One log a trim at most, so that none waits for long. */
static int logs_tidy(struct vdisk *disk, uint32_t lane)
{
	uint64_t tombs = tombs_now(disk);
	uint32_t block;

	if (disk->log_count <= LOGS_LEAST + tombs / VD_TRIM_LINES &&
	    disk->span_total <= trim_span_max(disk) + 4 * tombs)
		return 0;
	block = log_oldest(disk);
	return block == VD_NONE ? 0 : log_evacuate(disk, lane, block);
}

/* ---- trims --------------------------------------------------------------------------- */

static int trim_range(struct vdisk *disk, uint32_t lane, uint32_t first,
		      uint32_t count)
{
	struct vd_lane *l = &disk->lane[lane];
	struct vd_trim_line line;
	uint64_t seq;
	int err = lane_room(disk, lane);

	if (!err)
		err = disk_failed(disk);
	if (err)
		return err;
	lock_take(disk, &disk->log_lock);
	err = logs_tidy(disk, lane);
	seq = lane_begin(disk, lane, first, count, 1);
	line_begin(&line);
	line.lag = put_le32(rec_lag(seq, lane_watermark(disk, lane, seq)));
	line.range_count = 1;
	line.range[0] = (struct vd_trim_range){ .seq = put_le64(seq),
		.first = put_le32(first), .count = put_le32(count) };
	if (!err)
		err = log_append(disk, lane, &line);
	lock_drop(&disk->log_lock);
	if (!err) {
		err = disk_drain(disk);
		if (err)
			disk_fail(disk, err);
	}
	for (uint32_t i = 0; i < count && !err; i++)
		map_switch(disk, lane, first + i, seq, seq);
	if (!err)
		count_add(&l->trim_lines, 1);
	lane_end(disk, lane);
	return err;
}

/* Blocks that hold nothing need no trim: from the first to the last that do. */
int vd_trim(struct vdisk *disk, uint32_t lane, uint64_t first, uint64_t count)
{
	uint64_t end = disk->layout.logical_count;

	if (disk->read_only)
		return -NVM_EROFS;
	if (first > end || count > end - first || lane >= disk->lane_count)
		return -NVM_EINVAL;
	end = first + count;
	while (first < end) {
		uint64_t last, stop = end - first < VD_TRIM_MAX
				      ? end : first + VD_TRIM_MAX;
		int err;

		while (first < stop && !word_is_mapped(map_load(disk, first)))
			first++;
		if (first == stop)
			continue;
		for (last = stop - 1; !word_is_mapped(map_load(disk, last)) &&
		     last > first; last--)
			;
		err = trim_range(disk, lane, (uint32_t)first,
				 (uint32_t)(last - first + 1));
		if (err)
			return err;
		first = stop;
	}
	return 0;
}
