/* The supervisor's life: set up, turn after turn, and out. Nothing but clock_poll waits. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/sig.h>

#include "../lib/clock.h"
#include "../lib/command.h"
#include "../lib/process.h"
#include "../lib/rundir.h"
#include "ready.h"

#define SETTLE_MAX    4
/* a service has at most its commands, readiness, lines, a stray, a control group, and a gate and a
 * pidfd for each role */
#define POLL_MAX      (1 + 2 * (5 + 2 * ROLE_COUNT))
#define ROLE_COMMANDS (-1)
#define ROLE_READY    ROLE_COUNT
#define ROLE_STRAY    (ROLE_COUNT + 1)
#define ROLE_CGROUP   (ROLE_COUNT + 2)
#define ROLE_LINES    (ROLE_COUNT + 3)
#define LAST_LINES    (5 * CLOCK_SECOND)
#define LOOK_FIRST    (CLOCK_SECOND / 10)
#define LOOK_LAST     (10 * CLOCK_SECOND)

/* What a descriptor in the poll set is for. */
struct source {
	struct service *x; /* NULL: signals */
	int role;          /* enum status_role, or one of those below */
	int adopted;
};

struct turn {
	struct pollfd *fds; /* of the supervisor: room for POLL_MAX, the needs and the dependents */
	struct source sources[POLL_MAX];
	unsigned int n;                 /* with a source */
	unsigned int needs, dependents; /* that follow them */
};

/* -------------------------------------------------------------------------------- one turn */

static void add(struct turn *t, int fd, short events, struct service *x, int role, int adopted)
{
	if (fd < 0)
		return;
	t->fds[t->n] = (struct pollfd){ .fd = fd, .events = events };
	t->sources[t->n++] = (struct source){ .x = x, .role = role, .adopted = adopted };
}

/* What of our own is to be polled, at most. */
static size_t count_own(struct supervisor *sup)
{
	size_t n = 1;
	SERVICE_EACH (sup, x) {
		n += 5;
		for (int i = 0; i < ROLE_COUNT; i++)
			n += (size_t)(x->child[i].gate >= 0) + (x->child[i].pidfd >= 0);
	}
	return n;
}

/* Room for what is to be polled. Where there is none to be had, the needs are not watched this
 * turn. */
static int make_room(struct supervisor *sup)
{
	size_t need = count_own(sup) + sup->service.needs.count;
	if (sup->service.dependents.watch)
		need += DEPENDENTS_WINDOW;
	if (need <= sup->poll_room)
		return 0;
	need += POLL_FEW; /* not again at once */
	struct pollfd *fds = realloc(sup->polls == sup->few ? 0 : sup->polls, need * sizeof *fds);
	if (!fds)
		return -1;
	sup->polls = fds;
	sup->poll_room = need;
	return 0;
}

static void gather(struct supervisor *sup, struct turn *t)
{
	int room = !make_room(sup);
	t->fds = sup->polls;
	t->n = t->needs = t->dependents = 0;
	add(t, sup->signals, POLLIN, 0, -1, 0);
	SERVICE_EACH (sup, x) {
		short events;
		int lines = lines_poll(x, &events);
		add(t, lines, events, x, ROLE_LINES, 0);
		add(t, x->ready_fd, POLLIN, x, ROLE_READY, 0);
		if (x->unpublished < BATCH_MAX)
			add(t, cinit_ipc_fd(&x->ipc), POLLIN, x, -1, 0);
		add(t, x->stray, POLLIN, x, ROLE_STRAY, 0);
		if (x->cgroup_waits)
			add(t, x->cgroup, POLLPRI, x, ROLE_CGROUP, 0);
		for (int i = 0; i < ROLE_COUNT; i++) {
			struct child const *c = &x->child[i];
			if (c->gate >= 0 && c->opened)
				add(t, c->gate, POLLIN, x, i, 0);
			/* once it has ended only its reaping matters, which hangs the pidfd up */
			add(t, c->pidfd, c->ended ? 0 : POLLIN, x, i, 1);
		}
	}
	t->dependents = dependents_gather(&sup->service, t->fds + t->n);
	if (room)
		t->needs = needs_gather(&sup->service, t->fds + t->n + t->dependents);
}

static void adopted_ended(struct service *x, int role)
{
	x->child[role].ended = 1;
	if (!x->child[role].ended_at)
		x->child[role].ended_at = clock_boottime();
	service_look_adopted(x);
}

static void end_all(struct supervisor *sup, int at_once)
{
	struct service *x = &sup->service;
	sup->ending = 1;
	sup->at_once |= at_once;
	service_want(x, WANT_EXIT, EVENT_EXIT);
	if (at_once)
		SERVICE_EACH (sup, y) {
			y->killing = 1;
			service_event(y, EVENT_KILL_DUE);
		}
}

