/* Time. Deadlines are CLOCK_BOOTTIME in nanoseconds since boot (uint64_t, 0: none): they
 * survive the process, and no clock that is set moves them. Labels for people and for
 * runit's clients are wall clock. */
#ifndef CINIT_CLOCK_H
#define CINIT_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND    UINT64_C(1000000000)
#define CLOCK_MILLISEC  UINT64_C(1000000)
#define CLOCK_TAI_EPOCH UINT64_C(4611686018427387914) /* runit's: 2^62 + 10, no leap seconds */

/* As clock_gettime(2). */
int clock_system(clockid_t clock, struct timespec *t);

/* Nanoseconds of CLOCK_BOOTTIME; CLOCK_MONOTONIC where a kernel lacks it. */
uint64_t clock_boottime(void);

/* Wall clock now as a TAI64N label by runit's epoch. */
void clock_label(uint64_t *sec, uint32_t *nsec);

/* The earlier of two deadlines, 0 meaning none. */
uint64_t clock_earlier(uint64_t a, uint64_t b);

/* poll(2) through skalibs until `deadline` (0: for ever). Count of ready descriptors, 0 when the
 * deadline has passed, -1 with errno. EINTR and ENOMEM are no errors: it polls again. */
struct pollfd;
int clock_poll(struct pollfd *fds, unsigned int n, uint64_t deadline);

#endif
