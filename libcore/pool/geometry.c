// SPDX-License-Identifier: BSD-3-Clause
/*
 * geometry.c - where everything lies: laid down by pool_layout(), read back
 * and distrusted by pool_probe().
 *
 * A geometry that gmb_check() accepted has all its regions inside the media,
 * in order and without overlap, so no later sum or product of it overflows.
 */
#include "pool/impl.h"

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

uint32_t journal_pages_max(const struct pool_geometry *geom)
{
	return (uint32_t)geom->umap_pages + TXN_EXTRA;
}

uint64_t journal_table_pages(uint64_t page_count)
{
	return (page_count + JOURNAL_TARGETS_A_PAGE - 1) /
	       JOURNAL_TARGETS_A_PAGE;
}

static uint64_t journal_slot_need(const struct pool_geometry *geom)
{
	uint64_t pages = journal_pages_max(geom);

	return (1 + journal_table_pages(pages) + pages) * NVM_PAGE;
}

static bool is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

/* The tables' places for a given number of units. */
static void layout_tables(struct pool_geometry *g)
{
	g->nat_pages = (g->children_max + NAT_ENTRIES_A_PAGE - 1) /
		       NAT_ENTRIES_A_PAGE;
	g->umap_pages = (g->unit_count + UMAP_UNITS_A_PAGE - 1) /
			UMAP_UNITS_A_PAGE;
	g->journal_off = 2 * NVM_PAGE;
	g->journal_slot_bytes = journal_slot_need(g);
	g->nat_off = g->journal_off + 2 * g->journal_slot_bytes;
	g->umap_off = g->nat_off + 2 * g->nat_pages * NVM_PAGE;
	g->data_off = round_up(g->umap_off + 2 * g->umap_pages * NVM_PAGE,
			       g->unit_bytes);
}

int pool_layout(uint64_t size_bytes, uint64_t unit_bytes,
		uint32_t children_max, struct pool_geometry *ret_geometry,
		struct nvm_fault *fault)
{
	struct pool_geometry g = { 0 };
	uint64_t end;

	if (size_bytes < POOL_SIZE_MIN)
		return nvm_fault_set(fault, -NVM_ERANGE, "pool size", 0, 0,
				     POOL_SIZE_MIN, size_bytes);
	if (size_bytes > POOL_SIZE_MAX)
		return nvm_fault_set(fault, -NVM_ERANGE, "pool size", 0, 0,
				     POOL_SIZE_MAX, size_bytes);
	if (!unit_bytes)
		unit_bytes = POOL_UNIT_DEFAULT;
	if (!is_power_of_two(unit_bytes) || unit_bytes < POOL_UNIT_MIN ||
	    unit_bytes > POOL_UNIT_MAX)
		return nvm_fault_set(fault, -NVM_EINVAL, "unit", 0, 0,
				     POOL_UNIT_DEFAULT, unit_bytes);
	if (children_max > POOL_CHILDREN_MAX)
		return nvm_fault_set(fault, -NVM_EINVAL, "children", 0, 0,
				     POOL_CHILDREN_MAX, children_max);

	g.size_bytes = size_bytes / NVM_PAGE * NVM_PAGE;
	g.unit_bytes = unit_bytes;
	g.unit_count = g.size_bytes / unit_bytes;
	if (g.unit_count > POOL_UNITS_MAX)
		return nvm_fault_set(fault, -NVM_ERANGE, "units", 0, 0,
				     POOL_UNITS_MAX, g.unit_count);
	g.children_max = children_max ? children_max : POOL_CHILDREN_MAX;
	if (g.children_max > g.unit_count)
		g.children_max = g.unit_count ? (uint32_t)g.unit_count : 1;
	layout_tables(&g);

	/* The tables were sized for all of it: at least as many as there are. */
	end = g.size_bytes - NVM_PAGE;
	g.unit_count = end > g.data_off ? (end - g.data_off) / unit_bytes : 0;
	if (g.unit_count < 2)	/* one for AMTs, one to give away */
		return nvm_fault_set(fault, -NVM_ERANGE, "pool size", 0, 0,
				     g.data_off + 2 * unit_bytes + NVM_PAGE,
				     size_bytes);
	g.umap_pages = (g.unit_count + UMAP_UNITS_A_PAGE - 1) /
		       UMAP_UNITS_A_PAGE;
	g.version = POOL_VERSION;
	*ret_geometry = g;
	return 0;
}

uint64_t gmb_copy_off(uint64_t size_bytes, unsigned copy)
{
	if (copy < GMB_COPIES - 1)
		return copy * NVM_PAGE;
	return size_bytes / NVM_PAGE * NVM_PAGE - NVM_PAGE;
}

