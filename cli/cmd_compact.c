/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_compact.c - `nvmpool compact`: move children together, so that free
 * space is in fewer and larger pieces.
 *
 * A child that a process maps or works on stays where it is.  A VMM takes no
 * lock of ours, so whether one has come up is looked at before each move,
 * while it copies, and once more at its end.
 *
 * Crash story: each move is whole or not done (pool/move.c); what it leaves
 * DIRTY is cleaned now or before it is handed out.
 *
 * With --dry-run the very same moves are made in a private copy of the
 * metadata; the children's bytes are left out of it (backing_hollow).
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "hosted/backing.h"
#include "hosted/in_use.h"

static const struct out_column move_columns[] = {
	{ "child", "MOVED", OUT_TEXT },
	{ "extent", "EXTENT", OUT_NUMBER },
	{ "from_bytes", "FROM", OUT_OFFSET },
	{ "to_bytes", "TO", OUT_OFFSET },
	{ "size_bytes", "SIZE", OUT_SIZE },
	{ "vm", "VM", OUT_TEXT },
	{ NULL, NULL, OUT_TEXT },
};

static const struct out_column kept_columns[] = {
	{ "child", "KEPT", OUT_TEXT },
	{ "why", "WHY", OUT_TEXT },
	{ NULL, NULL, OUT_TEXT },
};

/* How often /proc is looked through while a move copies. */
#define COMPACT_LOOK_MS	250u

struct compact {
	struct session *s;
	uint8_t *kept;			/* a bit for each slot */
	struct out_table *moves, *kepts;
	uint64_t move_count, moved_bytes;
	bool vm_moved;
	/* the move under way */
	struct pool_child child;
	struct pool_range extent[POOL_EXTENTS_MAX];
	size_t extent_count;
	const struct pool_progress *bar;
	uint64_t looked_ms;
	bool used;
};

static bool is_kept(const struct compact *c, uint32_t slot)
{
	return c->kept[slot / 8] & 1u << slot % 8;
}

static void keep(struct compact *c, const struct pool_child *child,
		 const char *why)
{
	if (is_kept(c, child->slot))
		return;
	c->kept[child->slot / 8] |= (uint8_t)(1u << child->slot % 8);
	out_row(c->kepts);
	out_cell_text(c->kepts, child->name);
	out_cell_text(c->kepts, why);
}

static bool compact_movable(void *ctx, uint32_t slot)
{
	return !is_kept(ctx, slot);
}

/* ---- in use ------------------------------------------------------------------- */

/*
 * Keep the child if somebody uses it.  An exit status only where it cannot be
 * found out.
 */
static int keep_if_used(struct compact *c, const struct pool_child *child,
			const struct pool_range *extent, size_t count)
{
	struct failure failure;
	struct use_list list;
	char why[256];
	int err;

	err = use_find(c->s->backing, USE_WANT_MAP | USE_WANT_LEASE, extent,
		       count, &list, &failure);
	if (err)
		return fail_hosted(c->s->cli, err, &failure);
	if (list.count)
		keep(c, child, use_describe(&list.use[0], why, sizeof(why)));
	use_list_free(&list);
	return 0;
}

