/* How a service tells that it is ready, and that it is well.
 *
 * One descriptor at most: the FIFO `ready` behind notification-fd (a newline is the word), or the
 * socket `notify` of sd_notify(3). Both have names, so that a successor can listen again. A line of
 * its output may be the word, see lines.h. `check` is a program that is run again and again while
 * it is needed: until it exits 0, and where health-interval is set for as long as the service is
 * up. */
#ifndef SUPERVISE_READY_H
#define SUPERVISE_READY_H

#include <stddef.h>

struct service;

/* Opens what run will write to, before it is forked. 0, or -1 with errno. Closes a former one. */
int ready_open(struct service *x);

/* The word has come. */
void ready_now(struct service *x);

/* run has executed: is that all? Else begins to check. */
void ready_executed(struct service *x);

/* Something was written. */
void ready_read(struct service *x);

/* A check is due, or takes too long. */
void ready_check_due(struct service *x);
void ready_check_ended(struct service *x, int wstat, int known);

/* The watchdog was not fed. */
void ready_watchdog_due(struct service *x);

/* It runs no more: nothing is listened to and nothing checked. */
void ready_close(struct service *x);

/* After a predecessor: listens and checks again. */
void ready_resume(struct service *x);

/* The path of its socket for sd_notify(3). 0, or -1 with errno. */
int ready_socket(struct service const *x, char *path, size_t size);

/* In the child: the descriptor that run tells by. -1: it could not be opened. */
int ready_child_fd(struct service const *x);

#endif
