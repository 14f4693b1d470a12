/* A program of a service directory made ready to be executed: its arguments and its environment.
 * For the child that becomes it, in the service directory, before exec; never prints. */
#ifndef CINIT_EXECUTION_H
#define CINIT_EXECUTION_H

#include <skalibs/stralloc.h>

#define EXECUTION_BLAME 152

struct execution {
	char const *path; /* "./run"; from the caller, as it was to be called */
	stralloc arguments, changes;
	char const **argv, **envp;   /* made by execution_ready */
	char blame[EXECUTION_BLAME]; /* what is wrong, after a failure: "run.env line 3" */
};
#define EXECUTION_ZERO                                                                             \
	{                                                                                          \
		.arguments = STRALLOC_ZERO, .changes = STRALLOC_ZERO                               \
	}

/* All of these: 0, or -1 with errno and `blame`. errno 0: what is there is not allowed, and `blame`
 * says what is; trying again would not mend it. */

/* One more argument. */
int execution_argument(struct execution *e, char const *text);

/* The lines of file `params` as arguments. */
int execution_arguments(struct execution *e, char const *params);

/* The environment of directory `env`, of file `file`; either may be NULL. */
int execution_environment(struct execution *e, char const *env, char const *file);

/* One more variable. */
int execution_variable(struct execution *e, char const *name, char const *value);

/* argv and envp, of what was gathered and of our own environment. argv[0] is where a link leads to,
 * so that a link to a binary needs no shell and is called by the binary's name; else the path. */
int execution_ready(struct execution *e);

/* Executes; returns only when that failed, with errno. */
void execution_go(struct execution const *e);

#endif
