// SPDX-License-Identifier: BSD-3-Clause
/*
 * txn.c - one transaction: pages are changed in memory, then carried to the
 * media so that a power loss finds all of them or none.
 *
 * The steps are those of format.h; each barrier below says what breaks
 * without it.
 */
#include "pool/impl.h"

int txn_begin(struct pool *pool)
{
	if (!pool->writable)
		return -NVM_EPERM;
	if (pool->broken)
		return -NVM_EIO;
	pool->txn_count = 0;
	pool->extra_count = 0;
	return 0;
}

static void txn_add(struct pool *pool, uint64_t target, void *image)
{
	pool->txn[pool->txn_count++] = (struct txn_page){ target, image };
}

struct pool_nat_page *txn_nat(struct pool *pool, uint64_t index)
{
	struct pool_nat_page *page = &pool->nat[index];

	if (!pool->in_txn[index]) {
		pool->in_txn[index] = 1;
		txn_add(pool, pool->geom.nat_off + index * NVM_PAGE, page);
	}
	return page;
}

struct pool_umap_page *txn_umap(struct pool *pool, uint64_t index)
{
	struct pool_umap_page *page = &pool->umap[index];
	uint8_t *in_txn = &pool->in_txn[pool->geom.nat_pages + index];

	if (!*in_txn) {
		*in_txn = 1;
		txn_add(pool, pool->geom.umap_off + index * NVM_PAGE, page);
	}
	return page;
}

void *txn_extra(struct pool *pool, uint64_t target)
{
	uint8_t *image;

	/* Leave room for the NAT pages of the same transaction. */
	if (pool->extra_count >= TXN_EXTRA / 2)
		return NULL;
	image = pool->extra + (uint64_t)pool->extra_count++ * NVM_PAGE;
	memset(image, 0, NVM_PAGE);
	txn_add(pool, target, image);
	return image;
}

static void txn_end(struct pool *pool)
{
	memset(pool->in_txn, 0, pool->geom.nat_pages + pool->geom.umap_pages);
	pool->txn_count = 0;
	pool->extra_count = 0;
}

/* Nothing was committed: the media still has the pages as they were. */
void txn_abort(struct pool *pool)
{
	for (uint32_t i = 0; i < pool->txn_count; i++) {
		uint64_t target = pool->txn[i].target;

		if (target >= pool->geom.data_off)
			continue;
		if (page_load(pool, target, pool->txn[i].image, NULL))
			pool->broken = true;
	}
	txn_end(pool);
}

/*
 * Step 1, and the seals.  Space is had before anything is promised, for what
 * will be written and no more: asking for all tables makes the file system
 * walk through all of them, each time.  A pool that an abort could not read
 * back has no page worth a seal.
 */
static int txn_prepare(struct pool *pool, uint64_t seq)
{
	struct nvm_media *media = pool->media;
	int err = pool->broken ? -NVM_EIO : journal_reserve(pool, seq);

	for (uint32_t i = 0; i < pool->txn_count && !err; i++) {
		uint64_t target = pool->txn[i].target, index;
		const char *magic;

		if (page_identify(pool, target, &magic, &index))
			page_seal(media, pool->txn[i].image, magic, index,
				  pool->geom.uuid, seq);
		err = media->ops->reserve(media, target & ~JOURNAL_STAMP,
					  NVM_PAGE);
		if (!err && !(target & JOURNAL_STAMP))
			err = media->ops->reserve(media,
						  page_copy_b(pool, target),
						  NVM_PAGE);
	}
	return err;
}

static bool txn_has_stamps(const struct pool *pool)
{
	for (uint32_t i = 0; i < pool->txn_count; i++)
		if (pool->txn[i].target & JOURNAL_STAMP)
			return true;
	return false;
}

static int txn_home(struct pool *pool, bool stamps)
{
	struct nvm_media *media = pool->media;
	int err = 0;

	for (uint32_t i = 0; i < pool->txn_count && !err; i++) {
		uint64_t target = pool->txn[i].target;
		const uint8_t *image = pool->txn[i].image;

		if (!!(target & JOURNAL_STAMP) != stamps)
			continue;
		err = media->ops->store(media, target & ~JOURNAL_STAMP, image,
					NVM_PAGE);
		if (!err && !stamps)
			err = media->ops->store(media,
						page_copy_b(pool, target),
						image, NVM_PAGE);
	}
	return err;
}

/*
 * Crash before the first barrier is through: the old state, or the new one if
 *   the whole slot happened to get there.
 * Crash after it: the new state; recovery carries home what is missing.
 * Without the first barrier, home pages could arrive without their slot: half
 *   a transaction.  Without the second, tables that say "stamped" could arrive
 *   without the stamp.  Without the third, recovery could take the stamps for
 *   unwritten and store them over what the guest has put there by then.
 *
 * Home pages without stamps are left in flight: their slot stands for them.
 * But the next transaction's slot must not be stored beside them: it could
 * arrive whole and be the newest while they are lost, and recovery carries
 * home the newest slot only.  So their barrier comes before it; where another
 * process goes on, it is the one of journal_finish().
 */
int txn_commit(struct pool *pool, struct nvm_fault *fault)
{
	bool stamped = txn_has_stamps(pool);
	uint64_t seq = pool->seq + 1;
	int err = txn_prepare(pool, seq);

	if (!err && pool->home_in_flight)
		err = pool_barrier(pool);
	if (!err)
		err = journal_write(pool, seq);
	if (err) {
		txn_abort(pool);
		return nvm_fault_set(fault, err, "journal", seq % 2,
				     pool->geom.journal_off, 0, 0);
	}
	err = pool_barrier(pool);
	if (!err && stamped)
		err = txn_home(pool, true);
	if (!err && stamped)
		err = pool_barrier(pool);
	if (!err)
		err = txn_home(pool, false);
	if (!err && stamped)
		err = pool_barrier(pool);
	pool->home_in_flight = !stamped;
	txn_end(pool);
	if (err) {
		pool->broken = true;
		return nvm_fault_set(fault, err, "transaction", seq, 0, 0, 0);
	}
	pool->seq = seq;
	return 0;
}
