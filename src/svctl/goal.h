/* When is a wait over? Pure: a record in, a verdict out. Waits compare states and generations,
 * never events, so nothing can be missed and nothing old is taken for new. */
#ifndef SVCTL_GOAL_H
#define SVCTL_GOAL_H

#include <stdint.h>

#include "status.h"

enum goal {
	GOAL_ANSWER,    /* the acknowledgement is all */
	GOAL_UP,        /* up with a process; then ./check */
	GOAL_RUNNING,   /* `run` was executed and not told to go; ready or not */
	GOAL_READY,     /* up and ready */
	GOAL_DOWN,      /* down or failed, and no process is left */
	GOAL_RESTARTED, /* up, in a later generation than before the command; then ./check */
	GOAL_CYCLED,    /* as RESTARTED, or down and meant to be */
	GOAL_ONCE,      /* runs, or has run since the command; not to be restarted */
	GOAL_PAUSED,    /* paused, or no process to pause */
	GOAL_CONTINUED, /* not paused */
	GOAL_EXITED,    /* the supervisor has gone */
	GOAL_HEALTHY,   /* up and ready, and meant to be; then ./check */
	GOAL_COUNT
};

enum verdict {
	VERDICT_NOT_YET,
	VERDICT_MET,
	VERDICT_CHECK, /* met if ./check passes */
	VERDICT_NEVER  /* it will not come to this without a new command */
};

/* Does it stay as it is until something happens, rather than being on its way? */
int goal_is_settled(struct status const *s);

/* `starts`: the generation (status.starts) before the command was sent. */
enum verdict goal_verdict(enum goal goal, struct status const *s, uint32_t starts);

/* Did the supervisor exit in good order, having been told to? */
int status_exited(struct status const *s);

/* Is a process recorded that belongs to the service? */
int status_has_process(struct status const *s);

#endif
