// SPDX-License-Identifier: BSD-3-Clause
/*
 * round.c - one start of the guest, one kill, one verdict.  The disk and what
 * is known of it go on from round to round: recoveries of recoveries come of
 * kills in openings, and each verdict is also one on the recovery before it.
 *
 * A kill leaves exactly what was visible.  It says nothing of missing flushes.
 */
#include "tests/vm/kills/kills.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define GUEST_LIMIT_MS	60000u		/* on a machine under load */
#define HOST_OPS_MAX	3u
#define QEMU_ERRORS	"qemu.err"

/* ---- what the guest said --------------------------------------------------------- */

struct heard {
	bool opening, opened, ended, in_flight;
	struct op flight;
};

static bool line_apply(struct campaign *campaign, const char *line,
		       struct heard *heard)
{
	struct op op;
	uint64_t number;
	char kind;

	if (sscanf(line, "do %c %" SCNu64 " %" SCNu64 " %" SCNu64, &kind,
		   &op.first, &op.count, &op.number) == 4) {
		op.kind = (enum load_kind)kind;
		if (!heard->opened || heard->in_flight ||
		    op.number != campaign->number ||
		    !model_has(&campaign->model, &op))
			return false;
		campaign->number++;
		heard->in_flight = true;
		heard->flight = op;
	} else if (sscanf(line, "ok %" SCNu64, &number) == 1) {
		if (!heard->in_flight || number != heard->flight.number)
			return false;
		heard->in_flight = false;
		model_apply(&campaign->model, &heard->flight);
		campaign->tally.acknowledged++;
		campaign->tally.reopens += heard->flight.kind == LOAD_REOPEN;
	} else if (!strcmp(line, "opening")) {
		heard->opening = true;
		heard->opened = false;
	} else if (sscanf(line, "opened %" SCNu64, &number) == 1) {
		if (number != campaign->model.block_count)
			return false;
		heard->opened = true;
	} else if (!strcmp(line, "end")) {
		heard->ended = true;
	} else {
		return false;
	}
	return true;
}

/* A last line without its end was not said. */
static bool console_apply(struct campaign *campaign, struct vm *vm,
			  struct heard *heard)
{
	char *line = vm->text, *end;

	*heard = (struct heard){ 0 };
	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		if (!line_apply(campaign, line, heard))
			return deny(&campaign->verdict, "the guest said: %.160s",
				    line);
	}
	return true;
}

/* ---- the moment --------------------------------------------------------------------- */

struct moment {
	const char *after;		/* a line; NULL: the start of QEMU */
	double delay_us;
};

/* Between least and most, as likely in each decade. */
static double delay_choose(struct campaign *campaign, double least, double most)
{
	double x = (double)load_random(&campaign->random, 1u << 20) / (1 << 20);

	return least * pow(most / least, x);
}

static struct moment moment_choose(struct campaign *campaign)
{
	uint64_t draw = load_random(&campaign->random, 100);

	if (draw < 10)
		return (struct moment){ NULL,
			delay_choose(campaign, 50000, 300000) };
	/* The recovery of what a killed recovery left, and again. */
	if (draw < (campaign->tally.chain ? 65 : 30))
		return (struct moment){ "opening",
			delay_choose(campaign, 10, 20000) };
	return (struct moment){ "ok ", delay_choose(campaign, 20, 300000) };
}

static void delay_wait(double us)
{
	struct timespec time = { (time_t)(us / 1e6),
				 (long)(fmod(us, 1e6) * 1000) };

	while (nanosleep(&time, &time))
		;
}

/* ---- the verdict ---------------------------------------------------------------------- */

static bool disk_judge(struct campaign *campaign, const struct op *flight,
		       enum outcome *ret_outcome)
{
	struct model *model = &campaign->model;
	unsigned torn;

	if (!host_check(campaign->host, &torn, &campaign->verdict) ||
	    !host_read(campaign->host, campaign->bytes,
		       model->block_count * LOAD_BLOCK, &campaign->verdict))
		return false;
	campaign->tally.torn += torn;
	return model_judge(model, flight, campaign->bytes, ret_outcome,
			   &campaign->verdict);
}

static void tally_kill(struct tally *tally, const struct heard *heard,
		       enum outcome outcome)
{
	bool opening = heard->opening &&
		       (!heard->opened || (heard->in_flight &&
					   heard->flight.kind == LOAD_REOPEN));

	tally->kills++;
	tally->chain = opening ? tally->chain + 1 : 0;
	if (tally->chain > tally->chain_max)
		tally->chain_max = tally->chain;
	if (opening) {
		tally->openings++;
	} else if (!heard->opening) {
		tally->boots++;
	} else if (heard->in_flight) {
		tally->flights++;
		tally->outcome[outcome]++;
	} else {
		tally->idles++;
	}
}

