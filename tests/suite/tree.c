/* The house that tests with real processes live in: the temporary directory, the programs, the
 * lines that scripts say, and the end of all of it. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

#define STARTED_MAX 256

/* alone: holds a lock for life, children included, and complains when somebody else has it */
#define SCRIPT_HEAD                                                                                \
	"#!/bin/sh\n"                                                                              \
	"say() { echo \"$*\" >>\"$EVENTS\"; }\n"                                                   \
	"alone() { exec 9>>\"$TREE/alone\"; flock -n 9 || say two at once; }\n"                    \
	"listen() { exec \"$CINIT_BUILD/test/helper/listener\" \"$@\"; }\n"                        \
	"hold() { read x <\"$TREE/hold.$1\" || say cannot hold $1; }\n"

struct tree tree;

/* Programs that tree_start started, and what became of them. */
static struct {
	pid_t pid;
	int ended, wstat;
} started[STARTED_MAX];
static unsigned int started_count;

static int first_fd; /* what is open from here on belongs to the test that runs */
static int children; /* signalfd for SIGCHLD */

/* ------------------------------------------------------------------------ beginning and end */

static int kill_one(pid_t pid, void *data)
{
	(void)data;
	kill(pid, SIGKILL);
	return 0;
}

/* Until no child is left: those of a killed one become ours before we are told of its end. */
static void end_everything(void)
{
	do
		process_children(kill_one, 0);
	while (waitpid(-1, 0, 0) > 0 || errno == EINTR);
}

static char late[64]; /* what is said then: a handler has no printf */

static void out_of_time(int sig)
{
	if (sig == SIGALRM && write(2, late, strlen(late)) < 0)
		_exit(125);
	end_everything();
	_exit(124);
}

