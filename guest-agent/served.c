/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * served.c - the open disk, its lanes and its levelling (served.h).
 *
 * Crash story: that of the core.  Levelling is writes like any other, and the
 * policy's budget holds for it; what is cut off is taken up by the next one.
 */
#include "guest-agent/served.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "hosted/arena.h"

#define LANES_LEAST	8u	/* where there are few processors */
#define LANES_A_CPU	2u	/* a lane sleeps while its media syncs */
_Static_assert(VD_LANES_MAX <= 64, "lanes are bits of a word");

/* A step of levelling: short enough for a close not to wait long. */
#define LEVEL_LOOK	4096u
#define LEVEL_MOVES	64u
#define LEVEL_REST_MS	1000u	/* after nothing was found */
#define LEVEL_STEP_MS	50u

struct served {
	struct target *target;
	struct vdisk *vd;
	void *mem;
	struct vd_geometry geometry;
	bool read_only;

	uint32_t lane_count;		/* for requests */
	_Atomic uint64_t lanes_free;	/* a bit each */
	sem_t lanes;			/* counts them */

	bool levels;			/* has level_lane, and the thread */
	bool started;
	uint32_t level_lane;
	pthread_t level_thread;
	pthread_mutex_t level_mutex;	/* for .stop */
	pthread_cond_t level_wake;
	bool stop;
	_Atomic bool wrote;
};

/* ---- lanes ---------------------------------------------------------------------- */

uint32_t served_lane_take(struct served *served)
{
	uint64_t mask;

	while (sem_wait(&served->lanes))
		;			/* EINTR */
	/* One of them is ours: the lowest, which is most likely in the cache. */
	mask = atomic_load_explicit(&served->lanes_free, memory_order_relaxed);
	while (!mask || !atomic_compare_exchange_weak_explicit(
			&served->lanes_free, &mask, mask & (mask - 1),
			memory_order_acquire, memory_order_relaxed))
		if (!mask)
			mask = atomic_load_explicit(&served->lanes_free,
						    memory_order_relaxed);
	stray_thread();
	return (uint32_t)__builtin_ctzll(mask);
}

void served_lane_drop(struct served *served, uint32_t lane)
{
	atomic_fetch_or_explicit(&served->lanes_free, 1ull << lane,
				 memory_order_release);
	sem_post(&served->lanes);
}

static uint32_t lanes_wanted(const struct vd_geometry *geometry)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t most = vd_lanes_max(geometry), lanes = LANES_LEAST;

	if (cpus > LANES_LEAST / LANES_A_CPU)
		lanes = cpus > VD_LANES_MAX / LANES_A_CPU ? VD_LANES_MAX :
			(uint32_t)cpus * LANES_A_CPU;
	return lanes < most ? lanes : most;
}

static void lanes_set(struct served *served, uint32_t lanes)
{
	if (served->levels)
		served->level_lane = --lanes;
	served->lane_count = lanes;
	atomic_store(&served->lanes_free, ~0ull >> (64 - lanes));
	sem_init(&served->lanes, 0, lanes);
}

/* ---- levelling -------------------------------------------------------------------- */

void served_wrote(struct served *served)
{
	if (!atomic_load_explicit(&served->wrote, memory_order_relaxed))
		atomic_store_explicit(&served->wrote, true,
				      memory_order_relaxed);
}

/* False: it is time to end. */
static bool level_rest(struct served *served, unsigned ms)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000l;
	if (until.tv_nsec >= 1000000000l) {
		until.tv_nsec -= 1000000000l;
		until.tv_sec++;
	}
	pthread_mutex_lock(&served->level_mutex);
	while (!served->stop &&
	       pthread_cond_timedwait(&served->level_wake,
				      &served->level_mutex, &until) !=
	       ETIMEDOUT)
		;
	stop = served->stop;
	pthread_mutex_unlock(&served->level_mutex);
	return !stop;
}

/*
 * Once round all blocks after each second in which something was written, and
 * on as long as there is something to move.
 */
static void *level_run(void *ctx)
{
	struct served *served = ctx;
	uint64_t left = 0;
	uint32_t moves;

	stray_thread();
	while (level_rest(served, left ? LEVEL_STEP_MS : LEVEL_REST_MS)) {
		if (atomic_exchange(&served->wrote, false) && !left)
			left = served->geometry.block_count;
		if (!left)
			continue;
		moves = 0;
		if (vd_level(served->vd, served->level_lane, LEVEL_LOOK,
			     LEVEL_MOVES, false, &moves))
			left = 0;
		else if (!moves)
			left -= left < LEVEL_LOOK ? left : LEVEL_LOOK;
	}
	return NULL;
}

int served_start(struct served *served, struct failure *failure)
{
	int err;

	if (!served->levels)
		return 0;
	err = pthread_create(&served->level_thread, NULL, level_run, served);
	if (err)
		return failure_errno(failure, -err, "cannot make a thread");
	served->started = true;
	return 0;
}

