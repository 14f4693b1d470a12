/* The table of services: one row for each directory, and who supervises it. */
#ifndef INIT_TREE_H
#define INIT_TREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pidmap.h"

enum service_phase {
	SERVICE_IDLE,  /* no supervisor, and none is wanted */
	SERVICE_DUE,   /* no supervisor: one is to be forked at `due` */
	SERVICE_RUNS,  /* its supervisor is our child */
	SERVICE_TAKEN, /* its supervisor is the child of a former cinit, watched by `pidfd` */
};

/* What was said already: one line a transition, not one a retry. */
enum service_said {
	SAID_PREPARE = 1, /* its state directory cannot be made */
	SAID_HOLD = 2,    /* a FIFO of its cannot be held */
	SAID_EXIT = 4     /* its supervisors exit of themselves */
};

/* FIFOs that a service writes to, and that must not end with those who have them open. */
enum service_hold {
	HOLD_PIPE,  /* to its logger: it has log/ */
	HOLD_READY, /* its notification-fd */
	HOLD_LINES, /* to its supervisor: it has a ready-line */
	HOLD_COUNT
};

struct service {
	char *name;
	dev_t device; /* of its directory: another directory by the same name is another service */
	ino_t inode;
	uint8_t phase;        /* enum service_phase */
	uint8_t said;         /* enum service_said */
	uint8_t holds;        /* 1 << enum service_hold: what is to be held */
	uint8_t prepared;     /* its state directory has been made */
	uint8_t blank;        /* just now, and no supervisor has been there */
	uint8_t vanished;     /* its directory is gone: it ends, and its state goes with it */
	uint8_t renew;        /* when its supervisor has ended as told, it gets another */
	uint8_t marked;       /* on disk, that it gets one: see state_mark */
	uint8_t seen;         /* for a rescan: its directory is there */
	uint8_t made;         /* on demand: it has no directory of its own but its template's */
	pid_t supervisor;     /* 0: none */
	uint64_t identity;    /* of a supervisor that was taken over */
	int pidfd;            /* -1: none */
	int told;             /* its `in`, which holds the word to exit; -1: not told */
	int held[HOLD_COUNT]; /* read ends, -1: not held */
	uint8_t writes;       /* held[HOLD_PIPE] is a write end, too */
	unsigned int row;     /* supervisors that died in a row, none of them ten seconds old */
	uint64_t spawned;     /* its supervisor, CLOCK_BOOTTIME ns: not later than it says itself */
	uint64_t due;
};

/* Zero it to begin. */
struct tree {
	struct service **list; /* by name */
	size_t count, room;
	struct pidmap supervisors; /* value: struct service */
	uint64_t earliest;         /* no service is due before; 0: none is due at all */
	size_t living;             /* services with a supervisor, ours or taken over */
	size_t taken;              /* those of them that are taken over */
	size_t due;                /* services that are to get one */
};

/* Makes room for `n` services in all. 0, or -1 with ENOMEM. */
int tree_reserve(struct tree *t, size_t n);

/* Adds an idle service. NULL with ENOMEM. Pointers to services stay valid until tree_remove. */
struct service *tree_add(struct tree *t, char const *name);

/* NULL: no such service. */
struct service *tree_find(struct tree const *t, char const *name);

/* The service whose supervisor is our child `pid`. NULL: none. */
struct service *tree_by_pid(struct tree const *t, pid_t pid);

/* Forgets a service without supervisor; closes what is held of it. */
void tree_remove(struct tree *t, struct service *s);

/* It is to get a supervisor at `when` (CLOCK_BOOTTIME, never 0). */
void tree_schedule(struct tree *t, struct service *s, uint64_t when);

/* It is not to get one after all: idle. Nothing for one that is not due. */
void tree_cancel(struct tree *t, struct service *s);

/* Its supervisor is our child `pid`. 0, or -1 with ENOMEM. */
int tree_runs(struct tree *t, struct service *s, pid_t pid);

/* Its supervisor is `pid`, watched by `pidfd`, which is the tree's from now on. */
void tree_taken(struct tree *t, struct service *s, pid_t pid, int pidfd);

/* Its supervisor is no more: it is idle. */
void tree_ended(struct tree *t, struct service *s);

/* How long to wait before the next supervisor, in milliseconds, after `row` died in a row (1: the
 * first, which costs no wait). */
unsigned int tree_backoff(unsigned int row);

#endif
