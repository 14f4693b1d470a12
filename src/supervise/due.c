/* What is due: time limits, and things to be tried again. */
#include <skalibs/nonposix.h>

#include "service.h"

#include <stdio.h>
#include <string.h>

#include "../lib/clock.h"
#include "../lib/printable.h"
#include "ready.h"

static void control_due(struct service *x)
{
	say(x, "control script did not end in time; killed");
	service_kill_script(x, ROLE_CONTROL);
}

/* The first text of ready-line. */
static char const *its_line(struct service const *x, char *to, size_t size)
{
	int n = (int)strcspn(x->config.ready_line, "\n");
	int more = x->config.ready_line[n] != 0;

	snprintf(to, size, "a line with `%.*s'%s", n > 40 ? 40 : n, x->config.ready_line,
		more ? " or another" : "");
	return to;
}

/* Not ready within timeout-up: says what it was waited for. */
static void start_due(struct service *x)
{
	static char const *const what[] = {
		[READY_EXEC] = "its start",
		[READY_FD] = "a newline on its notification-fd",
		[READY_NOTIFY] = "READY=1 from it",
		[READY_CHECK] = "its check",
	};
	char text[120], line[64], safe[64];
	snprintf(text, sizeof text, "not ready within %u ms: waited for %s", x->config.timeout_up,
		x->config.kind == KIND_ONESHOT ? "the end of on"
		: x->config.ready == READY_LINE
			? printable_copy(safe, sizeof safe, its_line(x, line, sizeof line))
			: what[x->config.ready]);
	service_reason(x, REASON_TIMEOUT, 0, text);
	say(x, text);
	x->blamed = 1;
	service_event(x, EVENT_START_DUE);
}

/* Has it passed? Then it is no more. */
static int passed(struct service *x, uint64_t *deadline, uint64_t now)
{
	if (!*deadline || *deadline > now)
		return 0;
	*deadline = 0;
	x->dirty = 1;
	return 1;
}

void service_deadlines(struct service *x, uint64_t now)
{
	static struct {
		enum status_deadline which;
		enum machine_event event;
	} const due[] = {
		{ DEADLINE_KILL, EVENT_KILL_DUE },
		{ DEADLINE_BACKOFF, EVENT_BACKOFF_DUE },
		{ DEADLINE_FINISH, EVENT_FINISH_DUE },
	};
	for (size_t i = 0; i < sizeof due / sizeof due[0]; i++)
		if (passed(x, &x->s.deadline[due[i].which], now))
			service_event(x, due[i].event);
	if (passed(x, &x->s.deadline[DEADLINE_CONTROL], now))
		control_due(x);
	if (passed(x, &x->s.deadline[DEADLINE_START], now))
		start_due(x);
	if (passed(x, &x->s.deadline[DEADLINE_CHECK], now))
		ready_check_due(x);
	if (passed(x, &x->s.watchdog, now))
		ready_watchdog_due(x);
	if (x->retry_publish && x->retry_publish <= now) {
		x->retry_publish = 0;
		x->dirty = 1;
	}
	if (x->retry_out && x->retry_out <= now) {
		x->retry_out = 0;
		x->dirty = 1;
	}
	if (x->needs.retry && x->needs.retry <= now) {
		x->needs.retry = 0;
		for (size_t i = 0; i < x->needs.count; i++)
			x->needs.list[i].stale |= !x->needs.list[i].settled;
		if (x->dependents.unread) {
			x->dependents.stale = 1;
			service_look_dependents(x);
		}
	}
	if (x->retry_sweep && x->retry_sweep <= now) {
		x->retry_sweep = 0;
		x->sweeping = 1;
	}
	if (x->retry_adopted && x->retry_adopted <= now) {
		x->retry_adopted = 0;
		service_look_adopted(x);
	}
}

uint64_t service_next_deadline(struct service const *x)
{
	uint64_t next =
		clock_earlier(clock_earlier(x->retry_publish, x->retry_sweep), x->retry_adopted);
	next = clock_earlier(clock_earlier(next, x->needs.retry), x->s.watchdog);
	next = clock_earlier(next, x->retry_out);
	for (unsigned int i = 0; i < DEADLINE_COUNT; i++)
		next = clock_earlier(next, x->s.deadline[i]);
	return next;
}