static void take_signals(struct supervisor *sup)
{
	struct signalfd_siginfo info;

	for (;;) {
		ssize_t n = fd_read(sup->signals, (char *)&info, sizeof info);
		if (n < 0 && errno != EAGAIN)
			say_errno(&sup->service, "read", "signals", 0);
		if (n != (ssize_t)sizeof info)
			return;
		switch (info.ssi_signo) {
		case SIGCHLD:
			supervisor_reap(sup);
			break;
		case SIGTERM:
			end_all(sup, 0);
			break;
		case SIGQUIT:
			end_all(sup, 1);
			break;
		case SIGUSR1:
			sup->upgrade = 1;
			break;
		case SIGHUP:
			sup->mend = 1;
			break;
		default:
			break; /* INT is for the processes of a terminal, not for us */
		}
	}
}

static void dispatch(struct supervisor *sup, struct turn *t)
{
	/* deaths before reports before commands: a command meets the present state */
	if (t->fds[0].revents)
		take_signals(sup);
	for (unsigned int i = 1; i < t->n; i++) {
		struct source const *s = &t->sources[i];
		if (!t->fds[i].revents || s->role < 0)
			continue;
		if (s->role == ROLE_READY) {
			if (s->x->ready_fd == t->fds[i].fd)
				ready_read(s->x);
		} else if (s->role == ROLE_LINES) {
			lines_move(s->x);
		} else if (s->role == ROLE_STRAY) {
			service_forget_stray(s->x);
			s->x->sweeping = 1;
		} else if (s->role == ROLE_CGROUP) {
			s->x->sweeping = 1;
		} else if (s->adopted && s->x->child[s->role].pidfd == t->fds[i].fd)
			adopted_ended(s->x, s->role);
		else if (!s->adopted && s->x->child[s->role].gate == t->fds[i].fd)
			child_report(s->x, (enum status_role)s->role);
	}
	dependents_dispatch(&sup->service, t->fds + t->n, t->dependents);
	needs_dispatch(&sup->service, t->fds + t->n + t->dependents, t->needs);
	for (unsigned int i = 1; i < t->n; i++)
		if (t->fds[i].revents && t->sources[i].role < 0)
			service_listen(t->sources[i].x);
}

/* An essential service has ended, or a logger is to: cinit looks at the record when it is told to.
 */
static void tell_cinit(struct supervisor *sup, uint64_t now)
{
	char path[RUNDIR_PATH + sizeof RUNDIR_TREE + 1];
	struct message m = { .command = COMMAND_LOOK };
	struct cinit_client c = CINIT_CLIENT_ZERO;
	size_t len = strlen(sup->o->name);

	if (!sup->look_pending || (sup->retry_look && now < sup->retry_look))
		return;
	if (!sup->o->run_dir || len > FRAME_TEXT_MAX) {
		sup->look_pending = 0;
		return;
	}
	snprintf(path, sizeof path, "%s/%s", sup->o->run_dir, RUNDIR_TREE);
	m.id = cinit_ipc_id();
	m.text_len = (uint8_t)len;
	memcpy(m.text, sup->o->name, len + 1);
	c.base = AT_FDCWD;
	c.path = path;
	enum cinit_sent sent = cinit_ipc_send(&c, &m);
	cinit_ipc_release(&c);
	if (sent == CINIT_SENT) {
		sup->look_pending = 0;
		sup->retry_look = 0;
		return;
	}
	sup->look_delay = !sup->look_delay              ? LOOK_FIRST
			  : sup->look_delay < LOOK_LAST ? sup->look_delay * 2
							: LOOK_LAST;
	sup->retry_look = now + sup->look_delay;
}

/* The logger is to go by the end of its input. One that died a moment ago comes back first, for
 * what is left in it. */
static void end_log(struct supervisor *sup)
{
	struct service *log = &sup->log;
	if (log->s.state == STATE_STOPPING || log->s.state == STATE_FINISHING)
		return; /* wait for what becomes of it */
	if (log->s.state == STATE_BACKOFF)
		service_event(log, EVENT_BACKOFF_DUE);
	log->end_of_log = 1;
	log->s.want = WANT_EXIT;
	service_event(log, EVENT_END_OF_LOG);
	log->dirty = 1;
	/* where only we write to it, cinit holds it open for writing until it sees that we leave */
	sup->look_pending |= sup->service.lines.fd >= 0;
}

/* Closes the pipe when all that the service wrote is in it. */
static void let_go_of_pipe(struct supervisor *sup)
{
	if (sup->pipe < 0 || (lines_left(&sup->service) && !service_at_rest(&sup->log)))
		return;
	/* a child that has not opened the pipe yet holds a copy of ours */
	fd_close(sup->pipe);
	sup->pipe = -1;
}

