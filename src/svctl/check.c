/* ./check of a service. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include "execution.h"
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

/* As its supervisor would execute it, see servicedir(5). Returns when it cannot be: that was said.
 */
static void become(char const *directory, char const *name, char const *instance)
{
	struct execution e = EXECUTION_ZERO;
	char const *params = entry_exists(AT_FDCWD, "check.params") ? "check.params" : NULL;
	char const *env = entry_exists(AT_FDCWD, "env") ? "env" : NULL;
	char const *file = entry_exists(AT_FDCWD, "check.env") ? "check.env" : NULL;

	e.path = CHECK;
	if ((instance && execution_argument(&e, instance) < 0) ||
		(params && execution_arguments(&e, params) < 0) ||
		execution_environment(&e, env, file) < 0 ||
		(name && execution_variable(&e, "CINIT_SERVICE", name) < 0) ||
		(instance && execution_variable(&e, "CINIT_INSTANCE", instance) < 0) ||
		execution_ready(&e) < 0) {
		strerr_warn(PROG, ": warning: unable to run ./check in ", directory, ": ", e.blame,
			errno ? ": " : "", errno ? strerror(errno) : "");
		return;
	}
	execution_go(&e);
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
