/* Signals as a fresh process has them; see signals.h. */
#include <skalibs/nonposix.h>

#include "signals.h"

#include <signal.h>

#include <skalibs/sig.h>

void signals_clean(void)
{
	struct sigaction sa;
	for (int sig = 1; sig < NSIG; sig++)
		if (!sigaction(sig, 0, &sa) && sa.sa_handler == SIG_IGN)
			sig_restore(sig);
	sig_blocknone();
}
