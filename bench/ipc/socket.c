/* Unix sockets: a stream with a connection for each client, and datagrams. */
#include "ipc/ways.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Through the directory's descriptor: a path of any length fits. */
static struct sockaddr_un address(struct end const *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/socket", e->dir);
	return a;
}

static int make(struct end *e, int type)
{
	struct sockaddr_un a = address(e);
	e->fd[0] = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	unlinkat(e->dir, "socket", 0);
	return e->fd[0] < 0 ? -1 : bind(e->fd[0], (struct sockaddr *)&a, sizeof a);
}

static int call(struct end *e, int type)
{
	struct sockaddr_un a = address(e);
	e->fd[0] = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	return e->fd[0] < 0 ? -1 : connect(e->fd[0], (struct sockaddr *)&a, sizeof a);
}

static int send_letter(struct end *e, uint64_t id)
{
	struct letter l = { .id = id, .from = (uint32_t)getpid() };
	return send(e->fd[0], &l, sizeof l, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof l ? 0
											      : -1;
}

static int await_letter(struct end *e, uint64_t id)
{
	struct letter l;
	do {
		ssize_t n = recv(e->fd[0], &l, sizeof l, 0);
		if (n != (ssize_t)sizeof l) {
			errno = n < 0 ? errno : EPIPE;
			return -1;
		}
	} while (l.id != id);
	return 0;
}

static void leave(struct end *e)
{
	close(e->fd[0]);
}

/* -------------------------------------------------------------------------------------- stream */

static int stream_own(struct end *e)
{
	return make(e, SOCK_STREAM) < 0 ? -1 : listen(e->fd[0], 128);
}

/* One client at a time is enough for what is measured; more wait in the backlog, but one that
 * sends half and stays is given up when another comes. */
static int stream_take(struct end *e, uint64_t *id)
{
	struct letter l;
	size_t have = 0;
	for (;;) {
		struct pollfd p[2] = { { .fd = e->fd[0], .events = POLLIN },
			{ .fd = e->fd[1], .events = POLLIN } };
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents) {
			ssize_t n = recv(e->fd[1], (char *)&l + have, sizeof l - have, 0);
			have = n > 0 ? have + (size_t)n : 0;
			if (n <= 0) {
				close(e->fd[1]);
				e->fd[1] = -1;
			}
			if (have < sizeof l)
				continue;
			*id = l.id;
			return 0;
		}
		if (e->fd[1] >= 0)
			close(e->fd[1]);
		have = 0;
		e->fd[1] = accept4(e->fd[0], 0, 0, SOCK_CLOEXEC);
	}
}

static int stream_answer(struct end *e, uint64_t id)
{
	struct letter l = { .id = id };
	return send(e->fd[1], &l, sizeof l, MSG_NOSIGNAL) == (ssize_t)sizeof l ? 0 : -1;
}

static int stream_join(struct end *e)
{
	return call(e, SOCK_STREAM);
}

static int stream_half(struct end *e)
{
	struct letter l = { .id = 1 };
	return send(e->fd[0], &l, sizeof l / 2, MSG_NOSIGNAL) > 0 ? 0 : -1;
}

struct way const way_stream = { "stream", "unix stream socket", 1, 0, stream_own, stream_take,
	stream_answer, stream_join, send_letter, stream_half, await_letter, leave };

/* ------------------------------------------------------------------------------------ datagram */

static struct sockaddr_un sender; /* of the last command, in an owner */
static socklen_t sender_length;

static int datagram_own(struct end *e)
{
	return make(e, SOCK_DGRAM);
}

static int datagram_take(struct end *e, uint64_t *id)
{
	struct letter l;
	do
		sender_length = sizeof sender;
	while (recvfrom(e->fd[0], &l, sizeof l, 0, (struct sockaddr *)&sender, &sender_length) !=
		(ssize_t)sizeof l);
	*id = l.id;
	return 0;
}

static int datagram_answer(struct end *e, uint64_t id)
{
	struct letter l = { .id = id };
	return sendto(e->fd[0], &l, sizeof l, MSG_NOSIGNAL, (struct sockaddr *)&sender,
		       sender_length) == (ssize_t)sizeof l
		       ? 0
		       : -1;
}

/* With a name of its own that the kernel makes up, or nobody could answer. */
static int datagram_join(struct end *e)
{
	struct sockaddr_un const own = { .sun_family = AF_UNIX }, to = address(e);
	e->fd[0] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (e->fd[0] < 0 || bind(e->fd[0], (struct sockaddr const *)&own, sizeof(sa_family_t)) < 0)
		return -1;
	return connect(e->fd[0], (struct sockaddr const *)&to, sizeof to);
}

struct way const way_datagram = { "datagram", "unix datagram socket", 1, 0, datagram_own,
	datagram_take, datagram_answer, datagram_join, send_letter, 0, await_letter, leave };
