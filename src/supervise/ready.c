/* Readiness and health; see ready.h. */
#include <skalibs/nonposix.h>

#include "ready.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include "../lib/clock.h"
#include "../lib/fifo.h"
#include "../lib/process.h"
#include "service.h"

#define FIFO       "ready"
#define SOCKET     "notify"
#define NOTICE_MAX 4096 /* as much as one datagram may hold */
#define READS_MAX  64   /* a turn: who writes without end must not make us deaf to others */
#define STALE_MAX  8192 /* reads; more than the largest pipe that a user may make of a FIFO */

static uint64_t later(uint32_t ms)
{
	return ms ? clock_boottime() + (uint64_t)ms * CLOCK_MILLISEC : 0;
}

/* ------------------------------------------------------------------------ the descriptor */

/* Both ends: without a writer of ours the service's closing it would be an end to spin on. */
static int open_fifo(struct service *x)
{
	return fifo_open(x->dir, FIFO, O_RDWR);
}

int ready_socket(struct service const *x, char *path, size_t size)
{
	int len =
		snprintf(path, size, "%s%s/" SOCKET, x->sup->o->state_dir, x->is_log ? "/log" : "");

	errno = ENAMETOOLONG;
	return len < 0 || (size_t)len >= size ? -1 : 0;
}

static int open_socket(struct service *x)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int on = 1;

	if (ready_socket(x, a.sun_path, sizeof a.sun_path) < 0)
		return -1;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	unlinkat(x->dir, SOCKET, 0);
	/* anybody may write to it: who may be believed is judged by the sender's pid */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ||
		bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
		fchmodat(x->dir, SOCKET, 0666, 0) < 0) {
		fd_close(fd);
		return -1;
	}
	return fd;
}

/* What a logger writes is no log. */
static int by_line(struct service const *x)
{
	return x->config.kind == KIND_RUN && x->config.ready == READY_LINE && !x->is_log;
}

int ready_open(struct service *x)
{
	char old[256];

	ready_close(x);
	if (by_line(x))
		return lines_open(x);
	lines_close(x);
	if (x->config.kind != KIND_RUN ||
		(x->config.ready != READY_FD && x->config.ready != READY_NOTIFY))
		return 0;
	/* what is left of a former run may have the FIFO open still */
	if (x->config.ready == READY_FD && x->config.kill_mode != KILL_ALL)
		unlinkat(x->dir, FIFO, 0);
	x->ready_fd = x->config.ready == READY_FD ? open_fifo(x) : open_socket(x);
	if (x->ready_fd < 0)
		return -1;
	/* what a former run said does not speak for this one */
	for (int i = 0; x->config.ready == READY_FD && i < STALE_MAX; i++)
		if (fd_read(x->ready_fd, old, sizeof old) <= 0)
			break;
	return 0;
}

int ready_child_fd(struct service const *x)
{
	/* read and write, too: no SIGPIPE if nobody listens for a moment */
	return openat(x->dir, FIFO, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
}

void ready_close(struct service *x)
{
	if (x->ready_fd >= 0)
		fd_close(x->ready_fd);
	x->ready_fd = -1;
	lines_unwatch(x);
	x->s.deadline[DEADLINE_CHECK] = x->s.watchdog = 0;
	x->unwell = 0;
}

/* ------------------------------------------------------------------------------- the word */

void ready_now(struct service *x)
{
	if (x->s.state != STATE_STARTING)
		return;
	service_mended(x, 1u << REASON_TIMEOUT | 1u << REASON_HEALTH);
	lines_unwatch(x);
	x->s.deadline[DEADLINE_START] = 0;
	x->s.deadline[DEADLINE_CHECK] =
		x->config.entries & ENTRY_CHECK ? later(x->config.health_interval) : 0;
	service_event(x, EVENT_READY);
}

void ready_executed(struct service *x)
{
	switch (x->config.ready) {
	case READY_EXEC:
		ready_now(x);
		break;
	case READY_CHECK:
		x->s.deadline[DEADLINE_CHECK] = 1; /* at once */
		break;
	case READY_LINE:
		if (!by_line(x))
			ready_now(x);
		break;
	case READY_FD:
	case READY_NOTIFY:
		break;
	}
	if (x->config.ready == READY_NOTIFY)
		x->s.watchdog = later(x->config.watchdog);
}

/* What comes without a newline is taken. */
static int has_newline(struct service *x, int const scratch[2])
{
	char buf[256];
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = fifo_peek(x->ready_fd, scratch, buf, sizeof buf);
		if (n > 0 && memchr(buf, '\n', (size_t)n))
			return 1;
		/* where it cannot be looked at, the newline is taken, too */
		n = fd_read(x->ready_fd, buf, n > 0 ? (size_t)n : sizeof buf);
		if (n <= 0)
			return 0;
		if (memchr(buf, '\n', (size_t)n))
			return 1;
	}
	return 0;
}

