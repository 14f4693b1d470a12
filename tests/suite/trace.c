/* Stopping a supervisor at its system calls. */
#include "trace.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "clock.h"

int trace_in_poll(pid_t pid)
{
	char path[64], text[32] = "";
	snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	char const *line = fgets(text, sizeof text, f);
	fclose(f);
	return line && atol(text) == SYS_ppoll && strchr(text, ' ');
}

static void await_stop(struct place *p)
{
	int w;
	if (waitpid(p->supervisor, &w, __WALL) != p->supervisor || !WIFSTOPPED(w))
		fail_msg("%s: its supervisor cannot be traced", p->name);
}

void trace_attach(struct place *p)
{
	if (ptrace(PTRACE_SEIZE, p->supervisor, 0,
		    (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) < 0)
		fail_msg("%s: unable to trace its supervisor: %s", p->name, strerror(errno));
	ptrace(PTRACE_INTERRUPT, p->supervisor, 0, 0);
	await_stop(p);
}

/* To the next stop of any kind. 0: it waits in poll, or ends a call it was in. */
static int go_on(struct place *p, int sig, int *wstat)
{
	uint64_t deadline = tree_patience();

	ptrace(PTRACE_SYSCALL, p->supervisor, 0, (void *)(intptr_t)sig);
	for (;;) {
		pid_t r = waitpid(p->supervisor, wstat, WNOHANG | __WALL);
		if (r == p->supervisor)
			return 1;
		if (trace_in_poll(p->supervisor))
			return 0;
		if (clock_boottime() > deadline)
			place_fail(p, "a system call of its supervisor", __FILE__, __LINE__);
	}
}

int trace_step(struct place *p)
{
	int w, sig = 0;

	for (;;) {
		if (!go_on(p, sig, &w))
			return 0;
		if (!WIFSTOPPED(w))
			fail_msg("%s: its supervisor died", p->name);
		sig = WSTOPSIG(w);
		if (sig == (SIGTRAP | 0x80))
			return 1;
		if (w >> 16 || sig == SIGTRAP || sig == SIGSTOP)
			sig = 0;
	}
}

void trace_detach(struct place *p)
{
	int w;
	if (ptrace(PTRACE_DETACH, p->supervisor, 0, 0) == 0)
		return;
	ptrace(PTRACE_INTERRUPT, p->supervisor, 0, 0);
	if (waitpid(p->supervisor, &w, __WALL) == p->supervisor && WIFSTOPPED(w)) {
		int sig = WSTOPSIG(w);
		int stopped = !(w >> 16) && sig != (SIGTRAP | 0x80);
		ptrace(PTRACE_DETACH, p->supervisor, 0, (void *)(intptr_t)(stopped ? sig : 0));
	}
}
