/* Chaos: a tree of services of every kind, clients that command it, a monkey that kills, stops and
 * ends whoever is there, and moments of rest in which everything must be as it was ordered.
 *
 * main.c goes in phases: clients (client.c) and monkey (monkey.c) work, then they stop, and it
 * looks (rest.c, leaks.c) whether each service is what the last acknowledged command made it, has
 * one instance or none, said what is in its log, and left nothing behind. kinds.c is the table of
 * the services. Each bears witness for itself: tests/helper/witness.c, tests/helper/splicer.c. */
#ifndef TESTS_CHAOS_H
#define TESTS_CHAOS_H

#include <stdatomic.h>

#include "suite/chance.h"
#include "suite/init.h"
#include "suite/logbook.h"
#include "suite/shared.h"
#include "suite/timeline.h"

enum { SERVICES_MAX = 40, CLIENTS = 6, EDGES = 3, ENTRIES = 6 };

/* ---- kinds.c */

enum kind_flag {
	LOGGED = 1u << 0,  /* talks, and has a logger */
	FINISH = 1u << 1,  /* is followed by a finish that must be alone */
	SCRIPTS = 1u << 2, /* has control scripts */
	SHELL = 1u << 3,   /* run is a script that executes the witness */
	ONESHOT = 1u << 4,
	BUNDLE = 1u << 5,
	INSTANCE = 1u << 6, /* a link to the template before it */
	TEMPLATE = 1u << 7, /* no service */
	WORKS = 1u << 8,    /* one more process than the witness */
	LINGERS = 1u << 9,  /* processes that stay for a while when it has ended, on purpose */
	ONCE = 1u << 10,    /* is never to be restarted: its clients say once */
	PAUSES = 1u << 11,  /* its clients pause it */
	FRAIL = 1u << 12,   /* may give up */
	DOWN = 1u << 13,    /* is not started at boot */
	LONELY = 1u << 14,  /* nobody depends on it: its supervisor may be told to exit */
	CHECKED = 1u << 15,
	USER = 1u << 16 /* runs as another user, where there are others */
};

struct kind {
	char const *name;
	char const *words; /* of the witness, a line each */
	unsigned int flags;
	char const *entries[ENTRIES][2]; /* other entries: name and content */
	char const *needs[EDGES];        /* needs and binds */
	char const *wants;
};

extern struct kind const kinds[];
extern int const kind_count;

/* Writes the service directories, and fills `services`. */
void kinds_make(void);

/* ---- what is known of the services */

/* What was acknowledged last. */
enum order {
	ORDER_UP,
	ORDER_DOWN,
	ORDER_ONCE,
	ORDER_EXIT,
	ORDER_UNKNOWN /* nobody can tell whether it was obeyed, or will be */
};

struct service {
	struct kind const *kind;
	struct place place, log;
	struct witness *witness, *log_witness;
	struct logbook book;
	unsigned int row; /* supervisors killed within ten seconds of each other */
	uint64_t last;    /* when one was killed last */
	pid_t last_killed;
	unsigned int most; /* descriptors seen in its supervisor */
};
extern struct service services[SERVICES_MAX];
extern int service_count;
#define TREE service_count /* the tree itself, as a place in the timeline */

/* Shared with the clients. */
struct chaos {
	_Atomic int working;
	_Atomic unsigned int commands, refused, unknown, looks;
	/* begun, and under way: one brings back whoever was told to exit */
	_Atomic unsigned int rescans, rescanning;
	struct {
		_Atomic int taken;            /* somebody gives it orders just now */
		_Atomic int order;            /* enum order */
		_Atomic unsigned int rescans; /* begun before it was told to exit */
	} of[SERVICES_MAX];
};
extern struct chaos *chaos;

extern uint64_t chaos_seed;

/* Fails the test with the complaint there is, seed and timeline. */
void chaos_fail(void);

/* Complains, and fails. */
#define CHAOS_FAIL(...)                                                                            \
	do {                                                                                       \
		timeline_object(__VA_ARGS__);                                                      \
		chaos_fail();                                                                      \
	} while (0)

/* Lets time pass; fails when somebody complained. */
void chaos_turn(uint64_t nanoseconds);

/* ---- client.c */

/* Lives while chaos->working; then ends its process. */
_Noreturn void client_live(unsigned int self);

/* Runs svctl to its end; its exit code, or 128 and a signal. `words` end with NULL. */
int client_run(char const *const *words);

/* Is what the record says what was ordered? NULL, or what is not. */
char const *client_undone(struct status const *s, enum order order);

/* ---- monkey.c */

extern pid_t monkey_cinit;
extern struct bites {
	unsigned int supervisors, services, loggers, others, terms, stops, execs, upgrades, cinits,
		all;
} bites;

void monkey_boot(void);
void monkey_live(uint64_t until);
/* Whoever stands still goes on, and what runs ends: nothing more comes of it. */
void monkey_rest(void);
/* While the tree stops. */
void monkey_live_on(void);

/* ---- rest.c */

/* Gives orders where nobody knows what was ordered, waits until all is as ordered, and looks at
 * everything. */
void rest(void);
/* The longest that it took until all was as ordered, ns. */
extern uint64_t rest_longest;

/* ---- leaks.c */

/* Who of our descendants belongs to nobody? 0: none. Else it is noted in `what`. */
int leaks_processes(char *what, size_t size);
/* Is there any? */
int leaks_any(char *what, size_t size);
/* Fails when somebody has more descriptors than it should. */
void leaks_descriptors(void);
extern unsigned int leaks_most_cinit;

#endif
