/* A supervisor is stopped at its system calls, so that a test can do something in between. */
#ifndef TESTS_TRACE_H
#define TESTS_TRACE_H

#include "tree.h"

/* Stops the supervisor of p (from place_supervise), wherever it is. */
void trace_attach(struct place *p);

/* Lets it go on to the next beginning or end of a system call. 1: it stands there. 0: it waits in
 * poll, and goes on waiting: it is not stopped. */
int trace_step(struct place *p);

/* Lets it go its own way; stopped or not. */
void trace_detach(struct place *p);

/* Does it wait in poll(2)? */
int trace_in_poll(pid_t pid);

/* ------------------------------------------------------------------ killed at its system calls */

/* Every point of a story is run with $CINIT_TEST_FULL, else one in this many, which ones by chance.
 */
#define TRACE_STRIDE 11

/* May processes be traced? Else the test is skipped. */
void trace_needed(void);

/* For tree.before_exec: to be traced from the first system call on. */
void trace_me(void);

/* The child that was started with it stands at its beginning. */
void trace_begun(pid_t pid);

/* Stops a process wherever it is; from now on at its system calls. */
void trace_seize(pid_t pid);

/* Lets it run up to its system call number n, and kills it there: 1. Where `there` says that p's
 * goal is reached and the process waits in poll before that, it is killed then: 0. It is not waited
 * for. */
int trace_kill_at(pid_t pid, unsigned int n, struct place *p,
	int (*there)(struct place *p, void const *data), void const *data);

/* Runs a story with each number from 0 on ($CINIT_TEST_FULL), or each `stride`th from a random one
 * on, until it returns 0, and says how many points there were. */
void trace_story(
	int (*one)(void const *story, unsigned int n), unsigned int stride, void const *story);

#endif
