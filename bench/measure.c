/* What is measured in a tree, in this order: it is booted, left alone, asked, told, hurt, and
 * stopped. */
#include "bench.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SECOND   UINT64_C(1000000000)
#define MILLI    1e-6 /* nanoseconds to milliseconds */
#define LONGEST  (90 * SECOND)
#define SAMPLES  15                     /* of one kind in one run, */
#define PATIENCE (2 * SECOND)           /* if they take no longer than that together */
#define SETTLED  (1200 * SECOND / 1000) /* a service has been up for a while */

extern char **environ;

static int median_order(void const *a, void const *b)
{
	double x = *(double const *)a, y = *(double const *)b;
	return (x > y) - (x < y);
}

static double median(double *value, unsigned int n)
{
	if (!n)
		return NAN;
	qsort(value, n, sizeof *value, median_order);
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

static void sleep_until(uint64_t when)
{
	struct timespec t = { (time_t)(when / SECOND), (long)(when % SECOND) };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0) == EINTR)
		;
}

/* ------------------------------------------------------------------------ starts of services */

static void expect_starts(struct shared *s, unsigned int more)
{
	__atomic_store_n(&s->reached, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(
		&s->target, __atomic_load_n(&s->count, __ATOMIC_SEQ_CST) + more, __ATOMIC_SEQ_CST);
}

/* When the last one that was expected began; 0: it did not come. */
static uint64_t await_starts(struct shared *s)
{
	uint64_t limit = now_ns() + LONGEST;
	while (!__atomic_load_n(&s->reached, __ATOMIC_SEQ_CST)) {
		uint64_t now = now_ns();
		if (now >= limit)
			return 0;
		struct timespec t = { (time_t)((limit - now) / SECOND), 1 };
		syscall(SYS_futex, &s->reached, FUTEX_WAIT, 0, &t, 0, 0);
	}
	return s->when;
}

/* ----------------------------------------------------------------------------------- programs */

pid_t start_program(struct line *l, int quiet)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (quiet) {
		posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
		posix_spawn_file_actions_adddup2(&actions, 1, 2);
	}
	if (posix_spawnp(&pid, l->argv[0], &actions, 0, (char **)l->argv, environ))
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

int run_program(struct line *l)
{
	int w = -1;
	pid_t pid = start_program(l, 1);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &w, 0) < 0 && errno == EINTR)
		;
	return w;
}

/* Tells `count` services from `first` on; one by one, or at once where `together`, for a client
 * that takes no more. 0 when all of it was done. */
static int tell(struct run *r, enum verb verb, unsigned int first, unsigned int count, int together)
{
	unsigned int each = r->system->one_each && verb != VERB_RESCAN ? 1 : count;
	unsigned int clients = 0;
	int bad = 0, w;

	for (unsigned int i = first; i < first + count; i += each) {
		struct line l = { 0 };
		if (!r->system->tell || !r->system->tell(r->system, &r->place, verb, i, each, &l))
			return -1;
		if (together && each == 1)
			clients += start_program(&l, 1) > 0;
		else
			bad |= run_program(&l);
		line_free(&l);
	}
	while (clients && wait(&w) > 0)
		clients--, bad |= w;
	return bad;
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
	expect_starts(r->shared, r->place.n);
	r->launched = now_ns();
	r->root = start_program(&l, !getenv("BENCH_LOUD"));
	line_free(&l);
	r->booted = r->root > 0 ? await_starts(r->shared) : 0;
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
	uint64_t limit = now_ns() + PATIENCE;

	while (n < SAMPLES && (!n || now_ns() < limit)) {
		uint64_t begin = now_ns();
		if (tell(r, verb, first, count, 0))
			return NAN;
		sample[n++] = (double)(now_ns() - begin) * MILLI;
	}
	return median(sample, n);
}

/* Until the new instances run and the client has said so. */
static double restart(struct run *r, unsigned int first, unsigned int count)
{
	uint64_t begin = now_ns();
	expect_starts(r->shared, count);
	int bad = tell(r, VERB_RESTART, first, count, 1);
	if (bad)
		return NAN;
	uint64_t end = now_ns(), runs = await_starts(r->shared);
	if (!runs)
		return NAN;
	return (double)((end > runs ? end : runs) - begin) * MILLI;
}

static double restart_ones(struct run *r)
{
	double sample[SAMPLES];
	unsigned int n = 0;
	uint64_t limit = now_ns() + PATIENCE;

	while (n < SAMPLES && n < r->place.n && (!n || now_ns() < limit)) {
		sample[n] = restart(r, n, 1);
		if (isnan(sample[n++]))
			return NAN;
	}
	return median(sample, n);
}

/* Each of another service, which had been up for more than a second. */
static double killed(struct run *r)
{
	double sample[SAMPLES];
	unsigned int n = 0;
	uint64_t limit = now_ns() + PATIENCE;

	while (n < SAMPLES && n + SAMPLES < r->place.n && (!n || now_ns() < limit)) {
		struct slot const *slot = r->shared->slot + r->place.n - 1 - n;
		expect_starts(r->shared, 1);
		uint64_t begin = now_ns();
		if (kill((pid_t)slot->pid, SIGKILL) < 0)
			return NAN;
		uint64_t end = await_starts(r->shared);
		if (!end)
			return NAN;
		sample[n++] = (double)(end - begin) * MILLI;
	}
	return median(sample, n);
}

/* Until no process of the tree is left. */
static int stop(struct run *r)
{
	uint64_t begin = now_ns();
	kill(r->root, r->system->stop);
	alarm(120); /* its default ends us and with us the namespace */
	while (wait(0) > 0 || errno == EINTR)
		;
	r->values[METRIC_STOP] = (double)(now_ns() - begin) * MILLI;
	return 0;
}

int measure(struct run *r)
{
	unsigned int n = r->place.n;

	if (boot(r) < 0)
		return -1;
	if (r->what & ~(1u << METRIC_BOOT | 1u << METRIC_STOP))
		sleep_until(r->booted + SETTLED);
	if (has(r, METRIC_PSS))
		idle(r);
	if (has(r, METRIC_STATUS_ONE))
		r->values[METRIC_STATUS_ONE] = time_of(r, VERB_STATUS, 0, 1);
	if (has(r, METRIC_STATUS_ALL))
		r->values[METRIC_STATUS_ALL] = time_of(r, VERB_STATUS, 0, n);
	if (has(r, METRIC_RESCAN))
		r->values[METRIC_RESCAN] = time_of(r, VERB_RESCAN, 0, n);
	if (has(r, METRIC_KILLED))
		r->values[METRIC_KILLED] = killed(r);
	if (has(r, METRIC_RESTART_ONE))
		r->values[METRIC_RESTART_ONE] = restart_ones(r);
	if (has(r, METRIC_RESTART_ALL))
		r->values[METRIC_RESTART_ALL] = restart(r, 0, n < 100 ? n : 100);
	return stop(r);
}
