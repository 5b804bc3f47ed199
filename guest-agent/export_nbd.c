/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * export_nbd.c - a virtual disk as a plugin of nbdkit(1), which brings the NBD
 * protocol, TLS, filters and sockets.  `nvmvd serve` runs it; by hand:
 *
 *	nbdkit ./nbdkit-nvmvd-plugin.so disk.img
 *
 * nbdkit calls data functions from many threads at once, each of which takes a
 * lane (served.h).  A request of any length is answered when it is done; what
 * a client may rely on after a crash:
 *
 *   each block of 4 KiB of a write is there as a whole or not at all;
 *   what was answered before a flush was answered, on any connection, stays;
 *   so does what was answered with FUA.
 */
#define NBDKIT_API_VERSION 2
#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

#include <nbdkit-plugin.h>

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest-agent/served.h"
#include "hosted/served.h"

#define REQUEST_MAX	(32u << 20)	/* hint: larger ones are served too */
#define EXTENTS_LOOK	(1u << 18)	/* blocks looked up for one answer */
#define STOP_GRACE_MS	500l		/* for clients to be done */

/*
 * One plugin, one disk: nbdkit hands no context to the calls before a client
 * connects, nor at the end.
 */
static struct {
	struct served_args args;
	struct served *served;		/* from get_ready to cleanup */
	int control_fd;			/* hosted/served.h; or -1 */
	pthread_t control_thread;
	bool controlled;		/* there is such a thread */
	bool elsewhere;			/* a child of ours serves the disk */
} plugin = {
	.args = { .verify = true, .level = true, .target.wait_s = 10 },
	.control_fd = -1,
};

/* ---- parameters ------------------------------------------------------------------ */

static int config_path(const char *value)
{
	struct target_name *target = &plugin.args.target;

	if (target->path_count == VD_EXTENTS_MAX) {
		nbdkit_error("a disk has at most %u extents", VD_EXTENTS_MAX);
		return -1;
	}
	target->path[target->path_count++] = value;
	return 0;
}

static int config_guard(const char *value)
{
	for (int i = 0; stray_guard_names[i]; i++)
		if (!strcmp(value, stray_guard_names[i])) {
			plugin.args.target.guard = (enum stray_guard)i;
			return 0;
		}
	nbdkit_error("bad guard '%s': must be auto, none, pkey, mprotect or map",
		     value);
	return -1;
}

static int config_control(const char *value)
{
	if (nbdkit_parse_int(SERVED_CONTROL_KEY, value, &plugin.control_fd))
		return -1;
	if (!fcntl(plugin.control_fd, F_SETFD, FD_CLOEXEC))
		return 0;
	nbdkit_error("bad " SERVED_CONTROL_KEY " '%s': %m", value);
	return -1;
}

static int config_bool(const char *value, bool *ret)
{
	int on = nbdkit_parse_bool(value);

	if (on >= 0)
		*ret = on;
	return on < 0 ? -1 : 0;
}

static int nvmvd_config(const char *key, const char *value)
{
	struct target_name *target = &plugin.args.target;

	if (!strcmp(key, "extent"))
		return config_path(value);
	if (!strcmp(key, "guard"))
		return config_guard(value);
	if (!strcmp(key, "verify"))
		return config_bool(value, &plugin.args.verify);
	if (!strcmp(key, "level"))
		return config_bool(value, &plugin.args.level);
	if (!strcmp(key, "read-only"))
		return config_bool(value, &target->read_only);
	if (!strcmp(key, "wait"))
		return nbdkit_parse_unsigned(key, value, &target->wait_s);
	if (!strcmp(key, SERVED_CONTROL_KEY))
		return config_control(value);
	if (!strcmp(key, "pool")) {
		target->pool = value;
		return 0;
	}
	if (!strcmp(key, "child")) {
		target->child = value;
		return 0;
	}
	nbdkit_error("unknown parameter '%s'", key);
	return -1;
}

