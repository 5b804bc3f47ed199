// SPDX-License-Identifier: BSD-3-Clause
/*
 * format.c - an empty pool on a piece of media.
 *
 * Crash story: whatever GMB a former pool left is gone, durably, before
 * anything else changes, and the new GMB is stored after everything else is
 * durable.  So there is the old pool, no pool, or the whole new one.
 */
#include "pool/impl.h"

#define FIRST_SEQ	1u

struct format {
	struct nvm_media *media;
	const struct pool_format_args *args;
	struct pool_geometry geom;
	union {
		uint8_t bytes[NVM_PAGE];
		struct pool_page head;
		struct pool_gmb gmb;
		struct pool_journal journal;
		struct pool_umap_page umap;
	} page;
};

static int store_page(struct format *f, uint64_t off)
{
	return f->media->ops->store(f->media, off, f->page.bytes, NVM_PAGE);
}

/*
 * What is taken for a GMB, or for a file system's or partition's first block,
 * goes first.
 */
static int invalidate(struct format *f)
{
	int err = 0;

	memset(&f->page, 0, sizeof(f->page));
	for (unsigned copy = 0; copy < GMB_COPIES && !err; copy++)
		err = store_page(f, gmb_copy_off(f->media->size_bytes, copy));
	return err ? err : media_barrier(f->media);
}

static int table_write(struct format *f, uint64_t off, uint64_t pages,
		       const char *magic,
		       void (*fill)(struct format *f, uint64_t index))
{
	int err = 0;

	for (uint64_t i = 0; i < pages && !err; i++) {
		memset(&f->page, 0, sizeof(f->page));
		if (fill)
			fill(f, i);
		page_seal(f->media, &f->page, magic, i, f->geom.uuid,
			  FIRST_SEQ);
		err = store_page(f, off + i * NVM_PAGE);
		if (!err)
			err = store_page(f, off + (pages + i) * NVM_PAGE);
	}
	return err;
}

static void umap_put(struct format *f, uint64_t at, unsigned state)
{
	uint8_t *byte = &f->page.umap.state[at / 4];
	unsigned shift = at % 4 * 2;

	*byte = (uint8_t)((*byte & ~(3u << shift)) | state << shift);
}

/* Units of this page that a poisoned range touches. */
static void umap_fill_bad(struct format *f, uint64_t first, uint64_t count,
			  const struct pool_range *bad)
{
	const struct pool_geometry *g = &f->geom;
	uint64_t end, u;

	if (!bad->size_bytes || bad->off_bytes > g->size_bytes ||
	    bad->size_bytes > g->size_bytes - bad->off_bytes ||
	    bad->off_bytes + bad->size_bytes <= g->data_off)
		return;
	u = bad->off_bytes <= g->data_off ? 0 :
	    (bad->off_bytes - g->data_off) / g->unit_bytes;
	end = (bad->off_bytes + bad->size_bytes - g->data_off +
	       g->unit_bytes - 1) / g->unit_bytes;
	if (u < first)
		u = first;
	if (end > first + count)
		end = first + count;
	for (; u < end; u++)
		umap_put(f, u - first, UNIT_BAD);
}

static void umap_fill(struct format *f, uint64_t index)
{
	uint64_t first = index * UMAP_UNITS_A_PAGE;
	uint64_t count = f->geom.unit_count - first;

	if (count > UMAP_UNITS_A_PAGE)
		count = UMAP_UNITS_A_PAGE;
	if (!f->args->clean)
		for (uint64_t at = 0; at < count; at++)
			umap_put(f, at, UNIT_DIRTY);
	for (size_t i = 0; i < f->args->bad_count; i++)
		umap_fill_bad(f, first, count, &f->args->bad[i]);
}

/*
 * Transaction 1, already home: so that "no valid slot" always means damage.
 * Its one page is NAT page 0.  Slot 0 reads as zeros.
 */
static int journal_format(struct format *f)
{
	uint64_t off = f->geom.journal_off +
		       FIRST_SEQ % 2 * f->geom.journal_slot_bytes;
	le64_t target = put_le64(f->geom.nat_off);
	uint32_t csum;
	int err;

	memset(&f->page, 0, sizeof(f->page));
	memcpy(f->page.bytes, &target, sizeof(target));
	csum = f->media->ops->crc32c(0, f->page.bytes, NVM_PAGE);
	err = store_page(f, off + NVM_PAGE);
	if (err)
		return err;
	memset(&f->page, 0, sizeof(f->page));
	page_seal(f->media, &f->page, POOL_MAGIC_NAT, 0, f->geom.uuid,
		  FIRST_SEQ);
	csum = f->media->ops->crc32c(csum, f->page.bytes, NVM_PAGE);
	err = store_page(f, off + 2 * NVM_PAGE);
	if (err)
		return err;
	memset(&f->page, 0, sizeof(f->page));
	f->page.journal.page_count = put_le32(1);
	f->page.journal.body_csum = put_le32(csum);
	page_seal(f->media, &f->page, POOL_MAGIC_JOURNAL, FIRST_SEQ % 2,
		  f->geom.uuid, FIRST_SEQ);
	return store_page(f, off);
}

