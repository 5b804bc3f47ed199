// SPDX-License-Identifier: BSD-3-Clause
/*
 * scan.c - recovery: one pass over all block records, at the memory's speed,
 * and over the trim logs among them.
 *
 * What is at or below the watermark goes into the map as it is found, the
 * newest of each logical block staying; what is above it waits in a list for
 * the judge.  The watermark is known only at the end, so the list takes what is
 * above what is known of it so far; a sound disk never has more than a window
 * of them, and the list is thinned whenever it is full.
 *
 * Everything read here may have been written by an enemy: a record's logical
 * block is checked against the disk, trims against a bound of their work, and
 * the list has a fixed size.
 */
#include "vdisk/impl.h"

#define LINES_A_PAGE	(NVM_PAGE / VD_RECORD_LINE)
#define AHEAD_BYTES	(4 * NVM_PAGE)	/* fetched before they are read */

/* Without sums, which are made in the end (scan_tally). */
static void scan_state(struct vd_scan *scan, uint32_t block,
		       enum vd_block_state state)
{
	uint8_t *at = &scan->disk->state[block];

	*at = (uint8_t)((*at & VD_STATE_FLAGS) | state);
}

/* How many blocks are idle, by chunk, and bad. */
void scan_tally(struct vd_scan *scan)
{
	struct vdisk *disk = scan->disk;
	uint32_t blocks = disk->layout.block_count, chunk;

	disk->idle_count = disk->bad_count = 0;
	for (uint32_t first = 0; first < blocks; first += chunk) {
		uint32_t idle = 0;

		chunk = 1u << disk->chunk_shift;
		if (chunk > blocks - first)
			chunk = blocks - first;
		for (uint32_t i = first; i < first + chunk; i++) {
			uint8_t state = state_of(disk, i);

			idle += state == VD_BLOCK_IDLE;
			disk->bad_count += state == VD_BLOCK_BAD;
		}
		disk->chunk_idle[first >> disk->chunk_shift] = idle;
		disk->idle_count += idle;
	}
}

/* ---- the map ----------------------------------------------------------------- */

/*
 * The whole number behind an entry; the media holds still here.  0 where its
 * record can suddenly not be read.
 */
static uint64_t entry_number(struct vd_scan *scan, uint64_t entry)
{
	struct vd_rec rec;

	if (!word_is_mapped(entry))
		return entry;
	/* No number seen so far has more bits than an entry. */
	if (scan->top <= 0x7fffffff)
		return word_seq_low(entry);
	if (rec_load(scan->disk, word_block(entry), &rec))
		return 0;
	/* Mending it again and again takes its time. */
	scan->steps += rec.torn || rec.corrected ? 16 : 0;
	return rec.seq;
}

/* False: what is there is as new, or newer. */
static bool entry_replace(struct vd_scan *scan, uint32_t logical, uint64_t seq,
			  uint64_t new_entry)
{
	uint64_t entry = scan->disk->map[logical];

	if (entry && seq <= entry_number(scan, entry))
		return false;
	if (word_is_mapped(entry))
		scan_state(scan, word_block(entry), VD_BLOCK_IDLE);
	scan->disk->map[logical] = new_entry;
	return true;
}

/* A record that counts: it is the block's content unless a newer one is. */
void scan_insert(struct vd_scan *scan, uint32_t logical, uint32_t block,
		 uint64_t seq)
{
	/* Was looked at before; but the media may have changed since. */
	if (logical < scan->disk->layout.logical_count &&
	    entry_replace(scan, logical, seq, word_mapped(block, seq)))
		scan_state(scan, block, VD_BLOCK_TAKEN);
}

/* ---- above the watermark ------------------------------------------------------- */

static void mark_raise(struct vd_scan *scan, uint64_t seq, uint32_t lag)
{
	if (seq > scan->top)
		scan->top = seq;
	if (lag != VD_LAG_NONE && lag <= seq && seq - lag > scan->mark)
		scan->mark = seq - lag;
}

/* Those that turned out to be below the watermark go into the map. */
static void candidates_thin(struct vd_scan *scan)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < scan->candidate_count; i++) {
		struct vd_candidate candidate = scan->candidate[i];
		struct vd_rec rec;

		if (candidate.seq > scan->mark)
			scan->candidate[kept++] = candidate;
		else if (candidate.type == VD_RECORD_DATA &&
			 !rec_load(scan->disk, candidate.block, &rec))
			scan_insert(scan, rec.block, candidate.block,
				    candidate.seq);
	}
	scan->candidate_count = kept;
}

