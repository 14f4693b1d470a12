/* One turn after the other. */
#include <errno.h>
#include <poll.h>

#include "../lib/clock.h"
#include "init.h"
#include "message.h"

enum { POLL_SIGNALS, POLL_IN, POLL_CMD, POLL_FIXED };

int loop_prepare(struct init *i)
{
	i->more = 1; /* the first turn waits for nothing: CMD may be able to start */
	i->reap_first = i->resumed != RESUMED_NOT;
	if (takeover_polls(i, POLL_FIXED) < 0)
		return -1;
	i->ready = 1;
	return 0;
}

static uint64_t deadline(struct init const *i)
{
	uint64_t d = clock_earlier(i->tree.earliest, stop_deadline(&i->stop));

	d = clock_earlier(d, i->dirty ? i->publish_due : 0);
	d = clock_earlier(d, i->out_due);
	d = clock_earlier(d, i->cmd.phase == CMD_DUE ? i->cmd.due : 0);
	d = clock_earlier(d, i->cmd.phase == CMD_AWAITS ? i->cmd.report : 0);
	d = clock_earlier(d, i->upgrade.asked ? i->upgrade.limit : 0);
	d = clock_earlier(d, i->proved);
	/* bytes that were read already make no descriptor ready */
	return i->more && !i->publish_row ? 1 : d;
}

/* Waits. Returns how many of i->polls were filled. */
static size_t wait_for_something(struct init *i)
{
	struct pollfd *p = i->polls;

	p[POLL_SIGNALS] = (struct pollfd){ .fd = i->signals, .events = POLLIN };
	/* while answers cannot be published, commands wait where they are */
	p[POLL_IN] = (struct pollfd){
		.fd = i->publish_row ? -1 : cinit_ipc_fd(&i->ipc),
		.events = POLLIN,
	};
	p[POLL_CMD] = (struct pollfd){ .fd = i->cmd.watch.out };
	size_t n = POLL_FIXED + takeover_fill(i, p + POLL_FIXED);
	if (clock_poll(p, (unsigned int)n, deadline(i)) >= 0)
		return n;
	/* no memory for a long list: the short one needs none, and a second is no spin */
	warn_error("; trying again", "unable to poll");
	for (size_t k = 0; k < n; k++)
		p[k].revents = 0;
	clock_poll(p, POLL_FIXED, clock_boottime() + CLOCK_SECOND);
	return n;
}

static void turn(struct init *i)
{
	size_t n = wait_for_something(i);
	struct pollfd const *p = i->polls;
	int hung_up = p[POLL_CMD].revents != 0, reaped = 0;

	/* first of all, while the list of services is as it was */
	takeover_ended(i, p + POLL_FIXED, n - POLL_FIXED);
	int died = p[POLL_SIGNALS].revents && signal_turn(i);
	if (!i->publish_row && (p[POLL_IN].revents || i->more))
		command_turn(i);
	if (died)
		cmd_look_stopped(i);
	/* a stop must know whether we have children at all */
	if (died || i->stop.phase != STOP_NOT || i->reap_first)
		reaped = reap(i);
	i->reap_first = 0;
	uint64_t now = clock_boottime();
	spawn_due(i, now);
	cycles_turn(i);
	cmd_turn(i, now, hung_up);
	shutdown_turn(i, reaped);
	upgrade_turn(i, now);
	record_publish(i, now);
}

void loop_run(struct init *i)
{
	while (i->stop.phase != STOP_DONE)
		turn(i);
}
