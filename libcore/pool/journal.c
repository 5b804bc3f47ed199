// SPDX-License-Identifier: BSD-3-Clause
/*
 * journal.c - the two slots of the metadata journal: written as step 2 and 3
 * of a transaction, looked through by a reader, carried home by recovery.
 *
 * Crash story: a slot counts only when the CRC of its header and the CRC over
 * its table and images match, so one barrier commits it.  The other slot,
 * with the transaction before it, is not touched.
 */
#include "pool/impl.h"

static uint64_t slot_off(const struct pool *pool, uint64_t slot)
{
	return pool->geom.journal_off + slot * pool->geom.journal_slot_bytes;
}

static uint64_t table_off(const struct pool *pool, uint64_t seq)
{
	return slot_off(pool, seq % 2) + NVM_PAGE;
}

static uint64_t image_off(const struct pool *pool, uint64_t seq,
			  uint64_t count, uint64_t i)
{
	return table_off(pool, seq) +
	       (journal_table_pages(count) + i) * NVM_PAGE;
}

/* A target is somewhere we may write: our tables, or a page of the data area. */
static bool target_sane(const struct pool *pool, uint64_t target)
{
	const struct pool_geometry *g = &pool->geom;
	const char *magic;
	uint64_t index;

	if (!(target & JOURNAL_STAMP))
		return page_identify(pool, target, &magic, &index);
	target &= ~JOURNAL_STAMP;
	return target % NVM_PAGE == 0 && target >= g->data_off &&
	       target - g->data_off < g->unit_count * g->unit_bytes;
}

/* An image is a page for its target, of this very transaction. */
static bool image_sane(const struct pool *pool, uint64_t seq, uint64_t target,
		       const void *image)
{
	const char *magic;
	uint64_t index;

	if (target & JOURNAL_STAMP)
		return true;
	return page_identify(pool, target, &magic, &index) &&
	       page_valid(pool->media, image, magic, index,
			  pool->geom.uuid) &&
	       get_le64(((const struct pool_page *)image)->seq) == seq;
}

static bool table_page_read(struct pool *pool, uint64_t index, uint32_t count)
{
	uint64_t at = index * JOURNAL_TARGETS_A_PAGE;

	for (uint64_t k = 0; k < JOURNAL_TARGETS_A_PAGE && at < count;
	     k++, at++) {
		le64_t raw;

		memcpy(&raw, pool->page + k * sizeof(raw), sizeof(raw));
		pool->journal_target[at] = get_le64(raw);
		if (!target_sane(pool, pool->journal_target[at]))
			return false;
	}
	return true;
}

/* The table into pool->journal_target[], all CRCs checked. */
static bool slot_body_valid(struct pool *pool, uint64_t seq, uint32_t count,
			    uint32_t want)
{
	struct nvm_media *media = pool->media;
	uint64_t tables = journal_table_pages(count);
	uint32_t csum = 0;

	for (uint64_t i = 0; i < tables + count; i++) {
		if (media->ops->load(media, table_off(pool, seq) +
				     i * NVM_PAGE, pool->page, NVM_PAGE))
			return false;
		csum = media->ops->crc32c(csum, pool->page, NVM_PAGE);
		if (i < tables ? !table_page_read(pool, i, count) :
		    !image_sane(pool, seq, pool->journal_target[i - tables],
				pool->page))
			return false;
	}
	return csum == want;
}

static bool slot_load(struct pool *pool, uint64_t slot, uint64_t *ret_seq,
		      uint32_t *ret_count)
{
	struct nvm_media *media = pool->media;
	struct pool_journal *head = (struct pool_journal *)pool->page;
	uint64_t seq;
	uint32_t count;

	if (media->ops->load(media, slot_off(pool, slot), head, NVM_PAGE) ||
	    !page_valid(media, head, POOL_MAGIC_JOURNAL, slot,
			pool->geom.uuid))
		return false;
	seq = get_le64(head->page.seq);
	count = get_le32(head->page_count);
	if (seq % 2 != slot || !seq || !count || count > pool->txn_max ||
	    !slot_body_valid(pool, seq, count, get_le32(head->body_csum)))
		return false;
	*ret_seq = seq;
	*ret_count = count;
	return true;
}

