/* A service that says what it was given, a line for each thing, and stays; or, as
 *
 *   probe -s PROGRAM ARGUMENT...
 *
 * executes a program in a spoiled state: signals ignored and blocked, descriptors left open. */
#include <skalibs/nonposix.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPOILED_FDS 30

extern char **environ;

static int spoil(char **argv)
{
	sigset_t all;
	for (int i = 0; i < SPOILED_FDS; i++)
		if (open("/dev/null", O_RDWR) < 0)
			return 111;
	for (int sig = 1; sig <= 64; sig++)
		signal(sig, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, 0);
	execv(argv[0], argv);
	return 111;
}

static int out;

static void say(char const *text)
{
	char line[512];
	int n = snprintf(line, sizeof line, "%s\n", text);
	if (write(out, line, (size_t)n) != n)
		_exit(122);
}

static void say_arguments(int argc, char **argv)
{
	char line[400];
	for (int i = 0; i < argc; i++) {
		snprintf(line, sizeof line, "argv%d %s", i, argv[i]);
		say(line);
	}
}

static int compare(void const *a, void const *b)
{
	return *(int const *)a - *(int const *)b;
}

/* All that are open but our own two. */
static void say_descriptors(void)
{
	int fds[64], n = 0;
	char line[400] = "fds";
	DIR *d = opendir("/proc/self/fd");
	struct dirent const *e;
	while (d && (e = readdir(d)) && n < 64) {
		int fd = atoi(e->d_name);
		if (e->d_name[0] != '.' && fd != out && fd != dirfd(d))
			fds[n++] = fd;
	}
	qsort(fds, (size_t)n, sizeof *fds, compare);
	for (int i = 0; i < n; i++)
		snprintf(line + strlen(line), sizeof line - strlen(line), " %d", fds[i]);
	if (d)
		closedir(d);
	say(line);
}

static void say_signals(void)
{
	sigset_t mask;
	char line[400] = "signals";
	sigprocmask(SIG_BLOCK, 0, &mask);
	for (int sig = 1; sig <= 64; sig++) {
		struct sigaction a;
		if (sigismember(&mask, sig) == 1)
			snprintf(line + strlen(line), sizeof line - strlen(line), " %d-blocked",
				sig);
		if (!sigaction(sig, 0, &a) && a.sa_handler == SIG_IGN)
			snprintf(line + strlen(line), sizeof line - strlen(line), " %d-ignored",
				sig);
	}
	say(line);
}

static void say_identity(void)
{
	gid_t groups[32];
	char line[400];
	uid_t r, e, s;
	gid_t gr, ge, gs;
	int n = getgroups(32, groups);
	getresuid(&r, &e, &s);
	getresgid(&gr, &ge, &gs);
	snprintf(line, sizeof line, "ids %d %d %d %d %d %d groups", (int)r, (int)e, (int)s, (int)gr,
		(int)ge, (int)gs);
	for (int i = 0; i < n; i++)
		snprintf(line + strlen(line), sizeof line - strlen(line), " %d", (int)groups[i]);
	say(line);
}

static void say_place(void)
{
	char line[400], cwd[256] = "?", byte;
	struct rlimit rl = { 0 };
	int subreaper = -1;
	mode_t mask = umask(0);
	getrlimit(RLIMIT_NOFILE, &rl);
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	snprintf(line, sizeof line, "cwd %s", getcwd(cwd, sizeof cwd) ? cwd : "?");
	say(line);
	snprintf(line, sizeof line, "umask %03o nofile %llu", (unsigned int)mask,
		(unsigned long long)rl.rlim_cur);
	say(line);
	snprintf(line, sizeof line, "leader %d%d subreaper %d", getsid(0) == getpid(),
		getpgrp() == getpid(), subreaper);
	say(line);
	snprintf(line, sizeof line, "stdin %d", (int)read(0, &byte, 1));
	say(line);
}

static void say_environment(void)
{
	char line[400];
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, "PROBE_", 6) || !strncmp(*e, "CINIT_SERVICE", 13) ||
			!strncmp(*e, "CINIT_CONTROL", 13) || !strncmp(*e, "CINIT_EXIT", 10)) {
			snprintf(line, sizeof line, "env %s", *e);
			say(line);
		}
}

int main(int argc, char **argv)
{
	char const *events = getenv("EVENTS");

	if (argc > 2 && !strcmp(argv[1], "-s"))
		return spoil(argv + 2);
	out = open(events ? events : "", O_WRONLY | O_CLOEXEC);
	if (out < 0)
		return 111;
	say_arguments(argc, argv);
	say_environment();
	say_descriptors();
	say_signals();
	say_identity();
	say_place();
	say("end");
	for (;;)
		pause();
}
