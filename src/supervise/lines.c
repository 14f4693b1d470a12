/* Lines on their way to the log; see lines.h. */
#include <skalibs/nonposix.h>

#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include "../lib/fifo.h"
#include "ready.h"
#include "service.h"

#define FIFO     "lines"
#define LOOK_MAX 4096  /* as much of a line is looked at */
#define MOVE_MAX 65536 /* bytes a step */
#define STEPS    16 /* a turn: a service that writes without end must not keep us from commands */

/* Is it the time to look? */
static int looks(struct service const *x)
{
	return x->lines.arrivals >= 0 && x->s.state == STATE_STARTING && x->s.child[ROLE_RUN].pid;
}

/* Where they go; -1: the logger's pipe was let go of. */
static int out_fd(struct service const *x)
{
	return x->sup->has_log ? x->sup->pipe : x->lines.out >= 0 ? x->lines.out : 1;
}

uint32_t lines_left(struct service const *x)
{
	int n;
	return x->lines.fd < 0 || ioctl(x->lines.fd, FIONREAD, &n) < 0 ? 0 : (uint32_t)n;
}

/* ---------------------------------------------------------------------------- descriptors */

static int open_scratch(struct lines *l)
{
	return l->scratch[0] >= 0 ? 0 : pipe2(l->scratch, O_CLOEXEC | O_NONBLOCK);
}

static void close_scratch(struct lines *l)
{
	for (int i = 0; i < 2; i++) {
		if (l->scratch[i] >= 0)
			fd_close(l->scratch[i]);
		l->scratch[i] = -1;
	}
}

/* How standard output is to be written to without waiting, where there is no logger. */
static void choose_out(struct service *x)
{
	struct lines *l = &x->lines;
	struct stat st;

	if (x->sup->has_log || fstat(1, &st) < 0)
		return;
	/* a file's offset is others' too, and splice moves it without a lock; a socket would wait
	 */
	l->plain = !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode);
	/* a terminal waits for its reader, unless it was opened not to */
	if (S_ISCHR(st.st_mode) && l->out < 0)
		l->out = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int open_it(struct service *x)
{
	if (x->lines.fd < 0)
		x->lines.fd = fifo_open(x->dir, FIFO, O_RDWR);
	if (x->lines.fd < 0)
		return -1;
	choose_out(x);
	return 0;
}

int lines_resume(struct service *x)
{
	struct stat st;

	if (!fstatat(x->dir, FIFO, &st, AT_SYMLINK_NOFOLLOW))
		return open_it(x);
	return errno == ENOENT ? 0 : -1;
}

int lines_watch(struct service *x)
{
	struct lines *l = &x->lines;
	/* An unfinished line stays in the FIFO, and poll(2) would tell of it for ever: what is
	 * asked for is what arrives. */
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	if (l->arrivals >= 0)
		return 0;
	if (open_scratch(l) < 0)
		return -1;
	l->arrivals = epoll_create1(EPOLL_CLOEXEC);
	if (l->arrivals >= 0 && !epoll_ctl(l->arrivals, EPOLL_CTL_ADD, l->fd, &e))
		return 0;
	int saved = errno;
	lines_unwatch(x);
	errno = saved;
	return -1;
}

void lines_unwatch(struct service *x)
{
	if (x->lines.arrivals >= 0)
		fd_close(x->lines.arrivals);
	x->lines.arrivals = -1;
	close_scratch(&x->lines);
}

int lines_open(struct service *x)
{
	lines_unwatch(x);
	if (open_it(x) < 0)
		return -1;
	lines_move(x);
	x->lines.ahead = lines_left(x);
	x->lines.cut = 0;
	return lines_watch(x);
}

void lines_close(struct service *x)
{
	lines_unwatch(x);
	if (x->config.kill_mode != KILL_ALL || lines_left(x))
		return;
	if (x->lines.fd >= 0)
		fd_close(x->lines.fd);
	if (x->lines.out >= 0)
		fd_close(x->lines.out);
	x->lines = (struct lines)LINES_ZERO;
}

