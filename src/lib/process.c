/* Processes: pidfds where there are any, /proc where there are none, and what is left without both.
 *
 * Two kinds of identity exist, and which one a process got depends on what worked when somebody
 * asked: the inode of its pidfd, or its start time with the top bit set. They are never mixed up: a
 * recorded identity is compared with one of its own kind, and where that cannot be had the answer
 * is "unsure". Without that, one EMFILE at the wrong moment would declare a living service gone,
 * and a second one would be started. */
/* long: whoever reads /proc is in one place */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/uint64.h>

#include "servicedir.h"

/* The same numbers on every architecture; headers may be older than the kernel. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#define PIDFS_MAGIC 0x50494446
#define START_KIND  ((uint64_t)1 << 63) /* an identity that is a start time */
#define PROC_PATH   64
#define STAT_SIZE   1024 /* /proc/PID/stat: 52 numbers and a name */

/* What is found out once; a process and its forks live under one kernel and one filter. */
static int pidfd_error;                                   /* errno of "there are no pidfds" */
static enum { PIDFS_UNKNOWN, PIDFS_YES, PIDFS_NO } pidfs; /* have pidfds inodes of their own? */
static pid_t proc_checked;                                /* for whom /proc was found right */

/* ----------------------------------------------------------------------------- /proc */

/* Is what is mounted on /proc about our pid namespace? In another one's the numbers mean other
 * processes, and acting on them would hit bystanders. Only a yes is remembered: /proc may come
 * later. */
static int proc_is_ours(void)
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

static int proc_open(char const *path)
{
	int fd;

	do
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static int proc_open_pid(pid_t pid, char const *file)
{
	char path[PROC_PATH];

	if (!proc_is_ours())
		return -1;
	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, file);
	return proc_open(path);
}

/* Field `n` (3: state, 4: parent, 22: start time) of /proc/PID/stat, in `buf`. Field 2, the name,
 * may hold blanks and parentheses: the count begins after the last one. NULL: not to be had. */
static char const *proc_field(pid_t pid, unsigned int n, char buf[STAT_SIZE])
{
	int fd = proc_open_pid(pid, "stat");

	if (fd < 0)
		return NULL;
	ssize_t r = fd_read(fd, buf, STAT_SIZE - 1);
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

/* As a number. 1, or 0. */
static int proc_stat(pid_t pid, unsigned int n, uint64_t *value)
{
	char buf[STAT_SIZE];
	char const *field = proc_field(pid, n, buf);

	return field && uint64_scan(field, value);
}

/* ------------------------------------------------------------------------- identities */

int process_pidfd(pid_t pid)
{
	if (pidfd_error) {
		errno = pidfd_error;
		return -1;
	}
	int fd = (int)syscall(SYS_pidfd_open, pid, 0); /* always close-on-exec */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		pidfd_error = errno;
	return fd;
}

/* Is this what process_pidfd says of a pid that is nobody's, or only a thread's (EINVAL, since 6.13
 * ENOENT)? */
static int is_nobody(int error)
{
	return error == ESRCH || error == EINVAL || error == ENOENT;
}

/* The inode, where it is one process's own: before pidfs all pidfds shared one. 0: nothing told. */
static uint64_t pidfd_inode(int fd)
{
	struct stat st;
	struct statfs fs;

	if (pidfs == PIDFS_NO)
		return 0;
	if (pidfs == PIDFS_UNKNOWN) {
		if (fstatfs(fd, &fs) < 0)
			return 0;
		pidfs = (uint64_t)fs.f_type == PIDFS_MAGIC ? PIDFS_YES : PIDFS_NO;
		if (pidfs == PIDFS_NO)
			return 0;
	}
	return fstat(fd, &st) < 0 ? 0 : (uint64_t)st.st_ino & ~START_KIND;
}

static uint64_t start_identity(pid_t pid)
{
	uint64_t ticks;

	return proc_stat(pid, 22, &ticks) ? ticks | START_KIND : 0;
}

uint64_t process_identity(pid_t pid)
{
	uint64_t inode = 0;

	if (pid <= 0)
		return 0;
	int fd = process_pidfd(pid);
	if (fd >= 0) {
		inode = pidfd_inode(fd);
		fd_close(fd);
	}
	/* a failure that can pass (EMFILE) gets no start time either: "unknown" is honest */
	if (inode || (fd < 0 && !pidfd_error) || pidfs == PIDFS_YES)
		return inode;
	return start_identity(pid);
}

/* Somebody may have the pid, and nothing tells who. */
static enum process_alive alive_by_pid(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH ? PROCESS_GONE : PROCESS_UNSURE;
}

static enum process_alive compare(uint64_t now, pid_t pid, uint64_t identity)
{
	if (!now || !identity)
		return alive_by_pid(pid);
	return now == identity ? PROCESS_ALIVE : PROCESS_GONE;
}

enum process_alive process_alive(pid_t pid, uint64_t identity)
{
	if (pid <= 0)
		return PROCESS_GONE;
	if (!identity)
		return alive_by_pid(pid);
	if (identity & START_KIND)
		return compare(start_identity(pid), pid, identity);
	int fd = process_pidfd(pid);
	if (fd < 0)
		return is_nobody(errno) ? PROCESS_GONE : alive_by_pid(pid);
	uint64_t now = pidfd_inode(fd);
	fd_close(fd);
	return compare(now, pid, identity);
}

int process_runs(pid_t pid, uint64_t identity)
{
	char buf[STAT_SIZE];
	char const *state = pid > 0 ? proc_field(pid, 3, buf) : NULL;

	/* whose it was is asked after it: while that one lives the pid is nobody else's */
	return state && memchr("RSI", *state, 3) && process_alive(pid, identity) == PROCESS_ALIVE;
}

/* Without pidfds: between the look and the kill the pid could be reused, which nothing can prevent
 * here. */
static int signal_by_pid(pid_t pid, int sig)
{
	if (!kill(pid, sig))
		return 1;
	return errno == ESRCH ? 0 : -1;
}

/* fd -1: there are no pidfds. */
static int signal_by_fd(int fd, pid_t pid, uint64_t identity, int sig)
{
	/* the descriptor is open before the comparison: whom it finds is whom the signal reaches */
	enum process_alive alive = PROCESS_ALIVE;
	if (identity && (identity & START_KIND || fd < 0))
		alive = process_alive(pid, identity);
	else if (identity)
		alive = compare(pidfd_inode(fd), pid, identity);
	if (alive != PROCESS_ALIVE) {
		/* a known identity that cannot be compared: better no signal than a bystander's */
		errno = ENOTSUP;
		return alive == PROCESS_GONE ? 0 : -1;
	}
	int r = fd < 0 ? -1 : (int)syscall(SYS_pidfd_send_signal, fd, sig, (siginfo_t *)0, 0);
	if (fd < 0 || (r < 0 && errno == ENOSYS))
		return signal_by_pid(pid, sig);
	return !r ? 1 : errno == ESRCH ? 0 : -1;
}

int process_signal_by(int pidfd, pid_t pid, uint64_t identity, int sig)
{
	return pidfd < 0 ? process_signal(pid, identity, sig)
			 : signal_by_fd(pidfd, pid, identity, sig);
}

int process_signal(pid_t pid, uint64_t identity, int sig)
{
	if (pid <= 0) {
		errno = EINVAL;
		return -1;
	}
	int fd = process_pidfd(pid);
	if (fd < 0 && is_nobody(errno))
		return 0;
	if (fd < 0 && !pidfd_error)
		return -1;
	int r = signal_by_fd(fd, pid, identity, sig);
	if (fd >= 0)
		fd_close(fd);
	return r;
}

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
