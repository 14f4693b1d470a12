/* Shared memory: a page of each service with a place for one command, and a futex in it. */
#include "ipc/ways.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FREE, WRITTEN, COMMAND, ANSWERED }; /* WRITTEN: somebody is writing one */

struct page {
	_Atomic uint32_t state;
	struct letter letter;
};

static int map(struct end *e, int flags)
{
	int fd = openat(e->dir, "page", O_RDWR | O_CLOEXEC | flags, 0600);
	if (fd < 0)
		return -1;
	void *p = ftruncate(fd, 4096) < 0
			  ? MAP_FAILED
			  : mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd); /* a mapping needs none */
	if (p == MAP_FAILED)
		return -1;
	e->memory = p;
	return 0;
}

static void change(struct page *p, uint32_t state)
{
	atomic_store(&p->state, state);
	syscall(SYS_futex, &p->state, FUTEX_WAKE, INT32_MAX, 0, 0, 0);
}

static void wait_for(struct page *p, uint32_t state)
{
	uint32_t now;
	while ((now = atomic_load(&p->state)) != state)
		syscall(SYS_futex, &p->state, FUTEX_WAIT, now, 0, 0, 0);
}

static int shared_own(struct end *e)
{
	return map(e, O_CREAT);
}

static int shared_take(struct end *e, uint64_t *id)
{
	struct page *p = e->memory;
	wait_for(p, COMMAND);
	*id = p->letter.id;
	return 0;
}

static int shared_answer(struct end *e, uint64_t id)
{
	(void)id;
	change(e->memory, ANSWERED);
	return 0;
}

static int shared_join(struct end *e)
{
	return map(e, 0);
}

static int shared_send(struct end *e, uint64_t id)
{
	struct page *p = e->memory;
	uint32_t expected = FREE;
	if (!atomic_compare_exchange_strong(&p->state, &expected, WRITTEN)) {
		errno = EAGAIN;
		return -1;
	}
	p->letter.id = id;
	change(p, COMMAND);
	return 0;
}

static int shared_half(struct end *e)
{
	struct page *p = e->memory;
	atomic_store(&p->state, WRITTEN);
	return 0;
}

static int shared_await(struct end *e, uint64_t id)
{
	(void)id;
	wait_for(e->memory, ANSWERED);
	change(e->memory, FREE);
	return 0;
}

static void shared_leave(struct end *e)
{
	munmap(e->memory, 4096);
}

struct way const way_shared = { "shared", "shared memory and futex", 0, 0, shared_own, shared_take,
	shared_answer, shared_join, shared_send, shared_half, shared_await, shared_leave };
