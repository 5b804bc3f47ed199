// SPDX-License-Identifier: BSD-3-Clause
/*
 * vwatch.c - see vwatch.h.
 */
#include "tests/torture/vwatch.h"

#include <stdlib.h>
#include <string.h>

#include "tests/torture/vsteps.h"

void vwatch_begin(struct vwatch *watch, struct vyard *yard)
{
	*watch = (struct vwatch){ .yard = yard };
}

void vwatch_end(struct vwatch *watch)
{
	vmedia_end(&watch->media);
	vshown_end(&watch->before);
	vshown_end(&watch->reader);
	vshown_end(&watch->writer);
	vshown_end(&watch->after);
	free(watch->place);
	free(watch->reported);
}

static bool open_disk(struct vwatch *watch, bool write)
{
	struct vyard *yard = watch->yard;
	struct domain *domain = yard->domain;
	uint64_t violations = domain->violations;
	int err;

	domain->media.read_only = yard->extent[0]->read_only = !write;
	err = vyard_open(yard, write ? 0 : VD_OPEN_READ_ONLY);
	domain->media.read_only = yard->extent[0]->read_only = false;
	if (domain->violations != violations)
		return deny(&watch->verdict, "opening for %s stores where it "
			    "must not", write ? "writing" : "reading");
	return !err || deny(&watch->verdict, "does not open for %s: error %d",
			    write ? "writing" : "reading", -err);
}

static uint64_t counted(const struct vwatch *watch)
{
	struct vd_info info;

	vd_info(watch->yard->disk, &info);
	return info.rolled_back + info.lost_lines;
}

static void look(struct vwatch *watch, struct vshown *ret_shown)
{
	vplay_look(watch->yard, NULL, 1, 0, ret_shown);
}

bool vwatch_before(struct vwatch *watch)
{
	struct vd_info info;
	uint32_t count;

	if (!open_disk(watch, false))
		return false;
	if (!vmedia_read(&watch->media, watch->yard))
		return deny(&watch->verdict, "no super block is whole");
	count = watch->media.logical_count;
	look(watch, &watch->before);
	watch->counted = counted(watch);
	vd_info(watch->yard->disk, &info);
	watch->retired = info.retired_count;
	free(watch->place);
	free(watch->reported);
	watch->place = calloc(count, sizeof(*watch->place));
	watch->reported = calloc(count + watch->media.block_count, 1);
	vyard_must(watch->place && watch->reported, "memory");
	for (uint32_t b = 0; b < count; b++)
		vyard_must(!vd_place(watch->yard->disk, b, &watch->place[b]),
			   "place");
	return true;
}

/* ---- what faults may do to a block ------------------------------------------- */

static bool hits_line(const struct faults *faults, const struct vline *line)
{
	return faults_touch(faults, line->line_off, VD_RECORD_LINE);
}

static bool hits_data(const struct faults *faults, const struct vline *line)
{
	return faults_touch(faults, line->data_off, VD_BLOCK);
}

static bool hits_block(const struct vwatch *watch, const struct faults *faults,
		       uint32_t b)
{
	const struct vd_place *place = &watch->place[b];
	const struct vline *line = &watch->media.line[place->block];

	return place->mapped &&
	       (hits_line(faults, line) || hits_data(faults, line));
}

/* Another member of the atomic group that the block was last written in. */
static bool hits_group(const struct vwatch *watch, const struct faults *faults,
		       const struct vline *line)
{
	const struct vmedia *media = &watch->media;

	for (uint32_t p = 0; line->group_count > 1 && p < media->block_count;
	     p++) {
		const struct vline *other = &media->line[p];

		if (other->type == VD_RECORD_DATA &&
		    other->group_first == line->group_first &&
		    (hits_line(faults, other) || hits_data(faults, other)))
			return true;
	}
	return false;
}

static bool hits_log(const struct vwatch *watch, const struct faults *faults)
{
	const struct vmedia *media = &watch->media;

	for (uint32_t p = 0; p < media->block_count; p++)
		if (media->line[p].type == VD_RECORD_LOG &&
		    (hits_line(faults, &media->line[p]) ||
		     hits_data(faults, &media->line[p])))
			return true;
	return false;
}

