// SPDX-License-Identifier: BSD-3-Clause
/*
 * open.c - opening a disk, with recovery where it was not closed, and closing.
 *
 * Crash story of recovery: it stores VOIDs and corrected records, flushes what
 * it believed above the watermark, and makes a barrier; then the SBs say DIRTY
 * with a watermark of everything found.  A power loss before leaves what was
 * there, less what did not count anyway: doing it again is doing it once.
 *
 * Of a close: map and states, a barrier, then the SBs say CLEAN.
 */
#include "vdisk/impl.h"

/* ---- memory ---------------------------------------------------------------------- */

static size_t align64(size_t bytes)
{
	return (bytes + 63) & ~(size_t)63;
}

static uint32_t window_for(uint32_t block_count)
{
	uint32_t window = block_count / 4;

	return window < 256 ? 256 : window > VD_WINDOW_MAX ? VD_WINDOW_MAX
							   : window;
}

/* Idle blocks are counted by chunks of 64 blocks, or larger ones. */
static uint32_t chunk_shift_for(uint32_t block_count)
{
	uint32_t shift = 6;

	while ((block_count - 1) >> shift >= VD_CHUNKS)
		shift++;
	return shift;
}

/* A sound disk has no more records above the watermark. */
static uint32_t candidates_for(uint32_t block_count)
{
	uint32_t most = 2 * window_for(block_count) +
			VD_LANES_MAX * VD_GROUP_MAX;

	return most < block_count ? most : block_count;
}

static uint32_t ring_for(uint32_t block_count)
{
	uint32_t margin = 2 * VD_LANES_MAX * VD_LANE_BATCH;

	return block_count < VD_WINDOW_MAX ? block_count + margin
					   : VD_WINDOW_MAX + margin;
}

/* Where the parts of a disk lie in its memory: offsets. */
struct parts {
	size_t map, state, chunk_idle, lane, scratch, overlay, ring, end;
};

static size_t part(size_t *end, size_t bytes)
{
	size_t at = *end;

	*end += align64(bytes);
	return at;
}

static void parts_of(const struct vd_geometry *geometry, uint32_t lanes,
		     struct parts *ret_parts)
{
	uint32_t blocks = geometry->block_count;
	size_t wear = align64(wear_memory_bytes(blocks));
	size_t live = wear + ring_for(blocks) * sizeof(struct wear_block);
	size_t judged = candidates_for(blocks) * sizeof(struct vd_candidate);
	uint32_t chunks = ((blocks - 1) >> chunk_shift_for(blocks)) + 1;
	size_t end = align64(sizeof(struct vdisk));

	ret_parts->map = part(&end, (size_t)geometry->logical_count * 8);
	ret_parts->state = part(&end, blocks);
	ret_parts->chunk_idle = part(&end, chunks * sizeof(uint32_t));
	ret_parts->lane = part(&end, lanes * sizeof(struct vd_lane));
	/* One for each lane and one for the trim logs. */
	ret_parts->scratch = part(&end, ((size_t)lanes + 1) * VD_BLOCK);
	ret_parts->overlay = part(&end, live > judged ? live : judged);
	ret_parts->ring = ret_parts->overlay + wear;
	ret_parts->end = end;
}

static void disk_carve(struct vdisk *disk, const struct vd_geometry *geometry)
{
	uint8_t *mem = (uint8_t *)disk;
	struct parts parts;

	parts_of(geometry, disk->lane_count, &parts);
	disk->map = (uint64_t *)(mem + parts.map);
	disk->state = mem + parts.state;
	disk->chunk_shift = chunk_shift_for(geometry->block_count);
	disk->chunk_idle = (uint32_t *)(mem + parts.chunk_idle);
	disk->lane = (struct vd_lane *)(mem + parts.lane);
	disk->log_scratch = mem + parts.scratch;
	disk->overlay = mem + parts.overlay;
	disk->ring = (struct wear_block *)(mem + parts.ring);
	memset(disk->lane, 0, disk->lane_count * sizeof(*disk->lane));
	for (uint32_t i = 0; i < disk->lane_count; i++)
		disk->lane[i].scratch = disk->log_scratch +
					((size_t)i + 1) * VD_BLOCK;
}

size_t vd_memory_bytes(const struct vd_geometry *geometry, uint32_t lane_count)
{
	struct parts parts;

	parts_of(geometry, lane_count, &parts);
	return parts.end;
}

/* Each lane may hoard twice a batch of one, and a log and a move need some. */
uint32_t vd_lanes_max(const struct vd_geometry *geometry)
{
	uint32_t spares = geometry->block_count - geometry->logical_count;
	uint32_t lanes = spares > 20 ? (spares - 16) / 4 : 1;

	return lanes < VD_LANES_MAX ? lanes : VD_LANES_MAX;
}