int scan_candidate(struct vd_scan *scan, uint32_t block,
		   const struct vd_rec *rec, struct nvm_fault *fault)
{
	uint32_t room = scan->disk->candidate_room;

	if (scan->candidate_count == room) {
		candidates_thin(scan);
		/* A window at most is left, or there is no end of thinning. */
		if (scan->candidate_count > room - room / 4)
			return nvm_fault_set(fault, -NVM_EBADMSG,
					     "writes in flight", 0, 0, room,
					     room + 1);
	}
	scan->candidate[scan->candidate_count++] = (struct vd_candidate){
		.seq = rec->seq, .block = block, .type = rec->type,
		.group_index = rec->group_index,
		.group_count = rec->group_count,
		/* Above the watermark one wrong bit is a torn record, too. */
		.bad = rec->corrected,
	};
	return 0;
}

/* ---- trim logs ------------------------------------------------------------------- */

/* All trims together touch at most so many map entries on a sound disk. */
static bool steps_exceeded(struct vd_scan *scan, uint32_t count)
{
	scan->steps += count;
	return scan->steps > 4 * trim_span_max(scan->disk) +
			     32ull * scan->disk->layout.logical_count;
}

static int line_apply(struct vd_scan *scan, const struct vd_trim_line *line,
		      struct nvm_fault *fault)
{
	mark_raise(scan, get_le64(line->range[0].seq), get_le32(line->lag));
	for (unsigned i = 0; i < line->range_count; i++) {
		uint32_t first = get_le32(line->range[i].first);
		uint32_t count = trim_range_blocks(scan->disk, &line->range[i]);
		uint64_t seq = get_le64(line->range[i].seq);

		mark_raise(scan, seq, VD_LAG_NONE);
		if (steps_exceeded(scan, count))
			return nvm_fault_set(fault, -NVM_EBADMSG,
					     "blocks in trim logs", 0, 0, 0,
					     scan->steps);
		for (uint32_t at = 0; at < count && !steps_exceeded(scan, 0); at++)
			entry_replace(scan, first + at, seq, seq);
	}
	return 0;
}

/* Lines with one wrong bit are put right on the media too. */
static int lines_judge(struct vd_scan *scan, uint32_t block, uint32_t salt,
		       struct nvm_media *media, uint64_t off,
		       struct vd_trim_line *lines)
{
	uint64_t corrected = trim_lines_judge(scan->disk, block, salt, lines);
	int err = 0;

	for (uint32_t i = 0; i < VD_TRIM_LINES && !err; i++)
		if (corrected >> i & 1 && !scan->disk->read_only)
			err = media->ops->store(media, off + i * VD_RECORD_LINE,
						&lines[i], sizeof(lines[i]));
	return err;
}

/*
 * Lines that must be there.  The first one is stored after the log's record, by
 * a trim whose number is smaller: it may be torn until a watermark reaches the
 * record (scan_lost).
 */
static void lines_count(struct vd_scan *scan, const struct vd_rec *rec,
			const struct vd_trim_line *lines)
{
	uint64_t missing = trim_lines_missing(lines);

	if (!(missing & 1) && !trim_line_is_valid(&lines[0]) &&
	    (!scan->blank_log || rec->seq < scan->blank_log))
		scan->blank_log = rec->seq;
	for (; missing; missing &= missing - 1)
		scan->torn_count++;
}

/*
 * A line that is valid counts, and must be durable before anybody relies on
 * it: the process that stored it may have been killed before its drain.
 */
static int log_scan(struct vd_scan *scan, uint32_t block,
		    const struct vd_rec *rec, struct nvm_fault *fault)
{
	struct vdisk *disk = scan->disk;
	const struct vd_segment *segment = segment_of(disk, block);
	struct nvm_media *media = segment_media(disk, segment);
	struct vd_trim_line *lines = (struct vd_trim_line *)disk->log_scratch;
	uint64_t off = data_off(segment, block);
	uint32_t span = 0;
	int err = media->ops->load(media, off, lines, VD_BLOCK);

	if (err) {
		scan->unreadable_count++;
		scan_state(scan, block, VD_BLOCK_BAD);
		return 0;
	}
	scan_state(scan, block, VD_BLOCK_LOG);
	disk->log_count++;
	err = lines_judge(scan, block, rec->data_csum, media, off, lines);
	lines_count(scan, rec, lines);
	if (!err && !disk->read_only) {
		err = media->ops->flush(media, off, VD_BLOCK);
		if (!err)
			err = media->ops->flush(media, record_off(segment,
							block),
						VD_RECORD_LINE);
		scan->flushed = true;
	}
	for (uint32_t i = 0; i < VD_TRIM_LINES && !err; i++) {
		if (!trim_line_is_valid(&lines[i]))
			continue;
		for (unsigned r = 0; r < lines[i].range_count; r++)
			span += trim_range_blocks(disk, &lines[i].range[r]);
		err = line_apply(scan, &lines[i], fault);
	}
	disk->span_total += span;
	if (disk->log_ring_count < VD_LOG_RING)
		disk->log_ring[disk->log_ring_count++] =
			(struct vd_log){ block, span };
	return err;
}

