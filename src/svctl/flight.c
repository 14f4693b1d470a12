/* One job in flight: what it says is done here. */
#include "flight.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "check.h"
#include "clock.h"
#include "view.h"

int flight_is_over(struct flight const *f)
{
	return f->job.phase == JOB_OVER;
}

/* ------------------------------------------------------------------------------- descriptors */

/* Taken out before it is closed: a child that runs ./check holds a copy until it executes, and
 * would keep it in the set. */
static void unwatch(struct loop *l, struct flight *f)
{
	if (f->watched)
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, f->client.out, NULL);
	f->watched = 0;
}

static void release(struct loop *l, struct flight *f)
{
	unwatch(l, f);
	cinit_ipc_release(&f->client);
	if (f->on_tree) {
		f->on_tree = 0;
		l->wakings--;
	}
}

/* Points the client at the pair that the job talks to. */
static void aim(struct loop *l, struct flight *f)
{
	if (f->client.path && f->on_tree == f->job.waking)
		return;
	release(l, f);
	if (f->job.waking) {
		f->client.base = l->q->where->fd;
		f->client.path = RUNDIR_TREE;
		f->on_tree = 1;
		l->wakings++;
	} else {
		f->client.base = f->target->base;
		f->client.path = f->target->state;
	}
}

/* ------------------------------------------------------------------------------------- events */

/* The present record into the loop's place for it. */
static void refresh(struct loop *l, struct flight *f)
{
	f->recorded = f->client.path && status_read(f->client.base, f->client.path, &l->status,
						&l->ring) == STATUS_OK;
}

static enum job_event error_event(
	struct flight *f, enum job_event event, enum job_error error, int detail)
{
	/* a service that is given by path has a directory; what it has not is a supervisor */
	if (error == JOB_ERROR_NO_SERVICE && (!f->target->service || f->job.waking))
		error = JOB_ERROR_NO_SUPERVISOR;
	f->job.error = (uint8_t)error;
	f->job.detail = detail;
	return event;
}

static enum job_event nobody(struct loop *l, struct flight *f)
{
	if (f->recorded && view_lives(&l->status))
		return error_event(f, JOB_CUT_OFF, JOB_ERROR_CUT_IN, 0);
	int tree = f->job.waking || l->q->verb->kind == VERB_TREE;
	return !tree && f->target->service && where_alive(l->q->where) ? JOB_NO_SUPERVISOR
								       : JOB_ABANDONED;
}

static enum job_event record_error(
	struct loop *l, struct flight *f, enum status_error e, int number)
{
	if (e != STATUS_SYSTEM)
		return error_event(f, JOB_BAD_RECORD, JOB_ERROR_RECORD, (int)e);
	if (number != ENOENT && number != ENOTDIR)
		return error_event(f, JOB_BAD_RECORD, JOB_ERROR_WATCH, number);
	if (f->client.out >= 0)
		return JOB_NO_RECORD;
	refresh(l, f);
	if (f->recorded)
		return error_event(f, JOB_CUT_OFF,
			view_lives(&l->status) ? JOB_ERROR_CUT_OUT : JOB_ERROR_NO_SUPERVISOR, 0);
	return error_event(f, JOB_BAD_RECORD, JOB_ERROR_NO_SERVICE, 0);
}

static enum job_event watch(struct loop *l, struct flight *f)
{
	unwatch(l, f);
	aim(l, f);
	enum status_error e = cinit_ipc_watch(&f->client, &l->status, &l->ring);
	int number = errno;
	f->recorded = e == STATUS_OK;
	if (e != STATUS_OK) {
		errno = number;
		return record_error(l, f, e, number);
	}
	/* Who only looks must not take the word of a dead supervisor; who sends finds out by
	 * sending. */
	if (!l->q->verb->letters[0] && !status_exited(&l->status) &&
		!view_supervised(f->client.base, f->client.path, &l->status))
		return nobody(l, f);
	return JOB_RECORD;
}

