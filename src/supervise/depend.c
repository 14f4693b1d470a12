/* A service among others: what it depends on while it wants up, and what depends on it when it is
 * to go.
 *
 * Everything here is decided from records that others publish. The order is what makes it safe: an
 * entry in a need's `dependents` is made before the need's record is read, and after our own says
 * that we want up; that we want down, or go down to come back, is published before our `dependents`
 * are read. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include "../lib/clock.h"

static int stands_alone(struct service const *x)
{
	return x->is_log || !x->sup->o->run_dir;
}

int supervisor_run(struct supervisor *sup)
{
	errno = ENOENT;
	if (sup->run < 0 && sup->o->run_dir)
		sup->run = open(sup->o->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return sup->run;
}

/* ------------------------------------------------------------------------- what depends on us */

/* A stop begins. 1: others leave first, and service_stop_run follows when they have. One that is
 * found unwell is as good as crashed. */
int service_begin_stop(struct service *x)
{
	if (stands_alone(x) || x->sup->at_once || x->blamed)
		return 0;
	if (x->s.want == WANT_UP || x->s.want == WANT_ONCE)
		x->s.flags |= FLAG_CYCLING;
	x->s.flags |= FLAG_AWAITS;
	service_publish(x);
	return dependents_await(x) != 0;
}

/* What it wanted may have gone without it meanwhile, and is not watched: it is told again. */
void service_come_back(struct service *x)
{
	x->s.flags |= FLAG_AGAIN;
	x->needs_enter |= x->needs.entered;
}

/* Somebody came or went. Being wanted by others counts only where nobody said otherwise. */
void service_look_dependents(struct service *x)
{
	uint32_t const said = FLAG_ASKED | FLAG_HELD;

	if (stands_alone(x) || (x->s.flags & said) || x->s.want == WANT_EXIT ||
		x->s.want == WANT_ONCE)
		return;
	int some = dependents_want(x);
	if (some < 0)
		return;
	if (some) {
		x->s.flags |= FLAG_IMPLIED;
		if (x->s.want == WANT_UP)
			return;
		if (x->s.state == STATE_STOPPING || x->s.state == STATE_FINISHING)
			service_come_back(x);
		x->s.want = WANT_UP;
		x->dirty = 1;
		if (x->s.state == STATE_DOWN)
			service_event(x, EVENT_UP);
	} else if (x->s.flags & FLAG_IMPLIED) {
		x->s.flags &= ~(uint32_t)(FLAG_IMPLIED | FLAG_AGAIN);
		x->s.want = WANT_DOWN;
		service_publish(x);
		if (dependents_want(x)) { /* one that came before it could see that */
			x->s.flags |= FLAG_IMPLIED;
			x->s.want = WANT_UP;
			x->dirty = 1;
			return;
		}
		service_event(x, EVENT_DOWN);
	}
}

static int refuse(struct service *x, char const *names)
{
	char text[STATUS_TEXT];
	snprintf(text, sizeof text, "%s%.140s",
		x->dependents.unread ? "unable to look who needs it: " : "needed by ", names);
	if (x->s.reason == REASON_NONE || x->s.reason == REASON_REFUSED)
		service_reason(x, REASON_REFUSED, 0, text);
	return -1;
}

/* Somebody says down. -1: refused, others depend on it. */
int service_want_down(struct service *x, int force)
{
	char names[160];
	uint8_t want = x->s.want;
	uint32_t flags = x->s.flags;
	int needed = !stands_alone(x) && dependents_need(x, names, sizeof names);

	if (x->s.reason == REASON_LEFT_OUT)
		return 0; /* it is down, and stays left out */

	if (needed && !force)
		return refuse(x, names);
	x->s.flags &= ~(uint32_t)(FLAG_ASKED | FLAG_IMPLIED | FLAG_AGAIN | FLAG_HELD);
	if (needed || (!stands_alone(x) && dependents_want(x)))
		x->s.flags |= FLAG_HELD;
	x->s.want = WANT_DOWN;
	service_mended(x, 1u << REASON_REFUSED);
	if (!stands_alone(x)) {
		service_publish(x);
		/* those who came before they could see that */
		if (!force && dependents_need(x, names, sizeof names)) {
			x->s.want = want;
			x->s.flags = flags;
			x->dirty = 1;
			return refuse(x, names);
		}
		/* one that wants us and found us well looks no more: nobody would say it again */
		if (dependents_want(x))
			x->s.flags |= FLAG_HELD;
	}
	service_want(x, WANT_DOWN, EVENT_DOWN);
	return 0;
}

