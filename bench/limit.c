/* The limit: what the kernel itself needs for a tree of supervisors, each a process of its own with
 * one service. No directory is read, no state kept, nothing told, nobody obeyed but TERM.
 *
 * limit tree N SERVICE    N supervisors, each one forked and executed, each starting SERVICE NUMBER
 * limit status DIR N      reads DIR/sNNNN/status for N services and prints a line for each
 * limit true              does nothing: what starting a client costs */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static sigset_t signals;

static void number_text(char text[12], unsigned int n)
{
	char turned[12];
	int len = 0;
	do
		turned[len++] = (char)('0' + n % 10);
	while (n /= 10);
	for (int i = 0; i < len; i++)
		text[i] = turned[len - 1 - i];
	text[len] = 0;
}

static pid_t start(char **argv)
{
	pid_t pid = vfork();
	if (!pid) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, 0);
		execve(argv[0], argv, environ);
		_exit(127);
	}
	return pid;
}

/* Keeps one service running until TERM. */
static int supervise(char *service, char *number)
{
	char *argv[] = { service, number, 0 };
	int stopping = 0;
	pid_t pid = start(argv);

	for (;;) {
		int sig = sigwaitinfo(&signals, 0);
		if (sig == SIGTERM) {
			stopping = 1;
			kill(pid, SIGTERM);
		}
		while (waitpid(-1, 0, WNOHANG) > 0) {
			if (stopping)
				return 0;
			pid = start(argv);
		}
	}
}

static int tree(char *self, unsigned int n, char *service)
{
	pid_t *pids = calloc(n, sizeof *pids);
	char number[12];
	char *argv[] = { self, (char *)"supervise", service, number, 0 };
	unsigned int left = n;

	for (unsigned int i = 0; pids && i < n; i++) {
		number_text(number, i);
		pids[i] = start(argv);
	}
	while (pids && left) {
		if (sigwaitinfo(&signals, 0) == SIGTERM)
			for (unsigned int i = 0; i < n; i++)
				kill(pids[i], SIGTERM);
		while (waitpid(-1, 0, WNOHANG) > 0)
			left--;
	}
	return !pids;
}

static int status(char const *dir, unsigned int n)
{
	char path[4096], record[20], *out = malloc((strlen(dir) + 64) * n + 1);
	size_t used = 0;

	for (unsigned int i = 0; out && i < n; i++) {
		snprintf(path, sizeof path, "%s/s%04u/status", dir, i);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, record, sizeof record) != (ssize_t)sizeof record)
			return 1;
		close(fd);
		used += (size_t)sprintf(
			out + used, "run: %s: (pid %u) 1s\n", path, (unsigned int)record[12]);
	}
	return !out || write(1, out, used) != (ssize_t)used;
}

int main(int argc, char **argv)
{
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_SETMASK, &signals, 0);
	if (argc == 2 && !strcmp(argv[1], "true"))
		return 0;
	if (argc != 4)
		return 100;
	if (!strcmp(argv[1], "supervise"))
		return supervise(argv[2], argv[3]);
	if (!strcmp(argv[1], "tree"))
		return tree(argv[0], (unsigned int)atoi(argv[2]), argv[3]);
	if (!strcmp(argv[1], "status"))
		return status(argv[2], (unsigned int)atoi(argv[3]));
	return 100;
}