static enum job_event sent_event(struct loop *l, struct flight *f, enum cinit_sent sent, int number)
{
	switch (sent) {
	case CINIT_SENT:
		return JOB_SENT;
	case CINIT_NO_SERVICE:
		return error_event(f, JOB_SEND_FAILED, JOB_ERROR_NO_SERVICE, 0);
	case CINIT_NO_SUPERVISOR:
		return nobody(l, f);
	case CINIT_FULL:
		return error_event(f, JOB_SEND_FAILED, JOB_ERROR_FULL, 0);
	case CINIT_DENIED:
		return error_event(f, JOB_SEND_FAILED, JOB_ERROR_DENIED, 0);
	case CINIT_NOT_FIFO:
		return error_event(f, JOB_SEND_FAILED, JOB_ERROR_NOT_FIFO, 0);
	case CINIT_SEND_ERROR:
		break;
	}
	return error_event(f, JOB_SEND_FAILED, JOB_ERROR_SEND, number);
}

static enum job_event send_frame(struct loop *l, struct flight *f)
{
	int again = f->job.frame[f->job.waking].sent;
	struct message m = {
		.argument = l->q->verb->argument,
		.command = (uint8_t)job_letter(&f->job),
		.flags = f->job.waking || f->job.killing ? 0 : l->q->flags,
	};
	uint64_t *id = job_id(&f->job);

	if (!again)
		*id = cinit_ipc_id_after(f->recorded ? l->status.acknowledged : 0);
	else
		m.flags |= MESSAGE_AGAIN;
	m.id = *id;
	if (f->job.waking) {
		size_t len = strlen(f->target->service);
		m.text_len = (uint8_t)len; /* a valid name has at most 255 bytes */
		memcpy(m.text, f->target->service, len + 1);
	}
	/* a former `in` may have been replaced, and its reader with it */
	cinit_ipc_unsend(&f->client);
	enum cinit_sent sent = cinit_ipc_send(&f->client, &m);
	int number = errno;
	enum job_event event = sent_event(l, f, sent, number);
	errno = number;
	return event;
}

static void look_later(struct loop *l, struct flight *f)
{
	if (f->again)
		return;
	f->again = clock_boottime() + CHECK_PAUSE;
	queue_add(&l->again, f);
}

/* Its supervisor has gone in good order, and only cinit can bring another: whose end is a change,
 * too. 1: cinit has gone as well. */
static int waits_in_vain(struct loop *l, struct flight *f)
{
	struct epoll_event e = { .events = 0, .data = { .ptr = &l->tree } };
	struct where *w = l->q->where;
	struct status s;

	if (!f->recorded || f->on_tree || !f->target->service || !status_exited(&l->status) ||
		l->tree_watched)
		return 0;
	l->tree.base = w->fd;
	l->tree.path = RUNDIR_TREE;
	/* in the middle of its end its `in` may still be read: the record says it before */
	int ended = cinit_ipc_watch(&l->tree, &s, NULL) == STATUS_OK && status_exited(&s);
	l->tree_watched = l->tree.out >= 0 && cinit_ipc_held(&l->tree) &&
			  !epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->tree.out, &e);
	w->alive = -1;
	if (ended || !where_alive(w))
		return 1;
	/* it is just being killed, or has no room for an `out` with a writer */
	if (!l->tree_watched)
		look_later(l, f);
	return 0;
}

void flight_tree_changed(struct loop *l)
{
	cinit_ipc_release(&l->tree); /* leaves the epoll set by that */
	l->tree_watched = 0;
	for (size_t i = 0; i < l->begun; i++)
		if (l->flights[i].watched && !flight_is_over(l->flights + i))
			flight_advance(l, l->flights + i, JOB_CHANGED);
}

/* 0, or -1 with errno. Where there is no `out`, the one who sleeps has set himself a time. */
static int sleep_until_change(struct loop *l, struct flight *f)
{
	struct epoll_event e = { .events = 0, .data = { .ptr = f } }; /* a hang-up is always told */

	if (f->watched || f->client.out < 0)
		return 0;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, f->client.out, &e) < 0)
		return -1;
	f->watched = 1;
	return 0;
}

/* -------------------------------------------------------------------------------------- acts */