static size_t label_len(const char *label)
{
	size_t len = 0;

	while (label && len <= POOL_NAME_MAX && label[len])
		len++;
	return len;
}

static void gmb_build(const struct nvm_media *media,
		      const struct pool_geometry *g, struct pool_gmb *gmb)
{
	memset(gmb, 0, sizeof(*gmb));
	gmb->version = put_le32(g->version);
	gmb->compat = put_le32(g->compat);
	gmb->ro_compat = put_le32(g->ro_compat);
	gmb->incompat = put_le32(g->incompat);
	gmb->size_bytes = put_le64(g->size_bytes);
	gmb->unit_bytes = put_le64(g->unit_bytes);
	gmb->unit_count = put_le64(g->unit_count);
	gmb->data_off = put_le64(g->data_off);
	gmb->journal_off = put_le64(g->journal_off);
	gmb->journal_slot_bytes = put_le64(g->journal_slot_bytes);
	gmb->nat_off = put_le64(g->nat_off);
	gmb->nat_pages = put_le64(g->nat_pages);
	gmb->umap_off = put_le64(g->umap_off);
	gmb->umap_pages = put_le64(g->umap_pages);
	gmb->children_max = put_le32(g->children_max);
	gmb->created_s = put_le64(g->created_s);
	memcpy(gmb->label, g->label, sizeof(gmb->label));
	page_seal(media, gmb, POOL_MAGIC_GMB, 0, g->uuid, FIRST_SEQ);
}

static bool bad_in_metadata(const struct format *f)
{
	for (size_t i = 0; i < f->args->bad_count; i++)
		if (f->args->bad[i].off_bytes < f->geom.data_off ||
		    f->args->bad[i].off_bytes + f->args->bad[i].size_bytes >
		    f->geom.size_bytes - NVM_PAGE)
			return true;
	return false;
}

int pool_format(struct nvm_media *media, const struct pool_format_args *args,
		struct nvm_fault *fault)
{
	struct format f = { .media = media, .args = args };
	struct pool_geometry *g = &f.geom;
	int err = pool_layout(media->size_bytes, args->unit_bytes,
			      args->children_max, g, fault);

	if (err)
		return err;
	if (media->read_only)
		return nvm_fault_set(fault, -NVM_EROFS, "media", 0, 0, 0, 0);
	if (!args->uuid || label_len(args->label) > POOL_NAME_MAX)
		return nvm_fault_set(fault, -NVM_EINVAL, "label", 0, 0,
				     POOL_NAME_MAX, label_len(args->label));
	if (bad_in_metadata(&f))
		return nvm_fault_set(fault, -NVM_EIO, "metadata", 0, 0, 0, 0);
	g->created_s = args->created_s;
	memcpy(g->uuid, args->uuid, POOL_UUID_LEN);
	if (args->label)
		memcpy(g->label, args->label, label_len(args->label));

	err = media->ops->reserve(media, 0, g->data_off);
	if (!err)
		err = media->ops->reserve(media, g->size_bytes - NVM_PAGE,
					  NVM_PAGE);
	if (!err)
		err = invalidate(&f);
	/* Signatures of others lie here and there; space is had again after. */
	if (!err)
		err = media->ops->discard(media, g->journal_off,
					  g->data_off - g->journal_off);
	if (!err)
		err = media->ops->reserve(media, 0, g->data_off);
	if (!err)
		err = table_write(&f, g->nat_off, g->nat_pages,
				  POOL_MAGIC_NAT, NULL);
	if (!err)
		err = table_write(&f, g->umap_off, g->umap_pages,
				  POOL_MAGIC_UMAP, umap_fill);
	if (!err)
		err = journal_format(&f);
	if (!err)
		err = media_barrier(media);
	if (err)
		return nvm_fault_set(fault, err, "metadata", 0, 0, 0, 0);

	gmb_build(media, g, &f.page.gmb);
	for (unsigned copy = 0; copy < GMB_COPIES && !err; copy++)
		err = store_page(&f, gmb_copy_off(media->size_bytes, copy));
	if (!err)
		err = media_barrier(media);
	return err ? nvm_fault_set(fault, err, "GMB", 0, 0, 0, 0) : 0;
}
