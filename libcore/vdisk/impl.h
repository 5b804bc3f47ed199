/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * impl.h - what the files of the virtual disk share: the disk in memory, and
 * the small functions of the write and read paths.
 *
 *   layout.c	sizes and places; the SB's bytes <-> struct vd_layout
 *   super.c	reading and writing SBs and segment headers
 *   record.c	block records: the newest half, the next one, a wrong bit
 *   table.c	map and states at a clean close and the open after it
 *   scan.c	recovery: all records, all trim logs
 *   scan_page.c	recovery: a page of records, fast
 *   judge.c	recovery: what lies above the watermark
 *   create.c probe.c open.c resize.c
 *   lane.c	sequence numbers, what is in flight, the watermark, sync
 *   supply.c	free blocks: pool, lanes, quarantine, pins, retiring
 *   map.c	switching map entries
 *   write.c read.c partial.c trim.c level.c info.c check.c
 *
 * Order of locks: log lock, then sync lock, then pool lock.  A stripe lock
 * (partial writes) is taken before all of them.
 */
#ifndef NVM_VDISK_IMPL_H
#define NVM_VDISK_IMPL_H

#include "base/crc.h"
#include "vdisk/vdisk.h"

#define VD_NONE		UINT32_MAX
#define VD_SEQ_IDLE	UINT64_MAX
#define VD_STRIPES	64u
#define VD_LANE_BATCH	8u
#define VD_CHUNKS	65536u		/* for counting idle blocks */
#define VD_WINDOW_MAX	65536u
#define VD_LOG_RING	64u
/* Blocks that all trim lines together may span, beside those trimmed now. */
#define VD_TRIM_SPAN	(16u << 20)

/* One segment, with its places worked out. */
struct vd_segment {
	uint32_t extent;
	uint32_t first;			/* physical block */
	uint32_t block_count;
	uint32_t table_count;
	uint32_t generation;
	uint32_t seed;			/* of its records' checksums */
	uint64_t head_off;		/* bytes in the extent */
	uint64_t records_off;
	uint64_t data_off;
};

/* What the SB says, checked. */
struct vd_layout {
	uint64_t generation;
	uint64_t seq, watermark, secret, created_s, endurance;
	uint64_t user_writes, moves, trim_lines, wear_total;
	uint64_t rolled_back, lost_lines, data_errors, retired;
	uint64_t table_generation, table_seq;
	uint64_t extent_bytes[VD_EXTENTS_MAX];
	uint32_t state, policy, threshold, budget;
	uint32_t logical_count, block_count;
	uint32_t extent_count, segment_count, segment_generation;
	uint32_t compat, ro_compat;	/* kept as they are */
	uint8_t uuid[VD_UUID_LEN];
	char label[VD_LABEL_MAX + 1];
	struct vd_segment segment[VD_SEGMENTS_MAX];
};

#define VD_SB_COPIES	3u

/* What was found where the SB's copies lie. */
struct vd_supers {
	bool all_equal;
	bool damaged[VD_SB_COPIES];	/* not whole, stale, or another's */
	uint64_t off_bytes[VD_SB_COPIES];
};

/* A page of the media, taken out. */
union vd_page {
	struct vd_sb sb;
	struct vd_segment_head head;
	uint8_t bytes[NVM_PAGE];
};

/*
 * What reading and writing SBs needs beside their result: lent by the caller,
 * because a kernel's stack has no room for it.
 */
struct vd_work {
	struct vd_layout other;
	union vd_page page;		/* as it was read */
	struct vd_sb first;		/* to be compared with it, or written */
};

/* A newest half, out of the media's bytes; type 0: none was ever written. */
struct vd_rec {
	uint64_t seq;
	uint32_t block, count, data_csum, lag;
	uint8_t type, group_index, group_count;
	uint8_t half;			/* where it lies */
	bool torn;			/* a half that counted may be lost */
	bool corrected;			/* one bit of it was wrong */
};

/* One block of a write on its way. */
struct vd_piece {
	struct wear_block to;
};