static void guest_start(struct campaign *campaign, unsigned ops, struct vm *vm)
{
	char append[160], elf[PATH_MAX];

	snprintf(append, sizeof(append), "seed=%" PRIu64 " number=%" PRIu64
		 " ops=%u%s%s", load_random(&campaign->random, UINT64_MAX),
		 campaign->number, ops, campaign->lie ? " lie=" : "",
		 campaign->lie ? campaign->lie : "");
	snprintf(elf, sizeof(elf), "%s/tests/vm/kills-guest.elf",
		 campaign->host->build);
	vm_start(vm, elf, append, campaign->host->argument, QEMU_ERRORS);
}

static bool guest_deny(struct campaign *campaign, const struct vm *vm,
		       const char *what)
{
	size_t tail = vm->len > 80 ? vm->len - 80 : 0;
	char qemu[80] = "";
	FILE *errors = fopen(QEMU_ERRORS, "r");

	if (errors) {
		qemu[fread(qemu, 1, sizeof(qemu) - 1, errors)] = 0;
		fclose(errors);
	}
	return deny(&campaign->verdict, "%s (status %#x); QEMU: '%s'; last the "
		    "guest said: %s", what, (unsigned)vm->status, qemu,
		    vm->text + tail);
}

bool round_kill(struct campaign *campaign)
{
	struct moment moment = moment_choose(campaign);
	enum outcome outcome;
	struct heard heard;
	struct vm vm;
	bool good;

	guest_start(campaign, 0, &vm);
	good = !moment.after || vm_hear(&vm, moment.after, GUEST_LIMIT_MS);
	if (good)
		delay_wait(moment.delay_us);
	vm_kill(&vm);
	if (!good)
		guest_deny(campaign, &vm, "the guest did not come so far");
	else if (!WIFSIGNALED(vm.status) || WTERMSIG(vm.status) != SIGKILL)
		good = guest_deny(campaign, &vm, "the guest ended by itself");
	good = good && console_apply(campaign, &vm, &heard);
	vm_free(&vm);
	if (good && campaign->withhold) {
		struct op op = { LOAD_WRITE, 7, 1, campaign->number++ };

		model_apply(&campaign->model, &op);
	}
	good = good && disk_judge(campaign, heard.in_flight ? &heard.flight :
				  NULL, &outcome);
	if (good)
		tally_kill(&campaign->tally, &heard, outcome);
	return good;
}

bool round_whole(struct campaign *campaign, unsigned ops)
{
	enum outcome outcome;
	struct heard heard;
	struct vm vm;
	bool good;

	guest_start(campaign, ops, &vm);
	vm_wait(&vm, GUEST_LIMIT_MS);
	good = (WIFEXITED(vm.status) &&
		WEXITSTATUS(vm.status) == (LOAD_EXIT << 1 | 1)) ||
	       guest_deny(campaign, &vm, "the guest did not end well");
	good = good && console_apply(campaign, &vm, &heard);
	vm_free(&vm);
	if (good && (!heard.ended || heard.in_flight))
		good = deny(&campaign->verdict, "the guest did not finish");
	return good && disk_judge(campaign, NULL, &outcome);
}

bool round_host(struct campaign *campaign)
{
	static const enum load_kind kinds[] = { LOAD_WRITE, LOAD_GROUP,
						LOAD_TRIM };
	uint64_t count = 1 + load_random(&campaign->random, HOST_OPS_MAX);
	enum outcome outcome;

	for (uint64_t i = 0; i < count; i++) {
		struct op op = { kinds[load_random(&campaign->random, 3)], 0,
			1 + load_random(&campaign->random, LOAD_COUNT_MAX),
			campaign->number++ };

		op.first = load_random(&campaign->random,
				       campaign->model.block_count - op.count);
		if (!host_write(campaign->host, &op, &campaign->verdict))
			return false;
		model_apply(&campaign->model, &op);
		campaign->tally.host_writes++;
	}
	campaign->tally.chain = 0;	/* the host has recovered and closed it */
	return disk_judge(campaign, NULL, &outcome);
}

/* ---- campaigns -------------------------------------------------------------------------- */

void campaign_begin(struct campaign *campaign, struct host *host, uint64_t seed)
{
	uint64_t blocks = host_disk_create(host);

	*campaign = (struct campaign){ .host = host, .random = seed,
				       .number = 1 };
	model_begin(&campaign->model, blocks);
	campaign->bytes = malloc(blocks * LOAD_BLOCK);
	if (!campaign->bytes)
		give_up("no memory for a disk");
}

void campaign_end(struct campaign *campaign)
{
	model_end(&campaign->model);
	free(campaign->bytes);
}
