/* A fatal signal to PID 1. Its end would be the end of everybody, so it executes itself again, by a
 * descriptor that is kept for that, and goes on with what is on disk. The third time within ten
 * seconds that would not help any more: then it only reaps. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "carry.h"
#include "init.h"
#include "message.h"

#define WINDOW     (10 * CLOCK_SECOND)
#define STACK_SIZE 65536

static int const faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };

/* A handler knows nothing else. */
static struct init *whose;

static void say(char const *text)
{
	ssize_t ignored = message_room() ? write(2, text, strlen(text)) : 0;
	(void)ignored;
}

static _Noreturn void only_reap(void)
{
	sigset_t all;

	/* what cannot be held back would come again */
	for (size_t n = 0; n < sizeof faults / sizeof *faults; n++)
		signal(faults[n], SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;) {
		int sig;
		while (waitpid(-1, NULL, 0) > 0)
			;
		sigemptyset(&all);
		sigaddset(&all, SIGCHLD);
		sigwait(&all, &sig);
	}
}

static void take(int sig, siginfo_t *info, void *context)
{
	struct timespec t;
	struct init *i = whose;

	(void)context;
	if (getpid() != 1) { /* a child of ours, on its way to something else */
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	if (!i->ready && info->si_code <= 0)
		return; /* sent by somebody, who has the time to send it again */
	if (!i->ready) {
		say("cinit: fatal: fatal signal before there was anything to go on with; "
		    "from now on only reaping\n");
		only_reap();
	}
	if (clock_gettime(CLOCK_BOOTTIME, &t) < 0)
		clock_gettime(CLOCK_MONOTONIC, &t);
	uint64_t now = (uint64_t)t.tv_sec * CLOCK_SECOND + (uint64_t)t.tv_nsec;
	if (i->faults[1] && now - i->faults[1] < WINDOW) {
		say("cinit: fatal: the third fatal signal in ten seconds; from now on only "
		    "reaping\n");
		only_reap();
	}
	i->faults[1] = i->faults[0];
	i->faults[0] = now;
	say("cinit: warning: fatal signal; executing myself again\n");
	carry_execute_fault(i);
	say("cinit: fatal: unable to execute myself again; from now on only reaping\n");
	only_reap();
}

/* For PID 1: whoever is not dies of them, and his supervisors go on. */
void fault_prepare(struct init *i)
{
	static char stack[STACK_SIZE]; /* a fault may be that ours is used up */
	stack_t where = { .ss_sp = stack, .ss_size = sizeof stack };
	/* not deferred: a second one while the first is handled must not kill */
	struct sigaction sa = { .sa_sigaction = take,
		.sa_flags = SA_ONSTACK | SA_NODEFER | SA_SIGINFO };
	sigset_t set;

	i->self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (i->self < 0 && i->program[0])
		i->self = open(i->program, O_PATH | O_CLOEXEC);
	if (i->self < 0) {
		warn_error("; a fatal signal would be the end", "unable to hold my own program");
		return;
	}
	whose = i;
	sigaltstack(&where, NULL);
	sigemptyset(&set);
	for (size_t n = 0; n < sizeof faults / sizeof *faults; n++) {
		sigaction(faults[n], &sa, NULL);
		sigaddset(&set, faults[n]);
	}
	/* the mask of a handler that executed us survived */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void fault_drop(struct init const *i)
{
	stack_t none = { .ss_flags = SS_DISABLE };

	if (whose != i)
		return;
	for (size_t n = 0; n < sizeof faults / sizeof *faults; n++)
		signal(faults[n], SIG_DFL);
	sigaltstack(&none, NULL);
}
