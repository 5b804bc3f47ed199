/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kill.h - processes killed in the middle of what they do to a pool or a disk
 * on a real backing, and judged by what another process finds: the parts of
 * `nvmtorture kill`.
 *
 * A target is a pool, a disk in a file, or a disk in a child of that pool.  A
 * victim (kill_victim.c) works on one and tells each step; kill_round.c kills
 * it; kill_look.c opens what is left and says what it shows; kill_judge.c
 * says whether that may be.  What the kernel holds stays when a process dies,
 * so nothing here says anything of flushes, or of a loss of power.
 */
#ifndef NVM_CLI_KILL_H
#define NVM_CLI_KILL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "hosted/area.h"
#include "tests/torture/explore.h"

#define KILL_WHY_MAX	400u

/* ---- what is done, and what is there (kill_judge.c) ----------------------------- */

#define KILL_NAME_MAX	24u
#define KILL_CHILDREN	8u	/* of a pool, with the one that is a disk */
#define KILL_UNITS	32u	/* of a child */
#define KILL_BLOCKS	512u	/* of a disk */
#define KILL_DISK_CHILD	"disk"

/* What a unit or a block holds: the tag of who wrote it; 0: zeros. */
#define KILL_TAG_TORN	UINT64_MAX		/* nobody's, or two's */
#define KILL_TAG_LOST	(UINT64_MAX - 1)	/* cannot be read */

struct kill_child {
	char name[KILL_NAME_MAX];
	uint32_t units, grow_to;	/* sizes, in units */
	uint64_t tag[KILL_UNITS];	/* at the beginning of each unit */
};

struct kill_state {
	uint32_t child_count;
	struct kill_child child[KILL_CHILDREN];
	uint64_t block[KILL_BLOCKS];
};

enum kill_kind {
	KILL_NOTHING,
	/* on a pool */
	KILL_CARVE, KILL_RESIZE, KILL_RENAME, KILL_RELEASE, KILL_CLEAN,
	KILL_COMPACT,
	KILL_USE,		/* every unit of a child gets the tag */
	/* on a disk */
	KILL_WRITE,		/* each block old or new */
	KILL_GROUP,		/* all of them */
	KILL_TRIM, KILL_FLUSH, KILL_CLOSE,
	KILL_KINDS
};

struct kill_op {
	enum kill_kind kind;
	char name[KILL_NAME_MAX];	/* of the child */
	char other[KILL_NAME_MAX];	/* its next name */
	uint32_t units;			/* its size, or how far it may grow */
	uint64_t first, count;		/* blocks */
	uint64_t tag;			/* of a unit, of the first block */
};

const char *kill_kind_name(enum kill_kind kind);

/* The child of that name, or NULL. */
struct kill_child *kill_child_find(struct kill_state *state, const char *name);

/* The operation was done. */
void kill_apply(struct kill_state *state, const struct kill_op *op);

/*
 * May this be there, where @before was, everything acknowledged, and @op (kind
 * KILL_NOTHING: none) was under way?  If not, @why says so.
 */
bool kill_judge(const struct kill_state *before, const struct kill_op *op,
		const struct kill_state *shown, char why[KILL_WHY_MAX]);

/* The page that the tag stands for at that place; never zeros, never alike. */
void kill_fill(uint8_t page[VD_BLOCK], uint64_t tag, uint64_t place);
uint64_t kill_tag_of(const uint8_t page[VD_BLOCK], uint64_t place);

/* ---- targets (kill_hold.c) ------------------------------------------------------- */

enum kill_target { KILL_POOL, KILL_DISK, KILL_CHILD, KILL_TARGETS };

struct kill_scratch {
	char dir[PATH_MAX];
	char pool[PATH_MAX + 16], disk[PATH_MAX + 16];
};

/* A target that is open. */
struct kill_hold {
	struct backing *backing;	/* locked */
	void *pool_mem;
	struct pool *pool;		/* of the pool and the child */
	struct area *area;
	void *disk_mem;
	struct vdisk *disk;
	struct vd_geometry geometry;
};

/*
 * Open it: READ looks and recovers in memory, WRITE recovers, PRIVATE does so
 * and keeps it to itself.  A negative errno value, and why.
 */
int kill_hold_open(const struct kill_scratch *scratch, enum kill_target target,
		   enum backing_access access, struct kill_hold *ret_hold,
		   struct failure *failure);
/* Close the disk cleanly, and open it once more. */
int kill_hold_again(struct kill_hold *hold, struct failure *failure);
/* As a process that dies leaves it; a disk is closed first by who wants that. */
void kill_hold_drop(struct kill_hold *hold);

/* Make a directory in @dir, and the targets there; @ret_state of each. */
int kill_scratch_make(struct kill_scratch *scratch, const char *dir,
		      struct kill_state ret_state[KILL_TARGETS],
		      struct failure *failure);
void kill_scratch_remove(const struct kill_scratch *scratch);

/* ---- looking from outside (kill_look.c) -------------------------------------------- */

/*
 * What the target shows, opened for reading, and again once it was recovered
 * in a private copy, where its check must find nothing.  False, and why.
 */
bool kill_look(const struct kill_scratch *scratch, enum kill_target target,
	       struct kill_state *ret_shown, char why[KILL_WHY_MAX]);

/* ---- victims and rounds (kill_victim.c, kill_round.c) ------------------------------- */

enum kill_says {
	KILL_SAYS_OPENING,
	KILL_SAYS_OPENED,
	KILL_SAYS_BEGIN,		/* of op */
	KILL_SAYS_END,
	KILL_SAYS_FULL,			/* the file system is */
	KILL_SAYS_BROKEN,		/* why */
};

struct kill_note {
	enum kill_says says;
	struct kill_op op;
	char why[KILL_WHY_MAX];
};

/* Works until it is killed; @fd is where the notes go.  Does not return. */
_Noreturn void kill_victim(const struct kill_scratch *scratch,
			   enum kill_target target,
			   const struct kill_state *state, uint64_t seed,
			   uint64_t tag, int fd);

struct kill_count {
	uint64_t rounds, kills;
	uint64_t in_operation, in_opening, idle;	/* of the kills */
	uint64_t acknowledged;
	uint64_t failed;
};

struct kill_session {
	struct kill_scratch scratch;
	uint64_t seed;			/* of what comes next */
	uint64_t tag;			/* not used yet */
	struct kill_state state[KILL_TARGETS];
	struct kill_count count[KILL_TARGETS];
	bool dead[KILL_TARGETS];	/* it failed: no more rounds */
	double open_s[KILL_TARGETS];	/* how long these take, about */
	double op_s[KILL_KINDS];
	double until_s;			/* end a round that still runs then */
	bool full;
};

/* One victim, killed and judged.  False: it was not right, and why. */
bool kill_round(struct kill_session *session, enum kill_target target,
		char why[KILL_WHY_MAX]);

const char *kill_target_name(enum kill_target target);
double kill_clock(void);

#endif