/* May the block, which was right before, show an older version? */
static bool may_be_older(const struct vwatch *watch,
			 const struct faults *faults, uint32_t b)
{
	const struct vd_place *place = &watch->place[b];
	const struct vmedia *media = &watch->media;
	const struct vline *line = &media->line[place->block];
	uint64_t mark = vmedia_mark(media, faults);
	/* What the last clean close's map would tell, if it is there. */
	uint64_t table_seq = faults_touch(faults, media->map_off,
					  media->map_pages * NVM_PAGE)
			     ? 0 : media->table_seq;

	if (!place->mapped)
		return place->seq > table_seq && !faults_one_bit(faults) &&
		       hits_log(watch, faults);
	if (place->seq > mark)
		return hits_line(faults, line) || hits_data(faults, line) ||
		       hits_group(watch, faults, line);
	return place->seq > table_seq && !faults_one_bit(faults) &&
	       hits_line(faults, line);
}

/* ---- judging blocks -------------------------------------------------------------- */

/* Bytes that some write made, and not rubbish. */
static bool genuine(const struct vcontent *content)
{
	for (unsigned s = 0; s < VYARD_SECTORS; s++)
		if (content->tag[s] == UINT64_MAX - s)
			return false;
	return true;
}

static bool block_right(struct vwatch *watch, const struct faults *faults,
			const struct vshown *shown, uint32_t b)
{
	const struct vshown *before = &watch->before;
	const uint64_t *tag = shown->content[b].tag;

	if (shown->look[b] == before->look[b] &&
	    vcontent_equal(&shown->content[b], &before->content[b]))
		return true;
	/* With the trim since, the last close's map says that it was there. */
	if (shown->look[b] == VLOOK_ERROR)
		return hits_block(watch, faults, b) ||
		       (!watch->place[b].mapped && hits_log(watch, faults)) ||
		       deny(&watch->verdict, "block %u cannot be read, and "
			    "nothing of it was hit", b);
	if (!genuine(&shown->content[b]))
		return deny(&watch->verdict, "block %u shows rubbish", b);
	if (!may_be_older(watch, faults, b))
		return deny(&watch->verdict, "block %u shows write %ju, not "
			    "%ju", b, (uintmax_t)tag[0],
			    (uintmax_t)before->content[b].tag[0]);
	/* A trim that nobody relies on yet is as if it had not begun. */
	return counted(watch) > watch->counted ||
	       (!watch->place[b].mapped &&
		watch->place[b].seq > vmedia_mark(&watch->media, faults)) ||
	       deny(&watch->verdict, "block %u shows write %ju, not %ju, and "
		    "nothing counts it", b, (uintmax_t)tag[0],
		    (uintmax_t)before->content[b].tag[0]);
}

static bool blocks_right(struct vwatch *watch, const struct faults *faults,
			 struct vshown *ret_shown)
{
	look(watch, ret_shown);
	if (ret_shown->block_count != watch->before.block_count)
		return deny(&watch->verdict, "a disk of %u blocks",
			    ret_shown->block_count);
	for (uint32_t b = 0; b < ret_shown->block_count; b++)
		if (!block_right(watch, faults, ret_shown, b))
			return false;
	return true;
}

/* ---- checking ---------------------------------------------------------------------- */

static void report(void *ctx, const struct vd_problem *problem)
{
	struct vwatch *watch = ctx;
	uint32_t logical = watch->media.logical_count;

	if (!watch->problems++)
		watch->first = *problem;
	if (problem->logical < logical)
		watch->reported[problem->logical] = 1;
	if (problem->block < watch->media.block_count)
		watch->reported[logical + problem->block] = 1;
}

/* A check, which must name each block that cannot be read. */
static bool check(struct vwatch *watch, bool repair, const struct vshown *shown)
{
	const struct vd_check_args args = { .repair = repair, .data = true,
		.report = report, .ctx = watch };
	uint32_t logical = watch->media.logical_count;
	struct vd_place place;
	int err;

	watch->problems = 0;
	memset(watch->reported, 0, logical + watch->media.block_count);
	err = vd_check(watch->yard->disk, &args, NULL);
	if (err)
		return deny(&watch->verdict, "check fails: error %d", -err);
	for (uint32_t b = 0; b < logical; b++)
		if (shown->look[b] == VLOOK_ERROR && !watch->reported[b] &&
		    !(!vd_place(watch->yard->disk, b, &place) && place.mapped &&
		      watch->reported[logical + place.block]))
			return deny(&watch->verdict, "block %u cannot be read "
				    "and check does not say so", b);
	return true;
}

/* Does a fault hit what a check must look at? */
static bool must_be_found(const struct vwatch *watch,
			  const struct faults *faults)
{
	const struct vmedia *media = &watch->media;
	bool found = faults_touch(faults, media->head_off, NVM_PAGE);

	for (unsigned c = 0; c < 3; c++)
		found |= faults_touch(faults, media->sb_off[c], NVM_PAGE);
	for (uint32_t b = 0; b < media->logical_count; b++)
		if (watch->place[b].mapped)
			found |= faults_touch(faults, media->line[
				watch->place[b].block].half_off, 32);
	return found && faults_one_bit(faults);
}

