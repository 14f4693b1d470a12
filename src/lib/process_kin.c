/* Processes: whose children they are, and what their environments and sessions tell of whose they
 * were. */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/uint64.h>

#include "proc.h"
#include "servicedir.h"

/* --------------------------------------------------------------------------- children */

/* A list of numbers with blanks between them, which arrives in pieces. */
static int children_listed(int fd, int (*each)(pid_t pid, void *data), void *data)
{
	char buf[4096];
	pid_t pid = 0;
	int count = 0;

	for (;;) {
		ssize_t r = fd_read(fd, buf, sizeof buf);
		if (r < 0)
			return -1;
		for (ssize_t i = 0; i < r; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = pid * 10 + (buf[i] - '0');
				continue;
			}
			if (!pid)
				continue;
			count++;
			if (each(pid, data))
				return count;
			pid = 0;
		}
		if (!r)
			break;
	}
	if (pid) {
		count++;
		each(pid, data);
	}
	return count;
}

#define ANCESTORS 32

struct parents {
	pid_t pid[ANCESTORS];
	unsigned int count;
};

static int is_among(struct parents const *of, uint64_t parent)
{
	for (unsigned int i = 0; i < of->count; i++)
		if (parent == (uint64_t)of->pid[i])
			return 1;
	return 0;
}

/* Asks everybody for his parent. *ended counts those that had gone before they could be asked. */
static int children_searched(struct parents const *of, int (*each)(pid_t pid, void *data),
	void *data, unsigned int *ended)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	uint64_t parent, pid;
	int count = 0;

	if (!dir)
		return -1;
	while ((errno = 0, d = readdir(dir))) {
		size_t len = uint64_scan(d->d_name, &pid);
		if (!len || d->d_name[len])
			continue;
		if (!proc_stat((pid_t)pid, 4, &parent)) {
			if (value_shortage(errno))
				goto fail;
			++*ended;
			continue;
		}
		if (!is_among(of, parent))
			continue;
		count++;
		if (each((pid_t)pid, data))
			break;
	}
	if (d || !errno) {
		closedir(dir);
		return count;
	}
fail:;
	int error = errno;
	closedir(dir);
	errno = error;
	return -1;
}

int process_children(int (*each)(pid_t pid, void *data), void *data)
{
	if (!proc_is_ours())
		return -1;
	struct parents const own = { .pid = { getpid() }, .count = 1 };
	unsigned int ended = 0; /* our own stay until they are reaped */
	int fd = proc_open("/proc/thread-self/children");
	if (fd < 0)
		return errno == ENOENT ? children_searched(&own, each, data, &ended) : -1;
	int r = children_listed(fd, each, data);
	fd_close(fd);
	return r;
}

pid_t process_parent(pid_t pid)
{
	uint64_t parent;

	return proc_stat(pid, 4, &parent) ? (pid_t)parent : 0;
}

int process_orphans(int (*each)(pid_t pid, void *data), void *data, unsigned int *ended)
{
	struct parents of = { .count = 0 };
	unsigned int nobody = 0;

	if (!proc_is_ours())
		return -1;
	for (pid_t p = getppid(); p > 0 && of.count < ANCESTORS;) {
		of.pid[of.count++] = p;
		errno = 0;
		p = process_parent(p);
		if (!p && value_shortage(errno))
			return -1;
	}
	/* their own lists leave out living ones while they reap others */
	return children_searched(&of, each, data, ended ? ended : &nobody);
}

/* ------------------------------------------------------------------------ environments */

/* Does byte number `at` of NAME=VALUE equal c? */
static int env_matches(char const *name, char const *value, size_t at, char c)
{
	size_t len = strlen(name);

	return c == (at < len ? name[at] : at == len ? '=' : value[at - len - 1]);
}

/* One that just executes a program has none yet either, and the kernel writes down where it begins
 * before where it ends: only an end that is the beginning says that there is nothing between. */
static int has_no_env(pid_t pid)
{
	uint64_t start, end;

	return proc_stat(pid, 50, &start) && start && proc_stat(pid, 51, &end) && end == start;
}

/* `value` NULL: any. */
static int find_env(pid_t pid, char const *name, char const *value)
{
	char buf[4096];
	size_t start = strlen(name) + 1, total = start + (value ? strlen(value) : 0);
	size_t at = 0; /* bytes of the present entry that matched; more than total: it does not */
	int found = 0, some = 0, fd = proc_open_pid(pid, "environ");
	ssize_t r;

	if (fd < 0) {
		if (errno == ESRCH) /* it is about to end, and has given its memory back already */
			errno = EAGAIN;
		return -1;
	}
	while (!found && (r = fd_read(fd, buf, sizeof buf)) > 0) {
		some = 1;
		for (ssize_t i = 0; i < r && !found; i++) {
			if (!buf[i]) {
				found = at == total;
				at = 0;
			} else if (!value && at == start) {
				continue;
			} else {
				at = at < total && env_matches(name, value, at, buf[i]) ? at + 1
											: total + 1;
			}
		}
	}
	fd_close(fd);
	if (!found && !r && !some && !has_no_env(pid)) {
		errno = EAGAIN;
		return -1;
	}
	return found ? 1 : r < 0 ? -1 : 0;
}

int process_has_env(pid_t pid, char const *name, char const *value)
{
	return find_env(pid, name, value);
}

int process_names_env(pid_t pid, char const *name)
{
	return find_env(pid, name, NULL);
}

pid_t process_session(pid_t pid)
{
	return getsid(pid);
}
