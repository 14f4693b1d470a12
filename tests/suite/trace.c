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
#include <unistd.h>

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

void trace_release(pid_t pid)
{
	int w;
	if (ptrace(PTRACE_DETACH, pid, 0, 0) == 0)
		return;
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	if (waitpid(pid, &w, __WALL) == pid && WIFSTOPPED(w)) {
		int sig = WSTOPSIG(w);
		int stopped = !(w >> 16) && sig != (SIGTRAP | 0x80);
		ptrace(PTRACE_DETACH, pid, 0, (void *)(intptr_t)(stopped ? sig : 0));
	}
}

void trace_detach(struct place *p)
{
	trace_release(p->supervisor);
}

/* ------------------------------------------------------------------ killed at its system calls */

void trace_me(void)
{
	kill(getpid(), SIGSTOP);
}

static void await_me(pid_t pid)
{
	int w;
	if (waitpid(pid, &w, WUNTRACED) != pid || !WIFSTOPPED(w))
		fail_msg("process %d does not wait to be traced", (int)pid);
}

void trace_needed(void)
{
	char const *argv[] = { "/bin/true", 0 };

	tree.before_exec = trace_me;
	pid_t pid = tree_start(".true", argv);
	tree.before_exec = 0;
	await_me(pid);
	int permitted = ptrace(PTRACE_SEIZE, pid, 0, 0) == 0;
	kill(pid, SIGKILL);
	tree_end(pid);
	if (!permitted)
		skip();
}

void trace_begun(pid_t pid)
{
	await_me(pid);
	trace_seize(pid);
	kill(pid, SIGCONT);
}

void trace_seize(pid_t pid)
{
	int w;
	if (ptrace(PTRACE_SEIZE, pid, 0, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) < 0)
		fail_msg("process %d cannot be traced: %s", (int)pid, strerror(errno));
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	if (waitpid(pid, &w, __WALL) != pid || !WIFSTOPPED(w))
		fail_msg("process %d does not stop", (int)pid);
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
}

int trace_to_call(pid_t pid, struct place *p, int (*there)(struct place *p, void const *data),
	void const *data)
{
	uint64_t deadline = tree_patience();
	int w;

	for (;;) {
		pid_t r = waitpid(pid, &w, WNOHANG | __WALL);
		if (r == pid && WIFSTOPPED(w)) {
			int sig = WSTOPSIG(w);
			if (sig == (SIGTRAP | 0x80))
				return 1;
			int none = w >> 16 || sig == SIGTRAP || sig == SIGSTOP;
			ptrace(PTRACE_SYSCALL, pid, 0, (void *)(intptr_t)(none ? 0 : sig));
			continue;
		}
		if (r)
			fail_msg("process %d has ended", (int)pid);
		int arrived = there(p, data);
		if (arrived && trace_in_poll(pid))
			return 0;
		if (clock_boottime() > deadline)
			place_fail(p, "the goal, or a system call", __FILE__, __LINE__);
		/* nothing tells when it begins to wait */
		tree_poll(p->client.out >= 0 ? p->client.out : 0, 0,
			clock_boottime() + CLOCK_MILLISEC);
	}
}

int trace_kill_at(pid_t pid, unsigned int n, struct place *p,
	int (*there)(struct place *p, void const *data), void const *data)
{
	int stands;

	for (unsigned int stops = 0; (stands = trace_to_call(pid, p, there, data)); stops++) {
		if (stops / 2 == n) /* entries and exits */
			break;
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
	}
	kill(pid, SIGKILL);
	return stands;
}

void trace_story(int (*one)(void const *story, unsigned int n), unsigned int stride,
	char const *what, void const *story)
{
	unsigned int n, points = 0;

	if (getenv("CINIT_TEST_FULL")) {
		stride = 1;
		alarm(0); /* it takes as long as it takes */
	}
	trace_needed();
	for (n = (unsigned int)clock_boottime() % stride; one(story, n); n += stride)
		points++;
	print_message("%s at %u of %u system calls, from %u on\n", what, points, n, n % stride);
}
