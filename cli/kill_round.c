// SPDX-License-Identifier: BSD-3-Clause
/*
 * kill_round.c - one victim: begun, heard, killed at a random moment, and what
 * it leaves judged.  The moment is a number of steps and then a part of the
 * time that such a step takes, about, so that slow and fast backings are hit
 * in the middle of what they do alike.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/kill.h"
#include "cli/talk.h"

#define SILENCE_S	60.0	/* a victim that says nothing for so long hangs */

struct round {
	struct kill_session *session;
	enum kill_target target;
	pid_t pid;
	int fd;
	uint64_t steps_left;		/* until the moment is chosen */
	bool at_opening;		/* these are openings, else operations */
	double kill_at;			/* 0: not chosen yet */
	double said_at;
	struct kill_note last;		/* what it said last */
	struct kill_op op;		/* under way */
	bool heard;
};

double kill_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double part(struct kill_session *session)
{
	return (double)(random_next(&session->seed) >> 11) / 0x1p53;
}

/* ---- what it says ---------------------------------------------------------------------- */

static void learn(double *mean, double seconds)
{
	*mean = *mean > 0 ? *mean * 0.8 + seconds * 0.2 : seconds;
}

/* Is it at the step at which it dies?  Then say when. */
static void moment_choose(struct round *r, bool opening, double mean)
{
	if (r->kill_at > 0 || opening != r->at_opening)
		return;
	if (r->steps_left)
		r->steps_left--;
	else
		/* from at once, as hearing of it takes time, to some time after */
		r->kill_at = kill_clock() +
			     (part(r->session) * 1.6 - 0.5) * mean;
}

/* What the note says of the time before the kill; afterwards it is too late. */
static void note_take(struct round *r, const struct kill_note *note)
{
	struct kill_session *session = r->session;
	double now = kill_clock(), took = now - r->said_at;

	switch (note->says) {
	case KILL_SAYS_OPENING:
		moment_choose(r, true, session->open_s[r->target]);
		break;
	case KILL_SAYS_OPENED:
		learn(&session->open_s[r->target], took);
		break;
	case KILL_SAYS_BEGIN:
		r->op = note->op;
		if (note->op.tag + note->op.count >= session->tag)
			session->tag = note->op.tag + note->op.count + 1;
		moment_choose(r, false, session->op_s[note->op.kind]);
		break;
	case KILL_SAYS_END:
		learn(&session->op_s[note->op.kind], took);
		session->count[r->target].acknowledged++;
		kill_apply(&session->state[r->target], &note->op);
		r->op = (struct kill_op){ .kind = KILL_NOTHING };
		break;
	default:
		break;
	}
	r->said_at = now;
	r->last = *note;
	r->heard = true;
}

/* The next note, if one comes by then; 0: none, -1: there is nobody. */
static int note_read(struct round *r, double until)
{
	double wait = until - kill_clock();
	struct pollfd poll = { .fd = r->fd, .events = POLLIN };
	struct timespec t = { 0 };
	struct kill_note note;

	if (wait > 0) {
		t.tv_sec = (time_t)wait;
		t.tv_nsec = (long)((wait - (double)t.tv_sec) * 1e9);
	}
	if (ppoll(&poll, 1, &t, NULL) <= 0)
		return 0;
	if (read(r->fd, &note, sizeof(note)) != (ssize_t)sizeof(note))
		return -1;
	note_take(r, &note);
	return 1;
}

/* Until it is time, or it has ended by itself, or hangs. */
static bool listen(struct round *r, char why[KILL_WHY_MAX])
{
	for (;;) {
		double now = kill_clock(), until = r->said_at + SILENCE_S;

		if (signals_caught() || now >= r->session->until_s ||
		    (r->kill_at > 0 && now >= r->kill_at))
			return true;
		if (now >= until) {
			snprintf(why, KILL_WHY_MAX, "it hangs, in operation "
				 "'%s'", kill_kind_name(r->op.kind));
			return false;
		}
		if (r->kill_at > 0 && r->kill_at < until)
			until = r->kill_at;
		/* to see the limit, and signals that came in between */
		if (until > now + 0.2)
			until = now + 0.2;
		if (note_read(r, until) < 0)
			return true;
	}
}

/* ---- its end ------------------------------------------------------------------------------ */

