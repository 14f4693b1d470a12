/* The objects of the house: a supervisor holds one service, and where there is a logger a second
 * one, run by the same code.
 *
 * Data flows one way in a turn of the loop: what happened (signals, deaths, reports, commands,
 * deadlines) becomes events; events go through the machine; its actions change processes and the
 * record; at the end of the turn the record is published, and only then do gates open.
 *
 * - setup.c: what a fork of cinit drops, what a supervisor is
 * - loop.c: one turn after the other, what to poll
 * - due.c: time limits, and things to be tried again
 * - obey.c: commands from `in`, the queue behind control scripts, acknowledgements
 * - reap.c: deaths, of children and of adopted processes
 * - act.c: events through the machine, actions carried out
 * - start.c: what comes before a fork of run
 * - depend.c: what it depends on (needs.c) and what depends on it (dependents.c)
 * - restart.c: what follows a death
 * - child.c: a child before it executes: the gate, what it drops; program.c: what it becomes;
 *   launch.c: the short way to the same; rights.c: as whom
 * - sweep.c: processes that are left over
 * - ready.c: how it tells that it is ready; lines.c: by a line of its log
 * - foreign.c: those that a predecessor's run left to our parent; cgroup.c: those in its own group
 * - take.c: the lock, the record of a predecessor
 * - upgrade.c: another program in our place; carry.c: what it is handed over
 * - publish.c: the record, the gates
 * - say.c: lines on standard error */
#ifndef SUPERVISE_SERVICE_H
#define SUPERVISE_SERVICE_H

#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

#include "../lib/ipc.h"
#include "../lib/status.h"
#include "config.h"
#include "dependents.h"
#include "launch.h"
#include "lines.h"
#include "machine.h"
#include "needs.h"
#include "supervise.h"

#define QUEUE_MAX    32  /* control scripts that wait for the one that runs */
#define BATCH_MAX    16  /* frames answered by one publication (cinit-ipc(7)) */
#define EXIT_BUSY    100 /* another supervisor has the service */
#define EXIT_REFUSED 111 /* the system refused */
#define POLL_FEW     12  /* of a service at rest that depends on little */
#define TERMED_MAX   64  /* strays that are remembered to have got TERM */

/* Where in `lock` the byte of a service, or of its logger, says why it cannot publish. */
#define LOCK_BYTE(x) ((x)->is_log)

#define GATE_EXIT    108 /* a child that was never let through its gate */
#define EXEC_EXIT    111 /* a child that could not execute its program */

/* What this process knows of a child beyond the record. */
struct child {
	int gate;  /* our end of its gate and report socket; -1: none (executed, or adopted) */
	int pidfd; /* of an adopted process; -1: it is our own child, or there are no pidfds */
	uint8_t adopted;      /* started by a predecessor: it is not ours to wait for */
	uint64_t ended_at;    /* when we saw that */
	uint8_t pidfd_is_its; /* that was made sure of */
	uint8_t ended;        /* adopted: its pidfd says that it ended, its code is awaited */
	uint8_t opened;       /* its gate was opened */
	uint8_t bad_config;   /* what it reported is a value of the service directory */
	uint8_t exec_failed;  /* it reported that it could not execute */
	uint8_t shortage;     /* because something was used up that may be there again later */
};

/* A control script to run, or that runs: control/LETTER. */
struct job {
	char letter;
	uint8_t instead; /* script fails: send .signal */
	uint8_t stop;    /* part of a stop: CONT follows */
	uint8_t gated; /* a signal that came while run was at its gate: for when it has executed */
	uint8_t start; /* control/u: run is forked when it is through */
	int signal;
	uint64_t id; /* frame to acknowledge when the script is executed; 0: none */
};

struct supervisor;

