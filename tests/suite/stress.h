/* A tree under stress: what the processes of test_stress_tree.c know together.
 *
 * Waiters and senders are forked from the test and share memory with it: the book of all frames
 * that were ever sent, what was seen of their answers, and a timeline for whoever has to find out
 * what went wrong. Everyone who reads a record holds it against all of that. */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include "tree.h"

#include <stdatomic.h>

#include "chance.h"
#include "helper/witness.h"
#include "timeline.h"

enum { WAITERS = 50, SENDERS = 8 };

/* The services, and cinit's own pair. */
enum {
	BEAT,    /* counts USR1 and USR2, is never stopped */
	BEEP,    /* the same */
	HUSH,    /* is paused and goes on */
	SOLO,    /* obeys one sender, letters too */
	WORK,    /* the same, and leaves a process behind when it stops */
	WEB,     /* obeys all; with a logger */
	WEB_LOG, /* the logger, obeys one sender */
	DUO,     /* obeys all, letters too */
	CINIT,
	PLACES
};
extern char const *const place_names[PLACES];

#define PATIENCE (20 * CLOCK_SECOND) /* who waits longer was forgotten */

enum {
	FRAMES = 1 << 16,  /* room for ids; a power of two */
	ANSWERS = 1 << 15, /* room for answers of a place */
	WISHES = 256
};

/* A frame that was sent. */
struct frame {
	_Atomic uint64_t id;        /* 0: none */
	_Atomic uint64_t answer[2]; /* see stress_book.c; the second only where one is in doubt */
	uint8_t where, letter;
};

/* The last frames of a sender that ask for a wanted state. */
struct wishes {
	_Atomic uint32_t count;
	_Atomic uint64_t id[WISHES];
};

/* What senders count of a place. */
struct tally {
	_Atomic uint64_t outcomes; /* frames that came to one */
	_Atomic uint64_t doubts;   /* with an unknown one */
	_Atomic uint64_t again;    /* sendings but the first */
	_Atomic uint64_t done[3];  /* [1], [2]: USR1 and USR2 that were sent and acknowledged */
	_Atomic uint64_t maybe[3]; /* and those that may have come once more */
	_Atomic uint64_t doubles;  /* answers given again, in doubt */
};

struct stress {
	/* of the test */
	_Atomic int sending;  /* senders shall go on */
	_Atomic int stopping; /* the tree has been told to stop */
	_Atomic int bell;     /* the test wants to hear of waiters, on bell_fd */
	/* of a sending: the monkey watches it */
	_Atomic uint32_t sends[PLACES];
	/* of waiters */
	_Atomic uint64_t seen[WAITERS];
	_Atomic uint64_t wakes[WAITERS];
	uint64_t first_change[WAITERS];
	uint32_t first_incarnation[WAITERS];
	/* the book */
	struct frame frame[FRAMES];
	_Atomic uint64_t answered[PLACES][ANSWERS]; /* id of the answer number n */
	struct wishes wish[PLACES][SENDERS];
	_Atomic uint64_t newest[PLACES]; /* change that was noted in the timeline */
	struct tally tally[PLACES];
};
extern struct stress *stress;
extern struct witness *witness[PLACES]; /* NULL for CINIT */
extern unsigned int stress_self;        /* which of the waiters or senders we are */
extern int stress_bell;                 /* eventfd */

/* ---- stress_book.c: memory */

/* Maps and empties all of it; to be called in the tree, before anybody is forked. */
void stress_begin(void);
/* Unmaps. */
void stress_end(void);

/* ---- stress_view.c: records, and what must hold of them */

struct view {
	int where;
	int seen; /* s and r hold the record that was read last */
	struct cinit_client client;
	char path[TREE_PATH];
	struct status s;
	struct status_ring r;
	int want;             /* what acknowledged commands make the wanted state; -1: unknown */
	uint32_t need_starts; /* `run` may only be up from this generation on */
};

void view_open(struct view *v, int where);
void view_close(struct view *v);
/* Watches, reads, and complains of what may not be. */
void view_look(struct view *v);
/* Sleeps until `out` hangs up; complains when the limit has passed. */
void view_wait(struct view *v, uint64_t limit);

/* Is this the last record of a tree that stops? */
int view_is_over(int where, struct status const *s);

/* The book: a frame is entered before it is sent. */
void book_enter(uint64_t id, int where, int letter);

/* The wanted state that a command makes; -1: none. */
int want_of(int letter);

/* ---- stress_ask.c: one command */

struct outcome {
	enum status_result result;
	enum status_why why;
	unsigned int again; /* sendings but the first */
};

/* Sends a frame, and waits for its answer, which is in *v. */
struct outcome sender_ask_with(struct view *v, int letter, char const *text);
/* 1: done. 0: nobody knows. Anything else is wrong. */
int sender_ask(struct view *v, int letter);

/* ---- stress_send.c: the senders */

/* Lives as sender number `self` while stress->sending. */
void sender_live(unsigned int self);

/* ---- test_stress_tree.c: the test itself, a tree a round */

struct arena {
	pid_t cinit;
	pid_t sender[SENDERS], waiter[WAITERS]; /* 0: has ended */
	struct place place[PLACES];
	uint32_t killed[PLACES]; /* supervisors, this round */
	pid_t last_killed[PLACES];
	uint32_t late[PLACES];   /* killed while the tree stopped */
	uint64_t missed[PLACES]; /* since when a service that shall be up is not; 0: it is */
	unsigned int looks[PLACES];
	int failed; /* a child ended badly */
};
extern struct arena arena;

extern struct totals { /* of all rounds */
	uint64_t rounds, kills, frames, doubts, again, changes, wakes;
} totals;

/* Lets time pass: so much of it, or until a child ended or rang; fails when there is a complaint.
 */
void arena_turn(uint64_t nanoseconds);
/* Says what is wrong, and fails the test. */
void arena_fail(void);

/* ---- stress_monkey.c */

void monkey_live(uint64_t until);
void monkey_live_on(pid_t cinit);
void monkey_look_for_the_lost(void);

/* ---- stress_close.c: after the tree has stopped */

void arena_close(void);

#endif