static int nvmvd_config_complete(void)
{
	const struct target_name *target = &plugin.args.target;

	if (!!target->pool != !!target->child) {
		nbdkit_error("pool= and child= belong together");
		return -1;
	}
	if (!!target->child == !!target->path_count) {
		nbdkit_error("say where the disk lies: extent= (repeated), or "
			     "pool= and child=");
		return -1;
	}
	return 0;
}

#define CONFIG_HELP \
	"[extent=]PATH         (required) a file or device; all of the disk's\n" \
	"pool=PATH child=NAME  (or this) a child of a pool\n" \
	"read-only=true        store nothing; clients cannot write\n" \
	"guard=KIND            auto, none, pkey, mprotect or map: how stray\n" \
	"                      writes are kept off the disk\n" \
	"verify=false          do not compare data with their checksums\n" \
	"level=false           do not level wear in the background\n" \
	"wait=SECONDS          for others who have the disk (default: 10)"

/* ---- whoever started us ---------------------------------------------------------------- */

static void report(enum served_report what)
{
	char letter = (char)what;

	/* who does not listen any more does not want to know */
	if (plugin.control_fd >= 0 && write(plugin.control_fd, &letter, 1) != 1)
		nbdkit_debug("nobody reads the reports");
}

static int closed(int err, const struct failure *failure)
{
	if (err)
		nbdkit_error("%s", failure->text);
	report(err ? SERVED_UNCLEAN : SERVED_CLOSED);
	return err;
}

/*
 * nbdkit ends when its clients have gone, which may be never.  So we ask it to,
 * and if it has not come to our cleanup in time the disk is closed from here,
 * and with the process its connections.
 */
static void *control_run(void *ctx)
{
	const struct timespec grace = { .tv_nsec = STOP_GRACE_MS * 1000000l };
	struct failure failure;
	char letter;

	(void)ctx;
	while (read(plugin.control_fd, &letter, 1) == 1 &&
	       letter != SERVED_STOP)
		;
	nbdkit_shutdown();
	nanosleep(&grace, NULL);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	_exit(closed(served_halt(plugin.served, &failure), &failure) ?
	      EXIT_FAILURE : EXIT_SUCCESS);
}

/* Returns only if the thread has not begun to close the disk. */
static void control_end(void)
{
	if (!plugin.controlled)
		return;
	pthread_cancel(plugin.control_thread);
	pthread_join(plugin.control_thread, NULL);
	plugin.controlled = false;
}

static int control_start(void)
{
	int err;

	if (plugin.control_fd < 0)
		return 0;
	err = pthread_create(&plugin.control_thread, NULL, control_run, NULL);
	plugin.controlled = !err;
	return -err;
}

/* ---- open and close ----------------------------------------------------------------- */

static void forked(void)
{
	plugin.elsewhere = true;
}

static int nvmvd_get_ready(void)
{
	struct failure failure;

	pthread_atfork(NULL, forked, NULL);
	if (!served_open(&plugin.args, &plugin.served, &failure))
		return 0;
	nbdkit_error("%s", failure.text);
	return -1;
}

static int nvmvd_after_fork(void)
{
	struct failure failure;

	int err = served_start(plugin.served, &failure);

	if (!err && (err = control_start()))
		failure_errno(&failure, err, "cannot make a thread");
	if (err) {
		nbdkit_error("%s", failure.text);
		return -1;
	}
	report(SERVED_READY);
	return 0;
}

static void nvmvd_cleanup(void)
{
	struct served *served = plugin.served;
	struct failure failure;

	if (!served)
		return;		/* never opened, or closed already */
	control_end();
	plugin.served = NULL;
	closed(served_close(served, &failure), &failure);
}

/*
 * When nbdkit cannot bind its socket it leaves by exit(3).  So does the parent
 * of one that goes into the background.
 */
static void __attribute__((destructor)) nvmvd_exit(void)
{
	if (!plugin.elsewhere)
		nvmvd_cleanup();
}

