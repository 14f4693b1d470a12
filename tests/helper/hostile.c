/* A service that means ill, for tests: tries what it must not be able to do, and says in $EVENTS
 * what it could do all the same, then "tried N".
 *
 *   hostile attack RUNDIR NAME    against its supervisor, its state, and the tree
 *   hostile flood FD              writes to a descriptor without end and without a newline
 *   hostile notices PATH TEXT     sends a datagram to a socket, again and again
 */
#include <skalibs/nonposix.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static int tried, events;

__attribute__((format(printf, 1, 2))) static void say(char const *format, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(line, sizeof line - 1, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof line - 1)
		n = sizeof line - 2;
	line[n] = '\n';
	if (write(events, line, (size_t)n + 1) < 0)
		_exit(123);
}

/* `result` below 0: it was refused, as it must be. */
static void must_fail(long result, char const *what, char const *whom)
{
	tried++;
	if (result >= 0)
		say("could %s %s", what, whom);
}

static void open_as(char const *path, int flags, char const *what)
{
	int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);

	must_fail(fd, what, path);
	if (fd >= 0)
		close(fd);
}

/* Everything in a state directory, and the directory itself. */
static void attack_directory(char const *dir)
{
	static char const *const secret[] = { "in", "lock", "pipe", "ready", "exited" };
	static char const *const shown[] = { "out", "status" };
	char path[512], other[512];

	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, secret[i]);
		open_as(path, O_RDONLY, "read");
		open_as(path, O_WRONLY, "write");
		open_as(path, O_RDWR, "read and write");
		must_fail(unlink(path), "remove", path);
	}
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, shown[i]);
		open_as(path, O_WRONLY, "write");
		open_as(path, O_RDWR, "read and write");
		must_fail(truncate(path, 0), "truncate", path);
		must_fail(chmod(path, 0666), "change the mode of", path);
		must_fail(unlink(path), "remove", path);
		snprintf(other, sizeof other, "%s/stolen", dir);
		must_fail(rename(path, other), "rename", path);
		must_fail(link(path, other), "link", path);
	}
	snprintf(path, sizeof path, "%s/squat", dir);
	must_fail(mkfifo(path, 0666), "make", path);
	must_fail(symlink("/etc/passwd", path), "link to", path);
	must_fail(mkdir(path, 0777), "make directory", path);
	snprintf(path, sizeof path, "%s/dependents/me", dir);
	must_fail(open(path, O_WRONLY | O_CREAT, 0666), "create", path);
	snprintf(path, sizeof path, "%s.gone", dir);
	must_fail(rename(dir, path), "move away", dir);
	must_fail(chmod(dir, 0777), "change the mode of", dir);
}

static void attack_process(pid_t pid, char const *whom)
{
	static int const signals[] = { 0, SIGTERM, SIGSTOP, SIGKILL, SIGCHLD };
	static char const *const files[] = { "mem", "environ", "fd/3", "maps", "cwd/." };
	struct rlimit none = { 0, 0 };
	char path[64], byte;
	struct iovec mine = { &byte, 1 }, its = { (void *)&byte, 1 };

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		must_fail(kill(pid, signals[i]), "signal", whom);
	must_fail(ptrace(PTRACE_SEIZE, pid, 0, 0), "trace", whom);
	must_fail(process_vm_readv(pid, &mine, 1, &its, 1, 0), "read the memory of", whom);
	must_fail(prlimit(pid, RLIMIT_NOFILE, &none, 0), "limit", whom);
	must_fail(setpriority(PRIO_PROCESS, (id_t)pid, 19), "slow down", whom);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
		open_as(path, O_RDONLY, "read");
	}
	snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
	open_as(path, O_WRONLY, "write");
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd >= 0)
		must_fail(syscall(SYS_pidfd_getfd, pidfd, 3, 0), "take a descriptor of", whom);
}

/* What we were given: nothing above 3, and nothing through which more can be had. */
static void attack_descriptors(void)
{
	char path[64], target[256];

	for (int fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, target, sizeof target - 1);
		if (n < 0 || fd == events)
			continue;
		target[n] = 0;
		if (fd > 3)
			say("could keep %s", target);
		/* the log's pipe, and the readiness channel: not to be opened in another way */
		if (strstr(target, "/pipe")) {
			open_as(path, O_RDONLY, "read the log by");
			open_as(path, O_RDWR, "read the log by");
		}
		if (strstr(target, "/ready"))
			open_as(path, O_RDWR, "open anew");
		if (fd == 0)
			must_fail(write(fd, "", 1), "write to", "standard input");
	}
}

static _Noreturn void attack(char const *run, char const *name)
{
	char path[512];

	attack_descriptors();
	attack_process(getppid(), "the supervisor");
	snprintf(path, sizeof path, "%s/%s", run, name);
	attack_directory(path);
	snprintf(path, sizeof path, "%s/%s/log", run, name);
	attack_directory(path);
	snprintf(path, sizeof path, "%s/.cinit", run);
	attack_directory(path);
	snprintf(path, sizeof path, "%s/squat", run);
	must_fail(mkdir(path, 0777), "make directory", path);
	must_fail(setuid(0), "become", "root");
	must_fail(setgid(0), "join", "root's group");
	say("tried %d", tried);
	for (;;)
		pause();
}

static int flood(int fd)
{
	char noise[4096];

	memset(noise, 'x', sizeof noise);
	fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	say("flooding");
	while (write(fd, noise, sizeof noise) > 0 || errno == EINTR)
		;
	return 1;
}

static _Noreturn void notices(char const *path, char const *text)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	for (unsigned long n = 0;; n++) {
		if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&a, sizeof a) < 0 && n)
			continue;
		if (n == 100)
			say("flooding");
	}
}

int main(int argc, char **argv)
{
	char const *to = getenv("EVENTS");

	events = open(to ? to : "", O_WRONLY | O_CLOEXEC);
	if (argc < 3 || events < 0)
		return 100;
	if (!strcmp(argv[1], "flood"))
		return flood(atoi(argv[2]));
	if (argc < 4)
		return 100;
	if (!strcmp(argv[1], "notices"))
		notices(argv[2], argv[3]);
	attack(argv[2], argv[3]);
}
