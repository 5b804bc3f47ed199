// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite_vdisk.c - every operation of the virtual disk, crashed by power loss
 * at every store and drain, under every model; its recovery crashed again, and
 * the recovery from that.
 */
#include "tests/torture/suites.h"
#include "tests/torture/vops.h"

/*
 * All operations on one state of a disk, under the models of one kind of
 * media, share that disk.
 */
static void list_cases(const struct suite *suite, struct case_list *list)
{
	for (unsigned s = 0; s < VSTATE_COUNT; s++) {
		for (unsigned d = NVM_BUS; d <= NVM_SYNC; d++) {
			for (unsigned i = 0; i < vop_count * MODEL_COUNT; i++) {
				const struct vop *op = &vops[i / MODEL_COUNT];
				enum explore_model model = i % MODEL_COUNT;
				struct torture_case *c;

				if (!(op->states >> s & 1) ||
				    model_durability(model) != d)
					continue;
				c = case_add(list, suite, s * 2 + (d == NVM_SYNC),
					     model, "%s:%s:%s", op->name,
					     vstate_name(s), model_name(model));
				c->extra = c->model == MODEL_EADR;
				c->number[0] = i / MODEL_COUNT;
				c->number[1] = s;
			}
		}
	}
}

static bool explore(struct vcrash *crash, void *ctx)
{
	(void)ctx;
	return vcrash_explore(crash, &crash->trace);
}

static bool run_case(const struct torture_case *c, const struct torture_how *how,
		     struct suite_memory *memory,
		     struct torture_result *ret_result)
{
	const struct vop *op = &vops[c->number[0]];
	bool own = op->prepare || op->flags;
	struct vcrash crash;
	struct vbase *base = suite_vbase(memory, c->number[1],
					 model_durability(c->model), ret_result);
	bool good;

	if (!base)
		return false;
	vcrash_begin(&crash, base, c->model, how);
	/*
	 * What an op does to the base is for itself alone.  Whatever the intel
	 * model allows, the paranoid one does as well.
	 */
	if (own && c->model != MODEL_PARANOID)
		seen_free(&memory->seen);
	crash.seen = &memory->seen;
	good = vop_crash(&crash, op, explore, NULL);
	if (own && c->model != MODEL_INTEL)
		seen_free(&memory->seen);
	vcrash_tell(&crash, good, ret_result);
	trace_keep(memory, &crash.trace);
	vcrash_end(&crash);
	return good;
}

const struct suite suite_vdisk = {
	.name = "vdisk",
	.summary = "each operation of a virtual disk, on disks in eight states",
	.list = list_cases,
	.run = run_case,
};
