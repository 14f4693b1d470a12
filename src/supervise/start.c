/* Starting: what has to be so before run is forked, and what follows when it cannot be. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/clock.h"
#include "cgroup.h"
#include "ready.h"

#define RETRY 1000 /* milliseconds, at first */

/* A reason that is over when it starts: to wait, to have been refused, not to have been meant. */
static void clear_passing_reason(struct service *x)
{
	service_mended(x, 1u << REASON_NEEDS | 1u << REASON_REFUSED | 1u << REASON_PROFILE);
}

static void not_started(struct service *x, enum machine_after after)
{
	x->after = after;
	x->asked = 0;
	service_event(x, EVENT_NOT_STARTED);
}

/* The system refused: later each time. */
void service_start_delayed(struct service *x)
{
	uint32_t longest = x->config.backoff_max > RETRY ? x->config.backoff_max : RETRY;
	uint32_t next = x->s.backoff_ms < RETRY ? RETRY : x->s.backoff_ms * 2;

	x->s.backoff_ms = next < longest ? next : longest;
	not_started(x, AFTER_RETRY);
}

/* Another time it may not. */
static void start_later(struct service *x, char const *verb, char const *why)
{
	char text[120];
	snprintf(text, sizeof text, "unable to %s: %s; retrying", verb, why);
	if (x->s.reason != REASON_FORK)
		say(x, text);
	service_reason(x, REASON_FORK, (uint32_t)errno, text);
	service_start_delayed(x);
}

/* What the service directory says keeps it from its start; or it could not be read. */
static void start_refused(struct service *x)
{
	if (x->config_error.shortage) {
		errno = x->config_error.shortage;
		start_later(x, "read its service directory", strerror(errno));
	} else {
		not_started(x, AFTER_FAIL);
	}
}

/* 0: it was said why it does not start. */
static int start_cgroup(struct service *x)
{
	switch (cgroup_begin(x)) {
	case 0:
		return 1;
	case -1:
		service_config_failed(x);
		not_started(x, AFTER_FAIL);
		return 0;
	default:
		start_later(x, "make its control group",
			errno == EBUSY ? "processes were in it that nobody knows; killed"
				       : strerror(errno));
		return 0;
	}
}

void service_start_run(struct service *x)
{
	char const *verb = "open its readiness channel";
	x->off = 0;
	if (ready_open(x) < 0 || (verb = "fork", child_fork(x, ROLE_RUN, 0) < 0)) {
		start_later(x, verb, strerror(errno));
		return;
	}
	x->s.restarts += x->unasked;
	x->unasked = 0;
	x->asked = x->killing = x->blamed = x->unsure = 0;
	service_arm(x, DEADLINE_START, x->config.timeout_up);
	x->termed_count = 0;
	x->foreign = 0;
	x->last_group = (pid_t)x->s.child[ROLE_RUN].pid; /* it is its session's leader */
	x->s.starts++;
	x->s.started = clock_boottime();
	x->s.ready = 0;
	x->s.deadline[DEADLINE_KILL] = 0;
	x->s.flags &= ~(uint32_t)(FLAG_GOT_TERM | FLAG_PAUSED | FLAG_READY | FLAG_ADOPTED);
	clock_label(&x->s.label_sec, &x->s.label_nsec);
}

void service_start(struct service *x)
{
	struct job before = { .letter = 'u', .start = 1 };

	/* the first start uses what the set-up has just read */
	int bad = x->config_read ? x->config_bad : service_configure(x) < 0;
	x->config_read = 0;
	if (bad) {
		start_refused(x);
		return;
	}
	int may = service_may_start(x);
	if (may < 0) {
		if (!x->config_error.shortage)
			service_config_failed(x);
		start_refused(x);
	}
	if (may <= 0)
		return;
	clear_passing_reason(x);
	if (x->config.kind == KIND_BUNDLE) {
		x->s.flags |= FLAG_BUNDLE;
		x->asked = 0;
		x->s.starts++;
		x->s.started = clock_boottime();
		clock_label(&x->s.label_sec, &x->s.label_nsec);
		x->dirty = 1; /* it is up when that is out, and its needs are still ready */
		return;
	}
	if (!start_cgroup(x))
		return;
	if ((x->config.entries & ENTRY_CONTROL) && service_job(x, &before) > 0)
		return;
	service_start_run(x);
}
