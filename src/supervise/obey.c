/* Commands: what arrives in `in` is looked up, done, and acknowledged.
 *
 * The wanted state and signals without a script act at once, whatever else goes on, so the
 * supervisor is never deaf. Control scripts run one at a time; those that come meanwhile queue, and
 * their frames are acknowledged when the script is executed. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "../lib/command.h"

static void acknowledge(
	struct service *x, uint64_t id, enum status_result result, enum status_why why)
{
	if (!id)
		return;
	status_acknowledge(&x->s, &x->ring, id, result, why);
	x->unpublished++;
	x->dirty = 1;
}

/* ------------------------------------------------------------------------ control scripts */

static int has_script(struct service const *x, char letter)
{
	char path[] = "control/?";
	if (x->is_log || !(x->config.entries & ENTRY_CONTROL))
		return 0;
	path[8] = letter;
	return entry_executable(AT_FDCWD, path);
}

static int wants_process(struct job const *job)
{
	return job->letter != 'u' && job->letter != 'd' && job->letter != 'x' && job->letter != 'o';
}

/* What a job does where there is no script, or the script did not do it. */
static void job_effect(struct service *x, struct job const *job)
{
	if (job->instead && job->signal)
		service_signal_run(x, job->signal);
	if (job->stop && job->letter == 't')
		service_signal_run(x, SIGCONT);
}

/* Starts the script at the head of the queue. */
static int job_start(struct service *x)
{
	struct job *job = &x->queue[0];
	if (x->sup->at_once) {
		acknowledge(x, job->id, RESULT_REFUSED, WHY_EXITING);
		return 0;
	}
	if (wants_process(job) && !x->s.child[ROLE_RUN].pid) {
		acknowledge(x, job->id, RESULT_NOTHING, WHY_NONE);
		return 0;
	}
	if (job->gated && !has_script(x, job->letter)) {
		job_effect(x, job);
		acknowledge(x, job->id, RESULT_DONE, WHY_NONE);
		return 0;
	}
	if (child_fork(x, ROLE_CONTROL, job->letter) < 0) {
		say_errno(x, "start", "control script", "going on without it");
		job_effect(x, job);
		acknowledge(x, job->id, job->instead ? RESULT_DONE : RESULT_REFUSED,
			job->instead ? WHY_NONE : WHY_FORK);
		return 0;
	}
	x->s.deadline[DEADLINE_CONTROL] =
		x->config.timeout_control
			? clock_boottime() + (uint64_t)x->config.timeout_control * CLOCK_MILLISEC
			: 0;
	return 1;
}

static void job_drop(struct service *x)
{
	x->queued--;
	memmove(x->queue, x->queue + 1, x->queued * sizeof x->queue[0]);
}

void service_job_next(struct service *x)
{
	while (x->queued && !x->s.child[ROLE_CONTROL].pid) {
		struct job job = x->queue[0];
		if (job.gated && x->s.child[ROLE_RUN].phase == PHASE_GATED)
			return;
		if (job_start(x))
			return;
		job_drop(x);
		if (job.start && x->s.state == STATE_STARTING)
			service_start_run(x);
	}
	if (x->s.state == STATE_STOPPING && !x->s.child[ROLE_RUN].pid)
		x->sweeping = 1; /* the sweep waits for scripts, too */
}

/* Not before: had we died while it stood at its gate, nothing would have happened. */
void service_job_begun(struct service *x)
{
	if (!x->queued)
		return;
	acknowledge(x, x->queue[0].id, RESULT_DONE, WHY_NONE);
	x->queue[0].id = 0;
}

/* Queues a script, or does without one. 1: a script runs or will; 0: there is none, the effect is
 * done and job->id is still to be acknowledged; -1: the queue is full. */
int service_job(struct service *x, struct job const *job)
{
	if (!job->gated && !has_script(x, job->letter)) {
		job_effect(x, job);
		return 0;
	}
	if (x->queued == QUEUE_MAX)
		return -1;
	x->queue[x->queued++] = *job;
	service_job_next(x);
	return 1;
}

