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
#include "../lib/path.h"
#include "carry.h"
#include "init.h"
#include "message.h"

#define WINDOW     (10 * CLOCK_SECOND)
#define STACK_SIZE 65536

static char const again[] = "got a fatal signal; the program before it goes on";

static int const faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };

/* A handler knows nothing else. */
static struct init *whose;
static pid_t who;

static void say(char const *text)
{
	ssize_t ignored = message_room() ? write(2, text, strlen(text)) : 0;
	(void)ignored;
}

static _Noreturn void only_reap(void)
{
	char tree[PATH_MAX];
	sigset_t all;

	/* what cannot be held back would come again */
	for (size_t n = 0; n < sizeof faults / sizeof *faults; n++)
		signal(faults[n], SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	/* nobody breaks the seals of others any more */
	if (whose && !path_join(tree, whose->run_path, RUNDIR_TREE))
		status_unseal(tree);
	for (;;) {
		int sig;
		while (waitpid(-1, NULL, 0) > 0)
			;
		sigemptyset(&all);
		sigaddset(&all, SIGCHLD);
		sigwait(&all, &sig);
	}
}

/* As if nobody had taken it. */
static void die_of(int sig)
{
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Before there was anything to go on with: the program before us has it all. */
static void take_early(struct init *i, int sig, siginfo_t const *info)
{
	if (i->first && info->si_code <= 0 && info->si_pid != who)
		return; /* sent by somebody, who has the time to send it again */
	carry_return(i, sig == SIGALRM ? "did not take over in time" : "got a fatal signal");
	if (!i->first) {
		die_of(sig);
		return;
	}
	say("cinit: fatal: fatal signal before there was anything to go on with; "
	    "from now on only reaping\n");
	only_reap();
}

static void take(int sig, siginfo_t *info, void *context)
{
	struct timespec t;
	struct init *i = whose;

	(void)context;
	if (getpid() != who) { /* a child of ours, on its way to something else */
		die_of(sig);
		return;
	}
	if (!i->ready) {
		take_early(i, sig, info);
		return;
	}
	if (sig == SIGALRM)
		return;
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
	if (i->former >= 0)
		memcpy(i->returned, again, sizeof again);
	say(i->former >= 0 ? "cinit: warning: fatal signal; executing the program before me\n"
			   : "cinit: warning: fatal signal; executing myself again\n");
	carry_execute_fault(i);
	say("cinit: fatal: unable to execute myself again; from now on only reaping\n");
	only_reap();
}

static int hold_self(struct init *i)
{
	i->self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (i->self < 0 && i->program[0])
		i->self = open(i->program, O_PATH | O_CLOEXEC);
	if (i->self < 0)
		warn_error("; a fatal signal would be the end", "unable to hold my own program");
	return i->self < 0 ? -1 : 0;
}

/* For PID 1: whoever is not dies of them, and his supervisors go on. Until we have taken over from
 * another program, for everybody: that is there to be executed again. */
void fault_prepare(struct init *i)
{
	static char stack[STACK_SIZE]; /* a fault may be that ours is used up */
	stack_t where = { .ss_sp = stack, .ss_size = sizeof stack };
	/* not deferred: a second one while the first is handled must not kill */
	struct sigaction sa = { .sa_sigaction = take,
		.sa_flags = SA_ONSTACK | SA_NODEFER | SA_SIGINFO };
	sigset_t set;

	if (i->first ? hold_self(i) < 0 : !i->handed.bytes)
		return;
	whose = i;
	who = getpid();
	sigaltstack(&where, NULL);
	sigemptyset(&set);
	for (size_t n = 0; n < sizeof faults / sizeof *faults; n++) {
		sigaction(faults[n], &sa, NULL);
		sigaddset(&set, faults[n]);
	}
	if (i->handed.bytes) {
		sigaction(SIGALRM, &sa, NULL);
		sigaddset(&set, SIGALRM);
	}
	/* the mask of a handler that executed us survived */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int fault_taken(struct init const *i)
{
	return whose == i;
}

void fault_drop(struct init const *i)
{
	stack_t none = { .ss_flags = SS_DISABLE };

	if (!fault_taken(i))
		return;
	for (size_t n = 0; n < sizeof faults / sizeof *faults; n++)
		signal(faults[n], SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	sigaltstack(&none, NULL);
}

/* We have taken over, and time is no matter any more. */
void fault_settled(struct init *i)
{
	alarm(0);
	signal(SIGALRM, SIG_DFL);
	signal_trap(0);
	carry_taken(i);
	if (!i->first)
		fault_drop(i);
}
