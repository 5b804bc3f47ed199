/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * progress.c - signals and the progress bar.  The handler only notes the
 * signal; long work asks for it between its pieces and ends with a pool that
 * is whole.  A second signal kills at once, which the pool survives as well.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/size.h"
#include "cli/talk.h"

/* A handler has nowhere else to write to. */
static volatile sig_atomic_t caught;

static void signal_note(int signal)
{
	caught = signal;
}

void signals_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = {
		.sa_handler = signal_note, .sa_flags = (int)SA_RESETHAND,
	};
	struct sigaction old, ignore = { .sa_handler = SIG_IGN };

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* nohup(1) and shells ignore on purpose: leave it so */
		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
	}
	sigaction(SIGPIPE, &ignore, NULL);
}

int signals_caught(void)
{
	return caught;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void progress_draw(struct progress *p, uint64_t done, uint64_t total,
			  uint64_t ms)
{
	enum { WIDTH = 24 };
	char bar[WIDTH + 1], a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES];
	char rate[SIZE_TEXT_BYTES];
	double part = total ? (double)done / (double)total : 1.0;
	double per_s;
	int filled;

	if (part > 1.0)
		part = 1.0;
	filled = (int)(part * WIDTH);
	memset(bar, '#', (size_t)filled);
	memset(bar + filled, '.', (size_t)(WIDTH - filled));
	bar[WIDTH] = '\0';
	per_s = ms ? (double)done * 1000.0 / (double)ms : 0.0;
	fprintf(stderr, "\r%s [%s] %3d %%  %s of %s, %s/s", p->what, bar,
		(int)(part * 100), size_text(done >> 20 << 20, a),
		size_text(total, b),
		size_text((uint64_t)per_s >> 20 << 20, rate));
	if (per_s > 0 && done < total)
		fprintf(stderr, ", %.0f s left",
			(double)(total - done) / per_s);
	fputs("\033[K", stderr);
	p->drawn = true;
}

static bool progress_step(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
	struct progress *p = ctx;
	uint64_t now;

	if (p->shown) {
		now = now_ms();
		/* not for what is over at once; ten times a second at most */
		if (now - p->began_ms > 300 && now - p->drawn_ms >= 100) {
			progress_draw(p, done_bytes, total_bytes,
				      now - p->began_ms);
			p->drawn_ms = now;
		}
	}
	return !caught;
}

void progress_begin(struct progress *progress, const char *what,
		    struct pool_progress *ret_step)
{
	*progress = (struct progress){
		.what = what, .shown = isatty(STDERR_FILENO),
		.began_ms = now_ms(),
	};
	*ret_step = (struct pool_progress){ progress_step, progress };
}

void progress_end(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	progress->drawn = false;
	progress->shown = false;
}