/* The newline stays in the FIFO until the record says what it says: should we die before, the next
 * one finds it. */
static void read_fifo(struct service *x)
{
	int scratch[2] = { -1, -1 };

	pipenbcoe(scratch);
	if (has_newline(x, scratch)) {
		ready_now(x);
		if (x->dirty)
			service_publish(x);
		fd_close(x->ready_fd);
		x->ready_fd = -1;
	}
	if (scratch[0] >= 0) {
		fd_close(scratch[0]);
		fd_close(scratch[1]);
	}
}

static void says(struct service *x, char const *text, size_t len)
{
	char line[STATUS_TEXT];
	size_t n = 0;
	for (; n < len && n < sizeof line - 1; n++)
		line[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? ' ' : text[n];
	line[n] = 0;
	if (x->s.reason == REASON_NONE || x->s.reason == REASON_STATUS)
		service_reason(x, n ? REASON_STATUS : REASON_NONE, 0, line);
}

/* One line of a notice. MAINPID and all that is not known is passed over. */
static void notice(struct service *x, char const *line, size_t len)
{
	if (len == 7 && !memcmp(line, "READY=1", 7))
		ready_now(x);
	else if (len == 10 && !memcmp(line, "WATCHDOG=1", 10))
		x->s.watchdog = later(x->config.watchdog);
	else if (len == 10 && !memcmp(line, "STOPPING=1", 10))
		says(x, "stopping", 8);
	else if (len == 11 && !memcmp(line, "RELOADING=1", 11))
		says(x, "reloading", 9);
	else if (len >= 7 && !memcmp(line, "STATUS=", 7))
		says(x, line + 7, len - 7);
}

/* What else came with a message. musl's macro converts a sign on the way. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
static struct cmsghdr *next_part(struct msghdr *m, struct cmsghdr *c)
{
	return c ? CMSG_NXTHDR(m, c) : CMSG_FIRSTHDR(m);
}
#pragma GCC diagnostic pop

/* Only run itself and what is in its session speak for the service. */
static int is_ours(struct service const *x, struct msghdr *m)
{
	uint32_t run = x->s.child[ROLE_RUN].pid;
	for (struct cmsghdr *c = next_part(m, 0); c; c = next_part(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred u;
			memcpy(&u, CMSG_DATA(c), sizeof u);
			return run && ((uint32_t)u.pid == run ||
					      (u.pid > 0 && process_session(u.pid) == (pid_t)run));
		}
	return 0;
}

/* Descriptors that somebody passed along are not ours to keep. */
static void close_passed(struct msghdr *m)
{
	for (struct cmsghdr *c = next_part(m, 0); c; c = next_part(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			for (size_t i = 0; i < n; i++) {
				int fd;
				memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
				fd_close(fd);
			}
		}
}

static void read_socket(struct service *x)
{
	char text[NOTICE_MAX], control[1024];
	for (int i = 0; i < 16 && x->ready_fd >= 0; i++) {
		struct iovec v = { text, sizeof text };
		struct msghdr m = { .msg_iov = &v,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof control };
		ssize_t n = recvmsg(x->ready_fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0)
			return;
		close_passed(&m);
		/* a stranger's, one that is cut, one with a NUL: as if it had not come. It is no
		 * change either: anybody could keep us publishing. */
		if (!is_ours(x, &m) || (m.msg_flags & MSG_TRUNC) || memchr(text, 0, (size_t)n)) {
			x->ipc.decoder.noise++;
			continue;
		}
		for (ssize_t at = 0; at < n;) {
			char const *end = memchr(text + at, '\n', (size_t)(n - at));
			size_t len = end ? (size_t)(end - (text + at)) : (size_t)(n - at);
			notice(x, text + at, len);
			at += (ssize_t)len + 1;
		}
	}
}

void ready_read(struct service *x)
{
	if (x->config.ready == READY_FD)
		read_fifo(x);
	else
		read_socket(x);
}

/* ----------------------------------------------------------------------------- the check */

void ready_check_due(struct service *x)
{
	if (x->s.child[ROLE_CHECK].pid) { /* it takes too long: its end counts as a failure */
		service_kill_script(x, ROLE_CHECK);
		return;
	}
	if (x->s.state != STATE_STARTING && x->s.state != STATE_UP)
		return;
	if (child_fork(x, ROLE_CHECK, 0) < 0) {
		say_errno(x, "start", "check", "trying again");
		x->s.deadline[DEADLINE_CHECK] = later(x->config.check_interval);
		return;
	}
	x->s.deadline[DEADLINE_CHECK] = later(x->config.timeout_check);
}

static void health(struct service *x, int well)
{
	char text[80];

	x->s.deadline[DEADLINE_CHECK] = later(x->config.health_interval);
	x->unwell = well ? 0 : x->unwell + 1;
	if (!x->unwell || x->unwell < x->config.health_failures)
		return;
	snprintf(text, sizeof text, "check failed %u times in a row: restarted", x->unwell);
	service_reason(x, REASON_HEALTH, 0, text);
	say(x, text);
	x->unwell = 0;
	x->blamed = 1;
	service_event(x, EVENT_RESTART);
}

void ready_check_ended(struct service *x, int wstat, int known)
{
	int well = known && WIFEXITED(wstat) && WEXITSTATUS(wstat) == 0;

	x->s.deadline[DEADLINE_CHECK] = 0;
	if (x->s.state == STATE_UP) {
		if (x->config.health_interval)
			health(x, well);
	} else if (x->s.state == STATE_STARTING && well) {
		ready_now(x);
	} else if (x->s.state == STATE_STARTING) {
		x->s.deadline[DEADLINE_CHECK] = later(x->config.check_interval);
	}
}

void ready_watchdog_due(struct service *x)
{
	char text[80];
	snprintf(text, sizeof text, "did not say WATCHDOG=1 within %u ms", x->config.watchdog);
	service_reason(x, REASON_HEALTH, 0, text);
	say(x, text);
	x->blamed = x->hung = 1;
	service_event(x, EVENT_RESTART);
	x->hung = 0;
}

void ready_resume(struct service *x)
{
	if (x->config.kind != KIND_RUN || !x->s.child[ROLE_RUN].pid)
		return;
	if (x->config.ready == READY_NOTIFY)
		x->ready_fd = open_socket(x);
	else if (x->config.ready == READY_FD && x->s.state == STATE_STARTING)
		x->ready_fd = open_fifo(x);
	else if (by_line(x) && x->s.state == STATE_STARTING && lines_watch(x) < 0)
		say_errno(x, "look at", "what run writes", "it will not be found ready");
	if (x->config.ready == READY_CHECK && x->s.state == STATE_STARTING &&
		!x->s.child[ROLE_CHECK].pid && !x->s.deadline[DEADLINE_CHECK])
		x->s.deadline[DEADLINE_CHECK] = later(x->config.check_interval);
	if (x->ready_fd >= 0)
		ready_read(x);
}
