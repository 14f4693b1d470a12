/* Signals as a fresh process has them; see signals.h. */
#include <skalibs/nonposix.h>

#include "signals.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <skalibs/sig.h>

#define FIRST_INTERNAL 32
#define LAST_INTERNAL  34
#define KERNEL_SIGSET  8 /* bytes */

/* glibc keeps two real-time signals for itself, musl three. They refuse to speak of them, and glibc
 * ignores its own in what posix_spawn starts, make's children among them. Only the raw call reaches
 * them; zeros mean the default. */
static void internal_to_default(void)
{
	unsigned long const nothing[8] = { 0 };
	for (int sig = FIRST_INTERNAL; sig <= LAST_INTERNAL; sig++)
		syscall(SYS_rt_sigaction, sig, nothing, (void *)0, KERNEL_SIGSET);
}

void signals_default(void)
{
	struct sigaction sa;
	for (int sig = 1; sig < NSIG; sig++)
		if (!sigaction(sig, 0, &sa) && sa.sa_handler == SIG_IGN)
			sig_restore(sig);
	internal_to_default();
}

void signals_clean(void)
{
	signals_default();
	sig_blocknone();
}