static void kill_count(struct round *r)
{
	struct kill_count *count = &r->session->count[r->target];

	count->kills++;
	if (r->heard && r->last.says == KILL_SAYS_BEGIN)
		count->in_operation++;
	else if (r->heard && r->last.says == KILL_SAYS_OPENING)
		count->in_opening++;
	else
		count->idle++;
}

/* Kill it, and hear what it had said by then.  False: it was no kill. */
static bool finish(struct round *r, char why[KILL_WHY_MAX])
{
	int status = 0;

	kill(r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	r->kill_at = 1;
	while (note_read(r, 0) > 0)
		;
	close(r->fd);
	if (r->heard && r->last.says == KILL_SAYS_FULL) {
		r->session->full = true;
		return true;
	}
	if (r->heard && r->last.says == KILL_SAYS_BROKEN) {
		snprintf(why, KILL_WHY_MAX, "%s", r->last.why);
		return false;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		kill_count(r);
		return true;
	}
	snprintf(why, KILL_WHY_MAX, "it ended by itself in operation '%s', "
		 "with %s %d", kill_kind_name(r->op.kind), WIFSIGNALED(status) ?
		 "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) :
		 WEXITSTATUS(status));
	return false;
}

static bool judge(struct kill_session *session, enum kill_target target,
		  const struct kill_op *op, char why[KILL_WHY_MAX])
{
	struct kill_state shown;

	if (!kill_look(&session->scratch, target, &shown, why) ||
	    !kill_judge(&session->state[target], op, &shown, why))
		return false;
	session->state[target] = shown;
	return true;
}

static bool judge_all(struct round *r, char why[KILL_WHY_MAX])
{
	static const struct kill_op none;
	char text[KILL_WHY_MAX / 2], *what = why;

	if (!judge(r->session, r->target, &r->op, why)) {
		snprintf(text, sizeof(text), "%.199s", what);
		snprintf(why, KILL_WHY_MAX, "after a kill in operation '%s': "
			 "%s", kill_kind_name(r->op.kind), text);
		return false;
	}
	/* What a compaction of the pool moves about. */
	if (r->target != KILL_POOL || r->session->dead[KILL_CHILD] ||
	    judge(r->session, KILL_CHILD, &none, why))
		return true;
	snprintf(text, sizeof(text), "%.199s", what);
	snprintf(why, KILL_WHY_MAX, "after a kill of who worked on its pool, in "
		 "operation '%s': the child: %s", kill_kind_name(r->op.kind),
		 text);
	return false;
}

/* ---- a round ------------------------------------------------------------------------------- */

static bool begin(struct round *r, char why[KILL_WHY_MAX])
{
	struct kill_session *session = r->session;
	uint64_t seed = random_next(&session->seed);
	int fd[2];

	fflush(NULL);
	if (pipe(fd))
		goto fail;
	r->said_at = kill_clock();
	r->pid = fork();
	if (!r->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fd[0]);
		kill_victim(&session->scratch, r->target,
			    &session->state[r->target], seed, session->tag,
			    fd[1]);
	}
	close(fd[1]);
	r->fd = fd[0];
	if (r->pid > 0)
		return true;
	close(fd[0]);
fail:
	snprintf(why, KILL_WHY_MAX, "cannot begin a process: %s",
		 strerror(errno));
	return false;
}

/* Where nothing can be stored, not even a hole of a tmpfs can be read. */
static bool is_full(const struct kill_session *session)
{
	struct statvfs st;

	return !statvfs(session->scratch.dir, &st) &&
	       st.f_bavail < (64 << 10) / st.f_frsize;
}

bool kill_round(struct kill_session *session, enum kill_target target,
		char why[KILL_WHY_MAX])
{
	struct round r = { .session = session, .target = target };
	bool good;

	r.at_opening = random_next(&session->seed) % 4 == 0;
	r.steps_left = random_next(&session->seed) % (r.at_opening ? 3 : 24);
	session->count[target].rounds++;
	good = begin(&r, why);
	if (good) {
		bool heard = listen(&r, why);

		good = finish(&r, why) && heard && judge_all(&r, why);
	}
	if (!good) {
		session->full = is_full(session);
		session->count[target].failed += !session->full;
		session->dead[target] = true;
		if (target == KILL_POOL)
			session->dead[KILL_CHILD] = true;
	}
	return good;
}