struct vd_lane {
	/* read by others */
	uint64_t low;			/* no seq of mine is below; or IDLE */
	uint64_t range;			/* logical: first | count << 32 */
	uint64_t user_writes, moves, trim_lines, data_errors;
	uint64_t tombs;			/* blocks trimmed, less those written
					   again; wraps */
	/* mine */
	uint64_t watermark __attribute__((aligned(64)));
	uint32_t watermark_age;
	uint32_t written;		/* not told to the wear pool yet */
	uint32_t unlooked;		/* blocks since the level hand moved */
	uint32_t wanted;		/* block to be moved next; VD_NONE */
	uint32_t free_first, free_count, freed_count;
	struct wear_block free[VD_LANE_BATCH];	/* a ring */
	uint32_t freed[VD_LANE_BATCH];	/* blocks; their records not read yet */
	struct vd_piece piece[VD_GROUP_MAX];
	uint8_t *scratch;		/* VD_BLOCK bytes */
} __attribute__((aligned(64)));

struct vd_pin {
	uint32_t block;
	uint32_t count;			/* 0: slot is free */
	bool freed;			/* to be freed with the last unpin */
};

/* A trim log that is full or was left by an earlier open. */
struct vd_log {
	uint32_t block;
	uint32_t span;			/* blocks in all its ranges, saturated */
};

/* A record above the watermark, to be judged. */
struct vd_candidate {
	uint64_t seq;
	uint32_t block;			/* physical */
	uint8_t group_index, group_count;
	uint8_t type;
	uint8_t bad;			/* its data do not match */
};

struct vdisk {
	struct vd_area area;
	struct vd_layout layout;
	bool read_only, verify, was_clean, one_segment;
	bool crc_instruction;
	struct vd_supers supers;	/* as found at open */
	struct vd_work work;		/* at open, close and check */
	int failed;			/* a sync failed: no more writes */
	void (*relax)(void *ctx);
	void *relax_ctx;

	uint64_t *map;			/* by logical block */
	uint8_t *state;			/* by physical block */
	uint32_t *chunk_idle;		/* idle blocks, by chunk */
	uint32_t chunk_shift;		/* blocks a chunk, log2 */
	uint32_t lane_count, batch;
	struct vd_lane *lane;
	uint32_t window;		/* seqs above the watermark, at most */

	uint64_t seq __attribute__((aligned(64)));	/* the last one taken */

	/* under the pool lock */
	uint32_t pool_lock __attribute__((aligned(64)));
	struct wear *wear;
	uint32_t idle_count, bad_count;
	uint32_t idle_hand;
	struct wear_block *ring;	/* SYNC: freed, not yet reusable */
	uint32_t ring_room, ring_first, ring_count;
	struct vd_pin pin[VD_PINS_MAX];
	uint32_t pin_count;

	/* SYNC media, under the sync lock */
	uint32_t sync_lock __attribute__((aligned(64)));
	uint64_t sync_begun, sync_done;
	uint64_t watermark;

	/* under the log lock */
	uint32_t log_lock __attribute__((aligned(64)));
	uint32_t log_block, log_line;	/* the open one; VD_NONE */
	uint64_t log_seq;
	uint32_t log_salt, log_span;
	uint32_t log_count;		/* all, the open one included */
	uint64_t span_total;
	struct vd_log log_ring[VD_LOG_RING];
	uint32_t log_ring_count;
	uint64_t tombs;			/* trimmed blocks; + those of the lanes */
	uint8_t *log_scratch;

	uint32_t policy;		/* enum wear_policy */
	uint32_t level_lock, level_hand;
	uint32_t stripe[VD_STRIPES];

	const struct vd_layout *shrink_to;	/* while shrinking */

	void *overlay;			/* wear and ring, at open candidates */
	uint32_t candidate_room;
};

/* ---- layout.c, super.c ---- */
uint32_t vd_sane_logical(uint32_t block_count);
int layout_make(struct vd_layout *layout, const uint64_t *extent_bytes,
		uint32_t extent_count, uint32_t logical_count,
		struct nvm_fault *fault);
int layout_extend(struct vd_layout *layout, const uint64_t *extent_bytes,
		  uint32_t extent_count, struct nvm_fault *fault);
int layout_cut(struct vd_layout *layout, const uint64_t *extent_bytes,
	       uint32_t extent_count, struct nvm_fault *fault);
void layout_number(struct vd_layout *layout);
void layout_seed(struct vd_layout *layout,
		 uint32_t (*crc32c)(uint32_t, const void *, size_t));
void layout_geometry(const struct vd_layout *layout,
		     struct vd_geometry *ret_geometry);
void layout_encode(const struct vd_layout *layout, struct vd_sb *ret_sb);
int layout_decode(const struct vd_sb *sb, struct vd_layout *ret_layout,
		  struct nvm_fault *fault);