static void house_rules(void)
{
	struct sigaction act = { .sa_handler = out_of_time };
	sigset_t set;

	sigaction(SIGALRM, &act, 0);
	sigaction(SIGTERM, &act, 0);
	signal(SIGPIPE, SIG_IGN); /* tree_start undoes it in its children */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int tree_setup(void **state)
{
	static unsigned int tests;
	char const *tmp = getenv("TMPDIR");
	sigset_t set;

	(void)state;
	if (!getenv("CINIT_BUILD")) {
		fputs("tree: CINIT_BUILD must say where the programs are\n", stderr);
		return -1;
	}
	snprintf(late, sizeof late, "tree: test %u of these ran out of time\n", ++tests);
	house_rules();
	alarm(TREE_LIMIT);
	umask(022);
	memset(&tree, 0, sizeof tree);
	started_count = 0;
	if (!tmp || strlen(tmp) > 40)
		tmp = "/tmp";
	snprintf(tree.path, sizeof tree.path, "%s/cinit-tree.XXXXXX", tmp);
	if (!mkdtemp(tree.path) || chmod(tree.path, 0755) < 0)
		return -1;
	snprintf(tree.services, sizeof tree.services, "%s/services", tree.path);
	snprintf(tree.run, sizeof tree.run, "%s/run", tree.path);
	if (mkdir(tree.services, 0755) < 0 || mkdir(tree.run, 0755) < 0)
		return -1;
	setenv("CINIT_RUN", tree.run, 1);
	setenv("EVENTS", tree_name("events"), 1);
	setenv("TREE", tree.path, 1);
	if (mkfifo(tree_name("events"), 0666) < 0 || chmod(tree_name("events"), 0666) < 0)
		return -1;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	first_fd = children;
	tree.events = open(tree_name("events"), O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return children < 0 || tree.events < 0 ? -1 : 0;
}

static int remove_entry(char const *path, struct stat const *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int tree_teardown(void **state)
{
	(void)state;
	end_everything();
	alarm(0);
	process_close_from(first_fd);
	return nftw(tree.path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* ------------------------------------------------------------------------------------ files */

static void give_up(char const *verb, char const *name)
{
	print_error("tree: unable to %s %s: %s\n", verb, name, strerror(errno));
	fail();
}

char const *tree_name(char const *format, ...)
{
	static char buf[8][512];
	static unsigned int next;
	char *out = buf[next++ % 8];
	int n = snprintf(out, sizeof buf[0], "%s/", tree.path);
	va_list ap;

	va_start(ap, format);
	vsnprintf(out + n, sizeof buf[0] - (size_t)n, format, ap);
	va_end(ap);
	return out;
}

static void make_parents(char const *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s", tree_name("%s", name));
	for (char *slash = path + strlen(tree.path) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			give_up("make directory", path);
		*slash = '/';
	}
}

static void write_bytes(char const *name, mode_t mode, char const *head, char const *text)
{
	make_parents(name);
	char const *path = tree_name("%s", name);
	unlink(path); /* a script that runs cannot be written to */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, head, strlen(head)) != (ssize_t)strlen(head) ||
		write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) < 0 ||
		close(fd) < 0)
		give_up("write", path);
}

void tree_write(char const *name, mode_t mode, char const *text)
{
	write_bytes(name, mode, "", text);
}

void tree_script(char const *name, char const *body)
{
	write_bytes(name, 0755, SCRIPT_HEAD, body);
}

int tree_hold(char const *name)
{
	char const *path = tree_name("hold.%s", name);
	if (mkfifo(path, 0666) < 0 || chmod(path, 0666) < 0)
		give_up("make", path);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		give_up("open", path);
	return fd;
}

void tree_pass(int hold)
{
	if (write(hold, "\n", 1) != 1)
		give_up("write to", "hold");
}

char const *tree_read(char const *name)
{
	static char buf[65536];
	size_t len = 0;
	ssize_t n;
	int fd = open(tree_name("%s", name), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		while ((n = read(fd, buf + len, sizeof buf - 1 - len)) > 0)
			len += (size_t)n;
		close(fd);
	}
	buf[len] = 0;
	return buf;
}

/* --------------------------------------------------------------------------------- waiting */

uint64_t tree_patience(void)
{
	char const *given = getenv("CINIT_TEST_PATIENCE");
	uint64_t seconds = given ? strtoul(given, 0, 10) : TREE_PATIENCE;
	return clock_boottime() + seconds * CLOCK_SECOND;
}

void tree_pause_at(uint64_t deadline, char const *what, char const *file, int line)
{
	tree_poll(0, 0, clock_boottime() + CLOCK_MILLISEC);
	if (clock_boottime() < deadline)
		return;
	print_error("tree: %s:%d: not in time: %s\n", file, line, what);
	tree_messages();
	_fail(file, line);
}

static void note_end(pid_t pid, int wstat)
{
	for (unsigned int i = 0; i < started_count; i++)
		if (started[i].pid == pid && !started[i].ended) {
			started[i].ended = 1;
			started[i].wstat = wstat;
			return;
		}
	if (tree.orphan)
		tree.orphan(pid, wstat);
}

static int wait_status_of(siginfo_t const *si)
{
	if (si->si_code == CLD_EXITED)
		return (si->si_status & 0xff) << 8;
	return (si->si_status & 0x7f) | (si->si_code == CLD_DUMPED ? 0x80 : 0);
}

/* Peeks first: an orphan's end is told before its pid is free. */
static int reap(void)
{
	struct signalfd_siginfo si[8];
	siginfo_t child;
	int n = 0;

	while (read(children, si, sizeof si) > 0)
		;
	for (;;) {
		child.si_pid = 0;
		if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) < 0 || !child.si_pid)
			return n;
		if (child.si_code == CLD_TRAPPED || child.si_code == CLD_STOPPED)
			return n; /* a test traces it, and takes its stops itself */
		note_end(child.si_pid, wait_status_of(&child));
		waitpid(child.si_pid, 0, 0);
		n++;
	}
}

