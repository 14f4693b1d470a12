/* ./check of a service. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>
#include <skalibs/djbunix.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include "path.h"
#include "report.h"

#define CHECK "./check"

int check_exists(char const *directory)
{
	char file[PATH_MAX];
	struct stat st;

	if (path_join(file, directory, CHECK) < 0)
		return 0;
	return stat(file, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static void child(char const *directory, char const *instance, rlim_t nofile)
	__attribute__((noreturn));
static void child(char const *directory, char const *instance, rlim_t nofile)
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
		strerr_diefu2sys(EXIT_SYSTEM, "enter ", directory);
	if (instance && setenv("CINIT_INSTANCE", instance, 1) < 0)
		strerr_diefu1sys(EXIT_SYSTEM, "set CINIT_INSTANCE");
	execl(CHECK, CHECK, instance, (char *)NULL);
	strerr_diefu2sys(EXIT_SYSTEM, "run ./check in ", directory);
}

pid_t check_start(char const *directory, char const *instance, rlim_t nofile)
{
	pid_t pid = fork();

	if (pid == 0)
		child(directory, instance, nofile);
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
