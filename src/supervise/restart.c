/* What follows a death of run: a start at once, a delay, rest, or giving up. Pure. */
#include "service.h"

#include <signal.h>
#include <sys/wait.h>

#include "../lib/clock.h"

#define HEALTHY       (10 * CLOCK_SECOND)
#define BACKOFF_FIRST 100 /* ms */

/* A clean end for `restart` = on-failure: exit 0, or one of the signals that people end things
 * with. */
static int clean_end(struct status const *s)
{
	if (!(s->flags & FLAG_EXIT_VALID))
		return 0;
	if (WIFEXITED(s->last_exit))
		return WEXITSTATUS(s->last_exit) == 0;
	switch (WTERMSIG(s->last_exit)) {
	case SIGTERM:
	case SIGINT:
	case SIGHUP:
	case SIGUSR1:
	case SIGUSR2:
		return 1;
	default:
		return 0;
	}
}

static int gave_up(struct status *s, struct config const *c, uint64_t now)
{
	if (!c->max_deaths)
		return 0;
	uint64_t window = (uint64_t)c->max_deaths_ms * CLOCK_MILLISEC;
	if (!s->window_deaths || now - s->window_start > window) {
		s->window_start = now;
		s->window_deaths = 0;
	}
	return ++s->window_deaths >= c->max_deaths;
}

/* The first death in ten seconds is answered at once; from the second on the delay doubles, until
 * the service has lived ten healthy seconds. */
static int needs_delay(struct status *s, struct config const *c, uint64_t previous, uint64_t now)
{
	if (now - s->started >= HEALTHY)
		s->backoff_ms = 0;
	if (!s->backoff_ms && (!previous || now - previous >= HEALTHY))
		return 0;
	if (!s->backoff_ms)
		s->backoff_ms = BACKOFF_FIRST;
	else if (s->backoff_ms <= c->backoff_max / 2)
		s->backoff_ms *= 2;
	else
		s->backoff_ms = c->backoff_max;
	if (s->backoff_ms > c->backoff_max)
		s->backoff_ms = c->backoff_max;
	return s->backoff_ms != 0;
}

enum machine_after restart_decide(struct status *s, struct config const *c, int asked, uint64_t now)
{
	uint64_t previous = s->died;

	s->died = now;
	if (asked)
		return AFTER_START;
	s->deaths++;
	if (c->restart == RESTART_NEVER || (c->restart == RESTART_ON_FAILURE && clean_end(s)))
		return AFTER_REST;
	if (gave_up(s, c, now))
		return AFTER_FAIL;
	return needs_delay(s, c, previous, now) ? AFTER_BACKOFF : AFTER_START;
}
