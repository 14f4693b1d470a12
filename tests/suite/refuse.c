/* A system call of a traced process is not done, and answers that something is used up. */
#include <skalibs/nonposix.h>

#include "trace.h"
#include "watched.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#if defined(__x86_64__) && !defined(__ILP32__)

/* What may be used up. */
enum { MEMORY = 1, FILES = 2, PROCESSES = 4 };

/* Which calls can fail so, by their manual pages; in doubt, by what Linux allocates for them.
 *
 * Whoever names a file by path has it copied into kernel memory. A descriptor, a socket, a pipe, an
 * entry of a directory, a lock, what poll(2) waits with: all of that is allocated. Not here is what
 * cannot fail (close, exit, getpid, umask, the clocks), what frees (munmap), what works on what is
 * there (read, fstat, ftruncate, signals, waitid, fcntl's flags), and prctl with what we ask of it.
 * write(2) is here for pipes and sockets, whose buffers are allocated when something is written. */
static struct refusable {
	long call;
	char const *name;
	unsigned int used_up;
	int answer; /* 0: what was asked for */
	long only;  /* fcntl: this command */
} const refusables[] = {
#define ROW_OF(c, u, a, o)                                                                         \
	{                                                                                          \
		.call = SYS_##c, .name = #c, .used_up = (u), .answer = (a), .only = (o)            \
	}
#define ROW(c, u) ROW_OF(c, u, 0, 0)
	ROW(clone, MEMORY | PROCESSES),
	ROW(clone3, MEMORY | PROCESSES),
	ROW(fork, MEMORY | PROCESSES),
	ROW(vfork, MEMORY | PROCESSES),
	ROW(execve, MEMORY),
#if !CINIT_WATCHED        /* a sanitizer gives up when it gets no memory */
	ROW(brk, MEMORY), /* which has no errno: it answers with the break as it was */
	ROW(mmap, MEMORY),
	ROW(mprotect, MEMORY),
	ROW(mremap, MEMORY),
#endif
	ROW(open, MEMORY | FILES),
	ROW(openat, MEMORY | FILES),
	ROW(pipe, MEMORY | FILES),
	ROW(pipe2, MEMORY | FILES),
	ROW(socket, MEMORY | FILES),
	ROW(socketpair, MEMORY | FILES),
	ROW(bind, MEMORY),
	ROW(sendto, MEMORY),
	ROW(sendmsg, MEMORY),
	ROW(recvfrom, MEMORY),
	ROW(recvmsg, MEMORY),
	ROW(write, MEMORY),
	ROW(writev, MEMORY),
	ROW(pwrite64, MEMORY),
	ROW(dup, MEMORY | FILES),
	ROW(dup2, MEMORY),
	ROW(dup3, MEMORY),
	ROW_OF(fcntl, FILES, 0, F_DUPFD),
	ROW_OF(fcntl, FILES, 0, F_DUPFD_CLOEXEC),
	ROW_OF(fcntl, MEMORY, ENOMEM, F_SETPIPE_SZ),
	ROW_OF(fcntl, MEMORY, ENOLCK, F_SETLK),
	ROW_OF(flock, MEMORY, ENOLCK, 0),
	ROW(signalfd4, MEMORY | FILES),
	ROW(eventfd2, MEMORY | FILES),
	ROW(timerfd_create, MEMORY | FILES),
	ROW(pidfd_open, MEMORY | FILES),
	ROW(inotify_init1, MEMORY | FILES),
	ROW(inotify_add_watch, MEMORY),
	ROW(epoll_create1, MEMORY | FILES),
	ROW(epoll_ctl, MEMORY),
	ROW(poll, MEMORY),
	ROW(ppoll, MEMORY),
	ROW(stat, MEMORY),
	ROW(lstat, MEMORY),
	ROW(newfstatat, MEMORY),
	ROW(statx, MEMORY),
	ROW(access, MEMORY),
	ROW(faccessat, MEMORY),
	ROW(faccessat2, MEMORY),
	ROW(readlink, MEMORY),
	ROW(readlinkat, MEMORY),
	ROW(chdir, MEMORY),
	ROW(mkdir, MEMORY),
	ROW(mkdirat, MEMORY),
	ROW(mknod, MEMORY),
	ROW(mknodat, MEMORY),
	ROW(link, MEMORY),
	ROW(linkat, MEMORY),
	ROW(symlink, MEMORY),
	ROW(symlinkat, MEMORY),
	ROW(rename, MEMORY),
	ROW(renameat, MEMORY),
	ROW(renameat2, MEMORY),
	ROW(unlink, MEMORY),
	ROW(unlinkat, MEMORY),
	ROW(rmdir, MEMORY),
	ROW(chmod, MEMORY),
	ROW(fchmodat, MEMORY),
	ROW(chown, MEMORY),
	ROW(fchownat, MEMORY),
	ROW(splice, MEMORY),
	ROW(tee, MEMORY),
	ROW(vmsplice, MEMORY),
	ROW(setgroups, MEMORY),
#undef ROW
#undef ROW_OF
};