uint64_t segment_map_off(const struct vd_segment *segment);
uint64_t segment_states_off(const struct vd_segment *segment);
uint64_t segment_end(const struct vd_segment *segment);
void segment_places(struct vd_segment *segment);

bool super_place(const struct vd_area *area, const struct vd_layout *layout,
		 uint32_t copy, struct nvm_media **ret_media, uint64_t *ret_off);
int super_read(const struct vd_area *area, struct vd_work *work,
	       struct vd_layout *ret_layout, struct vd_supers *ret_supers,
	       struct nvm_fault *fault);
int super_read_copy(struct nvm_media *media, uint64_t off,
		    union vd_page *page, struct vd_layout *ret_layout,
		    struct nvm_fault *fault);
int super_write(const struct vd_area *area, struct vd_work *work,
		struct vd_layout *layout, enum vd_sb_state state);
int super_invalidate(const struct vd_area *area);
int segment_head_write(const struct vd_area *area,
		       const struct vd_layout *layout, uint32_t segment);
int segment_head_read(struct nvm_media *media, uint64_t off,
		      union vd_page *page, const uint8_t *uuid,
		      uint32_t *ret_extent);
bool segment_head_whole(struct nvm_media *media, uint64_t off,
			union vd_page *page);
int area_barrier(const struct vd_area *area);
uint32_t page_csum(const struct nvm_media *media, const void *page,
		   size_t csum_off, uint32_t seed);

/* ---- create.c, probe.c, open.c ---- */
int segments_create(const struct vd_area *area, const struct vd_layout *layout,
		    uint32_t first, bool clean);
void area_sizes(const struct vd_area *area,
		uint64_t ret_bytes[VD_EXTENTS_MAX]);
int area_fits(const struct vd_area *area, const struct vd_layout *layout,
	      struct nvm_fault *fault);
void disk_tally(struct vdisk *disk);

/* ---- record.c ---- */
bool rec_parse(const struct vdisk *disk, const struct vd_segment *segment,
	       uint32_t block, const uint8_t line[VD_RECORD_LINE],
	       struct vd_rec *ret_rec);
int rec_load(const struct vdisk *disk, uint32_t block, struct vd_rec *ret_rec);
int rec_store(struct vdisk *disk, uint32_t block, uint32_t half,
	      const struct vd_rec *rec);
int rec_mend(struct vdisk *disk, uint32_t block, const struct vd_rec *rec);
/* A record after @rec, in the other half, that says that nothing is here. */
int rec_store_void(struct vdisk *disk, uint32_t block,
		   const struct vd_rec *rec, uint64_t seq, uint64_t watermark,
		   enum vd_record_type type);
uint32_t rec_lag(uint64_t seq, uint64_t watermark);

/* ---- resize.c ---- */
bool block_stays(const struct vdisk *disk, uint32_t block);

/* ---- table.c ---- */
int table_write(struct vdisk *disk, uint64_t generation);
int table_read(struct vdisk *disk);
void table_each_word(struct vdisk *disk, uint64_t generation,
		     void (*word)(void *ctx, uint32_t logical, uint64_t word),
		     void *ctx);
int table_page_check(struct vdisk *disk, enum vd_table kind, uint32_t entry,
		     uint64_t generation);

uint32_t table_page_entries(struct vdisk *disk, enum vd_table kind,
			    uint32_t entry);

/* ---- scan.c, judge.c ---- */
struct vd_scan {
	struct vdisk *disk;
	uint64_t mark;			/* the watermark, as far as known */
	uint64_t top;			/* the largest seq seen */
	struct vd_candidate *candidate;
	uint32_t candidate_count;
	uint64_t steps;			/* of trim ranges, to bound them */
	uint64_t torn_count, corrected_count, unreadable_count, rolled_back;
	uint64_t hidden_count;		/* records, by trims that only the map has */
	uint64_t blank_log;		/* least seq of logs without a first line */
	bool flushed;			/* something has to be drained */
};
int scan_records(struct vd_scan *scan, struct nvm_fault *fault);
int scan_page(struct vd_scan *scan, const struct vd_segment *segment,
	      uint32_t first, uint32_t count, const uint8_t *page,
	      const uint8_t *ahead, struct nvm_fault *fault);
int scan_record(struct vd_scan *scan, uint32_t block,
		const struct vd_rec *rec, struct nvm_fault *fault);
