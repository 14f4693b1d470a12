/* A service among others: says what becomes of it, one line a change.
 *
 *   member NAME [WORD]...
 *
 * Lines go to $EVENTS, "NAME start"; or, where $JOURNAL names a file, to its end with the time in
 * front. What it says: start; ready, before it tells its supervisor; stop, when it gets TERM; gone,
 * the last; crash, in its place when it ends unasked. Words:
 *   fd=N        a newline on descriptor N when it is ready, and closes it;  keep: does not
 *   notify      READY=1 to $NOTIFY_SOCKET when it is ready
 *   hold=NAME   not ready before the test lets it pass, see tests/suite/tree.h
 *   delay=MS    not ready before
 *   crash=MS    crashes so long after it was ready, unless $TREE/calm is there then
 *   leave=NAME  not gone before the test lets it pass
 *   last=MS     not gone before
 *   on          ends when it is ready, as a oneshot does;  code=N: with this code
 *   off         brings a oneshot down: says stop and gone, and ends
 * USR1 crashes it at once. It misses no signal, which a shell's trap may. */
#include <skalibs/nonposix.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "helper/part_tell.h"

struct member {
	char const *name, *hold, *leave;
	int fd, keep, notify, on, off, code;
	long delay, crash, last;
	int signals;
};

static void say(struct member const *m, char const *what)
{
	char line[160];
	char const *journal = getenv("JOURNAL"), *events = getenv("EVENTS");
	struct timespec now;
	int n;

	if (journal) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		n = snprintf(line, sizeof line, "%lld.%09ld %s %s\n", (long long)now.tv_sec,
			now.tv_nsec, m->name, what);
	} else {
		n = snprintf(line, sizeof line, "%s %s\n", m->name, what);
	}
	int fd = open(journal ? journal : events ? events : "", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(122);
	close(fd);
}

static long long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int open_hold(char const *name)
{
	char path[256];
	if (!name)
		return -1;
	snprintf(path, sizeof path, "%s/hold.%s", getenv("TREE"), name);
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		_exit(123);
	return fd;
}

/* Until `ms` have passed (0: that is not waited for) and `hold` lets it pass; then 0. Or the signal
 * that came first. With neither: until a signal. */
static int wait_for(struct member const *m, long ms, char const *hold, int *signals)
{
	long long end = now_ms() + ms;
	int held = open_hold(hold), timed = ms > 0, forever = held < 0 && !timed;
	char byte;

	while (forever || timed || held >= 0) {
		struct pollfd fds[2] = { { .fd = signals ? m->signals : -1, .events = POLLIN },
			{ .fd = held, .events = POLLIN } };
		struct signalfd_siginfo si;
		long long left = end - now_ms();
		poll(fds, 2, timed ? (left > 0 ? (int)left : 0) : -1);
		if (fds[0].revents && read(m->signals, &si, sizeof si) == (ssize_t)sizeof si &&
			(si.ssi_signo == SIGTERM || si.ssi_signo == SIGUSR1)) {
			*signals = (int)si.ssi_signo;
			if (held >= 0)
				close(held);
			return 1;
		}
		if (timed && now_ms() >= end)
			timed = 0;
		if (held >= 0 && read(held, &byte, 1) == 1) {
			close(held);
			held = -1;
		}
	}
	return 0;
}

static void tell(struct member const *m)
{
	if (tell_fd(m->fd) < 0 || (m->fd && !m->keep && close(m->fd) < 0))
		_exit(124);
	if (m->notify && tell_notify() < 0)
		_exit(125);
}

static _Noreturn void leave(struct member const *m, int sig)
{
	if (sig == SIGUSR1) {
		say(m, "crash");
		_exit(1);
	}
	say(m, "stop");
	if (m->last || m->leave)
		wait_for(m, m->last, m->leave, 0);
	say(m, "gone");
	_exit(m->on);
}

static void parse(struct member *m, char const *word)
{
	char const *value = strchr(word, '=');
	size_t len = value ? (size_t)(value - word) : strlen(word);
	value = value ? value + 1 : "";
#define WORD(w) (len == sizeof(w) - 1 && !memcmp(word, w, len))
	if (WORD("fd"))
		m->fd = atoi(value);
	else if (WORD("keep"))
		m->keep = 1;
	else if (WORD("notify"))
		m->notify = 1;
	else if (WORD("hold"))
		m->hold = value;
	else if (WORD("delay"))
		m->delay = atol(value);
	else if (WORD("crash"))
		m->crash = atol(value);
	else if (WORD("leave"))
		m->leave = value;
	else if (WORD("last"))
		m->last = atol(value);
	else if (WORD("on"))
		m->on = 1;
	else if (WORD("off"))
		m->off = 1;
	else if (WORD("code"))
		m->code = atoi(value);
	else
		_exit(121);
}

static int calm(void)
{
	char path[256];
	snprintf(path, sizeof path, "%s/calm", getenv("TREE"));
	return !access(path, F_OK);
}

int main(int argc, char **argv)
{
	struct member m = { .name = argc > 1 ? argv[1] : "" };
	sigset_t all;
	int sig = 0;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, 0);
	m.signals = signalfd(-1, &all, SFD_CLOEXEC);
	for (int i = 2; i < argc; i++)
		parse(&m, argv[i]);
	if (m.off)
		leave(&m, SIGTERM);
	say(&m, "start");
	if ((m.delay || m.hold) && wait_for(&m, m.delay, m.hold, &sig))
		leave(&m, sig);
	if (!m.code)
		say(&m, "ready");
	tell(&m);
	if (m.on)
		return m.code;
	if (m.crash && (wait_for(&m, m.crash, 0, &sig) || !calm()))
		leave(&m, sig ? sig : SIGUSR1);
	wait_for(&m, 0, 0, &sig);
	leave(&m, sig);
}