static void level_end(struct served *served)
{
	if (!served->started)
		return;
	pthread_mutex_lock(&served->level_mutex);
	served->stop = true;
	pthread_cond_signal(&served->level_wake);
	pthread_mutex_unlock(&served->level_mutex);
	pthread_join(served->level_thread, NULL);
}

/* ---- open and close ------------------------------------------------------------------ */

static int disk_fail(const struct served_args *args, int err,
		     const struct nvm_fault *fault, struct failure *failure)
{
	return failure_set(failure, err, "cannot open disk '%s': %s%s%s",
			   target_text(&args->target),
			   fault->what ? fault->what : "",
			   fault->what ? ": " : "", nvm_strerror(err));
}

/*
 * A child may have grown since its disk was made: the disk's own extents must
 * stand first, in their order, or other bytes would be taken for theirs.
 */
static int surplus_check(const struct vd_area *area,
			 const struct vd_geometry *geometry)
{
	struct vd_area own = { area->extent, geometry->extent_count };
	uint32_t order[VD_EXTENTS_MAX];
	struct vd_geometry again;
	int err;

	if (area->extent_count == own.extent_count)
		return 0;
	err = vd_probe(&own, &again, order, NULL);
	for (uint32_t e = 0; !err && e < own.extent_count; e++)
		if (order[e] != e)
			err = -NVM_EINVAL;
	return err;
}

static void disk_relax(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static int disk_open(struct served *served, const struct served_args *args,
		     struct failure *failure)
{
	const struct vd_area *area = target_area(served->target);
	struct vd_open_args open = { .relax = disk_relax };
	struct nvm_fault fault = { 0 };
	struct vd_info info;
	int err = vd_probe(area, &served->geometry, NULL, &fault);

	if (!err)
		err = surplus_check(area, &served->geometry);
	if (err)
		return disk_fail(args, err, &fault, failure);
	open.lane_count = lanes_wanted(&served->geometry);
	if (args->target.read_only)
		open.flags |= VD_OPEN_READ_ONLY;
	if (!args->verify)
		open.flags |= VD_OPEN_NO_VERIFY;
	open.mem_bytes = vd_memory_bytes(&served->geometry, open.lane_count);
	served->mem = arena_alloc(open.mem_bytes);
	open.mem = served->mem;
	err = open.mem ? vd_open(area, &open, &served->vd, &fault) :
			 -NVM_ENOMEM;
	if (err)
		return disk_fail(args, err, &fault, failure);
	vd_info(served->vd, &info);
	served->read_only = args->target.read_only;
	served->levels = args->level && !served->read_only &&
			 open.lane_count > 1 && info.wear.policy != WEAR_NONE;
	lanes_set(served, open.lane_count);
	return 0;
}

int served_open(const struct served_args *args, struct served **ret_served,
		struct failure *failure)
{
	struct served *served = calloc(1, sizeof(*served));
	pthread_condattr_t clock;
	int err;

	if (!served)
		return failure_errno(failure, -ENOMEM, "cannot serve '%s'",
				     target_text(&args->target));
	err = target_open(&args->target, &served->target, failure);
	if (!err)
		err = disk_open(served, args, failure);
	if (err) {
		if (served->target)
			target_close(served->target);
		free(served->mem);
		free(served);
		return err;
	}
	pthread_mutex_init(&served->level_mutex, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&served->level_wake, &clock);
	pthread_condattr_destroy(&clock);
	*ret_served = served;
	return 0;
}

static int disk_close(struct served *served, struct failure *failure)
{
	struct nvm_fault fault = { 0 };
	int err;

	level_end(served);
	err = vd_close(served->vd, &fault);
	if (err)
		failure_set(failure, err, "cannot close the disk, which the "
			    "next open recovers: %s%s%s",
			    fault.what ? fault.what : "",
			    fault.what ? ": " : "", nvm_strerror(err));
	return err;
}

int served_halt(struct served *served, struct failure *failure)
{
	for (uint32_t i = 0; i < served->lane_count; i++)
		served_lane_take(served);
	return disk_close(served, failure);
}

int served_close(struct served *served, struct failure *failure)
{
	int err = disk_close(served, failure);

	target_close(served->target);
	pthread_cond_destroy(&served->level_wake);
	pthread_mutex_destroy(&served->level_mutex);
	sem_destroy(&served->lanes);
	free(served->mem);
	free(served);
	return err;
}

struct vdisk *served_disk(const struct served *served)
{
	return served->vd;
}

uint64_t served_bytes(const struct served *served)
{
	return (uint64_t)served->geometry.logical_count * VD_BLOCK;
}

bool served_read_only(const struct served *served)
{
	return served->read_only;
}