/* ---- records ---------------------------------------------------------------------- */

/* Its newest record is not there: torn, rotten, or not readable. */
static void line_lost(struct vd_scan *scan, uint32_t block,
		      uint64_t *ret_counter)
{
	scan->disk->state[block] |= VD_BLOCK_SUSPECT;
	++*ret_counter;
}

/* A corrected record counts only if its data are the ones that it means. */
static bool corrected_holds(struct vdisk *disk, uint32_t block,
			    const struct vd_rec *rec)
{
	const struct vd_segment *segment = segment_of(disk, block);
	struct nvm_media *media = segment_media(disk, segment);
	uint8_t *data = disk->log_scratch;

	return rec->type != VD_RECORD_DATA ||
	       (!media->ops->load(media, data_off(segment, block), data,
				  VD_BLOCK) &&
		media->ops->crc32c(0, data, VD_BLOCK) == rec->data_csum);
}

/* As many as a shrink makes: they do not wait for the judge. */
static int void_flush(struct vd_scan *scan, uint32_t block)
{
	const struct vd_segment *segment = segment_of(scan->disk, block);
	struct nvm_media *media = segment_media(scan->disk, segment);

	if (scan->disk->read_only)
		return 0;
	scan->flushed = true;
	return media->ops->flush(media, record_off(segment, block),
				 VD_RECORD_LINE);
}

int scan_record(struct vd_scan *scan, uint32_t block,
		const struct vd_rec *rec, struct nvm_fault *fault)
{
	struct vdisk *disk = scan->disk;

	disk->layout.wear_total += rec->count;
	scan->corrected_count += rec->corrected;
	if (rec->torn)
		line_lost(scan, block, &scan->torn_count);
	if (rec->corrected && !corrected_holds(disk, block, rec)) {
		/* The VOID that it gets must be newer. */
		mark_raise(scan, rec->seq, VD_LAG_NONE);
		line_lost(scan, block, &scan->torn_count);
		return 0;
	}
	mark_raise(scan, rec->seq, rec->lag);
	switch (rec->type) {
	case VD_RECORD_DATA:
		if (rec->block >= disk->layout.logical_count)
			return 0;
		if (rec->seq > scan->mark)
			return scan_candidate(scan, block, rec, fault);
		scan_insert(scan, rec->block, block, rec->seq);
		return 0;
	case VD_RECORD_LOG:
		return log_scan(scan, block, rec, fault);
	case VD_RECORD_BAD:
		scan_state(scan, block, VD_BLOCK_BAD);
		return 0;
	default:
		/* VOID: if its maker was killed, it has yet to be durable. */
		return rec->seq > scan->mark && rec->type
			? void_flush(scan, block) : 0;
	}
}

/* A page of records cannot be read as a whole: line by line. */
static int lines_scan(struct vd_scan *scan, uint32_t first, uint32_t count,
		      struct nvm_fault *fault)
{
	for (uint32_t i = 0; i < count; i++) {
		struct vd_rec rec;
		int err = rec_load(scan->disk, first + i, &rec);

		if (err == -NVM_EIO) {
			line_lost(scan, first + i, &scan->unreadable_count);
			scan_state(scan, first + i, VD_BLOCK_BAD);
			continue;
		}
		if (!err)
			err = scan_record(scan, first + i, &rec, fault);
		if (err)
			return err;
	}
	return 0;
}

static int segment_scan(struct vd_scan *scan,
			const struct vd_segment *segment,
			struct nvm_fault *fault)
{
	struct vdisk *disk = scan->disk;
	struct nvm_media *media = segment_media(disk, segment);
	uint8_t *page = disk->lane[0].scratch;

	for (uint32_t at = 0; at < segment->block_count; at += LINES_A_PAGE) {
		uint32_t first = segment->first + at;
		uint32_t count = segment->block_count - at < LINES_A_PAGE
				 ? segment->block_count - at : LINES_A_PAGE;
		uint64_t off = record_off(segment, first);
		int err = media->ops->load(media, off, page,
					   count * VD_RECORD_LINE);

		err = err ? lines_scan(scan, first, count, fault) :
			    scan_page(scan, segment, first, count, page,
				      media->base ? media->base + off +
				      AHEAD_BYTES : NULL, fault);
		if (err)
			return err;
	}
	return 0;
}

int scan_records(struct vd_scan *scan, struct nvm_fault *fault)
{
	struct vdisk *disk = scan->disk;

	disk->layout.wear_total = 0;
	for (uint32_t s = 0; s < disk->layout.segment_count; s++) {
		int err = segment_scan(scan, &disk->layout.segment[s], fault);

		if (err)
			return err;
	}
	candidates_thin(scan);
	return 0;
}