/* ---- life ----------------------------------------------------------------------------- */

/* A block that nobody has found poisoned yet may be taken. */
static bool poison_hides(const struct vwatch *watch,
			 const struct faults *faults)
{
	bool known = false;

	for (uint32_t b = 0; b < watch->media.logical_count; b++)
		known |= hits_block(watch, faults, b);
	return faults_poison(faults) && !known;
}

static bool is_retired(struct vwatch *watch, const struct faults *faults)
{
	struct vd_info info;
	uint64_t hit = 0;

	if (!faults_poison(faults))
		return true;
	for (uint32_t b = 0; b < watch->media.logical_count; b++)
		hit |= hits_block(watch, faults, b);
	vd_info(watch->yard->disk, &info);
	return info.retired_count >= watch->retired + hit ||
	       deny(&watch->verdict, "life: a poisoned block is not retired");
}

/* Each block is written: that cures what was lost. */
static bool lives(struct vwatch *watch, const struct faults *faults)
{
	uint8_t bytes[VD_BLOCK];
	struct vcontent content;
	struct vshown *after = &watch->after;

	for (unsigned s = 0; s < VYARD_SECTORS; s++)
		content.tag[s] = 1ull << 40;
	for (uint32_t b = 0; b < after->block_count; b++) {
		int err;

		vcontent_bytes(b, &content, bytes);
		err = vd_write(watch->yard->disk, 0, b, 1, bytes, 0);
		if (err)
			return deny(&watch->verdict, "life: block %u cannot be "
				    "written: error %d", b, -err);
	}
	/* On SYNC media blocks are free, and retired, after a sync. */
	if (vd_flush(watch->yard->disk, 0))
		return deny(&watch->verdict, "life: does not flush");
	for (unsigned again = 0; again < 2; again++) {
		look(watch, after);
		for (uint32_t b = 0; b < after->block_count; b++)
			if (!vcontent_equal(&after->content[b], &content))
				return deny(&watch->verdict, "life: block %u "
					    "is not what was written", b);
		if (!is_retired(watch, faults))
			return false;
		if (!again && vd_close(watch->yard->disk, NULL))
			return deny(&watch->verdict, "life: does not close");
		if (!again && !open_disk(watch, true))
			return false;
	}
	return true;
}

/* ---- all of it ------------------------------------------------------------------------ */

/* Open for writing, mended: everything is right, or named. */
static bool mended(struct vwatch *watch, const struct faults *faults)
{
	if (!check(watch, true, &watch->writer) ||
	    !blocks_right(watch, faults, &watch->after))
		return false;
	for (uint32_t b = 0; b < watch->after.block_count; b++)
		if (watch->writer.look[b] == VLOOK_READ &&
		    (watch->after.look[b] != VLOOK_READ ||
		     !vcontent_equal(&watch->writer.content[b],
				     &watch->after.content[b])))
			return deny(&watch->verdict, "mending changes block %u",
				    b);
	if (vd_close(watch->yard->disk, NULL))
		return deny(&watch->verdict, "does not close");
	if (!open_disk(watch, false) ||
	    !blocks_right(watch, faults, &watch->writer) ||
	    !vshown_equal(&watch->after, &watch->writer, &watch->verdict) ||
	    !check(watch, false, &watch->writer))
		return false;
	if (faults_one_bit(faults) && watch->problems)
		return deny(&watch->verdict, "a wrong bit is mended, and check "
			    "still finds %d at %#jx", watch->first.finding,
			    (uintmax_t)watch->first.off_bytes);
	return poison_hides(watch, faults) ||
	       (open_disk(watch, true) && lives(watch, faults));
}

bool vwatch_judge(struct vwatch *watch, const struct faults *faults, bool full)
{
	faults_apply(watch->yard->domain, faults, vmedia_alien, &watch->media);
	if (!open_disk(watch, false) ||
	    !blocks_right(watch, faults, &watch->reader))
		return false;
	if (full && !check(watch, false, &watch->reader))
		return false;
	if (full && must_be_found(watch, faults) && !watch->problems)
		return deny(&watch->verdict, "check does not find it");
	return open_disk(watch, true) &&
	       blocks_right(watch, faults, &watch->writer) &&
	       vshown_equal(&watch->reader, &watch->writer, &watch->verdict) &&
	       (!full || mended(watch, faults));
}

bool vwatch_same(struct vwatch *watch)
{
	if (!open_disk(watch, true))
		return false;
	look(watch, &watch->after);
	return vshown_equal(&watch->writer, &watch->after, &watch->verdict);
}