static void geometry_from_gmb(const struct pool_gmb *gmb,
			      struct pool_geometry *g)
{
	g->size_bytes = get_le64(gmb->size_bytes);
	g->unit_bytes = get_le64(gmb->unit_bytes);
	g->unit_count = get_le64(gmb->unit_count);
	g->data_off = get_le64(gmb->data_off);
	g->journal_off = get_le64(gmb->journal_off);
	g->journal_slot_bytes = get_le64(gmb->journal_slot_bytes);
	g->nat_off = get_le64(gmb->nat_off);
	g->nat_pages = get_le64(gmb->nat_pages);
	g->umap_off = get_le64(gmb->umap_off);
	g->umap_pages = get_le64(gmb->umap_pages);
	g->children_max = get_le32(gmb->children_max);
	g->version = get_le32(gmb->version);
	g->compat = get_le32(gmb->compat);
	g->ro_compat = get_le32(gmb->ro_compat);
	g->incompat = get_le32(gmb->incompat);
	g->created_s = get_le64(gmb->created_s);
	memcpy(g->uuid, gmb->page.uuid, POOL_UUID_LEN);
	memcpy(g->label, gmb->label, sizeof(g->label));
}

/* Regions follow each other: from @off on, @count pieces of @size bytes. */
static bool region_fits(uint64_t *end, uint64_t off, uint64_t size,
			uint64_t count, uint64_t limit)
{
	if (off < *end || off % NVM_PAGE || size % NVM_PAGE || off > limit)
		return false;
	if (!size || count > (limit - off) / size)
		return false;
	*end = off + size * count;
	return true;
}

static bool geometry_sane(const struct pool_geometry *g)
{
	uint64_t end = 2 * NVM_PAGE, limit;

	if (g->size_bytes < POOL_SIZE_MIN || g->size_bytes > POOL_SIZE_MAX ||
	    g->size_bytes % NVM_PAGE || !is_power_of_two(g->unit_bytes) ||
	    g->unit_bytes < POOL_UNIT_MIN || g->unit_bytes > POOL_UNIT_MAX ||
	    g->unit_count < 1 || g->unit_count > POOL_UNITS_MAX ||
	    g->children_max < 1 || g->children_max > POOL_CHILDREN_MAX ||
	    g->data_off % g->unit_bytes || g->label[POOL_NAME_MAX])
		return false;
	if (g->nat_pages != (g->children_max + NAT_ENTRIES_A_PAGE - 1) /
			    NAT_ENTRIES_A_PAGE ||
	    g->umap_pages != (g->unit_count + UMAP_UNITS_A_PAGE - 1) /
			     UMAP_UNITS_A_PAGE ||
	    g->journal_slot_bytes < journal_slot_need(g))
		return false;
	limit = g->size_bytes - NVM_PAGE;
	return region_fits(&end, g->journal_off, g->journal_slot_bytes, 2,
			   limit) &&
	       region_fits(&end, g->nat_off, g->nat_pages * NVM_PAGE, 2,
			   limit) &&
	       region_fits(&end, g->umap_off, g->umap_pages * NVM_PAGE, 2,
			   limit) &&
	       region_fits(&end, g->data_off, g->unit_bytes, g->unit_count,
			   limit);
}

int gmb_check(const struct pool_gmb *gmb, struct pool_geometry *ret_geometry,
	      struct nvm_fault *fault)
{
	struct pool_geometry g;

	geometry_from_gmb(gmb, &g);
	if (g.version != POOL_VERSION)
		return nvm_fault_set(fault, -NVM_EPROTO, "version", 0, 0,
				     POOL_VERSION, g.version);
	if (g.incompat & ~POOL_INCOMPAT_KNOWN)
		return nvm_fault_set(fault, -NVM_EPROTO, "incompat features",
				     0, 0, POOL_INCOMPAT_KNOWN, g.incompat);
	if (!geometry_sane(&g))
		return nvm_fault_set(fault, -NVM_EBADMSG, "GMB geometry", 0, 0,
				     0, 0);
	*ret_geometry = g;
	return 0;
}

/*
 * The copies at the head come first: where the media has changed its size,
 * what lies at its end need not be ours.
 */
int pool_probe(struct nvm_media *media, struct pool_geometry *ret_geometry,
	       struct nvm_fault *fault)
{
	struct pool_gmb gmb;
	struct pool_geometry g;
	bool seen = false;
	int err, read_err = 0;

	if (media->size_bytes < 3 * NVM_PAGE)
		return nvm_fault_set(fault, -NVM_EMEDIUM, "media size", 0, 0,
				     POOL_SIZE_MIN, media->size_bytes);
	for (unsigned copy = 0; copy < GMB_COPIES; copy++) {
		uint64_t off = gmb_copy_off(media->size_bytes, copy);

		err = media->ops->load(media, off, &gmb, sizeof(gmb));
		if (err) {
			read_err = err;
			continue;
		}
		if (memcmp(gmb.page.magic, POOL_MAGIC_GMB,
			   sizeof(gmb.page.magic)))
			continue;
		seen = true;
		if (!page_valid(media, &gmb, POOL_MAGIC_GMB, 0, NULL))
			continue;
		err = gmb_check(&gmb, &g, fault);
		if (err)
			return err;
		if (g.size_bytes > media->size_bytes)
			return nvm_fault_set(fault, -NVM_ERANGE, "media size",
					     0, 0, g.size_bytes,
					     media->size_bytes);
		*ret_geometry = g;
		return 0;
	}
	if (seen)
		return nvm_fault_set(fault, -NVM_EBADMSG, "GMB", 0, 0, 0, 0);
	if (read_err)
		return nvm_fault_set(fault, read_err, "GMB", 0, 0, 0, 0);
	return nvm_fault_set(fault, -NVM_EMEDIUM, "GMB", 0, 0, 0, 0);
}
