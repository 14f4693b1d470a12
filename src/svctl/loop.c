/* The event loop: turns, the window of descriptors, deadlines, queues, children. */
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/selfpipe.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include "check.h"
#include "clock.h"
#include "flight.h"

#define SPARE                                                                                      \
	16 /* descriptors that are not a flight's: standard ones, ours, and those of a moment */
#define EVENTS 64 /* taken from the kernel in one go */

/* ------------------------------------------------------------------------------------- queues */

void queue_add(struct queue *q, struct flight *f)
{
	f->next = NULL;
	if (q->tail)
		q->tail->next = f;
	else
		q->head = f;
	q->tail = f;
}

struct flight *queue_take(struct queue *q)
{
	struct flight *f = q->head;
	if (!f)
		return NULL;
	q->head = f->next;
	if (!q->head)
		q->tail = NULL;
	return f;
}

/* ------------------------------------------------------------------------------------ the window
 */

/* Two descriptors for each service in flight, and as many as we may have. */
static size_t find_window(struct loop *l)
{
	struct rlimit limit = { .rlim_cur = 1024, .rlim_max = 1024 };

	getrlimit(RLIMIT_NOFILE, &limit);
	l->nofile = limit.rlim_cur;
	if (limit.rlim_cur != limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			limit.rlim_cur = l->nofile;
	}
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur / 2 >= l->count + SPARE)
		return l->count + 1;
	return limit.rlim_cur > SPARE + 2 ? (size_t)(limit.rlim_cur - SPARE) / 2 : 1;
}

/* Is this service our own supervisor's, and do we run in one of its control scripts? Then its queue
 * stands behind us, and to wait for the answer would be to wait for ourselves. */
static int is_detached(struct target const *t)
{
	char const *self = getenv("CINIT_SERVICE"), *name = t->service;
	char real[PATH_MAX];

	if (!self || !getenv("CINIT_CONTROL") || t->is_log)
		return 0;
	if (!name && realpath(t->directory, real)) {
		name = strrchr(real, '/');
		name = name ? name + 1 : real;
	}
	return name && strcmp(name, self) == 0;
}

static void begin(struct loop *l, struct flight *f)
{
	struct loop_request const *q = l->q;
	unsigned int options = 0;

	if (q->waits)
		options |= JOB_WAITS;
	if (q->waits && !q->no_limit && !q->limit)
		options |= JOB_ONE_LOOK;
	if (q->verb->kind != VERB_TREE && is_detached(f->target))
		options |= JOB_DETACHED;
	if (f->target->maker)
		options |= JOB_MAKES;
	job_init(&f->job, q->verb, options);
	f->client = (struct cinit_client)CINIT_CLIENT_ZERO;
	if (!q->no_limit) {
		uint64_t limit = q->limit ? q->limit : LIMIT_DEFAULT;
		f->deadline = (q->common ? l->start : clock_boottime()) + limit;
	}
	l->in_flight++;
	flight_advance(l, f, JOB_BEGIN);
}

static void begin_some(struct loop *l)
{
	while (l->begun < l->count && l->in_flight < l->window) {
		struct flight *f = l->flights + l->begun++;
		f->target = l->q->targets->list + (f - l->flights);
		begin(l, f);
	}
}

int loop_postpone(struct loop *l, struct flight *f)
{
	if (l->in_flight < 2 || f != l->flights + l->begun - 1)
		return 0;
	l->begun--;
	l->window = --l->in_flight;
	memset(f, 0, sizeof *f);
	return 1;
}

/* ----------------------------------------------------------------------------------- deadlines */

/* Flights begin in order and get the same limit, so their deadlines are in order, too: the oldest
 * that has one to wait for is the earliest. The same holds of those whose time was up, and that
 * await the answer to a KILL. No list is searched. */
static struct flight *oldest(struct loop *l)
{
	while (l->oldest < l->begun) {
		struct flight *f = l->flights + l->oldest;
		if (!flight_is_over(f) && !f->job.killing)
			return f->deadline ? f : NULL;
		l->oldest++;
	}
	return NULL;
}

static struct flight *oldest_killing(struct loop *l)
{
	while (l->oldest_killing < l->oldest) {
		struct flight *f = l->flights + l->oldest_killing;
		if (!flight_is_over(f) && f->job.killing)
			return f;
		l->oldest_killing++;
	}
	return NULL;
}

static uint64_t next_deadline(struct loop *l)
{
	struct flight const *f = oldest(l), *k = oldest_killing(l);
	uint64_t next = f ? f->deadline : 0;
	if (k)
		next = clock_earlier(next, k->deadline);
	if (l->again.head)
		next = clock_earlier(next, l->again.head->again);
	return next;
}

static void expire(struct loop *l)
{
	uint64_t now = clock_boottime();
	struct flight *f;

	while ((f = oldest(l)) && f->deadline <= now)
		flight_expire(l, f);
	while ((f = oldest_killing(l)) && f->deadline <= now)
		flight_expire(l, f);
	while (l->again.head && l->again.head->again <= now) {
		f = queue_take(&l->again);
		f->again = 0;
		if (!flight_is_over(f) && !f->job.killing)
			flight_advance(l, f, JOB_CHANGED);
	}
}

/* ------------------------------------------------------------------------------------- children */

/* Signals are looked at only once there are children: INT and the like must not leave them behind.
 */
