/* Many jobs at once, in one event loop. loop.c holds the turns, the window, the deadlines and the
 * queues; flight.c carries out what a job says. */
#ifndef SVCTL_FLIGHT_H
#define SVCTL_FLIGHT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "ipc.h"
#include "job.h"
#include "loop.h"
#include "target.h"

#define CHECKS_MAX 32 /* ./check at once: they are programs, and the machine has other work */
#define WAKES_MAX  16 /* wakes at once: they share the tree's one ring of answers */

/* One job and what it holds: at most two descriptors. */
struct flight {
	struct job job;
	struct cinit_client client;
	struct target const *target;
	struct flight *next; /* in one of the queues */
	uint64_t deadline;   /* CLOCK_BOOTTIME, 0: none */
	uint64_t again;      /* when it is looked at again; it is in the queue `again` */
	pid_t check;         /* that runs; 0: none */
	uint8_t not_run;     /* ./check could not be run */
	uint8_t watched;     /* `out` is in the epoll set */
	uint8_t on_tree;     /* the client is the tree's; counted in .wakes */
	uint8_t recorded;    /* the loop's record is this flight's, as it was read last */
};

struct queue {
	struct flight *head, *tail;
};

struct loop {
	struct loop_request const *q;
	struct flight *flights; /* one a target, in their order */
	size_t count;
	size_t begun; /* those before have begun */
	size_t over;  /* so many are over */
	size_t in_flight, window;
	size_t oldest;         /* none before it waits for its deadline... */
	size_t oldest_killing; /* ...but for those that kill, from this one on */
	int epoll;
	int signals;   /* self-pipe; -1: not yet needed */
	int told[2];   /* a child that cannot run its ./check writes its pid; as .signals */
	rlim_t nofile; /* soft limit before it was raised */
	uint64_t start;
	struct queue checks; /* wait for one of CHECKS_MAX */
	struct queue again;  /* is to be looked at again: in the order of .again */
	struct queue wakes;  /* wait for one of WAKES_MAX */
	struct flight *checking[CHECKS_MAX];
	size_t checkings, wakings;
	int fork_failed;          /* the last time, and that was said */
	struct cinit_client tree; /* watches cinit, for services whose supervisors have gone */
	uint8_t tree_watched;     /* its `out` is in the epoll set */
	struct status status;     /* the record that was read last */
	struct status_ring ring;
	int error; /* errno of what the system refused to the loop itself */
};

/* Tells the job of an event, and does what it says until it sleeps or ends. */
void flight_advance(struct loop *l, struct flight *f, enum job_event event);

/* Its time is up. */
void flight_expire(struct loop *l, struct flight *f);

/* ./check ended. */
void flight_checked(struct loop *l, struct flight *f, int passed);

int flight_is_over(struct flight const *f);

/* cinit has published something, or ended. */
void flight_tree_changed(struct loop *l);

/* ---- loop.c, for flight.c */
void queue_add(struct queue *q, struct flight *f);
struct flight *queue_take(struct queue *q);
/* A flight that has just begun found no descriptor: it waits its turn. 0: none is open that it
 * could wait for. */
int loop_postpone(struct loop *l, struct flight *f);

#endif
