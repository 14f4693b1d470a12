/* ./check of a service. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/posixplz.h>
#include <skalibs/sig.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "environment.h"
#include "path.h"
#include "report.h"
#include "servicedir.h"

#define CHECK "./check"

int check_exists(char const *directory)
{
	char file[PATH_MAX];
	struct stat st;

	if (path_join(file, directory, CHECK) < 0)
		return 0;
	return stat(file, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* What to execute, and as what: a link to a binary is called by the binary's name. */
static void execute(char const *instance, stralloc const *lines, char const *const *envp)
{
	char target[PATH_MAX];
	ssize_t n = readlink(CHECK, target, sizeof target - 1);
	size_t count = 0;

	for (size_t i = 0; i < lines->len; i++)
		count += !lines->s[i];
	char const **argv = calloc(count + 3, sizeof *argv);
	if (!argv)
		return;
	target[n > 0 ? n : 0] = 0;
	argv[0] = n > 0 ? target : CHECK;
	count = 1;
	if (instance)
		argv[count++] = instance;
	for (size_t i = 0; i < lines->len; i += strlen(lines->s + i) + 1)
		argv[count++] = lines->s + i;
	execve(target[0] == '/' ? target : CHECK, (char *const *)argv, (char *const *)envp);
}

/* The arguments of check.params and the changes of the environment, as its supervisor would give
 * them; see servicedir(5). 0, or -1: it was said why not. */
static int read_settings(stralloc *lines, stralloc *changes, char const *directory)
{
	char at[64];

	if (entry_exists(AT_FDCWD, "check.params") &&
		environment_lines(lines, AT_FDCWD, "check.params") < 0) {
		strerr_warnwu2sys("read check.params in ", directory);
		return -1;
	}
	if ((entry_exists(AT_FDCWD, "env") && environment_dir(changes, AT_FDCWD, "env", at) < 0) ||
		(entry_exists(AT_FDCWD, "check.env") &&
			environment_file(changes, AT_FDCWD, "check.env", at) < 0)) {
		strerr_warnwu4sys("read ", at, " in ", directory);
		return -1;
	}
	return 0;
}

/* Returns when it cannot be: that was said. */
static void become(char const *directory, char const *name, char const *instance)
{
	stralloc lines = STRALLOC_ZERO, changes = STRALLOC_ZERO;
	char const **envp = NULL;

	if (read_settings(&lines, &changes, directory) < 0)
		return;
	if ((!name || environment_set(&changes, "CINIT_SERVICE", name) >= 0) &&
		(!instance || environment_set(&changes, "CINIT_INSTANCE", instance) >= 0))
		envp = environment_merge((char const *const *)environ, &changes);
	if (envp)
		execute(instance, &lines, envp);
	strerr_warnwu2sys("run ./check in ", directory);
}

static void child(char const *directory, char const *name, char const *instance, rlim_t nofile,
	int told) __attribute__((noreturn));
static void child(
	char const *directory, char const *name, char const *instance, rlim_t nofile, int told)
{
	struct rlimit limit;

	setpgid(0, 0);
	sig_blocknone();
	/* the loop raised it for itself; select(2) cannot count as far */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != nofile) {
		limit.rlim_cur = nofile;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	int null = open2("/dev/null", O_RDONLY);
	if (null < 0 || fd_move(0, null) < 0)
		fd_close(0);
	fd_close(1);
	if (chdir(directory) < 0)
		strerr_warnwu2sys("run ./check: unable to enter ", directory);
	else
		become(directory, name, instance);
	pid_t self = getpid();
	fd_write(told, (char const *)&self, sizeof self);
	_exit(EXIT_SYSTEM);
}

pid_t check_start(
	char const *directory, char const *name, char const *instance, rlim_t nofile, int told)
{
	pid_t pid = fork();

	if (pid == 0)
		child(directory, name, instance, nofile, told);
	/* done twice, so that neither of us can be too late */
	if (pid > 0)
		setpgid(pid, pid);
	return pid;
}

void check_kill(pid_t pid)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
}
