// SPDX-License-Identifier: BSD-3-Clause
/*
 * kills.c - kills of a real guest, by their right name: SIGKILL to QEMU at
 * random moments, in an operation, a recovery, a boot, or in none of these.
 *
 * After each kill the host's tools check disk and pool, and read the disk: each
 * block holds its last acknowledged write or the one in flight, whole; groups
 * are there or not; trimmed blocks are zeros; nothing outside the child has
 * changed.  Planted faults show that the judge can say no.
 *
 *	KILLS=N		how many (default 100)
 *	KILLS_SEED=N	the guest's operations and the delays again; where in an
 *			operation a delay ends is never the same
 */
#include "tests/vm/kills/kills.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/prctl.h>
#include <time.h>

#define KILLS_DEFAULT	100u
#define HOST_EVERY	5u		/* the host writes after so many kills */
#define WHOLE_OPS	300u
#define FAULT_KILLS	100u		/* by then a fault must have shown */

static unsigned verdict_print(unsigned number, bool good, const char *name)
{
	printf("%s %u - %s\n", good ? "ok" : "not ok", number, name);
	fflush(stdout);
	return !good;
}

static double clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void tally_print(const struct tally *tally, double seconds)
{
	printf("# %u kills: %u in an operation (%u found done, %u not, %u in "
	       "part, %u changing nothing), %u in an opening (%u in a row), %u "
	       "at boot, %u between operations; %" PRIu64 " acknowledged, %u "
	       "clean closes, %u operations by the host, %u torn; %.1f s\n",
	       tally->kills, tally->flights, tally->outcome[OUTCOME_ALL],
	       tally->outcome[OUTCOME_NONE], tally->outcome[OUTCOME_SOME],
	       tally->outcome[OUTCOME_SAME], tally->openings, tally->chain_max,
	       tally->boots, tally->idles, tally->acknowledged, tally->reopens,
	       tally->host_writes, tally->torn, seconds);
	fflush(stdout);
}

/* A campaign that hit nothing but idle guests has shown nothing. */
static bool tally_enough(const struct tally *tally, struct verdict *verdict)
{
	if (tally->kills < 50)
		return true;
	if (tally->flights * 10 < tally->kills || !tally->openings)
		return deny(verdict, "the kills hit too few operations or "
			    "openings to show anything");
	return true;
}

static unsigned kills_run(struct host *host, uint64_t seed, unsigned kills,
			  unsigned number)
{
	struct campaign campaign;
	char name[96];
	double start = clock_s();
	bool good;

	campaign_begin(&campaign, host, seed);
	good = round_whole(&campaign, WHOLE_OPS);
	if (!good)
		printf("# %s\n", campaign.verdict.why);
	verdict_print(number, good, "a guest finds its child by the NFIT, works "
		      "on the disk there, closes it and ends");
	for (unsigned k = 1; good && k <= kills; k++) {
		good = round_kill(&campaign) &&
		       (k % HOST_EVERY || round_host(&campaign));
		if (k % 10 == 0 || k == kills)
			tally_print(&campaign.tally, clock_s() - start);
	}
	good = good && tally_enough(&campaign.tally, &campaign.verdict);
	if (!good)
		printf("# after %u kills, seed %" PRIu64 ": %s\n# kept in %s\n",
		       campaign.tally.kills, seed, campaign.verdict.why,
		       host->dir);
	snprintf(name, sizeof(name), "%u kills: what was acknowledged stays, and "
		 "the rest is whole", campaign.tally.kills);
	verdict_print(number + 1, good, name);
	campaign_end(&campaign);
	return !good;
}

/* ---- planted faults ------------------------------------------------------------------ */

static unsigned fault_run(struct host *host, uint64_t seed, const char *lie,
			  unsigned number, const char *name)
{
	struct campaign campaign;
	bool good = true;

	campaign_begin(&campaign, host, seed);
	campaign.lie = lie;
	campaign.withhold = !lie;
	for (unsigned k = 0; good && k < FAULT_KILLS; k++)
		good = round_kill(&campaign);
	if (!good)
		printf("# after %u kills: %s\n", campaign.tally.kills + 1,
		       campaign.verdict.why);
	campaign_end(&campaign);
	return verdict_print(number, !good, name);
}

static unsigned neighbour_run(struct host *host, unsigned number)
{
	const uint64_t off = host->child_bytes + 12345;
	struct verdict verdict = { "" };
	unsigned torn;
	bool seen;

	host_disk_create(host);
	host_flip(host, off);
	seen = !host_check(host, &torn, &verdict);
	host_flip(host, off);
	printf("# %s\n", verdict.why);
	verdict.why[0] = 0;
	return verdict_print(number, seen && host_check(host, &torn, &verdict),
			     "one byte of a neighbour is seen");
}

/* As a kill in the middle of writing its second copy leaves it. */
static unsigned torn_run(struct host *host, unsigned number)
{
	const uint64_t second = LOAD_BLOCK + 200;
	struct verdict verdict = { "" };
	unsigned torn;
	bool good;

	host_disk_create(host);
	host_flip(host, second);
	good = host_check(host, &torn, &verdict) && torn == 1;
	if (!good)
		printf("# %u torn; %s\n", torn, verdict.why);
	/* All three of them are no kill's doing. */
	host_flip(host, 200);
	host_flip(host, host->child_bytes - LOAD_BLOCK + 200);
	good = good && !host_check(host, &torn, &verdict);
	printf("# %s\n", verdict.why);
	return verdict_print(number, good, "a torn super block is a kill's "
			     "doing, three are not");
}

static uint64_t number_wanted(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

int main(void)
{
	char *build = realpath(getenv("BUILD") ? getenv("BUILD") : "build", NULL);
	static struct host host;	/* large */
	unsigned kills, failed;
	uint64_t seed;

	if (!build || getentropy(&seed, sizeof(seed)))
		give_up("no build folder, or no random bytes");
	seed = number_wanted("KILLS_SEED", seed >> 32);
	kills = (unsigned)number_wanted("KILLS", KILLS_DEFAULT);
	/* Delays of some microseconds mean what they say. */
	prctl(PR_SET_TIMERSLACK, 1);
	printf("1..8\n# seed %" PRIu64 ", %u kills\n", seed, kills);
	host_begin(&host, build);
	failed = kills_run(&host, seed, kills, 1);
	if (!failed) {
		failed += fault_run(&host, seed, NULL, 3, "a write that was "
				    "acknowledged and is not there is seen");
		failed += fault_run(&host, seed, "early", 4,
				    "an acknowledgement before the write is seen");
		failed += fault_run(&host, seed, "split", 5,
				    "a group written block by block is seen");
		failed += fault_run(&host, seed, "trim", 6,
				    "a trim that was not made is seen");
		failed += neighbour_run(&host, 7);
		failed += torn_run(&host, 8);
	}
	host_end(&host, failed);
	free(build);
	return failed > 0;
}