void service_job_ended(struct service *x, int wstat)
{
	struct job job = x->queue[0];

	x->s.deadline[DEADLINE_CONTROL] = 0;
	if (!x->queued) { /* a predecessor's script: its queue died with it */
		service_tell_again(x);
		service_job_next(x);
		return;
	}
	service_job_begun(x);
	job_drop(x);
	if (job.start) {
		if (x->s.state == STATE_STARTING)
			service_start_run(x);
		else
			service_event(x, EVENT_NOT_STARTED);
	} else if (x->s.child[ROLE_RUN].pid) {
		/* exit 0: the script did what the signal would have done */
		if (WIFEXITED(wstat) && WEXITSTATUS(wstat) == 0) {
			job.instead = 0;
			if (job.letter == 't')
				x->s.flags |= FLAG_GOT_TERM;
		}
		job_effect(x, &job);
	}
	service_job_next(x);
}

/* -------------------------------------------------------------------------------- commands */

void service_want(struct service *x, enum status_want want, enum machine_event event)
{
	x->s.want = (uint8_t)want;
	x->dirty = 1;
	service_event(x, event);
}

/* What is said while the service stops counts when it has stopped, whatever else was to follow. */
static void want_start(struct service *x, enum status_want want, enum machine_event event)
{
	x->needs.asked = x->s.state == STATE_WAITING;
	if (x->s.state == STATE_STOPPING || x->s.state == STATE_FINISHING)
		service_come_back(x);
	service_want(x, want, event);
}

static void want_end(struct service *x, enum status_want want, enum machine_event event)
{
	x->s.flags &= ~(uint32_t)FLAG_AGAIN;
	service_want(x, want, event);
}

/* A service that runs is not given up for a directory that would not start it again. */
static int obey_restart(struct service *x)
{
	struct config before = x->config;

	if (x->s.child[ROLE_RUN].pid) {
		int r = service_configure(x);
		x->config_read = 0; /* what is there when it starts counts */
		if (r < 0) {
			x->config = before;
			return -1;
		}
		x->config.kind = before.kind; /* what runs is what was started */
		x->config.ready = before.ready;
	}
	x->config_read = 0;
	x->after = AFTER_START;
	x->s.flags |= FLAG_ASKED;
	x->s.flags &= ~(uint32_t)FLAG_HELD;
	want_start(x, WANT_UP, EVENT_RESTART);
	return 0;
}

/* Returns 1 where the acknowledgement is left to the job. */
static int obey_signal(struct service *x, struct command const *row, uint64_t id,
	enum status_result *result, enum status_why *why)
{
	struct job job = { .letter = row->letter,
		.instead = 1,
		.signal = row->signal,
		.id = id,
		.stop = row->letter == 't' && x->s.want != WANT_UP };
	if (row->signal == SIGKILL &&
		(x->s.state == STATE_STOPPING || x->s.state == STATE_FINISHING)) {
		x->killing = x->sweeping = 1; /* what is left behind is hurried, too */
		if (!x->s.child[ROLE_RUN].pid)
			return 0;
	}
	if (!x->s.child[ROLE_RUN].pid) {
		*result = RESULT_NOTHING;
		return 0;
	}
	job.gated = x->s.child[ROLE_RUN].phase == PHASE_GATED;
	int r = service_job(x, &job);
	if (r < 0) {
		*result = RESULT_REFUSED;
		*why = WHY_BUSY;
	}
	return r > 0;
}

static int obey_pause(struct service *x, struct command const *row, uint64_t id,
	enum status_result *result, enum status_why *why)
{
	int later = obey_signal(x, row, id, result, why);
	if (*result == RESULT_DONE) {
		if (row->action == ACTION_PAUSE)
			x->s.flags |= FLAG_PAUSED;
		else
			x->s.flags &= ~(uint32_t)FLAG_PAUSED;
		x->dirty = 1;
	}
	return later;
}

static void obey_exit(struct service *x, enum status_result *result, enum status_why *why)
{
	/* a logger ends with its service, never before it */
	if (x->is_log)
		*result = RESULT_REFUSED, *why = WHY_LOGGER;
	else
		want_end(x, WANT_EXIT, EVENT_EXIT);
}