/* The slot with the larger sequence number is read last, so it stays. */
void journal_open(struct pool *pool)
{
	uint64_t seq[2] = { 0, 0 };
	uint32_t count[2] = { 0, 0 };
	uint64_t newest;

	for (uint64_t slot = 0; slot < 2; slot++)
		slot_load(pool, slot, &seq[slot], &count[slot]);
	newest = seq[1] > seq[0] ? 1 : 0;
	if (newest == 0 && seq[0] &&
	    !slot_load(pool, 0, &seq[0], &count[0]))
		seq[0] = count[0] = 0;
	pool->journal_seq = seq[newest];
	pool->journal_count = count[newest];
}

static int image_load(struct pool *pool, uint32_t i, void *page)
{
	return pool->media->ops->load(pool->media,
				      image_off(pool, pool->journal_seq,
						pool->journal_count, i),
				      page, NVM_PAGE);
}

bool journal_has(const struct pool *pool, uint64_t target)
{
	for (uint32_t i = 0; i < pool->journal_count; i++)
		if (pool->journal_target[i] == target)
			return true;
	return false;
}

int journal_overlay(struct pool *pool, uint64_t target, void *page,
		    bool have_page, bool *ret_used)
{
	const struct pool_page *head = page;
	int err;

	for (uint32_t i = 0; i < pool->journal_count; i++) {
		if (pool->journal_target[i] != target)
			continue;
		if (have_page && get_le64(head->seq) >= pool->journal_seq)
			return 0;
		err = image_load(pool, i, page);
		if (!err)
			*ret_used = true;
		return err;
	}
	return 0;
}

enum home_state { HOME_YES, HOME_PART, HOME_NO };

/* Is this copy on the media one of transaction @seq, or a newer one? */
static bool copy_since(struct pool *pool, uint64_t off, uint64_t target,
		       uint64_t seq)
{
	const char *magic;
	uint64_t index;

	if (!page_identify(pool, target, &magic, &index) ||
	    pool->media->ops->load(pool->media, off, pool->page, NVM_PAGE))
		return false;
	return page_valid(pool->media, pool->page, magic, index,
			  pool->geom.uuid) &&
	       get_le64(((struct pool_page *)pool->page)->seq) >= seq;
}

static bool copy_is_home(struct pool *pool, uint64_t off, uint64_t target)
{
	return copy_since(pool, off, target, pool->journal_seq);
}

/* A newer transaction wrote this page, and its slot is damaged. */
static bool page_is_newer(struct pool *pool, uint64_t target)
{
	uint64_t seq = pool->journal_seq + 1;

	return copy_since(pool, target, target, seq) ||
	       copy_since(pool, page_copy_b(pool, target), target, seq);
}

static enum home_state slot_is_home(struct pool *pool)
{
	uint64_t home = 0, copies = 0;

	for (uint32_t i = 0; i < pool->journal_count; i++) {
		uint64_t target = pool->journal_target[i];

		if (target & JOURNAL_STAMP)
			continue;
		copies += 2;
		home += copy_is_home(pool, target, target);
		home += copy_is_home(pool, page_copy_b(pool, target), target);
	}
	return home == copies ? HOME_YES : home ? HOME_PART : HOME_NO;
}

/*
 * A copy that is not home may be torn by the crash, or rotten: who only reads
 * is told so in either case.  Copies A are counted when they are read.
 */
void journal_look(struct pool *pool)
{
	const char *magic;
	uint64_t index;

	if (slot_is_home(pool) == HOME_YES)
		pool->journal_count = 0;
	pool->health.unfinished = pool->journal_count;
	for (uint32_t i = 0; i < pool->journal_count; i++) {
		uint64_t target = pool->journal_target[i];
		uint64_t copy = page_copy_b(pool, target);

		if (page_identify(pool, target, &magic, &index) &&
		    !copy_since(pool, copy, target, 0))
			health_damage(pool, page_what(magic), index, copy);
	}
}

static int image_store(struct pool *pool, uint32_t i)
{
	struct nvm_media *media = pool->media;
	uint64_t target = pool->journal_target[i];
	uint8_t *image = pool->bounce;	/* pool->page is for copy_is_home() */
	int err = image_load(pool, i, image);

	if (err)
		return err;
	if (target & JOURNAL_STAMP)
		return media->ops->store(media, target & ~JOURNAL_STAMP,
					 image, NVM_PAGE);
	/* An older image over a damaged copy would pass for the good one. */
	if (page_is_newer(pool, target))
		return 0;
	if (!copy_is_home(pool, target, target))
		err = media->ops->store(media, target, image, NVM_PAGE);
	if (!err && !copy_is_home(pool, page_copy_b(pool, target), target))
		err = media->ops->store(media, page_copy_b(pool, target),
					image, NVM_PAGE);
	return err;
}

