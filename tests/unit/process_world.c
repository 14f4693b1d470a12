/* Faults for tests of processes, and children to look at. */
#include "process_world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"

struct process_fault fault;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
ssize_t __real_read(int fd, void *buf, size_t size);
ssize_t __wrap_read(int fd, void *buf, size_t size);
int __real_open(char const *path, int flags, ...);
int __wrap_open(char const *path, int flags, ...);
DIR *__real_opendir(char const *path);
DIR *__wrap_opendir(char const *path);
int __real_fstatfs(int fd, struct statfs *fs);
int __wrap_fstatfs(int fd, struct statfs *fs);

long __wrap_syscall(long number, ...)
{
	long a[4];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_pidfd_open)
		fault.opened++;
	int error = number == SYS_pidfd_open          ? fault.pidfd_open
		    : number == SYS_pidfd_send_signal ? fault.pidfd_send_signal
		    : number == SYS_close_range       ? fault.close_range
						      : 0;
	if (!error)
		return __real_syscall(number, a[0], a[1], a[2], a[3]);
	errno = error;
	return -1;
}

ssize_t __wrap_read(int fd, void *buf, size_t size)
{
	return __real_read(fd, buf, fault.chunk && fault.chunk < size ? fault.chunk : size);
}

static int absent(char const *path)
{
	int named = fault.no_file && !strcmp(path, fault.no_file);

	if (!named && !(fault.no_proc && !strncmp(path, "/proc", 5)))
		return 0;
	errno = named ? ENOENT : fault.no_proc;
	return 1;
}

int __wrap_open(char const *path, int flags, ...)
{
	return absent(path) ? -1 : __real_open(path, flags, 0644);
}

DIR *__wrap_opendir(char const *path)
{
	return absent(path) ? 0 : __real_opendir(path);
}

int __wrap_fstatfs(int fd, struct statfs *fs)
{
	int r = __real_fstatfs(fd, fs);

	fault.statfs++;
	if (fault.no_pidfs)
		fs->f_type = 0x09041934; /* where pidfds were before pidfs */
	return r;
}

int world_has_pidfd(void)
{
	int fd = (int)__real_syscall(SYS_pidfd_open, (long)getpid(), 0L, 0L, 0L);

	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

pid_t world_child(int *gate)
{
	int p[2];
	char c;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -1;
	pid_t pid = fork();
	if (!pid) {
		/* another child's gate would stay open as long as we live */
		dup2(p[0], 0);
		for (int fd = 3; fd < 128; fd++)
			close(fd);
		while (__real_read(0, &c, 1) < 0 && errno == EINTR)
			continue;
		_exit(0);
	}
	close(p[0]);
	*gate = p[1];
	return pid;
}

void world_end(pid_t pid, int gate)
{
	close(gate);
	kill(pid, SIGKILL);
	while (waitpid(pid, 0, 0) < 0 && errno == EINTR)
		continue;
}

struct inner {
	int (*act)(void *data);
	void *data;
	int proc;
};

static int outer_act(void *data)
{
	struct inner *inner = data;
	int w;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
		return 200;
	pid_t pid = fork();
	if (!pid) {
		/* it is process 1, which no signal kills; what is tested is its child */
		if (inner->proc && (mount("", "/", "", MS_REC | MS_PRIVATE, 0) < 0 ||
					   mount("proc", "/proc", "proc", 0, "") < 0))
			_exit(200);
		_exit(scratch_child(inner->act, inner->data));
	}
	if (waitpid(pid, &w, 0) < 0)
		return 201;
	return WIFEXITED(w) ? WEXITSTATUS(w) : 202;
}

int world_namespace(int (*act)(void *data), void *data, int proc)
{
	struct inner inner = { act, data, proc };
	int r = scratch_child(outer_act, &inner);

	return r == 200 ? -2 : r;
}

struct world_shared *world_shared(void)
{
	static struct world_shared *shared;

	if (!shared) {
		shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
		if (shared == MAP_FAILED)
			abort();
	}
	return shared;
}