int lines_child_fd(struct service const *x)
{
	/* read and write: if all others die it waits for a reader instead of dying of SIGPIPE */
	return openat(x->dir, FIFO, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
}

/* --------------------------------------------------------------------------------- moving */

/* To what cannot be spliced to: written first, and taken out of the FIFO then. Should we die in
 * between, it is written twice; the other way round it would be lost. */
static ssize_t copy(struct service *x, size_t max)
{
	struct lines *l = &x->lines;
	char buf[LOOK_MAX];
	ssize_t n, w;

	if (open_scratch(l) < 0)
		return -1;
	n = fifo_peek(l->fd, l->scratch, buf, max < sizeof buf ? max : sizeof buf);
	if (n <= 0)
		return n;
	w = send(out_fd(x), buf, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (w < 0 && errno == ENOTSOCK)
		w = fd_write(out_fd(x), buf, (size_t)n);
	return w <= 0 ? w : fd_read(l->fd, buf, (size_t)w);
}

/* Nobody will ever take it: as if it had been written to a full disk. */
static ssize_t drop(struct service *x, size_t max)
{
	char buf[LOOK_MAX];

	if (!x->lines.said)
		say_errno(x, "pass on", "what run writes", "it is lost");
	x->lines.said = 1;
	return fd_read(x->lines.fd, buf, max < sizeof buf ? max : sizeof buf);
}

/* Moves up to `max` bytes. 0: there are none, or there is no room for them. */
static size_t pass(struct service *x, size_t max)
{
	struct lines *l = &x->lines;
	ssize_t n = -1;

	if (!l->plain)
		n = splice(l->fd, 0, out_fd(x), 0, max, SPLICE_F_NONBLOCK);
	if (!l->plain && n < 0 && errno == EINVAL)
		l->plain = 1;
	if (l->plain)
		n = copy(x, max);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		n = drop(x, max);
	if (n > 0)
		return (size_t)n;
	l->full = lines_left(x) > 0;
	return 0;
}

/* -------------------------------------------------------------------------------- looking */

/* Is one of the texts of ready-line in it? */
static int matches(struct service const *x, char const *line, size_t len)
{
	for (char const *text = x->config.ready_line; *text;) {
		size_t n = strcspn(text, "\n");
		if (n && memmem(line, len, text, n))
			return 1;
		text += n + (text[n] == '\n');
	}
	return 0;
}

/* Looks at the lines in the first `whole` bytes. 1: up to x->lines.ahead they may go on, and there
 * a line begins that makes it ready. */
static int look_at(struct service *x, char const *buf, size_t whole)
{
	struct lines *l = &x->lines;

	for (size_t at = 0; at < whole;) {
		char const *end = memchr(buf + at, '\n', whole - at);
		size_t len = end ? (size_t)(end - (buf + at)) : whole - at;
		if (!l->cut && matches(x, buf + at, len)) {
			l->ahead = (uint32_t)at;
			return 1;
		}
		l->cut = !end;
		at += len + (end != 0);
	}
	l->ahead = (uint32_t)whole;
	return 0;
}

/* Would whoever writes to it have to wait? */
static int is_full(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	return poll(&p, 1, 0) == 0;
}

/* Looks at what is at the head of the FIFO. 0: nothing moves before there is more, or before it is
 * published that it is ready. */
static int look(struct service *x)
{
	struct lines *l = &x->lines;
	char buf[LOOK_MAX];
	uint32_t left = lines_left(x);
	ssize_t n = fifo_peek(l->fd, l->scratch, buf, sizeof buf);

	if (n <= 0)
		return 0;
	char const *end = memrchr(buf, '\n', (size_t)n);
	size_t whole = end ? (size_t)(end - buf) + 1 : 0;
	/* a line longer than what is looked at, or than what there is room for: its beginning
	 * counts, and then it must get out of the way */
	if (!whole && ((size_t)n == sizeof buf || (uint32_t)n < left || is_full(l->fd)))
		whole = (size_t)n;
	if (!whole)
		return 0;
	if (!look_at(x, buf, whole))
		return 1;
	ready_now(x);
	return 0; /* the line itself goes on in the next turn, when that is published */
}

int lines_poll(struct service const *x, short *events)
{
	struct lines const *l = &x->lines;

	*events = POLLIN;
	if (l->fd < 0 || out_fd(x) < 0)
		return -1;
	if (!l->full)
		return looks(x) ? l->arrivals : l->fd;
	*events = POLLOUT;
	return out_fd(x);
}

void lines_move(struct service *x)
{
	struct lines *l = &x->lines;
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	if (l->fd < 0 || out_fd(x) < 0)
		return;
	if (l->arrivals >= 0)
		epoll_wait(
			l->arrivals, &e, 1, 0); /* before we look: what comes later tells again */
	l->full = 0;
	for (int i = 0; i < STEPS; i++) {
		if (!l->ahead && looks(x)) {
			if (!look(x))
				return;
			continue;
		}
		size_t n = pass(x, l->ahead ? l->ahead : MOVE_MAX);
		if (!n)
			return;
		l->ahead -= l->ahead ? (uint32_t)n : 0;
	}
	e = (struct epoll_event){ .events = EPOLLIN | EPOLLET };
	if (looks(x)) /* there is more, and the next turn is to be told so */
		epoll_ctl(l->arrivals, EPOLL_CTL_MOD, l->fd, &e);
}