static void end(struct loop *l, struct flight *f, uint64_t now)
{
	release(l, f);
	l->in_flight--;
	l->over++;
	l->q->ended(l->q->data, f->target, &f->job, f->recorded ? &l->status : NULL, now);
}

/* 1: it is under way, or will be. 0: *event tells what came of it. */
static int begin_check(struct loop *l, struct flight *f, enum job_event *event)
{
	char directory[PATH_MAX];

	if (target_programs(f->target, l->q->where, directory) < 0 || !check_exists(directory)) {
		*event = JOB_NO_CHECK;
		return 0;
	}
	/* one that did not pass a moment ago has its turn yet to come */
	if (!f->again)
		queue_add(&l->checks, f);
	else if (sleep_until_change(l, f) < 0)
		l->error = errno;
	return 1;
}

static void pause_look(struct loop *l, struct flight *f)
{
	look_later(l, f);
	if (sleep_until_change(l, f) < 0)
		l->error = errno;
}

/* No descriptor was to be had, by one that holds none that it cannot give back. */
static int is_starved(struct flight const *f, enum job_event event)
{
	return (event == JOB_BAD_RECORD || event == JOB_SEND_FAILED) && !f->job.frame[0].sent &&
	       !f->job.frame[1].sent && !f->job.letter &&
	       (f->job.error == JOB_ERROR_WATCH || f->job.error == JOB_ERROR_SEND) &&
	       (f->job.detail == EMFILE || f->job.detail == ENFILE);
}

static int wants_wake_slot(struct loop const *l, struct flight const *f)
{
	return f->job.waking && !f->on_tree && l->wakings >= WAKES_MAX;
}

/* What the job says is done. 1: *event is what came of it. 0: the flight sleeps, or is over. */
static int perform(struct loop *l, struct flight *f, enum job_act act, enum job_event *event)
{
	switch (act) {
	case JOB_DO_WATCH:
		if (wants_wake_slot(l, f)) {
			queue_add(&l->wakes, f);
			return 0;
		}
		*event = watch(l, f);
		break;
	case JOB_DO_ESCALATE:
		f->deadline = clock_boottime() + (l->q->limit ? l->q->limit : LIMIT_DEFAULT);
		l->q->killed(
			l->q->data, f->target, f->recorded ? &l->status : NULL, clock_boottime());
		*event = send_frame(l, f);
		break;
	case JOB_DO_SEND:
		*event = send_frame(l, f);
		break;
	case JOB_DO_SLEEP:
		if (waits_in_vain(l, f)) {
			*event = JOB_ABANDONED;
			break;
		}
		if (sleep_until_change(l, f) == 0)
			return 0;
		*event = error_event(f, JOB_BAD_RECORD, JOB_ERROR_WATCH, errno);
		break;
	case JOB_DO_CHECK:
		return !begin_check(l, f, event);
	case JOB_DO_PAUSE:
		pause_look(l, f);
		return 0;
	case JOB_DO_END:
		end(l, f, clock_boottime());
		return 0;
	}
	if (!is_starved(f, *event) || f->job.waking)
		return 1;
	release(l, f);
	return !loop_postpone(l, f);
}

void flight_advance(struct loop *l, struct flight *f, enum job_event event)
{
	enum job_act act;

	do
		act = job_step(&f->job, event, &l->status, &l->ring);
	while (perform(l, f, act, &event));
}

void flight_expire(struct loop *l, struct flight *f)
{
	enum job_event event = JOB_TIMEOUT;
	enum job_act act;

	if (f->check) {
		check_kill(f->check);
		f->job.check_failed = 1;
	}
	refresh(l, f);
	act = job_step(&f->job, event, f->recorded ? &l->status : NULL, &l->ring);
	if (perform(l, f, act, &event))
		flight_advance(l, f, event);
}

void flight_checked(struct loop *l, struct flight *f, int passed)
{
	f->check = 0;
	if (flight_is_over(f) || f->job.killing)
		return;
	if (!passed)
		refresh(l, f); /* it may be the last word */
	flight_advance(l, f,
		passed       ? JOB_CHECK_PASSED
		: f->not_run ? JOB_CHECK_NOT_RUN
			     : JOB_CHECK_FAILED);
}
