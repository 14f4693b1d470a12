/* Those that depend on a service: the entries of RUNDIR/NAME/dependents, judged by the records of
 * their owners. */
#ifndef SUPERVISE_DEPENDENTS_H
#define SUPERVISE_DEPENDENTS_H

#include <stddef.h>
#include <stdint.h>

#include "../lib/ipc.h"

/* The mode of an entry says how much its owner depends on us. */
#define DEPENDENT_NEEDS   0600 /* we may not go before it */
#define DEPENDENT_WANTS   0400 /* we are to be up for its sake, and may go */
#define DEPENDENTS_WINDOW 32   /* dependents that are watched at a time (cinit-ipc(7)) */

struct pollfd;
struct service;

struct dependent {
	struct cinit_client client;
	char name[256];
};

/* Those that we wait for before we stop. */
struct dependents {
	uint8_t stale;  /* something changed: look again */
	uint8_t unread; /* it could not be told who they are: look again when the needs are */
	unsigned int count;
	struct dependent
		*watch; /* DEPENDENTS_WINDOW of them while a stop waits; NULL: not needed */
};

/* Does anybody want us up? -1: that cannot be told now, and service_look_dependents follows. */
int dependents_want(struct service *x);

/* Does anybody need us up? Names the first few in `names`, separated by ", ". Where that cannot be
 * told now, .unread is set, and names says why. */
int dependents_need(struct service *x, char *names, size_t size);

/* Looks who still runs and watches some of them; 0: nobody. Those that only want us are awaited
 * where we end for good and they do, too. */
int dependents_await(struct service *x);
void dependents_release(struct service *x);

unsigned int dependents_gather(struct service *x, struct pollfd *fds);
int dependents_dispatch(struct service *x, struct pollfd const *fds, unsigned int n);

#endif
