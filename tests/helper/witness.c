/* A service that bears witness, for tests under stress:
 *
 *   witness [WORD]...
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
 *   group   and that never leaves its process group
 *   loose   and that does not hold the lock, and ends by itself after a second
 *   log     copies its input to $TREE/log, and ends when that ends
 *   echo    writes lines of the journal to its standard output, too
 *   talk    writes lines `NAME LIFE NUMBER ...` to its standard output; the first one `is ready`
 *   fast    and does so without a pause
 *   deaf    does not go when it is told to
 *   slow    takes a fifth of a second to go
 *   fd=N    a newline on descriptor N when it has begun;  notify: READY=1 to $NOTIFY_SOCKET
 *   brief   ends when it has begun: as `on` of a oneshot, or finish
 *   off     as `off` of a oneshot: ends at once, beside what is there
 *   check   is no instance: exits 0 if one lives */
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
#include "process.h"
#include "status.h"
#include "helper/part_bear.h"
#include "helper/part_tell.h"
#include "helper/witness.h"

static struct witness *shared;

static struct words {
	int worker, loose, group, talk, fast, deaf, slow, brief, off, check, notify, fd, log;
} words = { .log = -1 };

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

static void sleep_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	nanosleep(&t, NULL);
}

static _Noreturn void work(sigset_t const *set, int lock)
{
	int sig;

	if (words.loose)
		close(lock);
	if (!words.group && getppid() % 2)
		setsid();
	if (words.loose)
		sleep_ms(1000);
	else
		do
			sigwait(set, &sig);
		while (sig != SIGTERM);
	dawdle();
	_exit(0);
}

/* The lock: it is ours until we, and whoever has a copy, are gone. */
static int be_alone(void)
{
	int fd = bear_open(bear_name, ".lock", O_RDWR | O_CREAT);

	if (fd < 0)
		_exit(124);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		bear_write('!');
		_exit(125);
	}
	return fd;
}

static void be_written_down(void)
{
	struct status s = { 0 };
	char path[256];

	snprintf(path, sizeof path, "%s/%s", getenv("CINIT_RUN"), bear_name);
	if (status_read(AT_FDCWD, path, &s, NULL) == STATUS_OK)
		for (int role = 0; role < ROLE_COUNT; role++)
			if (s.child[role].pid == (uint32_t)getpid())
				return;
	bear_write('?');
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

/* One line, which write(2) takes as a whole or not at all. */
static void say_line(uint32_t life, uint32_t number)
{
	static char const filler[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char line[256];
	int n = snprintf(line, sizeof line, "%s %u %u %s%.*s\n", bear_name, life, number,
		number == 1 ? "is ready " : "", (int)(number * 7 % sizeof filler), filler);

	if (write(1, line, (size_t)n) != n)
		_exit(127);
	atomic_store(&shared->taken[life % WITNESS_LIVES], number);
}

static uint32_t begin_talk(void)
{
	uint32_t life = atomic_load(&shared->lives) + 1;

	atomic_store(&shared->taken[life % WITNESS_LIVES], 0);
	atomic_store(&shared->lives, life);
	say_line(life, 1);
	return life;
}

/* How long it waits at most, in milliseconds; -1: for ever. */
static int patience(void)
{
	return words.fast ? 0 : words.talk ? 4 : words.notify ? 100 : -1;
}

/* Takes signals, and input if it is to be copied, until it is told to go. */
static void live(sigset_t const *set)
{
	int signals = signalfd(-1, set, SFD_CLOEXEC);
	struct pollfd p[2] = { { .fd = signals, .events = POLLIN },
		{ .fd = words.log < 0 ? -1 : 0, .events = POLLIN } };
	struct signalfd_siginfo si;
	uint32_t life = words.talk ? begin_talk() : 0, said = 1;

	for (;;) {
		int events = poll(p, 2, patience());
		if (events < 0)
			continue;
		/* what a supervisor had received and not published when it was killed is lost */
		if (!events && words.notify)
			tell_notify();
		for (uint32_t n = words.talk ? 1 + said % 11 : 0; n; n--)
			say_line(life, ++said);
		if (p[1].revents && !copy(words.log))
			return;
		if (!p[0].revents || read(signals, &si, sizeof si) != sizeof si)
			continue;
		if (si.ssi_signo == SIGUSR1)
			tell(&shared->usr1, shared->usr1 + 1);
		else if (si.ssi_signo == SIGUSR2)
			tell(&shared->usr2, shared->usr2 + 1);
		else if (si.ssi_signo == SIGTERM && !words.deaf)
			return;
	}
}

static int alive(void)
{
	return process_alive((pid_t)atomic_load(&shared->pid), atomic_load(&shared->identity)) ==
	       PROCESS_ALIVE;
}

static void parse(char const *word)
{
	static struct {
		char const *word;
		int *flag;
	} const flags[] = {
		{ "worker", &words.worker },
		{ "group", &words.group },
		{ "loose", &words.loose },
		{ "echo", &bear_echoes },
		{ "talk", &words.talk },
		{ "fast", &words.fast },
		{ "deaf", &words.deaf },
		{ "slow", &words.slow },
		{ "brief", &words.brief },
		{ "off", &words.off },
		{ "check", &words.check },
		{ "notify", &words.notify },
	};
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		*flags[i].flag |= !strcmp(word, flags[i].word);
	if (!strncmp(word, "fd=", 3))
		words.fd = atoi(word + 3);
	if (!strcmp(word, "log"))
		words.log = bear_open("log", "", O_WRONLY | O_CREAT | O_APPEND);
}

static void begin(sigset_t const *set)
{
	int lock = be_alone();

	be_written_down();
	if (words.worker) {
		signal(SIGCHLD, SIG_IGN); /* it is reaped by nobody */
		if (fork() == 0)
			work(set, lock);
	}
	bear_write('+');
	atomic_store(&shared->identity, process_identity(getpid()));
	tell(&shared->pid, (uint32_t)getpid());
	if (tell_fd(words.fd) < 0 || (words.notify && tell_notify() < 0))
		_exit(120);
}

int main(int argc, char **argv)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	bear_begin();
	for (int i = 1; i < argc; i++)
		parse(argv[i]);
	int fd = bear_open(bear_name, ".witness", O_RDWR);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || shared == MAP_FAILED)
		return 121;
	if (words.check)
		return !alive();
	if (words.off)
		return 0;
	begin(&set);
	if (!words.brief)
		live(&set);
	dawdle();
	if (words.slow)
		sleep_ms(200);
	bear_write('-');
	tell(&shared->pid, 0);
	_exit(0); /* a leak detector would look for leaks first, and hang when it is told to go on
		   */
}
