/* A process is stopped at its system calls, so that a test can do something in between, kill it
 * there, or have the call refused. */
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
void trace_release(pid_t pid);

/* Does it wait in poll(2)? */
int trace_in_poll(pid_t pid);

/* -------------------------------------------------------- killed, or refused, at a system call */

/* Every point of a story is run with $CINIT_TEST_FULL, else one in this many, which ones by chance.
 */
#define TRACE_STRIDE 11

/* May processes be traced? Else the test is skipped. */
void trace_needed(void);

/* For tree.before_exec: to be traced from its execve on. */
void trace_me(void);

/* The child that was started with it is traced from here on. */
void trace_begun(pid_t pid);

/* Stops a process wherever it is; from now on at its system calls. */
void trace_seize(pid_t pid);

/* Lets it run to the next beginning or end of a system call: 1, it stands there. Where `there` says
 * that p's goal is reached and the process waits in poll before that: 0. */
int trace_to_call(pid_t pid, struct place *p, int (*there)(struct place *p, void const *data),
	void const *data);

/* Lets it run up to its system call number n, and kills it there: 1. Where its goal is reached
 * before that, it is killed then: 0. It is not waited for. */
int trace_kill_at(pid_t pid, unsigned int n, struct place *p,
	int (*there)(struct place *p, void const *data), void const *data);

/* Lets it run up to the one numbered n of the system calls that can fail with `error` (ENOMEM;
 * EMFILE or ENFILE; EAGAIN: a fork), which is not done and says so, and lets it go its own way:
 * `call` names it. Where its goal is reached before that, it goes its own way from there: NULL. */
char const *trace_refuse_at(pid_t pid, unsigned int n, int error, struct place *p,
	int (*there)(struct place *p, void const *data), void const *data);

/* Can it be done on this machine? Else the test is skipped. */
void trace_refusal_needed(void);

/* Runs a story with each number from 0 on ($CINIT_TEST_FULL), or each `stride`th from a random one
 * on, until it returns 0, and says `what` was done at how many points. */
void trace_story(int (*one)(void const *story, unsigned int n), unsigned int stride,
	char const *what, void const *story);

#endif
