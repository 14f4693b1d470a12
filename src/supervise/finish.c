/* What cleans up after a service: finish, and off of a oneshot. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <errno.h>

#include "../lib/clock.h"

/* To start finish or off where it was refused: how often, and for how long where it has no time
 * limit. */
#define REFUSED_RETRY    (CLOCK_SECOND / 10)
#define REFUSED_TRIES_MS 5000

/* What finish or off is to clean up is not left to the next run for want of a moment's memory: it
 * has the time that it may take to come to be started. 1, or 0: nothing would come of that. */
static __attribute__((noinline)) int start_later(
	struct service *x, char const *what, enum status_deadline limit, uint32_t ms)
{
	int e = errno;

	if (x->sup->at_once || !child_shortage(e))
		return 0;
	service_retries(x, what, e);
	if (!x->s.deadline[limit])
		service_arm(x, limit, ms ? ms : REFUSED_TRIES_MS);
	x->retry_sweep = clock_boottime() + REFUSED_RETRY;
	return 1;
}

static void without_off(struct service *x)
{
	x->off = 0;
	x->after = AFTER_START;
	x->s.flags &= ~(uint32_t)FLAG_BROUGHT_UP;
}

int service_start_off(struct service *x)
{
	if (!(x->s.flags & FLAG_BROUGHT_UP) || !(x->config.entries & ENTRY_OFF))
		return 0;
	x->off = 1;
	if (child_fork(x, ROLE_RUN, 0) < 0) {
		if (start_later(x, "start off", DEADLINE_KILL, x->config.timeout_down))
			return 1;
		say_errno(x, "start", "off", "going down without it");
		without_off(x);
		return 0;
	}
	service_mended(x, 1u << REASON_FORK);
	x->last_group = (pid_t)x->s.child[ROLE_RUN].pid;
	service_arm(x, DEADLINE_KILL, x->config.timeout_down);
	return 1;
}

void service_off_due(struct service *x)
{
	if (!x->off || x->s.child[ROLE_RUN].pid)
		return;
	service_reason(
		x, REASON_TIMEOUT, 0, "off could not be started in time; going down without it");
	say(x, x->s.reason_text);
	without_off(x);
}

int service_awaits_finish(struct service const *x)
{
	return x->s.state == STATE_FINISHING && !x->s.child[ROLE_FINISH].pid &&
	       x->s.deadline[DEADLINE_FINISH] && !x->sup->at_once;
}

static __attribute__((noinline)) void finish_later(struct service *x)
{
	if (start_later(x, "start finish", DEADLINE_FINISH, x->config.timeout_finish))
		return;
	say_errno(x, "start", "finish", "going on without it");
	x->s.deadline[DEADLINE_FINISH] = 0;
	service_event(x, EVENT_FINISH_DIED);
}

void service_start_finish(struct service *x)
{
	if (child_fork(x, ROLE_FINISH, 0) < 0) {
		finish_later(x);
		return;
	}
	service_mended(x, 1u << REASON_FORK);
	x->last_group = (pid_t)x->s.child[ROLE_FINISH].pid;
	service_arm(x, DEADLINE_FINISH, x->config.timeout_finish);
}

void service_finish_due(struct service *x)
{
	int runs = x->s.child[ROLE_FINISH].pid != 0;

	service_reason(x, REASON_TIMEOUT, x->s.child[ROLE_FINISH].pid,
		runs ? "finish did not end in time; killed"
		     : "finish could not be started in time; going on without it");
	say(x, x->s.reason_text);
	if (runs)
		service_kill_script(x, ROLE_FINISH);
	else
		service_event(x, EVENT_FINISH_DIED);
}
