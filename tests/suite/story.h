/* What a supervisor goes through while something is done to it at one of its system calls: stories,
 * and what shall have come of each of them whatever that was. */
#ifndef TESTS_STORY_H
#define TESTS_STORY_H

#include "trace.h"

#define STORY_COUNT 18

struct story {
	char const *name;
	char const *finish; /* a script, NULL: none */
	int with_log;
	int ready;    /* it says when it is ready */
	int needs;    /* it needs another one, which is up */
	int needed;   /* another one needs it */
	int controls; /* it has scripts for its start, for TERM, and for down */
	int letter;   /* what it is told when it is up; 0: nothing */
	int oneshot;  /* on brings it up, off brings it down */
	int workers;  /* it has a child in a session of its own */
	int adopted;  /* it was started by a supervisor before */
	int heir;     /* the supervisor is watched from its start on, and takes over what is up */
	int crashes;  /* its process is killed when it is up */
	/* With none of these three the supervisor is watched from its start on. What shall come of
	 * it: */
	enum status_state goal;
	uint32_t starts, deaths;
	unsigned int lines;
	char const *said; /* by the scripts, from the telling to the goal: sorted lines */
	char const *last; /* and when it was told to exit after that */
};

/* A story that goes on. */
struct course {
	struct story const *story;
	struct place p;
	struct place other;   /* what it needs, or what needs it */
	struct place both[2]; /* it, and its logger */
	struct message m;     /* what it was told */
};

extern struct story const stories[STORY_COUNT];

/* Up to where it is told something; its supervisor is traced, and a name is made of n. */
void story_begin(struct course *c, struct story const *story, unsigned int n);

/* Is it told when it is up, and not watched from its supervisor's start on? */
int story_told(struct story const *story);

/* For trace_kill_at; data is the course. */
int story_at_goal(struct place *p, void const *data);

/* As svctl sends: the same frame again when its supervisor died before it was answered. */
void story_send(struct course *c);

/* It is where it shall be, or waits for that; all of it has happened, and nothing twice. Then it is
 * told to exit, and nothing is left. */
void story_end(struct course *c, unsigned int n);

#endif