/* What is the call at whose beginning these registers stand, if it can fail so? */
static struct refusable const *find(struct user_regs_struct const *regs, int error)
{
	unsigned int used_up = error == ENOMEM ? MEMORY : error == EAGAIN ? PROCESSES : FILES;
	long call = (long)regs->orig_rax;

	if (call == SYS_brk && !regs->rdi)
		return 0; /* where is it? */
	if (call == SYS_newfstatat && ((int)regs->r10 & AT_EMPTY_PATH))
		return 0; /* fstat */
	for (size_t i = 0; i < sizeof refusables / sizeof refusables[0]; i++) {
		struct refusable const *row = &refusables[i];
		if (row->call == call && (row->used_up & used_up) &&
			(call != SYS_fcntl || row->only == (long)regs->rsi))
			return row;
	}
	return 0;
}

/* It stands at the beginning of the call; then it goes its own way. */
static void refuse(pid_t pid, struct user_regs_struct *regs, int answer)
{
	struct user_regs_struct end = *regs;
	int w;

	if (regs->orig_rax == SYS_brk)
		end.rdi = 0; /* asked where it is, it answers what it answers when it fails */
	else
		end.orig_rax = (unsigned long long)-1;
	if (ptrace(PTRACE_SETREGS, pid, 0, &end) < 0 || ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0 ||
		waitpid(pid, &w, __WALL) != pid || !WIFSTOPPED(w) ||
		WSTOPSIG(w) != (SIGTRAP | 0x80) || ptrace(PTRACE_GETREGS, pid, 0, &end) < 0)
		fail_msg("process %d: its system call cannot be refused", (int)pid);
	if (regs->orig_rax == SYS_brk)
		regs->rax = end.rax;
	else
		regs->rax = (unsigned long long)-answer;
	regs->orig_rax = (unsigned long long)-1;
	if (ptrace(PTRACE_SETREGS, pid, 0, regs) < 0 || ptrace(PTRACE_DETACH, pid, 0, 0) < 0)
		fail_msg("process %d: its system call cannot be refused", (int)pid);
}

void trace_refusal_needed(void)
{
}

char const *trace_refuse_at(pid_t pid, unsigned int n, int error, struct place *p,
	int (*there)(struct place *p, void const *data), void const *data)
{
	struct user_regs_struct regs;

	while (trace_to_call(pid, p, there, data)) {
		struct refusable const *row = 0;
		if (ptrace(PTRACE_GETREGS, pid, 0, &regs) == 0 && (long)regs.rax == -(long)ENOSYS)
			row = find(&regs, error); /* it begins */
		if (row && n-- == 0) {
			refuse(pid, &regs, row->answer ? row->answer : error);
			return row->name;
		}
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
	}
	trace_release(pid);
	return 0;
}

#else

void trace_refusal_needed(void)
{
	skip();
}

char const *trace_refuse_at(pid_t pid, unsigned int n, int error, struct place *p,
	int (*there)(struct place *p, void const *data), void const *data)
{
	(void)pid, (void)n, (void)error, (void)p, (void)there, (void)data;
	return 0;
}

#endif