static void *nvmvd_open(int readonly)
{
	(void)readonly;
	return plugin.served;
}

/* ---- what it can ---------------------------------------------------------------------- */

static int64_t nvmvd_get_size(void *handle)
{
	return (int64_t)served_bytes(handle);
}

static int nvmvd_block_size(void *handle, uint32_t *minimum,
			    uint32_t *preferred, uint32_t *maximum)
{
	(void)handle;
	*minimum = VD_SECTOR;
	*preferred = VD_BLOCK;
	*maximum = REQUEST_MAX;
	return 0;
}

static int nvmvd_can_write(void *handle)
{
	return !served_read_only(handle);
}

static int nvmvd_can_fua(void *handle)
{
	(void)handle;
	return NBDKIT_FUA_NATIVE;
}

static int nvmvd_can_cache(void *handle)
{
	(void)handle;
	return NBDKIT_CACHE_NONE;
}

static int nvmvd_yes(void *handle)
{
	(void)handle;
	return 1;
}

/* ---- requests ------------------------------------------------------------------------- */

static int request_fail(const char *what, int err, uint32_t count,
			uint64_t offset)
{
	switch (-err) {
	case NVM_EIO:
	case NVM_ENOSPC:
	case NVM_EROFS:
	case NVM_EINVAL:
	case NVM_ENOMEM:
		break;
	default:
		err = -NVM_EIO;
	}
	nbdkit_set_error(-err);
	nbdkit_error("cannot %s %" PRIu32 " bytes at byte 0x%" PRIx64 ": %s",
		     what, count, offset, nvm_strerror(err));
	return -1;
}

/* Which block it was that could not be read. */
static void damage_tell(struct vdisk *vd, uint32_t lane, uint32_t count,
			uint64_t offset)
{
	uint64_t end = (offset + count + VD_BLOCK - 1) / VD_BLOCK;
	uint8_t bytes[VD_BLOCK];

	for (uint64_t block = offset / VD_BLOCK; block < end; block++)
		if (vd_read(vd, lane, block, 1, bytes))
			nbdkit_error("block %" PRIu64 " (byte 0x%" PRIx64 ") is "
				     "damaged: it cannot be read, or does not "
				     "match its checksum", block,
				     block * VD_BLOCK);
}

static int nvmvd_pread(void *handle, void *buf, uint32_t count,
		       uint64_t offset, uint32_t flags)
{
	struct vdisk *vd = served_disk(handle);
	uint32_t lane = served_lane_take(handle);
	int err = vd_pread(vd, lane, offset, count, buf);

	(void)flags;
	if (err == -NVM_EIO)
		damage_tell(vd, lane, count, offset);
	served_lane_drop(handle, lane);
	return err ? request_fail("read", err, count, offset) : 0;
}

static int nvmvd_pwrite(void *handle, const void *buf, uint32_t count,
			uint64_t offset, uint32_t flags)
{
	uint32_t lane = served_lane_take(handle);
	int err = vd_pwrite(served_disk(handle), lane, offset, count, buf,
			    flags & NBDKIT_FLAG_FUA ? VD_WRITE_FUA : 0);

	served_lane_drop(handle, lane);
	served_wrote(handle);
	return err ? request_fail("write", err, count, offset) : 0;
}

static int nvmvd_flush(void *handle, uint32_t flags)
{
	uint32_t lane = served_lane_take(handle);
	int err = vd_flush(served_disk(handle), lane);

	(void)flags;
	served_lane_drop(handle, lane);
	if (!err)
		return 0;
	nbdkit_set_error(EIO);
	nbdkit_error("cannot flush: %s", nvm_strerror(err));
	return -1;
}

static int fua(struct served *served, uint32_t lane, uint32_t flags)
{
	return flags & NBDKIT_FLAG_FUA ? vd_flush(served_disk(served), lane) :
					 0;
}

