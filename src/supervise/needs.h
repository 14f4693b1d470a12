/* What a service depends on, while it wants to be up.
 *
 * Reverse edges are files. Before a service looks whether a need is met it makes
 * RUNDIR/NEED/dependents/NAME; a need publishes that it wants down before it reads that directory.
 * So one of the two always sees the other: none starts while its need stops. The service keeps
 * watching its needs while it runs: a need that is made to go down waits until its dependents have
 * gone. */
#ifndef SUPERVISE_NEEDS_H
#define SUPERVISE_NEEDS_H

#include <stddef.h>
#include <stdint.h>

#include "../lib/clock.h"
#include "../lib/dependency.h"
#include "../lib/ipc.h"

/* Until those that could not be asked, or dependents that could not be read, are looked at again.
 */
#define NEEDS_RETRY (CLOCK_SECOND / 10)

struct pollfd;
struct service;

struct need {
	uint8_t kind;    /* enum dependency_kind */
	uint8_t settled; /* nothing to wait for */
	uint8_t lost;    /* we may not run (on) */
	uint8_t stale;   /* its watch hung up: look again */
	int error;       /* errno, where it cannot be watched; ENOENT: there is no such service */
	uint8_t blocked; /* not settled, and it will not be by itself, or was tried in vain */
	struct cinit_client watch;
	char name[256];
};

struct needs {
	struct need *list;
	size_t count;
	uint8_t entered; /* our entries are made: to be taken away again */
	uint8_t asked;   /* somebody said up while we waited: needs are told again */
	uint64_t retry;  /* deadline for needs that could not be asked; 0: none */
};

/* Reads the service directory. 0, or -1: *e says why. Keeps what it has where nothing changed. */
int needs_load(struct service *x, struct value_error *e);

/* From now on needs_look makes our entries and watches. What we want must have been published
 * before. */
void needs_enter(struct service *x);

/* Looks at those that changed. Returns 1 when all are settled. Sets *lost where one is lost. The
 * reason of `x` tells the first that is not. */
int needs_look(struct service *x, int *lost);

/* Is it vain to wait? Somebody must do something about one of them. */
int needs_blocked(struct service const *x);

/* Has one of them changed since it was looked at? Asked when our record is out and before anything
 * runs: whatever is published of a need after that, its keeper sees that we run. */
int needs_stirred(struct service *x);

/* Those that are not settled, or were not there, are looked at again. */
void needs_doubt(struct service *x);

/* Takes our entries away, tells the needs, and stops watching. */
void needs_leave(struct service *x);

/* Adds the watches to a poll set; and marks those that hung up. */
unsigned int needs_gather(struct service *x, struct pollfd *fds);
int needs_dispatch(struct service *x, struct pollfd const *fds, unsigned int n);

#endif
