/* The life of a service: a pure machine. step(state, event, facts) gives the next state and
 * what is to be done; nothing in machine.c makes a system call, so tests walk every cell.
 *
 * What a state means
 *   down       nothing runs and nothing is about to. Where a service begins and rests.
 *   waiting    wants up, but a need is not met yet.
 *   starting   `run` is being started: control/u may run first, then `run` is forked and stands at
 *              its gate, then it executes. It is left when `run` is ready.
 *   up         `run` runs and is ready.
 *   stopping   `run` was told to go, or it went by itself; either way the state lasts until no
 *              process of the service is left (the sweep). So nothing of an old instance ever
 *              runs beside a new one.
 *   finishing  `finish` runs, and after it a sweep of its own.
 *   backoff    wants up; `run` died too often lately and the next start waits for a deadline.
 *   failed     gave up. Latched, also on disk: only a command (up, once, restart) leads out.
 *
 * Who decides
 *   The wanted state belongs to whoever commands (svctl, cinit, a signal): it is set before
 *   the machine sees the event, and a command never waits for a transition. Whether a death
 *   is answered by a start, a delay, rest or failure is the restart policy's (restart.c), worked
 *   out when `run` dies and handed in as a fact. The machine only says when that answer counts:
 *   when everything is swept and `finish` is through. That is `settle`.
 *
 * What interrupts what
 *   down, exit   cut a start short (a child at its gate never executes), end a backoff, and make a
 *                stop out of `up`. During stopping and finishing they only change where settling
 *                leads.
 *   up, once     during stopping and finishing: the same; nothing is interrupted, so a service that
 *                was told to go has gone before it comes back, and then it comes back whatever was
 *                to follow its end. In backoff and failed they start at once; in waiting they
 *                look again at what the service depends on.
 *   restart      as down followed by up, in one: `up` and `starting` are stopped and settle into a
 *                start without delay.
 *   run died     in `up` and `starting`: the sweep begins. In `stopping` it goes on.
 *   end of log   only for a logger: its last writer is about to let go of the pipe, so it sees
 *                the end of its input and goes by itself; the kill deadline stands behind it.
 *   needs met    ends waiting. needs never: makes it a failure.
 *   needs lost   stops what runs; it settles into a start, which waits.
 *   kill due     the time limit of a stop: TERM if none was sent yet (a logger at its end), else
 *                KILL for whatever is left, now and whenever the sweep finds more.
 *
 * A cell that is not in the table is empty on purpose: the event changes nothing there. The
 * unit test lists these cells, so that a new state or event cannot forget one. */
#ifndef SUPERVISE_MACHINE_H
#define SUPERVISE_MACHINE_H

#include "../lib/status.h"

enum machine_event {
	EVENT_UP,
	EVENT_DOWN,
	EVENT_ONCE,
	EVENT_EXIT,
	EVENT_RESTART,
	EVENT_END_OF_LOG,
	EVENT_READY,       /* run is ready: its exec succeeded, or its readiness channel said so */
	EVENT_NOT_STARTED, /* run could not be forked, or was stopped at its gate */
	EVENT_RUN_DIED,
	EVENT_SWEPT, /* no process is left */
	EVENT_FINISH_DIED,
	EVENT_KILL_DUE,
	EVENT_FINISH_DUE,
	EVENT_BACKOFF_DUE,
	EVENT_WAIT,        /* what it depends on is not ready */
	EVENT_NEEDS_MET,   /* all it depends on is ready */
	EVENT_START_DUE,   /* it is not ready in time */
	EVENT_NEEDS_LOST,  /* a need is to go down, or one it is bound to is not ready any more */
	EVENT_NEEDS_NEVER, /* what it depends on waits for it */
	EVENT_COUNT
};

/* What follows when everything is swept and finished, if the wanted state is up. */
enum machine_after {
	AFTER_START,
	AFTER_BACKOFF,
	AFTER_REST,
	AFTER_FAIL,
	AFTER_RETRY /* the system refused the start: later, and that once has not been yet */
};

struct machine_facts {
	enum status_want want;
	enum machine_after after;
	int has_finish; /* a `finish` is to be run after this end of run */
	int again;      /* up, once or restart was said since it began to stop */
};

/* What to do, in this order. */
enum machine_action {
	DO_FORGET = 1u << 0,  /* failure and backoff are forgotten: somebody asked for a start */
	DO_STOP = 1u << 1,    /* tell run to go, and arm the kill deadline */
	DO_END_LOG = 1u << 2, /* let go of the pipe, and arm the kill deadline */
	DO_KILL = 1u << 3,    /* the kill deadline has passed */
	DO_SWEEP = 1u << 4,   /* look for processes that are left */
	DO_FINISH = 1u << 5,  /* start finish, arm its deadline */
	DO_KILL_FINISH = 1u << 6, /* finish takes too long */
	DO_BACKOFF = 1u << 7,     /* arm the backoff deadline */
	DO_REST = 1u << 8,        /* came to rest: down or failed */
	DO_WAIT = 1u << 9,        /* enter the needs, look at them */
	DO_START = 1u << 10       /* start run */
};

struct machine_step {
	enum status_state next;
	unsigned int actions; /* enum machine_action */
};

struct machine_step machine_step(
	enum status_state state, enum machine_event event, struct machine_facts const *facts);

/* Is this cell of the table filled? For the test that lists the empty ones. */
int machine_has_row(enum status_state state, enum machine_event event);

char const *machine_event_name(enum machine_event event);

#endif
