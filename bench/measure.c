/* What is measured in a tree, in this order: it is booted, left alone, asked, told, hurt, and
 * stopped. */
#include "bench.h"
#include "order.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#define SECOND     UINT64_C(1000000000)
#define MILLI      1e-6   /* nanoseconds to milliseconds */
#define SAMPLES    15     /* of one kind in one run, */
#define ENOUGH     SECOND /* if they take no longer than that together */

/* After a boot, so that a service has been up for a while; and until all supervisors have done what
 * they do after it, or after a rescan. */
#define SETTLED(n) (12 * SECOND / 10 + BUSY(n))
#define BUSY(n)    ((n)*SECOND / 5000)

/* The median; where only regressions are looked for, the best: load makes commands slower, never
 * faster. */
static double typical(double *value, unsigned int n)
{
	if (!n)
		return NAN;
	qsort(value, n, sizeof *value, number_order);
	if (settings.smoke)
		return value[0];
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

static void sleep_until(uint64_t when)
{
	struct timespec t = { (time_t)(when / SECOND), (long)(when % SECOND) };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0) == EINTR)
		;
}

/* Tells `count` services from `first` on; one by one, or at once where `together`, for a client
 * that takes no more. 0 when all of it was done. */
static int tell(struct run *r, enum verb verb, unsigned int first, unsigned int count, int together)
{
	unsigned int each = r->system->one_each && verb != VERB_RESCAN ? 1 : count;
	unsigned int clients = 0;
	int bad = 0, w = 0;

	for (unsigned int i = first; i < first + count; i += each) {
		struct line l = { 0 };
		if (!r->system->tell || !r->system->tell(r->system, &r->place, verb, i, each, &l)) {
			r->unable = 1;
			return -1;
		}
		if (together && each == 1)
			clients += start_program(r, &l) > 0;
		else
			bad |= run_program(r, &l);
		line_free(&l);
		if (bad)
			return bad;
	}
	while (clients && await_child(-1, &w) > 0)
		clients--, bad |= w;
	if (clients || bad)
		step_failed("%u clients did not end, or did not succeed", clients);
	return clients || bad;
}

static int has(struct run const *r, enum metric m)
{
	return (int)(r->what >> m & 1);
}

/* ------------------------------------------------------------------------------- measurements */

static int boot(struct run *r)
{
	struct line l = { 0 };
	r->system->boot(r->system, &r->place, &l);
	expect_starts(r, 0, r->place.n);
	r->launched = now_ns();
	r->root = start_program(r, &l);
	line_free(&l);
	r->booted = r->root > 0 ? await_starts(r) : 0;
	if (!r->booted)
		return -1;
	r->values[METRIC_BOOT] = (double)(r->booted - r->launched) * MILLI;
	return 0;
}

static void idle(struct run *r)
{
	struct census before, after;
	census_take(&after, r->root);
	r->values[METRIC_PSS] = after.pss / r->place.n;
	r->values[METRIC_TABLES] = after.tables / r->place.n;
	r->values[METRIC_FILES] = after.files;
	r->values[METRIC_FILES_ROOT] = after.files_root;
	if (!has(r, METRIC_WAKEUPS))
		return;
	census_take(&before, r->root);
	sleep_until(now_ns() + settings.idle * SECOND);
	census_take(&after, r->root);
	r->values[METRIC_WAKEUPS] = (double)(after.switches - before.switches);
}

static double time_of(struct run *r, enum verb verb, unsigned int first, unsigned int count)
{
	double sample[SAMPLES];
	unsigned int n = 0;
	uint64_t limit = now_ns() + ENOUGH;

	while (n < SAMPLES && (!n || now_ns() < limit)) {
		uint64_t begin = now_ns();
		if (tell(r, verb, first, count, 0))
			return NAN;
		sample[n++] = (double)(now_ns() - begin) * MILLI;
	}
	return typical(sample, n);
}

/* Until the new instances run and the client has said so. */
static double restart(struct run *r, unsigned int first, unsigned int count)
{
	uint64_t begin = now_ns();
	expect_starts(r, first, count);
	int bad = tell(r, VERB_RESTART, first, count, 1);
	if (bad)
		return NAN;
	uint64_t end = now_ns(), runs = await_starts(r);
	if (!runs)
		return NAN;
	return (double)((end > runs ? end : runs) - begin) * MILLI;
}

