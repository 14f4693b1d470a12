/* One command to one service, as a pure machine: events in, acts out; no system call here.
 *
 * A job goes
 *   LOOK      read the record first: it says which incarnation we talk to, which generation of
 * `run` there was before the command, and whether the supervisor was told to exit. SENDING   send
 * the frame. Nobody reads: sleep until the record changes (a successor is on its way), then look
 * and send again. The supervisor was told to exit and the verb brings it back: wake it first, which
 * is the same three steps with the tree's pair and the letter of a wake. ANSWER    sleep until our
 * id is in the ring. The record is of another incarnation and our id is not in it: send the same id
 * again; a supervisor never runs an id twice that is in its ring. Then the next letter, if the verb
 * has one, from SENDING on. GOAL      acknowledged. Sleep until the goal's verdict is given.
 *   CHECKING  the state is right, ./check runs. It passes: read the record again, because the state
 * must be right still. It fails: it is run again after a pause, or when the record changes. OVER
 * `outcome` tells. Past the time limit a job ends: before the answer the outcome is unknown (or,
 * where nothing was ever sent, no supervisor was there); after it, it is a time-out, and verbs that
 * escalate send a KILL and await its answer. */
#ifndef SVCTL_JOB_H
#define SVCTL_JOB_H

#include <stdint.h>

#include "goal.h"
#include "status.h"
#include "verbs.h"

enum job_phase { JOB_LOOK, JOB_SENDING, JOB_ANSWER, JOB_GOAL, JOB_CHECKING, JOB_OVER };

enum job_event {
	JOB_BEGIN,
	JOB_CHANGED,    /* `out` hung up */
	JOB_RECORD,     /* a record was read */
	JOB_NO_RECORD,  /* nothing is published yet */
	JOB_BAD_RECORD, /* it cannot be read; `error` of the job says why */
	JOB_SENT,
	JOB_NO_SUPERVISOR, /* nobody reads, but cinit lives and brings one back */
	JOB_ABANDONED,     /* nobody reads, and nobody will */
	JOB_CUT_OFF,       /* there is a record, but who is to read lives apart from the FIFOs that
			      are there, or has left none; `error` of the job says which */
	JOB_SEND_FAILED,   /* `error` and `detail` of the job say why */
	JOB_NO_CHECK,      /* there is no ./check */
	JOB_CHECK_PASSED,
	JOB_CHECK_FAILED,
	JOB_CHECK_NOT_RUN, /* there is one, and it cannot be run; that was said */
	JOB_TIMEOUT        /* with the present record, where it could be read */
};

enum job_act {
	JOB_DO_WATCH,    /* open `out`, read the record */
	JOB_DO_SEND,     /* job_letter() with job_id(), through a fresh `in` */
	JOB_DO_SLEEP,    /* until the record changes */
	JOB_DO_CHECK,    /* run ./check */
	JOB_DO_PAUSE,    /* sleep, and look again after a pause */
	JOB_DO_ESCALATE, /* say that it is killed, begin a new time limit, then as JOB_DO_SEND */
	JOB_DO_END
};

enum job_outcome {
	OUTCOME_OK,
	OUTCOME_GONE,    /* as asked for: the supervisor has gone */
	OUTCOME_TIMEOUT, /* acknowledged, but the goal was not reached in time */
	OUTCOME_KILLED,  /* as above, and KILL was sent */
	OUTCOME_NEVER,   /* acknowledged, but the goal will not be reached */
	OUTCOME_FAILED,  /* `error` says why */
	OUTCOME_REFUSED, /* `detail` is an enum status_why */
	OUTCOME_UNKNOWN  /* sent, and never answered; or answered with WHY_DOUBT in `detail` */
};

enum job_error {
	JOB_ERROR_NONE,
	JOB_ERROR_NO_SERVICE,
	JOB_ERROR_NO_SUPERVISOR,
	JOB_ERROR_FULL,
	JOB_ERROR_DENIED,
	JOB_ERROR_NOT_FIFO,
	JOB_ERROR_CUT_IN,  /* it lives, but reads another `in` than the one that is there, if any */
	JOB_ERROR_CUT_OUT, /* it lives, but there is no `out` */
	JOB_ERROR_SEND,    /* detail: errno */
	JOB_ERROR_RECORD,  /* detail: enum status_error other than STATUS_SYSTEM */
	JOB_ERROR_WATCH    /* detail: errno */
};

enum job_option {
	JOB_WAITS = 1u << 0, /* go on to the goal */
	JOB_ONE_LOOK =
		1u << 1, /* the time limit is zero: once acknowledged, the first look decides */
	JOB_DETACHED =
		1u << 2,    /* from a control script of that service: its queue stands behind us */
	JOB_MAKES = 1u << 3 /* an instance that is not there: the tree makes it when it is woken */
};

/* A dying supervisor loses its FIFOs before its life, and one that lives may make new ones: only
 * after so many looks, a pause apart, is it cut off. */
#define JOB_CUTS 4

/* A frame in flight. Sent again it keeps its id, so that it cannot run twice. */
struct job_frame {
	uint64_t id;  /* 0: none yet */
	uint8_t sent; /* at least once */
};

struct job {
	struct verb const *verb;
	struct job_frame frame[2]; /* to the service, and to the tree to wake its supervisor */
	uint32_t incarnation;      /* that the frame was sent to */
	uint32_t starts;           /* generation before the command */
	uint32_t checked;          /* generation that ./check was run for */
	int detail;
	uint8_t options; /* enum job_option */
	uint8_t phase;
	uint8_t outcome;
	uint8_t error;
	uint8_t letter; /* index into verb->letters */
	uint8_t based;  /* .starts is known */
	uint8_t exited; /* the last record said so */
	uint8_t waking; /* it is the tree that we talk to */
	uint8_t woken;  /* it has been woken: not again */
	uint8_t killing;
	uint8_t passed;       /* ./check passed for .checked */
	uint8_t check_failed; /* the last ./check did not pass */
	uint8_t not_run;      /* it could not be run */
	uint8_t acted;        /* a letter had something to do */
	uint8_t cuts;         /* looks that found it cut off, in a row */
};

/* Makes a job. */
void job_init(struct job *j, struct verb const *v, unsigned int options);

/* What to do next. `s` and `r` are needed for JOB_RECORD, and may be NULL for JOB_TIMEOUT. */
enum job_act job_step(
	struct job *j, enum job_event event, struct status const *s, struct status_ring const *r);

/* The letter of the frame to send. */
char job_letter(struct job const *j);

/* The id of the frame to send: the caller gives it a fresh one unless it was sent before. */
uint64_t *job_id(struct job *j);

#endif