int scan_candidate(struct vd_scan *scan, uint32_t block,
		   const struct vd_rec *rec, struct nvm_fault *fault);
void scan_tally(struct vd_scan *scan);
void scan_insert(struct vd_scan *scan, uint32_t logical, uint32_t block,
		 uint64_t seq);
void scan_lost(struct vd_scan *scan);
int scan_repair(struct vd_scan *scan);
int judge_candidates(struct vd_scan *scan, struct nvm_fault *fault);

/* ---- trim lines: trim.c ---- */
uint32_t log_salt(const struct vdisk *disk, uint32_t block, uint64_t seq);
/*
 * The lines of a log as they were loaded: from now on those that are not valid
 * are zeros.  A bit for each that had one wrong bit, and was put right.
 */
uint64_t trim_lines_judge(const struct vdisk *disk, uint32_t block,
			  uint32_t salt, struct vd_trim_line *line);
static inline bool trim_line_is_valid(const struct vd_trim_line *judged)
{
	return judged->range_count;
}
uint64_t trim_lines_missing(const struct vd_trim_line *judged);
/* On a small disk, four logs full of trims of all of it. */
static inline uint64_t trim_span_max(const struct vdisk *disk)
{
	uint64_t span = 256ull * disk->layout.logical_count;

	return span < VD_TRIM_SPAN ? span : VD_TRIM_SPAN;
}
uint32_t trim_range_blocks(const struct vdisk *disk,
			   const struct vd_trim_range *range);
int log_evacuate(struct vdisk *disk, uint32_t lane, uint32_t block);
uint64_t log_span(struct vdisk *disk, uint32_t block, uint8_t *scratch);

/* ---- lane.c ---- */
uint64_t lane_begin(struct vdisk *disk, uint32_t lane, uint32_t first,
		    uint32_t count, uint32_t seq_count);
void lane_end(struct vdisk *disk, uint32_t lane);
uint64_t lane_watermark(struct vdisk *disk, uint32_t lane, uint64_t first_seq);
uint64_t disk_watermark(struct vdisk *disk);
bool lane_meets(struct vdisk *disk, uint32_t lane, uint32_t block);
void lane_wait_older(struct vdisk *disk, uint32_t lane, uint32_t block,
		     uint64_t seq);
int lane_room(struct vdisk *disk, uint32_t lane);
int disk_drain(struct vdisk *disk);
int disk_sync(struct vdisk *disk, uint32_t lane);

/* ---- supply.c ---- */
int supply_take(struct vdisk *disk, uint32_t lane, uint32_t count,
		uint32_t *ret_count);
int supply_take_worn(struct vdisk *disk, uint32_t lane, uint32_t cold_count,
		     struct wear_block *ret_block);
void supply_ahead(struct vdisk *disk, uint32_t lane);
void supply_return(struct vdisk *disk, uint32_t lane, struct wear_block block);
void supply_free(struct vdisk *disk, uint32_t lane, uint32_t block);
void supply_freed_flush(struct vdisk *disk, uint32_t lane);
void supply_retire(struct vdisk *disk, uint32_t block);
void supply_release_ring(struct vdisk *disk, uint32_t count);
void supply_state(struct vdisk *disk, uint32_t block, uint8_t state);
void supply_restrict(struct vdisk *disk);
void supply_unrestrict(struct vdisk *disk);
uint32_t supply_free_count(struct vdisk *disk);

/* ---- map.c ---- */
int entry_seq(struct vdisk *disk, uint64_t block, uint64_t entry,
	      uint64_t *ret_seq);
bool map_switch(struct vdisk *disk, uint32_t lane, uint64_t block,
		uint64_t seq, uint64_t new_entry);

/* ---- write.c ---- */
int write_blocks(struct vdisk *disk, uint32_t lane, uint32_t first,
		 uint32_t count, const uint8_t *src, unsigned flags);
int level_move(struct vdisk *disk, uint32_t lane, uint32_t logical,
	       struct wear_block to, bool *ret_moved);
void level_ahead(struct vdisk *disk, uint32_t lane);
void level_some(struct vdisk *disk, uint32_t lane, uint32_t written);
int piece_store(struct vdisk *disk, uint32_t lane, struct vd_piece *piece,
		const uint8_t *src, uint32_t csum, bool csum_known,
		struct vd_rec *rec);