/*
 * Steps 4 to 6 of format.h, for what is not home yet.
 *
 * A killed process leaves stores that are visible and not durable, the
 * journal slot itself among them: it is flushed before anything that relies
 * on it is stored.  What is already home may be such a store as well, so the
 * home copies are flushed too, stamps before them.
 * Crash anywhere: the slot is still there, and the table applies again.
 */
int journal_finish(struct pool *pool, struct nvm_fault *fault)
{
	struct nvm_media *media = pool->media;
	uint64_t slot = slot_off(pool, pool->journal_seq % 2);
	enum home_state home;
	int err;

	if (!pool->journal_count)
		return 0;
	err = media->ops->flush(media, slot,
				image_off(pool, pool->journal_seq,
					  pool->journal_count,
					  pool->journal_count) - slot);
	for (uint32_t i = 0; i < pool->journal_count && !err; i++) {
		uint64_t off = pool->journal_target[i] & ~JOURNAL_STAMP;

		err = media->ops->flush(media, off, NVM_PAGE);
		if (!err && off == pool->journal_target[i])
			err = media->ops->flush(media, page_copy_b(pool, off),
						NVM_PAGE);
	}
	if (!err)
		err = media_barrier(media);
	if (err)
		goto out;
	home = slot_is_home(pool);
	for (int stamps = 1; stamps >= 0 && home != HOME_YES; stamps--) {
		bool stored = false;

		if (stamps && home == HOME_PART)
			continue;	/* they are the guest's by now */
		for (uint32_t i = 0; i < pool->journal_count && !err; i++) {
			if ((int)(pool->journal_target[i] & JOURNAL_STAMP) !=
			    stamps)
				continue;
			err = image_store(pool, i);
			stored = true;
		}
		if (!err && stored)
			err = media_barrier(media);
		if (err)
			goto out;
	}
	if (home != HOME_YES)
		pool->health.recovered_pages = pool->journal_count;
	pool->journal_count = 0;
	return 0;
out:
	return nvm_fault_set(fault, err, "journal", pool->journal_seq % 2,
			     slot, 0, 0);
}

int journal_reserve(struct pool *pool, uint64_t seq)
{
	uint64_t slot = slot_off(pool, seq % 2), count = pool->txn_count;

	return pool->media->ops->reserve(pool->media, slot,
					 image_off(pool, seq, count, count) -
					 slot);
}

int journal_write(struct pool *pool, uint64_t seq)
{
	struct nvm_media *media = pool->media;
	struct pool_journal *head = (struct pool_journal *)pool->page;
	uint32_t count = pool->txn_count, csum = 0;
	uint64_t off = table_off(pool, seq);
	int err = 0;

	for (uint32_t i = 0; i < count && !err;
	     i += JOURNAL_TARGETS_A_PAGE, off += NVM_PAGE) {
		memset(pool->page, 0, NVM_PAGE);
		for (uint32_t k = 0; k < JOURNAL_TARGETS_A_PAGE &&
				     i + k < count; k++) {
			le64_t raw = put_le64(pool->txn[i + k].target);

			memcpy(pool->page + k * sizeof(raw), &raw,
			       sizeof(raw));
		}
		csum = media->ops->crc32c(csum, pool->page, NVM_PAGE);
		err = media->ops->store(media, off, pool->page, NVM_PAGE);
	}
	for (uint32_t i = 0; i < count && !err; i++) {
		csum = media->ops->crc32c(csum, pool->txn[i].image, NVM_PAGE);
		err = media->ops->store(media, image_off(pool, seq, count, i),
					pool->txn[i].image, NVM_PAGE);
	}
	if (err)
		return err;
	memset(head, 0, sizeof(*head));
	head->page_count = put_le32(count);
	head->body_csum = put_le32(csum);
	page_seal(media, head, POOL_MAGIC_JOURNAL, seq % 2, pool->geom.uuid,
		  seq);
	return media->ops->store(media, slot_off(pool, seq % 2), head,
				 NVM_PAGE);
}
