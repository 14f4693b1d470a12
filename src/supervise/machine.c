/* The table behind machine.h. No system calls here. */
#include "machine.h"

#include <stddef.h>

enum next {
	EMPTY, /* the event means nothing here */
	STAY,
	TO_DOWN,
	TO_STARTING,
	TO_WAITING,
	TO_UP,
	TO_FAILED,
	TO_STOPPING,
	TO_FINISH_OR_SETTLE,
	SETTLE
};

struct row {
	enum next next;
	unsigned int actions;
};

static struct row const table[STATE_COUNT][EVENT_COUNT] = {
	[STATE_DOWN] = {
		[EVENT_UP] = { .next = TO_STARTING, .actions = DO_FORGET | DO_START },
		[EVENT_ONCE] = { .next = TO_STARTING, .actions = DO_FORGET | DO_START },
		[EVENT_RESTART] = { .next = TO_STARTING, .actions = DO_FORGET | DO_START },
	},
	[STATE_WAITING] = {
		/* somebody may have changed what it waits for */
		[EVENT_UP] = { .next = TO_STARTING, .actions = DO_START },
		[EVENT_ONCE] = { .next = TO_STARTING, .actions = DO_START },
		[EVENT_RESTART] = { .next = TO_STARTING, .actions = DO_START },
		[EVENT_NEEDS_MET] = { .next = TO_STARTING, .actions = DO_START },
		[EVENT_NEEDS_NEVER] = { .next = TO_FAILED, .actions = DO_REST },
		[EVENT_DOWN] = { .next = TO_DOWN, .actions = DO_REST },
		[EVENT_EXIT] = { .next = TO_DOWN, .actions = DO_REST },
	},
	[STATE_STARTING] = {
		[EVENT_DOWN] = { .next = TO_STOPPING, .actions = DO_STOP },
		[EVENT_EXIT] = { .next = TO_STOPPING, .actions = DO_STOP },
		[EVENT_RESTART] = { .next = TO_STOPPING, .actions = DO_STOP },
		[EVENT_END_OF_LOG] = { .next = TO_STOPPING, .actions = DO_END_LOG },
		[EVENT_READY] = { .next = TO_UP },
		[EVENT_WAIT] = { .next = TO_WAITING, .actions = DO_WAIT },
		[EVENT_START_DUE] = { .next = TO_STOPPING, .actions = DO_STOP },
		[EVENT_NEEDS_LOST] = { .next = TO_STOPPING, .actions = DO_STOP },
		[EVENT_NOT_STARTED] = { .next = TO_STOPPING, .actions = DO_SWEEP },
		[EVENT_RUN_DIED] = { .next = TO_STOPPING, .actions = DO_SWEEP },
	},
	[STATE_UP] = {
		[EVENT_NEEDS_LOST] = { .next = TO_STOPPING, .actions = DO_STOP },
		[EVENT_DOWN] = { .next = TO_STOPPING, .actions = DO_STOP },
		[EVENT_EXIT] = { .next = TO_STOPPING, .actions = DO_STOP },
		[EVENT_RESTART] = { .next = TO_STOPPING, .actions = DO_STOP },
		[EVENT_END_OF_LOG] = { .next = TO_STOPPING, .actions = DO_END_LOG },
		[EVENT_RUN_DIED] = { .next = TO_STOPPING, .actions = DO_SWEEP },
	},
	[STATE_STOPPING] = {
		[EVENT_NOT_STARTED] = { .next = STAY, .actions = DO_SWEEP },
		[EVENT_RUN_DIED] = { .next = STAY, .actions = DO_SWEEP },
		[EVENT_KILL_DUE] = { .next = STAY, .actions = DO_KILL | DO_SWEEP },
		[EVENT_SWEPT] = { .next = TO_FINISH_OR_SETTLE },
	},
	[STATE_FINISHING] = {
		[EVENT_FINISH_DUE] = { .next = STAY, .actions = DO_KILL_FINISH },
		[EVENT_FINISH_DIED] = { .next = STAY, .actions = DO_SWEEP },
		[EVENT_KILL_DUE] = { .next = STAY, .actions = DO_KILL | DO_SWEEP },
		[EVENT_SWEPT] = { .next = SETTLE },
	},
	[STATE_BACKOFF] = {
		[EVENT_UP] = { .next = TO_STARTING, .actions = DO_FORGET | DO_START },
		[EVENT_ONCE] = { .next = TO_STARTING, .actions = DO_FORGET | DO_START },
		[EVENT_RESTART] = { .next = TO_STARTING, .actions = DO_FORGET | DO_START },
		[EVENT_DOWN] = { .next = TO_DOWN, .actions = DO_REST },
		[EVENT_EXIT] = { .next = TO_DOWN, .actions = DO_REST },
		[EVENT_END_OF_LOG] = { .next = TO_DOWN, .actions = DO_REST },
		[EVENT_BACKOFF_DUE] = { .next = TO_STARTING, .actions = DO_START },
		[EVENT_NEEDS_LOST] = { .next = TO_WAITING, .actions = DO_WAIT },
	},
	[STATE_FAILED] = {
		[EVENT_UP] = { .next = TO_STARTING, .actions = DO_FORGET | DO_START },
		[EVENT_ONCE] = { .next = TO_STARTING, .actions = DO_FORGET | DO_START },
		[EVENT_RESTART] = { .next = TO_STARTING, .actions = DO_FORGET | DO_START },
		[EVENT_DOWN] = { .next = TO_DOWN, .actions = DO_FORGET | DO_REST },
	},
};

