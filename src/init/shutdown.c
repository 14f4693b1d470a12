/* The end of the tree: what stop.h decides is done here. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "../lib/clock.h"
#include "../lib/command.h"
#include "../lib/process.h"
#include "init.h"
#include "message.h"

#define NAMED 5 /* services that a report names */

/* ------------------------------------------------------------------------- supervisors */

static void signal_supervisor(struct service const *s, int sig)
{
	/* one that somebody paused hears nothing else than CONT */
	if (s->phase == SERVICE_TAKEN) {
		process_signal(s->supervisor, s->identity, sig);
		process_signal(s->supervisor, s->identity, SIGCONT);
	} else if (s->phase == SERVICE_RUNS) {
		kill(s->supervisor, sig);
		kill(s->supervisor, SIGCONT);
	}
}

static void signal_supervisors(struct init *i, int sig)
{
	for (size_t n = 0; n < i->tree.count; n++)
		signal_supervisor(i->tree.list[n], sig);
}

/* A supervisor that is found only now is told what all were told. */
void shutdown_tell(struct init *i, struct service const *s)
{
	if (i->stop.phase >= STOP_TERM && i->stop.phase < STOP_SWEEP)
		signal_supervisor(s, i->stop.phase == STOP_TERM   ? SIGTERM
				     : i->stop.phase == STOP_QUIT ? SIGQUIT
								  : SIGKILL);
}

/* The stop begins. How often supervisors died before counts no more. Services that were to get one
 * get it now, if something runs that only a supervisor can stop, and else none at all. */
static void settle_due(struct init *i)
{
	uint64_t now = clock_boottime();

	for (size_t n = 0; n < i->tree.count; n++) {
		struct service *s = i->tree.list[n];
		s->row = 0;
		if (s->phase != SERVICE_DUE)
			continue;
		if (takeover_lives(i, s) || takeover_unseen(i, s))
			tree_schedule(&i->tree, s, now);
		else
			tree_cancel(&i->tree, s);
	}
}

static void cancel_due(struct init *i)
{
	for (size_t n = 0; i->tree.due && n < i->tree.count; n++)
		tree_cancel(&i->tree, i->tree.list[n]);
}

/* ------------------------------------------------------------------------------ sweep */

struct sweep {
	struct init *i;
	int sig;
};

static int sweep_child(pid_t pid, void *data)
{
	struct sweep *s = data;

	if (s->sig == SIGTERM) {
		/* TERM once, to each: a second may mean something else to it. Whom we cannot
		 * remember gets it again. */
		if (pidmap_get(&s->i->swept, pid))
			return 0;
		pidmap_put(&s->i->swept, pid, NULL);
	}
	kill(pid, s->sig);
	if (s->sig == SIGTERM)
		kill(pid, SIGCONT);
	return 0;
}

/* Sends `sig` to what is left of the tree, as far as we can find it: our children, and when those
 * have ended, their children, which then are ours. */
static void sweep(struct init *i, int sig)
{
	struct sweep s = { i, sig };

	if (!i->first) {
		if (process_children(sweep_child, &s) < 0 && sig == SIGTERM && !i->swept.used)
			warn_error("; they are not stopped",
				"unable to find the processes that are left");
		return;
	}
	kill(-1, sig);
	if (sig == SIGTERM)
		kill(-1, SIGCONT);
}

/* ----------------------------------------------------------------------------- report */

/* "web (stopping), db (finishing) and 3 more", cut where the line ends. */
static void whom(struct init const *i, char *text, size_t size)
{
	char more[MESSAGE_NUMBER];
	struct status st;
	size_t named = 0, left = i->tree.living + (i->cmd.phase == CMD_RUNS);

	text[0] = 0;
	if (i->cmd.phase == CMD_RUNS) {
		strncat(text, i->cmd.argv[0], size / 2);
		named++;
	}
	for (size_t n = 0; n < i->tree.count && named < NAMED; n++) {
		struct service const *s = i->tree.list[n];
		if (!s->supervisor || strlen(text) + strlen(s->name) + 64 > size)
			continue;
		if (named++)
			strcat(text, ", ");
		strcat(strcat(text, s->name), " (");
		strcat(text, status_read(i->run, s->name, &st, NULL) == STATUS_OK
				     ? status_state_name(st.state)
				     : "unknown");
		strcat(text, ")");
	}
	if (left > named) {
		strcat(text, named ? " and " : "");
		strcat(strcat(text, message_number(more, (unsigned int)(left - named))),
			named ? " more" : " services");
	}
}

static void report(struct init const *i)
{
	char text[512];

	if (i->stop.phase >= STOP_SWEEP) {
		info("still waiting for processes that were left over");
		return;
	}
	whom(i, text, sizeof text);
	info("still waiting for ", text);
}

/* -------------------------------------------------------------------------------- turn */

static void perform(struct init *i, unsigned int action)
{
	if (action & STOP_ACT_TERM) {
		settle_due(i);
		signal_supervisors(i, SIGTERM);
		cmd_kill(i, SIGTERM);
		cmd_kill(i, SIGCONT);
	}
	if (action & STOP_ACT_QUIT) {
		info("not waiting any longer: stopping what is left at once");
		signal_supervisors(i, SIGQUIT);
		cmd_kill(i, SIGKILL);
	}
	if (action & STOP_ACT_KILL) {
		warn("killing supervisors that did not stop");
		cancel_due(i);
		signal_supervisors(i, SIGKILL);
		cmd_kill(i, SIGKILL);
	}
	if (action & STOP_ACT_SWEEP)
		sweep(i, SIGTERM);
	if (action & STOP_ACT_SWEEP_KILL)
		sweep(i, SIGKILL);
	if (action & STOP_ACT_REPORT)
		report(i);
}

/* Begins to stop the tree, to end with `how` (enum shutdown_how) and exit code `code`. While it
 * stops already, only how a machine ends can still be changed. */
void shutdown_begin(struct init *i, int how, int code)
{
	if (i->stop.phase != STOP_NOT) {
		if (how != SHUTDOWN_EXIT)
			i->how = how;
		return;
	}
	i->how = how;
	i->code = code;
	stop_begin(&i->stop, clock_boottime(), i->stop_limit);
	record_state(i, STATE_STOPPING);
	/* before anybody is told: services that look for the order in which to go read it */
	record_publish(i, clock_boottime());
}

void shutdown_hurry(struct init *i)
{
	stop_hurry(&i->stop, clock_boottime());
}

/* Takes the steps that are due. `reaped`: somebody has ended, so others may have become our
 * children. */
void shutdown_turn(struct init *i, int reaped)
{
	unsigned int action, again = 0;

	do {
		struct stop_facts f = {
			.now = clock_boottime(),
			.ours = i->tree.living + i->tree.due + (i->cmd.phase == CMD_RUNS),
			.others = !i->childless,
			.ended = reaped,
		};
		action = stop_step(&i->stop, &f);
		perform(i, action);
		again |= action;
	} while (action);
	if (reaped && !(again & (STOP_ACT_SWEEP | STOP_ACT_SWEEP_KILL))) {
		if (i->stop.phase == STOP_SWEEP && !i->first)
			sweep(i, SIGTERM);
		else if (i->stop.phase == STOP_SWEEP_KILL)
			sweep(i, SIGKILL);
	}
	if (i->stop.phase != STOP_DONE)
		return;
	if (!i->childless)
		warn("processes are left that even KILL did not end");
	record_state(i, STATE_DOWN);
}