/* What is written always comes first, so that it shares pages; what hardly ever is, last. */
struct service {
	struct supervisor *sup;
	struct status s;
	struct config config;
	struct child child[ROLE_COUNT];
	struct launch launch;
	int dir; /* state directory */
	int lock;
	uint8_t is_log;
	uint8_t dirty;          /* the record changed since it was published */
	uint8_t sweeping;       /* a sweep is due or under way */
	uint8_t killing;        /* the kill deadline has passed: KILL for whatever is found */
	uint8_t asked;          /* the present run was told to go by command */
	uint8_t end_of_log;     /* the pipe was let go of */
	uint8_t publish_failed; /* the last publication failed, and that was said */
	uint8_t unpublished;    /* acknowledgements since the last publication */
	uint8_t config_bad;     /* the last reading of the service directory met a bad value */
	uint8_t config_read;    /* `config` was read by the set-up and not used yet */
	uint8_t fresh;          /* no record of this boot was found: begins cold */
	uint8_t foreign;        /* a predecessor's run may have left processes to our parent */
	int stray;              /* pidfd of one of these that is awaited; -1: none */
	int cgroup;             /* cgroup.events of its control group; -1: it has none */
	uint8_t check_left;     /* looks that are left for what a check left behind */
	uint8_t unsure;         /* looks at processes of which it cannot be told whose they are */
	uint8_t cgroup_waits;   /* the sweep goes on when that changes */
	pid_t last_group;       /* process group of the last run or finish; 0: swept */
	enum machine_after after;
	uint64_t retry_publish; /* deadline; 0: none */
	uint64_t retry_sweep;   /* likewise */
	uint64_t gate_limit;    /* an adopted child is past its gate if it lives then */
	uint64_t publish_delay;
	uint64_t retry_out; /* when to try again to make an `out`; 0: there is one */
	uint64_t out_delay;
	uint64_t retry_adopted; /* deadline for looking after adopted processes without a word; 0:
				   none */
	int ready_fd;           /* what run tells its readiness by; -1: nothing to listen to */
	uint32_t unwell;        /* health checks that failed in a row */
	uint8_t unasked;        /* the last death of run was nobody's wish */
	uint8_t blamed; /* the stop under way is the service's own fault: its death counts */
	uint8_t hung;   /* the stop that begins is the watchdog's: with ABRT */
	uint8_t off;    /* what runs as `run` is the off of a oneshot */
	struct lines lines;
	struct needs needs;
	struct dependents dependents;
	uint8_t needs_enter; /* to be entered when the record is out */
	unsigned int queued;
	unsigned int termed_count;
	char name[264];                  /* NAME, or NAME/log */
	struct value_error config_error; /* what was bad of its directory */
	/* seldom written: the pages of these stay what they were, zeros that nobody pays for; the
	 * first of them begins on the page of what is written always, and its end is a buffer */
	struct cinit_ipc ipc;
	struct status_ring ring;
	struct job queue[QUEUE_MAX]; /* [0] runs while child[ROLE_CONTROL] is there */
	pid_t termed[TERMED_MAX];
};

struct supervisor {
	struct supervise_options const *o;
	int has_log;
	int run;              /* the run directory; -1: not needed yet, see supervisor_run */
	int signals;          /* signalfd of the self-pipe */
	int pipe;             /* O_RDWR on the log pipe; -1: none, or let go of */
	uint64_t last_lines;  /* deadline for lines that wait, when all else is over; 0: none */
	int ending;           /* told to end by a signal: nothing is started any more */
	int at_once;          /* and by QUIT: KILL without TERM */
	int reap_pending;     /* a turn's share of deaths is through, there may be more */
	int upgrade;          /* told to execute the program that is there now */
	int mend;             /* told to look whether what it has of FIFOs is there */
	struct pollfd *polls; /* few, or memory of its own */
	size_t poll_room;
	struct pollfd few[POLL_FEW];
	int look_pending; /* cinit is to be told of an essential end */
	uint64_t retry_look;
	uint64_t look_delay;
	struct service service;
	struct service log; /* valid where has_log; a page that is never touched otherwise */
};

/* The services of a supervisor: for (each) over one or two. */
#define SERVICE_EACH(sup, x)                                                                       \
	for (struct service *x = &(sup)->service; x;                                               \
		x = (x == &(sup)->service && (sup)->has_log) ? &(sup)->log : 0)

static inline struct service *service_other(struct service *x)
{
	return x->is_log ? &x->sup->service : x->sup->has_log ? &x->sup->log : 0;
}

/* ---- act.c */
void service_event(struct service *x, enum machine_event event);
void service_deadlines(struct service *x, uint64_t now);
uint64_t service_next_deadline(struct service const *x);
void service_signal_run(struct service *x, int sig);
/* Kills a script and what it started. */
void service_kill_script(struct service *x, enum status_role role);
/* What a predecessor's script was to do, should it have died with its knowledge. */
void service_tell_again(struct service *x);
void service_start_finish(struct service *x);
/* It could not be started, and its time is not over: the next sweep starts it. */
int service_awaits_finish(struct service const *x);
/* Its time is over, be it that it runs or that it could not be started. */
void service_finish_due(struct service *x);
int service_at_rest(struct service const *x);
/* Tells run to go, now that nobody depends on it. */
void service_stop_run(struct service *x);
void service_await_nobody(struct service *x);
/* A oneshot that is up: off brings it down; it is run (again), or will be. 0: there is none to run.
 */
int service_start_off(struct service *x);
/* The time is over: it goes down without an off that could not be started. */
void service_off_due(struct service *x);
/* Enters the config of the service directory; -1: a value is bad, and the reason is set. */
int service_configure(struct service *x);

