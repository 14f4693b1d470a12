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

#endif
