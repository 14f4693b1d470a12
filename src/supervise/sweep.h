/* Between sweep.c and foreign.c: one pass over what a service left behind. */
#ifndef SUPERVISE_SWEEP_H
#define SUPERVISE_SWEEP_H

#include <stdint.h>
#include <sys/types.h>

struct service;
struct supervisor;

#define UNSURE_LOOKS 20 /* at what executes a program or ends: five seconds */

struct pass {
	struct service *x;
	uint32_t found;
	unsigned int ended; /* while it looked; what they forked may not have been seen */
	int unsure;         /* whose some are will be told in a moment */
	pid_t passed_over;  /* of one it was not told in all that time */
	int unseen;         /* some are left that cannot be found */
	pid_t refused;      /* one that may not be signalled */
	int error;
};

/* Is it a process that we started, or adopted? */
int sweep_knows(struct supervisor *sup, pid_t pid);

/* Was it not told to go before in this sweep? It is now. */
int sweep_first_time(struct service *x, pid_t pid);

/* Ends and counts what our parent has of a predecessor's run. */
void sweep_foreign(struct pass *p);

#endif