/* All children, before the first move: who is in use stays. */
static int compact_look(struct compact *c)
{
	struct pool_range extent[POOL_EXTENTS_MAX];
	struct session *s = c->s;
	struct failure failure;
	struct pool_child child;
	struct use_list list;
	size_t count;
	int err, status = 0;

	err = use_find(s->backing, USE_WANT_MAP | USE_WANT_LEASE, NULL, 0,
		       &list, &failure);
	if (err)
		return fail_hosted(s->cli, err, &failure);
	if (list.unseen)
		cli_warn(s->cli, "no permission to look at %u process%s, which "
			 "may use a child that is moved", list.unseen,
			 list.unseen == 1 ? "" : "es");
	/* Nobody uses anything: no need to look at each child. */
	for (uint32_t cursor = 0; !status && list.count &&
	     pool_child_next(s->pool, &cursor, &child);) {
		if (pool_child_extents(s->pool, child.slot, extent, &count,
				       NULL))
			keep(c, &child, "its extents cannot be read");
		else
			status = keep_if_used(c, &child, extent, count);
	}
	use_list_free(&list);
	return status;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool compact_step(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
	struct compact *c = ctx;
	bool last = done_bytes == total_bytes;

	if (!c->bar->step(c->bar->ctx, done_bytes, total_bytes))
		return false;
	if (!last && now_ms() - c->looked_ms < COMPACT_LOOK_MS)
		return true;
	if (keep_if_used(c, &c->child, c->extent, c->extent_count))
		return false;
	c->looked_ms = now_ms();
	c->used = is_kept(c, c->child.slot);
	return !c->used;
}

/* ---- moving ------------------------------------------------------------------- */

static int compact_child_at(struct compact *c, uint32_t slot)
{
	struct nvm_fault fault = { 0 };
	uint32_t cursor = slot;
	int err;

	if (!pool_child_next(c->s->pool, &cursor, &c->child) ||
	    c->child.slot != slot)
		return session_fail(c->s, -NVM_ENOENT, NULL,
				    "cannot find the child of slot %u", slot);
	err = pool_child_extents(c->s->pool, slot, c->extent, &c->extent_count,
				 &fault);
	if (err)
		return session_fail(c->s, err, &fault,
				    "cannot read the extents of '%s'",
				    c->child.name);
	return 0;
}

static void compact_moved(struct compact *c, const struct pool_move_plan *plan,
			  const struct pool_range *from,
			  const struct pool_range *to)
{
	out_row(c->moves);
	out_cell_text(c->moves, c->child.name);
	out_cell_number(c->moves, plan->extent);
	out_cell_number(c->moves, from->off_bytes);
	out_cell_number(c->moves, to->off_bytes);
	out_cell_number(c->moves, from->size_bytes);
	out_cell_text(c->moves, *c->child.vm ? c->child.vm : NULL);
	c->move_count++;
	c->moved_bytes += from->size_bytes;
	c->vm_moved |= *c->child.vm != '\0';
}

/* One move, unless somebody uses the child now. */
static int compact_move(struct compact *c, const struct pool_move_plan *plan)
{
	const struct pool_progress step = { compact_step, c };
	const struct pool_geometry *g = c->s->geometry;
	const struct pool_range range[2] = {
		{ g->data_off + plan->from_unit * g->unit_bytes,
		  plan->unit_count * g->unit_bytes },
		{ g->data_off + plan->to_unit * g->unit_bytes,
		  plan->unit_count * g->unit_bytes },
	};
	struct nvm_fault fault = { 0 };
	int err, status = compact_child_at(c, plan->slot);

	if (!status)
		status = keep_if_used(c, &c->child, c->extent,
				      c->extent_count);
	if (status || is_kept(c, plan->slot))
		return status;
	c->bar = session_progress(c->s, "moving");
	c->looked_ms = now_ms();
	c->used = false;
	backing_hollow(c->s->backing, range, 2);
	err = pool_move(c->s->pool, plan->slot, plan->extent, plan->to_unit,
			&step, &fault);
	progress_end(&c->s->progress);
	if (err == -NVM_EINTR && c->used)
		return 0;	/* it is kept from now on */
	if (err)
		return session_fail(c->s, err, &fault, "cannot move '%s'",
				    c->child.name);
	compact_moved(c, plan, &range[0], &range[1]);
	return 0;
}

/* ---- the command ----------------------------------------------------------------- */

static void compact_tell(struct compact *c, const struct pool_space *before)
{
	struct cli *cli = c->s->cli;
	char run[SIZE_TEXT_BYTES], old_run[SIZE_TEXT_BYTES];
	struct pool_space after;

	pool_space(c->s->pool, &after);
	out_number(cli, "moves_done", NULL, c->move_count);
	out_size(cli, "moved_bytes", NULL, c->moved_bytes);
	out_number(cli, "free_runs_before", NULL, before->free_runs);
	out_number(cli, "free_runs", NULL, after.free_runs);
	out_size(cli, "largest_run_bytes_before", NULL,
		 before->largest_run_bytes);
	out_size(cli, "largest_run_bytes", NULL, after.largest_run_bytes);
	out_line(cli, "free space: %llu run%s (before: %llu), largest %s "
		 "(before: %s)", (unsigned long long)after.free_runs,
		 after.free_runs == 1 ? "" : "s",
		 (unsigned long long)before->free_runs,
		 size_text(after.largest_run_bytes, run),
		 size_text(before->largest_run_bytes, old_run));
	if (c->vm_moved && !cli->dry_run)
		cli_warn(cli, "children of VMs were moved: arguments and "
			 "domains that were written down before are wrong "
			 "now, get them anew with 'nvmpool args VM'");
}

static int compact_pool(struct session *s)
{
	struct compact c = {
		.s = s,
		.kept = out_must(calloc(s->geometry->children_max / 8 + 1, 1)),
	};
	struct pool_move_plan plan;
	struct pool_space before;
	int status;

	pool_space(s->pool, &before);
	c.moves = out_table_begin(s->cli, "moves", move_columns);
	c.kepts = out_table_begin(s->cli, "kept", kept_columns);
	status = compact_look(&c);
	while (!status && pool_compact_next(s->pool, compact_movable, &c,
					    &plan))
		status = compact_move(&c, &plan);
	out_table_end(c.moves, "nothing to move");
	out_table_end(c.kepts, NULL);
	compact_tell(&c, &before);
	if (!status)
		status = session_clean(s);
	describe_pool(s);
	free(c.kept);
	return status;
}

static int compact_run(struct cli *cli)
{
	struct session s;
	int status = session_open(cli, SESSION_WRITE, &s);

	if (status)
		return status;
	status = compact_pool(&s);
	session_close(&s);
	return status;
}

static const struct example examples[] = {
	{ "nvmpool compact --dry-run", "what would be moved" },
	{ NULL, NULL }
};

const struct command cmd_compact = {
	.name = "compact",
	.summary = "move children together, to join the free space",
	.description = "Children are moved towards the beginning of the pool, "
		"one extent at a time, until nothing is left to gain. What a "
		"process maps or works on stays where it is, and is listed. "
		"It can be interrupted at any time and started again: a child "
		"is either where it was or where it goes.\n\n"
		"A VM whose child was moved must be started with new "
		"arguments: call 'nvmpool assign' or 'nvmpool args' each time, "
		"and define a libvirt domain anew. Do not start a VM with old "
		"arguments while its pool is compacted.",
	.examples = examples,
	.flags = COMMAND_POOL | COMMAND_CHANGES,
	.run = compact_run,
};
