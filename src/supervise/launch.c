/* The short way to a child.
 *
 * fork copies an address space that exec throws away at once, and every page that the supervisor
 * writes to afterwards is copied once more: most of what a start costs. A child with CLONE_VM has
 * no such space of its own. vfork would do as well, were it not that the parent sleeps until exec:
 * it could not publish the pid before, and a slow disk would make it deaf. So both run at once in
 * one memory, and the child keeps to what was set aside for it: a stack and what it executes with,
 * all of it made by the parent. It calls the kernel and nothing else: the C library's errno is the
 * parent's.
 *
 * Whatever is not simple goes the long way (child.c), which can do everything: arguments,
 * environment and user from files, readiness descriptors, other architectures, sanitizers, kernels
 * without close_range. So does whatever fails here. */
#include <skalibs/nonposix.h>

#include "launch.h"
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/posixplz.h>

#include "../lib/process.h"
#include "../lib/watched.h"
#include "program.h"

#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(__ILP32__) && !CINIT_WATCHED

#define GATE_FD       3
#define STACK_ROOM    1024 /* of LAUNCH_ROOM: what a handful of calls needs, many times over */
#define TARGET_MAX    256
#define KERNEL_SIGSET 8

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* ------------------------------------------------------------------------- in the child only */

/* A system call without the C library: what it returns is the result, or -errno. */
static inline long kernel(long n, long a, long b, long c, long d)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = 0;
	register long r9 __asm__("r9") = 0;
	long result = n;
	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#else
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = 0;
	register long x5 __asm__("x5") = 0;
	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#endif
}

static void leave(int code)
{
	for (;;)
		kernel(SYS_exit_group, code, 0, 0, 0);
}

static void tell(int gate, struct report *r, enum program_stage stage, long error)
{
	r->stage = (uint32_t)stage;
	r->error = (int32_t)-error;
	kernel(SYS_sendto, gate, (long)r, sizeof *r, MSG_NOSIGNAL);
	leave(EXEC_EXIT);
}

/* As drop_inherited in child.c. SIGPIPE's handler first: on this stack none may run. */
static long drop(struct launch const *l)
{
	unsigned long const nothing[8] = { 0 };
	long r = 0;

	kernel(SYS_rt_sigaction, SIGPIPE, (long)nothing, 0, KERNEL_SIGSET);
	if (l->input >= 0)
		r = kernel(SYS_dup3, l->input, 0, 0, 0);
	if (r >= 0 && l->output >= 0)
		r = kernel(SYS_dup3, l->output, 1, 0, 0);
	if (r >= 0 && l->gate != GATE_FD)
		r = kernel(SYS_dup3, l->gate, GATE_FD, O_CLOEXEC, 0);
	if (r >= 0)
		r = kernel(SYS_close_range, GATE_FD + 1, ~0u, 0, 0);
	kernel(SYS_rt_sigprocmask, SIG_SETMASK, (long)nothing, 0, KERNEL_SIGSET);
	return r;
}

static int child(void *data)
{
	struct launch const *l = data;
	struct report r = { .text = { 'r', 'u', 'n' } };
	char byte;
	long n = drop(l);

	if (n < 0)
		tell(l->gate, &r, STAGE_STDIO, n);
	kernel(SYS_setsid, 0, 0, 0, 0);
	kernel(SYS_umask, (long)l->umask, 0, 0, 0);
	if (l->below && (n = kernel(SYS_chdir, (long)"log", 0, 0, 0)) < 0)
		tell(GATE_FD, &r, STAGE_CHDIR, n);
	do
		n = kernel(SYS_read, GATE_FD, (long)&byte, 1, 0);
	while (n == -EINTR);
	if (n != 1)
		leave(GATE_EXIT);
	n = kernel(SYS_execve, (long)l->file, (long)l->argv, (long)l->envp, 0);
	tell(GATE_FD, &r, STAGE_EXEC, n);
	return 0;
}

/* ------------------------------------------------------------------------------ in the parent */

/* Entries that say nothing of how run is executed. Whatever else a service directory has,
 * arguments, environment, rights, or what is to be invented, is for the long way. */