static double restart_ones(struct run *r)
{
	double sample[SAMPLES];
	unsigned int n = 0;
	uint64_t limit = now_ns() + ENOUGH;

	while (n < SAMPLES && n < r->place.n && (!n || now_ns() < limit)) {
		sample[n] = restart(r, n, 1);
		if (isnan(sample[n++]))
			return NAN;
	}
	return typical(sample, n);
}

/* Each of another service, which had been up for more than a second. */
static double killed(struct run *r)
{
	double sample[SAMPLES];
	unsigned int n = 0;
	uint64_t limit = now_ns() + ENOUGH;

	while (n < SAMPLES && n + SAMPLES < r->place.n && (!n || now_ns() < limit)) {
		struct slot const *slot = r->shared->slot + r->place.n - 1 - n;
		expect_starts(r, r->place.n - 1 - n, 1);
		uint64_t begin = now_ns();
		if (kill((pid_t)slot->pid, SIGKILL) < 0)
			return NAN;
		uint64_t end = await_starts(r);
		if (!end)
			return NAN;
		sample[n++] = (double)(end - begin) * MILLI;
	}
	r->unable = !n;
	return typical(sample, n);
}

/* Every service is named, and runs. */
static int check_status(struct run *r)
{
	char path[256], text[256];
	unsigned int lines = 0;
	if (!r->system->own)
		return 0;
	snprintf(path, sizeof path, "%s/output", r->place.root);
	r->output = path;
	int bad = tell(r, VERB_STATUS, 0, r->place.n, 0);
	r->output = 0;
	FILE *f = fopen(path, "r");
	while (f && fgets(text, sizeof text, f))
		lines += !strncmp(text, "run: s", 6);
	if (f)
		fclose(f);
	if (bad)
		return -1;
	if (lines == r->place.n)
		return 0;
	step_failed("it says of %u services that they run", lines);
	return -1;
}

/* Until no process of the tree is left. */
static int stop(struct run *r)
{
	uint64_t begin = now_ns();
	kill(r->root, r->system->stop);
	if (await_end(r) < 0)
		return -1;
	r->values[METRIC_STOP] = (double)(now_ns() - begin) * MILLI;
	return 0;
}

/* A figure that is not to be had ends the run: what is wrong with the tree would only cost one more
 * limit after another. */
static int figure(struct run *r, enum metric m, double (*take)(struct run *))
{
	if (!has(r, m))
		return 0;
	step_begin(r, metrics[m].text);
	r->values[m] = take(r);
	return isnan(r->values[m]) && !r->unable ? -1 : 0;
}

static double status_one(struct run *r)
{
	return time_of(r, VERB_STATUS, 0, 1);
}

static double status_all(struct run *r)
{
	/* thousands of clients, one after another, tell nothing that a thousand do not */
	if (r->system->one_each && r->place.n > 1000) {
		r->unable = 1;
		return NAN;
	}
	return check_status(r) < 0 ? NAN : time_of(r, VERB_STATUS, 0, r->place.n);
}

static double rescan(struct run *r)
{
	return time_of(r, VERB_RESCAN, 0, r->place.n);
}

static double restart_many(struct run *r)
{
	return restart(r, 0, r->place.n < 100 ? r->place.n : 100);
}

int measure(struct run *r)
{
	static struct {
		enum metric metric;
		double (*take)(struct run *);
	} const figures[] = {
		{ METRIC_STATUS_ONE, status_one }, { METRIC_STATUS_ALL, status_all },
		{ METRIC_KILLED, killed }, { METRIC_RESTART_ONE, restart_ones },
		{ METRIC_RESTART_ALL, restart_many },
		{ METRIC_RESCAN, rescan }, /* which leaves supervisors something to look at */
	};

	step_begin(r, "boot");
	if (boot(r) < 0)
		return -1;
	if (r->what & ~(1u << METRIC_BOOT | 1u << METRIC_STOP))
		sleep_until(r->booted + SETTLED(r->place.n));
	if (has(r, METRIC_PSS))
		idle(r);
	for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
		r->unable = 0;
		if (figure(r, figures[i].metric, figures[i].take) < 0)
			return -1;
	}
	if (has(r, METRIC_RESCAN))
		sleep_until(now_ns() + BUSY(r->place.n));
	step_begin(r, "stop");
	return stop(r);
}
