/* Signals: which we take, and what they mean. CMD, while it runs, gets all but CHLD. */
#include <errno.h>
#include <signal.h>

#include <skalibs/selfpipe.h>

#include "../lib/command.h"
#include "../lib/signals.h"
#include "init.h"
#include "message.h"

/* The first real-time signal as its senders count, whatever C library they or we have: container
 * runtimes and other inits mean glibc's SIGRTMIN, and musl's is 35. */
#define RTMIN 34

/* These must kill us if they come: they are faults of ours, and holding them back helps nobody. */
static int const faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };

/* These are blocked with the others, so that the terminal cannot stop us, and mean nothing. */
static int is_for_nobody(int sig)
{
	return sig == SIGTTIN || sig == SIGTTOU || sig == SIGPIPE;
}

/* `limited`: the time that the program before us gave us to take over ends with ALRM. */
int signal_trap(int limited)
{
	sigset_t set;

	sigfillset(&set);
	for (size_t n = 0; n < sizeof faults / sizeof *faults; n++)
		sigdelset(&set, faults[n]);
	if (limited)
		sigdelset(&set, SIGALRM);
	return selfpipe_trapset(&set) < 0 ? -1 : 0;
}

int signal_init(struct init *i)
{
	/* what was ignored for us (CHLD: our children would be reaped unseen; INT and HUP by a
	 * shell's background and nohup) must not reach the supervisors and their services */
	if (i->resumed)
		signals_default(); /* those that wait are held back until they can be read */
	else
		signals_clean();
	i->signals = selfpipe_init();
	return i->signals < 0 ? -1 : signal_trap(i->resumed);
}

/* The end of a machine that somebody asks for by signal. */
static void end(struct init *i, int how)
{
	int code = 0;

	/* CMD was to run and never did: it has been killed, as far as anybody can tell */
	if (i->cmd.phase == CMD_AWAITS || i->cmd.phase == CMD_DUE)
		code = 128 + SIGTERM;
	shutdown_begin(i, i->machine ? how : SHUTDOWN_EXIT, code);
}

/* A signal to the tree. */
static void take(struct init *i, int sig)
{
	if (sig == SIGINT && i->stop.phase != STOP_NOT) {
		shutdown_hurry(i);
	} else if (sig == SIGINT) {
		/* what ctrl-alt-del sends to the init of a machine, and ctrl-c to a person's */
		end(i, SHUTDOWN_REBOOT);
	} else if (sig == SIGTERM || sig == SIGQUIT || sig == SIGPWR || sig == RTMIN + 4) {
		end(i, SHUTDOWN_POWEROFF);
	} else if (sig == RTMIN + 3) {
		/* this and its neighbours are what container runtimes send to an init */
		end(i, SHUTDOWN_HALT);
	} else if (sig == RTMIN + 5) {
		end(i, SHUTDOWN_REBOOT);
	} else if (sig == SIGHUP && i->stop.phase == STOP_NOT) {
		rescan(i);
	}
}

/* Takes all that have come. 1: somebody may have ended. */
int signal_turn(struct init *i)
{
	int died = 0, sig;

	while ((sig = selfpipe_read()) > 0) {
		if (sig == SIGCHLD)
			died = 1;
		else if (is_for_nobody(sig))
			continue;
		else if (i->cmd.phase == CMD_RUNS && i->stop.phase == STOP_NOT)
			kill(i->cmd.pid, sig);
		else
			take(i, sig);
	}
	if (sig < 0)
		warn_error("", "unable to read signals");
	return died;
}
