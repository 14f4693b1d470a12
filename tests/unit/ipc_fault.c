/* System calls that fail on request. Whoever uses this wraps all of them, see ipc_fault.h. */
#include "ipc_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	enum call call;
	unsigned int nth; /* which of them fails; 0: none */
	int always;       /* and all later ones */
	int error;        /* 0: a write that is cut short */
} fault;

unsigned int fault_made[CALLS];
static unsigned int dies_at; /* 0: it does not */

/* 1: this call shall fail; errno is set. */
static int fails(enum call call)
{
	unsigned int n = ++fault_made[call];
	if (dies_at && !--dies_at)
		raise(SIGKILL);
	if (!fault.nth || call != fault.call ||
		!(n == fault.nth || (fault.always && n > fault.nth)))
		return 0;
	errno = fault.error;
	return 1;
}

void fault_inject(enum call call, unsigned int nth, int always, int error)
{
	memset(fault_made, 0, sizeof fault_made);
	fault.call = call;
	fault.nth = nth;
	fault.always = always;
	fault.error = error;
}

void fault_heal(void)
{
	fault_inject(CALLS, 0, 0, 0);
}

void fault_die(unsigned int nth)
{
	dies_at = nth;
}

int __real_openat(int dir, char const *name, int flags, ...);
int __wrap_openat(int dir, char const *name, int flags, ...);
ssize_t __real_write(int fd, void const *buf, size_t n);
ssize_t __wrap_write(int fd, void const *buf, size_t n);
int __real_mkfifoat(int dir, char const *name, mode_t mode);
int __wrap_mkfifoat(int dir, char const *name, mode_t mode);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_renameat(int from_dir, char const *from, int to_dir, char const *to);
int __wrap_renameat(int from_dir, char const *from, int to_dir, char const *to);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

int __wrap_openat(int dir, char const *name, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails(OPENAT) ? -1 : __real_openat(dir, name, flags, mode);
}

ssize_t __wrap_write(int fd, void const *buf, size_t n)
{
	if (!fails(WRITE))
		return __real_write(fd, buf, n);
	return fault.error ? -1 : __real_write(fd, buf, n / 2);
}

ssize_t __real_writev(int fd, struct iovec const *v, int n);
ssize_t __wrap_writev(int fd, struct iovec const *v, int n);

/* A part: the first piece. */
ssize_t __wrap_writev(int fd, struct iovec const *v, int n)
{
	if (!fails(WRITE))
		return __real_writev(fd, v, n);
	return fault.error ? -1 : __real_writev(fd, v, 1);
}

int __wrap_mkfifoat(int dir, char const *name, mode_t mode)
{
	return fails(MKFIFOAT) ? -1 : __real_mkfifoat(dir, name, mode);
}

/* Nothing here makes any other raw call. */
long __wrap_syscall(long number, ...)
{
	va_list args;
	va_start(args, number);
	int from_dir = va_arg(args, int);
	char const *from = va_arg(args, char const *);
	int to_dir = va_arg(args, int);
	char const *to = va_arg(args, char const *);
	unsigned int flags = va_arg(args, unsigned int);
	va_end(args);
	if (number != SYS_renameat2)
		abort();
	return fails(RENAMEAT2) ? -1 : __real_syscall(number, from_dir, from, to_dir, to, flags);
}

int __wrap_renameat(int from_dir, char const *from, int to_dir, char const *to)
{
	return fails(RENAMEAT) ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	return fails(POLL) ? -1 : __real_poll(fds, n, timeout);
}
