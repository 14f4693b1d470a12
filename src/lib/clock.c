/* Time: the two clocks, and waiting. */
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#define REFUSED_PAUSE (CLOCK_SECOND / 10)

uint64_t clock_boottime(void)
{
	struct timespec t = { 0 };
	if (clock_system(CLOCK_BOOTTIME, &t) < 0)
		clock_system(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * CLOCK_SECOND + (uint64_t)t.tv_nsec;
}

void clock_label(uint64_t *sec, uint32_t *nsec)
{
	struct timespec t = { 0 };
	clock_system(CLOCK_REALTIME, &t);
	*sec = CLOCK_TAI_EPOCH + (uint64_t)t.tv_sec;
	*nsec = (uint32_t)t.tv_nsec;
}

uint64_t clock_earlier(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

static struct timespec timespec_of(uint64_t t)
{
	return (struct timespec){
		.tv_sec = (time_t)(t / CLOCK_SECOND),
		.tv_nsec = (long)(t % CLOCK_SECOND),
	};
}

/* Not iopause: it counts on from its own clock, and after EINTR it waits the whole time again. */
int clock_poll(struct pollfd *fds, unsigned int n, uint64_t deadline)
{
	for (;;) {
		uint64_t now = deadline ? clock_boottime() : 0;
		uint64_t left = deadline > now ? deadline - now : 0;
		struct timespec timeout = timespec_of(left);
		int r = ppoll(fds, n, deadline ? &timeout : NULL, NULL);
		int refused = r < 0 && errno == ENOMEM;
		if (r > 0 || (r < 0 && errno != EINTR && !refused))
			return r;
		/* Nothing was ready, and of so many descriptors the kernel has no memory to make a
		 * list: it is asked again, but not at once. */
		if (refused) {
			timeout = timespec_of(
				deadline && left < REFUSED_PAUSE ? left : REFUSED_PAUSE);
			ppoll(NULL, 0, &timeout, NULL);
		}
		/* ppoll's clock stands still while the machine sleeps and may round: ask ours. */
		if ((r == 0 || refused) && deadline && clock_boottime() >= deadline)
			return 0;
	}
}