/* What is wrong with its config becomes its reason, and is said when it is news. */
void service_config_failed(struct service *x);
/* Sets a deadline so many milliseconds from now; 0: there is none. */
void service_arm(struct service *x, enum status_deadline which, uint32_t ms);

/* ---- start.c */
void service_start(struct service *x);
/* Forks run now; for control/u's end. */
void service_start_run(struct service *x);
/* The system refused it: raises the event, with a delay to follow. */
void service_start_delayed(struct service *x);

/* ---- due.c: service_deadlines and service_next_deadline */
/* ---- loop.c */
/* The supervisor that this process is, ready to be set up. */
struct supervisor *supervisor_begin(struct supervise_options const *o);
/* Turn after turn until told to exit; returns the exit code. */
int supervisor_live(struct supervisor *sup);

/* ---- upgrade.c */
/* Executes another program if told to. 1: it was tried in vain. */
int supervisor_upgrade(struct supervisor *sup);

/* ---- setup.c */
/* Becomes a supervisor. 0, or -1 with errno. */
int setup_process(struct supervisor *sup);
/* Stays one, having been executed in its place: signals that came meanwhile wait still. */
int setup_process_anew(struct supervisor *sup);
/* Readies an object that was zeros. */
void setup_service(struct supervisor *sup, struct service *x, int is_log);
/* Again, when sup->o->name has become known. */
void setup_name(struct service *x);
/* Opens the state directories and takes the locks. 0, or the exit code, and it was said why. */
int setup_services(struct supervisor *sup);

/* ---- obey.c */
void service_listen(struct service *x);
void service_want(struct service *x, enum status_want want, enum machine_event event);
int service_job(struct service *x, struct job const *job);
void service_job_next(struct service *x);
/* Its script was executed, or could not be. */
void service_job_begun(struct service *x);
void service_job_ended(struct service *x, int wstat);

/* ---- reap.c */
void supervisor_reap(struct supervisor *sup);
void service_look_adopted(struct service *x);
void service_child_ended(struct service *x, enum status_role role, int wstat, int known);

/* ---- restart.c */
/* To be called once at each death of run, after s->last_exit is entered. `asked`: it was told to
 * go. Counts the death in *s, and sets s->backoff_ms where a delay follows. */
enum machine_after restart_decide(
	struct status *s, struct config const *c, int asked, uint64_t now);

/* ---- child.c */
/* Was something used up that may be there again later? EAGAIN: the user has as many processes as he
 * may. */
int child_shortage(int error);

pid_t child_fork(struct service *x, enum status_role role, char letter);
void child_report(struct service *x, enum status_role role);
int service_enter(struct service const *x);

/* ---- depend.c */
/* The run directory: most services look for nobody in it, so it is opened when one does. -1 with
 * errno; ENOENT: there is no cinit. */
int supervisor_run(struct supervisor *sup);
int service_begin_stop(struct service *x);
void service_look_dependents(struct service *x);
void service_depend_turn(struct service *x);
void service_needs_gone(struct service *x);
/* It is told to start while it stops. */
void service_come_back(struct service *x);
int service_want_down(struct service *x, int force);
/* 1: it may start now; 0: it waits (the event is raised); -1: x->config_error says why it cannot.
 */
int service_may_start(struct service *x);

/* ---- sweep.c */
void service_sweep(struct service *x);
/* Its check, which led a group of its own, has ended: nothing of it stays. Before it is reaped. */
void service_sweep_check(struct service *x, pid_t check);

/* ---- foreign.c */
/* Does the process carry our mark, CINIT_SERVICE=NAME? As process_has_env. */
int service_marks(struct service const *x, pid_t pid);
void service_forget_stray(struct service *x);

/* ---- take.c */
int service_take(struct service *x);
void service_resume(struct service *x);

/* ---- publish.c */
void service_publish(struct service *x);
int service_mend_pair(struct service *x);
void service_touch(struct service *x);
/* Lets children run whose record is out. */
void service_open_gates(struct service *x);
void service_reason(
	struct service *x, enum status_reason reason, uint32_t detail, char const *text);

/* Something that may come back is used up, as `error` says: it is tried again. */
void service_retries(struct service *x, char const *what, int error);

/* If its reason is one of these (bits, by enum status_reason), it is over. */
void service_mended(struct service *x, unsigned int reasons);

/* ---- say.c */
void say(struct service const *x, char const *text);
/* And what follows from it; "" where nothing does. */
void say_then(struct service const *x, char const *text, char const *consequence);
void say_errno(
	struct service const *x, char const *verb, char const *object, char const *consequence);

#endif