/* Without a logger: do lines still wait for whoever reads our standard output? Not for ever. */
static int lines_wait(struct supervisor *sup)
{
	uint64_t now = clock_boottime();

	if (!lines_left(&sup->service) || sup->at_once)
		return 0;
	if (!sup->last_lines)
		sup->last_lines = now + LAST_LINES;
	return now < sup->last_lines;
}

/* The service is down and told to exit: the logger goes by the end of its input. 1: all is over. */
static int leaving(struct supervisor *sup)
{
	if (sup->service.s.want != WANT_EXIT || !service_at_rest(&sup->service)) {
		sup->last_lines = 0;
		return 0;
	}
	if (!sup->has_log)
		return !lines_wait(sup);
	if (!sup->log.end_of_log)
		end_log(sup);
	if (sup->log.end_of_log)
		let_go_of_pipe(sup);
	return sup->log.end_of_log && service_at_rest(&sup->log);
}

/* What follows from what happened, until nothing more does. 1: all is over. */
static int settle_turn(struct supervisor *sup)
{
	uint64_t now = clock_boottime();

	SERVICE_EACH (sup, x)
		service_deadlines(x, now);
	for (int i = 0; i < SETTLE_MAX; i++) {
		/* a sweep may end in a start, a start in a sweep */
		SERVICE_EACH (sup, x)
			for (int k = 0; k < SETTLE_MAX && x->sweeping; k++)
				service_sweep(x);
		if (leaving(sup))
			return 1;
		SERVICE_EACH (sup, x)
			if (x->dirty && !x->retry_publish)
				service_publish(x);
		service_depend_turn(&sup->service);
		if (!sup->service.dirty && !sup->service.sweeping)
			break;
	}
	tell_cinit(sup, now);
	return 0;
}

static uint64_t next_deadline(struct supervisor *sup)
{
	uint64_t next = sup->reap_pending ? 1 : sup->look_pending ? sup->retry_look : 0;

	next = clock_earlier(next, sup->last_lines);
	SERVICE_EACH (sup, x) {
		next = clock_earlier(next, service_next_deadline(x));
		/* what is left in our own buffer no poll will tell of */
		if (x->sweeping || (x->dirty && !x->retry_publish) ||
			(x->ipc.next < x->ipc.have && x->unpublished < BATCH_MAX))
			next = 1;
	}
	return next;
}

static void say_farewell(struct supervisor *sup)
{
	SERVICE_EACH (sup, x) {
		x->s.flags |= FLAG_EXITED;
		x->s.supervisor = 0;
		service_publish(x);
	}
}

static void run_loop(struct supervisor *sup)
{
	struct turn t;
	while (!settle_turn(sup)) {
		/* all that happened is in the record, and what has not is still to be read */
		if (supervisor_upgrade(sup))
			continue;
		gather(sup, &t);
		if (clock_poll(t.fds, t.n + t.needs + t.dependents, next_deadline(sup)) > 0)
			dispatch(sup, &t);
		if (sup->reap_pending)
			supervisor_reap(sup);
		SERVICE_EACH (sup, x)
			if (x->ipc.next < x->ipc.have)
				service_listen(x);
		if (sup->mend) {
			sup->mend = 0;
			SERVICE_EACH (sup, x)
				sup->mend |= !service_mend_pair(x);
		}
	}
}

struct supervisor *supervisor_begin(struct supervise_options const *o)
{
	/* whole pages of zeros: what the libraries write to begins on one, too, and not at the end
	 * of a page that nobody touches otherwise */
	static alignas(4096) union {
		struct supervisor sup;
		char pages[4][4096];
	} all;
	_Static_assert(sizeof all == sizeof all.pages, "it fits");
	_Static_assert(offsetof(struct supervisor, service.ipc.buffer) < 4096,
		"what a supervisor writes always lies on one page");
	struct supervisor *sup = &all.sup;

	sup->o = o;
	sup->pipe = sup->run = -1;
	sup->polls = sup->few;
	sup->poll_room = POLL_FEW;
	setup_service(sup, &sup->service, 0);
	return sup;
}

int supervisor_live(struct supervisor *sup)
{
	if (make_room(sup) < 0) {
		say_errno(&sup->service, "get memory", "for polling", "not supervised");
		return EXIT_REFUSED;
	}
	run_loop(sup);
	say_farewell(sup);
	return 0;
}

int supervise_run(struct supervise_options const *o)
{
	struct supervisor *sup = supervisor_begin(o);

	if (setup_process(sup) < 0) {
		say_errno(&sup->service, "set up", "signals", "not supervised");
		return EXIT_REFUSED;
	}
	int r = setup_services(sup);
	if (r)
		return r;
	if (sup->has_log)
		service_resume(&sup->log);
	service_resume(&sup->service);
	return supervisor_live(sup);
}
