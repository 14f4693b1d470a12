/* What /proc says of processes; see proc.h. */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/uint64.h>

#define PROC_PATH 64

static pid_t proc_checked; /* for whom /proc was found right */

/* Only a yes is remembered: /proc may come later. */
int proc_is_ours(void)
{
	char link[PROC_PATH];
	uint64_t pid;
	pid_t me = getpid();

	if (proc_checked == me)
		return 1;
	ssize_t r = readlink("/proc/self", link, sizeof link - 1);
	if (r < 0)
		return 0;
	link[r] = 0;
	if (!uint64_scan(link, &pid) || pid != (uint64_t)me) {
		errno = ENOENT;
		return 0;
	}
	proc_checked = me;
	return 1;
}

int proc_open(char const *path)
{
	int fd;

	do
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int proc_open_pid(pid_t pid, char const *file)
{
	char path[PROC_PATH];

	if (!proc_is_ours())
		return -1;
	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, file);
	return proc_open(path);
}

/* Field 2, the name, may hold blanks and parentheses: the count begins after the last one. */
char const *proc_field(pid_t pid, unsigned int n, char buf[PROC_STAT_SIZE])
{
	int fd = proc_open_pid(pid, "stat");

	if (fd < 0)
		return NULL;
	ssize_t r = fd_read(fd, buf, PROC_STAT_SIZE - 1);
	fd_close(fd);
	if (r <= 0)
		return NULL;
	buf[r] = 0;
	char *p = strrchr(buf, ')');
	for (unsigned int field = 2; p && field < n; field++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	return p;
}

int proc_stat(pid_t pid, unsigned int n, uint64_t *value)
{
	char buf[PROC_STAT_SIZE];
	char const *field = proc_field(pid, n, buf);

	return field && uint64_scan(field, value);
}
