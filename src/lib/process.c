/* Processes: pidfds where there are any, /proc where there are none, and what is left without both.
 *
 * Two kinds of identity exist, and which one a process got depends on what worked when somebody
 * asked: the inode of its pidfd, or its start time with the top bit set. They are never mixed up: a
 * recorded identity is compared with one of its own kind, and where that cannot be had the answer
 * is "unsure". Without that, one EMFILE at the wrong moment would declare a living service gone,
 * and a second one would be started. */
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include "proc.h"

/* The same numbers on every architecture; headers may be older than the kernel. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#define PIDFS_MAGIC 0x50494446
#define START_KIND  ((uint64_t)1 << 63) /* an identity that is a start time */

/* What is found out once; a process and its forks live under one kernel and one filter. */
static int pidfd_error;                                   /* errno of "there are no pidfds" */
static enum { PIDFS_UNKNOWN, PIDFS_YES, PIDFS_NO } pidfs; /* have pidfds inodes of their own? */

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
	char buf[PROC_STAT_SIZE];
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
