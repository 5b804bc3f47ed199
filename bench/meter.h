/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * meter.h - processor time and peak memory of a piece of work, each in a
 * process of its own, so that no measurement sees what the one before left.
 */
#ifndef NVM_BENCH_METER_H
#define NVM_BENCH_METER_H

#include <stdint.h>

struct sample {
	uint64_t cpu_ns;	/* user and system */
	uint64_t rss_bytes;	/* the peak, mapped media included */
	uint64_t load_bytes;	/* through the media seam; commands: 0 */
	uint64_t store_bytes;
};

/*
 * What is measured in process: sets everything up, does the work between
 * meter_start() and meter_stop(), and returns 0, or anything else having said
 * why on standard error.
 */
typedef int (*meter_work_fn)(void *ctx, struct sample *ret_sample);

struct meter_clock {
	uint64_t began_ns;
};
void meter_start(struct meter_clock *clock);
void meter_stop(const struct meter_clock *clock, struct sample *ret_sample);

/* Run @work in a forked process; 0 or -1. */
int meter_work(meter_work_fn work, void *ctx, struct sample *ret_sample);

/*
 * Run a program with its standard output to /dev/null; the processes that it
 * started and waited for are in the figures.  -1, with all that it said on
 * standard error, if it ends with anything but 0.
 */
int meter_command(const char *const *argv, struct sample *ret_sample);

/*
 * The sample with the least time: what the work itself takes.  All that a
 * busy or just started machine does to it comes on top.
 */
struct sample meter_least(const struct sample *sample, unsigned count);

#endif