int tree_poll(int fd, short events, uint64_t deadline)
{
	struct pollfd fds[2] = { { .fd = children, .events = POLLIN },
		{ .fd = fd ? fd : -1, .events = events } };

	int r = clock_poll(fds, 2, deadline);
	if (r > 0 && fds[0].revents)
		reap();
	if (r > 0)
		return fds[1].revents != 0;
	return -1;
}

/* --------------------------------------------------------------------------------- programs */

static int show_messages(char const *path, struct stat const *st, int flag, struct FTW *ftw)
{
	size_t len = strlen(path);
	if (flag == FTW_F && ftw->level == 1 && st->st_size && !strcmp(path + len - 4, ".err"))
		print_error("tree: %s:\n%s", path + ftw->base, tree_read(path + ftw->base));
	return 0;
}

void tree_messages(void)
{
	nftw(tree.path, show_messages, 8, FTW_PHYS);
}

static void become(char const *name, char const *const *argv)
{
	char path[512];
	char const *build = getenv("CINIT_BUILD"), *base = strrchr(argv[0], '/');
	sigset_t none;

	if (!name)
		name = base ? base + 1 : argv[0];
	int in = open("/dev/null", O_RDONLY);
	int out = open(tree_name("%s.out", name), O_WRONLY | O_CREAT | O_APPEND, 0644);
	int err = open(tree_name("%s.err", name), O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (in < 0 || out < 0 || err < 0)
		_exit(126);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	process_close_from(3);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, 0);
	if (tree.before_exec)
		tree.before_exec();
	snprintf(path, sizeof path, "%s/%s", base ? "" : build, argv[0]);
	execv(base ? argv[0] : path, (char *const *)argv);
	fprintf(stderr, "unable to execute %s: %s\n", base ? argv[0] : path, strerror(errno));
	_exit(127);
}

pid_t tree_start(char const *name, char const *const *argv)
{
	unsigned int n = 0;
	for (unsigned int i = 0; i < started_count && started_count == STARTED_MAX; i++)
		if (!started[i].ended || i > STARTED_MAX / 2)
			started[n++] = started[i]; /* the end of the others was news long ago */
	if (n)
		started_count = n;
	if (started_count == STARTED_MAX)
		fail_msg("tree: more than %d programs", STARTED_MAX);
	fflush(0);
	pid_t pid = fork();
	if (!pid)
		become(name, argv);
	if (pid < 0)
		give_up("fork for", argv[0]);
	started[started_count].pid = pid;
	started[started_count].ended = 0;
	started_count++;
	return pid;
}

static int find_started(pid_t pid)
{
	for (unsigned int i = started_count; i-- > 0;)
		if (started[i].pid == pid)
			return (int)i;
	fail_msg("tree: process %d was not started here", (int)pid);
	return -1;
}

int tree_ended(pid_t pid)
{
	int i = find_started(pid);
	reap();
	return started[i].ended;
}

int tree_end_at(pid_t pid, char const *file, int line)
{
	int i = find_started(pid);
	uint64_t deadline = tree_patience();

	reap();
	while (!started[i].ended)
		if (tree_poll(0, 0, deadline) < 0) {
			print_error("tree: %s:%d: process %d does not end\n", file, line, (int)pid);
			tree_messages();
			_fail(file, line);
		}
	return started[i].wstat;
}

static void take_output(char *buf, size_t size, char const *name)
{
	snprintf(buf, size, "%s", tree_read(name));
	unlink(tree_name("%s", name));
}

void tree_run_at(struct output *o, char const *file, int line, char const *program, ...)
{
	char const *argv[64] = { program };
	unsigned int n = 1;
	va_list ap;

	va_start(ap, program);
	while (n < 63 && (argv[n] = va_arg(ap, char const *)))
		n++;
	va_end(ap);
	argv[n] = 0;
	int w = tree_end_at(tree_start(".run", argv), file, line);
	o->code = WIFSIGNALED(w) ? 128 + WTERMSIG(w) : WEXITSTATUS(w);
	take_output(o->out, sizeof o->out, ".run.out");
	take_output(o->err, sizeof o->err, ".run.err");
}
