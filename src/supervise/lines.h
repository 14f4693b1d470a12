/* The lines of a service with ready-line: looked at on their way to the log.
 *
 * Its standard output is the FIFO `lines`, and the supervisor moves what comes out of it into the
 * log pipe, or where there is no logger to its own standard output. Nothing of it ever is in this
 * process only:
 *
 * - While the service starts, what has arrived is copied by tee(2), which leaves it where it is,
 * and looked at. Then whole lines go on by splice(2), from pipe to pipe. An unfinished line stays,
 * so that whoever looks next sees it from its beginning.
 * - The line that makes the service ready stays until the record says that it is: what is moved
 *   first could be missed by a successor, what is published first cannot.
 * - When the service is ready, splice alone goes on: the process has this FIFO for life.
 *
 * Either call is atomic to a death of ours, so a byte is in one of the two pipes, in its order,
 * and nowhere else. The service has the FIFO open for reading as well, and cinit holds it: it
 * outlives us. A standard output that is no pipe is the exception, see copy(). */
#ifndef SUPERVISE_LINES_H
#define SUPERVISE_LINES_H

#include <poll.h>
#include <stdint.h>

struct service;

struct lines {
	int fd;         /* the FIFO; -1: run writes elsewhere */
	int out;        /* a terminal's own descriptor; -1: the log pipe, or standard output */
	int arrivals;   /* while it is looked at: tells of what arrives; -1 */
	int scratch[2]; /* a pipe for copies; -1 */
	uint32_t ahead; /* bytes at the head of the FIFO that were looked at, and did not go on yet
			 */
	uint8_t full;   /* where they go there is no room */
	uint8_t cut;    /* the head is in the middle of a line */
	uint8_t plain;  /* what they go to cannot be spliced to */
	uint8_t said;   /* that nobody takes them */
};

#define LINES_ZERO                                                                                 \
	{                                                                                          \
		.fd = -1, .out = -1, .arrivals = -1, .scratch = { -1, -1 }                         \
	}

/* A predecessor's FIFO, where there is one: what is in it goes on. 0, or -1 with errno. */
int lines_resume(struct service *x);

/* Before run is forked: makes the FIFO. What is in it is a former run's, and is not looked at. 0,
 * or -1 with errno. */
int lines_open(struct service *x);

/* Begins to look at them. 0, or -1 with errno. */
int lines_watch(struct service *x);

/* It is ready, or runs no more: nothing is looked at. */
void lines_unwatch(struct service *x);

/* Before a run that writes elsewhere: the FIFO is let go of where nobody can have it any more. */
void lines_close(struct service *x);

/* What to wait for. -1: nothing. */
int lines_poll(struct service const *x, short *events);

/* That has come: moves what there is. */
void lines_move(struct service *x);

/* Bytes that wait in the FIFO. */
uint32_t lines_left(struct service const *x);

/* In a child: its standard output, or -1 with errno. */
int lines_child_fd(struct service const *x);

#endif