static int catch_signals(struct loop *l)
{
	sigset_t set;
	struct epoll_event e = { .events = EPOLLIN, .data = { .ptr = NULL } };

	if (l->signals >= 0)
		return 0;
	sig_restore(SIGCHLD); /* ignored, it would never come */
	if (pipenbcoe(l->told) < 0)
		return -1;
	l->signals = selfpipe_init();
	if (l->signals < 0)
		return -1;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (!selfpipe_trapset(&set))
		return -1;
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->signals, &e);
}

/* The pid, or 0: it was said why not, and counts as a ./check that did not pass, which is tried
 * again. */
static pid_t start_check(struct loop *l, struct flight const *f)
{
	char directory[PATH_MAX];
	pid_t pid;

	if (target_programs(f->target, l->q->where, directory) < 0)
		return 0;
	pid = check_start(directory, target_name(f->target), target_instance(f->target), l->nofile,
		l->told[1]);
	if (pid > 0) {
		l->fork_failed = 0;
		return pid;
	}
	if (!l->fork_failed)
		strerr_warnwusys("fork for ./check of ", f->target->typed, " (trying again)");
	l->fork_failed = 1;
	return 0;
}

static void start_checks(struct loop *l)
{
	struct flight *f;

	while (!l->error && l->checkings < CHECKS_MAX && (f = queue_take(&l->checks))) {
		if (flight_is_over(f) || f->job.killing)
			continue;
		if (catch_signals(l) < 0) {
			l->error = errno;
			return;
		}
		f->check = start_check(l, f);
		if (f->check)
			l->checking[l->checkings++] = f;
		else
			flight_checked(l, f, 0);
	}
}

/* Who could not run its ./check wrote before it ended. */
static void hear_checks(struct loop *l)
{
	pid_t pid;

	while (fd_read(l->told[0], (char *)&pid, sizeof pid) == (ssize_t)sizeof pid) {
		for (size_t i = 0; i < l->checkings; i++)
			l->checking[i]->not_run |= l->checking[i]->check == pid;
	}
}

static void reap(struct loop *l)
{
	int status;
	pid_t pid;

	while ((pid = wait_nohang(&status)) > 0) {
		hear_checks(l);
		for (size_t i = 0; i < l->checkings; i++) {
			struct flight *f = l->checking[i];
			if (f->check != pid)
				continue;
			l->checking[i] = l->checking[--l->checkings];
			flight_checked(l, f, WIFEXITED(status) && WEXITSTATUS(status) == 0);
			break;
		}
	}
}

static void kill_checks(struct loop *l)
{
	for (size_t i = 0; i < l->checkings; i++)
		check_kill(l->checking[i]->check);
}

/* Goes as it would have gone without us. */
static void die_of(struct loop *l, int sig)
{
	kill_checks(l);
	selfpipe_finish();
	sig_restore(sig);
	raise(sig);
	_exit(128 + sig);
}

static void read_signals(struct loop *l)
{
	int sig;

	while ((sig = selfpipe_read()) > 0) {
		if (sig == SIGCHLD)
			reap(l);
		else
			die_of(l, sig);
	}
	if (sig < 0)
		l->error = errno;
}

/* ------------------------------------------------------------------------------------ the turns */

static void start_wakes(struct loop *l)
{
	struct flight *f;

	while (l->wakings < WAKES_MAX && (f = queue_take(&l->wakes))) {
		if (!flight_is_over(f))
			flight_advance(l, f, JOB_CHANGED);
	}
}

/* All that can go on without an event. */
static void start_what_can(struct loop *l)
{
	size_t over;

	do {
		over = l->over;
		begin_some(l);
		start_wakes(l);
		start_checks(l);
	} while (!l->error && l->over != over); /* an end makes room */
}

static int turn(struct loop *l)
{
	struct epoll_event events[EVENTS];
	struct pollfd p = { .fd = l->epoll, .events = POLLIN };

	if (clock_poll(&p, 1, next_deadline(l)) < 0)
		return -1;
	int n = epoll_wait(l->epoll, events, EVENTS, 0);
	if (n < 0 && errno != EINTR)
		return -1;
	for (int i = 0; i < n; i++) {
		struct flight *f = events[i].data.ptr;
		if (!f)
			read_signals(l);
		else if (events[i].data.ptr == &l->tree)
			flight_tree_changed(l);
		else if (f->watched && !flight_is_over(f))
			flight_advance(l, f, JOB_CHANGED);
	}
	expire(l);
	return 0;
}

static int run(struct loop *l)
{
	for (;;) {
		start_what_can(l);
		if (l->error) {
			errno = l->error;
			return -1;
		}
		if (l->over == l->count)
			return 0;
		l->q->quiet(l->q->data);
		if (turn(l) < 0)
			return -1;
	}
}

int loop_run(struct loop_request const *q)
{
	struct loop l = { .q = q,
		.count = q->targets->count,
		.signals = -1,
		.told = { -1, -1 },
		.tree = CINIT_CLIENT_ZERO };
	int r = -1;

	if (!l.count)
		return 0;
	l.window = find_window(&l);
	l.start = clock_boottime();
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	l.flights = calloc(l.count, sizeof *l.flights);
	if (l.epoll >= 0 && l.flights)
		r = run(&l);
	int error = errno;
	kill_checks(&l);
	for (size_t i = 0; l.flights && i < l.begun; i++)
		cinit_ipc_release(&l.flights[i].client);
	cinit_ipc_release(&l.tree);
	free(l.flights);
	for (int i = 0; i < 2; i++) {
		if (l.told[i] >= 0)
			fd_close(l.told[i]);
	}
	if (l.epoll >= 0)
		fd_close(l.epoll);
	errno = error;
	return r;
}
