/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kills.h - a guest on bare metal works on a virtual disk in its child and is
 * killed at random moments; the host judges what is left.
 *
 * model.c	what the disk must hold, from what the guest said
 * vm.c		QEMU: start it, hear it, kill it
 * host.c	the tools: the pool, the disk, reading and writing from outside
 * round.c	one kill, and the verdict on it
 * kills.c	the test program
 */
#ifndef KILLS_H
#define KILLS_H

#include <limits.h>
#include <stdio.h>
#include <sys/types.h>

#include "tests/vm/kills/load.h"

/* What is wrong, in words; the first finding is kept. */
struct verdict {
	char why[256];
};
__attribute__((format(printf, 2, 3)))
bool deny(struct verdict *verdict, const char *fmt, ...);	/* false */

/* The machine failed the test, not the disk: say why and end. */
__attribute__((format(printf, 1, 2), noreturn))
void give_up(const char *fmt, ...);

/* ---- what the disk must hold (model.c) ------------------------------------------- */

struct op {
	enum load_kind kind;
	uint64_t first, count;		/* as load.h has them */
	uint64_t number;
};

/* Of each sector the operation that wrote it, 0: zeros. */
struct model {
	uint64_t block_count;
	uint64_t *number;
};

enum outcome {			/* of an operation in flight */
	OUTCOME_SAME,		/* cannot be told: it changes nothing */
	OUTCOME_NONE,		/* nothing of it is there */
	OUTCOME_ALL,
	OUTCOME_SOME,		/* some of its blocks */
};

void model_begin(struct model *model, uint64_t block_count);
void model_end(struct model *model);
bool model_has(const struct model *model, const struct op *op);
void model_apply(struct model *model, const struct op *op);	/* acknowledged */

/*
 * Do the bytes of the disk show all that was acknowledged, and of @flight, if
 * there is one, each block before or after it, of a group all or none?  What
 * is shown is then what must stay.
 */
bool model_judge(struct model *model, const struct op *flight,
		 const void *bytes, enum outcome *ret_outcome,
		 struct verdict *verdict);

/* ---- QEMU (vm.c) ------------------------------------------------------------------- */

struct vm {
	pid_t pid;
	int console;			/* we read it */
	char *text;			/* what it said; ends with a NUL */
	size_t len, room;
	int status;			/* of waitpid(), once it has ended */
};

/* @argument: those of `nvmpool assign`, NULL at the end. */
void vm_start(struct vm *vm, const char *elf, const char *append,
	      char *const *argument, const char *errors);
/* Until its console has the line; false: it ended, or was too slow. */
bool vm_hear(struct vm *vm, const char *line, unsigned limit_ms);
void vm_kill(struct vm *vm);
/* Until it ends by itself; killed when it does not. */
void vm_wait(struct vm *vm, unsigned limit_ms);
void vm_free(struct vm *vm);

/* ---- the host's tools (host.c) ------------------------------------------------------- */

#define PIECE_BYTES	65536

struct host {
	char dir[PATH_MAX - 64];	/* all files of the test */
	char build[PATH_MAX - 64];	/* the tools */
	char **argument;		/* QEMU's */
	int in, out, err;		/* of the tools */
	uint64_t child_off, child_bytes;
	uint64_t end_off;		/* of the neighbour behind it */
	uint8_t *outside;		/* all up to there but for the child */
	uint8_t piece[PIECE_BYTES];	/* of it, as it is now */
};

void host_begin(struct host *host, const char *build);
void host_end(struct host *host, bool keep);
/* A new disk on the child: model_begin() with so many blocks. */
uint64_t host_disk_create(struct host *host);

/* All of the disk, read by the tool. */
bool host_read(struct host *host, void *bytes, uint64_t len,
	       struct verdict *verdict);
bool host_write(struct host *host, const struct op *op,
		struct verdict *verdict);
/*
 * The tools find nothing wrong with disk and pool, and neither the pool's
 * tables nor the children beside the guest's have changed.  *ret_torn: records and super blocks
 * that the kill cut, which the next opening puts right.
 */
bool host_check(struct host *host, unsigned *ret_torn, struct verdict *verdict);
/* A stray store: one byte, so far from the start of the disk's child. */
void host_flip(struct host *host, uint64_t off);

/* ---- one kill (round.c) ----------------------------------------------------------------- */

struct tally {
	unsigned kills, flights, openings, boots, idles;
	unsigned outcome[4];		/* of the flights */
	unsigned torn, chain, chain_max;/* openings killed in a row */
	unsigned host_writes, reopens;
	uint64_t acknowledged;
};

struct campaign {
	struct host *host;
	struct model model;
	struct tally tally;
	struct verdict verdict;
	uint64_t random;
	uint64_t number;		/* of the next operation */
	const char *lie;		/* of the guest; NULL: none */
	bool withhold;			/* one acknowledged write happens not */
	uint8_t *bytes;			/* of the disk */
};

void campaign_begin(struct campaign *campaign, struct host *host,
		    uint64_t seed);
void campaign_end(struct campaign *campaign);
bool round_kill(struct campaign *campaign);
/* No kill: @ops operations, a clean close, and the guest's own exit. */
bool round_whole(struct campaign *campaign, unsigned ops);
/* The host's tools write and trim on the disk. */
bool round_host(struct campaign *campaign);

#endif
