/* One verb for many services at once. Nothing here blocks but the wait for events, and nothing is
 * looked at again without one, but every CHECK_PAUSE while the wait lasts a ./check that did not
 * pass, since nothing announces what it looks at, and a cinit whose `out` has no writer. */
#ifndef SVCTL_LOOP_H
#define SVCTL_LOOP_H

#include <stdint.h>

#include "job.h"
#include "target.h"

#define LIMIT_DEFAULT UINT64_C(7000000000) /* ns; sv's */
#define CHECK_PAUSE   UINT64_C(250000000)  /* ns */

struct loop_request {
	struct where *where;
	struct targets const *targets; /* none of them .missing but those with .maker */
	struct verb const *verb;
	uint64_t limit;   /* ns for each service from its turn on */
	uint64_t since;   /* of GOAL_EXECUTED */
	uint8_t no_limit; /* wait for ever */
	uint8_t common;   /* the limit is one for all, from now on */
	uint8_t waits;    /* JOB_WAITS for all */
	uint8_t flags;    /* of the message: MESSAGE_* */

	/* A job has ended. `s` is the record that it ended with, or NULL; `now` CLOCK_BOOTTIME. */
	void (*ended)(void *data, struct target const *t, struct job const *j,
		struct status const *s, uint64_t now);
	/* Its time is up, and KILL is sent. */
	void (*killed)(void *data, struct target const *t, struct status const *s, uint64_t now);
	/* Nothing more is to be told for a while: what was buffered goes out. */
	void (*quiet)(void *data);
	void *data;
};

/* Runs all of them to their ends. 0, or -1 with errno where the system refused what the loop itself
 * needs; then some jobs may not have been told of. */
int loop_run(struct loop_request const *q);

#endif