/* ---- lost records ---------------------------------------------------------------- */

/*
 * The map of the last clean close has the logical block on a block whose record
 * was lost.  Had it been written or trimmed since, something newer would have
 * been found (a block is free only after that is durable): so the newest
 * version was here, and an older one that was found must not pass for it.
 *
 * A trim of before that close may have been in a log that is lost; the map
 * knows of it, and is asked each time, for nothing else may tell that a log is
 * missing.  The records that the trim hides are to be made VOID (line_repair): the
 * map may not be there the next time.
 */
static void word_lost(void *ctx, uint32_t logical, uint64_t word)
{
	struct vd_scan *scan = ctx;
	struct vdisk *disk = scan->disk;
	uint32_t block = word_block(word);
	uint64_t entry = disk->map[logical];

	if (!word_is_mapped(word)) {
		if (word <= disk->layout.table_seq &&
		    entry_replace(scan, logical, word, word) &&
		    word_is_mapped(entry))
			scan->hidden_count++;
		return;
	}
	if (!(state_load(disk, block) & VD_BLOCK_SUSPECT) ||
	    entry_number(scan, entry) > disk->layout.table_seq ||
	    (word_is_mapped(entry) && word_block(entry) == block))
		return;
	/* Unless it is, in turn, what another logical block lost. */
	if (word_is_mapped(entry) &&
	    !(state_load(disk, word_block(entry)) & VD_BLOCK_POISONED))
		scan_state(scan, word_block(entry), VD_BLOCK_IDLE);
	disk->map[logical] = word;
	if (state_of(disk, block) != VD_BLOCK_BAD)
		scan_state(scan, block, VD_BLOCK_TAKEN);
	disk->state[block] |= VD_BLOCK_POISONED;
}

void scan_lost(struct vd_scan *scan)
{
	struct vdisk *disk = scan->disk;

	scan->torn_count += scan->blank_log && scan->blank_log <= scan->mark;
	if (disk->layout.table_generation)
		table_each_word(disk, disk->layout.table_generation, word_lost,
				scan);
}

/* ---- repair ------------------------------------------------------------------------- */

/*
 * Where only the last close's map knows that a block was trimmed (word_lost), the
 * newest record of it and all older ones.
 */
static bool is_hidden(const struct vd_scan *scan, uint32_t block,
		      const struct vd_rec *rec)
{
	const struct vdisk *disk = scan->disk;
	uint64_t entry;

	if (!scan->hidden_count || state_of(disk, block) != VD_BLOCK_IDLE ||
	    rec->type != VD_RECORD_DATA ||
	    rec->block >= disk->layout.logical_count)
		return false;
	entry = disk->map[rec->block];
	return entry && !word_is_mapped(entry) && entry > rec->seq;
}

/*
 * After the judge: torn halves get a VOID, so that what is not valid from now
 * on is rot; corrected ones are stored as they should be.  Where the other
 * half is in use, a VOID would be newer than it: the same record again.
 * What is hidden gets a VOID, too.
 */
static int line_repair(struct vd_scan *scan, uint32_t block)
{
	struct vdisk *disk = scan->disk;
	struct vd_rec rec;
	uint64_t entry;
	bool mapped;
	int err;

	/* A lost one that is mapped stays as it is, and stays lost. */
	if (state_of(disk, block) == VD_BLOCK_BAD ||
	    state_load(disk, block) == (VD_BLOCK_TAKEN | VD_STATE_FLAGS) ||
	    rec_load(disk, block, &rec) ||
	    (!rec.torn && !rec.corrected && !is_hidden(scan, block, &rec)))
		return 0;
	entry = rec.type == VD_RECORD_DATA &&
		rec.block < disk->layout.logical_count
		? disk->map[rec.block] : 0;
	mapped = word_is_mapped(entry) && word_block(entry) == block;
	scan->flushed = true;
	if (mapped || rec.type == VD_RECORD_LOG || rec.type == VD_RECORD_BAD)
		return rec_mend(disk, block, &rec);
	err = rec_store_void(disk, block, &rec, ++scan->top, scan->mark,
			     VD_RECORD_VOID);
	/* Where both halves were lost, the other one gets it as well. */
	if (!err && !rec.type && !rec_load(disk, block, &rec))
		err = rec_mend(disk, block, &rec);
	return err;
}

int scan_repair(struct vd_scan *scan)
{
	struct vdisk *disk = scan->disk;

	if (!scan->torn_count && !scan->corrected_count && !scan->hidden_count)
		return 0;
	/* Beyond all numbers that writes in flight may have taken. */
	scan->top += 4 * VD_WINDOW_MAX;
	for (uint32_t block = 0; block < disk->layout.block_count; block++) {
		int err = line_repair(scan, block);

		if (err)
			return err;
	}
	return 0;
}
