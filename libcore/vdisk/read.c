// SPDX-License-Identifier: BSD-3-Clause
/*
 * read.c - reading blocks, without a lock: load the map entry, copy, and load
 * the entry again.  If it is the same, the block was not given to anybody else
 * in between (an entry comes back only after 2^31 writes).
 */
#include "vdisk/impl.h"

/* Nobody can read this block any more: it is retired when it is freed. */
static void block_poisoned(struct vdisk *disk, uint32_t block)
{
	if (!disk->read_only)
		__atomic_fetch_or(&disk->state[block], VD_BLOCK_POISONED,
				  __ATOMIC_RELAXED);
}

static bool rec_matches(const struct vd_rec *rec, uint64_t block,
			uint64_t entry)
{
	return rec->type == VD_RECORD_DATA && rec->block == block &&
	       (rec->seq & 0x7fffffff) == word_seq_low(entry);
}

/* A block's bytes and their checksum. */
static int data_load(struct nvm_media *media, uint64_t off, void *dst,
		     uint32_t *ret_csum)
{
	int err;

	if (media->ops->load_crc)
		return media->ops->load_crc(media, off, dst, ret_csum);
	err = media->ops->load(media, off, dst, VD_BLOCK);
	if (!err)
		*ret_csum = media->ops->crc32c(0, dst, VD_BLOCK);
	return err;
}

/*
 * The bytes of one mapped block, checked against its record, which goes to
 * @ret_rec.  1: the entry changed meanwhile; look again.
 */
int read_verified(struct vdisk *disk, uint32_t lane, uint64_t block,
		  uint64_t entry, void *dst, struct vd_rec *ret_rec)
{
	uint32_t physical = word_block(entry);
	const struct vd_segment *segment = segment_of(disk, physical);
	struct nvm_media *media = segment_media(disk, segment);
	struct vd_lane *l = &disk->lane[lane];
	uint32_t csum = 0;
	int err, rec_err;

	if (media->base)
		__builtin_prefetch(media->base + data_off(segment, physical));
	rec_err = rec_load(disk, physical, ret_rec);
	err = data_load(media, data_off(segment, physical), dst, &csum);
	fence_acquire();
	if (map_load(disk, block) != entry)
		return 1;
	if (err || rec_err)
		block_poisoned(disk, physical);
	else if (rec_matches(ret_rec, block, entry) &&
		 csum == ret_rec->data_csum)
		return 0;
	count_add(&l->data_errors, 1);
	return -NVM_EIO;
}

static int read_unverified(struct vdisk *disk, uint64_t block, uint64_t entry,
			   void *dst)
{
	uint32_t physical = word_block(entry);
	const struct vd_segment *segment = segment_of(disk, physical);
	struct nvm_media *media = segment_media(disk, segment);
	int err = media->ops->load(media, data_off(segment, physical), dst,
				   VD_BLOCK);

	fence_acquire();
	if (map_load(disk, block) != entry)
		return 1;
	if (err)
		block_poisoned(disk, physical);
	return err;
}

static int read_block(struct vdisk *disk, uint32_t lane, uint64_t block,
		      void *dst)
{
	for (;;) {
		uint64_t entry = map_load(disk, block);
		struct vd_rec rec;
		int err;

		if (!word_is_mapped(entry)) {
			memset(dst, 0, VD_BLOCK);
			return 0;
		}
		err = __atomic_load_n(&disk->verify, __ATOMIC_RELAXED)
			? read_verified(disk, lane, block, entry, dst, &rec)
			: read_unverified(disk, block, entry, dst);
		if (err <= 0)
			return err;
	}
}

int vd_read(struct vdisk *disk, uint32_t lane, uint64_t first,
	    uint32_t count, void *dst)
{
	uint64_t end = disk->layout.logical_count;
	uint8_t *bytes = dst;
	int err = 0;

	if (first > end || count > end - first || lane >= disk->lane_count)
		return -NVM_EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		int one = read_block(disk, lane, first + i,
				     bytes + (size_t)i * VD_BLOCK);

		if (one)
			err = one;
	}
	return err;
}

