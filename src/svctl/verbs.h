/* The words that svctl knows: one row a word, and options, usage text, completion and tests
 * read this table. What a letter means to a supervisor is the command table's business (command.h).
 */
#ifndef SVCTL_VERBS_H
#define SVCTL_VERBS_H

#include <stddef.h>
#include <stdint.h>

#include "goal.h"

enum verb_kind {
	VERB_SERVICE, /* a command to each service named */
	VERB_ENABLE,  /* edits the service directory first, then as VERB_SERVICE */
	VERB_DISABLE,
	VERB_WAIT, /* the next word is a condition: verb_condition() */
	VERB_STATUS,
	VERB_LIST,
	VERB_TREE,    /* a command to cinit; no names */
	VERB_UPGRADE, /* the same, and then a wait for all services */
	VERB_VERSION,
	VERB_LINT,  /* a directory, or none */
	VERB_PLAN,  /* up or down, then names */
	VERB_GRAPH, /* names, or none */
	VERB_WHY
};

enum verb_flag {
	VERB_WAITS = 1u << 0,     /* goes on from the acknowledgement to the goal, and reports */
	VERB_ESCALATES = 1u << 1, /* past its time limit it sends a KILL */
	VERB_WAKES = 1u << 2,     /* brings back a supervisor that was told to exit */
	VERB_FORCE = 1u << 3,     /* takes --force */
	VERB_LIMIT = 1u << 4      /* a time limit that runs out has an exit code of its own */
};

struct verb {
	char const *word;
	char letter;         /* the same in one letter; 0: none */
	uint8_t kind;        /* enum verb_kind */
	uint8_t goal;        /* enum goal: what success is, for those who wait */
	uint8_t flags;       /* enum verb_flag */
	uint8_t argument;    /* of the frame */
	char const *letters; /* sent one after the other, each acknowledged before the next; "":
				nothing */
	char const *help;    /* NULL: the help of the command table's row for `letters` */
};

extern struct verb const verb_table[];
extern size_t const verb_count;

/* The row of a word or of a single letter; NULL: there is none. Case matters. */
struct verb const *verb_find(char const *word);

/* The row of a condition of `wait`; NULL: there is none. */
struct verb const *verb_condition(char const *word);

/* The conditions, in the order of the usage text. */
extern struct verb const verb_conditions[];
extern size_t const verb_condition_count;

/* What was probably meant; NULL: nothing is near. */
char const *verb_suggest(char const *word);

/* One line for the usage text, never NULL. */
char const *verb_help(struct verb const *v);

#endif