static uint32_t batch_for(const struct vd_geometry *geometry, uint32_t lanes)
{
	uint32_t spares = geometry->block_count - geometry->logical_count;
	uint32_t batch = spares > 20 ? (spares - 16) / (4 * lanes) : 1;

	return batch < 1 ? 1 : batch < VD_LANE_BATCH ? batch : VD_LANE_BATCH;
}

/* ---- open -------------------------------------------------------------------------- */

static void states_clear(struct vdisk *disk)
{
	uint32_t blocks = disk->layout.block_count, chunk;

	memset(disk->map, 0, (size_t)disk->layout.logical_count * 8);
	memset(disk->state, VD_BLOCK_IDLE, blocks);
	for (uint32_t block = 0; block < blocks; block += chunk) {
		chunk = 1u << disk->chunk_shift;
		if (chunk > blocks - block)
			chunk = blocks - block;
		disk->chunk_idle[block >> disk->chunk_shift] = chunk;
	}
	disk->idle_count = blocks;
	disk->bad_count = disk->log_count = disk->log_ring_count = 0;
	disk->span_total = 0;
	disk->tombs = 0;
}

static uint64_t tombs_count(const struct vdisk *disk)
{
	uint64_t tombs = 0;

	for (uint32_t i = 0; i < disk->layout.logical_count; i++)
		tombs += disk->map[i] && !word_is_mapped(disk->map[i]);
	return tombs;
}

/* Scan, judge, and make durable what was decided. */
static int recover(struct vdisk *disk, struct nvm_fault *fault)
{
	struct vd_scan scan = {
		.disk = disk, .mark = disk->layout.watermark,
		.top = disk->layout.seq, .candidate = disk->overlay,
	};
	int err = 0;

	disk->candidate_room = candidates_for(disk->layout.block_count);
	states_clear(disk);
	if (!disk->read_only && disk->area.extent[0]->durability == NVM_SYNC)
		err = area_barrier(&disk->area);
	if (!err)
		err = scan_records(&scan, fault);
	if (!err)
		err = judge_candidates(&scan, fault);
	if (!err)
		scan_lost(&scan);
	if (!err && !disk->read_only)
		err = scan_repair(&scan);
	if (!err && scan.flushed && !disk->read_only)
		err = area_barrier(&disk->area);
	scan_tally(&scan);
	disk->tombs = tombs_count(disk);
	disk->layout.seq = disk->layout.watermark = scan.top;
	disk->layout.rolled_back += scan.rolled_back;
	disk->layout.lost_lines += scan.torn_count + scan.unreadable_count;
	return err;
}

static void disk_start(struct vdisk *disk)
{
	struct wear_config config = {
		.policy = disk->layout.policy,
		.threshold = disk->layout.threshold,
		.budget = disk->layout.budget,
		.endurance = disk->layout.endurance,
		.block_count = disk->layout.block_count,
	};
	struct vd_geometry geometry;

	layout_geometry(&disk->layout, &geometry);
	disk->batch = batch_for(&geometry, disk->lane_count);
	disk->window = window_for(disk->layout.block_count);
	disk->policy = disk->layout.policy;
	disk->wear = wear_init(&config, disk->layout.wear_total,
			       disk->overlay);
	disk->ring_room = disk->area.extent[0]->durability == NVM_SYNC
			  ? ring_for(disk->layout.block_count) : 0;
	disk->seq = disk->watermark = disk->layout.seq;
	disk->log_block = VD_NONE;
	for (uint32_t i = 0; i < disk->lane_count; i++) {
		disk->lane[i].low = VD_SEQ_IDLE;
		disk->lane[i].wanted = VD_NONE;
		disk->lane[i].watermark = disk->seq;
	}
}

/* -NVM_EPROTO: it may be read only; -NVM_EROFS: the media cannot be written. */
static int access_check(const struct vdisk *disk, struct nvm_fault *fault)
{
	if (disk->read_only)
		return 0;
	if (disk->layout.ro_compat & ~VD_RO_COMPAT_KNOWN)
		return nvm_fault_set(fault, -NVM_EPROTO, "ro-compat features",
				     0, 0, 0, 0);
	for (uint32_t e = 0; e < disk->area.extent_count; e++)
		if (disk->area.extent[e]->read_only)
			return nvm_fault_set(fault, -NVM_EROFS, "extent", e, 0,
					     0, 0);
	return 0;
}

/*
 * Is each extent the one that the disk has there?  The first has the SBs; each
 * other one begins with a segment that says so.
 */
static int extents_own(const struct vd_area *area, union vd_page *page,
		       const struct vd_layout *layout,
		       struct nvm_fault *fault)
{
	for (uint32_t s = 0; s < layout->segment_count; s++) {
		const struct vd_segment *segment = &layout->segment[s];
		uint32_t place;

		if (!segment->extent || segment->head_off)
			continue;
		if (segment_head_read(area->extent[segment->extent], 0,
				      page, layout->uuid, &place) ||
		    place != segment->extent)
			return nvm_fault_set(fault, -NVM_EMEDIUM, "extent",
					     segment->extent, 0, 0, 0);
	}
	return 0;
}

