/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_resize_plan.c - from a size on the command line to the length of each
 * extent and the number of blocks (vd_resize.h).  Changes nothing.
 */
#include "cli/vd_resize.h"

/* ---- how large -------------------------------------------------------------------- */

static void sizes_look(struct resize *r)
{
	struct disk *disk = r->disk;
	const struct vd_area *area = disk->vd_area;
	uint64_t stamp = cli_disk_is_child(disk) &&
			 disk->child.mode != POOL_MODE_RAW ? STAMP_DATA_OFF : 0;

	r->extent_count = area->extent_count;
	r->taken = disk->geometry.area_bytes;
	for (uint32_t e = 0; e < area->extent_count; e++) {
		r->head[e] = stamp;
		r->whole[e] = area->extent[e]->size_bytes + stamp;
		r->there += r->whole[e];
		if (e < disk->geometry.extent_count)
			r->taken += stamp;
	}
}

/* A multiple of the pool's unit, or of the page. */
static int size_get(struct resize *r, const char *text, uint64_t *ret_bytes)
{
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES];
	enum size_error err;
	uint64_t below;

	if (cli_disk_is_child(r->disk))
		return session_size(&r->disk->pool, text, ret_bytes);
	err = size_parse(text, ret_bytes);
	if (err)
		return cli_fail(r->disk->cli, EXIT_USAGE, "bad size '%s': %s",
				text, size_strerror(err));
	below = *ret_bytes - *ret_bytes % NVM_PAGE;
	if (below == *ret_bytes)
		return 0;
	return cli_fail(r->disk->cli, EXIT_NO_SPACE, "bad size '%s': not a "
			"multiple of 4K, nearest are %s and %s", text,
			size_exact(below, a), size_exact(below + NVM_PAGE, b));
}

static int target_get(struct resize *r)
{
	const char *text = r->disk->cli->arg[1];
	bool relative = text && (*text == '+' || *text == '-');
	char have[SIZE_TEXT_BYTES];
	uint64_t bytes = 0;
	int status;

	r->target = r->there;
	if (!text)
		return 0;
	if (relative && !text[1])
		return cli_fail(r->disk->cli, EXIT_USAGE, "bad size '%s': must "
				"be a number, as in %s4G or %s512M", text,
				text, text);
	status = size_get(r, text + relative, &bytes);
	if (status)
		return status;
	if (*text == '-' && bytes >= r->there)
		return cli_fail(r->disk->cli, EXIT_NO_SPACE, "bad size '%s': "
				"'%s' has %s", text, r->disk->name,
				size_text(r->there, have));
	if (*text == '+' && bytes > VD_AREA_MAX)
		return cli_fail(r->disk->cli, EXIT_NO_SPACE, "bad size '%s': "
				"too large", text);
	r->target = *text == '+' ? r->there + bytes :
		    *text == '-' ? r->there - bytes : bytes;
	return 0;
}

/*
 * What is there may be longer than the disk on it, after `nvmpool resize` or
 * another extent: the disk takes all of that, or stays below.
 */
static int target_check(const struct resize *r)
{
	const struct disk *disk = r->disk;
	char there[SIZE_TEXT_BYTES], target[SIZE_TEXT_BYTES];

	size_exact(r->there, there);
	size_exact(r->target, target);
	if (r->target > VD_AREA_MAX)
		return cli_fail(disk->cli, EXIT_NO_SPACE, "cannot resize disk "
				"'%s' to %s: an area has %s at most",
				disk->name, target,
				size_exact(VD_AREA_MAX, there));
	if (cli_disk_is_child(disk) && r->target > r->there)
		return cli_fail(disk->cli, EXIT_NO_SPACE, "cannot resize disk "
				"'%s' to %s: its child has %s; make that "
				"longer first, with 'nvmpool resize %s %s'",
				disk->name, target, there, disk->child.name,
				target);
	if (r->target > r->taken && r->target < r->there)
		return cli_fail(disk->cli, EXIT_NO_SPACE, "cannot resize disk "
				"'%s' to %s: it can take all of the %s that "
				"are there (say no size), or be made shorter",
				disk->name, target, there);
	return 0;
}

/* ---- what will become of the disk --------------------------------------------------- */

