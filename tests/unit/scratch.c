/* A temporary directory for each test, and children for what would spoil the test's own process. */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

char scratch_path[64];
int scratch_fd = -1;

int scratch_setup(void **state)
{
	char const *tmp = getenv("TMPDIR");

	(void)state;
	umask(022);
	if (!tmp || strlen(tmp) > 40)
		tmp = "/tmp";
	snprintf(scratch_path, sizeof scratch_path, "%s/cinit-unit.XXXXXX", tmp);
	if (!mkdtemp(scratch_path))
		return -1;
	/* others walk through it in tests of what others may */
	if (chmod(scratch_path, 0755) < 0)
		return -1;
	scratch_fd = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return scratch_fd < 0 ? -1 : 0;
}

static int scratch_remove(char const *path, struct stat const *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int scratch_teardown(void **state)
{
	(void)state;
	close(scratch_fd);
	scratch_fd = -1;
	return nftw(scratch_path, scratch_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void scratch_bytes(char const *name, char const *bytes, size_t len)
{
	int fd = open(scratch_name(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || close(fd) < 0) {
		fprintf(stderr, "unable to write %s: %s\n", name, strerror(errno));
		abort();
	}
}

void scratch_text(char const *name, char const *text)
{
	scratch_bytes(name, text, strlen(text));
}

char const *scratch_name(char const *name)
{
	static char buf[4][512];
	static unsigned int next;
	char *out = buf[next++ % 4];

	snprintf(out, sizeof buf[0], "%s/%s", scratch_path, name);
	return out;
}

int scratch_child(int (*act)(void *data), void *data)
{
	int w;

	fflush(0);
	pid_t pid = fork();
	if (pid < 0)
		return -1;
	if (!pid)
		_exit(act(data));
	while (waitpid(pid, &w, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFSIGNALED(w) ? 1000 + WTERMSIG(w) : WEXITSTATUS(w);
}

int scratch_become(uid_t id)
{
	return setgroups(0, 0) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0 ? -1
											     : 0;
}

int scratch_complain(int line, char const *what)
{
	fprintf(stderr, "child, line %d: not so: %s (errno %s)\n", line, what, strerror(errno));
	return 1;
}