static enum status_result obey_down(
	struct service *x, struct message const *m, enum status_why *why)
{
	if (x->sup->ending) /* it goes down, and must not forget that it exits then */
		return RESULT_NOTHING;
	int r = service_want_down(x, m->flags & MESSAGE_FORCE);
	/* whoever asked has an answer, and tells; a letter's is only here */
	if (x->s.reason == REASON_REFUSED)
		x->s.reason_detail = m->id != 0;
	if (r < 0)
		*why = x->dependents.unread ? WHY_FORK : WHY_DEPENDENTS;
	return r < 0 ? RESULT_REFUSED : RESULT_DONE;
}

static int is_start(enum command_action action)
{
	return action == ACTION_UP || action == ACTION_ONCE || action == ACTION_RESTART;
}

/* A start was asked for, and a value of the service directory is in its way. */
static int start_failed(struct service const *x, enum command_action action)
{
	return x->config_bad && !x->config_error.shortage && !x->s.child[ROLE_RUN].pid &&
	       is_start(action);
}

/* Told to end by a signal; or by command, and its logger has been told to go by the end of its
 * input: a service that started now would have none. */
static int is_over(struct supervisor const *sup)
{
	return sup->ending || (sup->has_log && sup->log.end_of_log);
}

static void obey(struct service *x, struct message const *m)
{
	struct command const *row = command_by_letter(COMMAND_SERVICE, m->command);
	enum status_result result = RESULT_DONE;
	enum status_why why = WHY_NONE;
	int later = 0;

	if (!row) {
		if (!m->id)
			x->ipc.decoder.noise++;
		acknowledge(x, m->id, RESULT_REFUSED, WHY_UNKNOWN);
		return;
	}
	if (x->end_of_log || (is_over(x->sup) && is_start(row->action))) {
		acknowledge(x, m->id, RESULT_REFUSED, WHY_EXITING);
		return;
	}
	switch (row->action) {
	case ACTION_NONE:
		service_look_adopted(x);
		service_look_dependents(x);
		needs_doubt(x);
		break;
	case ACTION_UP:
		x->s.flags |= FLAG_ASKED;
		x->s.flags &= ~(uint32_t)FLAG_HELD;
		want_start(x, WANT_UP, EVENT_UP);
		break;
	case ACTION_DOWN:
		result = obey_down(x, m, &why);
		break;
	case ACTION_ONCE:
		x->s.flags &= ~(uint32_t)FLAG_HELD;
		want_start(x, WANT_ONCE, EVENT_ONCE);
		break;
	case ACTION_EXIT:
		obey_exit(x, &result, &why);
		break;
	case ACTION_RESTART:
		if (obey_restart(x) < 0)
			result = RESULT_REFUSED,
			why = x->config_error.shortage ? WHY_FORK : WHY_CONFIG;
		break;
	case ACTION_PAUSE:
	case ACTION_CONT:
		later = obey_pause(x, row, m->id, &result, &why);
		break;
	case ACTION_SIGNAL:
		later = obey_signal(x, row, m->id, &result, &why);
		break;
	case ACTION_TREE:
		result = RESULT_REFUSED;
		why = WHY_UNKNOWN;
		break;
	}
	if (start_failed(x, row->action))
		result = RESULT_REFUSED, why = WHY_CONFIG;
	if (!later)
		acknowledge(x, m->id, result, why);
}

/* The same id again is a client that saw a supervisor die, or slept: nothing is done twice. */
static void obey_once(struct service *x, struct message const *m)
{
	switch (cinit_ipc_novelty(m, &x->s, &x->ring)) {
	case CINIT_NEW:
		obey(x, m);
		break;
	case CINIT_KNOWN:
		break;
	case CINIT_DOUBTFUL:
		acknowledge(x, m->id, RESULT_REFUSED, WHY_DOUBT);
		break;
	}
}

void service_listen(struct service *x)
{
	struct message m;
	uint32_t noise = x->ipc.decoder.noise;
	int r = 0;

	while (x->unpublished < BATCH_MAX && (r = cinit_ipc_listen(&x->ipc, &m)) > 0)
		obey_once(x, &m);
	if (r < 0)
		say_errno(x, "read", "in", 0);
	if (x->ipc.decoder.noise != noise)
		x->dirty = 1;
}