static struct machine_step settle(struct machine_facts const *f)
{
	if (f->again && (f->want == WANT_UP || f->want == WANT_ONCE))
		return (struct machine_step){ .next = STATE_STARTING,
			.actions = DO_FORGET | DO_START };
	if (f->after == AFTER_RETRY && (f->want == WANT_UP || f->want == WANT_ONCE))
		return (struct machine_step){ .next = STATE_BACKOFF, .actions = DO_BACKOFF };
	if (f->want != WANT_UP) {
		/* a service that was wanted once and failed to the point of giving up stays visible
		 * as such */
		int failed = f->want == WANT_ONCE && f->after == AFTER_FAIL;
		return (struct machine_step){ .next = failed ? STATE_FAILED : STATE_DOWN,
			.actions = DO_REST };
	}
	switch (f->after) {
	case AFTER_START:
		return (struct machine_step){ .next = STATE_STARTING, .actions = DO_START };
	case AFTER_BACKOFF:
	case AFTER_RETRY:
		return (struct machine_step){ .next = STATE_BACKOFF, .actions = DO_BACKOFF };
	case AFTER_REST:
		return (struct machine_step){ .next = STATE_DOWN, .actions = DO_REST };
	case AFTER_FAIL:
		break;
	}
	return (struct machine_step){ .next = STATE_FAILED, .actions = DO_REST };
}

struct machine_step machine_step(
	enum status_state state, enum machine_event event, struct machine_facts const *facts)
{
	struct row const *row = &table[state][event];
	struct machine_step step = { .next = state, .actions = row->actions };

	switch (row->next) {
	case EMPTY:
	case STAY:
		break;
	case TO_DOWN:
		step.next = STATE_DOWN;
		break;
	case TO_STARTING:
		step.next = STATE_STARTING;
		break;
	case TO_WAITING:
		step.next = STATE_WAITING;
		break;
	case TO_UP:
		step.next = STATE_UP;
		break;
	case TO_FAILED:
		step.next = STATE_FAILED;
		break;
	case TO_STOPPING:
		step.next = STATE_STOPPING;
		break;
	case TO_FINISH_OR_SETTLE:
		if (facts->has_finish)
			return (struct machine_step){ .next = STATE_FINISHING,
				.actions = DO_FINISH };
		return settle(facts);
	case SETTLE:
		return settle(facts);
	}
	return step;
}

int machine_has_row(enum status_state state, enum machine_event event)
{
	return table[state][event].next != EMPTY;
}

char const *machine_event_name(enum machine_event event)
{
	static char const *const names[EVENT_COUNT] = {
		[EVENT_UP] = "up",
		[EVENT_DOWN] = "down",
		[EVENT_ONCE] = "once",
		[EVENT_EXIT] = "exit",
		[EVENT_RESTART] = "restart",
		[EVENT_END_OF_LOG] = "end of log",
		[EVENT_READY] = "ready",
		[EVENT_NOT_STARTED] = "not started",
		[EVENT_RUN_DIED] = "run died",
		[EVENT_SWEPT] = "swept",
		[EVENT_FINISH_DIED] = "finish died",
		[EVENT_KILL_DUE] = "kill due",
		[EVENT_FINISH_DUE] = "finish due",
		[EVENT_BACKOFF_DUE] = "backoff due",
		[EVENT_WAIT] = "wait",
		[EVENT_NEEDS_MET] = "needs met",
		[EVENT_START_DUE] = "start due",
		[EVENT_NEEDS_LOST] = "needs lost",
		[EVENT_NEEDS_NEVER] = "needs never",
	};
	return names[event];
}
