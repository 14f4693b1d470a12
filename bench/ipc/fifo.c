/* FIFOs: the pair as built, with the record, and a pair of which one carries the answers as bytes.
 */
#include "ipc/ways.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------ as built */

static int fifo_own(struct end *e)
{
	return e->ipc ? 0 : -1; /* the record brings the pair with it */
}

static int fifo_take(struct end *e, uint64_t *id)
{
	struct message m;
	for (;;) {
		struct pollfd p = { .fd = cinit_ipc_fd(e->ipc), .events = POLLIN };
		int got = cinit_ipc_listen(e->ipc, &m);
		if (got < 0)
			return -1;
		if (got && m.id) {
			*id = m.id;
			return 0;
		}
		if (!got && !cinit_ipc_pending(e->ipc) && poll(&p, 1, -1) < 0 && errno != EINTR)
			return -1;
	}
}

static int fifo_answer(struct end *e, uint64_t id)
{
	status_acknowledge(&e->status, e->ring, id, RESULT_DONE, WHY_NONE);
	e->status.change++;
	return cinit_ipc_publish(e->ipc, &e->status, e->ring) < 0 ? -1 : 0;
}

static int fifo_join(struct end *e)
{
	enum status_error error = cinit_ipc_watch(&e->client, &e->status, e->ring);
	return error == STATUS_OK ? 0 : -1;
}

static int fifo_send(struct end *e, uint64_t id)
{
	struct message m = { .id = id, .command = 'u' };
	enum cinit_sent sent = cinit_ipc_send(&e->client, &m);
	if (sent == CINIT_FULL)
		errno = EAGAIN;
	return sent == CINIT_SENT ? 0 : -1;
}

/* A frame's first bytes. */
static int fifo_half(struct end *e)
{
	static char const head[] = { 0x01, (char)0x80, (char)0x92, (char)0x80, (char)0xaa };
	char path[20];
	snprintf(path, sizeof path, "%s/in", e->name);
	e->client.in = openat(e->client.base, path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return write(e->client.in, head, sizeof head) == sizeof head ? 0 : -1;
}

static int fifo_await(struct end *e, uint64_t id)
{
	while (status_answer(e->ring, id) < 0) {
		struct pollfd p = { .fd = e->client.out };
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return -1;
		uint32_t supervisor = e->status.supervisor;
		if (fifo_join(e) < 0)
			return -1;
		/* it hung up and nothing was published: its owner is gone */
		if (status_answer(e->ring, id) < 0 && e->status.supervisor == supervisor &&
			cinit_ipc_probe(e->client.base, e->name) != CINIT_SENT) {
			errno = EPIPE;
			return -1;
		}
	}
	return 0;
}

static void fifo_leave(struct end *e)
{
	cinit_ipc_release(&e->client);
}

struct way const way_fifo = { "fifo", "FIFO pair, as built", 2, 1, fifo_own, fifo_take, fifo_answer,
	fifo_join, fifo_send, fifo_half, fifo_await, fifo_leave };

/* --------------------------------------------------------------------------------------- bytes */

static int bytes_open(struct end *e, int mode)
{
	e->fd[0] = openat(e->dir, "to", mode | O_CLOEXEC | O_NONBLOCK);
	e->fd[1] = openat(e->dir, "from", O_RDWR | O_CLOEXEC);
	return e->fd[0] < 0 || e->fd[1] < 0 ? -1 : 0;
}

static int bytes_own(struct end *e)
{
	if ((mkfifoat(e->dir, "to", 0600) < 0 || mkfifoat(e->dir, "from", 0600) < 0) &&
		errno != EEXIST)
		return -1;
	return bytes_open(e, O_RDWR);
}

static int bytes_take(struct end *e, uint64_t *id)
{
	struct letter l;
	struct pollfd p = { .fd = e->fd[0], .events = POLLIN };
	while (poll(&p, 1, -1) < 0 || read(e->fd[0], &l, sizeof l) != (ssize_t)sizeof l)
		;
	*id = l.id;
	return 0;
}

static int bytes_answer(struct end *e, uint64_t id)
{
	struct letter l = { .id = id };
	return write(e->fd[1], &l, sizeof l) == (ssize_t)sizeof l ? 0 : -1;
}

static int bytes_join(struct end *e)
{
	return bytes_open(e, O_WRONLY);
}

static int bytes_send(struct end *e, uint64_t id)
{
	struct letter l = { .id = id };
	return write(e->fd[0], &l, sizeof l) == (ssize_t)sizeof l ? 0 : -1;
}

static int bytes_half(struct end *e)
{
	struct letter l = { .id = 1 };
	return write(e->fd[0], &l, sizeof l / 2) > 0 ? 0 : -1;
}

static int bytes_await(struct end *e, uint64_t id)
{
	struct letter l;
	do
		if (read(e->fd[1], &l, sizeof l) != (ssize_t)sizeof l)
			return -1;
	while (l.id != id);
	return 0;
}

static void bytes_leave(struct end *e)
{
	close(e->fd[0]);
	close(e->fd[1]);
}

struct way const way_bytes = { "bytes", "FIFO pair, answers as bytes", 2, 0, bytes_own, bytes_take,
	bytes_answer, bytes_join, bytes_send, bytes_half, bytes_await, bytes_leave };