/* A hint: parts of blocks stay as they are. */
static int nvmvd_trim(void *handle, uint32_t count, uint64_t offset,
		      uint32_t flags)
{
	uint64_t first = (offset + VD_BLOCK - 1) / VD_BLOCK;
	uint64_t end = (offset + count) / VD_BLOCK;
	uint32_t lane = served_lane_take(handle);
	int err = first >= end ? 0 :
		  vd_trim(served_disk(handle), lane, first, end - first);

	if (!err)
		err = fua(handle, lane, flags);
	served_lane_drop(handle, lane);
	return err ? request_fail("trim", err, count, offset) : 0;
}

/*
 * Whole blocks are trimmed, which is always fast.  With or without
 * NBDKIT_FLAG_MAY_TRIM: the disk has spares, so that the blocks are there when
 * they are written again.
 */
static int nvmvd_zero(void *handle, uint32_t count, uint64_t offset,
		      uint32_t flags)
{
	uint32_t lane = served_lane_take(handle);
	int err = vd_zero(served_disk(handle), lane, offset, count);

	if (!err)
		err = fua(handle, lane, flags);
	served_lane_drop(handle, lane);
	served_wrote(handle);
	return err ? request_fail("zero", err, count, offset) : 0;
}

/* What cannot be looked up is to be read, which tells why. */
static bool is_hole(struct vdisk *vd, uint64_t block)
{
	struct vd_place place;

	return !vd_place(vd, block, &place) && !place.mapped;
}

/* The answer may be about the beginning only, so no lane is taken for long. */
static int nvmvd_extents(void *handle, uint32_t count, uint64_t offset,
			 uint32_t flags, struct nbdkit_extents *extents)
{
	struct vdisk *vd = served_disk(handle);
	uint64_t block = offset / VD_BLOCK;
	uint64_t end = (offset + count + VD_BLOCK - 1) / VD_BLOCK;
	uint32_t lane = served_lane_take(handle);
	int err = 0;

	if (end - block > EXTENTS_LOOK)
		end = block + EXTENTS_LOOK;
	while (block < end && !err) {
		uint64_t first = block;
		bool hole = is_hole(vd, block++);

		while (block < end && is_hole(vd, block) == hole)
			block++;
		err = nbdkit_add_extent(extents, first * VD_BLOCK,
					(block - first) * VD_BLOCK, hole ?
					NBDKIT_EXTENT_HOLE |
					NBDKIT_EXTENT_ZERO : 0);
		if (flags & NBDKIT_FLAG_REQ_ONE)
			break;
	}
	served_lane_drop(handle, lane);
	return err;
}

static struct nbdkit_plugin nbdkit = {
	.name = "nvmvd",
	.longname = "nvmpool virtual disk",
	.version = NVMPOOL_VERSION,
	.description = "A virtual disk on byte-addressable memory: 4 KiB blocks "
		       "whose writes are atomic,\nchecked and levelled.",
	.config = nvmvd_config,
	.config_complete = nvmvd_config_complete,
	.config_help = CONFIG_HELP,
	.magic_config_key = "extent",
	.get_ready = nvmvd_get_ready,
	.after_fork = nvmvd_after_fork,
	.cleanup = nvmvd_cleanup,
	.unload = nvmvd_cleanup,
	.open = nvmvd_open,
	.get_size = nvmvd_get_size,
	.block_size = nvmvd_block_size,
	.can_write = nvmvd_can_write,
	.can_fua = nvmvd_can_fua,
	.can_fast_zero = nvmvd_yes,
	.can_multi_conn = nvmvd_yes,
	.can_cache = nvmvd_can_cache,
	.pread = nvmvd_pread,
	.pwrite = nvmvd_pwrite,
	.flush = nvmvd_flush,
	.trim = nvmvd_trim,
	.zero = nvmvd_zero,
	.extents = nvmvd_extents,
};

/* What nbdkit looks for, defined by its macro. */
struct nbdkit_plugin *plugin_init(void);
NBDKIT_REGISTER_PLUGIN(nbdkit)