int read_verified(struct vdisk *disk, uint32_t lane, uint64_t block,
		  uint64_t entry, void *dst, struct vd_rec *ret_rec);

/* ---- small things --------------------------------------------------------- */

static inline void spin_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/*
 * The data read before are read before the map entry read after.  GCC's thread
 * sanitizer does not know fences and says so; nothing here relies on it to.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wtsan"
static inline void fence_acquire(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void fence_full(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#pragma GCC diagnostic pop

static inline void disk_relax(const struct vdisk *disk)
{
	if (disk->relax)
		disk->relax(disk->relax_ctx);
	else
		spin_pause();
}

static inline void lock_take(const struct vdisk *disk, uint32_t *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
		disk_relax(disk);
}

static inline bool lock_try(uint32_t *lock)
{
	return !__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE);
}

static inline void lock_drop(uint32_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

static inline int disk_failed(const struct vdisk *disk)
{
	return __atomic_load_n(&disk->failed, __ATOMIC_RELAXED);
}

static inline void disk_fail(struct vdisk *disk, int err)
{
	__atomic_store_n(&disk->failed, err, __ATOMIC_RELAXED);
}

/* A disk of one lane has one thread at a time: nobody to keep out. */
static inline bool one_thread(const struct vdisk *disk)
{
	return disk->lane_count == 1;
}

static inline void pool_lock_take(struct vdisk *disk)
{
	if (!one_thread(disk))
		lock_take(disk, &disk->pool_lock);
}

static inline void pool_lock_drop(struct vdisk *disk)
{
	if (!one_thread(disk))
		lock_drop(&disk->pool_lock);
}

static inline uint64_t word_mapped(uint32_t block, uint64_t seq)
{
	return VD_WORD_MAPPED | (seq & 0x7fffffff) << 32 | block;
}

static inline bool word_is_mapped(uint64_t word)
{
	return word >> 63;
}

static inline uint32_t word_block(uint64_t word)
{
	return (uint32_t)word;
}

static inline uint32_t word_seq_low(uint64_t word)
{
	return (uint32_t)(word >> 32) & 0x7fffffff;
}

static inline uint64_t map_load(const struct vdisk *disk, uint64_t block)
{
	return __atomic_load_n(&disk->map[block], __ATOMIC_ACQUIRE);
}

static inline void map_prefetch(const struct vdisk *disk, uint64_t block)
{
	__builtin_prefetch(&disk->map[block], 1);
}

static inline const struct vd_segment *segment_of(const struct vdisk *disk,
						  uint32_t block)
{
	const struct vd_segment *segment = disk->layout.segment;

	if (!disk->one_segment)
		while (block - segment->first >= segment->block_count)
			segment++;
	return segment;
}

static inline struct nvm_media *segment_media(const struct vdisk *disk,
					      const struct vd_segment *segment)
{
	return disk->area.extent[segment->extent];
}

static inline uint64_t data_off(const struct vd_segment *segment,
				uint32_t block)
{
	return segment->data_off +
	       (uint64_t)(block - segment->first) * VD_BLOCK;
}

static inline uint64_t record_off(const struct vd_segment *segment,
				  uint32_t block)
{
	return segment->records_off +
	       (uint64_t)(block - segment->first) * VD_RECORD_LINE;
}

/* Have a line in the cache before it is asked for; never faults. */
static inline void record_prefetch(const struct vdisk *disk, uint32_t block)
{
	const struct vd_segment *segment = segment_of(disk, block);
	const uint8_t *base = segment_media(disk, segment)->base;

	if (base)
		__builtin_prefetch(base + record_off(segment, block));
}

/* A lane's own counter, which others may look at. */
static inline void count_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline uint64_t count_load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Distinct for each block: the CRC of equal bytes begun with two seeds differs. */
static inline uint32_t rec_seed(const struct vd_segment *segment,
				uint32_t block)
{
	return segment->seed ^ block * 0x9e3779b1u;
}

static inline uint8_t state_load(const struct vdisk *disk, uint32_t block)
{
	return __atomic_load_n(&disk->state[block], __ATOMIC_RELAXED);
}

#define VD_STATE_FLAGS	(VD_BLOCK_POISONED | VD_BLOCK_SUSPECT)
#define VD_STATE_MASK	(0xffu ^ VD_STATE_FLAGS)

static inline uint8_t state_of(const struct vdisk *disk, uint32_t block)
{
	return state_load(disk, block) & VD_STATE_MASK;
}

#endif