/* The extents behind the change: cut, or grown, at the end. */
static int extents_plan(struct resize *r)
{
	uint64_t left = r->target;

	for (uint32_t e = 0; e < r->extent_count; e++) {
		uint64_t part = e + 1 < r->extent_count &&
				r->whole[e] < left ? r->whole[e] : left;

		if (r->target <= r->there && part > r->whole[e])
			part = r->whole[e];
		left -= part;
		/* too small to hold anything: it is left out */
		if (part < r->head[e] + VD_SEGMENT_MIN + 3 * NVM_PAGE)
			continue;
		/* what follows one that is left out is, too */
		if (r->kept != e)
			break;
		r->bytes[r->kept++] = part - r->head[e];
	}
	if (r->kept)
		return 0;
	return cli_fail(r->disk->cli, EXIT_NO_SPACE, "cannot resize disk '%s': "
			"nothing of it would be left", r->disk->name);
}

/* Is there such an area? */
static int area_check(const struct resize *r)
{
	char to[SIZE_TEXT_BYTES], least[SIZE_TEXT_BYTES];
	uint64_t area = 0;

	for (uint32_t e = 0; e < r->kept; e++)
		area += r->bytes[e];
	if (area >= VD_AREA_MIN)
		return 0;
	return cli_fail(r->disk->cli, EXIT_NO_SPACE, "cannot resize disk '%s' "
			"to %s: an area has %s at least%s", r->disk->name,
			size_exact(r->target, to),
			size_exact(VD_AREA_MIN, least), r->head[0] ?
			", behind what the guest's kernel keeps" : "");
}

/* The physical blocks that lie in what is kept. */
static uint32_t blocks_kept(const struct resize *r)
{
	uint32_t count = 0;

	for (uint32_t b = 0; b < r->disk->geometry.block_count; b++) {
		struct vd_physical at;
		uint64_t end;

		if (vd_physical(r->disk->vd, b, &at) || at.extent >= r->kept)
			continue;
		/* the last copy of the super block ends it */
		end = r->bytes[at.extent] -
		      (at.extent == r->kept - 1 ? NVM_PAGE : 0);
		count += at.off_bytes + VD_BLOCK <= end;
	}
	return count;
}

/* As many as leave 2 % of the physical ones spare, or as were asked for. */
int resize_plan_logical(struct resize *r)
{
	uint32_t now = r->disk->geometry.logical_count;
	uint32_t blocks = blocks_kept(r);
	uint32_t least = vd_spares_min(blocks), spare = blocks / 50;
	uint64_t wanted = r->o->logical / VD_BLOCK, most;
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES];
	struct cli *cli = r->disk->cli;

	if (spare < least)
		spare = least;
	r->logical = blocks > spare ? blocks - spare : 0;
	most = blocks > least ? blocks - least : 0;
	if (most > now)
		most = now;
	if (r->logical > now)
		r->logical = now;
	if (wanted)
		r->logical = (uint32_t)wanted;
	if (wanted <= most && r->logical)
		return 0;
	if (!most)
		return cli_fail(cli, EXIT_NO_SPACE, "cannot resize disk '%s' "
				"to %s: nothing of it would be left",
				r->disk->name, size_exact(r->target, a));
	return cli_fail(cli, EXIT_NO_SPACE, "bad size %s for --logical: there "
			"is room for %s at most%s",
			size_exact(r->o->logical, a),
			size_exact(most * VD_BLOCK, b), most == now ? "; a "
			"disk becomes longer only with its area" : "");
}

static int logical_check(const struct resize *r)
{
	char size[SIZE_TEXT_BYTES], have[SIZE_TEXT_BYTES];
	uint64_t wanted = r->o->logical;

	size_exact(wanted, size);
	if (wanted % VD_BLOCK)
		return cli_fail(r->disk->cli, EXIT_NO_SPACE, "bad size %s for "
				"--logical: not a multiple of 4K", size);
	if (wanted > VD_AREA_MAX)
		return cli_fail(r->disk->cli, EXIT_NO_SPACE, "bad size %s for "
				"--logical: too large", size);
	if (wanted && r->target > r->taken && wanted < cli_disk_bytes(r->disk))
		return cli_fail(r->disk->cli, EXIT_NO_SPACE, "bad size %s for "
				"--logical: the disk has %s; first make it "
				"shorter, then its area longer", size,
				size_exact(cli_disk_bytes(r->disk), have));
	return 0;
}

int resize_plan(struct resize *r)
{
	int status;

	sizes_look(r);
	status = target_get(r);
	if (!status)
		status = target_check(r);
	if (!status)
		status = extents_plan(r);
	if (!status)
		status = area_check(r);
	return status ? status : logical_check(r);
}
