/* What the benchmark shares with the services that it has supervised: one file on a tmpfs, mapped
 * by all. Times are CLOCK_MONOTONIC nanoseconds, taken by the process to which the event happens,
 * so that nobody polls and nobody's own latency enters a figure. */
#ifndef BENCH_SHARED_H
#define BENCH_SHARED_H

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SHARED_SLOTS 10240
#define SHARED_ENV   "BENCH_SHARED" /* path of the file */

struct slot {
	uint32_t pid, starts; /* of the latest instance; instances so far */
	uint64_t started;     /* when it reached main */
};

struct shared {
	uint32_t target;  /* whoever makes `count` reach it sets `reached` and wakes the futex there
			   */
	uint32_t count;   /* starts of services so far */
	uint32_t reached; /* a futex */
	uint32_t unused;
	uint64_t when; /* the start that reached the target */
	struct slot slot[SHARED_SLOTS];
};

static inline uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline struct shared *shared_map(char const *path)
{
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	void *p = mmap(0, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? 0 : p;
}

#endif
