// SPDX-License-Identifier: BSD-3-Clause
/*
 * fill.c - see fill.h.
 *
 * The pages get the sequence number of the transaction that pool_format()
 * leaves in the journal, so to the core they are home and nothing is to be
 * recovered.  Whether all of it is as it should be, pool_check() tells: the
 * benchmark runs it on each of these pools.
 */
#include "bench/fill.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST_SEQ	1u	/* of pool_format() */

struct fill {
	struct nvm_media *media;
	struct pool_geometry geometry;
	uint32_t children;
	uint64_t child_units;
	uint64_t group;			/* children that share an AMT unit */
	union {
		uint8_t bytes[NVM_PAGE];
		struct pool_page head;
		struct pool_nat_page nat;
		struct pool_umap_page umap;
		struct pool_amt amt;
	} page;
};

/* Units in the order in which carving takes them: group's AMTs, children. */
static uint64_t child_unit(const struct fill *f, uint32_t child)
{
	return child / f->group + 1 + child * f->child_units;
}

static uint64_t amt_off(const struct fill *f, uint32_t child)
{
	uint32_t first = (uint32_t)(child / f->group * f->group);

	return f->geometry.data_off +
	       (child_unit(f, first) - 1) * f->geometry.unit_bytes +
	       child % f->group * AMT_SLOT_BYTES;
}

static void child_uuid(uint32_t child, uint8_t *ret_uuid)
{
	memset(ret_uuid, 0, POOL_UUID_LEN);
	memcpy(ret_uuid, "bench", 5);
	memcpy(ret_uuid + 8, &child, sizeof(child));
}

static int page_put(struct fill *f, const char *magic, uint64_t index,
		    uint64_t off, uint64_t copy_off)
{
	struct pool_page *head = &f->page.head;
	int err;

	memcpy(head->magic, magic, sizeof(head->magic));
	head->seq = put_le64(FIRST_SEQ);
	head->index = put_le64(index);
	memcpy(head->uuid, f->geometry.uuid, POOL_UUID_LEN);
	head->csum = put_le32(0);
	head->csum = put_le32(f->media->ops->crc32c(0, f->page.bytes,
						    NVM_PAGE));
	err = f->media->ops->store(f->media, off, f->page.bytes, NVM_PAGE);
	if (!err)
		err = f->media->ops->store(f->media, copy_off, f->page.bytes,
					   NVM_PAGE);
	memset(&f->page, 0, sizeof(f->page));
	return err;
}

static void entry_put(const struct fill *f, uint32_t child,
		      struct pool_nat_entry *entry)
{
	entry->size_units = put_le64(f->child_units);
	entry->amt_off = put_le64(amt_off(f, child));
	child_uuid(child, entry->uuid);
	entry->mode = POOL_MODE_FSDAX;
	snprintf(entry->name, sizeof(entry->name), "vm-%06" PRIu32, child);
	memcpy(entry->vm, entry->name, sizeof(entry->vm));
}

static int nat_put(struct fill *f)
{
	const struct pool_geometry *g = &f->geometry;
	int err = 0;

	for (uint64_t i = 0; i < g->nat_pages && !err; i++) {
		uint64_t off = g->nat_off + i * NVM_PAGE;

		for (uint32_t k = 0; k < NAT_ENTRIES_A_PAGE; k++) {
			uint32_t child = (uint32_t)i * NAT_ENTRIES_A_PAGE + k;

			if (child < f->children)
				entry_put(f, child, &f->page.nat.entry[k]);
		}
		err = page_put(f, POOL_MAGIC_NAT, i, off,
			       off + g->nat_pages * NVM_PAGE);
	}
	return err;
}

static int umap_put(struct fill *f)
{
	const struct pool_geometry *g = &f->geometry;
	uint64_t used = child_unit(f, f->children - 1) + f->child_units;
	int err = 0;

	for (uint64_t i = 0; i < g->umap_pages && !err; i++) {
		uint64_t off = g->umap_off + i * NVM_PAGE;

		for (uint64_t at = 0; at < UMAP_UNITS_A_PAGE &&
				      i * UMAP_UNITS_A_PAGE + at < used; at++)
			f->page.umap.state[at / 4] |=
				(uint8_t)(UNIT_USED << at % 4 * 2);
		err = page_put(f, POOL_MAGIC_UMAP, i, off,
			       off + g->umap_pages * NVM_PAGE);
	}
	return err;
}

static int amts_put(struct fill *f)
{
	int err = 0;

	for (uint32_t child = 0; child < f->children && !err; child++) {
		struct pool_amt *amt = &f->page.amt;
		uint64_t off = amt_off(f, child);

		child_uuid(child, amt->child_uuid);
		amt->extent_count = put_le32(1);
		amt->extent[0].start_unit = put_le64(child_unit(f, child));
		amt->extent[0].unit_count = put_le64(f->child_units);
		err = page_put(f, POOL_MAGIC_AMT, off, off, off + NVM_PAGE);
	}
	return err;
}

int fill_pool(struct nvm_media *media, uint32_t children, uint64_t child_units,
	      struct pool_geometry *ret_geometry)
{
	static const uint8_t uuid[POOL_UUID_LEN] = { 'b', 'e', 'n', 'c', 'h' };
	const struct pool_format_args args = {
		.clean = true, .uuid = uuid, .label = "bench",
	};
	struct fill f = {
		.media = media, .children = children,
		.child_units = child_units,
	};
	int err = pool_format(media, &args, NULL);

	if (!err)
		err = pool_probe(media, &f.geometry, NULL);
	if (err)
		return err;
	f.group = f.geometry.unit_bytes / AMT_SLOT_BYTES;
	if (children > f.geometry.children_max ||
	    (children && child_unit(&f, children - 1) + child_units >
			 f.geometry.unit_count))
		return -NVM_ENOSPC;
	if (children)
		err = nat_put(&f);
	if (!err && children)
		err = umap_put(&f);
	if (!err)
		err = amts_put(&f);
	*ret_geometry = f.geometry;
	return err;
}