static int disk_load(struct vdisk *disk, struct nvm_fault *fault)
{
	int err = -NVM_EBADMSG;

	disk->was_clean = disk->supers.all_equal && disk->layout.state == VD_SB_CLEAN;
	if (disk->was_clean) {
		states_clear(disk);
		err = table_read(disk);
	}
	if (err)
		err = recover(disk, fault);
	if (err || disk->read_only)
		return err;
	/* From here on numbers are taken: there must be enough of them. */
	if (disk->layout.seq > VD_SEQ_MAX / 2 ||
	    disk->layout.generation > VD_SEQ_MAX / 2)
		return nvm_fault_set(fault, -NVM_EBADMSG, "sequence number", 0,
				     0, VD_SEQ_MAX / 2, disk->layout.seq);
	disk->layout.watermark = disk->layout.seq;
	return super_write(&disk->area, &disk->work, &disk->layout,
			   VD_SB_DIRTY);
}

int vd_open(const struct vd_area *area, const struct vd_open_args *args,
	    struct vdisk **ret_disk, struct nvm_fault *fault)
{
	struct vdisk *disk = args->mem;
	struct vd_geometry geometry;
	int err;

	if (!disk)
		return -NVM_ENOMEM;
	if (!args->lane_count || args->lane_count > VD_LANES_MAX)
		return nvm_fault_set(fault, -NVM_EINVAL, "lanes", 0, 0,
				     VD_LANES_MAX, args->lane_count);
	if (args->mem_bytes < sizeof(*disk))
		return -NVM_ENOMEM;
	memset(disk, 0, sizeof(*disk));
	disk->area = *area;
	err = super_read(area, &disk->work, &disk->layout, &disk->supers,
			 fault);
	if (!err)
		err = area_fits(area, &disk->layout, fault);
	if (!err)
		err = extents_own(area, &disk->work.page, &disk->layout,
				  fault);
	if (err)
		return err;
	disk->area.extent_count = disk->layout.extent_count;
	disk->read_only = args->flags & VD_OPEN_READ_ONLY;
	disk->verify = !(args->flags & VD_OPEN_NO_VERIFY);
	disk->relax = args->relax;
	disk->relax_ctx = args->ctx;
	disk->crc_instruction = crc_has_instruction();
	disk->one_segment = disk->layout.segment_count == 1;
	disk->lane_count = args->lane_count;
	layout_seed(&disk->layout, area->extent[0]->ops->crc32c);
	layout_geometry(&disk->layout, &geometry);
	err = access_check(disk, fault);
	if (!err && vd_memory_bytes(&geometry, args->lane_count) > args->mem_bytes)
		err = nvm_fault_set(fault, -NVM_ENOMEM, "memory", 0, 0,
				    vd_memory_bytes(&geometry, args->lane_count),
				    args->mem_bytes);
	if (err)
		return err;
	disk_carve(disk, &geometry);
	err = disk_load(disk, fault);
	if (err)
		return err;
	disk_start(disk);
	*ret_disk = disk;
	return 0;
}

/* ---- close --------------------------------------------------------------------------- */

/* What lanes counted, into the layout, for the SB. */
void disk_tally(struct vdisk *disk)
{
	for (uint32_t i = 0; i < disk->lane_count; i++) {
		struct vd_lane *l = &disk->lane[i];

		supply_freed_flush(disk, i);
		disk->layout.user_writes += l->user_writes;
		disk->layout.moves += l->moves;
		disk->layout.trim_lines += l->trim_lines;
		disk->layout.data_errors += l->data_errors;
		disk->tombs += l->tombs;
		l->user_writes = l->moves = l->trim_lines = 0;
		l->data_errors = 0;
		l->tombs = 0;
	}
	disk->layout.wear_total = wear_write_count(disk->wear);
	disk->layout.retired = disk->bad_count;
	disk->layout.seq = disk->seq;
}

int vd_close(struct vdisk *disk, struct nvm_fault *fault)
{
	int err = disk_failed(disk);

	(void)fault;
	if (disk->read_only)
		return 0;
	if (!err)
		err = disk_sync(disk, 0);
	disk_tally(disk);
	disk->layout.watermark = disk->layout.seq;
	disk->layout.table_generation = disk->layout.generation + 1;
	disk->layout.table_seq = disk->layout.seq;
	if (!err)
		err = table_write(disk, disk->layout.table_generation);
	/* The tables are durable with the first SB; the third one says so. */
	if (!err)
		err = super_write(&disk->area, &disk->work, &disk->layout,
				  VD_SB_CLEAN);
	return err;
}
