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

/*
 * Read the header and the table of a slot and check all CRCs.  0: valid, and
 * pool->journal_target[] holds its table; 1: not valid; or an error.
 */
static int slot_load(struct pool *pool, uint64_t slot, uint64_t *ret_seq,
		     uint32_t *ret_count)
{
	struct nvm_media *media = pool->media;
	struct pool_journal *head = (struct pool_journal *)pool->page;
	uint64_t seq, pages;
	uint32_t count, csum, want;

	if (media->ops->load(media, slot_off(pool, slot), head, NVM_PAGE) ||
	    !page_valid(media, head, POOL_MAGIC_JOURNAL, slot,
			pool->geom.uuid))
		return 1;
	seq = get_le64(head->page.seq);
	count = get_le32(head->page_count);
	want = get_le32(head->body_csum);
	if (seq % 2 != slot || !seq || !count || count > pool->txn_max)
		return 1;

	pages = journal_table_pages(count) + count;
	csum = 0;
	for (uint64_t i = 0; i < pages; i++) {
		if (media->ops->load(media, table_off(pool, seq) +
				     i * NVM_PAGE, pool->page, NVM_PAGE))
			return 1;
		csum = media->ops->crc32c(csum, pool->page, NVM_PAGE);
		if (i >= journal_table_pages(count))
			continue;
		for (uint64_t k = 0; k < JOURNAL_TARGETS_A_PAGE; k++) {
			uint64_t at = i * JOURNAL_TARGETS_A_PAGE + k;
			le64_t raw;

			if (at >= count)
				break;
			memcpy(&raw, pool->page + k * sizeof(raw),
			       sizeof(raw));
			pool->journal_target[at] = get_le64(raw);
		}
	}
	if (csum != want)
		return 1;
	for (uint32_t i = 0; i < count; i++)
		if (!target_sane(pool, pool->journal_target[i]))
			return 1;
	*ret_seq = seq;
	*ret_count = count;
	return 0;
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
	if (newest == 0 && seq[0])
		slot_load(pool, 0, &seq[0], &count[0]);
	pool->journal_seq = seq[newest];
	pool->journal_count = count[newest];
}

/*
 * An image that does not carry the slot's own number is not one of this
 * transaction; the CRCs make that a matter of a crafted image only.
 */
static int image_load(struct pool *pool, uint32_t i, void *page)
{
	uint64_t target = pool->journal_target[i], index;
	const char *magic;

	if (pool->media->ops->load(pool->media,
				   image_off(pool, pool->journal_seq,
					     pool->journal_count, i),
				   page, NVM_PAGE))
		return -NVM_EIO;
	if (target & JOURNAL_STAMP)
		return 0;
	if (!page_identify(pool, target, &magic, &index) ||
	    !page_valid(pool->media, page, magic, index, pool->geom.uuid) ||
	    get_le64(((struct pool_page *)page)->seq) != pool->journal_seq)
		return -NVM_EBADMSG;
	return 0;
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

/* Is this copy on the media the image's own, or a newer one? */
static bool copy_is_home(struct pool *pool, uint64_t off, uint64_t target)
{
	const char *magic;
	uint64_t index;

	if (!page_identify(pool, target, &magic, &index) ||
	    pool->media->ops->load(pool->media, off, pool->page, NVM_PAGE))
		return false;
	return page_valid(pool->media, pool->page, magic, index,
			  pool->geom.uuid) &&
	       get_le64(((struct pool_page *)pool->page)->seq) >=
			pool->journal_seq;
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
			continue;
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
	pool->journal_count = 0;
	return 0;
out:
	return nvm_fault_set(fault, err, "journal", pool->journal_seq % 2,
			     slot, 0, 0);
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