void vd_verify(struct vdisk *disk, bool on)
{
	__atomic_store_n(&disk->verify, on, __ATOMIC_RELAXED);
}

/* ---- pins --------------------------------------------------------------------- */

/* One more reader of a physical block, in the table. */
static bool pin_add(struct vdisk *disk, uint32_t block)
{
	uint32_t spares = disk->layout.block_count -
			  disk->layout.logical_count;
	struct vd_pin *at = NULL;

	pool_lock_take(disk);
	for (uint32_t i = 0; i < VD_PINS_MAX; i++) {
		struct vd_pin *pin = &disk->pin[i];

		if (pin->count && pin->block == block) {
			at = pin;
			break;
		}
		if (!pin->count && !at)
			at = pin;
	}
	if (at && !at->count) {
		/* A quarter of the spares may wait for readers, no more. */
		if (disk->pin_count < spares / 4) {
			__atomic_add_fetch(&disk->pin_count, 1,
					   __ATOMIC_SEQ_CST);
			*at = (struct vd_pin){ .block = block, .count = 1 };
		} else {
			at = NULL;
		}
	} else if (at) {
		at->count++;
	}
	pool_lock_drop(disk);
	return at;
}

static void pin_drop(struct vdisk *disk, uint32_t lane, uint32_t block)
{
	bool freed = false;

	pool_lock_take(disk);
	for (uint32_t i = 0; i < VD_PINS_MAX; i++) {
		struct vd_pin *pin = &disk->pin[i];

		if (!pin->count || pin->block != block)
			continue;
		if (!--pin->count) {
			freed = pin->freed;
			__atomic_sub_fetch(&disk->pin_count, 1,
					   __ATOMIC_SEQ_CST);
		}
		break;
	}
	pool_lock_drop(disk);
	if (freed)
		supply_free(disk, lane, block);
}

int vd_pin(struct vdisk *disk, uint32_t lane, uint64_t block,
	   const void **ret_bytes)
{
	if (block >= disk->layout.logical_count || lane >= disk->lane_count)
		return -NVM_EINVAL;
	for (;;) {
		uint64_t entry = map_load(disk, block);
		uint32_t physical = word_block(entry);
		const struct vd_segment *segment;
		const uint8_t *base;
		struct vd_rec rec;
		int err = 0;

		if (!word_is_mapped(entry)) {
			*ret_bytes = NULL;
			return 0;
		}
		segment = segment_of(disk, physical);
		base = segment_media(disk, segment)->base;
		if (!base)
			return -NVM_EINVAL;
		if (!pin_add(disk, physical))
			return -NVM_EBUSY;
		/* Whoever frees it from now on sees the pin. */
		fence_full();
		if (map_load(disk, block) != entry) {
			pin_drop(disk, lane, physical);
			continue;
		}
		if (__atomic_load_n(&disk->verify, __ATOMIC_RELAXED))
			err = read_verified(disk, lane, block, entry,
					    disk->lane[lane].scratch, &rec);
		if (err) {
			pin_drop(disk, lane, physical);
			if (err < 0)
				return err;
			continue;
		}
		*ret_bytes = base + data_off(segment, physical);
		return 0;
	}
}

void vd_unpin(struct vdisk *disk, uint32_t lane, const void *bytes)
{
	const uint8_t *at = bytes;

	for (uint32_t s = 0; bytes && s < disk->layout.segment_count; s++) {
		const struct vd_segment *segment = &disk->layout.segment[s];
		const uint8_t *base = segment_media(disk, segment)->base +
				      segment->data_off;

		if (at >= base && (uint64_t)(at - base) / VD_BLOCK <
				  segment->block_count) {
			pin_drop(disk, lane, segment->first +
				 (uint32_t)((uint64_t)(at - base) / VD_BLOCK));
			return;
		}
	}
}
