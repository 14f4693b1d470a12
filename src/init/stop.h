/* The end of the tree, as a machine without a system call in it.
 *
 * Stopping goes through these phases, each as short as can be:
 *
 * - TERM: every supervisor, and CMD, has got TERM. A supervisor stops its service within the
 *   service's own time limits, then lets its logger see the end of its input, and exits.
 *
 * - QUIT: time is running out; supervisors are told to use KILL at once.
 *
 * - KILL: those that are still there are killed themselves.
 *
 * - SWEEP: no supervisor is left; what processes are left get TERM.
 *
 * - SWEEP_KILL: and then KILL.
 *
 * - DONE: nobody is left, or nothing helps.
 *
 * Who decides: the last process of a phase. When it has gone, the next phase follows in the same
 * turn, and where nobody is left at all that is DONE. Only where a phase runs out of time does the
 * clock decide. What interrupts: stop_hurry (a second INT) goes from TERM to QUIT at once, also
 * when it comes before TERM was sent. Nothing leads back.
 *
 * The budget (`limit`, conf/stop-timeout) bounds the whole: QUIT comes a second before it is over
 * (a quarter of it for limits below four seconds), KILL half of that later, SWEEP ends with it.
 * Without a limit, as on a machine, TERM waits for ever: each service has its own limits, and a
 * person can hurry it. SWEEP never takes more than a second. SWEEP_KILL ends when for a second
 * nobody has: what is left then does not even die of KILL. While somebody does, it goes on, for a
 * minute at most; otherwise those whom a killed supervisor leaves to us at last would stay behind.
 */
#ifndef INIT_STOP_H
#define INIT_STOP_H

#include <stddef.h>
#include <stdint.h>

enum stop_phase {
	STOP_NOT,   /* the tree runs */
	STOP_BEGUN, /* it is to stop; nobody has been told yet */
	STOP_TERM,
	STOP_QUIT,
	STOP_KILL,
	STOP_SWEEP,
	STOP_SWEEP_KILL,
	STOP_DONE
};

enum stop_action {
	STOP_ACT_TERM = 1,        /* TERM and CONT to all supervisors, and to CMD */
	STOP_ACT_QUIT = 2,        /* QUIT and CONT to all supervisors, KILL to CMD */
	STOP_ACT_KILL = 4,        /* KILL to all supervisors and to CMD */
	STOP_ACT_SWEEP = 8,       /* TERM and CONT to every process that is left */
	STOP_ACT_SWEEP_KILL = 16, /* KILL to every process that is left */
	STOP_ACT_REPORT = 32      /* say whom the stop waits for */
};

/* Zero it to begin. */
struct stop {
	enum stop_phase phase;
	uint64_t end; /* when the budget is over; 0: never. Of SWEEP_KILL: when it ends at last */
	uint64_t margin; /* how long before that QUIT comes */
	uint64_t late;   /* when this phase runs out of time; 0: never */
	uint64_t report; /* when to say next whom it waits for */
	int hurried;     /* TERM has no time */
};

struct stop_facts {
	uint64_t now; /* CLOCK_BOOTTIME ns */
	size_t ours;  /* supervisors that live, CMD included */
	int others;   /* is any other process of ours left? */
	int ended;    /* has anybody ended since the last step? */
};

/* Begins, with a budget of `limit` milliseconds, 0: none. Nothing if it has begun. Then call
 * stop_step. */
void stop_begin(struct stop *s, uint64_t now, uint32_t limit);

/* Do not wait any longer. Then call stop_step. Nothing once TERM is over. */
void stop_hurry(struct stop *s, uint64_t now);

/* Takes one step, if there is one to take. Returns the actions (enum stop_action) to carry out.
 * Call it with fresh facts until it returns 0; and again when a process has ended or stop_deadline
 * is there. */
unsigned int stop_step(struct stop *s, struct stop_facts const *f);

/* When to call stop_step though nothing happens; 0: never. */
uint64_t stop_deadline(struct stop const *s);

#endif