#define PLAIN                                                                                      \
	(ENTRY_RUN | ENTRY_FINISH | ENTRY_CHECK | ENTRY_CONTROL | ENTRY_DOWN | ENTRY_LOG |         \
		ENTRY_DOWN_SIGNAL | ENTRY_TIMEOUT_KILL | ENTRY_TIMEOUT_FINISH |                    \
		ENTRY_TIMEOUT_CONTROL | ENTRY_MAX_DEATHS | ENTRY_KILL_MODE | ENTRY_RESTART |       \
		ENTRY_ESSENTIAL | ENTRY_BACKOFF_MAX | ENTRY_FINISH_PARAMS | ENTRY_FINISH_ENV |     \
		ENTRY_DEPENDENCIES | ENTRY_TIMEOUT_UP | ENTRY_CHECK_INTERVAL |                     \
		ENTRY_TIMEOUT_CHECK | ENTRY_HEALTH_INTERVAL | ENTRY_HEALTH_FAILURES |              \
		ENTRY_ENABLE_IF_ENV | ENTRY_CHECK_PARAMS | ENTRY_CHECK_ENV)

static int is_simple(struct service const *x, char const *entry)
{
	return !x->launch.taken && process_closes_ranges() && !strcmp(entry, "run") &&
	       x->config.kind == KIND_RUN && !(x->config.entries & ~PLAIN) && x->cgroup < 0 &&
	       x->lines.fd < 0 && !strchr(x->name, '@');
}

/* Space within the room, behind what is used of it; NULL: there is none. */
static void *take(struct launch *l, size_t *used, size_t size)
{
	void *p = l->room + *used;
	if (size > LAUNCH_ROOM - *used)
		return 0;
	*used += (size + 7) & ~(size_t)7;
	return p;
}

/* argv[0] as argv_zero in program.c has it. */
static int make_argv(struct service const *x, struct launch *l, size_t *used)
{
	char target[TARGET_MAX];
	char const *path = "./run";
	ssize_t n = readlink(x->is_log ? "log/run" : path, target, sizeof target);

	if (n == (ssize_t)sizeof target)
		return -1;
	l->argv = take(l, used, 2 * sizeof *l->argv);
	char *copy = n > 0 ? take(l, used, (size_t)n + 1) : 0;
	if (!l->argv || (n > 0 && !copy))
		return -1;
	if (n > 0) {
		memcpy(copy, target, (size_t)n);
		copy[n] = 0;
	}
	l->argv[0] = n > 0 ? copy : path;
	l->argv[1] = 0;
	l->file = l->argv[0][0] == '/' ? l->argv[0] : path;
	return 0;
}

/* Our own environment, with CINIT_SERVICE in it. */
static int make_envp(struct service const *x, struct launch *l, size_t *used)
{
	static char const name[] = "CINIT_SERVICE=";
	size_t count = 0, n = 0, len = strlen(x->name) + 1;

	while (environ[count])
		count++;
	l->envp = take(l, used, (count + 2) * sizeof *l->envp);
	char *mark = take(l, used, sizeof name - 1 + len);
	if (!l->envp || !mark)
		return -1;
	memcpy(mark, name, sizeof name - 1);
	memcpy(mark + sizeof name - 1, x->name, len);
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], name, sizeof name - 1))
			l->envp[n++] = environ[i];
	l->envp[n++] = mark;
	l->envp[n] = 0;
	return 0;
}

/* As open_stdio in child.c; -1: the long way will say what is wrong. */
static int open_log(struct service const *x, struct launch *l)
{
	int const flags = x->is_log ? O_RDONLY : O_WRONLY;

	l->input = l->output = -1;
	if (x->sup->pipe < 0)
		return 0;
	int fd = openat(x->sup->service.dir, "pipe", flags | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFL, flags) < 0) {
		fd_close(fd);
		return -1;
	}
	*(x->is_log ? &l->input : &l->output) = fd;
	return 0;
}

pid_t launch_run(struct service *x, char const *entry, int gate)
{
	struct launch *l = &x->launch;
	size_t used = STACK_ROOM;

	if (!is_simple(x, entry) || make_argv(x, l, &used) < 0 || make_envp(x, l, &used) < 0 ||
		open_log(x, l) < 0)
		return 0;
	l->gate = gate;
	l->below = x->is_log;
	l->umask = x->sup->o->umask;
	pid_t pid = clone(child, l->room + STACK_ROOM, CLONE_VM | SIGCHLD, l);
	if (l->input >= 0)
		fd_close(l->input);
	if (l->output >= 0)
		fd_close(l->output);
	l->taken = pid > 0;
	return pid > 0 ? pid : 0;
}

#else

pid_t launch_run(struct service *x, char const *entry, int gate)
{
	(void)x, (void)entry, (void)gate;
	return 0;
}

#endif