/* ------------------------------------------------------------------------ what we depend on */

int service_may_start(struct service *x)
{
	int lost;

	if (!(x->config.entries & ENTRY_DEPENDENCIES) || x->is_log) {
		needs_leave(x);
		return 1;
	}
	if (supervisor_run(x->sup) < 0) {
		x->config_error.shortage = x->sup->o->run_dir ? value_shortage(errno) : 0;
		snprintf(x->config_error.text, sizeof x->config_error.text,
			"dependencies need a cinit that runs the others");
		return -1;
	}
	if (needs_load(x, &x->config_error) < 0)
		return -1;
	if (!x->needs.count || (x->needs.entered && needs_look(x, &lost) && !lost))
		return 1;
	service_event(x, EVENT_WAIT);
	return 0;
}

/* It does not want up any more, or gave up: nobody is kept up for it. */
void service_needs_gone(struct service *x)
{
	x->needs_enter = 0;
	needs_leave(x);
}

/* cinit found that we wait for ourselves, and says how in a file. 1: the reason is set. */
static int is_in_cycle(struct service *x)
{
	char path[STATUS_TEXT], text[STATUS_TEXT + 24];
	int fd = openat(x->dir, "cycle", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = fd_read(fd, path, sizeof path - 1);
	fd_close(fd);
	if (n <= 0)
		return 0;
	path[n] = 0;
	snprintf(text, sizeof text, "needs form a cycle: %s", path);
	say(x, text);
	service_reason(x, REASON_NEEDS, 0, text);
	return 1;
}

static void wait_on(struct service *x)
{
	uint32_t flags = x->s.flags & ~(uint32_t)FLAG_BLOCKED;

	if (is_in_cycle(x)) {
		service_event(x, EVENT_NEEDS_NEVER);
		return;
	}
	flags |= needs_blocked(x) ? FLAG_BLOCKED : 0;
	if (flags != x->s.flags)
		x->dirty = 1;
	x->s.flags = flags;
}

/* It starts, and nothing of it has run yet. */
static int has_not_begun(struct service const *x)
{
	return x->s.state == STATE_STARTING &&
	       ((x->s.flags & FLAG_BUNDLE) ||
		       (x->s.child[ROLE_RUN].phase == PHASE_GATED && !x->child[ROLE_RUN].opened &&
			       !x->child[ROLE_RUN].adopted));
}

/* A bundle that is up is as ready as what it needs. */
static void mirror(struct service *x, int settled)
{
	if (!(x->s.flags & FLAG_BUNDLE) || x->s.state != STATE_UP ||
		settled == !!(x->s.flags & FLAG_READY))
		return;
	x->s.flags ^= FLAG_READY;
	x->s.ready = settled ? clock_boottime() : 0;
	x->dirty = 1;
}

static void look_at_needs(struct service *x)
{
	int lost, settled = needs_look(x, &lost);

	mirror(x, settled);

	if (x->s.state == STATE_WAITING && settled && !lost)
		service_event(x, EVENT_NEEDS_MET);
	else if (x->s.state == STATE_WAITING)
		wait_on(x);
	else if ((lost || (!settled && has_not_begun(x))) && x->s.want != WANT_EXIT &&
		 x->s.want != WANT_DOWN)
		service_event(x, EVENT_NEEDS_LOST);
}

/* A start that waited for a last look at the needs. */
static void go_on(struct service *x)
{
	if (x->dirty || !has_not_begun(x) || needs_stirred(x))
		return;
	if (x->s.flags & FLAG_BUNDLE)
		service_event(x, EVENT_READY);
	else
		service_open_gates(x);
}

/* The record is out: what had to wait for that, and what changed elsewhere. */
void service_depend_turn(struct service *x)
{
	if (stands_alone(x) || x->dirty)
		return;
	if ((x->s.flags & FLAG_AWAITS) && x->dependents.stale && !dependents_await(x)) {
		service_stop_run(x);
		x->dirty = 1;
	}
	if (x->needs_enter) {
		x->needs_enter = 0;
		needs_enter(x);
	}
	if (x->needs.entered)
		look_at_needs(x);
	go_on(x);
}
