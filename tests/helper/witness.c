/* A service that bears witness, for tests under stress:
 *
 *   witness [worker] [log]
 *
 * It holds a lock for life, so that a second instance beside it is seen; it looks whether the
 * record names it, as it must before anything is executed; it writes each start, stop and mistake
 * as a line of $TREE/journal, `NAME KIND PID TIME`, and counts signals in a file that it shares
 * with the test.
 *
 * KINDs: + began, - was told to go and goes, ! another instance lives, ? the record does not name
 * it.
 *
 *   worker  leaves another process behind that holds the lock, in a session of its own now and then
 *   log     copies its input to $TREE/log, and ends when that ends */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <linux/futex.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "status.h"
#include "helper/witness.h"

static char const *name;
static struct witness *shared;

static int open_file(char const *base, char const *suffix, int flags)
{
	char path[256];
	int n = snprintf(path, sizeof path, "%s/", getenv("TREE"));

	snprintf(path + n, sizeof path - (size_t)n, "%s%s", base, suffix);
	for (char *slash = path + n; (slash = strchr(slash, '/'));)
		*slash = '-';
	return open(path, flags | O_CLOEXEC, 0600);
}

static void write_down(char kind)
{
	char line[128];
	int fd = open_file("journal", "", O_WRONLY | O_APPEND);
	int n = snprintf(line, sizeof line, "%s %c %d %llu\n", name, kind, (int)getpid(),
		(unsigned long long)clock_boottime());

	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(122);
	close(fd);
	/* to the logger, where there is one */
	if (write(1, line, (size_t)n) < 0)
		_exit(123);
}

static void tell(_Atomic uint32_t *what, uint32_t value)
{
	atomic_store(what, value);
	atomic_fetch_add(&shared->bell, 1);
	syscall(SYS_futex, &shared->bell, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* To be gone takes a moment, another one each time. */
static void dawdle(void)
{
	struct timespec t = { .tv_nsec = (long)((clock_boottime() / 64) % 4) * 700000 };
	nanosleep(&t, NULL);
}

static _Noreturn void work(sigset_t const *set)
{
	int sig;

	if (getppid() % 2)
		setsid();
	do
		sigwait(set, &sig);
	while (sig != SIGTERM);
	dawdle();
	_exit(0);
}

static void be_alone(void)
{
	int fd = open_file(name, ".lock", O_RDWR | O_CREAT);

	if (fd < 0)
		_exit(124);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		write_down('!');
		_exit(125);
	}
}

static void be_written_down(void)
{
	struct status s = { 0 };
	char path[256];

	snprintf(path, sizeof path, "%s/%s", getenv("CINIT_RUN"), name);
	if (status_read(AT_FDCWD, path, &s, NULL) != STATUS_OK ||
		s.child[ROLE_RUN].pid != (uint32_t)getpid())
		write_down('?');
}

/* 0: the input has ended. */
static int copy(int to)
{
	char buffer[4096];
	ssize_t n = read(0, buffer, sizeof buffer);

	if (n > 0 && write(to, buffer, (size_t)n) != n)
		_exit(126);
	return n > 0;
}

/* Takes signals, and input if it is to be copied, until it is told to go. */
static void live(sigset_t const *set, int log)
{
	int signals = signalfd(-1, set, SFD_CLOEXEC);
	struct pollfd p[2] = { { .fd = signals, .events = POLLIN },
		{ .fd = log < 0 ? -1 : 0, .events = POLLIN } };
	struct signalfd_siginfo si;

	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents && !copy(log))
			return;
		if (!p[0].revents || read(signals, &si, sizeof si) != sizeof si)
			continue;
		if (si.ssi_signo == SIGUSR1)
			tell(&shared->usr1, shared->usr1 + 1);
		else if (si.ssi_signo == SIGUSR2)
			tell(&shared->usr2, shared->usr2 + 1);
		else if (si.ssi_signo == SIGTERM)
			return;
	}
}

int main(int argc, char **argv)
{
	int worker = 0, log = -1;
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	name = getenv("CINIT_SERVICE");
	if (!name || !getenv("TREE") || !getenv("CINIT_RUN"))
		return 100;
	for (int i = 1; i < argc; i++) {
		worker |= !strcmp(argv[i], "worker");
		if (!strcmp(argv[i], "log"))
			log = open_file("log", "", O_WRONLY | O_CREAT | O_APPEND);
	}
	int fd = open_file(name, ".witness", O_RDWR);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || shared == MAP_FAILED)
		return 121;
	be_alone();
	be_written_down();
	if (worker && fork() == 0)
		work(&set);
	write_down('+');
	tell(&shared->pid, (uint32_t)getpid());
	live(&set, log);
	dawdle();
	write_down('-');
	tell(&shared->pid, 0);
	_exit(0); /* a leak detector would look for leaks first, and hang when it is told to go on
		   */
}
